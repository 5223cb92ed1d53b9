"""Pixels as a flow sees them: levels with noise; and what a density of them is in bits."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "NATS_TO_BITS",
    "bits_per_dimension",
    "dequantise",
    "dequantised",
    "flipped",
    "margins",
    "mutate",
    "padded",
    "quantised",
    "shifted",
    "spread_over_pixels",
    "trimmed",
]

NATS_TO_BITS = 1 / math.log(2)
V = TypeVar("V", float, np.ndarray)


def bits_per_dimension(nats: V, dimensions: int, *, of: int) -> V:
    """Bits per image dimension that ``dimensions`` of ``of`` cost, from their -log density in nats.

    The density is of pixels in steps of 1/256, so each covered dimension costs 8 bits more; the
    figures of the scales sum to the figure of the image.

    Example:
        >>> round(bits_per_dimension(-3900.0, 1024, of=1024), 3)
        2.505
    """
    return nats * (NATS_TO_BITS / of) + 8 * dimensions / of


def dequantised(x: Tensor, noise: Tensor) -> Tensor:
    """x * 255/256 - 0.5 + noise/256 of images x (N, C, H, W) in [0, 1], of 256 levels.

    Noise, in [0, 1), is of the same shape as x, or of one that is broadcast to it.

    References:
        Theis, van den Oord, Bethge 2016, A note on the evaluation of generative models, sec. 3.1,
        https://arxiv.org/abs/1511.01844: the density then bounds a code length.

    Example:
        >>> dequantised(torch.tensor([0.0, 1.0]), torch.tensor(0.5)).mul(512).tolist()
        [-255.0, 255.0]
    """
    return x * (255 / 256) - 0.5 + noise / 256


def quantised(y: Tensor) -> Tensor:
    """Undo `dequantised`, whatever the noise: the levels in [0, 1] that y (N, C, H, W) lies in.

    Example:
        >>> levels = torch.tensor([0.0, 7 / 255, 1.0])
        >>> quantised(dequantised(levels, torch.tensor(0.9))).mul(255).tolist()
        [0.0, 7.0, 255.0]
    """
    return ((y + 0.5) * 256).floor().clamp(0, 255) / 255


def dequantise(x: Tensor, generator: torch.Generator) -> Tensor:
    """Images x (N, C, H, W) `dequantised` by noise U(0, 1), drawn by the generator for each pixel.

    Example:
        >>> y = dequantise(torch.zeros(1, 1, 2, 2), torch.Generator().manual_seed(0))
        >>> bool((-0.5 <= y).all() and (y < -0.5 + 1 / 256).all()), len(y.unique())
        (True, 4)
    """
    noise = torch.rand(x.shape, generator=generator, device=generator.device).to(x.device)
    return dequantised(x, noise)


def mutate(x: Tensor, share: float, *, generator: torch.Generator) -> Tensor:
    """Images x (N, C, H, W) with a share of their numbers replaced by a generator's uniform noise.

    References:
        Ren et al. 2019, Likelihood ratios for out-of-distribution detection, sec. 3.1,
        https://arxiv.org/abs/1906.02845.

    Example:
        >>> x = torch.full((1, 1, 100, 100), 2.0)
        >>> changed = mutate(x, 0.3, generator=torch.Generator().manual_seed(0)) != x
        >>> round(changed.float().mean().item(), 1)
        0.3
    """
    device = generator.device
    hit = torch.rand(x.shape, generator=generator, device=device) < share
    levels = torch.randint(256, x.shape, generator=generator, device=device) / 255
    return torch.where(hit.to(x.device), levels.to(x.device), x)


def flipped(x: Tensor, generator: torch.Generator) -> Tensor:
    """Images x (N, C, H, W), each mirrored left to right by the toss of a generator's coin.

    Example:
        >>> x = torch.tensor([[[[1.0, 2.0]]]]).repeat(4, 1, 1, 1)
        >>> flipped(x, torch.Generator().manual_seed(0))[..., 0].flatten().tolist()
        [2.0, 1.0, 2.0, 2.0]
    """
    heads = torch.rand(len(x), generator=generator, device=generator.device).to(x.device) < 0.5
    return torch.where(heads[:, None, None, None], x.flip(-1), x)


def shifted(x: Tensor, share: float, *, generator: torch.Generator) -> Tensor:
    """Images x (N, C, H, W), each moved by whole pixels, up to a ``share`` of its sides either way.

    The generator draws every move as likely as any other; the outermost pixels are repeated where
    nothing was.

    Example:
        >>> x = torch.arange(4.0).view(1, 1, 1, 4)
        >>> shifted(x, 0.25, generator=torch.Generator().manual_seed(1)).flatten().tolist()
        [1.0, 2.0, 3.0, 3.0]
    """
    device = generator.device

    def places(side: int) -> Tensor:
        """Where each of N images is read, (N, side)."""
        most = int(side * share)
        moves = torch.randint(-most, most + 1, (len(x), 1), generator=generator, device=device)
        return (torch.arange(side, device=device) + moves).clamp(0, side - 1).to(x.device)

    rows, columns = places(x.shape[-2]), places(x.shape[-1])
    images = torch.arange(len(x), device=x.device)[:, None, None]
    read = x.movedim(1, -1)[images, rows[:, :, None], columns[:, None]]  # (N, H, W, C)
    return read.movedim(-1, 1).contiguous()


def margins(height: int, width: int, multiple: int) -> tuple[int, int, int, int]:
    """Zeros (left, right, top, bottom) that make height and width multiples, the picture amid.

    Example:
        >>> margins(28, 28, 8), margins(48, 63, 8)
        ((2, 2, 2, 2), (0, 1, 0, 0))
    """
    rows, columns = -height % multiple, -width % multiple
    return columns // 2, columns - columns // 2, rows // 2, rows - rows // 2


def padded(x: Tensor, margin: tuple[int, int, int, int]) -> Tensor:
    """Images x (N, C, H, W) with a margin of zeros, (left, right, top, bottom), around them.

    Example:
        >>> padded(torch.ones(1, 1, 1, 2), (1, 0, 0, 1)).tolist()
        [[[[0.0, 1.0, 1.0], [0.0, 0.0, 0.0]]]]
    """
    return F.pad(x, margin) if any(margin) else x


def trimmed(x: Tensor, margin: tuple[int, int, int, int]) -> Tensor:
    """Undo `padded` by the same margin, of images or maps x (..., H, W).

    Example:
        >>> trimmed(torch.arange(6.0).view(1, 1, 2, 3), (1, 0, 0, 1)).tolist()
        [[[[1.0, 2.0]]]]
    """
    left, right, top, bottom = margin
    return x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right]


def spread_over_pixels(cells: Tensor, height: int, width: int) -> Tensor:
    """Values of cells (N, h, w) shared out evenly over their pixels, (N, height, width).

    Where the pixels do not divide by the cells, some cells have a row or column more.

    Example:
        >>> spread_over_pixels(torch.tensor([[[4.0, 8.0]]]), 2, 4)[0, 0].tolist()
        [1.0, 1.0, 2.0, 2.0]
        >>> spread_over_pixels(torch.tensor([[[4.0, 8.0]]]), 1, 3)[0, 0].tolist()
        [2.0, 2.0, 8.0]
    """
    rows = torch.arange(height, device=cells.device) * cells.shape[1] // height
    columns = torch.arange(width, device=cells.device) * cells.shape[2] // width
    counts = rows.bincount()[rows][:, None] * columns.bincount()[columns]
    return cells[:, rows][:, :, columns] / counts
