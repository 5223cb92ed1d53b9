"""Descriptors of grey images that nobody trained: gradients by direction, and random filters."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["RandomFilters", "oriented_gradients"]

FLAT = 1e-3  # added to the energy of a neighbourhood, so that flat ones stay near zero


def oriented_gradients(x: Tensor, *, cell: int = 4, directions: int = 8) -> Tensor:
    """How steep x (N, 1, H, W) is in each direction and cell, (N, directions, H/cell, W/cell).

    Gradients of both signs count as one direction and are shared out linearly between the two
    nearest; each cell is divided by the root of the mean energy of its 3x3 cells.

    Raises:
        ValueError: cells do not fill the image.

    References:
        Dalal, Triggs 2005, Histograms of oriented gradients for human detection.

    Example:
        >>> slope = torch.linspace(0, 1, 8).expand(1, 1, 8, 8)  # brighter to the right
        >>> found = oriented_gradients(slope, cell=8, directions=4).flatten()
        >>> [round(v, 1) for v in found.tolist()]
        [2.8, 0.0, 0.0, 0.0]
    """
    if x.shape[2] % cell or x.shape[3] % cell:
        raise ValueError(f"cells of {cell} do not fill an image of {tuple(x.shape[2:])}")
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    across = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]  # (N, 1, H, W)
    down = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
    steep = (across.square() + down.square()).sqrt()
    angle = torch.atan2(down, across).remainder(math.pi) * (directions / math.pi)
    apart = (angle - torch.arange(directions, device=x.device).view(1, -1, 1, 1)).abs()
    apart = torch.minimum(apart, directions - apart)  # (N, directions, H, W), round the circle
    cells = F.avg_pool2d((1 - apart).clamp_min(0) * steep, cell)
    energy = F.avg_pool2d(
        cells.square().sum(1, keepdim=True), 3, stride=1, padding=1, count_include_pad=True
    )
    return cells / (energy + FLAT).sqrt()


class RandomFilters(nn.Module):
    """Fixed filters of zero mean and unit norm, drawn from a seed; they never see an image.

    Maps x (N, 1, H, W) to the root of what each filter answers on average in each of
    ``cells`` x ``cells`` fields, negative answers cut off: (N, count, cells, cells).
    """

    filters: Tensor  # (count, 1, size, size)

    def __init__(self, count: int = 24, size: int = 7, *, cells: int = 4, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        filters = torch.randn(count, 1, size, size, generator=generator)
        filters = filters - filters.mean((1, 2, 3), keepdim=True)
        self.register_buffer("filters", filters / filters.square().sum((1, 2, 3), True).sqrt())
        self.cells = cells

    def forward(self, x: Tensor) -> Tensor:
        answers = F.conv2d(x, self.filters, padding="same").relu()
        return (F.adaptive_avg_pool2d(answers, self.cells) + FLAT).sqrt()
