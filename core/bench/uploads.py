"""How long many uploaded images take, and other visitors meanwhile. Run it on an idle machine."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from core.bench._base import Benchmark, Row, Say, row_of
from core.bench._browser import new_browser, served, wait_for_picture
from core.data.picture import png
from core.files import write_whole
from core.scenario import load_scenario

__all__ = ["BENCHMARKS", "uploads"]

SCENARIO, IMAGES = "fashion", 1000
RUNS = 3
REST = 1500  # milliseconds: another visitor looks at a page before asking for the next
# Seconds, by the browser's own clock, from when files are given to it until a text is there: until
# the first row of the table, and until all are judged.
WATCH = """count => {
    const began = performance.now();
    const listing = () => document.querySelector(".st-key-own_picture");
    const rows = () => [...(listing()?.querySelectorAll("*") ?? [])]
        .some(e => e.shadowRoot?.querySelector("tbody tr"));
    const status = () => document.querySelector(".st-key-own_status")?.textContent ?? "";
    const until = async (done) => {
        while (!done()) await new Promise(again => setTimeout(again, 50));
        return (performance.now() - began) / 1000;
    };
    window.first = until(rows);
    window.all = until(() => status().includes(`${count} images judged`));
    window.over = false;
    window.all.then(() => { window.over = true; });
}"""


def uploads(watch: Say) -> list[Row]:
    """Own images in a real browser: 1,000 files to a finished table, and other pages meanwhile.

    Args:
        watch: told how far it came.
    """
    models = list(load_scenario(SCENARIO).training)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        files = _files(Path(folder))
        for what, chosen in (
            ("the models it opens with", []),
            (f"all {len(models)} models", models),
        ):
            found: dict[str, list[float]] = {"first": [], "all": [], "others": []}
            for i in range(RUNS):
                watch(f"uploads under {what}, run {i + 1} of {RUNS}")
                for name, values in _upload(files, chosen).items():
                    found[name] += values
            rows += [
                row_of("uploads", f"{IMAGES:,} files to first row, {what}", found["first"], "s"),
                row_of("uploads", f"{IMAGES:,} files to last row, {what}", found["all"], "s"),
                row_of("uploads", f"another's page switch meanwhile, {what}", found["others"], "s"),
            ]
    return rows


def _files(folder: Path) -> list[str]:
    """The first images of the normal set as PNG files in a folder."""
    scenario = load_scenario(SCENARIO)
    images = scenario.pictures(scenario.normal.name).images[:IMAGES]
    for i, image in enumerate(images):
        write_whole(folder / f"{i:04d}.png", png(image))
    return sorted(str(file) for file in folder.iterdir())


def _upload(files: list[str], models: list[str]) -> dict[str, list[float]]:
    """Seconds of one visitor who brings files to a fresh server, and of another's page switches."""
    others: list[float] = []
    with served() as (address, _), new_browser() as new_page:
        other, page = new_page(), new_page()
        _look(other, address)
        state = urlencode({"own_view": "many", "own_models": models}, doseq=True)
        page.goto(f"{address}/own?{state}")
        page.locator("input[type=file]").first.wait_for(state="attached", timeout=120_000)
        page.evaluate(WATCH, f"{len(files):,}")
        page.locator("input[type=file]").first.set_input_files(files)
        while not page.evaluate("() => window.over"):
            others += [_switch(other, title) for title in ("Overview", "Likelihoods")]
        first, whole = (page.evaluate(f"() => window.{name}") for name in ("first", "all"))
    return {"first": [first], "all": [whole], "others": others}


def _look(page: Any, address: str) -> None:
    """Open the pages that are switched between: what they load stays loaded."""
    page.goto(address)
    wait_for_picture(page, "overview")
    for title in ("Likelihoods", "Overview", "Likelihoods"):
        _switch(page, title)


def _switch(page: Any, title: str) -> float:
    page.wait_for_timeout(REST)
    began = time.perf_counter()
    page.get_by_role("link", name=title).first.click()
    wait_for_picture(page, title.lower())
    return time.perf_counter() - began


BENCHMARKS: Mapping[str, Benchmark] = {"uploads": uploads}
