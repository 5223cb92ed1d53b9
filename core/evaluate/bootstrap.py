"""Intervals of what several scores share: the same resampled images for all of them.

Resampling each label apart keeps every class as large as it is, in whichever role it stands.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

__all__ = ["Areas", "difference", "interval", "resamples"]


def resamples(labels: np.ndarray, *, draws: int, seed: int) -> Iterator[np.ndarray]:
    """How often each image is in each of ``draws`` resamples, every label of labels (N,) apart.

    The same seed draws the same ones.

    Example:
        >>> next(resamples(np.array([0, 1, 1]), draws=1, seed=0)).sum()
        np.int64(3)
    """
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    for _ in range(draws):
        counts = np.zeros(len(labels), np.int64)
        for rows in members:
            chosen = rng.integers(0, len(rows), len(rows))
            counts[rows] = np.bincount(chosen, minlength=len(rows))
        yield counts


class Areas:
    """AUROC of scores (N,) under any weighting of their images, ranked once.

    Which of them are normal is said by a mask (N,).

    Raises:
        ValueError: scores are not finite.

    Example:
        >>> area = Areas(np.array([0.0, 1.0, 2.0, 1.0, 3.0]), np.array([1, 1, 1, 0, 0], bool))
        >>> area(np.ones(5)), area(np.array([2, 0, 1, 1, 0]))
        (0.75, 0.6666666666666666)
    """

    def __init__(self, scores: np.ndarray, normal: np.ndarray) -> None:
        if not np.isfinite(scores).all():
            raise ValueError(f"{(~np.isfinite(scores)).sum()} scores are not finite")
        self.normal, self.strange = np.flatnonzero(normal), np.flatnonzero(~normal)
        ordered = scores[self.normal].argsort(kind="stable")
        self.normal = self.normal[ordered]
        values = scores[self.normal]
        self.below = np.searchsorted(values, scores[self.strange], "left")
        self.not_above = np.searchsorted(values, scores[self.strange], "right")

    def __call__(self, weights: np.ndarray) -> float:
        """Weights (N,), not negative: how often each image counts."""
        passed = np.concatenate([[0.0], weights[self.normal].cumsum()])
        strange = weights[self.strange]
        won = strange @ (passed[self.below] + passed[self.not_above])
        return float(won / (2 * passed[-1] * strange.sum()))


def interval(values: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of resampled values (D,).

    Example:
        >>> interval(np.arange(1001))
        (25.0, 975.0)
    """
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)


def difference(
    a: np.ndarray, b: np.ndarray, *, normal: np.ndarray, draws: int = 1000, seed: int = 0
) -> tuple[float, float, float]:
    """AUROC of scores `a` (N,) less that of `b` (N,) of the same images, and its 95 % interval.

    Images are resampled once for both, normal and strange ones apart, so that what is hard for both
    cancels. The interval is (NaN, NaN) where either set is a single image.

    Args:
        normal: (N,) bool, which images are.
        draws: how many resamples; the same seed draws the same ones.

    Raises:
        ValueError: scores are not finite.

    Example:
        >>> a, b = np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 2.0, 1.0, 3.0])
        >>> difference(a, b, normal=np.array([1, 1, 0, 0], bool), draws=100)
        (0.25, 0.0, 1.0)
    """
    areas, ones = (Areas(a, normal), Areas(b, normal)), np.ones(len(normal), np.int64)
    gap = areas[0](ones) - areas[1](ones)
    if min(int(normal.sum()), int((~normal).sum())) == 1:
        return gap, np.nan, np.nan
    drawn = resamples(normal.astype(np.int8), draws=draws, seed=seed)
    return gap, *interval(np.array([areas[0](w) - areas[1](w) for w in drawn]))
