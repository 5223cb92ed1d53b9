"""Values held for all threads of a process: each made once a version of its files, within bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from os import stat
from pathlib import Path
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

import numpy as np
from cachetools import LRUCache

__all__ = ["Cache", "Entry", "freeze", "size_of", "stamp"]

T = TypeVar("T")


@dataclass(frozen=True)
class Entry(Generic[T]):
    """A value in a version of its files, and its bytes."""

    version: Hashable
    value: T
    size: int


class Cache(Generic[T]):
    """Values by key, each in one version; those asked for longest ago go when all are too large.

    Every key has a lock of its own: of those who want a value one makes it and the others wait,
    and nobody waits for a value that is there.

    Attributes:
        limit: bytes of all values; the newest one stays whatever its size.
        sized: how many bytes a value is.
    """

    def __init__(self, *, limit: int, sized: Callable[[T], int]) -> None:
        self.limit, self.sized = limit, sized
        self._door = threading.Lock()  # of the two below; never held while a value is made
        self._entries: LRUCache[Hashable, Entry[T]] = LRUCache(
            limit, getsizeof=lambda entry: min(entry.size, limit)
        )
        # The locks of keys whose values are being made: they go with the last who holds them.
        self._making: WeakValueDictionary[Hashable, _Lock] = WeakValueDictionary()

    def get(self, key: Hashable, version: Hashable, make: Callable[[], T]) -> T:
        """The value of a key in a version: the one that is there, or one that is made now.

        Read the version before ``make`` reads the files that it is of: then a value may be newer
        than its version, and the next version makes it anew, but none is older.
        """
        if (entry := self.peek(key, version)) is not None:
            return entry.value
        with self._door:
            lock = self._making.setdefault(key, _Lock())
        with lock.held:
            if (entry := self.peek(key, version)) is None:
                value = make()
                entry = Entry(version, value, self.sized(value))
                with self._door:
                    self._entries[key] = entry
        return entry.value

    def peek(self, key: Hashable, version: Hashable) -> Entry[T] | None:
        """The entry of a key if it is there in that version: nothing is made, nobody waits."""
        with self._door:
            entry: Entry[T] | None = self._entries.get(key)
        return entry if entry is not None and entry.version == version else None

    @property
    def size(self) -> int:
        """Bytes of all values."""
        with self._door:
            return sum(entry.size for entry in self._entries.values())

    def cache_clear(self) -> None:
        """Make all values anew, as `functools.cache` does."""
        with self._door:
            self._entries.clear()


class _Lock:
    """A lock that may be held by weak references."""

    def __init__(self) -> None:
        self.held = threading.Lock()


# What values hold --------------------------------------------------------------------------------

LEAF = 64  # bytes of a small Python object, about; a number of a long list has half of them


def size_of(value: object) -> int:
    """Bytes of a value, about: those of its arrays, and an estimate of all else.

    Example:
        >>> size_of({"a": np.zeros(1000, np.float32), "b": "text"})
        4192
    """
    return sum(_size(leaf) for leaf in _leaves(value))


def _size(leaf: object) -> int:
    if isinstance(leaf, np.ndarray):
        return leaf.nbytes
    if isinstance(leaf, tuple | list):
        return LEAF // 2 * len(leaf)
    return max(LEAF, len(leaf)) if isinstance(leaf, str | bytes) else LEAF


def freeze(value: T) -> T:
    """The same value, none of whose arrays can be written to: many threads share it.

    Example:
        >>> freeze({"a": np.zeros(2)})["a"].flags.writeable
        False
    """
    for leaf in _leaves(value):
        if isinstance(leaf, np.ndarray):
            leaf.flags.writeable = False
    return value


def _leaves(value: object) -> Iterator[object]:
    """What mappings, sequences and objects with attributes hold at last; lists of numbers whole."""
    children: list[object]
    if isinstance(value, Mapping):
        children = [*value.keys(), *value.values()]
    elif isinstance(value, tuple | list):
        if value and all(isinstance(number, int | float) for number in value):
            yield value
            return
        children = list(value)
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        children = list(vars(value).values())
    else:
        yield value
        return
    for child in children:
        yield from _leaves(child)


def stamp(path: Path) -> str:
    """Changes when the file at a path does; "-" where there is none, or can be none."""
    try:
        status = stat(path)
    except (OSError, ValueError):
        return "-"
    return f"{status.st_mtime_ns}.{status.st_size}.{status.st_ino}"
