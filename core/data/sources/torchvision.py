"""Sets that torchvision knows, in the folders in which it lays them out."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from core.data.sources._base import DataMissing, Labelled, Source, order_of
from core.data.sources.npz import read_labelled
from core.data.views import fitted
from core.shape import Shape

__all__ = ["Torchvision"]

LAYOUT = {  # a set to its folder, and to what lies there
    "CIFAR10": ("cifar-10-batches-py", "the seven files"),
    "CIFAR100-even": ("cifar-100-python", "the three files"),
    "CIFAR100-odd": ("cifar-100-python", "the three files"),
    "FashionMNIST": ("FashionMNIST/raw", "the four idx files"),
    "MNIST": ("MNIST/raw", "the four idx files"),
}
COPIES = {  # pickles are not all there is: NAME/{train,test}.npz do
    "CIFAR10": "cifar10",
    "CIFAR100-even": "cifar100-even",
    "CIFAR100-odd": "cifar100-odd",
}
HALVES = {"CIFAR100-even": 0, "CIFAR100-odd": 1}  # every second class, by name, from which on


class Torchvision(Source):
    """Images of a torchvision set; training alone reads them, the served process never does.

    Those of CIFAR are pickles, which torchvision opens after it has checked their md5. They are
    ordered by the sha256 of their pixels, and so is a copy of them in cifar10/{train,test}.npz:
    whichever is there, an image has the same number.

    CIFAR-100 comes in halves, every second class by name: "CIFAR100-even" (apple, baby, ...) and
    "CIFAR100-odd" (aquarium_fish, bear, ...). The test images of a half are the same from both.
    Its training images need not be: torchvision gives all 25,000 of a half, while the copy
    cifar100-even/train.npz that the shipped models learned from holds 12,500 of them.
    """

    known: ClassVar[tuple[str, ...]] = tuple(LAYOUT)
    named: ClassVar[bool] = False

    def read(self, folder: Path, shape: Shape, *, train: bool, download: bool = False) -> Labelled:
        copy = folder / COPIES.get(self.name, "") / ("train.npz" if train else "test.npz")
        if self.name in COPIES and copy.exists() and not (folder / LAYOUT[self.name][0]).exists():
            images, labels, classes = read_labelled(copy)
        else:
            images, labels, classes = self._of_torchvision(folder, train=train, download=download)
        if self.name in COPIES:
            order = order_of(images, labels)
            images, labels = images[order], labels[order]
        return Labelled(fitted(images, shape), labels, classes)

    @property
    def _known_as(self) -> str:
        """What torchvision.datasets calls the set that it is, or is a half of."""
        return self.name.partition("-")[0]

    def _of_torchvision(
        self, folder: Path, *, train: bool, download: bool
    ) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
        import torchvision  # training only; the served process never comes here

        try:
            known = getattr(torchvision.datasets, self._known_as)
            data = known(folder, train=train, download=download)
            images, labels = np.asarray(data.data), np.asarray(data.targets)
            fits = images.ndim == (4 if self.name in COPIES else 3) and images.dtype == np.uint8
            if not fits or labels.shape != images.shape[:1]:
                raise ValueError(f"{images.shape} {images.dtype} images, {labels.shape} labels")
        except Exception as error:  # torchvision takes bytes as they come: each error is possible
            raise DataMissing(self._why(error, folder)) from error
        images = images[..., None] if images.ndim == 3 else images
        return _half(images, labels.astype(np.int64), tuple(data.classes), HALVES.get(self.name))

    def _why(self, error: Exception, folder: Path) -> str:
        """Why torchvision has no images of a set for us, and what to do."""
        name, (below, files) = self.name, LAYOUT[self.name]
        raw = folder / below
        words = " ".join(str(error).split()) or type(error).__name__
        fault = _pickle_fault(raw, self._known_as) if name in COPIES else _idx_fault(raw)
        if isinstance(error, RuntimeError) and "not found" in words and not fault:
            return (
                f"{name} is not in {raw}: set OUTSKIRTS_DATA to a folder that holds {below} with "
                f"{files} of torchvision.datasets.{self._known_as}{self._or_a_copy(folder)}, or "
                "add --download to fetch them there"
            )
        if isinstance(error, OSError) or "downloading" in words:
            return f"{name} in {raw} cannot be had: {words}"
        return (
            f"{name} in {raw} is damaged ({fault or words}): delete its files, and add --download"
        )

    def _or_a_copy(self, folder: Path) -> str:
        """The other way to have a set, and what a copy that is begun lacks."""
        if self.name not in COPIES:
            return ""
        copy = folder / COPIES[self.name]
        lacking = [file for file in ("train.npz", "test.npz") if not (copy / file).exists()]
        lacks = f"; {copy} lacks {lacking[0]}" if len(lacking) == 1 else ""
        return f" (or {copy.name}/train.npz and test.npz{lacks})"


def _half(
    images: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], first: int | None
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Images of every second class from the ``first`` on, or of all where it is None."""
    if first is None:
        return images, labels, classes
    rows = labels % 2 == first
    return images[rows], labels[rows] // 2, classes[first::2]


def _pickle_fault(raw: Path, known_as: str) -> str:
    """What is wrong with the files of a CIFAR, some of which are there, or "".

    Args:
        known_as: its name in torchvision.datasets.
    """
    from torchvision import datasets
    from torchvision.datasets.utils import check_integrity

    known = getattr(datasets, known_as)
    meta = (known.meta["filename"], known.meta["md5"])
    files = [(raw / name, md5) for name, md5 in (*known.train_list, *known.test_list, meta)]
    if missing := [path.name for path, _ in files if not path.exists()]:
        return f"it lacks {', '.join(missing)}" if len(missing) < len(files) else ""
    wrong = [path.name for path, md5 in files if not check_integrity(str(path), md5)]
    return f"the md5 of {', '.join(wrong)} is not what torchvision knows" if wrong else ""


def _idx_fault(raw: Path) -> str:
    """What the first idx file that lies about its size says, or ""."""
    return next(filter(None, map(_fault_of, sorted(raw.glob("*-ubyte")))), "")


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
