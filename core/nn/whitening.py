"""A Gaussian of full covariance, as the map that makes it a standard one."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["whitening"]

RIDGE = 1e-4  # of the mean variance, added before whitening


def whitening(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Mean m (D,) and W (D, D) of rows (N, D), so that W (r - m) has unit covariance.

    Example:
        >>> rows = torch.tensor([[1.0, 0.0], [3.0, 0.0], [2.0, 1.0], [2.0, -1.0]])
        >>> mean, whiten = whitening(rows)
        >>> mean.tolist(), [round(v, 3) for v in whiten.diagonal().abs().tolist()]
        ([2.0, 0.0], [1.225, 1.225])
    """
    mean = rows.mean(0)
    covariance = (rows - mean).T @ (rows - mean) / max(1, len(rows) - 1)
    ridge = RIDGE * covariance.diagonal().mean() + 1e-8
    same = torch.eye(len(covariance), device=rows.device)
    values, vectors = torch.linalg.eigh(covariance + ridge * same)
    return mean, (vectors / values.clamp_min(ridge).sqrt()).T
