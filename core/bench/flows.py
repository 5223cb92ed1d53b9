"""How fast a flow trains and scores. Run it on an idle machine."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.bench._base import RUNS, Benchmark, Row, Say, row_of
from core.checkpoint import from_config
from core.data.stream import Stream
from core.detectors._base import Detector
from core.inference.scoring import BATCH, parts_of
from core.nn.flow import FlowScale, MultiScaleFlow
from core.nn.flow_layers import FlowSteps, coupling_dtype
from core.nn.optimisers import adamax
from core.shape import Shape

__all__ = ["BENCHMARKS", "PlainSteps", "glow_fused", "glow_scoring", "glow_training", "plain"]

SHAPE = Shape(1, 32, 32)
COLOUR = (3, 32, 32)
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


class PlainSteps(FlowSteps):
    """The same steps operation by operation, as they were before couplings were fused."""

    @staticmethod
    def _forward(step: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        x1, x2 = F.conv2d(x, step.mix, step.mix_bias).chunk(2, 1)
        t, raw = step.raw(x1).to(x.dtype).chunk(2, 1)
        log_s = F.logsigmoid(raw + 2)
        return torch.cat([x1, (x2 + t) * log_s.exp()], 1), log_s.sum(1) + step.log_det


def plain(flow: MultiScaleFlow) -> MultiScaleFlow:
    """A copy of a flow with `PlainSteps`."""
    before = copy.deepcopy(flow)
    for scale in before.scales:
        fused = cast(FlowScale, scale).steps
        k, hidden, channels = fused.net.first.shape[:2] + fused.norm_bias.shape[1:]
        steps = PlainSteps(channels, hidden=hidden, steps=k)
        steps.load_state_dict(fused.state_dict())
        cast(FlowScale, scale).steps = steps
    return before


def _training(flow: MultiScaleFlow, x: Tensor) -> Callable[[], None]:
    """One optimiser step of 64 images after the other, couplings in bfloat16."""
    optimizer = adamax(flow.parameters(), 2e-3, weight_decay=0.0)

    def run() -> None:
        for batch in x.split(64):
            with coupling_dtype(torch.bfloat16):
                codes = flow(batch)
            optimizer.zero_grad()
            (-torch.stack([code.log_prob.sum() for code in codes]).sum() / len(batch)).backward()
            optimizer.step()

    return run


def _scoring(flow: MultiScaleFlow, x: Tensor) -> Callable[[], None]:
    """Float32, as many at once as scoring takes: 128 before."""
    at_once = 128 if isinstance(cast(FlowScale, flow.scales[0]).steps, PlainSteps) else BATCH

    def run() -> None:
        with torch.inference_mode():
            for batch in x.split(at_once):
                flow(batch)

    return run


def glow_fused(watch: Say) -> list[Row]:
    """The flow of colour images, K = 8 and hidden 64, beside itself before that was made fast.

    The two take turns, run by run, so that what else the machine does weighs on both; the ratio
    is of each turn. ``watch`` is told how far it came.
    """
    torch.manual_seed(0)
    flow = MultiScaleFlow(COLOUR, scales=3, steps=8, hidden=64, leaves="second")
    x = torch.rand(256, *COLOUR) - 0.5
    flow.initialise_(x)
    rows = []
    for what, kind in (("training in bfloat16", _training), ("scoring in float32", _scoring)):
        watch(f"colour, K = 8, hidden 64, {what}")
        turns = [kind(plain(flow), x), kind(copy.deepcopy(flow), x)]
        for run in turns:
            run()  # the first pays for warming up
        speeds = np.array([[len(x) / _seconds(run) for run in turns] for _ in range(RUNS)])
        before, fused = speeds.T.tolist()
        rows.append(row_of("glow-fused", f"{what}, before", before, "images/s"))
        rows.append(row_of("glow-fused", what, fused, "images/s"))
        rows.append(
            row_of("glow-fused", f"{what}, ratio", (speeds[:, 1] / speeds[:, 0]).tolist(), "x")
        )
    return rows


def _seconds(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


BENCHMARKS: Mapping[str, Benchmark] = {
    "glow-training": glow_training,
    "glow-scoring": glow_scoring,
    "glow-fused": glow_fused,
}
