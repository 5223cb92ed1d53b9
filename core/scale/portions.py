"""A portion of the work: some files to score, and the parquet file that says that they are."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from core.answers.scoring import Scored, scored_row
from core.scale.locations import Location
from core.tables import flat

__all__ = [
    "FILES",
    "Portion",
    "Task",
    "Told",
    "file_of",
    "finished",
    "numbered",
    "parquet",
    "portions_of",
]

FILES = 256  # of one image each: whole batches, and seconds of work, which is what a crash costs
ROWS = 8192  # that are held as Python's objects at a time
KEY = b"outskirts"  # in a file's metadata
NOTES = 50  # kinds of notes that a portion counts
PREFIX, SUFFIX = "part-", ".parquet"


@dataclass(frozen=True)
class Task:
    """What is asked of every portion.

    Attributes:
        target: SCENARIO/DETECTOR[.VARIANT].
        weights: sha256 of the model's card, which has those of its weights.
        columns: of the table, in order.
        parts: whether there are columns of every part of the score.
        bf16: as `core.answers.scoring.score`.
    """

    target: str
    weights: str
    columns: tuple[str, ...]
    parts: bool = False
    bf16: bool = False


@dataclass(frozen=True)
class Portion:
    """Files that are scored together; equal digests are equal work."""

    number: int
    locations: tuple[Location, ...]
    digest: str


@dataclass
class Told:
    """What is said of a portion beside its numbers.

    Attributes:
        digest: of the work that was done.
        failed: what could not be read, and why.
        notes: what was done to images, and warnings, by how often.
        again: whether another try may read more.
        left: lines on files of other kinds.
    """

    digest: str
    images: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    again: bool = False
    left: list[str] = field(default_factory=list)


def portions_of(
    locations: Iterable[Location], task: Task, *, files: int = FILES
) -> Iterator[Portion]:
    """Share locations out by a task: so many files of one image to a portion; an array its own."""
    for number, chosen in enumerate(_shared(locations, files)):
        named = json.dumps([asdict(task), [location.known for location in chosen]])
        yield Portion(number, chosen, hashlib.sha256(named.encode()).hexdigest())


def _shared(locations: Iterable[Location], files: int) -> Iterator[tuple[Location, ...]]:
    waiting: list[Location] = []
    for location in locations:
        if location.holds_many:
            if waiting:
                yield tuple(waiting)
            yield (location,)
            waiting = []
            continue
        waiting.append(location)
        if len(waiting) == files:
            yield tuple(waiting)
            waiting = []
    if waiting:
        yield tuple(waiting)


def parquet(scored: Iterable[Scored], task: Task, told: Told) -> bytes:
    """The parquet file of what was scored; ``told`` is filled on the way, and stands in it."""
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    kinds = {"image": pyarrow.string()}
    schema = pyarrow.schema([(name, kinds.get(name, pyarrow.float64())) for name in task.columns])
    notes, file = Counter[str](), io.BytesIO()
    rows = _rows(scored, task, told, notes)
    with ParquetWriter(file, schema, write_page_checksum=True) as writer:
        while some := list(islice(rows, ROWS)):
            writer.write_table(pyarrow.Table.from_pylist(some, schema))
        told.notes = dict(notes.most_common(NOTES))
        writer.add_key_value_metadata({KEY: json.dumps(asdict(told)).encode()})
    return file.getvalue()


def _rows(
    scored: Iterable[Scored], task: Task, told: Told, notes: Counter[str]
) -> Iterator[Mapping[str, Any]]:
    for one in scored:
        if one.error:
            told.failed.append((one.image, one.error))
            continue
        told.images += 1
        notes.update([*one.notes, *(f"warning: {w}" for w in one.warnings)])
        yield flat(scored_row(one, parts=task.parts))


def file_of(folder: Path, number: int) -> Path:
    """Where in a folder the portion of a number lies."""
    return folder / f"{PREFIX}{number:06d}{SUFFIX}"


def numbered(folder: Path) -> dict[int, Path]:
    """Portions that lie in a folder, whole or not, by number."""
    found: dict[int, Path] = {}
    for path in folder.glob(f"{PREFIX}*{SUFFIX}"):
        digits = path.name.removeprefix(PREFIX).removesuffix(SUFFIX)
        if digits.isdecimal():
            found[int(digits)] = path
    return found


def finished(
    path: Path, portion: Portion, columns: Sequence[str], *, again: bool = False
) -> Told | None:
    """What the file at a path tells of a portion, if it is whole and of this work; None: score it.

    Every page is read, and compared with its checksum.

    Args:
        columns: that the table must have.
        again: give it too where another try may read more.
    """
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        with path.open("rb") as stream:
            file = ParquetFile(stream, page_checksum_verification=True)
            table = file.read()
            told = json.loads((file.metadata.metadata or {})[KEY])
        told["failed"] = [(name, why) for name, why in told["failed"]]
        found = Told(**told)
    except (OSError, KeyError, TypeError, ValueError, pyarrow.ArrowException):
        return None  # cut short, damaged, or not ours
    whole = table.column_names == list(columns) and table.num_rows == found.images
    done = again or not found.again
    return found if whole and done and found.digest == portion.digest else None
