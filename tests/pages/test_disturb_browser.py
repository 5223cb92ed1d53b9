"""Disturbing and drawing in a real browser: a patch that is dragged, strokes, keys and a finger."""

from __future__ import annotations

import io
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from visitor import (
    SCROLLED,
    module_gives,
    settled,
    standing,
    touching,
    url_holds,
)

from core.data.disturbance import Patch
from core.data.picture import png
from pages._own.served import OWN

pytestmark = pytest.mark.browser

SAID = "() => document.querySelector('.own-bars')?.textContent"
# The pixels of a canvas as it is drawn, one of each cell of so many by so many.
CELLS = """(canvas, [wide, high]) => {
    const context = canvas.getContext("2d");
    const at = (k, whole, cells) => Math.floor((k + 0.5) * whole / cells);
    return Array.from({ length: high }, (_, r) => Array.from({ length: wide }, (_, c) =>
        context.getImageData(at(c, canvas.width, wide), at(r, canvas.height, high), 1, 1).data[0]));
}"""


def opened(page, address: str, query: str = "") -> None:
    page.goto(f"{address}/own{query}")
    page.locator(".own-bars").first.wait_for()
    page.locator(".occluded canvas").wait_for()
    page.locator(".st-key-own_along_chart .main-svg").first.wait_for()
    settled(page)


def cells(page, where: str) -> np.ndarray:
    """What a canvas shows, (28, 28)."""
    seen, now = None, page.locator(where).first.evaluate(CELLS, [28, 28])
    while seen != now:  # it is drawn with the next frame
        page.wait_for_timeout(100)
        seen, now = now, page.locator(where).first.evaluate(CELLS, [28, 28])
    return np.array(now)


def said_anew(page, before: str) -> None:
    page.wait_for_function(f"before => ({SAID})() !== before", arg=before)
    settled(page)


def middle(page, where: str) -> tuple[float, float, float]:
    """The middle of an element, and how large a pixel of 28 is in it."""
    page.locator(where).evaluate("room => room.scrollIntoView({ block: 'center' })")
    box = standing(page.locator(where))
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["width"] / 28


def test_a_patch_that_is_dragged_is_where_it_was_let_go_and_every_detector_hears_of_it_then(
    page, address
):
    opened(page, address, "?own_patch_size=28&own_patch_level=255")
    before, shown = page.evaluate(SAID), cells(page, ".occluded canvas")
    assert (shown[10:18, 10:18] == 255).all()
    x, y, size = middle(page, ".occluded .room")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 6 * size, y + 3 * size, steps=5)
    assert page.evaluate(SAID) == before  # while it is dragged
    moved = cells(page, ".occluded canvas")
    page.mouse.up()
    said_anew(page, before)
    url_holds(page, "own_patch_column=")
    state = page.evaluate("Object.fromEntries(new URLSearchParams(location.search))")
    patch = Patch(
        row=int(state["own_patch_row"]) / 100,
        column=int(state["own_patch_column"]) / 100,
        size=0.28,
    )
    rows, columns = patch.place(28, 28)
    assert (rows.start, columns.start) == (13, 16)
    after = cells(page, ".occluded canvas")
    assert np.array_equal(moved, after)
    assert (after[rows, columns] == 255).all()
    # By keys it goes on from there, a pixel at a time, and is said.
    before = page.evaluate(SAID)
    page.locator(".occluded .patch").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    status = page.locator(".occluded [role=status]")
    expect(status).to_have_text("patch from row 12, column 14")
    said_anew(page, before)
    assert (cells(page, ".occluded canvas")[12:20, 14:22] == 255).all()


def test_a_press_on_the_bare_picture_lays_a_patch_there(page, address):
    opened(page, address)
    before = page.evaluate(SAID)
    expect(page.locator(".occluded .patch")).to_be_hidden()
    x, y, size = middle(page, ".occluded .room")
    page.mouse.click(x - 5 * size, y)
    said_anew(page, before)
    url_holds(page, "own_patch_size=28")
    expect(page.locator(".occluded .patch")).to_be_visible()


