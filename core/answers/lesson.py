"""A lesson: a small detector learns with a visitor's labels, and its twin without them.

A fresh installation has test images alone. A lesson learns from those of even number and is judged
on those of odd number, so that none is on both sides; its figures are no result all the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from core.answers.images import own_picture
from core.answers.lesson_queue import LessonState, Message, Queue
from core.answers.loaded import Target, loaded, stored_scores
from core.errors import OutskirtsError
from core.evaluate.metrics import auroc
from core.scenario import Scenario
from core.settings import settings

__all__ = [
    "LESSON_COUNTS",
    "MOST_LABELS",
    "Asked",
    "Candidates",
    "Label",
    "Learnt",
    "Lesson",
    "LessonError",
    "Side",
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


@dataclass(frozen=True)
class Label:
    """What a visitor says of an image.

    Attributes:
        set_name, index: which image; of one of the visitor's own its name, and None.
        anomaly: known anomaly, or else known normal.
        own: the pixels of the visitor's own image, row by row.
    """

    set_name: str
    index: int | None
    anomaly: bool
    own: bytes = b""

    @property
    def id(self) -> str:
        """One image, one id, whatever its file is called: there cannot be two labels of one."""
        if self.index is None:
            return f"own-{hashlib.sha256(self.own).hexdigest()[:12]}"
        return f"{self.set_name}#{self.index}"


@dataclass(frozen=True)
class Lesson:
    """What is to be learned.

    Attributes:
        target: a model of the scenario, or of the class, that is learned.
        labels: of the visitor; none where labels are asked for.
        questions: whether the truth is asked for labels, by doubt and by chance, in turn.
        seed: of the weights, of the order of images, and of what chance asks for.
    """

    target: Target
    labels: tuple[Label, ...] = ()
    questions: bool = False
    seed: int = 0


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
    """The first images of the normal set, and of each strange one that has its own."""
    sets = [s for s in scenario.own_sets if s.role == "strange" or s is scenario.normal]
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


# What came of it --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Side:
    """What became of some odd images.

    Attributes:
        n: how many.
        auroc: before and after, against the normal ones; None of those themselves.
        flagged: before and after, how many.
        raised, lowered: how many are flagged now and were not, and the other way round.
    """

    n: int
    auroc: tuple[float, float] | None
    flagged: tuple[int, int]
    raised: int
    lowered: int


@dataclass(frozen=True)
class Learnt:
    """Scores of a lesson's images, by the twin that knew no label and the one that did.

    Attributes:
        sets, indices, strange: (N,), which images, and whether each is strange.
        before, after: (N,), scores.
        thresholds: before and after; 5 % of held-out normal images are above.
        losses: of both trainings, at each step.
        seconds: that it took.
    """

    lesson: Lesson
    sets: np.ndarray
    indices: np.ndarray
    strange: np.ndarray
    before: np.ndarray
    after: np.ndarray
    thresholds: tuple[float, float]
    losses: tuple[tuple[float, ...], ...] = ()
    seconds: float = 0.0

    @property
    def clicked(self) -> tuple[str, ...]:
        """Strange sets of which an image was labelled an anomaly."""
        strange = set(self.sets[self.strange].tolist())
        names = [o.set_name for o in self.lesson.labels if o.anomaly and o.index is not None]
        return tuple(dict.fromkeys(name for name in names if name in strange))

    @cached_property
    def groups(self) -> dict[str, np.ndarray]:
        """Rows of odd number: normal, strange, of clicked sets, of others; each (n,), n above 0."""
        odd, clicked = self.indices % 2 == 1, np.isin(self.sets, self.clicked)
        masks = {
            "normal": ~self.strange,
            "strange": self.strange,
            "clicked": self.strange & clicked,
            "others": self.strange & ~clicked,
        }
        rows = {name: np.flatnonzero(odd & mask) for name, mask in masks.items()}
        return {name: found for name, found in rows.items() if len(found)}

    @cached_property
    def sides(self) -> dict[str, Side]:
        """What became of each of the `groups`."""
        return {name: self._side(name, rows) for name, rows in self.groups.items()}

    def _side(self, name: str, rows: np.ndarray) -> Side:
        normal, pair = self.groups["normal"], (self.before, self.after)
        was, now = (s[rows] > limit for s, limit in zip(pair, self.thresholds, strict=True))
        areas = None if name == "normal" else tuple(auroc(s[normal], s[rows]) for s in pair)
        return Side(
            n=len(rows),
            auroc=areas,  # type: ignore[arg-type]
            flagged=(int(was.sum()), int(now.sum())),
            raised=int((now & ~was).sum()),
            lowered=int((was & ~now).sum()),
        )

    def changed(self, name: str, *, up: bool) -> list[tuple[str, int]]:
        """Images (set, index) of a group by name that are flagged now and were not, or vice versa.

        Args:
            up: flagged now; the farthest from the threshold first.
        """
        rows = self.groups.get(name, np.zeros(0, np.int64))
        was, now = (
            s[rows] / limit
            for s, limit in zip((self.before, self.after), self.thresholds, strict=True)
        )
        moved = (now > 1) & (was <= 1) if up else (now <= 1) & (was > 1)
        order = np.argsort(-now if up else now, kind="stable")
        chosen = rows[[i for i in order if moved[i]]]
        return [(str(self.sets[i]), int(self.indices[i])) for i in chosen]

    def histogram(self, bins: int = 48) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Edges (bins + 1,), in thresholds, and by group the percent in each, (2, bins).

        Normal, clicked and other images, before and after; both twins are measured in their own
        thresholds, for their scores have no scale in common.
        """
        pair = zip((self.before, self.after), self.thresholds, strict=True)
        ratios = [np.log(np.maximum(s / limit, 1e-6)) for s, limit in pair]
        shown = {k: v for k, v in self.groups.items() if k != "strange"}
        odd = np.concatenate([r[rows] for r in ratios for rows in shown.values()])
        edges = np.linspace(odd.min(), odd.max() + 1e-9, bins + 1)
        counts = {
            name: np.stack([np.histogram(r[rows], edges)[0] * 100 / len(rows) for r in ratios])
            for name, rows in shown.items()
        }
        return np.exp(edges), counts

    def table(self) -> dict[str, np.ndarray]:
        """A row an odd image, in columns (n,): scores, and which side of the threshold it is on."""
        rows = np.flatnonzero(self.indices % 2 == 1)
        ids = [f"{name}#{i}" for name, i in zip(self.sets[rows], self.indices[rows], strict=True)]
        return {
            "image": np.array(ids),
            "strange": self.strange[rows].astype(int),
            "clicked class": np.isin(self.sets[rows], self.clicked).astype(int),
            "score without labels": self.before[rows],
            "score with labels": self.after[rows],
            "flagged without labels": (self.before[rows] > self.thresholds[0]).astype(int),
            "flagged with labels": (self.after[rows] > self.thresholds[1]).astype(int),
        }


@dataclass(frozen=True)
class Asked:
    """What labels buy that doubt asks for, and that chance does.

    Attributes:
        counts: (K,), labels; auroc: (2, K), on odd images, by doubt and by chance.
        sets, indices, strange: (2, L), the images that were asked for, in their order.
        seconds: that it took.
    """

    lesson: Lesson
    counts: tuple[int, ...]
    auroc: np.ndarray
    sets: np.ndarray
    indices: np.ndarray
    strange: np.ndarray
    seconds: float = 0.0

    def table(self) -> dict[str, np.ndarray]:
        """A row a number of labels, in columns (K,)."""
        known = np.stack([np.cumsum(row) for row in self.strange])
        anomalies = [[int(row[c - 1]) if c else 0 for c in self.counts] for row in known]
        return {
            "labels": np.array(self.counts),
            "auroc by doubt": self.auroc[0],
            "auroc by chance": self.auroc[1],
            "anomalies by doubt": np.array(anomalies[0]),
            "anomalies by chance": np.array(anomalies[1]),
        }


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
