"""Triangles of mixtures whose numbers are written down by hand."""

from __future__ import annotations

import numpy as np

from core.answers.simplex import MixedPart, Simplex, steps_of

__all__ = ["by_hand"]


def by_hand(values: dict[tuple[int, int, int], float], level: float) -> Simplex:
    """A triangle of four steps a side with these values, else 0; percentiles are ten times them."""
    steps = steps_of(4)
    found = np.array([values.get((a, b, c), 0.0) for a, b, c in steps.tolist()])
    flagged = found > level
    part = MixedPart("Part", "unit", found, 10 * found, found, 10 * found, level, flagged, flagged)
    nothing = np.zeros((len(steps), 1, 1, 1), np.uint8)
    three = np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1)
    names = ("a", "b", "c")
    return Simplex(names, names, three, 4, steps, nothing, nothing, {"p": part}, "p", 0.2)
