"""Banks of fixed filters, which never saw an image, and what they answer in fields of it."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["FilterBank", "oriented_wavelets", "random_filters"]

FLAT = 1e-3  # added before the root, whose slope at 0 is infinite


def random_filters(count: int = 24, size: int = 11, *, seed: int = 0) -> Tensor:
    """Filters (count, 1, size, size) of normal noise, of zero mean and unit norm.

    The same seed gives the same ones.

    Example:
        >>> filters = random_filters(2, 3)
        >>> norms, sums = filters.square().sum((1, 2, 3)), filters.sum((1, 2, 3))
        >>> [round(float(v), 4) for v in norms], bool(sums.abs().max() < 1e-6)
        ([1.0, 1.0], True)
    """
    generator = torch.Generator().manual_seed(seed)
    filters = torch.randn(count, 1, size, size, generator=generator)
    return _normed(filters - filters.mean((1, 2, 3), keepdim=True))


def oriented_wavelets(
    directions: int = 6, size: int = 11, *, wavelength: float = 7.0, width: float = 2.5
) -> Tensor:
    """Gabor wavelets (4 * directions, 1, size, size): four phases of each direction in turn.

    exp(-r^2 / 2 width^2) cos(2 pi u / wavelength + phase), u along the direction, phase 0, 90, 180
    and 270 degrees; of zero mean (a share of the bell is taken off) and unit norm.

    References:
        Daugman 1985, Uncertainty relation for resolution in space, spatial frequency, and
        orientation optimized by two-dimensional visual cortical filters.

    Example:
        >>> oriented_wavelets(directions=2, size=5).shape
        torch.Size([8, 1, 5, 5])
    """
    axis = torch.arange(size) - (size - 1) / 2
    down, across = torch.meshgrid(axis, axis, indexing="ij")
    bell = torch.exp(-(across.square() + down.square()) / (2 * width**2))
    waves = []
    for k in range(directions):
        angle = math.pi * k / directions
        along = across * math.cos(angle) + down * math.sin(angle)
        for phase in range(4):
            wave = bell * torch.cos(2 * math.pi * along / wavelength + phase * math.pi / 2)
            waves.append(wave - bell * (wave.sum() / bell.sum()))
    return _normed(torch.stack(waves)[:, None])


def _normed(filters: Tensor) -> Tensor:
    return filters / filters.square().sum((1, 2, 3), True).sqrt()


class FilterBank(nn.Module):
    """What filters (count, 1, k, k) answer to images (N, C, H, W), (N, C * count, cells, cells).

    The root of each filter's mean answer in each of ``cells`` x ``cells`` fields of a channel,
    negative answers cut off, asked at every ``stride``-th pixel. The filters are kept to what 16
    bits hold.

    Example:
        >>> bank = FilterBank(random_filters(2, 3), channels=3, cells=2)
        >>> bank.shape, tuple(bank(torch.zeros(5, 3, 9, 12)).shape)
        ((6, 2, 2), (5, 6, 2, 2))
    """

    filters: Tensor  # (count, 1, k, k)

    def __init__(
        self, filters: Tensor, *, channels: int = 1, cells: int = 4, stride: int = 2
    ) -> None:
        super().__init__()
        self.register_buffer("filters", filters.half().float())
        self.channels, self.cells, self.stride = channels, cells, stride

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C * count, cells, cells) of an image's answers."""
        return self.channels * len(self.filters), self.cells, self.cells

    def forward(self, x: Tensor) -> Tensor:
        """Answers (N, C * count, cells, cells) to images x (N, C, H, W)."""
        half = self.filters.shape[-1] // 2
        each = x.flatten(0, 1)[:, None]  # (N * C, 1, H, W)
        answers = F.conv2d(each, self.filters, stride=self.stride, padding=half).relu()
        fields = F.adaptive_avg_pool2d(answers, self.cells).unflatten(0, x.shape[:2])
        return (fields.flatten(1, 2) + FLAT).sqrt()
