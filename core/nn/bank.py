"""A bank of normal features: held in 8 bits a number, asked for its nearest."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["in_8_bits", "nearest"]


def in_8_bits(units: Tensor) -> tuple[Tensor, Tensor]:
    """Integers (K, F) int8 of units (K, F), and the step that one of them is worth, ().

    The step is one that 16 bits hold.

    Example:
        >>> integers, step = in_8_bits(torch.tensor([[0.6, -0.8]]))
        >>> integers.tolist(), round(float(step), 4)
        ([[95, -127]], 0.0063)
    """
    step = (units.abs().max() / 127).half().to(units.dtype)
    return (units / step).round().clamp(-127, 127).to(torch.int8), step


def nearest(units: Tensor, bank: Tensor, *, count: int) -> tuple[Tensor, Tensor]:
    """Distances (N, count) of units (N, F), of length 1, to a bank's nearest (K, F); their rows.

    Nearest first, and 1e-4 at least: at 0 a distance has no slope.

    Example:
        >>> bank = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
        >>> distances, rows = nearest(torch.tensor([[0.6, 0.8]]), bank, count=2)
        >>> distances.round(decimals=3).tolist(), rows.tolist()
        ([[0.6320000290870667, 0.8939999938011169]], [[1, 0]])
    """
    rows = (2 * units @ bank.T - bank.square().sum(1)).topk(count, dim=1).indices
    # From the difference itself: a small one of large numbers would be rounded away.
    distances = (units[:, None] - bank[rows]).norm(dim=2)
    return distances.clamp_min(1e-4), rows
