"""How far out each of many diagonal Gaussians q_i = N(mu_i, diag s_i^2) lies, and pushing them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = [
    "Synthesis",
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
    """Standard normal noise of a tensor's device and the same shape, by a generator of any device.

    Example:
        >>> noise = noise_like(torch.zeros(2, 3), torch.Generator().manual_seed(0))
        >>> noise.shape, round(noise[0, 0].item(), 3)
        (torch.Size([2, 3]), 1.541)
    """
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
    """z~ = mu_bar + kappa (mu_i - mu_bar) + tau s_i eps, (N, D).

    Args:
        mean, std, noise: mu, s and eps, (N, D).
        centre: mu_bar, (D,).
        kappa: how far from the centre.
        tau: how wide around that.


    Example:
        >>> mean, std, noise = torch.tensor([[3.0]]), torch.tensor([[0.5]]), torch.ones(1, 1)
        >>> pushed(mean, std, noise, centre=torch.ones(1), kappa=2.0, tau=4.0).tolist()
        [[7.0]]
    """
    return centre + kappa * (mean - centre) + tau * std * noise
