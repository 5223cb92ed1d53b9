"""The page Few labels: its sections, its sentences, what it does with what is not there."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from apps import figure_of, headings, html_of, text_of
from conftest import Tiny
from labels_page import opened
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import service
from core.answers.loaded import loaded, stored_scores
from core.numerals import numeral
from core.service import (
    Bought,
    BoughtQuery,
    Changed,
    ChangedQuery,
    Curve,
    ExamplesQuery,
    FirstChangedQuery,
    Gain,
    Gamma,
    ImageQuery,
    Metrics,
    OverviewQuery,
    Rebuilt,
    RebuiltQuery,
    ScoreSplitQuery,
    Share,
    Spread,
    SpreadQuery,
    Target,
    ask,
)
from pages._labels import (
    examples,
    files,
    gamma,
    ladder,
    looked,
    others,
    parts,
    picture,
    sides,
    spread,
)
from pages._labels.ladder import Ladder
from pages._shared import presenting
from pages._shared.picker import Own

pytestmark = pytest.mark.usefixtures("quick_apps")

ZERO, ONE, TEN = (Target("tiny-one", "esad", f"one-{share}") for share in ("00", "01", "10"))
SECTIONS = [
    "Images that changed sides",
    "Does one labelled class help on the other class?",
    "What the score adds",
    "One image, every ratio",
    "x beside x'",
    "A lesson of your own",
]


def rungs(at: str = "10", detector: str = "esad") -> Ladder:
    overview = ask(OverviewQuery("tiny-one.one"))
    rows = ladder.ladders_of(overview)[detector]
    return Ladder(overview, detector, {"esad": "ESAD"}.get(detector, "Deep SAD"), rows, at, 0)


# What is there ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_sections_stand_in_their_order_below_both_figures(labels: Tiny) -> None:
    app = opened()
    assert headings(app) == SECTIONS
    assert [e.value for e in app.error] == []
    drawn = [c.proto.id for c in app.get("plotly_chart")]
    assert ["labels_histogram" in drawn[0], "labels_gamma" in drawn[1]] == [True, True]


@pytest.mark.slow
def test_the_page_opens_with_the_most_labels_and_a_link_names_fewer(labels: Tiny) -> None:
    app = opened()
    slider = app.select_slider("labels_share")
    assert slider.options == ["0 %", "1 %", "10 %"]
    assert slider.value == "10"
    assert "all of them of zero" in slider.label
    assert "labels_share" not in app.query_params
    app = opened(share="01")
    assert app.select_slider("labels_share").value == "01"
    assert app.query_params["labels_share"] in ("01", ["01"])


@pytest.mark.slow
def test_the_slider_draws_the_scores_of_another_model(labels: Tiny) -> None:
    app = opened()
    before = figure_of(app, "labels_histogram")
    app.select_slider("labels_share").set_value("01").run()
    after = figure_of(app, "labels_histogram")
    assert before["data"][2]["y"] != after["data"][2]["y"]
    assert before["data"][3]["y"] == after["data"][3]["y"]  # the model without labels, faintly
    assert before["data"][0]["x"] == after["data"][0]["x"]  # one axis for all
    found = ask(SpreadQuery(ONE, "", (ZERO, ONE, TEN)))
    for trace, group in zip(after["data"], ("normal", "known", "never"), strict=False):
        assert np.asarray(_numbers(trace["y"])) == pytest.approx(100 * found.shares[group])
    assert [t["name"] for t in after["data"]] == [
        "One", "Zero (known)", "One never seen", "Those without labels",
    ]  # fmt: skip
    assert "ESAD, 1" in after["layout"]["title"]["text"]


def test_one_axis_holds_the_scores_of_every_ratio(
    labels: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scores(target: Target) -> dict[str, dict[str, np.ndarray]]:
        factor = 50.0 if target == TEN else 1.0
        return {
            name: {part: factor * values for part, values in stored.items()}
            for name, stored in stored_scores(target).items()
        }

    monkeypatch.setattr("core.answers.labels.stored_scores", scores)
    edges = [picture.spreads(rungs(at))[0].edges.tolist() for at in ("00", "01", "10")]
    assert edges[0] == edges[1] == edges[2]
    assert edges[0][-1] > 20  # of the threshold, which stays


def test_entries_of_a_legend_are_as_wide_as_their_words(
    labels: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = picture.spreads(rungs())[0]
    widths = []
    for scale in (1.0, 1.5):
        monkeypatch.setattr(presenting, "scale", lambda scale=scale: scale)
        drawn = spread.figure(found, None, ["a", "b", "c"], title="", height=300)
        widths.append(
            drawn.layout.legend.entrywidth / drawn.layout.template.layout.legend.font.size
        )
    assert widths[1] == pytest.approx(widths[0], rel=0.06)


def _numbers(values: object) -> list[float]:
    """An array of Plotly's, which may be packed."""
    if isinstance(values, dict):
        import base64

        return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).tolist()
    return list(values)  # type: ignore[call-overload]


