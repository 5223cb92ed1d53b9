"""Latents drawn from a standard normal, whole or one scale at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

__all__ = ["drawn_by", "normal", "one_drawn_anew"]


DRAWS = (Tensor.uniform_, Tensor.normal_, nn.init.uniform_, nn.init.kaiming_uniform_)  # of layers


class drawn_by(TorchFunctionMode):  # noqa: N801  a context, as torch calls its own
    """Within it layers draw their first weights from a generator, on the CPU.

    The global one is no one thread's: what another thread draws meanwhile would change them, and
    its seed would change what that one draws.

    Example:
        >>> with drawn_by(torch.Generator().manual_seed(0)):
        ...     layer = torch.nn.Linear(1, 2)
        >>> layer.weight.detach().round(decimals=4).flatten().tolist()
        [-0.007499999832361937, 0.5364000201225281]
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.generator = generator

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = dict(kwargs or {})
        if func in DRAWS:
            given["generator"] = self.generator
        return func(*args, **given)


def normal(shape: Sequence[int], generator: torch.Generator, temperature: float = 1.0) -> Tensor:
    """Draws of N(0, temperature^2), on the generator's device, of any shape.

    Example:
        >>> normal((2,), torch.Generator().manual_seed(0), temperature=0.0).tolist()
        [0.0, -0.0]
    """
    noise = torch.randn(tuple(shape), generator=generator, device=generator.device)
    return noise * temperature


def one_drawn_anew(
    latents: Sequence[Tensor], n: int, *, generator: torch.Generator, temperature: float = 1.0
) -> list[Tensor]:
    """Latents (1, C_l, h_l, w_l) of L scales with each in turn drawn n times while the others stay.

    The generator draws from N(0, temperature^2).

    Returns: a tensor (L * n, C_l, h_l, w_l) a scale; rows l * n to l * n + n have scale l drawn.

    Example:
        >>> latents = [torch.ones(1, 1, 1, 1), 2 * torch.ones(1, 1, 1, 1)]
        >>> drawn = one_drawn_anew(latents, 1, generator=torch.Generator(), temperature=0.0)
        >>> [z.abs().flatten().tolist() for z in drawn]
        [[0.0, 1.0], [2.0, 0.0]]
    """
    drawn = []
    for i, latent in enumerate(latents):
        others = [z.expand(n, *z.shape[1:]) for z in latents]
        others[i] = normal((n, *latent.shape[1:]), generator, temperature).to(latent.device)
        drawn.append(others)
    return [torch.cat(same) for same in zip(*drawn, strict=True)]
