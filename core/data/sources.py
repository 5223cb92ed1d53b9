"""Training and test images of the public sets, from the folder that OUTSKIRTS_DATA names."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.errors import OutskirtsError

__all__ = ["DataMissing", "public_set"]

_PUBLIC = ("FashionMNIST", "MNIST")


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
