"""How long a moved threshold takes to its numbers: the answers of Compare, models loaded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from core import service
from core.bench._base import RUNS, Benchmark, Row, Say, row_of
from core.service import (
    CellQuery,
    CommitteeQuery,
    DisagreeQuery,
    OperatingQuery,
    Query,
    Threshold,
    VerdictsQuery,
)

__all__ = ["BENCHMARKS", "thresholds"]

SCENARIO, STRANGE = "fashion", "mnist"  # 10,000 images each


def thresholds(watch: Say) -> list[Row]:
    """A moved threshold, or a moved prevalence, to each of Compare's answers for 20,000 scores.

    Every run asks for a threshold that nobody has asked for. ``watch`` is told how far it came.
    """
    models = tuple(service.ask(service.OverviewQuery(SCENARIO)).scenario.training)
    moved = _moved()
    few = tuple(model for model in models if "." not in model)
    asked: dict[str, Callable[[Threshold], Query]] = {
        f"verdicts of {len(models)} models": lambda t: VerdictsQuery(SCENARIO, STRANGE, models, t),
        f"verdicts of {len(few)} models": lambda t: VerdictsQuery(SCENARIO, STRANGE, few, t),
        "images of a cell": lambda t: CellQuery(SCENARIO, STRANGE, few[0], t, "misses"),
        "two models' disagreement": lambda t: DisagreeQuery(SCENARIO, STRANGE, few[0], few[1], t),
        f"a committee of {len(models)}": lambda t: CommitteeQuery(SCENARIO, STRANGE, models, t),
        f"{len(models)} models, each at its least cost": lambda t: VerdictsQuery(
            SCENARIO, STRANGE, models, Threshold("cost", 0.0), prevalence=t.value / 1000
        ),
        "all thresholds, prevalence moved": lambda t: OperatingQuery(
            SCENARIO, STRANGE, few[0], prevalence=t.value / 1000
        ),
    }
    rows = []
    for what, query in asked.items():
        watch(f"thresholds, {what}")
        service.ask(query(next(moved)))  # loads the models, and makes what no threshold changes
        times = [_seconds(query(next(moved))) for _ in range(4 * RUNS)]
        rows.append(row_of("thresholds", what, times, "s"))
    return rows


def _moved() -> Iterator[Threshold]:
    """Percentiles, each another one."""
    for value in np.linspace(99, 50, 1000):
        yield Threshold("percentile", round(float(value), 3))


def _seconds(query: Query) -> float:
    began = time.perf_counter()
    service.ask(query)
    return time.perf_counter() - began


BENCHMARKS: Mapping[str, Benchmark] = {"thresholds": thresholds}
