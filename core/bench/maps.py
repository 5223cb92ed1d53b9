"""How quick the map of Latent space is, in a real browser. Run it on an idle machine."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from core import checkpoint
from core.atlas import Atlas
from core.bench._base import RUNS, Benchmark, Row, Say, row_of
from core.bench._browser import new_browser, served, wait_for_heading
from core.scenario import load_scenario

__all__ = ["BENCHMARKS", "maps"]

TIMES = 7  # as many points as the shipped maps have, for the large one


def maps(watch: Say) -> list[Row]:
    """Latent space at its shipped size and at seven times as many points.

    First draw with models loaded, lasso to filled grid, recolouring, and another layout.

    ``watch`` is told how far it came.
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        points = _enlarged(Path(folder))
        for size, checkpoints in ((points // TIMES, None), (points, Path(folder))):
            times: dict[str, list[float]] = {}
            with served(checkpoints) as (address, _):
                for i in range(RUNS + 1):
                    watch(f"maps of {size} points, run {i} of {RUNS}")
                    with new_browser() as new_page:
                        found = _visit(new_page(), address)
                    if i:  # the first visit loads models
                        for what, value in found.items():
                            times.setdefault(what, []).append(value)
            rows += [row_of("maps", f"{what}, {size} points", v, "s") for what, v in times.items()]
    return rows


def _enlarged(folder: Path) -> int:
    """A copy of the fashion scenario whose Glow has a map of more points; return their number.

    The points of its map stand there several times, a little apart: what is drawn is for timing
    alone.
    """
    shipped = load_scenario("fashion").folder
    shutil.copytree(shipped, folder / "fashion")
    card = checkpoint.read_card(shipped, "glow")
    atlas = checkpoint.read_atlas(shipped, card)
    large = _repeated(atlas)
    scores = checkpoint.read_scores(shipped, card)
    checkpoint.save_atlas(card, folder / "fashion", scores=scores, atlas=large)
    return len(large)


def _repeated(atlas: Atlas) -> Atlas:
    order = np.argsort(np.tile(atlas.which, TIMES), kind="stable")

    def all_of(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values] * TIMES)[order]

    layouts = {}
    for name, layout in atlas.layouts.items():
        apart = np.random.default_rng(0).normal(0, 0.01 * np.ptp(layout.xy), (len(order), 2))
        moved = (all_of(layout.xy) + apart).astype(np.float32)
        layouts[name] = replace(layout, xy=moved, local=all_of(layout.local))
    return replace(
        atlas,
        which=all_of(atlas.which),
        indices=all_of(atlas.indices),
        layouts=layouts,
        neighbours=all_of(atlas.neighbours),
        distances=all_of(atlas.distances),
        compressed=replace(atlas.compressed, codes=all_of(atlas.compressed.codes)),
    )


def _visit(page: Any, address: str) -> dict[str, float]:
    """Seconds that each step of a visitor's takes."""
    page.set_default_timeout(60_000)
    began = time.perf_counter()
    page.goto(f"{address}/latent")
    page.evaluate(DRAWN, ["All images", False])
    found = {"first draw in a fresh browser": time.perf_counter() - began}
    page.wait_for_timeout(1500)
    found["lasso to filled grid"] = _timed(page, _lasso(page), r"\d selected", others=True)
    page.mouse.move(640, 40)  # off the map, whose toolbar would be in the way
    page.wait_for_timeout(1500)
    page.get_by_label("Colour by").click()
    choice = page.get_by_role("option", name="class", exact=True)
    found["recolour"] = _timed(page, choice.click, "T-shirt")
    page.wait_for_timeout(1500)
    found["another layout"] = _timed(
        page, page.get_by_role("radio", name="UMAP").click, "UMAP of the"
    )
    page.get_by_role("link", name="Overview").first.click()
    wait_for_heading(page, "How good is each detector")
    page.wait_for_timeout(1500)
    link = page.get_by_role("link", name="Latent space").first
    found["first draw from another page"] = _timed(page, link.click, r"\d selected")
    return found


def _lasso(page: Any) -> Callable[[], None]:
    """Draw a lasso around the middle of the map; what lets the mouse go."""
    box = page.locator("[class*=st-key-latent_map]").bounding_box()
    page.mouse.click(box["x"] + 24, box["y"] + 24)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    corners = [(-60, -60), (60, -60), (70, 50), (0, 80), (-60, 50), (-60, -60)]
    page.mouse.move(x - 60, y - 60)
    page.mouse.down()
    for dx, dy in corners[1:]:
        page.mouse.move(x + dx, y + dy, steps=6)
    page.wait_for_timeout(500)
    return page.mouse.up


# Resolves once the text (a pattern) is on the page, a map and all pictures are drawn, and three
# frames in a row came without delay: nothing is left to do. Asked at every frame: Playwright itself
# waits up to half a second between two looks.
DRAWN = """async ([text, others]) => {
    const frame = () => new Promise(done => requestAnimationFrame(done));
    const there = () => {
        const main = document.querySelector('[data-testid=stMain]');
        const images = [...document.querySelectorAll('[data-testid=stImage] img')];
        const sources = images.map(image => image.src).join();
        return main && new RegExp(text).test(main.textContent) && images.length > 12
            && (!others || sources !== window.sources)
            && document.querySelector('[class*=st-key-latent_map] canvas')
            && images.every(image => image.complete);
    };
    let quick = 0, last = await frame();
    while (quick < 3) {
        const now = await frame();
        quick = there() && now - last < 34 ? quick + 1 : 0;
        last = now;
    }
    return performance.now();
}"""
RELEASED = """() => {
    const note = event => { window.released = performance.now(); };
    const images = [...document.querySelectorAll('[data-testid=stImage] img')];
    window.sources = images.map(image => image.src).join();
    for (const kind of ['pointerup', 'mouseup']) window.addEventListener(kind, note, true);
}"""


def _timed(page: Any, act: Callable[[], Any], text: str, *, others: bool = False) -> float:
    """Seconds from the moment that the mouse is let go until a text is there and all is drawn.

    Args:
        others: the pictures must have become others.
    """
    page.evaluate(RELEASED)
    act()
    return (page.evaluate(DRAWN, [text, others]) - page.evaluate("() => window.released")) / 1000


BENCHMARKS: Mapping[str, Benchmark] = {"maps": maps}
