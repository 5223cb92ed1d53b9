"""The map of Latent space in a real browser: mouse, keys, fingers, and what the server sends it."""

import csv
import gzip
import hashlib
import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from visitor import SCROLLED, made_app, settled, sizes_of, url_holds, visiting

from core import service
from core.answers import points
from core.service import LatentQuery, PointsQuery, Target
from pages._latent import chosen
from pages._latent.served import SCRIPTS, scripts_version

pytestmark = pytest.mark.browser

GLOW = Target("fashion", "glow")
SELECTED = re.compile(r"^([\d,]+) selected$")
Box = dict[str, float]


def map_box(page) -> Box:
    """Where the first map is, once it is drawn with its pictures."""
    page.locator(".points").first.wait_for()
    page.locator(".explorer .tile").first.wait_for()
    settled(page)
    return page.locator(".room").first.bounding_box()


def opened(page, address: str, query: str = "") -> Box:
    page.goto(f"{address}/latent{query}")
    return map_box(page)


def tool(page, name: str):
    return page.get_by_role("button", name=re.compile(f"^{name}"))


def drag(page, box: Box, line, *, steps: int = 5) -> None:
    """Draw a line with the mouse, its corners from the middle of the map."""
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x + line[0][0], y + line[0][1])
    page.mouse.down()
    for dx, dy in line[1:]:
        page.mouse.move(x + dx, y + dy, steps=steps)


LASSO = ((-60, -70), (90, -40), (70, 60), (-80, 50), (-60, -60))
SQUARE, BESIDE = ((-100, -100), (0, 0)), ((-50, -50), (60, 70))


def drawn(page, box: Box, line) -> int:
    """What is selected when a line has been drawn."""
    drag(page, box, line)
    page.mouse.up()
    return selected(page)


def selected(page) -> int:
    """How many images are selected, by the heading over their pictures."""
    heading = page.get_by_role("heading", name=SELECTED)
    heading.wait_for()
    return int(SELECTED.match(heading.inner_text()).group(1).replace(",", ""))


def nothing(page) -> None:
    page.get_by_role("heading", name="All images", exact=True).wait_for()


def grid(page) -> list[str]:
    """What the pictures beside the map are, once they are those that were asked for last."""
    page.wait_for_function(
        """grid => grid.dataset.asked === grid.dataset.drawn""",
        arg=page.locator(".explorer .grid").element_handle(),
    )
    tiles = page.locator(".explorer .grid .tile:not([hidden])")
    return tiles.evaluate_all("tiles => tiles.map(t => t.getAttribute('aria-label'))")


def heard(page) -> None:
    """Wait until Python has heard of the selection."""
    page.wait_for_timeout(600)
    settled(page)


def choose(page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=re.compile(label)).first.click()
    page.get_by_role("option", name=option, exact=True).click()


def tiles_of(view, rows, order: str = "strangest", page: int = 1) -> list[str]:
    """The names that pictures of these rows have, in their order."""
    titles = {s.name: s.title for s in service.ask(service.OverviewQuery("fashion")).scenario.sets}
    names = []
    for row in chosen.ordered(view, rows, order, 0)[24 * (page - 1) : 24 * page]:
        title, label = titles[view.sets[view.which[row]]], str(view.labels[row])
        what = label[0].upper() + label[1:] if label else title
        names.append(f"{what}, {view.parts[view.score][row]:.2f}, {title} {view.indices[row]}")
    return names


@pytest.fixture(scope="module")
def view():
    """What the page opens on."""
    return service.ask(LatentQuery(GLOW, "tsne"))


# A selection --------------------------------------------------------------------------------------


