"""The visitor's own scores of the reference images: a CSV file, read id by id."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from core.errors import OutskirtsError
from core.scenario import Scenario, load_scenario

__all__ = [
    "MAX_SCORES_BYTES",
    "OWN",
    "SHOWN_IDS",
    "OwnProblem",
    "OwnScores",
    "OwnScoresError",
    "own_scores",
]

OWN = "own"  # the name of the visitor's column, which is no model's
MAX_SCORES_BYTES = 8 * 2**20
MAX_ROWS = 200_000
SHOWN_IDS = 20  # of a kind of problem; the others are counted
LONGEST_ID = 60  # letters
LARGEST = 1e100  # beyond it, sums of scores overflow


class OwnScoresError(OutskirtsError):
    """A file of scores cannot be used at all; the message says why, and what one looks like."""


@dataclass(frozen=True)
class OwnProblem:
    """What is wrong with some lines of a file of scores.

    Attributes:
        kind: "unknown", "twice", "no number" or "missing".
        text: in words, for those ids.
        ids: with the line that each is in, the first `SHOWN_IDS`.
        count: how many there are.
    """

    kind: str
    text: str
    ids: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class OwnScores:
    """A file of scores, matched to the images of a strange set and its normal one.

    Attributes:
        normal, strange: (N,) and (M,); NaN where the file has no score.
        elsewhere: lines about other sets of the scenario, which say nothing here.
    """

    normal_set: str
    strange_set: str
    normal: np.ndarray
    strange: np.ndarray
    elsewhere: int
    problems: tuple[OwnProblem, ...]

    @property
    def matched_normal(self) -> int:
        return int(np.isfinite(self.normal).sum())

    @property
    def matched_strange(self) -> int:
        return int(np.isfinite(self.strange).sum())

    @property
    def complete(self) -> bool:
        """Whether every image of both sets has a score."""
        return bool(np.isfinite(self.normal).all() and np.isfinite(self.strange).all())

    def check(self) -> None:
        """Refuse scores that nothing can be measured by.

        Raises:
            OwnScoresError: none of one set.
        """
        for name, matched in (
            (self.normal_set, self.matched_normal),
            (self.strange_set, self.matched_strange),
        ):
            if not matched:
                raise OwnScoresError(
                    f"your file has no score of an image of {name}, such as {name}#0"
                )


def own_scores(scenario: str, strange: str, *, data: bytes | None) -> OwnScores:
    """What a visitor's CSV file says of the images of a strange set and its normal one.

    Columns ``image``, an id such as SET#17, and ``score``, the larger the stranger, are found
    by their names, apart by commas, semicolons or tabs. Of an image named twice the first counts.

    Args:
        scenario: its name; strange: the strange set.
        data: the file.

    Raises:
        OwnScoresError: there is no file, it is too large, or it is no such table.
        ScenarioError: no such scenario or set, or the set is not strange.
    """
    world = load_scenario(scenario)
    normal = world.normal_of(strange).name
    if data is None:
        raise OwnScoresError("no file of scores was given")
    reading = _Reading(world, normal, strange)
    for line, image, score in _rows(data, example=f"{normal}#0"):
        reading.take(line, image, score)
    return reading.done()


# The images ---------------------------------------------------------------------------------------


@dataclass
class _Reading:
    """Lines matched to images so far."""

    world: Scenario
    normal_set: str
    strange_set: str
    elsewhere: int = 0
    wrong: dict[str, list[str]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sizes = {s.name: len(self.world.pictures(s.name).images) for s in self.world.sets}
        self.sizes = sizes
        self.scores = {n: np.full(sizes[n], np.nan) for n in (self.normal_set, self.strange_set)}
        self.named = {n: np.zeros(sizes[n], bool) for n in self.scores}
        self.offsets = self._offsets(sizes)

    def _offsets(self, sizes: Mapping[str, int]) -> dict[str, tuple[str, int]]:
        """Set of an id to the set counted here, and where in it the set's images begin.

        Images of a set that others join have an id in those, too.
        """
        offsets = {name: (name, 0) for name in self.scores}
        if self.world.set_named(self.strange_set).joins:
            begin, own = 0, {s.name for s in self.world.own_sets}
            for s in self.world.strange:
                if s.name in own:
                    offsets[s.name] = (self.strange_set, begin)
                    begin += sizes[s.name]
        return offsets

    def take(self, line: int, image: str, score: str) -> None:
        """One line of the file."""
        set_name, index = _parsed(image)
        if index is None or not 0 <= index < self.sizes.get(set_name, 0):
            self._note("unknown", line, image)
            return
        if set_name not in self.offsets:
            self.elsewhere += 1
            return
        counted, begin = self.offsets[set_name]
        if np.isfinite(self.scores[counted][begin + index]):
            self._note("twice", line, image)
            return
        self.named[counted][begin + index] = True
        value = _number(score)
        if value is None:
            self._note("no number", line, f"{image}: {score.strip() or 'nothing'}")
            return
        self.scores[counted][begin + index] = value

    def _note(self, kind: str, line: int, what: str) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        ids = self.wrong.setdefault(kind, [])
        if len(ids) < SHOWN_IDS:
            ids.append(f"line {line}, {_legible(what)}")

    def done(self) -> OwnScores:
        """What was read, with the images that have no score."""
        problems = [
            OwnProblem(kind, WORDS[kind], tuple(self.wrong[kind]), self.counts[kind])
            for kind in WORDS
            if kind in self.wrong
        ]
        missing = [
            (name, int(i)) for name in self.scores for i in np.flatnonzero(~self.named[name])
        ]
        if missing:
            ids = tuple(f"{name}#{i}" for name, i in missing[:SHOWN_IDS])
            problems.append(OwnProblem("missing", MISSING, ids, len(missing)))
        return OwnScores(
            self.normal_set,
            self.strange_set,
            self.scores[self.normal_set],
            self.scores[self.strange_set],
            self.elsewhere,
            tuple(problems),
        )


WORDS = {
    "unknown": "no image of this scenario has that id",
    "twice": "named before; the first score counts",
    "no number": "the score is no finite number, with a point before its decimals",
}
MISSING = "not in the file: measured on the others alone"


def _parsed(image: str) -> tuple[str, int | None]:
    """Set and index of an id, SET#17; an apostrophe keeps a table from computing it."""
    name, _, index = image.strip().removeprefix("'").rpartition("#")
    whole = index.isascii() and index.isdecimal() and len(index) < 10
    return name, int(index) if whole else None


