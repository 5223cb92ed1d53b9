"""Files on disks and in buckets that any of many processes can read by themselves."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from core.data.archive import Allowance, kind_of, left_out, read_archive
from core.data.arrays import arrays_in
from core.data.bounds import check_length
from core.data.decode import SUFFIXES, decode
from core.data.images import (
    ARCHIVE,
    ARRAYS,
    File,
    ImageError,
    Item,
    Picture,
    apart,
    files_at,
    items_of,
    reason,
)
from core.errors import OutskirtsError
from core.shape import Shape

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

__all__ = ["Location", "locations_of", "read_location"]

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Location:
    """A file of the user's, by what any process finds it again, and sees that it has changed.

    Attributes:
        id: its name in the table.
        place: its path, on a disk or in the bucket of ``root``.
        root: the address that was given of a bucket, or "".
        size: bytes; changed: nanoseconds, when it was; -1 where that cannot be known.
        error: why it cannot be read, where that is known beforehand.
    """

    id: str
    place: str
    root: str = ""
    size: int = -1
    changed: int = -1
    error: str = ""

    @property
    def known(self) -> tuple[str | int, ...]:
        return self.id, self.place, self.root, self.size, self.changed, self.error

    @property
    def holds_many(self) -> bool:
        return PurePosixPath(self.place).suffix.lower() in (*ARRAYS, ARCHIVE)


def locations_of(paths: Sequence[str], *, say: Say | None = None) -> list[Location]:
    """The files that paths and addresses (``s3://bucket/folder``) stand for, as `read_items` has.

    Args:
        say: told how many files of other kinds a folder holds.

    Raises:
        OutskirtsError: a path is missing or stands for nothing, an address cannot be understood, or
            its bucket does not answer.
    """
    files: list[File] = []
    known: list[Location] = []
    for path in paths:
        if "://" not in path:
            files += (here := files_at(path, say))
            _check_there(path, here)
            known += [_on_disk(file) for file in here]
            continue
        for file, location in _in_bucket(path, say):
            files.append(file)
            known.append(location)
    return [replace(s, id=file.id) for file, s in zip(apart(files), known, strict=True)]


def _check_there(path: str, files: Sequence[File]) -> None:
    """Refuse a path that is missing, or a folder without images: a disk that is not mounted."""
    if [file.path for file in files] != [Path(path)]:
        return
    try:
        why = files[0].error
        files[0].path.stat()
    except (OSError, ValueError) as error:
        why = why or reason(error, files[0].path)
    if why:
        raise OutskirtsError(f"{path or files[0].id}: {why}; nothing is scored")


def _on_disk(file: File) -> Location:
    place = os.path.abspath(file.path)  # a worker is in another folder
    try:
        found = file.path.stat()
    except (OSError, ValueError):  # who reads it says why
        return Location(file.id, place, error=file.error)
    return Location(file.id, place, "", found.st_size, found.st_mtime_ns, file.error)


def read_location(location: Location, shape: Shape, *, say: Say | None = None) -> Iterator[Item]:
    """Every image of a location, of that shape, or one item with the reason why there is none.

    Args:
        say: told how many files of other kinds a zip holds.
    """
    if not location.root:
        file = File(Path(location.place), location.id, location.id, location.error)
        yield from items_of(file, shape, say)
        return
    try:
        for part, found in _pictures(location, shape, say):
            if isinstance(found, Picture):
                yield Item(location.id + part, found)
            else:
                yield Item(location.id + part, None, str(found))
    except Exception as error:  # a bucket's client raises whatever it likes
        again = not isinstance(error, ImageError)
        yield Item(location.id, None, " ".join(reason(error).split()), again=again)


def _pictures(
    location: Location, shape: Shape, say: Say | None
) -> Iterator[tuple[str, Picture | ImageError]]:
    """Pictures of a file in a bucket, each with its place in it."""
    ending = PurePosixPath(location.place).suffix.lower()
    system, _ = _opened(location.root)
    if ending not in (*ARRAYS, ARCHIVE):
        check_length(location.size)
        with system.open_input_stream(location.place) as stream:
            data = stream.read(location.size + 1)  # it may have grown since it was listed
        check_length(len(data))
        yield "", decode(data, shape)
        return
    with system.open_input_file(location.place) as file:
        if ending in ARRAYS:
            yield from arrays_in(file, location.size, shape)
        else:
            tell = None if say is None else lambda left: say(f"{location.id}: {left}")
            yield from read_archive(file, shape, allowance=Allowance.of_one_user(), say=tell)


# Buckets ----------------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def _opened(address: str) -> tuple[FileSystem, str]:
    """The file system that an address is of, and the path in it: pyarrow's, or fsspec's.

    Raises:
        OutskirtsError: neither knows it, or it does not answer.
    """
    from pyarrow.fs import FileSystem, FSSpecHandler, PyFileSystem

    if address.endswith("://"):  # a client would ask the network whose it might be
        raise OutskirtsError(f"{address} names no bucket and no folder")
    try:
        return FileSystem.from_uri(address)
    except (ValueError, OSError) as error:
        scheme, first = address.partition("://")[0], error
    try:
        from fsspec.core import url_to_fs

        if "Unrecognized filesystem type" not in str(first):
            raise first
        system, path = url_to_fs(address)
        return PyFileSystem(FSSpecHandler(system)), path
    except Exception as error:  # either's own, and those of a client that is not installed
        words = " ".join(str(error).split())
        raise OutskirtsError(f"{address} cannot be opened as {scheme}://: {words}") from error


def _in_bucket(address: str, say: Say | None) -> list[tuple[File, Location]]:
    """The files of an address: itself, or all below it that can be read, sorted."""
    from pyarrow.fs import FileSelector, FileType

    system, base = _opened(address)
    try:
        (found,) = system.get_file_info([base])
        if found.type == FileType.File:
            return [_listed(address, found, PurePosixPath(base).name)]
        listed = system.get_file_info(FileSelector(base, recursive=True))
    except Exception as error:  # a bucket's client raises whatever it likes
        words = "there is no such folder" if isinstance(error, FileNotFoundError) else str(error)
        raise OutskirtsError(f"{address} cannot be listed: {' '.join(words.split())}") from error
    files, others = list[tuple[PurePosixPath, Any]](), Counter[str]()
    for info in listed:
        name = PurePosixPath(info.path).relative_to(PurePosixPath(base))
        if info.type != FileType.File or any(part.startswith(".") for part in name.parts):
            continue
        if name.suffix.lower() in (*SUFFIXES, *ARRAYS):
            files.append((name, info))
        else:
            others[kind_of(name.name)] += 1
    left = left_out(others)
    if not files:
        empty = "the folder holds no image files"
        words = f"{empty}; {left}" if left else empty
        raise OutskirtsError(f"{address}: {words}; nothing is scored")
    if left and say:
        say(f"{address}: {left}")
    return [_listed(address, info, str(name)) for name, info in sorted(files, key=_by_name)]


def _by_name(found: tuple[PurePosixPath, Any]) -> PurePosixPath:
    return found[0]


def _listed(address: str, info: Any, name: str) -> tuple[File, Location]:
    changed = -1 if info.mtime_ns is None else info.mtime_ns
    location = Location(name, info.path, address, info.size, changed)
    return File(Path(info.path), name, f"{address.rstrip('/')}/{name}"), location
