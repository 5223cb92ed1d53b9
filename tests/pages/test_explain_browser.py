"""Explain in a real browser: what a slider, a key, a mouse and a finger do."""

import re
from base64 import b64decode

import numpy as np
import pytest
from playwright.sync_api import expect
from visitor import (
    SCROLLED,
    module_gives,
    settled,
    standing,
    until,
    url_holds,
)

from pages._explain.overlay import begin_of, begins
from pages._explain.served import OVERLAY

pytestmark = pytest.mark.browser

PICTURE = "canvas => canvas.toDataURL()"
CHANGED = re.compile(r"(\d+) pixels? changed")


def opened(page, address: str, query: str = "") -> list:
    """The page with all its maps; the list grows with every message to the server."""
    sent: list = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda m: sent.append(m)))
    page.goto(f"{address}/explain{query}")
    page.locator(".stage canvas").wait_for()
    page.locator(".tile canvas").nth(6).wait_for()
    page.locator(".ask canvas").wait_for()
    page.get_by_text("every check").first.wait_for()  # the last thing that the page asks for
    settled(page)
    sent.clear()
    return sent


def drawn(page, where: str = ".stage canvas", *, but: list[str] = ()) -> str:
    """What a canvas shows, as soon as that is none of what it showed before."""
    canvas = page.locator(where).first
    until(page, lambda: canvas.evaluate(PICTURE) not in but)
    return canvas.evaluate(PICTURE)


def slider(page, name: str):
    return page.locator(".stage").get_by_role("slider", name=name)


def says(page, name: str, text: str) -> None:
    expect(slider(page, name)).to_have_attribute("aria-valuetext", re.compile(text))


def value_of(page, name: str) -> int:
    return int(slider(page, name).get_attribute("aria-valuetext").split()[0])


def test_sliders_views_zoom_and_keys_redraw_the_map_and_ask_the_server_nothing(page, address):
    sent = opened(page, address)
    room, seen = page.locator(".stage .room"), [drawn(page)]

    def another() -> None:
        seen.append(drawn(page, but=seen))

    slider(page, "Opacity").focus()
    page.keyboard.press("ArrowLeft")
    says(page, "Opacity", "^80 %$")
    another()
    box = standing(slider(page, "Threshold"))
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    says(page, "Threshold", r"^(4\d|5\d|60) ")
    another()
    room.focus()
    before = value_of(page, "Threshold")
    page.keyboard.press(",")
    says(page, "Threshold", rf"^{before - 2} ")
    page.keyboard.press("+")
    page.locator(".zoomed", has_text="150 %").wait_for()
    another()
    page.keyboard.press("0")
    page.get_by_role("button", name="Swipe").click()
    another()
    box = standing(room)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 100, steps=4)
    page.mouse.up()
    says(page, "Divider", "^2[456] %$")
    another()
    page.get_by_role("button", name="Side by side").click()
    another()
    page.locator(".stage").get_by_label("one scale for all").uncheck()
    settled(page)
    assert sent == []


def test_the_arrow_keys_read_the_map_pixel_by_pixel(page, address):
    sent = opened(page, address)
    page.locator(".stage .room").focus()
    reading = page.locator(".stage .reading")
    page.keyboard.press("ArrowLeft")
    expect(reading).to_have_text(re.compile("^row 14, column 14: "))
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    expect(reading).to_have_text(re.compile("^row 13, column 13: "))
    expect(page.locator(".stage [role=status]")).to_have_text(reading.inner_text())
    assert sent == []


def test_a_tile_shows_its_map_large_at_once_and_the_address_keeps_it(page, address):
    opened(page, address)
    before = drawn(page)
    page.get_by_role("button", name="Occlusion: show this map large").click()
    drawn(page, but=[before])
    expect(page.locator(".stage .name")).to_have_text("Occlusion")
    url_holds(page, "explain_method=occlusion")
    page.go_back()
    page.locator(".stage .name", has_text="own map").wait_for()