def test_a_lasso_fills_the_grid_and_recolouring_another_layout_and_a_link_keep_it(
    page, address, browser
):
    box = opened(page, address)
    tool(page, "Lasso").click()
    number = drawn(page, box, LASSO)
    assert 200 < number < 5000
    pictures = grid(page)
    assert len(pictures) == 24
    heard(page)
    choose(page, "Colour by", "class")
    url_holds(page, "latent_colour=class")
    page.get_by_role("button", name=re.compile("T-shirt")).first.wait_for()  # the legend
    assert (selected(page), grid(page)) == (number, pictures)
    page.get_by_role("radio", name="UMAP", exact=True).click()
    page.locator(".title", has_text="UMAP").wait_for()
    assert (selected(page), grid(page)) == (number, pictures)
    url_holds(page, "latent_selected=")
    settled(page)
    other = browser.new_context(viewport={"width": 1280, "height": 800})
    tab = other.new_page()
    tab.goto(page.url)
    map_box(tab)
    assert (selected(tab), grid(tab)) == (number, pictures)
    other.close()


def test_what_is_selected_is_counted_while_it_is_drawn(page, address):
    box = opened(page, address)
    tool(page, "Lasso").click()
    drag(page, box, LASSO)
    page.get_by_role("heading", name=SELECTED).wait_for()
    page.wait_for_timeout(200)
    before, pictures = selected(page), grid(page)
    bars = page.locator(".bars .row .many").all_inner_texts()
    page.mouse.up()
    assert (selected(page), grid(page)) == (before, pictures)
    assert page.locator(".bars .row .many").all_inner_texts() == bars
    page.get_by_role("status").get_by_text(f"{before:,} selected").wait_for(state="attached")


def test_the_box_stays_in_use_shift_adds_alt_takes_away_and_all_can_be_undone(page, address):
    box = opened(page, address)
    tool(page, "Box:").click()
    one = drawn(page, box, SQUARE)
    other = drawn(page, box, BESIDE)  # begins within the first
    page.keyboard.down("Shift")
    both = drawn(page, box, SQUARE)
    page.keyboard.up("Shift")
    assert max(one, other) < both < one + other
    page.keyboard.down("Alt")
    rest = drawn(page, box, BESIDE)
    page.keyboard.up("Alt")
    assert rest == both - other
    assert tool(page, "Box:").get_attribute("aria-pressed") == "true"
    for expected in (both, other, one):
        tool(page, "Undo").click()
        assert selected(page) == expected
    tool(page, "Undo").click()
    nothing(page)
    page.keyboard.press("Control+y")
    assert selected(page) == one
    page.keyboard.press("Control+z")
    nothing(page)
    tool(page, "Redo").click()
    tool(page, "Redo").click()
    assert selected(page) == other
    tool(page, "Clear").click()
    nothing(page)
    heard(page)
    assert "latent_selected" not in page.url


def test_a_box_that_shrinks_while_it_is_drawn_adds_what_it_holds_in_the_end(page, address):
    box = opened(page, address)
    tool(page, "Box:").click()
    drawn(page, box, BESIDE)
    page.keyboard.down("Shift")
    small = drawn(page, box, SQUARE)
    page.keyboard.up("Shift")
    tool(page, "Undo").click()
    page.keyboard.down("Shift")
    shrunk = drawn(page, box, (SQUARE[0], (140, 140), SQUARE[1]))
    page.keyboard.up("Shift")
    assert shrunk == small


def looks_of(page) -> str:
    """A name of what the map's points look like; the bytes of pictures are too long to compare."""
    return hashlib.sha256(page.locator(".points").first.screenshot()).hexdigest()


def drawn_as(page, looks: str) -> bool:
    """Whether the map comes to look so: it is drawn some frames after it was asked for."""
    for _ in range(50):
        if looks_of(page) == looks:
            return True
        page.wait_for_timeout(100)
    return False


def test_a_drag_without_a_tool_moves_the_map_and_selects_nothing(page, address):
    box = opened(page, address)
    before = looks_of(page)
    drag(page, box, ((0, 0), (60, 60)))
    page.mouse.up()
    nothing(page)
    page.mouse.move(5, 5)
    assert looks_of(page) != before
    tool(page, "Whole map").click()
    page.mouse.move(5, 5)
    assert drawn_as(page, before)


