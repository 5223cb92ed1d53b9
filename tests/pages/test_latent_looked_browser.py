"""The map of Latent space in a real browser: images looked at, keys, one window, and fingers."""

import io
import re

import numpy as np
import pytest
from latent_map import (
    GLOW,
    LASSO,
    Box,
    bar,
    drawn,
    drawn_anew,
    looks_of,
    map_box,
    opened,
    over_a_point,
    pressed,
    selected,
    tool,
    until_same,
)
from PIL import Image
from playwright.sync_api import expect
from visitor import (
    SCROLLED,
    Seats,
    heard,
    painted_for,
    settled,
    standing,
    until,
    url_holds,
)

from core import service
from core.service import LatentQuery

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def view():
    """What the page opens on."""
    return service.ask(LatentQuery(GLOW, "tsne"))


# Looking at an image ------------------------------------------------------------------------------


def test_a_clicked_point_is_looked_at_and_a_click_leaves_the_selection_alone(page, address):
    box = opened(page, address, "?latent_image=mnist%230")
    tool(page, "Lasso").click()
    number = drawn(page, box, LASSO)
    tool(page, "Lasso").click()  # put away
    at = over_a_point(page, box)
    name = page.locator(".tip strong").inner_text()
    page.mouse.click(*at)
    card = page.get_by_label("The image that is looked at")
    card.get_by_role("heading", name=name).wait_for()
    page.get_by_text(f"{name} under").wait_for(state="attached")
    settled(page)
    assert selected(page) == number
    neighbours = card.get_by_role("button")
    expect(neighbours).to_have_count(10)
    ask = neighbours.nth(4).get_attribute("aria-label")
    neighbours.nth(4).click()
    other = re.match(r"Neighbour 5: [^,]+, (.+), distance", ask).group(1)
    card.get_by_role("heading", name=other).wait_for()
    page.get_by_text(f"{other} under").wait_for(state="attached")
    settled(page)
    picture = page.locator(".explorer .grid .tile").nth(3)
    wanted = picture.get_attribute("aria-label").rpartition(", ")[2]
    picture.click()
    card.get_by_role("heading", name=wanted).wait_for()
    expect(picture).to_have_attribute("aria-current", "true")
    page.get_by_text(f"{wanted} under").wait_for(state="attached")
    settled(page)
    assert selected(page) == number


def test_an_image_is_looked_at_by_its_sets_title(page, address):
    opened(page, address)
    box = page.get_by_role("textbox", name="Look at")
    box.fill("Digits#0")
    box.press("Enter")
    page.get_by_text("Digits 0 under").wait_for(state="attached")
    url_holds(page, "latent_image=mnist%230")


def test_a_map_button_leads_from_an_image_to_its_place(page, address):
    page.goto(address + "/likelihoods?likelihoods_image=turned%235")
    page.get_by_role("link", name="Show on map").first.wait_for()
    settled(page)
    before = page.evaluate("history.length")
    page.get_by_role("link", name="Show on map").first.click()
    map_box(page)
    page.get_by_text("Turned garments 5 under").wait_for(state="attached")
    url_holds(page, "latent_image=turned%235")
    assert page.evaluate("history.length") == before + 1
    page.go_back()
    page.get_by_role("heading", name="Likelihoods", level=1).wait_for()
    url_holds(page, "likelihoods_image=turned%235")
    for name in ("Model cards", "Likelihoods"):  # by the menu, to a page as it was left
        settled(page)
        before = page.evaluate("history.length")
        page.get_by_role("link", name=name).first.click()
        page.get_by_role("heading", name=name, level=1).wait_for()
        settled(page)
        page.wait_for_timeout(200)
        assert page.evaluate("history.length") <= before + 1


# Keys ---------------------------------------------------------------------------------------------


