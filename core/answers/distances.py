"""R, the distance of images to their mirrors, over whole sets: which side of usual they lie on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from core.answers.loaded import Target, files_of, stored_scores
from core.answers.mirror import DISTANCE, TWO_SIDED, mirroring
from core.answers.query import Answered, Query
from core.answers.sums import threshold
from core.evaluate.bootstrap import Areas, interval, resamples
from core.evaluate.metrics import Metrics
from core.evaluate.shares import Share, share

__all__ = [
    "ANSWERS",
    "Distances",
    "DistancesQuery",
    "distances",
    "expected_shares",
    "shares_between",
]

BINS = 60
DRAWS = 1000  # resamples of the images, seed 0, as of every interval


@dataclass(frozen=True)
class DistancesQuery(Query["Distances"]):
    """R on training images, on normal and on strange ones."""

    wait: ClassVar[str] = "Comparing distances…"

    target: Target
    strange: str

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


@dataclass(frozen=True)
class Distances:
    """R of three sets of images, and what a score of two sides makes of it.

    Attributes:
        normal: the set that the strange one stands against.
        edges: (B + 1,); images beyond are counted in the outermost bins.
        shares: "training", "normal" and "strange" to (B,), the share of images in each bin.
        gaussian: (B,), the share that N(mean, std) puts there.
        mean, std: of R over training images.
        limit: the two-sided score above which 5 % of held-out normal images lie, in std.
        lower, upper: "normal" and "strange" to the share of images with R below mean - limit std,
            and above mean + limit std.
        better: the share of strange images with a smaller R than half of the normal ones have.
        two_sided, one_sided: how well |R - mean| / std, and R, tell the two sets apart.
        gain, gain_low, gain_high: AUROC of the two-sided score less that of R, with the 95 %
            interval of resampled images; NaN where a set is one image.
        unit: of R.
    """

    normal: str
    edges: np.ndarray
    shares: Mapping[str, np.ndarray]
    gaussian: np.ndarray
    mean: float
    std: float
    limit: float
    lower: Mapping[str, Share]
    upper: Mapping[str, Share]
    better: Share
    two_sided: Metrics
    one_sided: Metrics
    gain: float
    gain_low: float
    gain_high: float
    unit: str

    @property
    def bounds(self) -> tuple[float, float]:
        """Between which values of R the two-sided score flags nothing."""
        return self.mean - self.limit * self.std, self.mean + self.limit * self.std


def distances(query: DistancesQuery) -> Distances:
    """R of training, normal and strange images, and both readings of it.

    Raises:
        OutskirtsError: no such scenario, strange set or checkpoint, or it mirrors nothing.
    """
    normal = query.target.world.normal_of(query.strange).name
    detector, card = mirroring(query.target)
    stored = stored_scores(query.target)
    r = {"normal": stored[normal][DISTANCE], "strange": stored[query.strange][DISTANCE]}
    mean, std = float(detector.mean), float(detector.std)
    trained = detector.distance_quantiles.double().numpy()
    limit = threshold(card, TWO_SIDED)
    low, high = mean - limit * std, mean + limit * std
    edges = _edges(trained, r["normal"], r["strange"])
    found = card.metrics[query.strange]
    gain_low, gain_high = _gain_interval(stored[normal], stored[query.strange])
    return Distances(
        normal=normal,
        edges=edges,
        shares={"training": shares_between(trained, edges)}
        | {side: _shares(values, edges) for side, values in r.items()},
        gaussian=expected_shares(edges, mean, std),
        mean=mean,
        std=std,
        limit=limit,
        lower={side: share(values < low) for side, values in r.items()},
        upper={side: share(values > high) for side, values in r.items()},
        better=share(r["strange"] < np.median(r["normal"])),
        two_sided=found[TWO_SIDED],
        one_sided=found[DISTANCE],
        gain=found[TWO_SIDED].auroc - found[DISTANCE].auroc,
        gain_low=gain_low,
        gain_high=gain_high,
        unit=detector.described[DISTANCE].displayed_unit,
    )


def shares_between(quantiles: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The share of images between edges (B + 1,), (B,), of which quantiles (Q,) are known.

    Those are of equal steps from 0 to 1, and between two of them images are spread evenly. What
    lies beyond the edges is counted in the outermost bins.

    Example:
        >>> shares_between(np.array([0.0, 1.0, 4.0]), np.array([0.5, 1.0, 2.5, 3.0])).tolist()
        [0.5, 0.25, 0.25]
    """
    below = np.interp(edges, quantiles, np.linspace(0, 1, len(quantiles)))
    below[0], below[-1] = 0.0, 1.0
    return np.diff(below)


def expected_shares(edges: np.ndarray, mean: float, std: float) -> np.ndarray:
    """The share that a Gaussian of mean and std puts between edges (B + 1,): (B,).

    Example:
        >>> expected_shares(np.array([-1.0, 0.0, 1.0]), 0.0, 1.0).round(4).tolist()
        [0.3413, 0.3413]
    """
    scale = max(std, 1e-12) * math.sqrt(2)
    below = [math.erf((edge - mean) / scale) / 2 for edge in edges.tolist()]
    return np.diff(np.array(below))


def _shares(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    return np.histogram(values.clip(edges[0], edges[-1]), edges)[0] / len(values)


def _edges(trained: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """Bin edges over the middle 99 % of all sets, but no further than four times the training's.

    Args:
        trained: (101,), quantiles of training images.
    """
    first, last = float(trained[0]), float(trained[-2])
    reach = 4 * max(last - first, 1e-3)
    ends = [np.quantile(values, (0.005, 0.995)) for values in others]
    low = max(min(first, *(end[0] for end in ends)), first - reach)
    high = min(max(last, *(end[1] for end in ends)), last + reach)
    return np.linspace(low, high if high > low else low + 1, BINS + 1)


def _gain_interval(
    normal: Mapping[str, np.ndarray], strange: Mapping[str, np.ndarray]
) -> tuple[float, float]:
    """The interval of the two-sided score's AUROC less that of R, of images resampled for both.

    Args:
        normal, strange: part to (N,) and to (M,).
    """
    sizes = len(normal[DISTANCE]), len(strange[DISTANCE])
    if min(sizes) == 1:
        return math.nan, math.nan
    side = np.repeat([True, False], sizes)
    two, one = (
        Areas(np.concatenate([normal[part], strange[part]]), side) for part in (TWO_SIDED, DISTANCE)
    )
    drawn = resamples(side, draws=DRAWS, seed=0)
    return interval(np.array([two(weights) - one(weights) for weights in drawn]))


ANSWERS: tuple[Answered[Any], ...] = (Answered(DistancesQuery, distances),)
