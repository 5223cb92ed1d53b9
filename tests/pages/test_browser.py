"""The app as a person meets it: a fresh ``make app``, a real Chromium, a deep link first."""

import csv
import io
import json
import re
import subprocess
import sys

import pytest
from PIL import Image
from visitor import ROOT, SCROLLED, made_app, press_until, settled, url_holds

from core.bench._browser import free_port, wait_until_up
from core.scenario import load_scenario

pytestmark = pytest.mark.browser

DEEP_LINK = "/likelihoods?likelihoods_strange=turned&likelihoods_set=turned&likelihoods_index=5"


def test_a_fresh_server_answers_a_deep_link_with_frame_and_state(page):
    with made_app() as fresh:
        page.goto(fresh + DEEP_LINK)
        page.get_by_text("Turned garments 5 (").first.wait_for()
        page.locator(".legendtext", has_text="Turned garments").first.wait_for()
        assert page.locator("[data-testid=stSidebar]").get_by_text("Scenario").is_visible()
        assert page.locator(".st-key-likelihoods_index input").input_value() == "5"
        settled(page)
        page.goto("about:blank")  # or the page would miss the server


def test_overview_leads_to_the_likelihoods_with_url_and_widgets_in_agreement(page, address):
    page.goto(address)
    page.get_by_role("heading", name="Where to start").wait_for()
    settled(page)
    page.get_by_role("link", name="A garment turned on its side").click()
    page.get_by_role("heading", name="Likelihoods", level=1).wait_for()
    url_holds(page, "likelihoods_strange=turned")
    assert page.get_by_role("combobox", name="Strange set").input_value() == "Turned garments"


def test_another_page_opens_at_its_head_from_wherever_one_was(page, address):
    page.goto(address)
    page.get_by_role("heading", name="How good is each detector").wait_for()
    settled(page)
    page.get_by_role("link", name="Every model's card").click()
    page.get_by_role("heading", name="Model cards", level=1).wait_for()
    settled(page)
    assert page.evaluate(SCROLLED) == 0


@pytest.mark.parametrize(
    ("link", "heading"),
    [
        ("/?seed=inf", "Where to start"),
        ("/latent?seed=1e999", "Latent space"),
        ("/likelihoods?likelihoods_index=inf&likelihoods_set=turned", "Gallery"),
        ("/outskirts?outskirts_rank=inf", "A walk outward"),
    ],
)
def test_an_infinite_number_in_a_link_is_left_out_and_the_page_is_whole(
    page, address, link, heading
):
    page.goto(address + link)
    page.get_by_role("heading", name=heading).wait_for()
    settled(page)
    assert page.get_by_text("encountered an error").count() == 0
    assert not re.search("=(inf|1e999)", page.url)
    assert ("likelihoods_image=turned%230" in page.url) == ("turned" in link)


SHOW_PLAIN = """
import json, sys
import streamlit as st
sys.path.insert(0, {root!r})
from pages._shared.text import plain
for i, text in enumerate(json.loads({texts!r})):
    st.markdown(plain(text))
    st.warning(plain(text))
    st.button(plain(text), key=i)
"""
OTHERS = [
    "![x](http://evil.example/a.png)",
    "[Session expired: log in](http://evil.example/) [a][b] [^1]",
    "*a*_b_ `c` **d** ~~e~~ H~2~O $x^2$ $$y$$",
    ":red[hot] :blue-background[b] :material/home: :smile: :streamlit: :rainbow[r] scan:100:.png",
    "http://evil.example/a HTTPS://evil.example www.evil.example mailto:me@evil.example",
    "<http://evil.example> <b>bold</b> <img src=http://evil.example/x.png> &amp; &copy;",
    "# head | a | b | -- --- <- -> <-> >= != ~= ...",
    "- item",
    "1. item",
    "> quote",
    "\\*a\\* back\\slash {x} (c) 'q' \"q\"",
]


