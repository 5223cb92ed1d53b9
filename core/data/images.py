"""Every image of the user's files, arrays, zips and folders, each with a name of its own."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.data.archive import Allowance, Apart, kind_of, left_out, read_archive
from core.data.arrays import from_array, read_arrays
from core.data.bounds import NO_MEMORY, check_file
from core.data.decode import SUFFIXES, decode, decode_file
from core.data.picture import ImageError, Picture
from core.shape import Shape

__all__ = [
    "ARCHIVE",
    "ARRAYS",
    "File",
    "ImageError",
    "Item",
    "Picture",
    "apart",
    "decode",
    "files_at",
    "from_array",
    "items_of",
    "read_items",
    "reason",
]

ARRAYS = (".npy", ".npz")
ARCHIVE = ".zip"  # read where it is named itself: in a folder it may hold what lies beside it


@dataclass(frozen=True)
class Item:
    """One image of the user: its id and either a picture or the reason why there is none.

    Attributes:
        file: which of the files that were brought it is of, from 0; on the command line always 0.
        again: whether what failed was the reading, and not the file: it may be read another time.
    """

    id: str
    picture: Picture | None
    error: str = ""
    file: int = 0
    again: bool = False


def read_items(
    paths: Sequence[Path | str], shape: Shape, *, say: Callable[[str], None] | None = None
) -> Iterator[Item]:
    """Every image of files, arrays, zips and folders (recursive, sorted); bad ones stop nothing.

    An id is a file's name, or its path in the folder that was given; where two are the same, the
    argument stands before it. Hidden files are left out of folders.

    Args:
        say: told of each folder how many files of other kinds were left out.
    """
    found = [file for path in paths for file in files_at(path, say)]
    for file in apart(found):
        yield from items_of(file, shape, say)


# Files and folders ------------------------------------------------------------------------------


@dataclass(frozen=True)
class File:
    """A file that was named, or found in a folder that was, or the reason why there is none."""

    path: Path
    id: str
    full: str  # the id with the argument before it
    error: str = ""


def files_at(path: Path | str, say: Callable[[str], None] | None) -> list[File]:
    """The files that a path stands for: itself, or of a folder those that it holds, sorted.

    Args:
        say: told how many files of other kinds a folder holds.
    """
    if not str(path):  # a variable of the shell that is not set; a Path of it is this folder
        return [File(Path(), "''", "''", "there is no such file")]
    path = Path(path)
    if not _is_folder(path):
        return [File(path, path.name or str(path), str(path))]
    tree = _Tree()
    tree.walk(path)
    left = left_out(tree.others)
    if not tree.files and not tree.closed:
        empty = "the folder holds no image files"
        return [File(path, str(path), str(path), f"{empty}; {left}" if left else empty)]
    if left and say:
        say(f"{path}: {left}")
    listed = [(file, "") for file in sorted(tree.files)] + sorted(tree.closed.items())
    return [File(p, str(p.relative_to(path)), str(p), why) for p, why in listed]


@dataclass
class _Tree:
    """What a folder and all below hold; a linked folder too, and no real folder twice."""

    files: list[Path] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    closed: dict[Path, str] = field(default_factory=dict)

    def walk(self, folder: Path) -> None:
        seen: set[str] = set()
        folders, linked = [folder], list[Path]()
        while folders or linked:  # links last: a folder goes by its own name where it has one
            here = folders.pop() if folders else linked.pop(0)
            try:
                entries = sorted(os.scandir(here), key=lambda entry: entry.name)
                real = os.path.realpath(here)
            except OSError as error:
                self.closed[here] = f"the folder cannot be read: {error.strerror or error}"
                continue
            if real in seen:
                continue
            seen.add(real)
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if os.path.isdir(entry.path):
                    (linked if entry.is_symlink() else folders).append(Path(entry.path))
                else:
                    self._add(Path(entry.path))

    def _add(self, file: Path) -> None:
        if file.suffix.lower() in (*SUFFIXES, *ARRAYS):
            self.files.append(file)
        else:
            self.others[kind_of(file.name)] += 1


def apart(files: Sequence[File]) -> Iterator[File]:
    """Files with ids that are unique: with the argument before them where they are not."""
    same, given = Counter(file.id for file in files), Apart()
    for file in files:  # one that was named twice is numbered
        yield replace(file, id=given.name(file.full if same[file.id] > 1 else file.id))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name too long to be one, or with a zero byte
        return False


# Reading ----------------------------------------------------------------------------------------


def items_of(file: File, shape: Shape, say: Callable[[str], None] | None = None) -> Iterator[Item]:
    """Every image of a file, or one item with the reason why there is none.

    Args:
        shape: of the pictures.
        say: told how many files of other kinds a zip holds.
    """
    if file.error:
        yield Item(file.id, None, file.error)
        return
    try:
        if file.path.suffix.lower() not in (*ARRAYS, ARCHIVE):
            yield Item(file.id, decode_file(file.path, shape))
            return
        for part, found in _several(file, shape, say):
            if isinstance(found, Picture):
                yield Item(file.id + part, found)
            else:
                yield Item(file.id + part, None, str(found))
    except (ImageError, MemoryError, OSError, ValueError) as error:
        again = isinstance(error, MemoryError | OSError)
        yield Item(file.id, None, reason(error, file.path), again=again)


def _several(
    file: File, shape: Shape, say: Callable[[str], None] | None
) -> Iterator[tuple[str, Picture | ImageError]]:
    """Pictures of an array file or of a zip, each with its place in it."""
    if file.path.suffix.lower() in ARRAYS:
        yield from read_arrays(file.path, shape)
        return
    check_file(file.path)
    tell = None if say is None else lambda left: say(f"{file.id}: {left}")
    with file.path.open("rb") as stream:
        yield from read_archive(stream, shape, allowance=Allowance.of_one_user(), say=tell)


def reason(error: Exception, path: Path | None = None) -> str:
    """Why an image cannot be read, of the error that was met at a path."""
    if isinstance(error, FileNotFoundError):
        return "a link to nowhere" if path and path.is_symlink() else "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "a folder, not a file"
    if isinstance(error, MemoryError):
        return NO_MEMORY
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error)  # ours, or a ValueError: a path with a zero byte
