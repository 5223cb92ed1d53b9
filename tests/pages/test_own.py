"""The page Own images: one image, and many at once, without a browser."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from apps import headings, html_of, text_of
from conftest import Tiny
from own_page import listing, names, opened, png_of, upload

from core import service
from core.notebook import Contents, NoteLine
from core.scenario import load_scenario
from core.service import (
    Batch,
    BatchQuery,
    GalleryQuery,
    ImageQuery,
    Overview,
    OverviewQuery,
    Target,
    Threshold,
    ask,
)
from pages._own import line, many, report, seen, table, work
from pages._own import subject as subject_part
from pages._own.subject import Subject
from pages._own.work import Brought, Work
from pages._shared.models import main_of, trained
from pages._shared.picker import Own
from pages._shared.threshold import Line

pytestmark = pytest.mark.usefixtures("quick_apps")

GLOW = Target.of("tiny", "glow")


def pictures(name: str, count: int) -> np.ndarray:
    return load_scenario("tiny").pictures(name).images[:count]


def files(strange: int = 2, normal: int = 3) -> dict[str, bytes]:
    """Boxes and strokes as files, the boxes first."""
    found = {f"box{i}.png": png_of(image) for i, image in enumerate(pictures("boxes", normal))}
    strokes = enumerate(pictures("strokes", strange))
    return found | {f"stroke{i}.png": png_of(image) for i, image in strokes}


def said_of(images: np.ndarray, *models: str) -> Batch:
    return ask(BatchQuery("tiny", models, len(images)), images.tobytes())


# One image ----------------------------------------------------------------------------------------


def test_the_page_opens_with_a_typical_normal_image(models: Tiny) -> None:
    app = opened()
    card = trained(ask(OverviewQuery("tiny")))["glow"].card
    assert card is not None
    first = ask(GalleryQuery(GLOW, ("boxes",), card.score.part, "typical", 1))
    assert (app.session_state["own_set"], app.session_state["own_index"]) == (
        "boxes",
        int(first.indices[0]),
    )
    assert [e.value for e in app.error] == []
    assert app.session_state["own_models"] == ["glow"]


def test_a_link_names_image_and_detectors(models: Tiny) -> None:
    app = opened(image="strokes#3", models="glow.general")
    assert (app.session_state["own_set"], app.session_state["own_index"]) == ("strokes", 3)
    assert app.session_state["own_models"] == ["glow.general"]


def test_an_image_of_ones_own_goes_along_and_its_steps_are_shown(models: Tiny) -> None:
    app = opened()
    app.session_state["_own_image"] = Own("<b>*x*.png", png_of(pictures("strokes", 1)[0]))
    app.run()
    assert not app.exception
    assert "What the model really sees, step by step" in headings(app)
    assert "<b>" not in text_of(app).replace(r"\<b\>", "")
    assert "Step 1: " in html_of(app)


@pytest.mark.slow
def test_a_file_that_is_no_image_is_named_and_ends_the_picture_alone(models: Tiny) -> None:
    app = opened()
    app.session_state["_own_image"] = Own("a.png", b"nothing")
    app.run()
    assert not app.exception
    [error] = [e.value for e in app.error]
    assert error.startswith(r"a\.png: ")


def test_a_drawing_that_is_only_looked_at_again_takes_no_uploads_place(
    models: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    state: dict = {}
    overview: Overview = ask(OverviewQuery("tiny"))
    monkeypatch.setattr(subject_part.st, "session_state", state)
    monkeypatch.setattr(subject_part, "read", lambda *given: given[-1])
    drawn: list[bytes | None] = [None]
    monkeypatch.setattr(subject_part.canvas, "draw", lambda *_, key: drawn[0])

    def look_at(drawing: bytes | None) -> Own | None:
        drawn[0] = drawing
        assert subject_part.drawing(overview, overview.detectors[0]) == drawing
        return subject_part.picker.own_image()

    assert look_at(b"a") == Own("drawing.png", b"a")
    mine = Own("shoe.png", b"shoe")
    state["_own_image"] = mine
    assert look_at(b"a") == mine
    assert look_at(b"ab") == Own("drawing.png", b"ab")
    assert look_at(None) is None


def test_without_a_detector_the_page_asks_for_one(models: Tiny) -> None:
    app = opened()
    app.multiselect(key="own_models").set_value([]).run()
    assert not app.exception
    assert [i.value for i in app.info] == ["Choose a detector."]


def test_of_each_detector_the_model_without_a_name_is_shown_first() -> None:
    def first_of(scenario: str) -> list[str]:
        overview: Overview = ask(OverviewQuery(scenario))
        return main_of(trained(overview).values())

    assert first_of("fashion") == ["glow", "outskirts", "ama", "novelty"]
    assert first_of("digits-one.4") == [
        "outskirts.4",
        "ama.4",
        "esad.4-10",
        "deep_sad.4-10",
        "novelty.4",
    ]


# The threshold ------------------------------------------------------------------------------------


def test_one_threshold_is_for_all_and_an_image_is_flagged_above_it_alone(models: Tiny) -> None:
    app = opened(view="many", sort="name")
    upload(app, files())
    images = np.concatenate([pictures("boxes", 3), pictures("strokes", 2)])
    raw = said_of(images, "glow").models["glow"].raw
    middle = float(np.sort(raw)[2])
    app.session_state["_threshold"] = Line(Threshold("score", middle, "glow"))
    app.run()
    flags = [row["cells"][0]["flagged"] for row in listing(app)["rows"]]
    assert flags == (raw > middle).tolist()
    assert sum(flags) == 2


def test_a_threshold_of_another_scenarios_model_is_said_and_not_used(models: Tiny) -> None:
    app = opened(view="many")
    app.session_state["_threshold"] = Line(Threshold("score", 1.0, "ama"))
    upload(app, files())
    assert "Your threshold is a score of another scenario's model" in text_of(app)
    assert "above percentile 95 of held-out normal images" in text_of(app)


def test_at_the_default_threshold_flagged_is_what_the_card_flags(models: Tiny) -> None:
    overview: Overview = ask(OverviewQuery("tiny"))
    batch = said_of(pictures("strokes", 20), "glow", "glow.general")
    verdicts = ask(
        service.VerdictsQuery(
            "tiny", "strokes", ("glow", "glow.general"), Threshold("percentile", 95.0)
        )
    )
    drawn = line.Drawn(Line(), overview.scenario.strange[0].name, verdicts)
    for name, flags in drawn.flagged(batch).items():
        np.testing.assert_array_equal(flags, batch.models[name].flagged)


# Many images --------------------------------------------------------------------------------------


def test_many_images_are_judged_flagged_ones_first_and_a_bad_file_stops_nothing(
    models: Tiny,
) -> None:
    app = opened(view="many")
    given = files()
    upload(app, {"box0.png": given["box0.png"], "bad<i>.png": b"nothing", **given})
    text = text_of(app)
    assert "**5 images judged.** 1 file could not be read: they are listed below." in text
    images = np.concatenate([pictures("boxes", 3), pictures("strokes", 2)])
    flagged = said_of(images, "glow").models["glow"].flagged
    order = [row["cells"][0]["flagged"] for row in listing(app)["rows"]]
    assert order == sorted(order, reverse=True)
    assert sum(order) == flagged.sum()
    [warning] = [w.value for w in app.warning]
    assert r"bad\<i\>\.png: " in warning


def test_the_table_says_what_the_service_says(models: Tiny) -> None:
    app = opened(view="many", models="glow", sort="name")
    upload(app, files())
    images = np.concatenate([pictures("boxes", 3), pictures("strokes", 2)])
    said = said_of(images, "glow").models["glow"]
    assert names(app) == sorted(files())
    for i, row in enumerate(listing(app)["rows"]):
        [cell] = row["cells"]
        assert cell["text"] == f"{said.percentiles[i]:.1f}"
        assert (cell["flagged"], cell["foreign"]) == (bool(said.flagged[i]), bool(said.foreign[i]))


def test_a_zip_and_an_array_bring_many(models: Tiny) -> None:
    packed, array = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files().items():
            archive.writestr(f"tray/{name}", data)
    np.save(array, pictures("boxes", 4))
    app = opened(view="many", sort="name")
    upload(app, {"some.zip": packed.getvalue(), "more.npy": array.getvalue()})
    assert "**9 images judged.**" in text_of(app)
    assert {"more.npy#3", "some.zip/tray/stroke1.png"} <= set(names(app))


def test_files_that_are_added_come_to_those_that_are_there(models: Tiny) -> None:
    app = opened(view="many", sort="name")
    upload(app, files(strange=0))
    upload(app, files(normal=0))
    assert names(app) == sorted(files())
    app.button(key="own_many_away").click().run()
    assert not app.exception
    assert "_own_work" not in app.session_state
    assert not [e for e in app.get("bidi_component") if "own_listing" in e.proto.id]


def test_an_image_of_the_table_is_opened_as_ones_own(models: Tiny, monkeypatch) -> None:
    state: dict = {}
    monkeypatch.setattr(many.st, "session_state", state)
    given = files()
    brought = Work(tuple(Brought(n, d, n) for n, d in given.items()), load_scenario("tiny").shape)
    while brought.step("tiny", ["glow"]):
        pass
    many._look_at(brought, 3)
    assert state["_own_image"] == Own("stroke0.png", given["stroke0.png"])  # the file itself
    assert state[many.VIEW] == "one"


def test_of_two_files_of_one_name_each_opens_its_own(models: Tiny) -> None:
    given = list(files(normal=1, strange=2).values())
    named = [
        ("a.png", given[0][:60]),
        ("a.png", given[0]),
        ("b.png", given[1]),
        ("b.png", given[2]),
    ]
    brought = Work(
        tuple(Brought(n, d, str(i)) for i, (n, d) in enumerate(named)), load_scenario("tiny").shape
    )
    while not brought.read:
        brought.step("tiny", ["glow"])
    opened_by = [brought.file_of(item) for item in brought.seen]
    assert [file and file.data for file in opened_by] == given


def test_a_detector_that_comes_later_hides_no_others_answers(models: Tiny) -> None:
    brought = work_of(80)
    while brought.step("tiny", ["glow"]):
        pass
    assert brought.level("tiny", ("glow", "glow.general")) == ["glow"]
    while brought.step("tiny", ["glow", "glow.general"]):
        pass
    assert brought.level("tiny", ("glow", "glow.general")) == ["glow", "glow.general"]


def test_first_pictures_are_judged_before_the_next_are_read(
    models: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "READING", 0.0)  # one file, however slow
    monkeypatch.setattr(work.Work, "_read_on", _one_more)
    brought = work_of(80)
    while not brought.said:
        brought.step("tiny", ["glow"])
    assert len(brought.items) == work.CHUNK


def _one_more(brought: Work) -> None:
    item = next(brought._reading)
    brought.items.append(item)
    assert item.picture is not None
    brought._pictures.append(item.picture.image)


def test_a_link_to_a_slider_beyond_its_ends_is_said(models: Tiny) -> None:
    app = opened(turn=1000, noise="abc", blur=3)
    [said] = [i.value for i in app.info if "asks for what is not here" in i.value]
    assert "Turn: “1000”; Noise: “abc”" in said


def test_a_sample_is_a_start_and_takes_no_ones_images_away(models: Tiny, monkeypatch) -> None:
    monkeypatch.setattr(many, "NORMAL", 6)
    monkeypatch.setattr(many, "STRANGE", 2)
    app = opened(view="many", sample="yes")
    assert "**8 images judged.**" in text_of(app)
    assert "own_sample" not in app.query_params
    first = names(app)
    drawn = np.random.default_rng(app.session_state["seed"])
    boxes, strokes = (load_scenario("tiny").pictures(n).images for n in ("boxes", "strokes"))
    app = opened(view="many")
    upload(app, files())
    app.session_state["own_sample"] = "yes"
    app.run()
    assert "**5 images judged.**" in text_of(app)
    assert sorted(first) == [
        *sorted(f"boxes#{i}" for i in drawn.choice(len(boxes), 6, replace=False)),
        *sorted(f"strokes#{i}" for i in drawn.choice(len(strokes), 2, replace=False)),
    ]


# Going on -----------------------------------------------------------------------------------------


def work_of(count: int) -> Work:
    stream = io.BytesIO()
    np.save(stream, np.concatenate([pictures("boxes", count)]))
    return Work((Brought("boxes.npy", stream.getvalue(), ""),), load_scenario("tiny").shape)


@pytest.mark.slow
def test_work_that_is_stopped_anywhere_ends_as_if_it_had_not_been(models: Tiny) -> None:
    two = ("glow", "glow.general")
    whole, halting = work_of(80), work_of(80)
    while whole.step("tiny", two):
        pass
    for models_now in (("glow",), two, ("glow.general",), two):
        for _ in range(3):
            halting.step("tiny", models_now)
    while halting.step("tiny", two):
        pass
    first, second = (w.answered("tiny", two) for w in (whole, halting))
    assert first is not None
    assert second is not None
    expected = said_of(pictures("boxes", 80), *two)
    for name in two:
        np.testing.assert_array_equal(first.models[name].raw, second.models[name].raw)
        np.testing.assert_array_equal(first.models[name].raw, expected.models[name].raw)


def test_progress_counts_what_all_models_have_seen(models: Tiny) -> None:
    brought = work_of(80)
    two = ("glow", "glow.general")
    assert brought.progress("tiny", two) == work.Progress(0, 0, exact=False)
    while not brought.read:
        brought.step("tiny", two)
    assert brought.progress("tiny", two) == work.Progress(0, 80, exact=True)
    brought.step("tiny", two)
    assert brought.progress("tiny", two).scored == 0  # one of two has seen the first
    brought.step("tiny", two)
    done = brought.progress("tiny", two)
    assert (done.scored, done.left) == (work.CHUNK, 80 - work.CHUNK)
    assert brought.answered("tiny", two) is not None


def test_of_single_files_it_is_known_at_once_how_many_they_are(models: Tiny) -> None:
    given = tuple(Brought(n, d, n) for n, d in files().items())
    assert Work(given, load_scenario("tiny").shape).progress("tiny", ["glow"]).known == 5


@pytest.mark.slow
def test_cancel_stops_and_go_on_goes_on_where_it_was(models: Tiny, monkeypatch) -> None:
    monkeypatch.setattr(many, "FIRST_SLICE", 0.0)
    monkeypatch.setattr(many, "SLICE", 0.0)
    app = opened(view="many")
    brought = work_of(70)
    brought.going = False
    app.session_state["_own_work"] = brought
    app.run()
    assert [b.label for b in app.button if b.key == "own_cancel"] == ["Go on"]
    assert not brought.items
    monkeypatch.setattr(many, "SLICE", 60.0)
    app.button(key="own_cancel").click().run()
    assert "**70 images judged.**" in text_of(app)
    assert not [b for b in app.button if b.key == "own_cancel"]


def test_another_scenario_of_the_same_shape_judges_the_same_pictures(models: Tiny) -> None:
    brought = work_of(40)
    while brought.step("tiny", ["glow"]):
        pass
    assert brought.answered("other", ["glow"]) is None
    assert len(brought.items) == 40


# The table ----------------------------------------------------------------------------------------


def judged() -> table.Judged:
    """Four images under two models; the third has two flags, the first and the last one each.

    The first has the largest mean all the same: 97 above 95.5, 74 and 20.
    """
    images = pictures("boxes", 4)
    batch = said_of(images, "glow", "glow.general")
    columns = {"glow": [100.0, 10.0, 95.5, 50.0], "glow.general": [94.0, 30.0, 95.5, 98.0]}
    said = {
        m: replace(batch.models[m], percentiles=np.array(v), raw=np.array(v))
        for m, v in columns.items()
    }
    flagged = {m: np.array(v) > 95 for m, v in columns.items()}
    titles = {"glow": "Glow", "glow.general": "General Glow"}
    listed = ("d", "B", "a", "C")
    return table.Judged(listed, images, replace(batch, models=said), flagged, titles)


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("flagged", [2, 0, 3, 1]),  # two flags; of one each, the larger mean
        ("-flagged", [1, 3, 0, 2]),
        ("name", [2, 1, 3, 0]),
        ("-name", [0, 3, 1, 2]),
        ("glow", [0, 2, 3, 1]),
        ("-glow.general", [1, 0, 2, 3]),
        ("nonsense", [2, 0, 3, 1]),
    ],
)
def test_the_table_is_sorted_by_a_column_either_way(
    models: Tiny, sort: str, order: list[int]
) -> None:
    assert table.ordered(judged(), sort).tolist() == order


@pytest.mark.slow
def test_many_rows_are_sent_a_page_at_a_time_and_no_model_is_asked_to_turn_it(
    models: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(view="many", sort="name")
    app.session_state["_own_work"] = work_of(90)
    app.run()
    assert len(listing(app)["rows"]) == table.ROWS
    monkeypatch.setattr(Work, "step", None)
    app.session_state["own_table_page"] = 2
    app.run()
    assert not app.exception
    assert len(listing(app)["rows"]) == 90 - table.ROWS


# To take away -------------------------------------------------------------------------------------


def test_the_numbers_of_a_picture_are_what_detectors_say_of_it_with_what_was_moved(
    models: Tiny,
) -> None:
    two = ("glow", "glow.general")
    titles = {m: m.title() for m in two}
    query = ImageQuery(GLOW, "strokes", 0)
    subject = Subject("strokes#0", "Strokes 0", pictures("strokes", 1)[0], None, query)
    verdicts = ask(service.VerdictsQuery("tiny", "strokes", two))
    drawn = line.Drawn(Line(), "strokes", verdicts)
    for turn, name in ((0, "strokes#0"), (90, "strokes#0, disturbed")):
        said = ask(service.DisturbedQuery("tiny", two, query, service.Disturbance(turn=turn)))
        moved = {"turn": turn} if turn else {}
        table_of = seen.columns(subject, said, titles=titles, drawn=drawn, moved=moved)
        lines = list(csv.DictReader(io.StringIO(seen.csv_of(table_of).decode())))
        assert [row["model"] for row in lines] == list(two)
        for row in lines:
            assert row["image"] == name
            assert row.get("turn", "0") == str(turn)
            assert float(row["score"]) == pytest.approx(said.displayed[row["model"]], rel=1e-6)
            above = float(row["score"]) > float(row["threshold"])
            assert (int(row["flagged"]) == 1) == above


def test_the_report_holds_every_image_the_threshold_and_what_could_not_be_read(
    models: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Contents(
        tags={"tiny": {"odd <one>": ("strokes#1",)}, "other": {"not of it": ("strokes#1",)}},
        lines=(NoteLine("0a" * 8, "a line & more", 1.0),),
    )
    monkeypatch.setattr(report.notebook, "contents", lambda: held)
    overview: Overview = ask(OverviewQuery("tiny"))
    given = {**files(), "bad<i>.png": b"nothing"}
    brought = Work(tuple(Brought(n, d, n) for n, d in given.items()), overview.scenario.shape)
    while brought.step("tiny", ["glow"]):
        pass
    batch = brought.answered("tiny", ["glow"])
    assert batch is not None
    verdicts = ask(
        service.VerdictsQuery("tiny", "strokes", ("glow",), Threshold("percentile", 90.0))
    )
    drawn = line.Drawn(Line(Threshold("percentile", 90.0), 0.02), "strokes", verdicts)
    images, names_of = brought.pictures(batch.count), [i.id for i in brought.seen]
    judged = table.Judged(names_of, images, batch, drawn.flagged(batch), {"glow": "Glow"})
    about = report.about(overview, brought, drawn, judged=judged)
    made = report.maker(about, brought, judged)
    page = service.report_html(made())
    assert made() is made()  # once for all who ask
    assert made().maps
    bare = report.maker(about, brought, judged, maps=False)()
    assert not bare.maps
    assert service.report_csv(bare) == service.report_csv(made())
    for name in files():
        assert name in page
    assert "bad&lt;i&gt;.png" in page
    assert "bad<i>" not in page
    rows = list(csv.DictReader(io.StringIO(service.report_csv(made()))))
    flags = {row["image"]: row["glow flagged"] for row in rows}
    expected = drawn.flagged(batch)["glow"]
    assert {n: flags[n] for n in names_of} == {
        n: str(int(f)) for n, f in zip(names_of, expected, strict=True)
    }
    assert made().prevalence == 0.02
    assert "odd &lt;one&gt;" in page
    assert "a line &amp; more" in page
    assert "not of it" not in page


def test_a_report_that_is_taken_midway_says_how_much_it_leaves_out(models: Tiny) -> None:
    overview: Overview = ask(OverviewQuery("tiny"))
    brought = work_of(70)
    drawn = line.Drawn(Line(), "strokes", ask(service.VerdictsQuery("tiny", "strokes", ("glow",))))
    while not brought.read:
        brought.step("tiny", ["glow"])
    brought.step("tiny", ["glow"])
    batch = brought.answered("tiny", ["glow"])
    assert batch is not None
    judged = many._judged(brought, batch, drawn, titles={"glow": "Glow"})
    [(_, said)] = report.about(overview, brought, drawn, judged=judged).errors
    assert said == "left out: 32 of 70 images were judged when this was made"
    while brought.step("tiny", ["glow"]):
        pass
    batch = brought.answered("tiny", ["glow"])
    assert batch is not None
    judged = many._judged(brought, batch, drawn, titles={"glow": "Glow"})
    assert report.about(overview, brought, drawn, judged=judged).errors == []


@pytest.mark.parametrize("name", ["fashion", "photos", "screws", "solar"])
def test_who_is_promised_a_hundred_images_is_shown_as_many(name: str) -> None:
    overview = ask(OverviewQuery(name))
    count = sum(few for _, few in many.sampled(overview))
    [tile] = [t for t in overview.scenario.start if "sample" in t.state]
    assert ("hundred" in tile.title) == (count == 100)
    assert all(few <= overview.sizes[one.name] for one, few in many.sampled(overview))
