"""What a page proposes to try shows its picture at once, and one press of Back undoes it."""

import pytest
from visitor import PAGES, drawn, opened, tries_of

pytestmark = pytest.mark.browser

# The picture that a page is for, in whichever view is open.
PICTURES = {stem: f"[class*='st-key-{stem}_picture']" for stem in PAGES}
# How much of the telling picture is in sight, and how high it is: of the first that is drawn.
IN_SIGHT = """selector => {
    const drawing = "img, canvas, svg"; // in the page, or in a component's own part of it
    const shows = e => e.querySelector(drawing)
        || [...e.querySelectorAll("*")].some(c => c.shadowRoot?.querySelector(drawing));
    const boxes = [...document.querySelectorAll(selector)]
        .filter(e => e.checkVisibility() && shows(e))
        .map(e => e.getBoundingClientRect()).filter(box => box.height > 40);
    if (!boxes.length) return null;
    const {top, bottom, height} = boxes[0];
    const seen = Math.max(0, Math.min(bottom, innerHeight) - Math.max(top, 0));
    return {share: seen / height, top, bottom};
}"""
WHERE = """() => ({
    url: location.href,
    heading: document.querySelector("[data-testid=stMain] h1")?.innerText ?? "",
    chosen: [...document.querySelectorAll("[data-testid=stMain] :is([aria-checked=true], "
        + "[aria-selected=true], [aria-pressed=true], input:checked)")]
        .map(e => e.innerText || e.getAttribute("aria-label") || e.value),
})"""


def where(page) -> dict:
    """The place that a visitor is at: address, heading, and what is chosen."""
    drawn(page)
    page.wait_for_timeout(300)  # an address changes after its page
    return page.evaluate(WHERE)


def press(page, stem: str, i: int) -> None:
    button = tries_of(page, stem).nth(i)
    button.wait_for()
    button.click()
    if stem == "overview":
        page.wait_for_function("() => location.pathname !== '/'")
    drawn(page)


def seen(page) -> dict | None:
    stem = page.evaluate("location.pathname").strip("/") or "overview"
    return page.evaluate(IN_SIGHT, PICTURES[stem])


@pytest.mark.parametrize("stem", PAGES)
def test_one_press_of_back_undoes_whatever_a_page_proposes_to_try(page, address, stem):
    opened(page, address + PAGES[stem])
    start = where(page)
    names = tries_of(page, stem).all_inner_texts()
    assert len(names) > 1
    places = [start]
    for i, name in enumerate(names):
        press(page, stem, i)
        after = where(page)
        if stem != "overview" and after == start:  # what the page opens with
            continue
        assert after["url"] != start["url"], name
        page.go_back()
        assert where(page) == start, name
    if stem == "overview":  # its tiles lead away from it
        return
    for i, name in enumerate(names):
        press(page, stem, i)
        places.append(where(page))
        assert places[-1]["url"] != places[-2]["url"] or i == 0, name
    assert places[-1] != start
    for place in reversed(places[1 if places[1] == start else 0 : -1]):
        page.go_back()
        assert where(page) == place


@pytest.mark.parametrize("stem", PAGES)
def test_the_picture_of_a_page_is_in_sight_when_it_opens(page, address, stem):
    opened(page, address + PAGES[stem])
    found = seen(page)
    assert found is not None, f"no {PICTURES[stem]}"
    assert found["share"] >= 0.8, found


@pytest.mark.parametrize("stem", PAGES)
def test_the_picture_is_in_sight_after_whatever_a_page_proposes_to_try(page, address, stem):
    opened(page, address + PAGES[stem])
    wrong = {}
    for i, name in enumerate(tries_of(page, stem).all_inner_texts()):
        opened(page, address + PAGES[stem])
        press(page, stem, i)
        page.wait_for_timeout(600)  # it may be scrolled to
        found = seen(page)
        if found is None or found["share"] < 0.8:
            wrong[name] = found
    assert not wrong, wrong
