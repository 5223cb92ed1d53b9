"""Overview through Streamlit's AppTest: the picture, the starts, the numbers, and what is said."""

import dataclasses
import re
from html.parser import HTMLParser
from urllib.parse import parse_qs

import numpy as np
import pytest
from conftest import Tiny, change
from streamlit.dataframe_util import DataFormat
from streamlit.testing.v1 import AppTest

from core import checkpoint, service
from core.service import OverviewQuery, best_of, hardest, most_fooled
from pages._overview import cells, figures, numbers
from pages._shared import seeds
from pages._shared.theme import DARK, LIGHT, contrast

pytestmark = pytest.mark.usefixtures("quick_apps")


def opened(**state: object) -> AppTest:
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    for key, value in state.items():
        app.session_state[key] = value
    return app.run()


def written(app: AppTest) -> str:
    return "\n".join(m.value for m in (*app.markdown, *app.caption))


class _Rows(HTMLParser):
    """Rows of a table as lists of its cells' words, with their titles and pictures' alt texts."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append(f"{dict(attrs).get('title') or ''} ")
        elif tag == "img":
            self.rows[-1][-1] += dict(attrs).get("alt") or ""

    def handle_data(self, data: str) -> None:
        if self.rows:
            self.rows[-1][-1] += f"{data} "


def table(app: AppTest, label: str) -> dict[str, list[str]]:
    """The rows of the table that is called so, by their first cell's words; the head is ""."""
    body = next(h.proto.body for h in app.get("html") if f'aria-label="{label}' in h.proto.body)
    parser = _Rows()
    parser.feed(body)
    head, *rows = parser.rows
    return {"": head} | {" ".join(row[0].split()): row[1:] for row in rows}


def picture(app: AppTest) -> dict[str, list[str]]:
    return table(app, "What is normal")


def all_numbers(app: AppTest) -> dict[str, list[str]]:
    return table(app, "AUROC of every model")


def fashion() -> service.Overview:
    return service.ask(OverviewQuery("fashion"))


# The picture ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_picture_shows_every_set_and_what_each_detector_finds_of_it():
    rows, overview = picture(opened()), fashion()
    for image_set in overview.scenario.sets:
        first, *found = rows[f"{image_set.title} {image_set.role}"]
        assert f"The first 8 images of the set {image_set.title}" in first
        if image_set.role == "normal":
            assert len(found) == 1
            continue
        leading = [row for row in overview.detectors if "." not in row.name]
        for row, cell in zip(leading, found, strict=False):
            m = row.card.metrics[image_set.name][row.card.score.part]
            assert f"{m.auroc:.3f}" in cell
            assert f"{m.low:.3f}–{m.high:.3f}" in cell


def test_the_picture_names_the_best_of_all_models_and_the_part_that_is_fooled_most():
    rows, overview = picture(opened()), fashion()
    leading = [row for row in overview.detectors if "." not in row.name]
    titles = {row.name: row.title for row in overview.detectors}
    for image_set in overview.scenario.strange:
        *_, best, worst = rows[f"{image_set.title} strange"]
        top = best_of(overview.detectors, image_set.name)
        assert titles[top.finding.model] in best
        assert (f"{len(top.alike)} alike" in best) == bool(top.alike)
        bottom = most_fooled(leading, [image_set.name])
        assert (cells.BELOW in worst) == (bottom is not None)
        assert bottom is None or f"{bottom.figures.auroc:.3f}" in worst


def test_what_is_said_under_the_picture_is_what_the_cards_say():
    overview, text = fashion(), written(opened())
    titles = {s.name: s.title for s in overview.scenario.strange}
    for row in overview.detectors:
        if "." not in row.name:
            worst = hardest(row, list(titles))
            figure = f"{worst.figures.auroc:.3f}"
            assert f"for {row.title} it is **{titles[worst.strange]}** ({figure}" in text
    parts = [row.card.metrics["mnist"] for row in overview.detectors if "." not in row.name]
    assert f"Of the {sum(map(len, parts))} parts inside" in text