def test_a_map_that_takes_long_is_drawn_by_its_button_and_becomes_large(page, address):
    page.goto(f"{address}/explain?scenario=screws&explain_model=novelty")
    page.locator(".tile canvas").nth(2).wait_for()
    settled(page)
    expect(page.locator(".tile canvas")).to_have_count(3)
    button = page.get_by_role("button", name="Draw SmoothGrad")
    expect(button).to_have_text(re.compile("^Draw"))
    button.press("Enter")
    url_holds(page, "explain_method=smooth")
    page.locator(".stage .name", has_text="SmoothGrad").wait_for()
    page.get_by_role("button", name="SmoothGrad: show this map large").wait_for()
    settled(page)
    assert page.get_by_text("every check").count() == 0  # nobody asked
    page.go_back()
    page.locator(".stage .name", has_text="own map").wait_for()


def test_erasing_by_mouse_and_by_key_asks_every_detector_when_a_stroke_ends(page, address):
    sent = opened(page, address)
    room = page.locator(".ask .room")
    room.scroll_into_view_if_needed()
    box = standing(room)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y - 60)
    page.mouse.down()
    page.mouse.move(x, y + 60, steps=8)
    assert sent == []  # while the stroke is drawn
    page.mouse.up()
    said = page.locator("p", has_text=CHANGED)
    said.wait_for()
    settled(page)
    first = int(CHANGED.search(said.inner_text()).group(1))
    assert first > 36
    assert "Less strange: " in said.inner_text() or "Stranger: " in said.inner_text()
    room.focus()
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "first => Number(document.body.innerText.match(/(\\d+) pixels? changed/)?.[1]) > first",
        arg=first,
    )
    page.locator(".ask").get_by_role("button", name="Undo").click()
    page.get_by_text(f"{first} pixels changed").wait_for()
    # It is still there after another page.
    page.get_by_role("link", name="Model cards").click()
    settled(page)
    page.get_by_role("link", name="Explain").click()
    page.get_by_text(f"{first} pixels changed").wait_for()
    page.locator(".ask").get_by_role("button", name="Reset").click()
    page.get_by_text("Nothing is changed yet").wait_for()


def test_a_finger_scrolls_past_the_picture_until_it_is_told_to_draw(finger, address):
    page, drag = finger
    opened(page, address)
    room = page.locator(".ask .room")
    room.evaluate("room => room.scrollIntoView({block: 'center'})")
    box, before = standing(room), page.evaluate(SCROLLED)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    drag(((x, y), (x, y - 120)))
    assert page.evaluate(SCROLLED) > before + 60
    assert page.get_by_text(CHANGED).count() == 0
    page.locator(".ask").get_by_role("button", name="Draw with a finger").tap()
    room.evaluate("room => room.scrollIntoView({block: 'center'})")
    box, before = standing(room), page.evaluate(SCROLLED)
    y = box["y"] + box["height"] / 2
    drag(((x, y), (x, y - 80)))
    page.get_by_text(CHANGED).wait_for()
    assert page.evaluate(SCROLLED) == before


def module(onlooker, address: str, name: str, work: str, *given):
    """What a function of one of the browser's scripts gives."""
    return module_gives(onlooker, address, f"overlay/{OVERLAY.version()}/{name}", work, *given)


def test_what_is_told_unasked_has_a_turn_of_its_own(onlooker, address):
    # As Streamlit gathers what is told: until what waits for no time has its turn.
    work = """async ({ inTurn }) => {
        const sent = [];
        let batch;
        const tell = name => {
            if (!batch) setTimeout(() => (sent.push(batch), batch = undefined));
            (batch ??= []).push(name);
        };
        for (const name of ["a fragment's", "the page's", "another's"]) inTurn(() => tell(name));
        await new Promise(done => setTimeout(done, 200));
        return sent;
    }"""
    sent = module(onlooker, address, "turns.js", work)
    assert sent == [["a fragment's"], ["the page's"], ["another's"]]


def test_strokes_are_packed_as_numpy_packs_them(onlooker, address):
    mask = np.random.default_rng(0).integers(0, 2, 29).astype(bool)
    text = module(
        onlooker, address, "painting.js", "(m, mask) => m.packed(mask)", mask.astype(int).tolist()
    )
    assert b64decode(text) == np.packbits(mask).tobytes()


def test_a_maps_pixels_are_as_opaque_as_they_are_strong_and_nothing_is_below_the_threshold(
    onlooker, address
):
    work = """(m, values) => {
        const colours = {more: [200, 0, 0], less: [0, 0, 200]};
        const canvas = m.heat(values, 5, {end: 2, opacity: 0.5, threshold: 0.2, colours});
        return [...canvas.getContext("2d").getImageData(0, 0, 5, 1).data];
    }"""
    flat = module(onlooker, address, "paint.js", work, [2.0, -1.0, 0.3, 0.0, 9.0])
    pixels = [flat[i : i + 4] for i in range(0, 20, 4)]
    assert [p[3] for p in pixels] == pytest.approx([127, 64, 0, 0, 127], abs=1)
    assert pixels[0][0] > 190
    assert pixels[1][2] > 190