@pytest.mark.slow
def test_without_labels_there_is_nothing_to_compare(labels: Tiny) -> None:
    app = opened(share="00")
    assert headings(app) == SECTIONS
    assert "there is nothing to compare it with" in text_of(app)
    assert len(figure_of(app, "labels_histogram")["data"]) == 3
    assert "Chosen by a rule: " + looked.RULES["typical"] in text_of(app)
    assert not [b for b in app.button if (b.key or "").startswith("labels_found")]


@pytest.mark.slow
def test_deep_sad_stands_beside_with_its_own_ratios(labels: Tiny) -> None:
    app = opened(detector="deep_sad")
    assert app.select_slider("labels_share").options == ["0 %", "10 %"]
    assert headings(app) == SECTIONS
    text = text_of(app)
    assert "rebuilds no pictures" in text
    assert "there is nothing that it adds" in text
    assert "itself the squared length" in text
    assert len(figure_of(app, "labels_bars")["data"]) == 1
    app.segmented_control("labels_detector").set_value("esad").run()
    assert not app.exception
    assert app.select_slider("labels_share").options == ["0 %", "1 %", "10 %"]


@pytest.mark.slow
def test_a_missing_study_is_named_with_its_command(labels: Tiny) -> None:
    app = opened()
    assert any("`python -m core bench esad_labels`" in i.value for i in app.info)
    assert "Our own curves are missing" in text_of(app)


# Curves -------------------------------------------------------------------------------------------


def curve(of: str, *values: float, detector: str = "esad") -> Curve:
    numbers = np.array(values)
    return Curve(detector, of, numbers, numbers - 0.1, numbers + 0.1, numbers * 0)


def drawn_curves(*curves: Curve, shares: tuple[float, ...] = (0.0, 0.05, 0.1)) -> Gamma:
    nobody = {"esad": (0.05,), "deep_sad": ()}
    return Gamma(np.array(shares), curves, nobody, "", "three classes", "They")


def test_the_sliders_ratio_is_marked_among_the_curves(labels: Tiny) -> None:
    found = drawn_curves(curve("mean", 0.8, math.nan, 0.9), curve("published", 0.9, 0.95, 0.96))
    titles = {"esad": "ESAD"}

    def at(share: str) -> float:
        drawn = gamma.figure(found, rungs(share), titles, height=300)
        [line] = drawn.layout.shapes
        large = int(np.argmax(drawn.data[-1].marker.size))
        assert drawn.data[-1].x[large] == line.x0
        return line.x0

    assert [at("00"), at("01"), at("10")] == pytest.approx([0.0, 0.2, 2.0])
    drawn = gamma.figure(found, rungs("10"), titles, height=300)
    assert [t.name for t in drawn.data] == ["ESAD, mean", "ESAD, published", "shown here, one"]
    assert drawn.data[1].error_y.array == pytest.approx([0.1] * 3)
    assert list(drawn.layout.xaxis.ticktext) == ["0 %", "5 %", "10 %"]
    shown = [loaded(t)[1].metrics["rest"]["sum"] for t in (ZERO, ONE, TEN)]
    assert list(drawn.data[-1].y) == [m.auroc for m in shown]
    lowest = min(0.7, *(m.low for m in shown))
    assert drawn.layout.yaxis.range[0] == pytest.approx(lowest - 0.01)


@pytest.mark.slow
def test_without_a_study_the_models_shown_here_have_their_place(labels: Tiny) -> None:
    spec = figure_of(opened(), "labels_gamma")
    assert [t["name"] for t in spec["data"]] == ["shown here, one"]
    assert spec["layout"]["xaxis"]["ticktext"] == ["0 %", "1 %", "10 %"]
    assert spec["data"][0]["x"] == [0, 1, 2]


