"""How far out each of many diagonal Gaussians q_i = N(mu_i, diag s_i^2) lies, and pushing them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = [
    "Synthesis",
    "distance_to_aggregate",
    "divergence_of_neighbours",
    "kl_to_prior",
    "noise_like",
    "outermost",
    "pushed",
]


@dataclass(frozen=True)
class Synthesis:
    """Synthetic outliers: draws of pushed posteriors, and what they decode to.

    Attributes:
        codes: (n, H), h~ in standard deviations of the normal codes.
        latent: (n, D), z~.
        parents: (n,), index of each one's generator among the exemplar posteriors.
        images: (n, C, H, W) in [0, 1], their pixel codes decoded.
    """

    codes: Tensor
    latent: Tensor
    parents: Tensor
    images: Tensor


def noise_like(tensor: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal noise of a tensor's shape and device, the same on every device."""
    return torch.randn(tensor.shape, generator=generator, device=generator.device).to(tensor.device)


def kl_to_prior(mean: Tensor, std: Tensor) -> Tensor:
    """KL(q_i || N(0, 1)) of each dimension in nats, (N, D); its sum over D is criterion A.

    1/2 (mu^2 + s^2 - 1 - log s^2), for mean and std (N, D).

    Example:
        >>> kl_to_prior(torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, 1.0]])).tolist()
        [[2.0, 0.0]]
    """
    variance = std.square()
    return (mean.square() + variance - 1 - variance.log()) / 2


def distance_to_aggregate(mean: Tensor, std: Tensor) -> Tensor:
    """Criterion B: Mahalanobis distance (N,) of mu_i to the aggregate posterior.

    Its mean is that of the mu_i, its covariance cov(mu_i) + diag(mean s_i^2).

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


def outermost(strangeness: Tensor, rho: float) -> Tensor:
    """Indices of the top fraction rho of strangeness (N,), the outermost first; one at least.

    Raises:
        ValueError: rho is no fraction.

    Example:
        >>> outermost(torch.tensor([0.1, 5.0, 2.0, 0.3]), 0.5).tolist()
        [1, 2]
    """
    if not 0 < rho <= 1:
        raise ValueError(f"rho is a fraction of the posteriors, above 0 and up to 1, got {rho}")
    return strangeness.topk(max(1, round(rho * len(strangeness)))).indices


def pushed(
    mean: Tensor, std: Tensor, noise: Tensor, *, centre: Tensor, kappa: float, tau: float
) -> Tensor:
    """z~ = mu_bar + kappa (mu_i - mu_bar) + tau s_i eps, all (N, D) but mu_bar (D,).

    Example:
        >>> mean, std, noise = torch.tensor([[3.0]]), torch.tensor([[0.5]]), torch.ones(1, 1)
        >>> pushed(mean, std, noise, centre=torch.ones(1), kappa=2.0, tau=4.0).tolist()
        [[7.0]]
    """
    return centre + kappa * (mean - centre) + tau * std * noise
