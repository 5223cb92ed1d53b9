"""Values kept for all threads of a process: each made once a version of its files, within bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Generic, TypeVar

__all__ = ["Kept", "stamp"]

T = TypeVar("T")


class _Place(Generic[T]):
    """Where the value of one key is kept; the lock is for making it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.held: tuple[Hashable, T] | None = None  # version and value, exchanged at once
        self.weight = 0


class Kept(Generic[T]):
    """Values by key, each in one version; those asked for longest ago go when all weigh too much.

    Every key has a lock of its own: of those who want a value one makes it and the others wait,
    and nobody waits for a value that is there.

    Attributes:
        limit: bytes of all values; the newest one stays whatever it weighs.
        weigh: how many bytes a value is.
    """

    def __init__(self, *, limit: int, weigh: Callable[[T], int]) -> None:
        self.limit, self.weigh = limit, weigh
        self._order = threading.Lock()  # never held while a value is made
        self._places: OrderedDict[Hashable, _Place[T]] = OrderedDict()

    def get(self, key: Hashable, version: Hashable, make: Callable[[], T]) -> T:
        """The value of a key in a version: the one that is kept, or one that is made now.

        Read the version before ``make`` reads the files that it is of: then a value may be newer
        than its version, and the next version makes it anew, but none is older.
        """
        with self._order:
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
        held = place.held
        if held is None or held[0] != version:
            with place.lock:
                held = place.held
                if held is None or held[0] != version:
                    held = self._make(key, place, version, make)
        return held[1]

    def _make(
        self, key: Hashable, place: _Place[T], version: Hashable, make: Callable[[], T]
    ) -> tuple[Hashable, T]:
        try:
            value = make()
        except BaseException:
            with self._order:
                if place.held is None and self._places.get(key) is place:
                    del self._places[key]  # wrong keys leave nothing behind
            raise
        place.held, place.weight = (version, value), self.weigh(value)
        self._make_room(key)
        return version, value

    def _make_room(self, newest: Hashable) -> None:
        with self._order:
            total = sum(place.weight for place in self._places.values())
            for key in [k for k in self._places if k != newest]:
                if total <= self.limit:
                    return
                total -= self._places.pop(key).weight

    def cache_clear(self) -> None:
        """Make all values anew, as `functools.cache` does."""
        with self._order:
            self._places.clear()


def stamp(path: Path) -> str:
    """Changes when a file changes; "-" where there is none, or no file can have such a name."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return "-"
    return f"{found.st_mtime_ns}.{found.st_size}.{found.st_ino}"
