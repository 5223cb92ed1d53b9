"""Each page through Streamlit's own AppTest, on the shipped scenario."""

import json
import shutil

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import service
from core.service import ImageQuery, LikelihoodsQuery, PairQuery, Target, parse_target
from core.settings import settings

pytestmark = pytest.mark.usefixtures("quick_apps")

GLOW = Target("fashion", "glow")


def opened(page: str | None = None, **state: object) -> AppTest:
    """The app after its first run, on a page, with controls set beforehand."""
    app = AppTest.from_file("../pages/_frame.py", default_timeout=60).run()
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


def test_overview_opens_and_shows_the_cards_auroc_with_its_interval():
    app = opened()
    assert not app.exception
    row = service.overview("fashion").detectors[0]
    assert row.card is not None
    figures = row.card.metrics["mnist"][row.card.score.part]
    cells = app.table[0].value["Digits"]
    assert cells.str.contains(f"{figures.auroc:.3f}", regex=False).any()
    assert cells.str.contains(
        f"{figures.low:.3f}\u2060–\u2060{figures.high:.3f}", regex=False
    ).any()


def test_overview_marks_what_is_below_chance_by_a_sign():
    table = opened().table[0].value
    card = service.overview("fashion").detectors[0].card
    assert card is not None
    for i, part in enumerate(card.calibration.quantiles):
        below = card.metrics["mnist"][part].high < 0.5
        assert ("▼" in table["Digits"][i]) == below, part


def test_try_this_leads_to_the_likelihoods_of_its_set():
    app = opened()
    app.button("try_turned").click().run()
    assert not app.exception
    assert app.title[0].value == "Likelihoods"
    assert app.session_state["likelihoods_strange"] == "turned"


@pytest.mark.slow
def test_every_start_leads_to_a_page_without_error_and_in_the_state_it_promises():
    starts = [b.key for b in opened().button if str(b.key).startswith("try_")]
    trained = {r.name for r in service.overview("fashion").detectors if r.card is not None}
    assert len(starts) == 7 + ("outskirts" in trained)
    for key in starts:
        app = opened()
        app.button(key).click().run()
        assert not app.exception, key
        assert not app.error, key
        others = {"try_cards": "cards", "try_map": "latent", "try_outskirts": "outskirts"}
        page = others.get(str(key), "likelihoods")
        model = "outskirts" if page == "outskirts" else "glow"
        assert app.session_state[f"{page}_model"] == model
        titles = {"cards": "Model cards", "latent": "Latent space", "outskirts": "Outskirts"}
        assert app.title[0].value == titles.get(page, "Likelihoods")


@pytest.mark.parametrize("strange", ["mnist", "noise"])
def test_likelihoods_says_what_the_numbers_say(strange):
    app = opened("likelihoods", likelihoods_strange=strange)
    assert not app.exception
    text = written(app)
    found = service.likelihoods(LikelihoodsQuery(GLOW, strange))
    total, *others = found.parts
    assert f"AUROC **{total.figures.auroc:.3f}**" in text
    panels = figure(app, "likelihoods_parts")["layout"]["annotations"]
    for part, title in zip(others, panels, strict=True):
        assert title["text"].startswith(part.title)
        assert f"AUROC {part.figures.auroc:.3f}" in title["text"]
    likelier = total.figures.high < 0.5
    assert ("**likelier**" in text) == likelier


@pytest.mark.slow
def test_every_model_has_its_likelihoods_and_its_numbers():
    for row in service.overview("fashion").detectors:
        if row.detector != "Glow":
            continue
        app = opened("likelihoods", likelihoods_model=row.name, likelihoods_index=4)
        assert not app.exception, row.name
        target = Target.of("fashion", row.name)
        view = service.image(ImageQuery(target, "mnist", 4))
        assert app.dataframe[0].value["value"][0].startswith(f"{view.shown['total']:.3f}")


def test_a_detector_without_explanations_has_its_numbers_all_the_same():
    found = service.image(ImageQuery(Target("fashion", "outskirts"), "mnist", 4))
    assert found.maps == {}
    assert found.parts["logit"] == pytest.approx(
        np.mean([v for k, v in found.parts.items() if k.startswith("logit_")]), rel=1e-5
    )
    assert found.flagged


def test_two_models_are_compared_by_the_rank_correlation_of_all_images():
    app = opened("likelihoods", likelihoods_view="Model against model")
    assert not app.exception
    patches = Target.of("fashion", "glow.patches")
    rank = service.pair(PairQuery(GLOW, patches, "mnist")).rank["both"]
    assert app.metric[0].value == f"{rank:.3f}"
    first = figure(app, "likelihoods_scatter_glow_glow.patches_mnist_0")["data"][0]
    assert first["name"] == "Garments"
    assert len(first["customdata"]) == 1000


