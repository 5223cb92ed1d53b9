"""How well scores tell strange from normal. Numpy only; larger scores are stranger throughout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np

__all__ = [
    "Mean",
    "Metrics",
    "auroc",
    "average_precision",
    "bootstrap_auroc",
    "checked",
    "fpr_at_tpr",
    "mean_of",
    "measure",
    "measure_parts",
    "rank_correlation",
]

BOOTSTRAPS = 1000
BOOTSTRAP_SEED = 0


@dataclass(frozen=True)
class Metrics:
    """Figures of one score on one strange set.

    Attributes:
        auroc: chance that a strange image scores above a normal one, ties half.
        low, high: 95 % interval of auroc over test images (not over training seeds); NaN where
            there is none, for one image says nothing of how images differ.
        aupr: average precision, strange positive.
        fpr95: share of normals flagged where 95 % of the strange are.
    """

    # Cards hold these as they are; a missing bound as "NaN", which JSON has no number for.
    __pydantic_config__: ClassVar = {"extra": "forbid", "ser_json_inf_nan": "strings"}

    auroc: float
    low: float
    high: float
    aupr: float
    fpr95: float
    n_normal: int
    n_strange: int

    @property
    def has_interval(self) -> bool:
        return not np.isnan(self.low)

    @property
    def fooled(self) -> bool:
        """Whether the whole interval is below 0.5: strange images look more normal than normal."""
        return self.high < 0.5  # NaN is below and above nothing

    @property
    def finds(self) -> bool:
        """Whether the whole interval is above 0.5."""
        return self.low > 0.5

    def as_dict(self) -> dict[str, float | None]:
        """The figures by name; low and high are None where there is no interval."""
        return _without_nan(asdict(self))


def _without_nan(figures: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if np.isnan(value) else value for name, value in figures.items()}


def checked(normal: np.ndarray, strange: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores normal (N,) and strange (M,) as float64, if they can be measured.

    Raises:
        ValueError: scores are not (N,), empty, or not finite.

    Example:
        >>> checked([0, 1], [2])[1].tolist()
        [2.0]
    """
    normal, strange = np.asarray(normal, np.float64), np.asarray(strange, np.float64)
    for name, values in (("normal", normal), ("strange", strange)):
        if values.ndim != 1 or not len(values):
            raise ValueError(f"{name} must be (N,) with N > 0, got {values.shape}")
        if not np.isfinite(values).all():
            raise ValueError(
                f"{name} must be finite, got {(~np.isfinite(values)).sum()} that are not"
            )
    return normal, strange


def auroc(normal: np.ndarray, strange: np.ndarray) -> float:
    """Area under the ROC curve: P(strange > normal) + P(strange = normal) / 2.

    Scores are normal (N,) and strange (M,), the larger the stranger.

    Raises:
        ValueError: scores are not (N,), empty, or not finite.

    Example:
        >>> auroc([0.0, 1.0, 2.0], [1.0, 3.0])
        0.75
    """
    normal, strange = checked(normal, strange)
    ordered = np.sort(normal)
    below = np.searchsorted(ordered, strange, "left")
    not_above = np.searchsorted(ordered, strange, "right")
    return float((below + not_above).mean() / (2 * len(normal)))


def average_precision(normal: np.ndarray, strange: np.ndarray) -> float:
    """Sum of precision times gain in recall over the thresholds, strange positive.

    Scores are normal (N,) and strange (M,), the larger the stranger.

    Raises:
        ValueError: scores are not (N,), empty, or not finite.

    Example:
        >>> round(average_precision([0.0, 2.0], [1.0, 3.0]), 4)
        0.8333
    """
    normal, strange = checked(normal, strange)
    thresholds = np.unique(strange)[::-1]  # recall grows at these only
    hits = len(strange) - np.searchsorted(np.sort(strange), thresholds, "left")
    alarms = len(normal) - np.searchsorted(np.sort(normal), thresholds, "left")
    gains = np.diff(hits, prepend=0) / len(strange)
    return float((gains * hits / (hits + alarms)).sum())


def fpr_at_tpr(normal: np.ndarray, strange: np.ndarray, tpr: float = 0.95) -> float:
    """Share of normals at or above the highest threshold that flags ``tpr`` of the strange.

    Scores are normal (N,) and strange (M,), the larger the stranger.

    Raises:
        ValueError: scores are not (N,), empty, or not finite.

    Example:
        >>> fpr_at_tpr([0.0, 1.0, 2.0, 3.0], [2.0, 5.0, 6.0, 7.0])
        0.5
    """
    normal, strange = checked(normal, strange)
    needed = int(np.ceil(tpr * len(strange) - 1e-9))
    threshold = np.sort(strange)[len(strange) - needed]
    return float((normal >= threshold).mean())


