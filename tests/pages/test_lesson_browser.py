"""The live lesson in a real browser: from the first click to both histograms, and a cancel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from visitor import drawn, made_app, opened, settled, visiting

pytestmark = pytest.mark.browser

LINK = "/labels?scenario=digits-one&normal=4"
TILES = "[class*='st-key-gallery_labels_lesson'] button:visible"


@pytest.fixture(scope="module")
def quick(chromium: str) -> Iterator[str]:
    """A server whose lessons take few steps."""
    with made_app(OUTSKIRTS_LESSON_STEPS="4") as found:
        yield found


@pytest.fixture(scope="module")
def endless(chromium: str) -> Iterator[str]:
    """A server whose lessons end with the test."""
    with made_app(OUTSKIRTS_LESSON_STEPS="1000000") as found:
        yield found


def labelled(page, number: int) -> None:
    """Label so many pictures, the first by a press and all others by a key."""
    for i in range(number):
        tile = page.locator(TILES).nth(i)
        if i == 0:
            tile.click()
        else:
            tile.press("Enter")
        page.get_by_text(f"anomaly {i + 1}, normal 0").wait_for()
        settled(page)
    expect(page.locator(f"{TILES}[kind=primary]")).to_have_count(number)


def test_from_the_first_click_to_both_histograms(page, quick):
    opened(page, quick + LINK)
    page.locator(TILES).first.scroll_into_view_if_needed()
    expect(page.locator(f"{TILES} img")).to_have_count(12)
    expect(page.get_by_role("button", name="Train with 0 labels")).to_be_disabled()
    labelled(page, 2)
    page.get_by_role("button", name="Train with 2 labels").click()
    page.get_by_text("2 labels in ").wait_for(timeout=120_000)
    drawn(page)
    assert page.locator(".st-key-labels_lesson_histogram .main-svg").count() > 0
    assert page.get_by_text("no result of the method").count() > 0
    with page.expect_download() as download:
        page.get_by_role("button", name="The lesson's scores (CSV)").click()
    assert download.value.path().read_text().startswith("image,strange,clicked class")


def test_a_second_visitor_waits_and_is_taught_when_the_first_cancels(browser, endless):
    with visiting(browser) as one, visiting(browser) as other:
        for tab in (one, other):
            opened(tab, endless + LINK)
            labelled(tab, 1)
            tab.get_by_role("button", name="Train with 1 label").click()
            tab.get_by_role("button", name="Cancel").wait_for()
        other.get_by_text("1 lesson is held before yours").wait_for()
        one.get_by_role("button", name="Cancel").click()
        one.get_by_text("The lesson was cancelled").wait_for()
        other.get_by_text("Training 1 of 2 on").wait_for(timeout=120_000)
        other.get_by_role("button", name="Cancel").click()
        other.get_by_text("The lesson was cancelled").wait_for()
