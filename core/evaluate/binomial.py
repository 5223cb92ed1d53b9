"""How many of so many images one should expect, each with one chance, known or measured."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["binomial_range", "exceedance_range", "exceedance_under"]

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


def exceedance_range(n: int, above: int, measured: int) -> tuple[int, int]:
    """The least and the most of n new values above a threshold, 95 times in 100.

    The threshold was set on others of the same kind, of which so many of the measured lie above:
    what share lies above it is known no better than these tell, Beta(above + 1, measured - above),
    and the new count is beta-binomial (Gumbel and von Schelling 1950, numbers of exceedances). The
    range is wider than that of a share that is known, the more the fewer were measured.

    Raises:
        ValueError: n is negative, none were measured, or more lie above than were measured.

    Example:
        >>> exceedance_range(2000, 25, 500), exceedance_range(2000, 50_000, 1_000_000)
        ((64, 151), (81, 120))
    """
    if n < 0 or not 0 <= above <= measured or not measured:
        raise ValueError(f"{above} of {measured} above, and {n} new: no such counts")
    a, b = above + 1, max(measured - above, 1)
    k = np.arange(1, n + 1)
    steps = np.log((n - k + 1) / k) + np.log((a + k - 1) / (b + n - k))
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    chances = np.exp(logs - logs.max())
    below = np.cumsum(chances / chances.sum())
    low, high = np.searchsorted(below, [TAIL, 1 - TAIL])
    return int(low), min(int(high), n)


def exceedance_under(measured: int) -> float:
    """The share that, 95 times in 100, is not exceeded above the largest of so many measured.

    Example:
        >>> round(exceedance_under(500), 5)
        0.00597
    """
    return -math.expm1(math.log(0.05) / measured)
