"""What a page proposes to try shows its picture at once, and one press of Back undoes it.

A page is walked once, and each test asks of its walk.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from visitor import PAGES, Seats, asks_no_more, drawn, opened, tries_of

pytestmark = pytest.mark.browser

# The picture that a page is for, in whichever view is open.
PICTURES = {stem: f"[class*='st-key-{stem}_picture']" for stem in PAGES}
ENOUGH = 0.8  # of its height is in sight
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
SEEN_ENOUGH = f"([selector, enough]) => ({IN_SIGHT})(selector)?.share >= enough"
UNCHANGED = """() => new Promise(done => {
    let last = "", same = 0;
    const look = () => {
        same = location.href === last ? same + 1 : 0;
        last = location.href;
        if (same < 10) requestAnimationFrame(look);
        else done();
    };
    look();
})"""
WHERE = """() => ({
    url: location.href,
    heading: document.querySelector("[data-testid=stMain] h1")?.innerText ?? "",
    chosen: [...document.querySelectorAll("[data-testid=stMain] :is([aria-checked=true], "
        + "[aria-selected=true], [aria-pressed=true], input:checked)")]
        .map(e => e.innerText || e.getAttribute("aria-label") || e.value),
})"""


@dataclass
class Walk:
    """What a visitor of a page met: places, and how much of a telling picture is in sight there.

    Attributes:
        start, picture: where the page opens, and its picture there.
        led, pictures: where each thing to try led, by its name, from where the one before it had;
            and the picture there. A tile of Overview leads from its start.
        undone: where one press of Back after the other led from the last of these, as many as
            there are; of Overview, from each.
    """

    start: Any
    picture: Any
    led: dict[str, Any] = field(default_factory=dict)
    pictures: dict[str, Any] = field(default_factory=dict)
    undone: list[Any] = field(default_factory=list)


def where(page) -> dict:
    """The place that a visitor is at: address, heading, and what is chosen."""
    asks_no_more(page)
    page.evaluate(UNCHANGED)  # an address changes after its page
    return page.evaluate(WHERE)


def press(page, stem: str, i: int) -> None:
    button = tries_of(page, stem).nth(i)
    button.wait_for()
    button.click()
    if stem == "overview":
        page.wait_for_function("() => location.pathname !== '/'")
    drawn(page)


def seen(page) -> dict | None:
    """How much of the telling picture is in sight, once it is scrolled to where it is not."""
    from playwright.sync_api import TimeoutError as TooLate

    picture = PICTURES[page.evaluate("location.pathname").strip("/") or "overview"]
    with suppress(TooLate):
        page.wait_for_function(SEEN_ENOUGH, arg=[picture, ENOUGH], timeout=60_000)
    return page.evaluate(IN_SIGHT, picture)


def chosen(page, stem: str) -> dict[str, int]:
    """What is tried of a page, name and place: all; of Overview's tiles the last to each page.

    A tile leads to the very state that its page proposes itself.
    """
    names = tries_of(page, stem).all_inner_texts()
    assert len(set(names)) == len(names) > 1
    if stem != "overview":
        return dict(zip(names, range(len(names)), strict=True))
    paths = tries_of(page, stem).evaluate_all("all => all.map(tile => tile.pathname)")
    last = {path: i for i, path in enumerate(paths)}
    assert len(last) > 1
    return {names[i]: i for i in last.values()}


@pytest.fixture(scope="module", params=PAGES)
def walk(request, seats: Seats, address) -> Iterator[tuple[str, Walk]]:
    """A page, and its walk."""
    stem = request.param
    with seats.taken(request) as page:
        opened(page, address + PAGES[stem])
        found = Walk(where(page), seen(page))
        for name, i in chosen(page, stem).items():
            press(page, stem, i)
            found.led[name], found.pictures[name] = where(page), seen(page)
            if stem == "overview":
                page.go_back()
                found.undone.append(where(page))
        if stem != "overview":
            for _ in steps(found):
                page.go_back()
                found.undone.append(where(page))
        yield stem, found


def steps(found: Walk) -> list[Any]:
    """Where Back leads from the end of the way, step by step; the first may be no step."""
    places = [found.start, *found.led.values()]
    return places[1 if places[1] == found.start else 0 : -1][::-1]


def test_one_press_of_back_undoes_whatever_a_page_proposes_to_try(walk):
    stem, found = walk
    if stem == "overview":  # its tiles lead away from it, one by one
        assert all(led["url"] != found.start["url"] for led in found.led.values())
        assert found.undone == [found.start] * len(found.led)
        return
    places = [found.start, *found.led.values()]
    for i, (before, after) in enumerate(pairwise(places)):
        # The first may be what the page opens with.
        assert after["url"] != before["url"] or (i == 0 and after == before)
    assert places[-1] != found.start
    assert found.undone == steps(found)


def test_the_picture_of_a_page_is_in_sight_when_it_opens(walk):
    stem, found = walk
    assert found.picture is not None, f"no {PICTURES[stem]}"
    assert found.picture["share"] >= ENOUGH, found.picture


def test_the_picture_is_in_sight_after_whatever_a_page_proposes_to_try(walk):
    _, found = walk
    wrong = {n: p for n, p in found.pictures.items() if p is None or p["share"] < ENOUGH}
    assert not wrong, wrong