def test_our_mean_is_set_against_the_published_one_where_both_exist(labels: Tiny) -> None:
    ours, told = curve("mean", 0.8, math.nan, 0.9), curve("published", 0.85, 0.95, 0.96)
    said = gamma.said_of(drawn_curves(ours, told), rungs("10")).replace("\u00a0", " ")
    assert said.startswith("At 10 % ESAD has a mean AUROC of 0.900 over three classes in our study")
    assert "0.060 below the published 0.960" in said
    higher = drawn_curves(curve("mean", 0.97, 0.97, 0.97), told)
    assert "0.010 above the published" in gamma.said_of(higher, rungs("10"))
    assert gamma.said_of(drawn_curves(told), rungs("10")) == ""
    assert gamma.said_of(drawn_curves(ours), rungs("10")) == ""


def test_cells_that_were_not_run_are_listed(labels: Tiny) -> None:
    found, titles = drawn_curves(), {"esad": "ESAD", "deep_sad": "Deep SAD"}
    assert gamma.not_run(found, titles).replace("\u00a0", " ") == "Not run: ESAD at 5 %."
    assert gamma.not_run(replace(found, not_run={"esad": ()}), titles) == ""
    assert "missing: no table" in gamma.not_run(replace(found, missing="no table"), titles)


def test_the_curves_as_a_file_have_a_row_a_point() -> None:
    found = drawn_curves(curve("mean", 0.8, math.nan, 0.9))
    rows = list(csv.DictReader(io.StringIO(gamma.table(found).decode())))
    assert [row["share of known anomalies"] for row in rows] == ["0.0", "0.05", "0.1"]
    assert [row["AUROC"] for row in rows] == ["0.8", "nan", "0.9"]


# What is said -------------------------------------------------------------------------------------


def share(count: int, of: int = 100) -> Share:
    return Share(count, of, count / of, 0.0, 1.0)


@pytest.fixture
def score(labels: Tiny) -> Spread:
    return ask(SpreadQuery(TEN))


def test_the_shares_that_are_flagged_are_said_of_every_group(score: Spread) -> None:
    flags = {"normal": share(5), "known": share(99), "never": share(84)}
    found = replace(score, flagged=flags)
    less = replace(score, flagged={g: share(n) for g, n in zip(flags, (4, 60, 0), strict=True)})
    said = spread.said_of(rungs(), found, less).replace("\u00a0", " ")
    assert "flags 99.0 % of zero, which it learned from" in said
    assert "**84.0 % of the one class of which it never saw an image**" in said
    assert "and 5.0 % of one, the normal ones" in said
    assert said.endswith("Without labels these were 60.0 %, none and 4.0 %.")
    alone = spread.said_of(rungs("00"), found, None)
    assert "which it saw none of" in alone
    assert "Without labels" not in alone


def gain(value: float, low: float, high: float) -> Gain:
    return Gain(0.9, 0.9 + value, value, low, high)


@pytest.fixture
def found(labels: Tiny) -> Bought:
    return ask(BoughtQuery(ZERO, TEN))


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.01, 0.03, "**Yes, here labels of zero help on the other class**"),
        (-0.03, -0.01, "**No, here labels of zero harm on the other class**"),
        (-0.01, 0.03, "**It cannot be told here whether labels of zero help on the other class**"),
        (math.nan, math.nan, "**It cannot be told here"),
    ],
)
def test_whether_labels_help_is_said_by_the_paired_interval(
    found: Bought, low: float, high: float, verdict: str
) -> None:
    middle = 0.02 if math.isnan(low) else (low + high) / 2
    gains = {"never": gain(middle, low, high), "known": gain(0.05, 0.04, 0.06)}
    said = others.said_of(rungs(), replace(found, gains=gains))
    assert said.startswith(verdict)
    assert f"AUROC 0.900 → {0.9 + middle:.3f}, {numeral(middle, '+.3f')}" in said
    assert ("(nan" in said) is False
    assert "On zero itself, 0.900 → 0.950, +0.050 (+0.040 to +0.060)." in said