def test_a_slider_redraws_percentiles_and_its_path_and_nothing_else_of_the_page(page, address):
    opened(page, address)
    page.evaluate("() => document.querySelector('h1').dataset.mark = 'same'")
    before = page.evaluate(SAID)
    turn = page.get_by_role("slider", name="Turn")
    turn.focus()
    page.keyboard.press("ArrowRight")
    said_anew(page, before)
    url_holds(page, "own_turn=5")
    expect(page.locator("h1[data-mark=same]")).to_have_count(1)
    page.get_by_text("Further down the page the picture is still as it was").wait_for()
    page.get_by_role("button", name="Show all of it as it is now").click()
    page.get_by_text("Further down the page").wait_for(state="detached")
    page.get_by_role("button", name="Put all back").click()
    page.wait_for_function(f"before => ({SAID})() === before", arg=before)


def drawing(page, address: str) -> list:
    """The canvas, empty; the list grows with every message to the server."""
    sent: list = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda m: sent.append(m)))
    page.goto(f"{address}/own?own_view=draw")
    page.locator(".canvas canvas").wait_for()
    settled(page)
    sent.clear()
    return sent


def seen_by_detectors(page) -> np.ndarray:
    """The drawing (28, 28) as Python sends it back, to be disturbed."""
    settled(page)
    if not page.locator(".occluded").count():
        page.get_by_text("Disturb the drawing").click()
    page.locator(".occluded canvas").wait_for()
    settled(page)
    return cells(page, ".occluded canvas")


def test_what_is_drawn_arrives_pixel_by_pixel_when_the_stroke_ends(page, address):
    sent = drawing(page, address)
    x, y, size = middle(page, ".canvas .room")
    page.mouse.move(x - 6 * size, y)
    page.mouse.down()
    page.mouse.move(x + 6 * size, y, steps=6)
    assert sent == []
    page.mouse.up()
    page.locator(".own-bars").first.wait_for()
    page.mouse.move(5, 5)
    drawn = cells(page, ".canvas canvas")  # without the outline of the pen
    assert 20 <= (drawn == 255).sum() <= 30  # two pixels wide
    assert set(np.unique(drawn)) == {0, 255}
    assert np.array_equal(seen_by_detectors(page), drawn)
    # It is still there after another page.
    page.get_by_role("link", name="Model cards").click()
    settled(page)
    page.get_by_role("link", name="Own images").click()
    page.locator(".canvas canvas").wait_for()
    settled(page)
    assert np.array_equal(cells(page, ".canvas canvas"), drawn)


def test_keys_draw_undo_and_clear(page, address):
    drawing(page, address)
    page.locator(".canvas .room").focus()
    page.keyboard.press("Enter")
    page.locator(".own-bars").first.wait_for()
    settled(page)
    one = page.evaluate(SAID)
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".canvas [role=status]")).to_have_text("brush at row 14, column 18")
    page.keyboard.press("Enter")
    said_anew(page, one)
    shown = seen_by_detectors(page)
    assert np.argwhere(shown == 255).tolist() == [
        [r, c] for r in (13, 14) for c in (13, 14, 17, 18)
    ]
    page.locator(".canvas .room").focus()
    page.keyboard.press("u")
    page.wait_for_function(f"one => ({SAID})() === one", arg=one)
    settled(page)
    page.locator(".canvas").get_by_role("button", name="Clear").click()
    page.locator(".own-bars").first.wait_for(state="detached")
    page.locator(".canvas").get_by_role("button", name="Undo").click()
    page.locator(".own-bars").first.wait_for()


def test_the_eraser_is_black_and_a_wider_pen_is_wider(page, address):
    drawing(page, address)
    x, y, size = middle(page, ".canvas .room")
    width = page.locator(".canvas").get_by_role("slider", name="Width")
    width.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.mouse.click(x, y)
    page.locator(".own-bars").first.wait_for()
    shown = seen_by_detectors(page)
    assert (shown == 255).sum() == 36
    page.locator(".canvas").get_by_role("button", name="Eraser").click()
    before = page.evaluate(SAID)
    page.mouse.click(x + 3 * size, y)
    said_anew(page, before)
    assert 0 < (seen_by_detectors(page) == 255).sum() < 36


def test_a_finger_draws_on_the_canvas_and_scrolls_the_page_beside_it(finger, address):
    page, drag = finger
    drawing(page, address)
    x, y, size = middle(page, ".canvas .room")
    before = page.evaluate(SCROLLED)
    drag(((x, y), (x, y - 6 * size)))
    assert page.evaluate(SCROLLED) == before
    page.locator(".own-bars").first.wait_for()
    settled(page)
    box = standing(page.locator(".canvas .room"))
    beside = (box["x"] + box["width"] + 378) / 2
    top = page.evaluate(SCROLLED)
    drag(((beside, box["y"] + box["height"]), (beside, box["y"] + box["height"] - 150)))
    assert page.evaluate(SCROLLED) > top + 60


