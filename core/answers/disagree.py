"""Where two models disagree: what one flags and the other passes, and which of them is better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from core.answers.columns import (
    DEFAULT,
    ROLES,
    ScoreColumn,
    Stakes,
    columns_of,
    files_of_columns,
    gallery_of_rows,
    made_of_columns,
    raw_thresholds,
    standing_of,
)
from core.answers.images import Gallery
from core.answers.query import Answered, Query
from core.evaluate.bootstrap import difference
from core.evaluate.calibration import percentile
from core.evaluate.metrics import auroc, rank_correlation
from core.evaluate.operating import Estimate
from core.evaluate.threshold import Threshold
from core.scenario import ScenarioError

__all__ = [
    "ANSWERS",
    "MOST_POINTS",
    "QUADRANTS",
    "Disagree",
    "DisagreePoints",
    "DisagreeQuery",
    "DisagreeShown",
    "DisagreeShownQuery",
    "disagree",
    "disagree_shown",
    "quadrant",
]

# Of a quadrant: whether the first model flags its images, and whether the second does.
QUADRANTS: Mapping[str, tuple[bool, bool]] = {
    "both": (True, True),
    "only-a": (True, False),
    "only-b": (False, True),
    "neither": (False, False),
}
MOST_POINTS = 2000  # of a role: more hide each other
SEED = 0


@dataclass(frozen=True)
class DisagreeQuery(Stakes, Query["Disagree"]):
    """Two models, or one and the visitor's scores, at one threshold on the same images."""

    wait: ClassVar[str] = "Comparing two models image by image…"

    scenario: str
    strange: str
    a: str
    b: str
    threshold: Threshold = DEFAULT

    def files(self) -> Iterable[Path]:
        return files_of_columns(self.scenario, (self.a, self.b, *self.threshold.models))


@dataclass(frozen=True)
class DisagreePoints:
    """Some images of one role under both models, drawn by a seed where there are too many.

    Attributes:
        indices: (n,), rising: which images of the set.
        a, b: (n,), percentiles.
        a_flags, b_flags: (n,) bool.
        total: how many images there are, of which these are n.
    """

    indices: np.ndarray
    a: np.ndarray
    b: np.ndarray
    a_flags: np.ndarray
    b_flags: np.ndarray
    total: int

    @property
    def sampled(self) -> bool:
        """Whether there are more images than points."""
        return len(self.indices) < self.total


@dataclass(frozen=True)
class Disagree:
    """Two models on the images that both have scored.

    Attributes:
        titles: of both, in order.
        at: the percentile above which each flags, in order.
        points: role to some of its images.
        counts: role to quadrant to how many images are in it, of all.
        correlations: Spearman's of both scores over "normal", "strange" and "all" images; NaN where
            one of them is the same for every image.
        auroc: of each, on these images.
        difference: the AUROC of the first less that of the second, images resampled once for both.
    """

    titles: tuple[str, str]
    normal_set: str
    strange_set: str
    at: tuple[float, float]
    points: Mapping[str, DisagreePoints]
    counts: Mapping[str, Mapping[str, int]]
    correlations: Mapping[str, float]
    auroc: tuple[float, float]
    difference: Estimate


def disagree(query: DisagreeQuery, data: bytes | None = None) -> Disagree:
    """Counts of the quadrants, points to draw, and how the scores of two models go together.

    Args:
        query: which two, at which threshold.
        data: the visitor's file of scores, where it is one of them.

    Raises:
        OutskirtsError: see `core.answers.columns.column_of`; or no image has both scores.
    """
    both = _both(query, data)
    # No threshold changes it, and its interval takes most of a second.
    together = made_of_columns(
        "pair",
        query.scenario,
        query.strange,
        names=(query.a, query.b),
        data=data,
        make=lambda columns: _together(columns[query.a], columns[query.b]),
    )
    flags = {role: (both.flags(role, 0), both.flags(role, 1)) for role in ROLES}
    a, b = both.columns
    return Disagree(
        titles=(a.title, b.title),
        normal_set=a.normal_set,
        strange_set=a.strange_set,
        at=(
            float(percentile(np.array([both.raw[0]]), a.quantiles)[0]),
            float(percentile(np.array([both.raw[1]]), b.quantiles)[0]),
        ),
        points={role: _points(both, role, together.sample[role]) for role in ROLES},
        counts={
            role: {name: int(quadrant(*flags[role], name=name).sum()) for name in QUADRANTS}
            for role in ROLES
        },
        correlations=together.correlations,
        auroc=together.auroc,
        difference=together.difference,
    )


