"""The project's own benchmarks: figures, never verdicts. Run them on an idle machine."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.checkpoint import from_config
from core.data.stream import Stream
from core.detectors._base import Detector
from core.errors import OutskirtsError
from core.evaluate.browser import CHROMIUM_FLAGS, find_chromium, free_port, wait_until_up
from core.evaluate.scoring import parts_of
from core.settings import ROOT

__all__ = ["BENCHMARKS", "Row", "run"]

RUNS = 5
SIZES = ((8, 64), (16, 64), (16, 128))  # flow steps a scale, hidden channels
STRANGE = (("turned", "Turned garments"), ("noise", "Noise"), ("mnist", "Digits"))
Say = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """One figure: the median of some runs, with the lowest and the highest."""

    benchmark: str
    what: str
    median: float
    low: float
    high: float
    unit: str
    runs: int

    def as_dict(self) -> dict[str, float | str]:
        return asdict(self)


def run(name: str | None = None, *, watch: Say = lambda text: None) -> list[Row]:
    """Run one benchmark or all.

    Raises:
        OutskirtsError: there is no such benchmark.
    """
    if name is not None and name not in BENCHMARKS:
        raise OutskirtsError(f"no benchmark {name!r}; there are: {', '.join(BENCHMARKS)}")
    chosen = BENCHMARKS if name is None else {name: BENCHMARKS[name]}
    return [row for benchmark in chosen.values() for row in benchmark(watch)]


def _row(benchmark: str, what: str, values: list[float], unit: str) -> Row:
    return Row(
        benchmark, what, statistics.median(values), min(values), max(values), unit, len(values)
    )


def _flow(steps: int, hidden: int) -> Detector:
    torch.manual_seed(0)
    flow = from_config("glow", {"steps": steps, "hidden": hidden})
    flow.get_buffer("precision").copy_(torch.eye(3))  # speed does not depend on what was fitted
    return flow


def _noise(n: int) -> np.ndarray:
    """Speed does not depend on what the images show."""
    return np.random.default_rng(0).integers(0, 256, (n, 32, 32), dtype=np.uint8)


def glow_training(watch: Say) -> list[Row]:
    """Images a second of the training loop itself, batch 64, Fabric and logging included."""
    from core.train.loop import Moment, fit

    images = _noise(64 * 64)
    stream = Stream(images, np.ones(len(images), np.int8), np.zeros(len(images), np.int64), 64)
    rows = []
    for steps, hidden in SIZES:
        watch(f"training, K = {steps}, hidden {hidden}")
        times: list[float] = []

        def note(moment: Moment, times: list[float] = times) -> None:
            times.append(time.perf_counter())

        fit(
            _flow(steps, hidden),
            {"train": stream, "calibration": stream},
            seed=0,
            minutes=0.35,
            watch=note,
        )
        gaps = np.diff(times[3:])  # the first steps pay for warming up
        chunks = np.array_split(gaps, RUNS)
        speeds = [64 * len(c) / c.sum() for c in chunks]
        rows.append(_row("glow-training", f"K = {steps}, hidden {hidden}", speeds, "images/s"))
    return rows


def glow_scoring(watch: Say) -> list[Row]:
    """Images a second, in calls of 256 images, complexity's PNG sizes included."""
    images = _noise(256)
    rows = []
    for steps, hidden in SIZES:
        detector = _flow(steps, hidden).eval().requires_grad_(False)
        for bf16 in (False, True):
            what = f"K = {steps}, hidden {hidden}, {'bfloat16' if bf16 else 'float32'}"
            watch(f"scoring, {what}")
            parts_of(detector, images, bf16=bf16)
            speeds = []
            for _ in range(RUNS):
                start = time.perf_counter()
                parts_of(detector, images, bf16=bf16)
                speeds.append(len(images) / (time.perf_counter() - start))
            rows.append(_row("glow-scoring", what, speeds, "images/s"))
    return rows


def pages(watch: Say) -> list[Row]:
    """In a real browser: start to first page, page switch, control to redrawn picture, memory."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise OutskirtsError(
            "the pages benchmark needs Playwright: pip install -r requirements-bench.txt"
        ) from error
    chromium = find_chromium()
    if chromium is None:
        raise OutskirtsError("the pages benchmark needs Chromium: apt-get install chromium")
    starts, switches, controls, memory = [], [], [], []
    with sync_playwright() as playwright:
        for i in range(RUNS):
            watch(f"pages, run {i + 1} of {RUNS}")
            browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            began = time.perf_counter()
            with _server() as (address, process):
                page.goto(address)
                _seen(page, "How good is each detector")
                starts.append(time.perf_counter() - began)
                _switch(page, "Likelihoods", "One image")  # loads what stays loaded
                for _ in range(2):
                    switches.append(_switch(page, "Overview", "How good is each detector"))
                    switches.append(_switch(page, "Likelihoods", "One image"))
                controls += [_choose(page, *names) for names in STRANGE]
                memory.append(_resident_mb(process.pid))
            browser.close()
    return [
        _row("pages", "server start to first page drawn", starts, "s"),
        _row("pages", "page switch", switches, "s"),
        _row("pages", "control to redrawn picture", controls, "s"),
        _row("pages", "resident memory after every page", memory, "MB"),
    ]


@contextmanager
def _server() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A fresh server on a free port."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_until_up(address, process)
            yield address, process
        finally:
            process.terminate()


def _seen(page: Any, heading: str) -> None:
    page.get_by_role("heading", name=heading).wait_for(timeout=60_000)


def _switch(page: Any, title: str, heading: str) -> float:
    began = time.perf_counter()
    page.get_by_role("link", name=title).first.click()
    _seen(page, heading)
    if title == "Likelihoods":
        page.locator(".legendtext").first.wait_for(timeout=60_000)
    return time.perf_counter() - began


def _choose(page: Any, name: str, title: str) -> float:
    """Choose a strange set; wait until the first histogram's legend names it."""
    began = time.perf_counter()
    page.get_by_role("radio", name=name).click()
    page.locator(".legendtext", has_text=title).first.wait_for(timeout=60_000)
    return time.perf_counter() - began


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


BENCHMARKS: dict[str, Callable[[Say], list[Row]]] = {
    "glow-training": glow_training,
    "glow-scoring": glow_scoring,
    "pages": pages,
}
