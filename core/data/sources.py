"""Training and test images of public sets, from the folder that OUTSKIRTS_DATA names."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.errors import OutskirtsError, no_arrays

__all__ = ["DataMissing", "general_set", "public_set"]

_PUBLIC = ("FashionMNIST", "MNIST")
_GENERAL = {  # folder to files, each with images (N, 28, 28) and labels (N,)
    "general-grey": ("emnist-letters-test.npz", "notmnist.npz", "quickdraw3.npz"),
}


class DataMissing(OutskirtsError):
    """Training data is unknown, damaged, or not where it was looked for."""


def public_set(
    name: str, folder: Path, *, train: bool, download: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 28, 28, 1) uint8 and labels (N,) int64 of a torchvision set.

    Raises:
        DataMissing: there is no such set; or its files are not in ``folder`` and ``download`` is
            not set, cannot be fetched, or are damaged.

    Those of the source ``name`` below ``folder``.
    They are to train on or, without ``train``, to test with; ``download`` fetches what is missing.
    """
    if name not in _PUBLIC:
        raise DataMissing(f"no public set {name!r}; there are: {', '.join(_PUBLIC)}")
    import torchvision  # training only; the served process never comes here

    raw = folder / name / "raw"
    try:
        found = getattr(torchvision.datasets, name)(folder, train=train, download=download)
        images, labels = found.data.numpy(), found.targets.numpy()
        if images.ndim != 3 or images.dtype != np.uint8 or labels.shape != images.shape[:1]:
            raise ValueError(f"{images.shape} {images.dtype} images, {labels.shape} labels")
    except Exception as error:  # torchvision takes bytes as they come: each error is possible
        raise DataMissing(_why(error, name, raw)) from error
    return images[..., None], labels.astype(np.int64)


def _why(error: Exception, name: str, raw: Path) -> str:
    """Why torchvision has no images of a set for us, and what to do."""
    words = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, RuntimeError) and "not found" in words:
        return (
            f"{name} is not in {raw}: set OUTSKIRTS_DATA to a folder that holds {name}/raw with "
            f"the four idx files of torchvision.datasets.{name}, or add --download to fetch them "
            "there"
        )
    if isinstance(error, OSError) or "downloading" in words:
        return f"{name} in {raw} cannot be had: {words}"
    words = next(filter(None, map(_fault_of, sorted(raw.glob("*-ubyte")))), words)
    return f"{name} in {raw} is damaged ({words}): delete its files, and add --download"


def _fault_of(file: Path) -> str:
    """What an idx file says of its size that is not so, or "": two zeros, 8, dimensions, sizes."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        head = stream.read(4)
        sizes = stream.read(4 * head[3]) if head[:3] == b"\0\0\x08" and len(head) == 4 else b""
    if not sizes or len(sizes) % 4:
        return f"{file.name} of {size} bytes is no idx file"
    whole = 4 + 4 * head[3] + int(np.prod(np.frombuffer(sizes, ">u4"), dtype=np.int64))
    return "" if whole == size else f"{file.name} has {size} bytes, not {whole}"


def general_set(name: str, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 28, 28, 1) uint8 of a general set, and labels (N,) int64 that say which file.

    Raises:
        DataMissing: there is no such set, or its files are not in ``folder``, or hold something
            else.

    Those of the source ``name`` below ``folder``.
    """
    if name not in _GENERAL:
        raise DataMissing(f"no general set {name!r}; there are: {', '.join(_GENERAL)}")
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
            raise DataMissing(f"{path} cannot be read: {no_arrays(error)}") from error
        if images.ndim != 3 or images.dtype != np.uint8:
            raise DataMissing(
                f"{path}: images must be (N, H, W) uint8, got {images.shape} {images.dtype}"
            )
        pieces.append(images)
    labels = np.repeat(np.arange(len(pieces)), [len(p) for p in pieces])
    return np.concatenate(pieces)[..., None], labels
