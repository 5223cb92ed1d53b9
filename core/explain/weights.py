"""The weights that a network applies to an image, in colour: what it looks for, pixel by pixel."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from core.explain.rendering import factor_for

__all__ = ["BRIGHT", "DARK", "weights_coloured", "weights_png"]

BRIGHT = 0xFD, 0xD8, 0x35  # yellow: a grey pixel that should be bright
DARK = 0x3B, 0x0F, 0x70  # violet: one that should be dark; apart from it for all eyes
FULL = 0.995  # the share of pixels below which opacity grows; the strongest ones are all opaque


def weights_coloured(weights: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Weights (2C, H, W) of an image's [x, 1 - x] as (H, W, 4) uint8: red, green, blue, opacity.

    Of each channel the share r / (r + d) of what should be bright, r, in that and what should be
    dark, d, each where it is above zero. Of three channels it is red, green or blue; of one it goes
    from `DARK` to `BRIGHT`. Opaque is a pixel as its weights are long; one that speaks against what
    the network says, for the image (H, W, C) uint8 is not what is looked for there, is not drawn.

    References:
        Böhle, Fritz, Schiele 2022, https://arxiv.org/abs/2205.10268, and its code, for the colours.

    Raises:
        ValueError: the weights are not those of such an image.

    Example:
        >>> weights = np.array([3.0, 1.0, 0.0, 2.0]).reshape(2, 1, 2)  # r, then d, of two pixels
        >>> weights_coloured(weights, np.full((1, 2, 1), 255, np.uint8)).tolist()
        [[[253, 216, 53, 255], [124, 82, 92, 190]]]
    """
    channels = image.shape[-1]
    if weights.shape != (2 * channels, *image.shape[:2]):
        raise ValueError(f"an image {image.shape} has no weights of shape {weights.shape}")
    bright, dark = weights[:channels].clip(0), weights[channels:].clip(0)
    shares = np.moveaxis(bright / (bright + dark + 1e-12), 0, -1)
    colours = 255 * shares
    if channels == 1:
        colours = np.array(DARK) + shares * (np.array(BRIGHT) - np.array(DARK))
    lengths = np.linalg.norm(weights, axis=0)
    x = np.moveaxis(image / 255, -1, 0)
    lengths[(weights * np.concatenate([x, 1 - x])).sum(0) < 0] = 0
    opacity = (lengths / (np.quantile(lengths, FULL) or 1.0)).clip(0, 1)
    return np.round(np.concatenate([colours, 255 * opacity[..., None]], -1)).astype(np.uint8)


def weights_png(
    weights: np.ndarray, image: np.ndarray, *, ground: int | None = None, factor: int | None = None
) -> bytes:
    """Weights (2C, H, W) of an image (H, W, C) uint8 as a PNG file, see `weights_coloured`.

    Every pixel is a square of factor x factor; without a factor the longer side has some 448.

    Args:
        ground: the grey level that shows through; None: the file keeps the opacity.

    Raises:
        ValueError: the weights are not those of such an image.

    Example:
        >>> png = weights_png(np.ones((2, 1, 2)), np.ones((1, 2, 1), np.uint8), factor=3)
        >>> Image.open(io.BytesIO(png)).size
        (6, 3)
    """
    pixels = weights_coloured(weights, image)
    if ground is not None:
        opacity = pixels[..., 3:] / 255
        pixels = np.round(ground + opacity * (pixels[..., :3].astype(float) - ground))
        pixels = pixels.astype(np.uint8)
    factor = factor_for(pixels) if factor is None else factor
    stream = io.BytesIO()
    Image.fromarray(pixels.repeat(factor, 0).repeat(factor, 1)).save(stream, "PNG")
    return stream.getvalue()