def test_text_of_others_is_shown_letter_by_letter(page, tmp_path):
    script, port = tmp_path / "plain.py", free_port()
    script.write_text(SHOW_PLAIN.format(root=str(ROOT), texts=json.dumps(OTHERS)), "utf-8")
    options = ["--server.headless=true", "--browser.gatherUsageStats=false"]
    command = [sys.executable, "-m", "streamlit", "run", str(script), f"--server.port={port}"]
    process = subprocess.Popen([*command, "--server.address=127.0.0.1", *options], cwd=tmp_path)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    try:
        wait_until_up(f"http://127.0.0.1:{port}", process)
        page.goto(f"http://127.0.0.1:{port}")
        page.locator(".stButton").nth(len(OTHERS) - 1).wait_for()
        settled(page)
        for kind in (".stMarkdown", ".stAlert", ".stButton"):
            seen = page.locator(f"[data-testid=stMain] {kind}").all_inner_texts()
            assert [text.replace("\u2060", "").strip() for text in seen] == OTHERS, kind
        made = "a, img, em, strong, code, del, li, blockquote, table, h1, h2, .katex, [role=img]"
        assert page.locator(f"[data-testid=stMarkdownContainer] :is({made})").count() == 0
        assert [url for url in asked if "evil" in url] == []
        page.goto("about:blank")  # nobody asks the server that ends
    finally:
        process.terminate()
        process.wait(20)


def test_choosing_a_strange_set_redraws_the_histograms_and_the_url(page, address):
    page.goto(address + "/likelihoods")
    page.locator(".legendtext", has_text="Digits").first.wait_for()
    settled(page)
    page.locator(".st-key-likelihoods_strange input").click()
    page.get_by_role("option", name="Noise", exact=True).click()
    page.locator(".legendtext", has_text="Noise").first.wait_for()
    url_holds(page, "likelihoods_strange=noise")
    page.reload()
    page.locator(".legendtext", has_text="Noise").first.wait_for()


def test_an_image_of_the_gallery_is_picked_by_a_click_marked_and_brought_into_view(page, address):
    page.goto(address + "/likelihoods?likelihoods_from=strange&likelihoods_order=strangest")
    tile = page.locator(".st-key-likelihoods_pick_3 button").first
    tile.wait_for()
    settled(page)
    tile.scroll_into_view_if_needed()
    assert page.evaluate(SCROLLED) > 500
    tile.click()
    url_holds(page, "likelihoods_image=mnist%23")
    index = re.search(r"likelihoods_image=mnist%23(\d+)", page.url).group(1)
    picture = page.get_by_alt_text(f"The image that is looked at, Digits {index} (")
    picture.wait_for()
    page.wait_for_function(  # it is scrolled to smoothly
        "picture => picture.getBoundingClientRect().top >= -1", arg=picture.element_handle()
    )
    settled(page)
    assert tile.get_attribute("kind") == "primary"


def test_the_arrow_keys_turn_the_gallery(page, address):
    page.goto(address + "/likelihoods")
    page.get_by_role("heading", name="Gallery").wait_for()
    settled(page)
    page.get_by_role("heading", name="Gallery").click()
    press_until(page, "ArrowRight", lambda: "likelihoods_page=2" in page.url)
    settled(page)
    page.locator(".st-key-likelihoods_temperature, .st-key-likelihoods_index input").first.focus()
    page.keyboard.press("ArrowRight")  # in a field it moves within the field
    settled(page)
    assert "likelihoods_page=2" in page.url


def test_thirty_fast_clicks_turn_thirty_pages(page, address):
    page.goto(address + "/likelihoods")
    following = page.get_by_role("button", name="Next page")
    following.wait_for()
    settled(page)
    for _ in range(30):
        following.click(delay=0)
    url_holds(page, "likelihoods_page=31")
    page.get_by_role("button", name="Page 31", exact=True).wait_for()
    settled(page)


def test_a_link_to_a_garment_still_opens_it_after_a_reload(page, address):
    page.goto(address + "/likelihoods?likelihoods_set=garments&likelihoods_index=5")
    page.get_by_text("Garments 5 (").first.wait_for()
    url_holds(page, "likelihoods_image=garments%235")
    settled(page)
    page.reload()
    page.get_by_text("Garments 5 (").first.wait_for()


