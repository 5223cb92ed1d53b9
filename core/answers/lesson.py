"""A lesson: a small detector learns with a visitor's labels, and its twin without them.

A fresh installation has test images alone. A lesson learns from those of even number and is judged
on those of odd number, so that none is on both sides; its figures are no result all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from core.answers.absent import absent_of
from core.answers.images import own_picture
from core.answers.learnt import Asked, Label, Learnt, Lesson
from core.answers.lesson_queue import LessonState, Message, Queue
from core.answers.loaded import Target, loaded, stored_scores
from core.errors import OutskirtsError
from core.scenario import Scenario
from core.settings import settings

__all__ = [
    "LESSON_COUNTS",
    "MOST_LABELS",
    "Candidates",
    "LessonError",
    "cancel_lesson",
    "label_of_own",
    "lesson_candidates",
    "lesson_state",
    "start_lesson",
]

DETECTOR = "esad"  # as it is shipped, but for its steps
BATCH = 32
SHARE = 0.1  # of the training images: the labelled ones are repeated until they are as many
MOST_LABELS = 20
EACH = 500  # images of even number of a set at most, and as many of odd number
FEWEST = 40  # normal images of even number
LESSON_COUNTS = (0, 4, 8, 12, 16, 20)  # labels after which doubt and chance are compared
HELD_OUT = 4  # each fourth normal image of even number sets the threshold


class LessonError(OutskirtsError):
    """A lesson cannot be held as it was asked for."""


# Images -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Images:
    """Images of a lesson.

    Attributes:
        sets, indices: (N,), which each is.
        strange: (N,) bool.
        images: (N, H, W, C) uint8.
    """

    sets: np.ndarray
    indices: np.ndarray
    strange: np.ndarray
    images: np.ndarray

    @property
    def even(self) -> np.ndarray:
        """Which of them are learned from (N,)."""
        return self.indices % 2 == 0

    @cached_property
    def rows(self) -> dict[str, int]:
        """By id."""
        pairs = zip(self.sets.tolist(), self.indices.tolist(), strict=True)
        return {f"{name}#{index}": row for row, (name, index) in enumerate(pairs)}


def _images_of(scenario: Scenario) -> _Images:
    """The first images of the normal set, and of each strange one that has its own, and here."""
    wanted = (s for s in scenario.own_sets if s.role == "strange" or s is scenario.normal)
    sets = [s for s in wanted if not scenario.pictures(s.name).elsewhere]
    if scenario.normal not in sets:
        had = "".join(absent_of(scenario, (scenario.normal.name,)))
        raise LessonError(f"a lesson learns from normal images. {had}")
    pieces = [scenario.pictures(s.name).images[: 2 * EACH] for s in sets]
    sizes = [len(piece) for piece in pieces]
    found = _Images(
        sets=np.repeat([s.name for s in sets], sizes),
        indices=np.concatenate([np.arange(size) for size in sizes]),
        strange=np.repeat([s.role == "strange" for s in sets], sizes),
        images=np.concatenate(pieces),
    )
    if (fewest := int((~found.strange & found.even).sum())) < FEWEST:
        raise LessonError(
            f"a lesson needs {FEWEST} normal images of even number, {scenario.name} has {fewest}"
        )
    if not found.strange[~found.even].any():
        raise LessonError(f"{scenario.name} has no strange image of odd number to judge by")
    return found


def label_of_own(target: Target, name: str, data: bytes, *, anomaly: bool) -> Label:
    """A label of a visitor's own image: the data of a file, and its name.

    Args:
        target: a model of the scenario whose shape it is fitted to.
        anomaly: known anomaly, or known normal.

    Raises:
        ImageError: it is no image that can be read.
    """
    return Label(name, None, anomaly, own_picture(target.world, data).image.tobytes())


# The job ----------------------------------------------------------------------------------------


def _checked(lesson: Lesson) -> None:
    """Refuse labels that cannot be learned from, in words."""
    labels = lesson.labels
    if lesson.questions:
        if labels:
            raise LessonError("where labels are asked for, the truth gives them")
        return
    if not labels:
        raise LessonError("label an image first: without one there is nothing to learn more")
    if len(labels) > MOST_LABELS:
        raise LessonError(f"at most {MOST_LABELS} images have labels, got {len(labels)}")
    ids = [label.id for label in labels]
    if twice := sorted({i for i in ids if ids.count(i) > 1}):
        raise LessonError(f"an image has one label, {', '.join(twice)} has several")


def _job(lesson: Lesson) -> Message:
    """What the process is given."""
    scenario = lesson.target.world
    known = _images_of(scenario)
    rows, images = _rows_of(lesson.labels, known)
    even, normal = np.flatnonzero(known.even), ~known.strange
    own = normal[even]
    held = known.indices[even] // 2 % HELD_OUT == HELD_OUT - 1
    facts: dict[str, Any] = {
        "work": "questions" if lesson.questions else "labels",
        "detector": DETECTOR,
        "config": {},
        "steps": settings().lesson_steps,
        "batch_size": BATCH,
        "seed": lesson.seed,
        "share": SHARE,
    }
    arrays = {
        "images": images,
        "normal": even[own & ~held],
        "held_out": even[own & held],
        "strange": np.concatenate([known.strange, np.ones(len(images) - len(normal), bool)]),
        "labelled": rows,
        "kind": np.array([-1 if label.anomaly else 1 for label in lesson.labels], np.int8),
    }
    if lesson.questions:
        counts = np.array([c for c in LESSON_COUNTS if c <= len(even)], np.int64)
        arrays |= {"judged": np.flatnonzero(~known.even), "pool": even, "counts": counts}
    return facts, arrays


def _rows_of(labels: Sequence[Label], known: _Images) -> tuple[np.ndarray, np.ndarray]:
    """Rows (L,) of labelled images, and all images with the visitor's own at the end."""
    rows, images = [], [known.images]
    shape = known.images.shape[1:]
    for label in labels:
        if label.index is None:
            if len(label.own) != np.prod(shape):
                raise LessonError(f"{label.set_name} is not of the shape of this scenario's images")
            rows.append(sum(map(len, images)))
            images.append(np.frombuffer(label.own, np.uint8).reshape(1, *shape))
        elif label.index % 2:
            raise LessonError(f"{label.id} has an odd number: those are judged on")
        elif label.id not in known.rows:
            raise LessonError(f"{label.id} is no image of the lesson")
        else:
            rows.append(known.rows[label.id])
    return np.array(rows, np.int64), np.concatenate(images)