def test_what_a_mouse_can_do_can_be_done_by_keys(page, address, view):
    opened(page, address)
    room = page.locator(".room")
    assert room.get_attribute("aria-label") == "Garments: Glow, t-SNE: a map of 10,000 images"
    assert "arrow keys move" in page.locator(".map > .unseen").inner_text()
    room.focus()
    zoom = page.get_by_label("Zoom", exact=True)
    before = looks_of(page)
    page.keyboard.press("+")
    expect(zoom).to_have_text("1.4×")
    drawn_anew(page, before)
    before = until_same(lambda: looks_of(page))
    page.keyboard.press("ArrowRight")
    drawn_anew(page, before)
    page.keyboard.press("0")
    expect(zoom).to_have_text("1.0×")
    page.keyboard.press("b")
    pressed(tool(page, "Box:"), True)
    page.keyboard.press("Escape")
    pressed(tool(page, "Box:"), False)
    was = page.locator(".card h3").inner_text()
    page.keyboard.press("Enter")
    expect(page.locator(".card h3")).not_to_have_text(was, use_inner_text=True)
    settled(page)
    tool(page, "Lasso").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.ariaLabel").startswith(
        "Box"
    )
    page.locator(".numbers summary").press("Enter")
    for name, value in (("Left", "25"), ("Right", "50"), ("Bottom", "0"), ("Top", "50")):
        page.get_by_label(f"{name}, percent of the map").fill(value)
    page.get_by_role("button", name="Select", exact=True).press("Enter")
    # The picture holds 3 % more on each side than the points.
    low, high = view.xy.min(0), view.xy.max(0)
    share = (view.xy - low + 0.03 * (high - low)) / (1.06 * (high - low))
    inside = (share >= (0.25, 0)) & (share <= (0.5, 0.5))
    assert abs(selected(page) - int(inside.all(1).sum())) <= 3  # points on the very edge
    entry = page.locator(".legend").get_by_role("button").first
    entry.press("Enter")
    pressed(entry, False)
    bar(page, "missed").press("Enter")
    pressed(bar(page, "missed"), True)
    heard(page)


def test_a_group_of_buttons_is_one_tab_stop_and_a_picture_one_too(still):
    stops = still.evaluate(
        """() => {
            const host = [...document.querySelectorAll('[class*=st-key-latent_explorer] *')]
                .find(one => one.shadowRoot);
            const buttons = [...host.shadowRoot.querySelectorAll('button')]
                .filter(b => b.checkVisibility());
            const stops = buttons.filter(b => b.tabIndex === 0);
            return [stops.length, stops.filter(b => b.closest('.grid')).length,
                    buttons.filter(b => !(b.getAttribute('aria-label') || b.textContent)).length];
        }"""
    )
    assert stops[1:] == [24, 0]
    assert stops[0] <= 24 + 10 + 2 + 6  # pictures, neighbours, turning pages, a group each


def test_a_panel_can_be_put_away_and_the_map_takes_its_room(page, address):
    opened(page, address)
    room = page.locator(".room")
    before = room.bounding_box()
    for name in ("Bars", "Pictures"):
        page.get_by_role("button", name=name, exact=True).click()
        assert standing(room)["width"] > before["width"] + 50
        before = standing(room)
    expect(page.locator(".bars")).to_be_hidden()
    expect(page.locator(".pictures")).to_be_hidden()
    tool(page, "Select all shown").click()
    page.locator(".title", has_text="10,000 selected").wait_for()
    page.get_by_role("button", name="Legend", exact=True).click()
    expect(page.locator(".legend")).to_be_hidden()
    page.get_by_role("button", name="Bars", exact=True).click()
    expect(page.locator(".bars")).to_be_visible()


# One window ---------------------------------------------------------------------------------------


def test_map_count_bars_and_pictures_are_seen_without_scrolling(page, address):
    seen_without_scrolling(page, opened(page, address))
    for start in ("Digits among garments", "What it misses", "Where the map lies"):
        page.get_by_role("button", name=start).click()
        settled(page)
        seen_without_scrolling(page, map_box(page))


def seen_without_scrolling(page, box: Box) -> None:
    assert box["height"] > 400
    for what in (".map", ".many-selected", ".bars .row", ".card img"):
        found = page.locator(what).first.bounding_box()
        assert found["y"] + found["height"] <= 800, what
    ends = "tiles => tiles.map(tile => tile.getBoundingClientRect().bottom)"
    seen = page.locator(".grid .tile").evaluate_all(ends)
    assert sum(end <= 800 for end in seen) >= 12
    title = page.get_by_role("heading", name="Latent space", level=1)
    assert title.bounding_box()["y"] >= 0
    assert page.evaluate(SCROLLED) == 0


def test_the_axes_fit_what_is_shown_and_stray_points_are_counted(page, address):
    opened(page, address, "?latent_layout=umap&latent_model=glow.patches")
    line = page.locator(".strays")
    text = line.inner_text()
    number = int(re.match(r"([\d,]+) stray points lie outside", text).group(1).replace(",", ""))
    assert 0 < number < 1000
    before = looks_of(page)
    page.get_by_role("button", name="Show all", exact=True).click()
    expect(line).to_contain_text("All points are in the picture")
    drawn_anew(page, before)
    page.get_by_role("button", name="Show the middle").click()
    page.mouse.move(5, 5)
    expect(line).to_have_text(text, use_inner_text=True)


