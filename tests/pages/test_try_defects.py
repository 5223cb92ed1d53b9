"""On real defects, whatever a page proposes to try is pressed, and its picture comes, whole.

A page is opened once: who presses goes on from where the last press led. The tiles of Overview lead
to the same states. On solar cells alone, which cost 45 seconds: pages' parts on screws are those of
test_try.py, and test_pages_table.py opens the states of both.
"""

import json

import pytest
from test_try import ENOUGH, press, seen
from visitor import BROKEN, PAGES, ROOT, opened, tries_of

pytestmark = pytest.mark.browser

LOST = "asks for what is not here"


def proposed(scenario: str) -> dict[str, list[str]]:
    """What a scenario has to try, by page."""
    file = ROOT / f"checkpoints/{scenario}/scenario.json"
    found: dict[str, list[str]] = {}
    for tile in json.loads(file.read_text(encoding="utf-8"))["start"]:
        found.setdefault(tile["page"], []).append(tile["title"])
    return found


def fault(page) -> str:
    """What is wrong with what a press led to, or ""."""
    picture = seen(page)
    if picture is None or picture["share"] < ENOUGH:
        return f"its picture is not in sight: {picture}"
    if page.locator("[data-testid=stException]").count():
        return "an exception"
    if page.evaluate(BROKEN):
        return "a broken picture"
    return LOST if page.get_by_text(LOST).count() else ""


def test_whatever_a_page_proposes_to_try_on_real_defects_shows_its_picture(page, address):
    wrong = {}
    for stem, titles in proposed("solar").items():
        opened(page, f"{address}{PAGES[stem]}?scenario=solar")
        assert tries_of(page, stem).all_inner_texts() == titles
        for i, title in enumerate(titles):
            press(page, stem, i)
            wrong[f"{stem}: {title}"] = fault(page)
    assert {name: said for name, said in wrong.items() if said} == {}
