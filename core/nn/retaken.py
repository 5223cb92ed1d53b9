"""Pictures as the same camera might take them another time: what a detector should not mind."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["retaken"]

GAIN = CONTRAST = SLOPE = 0.1  # at most so much more or less, a slope from one edge to the other
BLUR, NOISE = 0.7, 0.02  # at most: standard deviations, in pixels and of values in [0, 1]
REACH = 3  # pixels on either side that a blurred one is made of


def retaken(x: Tensor, generator: torch.Generator) -> Tensor:
    """Images x (N, C, H, W) in [0, 1], each taken again: nothing in them moves.

    Each is made flatter or steeper around its mean by up to 10 per cent, lighter or darker by up to
    10 per cent, and lit from a side by up to 10; it is out of focus by up to 0.7 pixels, and
    grained by up to 0.02. All five are drawn evenly for each image, from a generator of the
    processor's.

    Example:
        >>> x = torch.full((2, 1, 8, 8), 0.5)
        >>> again = retaken(x, torch.Generator().manual_seed(0))
        >>> again.shape == x.shape, round(float(again[0].mean()), 2)
        (True, 0.46)
    """

    def drawn(*shape: int) -> Tensor:
        return (2 * torch.rand(*shape, generator=generator) - 1).to(x)

    count, _, height, width = x.shape
    mean = x.mean((1, 2, 3), keepdim=True)
    flatter = mean + (1 + CONTRAST * drawn(count, 1, 1, 1)) * (x - mean)
    lit = flatter * (1 + GAIN * drawn(count, 1, 1, 1))
    down, right = torch.meshgrid(
        torch.linspace(-1, 1, height).to(x), torch.linspace(-1, 1, width).to(x), indexing="ij"
    )
    slopes = drawn(2, count, 1, 1, 1) * SLOPE / 2
    sloped = lit * (1 + slopes[0] * down + slopes[1] * right)
    blurred = _blurred(sloped, BLUR * drawn(count).abs())
    grain = torch.randn(x.shape, generator=generator).to(x)
    return (blurred + NOISE * drawn(count, 1, 1, 1).abs() * grain).clamp(0, 1)


def _blurred(x: Tensor, sigmas: Tensor) -> Tensor:
    """Images x (N, C, H, W), each under a Gaussian of its own standard deviation (N,)."""
    count, channels, height, width = x.shape
    places = torch.arange(-REACH, REACH + 1).to(x)
    weights = torch.exp(-((places / sigmas.clamp_min(0.05)[:, None]) ** 2) / 2)
    weights = (weights / weights.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    reach = min(REACH, height - 1, width - 1)
    weights = weights[:, REACH - reach : REACH + reach + 1]
    weights = weights / weights.sum(1, keepdim=True)
    groups = count * channels
    rows = F.pad(x.reshape(1, groups, height, width), (reach,) * 4, mode="reflect")
    rows = F.conv2d(rows, weights[:, None, None], groups=groups)
    return F.conv2d(rows, weights[:, None, :, None], groups=groups).reshape(x.shape)