def test_the_zoom_is_said_and_a_wheel_alone_scrolls_the_page(page, address):
    box = opened(page, address)
    zoom = page.get_by_label("Zoom", exact=True)
    assert zoom.inner_text() == "1.0×"
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -240)
    page.keyboard.up("Control")
    page.wait_for_function("e => parseFloat(e.textContent) > 1.4", arg=zoom.element_handle())
    kept = zoom.inner_text()
    page.mouse.wheel(0, 300)
    page.get_by_text("Hold Ctrl and turn the wheel to zoom").wait_for()
    page.wait_for_function(f"() => {SCROLLED} > 0")
    assert zoom.inner_text() == kept
    page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    choose(page, "Colour by", "class")  # what is drawn anew stays where it was
    page.get_by_role("button", name=re.compile("T-shirt")).first.wait_for()
    assert zoom.inner_text() == kept
    tool(page, "Whole map").click()
    assert zoom.inner_text() == "1.0×"


def test_an_entry_of_the_legend_hides_its_images_and_shows_them_again(page, address, view):
    opened(page, address)
    entry = page.locator(".legend").get_by_role("button", name=re.compile("Noise"))
    assert entry.get_attribute("aria-pressed") == "true"
    noise = int((view.which == view.sets.index("noise")).sum())
    assert entry.inner_text().split()[-1] == f"{noise:,}"
    entry.click()
    assert entry.get_attribute("aria-pressed") == "false"
    page.get_by_text(f"all {10_000 - noise:,} that are shown").wait_for()
    assert not [name for name in grid(page) if "Noise" in name]
    page.get_by_role("heading", name=f"All {10_000 - noise:,} images that are shown").wait_for()
    settled(page)
    tool(page, "Select all shown").click()
    assert selected(page) == 10_000 - noise
    entry.click()
    assert entry.get_attribute("aria-pressed") == "true"
    assert selected(page) == 10_000 - noise
    settled(page)


def bar(page, name: str):
    return page.locator(".bars .row", has_text=re.compile(f"^{name}"))


def test_a_bar_says_its_part_of_the_selection_and_narrows_it_when_it_is_pressed(
    page, address, view
):
    box = opened(page, address)
    tool(page, "Lasso").click()
    number = drawn(page, box, LASSO)
    shares = {}
    for row in page.locator(".bars section").nth(1).locator(".row").all_inner_texts():
        name, count, total = re.match(r"(.+?)\s*([\d,]+) of ([\d,]+)$", row).groups()
        shares[name] = int(count.replace(",", "")), int(total.replace(",", ""))
    assert sum(part for part, _ in shares.values()) == number
    assert [total for _, total in shares.values()] == np.bincount(view.which).tolist()
    few = shares["Turned garments"][0]
    assert few
    bar(page, "Turned garments").click()
    assert selected(page) == few
    assert bar(page, "Turned garments").get_attribute("aria-pressed") == "true"
    assert all("Turned garments" in name for name in grid(page))
    bar(page, "Garments").click()  # one more of the same kind
    assert selected(page) == few + shares["Garments"][0]
    bar(page, "Garments").click()
    bar(page, "missed").click()  # and of another kind: both hold
    missed = selected(page)
    assert missed < few
    bar(page, "missed").click()
    bar(page, "Turned garments").click()
    assert selected(page) == number
    tool(page, "Undo").click()
    assert selected(page) == few


def test_bars_alone_select_and_a_drag_over_scores_takes_all_of_them(page, address, view):
    opened(page, address)
    bar(page, "Digits").click()
    assert selected(page) == (view.which == 1).sum()
    bar(page, "Digits").click()
    nothing(page)
    bins = page.locator(".bars .bin")
    first, last = bins.nth(0).bounding_box(), bins.nth(5).bounding_box()
    page.mouse.move(first["x"] + 2, first["y"] + 30)
    page.mouse.down()
    page.mouse.move(last["x"] + 2, last["y"] + 30, steps=5)
    page.mouse.up()
    held, _ = points.score_bins(view.parts[view.score], view.role == "normal")
    assert selected(page) == (held <= 5).sum()
    pressed = bins.evaluate_all("all => all.map(b => b.getAttribute('aria-pressed'))")
    assert pressed == ["true"] * 6 + ["false"] * (points.BINS - 6)