def test_a_finger_drags_the_patch_and_scrolls_past_the_picture(finger, address):
    page, drag = finger
    opened(page, address, "?own_patch_size=28")
    x, y, size = middle(page, ".occluded .room")
    before, top = page.evaluate(SAID), page.evaluate(SCROLLED)
    drag(((x, y), (x + 5 * size, y)))
    said_anew(page, before)
    assert page.evaluate(SCROLLED) == top
    url_holds(page, "own_patch_column=")
    x, y, size = middle(page, ".occluded .room")
    top, said = page.evaluate(SCROLLED), page.evaluate(SAID)
    drag(((x - 8 * size, y + 8 * size), (x - 8 * size, y + 8 * size - 120)))
    assert page.evaluate(SCROLLED) > top + 60
    assert page.evaluate(SAID) == said


def module(onlooker, address: str, name: str, work: str, *given):
    """What a function of one of the browser's scripts gives."""
    return module_gives(onlooker, address, f"own-drawing/{OWN.version()}/{name}", work, *given)


def test_the_browser_puts_a_patch_where_python_does(onlooker, address):
    work = "(m, cases) => cases.map(([p, side, whole]) => m.cornerOf(p, side, whole))"
    cases = [(p, side, whole) for p in range(101) for side, whole in ((8, 28), (7, 28), (9, 41))]
    corners = module(onlooker, address, "occluded.js", work, cases)
    for (percent, side, whole), corner in zip(cases, corners, strict=True):
        patch = Patch(row=percent / 100, column=0.5, size=side / whole)
        assert patch.place(whole, whole)[0].start == corner, (percent, side, whole)


def test_an_arrow_key_moves_a_patch_by_one_pixel_and_never_gets_stuck(onlooker, address):
    work = """(m, side, whole) => {
        const seen = [];
        for (let at = 0, k = 0; k < whole - side; k++) {
            at = m.stepped(at, m.cornerOf(at, side, whole) + 1, side, whole);
            seen.push(m.cornerOf(at, side, whole));
        }
        return seen;
    }"""
    assert module(onlooker, address, "occluded.js", work, 8, 28) == list(range(1, 21))
    large = module(onlooker, address, "occluded.js", work, 60, 224)
    assert large == sorted(large)
    assert large[-1] == 164


def test_colours_of_three_channels_arrive_as_they_were_drawn(onlooker, address):
    work = """async (m) => {
        const told = [];
        const parent = document.body.appendChild(document.createElement("div"));
        parent.style.width = "120px";
        const canvas = new m.Canvas(parent);
        const size = { width: 4, height: 3, channels: 3 };
        canvas.take({ parentElement: parent, data: { token: "t", size, known: "", start: "" },
            setStateValue: (name, value) => told.push([name, value]) });
        canvas.set({ colour: [255, 128, 3] });
        canvas.brush.cursor = [1, 2];
        canvas.brush.dab();
        canvas.undo();
        return told;
    }"""
    (name, one), (_, none) = module(onlooker, address, "canvas.js", work)
    assert name == "drawn"
    pixels = np.frombuffer(b64decode(one["pixels"]), np.uint8).reshape(3, 4, 3)
    assert pixels[2, 1].tolist() == [255, 128, 3]
    assert pixels.sum() == 255 + 128 + 3
    assert not any(b64decode(none["pixels"]))
    assert Image.open(io.BytesIO(png(pixels))).getpixel((1, 2)) == (255, 128, 3)


def test_without_its_scripts_the_picture_is_plain_and_the_sliders_work(browser, address):
    with touching(browser) as (page, _):  # whose console may complain, and who has no script yet
        page.route("**/own-drawing/**", lambda route: route.abort())
        page.goto(f"{address}/own?own_turn=90")
        page.locator(".own-bars").first.wait_for()
        page.get_by_alt_text("as it is now").first.wait_for()
        page.goto(f"{address}/own?own_view=draw")
        page.get_by_text("This browser cannot show the canvas").wait_for()