def bootstrap_auroc(
    normal: np.ndarray, strange: np.ndarray, *, draws: int = BOOTSTRAPS, seed: int = BOOTSTRAP_SEED
) -> tuple[float, float]:
    """95 % interval of the AUROC: normals and strange resampled apart, ``draws`` times.

    Scores are normal (N,) and strange (M,); the same seed resamples the same images.

    It is (NaN, NaN) where either set is a single image: drawn again it is always the same, so its
    interval would be too narrow, and of no width where the AUROC is 0 or 1.

    Raises:
        ValueError: scores are not (N,), empty, or not finite.

    Example:
        >>> low, high = bootstrap_auroc([0.0, 1.0, 2.0], [1.0, 3.0], draws=100, seed=0)
        >>> round(low, 4), round(high, 4)
        (0.1667, 1.0)
    """
    normal, strange = checked(normal, strange)
    if min(len(normal), len(strange)) == 1:
        return np.nan, np.nan
    values, place = np.unique(np.concatenate([normal, strange]), return_inverse=True)
    at_normal, at_strange = place[: len(normal)], place[len(normal) :]
    rng = np.random.default_rng(seed)
    areas = np.empty(draws)
    for i in range(draws):
        chosen = at_normal[rng.integers(0, len(normal), len(normal))]
        counts = np.bincount(chosen, minlength=len(values))
        not_above = counts.cumsum() - counts / 2  # normals below, ties half, at each value
        areas[i] = not_above[at_strange[rng.integers(0, len(strange), len(strange))]].mean()
    low, high = np.percentile(areas / len(normal), (2.5, 97.5))
    return float(low), float(high)


def measure(normal: np.ndarray, strange: np.ndarray) -> Metrics:
    """All figures of scores normal (N,) and strange (M,), with the interval of their AUROC.

    Raises:
        ValueError: scores are not (N,), empty, or not finite.

    Example:
        >>> figures = measure([0.0, 1.0, 2.0], [1.0, 3.0])
        >>> figures.auroc, round(figures.fpr95, 4), figures.n_normal, figures.n_strange
        (0.75, 0.6667, 3, 2)
    """
    low, high = bootstrap_auroc(normal, strange)
    return Metrics(
        auroc=auroc(normal, strange),
        low=low,
        high=high,
        aupr=average_precision(normal, strange),
        fpr95=fpr_at_tpr(normal, strange),
        n_normal=len(normal),
        n_strange=len(strange),
    )


@dataclass(frozen=True)
class Mean:
    """Means of several models' figures.

    Attributes:
        low, high: 95 % interval of the mean AUROC; each model's own interval is taken as
            independent of the others'. NaN where one of them has none.
        models: how many.
    """

    auroc: float
    low: float
    high: float
    aupr: float
    fpr95: float
    models: int

    @property
    def has_interval(self) -> bool:
        return not np.isnan(self.low)

    def as_dict(self) -> dict[str, float | None]:
        """The figures by name; low and high are None where there is no interval."""
        return _without_nan(asdict(self))


def mean_of(found: Sequence[Metrics]) -> Mean:
    """Means over models, such as one a class, of the figures found for each.

    Raises:
        ValueError: there is nothing to take the mean of.

    Example:
        >>> one = Metrics(0.5, 0.47, 0.53, 0.5, 0.9, 100, 100)
        >>> two = Metrics(0.7, 0.66, 0.74, 0.6, 0.7, 100, 100)
        >>> mean = mean_of([one, two])
        >>> round(mean.auroc, 4), round(mean.low, 4), round(mean.high, 4)
        (0.6, 0.575, 0.625)
    """
    if not found:
        raise ValueError("a mean needs at least one model")
    n = len(found)
    half = float(np.sqrt(sum(((m.high - m.low) / 2) ** 2 for m in found))) / n
    auroc, aupr, fpr95 = (
        float(np.mean([getattr(m, name) for m in found])) for name in ("auroc", "aupr", "fpr95")
    )
    low, high = np.clip((auroc - half, auroc + half), 0.0, 1.0).tolist()  # NaN stays NaN
    return Mean(auroc, low, high, aupr, fpr95, n)


def measure_parts(
    normal: Mapping[str, np.ndarray], strange: Mapping[str, np.ndarray]
) -> dict[str, Metrics]:
    """`measure` for every part of one strange set: scores normal (N,) and strange (M,) by part.

    Raises:
        ValueError: scores are not (N,), empty, or not finite.

    Example:
        >>> found = measure_parts({"a": [0.0, 1.0], "b": [0.0, 1.0]}, {"a": [2.0], "b": [0.5]})
        >>> {part: figures.auroc for part, figures in found.items()}
        {'a': 1.0, 'b': 0.5}
    """
    return {part: measure(normal[part], values) for part, values in strange.items()}


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rho: Pearson's correlation of the mid-ranks of `a` and `b`, both (N,).

    Raises:
        ValueError: a and b are not (N,) of one length, empty, not finite, or constant.

    Example:
        >>> rank_correlation(np.array([1.0, 2.0, 9.0]), np.array([0.0, 5.0, 6.0]))
        1.0
    """
    a, b = checked(a, b)
    if len(a) != len(b):
        raise ValueError(f"a and b must be of one length, got {len(a)} and {len(b)}")
    return round(float(np.corrcoef(_ranks(a), _ranks(b))[0, 1]), 12)


def _ranks(values: np.ndarray) -> np.ndarray:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    if len(counts) == 1:
        raise ValueError("the ranks of a constant say nothing")
    return (np.cumsum(counts) - (counts - 1) / 2)[place]
