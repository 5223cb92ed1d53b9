"""A map as a browser draws it: its columns in one file, a few bytes a point."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from core.answers.latent import LatentMap, LatentQuery, latent
from core.answers.loaded import Target, files_of
from core.answers.query import Answered, Query
from core.scenario import ScenarioError

__all__ = [
    "ANSWERS",
    "BINS",
    "Column",
    "ColumnQuery",
    "Points",
    "PointsQuery",
    "column",
    "pack",
    "points",
    "score_bins",
    "shuffled",
    "unpack",
]

BINS = 24  # of the score's histogram
CELLS = 65535  # steps of a coordinate
OTHER_COLUMNS = ("percentile", "trust")  # what a map can be coloured by besides its parts


# The file ----------------------------------------------------------------------------------------


def pack(columns: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> bytes:
    """``columns``, each (N,), and ``about``, what is to be said of them, as one gzip file.

    Unpacked: the length of a JSON text as uint32, the text, and the columns one after the other,
    each from a multiple of 8 bytes on, little-endian. The text names them in order, with types.

    Example:
        >>> about, columns = unpack(pack({"x": np.arange(3, dtype=np.uint16)}, {"title": "a"}))
        >>> about["title"], columns["x"].tolist()
        ('a', [0, 1, 2])
    """
    types = [[name, values.dtype.name] for name, values in columns.items()]
    size = len(next(iter(columns.values())))
    text = json.dumps({**about, "size": size, "columns": types}).encode()
    body = _filled(np.uint32(len(text)).tobytes() + text)
    for values in columns.values():
        body += _filled(values.astype(values.dtype.newbyteorder("<")).tobytes())
    return gzip.compress(body, 6, mtime=0)


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """``data`` as `pack` was given it: what is said of the columns, and the columns, each (N,).

    The browser reads the same file in points.js.
    """
    body = gzip.decompress(data)
    length = int(np.frombuffer(body, "<u4", 1)[0])
    about = json.loads(body[4 : 4 + length])
    at, columns = _ceil(4 + length), {}
    for name, kind in about["columns"]:
        columns[name] = np.frombuffer(body, np.dtype(kind).newbyteorder("<"), about["size"], at)
        at = _ceil(at + columns[name].nbytes)
    return about, columns


def _ceil(size: int) -> int:
    return -(-size // 8) * 8


def _filled(data: bytes) -> bytes:
    return data.ljust(_ceil(len(data)), b"\0")


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


# The points --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PointsQuery(Query["Points"]):
    """The points of a detector's map by one layout; "" for the first that there is."""

    wait: ClassVar[str] = LatentQuery.wait

    target: Target
    layout: str = ""

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


@dataclass(frozen=True)
class Points:
    """A map as one file, see `pack`; its version is another when a byte of it is.

    Columns: x, y (in steps of the range that ``low`` and ``high`` say), set, class (one past the
    last name: none), verdict (see `LatentMap.verdict`), bin of the score, percentile and trust in
    hundredths of a percent, score in the unit of pages, index in the set.
    """

    data: bytes
    version: str


def points(query: PointsQuery) -> Points:
    """The map that ``query`` names, packed.

    Raises:
        OutskirtsError: no such scenario, checkpoint or layout, or the checkpoint has no map.
    """
    view = latent(LatentQuery(query.target, query.layout))
    low, high = view.xy.min(0).astype(np.float64), view.xy.max(0).astype(np.float64)
    steps = (view.xy - low) / np.where(high > low, high - low, 1) * CELLS
    score = view.parts[view.score]
    bins, edges = score_bins(score, view.role == "normal")
    names = sorted({name for name in view.labels.tolist() if name})
    number = {name: i for i, name in enumerate(names)} | {"": len(names)}
    columns = {
        "x": steps[:, 0].round().astype(np.uint16),
        "y": steps[:, 1].round().astype(np.uint16),
        "set": view.which.astype(np.uint8),
        "class": np.array([number[name] for name in view.labels.tolist()], _small(len(names))),
        "verdict": view.verdict.astype(np.uint8),
        "bin": bins,
        "percentile": (100 * view.percentiles[view.score]).round().astype(np.uint16),
        "trust": (10_000 * np.clip(view.local, 0, 1)).round().astype(np.uint16),
        "score": score.astype(np.float32),
        "index": view.indices.astype(np.uint32),
    }
    about = {
        "low": low.tolist(),
        "high": high.tolist(),
        "sets": list(view.sets),
        "classes": names,
        "edges": edges.tolist(),
        "scored": [view.titles[view.score], view.units[view.score]],
    }
    data = pack(columns, about)
    return Points(data, _version(data))