def test_an_own_image_is_converted_and_the_conversion_is_said(page, address, tmp_path):
    Image.new("RGB", (60, 40), (200, 30, 30)).save(tmp_path / "red.png")
    page.goto(address + "/likelihoods")
    page.get_by_role("button", name="One of your own").click()
    page.locator("input[type=file]").set_input_files(tmp_path / "red.png")
    page.get_by_text("RGB made grey; 60x40 fitted to 28x28").wait_for()


def test_a_file_that_is_no_image_is_one_error_and_the_page_goes_on(page, address, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"this is not a picture")
    page.goto(address + "/likelihoods")
    page.get_by_role("button", name="One of your own").click()
    page.locator("input[type=file]").set_input_files(tmp_path / "broken.png")
    page.get_by_text("broken.png: not an image file that can be read").wait_for()
    assert page.locator("[data-testid=stAlert]").count() == 1
    page.get_by_role("heading", name="Gallery").first.wait_for()


def test_the_sheet_of_terms_opens_and_closes_by_keyboard(page, address):
    page.goto(address)
    page.get_by_role("heading", name="Where to start").wait_for()
    settled(page)
    press_until(page, "h", page.get_by_role("dialog").is_visible)
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")


def test_a_link_to_two_models_opens_their_comparison_and_only_that(page, address):
    page.goto(address + "/likelihoods?likelihoods_view=models&likelihoods_up=glow.dense")
    page.get_by_text("Rank correlation over 20,000 images").wait_for()
    page.get_by_text("Fully connected flow, bits per dimension").first.wait_for()
    assert page.get_by_role("heading", name="Gallery").count() == 0


def test_a_clicked_point_shows_its_image_and_leads_inside_it(page, address):
    page.goto(address + "/likelihoods?likelihoods_view=models&likelihoods_strange=flat")
    page.locator(".legendtext", has_text="Flat grey").first.wait_for()
    settled(page)
    plot = page.locator(".js-plotly-plot").first
    at = plot.evaluate(
        """plot => {
            const {xaxis, yaxis} = plot._fullLayout, box = plot.getBoundingClientRect();
            const trace = plot._fullData[0], far = trace.x.indexOf(Math.max(...trace.x));
            return [box.x + xaxis._offset + xaxis.c2p(trace.x[far]),
                    box.y + yaxis._offset + yaxis.c2p(trace.y[far]), trace.customdata[far][1]];
        }"""
    )
    page.mouse.move(at[0], at[1])
    page.wait_for_timeout(300)
    page.mouse.click(at[0], at[1])
    page.get_by_role("button", name="Look inside").click()
    page.get_by_alt_text(f"The image that is looked at, Garments {at[2]}").wait_for()
    url_holds(page, f"likelihoods_image=garments%23{at[2]}")


def test_drawn_images_follow_the_temperature(page, address):
    page.goto(address + "/likelihoods?likelihoods_view=drawn")
    drawn = page.get_by_alt_text("8 images with the latent of 4x4 scale drawn anew")
    drawn.wait_for()
    settled(page)
    before = drawn.get_attribute("src")
    page.get_by_role("slider", name="Temperature").press("ArrowLeft")
    url_holds(page, "likelihoods_temperature=0.6")
    page.wait_for_function(
        "before => ![...document.images].some(i => i.src === before)",
        arg=before if before.startswith("http") else address + before,
    )
    settled(page)


# Latent space -----------------------------------------------------------------------------------

SELECTED = re.compile(r"^([\d,]+) selected$")


def map_box(page) -> dict[str, float]:
    """Where the first map is, once it is drawn."""
    canvas = page.locator("[class*=st-key-latent_map] canvas").first
    canvas.wait_for()
    settled(page)
    canvas.scroll_into_view_if_needed()
    return canvas.bounding_box()


