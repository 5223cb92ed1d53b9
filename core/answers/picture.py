"""The picture of an image, as every detector of its scenario sees it; no detector is asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from core.answers.images import ImageQuery, find_picture
from core.answers.loaded import files_of_images
from core.answers.query import Answered, Query

__all__ = ["ANSWERS", "PictureQuery", "PictureView", "picture"]


@dataclass(frozen=True)
class PictureQuery(Query["PictureView"]):
    """The picture of a reference image or of one of the user's."""

    wait: ClassVar[str] = "Reading the image…"

    image: ImageQuery

    def files(self) -> Iterable[Path]:
        return files_of_images(self.image.target.world)


@dataclass(frozen=True)
class PictureView:
    """An image as detectors see it.

    Attributes:
        image: (H, W, C) uint8, of the scenario's shape.
        label: its class; "" where none is known.
        notes: what was done to the user's file; warnings: why nothing of it is to be seen.
    """

    id: str
    image: np.ndarray
    label: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def picture(query: PictureQuery, data: bytes | None = None) -> PictureView:
    """The picture (H, W, C) uint8 that a query means, its name and its class.

    Raises:
        ImageError: ``data`` is not an image that can be read.
        ScenarioError: no such scenario or set, or the index is outside of it.
    """
    seen, name, label = find_picture(query.image.target.world, query.image, data)
    return PictureView(name, seen.image, label, seen.notes, seen.warnings)


ANSWERS: tuple[Answered, ...] = (Answered(PictureQuery, picture),)
