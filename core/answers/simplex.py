"""Mixtures of three images' codes: a triangle of decoded pictures, each scored as an image is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from core.answers.images import ImageQuery, find_picture, percentiles, unit_of
from core.answers.loaded import Target, files_of, stored_scores
from core.answers.mirror import mirroring
from core.answers.query import Answered, Query
from core.answers.sums import threshold
from core.data.images import ImageError
from core.data.picture import as_images, as_tensor
from core.scenario import ScenarioError

if TYPE_CHECKING:
    from core.card import Card
    from core.detectors.ama import AMA
    from core.scenario import Scenario
    from core.shape import Shape

__all__ = [
    "ANSWERS",
    "SIDES",
    "Corner",
    "Corners",
    "CornersQuery",
    "Edge",
    "MixedPart",
    "Simplex",
    "SimplexQuery",
    "apart",
    "averaged",
    "corners",
    "edges_of",
    "node_of",
    "simplex",
    "steps_of",
    "typical_of",
]

SIDES = (10, 20)  # steps of a side: 66 mixtures as long as somebody waits, then all 231
TYPICAL = 100  # candidates for the corners where all normal images are of one class


# The triangle -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Corner:
    """An image of a set; or the pixels of one of the visitor's, as the scenario's shape has it."""

    set_name: str
    index: int | None
    pixels: bytes = b""


@dataclass(frozen=True)
class SimplexQuery(Query["Simplex"]):
    """Mixtures of three images' codes at even steps of a triangle, so many to a side."""

    wait: ClassVar[str] = "Mixing three images…"

    target: Target
    corners: tuple[Corner, Corner, Corner]
    side: int = SIDES[1]

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


@dataclass(frozen=True)
class MixedPart:
    """A part of the K decoded mixtures, in the unit of pages.

    Attributes:
        values, percentiles: (K,).
        average_values, average_percentiles: (K,), of the three pictures averaged pixel by pixel.
        level: the value above which a mixture is flagged by this part: the score's threshold, or
            what flags as many held-out normal images.
        flagged, average_flagged: (K,) bool.
    """

    title: str
    unit: str
    values: np.ndarray
    percentiles: np.ndarray
    average_values: np.ndarray
    average_percentiles: np.ndarray
    level: float
    flagged: np.ndarray
    average_flagged: np.ndarray


@dataclass(frozen=True)
class Simplex:
    """The K mixtures of three images.

    Attributes:
        ids, labels: of the images; a label is "" where there is none.
        originals: (3, H, W, C) uint8.
        side: steps of a side; steps: (K, 3), how many of them each image weighs, as `steps_of` has
            them.
        images: (K, H, W, C) uint8, decoded; averages: (K, H, W, C) uint8, of the pixels themselves.
        parts: by name, in order; score: the name of the score's.
        weight: of mixtures in the training of this model; 0: it never saw one.
    """

    ids: tuple[str, str, str]
    labels: tuple[str, str, str]
    originals: np.ndarray
    side: int
    steps: np.ndarray
    images: np.ndarray
    averages: np.ndarray
    parts: Mapping[str, MixedPart]
    score: str
    weight: float

    @property
    def same(self) -> bool:
        """Whether all corners are one picture."""
        return bool((self.originals == self.originals[0]).all())


def simplex(query: SimplexQuery) -> Simplex:
    """Decode and score mixtures of three images; a mixture is scored as the picture that it shows.

    Raises:
        ImageError: the pixels of a corner are of another shape than the scenario's.
        OutskirtsError: no such scenario, set, image or checkpoint, it mirrors no images, or a side
            has none of the steps of `SIDES`.
    """
    import torch

    from core.inference.scoring import parts_of
    from core.nn.mirror import mixture
    from core.nn.sizes import at_once

    if query.side not in SIDES:
        raise ScenarioError(f"a side has {SIDES[0]} or {SIDES[1]} steps, not {query.side}")
    detector, card = mirroring(query.target)
    found = [_picture(query.target.world, query, corner) for corner in query.corners]
    originals = np.stack([image for image, _, _ in found])
    steps = steps_of(query.side)
    weights = torch.from_numpy(steps.astype(np.float32) / query.side)
    with torch.inference_mode():
        codes = detector.embed(as_tensor(originals))
        codes = mixture(codes, weights)
        pieces = codes.split(at_once(len(codes), *originals.shape[1:3]))
        images = np.concatenate([as_images(detector.decode(piece)) for piece in pieces])
    averages = averaged(originals, steps)
    both = parts_of(detector, np.concatenate([images, averages]))
    return Simplex(
        ids=_three([name for _, name, _ in found]),
        labels=_three([label for _, _, label in found]),
        originals=originals,
        side=query.side,
        steps=steps,
        images=images,
        averages=averages,
        parts={part: _mixed(detector, card, part, both[part]) for part in both},
        score=card.score.part,
        weight=float(detector.config.simplex),
    )


