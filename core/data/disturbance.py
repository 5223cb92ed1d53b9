"""An image disturbed a little: mixed, turned, shifted, blurred, made flatter, noisy, or occluded.

All sizes are shares of the picture's, so that a number means the same at any size. The steps come
in one order (mix, turn and shift, blur, contrast, noise, patch), between them nothing is rounded
and nothing cut off: that is done once, at the end.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy import ndimage

__all__ = ["NEUTRAL", "PATCHED", "UNDISTURBED", "Disturbance", "Patch", "disturbed", "with_value"]

PATCHED = "patch_"  # the names of a patch's own numbers begin with it


@dataclass(frozen=True)
class Patch:
    """A flat square that hides a part of the picture; it always lies inside.

    Attributes:
        row, column: its middle, as shares of height and width.
        size: its side, as a share of the picture's shorter one; 0: there is none.
        level: 0..255, of all channels.
    """

    row: float = 0.5
    column: float = 0.5
    size: float = 0.0
    level: float = 0.0

    def place(self, height: int, width: int) -> tuple[slice, slice]:
        """The rows and columns that it hides of a picture of this height and width.

        Example:
            >>> Patch(row=0.5, column=0.0, size=0.25).place(28, 28)
            (slice(11, 18, None), slice(0, 7, None))
        """
        side = round(self.size * min(height, width))
        top, left = (
            min(max(math.floor(share * whole - side / 2 + 0.5), 0), whole - side)
            for share, whole in ((self.row, height), (self.column, width))
        )
        return slice(top, top + side), slice(left, left + side)


@dataclass(frozen=True)
class Disturbance:
    """What is done to an image; as it stands here, nothing.

    Attributes:
        turn: degrees, counter-clockwise around the middle; what comes in from outside is as bright
            as the picture's rim, by the median of each channel: black where it lies on black.
        shift_x, shift_y: to the right and down, as shares of width and height; likewise.
        blur: standard deviation of a Gaussian, as a share of the shorter side.
        noise: standard deviation of what is added to each value, in levels of 255.
        contrast: the factor of each value's distance from its channel's mean.
        patch: what hides a part of it.
        mix: the share of a second image, 0 to 1.

    Raises:
        ValueError: a number is not finite, or outside of what it can be.
    """

    turn: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    contrast: float = 1.0
    patch: Patch | None = None
    mix: float = 0.0

    def __post_init__(self) -> None:
        highest = {"turn": 360.0, "shift_x": 1.0, "shift_y": 1.0, "noise": 255.0, "contrast": 255.0}
        highest |= {f"{PATCHED}level": 255.0}  # of all others 1
        for name, value in self.values().items():
            least = -highest[name] if name in ("turn", "shift_x", "shift_y") else 0.0
            if not least <= value <= highest.get(name, 1.0):
                raise ValueError(
                    f"{name} must be {least:g} to {highest.get(name, 1.0):g}, got {value}"
                )

    def values(self) -> dict[str, float]:
        """Its numbers by name, those of the patch as "patch_row" and so on."""
        own = asdict(self)
        patch = own.pop("patch") or asdict(Patch())
        return own | {f"{PATCHED}{name}": value for name, value in patch.items()}


UNDISTURBED = Disturbance()
NEUTRAL: Mapping[str, float] = UNDISTURBED.values()  # what changes nothing, by name


def with_value(disturbance: Disturbance, name: str, *, value: float) -> Disturbance:
    """The same with the number of a ``name``, as `Disturbance.values` has it, set to a ``value``.

    Raises:
        ValueError: there is no such number, or it cannot be that.

    Example:
        >>> with_value(Disturbance(turn=9), "patch_size", value=0.25).patch
        Patch(row=0.5, column=0.5, size=0.25, level=0.0)
    """
    if name not in NEUTRAL:
        raise ValueError(f"no disturbance {name!r}; there are: {', '.join(NEUTRAL)}")
    if name.startswith(PATCHED):
        own = {name.removeprefix(PATCHED): value}
        return replace(disturbance, patch=replace(disturbance.patch or Patch(), **own))
    changed: dict[str, Any] = {name: value}
    return replace(disturbance, **changed)


def disturbed(
    image: np.ndarray,
    disturbance: Disturbance,
    *,
    other: np.ndarray | None = None,
    seed: int = 0,
) -> np.ndarray:
    """An image (H, W, C) uint8 after a disturbance, of the same shape; the image stays as it is.

    Args:
        other: the second image (H, W, C) uint8, where it is mixed with one.
        seed: of the noise, whose pattern is the same however strong it is.

    Raises:
        ValueError: a second image is needed and missing, or of another shape.

    Example:
        >>> picture = np.array([[[10], [20]], [[30], [40]]], np.uint8)
        >>> disturbed(picture, Disturbance(turn=90))[..., 0].tolist()
        [[20, 40], [10, 30]]
        >>> disturbed(picture, Disturbance(contrast=0.5))[..., 0].tolist()
        [[18, 22], [28, 32]]
    """
    d = disturbance
    values = image.astype(np.float64)
    if d.mix:
        values = _mixed(values, other, share=d.mix)
    if d.turn or d.shift_x or d.shift_y:
        values = _moved(values, d)
    if d.blur:
        sigma = d.blur * min(image.shape[:2])
        values = ndimage.gaussian_filter(values, (sigma, sigma, 0))
    if d.contrast != 1:
        mean = values.mean((0, 1))
        values = mean + d.contrast * (values - mean)
    if d.noise:
        values = values + d.noise * np.random.default_rng(seed).standard_normal(values.shape)
    if d.patch is not None and d.patch.size:
        values[d.patch.place(*image.shape[:2])] = d.patch.level
    return values.round().clip(0, 255).astype(np.uint8)


def _mixed(values: np.ndarray, other: np.ndarray | None, *, share: float) -> np.ndarray:
    if other is None or other.shape != values.shape:
        shape = None if other is None else other.shape
        raise ValueError(f"the second image must be {values.shape}, got {shape}")
    return (1 - share) * values + share * other


def _moved(values: np.ndarray, d: Disturbance) -> np.ndarray:
    """Turned around the middle, then shifted: each pixel is read between those it comes from."""
    height, width, _ = values.shape
    angle = math.radians(d.turn)
    middle = (height - 1) / 2, (width - 1) / 2
    rows, columns = np.mgrid[:height, :width]
    down = rows - middle[0] - d.shift_y * height
    right = columns - middle[1] - d.shift_x * width
    places = np.stack(
        [
            middle[0] + math.cos(angle) * down + math.sin(angle) * right,
            middle[1] - math.sin(angle) * down + math.cos(angle) * right,
        ]
    )
    read = [
        ndimage.map_coordinates(channel, places, order=1, mode="grid-constant", cval=level)
        for channel, level in zip(np.moveaxis(values, -1, 0), _rim(values), strict=True)
    ]
    return np.stack(read, -1)


def _rim(values: np.ndarray) -> list[float]:
    """How bright the outermost pixels of values (H, W, C) are: the median of each channel."""
    sides = values[0], values[-1], values[1:-1, 0], values[1:-1, -1]
    return np.median(np.concatenate(sides), 0).tolist()
