"""The visitor's many images, of the session: files, the pictures in them, and what models said so far.

All of it is gone on step by step, so that what there is can be shown, and nothing is lost where it
is stopped between two steps.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np
import streamlit as st

from core import service
from core.service import Batch, BatchQuery, BatchScores, Item, Shape, join_batches, uploaded_items
from pages._shared import uploads

__all__ = ["CHUNK", "Brought", "Progress", "Work", "current", "put_away", "take"]

CHUNK = 32  # pictures that a model is asked about at a time: others' pages have a turn in between
AHEAD = 256  # pictures that are read before models have seen those before them, but the first
READING = 0.3  # seconds that reading goes on for: large files would be a long silence
MANY_IN_ONE = (".zip", ".npy", ".npz")
_WORK = "_own_work"
_turn = threading.Lock()  # of all sessions: two batches at a time would leave no core to pages


@dataclass(frozen=True)
class Brought:
    """A file of the visitor's: its name, its bytes, and by which id the server holds it."""

    name: str
    data: bytes
    id: str


@dataclass(frozen=True)
class Progress:
    """How far it is: pictures that all models have seen, and how many are known so far.

    Attributes:
        exact: whether no more will come.
    """

    scored: int
    known: int
    exact: bool

    @property
    def left(self) -> int:
        return self.known - self.scored


@dataclass
class Work:
    """What is done with some files for pictures of a shape.

    Attributes:
        items: all that was read so far, files that are no images among them.
        said: (scenario, model) to its answers, `CHUNK` pictures each, in their order.
        going: whether it is to be gone on with.
    """

    files: tuple[Brought, ...]
    shape: Shape
    items: list[Item] = field(default_factory=list)
    said: dict[tuple[str, str], list[BatchScores]] = field(default_factory=dict)
    going: bool = True
    read: bool = False

    def __post_init__(self) -> None:
        given = [(file.name, file.data) for file in self.files]
        self._reading: Iterator[Item] = uploaded_items(given, self.shape)
        self._pictures: list[np.ndarray] = []

    @property
    def seen(self) -> list[Item]:
        """The items that have a picture, in their order."""
        return [item for item in self.items if item.picture is not None]

    @property
    def errors(self) -> list[Item]:
        """The items that have none, with the reason."""
        return [item for item in self.items if item.picture is None]

    def pictures(self, count: int) -> np.ndarray:
        """The first ``count`` of those that were read, at least one, (count, H, W, C) uint8."""
        return np.stack(self._pictures[:count])

    def file_of(self, item: Item) -> Brought | None:
        """The file that is this image and nothing else."""
        file = self.files[item.file]  # a name tells nothing: several files may have the same
        return None if PurePosixPath(file.name).suffix.lower() in MANY_IN_ONE else file

    # How far it is -------------------------------------------------------------------------------

    def progress(self, scenario: str, models: Sequence[str]) -> Progress:
        """How far these models of a scenario are."""
        scored = min(self._scored(scenario, model) for model in models)
        single = all(PurePosixPath(f.name).suffix.lower() not in MANY_IN_ONE for f in self.files)
        if self.read or not single:
            return Progress(scored, len(self._pictures), exact=self.read)
        return Progress(scored, len(self.files) - len(self.errors), exact=True)

    def level(self, scenario: str, models: Sequence[str]) -> list[str]:
        """Those of models that are not behind: one that was chosen later hides no others' answers."""
        scored = {model: self._scored(scenario, model) for model in models}
        return [model for model in models if scored[model] >= max(scored.values()) - CHUNK]

    def _scored(self, scenario: str, model: str) -> int:
        return sum(len(part.raw) for part in self.said.get((scenario, model), ()))

    def answered(self, scenario: str, models: Sequence[str]) -> Batch | None:
        """What models said of the first pictures, as many as all of them have seen."""
        chunks = min(len(self.said.get((scenario, model), ())) for model in models)
        if not chunks:
            return None
        parts = [
            Batch({m: self.said[scenario, m][i] for m in models}, count)
            for i in range(chunks)
            for count in [len(self.said[scenario, models[0]][i].raw)]
        ]
        return join_batches(parts)

    # Going on ------------------------------------------------------------------------------------

    def step(self, scenario: str, models: Sequence[str]) -> bool:
        """Read some pictures, or ask one model about some; whether there was anything to do."""
        waiting = len(self._pictures) - min(self._scored(scenario, m) for m in models)
        if not self.read and waiting < (AHEAD if waiting < len(self._pictures) else CHUNK):
            self._read_on()
            return True
        model = min(models, key=lambda m: self._scored(scenario, m))
        first = self._scored(scenario, model)
        if first >= len(self._pictures):
            return False
        images = np.stack(self._pictures[first : first + CHUNK])
        with _turn:
            asked = BatchQuery(scenario, (model,), len(images))
            answer = service.ask(asked, images.tobytes())
        self.said.setdefault((scenario, model), []).append(answer.models[model])
        return True

    def _read_on(self) -> None:
        began = time.monotonic()
        while time.monotonic() - began < READING:
            item = next(self._reading, None)
            if item is None:
                self.read = True
                return
            self.items.append(item)
            if item.picture is not None:
                self._pictures.append(item.picture.image)


# Of the session ----------------------------------------------------------------------------------


def current(shape: Shape) -> Work | None:
    """The visitor's files as pictures of a shape; read anew where they were of another."""
    work: Work | None = st.session_state.get(_WORK)
    if work is not None and work.shape != shape:
        work = st.session_state[_WORK] = Work(work.files, shape)
    return work


def take(files: Sequence[Brought], shape: Shape) -> None:
    """Add files to those that the visitor brought.

    All are read anew, so that the bounds of a session hold for them together; models that have seen
    a chunk of pictures answer at once.
    """
    work: Work | None = st.session_state.get(_WORK)
    before = work.files if work is not None else ()
    st.session_state[_WORK] = Work((*before, *files), shape)


def put_away() -> None:
    """Forget all of it; the server holds the files no longer."""
    work: Work | None = st.session_state.pop(_WORK, None)
    if work is not None:
        uploads.let_go(file.id for file in work.files)
