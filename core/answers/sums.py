"""A score that adds two parts: each image as a point, one part across and the other up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from core.answers.images import Gallery, ImageQuery, gallery_of
from core.answers.loaded import Target, files_of, loaded, stored_scores
from core.answers.planting import seen_image
from core.answers.query import Answered, Query
from core.scenario import ScenarioError

if TYPE_CHECKING:
    from core.card import Card
    from core.detectors._base import Detector

__all__ = [
    "ANSWERS",
    "FALSE_ALARMS",
    "Quadrant",
    "Sum",
    "SumPlane",
    "SumPlaneQuery",
    "SumPoint",
    "SumPointQuery",
    "Sums",
    "SumsQuery",
    "farthest",
    "quadrants",
    "sum_plane",
    "sum_point",
    "summed",
    "sums",
    "threshold",
]

FALSE_ALARMS = 5.0  # percent of held-out normal images that every threshold here flags
DRAWN = 3  # random images of a quadrant, beside the extreme one
QUADRANTS = ((False, True), (True, True), (False, False), (True, False))  # as a plane shows them


@dataclass(frozen=True)
class SumsQuery(Query["Sums"]):
    """The sums of two parts that a model's score can be compared with; none if it is no sum."""

    wait: ClassVar[str] = "Asking what the score adds…"

    target: Target

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


@dataclass(frozen=True)
class Sum:
    """A part that adds two others, in standard deviations of held-out normal images.

    Attributes:
        part: the sum's name; x, y: those of the parts that it adds.
        title, x_title, y_title: theirs in words.
        y_text: what the other part means.
    """

    part: str
    x: str
    y: str
    title: str
    x_title: str
    y_title: str
    y_text: str


@dataclass(frozen=True)
class Sums:
    """The score, if it adds two parts, and all other parts that add something to the same first."""

    sums: tuple[Sum, ...]


def sums(query: SumsQuery) -> Sums:
    """What the score adds, and what other parts add to the same.

    Raises:
        OutskirtsError: no such scenario or checkpoint.
    """
    detector, card = loaded(query.target)
    score = card.score.part
    added = {part: tuple(detector.summands(part)) for part in (score, *detector.described)}
    pairs = {part: names for part, names in added.items() if len(names) == 2}
    if score not in pairs:
        return Sums(())
    first = pairs[score][0]
    return Sums(tuple(_sum(detector, p, *names) for p, names in pairs.items() if names[0] == first))


def _sum(detector: Detector, part: str, x: str, y: str) -> Sum:
    about = detector.described
    titles = (about[part].title, about[x].title, about[y].title)
    return Sum(part, x, y, titles[0], titles[1], titles[2], about[y].text)


def summed(target: Target, part: str) -> Sum:
    """The sum of a model whose name is ``part``.

    Raises:
        ScenarioError: it is none of `sums`; with those that are.
    """
    known = {one.part: one for one in sums(SumsQuery(target)).sums}
    if part not in known:
        raise ScenarioError(
            f"{part!r} is no sum that {target} has; there are: {', '.join(known) or 'none'}"
        )
    return known[part]


def threshold(card: Card, part: str) -> float:
    """The value of a part above which are `FALSE_ALARMS` percent of held-out normal images."""
    stored = card.quantiles(part)
    return float(np.interp(1 - FALSE_ALARMS / 100, np.linspace(0, 1, len(stored)), stored))


# The plane ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SumPlaneQuery(Query["SumPlane"]):
    """The normal images and a strange set by the two parts that a sum adds.

    Attributes:
        part: the sum.
        sample: at most so many images of each set, drawn by the seed.
    """

    wait: ClassVar[str] = "Laying out what the score adds…"

    target: Target
    strange: str
    part: str
    sample: int = 600
    seed: int = 0

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


@dataclass(frozen=True)
class Quadrant:
    """The images on one side of either part's own threshold.

    Attributes:
        above: whether x, and whether y, is above its threshold.
        counts: set name to how many of all of its images are there.
        pictures: the one that is farthest from both thresholds, then some drawn by the seed.
    """

    above: tuple[bool, bool]
    counts: Mapping[str, int]
    pictures: Gallery


@dataclass(frozen=True)
class SumPlane:
    """Images as points, in standard deviations of held-out normal images.

    Attributes:
        indices, x, y: set name to (n,), of the sample; the normal set first.
        sizes: set name to how many images it has.
        threshold: of the sum: what lies above x + y = threshold is flagged.
        x_threshold, y_threshold: of either part alone.
        quadrants: by either part's own threshold, as the plane shows them, the upper left first.
    """

    indices: Mapping[str, np.ndarray]
    x: Mapping[str, np.ndarray]
    y: Mapping[str, np.ndarray]
    sizes: Mapping[str, int]
    threshold: float
    x_threshold: float
    y_threshold: float
    quadrants: tuple[Quadrant, ...]


