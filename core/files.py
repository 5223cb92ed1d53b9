"""Files: read as UTF-8, written whole or not at all, one writer at a time, in clear words."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from core.errors import OutskirtsError

__all__ = [
    "Busy",
    "FileError",
    "alone",
    "append_line",
    "check_writable",
    "copy_whole",
    "fill_folders",
    "no_formula",
    "read_bytes",
    "read_text",
    "write_together",
    "write_whole",
]


MAX_TEXT = 64 * 2**20  # bytes of a file of text; the largest table of a study has 0.3 MB


class FileError(OutskirtsError):
    """A file cannot be read or written; the message names it."""


class Busy(OutskirtsError):
    """Another process is at the same work."""


# What makes a spreadsheet compute a cell instead of showing it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def no_formula(text: str) -> str:
    """The same text as a cell of a table: an apostrophe before what would be a formula.

    Example:
        >>> no_formula("=1+2"), no_formula("garments#17")
        ("'=1+2", 'garments#17')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def read_text(path: Path) -> str:
    """The text of a UTF-8 file at a path, whatever the locale, without a byte order mark.

    Raises:
        FileNotFoundError: there is none.
        FileError: it cannot be read, is no file, too large, or not UTF-8.
    """
    try:
        text = read_bytes(path, most=MAX_TEXT).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is no UTF-8 text: byte {error.start} is none") from error
    return text.replace("\r\n", "\n")


def read_bytes(path: Path, *, most: int) -> bytes:
    """What the file at a path holds, if that ends: a pipe would be waited for, a device be endless.

    Args:
        most: bytes that it may have.

    Raises:
        FileNotFoundError: there is none.
        FileError: it cannot be read, is a pipe, a device or a folder, or has more bytes.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            kind = "folder" if stat.S_ISDIR(found.st_mode) else "pipe or a device"
            raise FileError(f"{path} is a {kind}, not a file")
        if found.st_size > most:
            size, bound = found.st_size / 2**20, most / 2**20
            raise FileError(f"{path} is too large: {size:,.0f} MB, and it may have {bound:,.0f}")
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}") from error


def append_line(path: Path, line: str) -> None:
    """Add a line to the UTF-8 file at a path, whether it is there or not.

    Raises:
        FileError: it cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise _unwritten(path, error) from error


def write_whole(path: Path, content: bytes | str | Callable[[BinaryIO], object]) -> None:
    """Write a file at a path, or leave what was there.

    The content is bytes, text to be UTF-8, or a function that writes to the open file.

    Raises:
        FileError: it cannot be written.
    """
    if path.exists() and not path.is_file():  # a pipe or a terminal, which cannot be replaced
        with _unspoilt(path), path.open("wb") as file:
            _fill(file, content)
        return
    path = _target(path)
    part = _beside(path)
    try:
        with _unspoilt(path):
            with part.open("xb") as file:
                _fill(file, content)
            if path.exists():  # what was private stays so
                shutil.copymode(path, part)
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_together(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files that belong together, contents by name, into a folder.

    All are on disk before the first replaces an older one.

    Raises:
        FileError: one cannot be written; then none is replaced.
    """
    parts = {name: _beside(folder / name) for name in contents}
    try:
        for name, data in contents.items():
            with _unspoilt(folder / name):
                parts[name].write_bytes(data)
        for name, part in parts.items():
            with _unspoilt(folder / name):
                part.replace(folder / name)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def copy_whole(source: Path, path: Path) -> None:
    """Copy the file ``source`` to a path, whose folder is made, or leave nothing there.

    Raises:
        FileError: it cannot be read or written.
    """
    with _unspoilt(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with source.open("rb") as stream:
            write_whole(path, lambda file: shutil.copyfileobj(stream, file))
    except OSError as error:
        raise FileError(f"{source} cannot be read: {error.strerror or error}") from error


def fill_folders(fill: Mapping[Path, Callable[[Path], object]]) -> None:
    """Make folders that belong together, each by a function that fills it: all of them, or none.

    They are filled beside their places; what was there before gives way when all are full, and
    comes back if anything fails.

    Args:
        fill: a folder to the function, which is given an empty folder.

    Raises:
        FileError: one cannot be written; what a function raises is raised.
    """
    new = {folder: _beside(folder) for folder in fill}
    old = {folder: _beside(folder) for folder in fill}
    moved: list[tuple[Path, Path]] = []
    try:
        for folder, work in fill.items():
            with _unspoilt(folder):
                new[folder].mkdir(parents=True)
            work(new[folder])
        for folder in fill:
            with _unspoilt(folder):
                if folder.exists():
                    moved.append((folder.rename(old[folder]), folder))
                moved.append((new[folder].rename(folder), new[folder]))
    except BaseException:  # an interrupt, too
        for here, there in reversed(moved):
            here.rename(there)
        raise
    finally:
        for folder in new.values():
            shutil.rmtree(folder, ignore_errors=True)
    for folder in old.values():
        shutil.rmtree(folder, ignore_errors=True)


def check_writable(path: Path) -> None:
    """Find out before long work whether `write_whole` will be allowed to write to this path.

    Raises:
        FileError: it will not.
    """
    if path.is_dir():
        raise FileError(f"{path} is a folder, not a file")
    if path.exists() and not os.access(path, os.W_OK):
        raise FileError(f"{path} may not be written")
    if path.exists() and not path.is_file():
        return
    path = _target(path)
    part = _beside(path)
    try:
        with _unspoilt(path):
            part.touch(exist_ok=False)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def alone(folder: Path, work: str) -> Iterator[None]:
    """Do some work in a folder while no other process of this machine does; the folder is made.

    Raises:
        Busy: "WORK by process N", where one does.
        FileError: the folder cannot be written.
    """
    from filelock import FileLock, Timeout  # a dependency of torch's: no page needs it

    with _unspoilt(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock", timeout=0)
        who = folder / "lock.pid"
        try:
            lock.acquire()
        except Timeout as error:
            other = who.read_text(encoding="utf-8") if who.exists() else "?"
            raise Busy(f"{work} by process {other.strip() or '?'}") from error
    try:
        write_whole(who, f"{os.getpid()}\n")
        yield
    finally:
        who.unlink(missing_ok=True)
        lock.release()


def _target(path: Path) -> Path:
    """The file that a link leads to, which stays a link.

    Raises:
        FileError: it leads to itself.
    """
    found = Path(os.path.realpath(path))
    if found.is_symlink():  # followed to the end, it is one only in a circle
        raise FileError(f"{path} is a link that leads to itself")
    return found


def _beside(path: Path) -> Path:
    """A name of its own for every writer, in the same folder: a rename there is at once."""
    own = f"{os.getpid()}-{secrets.token_hex(4)}.part"
    short = len(os.fsencode(path.name)) < 200  # file systems end at 255 bytes
    return path.with_name(f".{path.name}.{own}" if short else f".{own}")


def _fill(file: BinaryIO, content: bytes | str | Callable[[BinaryIO], object]) -> None:
    if callable(content):
        content(file)
    else:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def _unspoilt(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unwritten(path, error) from error


def _unwritten(path: Path, error: OSError) -> FileError:
    return FileError(f"{path} cannot be written: {error.strerror or error}")
