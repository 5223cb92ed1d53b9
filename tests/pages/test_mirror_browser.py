"""Mirror in a real browser: pairs to press, an image of one's own, and what a link puts on top."""

import pytest
from PIL import Image
from playwright.sync_api import expect
from visitor import SCROLLED, opened, settled, sizes_of, standing, url_holds

pytestmark = pytest.mark.browser

CAPTION = ".st-key-mirror_pair figcaption"


def caption(page) -> str:
    return page.locator(CAPTION).first.inner_text()


def pairs(page, rule: str):
    return page.locator(f"[class*='st-key-gallery_mirror_{rule}'] button:visible")


def test_pairs_are_pictures_and_a_press_looks_at_one_above_till_back_undoes_it(page, address):
    opened(page, address + "/mirror")
    before = caption(page)
    pictures = page.locator("[class*='st-key-gallery_mirror_'] img:visible")
    pictures.last.scroll_into_view_if_needed()
    assert sizes_of(pictures) == ["56x28"] * 24  # the image and its mirror
    pairs(page, "good").nth(1).click()
    url_holds(page, "mirror_image=mnist")
    settled(page)
    expect(page.locator(CAPTION).first).not_to_have_text(before, use_inner_text=True)
    expect(page.locator(CAPTION).first).to_be_in_viewport()  # it is scrolled to
    expect(pairs(page, "good").nth(1)).to_have_attribute("kind", "primary")
    page.go_back()
    page.wait_for_function(
        "([where, text]) => document.querySelector(where)?.innerText === text",
        arg=[CAPTION, before],
    )


def test_an_image_of_ones_own_is_fitted_mirrored_and_put_away(page, address, tmp_path):
    Image.new("RGB", (60, 40), (200, 30, 30)).save(tmp_path / "red *square*.png")
    opened(page, address + "/mirror")
    before = caption(page)
    page.get_by_role("button", name="One of your own").click()
    page.locator("input[type=file]").set_input_files(tmp_path / "red *square*.png")
    page.get_by_text("RGB made grey; 60x40 fitted to 28x28, shrunk 2.1 times each way").wait_for()
    expect(page.locator(CAPTION).first).to_have_text("The image: red *square*.png")
    settled(page)
    page.get_by_role("button", name="Put it away").click()
    page.wait_for_function(
        "([where, text]) => document.querySelector(where)?.innerText === text",
        arg=[CAPTION, before],
    )


def test_a_link_to_the_simplex_has_it_on_top(page, address):
    opened(page, address + "/mirror?mirror_leads=simplex")
    stage = standing(page.locator(".st-key-mirror_picture_simplex"))
    assert 0 < stage["y"] < stage["y"] + 0.8 * stage["height"] < 800
    assert stage["y"] < page.locator(".st-key-mirror_pair").bounding_box()["y"]
    assert page.evaluate(SCROLLED) == 0


def test_in_another_scenario_the_same_page_mirrors_its_own_class(page, address):
    opened(page, address + "/mirror?scenario=digits-one&normal=0&mirror_first=worst-normal")
    assert caption(page).startswith("The image: Digit 0 ")
    assert page.get_by_text("Chosen by a rule: the normal image with the largest R").count() == 1
