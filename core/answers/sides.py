"""Images that lie on another side of the threshold for one model than for another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from core.answers.images import Gallery, gallery_of, unit_of
from core.answers.labels import NEVER, NORMAL, groups_of
from core.answers.loaded import Target, files_of, loaded, stored_scores
from core.answers.query import Answered, Query
from core.evaluate.calibration import percentile
from core.scenario import ScenarioError

__all__ = [
    "ANSWERS",
    "CHANGES",
    "WHICH",
    "Changed",
    "ChangedQuery",
    "FirstChangedQuery",
    "Moved",
    "changed",
    "changed_table",
    "first_changed",
]

# A change of side: the group that it happens in, and whether the image is flagged afterwards.
CHANGES: Mapping[str, tuple[str, bool]] = {
    "found": (NEVER, True),
    "missed": (NEVER, False),
    "alarm": (NORMAL, True),
    "cleared": (NORMAL, False),
}
WHICH = ("furthest", "random")


@dataclass(frozen=True)
class ChangedQuery(Query["Changed"]):
    """The images whose verdict differs between two models of one scenario.

    Attributes:
        each: at most so many pictures of every change.
        which: one of `WHICH`: those whose percentile moved furthest, of equal ones the first; or
            as the seed draws them.
    """

    wait: ClassVar[str] = "Comparing verdicts…"

    before: Target
    after: Target
    each: int = 8
    which: str = "furthest"
    seed: int = 0

    def files(self) -> Iterable[Path]:
        return files_of(self.before, self.after)


@dataclass(frozen=True)
class Moved:
    """Pictures of one change, with score and percentile as they are afterwards.

    Attributes:
        before: (n,), percentiles of the score before.
    """

    pictures: Gallery
    before: np.ndarray


@dataclass(frozen=True)
class Changed:
    """What changed sides.

    Attributes:
        counts: group to how many images are flagged only afterwards, and how many only before.
        sizes: group to how many images it has.
        moved: by change, one of `CHANGES`.
    """

    counts: Mapping[str, tuple[int, int]]
    sizes: Mapping[str, int]
    moved: Mapping[str, Moved]


def changed(query: ChangedQuery) -> Changed:
    """The images that changed sides, counted by group, and some of each change.

    Raises:
        OutskirtsError: no such scenario, checkpoint or order, or no labelled class.
    """
    if query.which not in WHICH:
        raise ScenarioError(f"no order {query.which!r}; there are: {', '.join(WHICH)}")
    verdicts = _verdicts(query.before, query.after)
    groups = verdicts.groups.tolist()
    counts = {
        group: (
            int((verdicts.newly & (verdicts.groups == group)).sum()),
            int((verdicts.formerly & (verdicts.groups == group)).sum()),
        )
        for group in dict.fromkeys(groups)
    }
    return Changed(
        counts=counts,
        sizes={group: groups.count(group) for group in counts},
        moved={name: _moved(query, verdicts, name) for name in CHANGES},
    )


def changed_table(before: Target, after: Target) -> dict[str, np.ndarray]:
    """One row an image that changed sides, (N,) each: what it is, both scores and percentiles.

    Raises:
        OutskirtsError: no such scenario or checkpoint, or no labelled class.
    """
    verdicts = _verdicts(before, after)
    rows = np.flatnonzero(verdicts.newly | verdicts.formerly)
    columns = {
        "image": np.array([f"{verdicts.sets[i]}#{verdicts.indices[i]}" for i in rows], str),
        "set": verdicts.sets[rows],
        "group": verdicts.groups[rows],
        "change": np.where(verdicts.newly[rows], "newly flagged", "no longer flagged"),
    }
    for target, scores, places in zip(
        (before, after), verdicts.scores, verdicts.percentiles, strict=True
    ):
        detector, card = loaded(target)
        name = f"{target.stem} {card.score.part}"
        columns[f"{name} ({unit_of(detector, card.score.part)})"] = detector.to_display(
            card.score.part, scores[rows]
        )
        columns[f"{name} percentile"] = places[rows]
    return columns


# Which opens --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FirstChangedQuery(Query["tuple[str, int, str]"]):
    """The image that is looked at first."""

    wait: ClassVar[str] = "Choosing an image…"

    before: Target
    after: Target

    def files(self) -> Iterable[Path]:
        return files_of(self.before, self.after)


def first_changed(query: FirstChangedQuery) -> tuple[str, int, str]:
    """Set and index of an image, and the rule by which it is the first.

    "found" and "missed" are the first of these changes; where there is neither, "typical" is the
    anomaly of a class never seen whose score is nearest to the median of all of these.

    Raises:
        OutskirtsError: no such scenario or checkpoint, or no labelled class.
    """
    found = changed(ChangedQuery(query.before, query.after, each=1))
    for rule in ("found", "missed"):
        pictures = found.moved[rule].pictures
        if len(pictures.sets):
            return pictures.sets[0], int(pictures.indices[0]), rule
    _, card = loaded(query.after)
    names = groups_of(query.after.world).never
    scores = [stored_scores(query.after)[name][card.score.part] for name in names]
    sizes = [len(values) for values in scores]
    values = np.concatenate(scores)
    row = int(np.abs(values - np.median(values)).argmin())
    starts = np.cumsum([0, *sizes])
    which = int(np.searchsorted(starts, row, "right")) - 1
    return names[which], row - int(starts[which]), "typical"


# Verdicts of both models --------------------------------------------------------------------------


@dataclass(frozen=True)
class _Verdicts:
    """All test images under both models, (N,) each; scores and percentiles are pairs of these."""

    sets: np.ndarray
    indices: np.ndarray
    groups: np.ndarray
    scores: tuple[np.ndarray, np.ndarray]
    percentiles: tuple[np.ndarray, np.ndarray]
    newly: np.ndarray
    formerly: np.ndarray


def _verdicts(before: Target, after: Target) -> _Verdicts:
    groups = groups_of(after.world)
    names = (groups.normal, groups.known, *groups.never)
    scores, places, flags = zip(*(_read(t, names) for t in (before, after)), strict=True)
    sizes = [len(stored_scores(after)[name][loaded(after)[1].score.part]) for name in names]
    return _Verdicts(
        sets=np.repeat(names, sizes),
        indices=np.concatenate([np.arange(size) for size in sizes]),
        groups=np.repeat([groups.of(name) for name in names], sizes),
        scores=scores,
        percentiles=places,
        newly=flags[1] & ~flags[0],
        formerly=flags[0] & ~flags[1],
    )


def _read(target: Target, names: Iterable[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score, percentile and verdict (N,) of the images of these sets."""
    _, card = loaded(target)
    part, stored = card.score.part, stored_scores(target)
    scores = np.concatenate([stored[name][part] for name in names])
    return scores, percentile(scores, card.quantiles(part)), scores > card.score.threshold


def _moved(query: ChangedQuery, verdicts: _Verdicts, name: str) -> Moved:
    group, flagged = CHANGES[name]
    rows = np.flatnonzero(
        (verdicts.newly if flagged else verdicts.formerly) & (verdicts.groups == group)
    )
    before, after = verdicts.percentiles
    if query.which == "random":
        order = np.random.default_rng(query.seed).permutation(len(rows))
    else:
        order = np.argsort(-np.abs(after[rows] - before[rows]), kind="stable")
    rows = rows[order[: query.each]]
    _, card = loaded(query.after)
    pictures = gallery_of(
        query.after, card.score.part, sets=verdicts.sets[rows], indices=verdicts.indices[rows]
    )
    return Moved(pictures, before[rows])


ANSWERS: tuple[Answered[Any], ...] = (
    Answered(ChangedQuery, changed),
    Answered(FirstChangedQuery, first_changed),
)
