"""Lectures: an ordered list of links into the pages, with a sentence or two each, in a plain file.

A sentence holds no number of its own: ``{auroc fashion/glow mnist total}`` stands for one, and what
else it claims stands beside it, as ``"holds": ["auroc fashion/glow mnist total < 0.5"]``.
`core.answers.cited` says both anew each time.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import ConfigDict, Field, ValidationError

from core.errors import OutskirtsError, complaint
from core.files import FileError, read_text
from core.schema import Strict
from core.settings import settings

__all__ = [
    "LONGEST_LINK",
    "LONGEST_TEXT",
    "LONGEST_TITLE",
    "MAX_FILE",
    "MAX_STEPS",
    "OWN",
    "TILES",
    "WHERE",
    "LectureError",
    "LectureFile",
    "LectureStep",
    "Link",
    "lecture_names",
    "lecture_path",
    "link_of",
    "load",
    "read_lecture",
    "save",
]

MAX_FILE = 500_000  # bytes: as many steps, as long as they may be
MAX_STEPS = 100
LONGEST_LINK = 2_000  # characters
LONGEST_TEXT = 600
LONGEST_TITLE = 100
OWN = "own"  # what a visitor keeps: it has no file here
TILES = "start"  # what is made of start tiles
WHERE = ("present", "lecture", "step")  # of an address: where one is, which no link of a step says

Name = re.compile(r"[a-z0-9-]{1,60}")
Claim = Annotated[str, Field(min_length=1, max_length=300)]


class LectureError(OutskirtsError):
    """A lecture, or a step of one, cannot be shown; the message says why, in one line."""


class LectureStep(Strict):
    """A view of a page, and what is said of it.

    Attributes:
        link: the address of the view, or what follows the server's name in it.
        text: a sentence or two; a figure in braces stands for its number.
        holds: what else must be true for them, as FIGURE < FIGURE or FIGURE > NUMBER.
    """

    link: str = Field(max_length=LONGEST_LINK)
    text: str = Field(min_length=1, max_length=LONGEST_TEXT)
    holds: tuple[Claim, ...] = Field(default=(), max_length=10, exclude_if=lambda v: not v)


class LectureFile(Strict):
    """A lecture as its file holds it."""

    model_config = ConfigDict(serialize_by_alias=True)

    schema_version: Literal[1] = Field(default=1, alias="schema")
    title: str = Field(min_length=1, max_length=LONGEST_TITLE)
    steps: tuple[LectureStep, ...] = Field(min_length=1, max_length=MAX_STEPS)


@dataclass(frozen=True)
class Link:
    """Where a link leads.

    Attributes:
        page: the last part of its path; "": the first page.
        query: keys and values, in their order.
    """

    page: str
    query: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """The link as a step has it."""
        return f"{self.page}?{urlencode(self.query)}" if self.query else self.page


def link_of(text: str) -> Link:
    """Where the ``text`` of a link leads, whichever server it names, at whatever step copied.

    Raises:
        LectureError: it is no address, or holds a number without end.

    Example:
        >>> link_of("http://host:8501/likelihoods?seed=3&lecture=paradox&step=2")
        Link(page='likelihoods', query=(('seed', '3'),))
        >>> link_of("mirror").text, link_of("/?scenario=fashion").text
        ('mirror', '?scenario=fashion')
    """
    try:
        parts = urlsplit(text.strip())
        pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=100)
    except ValueError as error:
        raise LectureError(f"{text[:60]!r} is no address") from error
    page = parts.path.rpartition("/")[2]
    if not re.fullmatch(r"[a-z]{0,40}", page):
        raise LectureError(f"there is no page {page[:60]!r}")
    for key, value in pairs:
        if _endless(value):
            raise LectureError(f"{key[:60]!r} is no finite number")
    return Link(page, tuple(pair for pair in pairs if pair[0] not in WHERE))


def _endless(value: str) -> bool:
    try:
        return not math.isfinite(float(value))
    except ValueError:
        return False


def load(data: bytes | str) -> LectureFile:
    """The lecture in the ``data`` of a file that anybody may have written.

    Raises:
        LectureError: it is none, or too large.

    Example:
        >>> load('{"title": "Mine", "steps": [{"link": "mirror", "text": "Look."}]}').title
        'Mine'
    """
    if len(data) > MAX_FILE:
        raise LectureError(f"it has {len(data):,} bytes; a lecture has up to {MAX_FILE:,}")
    try:
        return LectureFile.model_validate_json(data)
    except ValidationError as error:
        raise LectureError(f"it is no lecture: {complaint(error)}") from error


def save(lecture: LectureFile) -> str:
    """A ``lecture`` as the text of its file, which `load` reads."""
    return lecture.model_dump_json(indent=1) + "\n"


def lecture_path(name: str) -> Path:
    """Where the lecture of that ``name`` lies, if there is one."""
    return settings().lectures / f"{name}.json"


def lecture_names() -> list[str]:
    """Names of the lectures that have a file, sorted."""
    names = (path.stem for path in settings().lectures.glob("*.json"))
    return sorted(name for name in names if Name.fullmatch(name))


def read_lecture(name: str) -> LectureFile:
    """The lecture of that ``name``, from its file.

    Raises:
        LectureError: there is none, or its file cannot be read; the message names it.
    """
    if name not in lecture_names():
        known = ", ".join([TILES, *lecture_names()])
        raise LectureError(f"there is no lecture “{name[:60]}”; there are: {known}")
    if name in (OWN, TILES):
        raise LectureError(f"lectures/{name}.json: no file may be called so, choose another name")
    path = lecture_path(name)
    try:
        if path.stat().st_size > MAX_FILE:
            raise LectureError(f"it has more than {MAX_FILE:,} bytes")
        return load(read_text(path))
    except (LectureError, FileError, OSError) as error:
        raise LectureError(f"lectures/{path.name}: {error}") from error