def quadrant(a: np.ndarray, b: np.ndarray, *, name: str) -> np.ndarray:
    """Which of N images are in a quadrant, (N,) bool.

    Args:
        a, b: (N,) bool, which of them each model flags.
        name: of `QUADRANTS`.

    Raises:
        ScenarioError: there is no such quadrant.

    Example:
        >>> a, b = np.array([True, True, False]), np.array([True, False, False])
        >>> [np.flatnonzero(quadrant(a, b, name=name)).tolist() for name in QUADRANTS]
        [[0], [1], [], [2]]
    """
    if name not in QUADRANTS:
        raise ScenarioError(f"no quadrant {name!r}; there are: {', '.join(QUADRANTS)}")
    by_a, by_b = QUADRANTS[name]
    return (a == by_a) & (b == by_b)


# Both columns -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Both:
    """Two columns, the raw threshold of each, and which images have both scores, by role."""

    columns: tuple[ScoreColumn, ScoreColumn]
    raw: tuple[float, float]
    rows: Mapping[str, np.ndarray]

    def scores(self, role: str, i: int) -> np.ndarray:
        return self.columns[i].raw(role)[self.rows[role]]

    def percentiles(self, role: str, i: int) -> np.ndarray:
        return self.columns[i].percentiles(role)[self.rows[role]]

    def flags(self, role: str, i: int) -> np.ndarray:
        return self.scores(role, i) > self.raw[i]


def _both(query: DisagreeQuery, data: bytes | None) -> _Both:
    names = (query.a, query.b)
    columns = columns_of(query.scenario, query.strange, names=names, data=data)
    standing = standing_of(query.threshold, query.scenario, strange=query.strange, data=data)
    raw = raw_thresholds(query.threshold, columns, standing=standing, stakes=query)
    a, b = columns[query.a], columns[query.b]
    return _Both((a, b), (raw[query.a], raw[query.b]), _rows_of_both(a, b))


def _rows_of_both(a: ScoreColumn, b: ScoreColumn) -> dict[str, np.ndarray]:
    """By role, which images have both scores."""
    rows = {
        role: np.flatnonzero(np.isfinite(a.raw(role)) & np.isfinite(b.raw(role))) for role in ROLES
    }
    for role in ROLES:
        if not len(rows[role]):
            raise ScenarioError(f"no {role} image is scored by both {a.name} and {b.name}")
    return rows


@dataclass(frozen=True)
class _Together:
    """What no threshold changes.

    Attributes:
        sample: role to places among the rows that both have.
    """

    sample: Mapping[str, np.ndarray]
    correlations: Mapping[str, float]
    auroc: tuple[float, float]
    difference: Estimate


def _together(a: ScoreColumn, b: ScoreColumn) -> _Together:
    rows = _rows_of_both(a, b)
    scores = [{role: one.raw(role)[rows[role]] for role in ROLES} for one in (a, b)]
    whole = [np.concatenate([one[role] for role in ROLES]) for one in scores]
    normal = np.arange(len(whole[0])) < len(rows["normal"])
    aurocs = tuple(auroc(one["normal"], one["strange"]) for one in scores)
    correlations = {role: _correlation(*(one[role] for one in scores)) for role in ROLES}
    return _Together(
        sample={role: _sample(len(rows[role])) for role in ROLES},
        correlations=correlations | {"all": _correlation(*whole)},
        auroc=(aurocs[0], aurocs[1]),
        difference=Estimate(*difference(*whole, normal=normal, seed=SEED)),
    )


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """NaN where there is none: of a single image, or of scores that are all alike."""
    if (a == a[0]).all() or (b == b[0]).all():
        return float("nan")
    return rank_correlation(a, b)


