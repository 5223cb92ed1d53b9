"""What labels bought, image by image the same: gains in AUROC, and what a score adds up.

Two scores are compared on the same resampled images.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from core.answers.labels import (
    IMAGE_GROUPS,
    KNOWN,
    NEVER,
    SpreadQuery,
    grouped,
    groups_of,
    spread,
)
from core.answers.loaded import Target, check_part, files_of, loaded, stored_scores
from core.answers.query import Answered, Query
from core.evaluate.bootstrap import Areas, interval, resamples
from core.evaluate.metrics import Metrics

__all__ = [
    "ANSWERS",
    "STRANGE",
    "SUMMANDS",
    "Bought",
    "BoughtQuery",
    "Gain",
    "ScoreSplit",
    "ScoreSplitQuery",
    "bought",
    "paired",
    "score_split",
]

SUMMANDS = ("reconstruction", "norm")  # what a score adds that rebuilds and encodes
STRANGE = (KNOWN, NEVER)
Reading = tuple[Target, str]  # a model and one of its parts
DRAWS = 1000  # resamples of the images, seed 0, as of every interval


# Two models ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gain:
    """AUROC of one score, of another on the same images, and their difference.

    Attributes:
        value: after - before; low, high: its 95 % interval, of images resampled for both at once.
    """

    before: float
    after: float
    value: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or -1 where the interval is on one side of 0, else 0."""
        return (self.low > 0) - (self.high < 0)


@dataclass(frozen=True)
class BoughtQuery(Query["Bought"]):
    """What the known anomalies of one model bought, against another model that had fewer or none.

    Attributes:
        part: of both; "" for the score.
    """

    wait: ClassVar[str] = "Comparing both models on the same images…"

    before: Target
    after: Target
    part: str = ""

    def files(self) -> Iterable[Path]:
        return files_of(self.before, self.after)


@dataclass(frozen=True)
class Bought:
    """What known anomalies bought.

    Attributes:
        gains: "known" and "never", as in `Spread`, to the gain in AUROC.
        classes: the set of each strange class to its figures before and after, the known one first.
    """

    part: str
    gains: Mapping[str, Gain]
    classes: Mapping[str, tuple[Metrics, Metrics]]


def bought(query: BoughtQuery) -> Bought:
    """The gain in AUROC by group, and the figures of every class.

    Raises:
        OutskirtsError: no such scenario, checkpoint or part, or no labelled class.
    """
    cards = [loaded(target)[1] for target in (query.before, query.after)]
    part = query.part or cards[1].score.part
    groups = groups_of(query.after.world)
    one, other = (card.metrics for card in cards)
    strange = (groups.known, *groups.never)
    return Bought(
        part=part,
        gains={g: _gain((query.before, part), (query.after, part), group=g) for g in STRANGE},
        classes={s: (one[s][part], other[s][part]) for s in strange},
    )


def _gain(before: Reading, after: Reading, *, group: str) -> Gain:
    """What one part of a model is worth on a group more than another of the same, or of another."""
    groups = groups_of(after[0].world)
    sets = (groups.normal, *groups.sets(group))
    one, other = (_by_set(target, part, sets) for target, part in (before, after))
    return paired(one, other, normal=groups.normal)


def _by_set(target: Target, part: str, sets: Iterable[str]) -> dict[str, np.ndarray]:
    check_part(target, loaded(target)[1], part)
    stored = stored_scores(target)
    return {name: stored[name][part] for name in sets}


def paired(
    before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray], *, normal: str
) -> Gain:
    """The difference in AUROC of two scores of the same images.

    Args:
        before: set name to (N,); after: likewise, set name to (N,).
        normal: the set of the normal images; all others are strange.
    """
    sizes = [len(values) for values in before.values()]
    place = np.repeat(np.arange(len(sizes)), sizes)
    own = place == list(before).index(normal)
    areas = [Areas(np.concatenate(list(scores.values())), own) for scores in (before, after)]
    one, other = (area(np.ones(len(place))) for area in areas)
    if min(sizes) == 1:  # drawn again it is always the same
        return Gain(one, other, other - one, math.nan, math.nan)
    drawn = [areas[1](w) - areas[0](w) for w in resamples(place, draws=DRAWS, seed=0)]
    return Gain(one, other, other - one, *interval(np.array(drawn)))


# What the score adds ------------------------------------------------------------------------------


@dataclass(frozen=True)
class ScoreSplitQuery(Query["ScoreSplit | None"]):
    """How good the sum of reconstruction error and length of the code is, beside its two parts."""

    wait: ClassVar[str] = "Splitting the score…"

    target: Target

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


@dataclass(frozen=True)
class ScoreSplit:
    """A score and the two parts that it adds.

    Attributes:
        titles: of the score and of its summands.
        parts: each of these to "known", "never" and "rest" to its figures, as in `Spread`.
        better: "known" and "never" to the summand with the larger AUROC on these images.
        gains: "known" and "never" to the sum against that one.
        weights: group, the normal one too, to the mean share of each summand in the score.
    """

    score: str
    titles: Mapping[str, str]
    parts: Mapping[str, Mapping[str, Metrics]]
    better: Mapping[str, str]
    gains: Mapping[str, Gain]
    weights: Mapping[str, Mapping[str, float]]


def score_split(query: ScoreSplitQuery) -> ScoreSplit | None:
    """The score beside its summands; None for a model that has no such parts.

    Raises:
        OutskirtsError: no such scenario or checkpoint, or no labelled class.
    """
    detector, card = loaded(query.target)
    score = card.score.part
    if not set(SUMMANDS) < set(card.calibration.quantiles):
        return None
    figures = {part: spread(SpreadQuery(query.target, part)).areas for part in (score, *SUMMANDS)}
    better = {g: _better(figures, g) for g in STRANGE}
    return ScoreSplit(
        score=score,
        titles={part: detector.described[part].title for part in figures},
        parts=figures,
        better=better,
        gains={
            g: _gain((query.target, part), (query.target, score), group=g)
            for g, part in better.items()
        },
        weights=_weights(query.target, score),
    )


def _better(figures: Mapping[str, Mapping[str, Metrics]], group: str) -> str:
    return max(SUMMANDS, key=lambda part: figures[part][group].auroc)


def _weights(target: Target, score: str) -> dict[str, dict[str, float]]:
    """The mean share of each summand in the score, by group."""
    whole = grouped(target, score)
    pieces = {part: grouped(target, part) for part in SUMMANDS}
    return {
        g: {p: float((v[g] / whole[g]).mean()) for p, v in pieces.items()} for g in IMAGE_GROUPS
    }


ANSWERS: tuple[Answered[Any], ...] = (
    Answered(BoughtQuery, bought),
    Answered(ScoreSplitQuery, score_split),
)
