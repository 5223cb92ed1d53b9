"""What is asked of a lesson, and what came of it: who changed sides, and what doubt bought."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.answers.loaded import Target
from core.evaluate.metrics import auroc

__all__ = ["Asked", "Label", "Learnt", "Lesson", "Side"]


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


# What came of it ---------------------------------------------------------------------------------


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
