"""How long a visitor waits for a page, in a real browser. Run it on an idle machine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.bench._base import RUNS, Benchmark, Row, Say, row_of
from core.bench._browser import new_browser, served, wait_for_heading
from core.scenario import scenario_names

__all__ = ["BENCHMARKS", "pages"]

STRANGE = (("turned", "Turned garments"), ("noise", "Noise"), ("mnist", "Digits"))
REST = 1500  # milliseconds: a page has drawn all by then
PAGES = ("", "latent", "likelihoods", "outskirts", "cards")
# Asked at every frame: Playwright itself waits up to half a second between two looks.
NAMED = """title => [...document.querySelectorAll('.legendtext')]
    .some(text => text.textContent.includes(title))"""


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
                wait_for_heading(page, "How good is each detector")
                starts.append(time.perf_counter() - began)
                _switch(page, "Likelihoods", "One image")  # loads what stays loaded
                for _ in range(2):
                    switches.append(_switch(page, "Overview", "How good is each detector"))
                    switches.append(_switch(page, "Likelihoods", "One image"))
                hurried += [_choose(page, *names) for names in STRANGE]
                for names in STRANGE:
                    page.wait_for_timeout(REST)
                    controls.append(_choose(page, *names))
                if i == RUNS - 1:
                    watch("pages, every page of every scenario")
                    _open_all(page, address)
                    memory.append(_resident_mb(process.pid))
    return [
        row_of("pages", "server start to first page drawn", starts, "s"),
        row_of("pages", "page switch", switches, "s"),
        row_of("pages", "control to redrawn picture, one right after the other", hurried, "s"),
        row_of("pages", "control to redrawn picture, of a page at rest", controls, "s"),
        row_of("pages", "resident memory after every page of every scenario", memory, "MB"),
    ]


def _open_all(page: Any, address: str) -> None:
    """Every page of every scenario, each drawn to its end."""
    for scenario in scenario_names():
        for name in PAGES:
            page.goto(f"{address}/{name}?scenario={scenario}")
            page.get_by_role("heading", level=1).first.wait_for(timeout=60_000)
            page.locator("[data-testid=stStatusWidget]").wait_for(state="detached", timeout=60_000)
            page.wait_for_timeout(500)
    page.wait_for_timeout(10_000)  # what they needed for a moment has gone back to the system


def _switch(page: Any, title: str, heading: str) -> float:
    began = time.perf_counter()
    page.get_by_role("link", name=title).first.click()
    wait_for_heading(page, heading)
    if title == "Likelihoods":
        page.wait_for_function(NAMED, arg="", timeout=60_000)
    return time.perf_counter() - began


def _choose(page: Any, name: str, title: str) -> float:
    """Choose a strange set; wait until the first histogram's legend names it."""
    began = time.perf_counter()
    page.get_by_role("radio", name=name).click()
    page.wait_for_function(NAMED, arg=title, timeout=60_000)
    return time.perf_counter() - began


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


BENCHMARKS: Mapping[str, Benchmark] = {"pages": pages}
