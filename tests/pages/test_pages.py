"""Each page through Streamlit's own AppTest, on the shipped scenario."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import Tiny, change
from streamlit.testing.v1 import AppTest

from core import checkpoint, service
from core.card import Seeds
from core.data.decode import SUFFIXES
from core.numerals import numeral
from core.service import (
    DetectorRow,
    ImageQuery,
    LikelihoodsQuery,
    Luck,
    PairQuery,
    Seen,
    Target,
    parse_target,
)
from core.settings import settings
from pages._outskirts import readings
from pages._overview import figures
from pages._shared import draw, seeds
from pages._shared.pages import PAGES
from pages._shared.picker import PRIVATE

pytestmark = pytest.mark.usefixtures("quick_apps")

GLOW = Target("fashion", "glow")


def opened(page: str | None = None, **state: object) -> AppTest:
    """The app after its first run, on a page, with controls set beforehand."""
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    for key, value in state.items():
        app.session_state[key] = value
    return app.switch_page(f"{page}.py").run() if page else app.run()


def figure(app: AppTest, key: str) -> dict:
    """The Plotly figure of that key."""
    charts = app.get("plotly_chart")
    return next(json.loads(c.proto.spec) for c in charts if key in c.proto.id)


def frame(app: AppTest, column: str):
    """The table that has that column."""
    return next(d.value for d in app.dataframe if column in d.value)


def written(app: AppTest) -> str:
    return "\n".join(m.value for m in app.markdown)


@pytest.mark.slow
@pytest.mark.parametrize("strange", ["mnist", "noise"])
def test_likelihoods_says_what_the_numbers_say(strange):
    app = opened("likelihoods", likelihoods_strange=strange)
    assert not app.exception
    text = written(app)
    found = service.ask(LikelihoodsQuery(GLOW, strange))
    total, *others = found.parts
    first = figure(app, "likelihoods_total")["layout"]
    assert f"Full likelihood: AUROC {total.figures.auroc:.3f}" in first["annotations"][0]["text"]
    panels = figure(app, "likelihoods_parts")["layout"]["annotations"]
    for part, title in zip(others, panels, strict=True):
        assert title["text"].startswith("★ " * part.is_score + part.title)
        assert f"AUROC {part.figures.auroc:.3f}" in title["text"]
    likelier = total.figures.high < 0.5
    assert ("**likelier**" in text) == likelier


@pytest.mark.slow
def test_every_model_has_its_likelihoods_and_its_numbers():
    for row in service.ask(service.OverviewQuery("fashion")).detectors:
        if row.detector != "Glow":
            continue
        app = opened("likelihoods", likelihoods_model=row.name, likelihoods_image="mnist#4")
        assert not app.exception, row.name
        target = Target.of("fashion", row.name)
        view = service.ask(ImageQuery(target, "mnist", 4))
        assert app.dataframe[0].value["value"][0].startswith(f"{view.displayed['total']:.3f}")


@pytest.mark.slow
def test_a_detector_whose_maps_leave_something_over_has_its_numbers_all_the_same():
    found = service.ask(ImageQuery(Target("fashion", "outskirts"), "mnist", 4))
    assert found.maps == {}
    assert found.parts["logit"] == pytest.approx(
        np.mean([v for k, v in found.parts.items() if k.startswith("logit_")]), rel=1e-5
    )
    assert found.flagged


@pytest.mark.slow
def test_two_models_are_compared_by_the_rank_correlation_of_all_images():
    app = opened("likelihoods", likelihoods_view="models")
    assert not app.exception
    patches = Target.of("fashion", "glow.patches")
    rank = service.ask(PairQuery(GLOW, patches, "mnist")).rank["both"]
    assert app.metric[0].value == f"{rank:.3f}"
    first = figure(app, "likelihoods_scatter_glow_glow.patches_mnist_0")["data"][0]
    assert first["name"] == "Garments"
    assert len(first["customdata"]) == 1000


@pytest.mark.slow
def test_the_ends_of_the_difference_are_its_largest_and_smallest():
    app = opened("likelihoods", likelihoods_view="models")
    columns = service.per_image_table(GLOW, ["garments", "mnist"])
    detector_values = columns["ratio_general"] / np.log(2) / 1024
    for order, value in (
        ("strangest", detector_values.max()),
        ("most normal", detector_values.min()),
    ):
        label = app.button(f"likelihoods_end_{order}_0").label
        assert label.replace("\\", "").endswith(f" {numeral(value, '+.2f')}")
    app.button("likelihoods_end_strangest_0").click().run()
    assert not app.exception
    assert app.session_state["likelihoods_view"] == "scales"
    picked = app.session_state["likelihoods_set"], app.session_state["likelihoods_index"]
    assert "{}#{}".format(*picked) == columns["image"][detector_values.argmax()]


def test_one_flow_alone_is_offered_no_other_to_be_compared_with():
    app = opened("likelihoods", scenario="screws", likelihoods_view="models")
    assert not app.exception
    shown = app.segmented_control("likelihoods_view")
    assert "Model against model" not in shown.options
    assert shown.value == "scales"
    both = opened("likelihoods").segmented_control("likelihoods_view").options
    assert "Model against model" in both


def test_drawn_images_of_a_control_without_scales_say_so():
    app = opened("likelihoods", likelihoods_view="drawn", likelihoods_model="glow.dense")
    assert not app.exception
    assert [i.value for i in app.info] == ["fashion/glow.dense has no scales to draw anew"]


@pytest.mark.slow
def test_a_picked_image_outlives_a_look_at_another_view():
    app = opened("likelihoods", likelihoods_image="garments#17")
    for view in ("models", "drawn", "scales"):
        app.session_state["likelihoods_view"] = view
        app.run()
        assert not app.exception
    assert app.session_state["likelihoods_set"] == "garments"
    assert app.number_input("likelihoods_index").value == 17


@pytest.mark.slow
def test_a_picked_image_shows_its_own_numbers():
    app = opened("likelihoods", likelihoods_image="garments#17")
    view = service.ask(ImageQuery(GLOW, "garments", 17))
    shown = app.dataframe[0].value
    assert shown["value"][0].startswith(f"{view.displayed['total']:.3f}")
    assert shown["percentile"].tolist() == pytest.approx(list(view.percentiles.values()))
    app.number_input("likelihoods_index").set_value(18).run()
    assert app.dataframe[0].value["value"][0] != shown["value"][0]


@pytest.mark.slow
def test_the_worst_strange_image_has_the_lowest_score_of_its_set():
    app = opened("likelihoods", likelihoods_image="mnist#5")
    app.button("likelihoods_most normal").click().run()
    part = service.ask(service.OverviewQuery("fashion")).detectors[0].card.score.part
    scores = service.per_image_table(GLOW, ["mnist"])[part]
    assert app.session_state["likelihoods_index"] == scores.argmin()


@pytest.mark.slow
def test_another_set_that_is_smaller_draws_the_number_back():
    app = opened("likelihoods", likelihoods_image="mnist#9999")
    app.selectbox("likelihoods_set").select("noise").run()
    assert not app.exception
    assert app.session_state["likelihoods_index"] == 999


@pytest.mark.slow
def test_the_gallery_turns_its_page_and_shows_what_is_clicked():
    app = opened("likelihoods", likelihoods_order="strangest", likelihoods_from="strange")
    first = app.button("likelihoods_pick_0").label
    app.session_state["likelihoods_page"] = 2
    app.run()
    assert app.button("likelihoods_pick_0").label != first
    app.button("likelihoods_pick_3").click().run()
    assert not app.exception
    assert app.session_state["likelihoods_set"] == "mnist"


@pytest.fixture
def damaged(tmp_path, monkeypatch):
    """A copy of the shipped scenario that a test may damage."""
    target = tmp_path / "fashion"
    shutil.copytree(settings().checkpoints / "fashion", target)
    monkeypatch.setenv("OUTSKIRTS_CHECKPOINTS", str(tmp_path))
    forget()
    yield target
    monkeypatch.undo()
    forget()


def forget() -> None:
    settings.cache_clear()
    service.forget()


def test_a_missing_checkpoint_is_one_line_that_says_how_to_train_it(damaged):
    (damaged / "glow.json").unlink()
    app = opened("likelihoods")
    assert not app.exception
    assert [e.value for e in app.error] == [
        "no checkpoint fashion/glow: train it with `python -m core train fashion/glow`"
    ]


def test_a_flipped_byte_in_the_weights_is_one_line(damaged):
    weights = damaged / "glow.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    app = opened("likelihoods")
    assert not app.exception
    assert len(app.error) == 1
    assert "not those of their card" in app.error[0].value


@pytest.mark.slow
def test_the_sheet_of_terms_opens():
    app = opened()
    next(b for b in app.sidebar.button if b.label == "Terms and keys").click().run()
    assert not app.exception
    text = written(app)
    for term in ("AUPR", "FPR at 95 % TPR", "flow", "likelihood", "bits per dimension", "logit"):
        assert f"| {term} |" in text
    for term in ("typicality", "complexity-corrected"):
        assert f"| {term} |" in text
    assert "can be\nselected with the filter" not in text


# Seeds, thresholds, figures ---------------------------------------------------------------------


def seen(auroc: float, half: float = 0.02) -> Seen:
    return Seen(auroc, auroc - half, auroc + half)


def test_a_part_that_another_seed_fools_is_said_to_be_fooled_too_in_bold():
    one = Luck("scale_4", seen(0.92), {"glow.seed-0": seen(0.15), "glow.seed-1": seen(0.71)})
    assert one.contradicts == ("glow.seed-0",)
    assert seeds.said(one, "4x4 scale", "digits") == (
        "4x4 scale has an AUROC of 0.920 on digits, and 0.710 from another seed. "
        "**From glow.seed-0 (0.150) it is fooled too: it finds digits more normal than normal.**"
    )
    warned = seeds.warnings({"mnist": [one]}, {"scale_4": "4x4 scale"}, {"mnist": "digits"})
    assert warned.endswith("- On digits: 4x4 scale (0.920 → **0.150 fooled too**).")


def test_parts_on_one_side_of_a_coin_from_every_seed_are_no_warning():
    steady = [
        Luck("total", seen(0.1), {"b": seen(0.2)}),
        Luck("complexity", seen(0.98), {"b": seen(0.97)}),
    ]
    assert [one.contradicts for one in steady] == [(), ()]
    assert "each of them is fooled" in seeds.said(steady[0], "Full likelihood", "digits")
    titles = {"total": "Full likelihood", "complexity": "Complexity-corrected"}
    assert seeds.warnings({"mnist": steady}, titles, {"mnist": "digits"}) == ""


@pytest.mark.parametrize("half", [0.03, np.nan])
def test_a_seed_whose_interval_holds_a_coin_is_no_more_fooled_here_than_on_likelihoods(half):
    one = Luck("scale_4", seen(0.92), {"b": seen(0.48, half)})
    assert one.contradicts == ()
    assert "none of them is fooled" in seeds.said(one, "4x4 scale", "digits")
    assert seeds.warnings({"mnist": [one]}, {"scale_4": "4x4 scale"}, {"mnist": "digits"}) == ""
    own = Luck("scale_4", seen(0.48, half), {"b": seen(0.1)})
    assert own.contradicts == ("b",)
    assert "b (0.100) it is fooled too" in seeds.said(own, "4x4 scale", "digits")


def test_luck_takes_the_interval_of_a_seed_from_its_card_unless_it_was_trained_since(models: Tiny):
    card = with_seeds(models, total=(0.1, 0.2)).card
    assert card is not None
    m = dataclasses.replace(card.metrics["strokes"]["total"], auroc=0.2, low=0.1, high=0.6)
    (one,) = service.luck(card, "strokes", {"glow.seed-1": {"strokes": {"total": m}}})
    assert one.others == {"glow.seed-1": Seen(0.2, 0.1, 0.6)}
    m = dataclasses.replace(m, auroc=0.3)
    (one,) = service.luck(card, "strokes", {"glow.seed-1": {"strokes": {"total": m}}})
    assert one.others == {"glow.seed-1": Seen(0.2, 0.2, 0.2)}


def test_one_image_has_no_interval_on_any_page(models: Tiny):
    row = with_seeds(models, total=(0.1, 0.2))
    assert row.card is not None
    metrics = {
        name: {
            part: dataclasses.replace(m, low=np.nan, high=np.nan, n_strange=1)
            for part, m in parts.items()
        }
        for name, parts in row.card.metrics.items()
    }
    card = row.card.model_copy(update={"metrics": metrics})
    lone = next(iter(metrics["strokes"].values()))
    assert draw.interval(lone) == "no interval"
    assert "nan" not in readings.cell(dataclasses.replace(row, card=card), "strokes")
    rows = [dataclasses.replace(row, card=card), row]
    said = readings.verdict(rows, {"strokes": "Strokes"})
    assert said == "There is no interval on strokes."
    low = figures.intervals({"a": lone, "b": dataclasses.replace(lone, auroc=0.2)}, marked="a")
    assert low.layout.yaxis.range[0] == min(lone.auroc, 0.2)


@pytest.mark.parametrize("page", ["overview", "cards", "likelihoods"])
def test_no_page_shows_a_bound_that_is_none(models: Tiny, monkeypatch, page):
    read = checkpoint.read_card

    def lonely(folder, stem):
        card = read(folder, stem)
        metrics = {
            name: {
                part: dataclasses.replace(m, low=np.nan, high=np.nan) for part, m in parts.items()
            }
            for name, parts in card.metrics.items()
        }
        return card.model_copy(update={"metrics": metrics})

    monkeypatch.setattr(checkpoint, "read_card", lonely)
    load = checkpoint.load
    monkeypatch.setattr(checkpoint, "load", lambda f, s: (load(f, s)[0], lonely(f, s)))
    app = opened(page)
    assert not app.exception
    tables = [str(t.value.to_dict()) for t in (*app.table, *app.dataframe)]
    tables += [h.proto.body for h in app.get("html")]
    plots = [c.proto.spec for c in app.get("plotly_chart")]
    shown = " ".join([written(app), *tables, *plots])
    assert "no interval" in shown
    assert not re.search(r"\bnan\W{1,3}nan\b", shown)


def test_every_ending_that_the_command_line_takes_can_be_uploaded(models: Tiny):
    (uploader,) = opened("likelihoods").get("file_uploader")
    assert set(SUFFIXES) <= set(uploader.proto.type)


def with_seeds(models: Tiny, **auroc: tuple[float, float]) -> DetectorRow:
    """Glow of the tiny scenario with this said of two seeds, itself first, on strokes.

    Of itself, the full likelihood has 0.1 on every set and each other part 0.9.
    """
    row = next(r for r in service.ask(service.OverviewQuery("tiny")).detectors if r.name == "glow")
    assert row.card is not None
    seeds = Seeds(
        models=("glow", "glow.seed-1"), text="2 random starts", auroc={"strokes": dict(auroc)}
    )
    metrics = {
        name: {
            part: dataclasses.replace(m, auroc=at, low=at - 0.05, high=at + 0.05)
            for part, m in parts.items()
            for at in [0.1 if part == "total" else 0.9]
        }
        for name, parts in row.card.metrics.items()
    }
    card = row.card.model_copy(update={"seeds": seeds, "metrics": metrics}).sealed()
    text = card.model_dump_json()
    (models.folder / "glow.json").write_text(text, encoding="utf-8")
    return dataclasses.replace(row, card=card)


def test_no_sentence_on_a_correction_claims_what_another_seed_contradicts(models: Tiny):
    agree = service.corrections(with_seeds(models, total=(0.1, 0.2), ratio_general=(0.9, 0.8)), {})
    against = service.corrections(
        with_seeds(models, total=(0.1, 0.8), ratio_general=(0.9, 0.7)), {}
    )
    pair = (0.1, 0.9)
    assert (agree[0].helps, agree[0].wavers) == ({"strokes": pair, "turned": pair}, {})
    assert (against[0].helps, against[0].wavers) == ({"turned": pair}, {"strokes": pair})


def test_the_model_itself_is_none_of_its_other_seeds(models: Tiny):
    card = with_seeds(models, total=(0.1, 0.2)).card
    assert card is not None
    (one,) = service.luck(card, "strokes", {})
    assert list(one.others) == ["glow.seed-1"]
    assert one.own.auroc == 0.1
    assert service.luck(card, "turned", {}) == ()


def test_a_card_flags_in_the_unit_of_all_pages(models: Tiny):
    app = opened("cards", cards_model="glow")
    assert not app.exception
    value, unit = service.flagged_above(Target("tiny", "glow"))
    assert f"Flagged above {value:.4g} {unit}" in written(app)
    assert "in nats" not in written(app)
    found = service.ask(LikelihoodsQuery(Target("tiny", "glow"), "strokes"))
    part = next(p for p in found.parts if p.is_score)
    assert unit == part.unit
    assert part.edges[0] <= value <= part.edges[-1]


def test_which_seed_which_luck_shows_its_picture(models: Tiny):
    with_seeds(models, total=(0.1, 0.2), typicality=(0.9, 0.3))
    app = opened("cards")
    assert not [c for c in app.get("plotly_chart") if "cards_seeds" in c.proto.id]
    app.session_state["cards_view"], app.session_state["cards_model"] = "seeds", "glow"
    app.run()
    assert not app.exception
    drawn = figure(app, "cards_seeds")["data"]
    assert [trace["name"] for trace in drawn] == ["Glow", "Glow, this model"]
    symbols = {(t["marker"]["symbol"], t["marker"]["size"]) for t in drawn}
    assert len(symbols) == len(drawn)
    assert "0.300 fooled too" in written(app)
    app.session_state["cards_model"] = "glow.general"
    app.run()
    assert not app.exception
    assert "were not measured" in app.info[0].value


@pytest.mark.slow
def test_a_scenario_that_trains_nothing_has_all_its_pages(tiny_scenario: Tiny):
    change(tiny_scenario, lambda s: s.update(training={}))
    for page in (row.stem for row in PAGES):
        app = opened(page)
        assert not app.exception, page
    assert [i.value for i in opened("cards").info] == ["Boxes: no model is to be trained here."]


@pytest.mark.slow
@pytest.mark.parametrize("page", [row.stem for row in PAGES])
def test_a_finger_scrolls_past_every_figure(models: Tiny, page):
    with_seeds(models, total=(0.1, 0.2), typicality=(0.9, 0.3))
    app = opened(page, cards_view="seeds", cards_model="glow")
    specs = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    assert page not in ("likelihoods", "cards") or specs
    assert all(spec["layout"]["dragmode"] is False for spec in specs)


def test_whoever_offers_an_upload_says_where_it_goes(models: Tiny):
    app = opened("likelihoods")
    (uploader,) = app.get("file_uploader")
    assert PRIVATE in uploader.proto.help
    for path in Path(seeds.__file__).parent.glob("*.py"):
        assert "stays on this machine" not in path.read_text(encoding="utf-8"), path.name


@pytest.mark.slow
def test_the_ablation_says_why_overview_has_another_figure_of_its_method():
    assert any("Overview" in c.value for c in opened("outskirts").caption)


def test_targets_are_checked_part_by_part():
    assert parse_target("fashion/glow") == GLOW
    for wrong in ("fashion", "nowhere/glow", "fashion/nothing", "fashion/glow.shoe"):
        with pytest.raises(service.OutskirtsError):
            parse_target(wrong)
