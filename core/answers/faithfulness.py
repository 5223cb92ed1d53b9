"""Whether the map of a query says what the detector does; three questions, drawn as they come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from core.answers.explain import MapQuery, baseline_for, explained, key_of
from core.answers.loaded import loaded, version_of
from core.answers.planting import seen_image
from core.answers.query import Answered, Query
from core.cache import Cache

if TYPE_CHECKING:
    from torch import Tensor

    from core.detectors._base import Detector
    from core.explain.faithfulness import Curves

__all__ = [
    "ANSWERS",
    "CurvesQuery",
    "MapCurves",
    "Randomised",
    "RandomisedQuery",
    "Steadiness",
    "SteadinessQuery",
    "map_curves",
    "randomised",
    "steadiness",
]


@dataclass(frozen=True)
class CurvesQuery(Query["MapCurves"]):
    """Deletion and insertion by a map, against random orders that the seed draws."""

    wait: ClassVar[str] = "Deleting pixels in the order of the map, and in random orders…"

    map: MapQuery
    seed: int = 0

    def files(self) -> Iterable[Path]:
        return self.map.files()


@dataclass(frozen=True)
class MapCurves:
    """What becomes of the part while pixels go, most positive first, and while they come back.

    Areas are between the part's value of the image and of the baseline, as
    `core.explain.faithfulness.area` has them: a straight fall has 0.5; NaN where both values are
    the same.

    Attributes:
        shares: (S,) of the pixels that went or came back, 0 to 1.
        deletion, insertion: (S,), in `unit`.
        random: (n, S), deletion in n random orders.
        random_mean, random_low, random_high: area of a random order, and the interval in which 95 %
            of them lie, taken from these n.
        deletion_beats_chance, insertion_beats_chance: whether the area lies beyond that interval on
            the good side: deletion below, insertion above.
    """

    shares: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray
    random: np.ndarray
    deletion_area: float
    insertion_area: float
    random_mean: float
    random_low: float
    random_high: float
    deletion_beats_chance: bool
    insertion_beats_chance: bool
    unit: str

    @property
    def orders(self) -> int:
        """How many random orders there are."""
        return len(self.random)


_random: Cache[np.ndarray] = Cache(limit=4_000_000, sized=lambda values: values.nbytes)


def map_curves(query: CurvesQuery, data: bytes | None = None) -> MapCurves:
    """Deletion and insertion by a map; ``data`` is the visitor's file, if it is theirs.

    Raises:
        OutskirtsError: the map cannot be made.
    """
    from core.explain.faithfulness import curves, random_orders
    from core.explain.methods import resolved, score_of

    detector, x, b = _asked(query.map, data)
    score, pixels = score_of(detector, query.map.part), _map(query.map, data)
    # Random orders know nothing of the map: those of one image are the same for all methods.
    alike = replace(query, map=replace(query.map, method="", seed=0))
    random = _random.get(
        key_of(alike, data),
        version_of(query.files()),
        lambda: random_orders(score, x, b=b, seed=query.seed),
    )
    found: Curves = curves(score, x, pixels, b=b, random=random, seed=query.seed)
    return MapCurves(
        **vars(found),
        deletion_beats_chance=found.deletion_beats_chance,
        insertion_beats_chance=found.insertion_beats_chance,
        unit=detector.described[resolved(detector, query.map.part)].unit,
    )


@dataclass(frozen=True)
class SteadinessQuery(Query["Steadiness"]):
    """Infidelity and sensitivity of a map, over squares and shifts that the seed draws."""

    wait: ClassVar[str] = "Covering squares of the image, and explaining its near copies…"

    map: MapQuery
    seed: int = 0

    def files(self) -> Iterable[Path]:
        return self.map.files()


@dataclass(frozen=True)
class Steadiness:
    """Whether a map foretells what a covered square costs, and stays when the image hardly changes.

    Attributes:
        infidelity: mean squared error of the foretold loss, over that of a map of zeros: 0 is
            perfect, 1 no better than nothing; NaN where no square costs anything.
        sensitivity: the largest relative change of the map for a change of 0.02 a pixel; 0 is none.
        squares, shifts: how many were drawn.
    """

    infidelity: float
    sensitivity: float
    squares: int
    shifts: int


def steadiness(query: SteadinessQuery, data: bytes | None = None) -> Steadiness:
    """Infidelity and sensitivity of a map; ``data`` is the visitor's file, if it is theirs.

    Raises:
        OutskirtsError: the map cannot be made.
    """
    from core.explain import faithfulness
    from core.explain.methods import explain, score_of

    detector, x, b = _asked(query.map, data)
    part, method = query.map.part, query.map.method

    def maps(images: Tensor) -> Tensor:
        asked = explain(detector, images, part=part, method=method, baseline=b, seed=query.map.seed)
        return asked.map

    score, pixels = score_of(detector, part), _map(query.map, data)
    return Steadiness(
        infidelity=faithfulness.infidelity(score, x, pixels, b=b, seed=query.seed),
        sensitivity=faithfulness.sensitivity(maps, x, seed=query.seed),
        squares=faithfulness.SQUARES,
        shifts=faithfulness.SHIFTS,
    )


@dataclass(frozen=True)
class RandomisedQuery(Query["Randomised"]):
    """What a map becomes while the detector forgets what it learned, shuffled by the seed."""

    wait: ClassVar[str] = "Shuffling what the detector learned, and explaining again…"

    map: MapQuery
    seed: int = 0

    def files(self) -> Iterable[Path]:
        return self.map.files()


@dataclass(frozen=True)
class Randomised:
    """Maps of a detector that forgets, from the score downwards.

    The map fails the check where it is still much the same when all is shuffled: |rank| above
    ``alike`` at the last stage. Such a map shows the image, not what was learned.

    Attributes:
        shares: (T,) of the modules whose numbers are shuffled, up to 1.
        maps: (T, H, W).
        ranks: (T,), Spearman's correlation with the whole detector's map; NaN where one of the
            two is constant, or not finite.
        alike: the |rank| above which two maps are much the same.
    """

    shares: np.ndarray
    maps: np.ndarray
    ranks: np.ndarray
    alike: float

    @property
    def fails(self) -> bool:
        """Whether the map hardly changes when the detector forgets everything."""
        return bool(abs(self.ranks[-1]) > self.alike)


def randomised(query: RandomisedQuery, data: bytes | None = None) -> Randomised:
    """The randomisation check of a map; ``data`` is the visitor's file, if it is theirs.

    Raises:
        OutskirtsError: the map cannot be made.
    """
    from core.explain.randomisation import ALIKE, randomised_maps

    detector, x, b = _asked(query.map, data)
    stages = randomised_maps(
        detector, x, part=query.map.part, method=query.map.method, baseline=b, seed=query.seed
    )
    return Randomised(
        shares=np.array([stage.share for stage in stages]),
        maps=np.stack([stage.map for stage in stages]),
        ranks=np.array([stage.rank for stage in stages]),
        alike=ALIKE,
    )


def _asked(query: MapQuery, data: bytes | None) -> tuple[Detector, Tensor, Tensor]:
    """The detector, and image and baseline (1, C, H, W), of a map."""
    x = seen_image(query.image, data, fault=query.fault).x
    return loaded(query.image.target)[0], x, baseline_for(query, x)


def _map(query: MapQuery, data: bytes | None) -> Tensor:
    """The map (H, W) of a query, made once for all three questions."""
    import torch

    return torch.from_numpy(explained(query, data).map.copy())


ANSWERS: tuple[Answered[Any], ...] = (
    Answered(CurvesQuery, map_curves),
    Answered(SteadinessQuery, steadiness),
    Answered(RandomisedQuery, randomised),
)
