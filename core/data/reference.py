"""reference.npz: the images that a scenario shows, by set, with labels and masks."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.cache import freeze
from core.data.views import Chosen, Images
from core.errors import ScenarioError, no_arrays
from core.files import write_whole

__all__ = ["Pictures", "read_reference", "write_reference"]


@dataclass(frozen=True)
class Pictures:
    """Images of one set, with what is known of each.

    Attributes:
        images: (N, H, W, C) uint8, an array or a view of those of other sets.
        labels: (N,), index into the set's classes, or -1.
        packed: (N, B) uint8, masks at one bit a pixel in B = ceil(H * W / 8) bytes, or None.
    """

    name: str
    images: Images
    labels: np.ndarray
    packed: np.ndarray | None = None

    @property
    def masks(self) -> np.ndarray | None:
        """(N, H, W) uint8, 1 where a pixel is strange; None where nobody knows."""
        if self.packed is None:
            return None
        n, height, width = self.images.shape[:3]
        bits = np.unpackbits(self.packed, axis=1, count=height * width)
        return bits.reshape(n, height, width)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        packed = 0 if self.packed is None else self.packed.nbytes
        return math.prod(self.images.shape) + self.labels.nbytes + packed

    def chosen(self, name: str, rows: np.ndarray) -> Pictures:
        """The images of some rows (n,) as a set of another name; none is copied."""
        packed = None if self.packed is None else self.packed[rows]
        return Pictures(name, Chosen(self.images, rows), self.labels[rows], packed)

    def ids(self) -> list[str]:
        """The name of each image, "set#i"."""
        return [f"{self.name}#{i}" for i in range(len(self.images))]


def write_reference(path: Path, sets: Mapping[str, tuple[np.ndarray, ...]]) -> str:
    """Write images, labels and, where there are any, masks of sets by name; return the sha256.

    Args:
        path: of the file.
        sets: images (N, H, W[, C]) uint8, labels (N,), masks (N, H, W) of 0 and 1.

    Raises:
        FileError: it cannot be written.
    """
    arrays: dict[str, Any] = {}
    for name, (images, labels, *masks) in sets.items():
        arrays[f"{name}/images"] = images
        arrays[f"{name}/labels"] = labels.astype(np.int16)
        if masks:
            arrays[f"{name}/masks"] = np.packbits(masks[0].reshape(len(images), -1), axis=1)
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    write_whole(path, packed.getvalue())
    return hashlib.sha256(packed.getvalue()).hexdigest()


def read_reference(path: Path, name: str) -> Mapping[str, Pictures]:
    """Images of all sets of a reference.npz, by set.

    Args:
        path: of the file.
        name: the scenario's, for messages.

    Raises:
        ScenarioError: it is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            sets = {key.rpartition("/")[0] for key in stored.files}
            return freeze({s: _pictures(stored, s) for s in sets})
    except FileNotFoundError as error:
        raise ScenarioError(
            f"{name}/reference.npz is missing: `python -m core train` makes it from training data"
        ) from error
    except Exception as error:  # zlib, zipfile and numpy each have their own for a damaged file
        raise ScenarioError(f"{name}/reference.npz cannot be read: {no_arrays(error)}") from error


def _pictures(stored: Any, name: str) -> Pictures:
    """A stored set; grey images may do without a channel."""
    images, labels = stored[f"{name}/images"], stored[f"{name}/labels"].astype(int)
    images = images[..., None] if images.ndim == 3 else images
    packed = stored[f"{name}/masks"] if f"{name}/masks" in stored.files else None
    if packed is not None:
        n, height, width = images.shape[:3]
        wanted = (n, -(-height * width // 8))
        if packed.shape != wanted or packed.dtype != np.uint8:
            raise ValueError(
                f"masks of {name} must be {wanted} uint8, got {packed.shape} {packed.dtype}"
            )
    return Pictures(name, images, labels, packed)