def test_pictures_come_in_the_order_that_the_table_has_a_page_at_a_time(page, address, view):
    opened(page, address)
    rows = np.arange(10_000)
    assert grid(page) == tiles_of(view, rows)
    tool(page, "Next page").click()
    assert grid(page) == tiles_of(view, rows, page=2)
    for key, number in (("ArrowRight", 3), ("ArrowLeft", 2), ("ArrowLeft", 1), ("ArrowLeft", 1)):
        page.locator(".explorer .grid .tile").nth(5).press(key)
        assert grid(page) == tiles_of(view, rows, page=number)
    order = page.get_by_label("Which first")
    for name in ("most normal", "random"):
        order.select_option(name)
        assert grid(page) == tiles_of(view, rows, name)
    bar(page, "Digits").click()
    assert grid(page) == tiles_of(view, np.flatnonzero(view.which == 1), "random")
    url_holds(page, "latent_order=random")
    settled(page)


# Looking at an image ------------------------------------------------------------------------------


def over_a_point(page, box: Box, text: str = "") -> tuple[float, float]:
    """Move the mouse until it is over a point whose tooltip holds a text; where that is."""
    for step in range(60):
        at = box["x"] + box["width"] / 2 + 5 * step - 120, box["y"] + box["height"] / 2 + step
        page.mouse.move(*at)
        page.wait_for_timeout(60)
        tip = page.locator(".tip:not([hidden])")
        if tip.count() and text in tip.inner_text():
            return at
    pytest.fail("there is no such point")


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
    assert neighbours.count() == 10
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
    assert picture.get_attribute("aria-current") == "true"
    page.get_by_text(f"{wanted} under").wait_for(state="attached")
    settled(page)
    assert selected(page) == number


def test_an_image_is_looked_at_by_its_sets_title(page, address):
    opened(page, address)
    box = page.get_by_role("textbox", name="Look at")
    box.fill("Digits#0")
    box.press("Enter")
    page.get_by_text("Digits 0 under").wait_for(state="attached")
    settled(page)
    assert "latent_image=mnist%230" in page.url


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
        page.wait_for_timeout(500)
        assert page.evaluate("history.length") <= before + 1


# Keys ---------------------------------------------------------------------------------------------


def test_what_a_mouse_can_do_can_be_done_by_keys(page, address, view):
    opened(page, address)
    room = page.locator(".room")
    assert room.get_attribute("aria-label") == "Garments: Glow, t-SNE: a map of 10,000 images"
    assert "arrow keys move" in page.locator(".map > .unseen").inner_text()
    room.focus()
    zoom = page.get_by_label("Zoom", exact=True)
    page.keyboard.press("+")
    assert zoom.inner_text() == "1.4×"
    before = looks_of(page)
    page.keyboard.press("ArrowRight")
    assert looks_of(page) != before
    page.keyboard.press("0")
    assert zoom.inner_text() == "1.0×"
    page.keyboard.press("b")
    assert tool(page, "Box:").get_attribute("aria-pressed") == "true"
    page.keyboard.press("Escape")
    assert tool(page, "Box:").get_attribute("aria-pressed") == "false"
    was = page.locator(".card h3").inner_text()
    page.keyboard.press("Enter")
    page.wait_for_function(
        "e => e[0].textContent !== e[1]", arg=[page.locator(".card h3").element_handle(), was]
    )
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
    assert entry.get_attribute("aria-pressed") == "false"
    bar(page, "missed").press("Enter")
    assert bar(page, "missed").get_attribute("aria-pressed") == "true"
    settled(page)


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
        assert room.bounding_box()["width"] > before["width"] + 50
        before = room.bounding_box()
    assert page.locator(".bars").is_hidden()
    assert page.locator(".pictures").is_hidden()
    tool(page, "Select all shown").click()
    page.locator(".title", has_text="10,000 selected").wait_for()
    page.get_by_role("button", name="Legend", exact=True).click()
    assert page.locator(".legend").is_hidden()
    page.get_by_role("button", name="Bars", exact=True).click()
    assert page.locator(".bars").is_visible()


