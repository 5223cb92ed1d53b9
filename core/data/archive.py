"""Pictures in a zip of the user's: read in memory and in order, nothing of it ever on disk."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import IO

from core.data.arrays import arrays_in
from core.data.decode import SUFFIXES, decode
from core.data.picture import ImageError, Picture
from core.data.unpacking import (
    MAX_UNPACKED,
    Allowance,
    Spent,
    entries_of,
    label_of,
    refusal_of,
    shortened,
    unpack,
)
from core.shape import Shape

__all__ = [
    "MAX_IMAGES",
    "MAX_UNPACKED",
    "Allowance",
    "Apart",
    "Spent",
    "kind_of",
    "left_out",
    "read_archive",
]

MAX_IMAGES = 2_000  # at a time, with what cannot be read
NESTED = (
    ".zip", ".npz", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".lzma", ".cbz",
)  # fmt: skip
NAMED = 8  # endings of files of other kinds that are named
LONG = 10  # letters, with the dot: what is longer is no ending


def read_archive(
    stream: IO[bytes],
    shape: Shape,
    *,
    allowance: Allowance,
    say: Callable[[str], None] | None = None,
) -> Iterator[tuple[str, Picture | ImageError]]:
    """Pictures of the files and arrays in the zip of a stream, each with its place in it.

    That is ``/name``, or ``/name#3`` in an array. What cannot be read comes as the reason, in its
    place; the rest is read. Hidden files are left out without a word, as in a folder.

    Args:
        say: told how many files of other kinds were left out.

    Raises:
        ImageError: it is no zip, or holds no image files.
        Spent: all archives have unpacked to as much as they may, or all images decoded.
    """
    archive, entries = entries_of(stream, allowance)
    with archive:
        known, others = _sorted_out(entries)
        left = left_out(others)
        if not known:
            empty = "the archive holds no image files"
            raise ImageError(f"{empty}; {left}" if left else empty)
        if left and say:
            say(left)
        for entry, label in known:
            yield from _read(archive, entry, label, shape=shape, allowance=allowance)


def kind_of(name: str) -> str:
    """The ending of a file's name, or that it has none.

    Example:
        >>> kind_of("a/b.HEIC"), kind_of("README"), kind_of("x." + "y" * 60_000)
        ('.heic', 'no ending', 'no ending')
    """
    ending = PurePosixPath(name).suffix.lower()
    return ending if 0 < len(ending) <= LONG else "no ending"


def left_out(endings: Counter[str]) -> str:
    """A line on files of other kinds, by their endings, or "" where there are none.

    Example:
        >>> left_out(Counter({".heic": 2, ".txt": 1}))
        '3 files of other kinds left out: .heic, .txt'
    """
    if not endings:
        return ""
    count, names = endings.total(), sorted(endings)
    more = ", …" if len(names) > NAMED else ""
    files = "1 file of another kind" if count == 1 else f"{count:,} files of other kinds"
    return f"{files} left out: {', '.join(names[:NAMED])}{more}"


class Apart:
    """Names that are kept apart: one that was given before is numbered."""

    def __init__(self) -> None:
        self.given = Counter[str]()

    def name(self, name: str) -> str:
        """The name itself, or the first of ``name (2)``, ``name (3)``, ... that is not given.

        Example:
            >>> apart = Apart()
            >>> [apart.name(name) for name in ("a", "a", "a (2)", "a")]
            ['a', 'a (2)', 'a (2) (2)', 'a (3)']
        """
        own = name
        while own in self.given:
            self.given[name] += 1
            own = f"{name} ({self.given[name]})"
        self.given[own] = 1
        return own


def _sorted_out(
    entries: list[zipfile.ZipInfo],
) -> tuple[list[tuple[zipfile.ZipInfo, str]], Counter[str]]:
    """Entries that are read or refused, each with a label of its own; and what the others are."""
    known: list[tuple[zipfile.ZipInfo, str]] = []
    others, apart = Counter[str](), Apart()
    for entry in entries:
        label = label_of(entry)
        if _is_hidden(label):
            continue
        ending = PurePosixPath(label).suffix.lower()
        if ending not in (*SUFFIXES, *NESTED, ".npy"):
            others[kind_of(label)] += 1
            continue
        known.append((entry, apart.name(shortened(label))))
    return known, others


def _is_hidden(label: str) -> bool:
    parts = [part for part in label.split("/") if part not in (".", "..")]
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _read(
    archive: zipfile.ZipFile,
    entry: zipfile.ZipInfo,
    label: str,
    *,
    shape: Shape,
    allowance: Allowance,
) -> Iterator[tuple[str, Picture | ImageError]]:
    """The picture of an entry, those of an array, or the reason why there is none."""
    place, ending = f"/{label}", PurePosixPath(label_of(entry)).suffix.lower()
    try:
        if ending in NESTED:
            raise ImageError("an archive in an archive, which is not read: give it by itself")
        if why := refusal_of(entry):
            raise ImageError(why)
        data = unpack(archive, entry, allowance)
        if ending != ".npy":
            yield place, decode(data, shape, charge=allowance.decode)
            return
        for part, found in arrays_in(io.BytesIO(data), len(data), shape):
            yield place + part, found
    except Spent as error:
        raise Spent(f"{place.removeprefix('/')}: {error}") from error
    except ImageError as error:
        yield place, error
