"""Few labels in a real browser: the slider, tiles to press, and what a link leads to."""

import pytest
from playwright.sync_api import expect
from visitor import SCROLLED, drawn, opened, settled, until, url_holds

pytestmark = pytest.mark.browser

LINES = """key => [...document.querySelectorAll(`.st-key-${key} .js-plotly-plot`)]
    .flatMap(plot => plot.data.map(trace => [trace.name, JSON.stringify(trace.y)]))"""
TITLE = "key => document.querySelector(`.st-key-${key} .gtitle`)?.textContent ?? ''"
LOOKED = ".st-key-labels_looked figcaption"


def lines(page, key: str = "labels_histogram") -> dict[str, str]:
    return dict(page.evaluate(LINES, key))


def title(page) -> str:
    return page.evaluate(TITLE, "labels_histogram").replace("\u00a0", " ")


def slider(page):
    return page.locator(".st-key-labels_share input[type=range]")


def marked(page) -> float:
    """Where the curves are marked."""
    plot = page.locator(".st-key-labels_gamma .js-plotly-plot")
    return plot.evaluate("plot => plot.layout.shapes[0].x0")


def test_the_slider_draws_other_scores_marks_the_curves_and_is_in_the_address(page, address):
    opened(page, address + "/labels")  # without a scenario: one with labels is found
    assert "scenario=" not in page.url
    expect(page.locator(".st-key-labels_picture .js-plotly-plot")).to_have_count(2)
    before, at = lines(page), marked(page)
    assert title(page) == "ESAD, 10 % known anomalies"
    assert "labels_share" not in page.url
    slider(page).focus()
    page.keyboard.press("ArrowLeft")
    url_holds(page, "labels_share=01")
    drawn(page)
    page.wait_for_function(rf"({TITLE})('labels_histogram').match(/, 1\s%/)")
    settled(page)
    after = lines(page)
    assert title(page) == "ESAD, 1 % known anomalies"
    assert list(after) == list(before)
    assert after["Eight never seen"] != before["Eight never seen"]
    assert after["Those without labels"] == before["Those without labels"]
    until(page, lambda: marked(page) < at)
    page.go_back()
    page.wait_for_function("!location.href.includes('labels_share')")
    page.wait_for_function(rf"({TITLE})('labels_histogram').match(/10\s%/)")
    drawn(page)
    until(page, lambda: lines(page) == before)


def test_an_image_that_changed_sides_is_looked_at_where_it_is_pressed(page, address):
    opened(page, address + "/labels?scenario=digits-one&normal=8")
    tiles = page.locator("[class*='st-key-gallery_labels_missed'] button:visible")
    tiles.nth(1).scroll_into_view_if_needed()
    tiles.nth(1).click()
    url_holds(page, "labels_image=")
    settled(page)
    expect(tiles.nth(1)).to_have_attribute("kind", "primary")
    first = page.locator(LOOKED).first
    expect(first).to_have_text("the image")
    expect(first).to_be_in_viewport()  # it is scrolled to
    assert page.evaluate(SCROLLED) > 0
    assert page.locator(LOOKED).count() == 4  # and what three models rebuild of it


def test_a_scenario_without_labels_leads_to_one_that_has_them(page, address):
    opened(page, address + "/labels?scenario=fashion")
    page.get_by_text("none of its models learned from known anomalies").wait_for()
    page.get_by_role("button", name="Open One kind of garment").click()
    page.locator(".st-key-labels_picture").wait_for()
    drawn(page)
    assert "T-shirt" in lines(page)
