"""Pixels as a flow sees them: bins, their middle, noise; and what a density of them is in bits."""

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
    "centre",
    "dequantise",
    "mutate",
    "uncentre",
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


def centre(x: Tensor) -> Tensor:
    """Images in [0, 1] to the middle of their bin of width 1/256 in [-0.5, 0.5]."""
    return x * (255 / 256) + (1 / 512 - 0.5)


def uncentre(x: Tensor) -> Tensor:
    """Undo `centre`.

    Example:
        >>> uncentre(centre(torch.tensor([0.0, 1.0]))).round(decimals=5).tolist()
        [0.0, 1.0]
    """
    return (x + 0.5) * 256 / 255 - 1 / 510


def dequantise(x: Tensor, generator: torch.Generator) -> Tensor:
    """Images in [0, 1] to u8/256 - 0.5 + U(0, 1/256)."""
    noise = torch.rand(x.shape, generator=generator, device=generator.device).to(x.device)
    return x * (255 / 256) - 0.5 + noise / 256


def mutate(x: Tensor, share: float, *, border: int, generator: torch.Generator) -> Tensor:
    """Images x (N, C, H, W) with a share of the pixels inside the border replaced by uniform noise.

    References:
        Ren et al. 2019, Likelihood ratios for out-of-distribution detection, sec. 3.1,
        https://arxiv.org/abs/1906.02845.
    """
    device = generator.device
    hit = torch.rand(x.shape, generator=generator, device=device) < share
    levels = torch.randint(256, x.shape, generator=generator, device=device) / 255
    inside = torch.ones_like(hit[..., 2 * border :, 2 * border :])
    hit &= F.pad(inside, (border, border, border, border))
    return torch.where(hit.to(x.device), levels.to(x.device), x)
