"""What a benchmark is: a function that times something and gives rows of figures."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass

__all__ = ["RUNS", "Benchmark", "Row", "Say", "row_of"]

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
        """The figure by the names of its fields."""
        return asdict(self)


Benchmark = Callable[[Say], list[Row]]  # told on the way what it is at


def row_of(benchmark: str, what: str, values: list[float], unit: str) -> Row:
    """The figure of a benchmark: what was measured, the values of its runs, and their unit."""
    return Row(
        benchmark, what, statistics.median(values), min(values), max(values), unit, len(values)
    )
