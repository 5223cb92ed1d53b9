"""Many images of the visitor's under several models, and what one of them is to a model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from core.answers.images import foreign_to, percentiles, unit_of
from core.answers.loaded import Target, files_of, files_of_images, loaded
from core.answers.query import Answered, Query
from core.data.picture import ImageError
from core.data.steps import Step, steps_of
from core.scenario import load_scenario

__all__ = [
    "ANSWERS",
    "Batch",
    "BatchQuery",
    "BatchScores",
    "Steps",
    "StepsQuery",
    "batch",
    "join_batches",
    "scores_of_parts",
    "steps",
]


@dataclass(frozen=True)
class BatchQuery(Query["Batch"]):
    """What models of a scenario say of pictures of its shape, which are given as their pixels.

    Attributes:
        count: how many pictures the bytes (N, H, W, C) uint8 hold.
    """

    wait: ClassVar[str] = "Asking every detector…"

    scenario: str
    models: tuple[str, ...]
    count: int

    def files(self) -> Iterable[Path]:
        return files_of(*(Target.of(self.scenario, model) for model in self.models))


@dataclass(frozen=True)
class BatchScores:
    """What one model says of n images.

    Attributes:
        raw, displayed, percentiles: (n,), the score as the model has it and in the unit of pages,
            and its place among calibration normals.
        flagged: (n,), whether the score is above the threshold of the model's card.
        foreign: (n,), whether an image is not of the model's kind.
        parts: part to its percentiles (n,).
    """

    raw: np.ndarray
    displayed: np.ndarray
    percentiles: np.ndarray
    flagged: np.ndarray
    foreign: np.ndarray
    parts: Mapping[str, np.ndarray]
    unit: str
    threshold: float


@dataclass(frozen=True)
class Batch:
    """What every model says of n images, by its name."""

    models: Mapping[str, BatchScores]
    count: int


def batch(query: BatchQuery, data: bytes | None = None) -> Batch:
    """Score, percentile and verdict of every model for the pictures in ``data``.

    Raises:
        ImageError: ``data`` holds not so many pictures of the scenario's shape.
        OutskirtsError: no such scenario or checkpoint.
    """
    images = _images(query, data or b"")
    models = [(m, Target.of(query.scenario, m)) for m in query.models]
    return Batch({name: _scores(target, images) for name, target in models}, query.count)


def _images(query: BatchQuery, data: bytes) -> np.ndarray:
    """The pictures (N, H, W, C) uint8 that a query is about."""
    sides = (query.count, *load_scenario(query.scenario).shape.pixels)
    if query.count < 1 or len(data) != math.prod(sides):
        raise ImageError(f"the pictures must be {sides} uint8, got {len(data)} bytes")
    return np.frombuffer(data, np.uint8).reshape(sides)


def _scores(target: Target, images: np.ndarray) -> BatchScores:
    from core.inference.scoring import parts_of

    return scores_of_parts(target, parts_of(loaded(target)[0], images))


def scores_of_parts(target: Target, parts: Mapping[str, np.ndarray]) -> BatchScores:
    """What a target says of n images by its parts (n,), float32, by name.

    Raises:
        OutskirtsError: no such scenario or checkpoint.
    """
    detector, card = loaded(target)
    standing, score = percentiles(card, parts), card.score
    return BatchScores(
        raw=parts[score.part],
        displayed=detector.to_display(score.part, parts[score.part]),
        percentiles=standing[score.part],
        flagged=parts[score.part] > score.threshold,
        foreign=foreign_to(card, standing),
        parts=standing,
        unit=unit_of(detector, score.part),
        threshold=score.threshold,
    )


def join_batches(batches: Sequence[Batch]) -> Batch:
    """Several batches of the same models as one, in order.

    Raises:
        ValueError: there are none, or their models differ.
    """
    if not batches or len({tuple(b.models) for b in batches}) > 1:
        raise ValueError(f"batches must be of the same models, got {len(batches)}")
    models = {
        name: _one_after_another([b.models[name] for b in batches]) for name in batches[0].models
    }
    return Batch(models, sum(b.count for b in batches))


def _one_after_another(pieces: Sequence[BatchScores]) -> BatchScores:
    first, values = pieces[0], dict[str, Any]()
    for field in fields(BatchScores):
        value = getattr(first, field.name)
        if isinstance(value, np.ndarray):
            value = np.concatenate([getattr(p, field.name) for p in pieces])
        values[field.name] = value
    parts = {k: np.concatenate([p.parts[k] for p in pieces]) for k in first.parts}
    return BatchScores(**{**values, "parts": parts})


# What a model sees -------------------------------------------------------------------------------


@dataclass(frozen=True)
class StepsQuery(Query["Steps"]):
    """How a file of the visitor's becomes what every model of a scenario sees."""

    wait: ClassVar[str] = "Decoding step by step…"

    scenario: str

    def files(self) -> Iterable[Path]:
        return files_of_images(load_scenario(self.scenario))[:1]


@dataclass(frozen=True)
class Steps:
    """The image of a file after each thing that was done to it, in order.

    Attributes:
        steps: the first is the image as its file has it; others only where something was done.
        image: (H, W, C) uint8, what every model sees.
        notes, warnings: what was done, and why nothing of it is to be seen.
    """

    steps: tuple[Step, ...]
    image: np.ndarray
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def steps(query: StepsQuery, data: bytes | None = None) -> Steps:
    """The steps from ``data``, the visitor's file, to what the models of a scenario see.

    Raises:
        ImageError: ``data`` is not an image that can be read.
        ScenarioError: no such scenario.
    """
    if data is None:
        raise ImageError("no image was given")
    taken, picture = steps_of(data, load_scenario(query.scenario).shape)
    return Steps(taken, picture.image, picture.notes, picture.warnings)


ANSWERS: tuple[Answered[Any], ...] = (Answered(BatchQuery, batch), Answered(StepsQuery, steps))
