"""The page Model cards: what it says is what the cards hold."""

import csv
import io
import re

import pytest
from streamlit.testing.v1 import AppTest

from core import service
from core.card import read_card
from core.settings import settings
from pages._cards import essentials, figures
from pages._cards.details import in_titles
from pages._cards.figures import metrics_csv
from pages._shared.text import minutes, times

pytestmark = pytest.mark.usefixtures("quick_apps")


def opened(**state: object) -> AppTest:
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    for key, value in state.items():
        app.session_state[key] = value
    app = app.switch_page("cards.py").run()
    assert not app.exception
    return app


def table_with(app: AppTest, column: str):
    """The static table that has that column."""
    return next(t.value for t in app.table if column in t.value)


def written(app: AppTest) -> str:
    return "\n".join(m.value for m in app.markdown)


@pytest.mark.parametrize("name", ["glow", "glow.general", "glow.seed-1"])
def test_a_card_says_what_its_file_says(name):
    app = opened(cards_model=name)
    found = service.ask(service.OverviewQuery("fashion"))
    row = next(r for r in (*found.detectors, *found.seed_replicates) if r.name == name)
    text = written(app)
    why = in_titles(row.card.score.why, row.part_titles)
    assert row.part_titles[row.card.score.part] in why
    for word in (row.card.data.name, f"Seed {row.card.training.seed}", why):
        assert word in text
    for line in (*row.card.deviations, *row.card.limits):
        assert in_titles(line, row.part_titles) in text
    assert not any(f"`{part}`" in text for part in row.part_titles)
    table = table_with(app, "Digits")
    for cell, part in zip(table["Digits"], row.part_titles, strict=True):
        m = row.card.metrics["mnist"][part]
        assert f"{m.auroc:.3f}" in cell
        assert f"{m.low:.3f}\u2060–\u2060{m.high:.3f}" in cell
        assert ("▼" in cell) == m.fooled
    starred = [p for p, title in zip(row.part_titles, table["part"], strict=True) if "★" in title]
    assert starred == [row.card.score.part]
    assert row.card.paper["bibtex"] in app.code[0].value


@pytest.mark.parametrize(("measure", "shown"), [("aupr", "aupr"), ("fpr95", "fpr95")])
def test_a_card_shows_every_measure_that_it_holds(measure, shown):
    app = opened(cards_measure=measure)
    metrics = service.ask(service.OverviewQuery("fashion")).detectors[0].card.metrics["mnist"]
    expected = [f"{getattr(m, shown):.3f}" for m in metrics.values()]
    assert table_with(app, "Digits")["Digits"].tolist() == expected


def test_the_first_thing_of_a_card_is_its_score_on_every_strange_set():
    app = opened()
    (row, *_), scenario = (
        service.ask(service.OverviewQuery("fashion")).detectors,
        service.ask(service.OverviewQuery("fashion")).scenario,
    )
    (top,) = [h.proto.body for h in app.get("html") if 'role="list"' in h.proto.body]
    assert top.count('role="listitem"') == 1 + len(scenario.strange)
    for one in scenario.strange:
        figures = row.card.metrics[one.name][row.card.score.part]
        cell = next(c for c in top.split('role="listitem"') if f">{one.title}<" in c)
        assert f">{figures.auroc:.3f}<" in cell
        assert f"{figures.low:.3f}–{figures.high:.3f}" in cell
        assert ("below chance" in cell) == figures.fooled


def test_figures_of_a_card_are_taken_away_with_their_set_and_part():
    row = service.ask(service.OverviewQuery("fashion")).detectors[0]
    strange = service.ask(service.OverviewQuery("fashion")).scenario.strange
    rows = list(csv.DictReader(io.StringIO(metrics_csv(row, strange).decode())))
    assert len(rows) == sum(len(row.card.metrics[s.name]) for s in strange)
    for line in rows:
        m = row.card.metrics[line["set"]][line["part"]]
        assert float(line["auroc"]) == m.auroc
        assert (float(line["low"]), float(line["high"])) == (m.low, m.high)
        assert (line["is score"] == "True") == (line["part"] == row.card.score.part)


