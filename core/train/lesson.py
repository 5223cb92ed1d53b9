"""A short training from a few labels, in a process of its own: ``python -m core.train.lesson``.

What it is to learn comes in by standard input, how it goes and what came of it goes out by standard
output, as `core.train.pipe` has it. It writes no file, has one thread, and ends when its input
does: whoever started it is gone then.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

import numpy as np
import torch

from core.config import config_of
from core.data.stream import Stream
from core.detectors import detector_class
from core.detectors._base import Detector
from core.errors import OutskirtsError
from core.evaluate.metrics import auroc
from core.inference.scoring import parts_of
from core.shape import Shape
from core.train.loop import Progress, fit
from core.train.pipe import PipeEnds, read_message, write_message

__all__ = ["Job", "Watch", "by_questions", "learn", "main", "threshold_of", "with_and_without"]

Watch = Callable[[int, int, Progress], None]  # number of the training, of how many, how it goes
Arrays = dict[str, np.ndarray]
FLAGGED = 0.05  # of held-out normal images


@dataclass(frozen=True)
class Job:
    """What is learned, from which images, and on which it is judged.

    Attributes:
        detector, config: what learns: its name, and settings beside ``data`` and ``epochs``.
        steps, batch_size, seed: of each training, whatever its labels.
        share: of the training images, that labelled ones are repeated to.
        images: (N, H, W, C) uint8.
        normal: (T,), rows that are learned as normal, unless they are labelled.
        held_out: (C,), rows of normal images that set the threshold, unless they are labelled.
        labelled: (L,), rows with a label; kind (L,) says which: -1 known anomaly, +1 known normal.
        judged: (J,), rows that measure; strange (N,) bool is the truth of every image.
        pool: (P,), rows whose labels may be asked for.
        counts: (K,), rising: after how many asked labels it is measured.
    """

    detector: str
    config: Mapping[str, Any]
    steps: int
    batch_size: int
    seed: int
    share: float
    images: np.ndarray
    normal: np.ndarray
    held_out: np.ndarray
    strange: np.ndarray
    labelled: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    kind: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int8))
    judged: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    pool: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    counts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def shape(self) -> Shape:
        """Of its images."""
        _, height, width, channels = self.images.shape
        return Shape(channels, height, width)

    def taught(self, rows: np.ndarray, kind: np.ndarray) -> Job:
        """The same with labels of these rows (L,), each of a kind (L,)."""
        return replace(self, labelled=rows, kind=kind.astype(np.int8))

    @property
    def streams(self) -> dict[str, Stream]:
        """What is normal; and the same with the labelled images, as often as they count.

        Labelled images are learned by their labels alone.
        """
        rest = np.setdiff1d(self.normal, self.labelled)
        times = max(1, round(self.share * len(rest) / max(1, len(self.labelled))))
        rows = np.concatenate([rest, np.tile(self.labelled, times)])
        kind = np.concatenate([np.ones(len(rest), np.int8), np.tile(self.kind, times)])
        known = {"train": (rows[kind > 0], kind[kind > 0]), "train+labelled": (rows, kind)}
        return {
            data: Stream(self.images[rows], kind, np.full(len(rows), -1), self._batch(len(rows)))
            for data, (rows, kind) in known.items()
        }

    def _batch(self, images: int) -> int:
        return min(self.batch_size, images)


def learn(job: Job, watch: Callable[[Progress], None]) -> Detector:
    """A detector that has learned what a job has; the same seed begins alike and steps as often.

    The ``watch`` is told how it goes.
    """
    streams = job.streams
    data = "train+labelled" if len(job.labelled) else "train"
    # Not the last step's end, which a division may miss by the last digit.
    epochs = (job.steps - 0.5) / streams[data].batches()
    cls = detector_class(job.detector)
    settings = {**job.config, "data": data, "epochs": epochs}
    config = config_of(job.detector, cls, settings)
    torch.manual_seed(job.seed)
    detector = cls(config, job.shape)
    fit(detector, streams, seed=job.seed, watch=watch)
    return detector.eval().requires_grad_(False)


def threshold_of(scores: np.ndarray, job: Job) -> float:
    """What flags 5 % of held-out normal images, by the scores (N,) of all.

    Raises:
        OutskirtsError: each of them has a label.
    """
    rows = np.setdiff1d(job.held_out, job.labelled)
    if not len(rows):
        raise OutskirtsError("every image that could set the threshold has a label")
    return float(np.quantile(scores[rows], 1 - FLAGGED))


def with_and_without(job: Job, watch: Watch) -> Arrays:
    """Scores of all images by two twins, one of which knows the labels: before (N,), after (N,).

    With the threshold of each, (2,). The watch is told how each of the two trainings goes.
    """
    none = job.taught(job.labelled[:0], job.kind[:0])
    scores, thresholds = [], []
    for number, taught in enumerate((none, job)):
        detector = learn(taught, lambda p, number=number: watch(number, 2, p))  # type: ignore[misc]
        scores.append(_scores(detector, job.images))
        thresholds.append(threshold_of(scores[-1], job))  # of images that neither twin learned
    return {"before": scores[0], "after": scores[1], "thresholds": np.array(thresholds)}


ASKED = ("doubt", "chance")


def by_questions(job: Job, watch: Watch) -> Arrays:
    """AUROC (2, K) on the judged images after so many labels, asked for by doubt and by chance.

    And the rows (2, L) that were asked for, in order; the truth labels them. The most doubtful are
    those whose score is nearest to the threshold: they are looked for anew at each count. The watch
    is told how each training goes.
    """
    counts = job.counts.tolist()
    of = 1 + len(ASKED) * (len(counts) - 1)  # without labels both are one
    numbers = iter(range(of))
    first = _measured(job, [], next(numbers), of, watch)
    curves, rows = [], []
    for by in ASKED:
        asked: list[int] = []
        curve, scores = [first[0]], first[1]
        chance = np.random.default_rng(job.seed).permutation(job.pool).tolist()
        for count in counts[1:]:
            order = chance if by == "chance" else _doubtful(scores, job, asked)
            asked += [row for row in order if row not in set(asked)][: count - len(asked)]
            area, scores = _measured(job, asked, next(numbers), of, watch)
            curve.append(area)
        curves.append(curve)
        rows.append(asked)
    return {"auroc": np.array(curves), "asked": np.array(rows, np.int64)}


def _measured(
    job: Job, asked: list[int], number: int, of: int, watch: Watch
) -> tuple[float, np.ndarray]:
    """AUROC on the judged images, and the scores (N,) of all, with the truth of those asked for."""
    rows = np.array(asked, np.int64)
    taught = job.taught(rows, np.where(job.strange[rows], -1, 1))
    detector = learn(taught, lambda progress: watch(number, of, progress))
    scores = np.full(len(job.images), np.nan, np.float32)
    needed = np.unique(np.concatenate([job.judged, job.pool, job.held_out]))
    scores[needed] = _scores(detector, job.images[needed])
    judged, strange = scores[job.judged], job.strange[job.judged]
    return auroc(judged[~strange], judged[strange]), scores


def _doubtful(scores: np.ndarray, job: Job, asked: list[int]) -> list[int]:
    """The pool, nearest to the threshold first."""
    limit = threshold_of(scores, job.taught(np.array(asked, np.int64), np.zeros(len(asked))))
    return job.pool[np.argsort(np.abs(scores[job.pool] - limit), kind="stable")].tolist()


def _scores(detector: Detector, images: np.ndarray) -> np.ndarray:
    scores = parts_of(detector, images)[detector.config.score]
    if not np.isfinite(scores).all():
        raise OutskirtsError(f"{(~np.isfinite(scores)).sum()} scores are not finite")
    return scores


# The process ------------------------------------------------------------------------------------


def main(given: BinaryIO, told: BinaryIO) -> int:
    """Do the job that is given, and tell how it goes and what came of it; the exit status.

    Args:
        given: a stream with the job; told: one for what is told.

    Raises:
        PipeEnds: no job was given.
    """
    facts, arrays = read_message(given)
    threading.Thread(target=_end_with, args=(given,), daemon=True).start()
    torch.set_num_threads(1)
    work = {"labels": with_and_without, "questions": by_questions}[facts.pop("work")]
    job = Job(**{**facts, **arrays})

    def watch(number: int, of: int, progress: Progress) -> None:
        loss = sum(progress.terms.values())
        share = (number + progress.share) / of
        write_message(told, {"training": number, "share": share, "loss": loss})

    try:
        result = work(job, watch)
    except OutskirtsError as error:
        write_message(told, {"failed": str(error)})
        return 2
    except BrokenPipeError:
        raise
    except Exception as error:  # said here: from outside it could not be told from a kill
        traceback.print_exc()
        write_message(told, {"failed": f"{type(error).__name__}: {error}"})
        return 1
    write_message(told, {"done": True}, result)
    return 0


def _end_with(given: BinaryIO) -> None:
    """End at once when nothing more can come: whoever wants the result is gone."""
    for _ in iter(lambda: given.read(1), b""):
        pass
    os._exit(3)


if __name__ == "__main__":
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no message
    try:
        status = main(sys.stdin.buffer, output)
    except (PipeEnds, BrokenPipeError):  # whoever started this is gone
        status = 3
    output.flush()
    os._exit(status)  # the other thread still waits for input
