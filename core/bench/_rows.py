"""A figure of a benchmark."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass

__all__ = ["RUNS", "Row", "Say", "row_of"]

RUNS = 5
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


def row_of(benchmark: str, what: str, values: list[float], unit: str) -> Row:
    return Row(
        benchmark, what, statistics.median(values), min(values), max(values), unit, len(values)
    )
