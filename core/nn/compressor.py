"""What a plain compressor needs for an image: a likelihood that knows of no normal ones."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

__all__ = ["png_bits", "png_bits_of"]


def png_bits(image: np.ndarray) -> int:
    """Size in bits of an image (H, W, C) uint8, as the IDAT chunks of its PNG at zlib level 9.

    One channel is grey, three are colour.

    References:
        Serra et al. 2020, Input complexity and out-of-distribution detection with likelihood-based
        generative models, https://arxiv.org/abs/1909.11480.

    Example:
        >>> flat, noise = np.zeros((28, 28, 1), np.uint8), np.random.default_rng(0).bytes(784)
        >>> bits = png_bits(flat), png_bits(np.frombuffer(noise, np.uint8).reshape(28, 28, 1))
        >>> [round(n, -3) for n in bits]  # noise takes what it has, 8 bits a pixel
        [0, 7000]
    """
    stream = io.BytesIO()
    pixels = image[..., 0] if image.shape[2] == 1 else image
    Image.fromarray(pixels).save(stream, "PNG", compress_level=9)
    png, position, size = stream.getvalue(), 8, 0
    while position < len(png):  # chunk: length (4), type (4), data, checksum (4)
        length = int.from_bytes(png[position : position + 4], "big")
        size += length if png[position + 4 : position + 8] == b"IDAT" else 0
        position += 12 + length
    return 8 * size


def png_bits_of(x: Tensor) -> Tensor:
    """`png_bits` of images x (N, C, H, W) in [0, 1], (N,), on the device of x.

    Example:
        >>> png_bits_of(torch.zeros(2, 3, 8, 8)).round(decimals=-3).tolist()
        [0.0, 0.0]
    """
    levels = (x.detach() * 255).round().clamp(0, 255).to(torch.uint8)
    bits = [png_bits(image) for image in levels.permute(0, 2, 3, 1).cpu().numpy()]
    return torch.tensor(bits, dtype=x.dtype, device=x.device)
