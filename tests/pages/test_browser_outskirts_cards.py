"""Outskirts and Model cards as a person sees them: a served app in a real Chromium."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect
from visitor import ROOT, Seats, settled, standing, until, url_holds

from core import service
from core.service import RayQuery, Target

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (ROOT / "checkpoints/fashion/outskirts.safetensors").exists(), reason="not trained yet"
    ),
]
TRAINED = "These are the values that the classifiers were trained at"


def low_edge(page, selector: str) -> float:
    """How far down the last of these elements ends, in pixels of the window, unscrolled."""
    standing(page.locator(selector).last)
    script = "all => Math.max(...all.map(e => e.getBoundingClientRect().bottom))"
    return page.locator(selector).evaluate_all(script)


def to_try(page, stem: str) -> int:
    """How many states a page has to try."""
    expect(page.locator(f"[class*=st-key-{stem}_try_]")).to_have_count(3)
    return 3


@pytest.fixture(params=["laptop", "wall"])
def screen(request, seats: Seats):
    """A page on a screen of one of these sizes."""
    with seats.taken(request, request.param) as tab:
        yield tab


# Outskirts --------------------------------------------------------------------------------------


def drawn(page) -> None:
    page.locator(".st-key-outskirts_picture .js-plotly-plot .point").first.wait_for(
        state="attached"
    )
    settled(page)


@pytest.mark.parametrize(
    ("screen", "path"),
    [
        ("laptop", "/outskirts"),
        ("laptop", "/outskirts?scenario=digits-one"),
        ("wall", "/outskirts?scenario=digits-one"),
    ],
    indirect=["screen"],
)
def test_plane_legend_draws_and_sentence_are_in_one_window_in_every_state_to_try(
    screen, address, path
):
    screen.goto(address + path)
    drawn(screen)
    height = screen.viewport_size["height"]
    for i in range(-1, to_try(screen, "outskirts")):
        if i >= 0:
            screen.locator(f".st-key-outskirts_try_{i} button").first.click()
            screen.get_by_text("The classifiers were trained at").wait_for()
            drawn(screen)
        assert low_edge(screen, ".st-key-outskirts_picture .js-plotly-plot") <= height, i
        expect(screen.locator(".st-key-outskirts_picture .legendtext")).to_have_count(6)
        shown = screen.locator('.st-key-outskirts_picture img[alt^="Its parent"]')
        expect(shown).to_have_count(3)  # they come one after the other
        assert low_edge(screen, ".st-key-outskirts_picture img") <= height, i
        said = screen.locator(".st-key-outskirts_picture").get_by_text("What you see:")
        box = standing(said)
        assert box["y"] + box["height"] <= height, i


def test_a_slider_of_outskirts_redraws_plane_gallery_and_url_and_leads_back(page, address):
    page.goto(address + "/outskirts?outskirts_tau=3&seed=2")
    page.get_by_text("The classifiers were trained at").wait_for()
    drawn(page)
    expect(page.locator(".st-key-outskirts_tau").get_by_text("3.00")).to_be_visible()
    first = page.locator(".st-key-outskirts_follow_0").inner_text()
    push = page.locator(".st-key-outskirts_kappa input[type=range]")
    push.focus()
    page.keyboard.press("ArrowRight")
    url_holds(page, "outskirts_kappa=")
    expect(page.locator(".st-key-outskirts_follow_0")).not_to_have_text(first, use_inner_text=True)
    settled(page)
    page.get_by_role("button", name="Back to trained values").click()
    page.get_by_text(TRAINED).wait_for()
    settled(page)
    page.wait_for_function("() => !location.href.includes('outskirts_tau=3')")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="These outliers (NPZ)").click()
    with np.load(waiting.value.path()) as taken:
        assert taken["seed"] == 2
        assert len(taken["images"]) == 200


def test_a_state_to_try_is_not_mixed_with_what_the_address_held(page, address):
    page.goto(address + "/outskirts?outskirts_tau=3&outskirts_kappa=0.5&outskirts_rank=7")
    drawn(page)
    page.get_by_role("button", name="Push hard").click()
    page.wait_for_function("() => !/tau|rank/.test(location.href)")
    url_holds(page, "outskirts_kappa=2")
    drawn(page)
    for name, value in (("tau", "1.50"), ("kappa", "2.00")):
        page.locator(f".st-key-outskirts_{name}").get_by_text(value).wait_for()
    expect(page.locator(".st-key-outskirts_rank input")).to_have_value("1")
    page.go_back()
    url_holds(page, "outskirts_tau=3")
    page.locator(".st-key-outskirts_kappa").get_by_text("0.50").wait_for()


def test_another_criterion_of_outskirts_leads_the_walk_through_another_image(page, address):
    def passed(criterion: str, rank: int) -> int:
        return service.ask(RayQuery(Target("fashion", "outskirts"), criterion, rank)).index

    rank = next(r for r in range(1, 99) if passed("prior", r) != passed("neighbours", r))
    page.goto(f"{address}/outskirts?outskirts_rank={rank}")
    page.get_by_alt_text(f"Training image {passed('neighbours', rank)} itself").wait_for()
    settled(page)
    page.locator(".st-key-outskirts_criterion").get_by_text("Far from the prior").click()
    page.get_by_alt_text(f"Training image {passed('prior', rank)} itself").wait_for()
    url_holds(page, "outskirts_criterion=prior")
    settled(page)


def test_the_plane_is_taken_away_with_its_words_and_following_a_draw_shows_its_walk(page, address):
    page.goto(address + "/outskirts")
    drawn(page)
    plot = page.locator(".st-key-outskirts_picture .js-plotly-plot")
    plot.hover()
    with page.expect_download() as waiting:
        plot.locator("[data-title*='Download plot']").click()
    assert waiting.value.suggested_filename == "fashion-outskirts-plane.svg"
    svg = Path(waiting.value.path()).read_text()
    for text in ("Synthetic outliers: ", "training image", "generator", "threshold", "axis 1"):
        assert text in svg, text
    assert svg.count("<image") == 2  # tint and crowd
    page.locator(".js-plotly-plot").nth(1).wait_for()
    page.locator(".st-key-outskirts_follow_2 button").first.click()
    url_holds(page, "outskirts_rank=")
    until(page, lambda: standing(page.locator(".st-key-outskirts_walk"))["y"] < 400)
    settled(page)


# Model cards ------------------------------------------------------------------------------------


def test_a_card_and_each_state_to_try_show_their_picture_at_once(screen, address):
    screen.goto(address + "/cards")
    screen.locator(".st-key-cards_picture img").first.wait_for()
    settled(screen)
    height = screen.viewport_size["height"]
    for words in ("Learned from", "Its score:", "Limits"):
        box = standing(screen.get_by_text(words).first)
        assert box["y"] + box["height"] <= height, words
    for i in range(-1, to_try(screen, "cards")):
        if i >= 0:
            screen.locator(f".st-key-cards_try_{i} button").first.click()
            settled(screen)
        screen.locator(".st-key-cards_picture :is(img, .main-svg)").first.wait_for()
        assert low_edge(screen, ".st-key-cards_picture") <= height, i


@pytest.mark.parametrize("width", [1280, 390])
def test_no_table_of_a_card_cuts_a_word(page, address, width):
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(address + "/cards")
    page.get_by_role("heading", name="All models").wait_for()
    settled(page)
    cut = "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.innerText)"
    assert page.locator("[data-testid=stTable] :is(td, th)").evaluate_all(cut) == []
    if width == 1280:
        within = "all => all.every(e => e.getBoundingClientRect().right <= innerWidth)"
        assert page.locator("[data-testid=stTable] table").evaluate_all(within)


def test_a_link_to_a_card_opens_that_card(page, address):
    page.goto(address + "/cards?cards_model=glow.general")
    page.get_by_text("fashion/glow.general", exact=True).wait_for()
    page.get_by_text(re.compile("Learned from 33,800 images")).wait_for()
    settled(page)
    for label, name in (("This card (JSON)", ".json"), ("All its figures (CSV)", "-figures.csv")):
        with page.expect_download() as download:
            page.get_by_role("button", name=label).click()
        assert download.value.suggested_filename == f"fashion-glow.general{name}"
