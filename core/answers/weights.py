"""What a detector's network looks for in one image, where that is one matrix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from core.answers.images import ImageQuery
from core.answers.loaded import loaded
from core.answers.planting import seen_image
from core.answers.query import Answered, Query

__all__ = ["ANSWERS", "WeightsQuery", "WeightsView", "weights_view"]


@dataclass(frozen=True)
class WeightsQuery(Query["WeightsView | None"]):
    """The weights of one image, or of the same with a fault of that number planted."""

    wait: ClassVar[str] = "Asking what the network looks for…"

    image: ImageQuery
    fault: int | None = None

    def files(self) -> Iterable[Path]:
        return self.image.files()


@dataclass(frozen=True)
class WeightsView:
    """What the network looks for in an image.

    Attributes:
        image: (H, W, C) uint8, as the detector gets it.
        weights: (2C, H, W) float32, those of [x, 1 - x].
    """

    id: str
    image: np.ndarray
    weights: np.ndarray


def weights_view(query: WeightsQuery, data: bytes | None = None) -> WeightsView | None:
    """The weights of one image, or None where the detector has none; ``data`` is a visitor's file.

    Raises:
        ImageError: ``data`` is not an image that can be read.
        OutskirtsError: no such scenario, set, image or checkpoint.
    """
    detector, _ = loaded(query.image.target)
    if not detector.can("weights"):
        return None
    seen = seen_image(query.image, data, fault=query.fault)
    weights = detector.weights(seen.x)[0].float().cpu().numpy()
    return WeightsView(seen.id, seen.picture.image, weights)


ANSWERS: tuple[Answered[Any], ...] = (Answered(WeightsQuery, weights_view),)
