"""Which pixels made a part of one image, by a method."""

from __future__ import annotations

import time
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from core.answers.images import ImageQuery
from core.answers.loaded import Target, files_of, loaded, version_of
from core.answers.planting import seen_image
from core.answers.query import Answered, Query, digest_of
from core.cache import Cache, size_of
from core.data.views import chunks
from core.evaluate.calibration import percentile
from core.settings import settings

if TYPE_CHECKING:
    from torch import Tensor

    from core.detectors._base import Detector, Explanation
    from core.scenario import Scenario

__all__ = [
    "ANSWERS",
    "MARKED",
    "BaselineRow",
    "Explained",
    "MapQuery",
    "MapView",
    "MethodRow",
    "Methods",
    "MethodsQuery",
    "baseline_for",
    "explained",
    "key_of",
    "map_view",
    "methods",
]

MARKED = 0.5  # of what the pixels should add up to: a residual above it marks a map


@dataclass(frozen=True)
class MethodsQuery(Query["Methods"]):
    """Which methods can explain a part of a detector."""

    wait: ClassVar[str] = "Asking which methods can explain this…"

    target: Target
    part: str = "score"

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


@dataclass(frozen=True)
class MethodRow:
    """A method in words, and what a map by it costs.

    Attributes:
        refusal: why it cannot, and which can; "": it can.
        looks: how often it asks the detector for the score of a picture.
        waits: whether a map takes so long that it is drawn only where somebody asks for it.
    """

    key: str
    title: str
    text: str
    formula: str
    source: str
    uses_baseline: bool
    refusal: str
    looks: int
    waits: bool


@dataclass(frozen=True)
class BaselineRow:
    """A baseline in words."""

    key: str
    title: str
    text: str


@dataclass(frozen=True)
class Methods:
    """All methods and baselines in order, and what the part is that they are asked of.

    Attributes:
        parts: title of each part of the detector, in order.
    """

    part: str
    unit: str
    parts: Mapping[str, str]
    methods: tuple[MethodRow, ...]
    baselines: tuple[BaselineRow, ...]

    @property
    def able(self) -> tuple[MethodRow, ...]:
        """The methods that can."""
        return tuple(method for method in self.methods if not method.refusal)

    @property
    def slow(self) -> bool:
        """Whether some map waits to be asked for: then the checks of all maps do."""
        return any(method.waits for method in self.methods)

    def check_looks(self, drawn: Collection[str]) -> int:
        """How often checks of maps ask the detector for a score.

        Args:
            drawn: keys of the methods whose maps are checked.
        """
        from core.explain.costs import looks_of_checks

        return looks_of_checks([method.looks for method in self.methods if method.key in drawn])


def methods(query: MethodsQuery) -> Methods:
    """Which methods can explain a part of a detector, and why the others cannot.

    Raises:
        OutskirtsError: no such scenario, checkpoint or part.
    """
    from core.explain.baselines import BASELINES
    from core.explain.methods import resolved

    detector, _ = loaded(query.target)
    part = resolved(detector, query.part)
    return Methods(
        part=part,
        unit=detector.described[part].unit,
        parts={name: about.title for name, about in detector.described.items()},
        methods=_rows(detector, part, adds=_adds(query, detector, part)),
        baselines=tuple(BaselineRow(key, b.title, b.text) for key, b in BASELINES.items()),
    )


def _rows(detector: Detector, part: str, *, adds: int) -> tuple[MethodRow, ...]:
    """All methods; the first that can is always drawn, for the page begins with its map."""
    from core.explain.costs import looks_of, takes_long
    from core.explain.methods import METHODS, refusal

    refusals = {key: refusal(detector, part, key) for key in METHODS}
    first = next(key for key, why in refusals.items() if not why)
    return tuple(
        MethodRow(
            key=key,
            title=method.title,
            text=method.text,
            formula=method.formula,
            source=method.source,
            uses_baseline=method.uses_baseline,
            refusal=refusals[key],
            looks=looks_of(detector, key),
            waits=not refusals[key] and key != first and takes_long(detector, key, adds=adds),
        )
        for key, method in METHODS.items()
    )


_counted: Cache[int] = Cache(limit=1_000_000, sized=lambda adds: 1000)


def _adds(query: MethodsQuery, detector: Detector, part: str) -> int:
    """Multiply-adds of a part, counted once a version of the model."""
    from core.explain.costs import adds_of

    key = settings().checkpoints, query.target, part
    return _counted.get(key, version_of(query.files()), lambda: adds_of(detector, part))


# One map -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MapQuery(Query["MapView"]):
    """A map of one image, or of the same with a fault of that number planted.

    Attributes:
        part: of the detector, or "score".
        method, baseline: keys of those that `MethodsQuery` lists.
        seed: of what the method draws.
    """

    wait: ClassVar[str] = "Asking which pixels made the score…"

    image: ImageQuery
    part: str = "score"
    method: str = "own"
    baseline: str = "black"
    fault: int | None = None
    seed: int = 0

    def files(self) -> Iterable[Path]:
        return self.image.files()