def lasso(page, box: dict[str, float]) -> None:
    """Draw a line with the mouse round the middle of the map."""
    page.mouse.click(box["x"] + 24, box["y"] + 24)  # the first tool
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    line = ((-60, -70), (90, -40), (70, 60), (-80, 50), (-60, -60))
    page.mouse.move(middle[0] + line[0][0], middle[1] + line[0][1])
    page.mouse.down()
    for x, y in line[1:]:
        page.mouse.move(middle[0] + x, middle[1] + y, steps=5)
    page.mouse.up()


def selected(page) -> int:
    """How many images are selected, by the heading over their pictures."""
    heading = page.get_by_role("heading", name=SELECTED)
    heading.wait_for()
    settled(page)
    return int(SELECTED.match(heading.inner_text()).group(1).replace(",", ""))


def grid(page) -> list[str]:
    """What the pictures under the map are, by their texts for who cannot see them."""
    settled(page)
    found = page.locator("[class*=st-key-latent_pick]").locator("xpath=..").locator("img")
    found.first.wait_for()
    return found.evaluate_all("images => images.map(i => i.alt)")


def choose(page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=re.compile(label)).first.click()
    page.get_by_role("option", name=option, exact=True).click()


def test_a_lasso_fills_the_grid_and_recolouring_another_layout_and_a_link_keep_it(
    page, address, browser
):
    page.goto(address + "/latent")
    box = map_box(page)
    lasso(page, box)
    number = selected(page)
    assert 200 < number < 5000
    pictures = grid(page)
    assert len(pictures) == 24
    choose(page, "Colour by", "class")
    url_holds(page, "latent_colour=class")
    page.get_by_text("T-shirt").first.wait_for()  # the legend
    assert (selected(page), grid(page)) == (number, pictures)
    page.get_by_role("radio", name="UMAP", exact=True).click()
    page.get_by_text("UMAP of the").wait_for()
    assert (selected(page), grid(page)) == (number, pictures)
    url_holds(page, "latent_selected=")
    link = page.url
    other = browser.new_context(viewport={"width": 1280, "height": 800})
    tab = other.new_page()
    tab.goto(link)
    assert (selected(tab), grid(tab)) == (number, pictures)
    other.close()


def test_the_arrow_keys_turn_the_pictures_of_a_selection_and_a_double_click_clears_it(
    page, address
):
    page.goto(address + "/latent")
    box = map_box(page)
    lasso(page, box)
    assert selected(page) > 48
    first = grid(page)
    heading = page.get_by_role("heading", name=SELECTED)
    heading.click()
    press_until(page, "ArrowRight", lambda: "latent_page=2" in page.url)
    settled(page)
    second = grid(page)
    assert len(second) == 24
    assert not set(first) & set(second)
    box = map_box(page)
    page.mouse.dblclick(box["x"] + box["width"] - 15, box["y"] + box["height"] - 15)
    page.get_by_role("heading", name="All images").wait_for()
    settled(page)
    assert "latent_selected" not in page.url


def test_a_clicked_point_becomes_the_image_that_is_looked_at(page, address):
    page.goto(address + "/latent?latent_image=mnist%230")
    box = map_box(page)
    image = page.get_by_role("textbox", name="Image", exact=True)
    assert image.input_value() == "mnist#0"
    for step in range(20):  # until a point is hit
        at = box["x"] + box["width"] / 2 + 9 * step, box["y"] + box["height"] / 2 + 5 * step
        page.mouse.move(*at)
        page.mouse.click(*at)
        page.wait_for_timeout(300)
        settled(page)
        if image.input_value() != "mnist#0":
            break
    clicked = image.input_value()
    assert clicked != "mnist#0"
    page.get_by_alt_text(f"The image {clicked} ").wait_for()
    page.get_by_text(f"{clicked} under").first.wait_for(state="attached")
    choose(page, "Colour by", "class")
    page.get_by_text("T-shirt").first.wait_for()
    settled(page)
    assert image.input_value() == clicked


