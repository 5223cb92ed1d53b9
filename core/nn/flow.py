"""Glow of several scales: each halves the image, and half of what it makes leaves as its latent.

Log-probabilities are kept per cell, as maps (N, H, W), so that one pass yields the likelihood of
every scale and of every place in the image. The layers are in `core.nn.flow_layers`.

References:
    Understanding Anomaly Detection with Deep Invertible Networks through Hierarchies of
    Distributions and Features, Schirrmeister et al., 2020, https://arxiv.org/abs/2006.10848.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from core.nn.flow_layers import ActNorm, FlowSteps, squeeze, unsqueeze

__all__ = ["FlowScale", "MultiScaleFlow", "ScaleCode"]


@dataclass(frozen=True)
class ScaleCode:
    """What one scale of a flow says of N images.

    Attributes:
        latent: (N, C, H, W), standard normal under the model.
        log_prob: (N, H, W), log-determinant plus log-prior of each cell, in nats.
    """

    latent: Tensor
    log_prob: Tensor


class FlowScale(nn.Module):
    """Squeeze, K flow steps, then half of the channels (all at the last scale) leave as the latent.

    The prior of the latent is a per-dimension ActNorm followed by N(0, I). The ``second`` half is
    the one that the last coupling changed: leaving, it is normalised given what goes on.

    Args:
        channels: C of images x (N, C, H, W).
        size: H and W.
        steps: K.
        hidden: channels within the coupling networks.
        last: whether all channels leave.
        leaves: which half leaves, "first" or "second".

    Raises:
        ValueError: there is no such half.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> scale = FlowScale(1, (4, 6), steps=1, hidden=4, last=False)
        >>> code, rest = scale(torch.zeros(3, 1, 4, 6))
        >>> code.latent.shape, code.log_prob.shape, rest.shape
        (torch.Size([3, 2, 2, 3]), torch.Size([3, 2, 3]), torch.Size([3, 2, 2, 3]))
    """

    def __init__(
        self,
        channels: int,
        size: tuple[int, int],
        *,
        steps: int,
        hidden: int,
        last: bool,
        leaves: str = "first",
    ) -> None:
        super().__init__()
        if leaves not in ("first", "second"):
            raise ValueError(f"the first or the second half leaves a scale, got {leaves!r}")
        self.steps = FlowSteps(4 * channels, hidden=hidden, steps=steps)
        self.latent_shape = (4 * channels if last else 2 * channels, size[0] // 2, size[1] // 2)
        self.prior = ActNorm(self.latent_shape)
        self.last, self.leaves = last, leaves

    @torch.no_grad()
    def initialise_(self, x: Tensor) -> Tensor:
        """Set every ActNorm from x (N, C, H, W); return what goes on to the next scale."""
        latent, rest = self._split(self.steps.initialise_(squeeze(x)))
        self.prior.initialise_(latent)
        return rest

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What leaves, and what goes on."""
        leaving = self.latent_shape[0]
        if self.leaves == "first":
            return x[:, :leaving], x[:, leaving:]
        staying = x.shape[1] - leaving
        return x[:, staying:], x[:, :staying]

    def forward(self, x: Tensor) -> tuple[ScaleCode, Tensor]:
        """Return this scale's code and what goes on to the next scale, (N, C', H/2, W/2)."""
        x, log_det = self.steps(squeeze(x).contiguous(memory_format=torch.channels_last))
        latent, rest = self._split(x)
        z = self.prior(latent)
        log_normal = -0.5 * (z.square().sum(1) + z.shape[1] * math.log(2 * math.pi))
        return ScaleCode(z, log_det + self.prior.log_det() + log_normal), rest

    def inverse(self, latent: Tensor, rest: Tensor) -> Tensor:
        """Return the images (N, C, H, W) that `forward` takes to a latent and a rest.

        The latent is (N, C', H/2, W/2), the rest (N, C'', H/2, W/2), as `forward` gives them.
        """
        left = self.prior.inverse(latent)
        halves = [left, rest] if self.leaves == "first" else [rest, left]
        return unsqueeze(self.steps.inverse(torch.cat(halves, 1)))


class MultiScaleFlow(nn.Module):
    """Glow: L scales, each halving the image; log p(x) is the sum of all scales' ``log_prob``.

    Args:
        shape: (C, H, W) of images x (N, C, H, W).
        scales: L.
        steps: K of each scale.
        hidden: channels within the coupling networks.
        leaves: which half leaves a scale, see `FlowScale`.

    Raises:
        ValueError: a side is no multiple of 2^L.

    References:
        Schirrmeister et al. 2020: lp_i = log|det flow_i| + log|det actnorm_i| + log N(z_i; 0, I).

    Example:
        >>> _ = torch.manual_seed(0)
        >>> flow = MultiScaleFlow((1, 8, 8), scales=2, steps=1, hidden=4)
        >>> [tuple(code.latent.shape) for code in flow(torch.randn(3, 1, 8, 8))]
        [(3, 2, 4, 4), (3, 8, 2, 2)]
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        *,
        scales: int,
        steps: int,
        hidden: int,
        leaves: str = "first",
    ) -> None:
        super().__init__()
        channels, height, width = shape
        if height % 2**scales or width % 2**scales:
            raise ValueError(f"height and width must divide by {2**scales}, got {shape}")
        blocks = []
        for i in range(scales):
            last = i == scales - 1
            size = (height >> i, width >> i)
            blocks.append(
                FlowScale(channels, size, steps=steps, hidden=hidden, last=last, leaves=leaves)
            )
            channels *= 2
        self.scales = nn.ModuleList(blocks)
        self.shape = shape

    @torch.no_grad()
    def initialise_(self, x: Tensor) -> None:
        """Set every ActNorm from x (N, C, H, W), a few hundred images as training sees them."""
        for scale in self._blocks():
            x = scale.initialise_(x)

    def latent_shapes(self) -> list[tuple[int, int, int]]:
        """(C, H, W) of each scale's latent, finest first."""
        return [scale.latent_shape for scale in self._blocks()]

    def _blocks(self) -> list[FlowScale]:
        return cast(list[FlowScale], list(self.scales))

    def forward(self, x: Tensor) -> list[ScaleCode]:
        """Return one `ScaleCode` a scale, finest first.

        Raises:
            ValueError: x is not (N, C, H, W) of this flow's shape.
        """
        if x.ndim != 4 or x.shape[1:] != self.shape:
            raise ValueError(
                f"x must be (N, {', '.join(map(str, self.shape))}), got {tuple(x.shape)}"
            )
        codes = []
        for scale in self._blocks():
            code, x = scale(x)
            codes.append(code)
        return codes

    def inverse(self, latents: Sequence[Tensor]) -> Tensor:
        """Return the images (N, C, H, W) of latents (N, C', H', W'), finest scale first.

        Raises:
            ValueError: there are not as many latents as scales.
        """
        if len(latents) != len(self.scales):
            raise ValueError(f"latents must be {len(self.scales)} tensors, got {len(latents)}")
        x = latents[-1][:, :0]
        for scale, latent in zip(self._blocks()[::-1], latents[::-1], strict=True):
            x = scale.inverse(latent, x)
        return x