def test_a_maps_pixels_have_no_colour_up_to_where_its_scale_begins(onlooker, address):
    work = """(m, values, floor) => {
        const colours = {more: [200, 0, 0], less: [0, 0, 200]};
        const canvas = m.heat(values, 6, {floor, end: 5, opacity: 1, threshold: 0.1, colours});
        const {data} = canvas.getContext("2d").getImageData(0, 0, 6, 1);
        return [...data].filter((_, i) => i % 4 === 3);
    }"""
    values = [3.0, 2.0, 3.1, 3.3, 4.0, 9.0]
    for sign in (1, -1):
        given = [sign * value for value in values]
        found = module(onlooker, address, "paint.js", work, given, 3)
        assert found == pytest.approx([0, 0, 0, 38, 127, 255], abs=1)
    found = module(onlooker, address, "paint.js", work, values, 0)
    assert found == pytest.approx([153, 102, 158, 168, 204, 255], abs=1)


SCALES = """({ scaleOf, store }, own, other) => {
    store.maps.set("a picture", new Map([["own", own], ["other", other]]));
    const found = [true, false].map(one => {
        store.settings.one = one;
        return ["own", "other", "not yet"].map(name => scaleOf("a picture", name));
    });
    store.maps.delete("a picture");
    store.settings.one = true;
    return found;
}"""


def scale(end: float, floor: float = 0, times: float = 0) -> dict[str, float]:
    return {"floor": floor, "end": end, "times": times}


def test_one_scale_for_all_begins_where_that_of_the_own_map_does_or_at_zero(onlooker, address):
    distances, signed, far = scale(5, 3), scale(9), scale(12, 11)
    one, each = module(onlooker, address, "store.js", SCALES, distances, signed)
    assert one == [distances, scale(5), distances]
    assert each == [distances, signed, distances]
    one, each = module(onlooker, address, "store.js", SCALES, distances, far)
    assert one == [distances] * 3
    assert each == [distances, far, distances]
    one, each = module(onlooker, address, "store.js", SCALES, signed, distances)
    assert one == [signed] * 3
    assert each == [signed, distances, signed]


def test_a_map_ten_times_as_strong_or_weak_has_a_scale_of_its_own(onlooker, address):
    own, words = scale(9), "(m, times) => m.apartSaid(times)"
    for end in (8.1, 90, 0.9, 0):
        one, _ = module(onlooker, address, "store.js", SCALES, own, scale(end))
        assert one == [own] * 3
    assert module(onlooker, address, "scale.js", words, 0) == ""
    for end, said in ((9e3, "1000 times as strong as"), (0.45, "20 times weaker than")):
        one, each = module(onlooker, address, "store.js", SCALES, own, scale(end))
        assert one == [own, scale(end, times=pytest.approx(end / 9)), own]
        assert each == [own, scale(end), own]
        assert said in module(onlooker, address, "scale.js", words, end / 9)


def test_a_scale_that_does_not_begin_at_zero_says_where_as_without_a_browser(onlooker, address):
    distances = np.linspace(0.001, 0.0014, 401)[None]
    for sign, ends in ((1, ["+0.0011", "+0.0014 nats"]), (-1, ["−0.0014", "−0.0011 nats"])):
        given = {"floor": begin_of(distances), "end": 0.0014, "unit": "nats", "below": sign < 0}
        found = module(onlooker, address, "scale.js", "(m, given) => m.scaleSaid(given)", given)
        assert [found["low"], found["high"]] == ends
        assert found["begins"] == begins(sign * distances)
        assert found["colours"] == (["none", "more"] if sign > 0 else ["less", "none"])
    given = {"floor": 0, "end": 0.00138, "unit": "nats", "below": False}
    found = module(onlooker, address, "scale.js", "(m, given) => m.scaleSaid(given)", given)
    assert (found["low"], found["high"], found["begins"]) == ("−0.0014", "+0.0014 nats", "")
    assert found["colours"] == ["less", "none", "more"]
