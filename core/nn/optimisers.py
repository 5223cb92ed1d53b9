"""Optimisers whose weight decay knows what a kernel is, and how rates fall."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch.nn import Parameter

__all__ = ["adamax", "cosine"]


def adamax(
    parameters: Iterable[Parameter], rate: float, *, weight_decay: float
) -> torch.optim.Optimizer:
    """Adamax of parameters at a learning rate; L2 ``weight_decay`` of kernels (K, out, in, k, k).

    Biases, ActNorms and 1x1 mixes, which have fewer dimensions, do not decay.

    Example:
        >>> kernel, bias = Parameter(torch.zeros(1, 2, 2, 3, 3)), Parameter(torch.zeros(2))
        >>> groups = adamax([kernel, bias], 0.1, weight_decay=0.5).param_groups
        >>> [(group["weight_decay"], len(group["params"])) for group in groups]
        [(0.5, 1), (0.0, 1)]
    """
    groups: dict[bool, list[Parameter]] = {True: [], False: []}
    for parameter in parameters:
        groups[parameter.ndim == 5].append(parameter)
    decays = {True: weight_decay, False: 0.0}
    return torch.optim.Adamax(
        [{"params": p, "weight_decay": decays[k]} for k, p in groups.items() if p], lr=rate
    )


def cosine(progress: float) -> float:
    """What a learning rate is multiplied by at a progress in [0, 1]: from 1 to 0 along a cosine.

    Example:
        >>> [round(cosine(progress), 3) for progress in (0, 0.25, 0.5, 1)]
        [1.0, 0.854, 0.5, 0.0]
    """
    return (1 + math.cos(math.pi * progress)) / 2