def test_the_ends_of_the_difference_are_its_largest_and_smallest():
    app = opened("likelihoods", likelihoods_view="Model against model")
    columns = service.per_image_table(GLOW, ["garments", "mnist"])
    detector_values = columns["ratio_general"] / np.log(2) / 1024
    assert app.button("likelihoods_end_strangest_0").label == f"{detector_values.max():+.2f}"
    assert app.button("likelihoods_end_most normal_0").label == f"{detector_values.min():+.2f}"
    app.button("likelihoods_end_strangest_0").click().run()
    assert not app.exception
    assert app.session_state["likelihoods_view"] == "Scales"
    picked = app.session_state["likelihoods_set"], app.session_state["likelihoods_index"]
    assert "{}#{}".format(*picked) == columns["image"][detector_values.argmax()]


def test_drawn_images_of_a_control_without_scales_say_so():
    app = opened("likelihoods", likelihoods_view="Drawn images", likelihoods_model="glow.dense")
    assert not app.exception
    assert [i.value for i in app.info] == ["fashion/glow.dense has no scales to draw anew"]


def test_a_picked_image_outlives_a_look_at_another_view():
    app = opened("likelihoods", likelihoods_set="garments", likelihoods_index=17)
    for view in ("Model against model", "Drawn images", "Scales"):
        app.session_state["likelihoods_view"] = view
        app.run()
        assert not app.exception
    assert app.session_state["likelihoods_set"] == "garments"
    assert app.number_input("likelihoods_index").value == 17


@pytest.mark.parametrize("name", ["glow", "glow.general", "glow.seed-1"])
def test_a_card_says_what_its_file_says(name):
    app = opened("cards", cards_model=name)
    assert not app.exception
    found = service.overview("fashion")
    row = next(r for r in (*found.detectors, *found.twins) if r.name == name)
    text = written(app)
    for word in (row.card.data.name, f"Seed {row.card.training.seed}", row.card.score.why):
        assert word in text
    for line in (*row.card.deviations, *row.card.limits):
        assert line in text
    table = frame(app, "strange set")
    digits = table[table["strange set"] == "Digits"]
    assert digits["AUROC"].tolist() == [m.auroc for m in row.card.metrics["mnist"].values()]
    assert ("seeds" in table) == (row.card.seeds is not None)
    assert row.card.paper["bibtex"] in app.code[0].value


def test_cards_lists_every_checkpoint_that_ships():
    listed = frame(opened("cards"), "checkpoint")["checkpoint"].tolist()
    files = settings().checkpoints.glob("fashion/*.safetensors")
    assert sorted(listed) == sorted(f.stem for f in files)


def test_the_sentences_of_overview_carry_the_numbers_of_the_card():
    text = written(opened())
    row = service.overview("fashion").detectors[0]
    for found in service.corrections(row):
        for before, after in (*found.helps.values(), *found.costs.values()):
            assert f"{before:.3f} → {after:.3f}" in text


def test_a_picked_image_shows_its_own_numbers():
    app = opened("likelihoods", likelihoods_set="garments", likelihoods_index=17)
    view = service.image(ImageQuery(GLOW, "garments", 17))
    shown = app.dataframe[0].value
    assert shown["value"][0].startswith(f"{view.shown['total']:.3f}")
    assert shown["percentile"].tolist() == pytest.approx(list(view.percentiles.values()))
    app.number_input("likelihoods_index").set_value(18).run()
    assert app.dataframe[0].value["value"][0] != shown["value"][0]


def test_the_worst_strange_image_has_the_lowest_score_of_its_set():
    app = opened("likelihoods", likelihoods_set="mnist")
    app.button("likelihoods_Worst").click().run()
    part = service.overview("fashion").detectors[0].card.score.part
    scores = service.per_image_table(GLOW, ["mnist"])[part]
    assert app.session_state["likelihoods_index"] == scores.argmin()


def test_an_index_past_the_end_of_a_smaller_set_is_drawn_back():
    app = opened("likelihoods", likelihoods_set="noise", likelihoods_index=9999)
    assert not app.exception
    assert app.session_state["likelihoods_index"] == 999


def test_the_gallery_turns_its_page_and_shows_what_is_clicked():
    app = opened("likelihoods", likelihoods_order="strangest", likelihoods_from="strange")
    first = app.button("likelihoods_pick_0").label
    app.button("likelihoods_Next").click().run()
    assert app.session_state["likelihoods_page"] == 2
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
    import streamlit as st

    settings.cache_clear()
    service.forget()
    st.cache_data.clear()


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


def test_the_sheet_of_terms_opens():
    app = opened()
    next(b for b in app.sidebar.button if b.label == "Terms and keys").click().run()
    assert not app.exception
    assert "bits per dimension" in written(app)


def test_targets_are_checked_part_by_part():
    assert parse_target("fashion/glow") == GLOW
    for wrong in ("fashion", "nowhere/glow", "fashion/nothing", "fashion/glow.shoe"):
        with pytest.raises(service.OutskirtsError):
            parse_target(wrong)
