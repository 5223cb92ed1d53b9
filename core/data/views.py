"""Sets of images that are not in memory at once: chosen, joined, fitted or read from files."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np

from core.data.picture import as_pil, fit, pixels_of
from core.errors import PicturesElsewhere
from core.shape import Shape

__all__ = ["MEMORY", "Absent", "Chosen", "Files", "Images", "Joined", "absence", "chunks", "fitted"]

MEMORY = 256 * 2**20  # bytes of pictures that are kept once they are read
CHUNK = 1024


class Images(Protocol):
    """What can be indexed as an array (N, ...) of uint8 can: an array itself, or a view below."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int | slice | np.ndarray, /) -> np.ndarray: ...


def chunks(images: Images, size: int = CHUNK) -> Iterator[np.ndarray]:
    """All images (N, ...) in order, arrays (n, ...) of ``size`` at a time.

    Example:
        >>> [c.tolist() for c in chunks(np.arange(5, dtype=np.uint8), 2)]
        [[0, 1], [2, 3], [4]]
    """
    for start in range(0, len(images), size):
        yield images[start : start + size]


class _View(ABC):
    """Images (N, ...) uint8 that are made when they are asked for; ``[:]`` makes all of them."""

    shape: tuple[int, ...]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int | slice | np.ndarray, /) -> np.ndarray:
        rows = np.arange(len(self))[index]
        return self._take(rows) if rows.ndim else self._take(rows[None])[0]

    @abstractmethod
    def _take(self, rows: np.ndarray) -> np.ndarray:
        """The images of these rows (n,), each from 0 to N - 1."""


class Chosen(_View):
    """Some rows (n,) of images, in an order of their own.

    Example:
        >>> Chosen(np.array([10, 20, 30], np.uint8), np.array([2, 0]))[:].tolist()
        [30, 10]
    """

    def __init__(self, images: Images, rows: np.ndarray) -> None:
        self.images, self.rows = images, rows
        self.shape = (len(rows), *images.shape[1:])

    @property
    def nbytes(self) -> int:
        """Bytes that its images keep in memory, at most: those of files are read when asked for."""
        whole = math.prod(self.shape)
        return min(whole, self.images.nbytes) if isinstance(self.images, Files) else whole

    def _take(self, rows: np.ndarray) -> np.ndarray:
        return self.images[self.rows[rows]]


class Absent(_View):
    """Images of a ``shape`` (N, ...) that are not here: who asks for one is told why.

    Raises:
        PicturesElsewhere: with these words, whenever a picture is asked for.

    Example:
        >>> len(Absent((5, 2, 2, 3), "they may not ship"))
        5
    """

    def __init__(self, shape: tuple[int, ...], words: str) -> None:
        self.shape, self.words = shape, words

    def _take(self, rows: np.ndarray) -> np.ndarray:
        raise PicturesElsewhere(self.words)


class Joined(_View):
    """Several sets of images of one shape, the ``parts``, one after the other.

    Raises:
        ValueError: there is none, or they are of different shapes.

    Example:
        >>> both = Joined([np.array([1, 2], np.uint8), np.array([3], np.uint8)])
        >>> both[np.array([2, 0])].tolist()
        [3, 1]
    """

    def __init__(self, parts: Sequence[Images]) -> None:
        shapes = {part.shape[1:] for part in parts}
        if len(shapes) != 1:
            raise ValueError(f"images to join must be of one shape, got {sorted(shapes)}")
        self.parts = tuple(parts)
        self.starts = np.cumsum([0, *map(len, parts)])
        self.shape = (int(self.starts[-1]), *shapes.pop())

    def _take(self, rows: np.ndarray) -> np.ndarray:
        images = np.empty((len(rows), *self.shape[1:]), np.uint8)
        which = np.searchsorted(self.starts, rows, side="right") - 1
        for i, part in enumerate(self.parts):
            here = which == i
            if here.any():
                images[here] = part[rows[here] - self.starts[i]]
        return images


def absence(images: Images) -> str:
    """Why some of these ``images`` (N, ...) are not here, or "": views are looked through.

    Example:
        >>> away = Absent((5, 2, 2, 3), "they may not ship")
        >>> absence(Joined([Chosen(away, np.array([4])), np.zeros((1, 2, 2, 3), np.uint8)]))
        'they may not ship'
    """
    if isinstance(images, Absent):
        return images.words
    if isinstance(images, Chosen):
        return absence(images.images)
    parts = images.parts if isinstance(images, Joined) else ()
    return next(filter(None, map(absence, parts)), "")


class Files(_View):
    """Images of a ``shape`` (N, ...) that are read one by one, by their numbers.

    Those read first are kept, up to ``memory`` bytes: training asks for all of them every epoch,
    in an order that no other rule of keeping foresees.

    Args:
        read: gives one image, of the shape (H, W, C) or (H, W), by its number.
    """

    def __init__(
        self, shape: tuple[int, ...], read: Callable[[int], np.ndarray], memory: int = MEMORY
    ) -> None:
        self.shape, self.read, self.room = shape, read, memory
        self.kept: dict[int, np.ndarray] = {}
        self.nbytes = min(memory, math.prod(shape))  # kept at most

    def _take(self, rows: np.ndarray) -> np.ndarray:
        images = np.empty((len(rows), *self.shape[1:]), np.uint8)
        for i, row in enumerate(rows.tolist()):
            images[i] = self._one(row)
        return images

    def _one(self, row: int) -> np.ndarray:
        image = self.kept.get(row)
        if image is None:
            image = self.read(row)
            if image.nbytes <= self.room:
                self.room -= image.nbytes
                self.kept[row] = image
        return image


class _Fitted(_View):
    def __init__(self, images: Images, target: Shape) -> None:
        self.images, self.target = images, target
        self.shape = (len(images), *target.pixels)

    def _take(self, rows: np.ndarray) -> np.ndarray:
        images = np.empty((len(rows), *self.shape[1:]), np.uint8)
        mode = "L" if self.target.channels == 1 else "RGB"
        for i, image in enumerate(self.images[rows]):
            images[i] = pixels_of(fit(as_pil(image).convert(mode), self.target))
        return images


def fitted(images: Images, shape: Shape) -> Images:
    """Images (N, h, w, c) uint8 as (N, H, W, C): the longer side fitted, grey or colour.

    Those of that shape are given back as they are, the others are made when asked for.

    Example:
        >>> fitted(np.full((1, 2, 4, 3), 9, np.uint8), Shape(1, 2, 2))[:][0, ..., 0].tolist()
        [[9, 9], [0, 0]]
    """
    return images if images.shape[1:] == shape.pixels else _Fitted(images, shape)
