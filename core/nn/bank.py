"""A bank of normal features: held in 8 bits a number, asked for its nearest."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["coreset", "in_8_bits", "nearest"]

PROJECTED = 64  # directions in which a coreset is sought
CHUNK = 256  # units that are compared with the bank at a time: what a core's cache holds


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


def coreset(rows: Tensor, count: int) -> Tensor:
    """Numbers (count,) of rows (K, F) such that every row is near one: each next the farthest.

    Distances are those of random projections to 64 directions, of a fixed seed.

    Raises:
        ValueError: there are fewer rows than are asked for.

    References:
        Roth et al. 2022, Towards total recall in industrial anomaly detection, algorithm 1,
        https://arxiv.org/abs/2106.08265.

    Example:
        >>> coreset(torch.tensor([[0.0], [0.1], [5.0], [9.0]]), 3).tolist()
        [0, 3, 2]
    """
    if count > len(rows):
        raise ValueError(f"a coreset of {count} needs as many rows, got {len(rows)}")
    generator = torch.Generator().manual_seed(0)
    if rows.shape[1] > PROJECTED:
        directions = torch.randn(rows.shape[1], PROJECTED, generator=generator).to(rows)
        rows = rows @ directions / PROJECTED**0.5
    chosen = torch.zeros(count, dtype=torch.long, device=rows.device)
    squares = rows.square().sum(1)
    farthest = torch.full_like(squares, torch.inf)
    for i in range(1, count):
        last = rows[chosen[i - 1]]
        farthest = torch.minimum(farthest, squares + last.square().sum() - rows @ (2 * last))
        chosen[i] = farthest.argmax()
    return chosen


def nearest(units: Tensor, bank: Tensor, *, count: int) -> tuple[Tensor, Tensor]:
    """Distances (N, count) of units (N, F), of any length, to a bank's nearest (K, F); their rows.

    Nearest first, and 1e-4 at least: at 0 a distance has no slope.

    Example:
        >>> bank = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
        >>> distances, rows = nearest(torch.tensor([[0.6, 0.8]]), bank, count=2)
        >>> distances.round(decimals=3).tolist(), rows.tolist()
        ([[0.6320000290870667, 0.8939999938011169]], [[1, 0]])
    """
    with torch.no_grad():
        squares = bank.square().sum(1)
        likeness = (torch.addmm(-squares, u, bank.T, alpha=2) for u in units.split(CHUNK))
        rows = torch.cat([near.topk(count, dim=1).indices for near in likeness])
    # From the difference itself: a small one of large numbers would be rounded away.
    distances = (units[:, None] - bank[rows]).norm(dim=2)
    return distances.clamp_min(1e-4), rows
