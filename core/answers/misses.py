"""Which strange images one part misses and another finds, and what that costs in false alarms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from core.answers.images import Gallery, gallery_of, page_of
from core.answers.loaded import Target, files_of, loaded, stored_scores
from core.answers.query import Answered, Query
from core.answers.sums import SumsQuery, summed, sums, threshold
from core.evaluate.shares import Share, share
from core.scenario import ScenarioError

__all__ = [
    "ANSWERS",
    "GROUPS",
    "Misses",
    "MissesQuery",
    "MissesShownQuery",
    "group_of",
    "misses",
    "misses_shown",
]

# Of a group: whether its images are strange, whether the first part flags them, and the sum.
GROUPS: Mapping[str, tuple[bool, bool, bool]] = {
    "gained": (True, False, True),
    "lost": (True, True, False),
    "missed": (True, False, False),
    "alarms-gained": (False, False, True),
    "alarms-lost": (False, True, False),
    "alarms": (False, True, True),
}
ORDERS = ("clearest", "random")


@dataclass(frozen=True)
class MissesQuery(Query["Misses"]):
    """What a sum finds of a strange set that the first part it adds misses, and the reverse."""

    wait: ClassVar[str] = "Counting what is missed…"

    target: Target
    strange: str
    part: str

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


@dataclass(frozen=True)
class Misses:
    """Counts and shares, each part at its own threshold of 5 % of held-out normal images.

    Attributes:
        normal: the set whose images are false alarms where they are flagged.
        first: the part that all sums add.
        counts: how many images are in each of `GROUPS`.
        missed: the first part and each sum to the share of the strange set that it misses.
        alarms: likewise, the share of the normal set that it flags.
    """

    normal: str
    first: str
    counts: Mapping[str, int]
    missed: Mapping[str, Share]
    alarms: Mapping[str, Share]


def misses(query: MissesQuery) -> Misses:
    """What a sum finds that its first part misses, and the shares of all sums beside it.

    Raises:
        OutskirtsError: no such scenario, checkpoint, strange set or sum.
    """
    one, (_, card) = summed(query.target, query.part), loaded(query.target)
    normal = query.target.world.normal_of(query.strange).name
    stored = stored_scores(query.target)
    parts = (one.x, *(other.part for other in sums(SumsQuery(query.target)).sums))
    flagged = {
        s: {part: stored[s][part] > threshold(card, part) for part in parts}
        for s in (query.strange, normal)
    }
    return Misses(
        normal=normal,
        first=one.x,
        counts={group: int(_members(query, group).sum()) for group in GROUPS},
        missed={part: share(~flagged[query.strange][part]) for part in parts},
        alarms={part: share(flagged[normal][part]) for part in parts},
    )


def _members(query: MissesQuery, group: str) -> np.ndarray:
    """Which images of the group's set are in it, (N,)."""
    gap, other = _margins(query, group)
    return group_of(gap, other, group=group)


def _margins(query: MissesQuery, group: str) -> tuple[np.ndarray, np.ndarray]:
    """By how much the first part, and the sum, are above their thresholds: (N,) of its set.

    Both in standard deviations.
    """
    one, (detector, card) = summed(query.target, query.part), loaded(query.target)
    stored = stored_scores(query.target)[_set_of(query, group)]
    _, scale = detector.summands(query.part)[one.x]
    first = (stored[one.x] - threshold(card, one.x)) / scale
    return first, stored[query.part] - threshold(card, query.part)


def _set_of(query: MissesQuery, group: str) -> str:
    if group not in GROUPS:
        raise ScenarioError(f"no group {group!r}; there are: {', '.join(GROUPS)}")
    return query.strange if GROUPS[group][0] else query.target.world.normal_of(query.strange).name


def group_of(first: np.ndarray, other: np.ndarray, *, group: str) -> np.ndarray:
    """Which of N images are in a group of `GROUPS`, (N,) bool.

    Both parts are given by their margins, first (N,) and other (N,): above 0 they flag an image.

    Example:
        >>> first, other = np.array([-1.0, -1.0, 2.0, 2.0]), np.array([3.0, -3.0, 3.0, 0.0])
        >>> [np.flatnonzero(group_of(first, other, group=g)).tolist() for g in GROUPS][:3]
        [[0], [3], [1]]
    """
    _, by_first, by_other = GROUPS[group]
    return ((first > 0) == by_first) & ((other > 0) == by_other)


# Their pictures -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class MissesShownQuery(Query["Gallery"]):
    """One page of a group's images.

    Attributes:
        group: of `GROUPS`.
        order: "clearest": those first on which both parts differ most, or, where they agree, those
            farthest from the sum's threshold; or "random", by the seed.
    """

    wait: ClassVar[str] = "Sorting images…"

    misses: MissesQuery
    group: str
    order: str = "clearest"
    count: int = 12
    page: int = 1
    seed: int = 0

    def files(self) -> Iterable[Path]:
        return self.misses.files()


def misses_shown(query: MissesShownQuery) -> Gallery:
    """One page of a group's images; of an empty group none.

    Raises:
        OutskirtsError: no such scenario, checkpoint, strange set, sum, group or order; or a count
            that is not positive.
    """
    if query.order not in ORDERS:
        raise ScenarioError(f"no order {query.order!r}; there are: {', '.join(ORDERS)}")
    set_name = _set_of(query.misses, query.group)
    first, other = _margins(query.misses, query.group)
    rows = np.flatnonzero(group_of(first, other, group=query.group))
    if query.order == "random":
        rows = np.random.default_rng(query.seed).permutation(rows)
    else:
        rows = rows[np.argsort(-_clear(first, other, group=query.group)[rows], kind="stable")]
    rows, pages = page_of(rows, count=query.count, page=query.page)
    target, part = query.misses.target, query.misses.part
    sets = np.full(len(rows), set_name)
    return gallery_of(target, part, sets=sets, indices=rows, pages=pages)


def _clear(first: np.ndarray, other: np.ndarray, *, group: str) -> np.ndarray:
    """How clearly images are in a group, by the margins (N,) of both parts: (N,)."""
    _, by_first, by_other = GROUPS[group]
    gap = other if by_first == by_other else other - first
    return gap if by_other else -gap


ANSWERS: tuple[Answered[Any], ...] = (
    Answered(MissesQuery, misses),
    Answered(MissesShownQuery, misses_shown),
)
