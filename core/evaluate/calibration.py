"""Where a score stands among held-out normal images, from 1,001 stored quantiles."""

from __future__ import annotations

import numpy as np

__all__ = ["percentile", "quantiles"]

STORED = 1001


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
