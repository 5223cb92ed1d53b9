"""Which training images train and which calibrate."""

from __future__ import annotations

import numpy as np

__all__ = ["calibration_split"]


def calibration_split(n: int, *, calibration: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of n images: those that train, (T,), and those held out to calibrate, (C,).

    They are in a random order that the seed fixes.

    Raises:
        ValueError: calibration is not between 1 and n - 1.

    Example:
        >>> train, held_out = calibration_split(5, calibration=2, seed=0)
        >>> train.tolist(), held_out.tolist()
        ([3, 0, 1], [2, 4])
    """
    if not 0 < calibration < n:
        raise ValueError(f"calibration must be between 1 and {n - 1}, got {calibration}")
    order = np.random.default_rng(seed).permutation(n)
    return order[calibration:], order[:calibration]