def sum_plane(query: SumPlaneQuery) -> SumPlane:
    """Where images lie by the two parts that a sum adds, and which are at the corners.

    Raises:
        OutskirtsError: no such scenario, checkpoint, strange set or sum.
    """
    scenario, (detector, card) = query.target.world, loaded(query.target)
    one = summed(query.target, query.part)
    stored = stored_scores(query.target)
    names = (scenario.normal_of(query.strange).name, query.strange)
    scales = detector.summands(query.part)
    x, y = ({s: _scaled(stored[s][part], *scales[part]) for s in names} for part in (one.x, one.y))
    own = [float(_scaled(np.array(threshold(card, p)), *scales[p])) for p in (one.x, one.y)]
    drawn = {s: _drawn(len(x[s]), query) for s in names}
    return SumPlane(
        indices=drawn,
        x={s: x[s][drawn[s]] for s in names},
        y={s: y[s][drawn[s]] for s in names},
        sizes={s: len(x[s]) for s in names},
        threshold=threshold(card, query.part),
        x_threshold=own[0],
        y_threshold=own[1],
        quadrants=tuple(_quadrant(query, above, x, y, own) for above in QUADRANTS),
    )


def _scaled(values: np.ndarray, centre: float, scale: float) -> np.ndarray:
    return (values - centre) / scale


def _drawn(size: int, query: SumPlaneQuery) -> np.ndarray:
    rng = np.random.default_rng(query.seed)
    return np.sort(rng.permutation(size)[: query.sample])


def _quadrant(
    query: SumPlaneQuery,
    above: tuple[bool, bool],
    x: Mapping[str, np.ndarray],
    y: Mapping[str, np.ndarray],
    own: Sequence[float],
) -> Quadrant:
    """Of x and y (N,) by set, and their own thresholds."""
    inside = {s: quadrants(x[s], y[s], own=own) == _number(above) for s in x}
    names = np.concatenate([np.full(len(x[s]), s) for s in x])
    indices = np.concatenate([np.arange(len(x[s])) for s in x])
    far = np.concatenate([farthest(x[s], y[s], above=above, own=own) for s in x])
    rows = np.flatnonzero(np.concatenate(list(inside.values())))
    if len(rows):
        extreme = rows[far[rows].argmax()]
        others = np.random.default_rng(query.seed).permutation(rows[rows != extreme])
        rows = np.array([extreme, *others[:DRAWN]])
    pictures = gallery_of(query.target, query.part, sets=names[rows], indices=indices[rows])
    return Quadrant(above, {s: int(mask.sum()) for s, mask in inside.items()}, pictures)


def _number(above: tuple[bool, bool]) -> int:
    return above[0] + 2 * above[1]


def quadrants(x: np.ndarray, y: np.ndarray, *, own: Sequence[float]) -> np.ndarray:
    """The quadrant of each of N images at x (N,) and y (N,), 0 to 3: 1 for x, 2 for y above.

    Args:
        own: the thresholds of x and of y.

    Example:
        >>> x, y = np.array([0.0, 2.0, 0.0, 2.0]), np.array([0.0, 0.0, 5.0, 5.0])
        >>> quadrants(x, y, own=(1.0, 2.0)).tolist()
        [0, 1, 2, 3]
    """
    return (x > own[0]) + 2 * (y > own[1])


def farthest(
    x: np.ndarray, y: np.ndarray, *, above: tuple[bool, bool], own: Sequence[float]
) -> np.ndarray:
    """How far N images at x (N,) and y (N,) are inside of a quadrant, (N,): below 0 is outside.

    That is the smaller of the distances to both thresholds.

    Args:
        above: whether it is that of large x, and of large y.
        own: the thresholds of x and of y.

    Example:
        >>> farthest(np.array([4.0, 0.0]), np.array([5.0, 5.0]), above=(True, True), own=(1.0, 3.0))
        array([ 2., -1.])
    """
    signs = [1 if side else -1 for side in above]
    return np.minimum(signs[0] * (x - own[0]), signs[1] * (y - own[1]))


# One image ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SumPointQuery(Query["SumPoint"]):
    """Where an image lies in the plane of a sum, without and with a planted fault."""

    wait: ClassVar[str] = "Asking where this image lies…"

    image: ImageQuery
    part: str
    fault: int | None = None

    def files(self) -> Iterable[Path]:
        return self.image.files()


@dataclass(frozen=True)
class SumPoint:
    """An image's x and y in standard deviations, as it is; and with its fault, if it has one."""

    before: tuple[float, float]
    after: tuple[float, float] | None


def sum_point(query: SumPointQuery, data: bytes | None = None) -> SumPoint:
    """Where one image lies; ``data`` is the visitor's file, if it is theirs.

    Raises:
        ImageError: ``data`` is not an image that can be read.
        OutskirtsError: no such scenario, set, image, checkpoint or sum.
    """
    detector, _ = loaded(query.image.target)
    summed(query.image.target, query.part)
    before = _point(detector, query, data, fault=None)
    after = None if query.fault is None else _point(detector, query, data, fault=query.fault)
    return SumPoint(before, after)


def _point(
    detector: Detector, query: SumPointQuery, data: bytes | None, *, fault: int | None
) -> tuple[float, float]:
    from core.inference.scoring import parts_of

    image = seen_image(query.image, data, fault=fault).picture.image
    parts = parts_of(detector, image[None])
    scales = detector.summands(query.part).items()
    x, y = (float((parts[part][0] - centre) / scale) for part, (centre, scale) in scales)
    return x, y


ANSWERS: tuple[Answered[Any], ...] = (
    Answered(SumsQuery, sums),
    Answered(SumPlaneQuery, sum_plane),
    Answered(SumPointQuery, sum_point),
)
