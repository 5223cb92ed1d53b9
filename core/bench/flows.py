"""How fast a flow trains and scores. Run it on an idle machine."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import torch

from core.bench._base import RUNS, Benchmark, Row, Say, row_of
from core.checkpoint import from_config
from core.data.stream import Stream
from core.detectors._base import Detector
from core.inference.scoring import parts_of
from core.shape import Shape

__all__ = ["BENCHMARKS", "glow_scoring", "glow_training"]

SHAPE = Shape(1, 32, 32)
SIZES = ((8, 64), (16, 64), (16, 128))  # flow steps a scale, hidden channels


def _flow(steps: int, hidden: int) -> Detector:
    torch.manual_seed(0)
    flow = from_config("glow", {"steps": steps, "hidden": hidden}, SHAPE)
    flow.get_buffer("precision").copy_(torch.eye(3))  # speed does not depend on what was fitted
    return flow


def _noise(n: int) -> np.ndarray:
    """Speed does not depend on what the images show."""
    return np.random.default_rng(0).integers(0, 256, (n, *SHAPE.pixels), dtype=np.uint8)


def glow_training(watch: Say) -> list[Row]:
    """Images a second of the training loop itself, batch 64, Fabric and logging included.

    ``watch`` is told how far it came.
    """
    from core.train.loop import Progress, fit

    images = _noise(64 * 64)
    stream = Stream(images, np.ones(len(images), np.int8), np.zeros(len(images), np.int64), 64)
    rows = []
    for steps, hidden in SIZES:
        watch(f"training, K = {steps}, hidden {hidden}")
        times: list[float] = []

        def note(progress: Progress, times: list[float] = times) -> None:
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
        rows.append(row_of("glow-training", f"K = {steps}, hidden {hidden}", speeds, "images/s"))
    return rows


def glow_scoring(watch: Say) -> list[Row]:
    """Images a second, in calls of 256 images, complexity's PNG sizes included.

    A score is the mean of several draws of noise: a row a score, and one a draw.

    ``watch`` is told how far it came.
    """
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
            draws = detector.config.draws
            by_draw = [draws * speed for speed in speeds]
            rows.append(row_of("glow-scoring", f"{what}, a draw", by_draw, "images/s"))
            rows.append(row_of("glow-scoring", f"{what}, a score", speeds, "images/s"))
    return rows


BENCHMARKS: Mapping[str, Benchmark] = {
    "glow-training": glow_training,
    "glow-scoring": glow_scoring,
}
