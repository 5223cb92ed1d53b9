"""Whether maps find the defect: how well they find the true pixels, where these are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from core.answers.explain import MapQuery, baseline_for, key_of
from core.answers.images import ImageQuery
from core.answers.loaded import Target, files_of, loaded, version_of
from core.answers.query import Answered, Query
from core.cache import Cache
from core.errors import OutskirtsError
from core.evaluate.pixels import AUPIMO_BOUNDS, PixelMetrics

if TYPE_CHECKING:
    from torch import Tensor

    from core.explain.truth import Found

__all__ = [
    "ANSWERS",
    "Overlap",
    "PixelPiece",
    "PixelPieceQuery",
    "PixelTruth",
    "PixelTruthQuery",
    "StoredTruthQuery",
    "overlap_of",
    "pixel_piece",
    "pixel_truth",
    "stored_truth",
]


@dataclass(frozen=True)
class PixelTruthQuery(Query["PixelTruth"]):
    """How well one kind of map finds the true pixels of a scenario that knows them.

    Attributes:
        part: of the detector, or "score".
        method, baseline: keys of those that `MethodsQuery` lists.
    """

    wait: ClassVar[str] = "Comparing the maps of all images with the true defects…"

    target: Target
    part: str = "score"
    method: str = "own"
    baseline: str = "black"

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


@dataclass(frozen=True)
class PixelTruth:
    """How well maps find the true pixels; the larger a value of a map is, the stranger its pixel.

    Attributes:
        figures: by strange set with masks; none where the scenario has none.
        aupimo: by kind (a set that holds no other), of each image in order, (n,); NaN where its
            mask is empty. The image of row i is number i of that set.
        alarms: by kind, how many pixels of normal images may be flagged where AUPIMO begins and
            ends.
        n_images: maps that were made, of the normal images too.
        refusal: why there are none, or "".
    """

    figures: Mapping[str, PixelMetrics]
    aupimo: Mapping[str, np.ndarray]
    alarms: Mapping[str, tuple[float, float]]
    n_images: int
    refusal: str = ""


def pixel_truth(query: PixelTruthQuery) -> PixelTruth:
    """How well one kind of map finds the true pixels, of all images with masks and normal ones.

    Raises:
        OutskirtsError: no such scenario, checkpoint, part, method or baseline, or a map is not
            finite.
    """
    from core.explain.methods import refusal
    from core.explain.truth import found_in, owners_of

    scenario, (detector, _) = query.target.world, loaded(query.target)
    reason = refusal(detector, query.part, query.method)
    owners = owners_of(scenario)
    if reason or not owners:
        return PixelTruth({}, {}, {}, 0, reason or "No image's true place of a defect is known.")
    pieces = _pieces_of(query)
    made = {
        name: np.concatenate([_piece(query, *p) for p in pieces if p[0] == name]) for name in owners
    }
    return _truth(found_in(scenario, made), sum(map(len, made.values())))


def _truth(found: Found, n_images: int) -> PixelTruth:
    low, high = AUPIMO_BOUNDS
    alarms = {name: (low * n, high * n) for name, n in found.normal_pixels.items()}
    return PixelTruth(found.figures, found.aupimo, alarms, n_images)


# Piece by piece, for whoever waits ----------------------------------------------------------------


@dataclass(frozen=True)
class PixelPieceQuery(Query["PixelPiece"]):
    """The maps of the piece that has this number: asked one after the other, the whole is quick."""

    wait: ClassVar[str] = "Drawing the maps of all images…"

    whole: PixelTruthQuery
    number: int

    def files(self) -> Iterable[Path]:
        return self.whole.files()


@dataclass(frozen=True)
class PixelPiece:
    """How far the maps have come: images that are done, of how many, and of how many pieces."""

    done: int
    images: int
    pieces: int


_maps: Cache[np.ndarray] = Cache(limit=96_000_000, sized=lambda maps: maps.nbytes)


def pixel_piece(query: PixelPieceQuery) -> PixelPiece:
    """Make the maps of one piece, which `PixelTruthQuery` needs.

    Raises:
        OutskirtsError: there is no such piece, or its maps cannot be made.
    """
    pieces = _pieces_of(query.whole)
    if not 0 <= query.number < len(pieces):
        raise OutskirtsError(f"there are {len(pieces)} pieces, none of number {query.number}")
    _piece(query.whole, *pieces[query.number])
    sizes = [stop - start for _, start, stop in pieces]
    return PixelPiece(sum(sizes[: query.number + 1]), sum(sizes), len(pieces))


def _pieces_of(query: PixelTruthQuery) -> list[tuple[str, int, int]]:
    """Set, first and last row of each piece."""
    from core.explain.truth import PIECE, owners_of

    scenario = query.target.world
    return [
        (name, start, min(start + PIECE, n))
        for name in owners_of(scenario)
        for n in [len(scenario.pictures(name).images)]
        for start in range(0, n, PIECE)
    ]


def _piece(query: PixelTruthQuery, name: str, start: int, stop: int) -> np.ndarray:
    """Maps (n, H, W) of rows of a set, made once while there is room for them."""
    key = key_of(query, None), name, start
    version = version_of(query.files())
    return _maps.get(key, version, lambda: _made(query, name, start, stop))


def _made(query: PixelTruthQuery, name: str, start: int, stop: int) -> np.ndarray:
    from core.explain.truth import maps_of

    detector, _ = loaded(query.target)
    images = query.target.world.pictures(name).images[start:stop]
    return maps_of(
        detector,
        images,
        part=query.part,
        method=query.method,
        baseline=_baseline(query, name, images),
    )


def _baseline(query: PixelTruthQuery, name: str, images: np.ndarray) -> Tensor:
    """The same baseline as of every map on the page, for images (n, H, W, C), a batch of them."""
    from core.data.picture import as_tensor

    one = MapQuery(ImageQuery(query.target, name, 0), baseline=query.baseline)
    return baseline_for(one, as_tensor(images))


# What the card holds ------------------------------------------------------------------------------


@dataclass(frozen=True)
class StoredTruthQuery(Query["PixelTruth"]):
    """What the card of a model says of its own map of its score."""

    wait: ClassVar[str] = "Reading the card…"

    target: Target

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


def stored_truth(query: StoredTruthQuery) -> PixelTruth:
    """How well the own map of a model's score finds the true pixels, as its card has it.

    Raises:
        OutskirtsError: no such scenario or checkpoint.
    """
    scenario, (_, card) = query.target.world, loaded(query.target)
    if card.pixels is None:
        return PixelTruth({}, {}, {}, 0, "No figures of its maps are stored with this model.")
    figures, (low, high) = card.pixels.figures, AUPIMO_BOUNDS
    area = scenario.shape.height * scenario.shape.width
    images = {
        name: np.array([np.nan if v is None else v for v in values])
        for name, values in card.pixels.aupimo.items()
    }
    n = {s: len(scenario.pictures(scenario.normal_of(s).name).images) * area for s in images}
    alarms = {name: (low * count, high * count) for name, count in n.items()}
    return PixelTruth(figures, images, alarms, card.pixels.images)


# One image ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Overlap:
    """How much of a true place the strongest pixels of a map cover, as many as it has.

    Attributes:
        share: of the picture that it covers; inside: of those pixels that lie in it.
    """

    share: float
    inside: float


def overlap_of(values: np.ndarray, mask: np.ndarray) -> Overlap | None:
    """How much of a true place the strongest pixels of a map cover, as many as it has.

    Of pixels that are tied at the edge of the strongest, each counts in part.

    Args:
        values: (H, W), of the map.
        mask: (H, W) bool.

    Returns: None where the mask is empty, or the values are not finite.

    Example:
        >>> overlap_of(np.array([[3.0, 2.0], [1.0, 0.0]]), np.array([[True, False], [True, False]]))
        Overlap(share=0.5, inside=0.5)
        >>> overlap_of(np.zeros((2, 2)), np.array([[True, False], [False, False]]))
        Overlap(share=0.25, inside=0.25)
    """
    n = int(mask.sum())
    if not n or not np.isfinite(values).all():
        return None
    edge = np.partition(values, values.size - n, axis=None)[values.size - n]
    above, tied = values > edge, values == edge
    left = n - int(above.sum())
    inside = int((above & mask).sum()) + left * float(mask[tied].mean())
    return Overlap(n / mask.size, inside / n)


ANSWERS: tuple[Answered[Any], ...] = (
    Answered(PixelTruthQuery, pixel_truth),
    Answered(PixelPieceQuery, pixel_piece),
    Answered(StoredTruthQuery, stored_truth),
)
