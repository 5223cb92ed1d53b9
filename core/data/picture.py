"""Pictures as arrays (H, W, C) uint8, as tensors, as Pillow's images and as PNG files."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from core.errors import OutskirtsError
from core.shape import Shape

if TYPE_CHECKING:  # pages import what names files; torch takes seconds
    from torch import Tensor

__all__ = [
    "ImageError",
    "Picture",
    "as_images",
    "as_pil",
    "as_tensor",
    "check_fits",
    "fit",
    "fitted_size",
    "inside",
    "no_picture",
    "pixels_of",
    "png",
    "resized",
]


class ImageError(OutskirtsError):
    """A file or array is not an image that can be read."""


@dataclass(frozen=True)
class Picture:
    """An image (H, W, C) uint8 of a scenario's shape, with what was done to get it.

    Attributes:
        warnings: why nothing, or nearly nothing, of a file is to be seen in it.
    """

    image: np.ndarray
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def no_picture(shape: Shape) -> np.ndarray:
    """What stands in the place of a picture that is not here: grey, with a cross, (H, W, C) uint8.

    Example:
        >>> no_picture(Shape(1, 3, 3))[..., 0].tolist()
        [[96, 160, 96], [160, 96, 160], [96, 160, 96]]
    """
    height, width, channels = shape.pixels
    rows, columns = np.mgrid[:height, :width]
    down = rows * width // height
    cross = (down == columns) | (down == width - 1 - columns)
    return np.repeat(np.where(cross, 96, 160).astype(np.uint8)[..., None], channels, 2)


def as_tensor(images: np.ndarray) -> Tensor:
    """Images (N, H, W, C) uint8 as (N, C, H, W) float32 in [0, 1].

    Raises:
        ValueError: images are of another shape or type.

    Example:
        >>> as_tensor(np.array([[[[0, 51, 255]]]], np.uint8)).flatten().tolist()
        [0.0, 0.20000000298023224, 1.0]
    """
    import torch

    if images.ndim != 4 or images.shape[3] not in (1, 3) or images.dtype != np.uint8:
        raise ValueError(f"images must be (N, H, W, 1|3) uint8, got {images.shape} {images.dtype}")
    floats = images.transpose(0, 3, 1, 2).astype(np.float32, order="C")  # a copy: may be written
    return torch.from_numpy(floats).div_(255)


def as_images(x: Tensor) -> np.ndarray:
    """Images x (N, C, H, W) in [0, 1], rounded to 256 levels, as (N, H, W, C) uint8.

    What is outside of [0, 1] becomes the nearest level.

    Raises:
        ValueError: x is of another shape, or holds NaN.

    Example:
        >>> import torch
        >>> as_images(torch.tensor([[[[0.0, 0.2, 0.5, 1.0]]]])).flatten().tolist()
        [0, 51, 128, 255]
    """
    if x.ndim != 4 or x.shape[1] not in (1, 3):
        raise ValueError(f"x must be (N, 1|3, H, W), got {tuple(x.shape)}")
    levels = (x.detach().float().cpu() * 255).round().clamp(0, 255).numpy()
    if np.isnan(levels).any():
        raise ValueError("x holds NaN")
    return levels.transpose(0, 2, 3, 1).astype(np.uint8, order="C")


def as_pil(image: np.ndarray) -> Image.Image:
    """An image (H, W, 1|3) uint8 as Pillow's, of mode L or RGB.

    Raises:
        ValueError: the image is of another shape or type.
    """
    if image.ndim != 3 or image.shape[2] not in (1, 3) or image.dtype != np.uint8:
        raise ValueError(f"an image must be (H, W, 1|3) uint8, got {image.shape} {image.dtype}")
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def pixels_of(image: Image.Image) -> np.ndarray:
    """The pixels (H, W, 1|3) uint8 of a Pillow image of mode L or RGB; they may not be written."""
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def png(image: np.ndarray) -> bytes:
    """An image (H, W, 1|3) uint8 as a PNG file.

    Raises:
        ValueError: the image is of another shape or type.
    """
    stream = io.BytesIO()
    as_pil(image).save(stream, "PNG")
    return stream.getvalue()


def fitted_size(width: int, height: int, shape: Shape) -> tuple[int, int]:
    """(width, height) of a picture made as large as the shape holds it whole; a side may be 0.

    Example:
        >>> fitted_size(100, 50, Shape(1, 28, 28)), fitted_size(100, 50, Shape(3, 48, 64))
        ((28, 14), (64, 32))
        >>> fitted_size(3000, 1, Shape(1, 28, 28))
        (28, 0)
    """
    if width / height > shape.width / shape.height:
        return shape.width, round(height / width * shape.width)
    return round(width / height * shape.height), shape.height


def check_fits(width: int, height: int, shape: Shape) -> None:
    """Refuse a picture whose width or height would vanish when it is fitted.

    Raises:
        ImageError: not a line of it is left at that shape.
    """
    if 0 in fitted_size(width, height, shape):
        raise ImageError(f"{width}x{height}: nothing of it is left at {shape.width}x{shape.height}")


def resized(full: tuple[int, int], size: tuple[int, int]) -> str:
    """By how much a picture of a full size (width, height) was changed to have another, or "".

    Example:
        >>> resized((224, 224), (32, 32)), resized((100, 50), (28, 14)), resized((7, 7), (28, 28))
        ('shrunk 7 times each way', 'shrunk 3.6 times each way', 'enlarged 4 times each way')
        >>> resized((28, 14), (28, 14)), resized((3000, 200), (28, 2))
        ('', 'shrunk 107 times each way')
    """
    long = 0 if full[0] >= full[1] else 1  # of the longer side: the other is rounded more
    factor = full[long] / size[long]
    times = max(factor, 1 / factor)
    number = f"{times:.0f}" if times >= 9.95 else f"{times:.1f}".removesuffix(".0")
    if number == "1":
        return ""
    return f"{'shrunk' if factor > 1 else 'enlarged'} {number} times each way"


def inside(size: tuple[int, int], shape: Shape) -> tuple[int, int]:
    """(left, top) of a picture of a fitted size (width, height), in the middle of the shape.

    Example:
        >>> inside((28, 14), Shape(1, 28, 28))
        (0, 7)
    """
    left, top = (round((side - own) / 2) for side, own in zip(shape.size, size, strict=True))
    return left, top


def fit(
    image: Image.Image,
    shape: Shape,
    *,
    full: tuple[int, int] | None = None,
    mask: bool = False,
) -> Image.Image:
    """The image as large as the shape holds it whole, in the middle of black; its mode stays.

    Args:
        full: (width, height) of a picture that was read or made smaller than it is.
        mask: it marks pixels: what is marked in part, however thin, is marked at its highest.

    Raises:
        ImageError: nothing of it is left at that size.
    """
    full = full or image.size
    check_fits(*full, shape)
    size = fitted_size(*full, shape)
    fitted = _marked(image, size) if mask else image.resize(size, Image.Resampling.LANCZOS)
    if size == shape.size:
        return fitted
    whole = Image.new(image.mode, shape.size)
    whole.paste(fitted, inside(size, shape))
    return whole


def _marked(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A mask at another size: 255 wherever a part of the pixel is marked; a scratch stays one."""
    shares = image.point(lambda value: 255 * (value > 0)).resize(size, Image.Resampling.BOX)
    larger = size[0] > image.width or size[1] > image.height
    least = 127 if larger else 0
    return shares.point(lambda value: 255 * (value > least))
