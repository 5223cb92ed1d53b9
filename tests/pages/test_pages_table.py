"""What every page keeps to: a short script, its title and question, starts that lead to it."""

from __future__ import annotations

import ast
import json
import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from conftest import forget_everything
from streamlit import config
from streamlit.elements.lib import policies
from streamlit.testing.v1 import AppTest
from torch import Tensor, no_grad, zeros_like
from visitor import ROOT

from core import service
from core.explain.attributions import Score, Shared
from core.explain.methods import METHODS
from core.service import OverviewQuery, StartTile
from pages._shared import links
from pages._shared.pages import PAGES, TERMS, row_of, sheet

SCRIPT, FUNCTION = 150, 60  # lines at most
FILES = sorted((ROOT / "pages").rglob("*.py"))
SCENARIOS = sorted(path.parent.name for path in (ROOT / "checkpoints").glob("*/scenario.json"))
STEMS = [page.stem for page in PAGES]

pytestmark = pytest.mark.usefixtures("quick_apps")


# Files ------------------------------------------------------------------------------------------


def long_functions(text: str) -> list[str]:
    """Functions of a file that are longer than a page's may be."""
    return [
        f"{node.name}: {node.end_lineno - node.lineno + 1}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= FUNCTION
    ]


def test_a_page_is_one_short_script():
    lines = {p.stem: len(p.script.read_text(encoding="utf-8").splitlines()) for p in PAGES}
    assert {stem: number for stem, number in lines.items() if number > SCRIPT} == {}


def test_no_function_of_a_page_is_long():
    found = {str(path): long_functions(path.read_text(encoding="utf-8")) for path in FILES}
    assert {path: names for path, names in found.items() if names} == {}


def test_a_function_of_one_line_too_many_is_caught():
    body = "".join(f"    x = {i}\n" for i in range(FUNCTION - 1))
    assert long_functions(f"def f():\n{body}") == []
    assert long_functions(f"def f():\n{body}    x = 0\n") == [f"f: {FUNCTION + 1}"]


def test_every_script_is_a_row_of_the_table_and_every_folder_belongs_to_one():
    scripts = {path.stem for path in (ROOT / "pages").glob("*.py") if path.stem[0] != "_"}
    assert scripts == set(STEMS)
    folders = {path.parent.name for path in FILES if path.parent.name.startswith("_")}
    assert folders <= {"_shared", *(f"_{stem}" for stem in STEMS)}


def test_terms_open_with_those_of_the_page():
    for page in PAGES:
        lines = sheet(page.stem).splitlines()[2:]
        first = [line.split(" | ")[0].removeprefix("| ") for line in lines]
        own = [*page.terms, *TERMS]
        assert first[: len(own)] == own
        assert len(first) == len(set(first)) == len(TERMS) + sum(len(p.terms) for p in PAGES)


# Pages ------------------------------------------------------------------------------------------

DEFAULTED = "was created with a default value but also had its value set"


@pytest.fixture
def warned(monkeypatch) -> Iterator[None]:
    """Streamlit says once that a widget has two values, for which the app's own setting is off."""
    name = "global.disableWidgetStateDuplicationWarning"
    before = config.get_option(name)
    config.set_option(name, False)
    monkeypatch.setattr(policies, "_shown_default_value_warning", False)
    yield
    config.set_option(name, before)


@pytest.fixture
def quiet(caplog, monkeypatch, warned) -> Iterator[None]:
    """No widget has two values, a default and one that was set."""
    logger = logging.getLogger("streamlit.elements.lib.policies")
    monkeypatch.setattr(logger, "propagate", True)
    with caplog.at_level(logging.WARNING):
        yield
    assert [r.getMessage() for r in caplog.records if DEFAULTED in r.getMessage()] == []


def waiting(scenario: str = "") -> AppTest:
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    if scenario:
        app.query_params["scenario"] = scenario
    return app


def at(stem: str, scenario: str = "", **state: object) -> AppTest:
    """A page, reached by a link to this state of it."""
    app = waiting(scenario)
    for key, value in links.query_of(stem, state).items():
        app.query_params[key] = value
    return app.switch_page(f"{stem}.py").run()


@pytest.mark.parametrize("stem", STEMS)
def test_a_page_says_its_title_and_its_question(stem: str, quiet: None):
    app = at(stem) if stem != STEMS[0] else waiting().run()
    assert not app.exception
    assert [title.value for title in app.title] == [row_of(stem).title]
    assert row_of(stem).question in [m.value for m in app.markdown]


def test_a_widget_with_two_values_is_caught(caplog, warned):
    def script():
        import streamlit as st

        st.session_state["x"] = 3
        st.number_input("x", value=5, key="x")

    AppTest.from_function(script).run()
    assert [r for r in caplog.records if DEFAULTED in r.getMessage()]


def test_no_two_pages_have_one_title_or_one_icon():
    assert len({page.title for page in PAGES}) == len({page.icon for page in PAGES}) == len(PAGES)