@pytest.fixture(scope="module")
def still(seats: Seats, address, request):
    """The page as it opens in the light, for whoever only looks at it."""
    with seats.taken(request) as tab:
        opened(tab, address)
        yield tab


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_map_follows_the_theme(still, theme):
    page = still
    page.emulate_media(color_scheme=theme)
    painted_for(page, theme)
    ground = (255, 255, 255) if theme == "light" else (18, 24, 28)

    def beside_the_points() -> tuple[int, ...]:
        picture = Image.open(io.BytesIO(page.locator(".points").screenshot())).convert("RGB")
        return picture.getpixel((200, 3))

    until(page, lambda: beside_the_points() == ground)
    expect(page.locator(".tool").first).to_have_css("background-color", f"rgb{ground}")


def test_letters_are_large_enough_to_be_read(still):
    sizes = still.evaluate(
        """() => {
            const host = [...document.querySelectorAll('[class*=st-key-latent_explorer] *')]
                .find(one => one.shadowRoot);
            const all = [...host.shadowRoot.querySelectorAll('*')].filter(e => e.checkVisibility()
                && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()));
            const size = e => parseFloat(getComputedStyle(e).fontSize);
            return [Math.min(...all.map(size)),
                    Math.min(...all.filter(e => e.closest('.legend, .row, .card')
                        && !e.matches('.caption')).map(size))];
        }"""
    )
    assert sizes[0] >= 12
    assert sizes[1] >= 14


def test_the_saved_picture_has_title_and_legend_and_no_tools(page, address, tmp_path):
    box = opened(page, address)
    with page.expect_download() as download:
        tool(page, "Save the map").click()
    assert download.value.suggested_filename == "fashion-glow-tsne-map.png"
    download.value.save_as(tmp_path / "map.png")
    picture = np.asarray(Image.open(tmp_path / "map.png").convert("L"))
    assert picture.shape[1] == round(box["width"])
    assert picture.shape[0] > standing(page.locator(".map"))["height"] - 60
    assert (picture[:44] < 100).any()  # the title
    assert (picture[-40:] < 150).any()  # the legend


# Fingers ------------------------------------------------------------------------------------------


def scrolled_by(page, drag, *lines) -> float:
    before = page.evaluate(SCROLLED)
    drag(*lines)
    return page.evaluate(SCROLLED) - before


def test_the_map_begins_on_the_first_screen_one_finger_scrolls_past_it_and_two_zoom_it(
    finger, address
):
    page, drag = finger
    assert opened(page, address)["y"] < 500
    assert page.locator("[data-testid=stMain]").evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    room = page.locator(".room")
    room.scroll_into_view_if_needed()
    box = standing(room)
    x, y = box["x"] + box["width"] / 2, min(box["y"] + box["height"] - 40, 700)
    assert scrolled_by(page, drag, ((x, y), (x, y - 200))) > 100
    room.scroll_into_view_if_needed()
    box = standing(room)
    y = box["y"] + box["height"] / 2
    moved = scrolled_by(
        page, drag, ((x - 30, y), (x - 90, y - 60)), ((x + 30, y), (x + 90, y - 60))
    )
    assert moved == 0
    expect(page.get_by_label("Zoom", exact=True)).to_have_text(re.compile(r"^(1\.[6-9]|[2-9])"))
    assert page.evaluate("visualViewport.scale") == 1


def test_two_fingers_turn_the_picture_and_leave_the_page(finger, address):
    page, drag = finger  # one finger scrolls past it: test_phone.py
    page.goto(f"{address}/latent?latent_view=3d")
    canvas = page.locator("[class*=st-key-latent_3d] canvas").first
    canvas.wait_for()
    settled(page)
    canvas.scroll_into_view_if_needed()
    y = min(standing(canvas)["y"] + 300, 700)
    assert scrolled_by(page, drag, ((150, y), (90, y - 90)), ((240, y), (300, y - 90))) == 0


def test_a_finger_draws_again_and_again_while_the_box_is_in_use(finger, address):
    page, drag = finger
    opened(page, address)
    tool(page, "Box:").tap()
    room = page.locator(".room")
    room.scroll_into_view_if_needed()
    box = standing(room)
    x, y = box["x"] + 120, box["y"] + 120
    assert scrolled_by(page, drag, ((x, y), (x + 100, y + 100))) == 0
    one = selected(page)
    assert scrolled_by(page, drag, ((x, y - 20), (x + 60, y + 40))) == 0
    assert 0 < selected(page) != one


def test_a_tap_looks_at_a_point(finger, address):
    page, _ = finger
    opened(page, address, "?latent_image=mnist%230")
    room = page.locator(".room")
    room.scroll_into_view_if_needed()
    box = standing(room)
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 170)
    expect(page.locator(".card h3")).not_to_have_text("Digits 0")
    settled(page)
