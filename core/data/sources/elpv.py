"""Electroluminescence pictures of solar cells, which come with the PyPI package elpv-dataset."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np

from core.data.sources._base import DataMissing, Labelled, Source
from core.data.sources._pictures import PictureFiles, words_of
from core.data.views import MEMORY, Files
from core.files import FileError, read_text
from core.shape import Shape

__all__ = ["Elpv"]

PACKAGE = "elpv-dataset==1.0.0.post1"
CELLS = 2624  # rows of its labels.csv
KINDS = ("mono", "poly")
THIRDS = {"functional": (0,), "uncertain": (1, 2), "defective": (3,)}  # of a defect's probability
TRAINS = 0.6  # of the functional cells of each kind
SEED = 0
SHOWN = 16 * 2**20  # bytes of test pictures that are kept; pages show some of several sets
FILE = re.compile(r"images/[A-Za-z0-9_-]+\.png")


class _Cell(NamedTuple):
    """A row of labels.csv: the file's name, three times its probability, and its kind."""

    file: str
    thirds: int
    kind: int


class Elpv(Source):
    """``functional`` cells, which have no defect, ``uncertain`` ones, and ``defective`` ones.

    A class is a kind of cell, mono- or polycrystalline. Of the functional cells of each kind 60 %
    train, drawn once and for all, and the others test; of the rest all test. The package's own
    function, which loads all pictures at once, is never called.

    Raises:
        DataMissing: a name other than these.

    References:
        Deitsch, Christlein, Berger, Buerhop-Lutz, Maier, Gallwitz, Riess, Automatic classification
        of defective photovoltaic module cells in electroluminescence images, Solar Energy 185,
        2019. https://doi.org/10.1016/j.solener.2019.02.067
    """

    at_hand: ClassVar[bool] = True

    def __init__(self, name: str) -> None:
        super().__init__(name)
        if name not in THIRDS:
            offered = ", ".join(f"elpv:{n}" for n in THIRDS)
            raise DataMissing(f"no set 'elpv:{name}'; there are: {offered}")

    def read(self, folder: Path, shape: Shape, *, train: bool, download: bool = False) -> Labelled:
        if train and self.name != "functional":
            raise DataMissing(f"elpv:{self.name} is for tests alone: it has no training images")
        root = _root()
        cells = [cell for cell in _cells(root) if cell.thirds in THIRDS[self.name]]
        if self.name == "functional":
            part = _trains(np.array([cell.kind for cell in cells]))
            cells = [cell for cell, trains in zip(cells, part, strict=True) if trains == train]
        paths = [root / cell.file for cell in cells]
        room = MEMORY if train else SHOWN
        return Labelled(
            images=Files((len(paths), *shape.pixels), PictureFiles(paths, shape), room),
            labels=np.array([cell.kind for cell in cells], np.int64),
            classes=KINDS,
            ids=tuple(path.name for path in paths),
        )

    def watched(self, folder: Path) -> tuple[Path, ...]:
        try:
            return (_root() / "labels.csv",)
        except DataMissing:
            return ()

    def version(self) -> str:
        """The sha256 of labels.csv and of the sizes of all files: ten milliseconds."""
        root = _root()
        digest = hashlib.sha256((root / "labels.csv").read_bytes())
        for cell in _cells(root):
            try:
                digest.update(f" {(root / cell.file).stat().st_size}".encode())
            except OSError as error:
                raise DataMissing(
                    f"{root / cell.file} cannot be read: {words_of(error)}"
                ) from error
        return digest.hexdigest()


@cache  # what is not there is looked for again
def _root() -> Path:
    """The package's folder of data: found, and nothing of it imported."""
    try:
        found = find_spec("elpv_dataset")
    except (ImportError, ValueError):  # a name in sys.modules that is no package
        found = None
    if found is None or not found.submodule_search_locations:
        raise DataMissing(
            f"the solar cells come with a package that is not installed: `pip install {PACKAGE}`"
        )
    return Path(next(iter(found.submodule_search_locations))) / "data"


def _cells(root: Path) -> list[_Cell]:
    """The rows of labels.csv: a file, its probability and its kind, between blanks.

    Raises:
        DataMissing: it is not there, damaged, or of another length.
    """
    path = root / "labels.csv"
    try:
        lines = read_text(path).splitlines()
    except (OSError, FileError) as error:
        raise _damaged(path, words_of(error)) from error
    cells = [_cell(path, number, line) for number, line in enumerate(lines, start=1)]
    if len(cells) != CELLS:
        raise _damaged(path, f"it has {len(cells):,} rows, not {CELLS:,}")
    if len({cell.file for cell in cells}) != CELLS:
        raise _damaged(path, "it names a file twice")
    return cells


def _cell(path: Path, number: int, line: str) -> _Cell:
    try:
        file, probability, kind = line.split()
        thirds = 3 * float(probability)
        known = FILE.fullmatch(file) and abs(thirds - round(thirds)) < 1e-6 and 0 <= thirds < 3.5
        if not known:
            raise ValueError(line)
        return _Cell(file, round(thirds), KINDS.index(kind))
    except ValueError as error:
        raise _damaged(
            path, f"row {number} is {line[:80]!r}, not a file, a probability and a kind"
        ) from error


def _damaged(path: Path, why: str) -> DataMissing:
    return DataMissing(
        f"{path} cannot be read: {why}; `pip install --force-reinstall {PACKAGE}` mends it"
    )


def _trains(kinds: np.ndarray) -> np.ndarray:
    """Whether each functional cell (N,) trains, by its kind (N,): 60 % of each kind do."""
    part = np.zeros(len(kinds), bool)
    for kind in range(len(KINDS)):
        rows = np.random.default_rng([SEED, kind]).permutation(np.flatnonzero(kinds == kind))
        part[rows[: round(TRAINS * len(rows))]] = True
    return part
