"""Fully connected blocks: plain nets, and a logit that rises far away in every direction."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["QuadraticLogit", "dense"]

RIDGE = 1e-4  # of the mean variance, added before whitening
START = -3.0  # softplus of it, 0.05, is each curvature's start


def dense(*sizes: int) -> nn.Sequential:
    """Linear layers of these sizes with ReLU between them."""
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        layers += [nn.ReLU(), nn.Linear(a, b)]
    return nn.Sequential(*layers[1:])


class QuadraticLogit(nn.Module):
    """Logit (N,) of codes c (N, D): net(u) + sum softplus(b) u^2, with u = W (c - m) whitened.

    A ReLU net alone goes on linearly where it saw no example, down as well as up; curvatures that
    cannot be negative make the logit rise far from the normal codes in every direction.
    `fit_` sets m and W; it is no part of forward.
    """

    mean: Tensor  # (D,)
    whiten: Tensor  # (D, D)

    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        self.net = dense(size, hidden, hidden, 1)
        self.curvature = nn.Parameter(torch.full((size,), START))
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("whiten", torch.eye(size))

    @torch.no_grad()
    def fit_(self, codes: Tensor) -> None:
        """Whiten by the mean and covariance of normal codes (N, D)."""
        covariance = torch.cov(codes.T).reshape(codes.shape[1], -1)
        ridge = RIDGE * covariance.diagonal().mean() + 1e-8
        values, vectors = torch.linalg.eigh(covariance + ridge * torch.eye(len(covariance)))
        self.mean.copy_(codes.mean(0))
        self.whiten.copy_((vectors / values.clamp_min(ridge).sqrt()).T)

    def forward(self, codes: Tensor) -> Tensor:
        u = (codes - self.mean) @ self.whiten.T
        return self.net(u)[:, 0] + u.square() @ F.softplus(self.curvature)
