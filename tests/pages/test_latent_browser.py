"""The map of Latent space in a real browser: what is selected of it, and what the server sends."""

import csv
import gzip
import io
import json
import re

import numpy as np
import pytest
from latent_map import (
    BESIDE,
    GLOW,
    LASSO,
    SQUARE,
    bar,
    choose,
    drag,
    drawn,
    drawn_anew,
    drawn_as,
    grid,
    looks_of,
    map_box,
    nothing,
    opened,
    over_a_point,
    pressed,
    selected,
    tiles_of,
    tool,
    until_same,
)
from PIL import Image
from playwright.sync_api import expect
from visitor import (
    SCROLLED,
    heard,
    made_app,
    module_gives,
    newcomer,
    settled,
    sizes_of,
    standing,
    url_holds,
)

from core import service
from core.answers import points
from core.service import LatentQuery, PointsQuery
from pages._latent.served import SCRIPTS, scripts_version

pytestmark = pytest.mark.browser


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
    other = newcomer(browser)
    tab = other.new_page()
    tab.goto(page.url)
    map_box(tab)
    assert (selected(tab), grid(tab)) == (number, pictures)
    other.close()


def test_what_is_selected_is_counted_while_it_is_drawn(page, address):
    box = opened(page, address)
    tool(page, "Lasso").click()
    drag(page, box, LASSO)
    before = selected(page)
    pictures = until_same(lambda: grid(page))  # they follow in a moment
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
    pressed(tool(page, "Box:"), True)
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
    page.wait_for_function("() => !location.href.includes('latent_selected')")


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


def test_a_drag_without_a_tool_moves_the_map_and_selects_nothing(page, address):
    box = opened(page, address)
    before = looks_of(page)
    drag(page, box, ((0, 0), (60, 60)))
    page.mouse.up()
    nothing(page)
    page.mouse.move(5, 5)
    drawn_anew(page, before)
    tool(page, "Whole map").click()
    page.mouse.move(5, 5)
    drawn_as(page, before)


HINTED = """hint => {
    const look = () => (window.hinted ||= hint.checkVisibility());
    new MutationObserver(look).observe(hint, {attributes: true});
}"""


def test_the_zoom_is_said_and_a_wheel_alone_scrolls_the_page(page, address):
    box = opened(page, address)
    zoom = page.get_by_label("Zoom", exact=True)
    expect(zoom).to_have_text("1.0×")
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -240)
    page.keyboard.up("Control")
    expect(zoom).to_have_text(re.compile(r"^(1\.[5-9]|[2-9])"))
    kept = zoom.inner_text()
    hint = page.get_by_text("Hold Ctrl and turn the wheel to zoom")
    hint.evaluate(HINTED)  # it is there for a second
    page.mouse.wheel(0, 300)
    page.wait_for_function("() => window.hinted")
    page.wait_for_function(f"() => {SCROLLED} > 0")
    expect(zoom).to_have_text(kept)
    page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    choose(page, "Colour by", "class")  # what is drawn anew stays where it was
    page.get_by_role("button", name=re.compile("T-shirt")).first.wait_for()
    expect(zoom).to_have_text(kept)
    tool(page, "Whole map").click()
    expect(zoom).to_have_text("1.0×")


def test_an_entry_of_the_legend_hides_its_images_and_shows_them_again(page, address, view):
    opened(page, address)
    entry = page.locator(".legend").get_by_role("button", name=re.compile("Noise"))
    pressed(entry, True)
    noise = int((view.which == view.sets.index("noise")).sum())
    assert entry.inner_text().split()[-1] == f"{noise:,}"
    entry.click()
    pressed(entry, False)
    page.get_by_text(f"all {10_000 - noise:,} that are shown").wait_for()
    assert not [name for name in grid(page) if "Noise" in name]
    page.get_by_role("heading", name=f"All {10_000 - noise:,} images that are shown").wait_for()
    heard(page)
    tool(page, "Select all shown").click()
    assert selected(page) == 10_000 - noise
    entry.click()
    pressed(entry, True)
    assert selected(page) == 10_000 - noise
    heard(page)


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
    pressed(bar(page, "Turned garments"), True)
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
    held, pictures = [], re.compile(r"[?&]of=")
    page.route(pictures, lambda route: held.append(route))  # on a slow line
    bar(page, "Digits").click()
    coming = page.locator(".explorer .grid").get_by_text("Loading pictures")
    coming.wait_for()
    for route in held:
        route.continue_()
    page.unroute(pictures)
    assert grid(page) == tiles_of(view, np.flatnonzero(view.which == 1), "random")
    expect(coming).to_be_hidden()
    url_holds(page, "latent_order=random")
    settled(page)


# Tags and tables ----------------------------------------------------------------------------------


def test_a_tag_is_said_letter_by_letter_on_the_map_and_the_thumbnail_is_there(page, address):
    opened(page, address, "?latent_colour=tag")
    tool(page, "Select all shown").click()
    heard(page)
    page.get_by_role("textbox", name="Tag these images").fill("<b>a, b</b> & $x$")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="<b>a, b</b> & $x$ (10,000)").wait_for()
    settled(page)
    page.locator(".legend").get_by_text("<b>a, b</b> & $x$").wait_for()
    page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    box = standing(page.locator(".room").first)
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
    expect(page.locator(".points")).to_have_count(2)
    box = standing(page.locator(".room").nth(1))
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
    assert name in SCRIPTS
    return module_gives(onlooker, address, f"map/{scripts_version()}/{name}", work, *given)


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