# One window ---------------------------------------------------------------------------------------


def test_map_count_bars_and_pictures_are_seen_without_scrolling(page, address):
    seen_without_scrolling(page, opened(page, address))
    for start in ("Digits among garments", "What it misses", "Where the map lies"):
        page.get_by_role("button", name=start).click()
        page.wait_for_timeout(500)
        seen_without_scrolling(page, map_box(page))


def seen_without_scrolling(page, box: Box) -> None:
    assert box["height"] > 400
    for what in (".map", ".many-selected", ".bars .row", ".card img"):
        found = page.locator(what).first.bounding_box()
        assert found["y"] + found["height"] <= 800, what
    seen = [t.bounding_box() for t in page.locator(".grid .tile").all()]
    assert sum(one["y"] + one["height"] <= 800 for one in seen) >= 12
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
    assert "All points are in the picture" in line.inner_text()
    assert looks_of(page) != before
    page.get_by_role("button", name="Show the middle").click()
    page.mouse.move(5, 5)
    assert line.inner_text() == text


@pytest.fixture(scope="module")
def still(browser, address):
    """The page as it opens in the light, for whoever only looks at it."""
    with visiting(browser) as tab:
        opened(tab, address)
        yield tab


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_map_follows_the_theme(page, address, theme):
    page.emulate_media(color_scheme=theme)
    opened(page, address)
    picture = np.asarray(
        Image.open(io.BytesIO(page.locator(".points").screenshot())).convert("RGB")
    )
    assert picture[3, 200].tolist() == ([255, 255, 255] if theme == "light" else [18, 24, 28])
    paint = "e => getComputedStyle(e).backgroundColor"
    assert page.locator(".tool").first.evaluate(paint) == (
        "rgb(255, 255, 255)" if theme == "light" else "rgb(18, 24, 28)"
    )


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
    assert picture.shape[0] > page.locator(".map").bounding_box()["height"] - 60
    assert (picture[:44] < 100).any()  # the title
    assert (picture[-40:] < 150).any()  # the legend


# Fingers ------------------------------------------------------------------------------------------


def scrolled_by(page, drag, *lines) -> float:
    before = page.evaluate(SCROLLED)
    drag(*lines)
    return page.evaluate(SCROLLED) - before


def test_one_finger_scrolls_the_page_past_the_map_and_two_zoom_it(finger, address):
    page, drag = finger
    opened(page, address)
    room = page.locator(".room")
    room.scroll_into_view_if_needed()
    box = room.bounding_box()
    x, y = box["x"] + box["width"] / 2, min(box["y"] + box["height"] - 40, 700)
    assert scrolled_by(page, drag, ((x, y), (x, y - 200))) > 100
    room.scroll_into_view_if_needed()
    box = room.bounding_box()
    y = box["y"] + box["height"] / 2
    moved = scrolled_by(
        page, drag, ((x - 30, y), (x - 90, y - 60)), ((x + 30, y), (x + 90, y - 60))
    )
    assert moved == 0
    assert float(page.get_by_label("Zoom", exact=True).inner_text().rstrip("×")) > 1.5
    assert page.evaluate("visualViewport.scale") == 1


def test_one_finger_scrolls_the_page_past_the_turning_picture(finger, address):
    page, drag = finger
    page.goto(f"{address}/latent?latent_view=3d")
    canvas = page.locator("[class*=st-key-latent_3d] canvas").first
    canvas.wait_for()
    settled(page)
    canvas.scroll_into_view_if_needed()
    y = min(canvas.bounding_box()["y"] + 300, 700)
    assert scrolled_by(page, drag, ((200, y), (200, y - 200))) > 100
    y = canvas.bounding_box()["y"] + 300
    assert scrolled_by(page, drag, ((150, y), (90, y - 90)), ((240, y), (300, y - 90))) == 0