def test_nothing_is_said_of_models_where_none_is_trained(tiny_scenario: Tiny):
    change(tiny_scenario, lambda s: s.update(training={}))
    app = opened()
    assert not app.exception
    assert "What you see" not in written(app)
    assert "Boxes normal" in picture(app)
    assert [i.value for i in app.info] == ["No model of this scenario is trained yet."]


# The starts -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_start_of_the_scenario_that_has_a_text_is_a_link_named_by_its_content():
    overview, app = fashion(), opened()
    labels = [e.proto.label for e in app.get("page_link") if e.proto.label.startswith("**")]
    assert labels == [f"**{tile.title}**" for tile in overview.scenario.start if tile.text]
    assert len(set(labels)) == len(labels) >= 6
    assert not [b for b in app.main.button if "Try" in b.label]


def test_every_start_names_a_page_and_what_it_changes_there():
    links = [e.proto for e in opened().get("page_link") if e.proto.label.startswith("**")]
    for link in links:
        assert link.query_string, f"{link.label} would show what was looked at before"
        assert all(key.startswith(f"{link.page}_") for key in parse_qs(link.query_string))


# The numbers ------------------------------------------------------------------------------------


def test_the_numbers_are_the_cards_with_their_intervals():
    rows, overview = all_numbers(opened(overview_intervals=True)), fashion()
    for row in overview.detectors:
        shown = rows[f"{row.title} ★ {row.part_titles[row.card.score.part]}"]
        for image_set, cell in zip(overview.scenario.strange, shown, strict=True):
            m = row.card.metrics[image_set.name][row.card.score.part]
            assert image_set.title in cell
            assert f"{m.auroc:.3f}" in cell
            assert f"{m.low:.3f}\u2060–\u2060{m.high:.3f}" in cell


def test_what_is_below_chance_is_marked_by_a_sign():
    rows, row = all_numbers(opened()), fashion().detectors[0]
    for part in row.card.calibration.quantiles:
        title = row.part_titles[part]
        shown = rows[f"★ {title}" if part == row.card.score.part else title]
        for name, cell in zip(row.card.metrics, shown, strict=True):
            below = row.card.metrics[name][part].high < 0.5
            assert (cells.BELOW in cell) == below, (part, name)


def test_parts_are_those_of_the_model_that_is_opened():
    rows = fashion().detectors
    every = sum(1 + len(row.card.calibration.quantiles) for row in rows)
    strange = list(rows[0].card.metrics)
    assert len(numbers.lines(rows, strange, numbers.NONE)) == len(rows)
    assert len(numbers.lines(rows, strange, numbers.EVERY)) == every
    opened_one = [line.title for line in numbers.lines(rows, strange, "outskirts") if line.is_part]
    assert "KL to the prior" in opened_one
    assert "Full likelihood" not in opened_one


def test_bold_is_whom_no_other_model_beats_as_far_as_the_images_tell():
    rows = fashion().detectors
    strange = list(rows[0].card.metrics)
    bold = {line.title: line.best for line in numbers.lines(rows, strange, numbers.NONE)}
    for name in strange:
        best = best_of(rows, name)
        names = {best.finding.model, *(finding.model for finding in best.alike)}
        assert {row.name for row in rows if name in bold[row.title]} == names


def test_the_file_of_all_numbers_holds_every_part_of_every_model():
    rows = fashion().detectors
    strange = list(rows[0].card.metrics)
    text = numbers.csv_of_all(rows, strange).decode().splitlines()
    assert len(text) == 1 + sum(len(row.card.calibration.quantiles) * len(strange) for row in rows)
    m = rows[0].card.metrics["mnist"]["total"]
    assert any(line.startswith(f"glow,total,0,mnist,{m.auroc},{m.low}") for line in text)


def of(auroc, *, wide=0.001):
    """Figures with an interval so wide to each side."""
    return service.Metrics(auroc, auroc - wide, auroc + wide, 0.5, 0.5, 10, 10)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=lambda p: p.name)
def test_numbers_are_legible_on_every_shade_and_a_coin_has_none(colours):
    def shade(auroc):
        return cells.shade(of(auroc), colours)

    for auroc in np.linspace(0, 1, 101):
        assert contrast(shade(auroc), colours.text) >= 4.5
    assert shade(0.5) == colours.background
    assert shade(0.9) != shade(0.1)
    strength = [contrast(shade(a), colours.background) for a in (0.5, 0.6, 0.8, 1)]
    assert strength == sorted(strength)
    for unsure in (of(0.296, wide=0.24), of(0.7, wide=0.24), of(0.7, wide=np.nan)):
        assert cells.shade(unsure, colours) == colours.background