def test_a_class_that_goes_the_other_way_is_named(found: Bought) -> None:
    def said(sign: int, before: float, after: float) -> str:
        pair = tuple(Metrics(a, a - 0.01, a + 0.01, 0.5, 0.5, 9, 9) for a in (before, after))
        gains = {"never": gain(0.02 * sign, 0.01 * sign - 0.001, 0.01 * sign + 0.001)}
        moved = replace(found, gains=found.gains | gains, classes=found.classes | {"two": pair})
        return others.said_of(rungs(), moved)

    assert "Worse, though: two." in said(1, 0.9, 0.8)
    assert "Better all the same: two." in said(-1, 0.8, 0.9)
    assert "two." not in said(1, 0.8, 0.9)
    assert "two." not in said(-1, 0.9, 0.8)
    assert "two." not in said(1, 0.9, 0.89)  # their intervals meet


def test_without_labels_the_answer_is_to_move_the_slider(found: Bought) -> None:
    assert "Move the slider" in others.said_of(rungs("00"), found)


def test_every_class_has_its_figure_before_and_after(found: Bought) -> None:
    drawn = others.by_class(found, rungs())
    assert list(drawn.data[0].y) == ["Zero (known)", "Two"]
    before, after = ([m[i].auroc for m in found.classes.values()] for i in (0, 1))
    assert list(drawn.data[0].x) == before
    assert list(drawn.data[1].x) == after
    assert len(others.by_class(found, rungs("00")).data) == 1


@pytest.fixture
def moved(labels: Tiny) -> Changed:
    return ask(ChangedQuery(ZERO, TEN))


@pytest.mark.parametrize(
    ("newly", "formerly", "verdict"),
    [
        (7, 2, "**5 images more**"),
        (2, 3, "**1 image fewer**"),
        (2, 2, "**as many as before**"),
    ],
)
def test_changed_sides_are_counted_in_a_sentence(
    moved: Changed, newly: int, formerly: int, verdict: str
) -> None:
    counts = {"never": (newly, formerly), "known": (4, 1), "normal": (3, 0)}
    said = sides.said_of(rungs(), replace(moved, counts=counts))
    assert verdict in said
    assert f"{newly} are newly found and {formerly} newly missed" in said
    assert "of zero, the known class, 4 are newly found and 1 missed" in said
    assert "normal ones 3 are newly flagged, 0 no longer" in said


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.03, -0.01, "falls **below** its better part, the length of the code"),
        (0.01, 0.03, "is **above** its better part, the length of the code"),
        (-0.01, 0.02, "is as good as its better part, the length of the code"),
    ],
)
def test_the_sum_is_called_what_its_interval_makes_it(
    labels: Tiny, low: float, high: float, verdict: str
) -> None:
    split = ask(ScoreSplitQuery(TEN))
    assert split is not None
    one = replace(
        split,
        better={"known": "norm", "never": "norm"},
        gains=dict.fromkeys(("known", "never"), gain((low + high) / 2, low, high)),
    )
    said = parts.said_of(rungs(), one)
    assert said.count(verdict) == 2
    assert f"({numeral(low, '+.3f')} to {numeral(high, '+.3f')})" in said


@pytest.fixture
def views(labels: Tiny) -> dict[str, Rebuilt]:
    targets = {"00": ZERO, "01": ONE, "10": TEN}
    return {s: ask(RebuiltQuery(ImageQuery(t, "two", 4))) for s, t in targets.items()}


def test_an_image_has_the_verdict_of_every_model(views: dict[str, Rebuilt]) -> None:
    flags = {"00": False, "01": False, "10": True}
    told = {s: replace(v, flagged=flags[s], percentiles={"sum": 40.0}) for s, v in views.items()}
    said = looked.said_of(rungs(), told, "two").replace("\u00a0", " ")
    assert "0 %: not flagged (percentile 40.0), 1 %: not flagged" in said
    assert "10 %: **flagged**" in said
    assert "though" not in said
    assert "though it is strange" in looked.said_of(rungs("01"), told, "two")
    assert "though it is normal" in looked.said_of(rungs("10"), told, "one")
    assert "though" not in looked.said_of(rungs("01"), told, "")  # a visitor's own is neither


def test_bars_stack_to_the_score_in_units_of_the_threshold(views: dict[str, Rebuilt]) -> None:
    drawn = looked.bars(views, title="The score")
    assert [t.name for t in drawn.data] == ["Reconstruction error", "Length of the code"]
    sums = np.array(drawn.data[0].x) + np.array(drawn.data[1].x)
    assert sums == pytest.approx([v.parts["sum"] / v.limit for v in views.values()], rel=1e-5)
    assert [s > 1 for s in sums] == [v.flagged for v in views.values()]


