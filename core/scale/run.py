"""Score files of any number: portions that are done stay done, and the others go to the workers."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from core.answers.loaded import Target, loaded
from core.answers.scoring import Scored, counted_notes, scored_row
from core.errors import OutskirtsError
from core.files import FileError, alone, read_text, write_whole
from core.numerals import counted
from core.scale.locations import locations_of
from core.scale.portions import FILES, Portion, Task, Told, file_of, finished, numbered, portions_of
from core.scale.worker import fingerprint
from core.tables import flat

__all__ = ["Outcome", "Progress", "Workers", "score"]

# Readers of a folder of parquet files pass over names that begin so.
RUN, ERRORS, LOCK = "_run.json", "_errors.jsonl", "_lock"


class Workers(Protocol):
    """Whoever scores parts, such as a `core.scale.engine.Cluster`."""

    def results(self, portions: Iterable[Portion], task: Task) -> Iterator[tuple[int, bytes, str]]:
        """Portions of a task as they are done: number, parquet file, and why there is none."""


@dataclass(frozen=True)
class Progress:
    """How far it came.

    Attributes:
        share: of all portions, in [0, 1].
        images: scored, now or before.
        terms: images a second since this run began.
    """

    phase: str
    share: float
    images: int
    terms: Mapping[str, float]


@dataclass
class Outcome:
    """What became of all files.

    Attributes:
        images: in the table.
        failed: what could not be read.
        portions: files of the table; kept: of these, those that were there before.
    """

    images: int = 0
    failed: int = 0
    portions: int = 0
    kept: int = 0
    notes: Counter[str] = field(default_factory=Counter)


def score(
    target: Target,
    paths: Sequence[str],
    out: Path,
    *,
    cluster: Callable[[], AbstractContextManager[Workers]],
    parts: bool = False,
    bf16: bool = False,
    files: int = FILES,
    watch: Callable[[Progress], None] = lambda progress: None,
    say: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Score what lies at paths and addresses; write the table as parquet files in a folder, out.

    A run that was stopped goes on: a file of the table that is whole, and of the same images and
    weights, stays. Nothing is touched where a path is missing, or one that was scored is not named.

    Args:
        cluster: starts or joins what scores; it is left at the end.
        parts: whether the table has every part of the score; bf16: as `core.answers.scoring.score`.
        files: of one image each, in a portion.
        watch: told how far it came, after each portion.
        say: told what could not be read, and what was done to images.

    Raises:
        Busy: another process writes there.
        FileError: it cannot be written there.
        OutskirtsError: the checkpoint or a path is missing, the folder holds something else, an
            address cannot be read, or workers cannot score.
    """
    task = _task(target, parts=parts, bf16=bf16)
    asked = _check_folder(out, task, paths)
    locations = locations_of(paths, say=say)
    with cluster() as workers, alone(out / LOCK, f"{out} is being written"):
        write_whole(out / RUN, asked)
        shares = list(portions_of(locations, task, files=files))
        held = counted(len(locations), "file")
        say(f"{held} in {counted(len(shares), 'portion')}")
        return _Run(out, task, shares, watch, say).all(workers)


def _task(target: Target, *, parts: bool, bf16: bool) -> Task:
    """What is asked, with the columns that the plain table has."""
    _, card = loaded(target)
    names = dict.fromkeys(card.calibration.quantiles, 0.0)
    row = scored_row(Scored("", 0.0, 0.0, names, names), parts=parts)
    return Task(str(target), fingerprint(target), tuple(flat(row)), parts, bf16)


