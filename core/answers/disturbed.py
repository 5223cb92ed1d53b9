"""What several models say of an image that is disturbed, as it is now and along one slider."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from core.answers.images import ImageQuery, find_picture, percentiles
from core.answers.loaded import Target, files_of, loaded
from core.answers.own import scores_of_parts
from core.answers.query import Answered, Query
from core.data.disturbance import NEUTRAL, UNDISTURBED, Disturbance, Patch, disturbed, with_value
from core.errors import OutskirtsError
from core.scenario import ScenarioError

if TYPE_CHECKING:
    from core.card import Card
    from core.detectors._base import Detector

__all__ = [
    "ANSWERS",
    "NEUTRAL",
    "Along",
    "AlongQuery",
    "Disturbance",
    "Disturbed",
    "DisturbedQuery",
    "Patch",
    "along",
    "disturbed_view",
]


@dataclass(frozen=True)
class DisturbedQuery(Query["Disturbed"]):
    """What models of a scenario say of an image that is disturbed.

    Attributes:
        image: a reference image, or the visitor's, whose bytes are given.
        other: the reference image of the same scenario that it is mixed with, where it is.
        seed: of the noise.
    """

    wait: ClassVar[str] = "Asking every detector…"

    scenario: str
    models: tuple[str, ...]
    image: ImageQuery
    disturbance: Disturbance = UNDISTURBED
    other: ImageQuery | None = None
    seed: int = 0

    def files(self) -> Iterable[Path]:
        mixed = () if self.other is None else (self.other.target,)
        return files_of(self.image.target, *mixed, *_targets(self.scenario, self.models))


@dataclass(frozen=True)
class Disturbed:
    """A disturbed image and what models say of it, each by its name, in the order of the query.

    Attributes:
        image: (H, W, C) uint8; bare: (H, W, C) uint8, the same without what a patch hides.
        raw, displayed: the score, and that in the unit of pages; units: that unit.
        percentiles: of the score among calibration normals.
        flagged: at the threshold of the model's card.
        foreign: whether it is not of the model's kind, whatever its score.
        failed: why a model has no numbers.
    """

    image: np.ndarray
    bare: np.ndarray
    raw: Mapping[str, float]
    displayed: Mapping[str, float]
    units: Mapping[str, str]
    percentiles: Mapping[str, float]
    flagged: Mapping[str, bool]
    foreign: Mapping[str, bool]
    failed: Mapping[str, str]


@dataclass(frozen=True)
class AlongQuery(Query["Along"]):
    """The same at several values of one of a disturbance's numbers, the others being as they are.

    `along_of` leaves what that number is now out of the query, so that whoever moves it alone asks
    the same again.
    """

    wait: ClassVar[str] = "Asking every detector along the slider…"

    asked: DisturbedQuery
    name: str
    positions: tuple[float, ...]

    @classmethod
    def along_of(
        cls, asked: DisturbedQuery, name: str, *, positions: tuple[float, ...]
    ) -> AlongQuery:
        """The query of a number by its name at ``positions``, whatever it is in what is asked.

        Raises:
            ValueError: there is no such number.
        """
        rest = with_value(asked.disturbance, name, value=NEUTRAL.get(name, 0.0))
        given = (asked.scenario, asked.models, asked.image, rest, asked.other, asked.seed)
        return cls(DisturbedQuery(*given), name, positions)

    def files(self) -> Iterable[Path]:
        return self.asked.files()


@dataclass(frozen=True)
class Along:
    """An image at P values of one number, and what models say of each, by their names.

    Attributes:
        positions: (P,).
        images: (P, H, W, C) uint8.
        raw, percentiles: (P,) of each model: its score, and where that stands among normal ones.
        failed: why a model has no numbers.
    """

    positions: np.ndarray
    images: np.ndarray
    raw: Mapping[str, np.ndarray]
    percentiles: Mapping[str, np.ndarray]
    failed: Mapping[str, str]


def disturbed_view(query: DisturbedQuery, data: bytes | None = None) -> Disturbed:
    """Score, percentile and verdict of every model for a disturbed image.

    Raises:
        ImageError: ``data`` is not an image that can be read.
        OutskirtsError: no such scenario, set or image, or it is mixed with none.
    """
    from core.inference.scoring import parts_of

    image, other = _pictures(query, data)
    d = query.disturbance
    seen = disturbed(image, d, other=other, seed=query.seed)
    bare = disturbed(image, _without_patch(d), other=other, seed=query.seed)
    failed: dict[str, str] = {}
    said = {
        model: scores_of_parts(target, parts_of(detector, seen[None]))
        for model, target, detector, _ in _models(query, failed)
    }
    return Disturbed(
        image=seen,
        bare=bare,
        raw={m: float(s.raw[0]) for m, s in said.items()},
        displayed={m: float(s.displayed[0]) for m, s in said.items()},
        units={m: s.unit for m, s in said.items()},
        percentiles={m: float(s.percentiles[0]) for m, s in said.items()},
        flagged={m: bool(s.flagged[0]) for m, s in said.items()},
        foreign={m: bool(s.foreign[0]) for m, s in said.items()},
        failed=failed,
    )


def along(query: AlongQuery, data: bytes | None = None) -> Along:
    """Every model's percentile at each value of one number of the disturbance.

    Raises:
        ImageError: ``data`` is not an image that can be read.
        OutskirtsError: no such scenario, set, image or number, or a value that it cannot have.
    """
    from core.inference.scoring import parts_of

    asked = query.asked
    if not query.positions:
        raise ScenarioError("a curve along a slider needs a position")
    image, other = _pictures(asked, data, mixes=query.name == "mix")
    try:
        steps = [with_value(asked.disturbance, query.name, value=v) for v in query.positions]
    except ValueError as error:
        raise ScenarioError(str(error)) from error
    images = np.stack([disturbed(image, d, other=other, seed=asked.seed) for d in steps])
    raw, standing, failed = {}, {}, dict[str, str]()
    for model, _, detector, card in _models(asked, failed):
        part = card.score.part
        raw[model] = parts_of(detector, images)[part]
        standing[model] = percentiles(card, {part: raw[model]})[part]
    return Along(np.array(query.positions), images, raw, standing, failed)


def _targets(scenario: str, models: Iterable[str]) -> list[Target]:
    return [Target.of(scenario, model) for model in models]


def _models(
    query: DisturbedQuery, failed: dict[str, str]
) -> Iterator[tuple[str, Target, Detector, Card]]:
    """Each model with its detector and card; one that cannot be loaded is noted in ``failed``."""
    for model, target in zip(query.models, _targets(query.scenario, query.models), strict=True):
        try:
            yield model, target, *loaded(target)
        except OutskirtsError as error:
            failed[model] = str(error)


def _pictures(
    query: DisturbedQuery, data: bytes | None, *, mixes: bool = False
) -> tuple[np.ndarray, np.ndarray | None]:
    """The image and the one that it is mixed with, where it is.

    Raises:
        ImageError: ``data`` is not an image that can be read.
        ScenarioError: no such set or image, or there is none to mix with.
    """
    scenario = query.image.target.world
    image = find_picture(scenario, query.image, data)[0].image
    if not (query.disturbance.mix or mixes):
        return image, None
    if query.other is None or query.other.index is None:
        raise ScenarioError("an image is mixed with a reference image, and none is named")
    one, another = query.image.target.scenario, query.other.target.scenario
    if one != another:
        raise ScenarioError(f"an image of {one} cannot be mixed with one of {another}")
    return image, find_picture(query.other.target.world, query.other, None)[0].image


def _without_patch(disturbance: Disturbance) -> Disturbance:
    return with_value(disturbance, "patch_size", value=0.0)


ANSWERS: tuple[Answered[Any], ...] = (
    Answered(DisturbedQuery, disturbed_view),
    Answered(AlongQuery, along),
)