def test_a_finger_draws_again_and_again_while_the_box_is_in_use(finger, address):
    page, drag = finger
    opened(page, address)
    tool(page, "Box:").tap()
    room = page.locator(".room")
    room.scroll_into_view_if_needed()
    box = room.bounding_box()
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
    box = room.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 170)
    page.wait_for_function(
        "e => e.textContent !== 'Digits 0'", arg=page.locator(".card h3").element_handle()
    )
    settled(page)


def test_on_a_phone_the_map_begins_on_the_first_screen_and_nothing_hangs_over(finger, address):
    page, _ = finger
    box = opened(page, address)
    assert box["y"] < 500
    assert page.locator("[data-testid=stMain]").evaluate("e => e.scrollWidth - e.clientWidth") <= 0


# Tags and tables ----------------------------------------------------------------------------------


def test_a_tag_is_said_letter_by_letter_on_the_map_and_the_thumbnail_is_there(page, address):
    box = opened(page, address, "?latent_colour=tag")
    tool(page, "Select all shown").click()
    heard(page)
    page.get_by_role("textbox", name="Tag these images").fill("<b>a, b</b> & $x$")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="<b>a, b</b> & $x$ (10,000)").wait_for()
    settled(page)
    page.locator(".legend").get_by_text("<b>a, b</b> & $x$").wait_for()
    page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    over_a_point(page, box, "tag: <b>a, b</b> & $x$")
    assert sizes_of(page.locator(".tip img")) == ["28x28"]


def test_tags_are_in_the_table_that_is_taken_away(page, address, tmp_path):
    opened(page, address, "?latent_sets=noise&latent_colour=tag")
    tool(page, "Select all shown").click()
    number = selected(page)
    heard(page)
    page.get_by_role("textbox", name="Tag these images").fill("grain")
    page.keyboard.press("Enter")
    page.get_by_role("button", name=f"grain ({number:,})").wait_for()
    page.locator(".legend").get_by_role("button", name=f"grain {number:,}").wait_for()
    settled(page)
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("with every detector.s score")).click()
    download.value.save_as(tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == number
    assert {row["tags"] for row in rows} == {"grain"}
    assert all(row["image"].startswith("noise#") for row in rows)


def test_two_maps_share_a_selection(page, address):
    opened(page, address, "?latent_view=two&latent_model2=glow.dense")
    page.locator(".room").nth(1).wait_for()
    settled(page)
    assert page.locator(".points").count() == 2
    box = page.locator(".room").nth(1).bounding_box()
    tool(page, "Box:").click()
    number = drawn(page, box, SQUARE)
    assert number > 0
    heard(page)
    assert selected(page) == number


# What the server sends ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("thumbnail/fashion/mnist/4.png", 200),
        ("thumbnail/fashion/mnist/10000.png", 404),
        ("thumbnail/fashion/nope/4.png", 404),
        ("thumbnail/nope/mnist/4.png", 404),
        ("thumbnail/fashion/mnist/-4.png", 404),
        ("thumbnail/fashion/mnist/four.png", 404),
        ("thumbnail/fashion/mnist/" + "9" * 20 + ".png", 404),
        ("thumbnail/fashion/mnist/" + "1" * 4400 + ".png", 404),
        ("sprite/fashion.png?of=mnist.4,garments.17,flat.0", 200),
        ("sprite/fashion.png?of=mnist.4,garments.10000", 404),
        ("sprite/fashion.png?of=", 404),
        ("sprite/fashion.png", 404),
        ("sprite/nope.png?of=mnist.4", 404),
        ("sprite/fashion.png?of=" + ",".join(["mnist.4"] * 61), 404),
        ("points/fashion/nope/tsne.bin", 404),
        ("points/nope/glow/tsne.bin", 404),
        ("points/fashion/glow/nope.bin", 404),
        ("points/fashion/glow/tsne/nope.bin", 404),
        ("map/0/nope.js", 404),
        ("map/0/served.py", 404),
    ],
)
def test_a_picture_or_a_file_of_points_is_there_or_it_is_said_why_not(
    onlooker, address, path, status
):
    found = onlooker.request.get(f"{address}/{path}")
    assert found.status == status
    if status == 200:
        picture = Image.open(io.BytesIO(found.body()))
        assert (picture.size, picture.mode) == ((28 * (1 + path.count(",")), 28), "L")
    else:
        assert len(found.text().strip().splitlines()) == 1


