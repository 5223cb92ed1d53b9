"""How a map over a colour picture is shared by the picture's channels."""

from __future__ import annotations

from torch import Tensor

__all__ = ["channel_shares"]


def channel_shares(maps: Tensor) -> Tensor:
    """How much each channel carries of maps (N, C, H, W): (N, C), sums to 1; 0 of maps of zeros.

    A channel's share is the sum of its absolute values over that of all channels: where red makes
    a pixel stranger and blue the same pixel more normal, the map is empty, and both carry a half.

    Example:
        >>> import torch
        >>> maps = torch.tensor([[[[1.0, -2.0]], [[0.0, 6.0]], [[-1.0, 0.0]]]])
        >>> channel_shares(maps)
        tensor([[0.3000, 0.6000, 0.1000]])
        >>> channel_shares(0 * maps)
        tensor([[0., 0., 0.]])
    """
    sizes = maps.abs().sum((2, 3))
    whole = sizes.sum(1, keepdim=True)
    return sizes / whole.where(whole > 0, 1.0)