def test_cards_lists_every_checkpoint_that_ships():
    table = table_with(opened(), "parameters")
    listed = [model.rpartition("`]")[0].rpartition("`")[2] for model in table["model"]]
    files = settings().checkpoints.glob("fashion/*.safetensors")
    assert sorted(listed) == sorted(f.stem for f in files)
    said = " ".join(table.to_numpy().ravel())
    assert not re.search(r"\d\.\d+ minutes|\b1 (times|minutes)", said)


@pytest.mark.slow
def test_a_card_counts_as_one_says_it():
    found = service.ask(service.OverviewQuery("fashion"))
    for row in (*found.detectors, *found.seed_replicates):
        text = written(opened(cards_model=row.name))
        t = row.card.training
        assert f"{minutes(t.minutes).capitalize()}; the {t.fixed} were fixed beforehand" in text
        assert f"resumed {times(t.resumed)}." in text


def test_models_are_chosen_by_title_and_the_checkpoint_is_named_on_the_card():
    app = opened(cards_model="glow.patches")
    found = service.ask(service.OverviewQuery("fashion"))
    titles = [row.title for row in (*found.detectors, *found.seed_replicates)]
    assert app.selectbox("cards_model").options == titles
    assert "**Patch flow** (`fashion/glow.patches`)" in written(app)


@pytest.mark.parametrize(
    ("old", "view"), [("Seeds", "seeds"), ("Card", "card"), ("seeds", "seeds")]
)
def test_older_links_to_a_card_name_what_is_shown_by_its_label(old, view):
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    app.query_params["cards_view"] = old
    app = app.switch_page("cards.py").run()
    assert app.session_state["cards_view"] == view


@pytest.mark.slow
def test_a_model_without_training_says_so_and_each_set_what_it_is_measured_against():
    found = service.ask(service.OverviewQuery("solar"))
    [row] = found.detectors
    app = opened(scenario="solar")
    said = figures.how(row.card, found.scenario.strange)
    assert said in [c.value for c in app.caption]
    assert "313 against 235 normal; " in said
    assert "402 against 368 normal." in said
    assert "Normal test images" not in said  # no figure of theirs is in the card
    text = written(app)
    assert "No weight was trained" in text
    assert "ess than a minute" not in text  # only steps are timed, and it took none
    assert " 0 steps" not in text
    assert "sum_pixels" not in text.split("Settings:")[0]
    assert list(table_with(app, "parameters")["parameters"]) == ["–"]


def test_a_card_says_whose_images_it_stands_on():
    found = service.ask(service.OverviewQuery("screws"))
    row = next(r for r in found.detectors if r.name == "novelty")
    app = opened(scenario="screws", cards_model="novelty", cards_view="images")
    text = written(app)
    assert f"learned from {row.card.data.images:,} images" in text
    for one in found.scenario.sets:
        assert f"**{one.title}.** {one.text}" in text
        assert f"{one.licence}." in text
    assert all(in_titles(line, row.part_titles) in text for line in row.card.limits)
    (top,) = [h.proto.body for h in app.get("html") if 'role="list"' in h.proto.body]
    for one in found.scenario.sets:
        cell = next(c for c in top.split('role="listitem"') if f">{one.title}<" in c)
        assert f">{found.sizes[one.name]:,}<" in cell
        assert f"images, {one.role}<" in cell


@pytest.mark.parametrize("name", ["fashion", "photos", "screws", "solar"])
def test_what_cards_propose_to_try_is_not_where_they_open(name):
    found = service.ask(service.OverviewQuery(name))
    states = [dict(tile.state) for tile in found.scenario.start if tile.page == "cards"]
    opens = {"model": found.detectors[0].name}
    assert states
    assert any(state != opens for state in states)


def test_the_rule_of_the_threshold_claims_no_share_that_so_few_images_cannot_give() -> None:
    card = read_card(settings().checkpoints / "fashion", "glow")
    n = card.calibration.images
    flagged = card.score.threshold_rule.partition(": ")[2]
    assert essentials.rule(card) == f"95 % quantile of {n:,} calibration images: {flagged}"
    few = card.model_copy(update={"calibration": card.calibration.model_copy(update={"images": 8})})
    said = essentials.rule(few).replace("\u00a0", " ")
    assert said.startswith("95 % quantile of 8 calibration images. One of them is 12.5 % of all")
    assert "5 % of normals" not in said
