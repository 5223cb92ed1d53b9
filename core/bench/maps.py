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
SENT = "sent to a fresh browser until drawn"
MARGIN = 8  # CSS pixels: a mouse goes on from here, where no tool is in its way


def maps(watch: Say) -> list[Row]:
    """Latent space at its shipped size and at seven times as many points.

    First draw with models loaded, what it sends, lasso to its count and to the filled grid,
    recolouring, and another layout.

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
            rows += [
                row_of("maps", f"{what}, {size} points", v, "MB" if what == SENT else "s")
                for what, v in times.items()
            ]
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
    """Seconds that each step of a visitor's takes, and megabytes that the first one costs."""
    page.set_default_timeout(60_000)
    sent = _counted(page)
    began = time.perf_counter()
    page.goto(f"{address}/latent")
    page.evaluate(DRAWN, ["All images", "", True])
    found = {"first draw in a fresh browser": time.perf_counter() - began, SENT: sent() / 1e6}
    page.wait_for_timeout(1500)
    found["lasso to its count and bars"] = _lasso(page, "", pictures=False)
    found["lasso to filled grid"] = _lasso(page, "elsewhere", pictures=True)
    page.mouse.move(MARGIN, MARGIN)
    page.wait_for_timeout(1500)
    page.get_by_label("Colour by").click()
    choice = page.get_by_role("option", name="class", exact=True)
    found["recolour"] = _timed(page, choice.click, r"\d selected", "T-shirt")
    page.wait_for_timeout(1500)
    umap = page.get_by_role("radio", name="UMAP")
    found["another layout"] = _timed(page, umap.click, r"\d selected", "UMAP")
    page.get_by_role("link", name="Overview").first.click()
    wait_for_heading(page, "Overview")
    page.wait_for_timeout(1500)
    link = page.get_by_role("link", name="Latent space").first
    found["first draw from another page"] = _timed(page, link.click, r"\d selected", "")
    return found


def _counted(page: Any) -> Callable[[], float]:
    """How many bytes the server has sent to a page, so far: files as they travel, and frames."""
    listener = page.context.new_cdp_session(page)
    listener.send("Network.enable")
    sent: list[float] = []
    listener.on("Network.loadingFinished", lambda event: sent.append(event["encodedDataLength"]))
    listener.on(
        "Network.webSocketFrameReceived",
        lambda event: sent.append(_length(event["response"])),
    )
    return lambda: sum(sent)


def _length(frame: Mapping[str, Any]) -> float:
    text = frame["payloadData"]
    return len(text) if frame["opcode"] == 1 else len(text) * 3 / 4  # binary comes as base64


def _lasso(page: Any, where: str, *, pictures: bool) -> float:
    """Seconds from the end of a line round the middle of the map to what it selects.

    The pictures follow the line while it is drawn; the last of them must be those of all of it.
    """
    room = page.locator(".room").first
    tool = page.get_by_role("button", name="Lasso")
    if tool.get_attribute("aria-pressed") != "true":
        tool.click()
    box = room.bounding_box()
    x = box["x"] + box["width"] / 2 - (70 if where else 0)
    y = box["y"] + box["height"] / 2
    page.wait_for_timeout(1500)
    corners = [(-60, -60), (60, -60), (70, 50), (0, 80), (-60, 50), (-60, -60)]
    page.mouse.move(x - 60, y - 60)
    page.mouse.down()
    for dx, dy in corners[1:]:
        page.mouse.move(x + dx, y + dy, steps=6)
    return _timed(page, page.mouse.up, r"\d selected", "", pictures=pictures)


# Resolves once the panel says a text and the map's title or legend another one (patterns), pictures
# are those that were asked for last, and three frames in a row came without delay: nothing is left
# to do. Asked at every frame: Playwright itself waits up to half a second between two looks.
DRAWN = """async ([said, drawn, pictures]) => {
    const frame = () => new Promise(done => requestAnimationFrame(done));
    const room = () => {
        if (window.explorer?.isConnected) return window.explorer;
        const host = [...document.querySelectorAll('[class*=st-key-latent_explorer] *')]
            .find(one => one.shadowRoot?.querySelector('.explorer'));
        return window.explorer = host?.shadowRoot.querySelector('.explorer');
    };
    const there = () => {
        const found = room();
        if (!found?.querySelector('canvas')?.width) return false;
        const grid = found.querySelector('.grid');
        const text = one => found.querySelector(one)?.textContent;
        const images = [...grid.querySelectorAll('.tile:not([hidden]) img')];
        return new RegExp(said).test(text('.many-selected'))
            && new RegExp(drawn).test(text('.title') + text('.entries'))
            && found.querySelector('.bars .row .many')?.textContent
            && (!pictures || (grid.dataset.asked && grid.dataset.asked === grid.dataset.drawn
                && images.length === 24 && images.every(image => image.complete)));
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
    for (const kind of ['pointerup', 'mouseup']) window.addEventListener(kind, note, true);
}"""


def _timed(
    page: Any, act: Callable[[], Any], said: str, drawn: str, *, pictures: bool = True
) -> float:
    """Seconds from the moment that the mouse is let go until all is drawn; see `DRAWN`."""
    page.evaluate(RELEASED)
    act()
    ended = page.evaluate(DRAWN, [said, drawn, pictures])
    return (ended - page.evaluate("() => window.released")) / 1000


BENCHMARKS: Mapping[str, Benchmark] = {"maps": maps}
