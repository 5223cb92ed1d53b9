"""Lectures in a real browser: each is played through by the keys of a clicker, in one visit."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from visitor import ROOT, asks_no_more, drawn, heard, opened, press_until, settled, until, url_holds

from core.answers.lectures import Lecture, LectureQuery
from core.service import ask, lectures

pytestmark = pytest.mark.browser

NAMES = [lectures.TILES, *sorted(path.stem for path in (ROOT / "lectures").glob("*.json"))]
STRIP = ".st-key-lecture_strip"
KEY = "outskirts.lecture"
# Of the picture that a page is for, of what is above the lecture, the share that is in sight.
ABOVE = """stem => {
    const low = document.querySelector(".st-key-lecture_strip")?.getBoundingClientRect().top;
    const boxes = [...document.querySelectorAll(`[class*='st-key-${stem}_picture']`)]
        .map(e => e.getBoundingClientRect()).filter(box => box.height > 40);
    return boxes.length && Math.max(...boxes.map(
        ({top, bottom}) => (Math.min(bottom, low) - Math.max(top, 0)) / low));
}"""


def words(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def at_step(page, lecture: Lecture, number: int) -> None:
    """Wait until a step is there with its sentences, and nothing of its link is asked in vain."""
    step = lecture.steps[number - 1]
    head = page.locator(STRIP).get_by_text(f"Step {number} of {len(lecture.steps)} ")
    head.wait_for()
    asks_no_more(page)
    assert words(step.text) in words(page.locator(STRIP).inner_text())
    assert page.evaluate("location.pathname").strip("/") == step.link.page
    assert page.get_by_text("The link asks for what is not here").count() == 0
    assert page.locator("[data-testid=stException]").count() == 0
    errors = page.locator("[data-testid=stAlertContentError]").all_inner_texts()
    assert errors == [], (lecture.name, number)


def test_a_lecture_is_played_by_keys_that_let_those_type_who_type(page, address):
    lecture = ask(LectureQuery("outskirts"))
    opened(page, f"{address}/{lecture.steps[0].link.text}&lecture=outskirts&step=1")
    root = "parseFloat(getComputedStyle(document.documentElement).fontSize)"
    before = page.evaluate(root)
    expect(page.locator("[data-testid=stSidebar]")).to_be_visible()
    page.keyboard.press("ArrowRight")  # outside of the view it turns no step
    settled(page)
    assert "step=1" in page.url
    press_until(page, "p", lambda: "present=1" in page.url)
    at_step(page, lecture, 1)
    page.wait_for_function(f"before => {root} === 1.5 * before", arg=before)
    expect(page.locator("[data-testid=stSidebar]")).to_be_hidden()
    slider = page.locator("[data-testid=stSlider] :is(input, [role=slider])").first
    now = slider.get_attribute("aria-valuenow") or slider.input_value()
    slider.focus()
    page.keyboard.press("ArrowRight")
    until(page, lambda: (slider.get_attribute("aria-valuenow") or slider.input_value()) != now)
    heard(page)
    assert "step=1" in page.url  # the slider moved, the lecture did not
    page.locator(STRIP).click(position={"x": 5, "y": 5})
    page.keyboard.press("ArrowRight")
    url_holds(page, "step=2")
    page.keyboard.press("ArrowRight")  # it is heard before the page is drawn
    url_holds(page, "step=3")
    at_step(page, lecture, 3)
    page.get_by_role("link", name="Previous step").click()
    at_step(page, lecture, 2)
    page.go_back()
    at_step(page, lecture, 3)
    page.keyboard.press("p")  # it listens since it took the first one
    page.wait_for_function("() => !location.href.includes('present')")
    page.locator("[data-testid=stSidebar]").wait_for()


def test_a_step_is_turned_where_the_browser_tells_something_else_in_the_same_moment(page, address):
    lecture = ask(LectureQuery("outskirts"))
    opened(page, f"{address}/{lecture.steps[0].link.text}&lecture=outskirts&step=1")
    link = page.get_by_role("link", name="Next step").element_handle()
    button = page.get_by_role("button", name="Terms and keys").element_handle()
    page.evaluate("([link, button]) => (link.click(), button.click())", [link, button])
    at_step(page, lecture, 2)


@pytest.mark.parametrize("name", NAMES)
def test_a_lecture_is_played_through_by_a_clicker(onlooker, address, name):
    lecture = ask(LectureQuery(name))
    first = lecture.steps[0].link.text
    opened(onlooker, f"{address}/{first}&lecture={name}&step=1&present=1")
    for number in range(1, len(lecture.steps) + 1):
        at_step(onlooker, lecture, number)
        seen = f"stem => ({ABOVE})(stem) > 0.4"
        onlooker.wait_for_function(seen, arg=lecture.steps[number - 1].link.page or "overview")
        onlooker.keyboard.press("PageDown")  # at the end it does nothing
    assert "This is the end of the lecture." in onlooker.locator(STRIP).inner_text()
    onlooker.keyboard.press("PageUp")
    at_step(onlooker, lecture, len(lecture.steps) - 1)


def panel(page):
    page.get_by_role("button", name="Lectures").click()
    box = page.get_by_role("dialog")
    box.get_by_role("button", name="Keep this view").wait_for()
    settled(page)
    return box


def test_a_lecture_of_ones_own_is_kept_through_a_reload_taken_away_and_loaded(
    page, address, tmp_path: Path
):
    opened(page, f"{address}/cards?cards_view=seeds")
    box = panel(page)
    for text in ("See *one*.", "See two."):
        box.get_by_role("textbox", name="What is to be seen here").fill(text)
        box.get_by_role("button", name="Keep this view").click()
        box.get_by_text(text).wait_for()
        settled(page)
    page.wait_for_function(f"(localStorage.getItem('{KEY}') ?? '').includes('two')")
    with page.expect_download() as coming:
        box.get_by_role("button", name="Save to a file").click()
    file = tmp_path / "mine.json"
    coming.value.save_as(file)
    kept = lectures.load(file.read_bytes())
    assert [step.link for step in kept.steps] == ["cards?scenario=fashion&cards_view=seeds"] * 2
    page.reload()
    drawn(page)
    box = panel(page)
    box.get_by_text("See two.").wait_for()
    bad, good = tmp_path / "bad.json", tmp_path / "good.json"
    bad.write_text("{")
    other = {"title": "Another", "steps": [{"link": "/?scenario=fashion", "text": "Here."}]}
    good.write_text(json.dumps(other))
    box.locator("input[type=file]").set_input_files(bad)
    box.get_by_text("it is no lecture").wait_for()
    settled(page)
    box.locator("input[type=file]").set_input_files(good)
    box.get_by_text("Here.").wait_for()
    settled(page)
    box.get_by_role("link", name="Begin").click()
    page.locator(STRIP).get_by_text("Step 1 of 1 · Another").wait_for()
    url_holds(page, "lecture=own")