def test_points_can_be_clicked_again_and_a_click_leaves_the_selection_alone(page, address):
    page.goto(address + "/latent")  # of all sets: none has neighbours that the map is refitted for
    box = map_box(page)
    image = page.get_by_role("textbox", name="Image", exact=True)

    def click(at: tuple[float, float]) -> str:
        page.mouse.move(*at)
        page.mouse.click(*at)
        page.wait_for_timeout(400)
        settled(page)
        return image.input_value()

    start, hits = image.input_value(), {}
    for step in range(30):  # until two points are hit
        at = box["x"] + box["width"] / 2 + 4 * step - 60, box["y"] + box["height"] / 2
        if (found := click(at)) in {start, *hits.values()}:
            continue
        hits[at] = found
        if len(hits) == 2:
            break
    (one, first), (two, second) = hits.items()
    assert [click(one), click(two), click(one)] == [first, second, first]
    lasso(page, box)
    number = selected(page)
    page.mouse.click(box["x"] + 24, box["y"] + 24)  # put the lasso away
    click(one)
    assert image.input_value() == first
    assert selected(page) == number


def draw_box(page, box: dict[str, float], corners: tuple[int, int, int, int]) -> int:
    """Drag over the map, with the tool that is in use; how many are selected then."""
    x0, y0, x1, y1 = corners
    before = page.url
    page.mouse.move(box["x"] + x0, box["y"] + y0)
    page.mouse.down()
    page.mouse.move(box["x"] + x1, box["y"] + y1, steps=6)
    page.mouse.up()
    page.wait_for_function("was => location.href !== was", arg=before)
    settled(page)
    return selected(page)


def test_the_box_stays_in_use_and_shift_adds_and_alt_takes_away(page, address):
    page.goto(address + "/latent")
    box = map_box(page)
    page.mouse.click(box["x"] + 62, box["y"] + 28)  # the second tool
    one = draw_box(page, box, (250, 250, 350, 350))
    other = draw_box(page, box, (290, 290, 400, 420))  # begins within the first
    page.keyboard.down("Shift")
    both = draw_box(page, box, (250, 250, 350, 350))
    page.keyboard.up("Shift")
    assert max(one, other) < both < one + other
    page.keyboard.down("Alt")
    rest = draw_box(page, box, (290, 290, 400, 420))
    page.keyboard.up("Alt")
    assert rest == both - other
    page.get_by_role("button", name="Clear selection").click()
    page.get_by_role("heading", name="All images").wait_for()
    settled(page)
    box = map_box(page)
    assert draw_box(page, box, (250, 250, 350, 350)) == one  # on a chart of its own, too
    page.mouse.click(box["x"] + 62, box["y"] + 28)  # put away: a drag moves the map
    link = page.url
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] + 360, box["y"] + 360, steps=6)
    page.mouse.up()
    settled(page)
    assert (selected(page), page.url) == (one, link)


@pytest.mark.parametrize("view", ["One map", "3-D"])
def test_one_finger_scrolls_the_page_past_the_map_and_two_do_not(finger, address, view):
    page, drag = finger
    page.goto(f"{address}/latent?latent_view={view}")
    kind = "latent_3d" if view == "3-D" else "latent_map"
    canvas = page.locator(f"[class*=st-key-{kind}] canvas").first
    canvas.wait_for()
    settled(page)
    canvas.scroll_into_view_if_needed()
    settled(page)
    before, y = page.evaluate(SCROLLED), canvas.bounding_box()["y"] + 300
    drag(((200, y), (200, y - 200)))
    assert page.evaluate(SCROLLED) > before + 100
    before, y = page.evaluate(SCROLLED), canvas.bounding_box()["y"] + 300
    drag(((150, y), (90, y - 90)), ((240, y), (300, y - 90)))
    assert page.evaluate(SCROLLED) == before
    assert page.evaluate("visualViewport.scale") == 1