def test_a_sprite_holds_the_pictures_side_by_side(onlooker, address):
    found = onlooker.request.get(f"{address}/sprite/fashion.png?of=mnist.4,garments.17")
    picture = np.asarray(Image.open(io.BytesIO(found.body())))
    expected = service.pictures_of("fashion", [("mnist", 4), ("garments", 17)])[..., 0]
    assert np.array_equal(picture, np.concatenate(list(expected), 1))


def test_points_are_sent_once_and_kept_under_the_name_of_their_version(onlooker, address):
    packed = service.ask(PointsQuery(GLOW, "tsne"))
    path = f"{address}/points/fashion/glow/tsne.bin"
    found = onlooker.request.get(f"{path}?v={packed.version}")
    assert "immutable" in found.headers["cache-control"]
    assert found.headers["content-encoding"] == "gzip"
    assert found.body() == gzip.decompress(packed.data)
    plain = onlooker.request.get(path, headers={"Accept-Encoding": "identity"})
    assert plain.body() == found.body()
    assert plain.headers["cache-control"] == "no-cache"
    again = onlooker.request.get(path, headers={"If-None-Match": found.headers["etag"]})
    assert (again.status, again.body()) == (304, b"")


def test_below_a_base_path_the_map_is_there_too(page):
    with made_app("/tool/x", STREAMLIT_SERVER_BASE_URL_PATH="tool/x") as address:
        box = opened(page, address)
        over_a_point(page, box)
        picture = page.locator(".tip img")
        assert sizes_of(picture) == ["28x28"]
        assert picture.evaluate("i => i.src").startswith(f"{address}/thumbnail/fashion/")
        page.goto("about:blank")  # or the page would miss the server


# The browser's arithmetic -------------------------------------------------------------------------


def module(onlooker, address: str, name: str, work: str, *given):
    """What a function of one of the browser's scripts gives."""
    if not onlooker.url.startswith(address):
        onlooker.goto(f"{address}/thumbnail/fashion/mnist/4.png")
    assert name in SCRIPTS
    path = f"{address}/map/{scripts_version()}/{name}"
    return onlooker.evaluate(
        f"([path, given]) => import(path).then(m => ({work})(m, ...given))", [path, list(given)]
    )


WITHIN = (
    "(m, line, places) => [...m.within(line, places, new Uint8Array(places.length / 2).fill(1))]"
)


def test_a_lasso_that_winds_holds_what_is_within_its_line(onlooker, address):
    # A "U" of unit squares, three wide and two high, open at the top.
    corners = [[0, 0], [3, 0], [3, 2], [2, 2], [2, 1], [1, 1], [1, 2], [0, 2]]
    middles = [[x + 0.5, y + 0.5] for y in range(-1, 4) for x in range(-1, 5)]
    filled = {(0, 0), (1, 0), (2, 0), (0, 1), (2, 1)}
    expected = [int((x, y) in filled) for y in range(-1, 4) for x in range(-1, 5)]
    flat = [c for place in middles for c in place]
    for turned in range(8):  # wherever the line begins, and whichever way it goes
        line = corners[turned:] + corners[:turned]
        for way in (line, line[::-1]):
            path = [c for corner in way for c in corner]
            assert module(onlooker, address, "geometry.js", WITHIN, path, flat) == expected


