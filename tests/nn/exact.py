"""What a flow must claim, worked out without it: by autograd and by torch.distributions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal


def disturbed(module: nn.Module, *, by: float = 0.2) -> nn.Module:
    """The module in float64, every parameter off its start by N(0, by^2).

    At its start a coupling is a constant, and half of what can be wrong does not show.
    """
    module = module.double().requires_grad_(False)
    generator = torch.Generator().manual_seed(1)
    for p in module.parameters():
        p += by * torch.randn(p.shape, generator=generator, dtype=p.dtype)
    return module


def images(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def jacobian_log_det(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """log|det| of the Jacobian of function at x, which takes and gives equally many numbers."""
    jacobian = torch.autograd.functional.jacobian(function, x)
    return torch.linalg.slogdet(jacobian.reshape(x.numel(), x.numel()))[1]


def log_normal(z: Tensor) -> Tensor:
    """log N(z; 0, I), by torch.distributions."""
    return Independent(Normal(torch.zeros_like(z), torch.ones_like(z)), z.ndim).log_prob(z)


def exact_log_density(flow: nn.Module, x: Tensor) -> Tensor:
    """log p of one image x (1, C, H, W) under a flow whose forward gives codes."""

    def latents(v: Tensor) -> Tensor:
        return torch.cat([code.latent.flatten() for code in flow(v)])

    return jacobian_log_det(latents, x) + log_normal(latents(x))


def moments(x: Tensor, dims: tuple[int, ...]) -> tuple[float, float]:
    """Largest distance of any mean from 0, and of any variance from 1."""
    x = x.detach()
    mean, variance = x.mean(dims), x.var(dims, unbiased=False)
    return float(mean.abs().max()), float((variance - 1).abs().max())
