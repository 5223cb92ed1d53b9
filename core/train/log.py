"""The training log: one JSON line every few seconds, with the mean of each loss term since."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from pathlib import Path

from core.files import append_line
from core.train.loop import Progress

__all__ = ["TrainingLog"]


class TrainingLog:
    """Append the course of training to the file at a path; call it with each `Progress`.

    A line comes every so many seconds.
    """

    def __init__(self, path: Path, *, seconds: float = 10.0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.seconds = path, seconds
        self.sums: dict[str, float] = defaultdict(float)
        self.counts: dict[str, int] = defaultdict(int)
        self.written = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        for name, value in progress.terms.items():
            self.sums[name] += value
            self.counts[name] += 1
        if time.monotonic() - self.written < self.seconds and progress.share < 1:
            return
        line = {
            "phase": progress.phase,
            "progress": round(progress.share, 5),
            "step": progress.step,
            "images": progress.images,
            "minutes": round(progress.minutes, 3),
            "terms": {k: round(s / self.counts[k], 6) for k, s in self.sums.items()},
        }
        append_line(self.path, json.dumps(line))
        self.sums.clear()
        self.counts.clear()
        self.written = time.monotonic()
