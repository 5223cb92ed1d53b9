"""True places in a real browser: their outline on the map, and the strips that open an image."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import _settle, forget_everything
from playwright.sync_api import Page, expect
from test_explain_browser import module
from visitor import made_app, press_point, settled, standing, until, url_holds

from core.scenario import load_scenario
from core.service import StoredTruthQuery, Target, ask

pytestmark = pytest.mark.browser

GLOW = Target("tiny", "glow")
# Whether the middle of each line between pixels is white on the large map: upright (H, W - 1) and
# level lines (H - 1, W). The picture stands in the middle of its room.
LINES = """(canvas, side) => {
    const [context, { width, height }] = [canvas.getContext("2d"), canvas];
    const size = Math.min(width, height) / side;
    const [left, top] = [(width - side * size) / 2, (height - side * size) / 2];
    const white = (x, y) => {
        const at = [Math.round(left + x * size), Math.round(top + y * size)];
        const [r, g, b] = context.getImageData(...at, 1, 1).data;
        return r + g + b > 750;
    };
    const rows = [...Array(side).keys()];
    const inner = rows.slice(1);
    return [
        rows.map((y) => inner.map((x) => white(x, y + 0.5))),
        inner.map((y) => rows.map((x) => white(x + 0.5, y))),
    ];
}"""
STRIPS = ".st-key-explain_truth_strips"


@pytest.fixture
def masked(_masked_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[np.ndarray]:
    """The masks (n, H, W) of the set ones."""
    _settle(monkeypatch, _masked_root)
    masks = load_scenario("tiny").pictures("ones").masks
    assert masks is not None
    yield masks.astype(bool)
    forget_everything()


@pytest.fixture(scope="module")
def served(_masked_root: Path, chromium: str) -> Iterator[str]:
    """A server of the scenario whose strokes have masks."""
    with made_app(OUTSKIRTS_CHECKPOINTS=str(_masked_root / "checkpoints")) as found:
        yield found


def opened(page: Page, address: str, index: int) -> None:
    page.goto(f"{address}/explain?scenario=tiny&explain_model=glow&explain_image=ones%23{index}")
    page.locator(".stage canvas").wait_for()
    page.locator(f"{STRIPS} .scatterlayer .trace").first.wait_for()
    settled(page)


def lines_of(page: Page, side: int) -> list[np.ndarray]:
    seen, now = None, page.locator(".stage canvas").evaluate(LINES, side)
    while seen != now:  # it is drawn with the next frame
        page.wait_for_timeout(100)
        seen, now = now, page.locator(".stage canvas").evaluate(LINES, side)
    return [np.array(one) for one in now]


def test_the_outline_follows_the_pixels_edges_and_goes_when_it_is_not_wanted(
    page: Page, served: str, masked: np.ndarray
) -> None:
    index = int(np.flatnonzero(masked.any((1, 2)))[0])
    mask = masked[index]
    opened(page, served, index)
    slider = page.locator(".stage").get_by_role("slider", name="Threshold")
    slider.focus()
    page.keyboard.press("End")  # no colour of the map beside the outline
    upright, level = lines_of(page, len(mask))
    assert upright[mask[:, 1:] != mask[:, :-1]].all()
    assert level[mask[1:] != mask[:-1]].all()
    outside = ~(mask[:, 1:] | mask[:, :-1])
    assert upright[outside].mean() < 0.1
    box = page.get_by_role("checkbox", name="outline of the true place")
    expect(box).to_be_checked()
    before = page.locator(".tile canvas").first.evaluate("c => c.toDataURL()")
    box.uncheck()
    upright, level = lines_of(page, len(mask))
    assert not upright[mask[:, 1:] != mask[:, :-1]].all()
    tile = page.locator(".tile canvas").first
    until(page, lambda: tile.evaluate("c => c.toDataURL()") != before)


def test_a_click_on_a_point_of_the_strips_opens_its_image(
    page: Page, served: str, masked: np.ndarray
) -> None:
    known = [int(i) for i in np.flatnonzero(masked.any((1, 2)))]
    opened(page, served, known[0])
    values = ask(StoredTruthQuery(GLOW)).aupimo["ones"]
    rows = np.flatnonzero(np.isfinite(values))
    wanted = 5
    strip = page.locator(f"{STRIPS} .scatterlayer .trace").nth(1)
    point = strip.locator(".point").nth(wanted)
    point.scroll_into_view_if_needed()
    box = standing(point)
    room = page.locator(".stage .room")
    there = page.locator(f".stage .room[aria-label*='over Ones {rows[wanted]}']")
    press_point(page, (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), there)
    url_holds(page, f"explain_image=ones%23{rows[wanted]}")
    expect(room).to_have_attribute("aria-label", re.compile(rf"over Ones {rows[wanted]}\b"))


@pytest.mark.parametrize(
    ("rendering", "size", "smooth"),
    [("pixelated", 2, False), ("auto", 2, True), ("auto", 12, False)],
)
def test_large_pictures_are_drawn_smooth_until_single_pixels_are_looked_at(
    onlooker: Page, served: str, rendering: str, size: int, smooth: bool
) -> None:
    work = """(m, rendering, size) => {
        document.documentElement.style.setProperty("--house-rendering", rendering);
        const context = document.createElement("canvas").getContext("2d");
        m.enlarge(context, document.body, size);
        return context.imageSmoothingEnabled;
    }"""
    onlooker.goto(f"{served}/thumbnail/tiny/ones/0.png")
    assert module(onlooker, served, "paint.js", work, rendering, size) is smooth
