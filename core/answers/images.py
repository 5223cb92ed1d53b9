"""What a detector says of one image, and of many in an order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from core.answers.absent import absent_of, not_here
from core.answers.loaded import Target, check_part, files_of, loaded, stored_scores
from core.answers.query import Answered, Query
from core.cache import Cache
from core.data.decode import NO_MEMORY
from core.data.images import ImageError, Picture, decode
from core.evaluate.calibration import foreign, outside, percentile
from core.scenario import Scenario, ScenarioError
from core.shape import Shape

if TYPE_CHECKING:
    from core.card import Card
    from core.detectors._base import Detector

__all__ = [
    "ANSWERS",
    "ORDERS",
    "Gallery",
    "GalleryQuery",
    "ImageQuery",
    "ImageView",
    "Standing",
    "classes_of",
    "display_table",
    "find_picture",
    "foreign_to",
    "gallery",
    "gallery_of",
    "image",
    "own_picture",
    "page_of",
    "per_image_table",
    "percentiles",
    "row_of",
    "unit_of",
]


@dataclass(frozen=True)
class ImageQuery(Query["ImageView"]):
    """A reference image, or one of the user's: then ``index`` is None, ``set_name`` its file's."""

    wait: ClassVar[str] = "Asking the detector about this image…"

    target: Target
    set_name: str
    index: int | None

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


class Standing:
    """How the parts of one image stand among normal images, by their percentiles.

    Attributes:
        foreign: whether it is not of the detector's kind, whatever its score.
    """

    percentiles: Mapping[str, float]
    foreign: bool

    @property
    def outside(self) -> tuple[str, ...]:
        """Parts beyond what calibration showed, at either end (`evaluate.calibration.outside`)."""
        return tuple(p for p, v in self.percentiles.items() if outside(np.array(v)))


@dataclass(frozen=True)
class ImageView(Standing):
    """One image under one detector.

    Attributes:
        image: (H, W, C) uint8.
        parts, percentiles, displayed: by part name; displayed is in the unit of pages.
        maps: by part name, (H, W), in the unit of pages, as if every pixel cost what this one does.
        padding: by part name of the maps, what lies on pixels that the detector adds around the
            picture; the mean of a map over its pixels and those, with this, is displayed[part].
        extra: other numbers of this image that its detector knows, such as the size of its PNG.
        notes: what was done to the user's file; warnings: why nothing of it is to be seen.
    """

    id: str
    image: np.ndarray
    label: str
    parts: Mapping[str, float]
    percentiles: Mapping[str, float]
    displayed: Mapping[str, float]
    maps: Mapping[str, np.ndarray]
    padding: Mapping[str, float]
    flagged: bool
    extra: Mapping[str, float]
    foreign: bool = False
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def image(query: ImageQuery, data: bytes | None = None) -> ImageView:
    """Every part of one image, its percentiles among calibration normals, and its maps.

    Raises:
        ImageError: ``data`` is not an image that can be read.
        ScenarioError: no such set, or the index is outside of it.
    """
    import torch

    from core.data.picture import as_tensor

    scenario = query.target.world
    detector, card = loaded(query.target)
    picture, name, label = find_picture(scenario, query, data)
    x = as_tensor(picture.image[None])
    with torch.inference_mode():
        found = {k: v.numpy() for k, v in detector.parts(x).items()}
        maps, padding = _maps(detector, x, found)
    parts, standing = row_of(found, 0), percentiles(card, found)
    return ImageView(
        id=name,
        image=picture.image,
        label=label,
        parts=parts,
        percentiles=row_of(standing, 0),
        displayed={k: float(detector.to_display(k, np.array([v]))[0]) for k, v in parts.items()},
        maps=maps,
        padding=padding,
        flagged=parts[card.score.part] > card.score.threshold,
        extra=detector.extra(x),
        foreign=bool(foreign_to(card, standing)[0]),
        notes=picture.notes,
        warnings=picture.warnings,
    )


def _maps(
    detector: Detector, x: Any, parts: Iterable[str]
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Maps of the parts whose every bit belongs to a pixel, and what the padding costs of each.

    Both in the unit of pages.
    """
    maps: dict[str, np.ndarray] = {}
    padding: dict[str, float] = {}
    if not detector.can("explain") or detector.leaves_over:  # none would be shown
        return maps, padding
    for part, found in detector.explanations(x, parts).items():
        if not float(found.offset[0]) and not float(found.residual[0]):
            values = found.map[0].numpy()
            pixels = found.pixels or values.size
            maps[part] = detector.to_display(part, values * pixels)
            around = pixels - values.size  # each of these pixels, too, has its share of the unit
            costs = 0.0 if found.padding is None else float(found.padding[0])
            mean = detector.to_display(part, np.array([costs * pixels / max(around, 1)]))[0]
            padding[part] = float(mean) * around / pixels
    return maps, padding


