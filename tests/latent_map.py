"""The map of Latent space under the hands of tests: where it is, what is drawn and shown on it."""

from __future__ import annotations

import hashlib
import re
import time

import pytest
from playwright.sync_api import expect
from visitor import settled, standing, until

from core import service
from core.numerals import numeral
from core.service import Target
from pages._latent import chosen

__all__ = [
    "BESIDE",
    "GLOW",
    "LASSO",
    "SELECTED",
    "SQUARE",
    "Box",
    "bar",
    "choose",
    "drag",
    "drawn",
    "drawn_anew",
    "drawn_as",
    "grid",
    "looks_of",
    "map_box",
    "nothing",
    "opened",
    "over_a_point",
    "pressed",
    "selected",
    "tiles_of",
    "tool",
    "until_same",
]

GLOW = Target("fashion", "glow")
SELECTED = re.compile(r"^([\d,]+) selected$")
Box = dict[str, float]


def map_box(page) -> Box:
    """Where the first map is, once it is drawn with its pictures."""
    page.locator(".points").first.wait_for()
    page.locator(".explorer .tile").first.wait_for()
    settled(page)
    return standing(page.locator(".room").first)


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


def until_same(look):
    """What is seen when it is seen a second time, a moment later."""
    seen = [look()]
    while seen[-1:] != seen[:-1][-1:]:
        time.sleep(0.2)
        seen.append(look())
    return seen[-1]


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


def pressed(button, now: bool) -> None:
    """Wait until a button is pressed, or is no more."""
    expect(button).to_have_attribute("aria-pressed", "true" if now else "false")


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
        names.append(
            f"{what}, {numeral(view.parts[view.score][row], '.2f')}, {title} {view.indices[row]}"
        )
    return names


def looks_of(page) -> str:
    """A name of what the map's points look like; the bytes of pictures are too long to compare."""
    return hashlib.sha256(page.locator(".points").first.screenshot()).hexdigest()


def drawn_as(page, looks: str) -> None:
    """Wait until the map looks so: it is drawn some frames after it was asked for."""
    until(page, lambda: looks_of(page) == looks)


def drawn_anew(page, looks: str) -> None:
    """Wait until the map looks so no more."""
    until(page, lambda: looks_of(page) != looks)


def bar(page, name: str):
    return page.locator(".bars .row", has_text=re.compile(f"^{name}"))


def over_a_point(page, box: Box, text: str = "") -> tuple[float, float]:
    """Move the mouse until it is over a point whose tooltip holds a text; where that is."""
    tip = page.locator(".tip").first
    for step in range(60):
        at = box["x"] + box["width"] / 2 + 5 * step - 120, box["y"] + box["height"] / 2 + step
        page.mouse.move(*at)
        page.evaluate("() => new Promise(done => requestAnimationFrame(done))")
        if tip.evaluate("(tip, text) => !tip.hidden && tip.innerText.includes(text)", text):
            return at
    pytest.fail("there is no such point")