def test_a_finger_draws_again_and_again_while_the_box_is_in_use(finger, address):
    page, drag = finger
    page.goto(address + "/latent")
    box = map_box(page)
    page.touchscreen.tap(box["x"] + 62, box["y"] + 28)
    page.wait_for_timeout(300)
    before, x, y = page.evaluate(SCROLLED), box["x"] + 120, box["y"] + 250
    drag(((x, y), (x + 100, y + 100)))
    one = selected(page)
    drag(((x, y - 20), (x + 60, y + 40)))
    page.wait_for_function(
        "was => ![...document.querySelectorAll('h3')].some(e => e.innerText === was)",
        arg=f"{one:,} selected",
    )
    assert 0 < selected(page) != one
    assert page.evaluate(SCROLLED) == before


@pytest.mark.parametrize("path", ["/latent", "/latent?latent_image=mnist%230"])
def test_the_whole_map_is_seen_without_scrolling(page, address, path):
    page.goto(address + path)
    page.locator("[class*=st-key-latent_map] canvas").first.wait_for()
    settled(page)
    box = page.locator("[class*=st-key-latent_map] canvas").first.bounding_box()
    assert box["y"] + box["height"] < 800
    title = page.get_by_role("heading", name="Latent space", level=1)
    header = page.locator("[data-testid=stHeader]").bounding_box()
    assert title.bounding_box()["y"] + 16 >= header["y"] + header["height"]  # above its letters


def test_a_tag_is_said_letter_by_letter_on_the_map_and_the_thumbnail_is_there(page, address):
    page.goto(address + "/latent?latent_colour=tag&latent_image=")
    box = map_box(page)
    page.get_by_role("button", name="Select all shown").click()
    selected(page)
    page.get_by_role("textbox", name="Tag these images").fill("<b>a, b</b> & $x$")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="<b>a, b</b> & $x$ (10,000)").wait_for()
    settled(page)
    box = map_box(page)
    tooltip = page.get_by_text("tag: ")
    for step in range(40):  # until a point is hit
        page.mouse.move(box["x"] + 200 + 7 * step, box["y"] + 300)
        page.wait_for_timeout(150)
        if tooltip.is_visible():
            break
    assert "<b>a, b</b> & $x$" in tooltip.inner_text()
    page.wait_for_load_state("networkidle")
    assert page.locator("img[src^='thumbnail/fashion/']").evaluate("i => i.naturalWidth") == 28


def test_tags_are_in_the_table_that_is_taken_away(page, address, tmp_path):
    page.goto(address + "/latent?latent_sets=noise&latent_colour=tag")
    map_box(page)
    page.get_by_role("button", name="Select all shown").click()
    number = selected(page)
    page.get_by_role("textbox", name="Tag these images").fill("grain")
    page.keyboard.press("Enter")
    page.get_by_role("button", name=f"grain ({number:,})").wait_for()
    page.get_by_text(f"grain {number:,}").wait_for()  # the legend of the map
    settled(page)
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("with every detector.s score")).click()
    download.value.save_as(tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == number
    assert {row["tags"] for row in rows} == {"grain"}
    assert all(row["image"].startswith("noise#") for row in rows)


def test_a_map_button_leads_from_an_image_to_its_place(page, address):
    page.goto(address + "/likelihoods?likelihoods_set=turned&likelihoods_index=5")
    page.get_by_text("Turned garments 5 (").first.wait_for()
    settled(page)
    before = page.evaluate("history.length")
    page.get_by_role("link", name="Show on map").click()
    page.get_by_alt_text("The image turned#5").wait_for()
    url_holds(page, "latent_image=turned%235")
    map_box(page)
    assert page.evaluate("history.length") == before + 1
    page.go_back()
    page.get_by_role("heading", name="Likelihoods").wait_for()
    page.get_by_text("Turned garments 5 (").first.wait_for()
    url_holds(page, "likelihoods_image=turned%235")
    for name in ("Model cards", "Likelihoods"):  # by the menu, to a page as it was left
        settled(page)
        before = page.evaluate("history.length")
        page.get_by_role("link", name=name).click()
        page.get_by_role("heading", name=name, level=1).wait_for()
        settled(page)
        page.wait_for_timeout(500)
        assert page.evaluate("history.length") <= before + 1


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("fashion/mnist/4", 200),
        ("fashion/mnist/10000", 404),
        ("fashion/nope/4", 404),
        ("nope/mnist/4", 404),
        ("fashion/mnist/-4", 404),
        ("fashion/mnist/four", 404),
        ("fashion/mnist/" + "9" * 20, 404),
        ("fashion/mnist/" + "1" * 4400, 404),
    ],
)
def test_a_thumbnail_is_a_picture_or_says_why_there_is_none(page, address, path, status):
    found = page.request.get(f"{address}/thumbnail/{path}.png")
    assert found.status == status
    if status == 200:
        picture = Image.open(io.BytesIO(found.body()))
        assert (picture.size, picture.mode) == ((28, 28), "L")
    else:
        assert found.text().startswith(
            (
                "set mnist has images",
                "scenario fashion",
                "no scenario",
                "no image has such a number",
            )
        )


