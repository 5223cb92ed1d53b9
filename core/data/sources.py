"""Training and test images of public sets, from the folder that OUTSKIRTS_DATA names."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.errors import OutskirtsError

__all__ = ["DataMissing", "general_set", "public_set"]

_PUBLIC = ("FashionMNIST", "MNIST")
_GENERAL = {  # folder to files, each with images (N, 28, 28) and labels (N,)
    "general-grey": ("emnist-letters-test.npz", "notmnist.npz", "quickdraw3.npz"),
}


class DataMissing(OutskirtsError):
    """Training data is not where it was looked for."""


def public_set(
    name: str, folder: Path, *, train: bool, download: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 28, 28) uint8 and labels (N,) int64 of a torchvision set.

    Raises:
        DataMissing: the files are not in ``folder`` and ``download`` is not set.
        LookupError: there is no such set.
    """
    if name not in _PUBLIC:
        raise LookupError(f"no public set {name!r}; there are: {', '.join(_PUBLIC)}")
    import torchvision  # training only; the served process never comes here

    try:
        found = getattr(torchvision.datasets, name)(folder, train=train, download=download)
    except RuntimeError as error:
        if "not found" not in str(error):
            raise DataMissing(f"{name} in {folder} cannot be had: {error}") from error
        raise DataMissing(
            f"{name} is not in {folder / name / 'raw'}: set OUTSKIRTS_DATA to a folder that holds "
            f"{name}/raw with the four idx files of torchvision.datasets.{name}, or add --download "
            "to fetch them there"
        ) from error
    return found.data.numpy().astype(np.uint8), found.targets.numpy().astype(np.int64)


def general_set(name: str, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 28, 28) uint8 of a general set, and labels (N,) int64 that say which file.

    Raises:
        DataMissing: the files are not in ``folder``, or hold something else.
        LookupError: there is no such set.
    """
    if name not in _GENERAL:
        raise LookupError(f"no general set {name!r}; there are: {', '.join(_GENERAL)}")
    pieces = []
    for file in _GENERAL[name]:
        path = folder / name / file
        try:
            with np.load(path, allow_pickle=False) as stored:
                images = stored["images"]
        except FileNotFoundError as error:
            raise DataMissing(
                f"{name} is not in {folder / name}: set OUTSKIRTS_DATA to a folder that holds "
                f"{name} with {', '.join(_GENERAL[name])}, each an .npz with images (N, 28, 28) "
                "uint8; it cannot be downloaded from here"
            ) from error
        except Exception as error:  # zlib, zipfile and numpy each have their own
            raise DataMissing(f"{path} cannot be read: {error}") from error
        if images.ndim != 3 or images.dtype != np.uint8:
            raise DataMissing(
                f"{path}: images must be (N, H, W) uint8, got {images.shape} {images.dtype}"
            )
        pieces.append(images)
    labels = np.repeat(np.arange(len(pieces)), [len(p) for p in pieces])
    return np.concatenate(pieces), labels
