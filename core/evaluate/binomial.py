"""How many of so many images one should expect, when each is one with the same chance."""

from __future__ import annotations

import numpy as np

__all__ = ["binomial_range"]

TAIL = 0.025  # left out at either end


def binomial_range(n: int, chance: float) -> tuple[int, int]:
    """The least and the most of n independent events of a chance that happen, 95 times in 100.

    It is the middle of the binomial distribution, whose quantiles 2.5 % and 97.5 % these are.

    Raises:
        ValueError: n is negative, or the chance is outside of 0..1.

    Example:
        >>> binomial_range(100, 0.05), binomial_range(10, 0.0), binomial_range(10, 1.0)
        ((1, 10), (0, 0), (10, 10))
    """
    if n < 0 or not 0 <= chance <= 1:
        raise ValueError(f"n must be 0 or more and chance in 0..1, got {n}, {chance}")
    if chance in (0, 1):
        return round(n * chance), round(n * chance)
    k = np.arange(1, n + 1)
    steps = np.log((n - k + 1) / k) + np.log(chance) - np.log1p(-chance)
    logs = np.concatenate([[0.0], np.cumsum(steps)]) + n * np.log1p(-chance)
    below = np.cumsum(np.exp(logs))
    low, high = np.searchsorted(below, [TAIL, 1 - TAIL])
    return int(low), min(int(high), n)
