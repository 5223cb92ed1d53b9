"""Spans of a few directions, and what of a vector lies outside of them."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["along_itself", "lengths", "off_span", "shares", "unit_rows", "widest"]


def lengths(values: Tensor) -> Tensor:
    """Euclidean length of each of values (N, ...), (N,).

    Example:
        >>> lengths(torch.tensor([[[3.0], [4.0]]])).tolist()
        [5.0]
    """
    return values.flatten(1).norm(dim=1)


def along_itself(rows: Tensor) -> Tensor:
    """<r, r/|r|> (N,) of rows (N, D): their lengths, with the direction held from gradients.

    Example:
        >>> rows = torch.tensor([[3.0, 4.0]], requires_grad=True)
        >>> torch.autograd.grad(along_itself(rows).sum(), rows)[0].tolist()
        [[0.6000000238418579, 0.800000011920929]]
    """
    return (rows * unit_rows(rows).detach()).sum(1)


def unit_rows(rows: Tensor) -> Tensor:
    """Rows (N, D) at length 1; a row of zeros stays.

    Example:
        >>> unit_rows(torch.tensor([[3.0, 4.0], [0.0, 0.0]])).tolist()
        [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    return rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-12)


def widest(rows: Tensor, rank: int) -> Tensor:
    """The first right singular vectors (rank, D) of rows (N, D): of the full decomposition.

    A randomised one moved what was read off them by some hundredths of AUROC.

    Raises:
        ValueError: there are fewer rows, or numbers in one, than directions are asked for.

    Example:
        >>> rows = torch.tensor([[0.0, 2.0, 0.0], [1.0, 0.0, 0.0]])
        >>> widest(rows, 1).abs().round(decimals=3).tolist()
        [[0.0, 1.0, 0.0]]
    """
    if rank > min(rows.shape):
        raise ValueError(f"{rank} directions are asked of rows {tuple(rows.shape)}")
    return torch.linalg.svd(rows.double(), full_matrices=False)[2][:rank].to(rows.dtype)


def off_span(rows: Tensor, span: Tensor) -> Tensor:
    """What of rows (N, D) lies outside of a span of orthonormal directions (k, D): r - V^T V r.

    Example:
        >>> off_span(torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0]])).tolist()
        [[0.0, 4.0]]
    """
    return rows - (rows @ span.T) @ span


def shares(rest: Tensor) -> Tensor:
    """Length of each rest (N, C, H, W), shared out over its places by their squares, (N, H, W).

    Example:
        >>> shares(torch.tensor([3.0, 4.0]).reshape(1, 1, 1, 2)).tolist()
        [[[1.7999999523162842, 3.200000047683716]]]
    """
    return rest.square().sum(1) / lengths(rest).clamp_min(1e-12)[:, None, None]
