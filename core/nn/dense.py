"""Fully connected blocks: nets, a plain logit, and one that rises far away in every direction."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.nn.whitening import whitening

__all__ = ["OutwardLogit", "PlainLogit", "dense"]

START = -3.0  # softplus of it, 0.05, is each curvature's start
NEAR = 10.0  # exponent of the kernel at the median distance of a normal code to its nearest


def dense(*sizes: int) -> nn.Sequential:
    """Linear layers of these sizes with ReLU between them.

    Example:
        >>> [tuple(layer.weight.shape) for layer in dense(4, 8, 1)[::2]]
        [(8, 4), (1, 8)]
    """
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        layers += [nn.ReLU(), nn.Linear(a, b)]
    return nn.Sequential(*layers[1:])


class PlainLogit(nn.Module):
    """Logit (N,) of codes c (N, D): net(W (c - m)), and nothing else.

    `fit_` sets m and W from normal codes, a named step; it is no part of forward.

    Args:
        size: D, numbers a code.
        hidden: units of each of two hidden layers.

    Attributes:
        mean: m, (D,).
        whiten: W, (D, D).

    Example:
        >>> _ = torch.manual_seed(0)
        >>> logit = PlainLogit(2, hidden=4)
        >>> logit.fit_(torch.tensor([[1.0, 0.0], [3.0, 0.0], [2.0, 1.0], [2.0, -1.0]]))
        >>> logit.mean.tolist(), [round(v, 3) for v in logit.whiten.diagonal().abs().tolist()]
        ([2.0, 0.0], [1.225, 1.225])
    """

    mean: Tensor  # (D,)
    whiten: Tensor  # (D, D)

    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        self.net = dense(size, hidden, hidden, 1)
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("whiten", torch.eye(size))

    @torch.no_grad()
    def fit_(self, near: Tensor) -> None:
        """Whiten by mean and covariance of the normal codes ``near`` (K, D)."""
        mean, whiten = whitening(near)
        self.mean.copy_(mean)
        self.whiten.copy_(whiten)

    def whitened(self, codes: Tensor) -> Tensor:
        """u = W (c - m), (N, D), of codes (N, D)."""
        return (codes - self.mean) @ self.whiten.T

    def forward(self, codes: Tensor, near: Tensor) -> Tensor:
        """Logits (N,) of codes (N, D); the normal codes ``near`` (K, D) are not looked at."""
        return self.net(self.whitened(codes))[:, 0]


class OutwardLogit(PlainLogit):
    """Logit (N,) of codes c (N, D), given near ones c_k (K, D) that are normal.

        net(u) + sum softplus(q) u^2 - e^t log sum_k exp(-e^g |c - c_k|^2) + b,  u = W (c - m)

    A ReLU net alone goes on linearly where it saw no example, down as well as up. Curvatures that
    cannot be negative make the logit rise in every direction, and the kernel density makes it rise
    between the normal codes too, wherever none is near; density in the codes' own geometry,
    squares in the whitened one. `fit_` sets m, W and the start of g; it is no part of forward.

    Args:
        size: D, numbers a code.
        hidden: units of each of two hidden layers.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> near = torch.tensor([[0.0], [1.0], [2.0]])
        >>> logit = OutwardLogit(1, hidden=4)
        >>> logit.fit_(near)
        >>> middle, left, right = logit(torch.tensor([[1.0], [-9.0], [11.0]]), near).tolist()
        >>> middle < 0 < min(left, right), round(logit.sharpness.exp().item(), 3)
        (True, 10.0)
    """

    def __init__(self, size: int, hidden: int) -> None:
        super().__init__(size, hidden)
        self.curvature = nn.Parameter(torch.full((size,), START))
        self.sharpness = nn.Parameter(torch.zeros(()))
        self.weight = nn.Parameter(torch.zeros(()))
        self.offset = nn.Parameter(torch.tensor(-NEAR))

    @torch.no_grad()
    def fit_(self, near: Tensor) -> None:
        """Whiten by mean and covariance of normal codes ``near`` (K, D), and measure their gaps."""
        super().fit_(near)
        apart = torch.cdist(near, near).fill_diagonal_(torch.inf).square().min(1).values
        self.sharpness.copy_((NEAR / apart.median().clamp_min(1e-6)).log())

    def forward(self, codes: Tensor, near: Tensor) -> Tensor:
        c, c_k, u = codes - self.mean, near - self.mean, self.whitened(codes)
        apart = c.square().sum(1)[:, None] - 2 * c @ c_k.T + c_k.square().sum(1)  # (N, K)
        density = torch.logsumexp(-self.sharpness.exp() * apart.clamp_min(0), 1)
        squares = u.square() @ F.softplus(self.curvature)
        return self.net(u)[:, 0] + squares - self.weight.exp() * density + self.offset