def _told(lesson: Lesson, arrays: Mapping[str, np.ndarray]) -> Learnt | Asked:
    """What the process found, for the images of the scenario."""
    known = _images_of(lesson.target.world)
    n = len(known.sets)
    where: dict[str, Any] = {"sets": known.sets, "indices": known.indices, "strange": known.strange}
    if lesson.questions:
        rows = arrays["asked"]
        return Asked(
            lesson,
            counts=LESSON_COUNTS[: arrays["auroc"].shape[1]],
            auroc=arrays["auroc"],
            **{name: values[rows] for name, values in where.items()},
        )
    low, high = arrays["thresholds"].tolist()
    return Learnt(
        lesson, **where, before=arrays["before"][:n], after=arrays["after"][:n],
        thresholds=(low, high),
    )  # fmt: skip


# The queue --------------------------------------------------------------------------------------

_queue = Queue()


def start_lesson(lesson: Lesson) -> str:
    """Queue for a lesson; the ticket by which it is asked for.

    Raises:
        LessonError: its labels cannot be learned from.
        QueueFull: too many wait.
        ScenarioError: there is no such scenario.
    """
    _checked(lesson)
    _rows_of(lesson.labels, _images_of(lesson.target.world))  # refused now, not when its turn comes
    return _queue.enter(lambda: _job(lesson), lambda arrays: _told(lesson, arrays))


def lesson_state(ticket: str) -> LessonState:
    """Where the lesson of a ticket stands; who does not ask for it has left."""
    state = _queue.state(ticket)
    if isinstance(state.result, Learnt):
        more: dict[str, Any] = {"losses": state.losses, "seconds": state.seconds}
        return replace(state, result=replace(state.result, **more))
    if isinstance(state.result, Asked):
        return replace(state, result=replace(state.result, seconds=state.seconds))
    return state


def cancel_lesson(ticket: str) -> None:
    """End the lesson of a ticket, whatever its stage, and forget what came of it."""
    _queue.leave(ticket)


# Which to label ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidates:
    """Images of even number in an order.

    Attributes:
        sets, indices: (n,), which.
        doubt: whether they are in the order of doubt: no score is there without a model.
    """

    sets: np.ndarray
    indices: np.ndarray
    doubt: bool


def lesson_candidates(
    target: Target, *, doubt: bool, seed: int, learnt: Learnt | None = None
) -> Candidates:
    """What may be labelled, by chance or, the nearest to the threshold first, by doubt.

    Args:
        target: the model whose scores say what is doubtful, where no lesson has been held.
        seed: of chance.
        learnt: the last lesson, whose scores say it else.

    Raises:
        OutskirtsError: the scenario has no images for a lesson.
    """
    known = _images_of(target.world)
    even = np.flatnonzero(known.even)
    distance = _distance(target, known, learnt) if doubt else None
    if distance is None:
        order = np.random.default_rng(seed).permutation(even)
    else:
        order = even[np.argsort(distance[even], kind="stable")]
    return Candidates(known.sets[order], known.indices[order], distance is not None)


def _distance(target: Target, known: _Images, learnt: Learnt | None) -> np.ndarray | None:
    """How far each score is from the threshold (N,), in thresholds; None: no model is there."""
    if learnt is not None:
        return np.abs(learnt.after / learnt.thresholds[1] - 1)
    try:
        _, card = loaded(target)
        stored = stored_scores(target)
    except OutskirtsError:  # it is not trained: the page says so by `Candidates.doubt`
        return None
    pieces = [
        stored[name][card.score.part][: 2 * EACH] for name in dict.fromkeys(known.sets.tolist())
    ]
    return np.abs(np.concatenate(pieces) / card.score.threshold - 1)
