"""What every threshold of a score does: whom it flags, how precisely, and at what cost.

An image is flagged where its score is above the threshold, not where it is equal. Precision, F1 and
cost are those at a prevalence, the share of strange images where the detector will work: test sets
are half strange, and the world is not. With recall t, false alarm rate f and prevalence p,

    precision = 1 / (1 + (1 - p) / p * f / t)
    1 / F1    = 1 / 2 + (p + (1 - p) f) / (2 p t)
    cost      = p (1 - t) * cost of a miss + (1 - p) f * cost of an alarm

References:
    Donner & Zou 2012, Closed-form confidence intervals for functions of the normal mean and
    standard deviation, https://doi.org/10.1177/0962280210383082 (MOVER, MOVER-R).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.evaluate.metrics import checked
from core.evaluate.shares import wilson

ROUNDING = 1e-12  # sums that are equal in fractions differ by a few parts in 10^16

__all__ = [
    "Estimate",
    "Estimates",
    "Rates",
    "Sweep",
    "check_stakes",
    "least_cost",
    "rates",
    "ratio_limits",
    "sweep",
]


@dataclass(frozen=True)
class Sweep:
    """How many images are flagged at each of K thresholds.

    Attributes:
        thresholds: (K,), rising.
        alarms, hits: (K,), how many normal and how many strange images lie above.
    """

    thresholds: np.ndarray
    alarms: np.ndarray
    hits: np.ndarray
    n_normal: int
    n_strange: int


def sweep(normal: np.ndarray, strange: np.ndarray, *, at: np.ndarray | None = None) -> Sweep:
    """Counts above each threshold of scores normal (N,) and strange (M,).

    Args:
        at: thresholds (K,), rising; None: every distinct score, after minus infinity, which flags
            all images. So every partition that a threshold can make is there once.

    Raises:
        ValueError: scores are not (N,), empty, or not finite.

    Example:
        >>> counts = sweep(np.array([0.0, 1.0, 1.0]), np.array([1.0, 2.0]))
        >>> counts.thresholds.tolist(), counts.alarms.tolist(), counts.hits.tolist()
        ([-inf, 0.0, 1.0, 2.0], [3, 2, 0, 0], [2, 2, 1, 0])
    """
    normal, strange = checked(normal, strange)
    if at is None:
        at = np.concatenate([[-np.inf], np.unique(np.concatenate([normal, strange]))])
    at = np.asarray(at, np.float64)
    alarms = len(normal) - np.searchsorted(np.sort(normal), at, "right")
    hits = len(strange) - np.searchsorted(np.sort(strange), at, "right")
    return Sweep(at, alarms, hits, len(normal), len(strange))


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval over images; NaN where it is not defined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Estimates:
    """A figure at each of K thresholds, with its 95 % interval over images.

    Attributes:
        value, low, high: (K,); NaN where the figure is not defined.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def at(self, row: int) -> Estimate:
        """The figure at the threshold of one row."""
        return Estimate(float(self.value[row]), float(self.low[row]), float(self.high[row]))


@dataclass(frozen=True)
class Rates:
    """Figures of K thresholds.

    Attributes:
        recall: share of the strange images that are flagged.
        false_alarm_rate: share of the normal images that are flagged.
        precision: share of what is flagged that is strange, at the prevalence; NaN where nothing
            is flagged.
        f1: harmonic mean of precision and recall; 0 where nothing strange is flagged.
        cost: expected of one image.
    """

    recall: Estimates
    false_alarm_rate: Estimates
    precision: Estimates
    f1: Estimates
    cost: Estimates


def check_stakes(prevalence: float, *, miss_cost: float, alarm_cost: float) -> None:
    """Refuse a prevalence or costs that no expectation can be formed of.

    Raises:
        ValueError: prevalence is not between 0 and 1; or miss cost or alarm cost is negative or
            not finite, or both are 0.

    Example:
        >>> check_stakes(1.0, miss_cost=1.0, alarm_cost=1.0)
        Traceback (most recent call last):
        ValueError: prevalence must be above 0 and below 1, got 1.0
    """
    if not 0 < prevalence < 1:
        raise ValueError(f"prevalence must be above 0 and below 1, got {prevalence}")
    costs = np.array([miss_cost, alarm_cost])
    if not np.isfinite(costs).all() or (costs < 0).any() or not costs.any():
        raise ValueError(f"costs must be 0 or more and not both 0, got {miss_cost}, {alarm_cost}")