def _sample(n: int) -> np.ndarray:
    if n <= MOST_POINTS:
        return np.arange(n)
    return np.sort(np.random.default_rng(SEED).choice(n, MOST_POINTS, replace=False))


def _points(both: _Both, role: str, sample: np.ndarray) -> DisagreePoints:
    a, b = (both.percentiles(role, i)[sample] for i in (0, 1))
    a_flags, b_flags = (both.flags(role, i)[sample] for i in (0, 1))
    rows = both.rows[role]
    return DisagreePoints(rows[sample], a, b, a_flags, b_flags, total=len(rows))


# The images of a quadrant -------------------------------------------------------------------------


@dataclass(frozen=True)
class DisagreeShownQuery(Stakes, Query["DisagreeShown"]):
    """One page of the images of a quadrant, the clearest first.

    Attributes:
        role: "normal" or "strange"; quadrant: of `QUADRANTS`.
    """

    wait: ClassVar[str] = "Sorting images…"

    scenario: str
    strange: str
    a: str
    b: str
    threshold: Threshold
    role: str
    quadrant: str
    count: int = 12
    page: int = 1

    @property
    def pair(self) -> DisagreeQuery:
        """The question whose images these are."""
        return DisagreeQuery(
            self.scenario, self.strange, self.a, self.b, self.threshold, **self.terms
        )

    def files(self) -> Iterable[Path]:
        return self.pair.files()


@dataclass(frozen=True)
class DisagreeShown:
    """Images of a quadrant.

    Attributes:
        pictures: with scores and percentiles of the first model.
        b: (n,), percentiles of the second; b_displayed: (n,), its scores in the unit of pages.
    """

    pictures: Gallery
    b: np.ndarray
    b_displayed: np.ndarray
    total: int

    @property
    def a(self) -> np.ndarray:
        """Percentiles (n,) of the first model."""
        return self.pictures.percentiles


def disagree_shown(query: DisagreeShownQuery, data: bytes | None = None) -> DisagreeShown:
    """One page of a quadrant's images; of an empty one none.

    Where one model flags, the widest gap of percentiles comes first; where both do, the image that
    even the milder finds strangest; where neither does, the one that even the stricter finds most
    normal. Of equal ones it is the first.

    Args:
        query: which quadrant, of which role.
        data: the visitor's file of scores, where it is one of them.

    Raises:
        OutskirtsError: see `core.answers.columns.column_of`; or no such role or quadrant.
    """
    if query.role not in ROLES:
        raise ScenarioError(f"no role {query.role!r}; there are: {', '.join(ROLES)}")
    both, role = _both(query.pair, data), query.role
    flags = (both.flags(role, 0), both.flags(role, 1))
    chosen = np.flatnonzero(quadrant(*flags, name=query.quadrant))
    a, b = (both.percentiles(role, i)[chosen] for i in (0, 1))
    clear = {"both": np.minimum(a, b), "neither": -np.maximum(a, b)}
    order = np.argsort(-clear.get(query.quadrant, np.abs(a - b)), kind="stable")
    rows = both.rows[role][chosen[order]]
    pictures = gallery_of_rows(
        query.scenario, both.columns[0], role=role, rows=rows, count=query.count, page=query.page
    )
    other = both.columns[1]
    return DisagreeShown(
        pictures,
        b=other.percentiles(role)[pictures.indices],
        b_displayed=other.displayed(other.raw(role)[pictures.indices]),
        total=len(rows),
    )


ANSWERS: tuple[Answered[Any], ...] = (
    Answered(DisagreeQuery, disagree),
    Answered(DisagreeShownQuery, disagree_shown),
)