# What can be done ---------------------------------------------------------------------------------


@pytest.fixture
def apart(labels: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores of which some change sides: with labels images 3 and 5 of each class are strangest."""

    def scores(target: Target) -> dict[str, dict[str, np.ndarray]]:
        found = {}
        for name, stored in stored_scores(target).items():
            values = np.zeros(len(stored[loaded(target)[1].score.part]))
            if target.variant == "one-10":
                values[[3, 5]] = 100.0
            found[name] = {loaded(target)[1].score.part: values}
        return found

    for module in ("sides", "images"):
        monkeypatch.setattr(f"core.answers.{module}.stored_scores", scores)


@pytest.mark.slow
def test_a_press_on_a_tile_looks_at_that_image(apart: None) -> None:
    app = opened()
    tiles = [b for b in app.button if re.fullmatch(r"labels_[a-z]+_\d", b.key or "")]
    keys = ["labels_found_0", "labels_found_1", "labels_alarm_0", "labels_alarm_1"]
    assert [b.key for b in tiles] == keys
    assert "0.0 → 100.0" in tiles[0].label.replace("\\", "")
    assert tiles[0].label.startswith("![Two 3, ")
    assert tiles[0].proto.type == "primary"  # it is looked at already: it is the first by its rule
    app.button("labels_alarm_1").click().run()
    assert not app.exception
    assert app.session_state["labels_image"] == "one#5"
    assert app.button("labels_alarm_1").proto.type == "primary"
    assert 'alt="The image that is looked at, One 5"' in html_of(app)
    text = text_of(app).replace("\u00a0", " ")
    assert "Never-seen anomalies that only the labels let it flag: 2." in text
    assert "no longer flagged**: 0." in text


@pytest.mark.slow
def test_what_changed_is_drawn_by_the_seed_where_that_is_chosen(apart: None) -> None:
    drawn = {}
    for seed in range(8):
        app = opened(which="random")
        app.number_input("seed").set_value(seed).run()
        drawn[app.button("labels_found_0").label[:8]] = seed
    assert set(drawn) == {"![Two 3,", "![Two 5,"}
    assert "as the seed draws them" in text_of(app)


@pytest.mark.slow
def test_the_page_opens_with_the_image_that_its_rule_names(labels: Tiny) -> None:
    set_name, index, rule = ask(FirstChangedQuery(ZERO, TEN))
    app = opened()
    assert f"Chosen by a rule: {looked.RULES[rule]}." in text_of(app)
    title = {"two": "Two", "one": "One", "zero": "Zero"}[set_name]
    assert f'alt="The image that is looked at, {title} {index}"' in html_of(app)
    app = opened(image="one#3")
    assert 'alt="The image that is looked at, One 3"' in html_of(app)
    assert "Chosen by a rule" not in text_of(app)


@pytest.mark.slow
def test_an_image_of_ones_own_is_rebuilt_by_every_model(labels: Tiny) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (90, 30), (250, 30, 90)).save(stream, "PNG")
    app = opened()
    app.session_state["_own_image"] = Own("a<b>*.png", stream.getvalue())
    app.run()
    assert not app.exception
    assert headings(app) == SECTIONS
    assert "a&lt;b&gt;*.png" in html_of(app)
    assert "your own image" in figure_of(app, "labels_bars")["layout"]["title"]["text"]


@pytest.mark.slow
def test_a_file_that_is_no_image_is_named_and_the_rest_is_shown(labels: Tiny) -> None:
    app = opened()
    app.session_state["_own_image"] = Own("notes.txt", b"no image")
    app.run()
    assert not app.exception
    assert [e for e in app.error if "notes" in e.value]
    assert headings(app) == SECTIONS


def test_files_hold_what_the_page_shows(views: dict[str, Rebuilt]) -> None:
    rows = list(
        csv.DictReader(io.StringIO(files.numbers_csv(tuple(views.values()), tuple(views)).decode()))
    )
    assert len(rows) == sum(len(v.parts) for v in views.values())
    assert [float(r["percentile"]) for r in rows if r["part"] == "sum"] == [
        v.percentiles["sum"] for v in views.values()
    ]
    assert Image.open(io.BytesIO(files.pictures_png(tuple(views.values())))).size == (
        4 * 224 + 9,
        224,
    )
    scores = files.scores_csv(TEN).decode().splitlines()
    assert len(scores) == 1 + 96
    changed = ask(ChangedQuery(ZERO, TEN)).counts
    table = files.changed_csv(ZERO, TEN).decode().splitlines()
    assert len(table) == 1 + sum(sum(pair) for pair in changed.values())
    found = ask(ExamplesQuery(TEN))
    assert found is not None
    assert Image.open(io.BytesIO(examples.sheet(found))).height == 3 * 112


# What cannot be shown -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "state",
    [
        {"image": "two#99999999999"},
        {"image": "nope#0"},
        {"share": "05"},
        {"detector": "nope"},
        {"which": "best"},
    ],
)
def test_a_link_to_what_is_not_here_says_so_and_shows_the_rest(labels: Tiny, state: dict) -> None:
    app = opened(**state)
    assert any("asks for what is not here" in i.value for i in app.info)
    assert headings(app) == SECTIONS


@pytest.mark.slow
def test_a_ratio_that_is_not_trained_is_left_out_of_the_slider(labels: Tiny) -> None:
    for path in (labels.checkpoints / "tiny-one").glob("esad.one-01.*"):
        path.unlink()
    app = opened()
    assert app.select_slider("labels_share").options == ["0 %", "10 %"]
    for path in (labels.checkpoints / "tiny-one").glob("esad.one-00.*"):
        path.unlink()
    app = opened()  # one is left, which no slider can show
    assert app.segmented_control("labels_share").options == ["10 %"]
    assert "there is nothing to compare it with" in text_of(app)


def test_a_class_without_models_is_said_with_the_command_that_trains_them(labels: Tiny) -> None:
    app = opened(normal="two")
    assert any("`python -m core train tiny-one/esad.two-00`" in i.value for i in app.info)
    assert headings(app) == []
    assert [e.value for e in app.error] == []


def test_a_scenario_without_labels_leads_to_one_that_has_some(labels: Tiny) -> None:
    app = opened(scenario="tiny")
    assert any("none of its models learned from known anomalies" in i.value for i in app.info)
    assert headings(app) == []
    [button] = [b for b in app.button if b.key == "tiny-one"]
    assert button.label == "Open One kind of box"
    button.click().run()
    assert not app.exception
    assert app.session_state["world"].startswith("tiny-one.")


def test_whom_nothing_leads_to_a_scenario_finds_one_with_labels(
    labels: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:  # nothing was chosen yet
        patch.setattr(service, "scenarios", list)
        app = AppTest.from_file("../../pages/_frame.py", default_timeout=60).run()
    rows = [{**row, "models": ["glow"]} for row in service.scenarios()]
    monkeypatch.setattr(service, "scenarios", lambda: rows)  # other pages would open the whole set
    app = app.switch_page("labels.py").run()
    assert app.session_state["world"] == "tiny-one.zero"
    assert "scenario" not in app.query_params
    app = app.switch_page("latent.py").run()  # it stays, and the address of this page says so
    assert app.session_state["world"] == "tiny-one.zero"
    assert app.query_params["scenario"] in ("tiny-one", ["tiny-one"])


@pytest.mark.slow
def test_a_scenario_whose_one_model_has_no_labels_is_not_opened_before_one_with_shares() -> None:
    shipped = {row["scenario"]: row for row in service.scenarios()}
    without = [
        n for n, row in shipped.items() if "esad" in row["detectors"] and "shares" not in row
    ]
    assert without  # such as photos
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    app.switch_page("labels.py").run()
    assert not app.exception
    assert "esad" in shipped[app.session_state["world"].partition(".")[0]]["shares"]


def test_every_ladder_rises_from_the_fewest_labels(labels: Tiny) -> None:
    found = ladder.ladders_of(ask(OverviewQuery("tiny-one.one")))
    assert {d: list(rows) for d, rows in found.items()} == {
        "esad": ["00", "01", "10"],
        "deep_sad": ["00", "10"],
    }
    assert rungs().first == service.Target.of("tiny-one", "esad.one-00")
    assert rungs().names == {"normal": "one", "known": "zero", "never": "the other class"}