class _Run:
    """One run over all portions, in a folder that is its own meanwhile."""

    def __init__(
        self,
        out: Path,
        task: Task,
        portions: list[Portion],
        watch: Callable[[Progress], None],
        say: Callable[[str], None],
    ) -> None:
        self.out, self.task, self.watch, self.say = out, task, watch, say
        self.portions = {portion.number: portion for portion in portions}
        self.outcome = Outcome(portions=len(portions))
        self.failed: dict[int, list[tuple[str, str]]] = {}
        self.began = time.monotonic()
        self.there = 0  # images that were scored before

    def all(self, workers: Workers) -> Outcome:
        for path in self.out.glob(".part-*.part"):  # of a run that was killed while it wrote
            path.unlink(missing_ok=True)
        todo = [portion for portion in self.portions.values() if not self._kept(portion)]
        if self.outcome.kept:
            whole = counted(len(self.portions), "portion")
            are = "is" if len(self.portions) == 1 else "are"
            self.say(f"{self.outcome.kept:,} of {whole} {are} there already")
        self.there, waiting = self.outcome.images, {portion.number for portion in todo}
        reasons: set[str] = set()
        for number, content, why in workers.results(todo, self.task):
            if why:
                reasons.add(why)
                continue
            path = file_of(self.out, number)
            write_whole(path, content)
            told = finished(path, self.portions[number], self.task.columns, again=True)
            if told is None:
                raise FileError(f"{path} is not as it was written")
            waiting.discard(number)
            self._count(number, told)
        if reasons:
            raise OutskirtsError("; ".join(sorted(reasons)))
        for number in sorted(waiting):
            self._lost(self.portions[number])
        self._tidy(whole=not waiting)
        return self._end()

    def _kept(self, portion: Portion) -> bool:
        told = finished(file_of(self.out, portion.number), portion, self.task.columns)
        if told is None:
            return False
        self.outcome.kept += 1
        self._add(portion.number, told)
        return True

    def _add(self, number: int, told: Told) -> None:
        for line in told.left:
            self.say(line)
        for name, why in told.failed:
            self.say(f"{name}: {why}")
        self.failed[number] = told.failed
        self.outcome.images += told.images
        self.outcome.notes.update(told.notes)

    def _count(self, number: int, told: Told) -> None:
        self._add(number, told)
        images = self.outcome.images
        rate = (images - self.there) / (time.monotonic() - self.began)
        share = len(self.failed) / len(self.portions)
        self.watch(Progress("scoring", share, images, {"scoring/images a second": rate}))

    def _lost(self, portion: Portion) -> None:
        why = "its worker died at every try, with it or another file of its portion"
        lost = [(location.id, why) for location in portion.locations]
        file_of(self.out, portion.number).unlink(missing_ok=True)
        self._add(portion.number, Told(portion.digest, failed=lost))

    def _tidy(self, *, whole: bool) -> None:
        """Remove files of a folder that held more, once the others are there."""
        there = sorted(numbered(self.out).items())
        more = [path for number, path in there if number not in self.portions]
        if more and not whole:
            first = f"{more[0].name} and what follows"
            self.say(f"{first} are of a folder that held more, and stay until all else is there")
            return
        for path in more:
            path.unlink(missing_ok=True)

    def _end(self) -> Outcome:
        failed = [row for number in sorted(self.failed) for row in self.failed[number]]
        self.outcome.failed = len(failed)
        path = self.out / ERRORS
        if failed:
            lines = (json.dumps({"image": name, "error": why}) + "\n" for name, why in failed)
            write_whole(path, "".join(lines))
        else:
            path.unlink(missing_ok=True)
        for text in counted_notes(self.outcome.notes, self.outcome.images):
            self.say(text)
        return self.outcome


# The folder -------------------------------------------------------------------------------------


def _check_folder(out: Path, task: Task, paths: Sequence[str]) -> str:
    """What a folder says of whose scores it holds: nothing is written among a user's files.

    Raises:
        OutskirtsError: it holds others, or something else, or is no folder.
    """
    asked = {"target": task.target, "parts": task.parts, "bf16": task.bf16}
    places = [_place(path) for path in paths]
    if out.exists() and not out.is_dir():
        raise OutskirtsError(f"{out} is a file: with --ray, --out names a folder")
    if not out.parent.is_dir():
        raise OutskirtsError(f"there is no folder {out.parent}")
    if (out / RUN).exists():
        had: Any = None
        with suppress(ValueError):
            had = json.loads(read_text(out / RUN))
        scored = had.pop("paths", []) if isinstance(had, dict) else []  # none: an old one
        if had != asked:
            words = f"scores of {_words(had)}, not of {_words(asked)}"
            raise OutskirtsError(f"{out} holds {words}: give another folder")
        if gone := [place for place in scored if place not in places]:
            words = f"scores of what lies at {gone[0]}, which is not named now"
            raise OutskirtsError(f"{out} holds {words}: name it too, or another folder by --out")
    elif out.exists() and (others := sorted(p.name for p in out.iterdir() if p.name != LOCK)):
        raise OutskirtsError(f"{out} holds other files, such as {others[0]}: give a new folder")
    return json.dumps({**asked, "paths": places})


def _place(path: str) -> str:
    """A path or an address in the one form in which it is compared."""
    return path.rstrip("/") if "://" in path else os.path.abspath(path)


def _words(asked: Any) -> str:
    if not isinstance(asked, dict):
        return "another program"
    options = [f"--{name}" for name in ("parts", "bf16") if asked.get(name)]
    return " ".join([str(asked.get("target")), *options])
