"""Mirror's triangle in a real browser: dragged by mouse and finger, moved by keys and sliders."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect
from visitor import SCROLLED, settled, standing, until, url_holds

from core import service
from core.service import Corner, CornersQuery, SimplexQuery, Target
from pages._mirror.served import SIMPLEX

pytestmark = pytest.mark.browser

AMA = Target("fashion", "ama")
PAD = 16  # CSS pixels around the triangle in its plane
PIXELS = """canvas => [...canvas.getContext("2d")
    .getImageData(0, 0, canvas.width, canvas.height).data].filter((_, i) => i % 4 === 0)"""


def opened(page, address: str, query: str = "") -> list:
    """The page with the triangle on top, the finer one; the list grows with every message sent."""
    sent: list = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda m: sent.append(m)))
    with page.expect_response(re.compile("/simplex-finer/.*json")) as answer:
        page.goto(f"{address}/mirror?mirror_leads=simplex{query}")
        page.locator(".simplex .point").wait_for()
    assert answer.value.ok
    settled(page)
    page.locator(".simplex .plane").scroll_into_view_if_needed()
    standing(page.locator(".simplex .plane"))
    sent.clear()
    return sent


def becomes(page, *weights: int, rest: str = "") -> None:
    """Wait until the point has these weights in percent, as a screen reader has them."""
    named = ", ".join(f"{w} % {name}" for w, name in zip(weights, "ABC", strict=True))
    point = page.locator(".simplex .point")
    expect(point).to_have_attribute("aria-valuetext", re.compile(re.escape(f"{named}. ") + rest))


def middle(page) -> tuple[float, float]:
    box = standing(page.locator(".simplex .point"))
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def place(page, a: float, b: float, c: float) -> tuple[float, float]:
    """Where weights in percent lie on the screen."""
    box = page.locator(".simplex .plane").bounding_box()
    side = box["width"] - 2 * PAD
    x, y = side * (a / 2 + c) / 100, side * 0.75**0.5 * (1 - a / 100)
    return box["x"] + PAD + x, box["y"] + PAD + y


def sliders_say(page, *weights: int) -> None:
    for name, weight in zip("ABC", weights, strict=True):
        slider = page.get_by_role("slider", name=f"Weight of {name}")
        expect(slider).to_have_value(str(weight))


def test_a_drag_asks_the_server_nothing_and_sliders_and_other_corners_are_kept(page, address):
    sent = opened(page, address, "&mirror_weights=50,50,0")
    becomes(page, 50, 50, 0)
    page.mouse.move(*middle(page))
    page.mouse.down()
    seen = set()
    for step in range(0, 35, 5):
        there = 50 - step, 50 - step, 2 * step
        page.mouse.move(*place(page, *there))
        becomes(page, *there)
        seen.add(page.locator(".simplex .mixture canvas").evaluate("c => c.toDataURL()"))
    assert len(seen) == 7
    assert sent == []
    page.mouse.up()
    url_holds(page, "mirror_weights=20%2C20%2C60")
    page.get_by_text("20 % A, 20 % B and 60 % C").wait_for()
    sliders_say(page, 20, 20, 60)
    page.go_back()
    page.get_by_text("Half way between A and B").wait_for()
    becomes(page, 50, 50, 0)
    settled(page)
    # A slider does the same, and other corners come under a point that stays.
    page.get_by_role("slider", name="Weight of C").focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    page.get_by_text("45 % A, 45 % B and 10 % C").wait_for()
    becomes(page, 45, 45, 10)
    sliders_say(page, 45, 45, 10)
    settled(page)
    corner = page.locator(".simplex .corner.a canvas")
    before = corner.get_attribute("aria-label")
    page.get_by_role("button", name="Random three").click()
    expect(corner).not_to_have_attribute("aria-label", before)
    url_holds(page, "mirror_a=garments%23")
    becomes(page, 45, 45, 10)


def test_the_picture_the_verdict_and_the_colours_are_those_of_the_answer(page, address):
    opened(page, address, "&mirror_weights=35,45,20")
    first = service.ask(CornersQuery(AMA))
    a, b, c = (Corner(first.set_name, index) for index in first.indices)
    found = service.ask(SimplexQuery(AMA, (a, b, c)))
    row = [tuple(steps) for steps in found.steps.tolist()].index((7, 9, 4))
    becomes(page, 35, 45, 20)
    shown = page.locator(".simplex .mixture canvas").evaluate(PIXELS)
    assert np.array_equal(np.array(shown).reshape(28, 28), found.images[row, ..., 0])
    control = page.locator(".simplex .average canvas").evaluate(PIXELS)
    assert np.array_equal(np.array(control).reshape(28, 28), found.averages[row, ..., 0])
    score = found.parts[found.score]
    percentile = f"{score.percentiles[row]:.1f}"
    verdict = "flagged" if score.flagged[row] else "not flagged"
    becomes(page, 35, 45, 20, rest=f"{score.title}: percentile {percentile}, {verdict}$")
    expect(page.locator(".simplex .row .number").first).to_have_text(percentile)
    # Another row that is pressed colours the triangle, and stands in the address.
    before = page.locator(".simplex .field").evaluate("canvas => canvas.toDataURL()")
    page.locator(".simplex label.row", has_text="Pixel error").click()
    field = page.locator(".simplex .field")
    until(page, lambda: field.evaluate("canvas => canvas.toDataURL()") != before)
    point = page.locator(".simplex .point")
    expect(point).to_have_attribute("aria-valuetext", re.compile("Pixel error: percentile"))
    url_holds(page, "mirror_colour=reconstruction")
    page.get_by_text("by “Pixel error”").wait_for()


def test_arrow_keys_move_the_point_and_letters_take_it_to_a_corner(page, address):
    opened(page, address, "&mirror_weights=50,25,25")
    page.locator(".simplex .point").focus()
    page.keyboard.press("ArrowRight")
    becomes(page, 50, 20, 30)
    page.keyboard.press("Shift+ArrowLeft")
    becomes(page, 50, 40, 10)
    page.keyboard.press("b")
    becomes(page, 0, 100, 0)
    page.keyboard.press("ArrowUp")  # along the edge to A
    becomes(page, 5, 95, 0)
    page.keyboard.press("ArrowLeft")  # there is nothing: it slides down along the edge
    page.keyboard.press("b")
    page.get_by_text("At corner B").wait_for()
    becomes(page, 0, 100, 0)
    url_holds(page, "mirror_weights=0%2C100%2C0")
    sliders_say(page, 0, 100, 0)


def test_a_finger_drags_the_point_scrolls_past_the_triangle_and_taps_a_place(finger, address):
    page, drag = finger
    opened(page, address, "&mirror_weights=100,0,0")
    plane = page.locator(".simplex .plane")
    plane.evaluate("plane => plane.scrollIntoView({block: 'center'})")
    standing(plane)
    before = page.evaluate(SCROLLED)
    x, y = place(page, 40, 30, 30)
    drag(((x, y), (x, y - 200)))
    assert abs(page.evaluate(SCROLLED) - before) > 100
    becomes(page, 100, 0, 0)
    plane.evaluate("plane => plane.scrollIntoView({block: 'center'})")
    standing(plane)
    before = page.evaluate(SCROLLED)
    drag((middle(page), place(page, 20, 20, 60)))
    becomes(page, 20, 20, 60)
    assert page.evaluate(SCROLLED) == before
    page.touchscreen.tap(*place(page, 50, 50, 0))
    becomes(page, 50, 50, 0)


def test_the_browser_counts_mixtures_as_the_answer_does(page, address):
    page.goto(f"{address}/simplex/{SIMPLEX.version()}/style.css")
    rows = page.evaluate(
        """async version => {
            const t = await import(`/simplex/${version}/triangle.js`);
            const rows = [];
            for (let a = 0; a <= 10; a++) for (let b = 0; b <= 10 - a; b++) {
                const steps = t.nearest([(a + 0.2) / 10.2, b / 10.2, (10 - a - b) / 10.2], 10);
                rows.push([...steps, t.nodeOf(steps, 10)]);
            }
            return rows;
        }""",
        SIMPLEX.version(),
    )
    expected = [[*steps, row] for row, steps in enumerate(service_steps(10))]
    assert rows == expected


def test_the_line_of_the_threshold_lies_where_values_cross_it(page, address):
    page.goto(f"{address}/simplex/{SIMPLEX.version()}/style.css")
    values = [3.0 * a + b for a, b, _ in service_steps(20)]  # linear: 60 at A, 20 at B, 0 at C
    lines = page.evaluate(
        """async ([version, values]) => {
            const t = await import(`/simplex/${version}/triangle.js`);
            return t.contour(values, 30.5, 20).flatMap(([x0, y0, x1, y1]) =>
                [t.weightsAt(x0, y0), t.weightsAt(x1, y1)]);
        }""",
        [SIMPLEX.version(), values],
    )
    assert len(lines) > 20
    a, b, _ = np.array(lines).T
    assert 60 * a + 20 * b == pytest.approx(np.full(len(a), 30.5))


def service_steps(side: int) -> list[list[int]]:
    return [[a, b, side - a - b] for a in range(side + 1) for b in range(side + 1 - a)]
