"""Where a score stands among held-out normal images, from 1,001 stored quantiles."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

__all__ = ["above", "at_percentile", "foreign", "outside", "percentile", "quantiles"]

STORED = 1001
END = 100 / (STORED - 1)  # a percentile: the outermost step of the stored quantiles
FEWEST = 39  # calibration images: one more normal lies beyond all of them by 2 / (n + 1), 1 in 20


def quantiles(values: np.ndarray) -> np.ndarray:
    """The 0, 0.1, ... 100 % quantiles of values (N,): (1001,), rising.

    Example:
        >>> quantiles(np.array([0.0, 1.0]))[[0, 250, 1000]].tolist()
        [0.0, 0.25, 1.0]
    """
    return np.quantile(np.asarray(values, np.float64), np.linspace(0, 1, STORED))


def percentile(values: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """Mid-rank of each of the values (N,) among the images of stored quantiles (1001,), 0 to 100.

    Between two quantiles it is interpolated; on a run of equal ones it is the middle of the run.

    Example:
        >>> stored = quantiles(np.arange(1001))
        >>> percentile(np.array([-5.0, 250.0, 250.5, 2000.0]), stored).tolist()
        [0.0, 25.0, 25.05, 100.0]
    """
    values = np.asarray(values, np.float64)
    left = np.searchsorted(stored, values, "left")
    right = np.searchsorted(stored, values, "right")
    tied = (left + right - 1) / 2
    between = np.interp(values, stored, np.arange(len(stored)))
    rank = np.where(right > left, tied, between)
    return np.round(rank * (100 / (len(stored) - 1)), 6)


def at_percentile(p: np.ndarray | float, stored: np.ndarray) -> np.ndarray:
    """The value below which p (N,) per cent lie of the images of stored quantiles (1001,): (N,).

    The inverse of `percentile` where no images are alike; beyond 0 and 100 it is the outermost
    stored one, for of what lies further out the quantiles know nothing.

    Example:
        >>> stored = quantiles(np.arange(1001))
        >>> at_percentile(np.array([0.0, 25.05, 100.0, 120.0]), stored).tolist()
        [0.0, 250.5, 1000.0, 1000.0]
    """
    places = np.asarray(p, np.float64) * ((len(stored) - 1) / 100)
    return np.interp(places, np.arange(len(stored)), np.asarray(stored, np.float64))


def above(value: float, stored: np.ndarray, *, count: int) -> int:
    """How many of a count of images with stored quantiles (1001,) lie above a value.

    Of no more than a thousand images it is exact but for ties, and of more to a thousandth of them.

    Example:
        >>> stored = quantiles(np.arange(500))
        >>> [above(value, stored, count=500) for value in (-1.0, 474.5, 475.0, 498.5, 499.0)]
        [500, 25, 24, 1, 0]
    """
    last = int(np.searchsorted(stored, value, "right")) - 1  # of equal ones
    if last < 0 or last == len(stored) - 1:
        return count if last < 0 else 0
    step = (value - stored[last]) / (stored[last + 1] - stored[last])
    return count - 1 - math.floor((last + step) * (count - 1) / (len(stored) - 1) + 1e-6)


def outside(percentiles: np.ndarray) -> np.ndarray:
    """Whether each of percentiles (N,) lies where next to no calibration image does, at either end.

    That is in the outermost thousandth: below 0.1 or above 99.9.

    Example:
        >>> np.flatnonzero(outside(np.array([0.0, 0.05, 0.1, 50.0, 99.9, 100.0]))).tolist()
        [0, 1, 5]
    """
    return (percentiles < END) | (percentiles > 100 - END)


def foreign(percentiles: Mapping[str, np.ndarray], *, images: int) -> np.ndarray:
    """Whether each of N images is not of a detector's kind: most of its parts lie `outside`.

    Then its score says little, high or low: it was measured where the detector knows nothing. Most
    are more than half, and two at least: a single part that is outside is just strange. Chosen on
    normal images alone: of the ends 0.1, 0.2, 0.3 and 0.5, the widest at which each model of
    garments calls at most 1 in 1,000 test garments foreign. Beside fewer than 39 calibration
    images none is: of its own kind an image lies beyond all of them too often.

    Args:
        percentiles: (N,) by part, among calibration normals.
        images: of calibration.

    Raises:
        ValueError: there are no parts.

    Example:
        >>> standing = {"a": [0.0, 0.0], "b": [100.0, 50.0], "c": [7.0, 99.0]}
        >>> by_part = {part: np.array(values) for part, values in standing.items()}
        >>> [np.flatnonzero(foreign(by_part, images=count)).tolist() for count in (1000, 8)]
        [[0], []]
    """
    if not percentiles:
        raise ValueError("an image without parts is of no kind")
    counts = np.sum([outside(values) for values in percentiles.values()], axis=0)
    return (counts > len(percentiles) / 2) & (counts > 1) & (images >= FEWEST)