def _picture(
    scenario: Scenario, query: SimplexQuery, corner: Corner
) -> tuple[np.ndarray, str, str]:
    """The image (H, W, C) of a corner, its id, and its class or ""."""
    if corner.index is None:
        return _own(corner, scenario.shape), corner.set_name, ""
    asked = ImageQuery(query.target, corner.set_name, corner.index)
    picture, name, label = find_picture(scenario, asked, None)
    return picture.image, name, label


def _own(corner: Corner, shape: Shape) -> np.ndarray:
    height, width, channels = shape.pixels
    if len(corner.pixels) != height * width * channels:
        raise ImageError(
            f"{corner.set_name}: an image of {shape} has {height * width * channels} values, "
            f"got {len(corner.pixels)}"
        )
    return np.frombuffer(corner.pixels, np.uint8).reshape(height, width, channels)


def _three(names: list[str]) -> tuple[str, str, str]:
    first, second, third = names
    return first, second, third


def _mixed(detector: AMA, card: Card, part: str, values: np.ndarray) -> MixedPart:
    """A part (2 K,): of the mixtures, then of the averages."""
    of_score = part == card.score.part
    level = card.score.threshold if of_score else threshold(card, part)
    mixed, average = np.split(detector.to_display(part, values), 2)
    standing = np.split(percentiles(card, {part: values})[part], 2)
    above = np.split(values > level, 2)
    return MixedPart(
        title=detector.described[part].title,
        unit=unit_of(detector, part),
        values=mixed,
        percentiles=standing[0],
        average_values=average,
        average_percentiles=standing[1],
        level=float(detector.to_display(part, np.array([level]))[0]),
        flagged=above[0],
        average_flagged=above[1],
    )


def steps_of(side: int) -> np.ndarray:
    """Every way to share the steps of a side among three: (K, 3), rising in order.

    Example:
        >>> steps_of(2).tolist()
        [[0, 0, 2], [0, 1, 1], [0, 2, 0], [1, 0, 1], [1, 1, 0], [2, 0, 0]]
        >>> len(steps_of(20))
        231
    """
    return np.array([(a, b, side - a - b) for a in range(side + 1) for b in range(side + 1 - a)])


def node_of(steps: tuple[int, int, int]) -> int:
    """The row of `steps_of` that shares steps so.

    Example:
        >>> [node_of((a, b, c)) for a, b, c in steps_of(3).tolist()]
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    a, b, side = steps[0], steps[1], sum(steps)
    return a * (side + 1) - a * (a - 1) // 2 + b


def averaged(originals: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The originals (3, H, W, C) uint8 averaged by pixel at steps (K, 3): (K, H, W, C) uint8.

    Example:
        >>> three = np.array([0, 100, 255], np.uint8).reshape(3, 1, 1, 1)
        >>> averaged(three, np.array([[2, 2, 0], [0, 1, 3]])).ravel().tolist()
        [50, 216]
    """
    found = np.empty((len(steps), *originals.shape[1:]), np.uint8)
    whole = originals.astype(np.int64)
    for one, shares in zip(found, steps, strict=True):  # all at once would be eight times as large
        side = shares.sum()  # in whole numbers: a browser rounds halves alike
        one[:] = (2 * np.tensordot(shares, whole, 1) + side) // (2 * side)
    return found


# Edges --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Edge:
    """Between two corners of a triangle: where a part is strangest, by its percentile.

    Attributes:
        ends: the corners, 0 to 2.
        highest: the row of `steps_of` where it is; middle: that half way.
        percentile, flagged: at the highest.
        leaves: whether that is flagged, and neither end is.
    """

    ends: tuple[int, int]
    highest: int
    middle: int
    percentile: float
    flagged: bool
    leaves: bool


