"""The image that is to be explained, as it is or with a fault planted at a known place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from core.answers.images import ImageQuery, find_picture, percentiles, row_of
from core.answers.loaded import loaded
from core.answers.query import Answered, Query
from core.data.transforms import Planted, planted

if TYPE_CHECKING:
    from torch import Tensor

    from core.data.images import Picture
    from core.detectors._base import Detector
    from core.scenario import Scenario

__all__ = ["ANSWERS", "PlantedQuery", "PlantedView", "Seen", "planted_view", "seen_image"]


@dataclass(frozen=True)
class Seen:
    """An image as a detector gets it.

    Attributes:
        x: (1, C, H, W) in [0, 1].
        mask: (H, W) bool, the true place of what is strange, or None.
        fault: what was planted, or None.
    """

    id: str
    label: str
    picture: Picture
    x: Tensor
    mask: np.ndarray | None
    fault: Planted | None


def seen_image(query: ImageQuery, data: bytes | None, *, fault: int | None) -> Seen:
    """The image of a query, with a fault planted where its number is given.

    It is the visitor's own where ``data`` is the file of it.

    Raises:
        OutskirtsError: there is no such image.
    """
    from core.data.images import Picture
    from core.data.picture import as_tensor

    scenario = query.target.world
    picture, name, label = find_picture(scenario, query, data)
    mask, plant = _mask_of(scenario, query), None
    if fault is not None:
        plant = _plant(scenario, query, picture.image, fault=fault)
        picture = Picture(plant.image, picture.notes, picture.warnings)
        name, mask = f"{name} with fault {fault}", plant.mask
    return Seen(name, label, picture, as_tensor(picture.image[None]), mask, plant)


def _plant(scenario: Scenario, query: ImageQuery, image: np.ndarray, *, fault: int) -> Planted:
    normal = scenario.normal.name
    itself = query.index if query.set_name == normal else None
    return planted(image, scenario.pictures(normal).images, fault=fault, without=itself)


def _mask_of(scenario: Scenario, query: ImageQuery) -> np.ndarray | None:
    if query.index is None:
        return None
    one = scenario.pictures(query.set_name).chosen("", np.array([query.index]))
    return None if one.masks is None else one.masks[0].astype(bool)


# A planted fault ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlantedQuery(Query["PlantedView"]):
    """An image with a patch of another normal one, and what the detector says of both.

    Attributes:
        fault: its number, which decides patch and place; see `core.data.transforms.planted`.
    """

    wait: ClassVar[str] = "Planting a fault…"

    image: ImageQuery
    fault: int = 0

    def files(self) -> Iterable[Path]:
        return self.image.files()


@dataclass(frozen=True)
class PlantedView:
    """An image before and after a fault was planted.

    Attributes:
        before, image: (H, W, C) uint8, without and with the fault.
        mask: (H, W) bool, where it is.
        donor, donor_image: the id and (H, W, C) uint8 of the image that the patch comes from.
        change: mean absolute difference in the patch, in levels.
        parts_before, parts_after, percentiles_before, percentiles_after: by part.
    """

    id: str
    before: np.ndarray
    image: np.ndarray
    mask: np.ndarray
    donor: str
    donor_image: np.ndarray
    change: float
    parts_before: Mapping[str, float]
    parts_after: Mapping[str, float]
    percentiles_before: Mapping[str, float]
    percentiles_after: Mapping[str, float]


def planted_view(query: PlantedQuery, data: bytes | None = None) -> PlantedView:
    """An image before and after a fault; ``data`` is the visitor's file, if it is theirs.

    Raises:
        ImageError: ``data`` is not an image that can be read.
        OutskirtsError: no such scenario, set, image or checkpoint.
    """
    scenario, (detector, card) = query.image.target.world, loaded(query.image.target)
    before = seen_image(query.image, data, fault=None)
    after = seen_image(query.image, data, fault=query.fault)
    assert after.fault is not None
    normal = scenario.pictures(scenario.normal.name)
    parts = _parts(detector, before, after)
    places = percentiles(card, parts)
    return PlantedView(
        id=before.id,
        before=before.picture.image,
        image=after.picture.image,
        mask=after.fault.mask,
        donor=f"{normal.name}#{after.fault.donor}",
        donor_image=normal.images[after.fault.donor],
        change=after.fault.change,
        parts_before=row_of(parts, 0),
        parts_after=row_of(parts, 1),
        percentiles_before=row_of(places, 0),
        percentiles_after=row_of(places, 1),
    )


def _parts(detector: Detector, *seen: Seen) -> dict[str, np.ndarray]:
    from core.inference.scoring import parts_of

    return parts_of(detector, np.stack([one.picture.image for one in seen]))


ANSWERS: tuple[Answered[Any], ...] = (Answered(PlantedQuery, planted_view),)