def rates(counts: Sweep, *, prevalence: float, miss_cost: float, alarm_cost: float) -> Rates:
    """All figures of each threshold, with intervals that hold at none and at all flagged, too.

    The intervals of recall t and false alarm rate f are Wilson's; as normal and strange images are
    independent samples, those of the other figures follow from these four ends in closed form: a
    ratio's by `ratio_limits`, a sum's by the root of the sum of squared distances.

    Args:
        counts: a sweep of K thresholds.
        prevalence: share of strange images that is expected where the detector works.
        miss_cost, alarm_cost: of a strange image that is passed, of a normal one that is flagged.

    Raises:
        ValueError: see `check_stakes`.

    Example:
        >>> counts = Sweep(np.array([0.5]), np.array([5]), np.array([90]), 100, 100)
        >>> one = rates(counts, prevalence=0.01, miss_cost=10.0, alarm_cost=1.0)
        >>> one.precision.value.round(4).tolist(), one.cost.value.round(4).tolist()
        ([0.1538], [0.0595])
        >>> one.precision.low.round(3).tolist(), one.precision.high.round(3).tolist()
        ([0.075], [0.297])
    """
    check_stakes(prevalence, miss_cost=miss_cost, alarm_cost=alarm_cost)
    recall = _share(counts.hits, counts.n_strange)
    alarms = _share(counts.alarms, counts.n_normal)
    return Rates(
        recall,
        alarms,
        precision=_precision(recall, alarms, odds=(1 - prevalence) / prevalence),
        f1=_f1(recall, alarms, p=prevalence),
        cost=_cost(
            recall, alarms, miss=prevalence * miss_cost, alarm=(1 - prevalence) * alarm_cost
        ),
    )


def _share(counts: np.ndarray, n: int) -> Estimates:
    return Estimates(counts / n, *wilson(counts, n))


def _precision(recall: Estimates, alarms: Estimates, *, odds: float) -> Estimates:
    """It falls as the ratio of false alarms to hits grows."""
    least, most = ratio_limits(alarms, recall)
    flagged = (recall.value > 0) | (alarms.value > 0)
    value = _ratio(recall.value, recall.value + odds * alarms.value)
    low, high = 1 / (1 + odds * most), 1 / (1 + odds * least)
    return Estimates(*(np.where(flagged, v, np.nan) for v in (value, low, high)))


def _f1(recall: Estimates, alarms: Estimates, *, p: float) -> Estimates:
    """It falls as the ratio of (strange images + false alarms) to hits grows."""
    value, low, high = (p + (1 - p) * v for v in (alarms.value, alarms.low, alarms.high))
    least, most = ratio_limits(Estimates(value, low, high), recall)
    t = recall.value
    return Estimates(
        2 * p * t / (p * t + value), 1 / (0.5 + most / (2 * p)), 1 / (0.5 + least / (2 * p))
    )


def _cost(recall: Estimates, alarms: Estimates, *, miss: float, alarm: float) -> Estimates:
    """The expected cost of one image, of a miss's and of a false alarm's share in it."""
    value = miss * (1 - recall.value) + alarm * alarms.value
    below = np.hypot(miss * (recall.high - recall.value), alarm * (alarms.value - alarms.low))
    above = np.hypot(miss * (recall.value - recall.low), alarm * (alarms.high - alarms.value))
    return Estimates(value, np.maximum(0.0, value - below), value + above)


def ratio_limits(a: Estimates, b: Estimates) -> tuple[np.ndarray, np.ndarray]:
    """Both ends (K,) of the 95 % interval of a / b, independent and not negative: MOVER-R.

    With a in [l, u], b in [l', u'], the ends solve (a - r b)^2 = (a - l)^2 + r^2 (u' - b)^2 and
    (a - r b)^2 = (u - a)^2 + r^2 (b - l')^2. The upper end is infinite where b
    may be 0.

    Example:
        >>> a = Estimates(np.array([0.1]), np.array([0.05]), np.array([0.2]))
        >>> b = Estimates(np.array([0.5]), np.array([0.4]), np.array([0.6]))
        >>> [end.round(4).tolist() for end in ratio_limits(a, b)]
        [[0.0981], [0.4167]]
    """
    product = a.value * b.value
    # l (2a - l) and u' (2b - u'), with the root written so that no difference of equals is left.
    first, second = a.low * (2 * a.value - a.low), b.high * (2 * b.value - b.high)
    root = np.sqrt(np.maximum(0.0, product**2 - first * second))
    low = _ratio(first, product + root)
    first, second = a.high * (2 * a.value - a.high), b.low * (2 * b.value - b.low)
    root = np.sqrt(np.maximum(0.0, product**2 - first * second))
    with np.errstate(divide="ignore"):
        high = np.where(second > 0, (product + root) / np.where(second > 0, second, 1), np.inf)
    return low, high


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Top / bottom, and 0 where both are 0."""
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom != 0)


def least_cost(counts: Sweep, *, prevalence: float, miss_cost: float, alarm_cost: float) -> int:
    """The row of a sweep's counts whose expected cost, as in `rates`, is least.

    Of equal costs it is that with fewest false alarms, of those the one with most hits.

    Args:
        prevalence, miss_cost, alarm_cost: as for `rates`.

    Raises:
        ValueError: see `check_stakes`.

    Example:
        >>> counts = sweep(np.array([0.0, 1.0, 4.0]), np.array([2.0, 3.0]))
        >>> row = least_cost(counts, prevalence=0.5, miss_cost=1.0, alarm_cost=1.0)
        >>> counts.thresholds[row]
        np.float64(1.0)
    """
    check_stakes(prevalence, miss_cost=miss_cost, alarm_cost=alarm_cost)
    missed = 1 - counts.hits / counts.n_strange
    alarms = counts.alarms / counts.n_normal
    cost = prevalence * miss_cost * missed + (1 - prevalence) * alarm_cost * alarms
    rows = np.flatnonzero(cost <= cost.min() * (1 + ROUNDING))
    return int(rows[np.lexsort((-counts.hits[rows], counts.alarms[rows]))[0]])