def percentiles(card: Card, parts: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Percentiles (N,) of parts (N,) among the calibration normals of a card, by part."""
    return {part: percentile(values, card.quantiles(part)) for part, values in parts.items()}


def foreign_to(card: Card, standing: Mapping[str, np.ndarray]) -> np.ndarray:
    """Whether each of N images is not of the kind of a card's detector: see `foreign`.

    Args:
        standing: percentiles (N,) by part, see `percentiles`.
    """
    return foreign(standing, images=card.calibration.images)


def row_of(columns: Mapping[str, np.ndarray], i: int) -> dict[str, float]:
    """The numbers of row `i` of columns (N,), by column."""
    return {name: float(values[i]) for name, values in columns.items()}


def find_picture(
    scenario: Scenario, query: ImageQuery, data: bytes | None, *, stand_in: bool = False
) -> tuple[Picture, str, str]:
    """The picture that a query means, its name, and its class, or "" where it has none.

    It is the one in ``data``, a file of the user's, where the query has no index.

    Args:
        stand_in: give what stands in the place of a picture that is not here, with a warning.

    Raises:
        ImageError: there is no such file, or it is no image that can be read.
        PicturesElsewhere: the picture is not here, and nothing may stand in for it.
        ScenarioError: there is no such set or index.
    """
    if query.index is None:
        if data is None:
            raise ImageError("no image was given")
        return own_picture(scenario, data), query.set_name, ""
    pictures = scenario.pictures(query.set_name)
    if not 0 <= query.index < len(pictures.images):
        raise ScenarioError(
            f"set {query.set_name} has images 0 to {len(pictures.images) - 1}, "
            f"asked for {query.index}"
        )
    label, classes = pictures.labels[query.index], classes_of(scenario, query.set_name)
    text = classes[label] if 0 <= label < len(classes) else ""
    name = f"{query.set_name}#{query.index}"
    if stand_in and pictures.elsewhere:
        absence, had = not_here(scenario, query.set_name)
        words = f"its picture is {absence}, its scores are: {had}"
        return Picture(pictures.shown(query.index), (), (words,)), name, text
    return Picture(pictures.images[query.index], ()), name, text


def classes_of(scenario: Scenario, set_name: str) -> Sequence[str]:
    """Class names of the set ``set_name``; a changed image keeps its image's.

    Those of a source of its own, which names none, have none: its numbers mean other things.
    """
    own, normal = scenario.set_named(set_name), scenario.normal
    same = own.source is None or own.source == normal.source
    return own.classes or (normal.classes if same else ())


def _weight(found: Picture | str) -> int:
    return len(found) if isinstance(found, str) else found.image.nbytes


# Pictures, and of files that are none the reasons: an error would hold the file by its traceback.
_own: Cache[Picture | str] = Cache(limit=64_000_000, sized=_weight)


def own_picture(scenario: Scenario, data: bytes) -> Picture:
    """The picture of a file's data, decoded once however many ask: a large one takes seconds.

    Raises:
        ImageError: it is no image that can be read.
    """
    shape = scenario.shape
    key = (hashlib.sha256(data).digest(), shape)
    decoded = _own.get(key, "", lambda: _decoded(data, shape))
    if isinstance(decoded, str):
        raise ImageError(decoded)
    return decoded


def _decoded(data: bytes, shape: Shape) -> Picture | str:
    """A picture, or the reason why it is none; a lack of memory is none that lasts."""
    try:
        return decode(data, shape)
    except ImageError as error:
        if str(error) == NO_MEMORY:
            raise
        return str(error)


# Galleries ---------------------------------------------------------------------------------------

ORDERS = ("strangest", "most normal", "typical", "random")


@dataclass(frozen=True)
class GalleryQuery(Query["Gallery"]):
    """Reference images in one of `ORDERS`: by a part, or drawn by the seed."""

    wait: ClassVar[str] = "Sorting images…"

    target: Target
    sets: tuple[str, ...]
    part: str
    order: str
    count: int
    page: int = 1
    seed: int = 0

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


@dataclass(frozen=True)
class Gallery:
    """One page of images.

    Attributes:
        sets, indices: (n,), which image each is.
        images: (n, H, W, C) uint8.
        displayed, percentiles: (n,), the part's value and its place among calibration normals.
        absent: of each set whose pictures are not here, how they are had: others stand for them.
    """

    sets: tuple[str, ...]
    indices: np.ndarray
    images: np.ndarray
    displayed: np.ndarray
    percentiles: np.ndarray
    pages: int
    absent: tuple[str, ...] = ()


def gallery(query: GalleryQuery) -> Gallery:
    """One page of the sets' images, in an order that a part or the seed decides.

    Raises:
        OutskirtsError: no such scenario, set, part or checkpoint, or the sets are empty.
    """
    scenario = query.target.world
    _, card = loaded(query.target)
    stored = stored_scores(query.target)
    check_part(query.target, card, query.part)
    if not query.sets or query.count < 1:
        raise ScenarioError(f"a gallery needs sets and a count, got {query.sets}, {query.count}")
    for name in query.sets:
        scenario.set_named(name)
    if query.order not in ORDERS:
        raise ScenarioError(f"no order {query.order!r}; there are: {', '.join(ORDERS)}")
    names = np.concatenate(
        [np.full(len(stored[s][query.part]), i) for i, s in enumerate(query.sets)]
    )
    indices = np.concatenate([np.arange(len(stored[s][query.part])) for s in query.sets])
    values = np.concatenate([stored[s][query.part] for s in query.sets])
    if not len(values):
        raise ScenarioError(f"there are no images in {', '.join(query.sets)}")
    chosen, pages = page_of(_order(values, query), count=query.count, page=query.page)
    sets = np.array(query.sets)[names[chosen]]
    return gallery_of(query.target, query.part, sets=sets, indices=indices[chosen], pages=pages)


def page_of(rows: np.ndarray, *, count: int, page: int) -> tuple[np.ndarray, int]:
    """Those of rows (n,) that are on a page, and how many pages there are, 1 where n is 0.

    Args:
        count: of rows on a page; page: from 1 on, the nearest that there is.

    Raises:
        ScenarioError: the count is not positive.

    Example:
        >>> page_of(np.arange(5), count=2, page=9)
        (array([4]), 3)
    """
    if count < 1:
        raise ScenarioError(f"a page needs a count of one or more, got {count}")
    pages = max(1, -(-len(rows) // count))
    page = min(max(page, 1), pages)
    return rows[(page - 1) * count : page * count], pages


def gallery_of(
    target: Target, part: str, *, sets: np.ndarray, indices: np.ndarray, pages: int = 1
) -> Gallery:
    """These images, by sets (n,) and indices (n,), each with a part's value; n may be 0.

    Args:
        pages: how many there are, of which these are one.

    Raises:
        OutskirtsError: no such scenario or checkpoint.
    """
    scenario, (detector, card) = target.world, loaded(target)
    stored = stored_scores(target)
    where = list(zip(map(str, sets), map(int, indices), strict=True))
    values = np.array([stored[s][part][i] for s, i in where], np.float32)
    images = [scenario.pictures(s).shown(i) for s, i in where]
    return Gallery(
        sets=tuple(s for s, _ in where),
        indices=np.array([i for _, i in where], np.int64),
        images=np.stack(images) if images else np.empty((0, *scenario.shape.pixels), np.uint8),
        displayed=detector.to_display(part, values),
        percentiles=percentile(values, card.quantiles(part)),
        pages=pages,
        absent=absent_of(scenario, sets),
    )


def _order(values: np.ndarray, query: GalleryQuery) -> np.ndarray:
    if query.order == "random":
        return np.random.default_rng(query.seed).permutation(len(values))
    if query.order == "typical":
        return np.argsort(np.abs(values - np.median(values)), kind="stable")
    return np.argsort(-values if query.order == "strangest" else values, kind="stable")


def per_image_table(target: Target, sets: Sequence[str]) -> dict[str, np.ndarray]:
    """Columns image, set, label and every part, each (N,): one row an image of these sets.

    Raises:
        OutskirtsError: no such scenario, set or checkpoint.
    """
    scenario, stored = target.world, stored_scores(target)
    columns: dict[str, list[np.ndarray]] = {}
    for name in sets:
        pictures = scenario.pictures(name)
        row = {
            "image": np.array(pictures.ids()),
            "set": np.full(len(pictures.images), name),
            "label": pictures.labels,
            **stored[name],
        }
        for key, values in row.items():
            columns.setdefault(key, []).append(values)
    return {key: np.concatenate(pieces) for key, pieces in columns.items()}


def display_table(target: Target, sets: Sequence[str]) -> dict[str, np.ndarray]:
    """`per_image_table` of sets, columns (N,), as pages show it: parts in the unit of headers.

    With each part's percentile among calibration normals, and whether the score is flagged, 0 or 1.

    Raises:
        OutskirtsError: no such scenario, set or checkpoint.
    """
    detector, card = loaded(target)
    raw = per_image_table(target, sets)
    columns = {name: raw[name] for name in ("image", "set", "label")}
    for name in card.calibration.quantiles:
        columns[f"{name} ({unit_of(detector, name)})"] = detector.to_display(name, raw[name])
        columns[f"{name} percentile"] = percentile(raw[name], card.quantiles(name))
    score = card.score
    columns[f"flagged by {score.part}"] = (raw[score.part] > score.threshold).astype(int)
    return columns


def unit_of(detector: Detector, part: str) -> str:
    """The unit in which pages show a part."""
    return detector.described[part].displayed_unit


ANSWERS: tuple[Answered[Any], ...] = (
    Answered(ImageQuery, image),
    Answered(GalleryQuery, gallery),
)