def test_no_sentence_says_all_of_a_set_that_may_be_called_all_of_something():
    """ "All defects" would become "all all defects", as "Screws" became "Screws has one"."""
    said = re.compile(
        r"\ball \{(?!len\()|\{(?:scenario|other|row)[^{}]*title[^{}]*\} (?:has|trains) "
    )
    wrong = {path.name: said.findall(path.read_text(encoding="utf-8")) for path in FILES}
    assert {name: found for name, found in wrong.items() if found} == {}


def test_a_number_stands_on_one_line_with_its_percent_sign():
    """As `hundredths` writes it: the house has a space there, at which a line would break."""
    said = re.compile(r"\d%\}|(?<!%\{[xy]:)\.\df\} %")
    wrong = {path.name: said.findall(path.read_text(encoding="utf-8")) for path in FILES}
    assert {name: found for name, found in wrong.items() if found} == {}


# Starts -----------------------------------------------------------------------------------------


def described(scenario: str) -> dict[str, Any]:
    """The file of a scenario."""
    with (ROOT / f"checkpoints/{scenario}/scenario.json").open(encoding="utf-8") as file:
        return json.load(file)


def starts(scenario: str) -> list[StartTile]:
    """The starts of a scenario, of its first class where a class is normal."""
    variants = described(scenario).get("variants")
    name = f"{scenario}.{variants[0]}" if variants else scenario
    found = list(service.ask(OverviewQuery(name)).scenario.start)
    assert len(found) == len(described(scenario)["start"])
    return found


def source_of(stem: str) -> str:
    """A page's script and parts."""
    parts = [path for path in FILES if path.parent.name == f"_{stem}"]
    return "\n".join(p.read_text(encoding="utf-8") for p in (row_of(stem).script, *parts))


def without_work(score: Score, x: Tensor, baseline: Tensor, _seed: int) -> Shared:
    """A map of nothing: all of the difference to the baseline is left over."""
    with no_grad():
        return zeros_like(x), score(baseline)


@pytest.fixture(scope="module")
def quick_maps() -> Iterator[None]:
    """Maps of methods that cost a minute a large picture: here nobody looks at their pixels.

    What they show is asked of each method, and one page draws them all: test_large_page.py.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name, method in METHODS.items():
            if method.attribute is not None:
                patch.setitem(METHODS, name, replace(method, attribute=without_work))
        forget_everything()
        yield
    forget_everything()


STARTS = [(scenario, i) for scenario in SCENARIOS for i in range(len(described(scenario)["start"]))]


# Families have one state for all their classes; and one model's card is all there is of some.
ONE_TRY = {("digits-one", "explain"), ("fashion-one", "explain"), ("solar", "cards")}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_page_proposes_more_than_one_thing_to_try(scenario: str):
    counts = Counter(tile["page"] for tile in described(scenario)["start"])
    assert {"latent", "explain", "compare", "own"} <= set(counts)
    few = {(scenario, page) for page, count in counts.items() if count < 2}
    assert few == {one for one in ONE_TRY if one[0] == scenario}


@pytest.mark.slow
@pytest.mark.usefixtures("quick_maps")
@pytest.mark.parametrize(("scenario", "i"), STARTS)
def test_a_start_opens_its_page_in_the_state_that_it_names(scenario: str, i: int, quiet: None):
    tile = starts(scenario)[i]
    assert tile.page in STEMS
    app = at(tile.page, scenario, **tile.state)
    assert not app.exception
    assert [e.value for e in app.error] == []
    assert [n.value for n in app.info if "asks for what is not here" in n.value] == []
    for name, value in tile.state.items():
        key = f"{tile.page}_{name}"
        if key in app.session_state:
            kept = app.session_state[key]
            assert kept == (list(value) if isinstance(value, tuple) else value), name
        else:  # it does something once
            assert f'"{key}"' in source_of(tile.page), name


# A whole set, one whose classes are normal in turn, and large pictures in colours. The states are
# opened above in all scenarios, and a press leads there the same way in each.
PRESSED = [
    *(
        (scenario, stem)
        for scenario in ("fashion", "digits-one", "screws")
        for stem in STEMS[1:]
        if any(tile["page"] == stem for tile in described(scenario)["start"])
    ),
    pytest.param("digits-one", "cards", id="nothing to try"),
]


@pytest.mark.slow
@pytest.mark.usefixtures("quick_maps")
@pytest.mark.parametrize(("scenario", "stem"), PRESSED)
def test_what_a_page_proposes_to_try_is_the_state_of_its_start(
    scenario: str, stem: str, quiet: None
):
    tiles = [tile for tile in starts(scenario) if tile.page == stem]
    assert bool(tiles) is ((scenario, stem) != ("digits-one", "cards"))
    app = at(stem, scenario)
    buttons = [b for b in app.button if (b.key or "").startswith(f"{stem}_try_")]
    assert [b.label for b in buttons] == [tile.title for tile in tiles]
    for i, tile in enumerate(tiles):
        app.button(f"{stem}_try_{i}").click().run()
        assert not app.exception, tile.title
        assert [e.value for e in app.error] == [], tile.title
