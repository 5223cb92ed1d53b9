"""What several models gain by judging together: by their mean percentile, or by their votes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from core.answers.columns import (
    DEFAULT,
    ROLES,
    ScoreColumn,
    Stakes,
    files_of_columns,
    made_of_columns,
    raw_thresholds,
    standing_of,
)
from core.answers.query import Answered, Query
from core.evaluate.metrics import Metrics, measure
from core.evaluate.shares import Share, share
from core.evaluate.threshold import Threshold
from core.scenario import ScenarioError

__all__ = [
    "ANSWERS",
    "COMMITTEE_RULES",
    "Committee",
    "CommitteeQuery",
    "Judgement",
    "committee",
    "lowest_with",
]

COMMITTEE_RULES: Mapping[str, str] = {
    "mean": "The mean of their percentiles",
    "any": "Any of them flags it",
    "majority": "More than half of them flag it",
}


# No mean is above 100: as the percentile nears it, what the mean flags nears what all of them flag.
MEAN_AT_100 = "Their mean percentile; at 100, all of them flag it"


@dataclass(frozen=True)
class CommitteeQuery(Stakes, Query["Committee"]):
    """What several models would find together, beside each of them alone, at one threshold."""

    wait: ClassVar[str] = "Letting the models vote…"

    scenario: str
    strange: str
    models: tuple[str, ...]
    threshold: Threshold = DEFAULT

    def files(self) -> Iterable[Path]:
        return files_of_columns(self.scenario, (*self.models, *self.threshold.models))


@dataclass(frozen=True)
class Judgement:
    """What a model, or a committee by one rule, flags.

    Attributes:
        name: a model's, or one of `COMMITTEE_RULES`.
        metrics: of all thresholds; None of a rule that has but one.
        best_single: of a rule, the single model that finds most with no more false alarms than the
            rule has on these images, its threshold moved for it; it was chosen on the same images,
            which flatters it a little. None of a model.
    """

    name: str
    title: str
    recall: Share
    false_alarm_rate: Share
    metrics: Metrics | None = None
    best_single: Judgement | None = None


@dataclass(frozen=True)
class Committee:
    """Models alone and together, on the images that all of them have scored.

    Attributes:
        at: the mean percentile above which "mean" flags; at 100, where no mean is above it, "mean"
            flags what every model flags.
        tied: role to how many images stand at percentile 100 with every model: beyond all held-out
            images their mean tells them apart no more.
    """

    normal_set: str
    strange_set: str
    at: float
    singles: tuple[Judgement, ...]
    rules: tuple[Judgement, ...]
    tied: Mapping[str, int]


def committee(query: CommitteeQuery, data: bytes | None = None) -> Committee:
    """What models find together, by each rule, beside each alone and the best at its false alarms.

    Args:
        query: which models, at which threshold.
        data: the visitor's file of scores, where it is one of them.

    Raises:
        OutskirtsError: see `core.answers.columns.column_of`; or there are no models.
    """
    members = made_of_columns(
        "committee", query.scenario, query.strange, names=query.models, data=data, make=_members
    )
    standing = standing_of(query.threshold, query.scenario, strange=query.strange, data=data)
    raw = raw_thresholds(query.threshold, members.columns, standing=standing, stakes=query)
    at = standing
    if at is None:
        own = raw_thresholds(query.threshold, {"": members.mean}, standing=None, stakes=query)
        at = own[""]
    votes = {
        role: np.stack([c.raw(role) > raw[name] for name, c in members.columns.items()])
        for role in ROLES
    }
    singles = tuple(
        _judged(c.name, c.title, {role: votes[role][i] for role in ROLES}, metrics=c.metrics)
        for i, c in enumerate(members.columns.values())
    )
    return Committee(
        members.mean.normal_set,
        members.mean.strange_set,
        at=at,
        singles=singles,
        rules=_ruled(members, votes, at=None if standing == 100 else at),
        tied={role: int((members.mean.raw(role) == 100).sum()) for role in ROLES},
    )


def _ruled(
    members: _Members, votes: Mapping[str, np.ndarray], *, at: float | None
) -> tuple[Judgement, ...]:
    """What each rule flags, by the votes (models, N) of each role.

    Args:
        at: the mean percentile above which "mean" flags; None: it flags what all of them flag.
    """
    n, counts = len(members.columns), {role: votes[role].sum(0) for role in ROLES}
    verdicts: dict[str, dict[str, np.ndarray]] = {
        "mean": {r: counts[r] == n if at is None else members.mean.raw(r) > at for r in ROLES},
        "any": {role: counts[role] > 0 for role in ROLES},
        "majority": {role: 2 * counts[role] > n for role in ROLES},
    }
    return tuple(
        _judged(
            name,
            MEAN_AT_100 if name == "mean" and at is None else COMMITTEE_RULES[name],
            flags,
            metrics=members.mean.metrics if name == "mean" else None,
            best_single=_best_single(members, flags["normal"]),
        )
        for name, flags in verdicts.items()
    )


def _judged(
    name: str,
    title: str,
    flags: Mapping[str, np.ndarray],
    *,
    metrics: Metrics | None = None,
    best_single: Judgement | None = None,
) -> Judgement:
    return Judgement(
        name, title, share(flags["strange"]), share(flags["normal"]), metrics, best_single
    )


def _best_single(members: _Members, alarms: np.ndarray) -> Judgement:
    """The single model that finds most with no more false alarms; of equal ones the first."""
    allowed = int(alarms.sum())
    singles = []
    for c in members.columns.values():
        raw = lowest_with(c.normal, allowed)
        singles.append(_judged(c.name, c.title, {role: c.raw(role) > raw for role in ROLES}))
    return max(singles, key=lambda one: one.recall.count)


def lowest_with(normal: np.ndarray, allowed: int) -> float:
    """The lowest threshold that flags no more than so many allowed of normal scores (N,).

    Of scores that are alike all are flagged or none, so that it may flag fewer.

    Example:
        >>> normal = np.array([3.0, 1.0, 2.0, 2.0])
        >>> [lowest_with(normal, allowed) for allowed in (0, 1, 2, 3, 4)]
        [3.0, 2.0, 2.0, 1.0, -inf]
    """
    if allowed >= len(normal):
        return -np.inf
    return float(np.partition(normal, len(normal) - allowed - 1)[len(normal) - allowed - 1])


# The models ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Members:
    """Columns of the images that all have scored, by name, and that of their mean percentile."""

    columns: Mapping[str, ScoreColumn]
    mean: ScoreColumn


def _members(columns: Mapping[str, ScoreColumn]) -> _Members:
    """What no threshold changes: columns of the same images, and their mean."""
    rows = {
        role: np.isfinite(np.stack([c.raw(role) for c in columns.values()])).all(0)
        for role in ROLES
    }
    for role, both in rows.items():
        if not both.any():
            raise ScenarioError(f"no {role} image is scored by all of {', '.join(columns)}")
    same = {name: _on(c, rows) for name, c in columns.items()}
    return _Members(same, _mean(list(same.values())))


def _on(column: ScoreColumn, rows: Mapping[str, np.ndarray]) -> ScoreColumn:
    """A column of these images of each role alone, measured on them."""
    if all(mask.all() for mask in rows.values()):
        return column
    normal, strange = (column.raw(role)[rows[role]] for role in ROLES)
    return replace(
        column,
        normal=normal,
        strange=strange,
        normal_percentiles=column.normal_percentiles[rows["normal"]],
        strange_percentiles=column.strange_percentiles[rows["strange"]],
        metrics=measure(normal, strange),
    )


def _mean(columns: Sequence[ScoreColumn]) -> ScoreColumn:
    """The mean percentile of columns of the same images, as a column whose score it is."""
    means = {r: np.mean([c.percentiles(r) for c in columns], axis=0) for r in ROLES}
    return replace(
        columns[0],
        name="mean",
        title=COMMITTEE_RULES["mean"],
        part="",
        unit="percentile",
        scale=1.0,
        shift=0.0,
        **means,
        normal_percentiles=means["normal"],
        strange_percentiles=means["strange"],
        quantiles=np.linspace(0.0, 100.0, 1001),
        metrics=measure(means["normal"], means["strange"]),
    )


ANSWERS: tuple[Answered[Any], ...] = (Answered(CommitteeQuery, committee),)
