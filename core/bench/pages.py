"""How long a visitor waits for a page, in a real browser. Run it on an idle machine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from core.bench._base import RUNS, Benchmark, Row, Say, row_of
from core.bench._browser import new_browser, resident_mb, served, wait_for_picture
from core.scenario import scenario_names

__all__ = ["BENCHMARKS", "pages"]

STRANGE = ("Turned garments", "Noise", "Digits")
REST = 1500  # milliseconds: a page has drawn all by then
# Seconds, by the browser's own clock, from letting the mouse go until a figure names a set; looked
# at in every frame: Playwright waits before a click, and up to half a second between two looks.
RELEASED = """() => addEventListener(
    'pointerup', () => { window.released = performance.now(); }, { capture: true, once: true })"""
NAMED = """async title => {
    const named = text => text.textContent.includes(title);
    const figure = '.st-key-likelihoods_picture .main-svg text';
    while (!window.released || ![...document.querySelectorAll(figure)].some(named))
        await new Promise(done => requestAnimationFrame(done));
    return (performance.now() - window.released) / 1000;
}"""
ADDRESSES = """() => [...document.querySelectorAll('[data-testid=stSidebarNavLink]')]
    .map(link => link.pathname)"""


def pages(watch: Say) -> list[Row]:
    """In a real browser: start to first page, page switch, control to redrawn picture, memory.

    The memory is the server's, in the last run, once every page of every scenario was opened.
    ``watch`` is told how far it came.
    """
    starts, switches, hurried, controls, memory = [], [], [], [], []
    for i in range(RUNS):
        watch(f"pages, run {i + 1} of {RUNS}")
        with new_browser() as new_page:
            page = new_page()
            began = time.perf_counter()
            with served() as (address, process):
                page.goto(address)
                wait_for_picture(page, "overview")
                starts.append(time.perf_counter() - began)
                _switch(page, "Likelihoods")  # loads what stays loaded
                for _ in range(2):
                    switches.append(_switch(page, "Overview"))
                    switches.append(_switch(page, "Likelihoods"))
                hurried += [_choose(page, title) for title in STRANGE]
                for title in STRANGE:
                    page.wait_for_timeout(REST)
                    controls.append(_choose(page, title))
                if i == RUNS - 1:
                    watch("pages, every page of every scenario")
                    _open_all(page, address)
                    memory.append(resident_mb(process.pid))
    return [
        row_of("pages", "server start to first page drawn", starts, "s"),
        row_of("pages", "page switch", switches, "s"),
        row_of("pages", "control to redrawn picture, one right after the other", hurried, "s"),
        row_of("pages", "control to redrawn picture, of a page at rest", controls, "s"),
        row_of("pages", "resident memory after every page of every scenario", memory, "MB"),
    ]


def _open_all(page: Any, address: str) -> None:
    """Every page of every scenario, each drawn to its end."""
    paths = page.evaluate(ADDRESSES)
    for scenario in scenario_names():
        for path in paths:
            page.goto(f"{address}{path}?scenario={scenario}")
            page.get_by_role("heading", level=1).first.wait_for(timeout=60_000)
            page.locator("[data-testid=stStatusWidget]").wait_for(state="detached", timeout=60_000)
            page.wait_for_timeout(500)
    page.wait_for_timeout(10_000)  # what they needed for a moment has gone back to the system


def _switch(page: Any, title: str) -> float:
    began = time.perf_counter()
    page.get_by_role("link", name=title).first.click()
    wait_for_picture(page, title.lower())
    return time.perf_counter() - began


def _choose(page: Any, title: str) -> float:
    """Choose a strange set; wait until the figure beside the picture names it."""
    page.get_by_role("combobox", name="Strange set").click()
    option = page.get_by_role("option", name=title, exact=True)
    option.wait_for()
    page.evaluate("() => { window.released = 0; }")
    page.evaluate(RELEASED)
    option.click()
    return page.evaluate(NAMED, title)


BENCHMARKS: Mapping[str, Benchmark] = {"pages": pages}
