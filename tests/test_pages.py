"""Each page through Streamlit's own AppTest, on the shipped scenario."""

import shutil

import pytest
from streamlit.testing.v1 import AppTest

from core import service
from core.scenario import load_scenario
from core.service import ImageQuery, LikelihoodsQuery, Target, parse_target
from core.settings import settings

GLOW = Target("fashion", "glow")


def opened(page: str | None = None, **state: object) -> AppTest:
    """The app after its first run, on a page, with controls set beforehand."""
    app = AppTest.from_file("../pages/_frame.py", default_timeout=60).run()
    for key, value in state.items():
        app.session_state[key] = value
    return app.switch_page(f"{page}.py").run() if page else app.run()


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


@pytest.mark.parametrize("strange", ["mnist", "noise"])
def test_likelihoods_says_what_the_numbers_say(strange):
    app = opened("likelihoods", likelihoods_strange=strange)
    assert not app.exception
    text = written(app)
    found = service.likelihoods(LikelihoodsQuery(GLOW, strange))
    for part in found.parts:
        assert f"AUROC **{part.figures.auroc:.3f}**" in text
    likelier = found.parts[0].figures.high < 0.5
    assert ("**likelier**" in text) == likelier


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
    load_scenario.cache_clear()
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
