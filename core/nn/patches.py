"""Patches: what some stages of a network say of each place of a picture, put side by side."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["as_patches", "as_rows", "smoothed"]


def smoothed(a: Tensor) -> Tensor:
    """Means over 3x3 places of activations a (N, C, h, w), of the same shape.

    Example:
        >>> smoothed(torch.tensor([[[[0.0, 6.0, 3.0]]]])).flatten().tolist()
        [3.0, 3.0, 4.5]
    """
    return F.avg_pool2d(a, 3, 1, 1, count_include_pad=False)


def as_patches(stages: Iterable[tuple[Tensor, Tensor | float]], like: Tensor) -> Tensor:
    """Activations of S stages (N, C_s, h_s, w_s) as patches (N, sum of C_s, h, w).

    Each is smoothed and brought to length 1 at every place; what is shorter than a least length ()
    of its stage is divided by that instead. A patch is at most of length 1, too.

    Args:
        stages: activations, each with the least length of its stage.
        like: activations (N, C, h, w) whose places the patches have.

    Example:
        >>> long, short = torch.full((1, 1, 1, 1), 8.0), torch.full((1, 1, 1, 1), 1.0)
        >>> found = as_patches([(long, 2.0), (short, 2.0)], like=long)
        >>> (2**0.5 * found).flatten().round(decimals=3).tolist()
        [1.0, 0.5]
    """
    parts = [_unit(smoothed(a), like, least=least) for a, least in stages]
    return torch.cat(parts, 1) / len(parts) ** 0.5


def _unit(a: Tensor, like: Tensor, *, least: Tensor | float) -> Tensor:
    units = a / a.norm(dim=1, keepdim=True).clamp_min(1e-6).maximum(torch.as_tensor(least).to(a))
    if a.shape[2:] == like.shape[2:]:
        return units
    return F.interpolate(units, like.shape[2:], mode="bilinear")


def as_rows(grid: Tensor) -> Tensor:
    """Places of a grid (N, F, h, w) one after the other, (N h w, F).

    Example:
        >>> as_rows(torch.arange(4.0).reshape(1, 2, 1, 2)).tolist()
        [[0.0, 2.0], [1.0, 3.0]]
    """
    return grid.flatten(2).transpose(1, 2).flatten(0, 1)
