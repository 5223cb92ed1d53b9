"""What a detector says of an image on which a visitor has erased and painted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from core.answers.explain import MapQuery, baseline_for
from core.answers.images import ImageQuery, percentiles, row_of
from core.answers.loaded import loaded
from core.answers.planting import seen_image
from core.answers.query import Answered, Query
from core.data.images import ImageError

__all__ = ["ANSWERS", "Painted", "PaintedQuery", "Strokes", "painted_over", "painted_view"]


@dataclass(frozen=True)
class Strokes:
    """What was done to the pixels of an image, row by row.

    Attributes:
        erased, painted: a bit a pixel, the first in the highest bit; none: nothing.
        levels: 0..255 of each pixel that is painted, in their order.
    """

    erased: bytes = b""
    painted: bytes = b""
    levels: bytes = b""


@dataclass(frozen=True)
class PaintedQuery(Query["Painted"]):
    """An image, or the same with a fault planted, with pixels erased to a baseline or painted."""

    wait: ClassVar[str] = "Asking what the change does…"

    image: ImageQuery
    strokes: Strokes = Strokes()
    baseline: str = "black"
    fault: int | None = None

    def files(self) -> Iterable[Path]:
        return self.image.files()


@dataclass(frozen=True)
class Painted:
    """The image as it is now, what an erased pixel shows, and the score.

    Attributes:
        image, baseline: (H, W, C) uint8.
        changed: how many pixels are erased or painted.
        percentile: of the score; percentiles: of each part, too.
    """

    image: np.ndarray
    baseline: np.ndarray
    changed: int
    score: float
    percentile: float
    percentiles: dict[str, float]


def painted_view(query: PaintedQuery, data: bytes | None = None) -> Painted:
    """The score of an image after strokes; ``data`` is the visitor's file, if it is theirs.

    Raises:
        ImageError: the strokes are of another size than the image, or ``data`` is no image.
        OutskirtsError: no such scenario, set, image, checkpoint or baseline.
    """
    from core.inference.scoring import parts_of

    seen = seen_image(query.image, data, fault=query.fault)
    detector, card = loaded(query.image.target)
    nothing = baseline_for(MapQuery(query.image, baseline=query.baseline), seen.x)[0]
    levels = (np.moveaxis(nothing.numpy(), 0, -1) * 255).round().clip(0, 255).astype(np.uint8)
    image, changed = painted_over(seen.picture.image, levels, query.strokes)
    parts = parts_of(detector, image[None])
    places = row_of(percentiles(card, parts), 0)
    part = card.score.part
    return Painted(image, levels, changed, float(parts[part][0]), places[part], places)


def painted_over(
    image: np.ndarray, baseline: np.ndarray, strokes: Strokes
) -> tuple[np.ndarray, int]:
    """An image (H, W, C) uint8 after strokes, and how many pixels changed.

    What is erased becomes as the baseline (H, W, C) uint8 is.

    Raises:
        ImageError: the strokes are of another size than the image.

    Example:
        >>> image, white = np.zeros((1, 3, 1), np.uint8), np.full((1, 3, 1), 255, np.uint8)
        >>> found, changed = painted_over(image, white, Strokes(b"\\x80", b"\\x20", b"\\x07"))
        >>> found.ravel().tolist(), changed
        ([255, 0, 7], 2)
    """
    erased, painted = (_pixels(bits, image.shape[:2]) for bits in (strokes.erased, strokes.painted))
    if len(strokes.levels) != painted.sum():
        raise ImageError(f"{painted.sum()} pixels are painted, with {len(strokes.levels)} levels")
    found = image.copy()
    found[erased] = baseline[erased]
    found[painted] = np.frombuffer(strokes.levels, np.uint8)[:, None]
    return found, int((erased | painted).sum())


def _pixels(bits: bytes, size: tuple[int, ...]) -> np.ndarray:
    """Bits of the pixels of an image as (H, W) bool."""
    count = int(np.prod(size))
    if not bits:
        return np.zeros(size, bool)
    if len(bits) != -(-count // 8):
        raise ImageError(f"strokes must be of {count} pixels, got {len(bits)} bytes")
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=count).reshape(size).astype(bool)


ANSWERS: tuple[Answered[Any], ...] = (Answered(PaintedQuery, painted_view),)