def test_below_a_base_path_the_thumbnails_of_the_map_are_there_too(page):
    with made_app("/tool/x", STREAMLIT_SERVER_BASE_URL_PATH="tool/x") as address:
        found = page.request.get(f"{address}/thumbnail/fashion/mnist/4.png")
        assert found.headers["content-type"] == "image/png"
        page.goto(address + "/latent")
        box = map_box(page)
        for step in range(40):  # until a point is hit
            page.mouse.move(box["x"] + 200 + 7 * step, box["y"] + 300)
            page.wait_for_timeout(150)
            if page.locator("img[src*='thumbnail/']").count():
                break
        picture = page.locator("img[src*='thumbnail/']")
        page.wait_for_load_state("networkidle")
        assert picture.evaluate("i => i.src").startswith(f"{address}/thumbnail/fashion/")
        assert picture.evaluate("i => i.naturalWidth") == 28
        page.goto("about:blank")  # or the page would miss the server


# What a state promises is seen at once ------------------------------------------------------------


def seen_at_once(page, alt: str) -> None:
    """A picture stands above the fold, whole."""
    picture = page.locator(f'img[alt^="{alt}"]').first
    picture.wait_for()
    settled(page)
    box = picture.bounding_box()
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= page.viewport_size["height"]


# What stands on the first screen of Likelihoods after each of its buttons.
FIRST = {
    "Are digits likelier than clothes?": (
        "The image that is looked at, Digits",
        "Garments",
        "Digits",
    ),
    "A garment turned on its side": (
        "The image that is looked at, Turned garments",
        "Turned garments",
    ),
    "Nothing at all": ("The image that is looked at, Flat grey", "Flat grey"),
    "A seven that becomes a shoe": (
        "The image as the flow sees it",
        "8 images with the latent of 4x4 scale drawn anew",
    ),
    "A flow that cannot see objects": (),
}


@pytest.mark.parametrize("screen", [(1280, 800), (1920, 1080)])
def test_every_try_this_of_likelihoods_shows_its_pictures_and_its_sentence_at_once(
    page, address, screen
):
    page.set_viewport_size({"width": screen[0], "height": screen[1]})
    tiles = [t for t in load_scenario("fashion").start if t.page == "likelihoods"]
    assert {t.title for t in tiles} == set(FIRST)
    page.goto(address + "/likelihoods")
    page.get_by_role("heading", name="Gallery").wait_for()
    for title, alts in FIRST.items():
        settled(page)
        page.get_by_role("button", name=title).click()
        settled(page)
        for alt in alts:
            seen_at_once(page, alt)
        told = "How to read it:" if "objects" in title else "What "
        shown = page.locator(".st-key-likelihoods_picture")
        boxes = [shown.get_by_text(told).first.bounding_box()]
        figure = shown.locator(".js-plotly-plot")
        if "seven" not in title:
            figure.locator(".main-svg").first.wait_for()
            boxes.append(figure.first.bounding_box())
        for box in boxes:
            assert box["y"] + box["height"] <= screen[1], title
