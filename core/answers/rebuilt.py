"""Images beside what a model rebuilds of them: one that is named, and some that rules choose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from core.answers.images import (
    ImageQuery,
    Standing,
    find_picture,
    foreign_to,
    gallery_of,
    percentiles,
    row_of,
)
from core.answers.labels import IMAGE_GROUPS, NORMAL, groups_of
from core.answers.loaded import Target, files_of, loaded, stored_scores
from core.answers.query import Answered, Query

if TYPE_CHECKING:
    from core.detectors._base import Detector

__all__ = [
    "ANSWERS",
    "RULES",
    "Examples",
    "ExamplesQuery",
    "Rebuilt",
    "RebuiltQuery",
    "examples",
    "rebuilt",
]

RULES = ("typical", "random", "worst")  # by which an example of a group is chosen


# One image ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RebuiltQuery(Query["Rebuilt"]):
    """One image, what a model rebuilds of it, and every part of its score."""

    wait: ClassVar[str] = "Rebuilding this image…"

    image: ImageQuery

    def files(self) -> Iterable[Path]:
        return self.image.files()


@dataclass(frozen=True)
class Rebuilt(Standing):
    """One image under one model.

    Attributes:
        image: (H, W, C) uint8; rebuilt: the same shape, or None where the model rebuilds nothing.
        parts, displayed, percentiles, titles, units: by part; displayed is in the unit of pages.
        score: the part that is the score; limit: above which it is flagged.
        notes, warnings: what was done to a visitor's file, and why nothing of it is to be seen.
    """

    id: str
    label: str
    image: np.ndarray
    rebuilt: np.ndarray | None
    parts: Mapping[str, float]
    displayed: Mapping[str, float]
    percentiles: Mapping[str, float]
    foreign: bool
    titles: Mapping[str, str]
    units: Mapping[str, str]
    score: str
    limit: float
    flagged: bool
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def rebuilt(query: RebuiltQuery, data: bytes | None = None) -> Rebuilt:
    """One image under one model; ``data`` is the visitor's file, if it is theirs.

    Raises:
        ImageError: ``data`` is not an image that can be read.
        OutskirtsError: no such scenario, set, image or checkpoint.
    """
    from core.inference.scoring import parts_of

    detector, card = loaded(query.image.target)
    picture, name, label = find_picture(query.image.target.world, query.image, data)
    parts, about = parts_of(detector, picture.image[None]), detector.described
    own, score, standing = row_of(parts, 0), card.score.part, percentiles(card, parts)
    pictures = _rebuild(detector, picture.image[None])
    return Rebuilt(
        id=name,
        label=label,
        image=picture.image,
        rebuilt=None if pictures is None else pictures[0],
        parts=own,
        displayed=row_of({p: detector.to_display(p, v) for p, v in parts.items()}, 0),
        percentiles=row_of(standing, 0),
        foreign=bool(foreign_to(card, standing)[0]),
        titles={part: about[part].title for part in parts},
        units={part: about[part].displayed_unit for part in parts},
        score=score,
        limit=card.score.threshold,
        flagged=own[score] > card.score.threshold,
        notes=picture.notes,
        warnings=picture.warnings,
    )


def _rebuild(detector: Detector, images: np.ndarray) -> np.ndarray | None:
    """What a detector makes of images (N, H, W, C) uint8, the same; None if it rebuilds none."""
    import torch

    from core.data.picture import as_images, as_tensor

    if not detector.can("reconstruct"):
        return None
    with torch.inference_mode():
        return as_images(detector.reconstruct(as_tensor(images)))


# By rules -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ExamplesQuery(Query["Examples | None"]):
    """An image of each group by each of `RULES`, beside what a model rebuilds of it.

    Attributes:
        seed: of those at random.
    """

    wait: ClassVar[str] = "Rebuilding examples…"

    target: Target
    seed: int = 0

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


@dataclass(frozen=True)
class Examples:
    """Images beside what a model rebuilds of them: of each group one by each rule, in order.

    Attributes:
        groups, rules, sets: (n,); indices: (n,), in the set.
        images, rebuilt: (n, H, W, C) uint8.
        displayed, percentiles: (n,), of the score.
    """

    groups: tuple[str, ...]
    rules: tuple[str, ...]
    sets: tuple[str, ...]
    indices: np.ndarray
    images: np.ndarray
    rebuilt: np.ndarray
    displayed: np.ndarray
    percentiles: np.ndarray


def examples(query: ExamplesQuery) -> Examples | None:
    """Images that rules choose, rebuilt; None for a model that rebuilds nothing.

    The typical one has the score nearest to its group's median; the worst is the strangest normal
    image, and the most normal strange one.

    Raises:
        OutskirtsError: no such scenario or checkpoint, or no labelled class.
    """
    detector, card = loaded(query.target)
    rows = [row for group in IMAGE_GROUPS for row in _chosen(query, group)]
    sets, indices = np.array([s for s, _ in rows]), np.array([i for _, i in rows])
    shown = gallery_of(query.target, card.score.part, sets=sets, indices=indices)
    pictures = _rebuild(detector, shown.images)
    if pictures is None:
        return None
    return Examples(
        groups=tuple(np.repeat(IMAGE_GROUPS, len(RULES)).tolist()),
        rules=RULES * len(IMAGE_GROUPS),
        sets=shown.sets,
        indices=shown.indices,
        images=shown.images,
        rebuilt=pictures,
        displayed=shown.displayed,
        percentiles=shown.percentiles,
    )


def _chosen(query: ExamplesQuery, group: str) -> list[tuple[str, int]]:
    """Set and index of one image of a group by each rule."""
    _, card = loaded(query.target)
    stored, names = stored_scores(query.target), groups_of(query.target.world).sets(group)
    scores = [stored[name][card.score.part] for name in names]
    where = [
        (name, i) for name, values in zip(names, scores, strict=True) for i in range(len(values))
    ]
    values = np.concatenate(scores)
    rng = np.random.default_rng([query.seed, IMAGE_GROUPS.index(group)])
    by_rule = {
        "typical": np.abs(values - np.median(values)).argmin(),
        "random": rng.integers(len(values)),
        "worst": values.argmax() if group == NORMAL else values.argmin(),
    }
    return [where[int(by_rule[rule])] for rule in RULES]


ANSWERS: tuple[Answered[Any], ...] = (
    Answered(RebuiltQuery, rebuilt),
    Answered(ExamplesQuery, examples),
)