def _number(text: str) -> float | None:
    """A finite number, or None."""
    if "_" in text:  # Python's own way to write thousands
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) <= LARGEST else None  # neither is NaN


def _legible(text: str) -> str:
    """A few letters of a file, without any that are no letters."""
    short = text if len(text) <= LONGEST_ID else f"{text[:LONGEST_ID]}…"
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in short)


# The table ----------------------------------------------------------------------------------------

DELIMITERS = (",", ";", "\t")
LONGEST_HEAD = 10_000  # letters
NEEDED = "a first line image,score and then lines such as {},0.25"


def _rows(data: bytes, *, example: str) -> Iterator[tuple[int, str, str]]:
    """Line number, image and score of each line after the first.

    Args:
        example: an image's id, for what is said of a file that is no such table.

    Raises:
        OwnScoresError: it is too large, no text, or has no such columns.
    """
    needed = NEEDED.format(example)
    text = _text(data, needed=needed)
    delimiter, image, score = _columns(text, needed=needed)
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    try:
        for row in reader:  # to the head
            if not _blank("".join(row)):
                break
        for count, row in enumerate(reader):
            if count >= MAX_ROWS:
                raise OwnScoresError(f"your file has more than {MAX_ROWS:,} lines")
            if any(cell.strip() for cell in row):
                cells = [*row, *[""] * (max(image, score) + 1 - len(row))]
                yield reader.line_num, cells[image], cells[score]
    except csv.Error as error:
        raise OwnScoresError(f"line {reader.line_num} of your file: {error}") from error


def _text(data: bytes, *, needed: str) -> str:
    if len(data) > MAX_SCORES_BYTES:
        raise OwnScoresError(
            f"your file has {len(data) / 2**20:.1f} MB, "
            f"at most {MAX_SCORES_BYTES // 2**20} are read"
        )
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")  # as spreadsheets save "Unicode text"
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise OwnScoresError(f"your file is no CSV text in UTF-8: it needs {needed}") from error


def _blank(line: str) -> bool:
    """Whether a line has no cell with anything in it."""
    return not line.strip(" \t\r\n,;")


def _columns(text: str, *, needed: str) -> tuple[str, int, int]:
    """What stands between cells, and which columns are image and score."""
    first = next((line for line in io.StringIO(text, newline=None) if not _blank(line)), "")
    first = first.rstrip("\n")[:LONGEST_HEAD]
    for delimiter in DELIMITERS:
        reader = csv.reader([first], delimiter=delimiter, skipinitialspace=True)
        names = [name.strip().lower() for name in next(reader, [])]
        if "image" in names and "score" in names:
            return delimiter, names.index("image"), names.index("score")
    raise OwnScoresError(
        f"your file begins with {_legible(first)!r}: it needs {needed}"
        if first.strip()
        else f"your file is empty: it needs {needed}"
    )