def test_a_bar_goes_from_the_coin_to_the_number():
    assert "left:50.0%;width:40.0%" in cells.bar(of(0.9), LIGHT)
    assert "left:10.0%;width:40.0%" in cells.bar(of(0.1), LIGHT)


def test_a_bar_has_a_colour_where_its_interval_excludes_a_coin():
    for colour, measured in (
        (LIGHT.normal, of(0.9)),
        (LIGHT.strange, of(0.1)),
        (LIGHT.neutral, of(0.296, wide=0.24)),
        (LIGHT.neutral, of(0.9, wide=np.nan)),
    ):
        shown = cells.bar(measured, LIGHT)
        assert [c for c in (LIGHT.normal, LIGHT.strange, LIGHT.neutral) if c in shown] == [colour]


# What is said -----------------------------------------------------------------------------------


def test_the_sentences_carry_the_numbers_of_the_card():
    text, overview = written(opened()), fashion()
    measured = seeds.measured((*overview.detectors, *overview.seed_replicates))
    for found in service.corrections(overview.detectors[0], measured):
        for before, after in (*found.helps.values(), *found.costs.values(), *found.wavers.values()):
            assert f"{before:.3f} → {after:.3f}" in text


def test_the_meaning_of_auroc_is_said_once():
    assert len(re.findall("chance that a strange image", written(opened()))) == 1


def test_models_that_are_alike_in_training_are_not_said_to_differ(models: Tiny, monkeypatch):
    def alike(differs: bool) -> str:
        read = checkpoint.read_card

        def made(folder, stem):
            card = read(folder, stem)
            minutes = 2.0 if differs and stem != "glow" else 1.0
            training = card.training.model_copy(update={"minutes": minutes, "resumed": 1})
            return card.model_copy(update={"training": training})

        with monkeypatch.context() as patch:
            patch.setattr(checkpoint, "read_card", made)
            service.forget()
            return written(opened())

    differing, same = alike(True), alike(False)
    assert "Not alike in training: " in differing
    assert "1 minute, 1 flow step a scale (Glow)" in differing
    assert "2 minutes, 1 flow step a scale (" in differing
    assert "Not alike" not in same
    assert "may be worse" not in same
    assert "trained for 1 minute, resumed once on" in same


@pytest.mark.slow
def test_where_a_class_is_normal_its_study_and_this_page_say_why_their_figures_differ():
    app = opened(scenario="digits-one")
    assert not app.exception
    text, full = written(app), service.read_study("outskirts").row("full", "MNIST").value
    mean = service.ask(service.ClassesQuery("digits-one")).means["outskirts"].auroc
    assert (f"says {full:.3f} of the same method" in text) == (f"{full:.3f}" != f"{mean:.3f}")
    assert f"**{mean:.3f}**" in text
    assert len(picture(app)) == 12  # a head, the normal class, all others together and each of them


def test_one_image_leaves_room_for_its_figure_without_an_interval():
    lone = service.Metrics(0.2, np.nan, np.nan, 0.5, 0.5, 1, 1)
    both = {"a": lone, "b": dataclasses.replace(lone, auroc=0.3)}
    assert figures.intervals(both, marked="a").layout.yaxis.range[0] == 0.2


@pytest.mark.parametrize("page", ["overview", "latent"])
def test_a_newcomer_does_not_wait_for_pandas(monkeypatch, page):
    """Streamlit loads it, for a second, to see whether what a component is given is a table."""
    asked: list[str] = []

    def never(value: object) -> DataFormat:
        asked.append(type(value).__name__)
        return DataFormat.UNKNOWN

    for where in ("dataframe_util", "components.v2.bidi_component.main"):
        monkeypatch.setattr(f"streamlit.{where}.determine_data_format", never)
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    app = app.run() if page == "overview" else app.switch_page(f"{page}.py").run()
    assert app.get("bidi_component")
    assert asked == []