def edges_of(found: Simplex, part: str) -> tuple[Edge, ...]:
    """The three edges of a triangle, that which leaves the normals furthest by a part first.

    Those that leave them stand before those that do not; then by the value at the highest.
    """
    edges = [_edge(found, found.parts[part], ends) for ends in ((0, 1), (0, 2), (1, 2))]
    values = found.parts[part].values
    return tuple(sorted(edges, key=lambda e: (e.leaves, values[e.highest]), reverse=True))


def _edge(found: Simplex, part: MixedPart, ends: tuple[int, int]) -> Edge:
    (other,) = {0, 1, 2} - set(ends)
    rows = np.flatnonzero(found.steps[:, other] == 0)
    inner = rows[(found.steps[rows] > 0).sum(1) == 2]
    highest = int(inner[part.values[inner].argmax()])
    even = int(inner[np.abs(np.diff(found.steps[inner][:, ends], axis=1)[:, 0]).argmin()])
    at_ends = [row for row in rows if row not in inner]
    flagged = bool(part.flagged[highest])
    return Edge(
        ends=ends,
        highest=highest,
        middle=even,
        percentile=float(part.percentiles[highest]),
        flagged=flagged,
        leaves=flagged and not part.flagged[at_ends].any(),
    )


# Which three --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CornersQuery(Query["Corners"]):
    """Three normal images to begin with."""

    wait: ClassVar[str] = "Looking for three images…"

    target: Target

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


@dataclass(frozen=True)
class Corners:
    """Three images of the normal set, by their numbers, and how many they were chosen from.

    Attributes:
        by_class: whether from the typical image of each class; else from the most typical ones.
    """

    set_name: str
    indices: tuple[int, int, int]
    candidates: int
    by_class: bool


def corners(query: CornersQuery) -> Corners:
    """Of typical normal images, the three whose codes are farthest apart.

    Typical is what is nearest to the median score: of each class, where there are three or more;
    else the `TYPICAL` nearest of all.

    Raises:
        OutskirtsError: no such scenario or checkpoint, or it mirrors no images.
    """
    from core.inference.scoring import codes_of

    detector, card = mirroring(query.target)
    normal = query.target.world.normal.name
    pictures = query.target.world.pictures(normal)
    score = stored_scores(query.target)[normal][card.score.part]
    by_class = len(np.unique(pictures.labels)) >= 3
    chosen = typical_of(score, pictures.labels if by_class else np.zeros_like(pictures.labels))
    if not by_class:
        chosen = np.argsort(np.abs(score - np.median(score)), kind="stable")[:TYPICAL]
    codes = codes_of(detector, pictures.images[chosen])
    first, second, third = (int(i) for i in chosen[apart(codes)])
    return Corners(normal, (first, second, third), len(chosen), by_class)


def typical_of(score: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Of each class of labels (N,), in order, the image whose score (N,) is nearest to its median.

    Example:
        >>> typical_of(np.array([1.0, 2.0, 9.0, 5.0]), np.array([0, 0, 0, 1])).tolist()
        [1, 3]
    """
    rows = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    return np.array([r[np.abs(score[r] - np.median(score[r])).argmin()] for r in rows])


def apart(codes: np.ndarray) -> np.ndarray:
    """Rows of the three codes (N, D) whose smallest distance to each other is largest, rising.

    Where there are fewer than three, the last stands for those that lack.

    Example:
        >>> apart(np.array([[0.0], [1.0], [5.0], [9.0]])).tolist()
        [0, 2, 3]
        >>> apart(np.array([[0.0]])).tolist()
        [0, 0, 0]
    """
    n = len(codes)
    if n < 3:
        return np.minimum(np.arange(3), n - 1)
    squares = ((codes[:, None].astype(np.float64) - codes[None]) ** 2).sum(-1)
    smallest = np.minimum(squares[:, :, None], np.minimum(squares[:, None], squares[None]))
    i, j, k = np.ogrid[:n, :n, :n]
    smallest = np.where((i < j) & (j < k), smallest, -1.0)
    return np.array(np.unravel_index(smallest.argmax(), smallest.shape))


ANSWERS: tuple[Answered[Any], ...] = (
    Answered(SimplexQuery, simplex),
    Answered(CornersQuery, corners),
)
