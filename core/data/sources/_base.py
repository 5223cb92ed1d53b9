"""What every source of images keeps: where it looks, what it gives, and what it says if not."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from core.data.views import Images
from core.errors import OutskirtsError
from core.shape import Shape

__all__ = ["DataMissing", "Labelled", "Source", "order_of"]


class DataMissing(OutskirtsError):
    """Training data is unknown, damaged, or not where it was looked for."""


@dataclass(frozen=True)
class Labelled:
    """Training or test images of a source, with what is known of each.

    Attributes:
        images: (N, H, W, C) uint8, an array or a view that reads when asked.
        labels: (N,) int64, an index into ``classes``.
        classes: names.
        ids: a name for each image, or () where its number is its name.
        masks: (N, H, W) uint8, 1 where a pixel is strange, or None where nobody knows.
    """

    images: Images
    labels: np.ndarray
    classes: tuple[str, ...]
    ids: tuple[str, ...] = ()
    masks: Images | None = None


class Source(ABC):
    """Images by a name, in the folder that OUTSKIRTS_DATA names.

    A kind of source lives in a file of its own whose stem is the kind. scenario.json says
    "KIND:NAME", or NAME alone where the kind ``known`` it.

    Attributes:
        known: the names that need no kind before them.
        named: whether the kind takes other names too.
        at_hand: whether its pictures come with a package that requirements.txt installs: they need
            no data folder, and no copy in reference.npz.
    """

    known: ClassVar[tuple[str, ...]] = ()
    named: ClassVar[bool] = True
    at_hand: ClassVar[bool] = False

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def read(self, folder: Path, shape: Shape, *, train: bool, download: bool = False) -> Labelled:
        """Images below ``folder``, fitted to a ``shape``.

        Args:
            train: those to train with, or those to test with.
            download: fetch what is not there, where that can be done.

        Raises:
            DataMissing: they are not there and ``download`` is not set or of no help, or are
                damaged.
        """

    def watched(self, folder: Path) -> tuple[Path, ...]:
        """Files below ``folder`` that test images are made of, for whoever keeps what was read."""
        return ()

    def version(self) -> str:
        """Of pictures at hand, a sha256 that is quickly had and changes if they are others.

        Raises:
            DataMissing: they are not there, or damaged.
        """
        return ""


def order_of(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Rows (N,) of images (N, ...) uint8 by the sha256 of their pixels; equal ones by labels (N,).

    An image has the same place then, in whatever order a file, or two of them, hold the set.

    Example:
        >>> images, labels = np.array([[1], [2], [3]], np.uint8), np.zeros(3, int)
        >>> order_of(images, labels).tolist(), order_of(images[::-1], labels).tolist()
        ([2, 0, 1], [0, 2, 1])
    """
    keys = [hashlib.sha256(image.tobytes()).digest() for image in images]
    return np.array(sorted(range(len(keys)), key=lambda i: (keys[i], labels[i])), np.intp)
