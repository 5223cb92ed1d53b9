"""What a plain compressor needs for an image: a likelihood that knows of no normal ones."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

__all__ = ["png_bits"]


def png_bits(image: np.ndarray) -> int:
    """Size in bits of a grey image (H, W) uint8, as the IDAT chunks of its PNG at zlib level 9.

    References:
        Serra et al. 2020, Input complexity and out-of-distribution detection with likelihood-based
        generative models, https://arxiv.org/abs/1909.11480.

    Example:
        >>> png_bits(np.zeros((28, 28), np.uint8)) < 200
        True
    """
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG", compress_level=9)
    png, position, size = stream.getvalue(), 8, 0
    while position < len(png):  # chunk: length (4), type (4), data, checksum (4)
        length = int.from_bytes(png[position : position + 4], "big")
        size += length if png[position + 4 : position + 8] == b"IDAT" else 0
        position += 12 + length
    return 8 * size