def test_a_triangle_holds_what_is_on_one_side_of_all_its_lines(onlooker, address):
    rng = np.random.default_rng(0)
    for _ in range(20):
        corners, places = rng.uniform(-5, 5, (3, 2)), rng.uniform(-5, 5, (200, 2))
        sides = np.stack(
            [
                (b[0] - a[0]) * (places[:, 1] - a[1]) - (b[1] - a[1]) * (places[:, 0] - a[0])
                for a, b in zip(corners, np.roll(corners, -1, 0), strict=True)
            ]
        )
        expected = ((sides > 0).all(0) | (sides < 0).all(0)).astype(int).tolist()
        given = corners.ravel().tolist(), places.ravel().tolist()
        assert module(onlooker, address, "geometry.js", WITHIN, *given) == expected


def test_a_line_that_goes_nowhere_holds_nothing(onlooker, address):
    for line in ([], [1, 1], [0, 0, 3, 3], [0, 0, 3, 3, 0, 0]):
        assert module(onlooker, address, "geometry.js", WITHIN, line, [1, 1, 2, 5]) == [0, 0]


def test_a_box_holds_what_is_between_its_corners_however_it_was_drawn(onlooker, address):
    places = [1.0, 1.0, 2.0, 5.0, 3.1, 1.0, 1.0, -0.1]
    work = "(m, box, places) => [...m.withinBox(box, places, new Uint8Array(4).fill(1))]"
    for corners in ([0, 0, 3, 5], [3, 5, 0, 0], [0, 5, 3, 0]):
        found = module(onlooker, address, "geometry.js", work, corners, places)
        assert found == [1, 1, 0, 0]


def test_stray_points_are_cut_only_where_that_gains_much(onlooker, address):
    work = "(m, places, n) => m.limits(places, new Uint8Array(n).fill(1))"
    rng = np.random.default_rng(0)
    middle = rng.uniform(0, 1, (990, 2))
    near = np.concatenate([middle, rng.uniform(1, 1.2, (10, 2))])
    far = np.concatenate([middle, rng.uniform(9, 10, (10, 2))])
    for places, cut in ((near, False), (far, True)):
        found = module(onlooker, address, "geometry.js", work, places.ravel().tolist(), len(places))
        assert found["cut"] == cut
        for (low, high), values in zip(found["sides"], places.T, strict=True):
            held = ((values >= low) & (values <= high)).mean()
            assert (0.98 <= held < 1) if cut else held == 1
            assert high - low < 1.3


def test_browser_and_python_agree_on_files_bits_and_orders(onlooker, address, view):
    read = """(m, path) => fetch(path).then(r => r.arrayBuffer()).then(b => {
        const found = m.unpack(b);
        const columns = Object.fromEntries(found.columns.map(([name]) => [name, [...found[name]]]));
        return JSON.stringify({ ...found, ...columns });
    })"""
    path = f"{address}/points/fashion/glow/tsne.bin"
    found = json.loads(module(onlooker, address, "points.js", read, path))
    about, stored = points.unpack(service.ask(PointsQuery(GLOW, "tsne")).data)
    for name, values in stored.items():
        np.testing.assert_allclose(found[name], values.tolist())
    assert found["edges"] == about["edges"]
    for size, seed in ((1, 0), (7, 0), (1000, 3), (10_000, 9999)):
        drawn = module(
            onlooker, address, "points.js", "(m, n, s) => [...m.shuffled(n, s)]", size, seed
        )
        assert drawn == points.shuffled(size, seed).tolist()
    for size in (1, 7, 8, 9, 1000):
        mask = np.random.default_rng(size).random(size) < 0.4
        bits = module(
            onlooker, address, "points.js", "(m, mask) => m.packBits(mask)", mask.tolist()
        )
        from pages._latent.selection import bits as read_bits

        assert read_bits(bits, size).tolist() == mask.tolist()
        again = "(m, text, n) => [...m.unpackBits(text, n)]"
        assert (
            module(onlooker, address, "points.js", again, bits, size) == mask.astype(int).tolist()
        )
