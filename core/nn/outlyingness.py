"""How far out each of many diagonal Gaussians q_i = N(mu_i, diag s_i^2) lies, by three criteria."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from core.nn.posteriors import kl_to_prior

__all__ = [
    "CRITERIA",
    "NEAREST",
    "Criterion",
    "distance_to_aggregate",
    "divergence_of_neighbours",
]

Criterion = Literal["prior", "aggregate", "neighbours"]
NEAREST = 5  # posteriors that criterion C looks at


def distance_to_aggregate(mean: Tensor, std: Tensor) -> Tensor:
    """Criterion B: Mahalanobis distance (N,) of mu_i to the aggregate posterior.

    Its mean is that of the mu_i, its covariance cov(mu_i) + diag(mean s_i^2), for mean and std
    (N, D).

    Example:
        >>> mean = torch.tensor([[-3.0], [0.0], [3.0]])  # variance 9, and 7 from the spreads
        >>> distance_to_aggregate(mean, torch.full((3, 1), 7**0.5)).tolist()
        [0.75, 0.0, 0.75]
    """
    deviation = mean - mean.mean(0)
    covariance = deviation.T @ deviation / max(len(mean) - 1, 1)
    covariance = covariance + torch.diag(std.square().mean(0))
    pull = torch.linalg.solve(covariance, deviation.T).T  # (N, D)
    return (pull * deviation).sum(1).clamp_min(0).sqrt()


def divergence_of_neighbours(mean: Tensor, std: Tensor, *, k: int, chunk: int = 500) -> Tensor:
    """Criterion C: mean symmetric KL of q_i to its k nearest other q_j in nats, (N,).

    J(i, j) = 1/2 (KL(q_i || q_j) + KL(q_j || q_i))
            = 1/4 sum(s_i^2 / s_j^2 + s_j^2 / s_i^2 - 2
                      + (mu_i - mu_j)^2 (1 / s_i^2 + 1 / s_j^2)).

    Mean and std are (N, D); `chunk` rows of the (N, N) divergences are computed at a time.

    Raises:
        ValueError: there are not k others.

    Example:
        >>> mean = torch.tensor([[0.0], [2.0], [6.0]])
        >>> divergence_of_neighbours(mean, torch.ones(3, 1), k=1).tolist()
        [2.0, 2.0, 8.0]
    """
    if not 0 < k < len(mean):
        raise ValueError(f"{len(mean)} posteriors have no {k} nearest others each")
    centred = (mean - mean.mean(0)).double()  # squares below cancel
    variance = std.double().square()
    sharp, weighed = 1 / variance, centred / variance
    square, own = centred.square(), (centred.square() / variance).sum(1)
    found = []
    for start in range(0, len(mean), chunk):
        i = slice(start, start + chunk)
        shape = variance[i] @ sharp.T + sharp[i] @ variance.T - 2 * mean.shape[1]
        apart = own[i, None] - 2 * weighed[i] @ centred.T + sharp[i] @ square.T
        apart = apart + own - 2 * centred[i] @ weighed.T + square[i] @ sharp.T
        divergence = (shape + apart) / 4  # (chunk, N)
        rows = torch.arange(len(divergence), device=mean.device)
        divergence[rows, rows + start] = torch.inf  # not its own neighbour
        found.append(divergence.topk(k, largest=False).values.mean(1))
    return torch.cat(found).clamp_min(0).to(mean.dtype)


# Each gives (N,) of means and standard deviations (N, D); larger is further out.
CRITERIA: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "prior": lambda mean, std: kl_to_prior(mean, std).sum(1),
    "aggregate": distance_to_aggregate,
    "neighbours": partial(divergence_of_neighbours, k=NEAREST),
}
