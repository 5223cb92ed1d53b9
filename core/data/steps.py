"""What each step of decoding left of an image file, small enough to be shown and kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.data.decode import decode
from core.data.picture import Picture
from core.data.tones import WITH_ALPHA
from core.shape import Shape

__all__ = ["SIDE", "Step", "steps_of"]

SIDE = 256  # pixels of the longer side of a step, at most
SMOOTH = ("L", "RGB")  # modes that are made smaller in place, without a copy as large


@dataclass(frozen=True)
class Step:
    """What was done to an image, and what it was afterwards.

    Attributes:
        image: (H, W, 1|3|4) uint8, with how opaque it is where the file says; smaller than the
            image was where that was large.
    """

    title: str
    note: str
    image: np.ndarray


def steps_of(data: bytes, shape: Shape) -> tuple[tuple[Step, ...], Picture]:
    """The steps of decoding the data of an image file for a shape, and the picture they end in.

    Raises:
        ImageError: it cannot be read.
    """
    steps: list[Step] = []

    def watch(title: str, note: str, image: Image.Image | np.ndarray) -> None:
        if isinstance(image, np.ndarray):
            steps.append(Step(title, note, image.copy()))
            return
        shown, more = _shown(image)
        steps.append(Step(title, "; ".join([note, *more]), shown))

    picture = decode(data, shape, watch=watch)
    return tuple(steps), picture


def _shown(image: Image.Image) -> tuple[np.ndarray, list[str]]:
    """An image of any mode as (H, W, 1|3|4) uint8 of a `SIDE` at most, and what that took."""
    small = _small(image)
    if image.mode.startswith("I") or image.mode == "F":
        return _stretched(np.asarray(small, np.float64)), ["shown from its lowest level to highest"]
    pixels = np.array(_converted(small, _shown_mode(image)))
    return (pixels[..., None] if pixels.ndim == 2 else pixels), []


def _shown_mode(image: Image.Image) -> str:
    if "transparency" in image.info or image.mode in WITH_ALPHA:
        return "RGBA"
    return "L" if image.mode in ("1", "L", "LAB") else "RGB"


def _small(image: Image.Image) -> Image.Image:
    share = SIDE / max(image.size)
    if share >= 1:
        return image.copy()
    size = max(1, round(image.width * share)), max(1, round(image.height * share))
    smooth = image.mode in SMOOTH
    small = image.resize(size, Image.Resampling.BOX if smooth else Image.Resampling.NEAREST)
    small.info = image.info
    return small


def _converted(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == "LAB":  # refused in the next step
        return image.getchannel("L")
    straight = {"La": "LA", "RGBa": "RGBA"}.get(image.mode, image.mode)
    return image.convert(straight).convert(mode)


def _stretched(levels: np.ndarray) -> np.ndarray:
    """Levels (H, W) from the lowest to the highest of them, as (H, W, 1) uint8."""
    levels = np.nan_to_num(levels, nan=0.0, posinf=0.0, neginf=0.0)  # refused in the next step
    low, high = levels.min(), levels.max()
    scaled = (levels - low) * (255 / ((high - low) or 1))
    return scaled.round().astype(np.uint8)[..., None]
