"""Shares of images, with intervals that hold at none and at all of them, too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Share", "share", "wilson"]

Z = 1.959964  # standard deviations that hold the middle 95 % of a normal distribution


@dataclass(frozen=True)
class Share:
    """So many of so many images, with a 95 % interval over images.

    Attributes:
        count, of: how many, and of how many.
    """

    count: int
    of: int
    value: float
    low: float
    high: float

    def apart_from(self, other: Share) -> bool:
        """Whether the intervals of both do not meet."""
        return self.high < other.low or other.high < self.low


def share(hits: np.ndarray) -> Share:
    """The share of hits (N,) that are true, with Wilson's score interval.

    A bootstrap would give an interval of no width where none is, or all are.

    References:
        Wilson 1927, Probable inference, the law of succession, and statistical inference,
        https://doi.org/10.1080/01621459.1927.10502953.

    Raises:
        ValueError: hits are not (N,) with N > 0.

    Example:
        >>> one = share(np.array([True] * 2 + [False] * 8))
        >>> one.count, one.of, one.value, round(one.low, 4), round(one.high, 4)
        (2, 10, 0.2, 0.0567, 0.5098)
        >>> round(share(np.zeros(100, bool)).high, 4)
        0.037
    """
    if hits.ndim != 1 or not len(hits):
        raise ValueError(f"hits must be (N,) with N > 0, got {hits.shape}")
    n, count = len(hits), int(hits.sum())
    low, high = (float(end) for end in wilson(np.array(count), n))
    return Share(count, n, count / n, low, high)


def wilson(counts: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of Wilson's 95 % interval for each of the counts (K,), of n images: (K,) each.

    Example:
        >>> low, high = wilson(np.array([0, 2, 10]), 10)
        >>> low.round(4).tolist(), high.round(4).tolist()
        ([0.0, 0.0567, 0.7225], [0.2775, 0.5098, 1.0])
    """
    value, z2 = counts / n, Z**2
    middle = (value + z2 / (2 * n)) / (1 + z2 / n)
    half = Z * np.sqrt(value * (1 - value) / n + z2 / (4 * n**2)) / (1 + z2 / n)
    # Exactly 0 and 1 at the ends, where rounding would leave a little.
    low = np.where(counts == 0, 0.0, np.maximum(0.0, middle - half))
    return low, np.where(counts == n, 1.0, np.minimum(1.0, middle + half))