@dataclass(frozen=True)
class MapView:
    """Which pixels made a part: score = offset + padding + map.sum() + residual.

    Attributes:
        image: (H, W, C) uint8, as it was explained.
        map: (H, W) float32, signed, in `unit`; zeros where the method refuses.
        part, percentile: its name, and the score's place among calibration normals.
        offset, padding, residual: what belongs to no pixel, what lies on pixels that the detector
            adds around the picture, and what the method could not place.
        residual_share: |residual| / |score - offset|, of what the pixels should add up to; it may
            be above 1, and is infinite where they should add up to nothing and do not.
        channels: how much each carries of the map's absolute values, before they cancel out; they
            sum to 1; (): the picture has one channel, or the map is of all at once.
        seconds: that the method took.
        refusal: why it cannot, with the methods that can; then all numbers but the score's are NaN.
        mask: (H, W) bool, the true place of what is strange, or None where nobody knows.
        notes, warnings: what was done to a visitor's file, and why nothing of it is to be seen.
    """

    id: str
    label: str
    image: np.ndarray
    map: np.ndarray
    part: str
    score: float
    percentile: float
    offset: float
    padding: float
    residual: float
    residual_share: float
    seconds: float
    unit: str
    refusal: str = ""
    channels: tuple[float, ...] = ()
    mask: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def marked(self) -> bool:
        """Whether more than half of what there is to place is in no pixel."""
        return self.residual_share > MARKED


def map_view(query: MapQuery, data: bytes | None = None) -> MapView:
    """Which pixels made a part of one image; ``data`` is the visitor's file, if it is theirs.

    Raises:
        ImageError: ``data`` is not an image that can be read.
        OutskirtsError: no such scenario, set, image, checkpoint, part, method or baseline.
    """
    import torch

    from core.explain.methods import refusal, resolved

    seen = seen_image(query.image, data, fault=query.fault)
    detector, card = loaded(query.image.target)
    part = resolved(detector, query.part)
    reason = refusal(detector, part, query.method)
    made = refused(seen.picture.image) if reason else explained(query, data)
    with torch.inference_mode():
        score = float(detector.part(seen.x, part)[0])
    return MapView(
        id=seen.id,
        label=seen.label,
        image=seen.picture.image,
        map=made.map,
        part=part,
        score=score,
        percentile=float(percentile(np.array([score]), card.quantiles(part))[0]),
        offset=made.offset,
        padding=made.padding,
        residual=made.residual,
        residual_share=_share(made.residual, score - made.offset),
        seconds=made.seconds,
        unit=detector.described[part].unit,
        refusal=reason,
        channels=made.channels,
        mask=seen.mask,
        notes=seen.picture.notes,
        warnings=seen.picture.warnings,
    )


def _share(residual: float, whole: float) -> float:
    if np.isnan(residual) or not residual:
        return residual
    return abs(residual / whole) if whole else float("inf")


@dataclass(frozen=True)
class Explained:
    """A map (H, W) float32, what it leaves out, how long it took, and its channels' shares."""

    map: np.ndarray
    offset: float
    padding: float
    residual: float
    seconds: float
    channels: tuple[float, ...] = ()


_maps: Cache[Explained] = Cache(limit=32_000_000, sized=size_of)


def explained(query: MapQuery, data: bytes | None = None) -> Explained:
    """The map of a query, made once for all that look at it; ``data`` is the visitor's file.

    Raises:
        OutskirtsError: it cannot be made.
    """
    version = version_of(query.files())
    return _maps.get(key_of(query, data), version, lambda: _explained(query, data))


def key_of(query: Query[Any], data: bytes | None) -> Hashable:
    """What an intermediate of a query is held by; ``data`` is the visitor's file, if any."""
    return settings().checkpoints, query, digest_of(data)


def _explained(query: MapQuery, data: bytes | None) -> Explained:
    from core.explain.methods import explain

    seen = seen_image(query.image, data, fault=query.fault)
    detector, _ = loaded(query.image.target)
    baseline = baseline_for(query, seen.x)
    start = time.perf_counter()
    made: Explanation = explain(
        detector,
        seen.x,
        part=query.part,
        method=query.method,
        baseline=baseline,
        seed=query.seed,
    )
    seconds = time.perf_counter() - start
    padding = 0.0 if made.padding is None else float(made.padding[0])
    values = made.map[0].float().cpu().numpy()
    return Explained(
        values,
        float(made.offset[0]),
        padding,
        float(made.residual[0]),
        seconds,
        () if made.channels is None else tuple(made.channels[0].tolist()),
    )


def refused(image: np.ndarray) -> Explained:
    """What stands for the map of an image (H, W, C) where there is none."""
    nothing = float("nan")
    return Explained(np.zeros(image.shape[:2], np.float32), nothing, nothing, nothing, 0.0)


def baseline_for(query: MapQuery, x: Tensor) -> Tensor:
    """The baseline of a query for an image x (1, C, H, W), of the same shape.

    Raises:
        BaselineError: there is none of that name.
    """
    import torch

    from core.explain.baselines import baseline_of

    mean = torch.zeros(x.shape[1:])
    if query.baseline == "mean":
        mean = torch.from_numpy(_mean_image(query.image.target.world)).to(x)
    return baseline_of(query.baseline, x, mean=mean)


def _mean_image(scenario: Scenario) -> np.ndarray:
    """Mean of the normal reference images, (C, H, W) in [0, 1]."""
    images = scenario.pictures(scenario.normal.name).images
    total = sum(piece.sum(0, dtype=np.int64) for piece in chunks(images))
    return np.moveaxis(total / (255 * len(images)), -1, 0)


ANSWERS: tuple[Answered[Any], ...] = (
    Answered(MethodsQuery, methods),
    Answered(MapQuery, map_view),
)
