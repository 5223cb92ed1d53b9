"""Sets as arrays in .npz files, which hold no pickles and are made with one line of numpy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from core.data.bounds import check_file
from core.data.sources._base import DataMissing, Labelled, Source
from core.data.views import fitted
from core.errors import no_arrays
from core.shape import Shape

__all__ = ["Npz", "read_labelled"]

BUNDLES = {  # folder to files, each with grey images (N, 28, 28) of another kind
    "general-grey": ("emnist-letters-test.npz", "notmnist.npz", "quickdraw3.npz"),
}


class Npz(Source):
    """NAME/train.npz and NAME/test.npz: ``images``, ``labels`` and ``classes``.

    Images stay in the order of the file, so that a number means the same there and here.

    A name that is known is that of a folder of several files, all for training: their classes are
    those of one file after those of another, and a file that names none is a class of its own.
    """

    known: ClassVar[tuple[str, ...]] = tuple(BUNDLES)

    def read(self, folder: Path, shape: Shape, *, train: bool, download: bool = False) -> Labelled:
        if self.name in BUNDLES:
            images, labels, classes = self._bundle(folder / self.name, train=train)
        else:
            path = folder / self.name / ("train.npz" if train else "test.npz")
            images, labels, classes = read_labelled(path)
        return Labelled(fitted(images, shape), labels, classes)

    def watched(self, folder: Path) -> tuple[Path, ...]:
        return (folder / self.name / "test.npz",)

    def _bundle(self, folder: Path, *, train: bool) -> tuple[np.ndarray, np.ndarray, tuple]:
        """Images of all files of a folder, their labels, and the classes of all files."""
        if not train:
            raise DataMissing(f"{self.name} is for training alone: it has no test images")
        files = BUNDLES[self.name]
        pieces, labels = [], []
        classes: list[str] = []
        for file in files:
            images, own, names = _grey(folder, file)
            pieces.append(images)
            labels.append(own + len(classes))
            classes += names
        return np.concatenate(pieces), np.concatenate(labels), tuple(classes)


def _grey(folder: Path, file: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Images (N, H, W, 1) of one file of a bundle, labels (N,) int64, and its classes."""
    name, path, stem = folder.name, folder / file, file.removesuffix(".npz")
    try:
        arrays = _arrays(path, ("images",), also=("labels", "classes"))
    except FileNotFoundError as error:
        raise DataMissing(
            f"{name} is not in {folder}: set OUTSKIRTS_DATA to a folder that holds {name} with "
            f"{', '.join(BUNDLES[name])}, each an .npz with images (N, 28, 28) uint8; it cannot "
            "be downloaded from here"
        ) from error
    images = arrays["images"]
    if images.ndim != 3 or images.dtype != np.uint8:
        raise DataMissing(
            f"{path}: images must be (N, H, W) uint8, got {images.shape} {images.dtype}"
        )
    if len(arrays) < 3:  # labels without names, or none
        return images[..., None], np.zeros(len(images), np.int64), [stem]
    labels, classes = arrays["labels"], arrays["classes"]
    if fault := _fault(images, labels, classes):
        raise DataMissing(f"{path}: {fault}")
    return images[..., None], labels.astype(np.int64), [f"{stem} {c}" for c in classes]


def read_labelled(path: Path) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Images (N, H, W, 1|3) uint8, labels (N,) int64 and the classes' names, of a file ``path``.

    Raises:
        DataMissing: it is not there, damaged, or its arrays are of other types or shapes.
    """
    try:
        arrays = _arrays(path, ("images", "labels", "classes"))
    except FileNotFoundError as error:
        other = {"train.npz": "test.npz", "test.npz": "train.npz"}.get(path.name, "")
        alone = f" ({path.parent} holds {other} alone)" if (path.parent / other).is_file() else ""
        raise DataMissing(
            f"{path.parent.name} is not in {path}{alone}: set OUTSKIRTS_DATA to a folder that "
            f"holds {path.parent.name}/{path.name} with images (N, H, W) or (N, H, W, 3) uint8, "
            "labels (N,) int and classes; it cannot be downloaded from here"
        ) from error
    images, labels, classes = arrays["images"], arrays["labels"], arrays["classes"]
    if fault := _fault(images, labels, classes):
        raise DataMissing(f"{path}: {fault}")
    images = images[..., None] if images.ndim == 3 else images
    return images, labels.astype(np.int64), tuple(map(str, classes))


def _fault(images: np.ndarray, labels: np.ndarray, classes: np.ndarray) -> str:
    """What is wrong with the arrays of a file, or ""."""
    grey_or_colour = images.ndim == 3 or (images.ndim == 4 and images.shape[3] in (1, 3))
    if not grey_or_colour or images.dtype != np.uint8:
        return f"images must be (N, H, W[, 1|3]) uint8, got {images.shape} {images.dtype}"
    if not images.size:
        return f"there are no images in {images.shape}"
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
        wanted = f"({len(images)},) of whole numbers"
        return f"labels must be {wanted}, got {labels.shape} {labels.dtype}"
    if classes.ndim != 1 or classes.dtype.kind != "U":
        return f"classes must be (K,) of texts, got {classes.shape} {classes.dtype}"
    if labels.min() < 0 or labels.max() >= len(classes):
        return (
            f"labels must be from 0 to {len(classes) - 1}, one for each of {len(classes)} classes, "
            f"got {labels.min()} to {labels.max()}"
        )
    return ""


def _arrays(
    path: Path, names: tuple[str, ...], also: tuple[str, ...] = ()
) -> Mapping[str, np.ndarray]:
    """Arrays of an .npz file by name; a file that is not there is left to the caller.

    Args:
        also: names of those that need not be in it.
    """
    try:
        check_file(path)
        with np.load(path, allow_pickle=False) as stored:
            further = [name for name in also if name in stored.files]
            return {name: _array(stored, name) for name in (*names, *further)}
    except FileNotFoundError:
        raise
    except Exception as error:  # zlib, zipfile and numpy each have their own
        raise DataMissing(f"{path} cannot be read: {no_arrays(error)}") from error


def _array(stored: Any, name: str) -> np.ndarray:
    if name not in stored.files:
        raise ValueError(f"{name} is not a file in the archive")
    return stored[name]
