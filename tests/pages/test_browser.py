"""The app as a person meets it: a fresh ``make app``, a real Chromium, a deep link first."""

import json
import re
import subprocess
import sys

import pytest
from PIL import Image
from playwright.sync_api import expect
from visitor import (
    ROOT,
    SCROLLED,
    ended,
    made_app,
    moving,
    opened,
    press_point,
    press_until,
    settled,
    standing,
    until,
    url_holds,
)

from core.bench._browser import free_port, wait_until_up
from core.scenario import load_scenario

pytestmark = pytest.mark.browser

DEEP_LINK = "/likelihoods?likelihoods_strange=turned&likelihoods_set=turned&likelihoods_index=5"


def test_a_fresh_server_answers_a_deep_link_with_frame_and_state(page):
    with made_app() as fresh:
        page.goto(fresh + DEEP_LINK)
        page.get_by_text("Turned garments 5 (").first.wait_for()
        page.locator(".legendtext", has_text="Turned garments").first.wait_for()
        expect(page.locator("[data-testid=stSidebar]").get_by_text("Scenario")).to_be_visible()
        expect(page.locator(".st-key-likelihoods_index input")).to_have_value("5")
        settled(page)
        page.goto("about:blank")  # or the page would miss the server


STANDS_STILL = """() => {
    const wheel = document.querySelector("[data-testid=stMain]").appendChild(
        document.createElement("i"));
    wheel.dataset.testid = "stSpinnerIcon";
    wheel.style.animation = "turns 1s infinite";
    return [getComputedStyle(wheel).animationName === "none", wheel.remove()][0];
}"""


def test_overview_leads_to_terms_by_a_key_and_to_other_pages_each_at_its_head(page, address):
    page.goto(address)
    page.get_by_role("heading", name="Where to start").wait_for()
    page.get_by_role("heading", name="How good is each detector").wait_for()
    settled(page)
    page.wait_for_function(STANDS_STILL)  # the wheel of a wait, for who wants little motion
    press_until(page, "h", page.get_by_role("dialog").is_visible)
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    page.get_by_role("link", name="Every model's card").click()
    page.get_by_role("heading", name="Model cards", level=1).wait_for()
    settled(page)
    page.wait_for_function(f"() => {SCROLLED} === 0")
    page.go_back()
    page.get_by_role("heading", name="Where to start").wait_for()
    settled(page)
    page.get_by_role("link", name="A garment turned on its side").click()
    page.get_by_role("heading", name="Likelihoods", level=1).wait_for()
    url_holds(page, "likelihoods_strange=turned")
    expect(page.get_by_role("combobox", name="Strange set")).to_have_value("Turned garments")
    settled(page)


@pytest.mark.parametrize(
    ("link", "heading"),
    [
        ("/latent?seed=1e999", "Latent space"),
        ("/likelihoods?likelihoods_index=inf&likelihoods_set=turned", "Gallery"),
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
    command += ["--server.address=127.0.0.1", *options]
    process = subprocess.Popen(command, cwd=tmp_path, start_new_session=True)
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
        ended(process)


def test_what_a_link_and_a_choice_show_is_there_after_a_reload(page, address):
    page.goto(address + "/likelihoods?likelihoods_set=garments&likelihoods_index=5")
    page.locator(".legendtext", has_text="Digits").first.wait_for()
    page.get_by_text("Garments 5 (").first.wait_for()
    url_holds(page, "likelihoods_image=garments%235")
    settled(page)
    page.locator(".st-key-likelihoods_strange input").click()
    page.get_by_role("option", name="Noise", exact=True).click()
    page.locator(".legendtext", has_text="Noise").first.wait_for()
    url_holds(page, "likelihoods_strange=noise")
    settled(page)
    page.reload()
    page.locator(".legendtext", has_text="Noise").first.wait_for()
    page.get_by_text("Garments 5 (").first.wait_for()
    settled(page)


def test_an_image_of_the_gallery_is_picked_by_a_click_marked_and_brought_into_view(page, address):
    moving(page)
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
    until(page, lambda: standing(picture)["y"] >= -1)  # it is scrolled to smoothly
    settled(page)
    expect(tile).to_have_attribute("kind", "primary")


def test_the_arrow_keys_turn_the_gallery_and_thirty_fast_clicks_thirty_pages(page, address):
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
    following = page.get_by_role("button", name="Next page")
    for _ in range(30):
        following.click(delay=0)
    url_holds(page, "likelihoods_page=32")
    page.get_by_role("button", name="Page 32", exact=True).wait_for()
    settled(page)


def test_an_own_image_is_converted_and_the_conversion_is_said(page, address, tmp_path):
    Image.new("RGB", (60, 40), (200, 30, 30)).save(tmp_path / "red.png")
    opened(page, address + "/likelihoods")
    page.get_by_role("button", name="One of your own").click()
    page.locator("input[type=file]").set_input_files(tmp_path / "red.png")
    page.get_by_text("RGB made grey; 60x40 fitted to 28x28, shrunk 2.1 times each way").wait_for()


def test_a_file_that_is_no_image_is_one_error_and_the_page_goes_on(page, address, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"this is not a picture")
    opened(page, address + "/likelihoods")
    page.get_by_role("button", name="One of your own").click()
    page.locator("input[type=file]").set_input_files(tmp_path / "broken.png")
    page.get_by_text("broken.png: not an image file that can be read").wait_for()
    expect(page.locator("[data-testid=stAlert]")).to_have_count(1)
    page.get_by_role("heading", name="Gallery").first.wait_for()


def test_a_link_to_two_models_opens_their_comparison_and_only_that(page, address):
    page.goto(address + "/likelihoods?likelihoods_view=models&likelihoods_up=glow.dense")
    page.get_by_text("Rank correlation over 20,000 images").wait_for()
    page.get_by_text("Fully connected flow, bits per dimension").first.wait_for()
    settled(page)
    assert page.get_by_role("heading", name="Gallery").count() == 0


def test_a_clicked_point_shows_its_image_and_leads_inside_it(page, address):
    page.goto(address + "/likelihoods?likelihoods_view=models&likelihoods_strange=flat")
    page.locator(".legendtext", has_text="Flat grey").first.wait_for()
    settled(page)
    plot = page.locator(".js-plotly-plot").first
    standing(plot)
    at = plot.evaluate(
        """plot => {
            const {xaxis, yaxis} = plot._fullLayout, box = plot.getBoundingClientRect();
            const trace = plot._fullData[0], far = trace.x.indexOf(Math.max(...trace.x));
            return [box.x + xaxis._offset + xaxis.c2p(trace.x[far]),
                    box.y + yaxis._offset + yaxis.c2p(trace.y[far]), trace.customdata[far][1]];
        }"""
    )
    look = page.get_by_role("button", name="Look inside")
    press_point(page, at[:2], look)
    look.click()
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


# What a state promises is seen at once ------------------------------------------------------------


def seen_at_once(page, alt: str) -> None:
    """A picture stands above the fold, whole."""
    picture = page.locator(f'img[alt^="{alt}"]').first
    picture.wait_for()
    settled(page)
    box = standing(picture)
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
        boxes = [standing(shown.get_by_text(told).first)]
        figure = shown.locator(".js-plotly-plot")
        if "seven" not in title:
            figure.locator(".main-svg").first.wait_for()
            boxes.append(standing(figure.first))
        for box in boxes:
            assert box["y"] + box["height"] <= screen[1], title