def _small(largest: int) -> type[np.unsignedinteger[Any]]:
    return np.uint8 if largest < 256 else np.uint16


def score_bins(values: np.ndarray, normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of `BINS` bins each of the scores ``values`` (N,) lies in, uint8; edges (BINS + 1,).

    What lies far beyond the images that are ``normal``, (N,) bool, is counted in the outermost
    bins: to scale, strange ones could press the normal into a line.

    Example:
        >>> bins, edges = score_bins(np.linspace(0, 1, 1001), np.ones(1001, bool))
        >>> bins[[0, 500, 1000]].tolist(), edges[[0, -1]].round(3).tolist()
        ([0, 12, 23], [0.005, 0.995])
    """
    first, last = np.quantile(values[normal] if normal.any() else values, (0.005, 0.995))
    reach = 4 * max(last - first, 1e-3)
    low, high = np.quantile(values, (0.005, 0.995)).clip(first - reach, last + reach)
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    return np.searchsorted(edges[1:-1], values, "right").astype(np.uint8), edges


def shuffled(size: int, seed: int) -> np.ndarray:
    """0 to ``size`` - 1, (size,), in an order that ``seed`` names: points.js draws the same one.

    Example:
        >>> shuffled(6, 1).tolist() == shuffled(6, 1).tolist(), sorted(shuffled(6, 2).tolist())
        (True, [0, 1, 2, 3, 4, 5])
    """
    order = list(range(size))
    state = (seed * 2654435761 + 12345) % 2**32
    for i in range(size - 1, 0, -1):
        state = (state * 1664525 + 1013904223) % 2**32
        j = state * (i + 1) >> 32
        order[i], order[j] = order[j], order[i]
    return np.array(order, np.int64)


# A column to colour by ---------------------------------------------------------------------------


@dataclass(frozen=True)
class ColumnQuery(Query["Column"]):
    """A number of every point of a map: a part, or one of `OTHER_COLUMNS`."""

    wait: ClassVar[str] = LatentQuery.wait

    target: Target
    layout: str
    what: str

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


@dataclass(frozen=True)
class Column:
    """Numbers (N,) of a map's points as one file, see `pack`: its only column is "value".

    Attributes:
        low, high: the middle 98 % of the values: a few far away must not take all the colours.
        unit: of the values, "" where they have none.
    """

    data: bytes
    version: str
    low: float
    high: float
    title: str
    unit: str


def column(query: ColumnQuery) -> Column:
    """The number that ``query`` names of every point, in the order of the map.

    Raises:
        OutskirtsError: no such scenario, checkpoint, layout or part, or no map.
    """
    view = latent(LatentQuery(query.target, query.layout))
    values, title, unit = _numbers(view, query.what, str(query.target))
    low, high = (float(value) for value in np.quantile(values, (0.01, 0.99)))
    data = pack({"value": values.astype(np.float32)}, {})
    return Column(data, _version(data), low, high if high > low else low + 1, title, unit)


def _numbers(view: LatentMap, what: str, target: str) -> tuple[np.ndarray, str, str]:
    if what == "percentile":
        return view.percentiles[view.score], "percentile of the score", ""
    if what == "trust":
        return view.local, "trustworthiness of the place", ""
    if what not in view.parts:
        known = ", ".join((*OTHER_COLUMNS, *view.parts))
        raise ScenarioError(f"{target} has no number {what!r}; it has: {known}")
    return view.parts[what], view.titles[what], view.units[what]


ANSWERS: tuple[Answered[Any], ...] = (
    Answered(PointsQuery, points),
    Answered(ColumnQuery, column),
)
