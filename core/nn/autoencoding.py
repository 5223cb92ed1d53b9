"""A small convolutional autoencoder with batch norm: what ESAD and Deep SAD are built of.

Both see pictures in [0, 1]. Three strided convolutions halve the sides, and three transposed ones
double them again; each width is a number of channels.
"""

from __future__ import annotations

import itertools
import math

import torch.nn.functional as F
from torch import Tensor, nn

from core.shape import Shape

__all__ = ["LEAST", "ConvDecoder", "ConvEncoder"]

LEAST = 8  # pixels of a side: less is nothing after three halvings
LEAK = 0.1


class ConvEncoder(nn.Module):
    """E: pictures x (N, C, H, W) to codes (N, D), by three strided convolutions and a linear map.

    Nothing has a bias, and batch norm neither scales nor shifts: where codes are drawn together, no
    weights but 0 make them all the same (propositions 1 and 2 of the reference).

    Args:
        width: channels of the first convolution; the others have twice as many.

    References:
        Ruff et al. 2018, Deep one-class classification, http://proceedings.mlr.press/v80/ruff18a.

    Example:
        >>> encoder = ConvEncoder(Shape(1, 28, 28), width=4, code=3)
        >>> encoder(Tensor(2, 1, 28, 28).zero_()).tolist()
        [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """

    def __init__(self, shape: Shape, *, width: int, code: int) -> None:
        super().__init__()
        sizes = shape.channels, width, 2 * width, 2 * width
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1, bias=False)
            for a, b in itertools.pairwise(sizes)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(size, affine=False) for size in sizes[1:])
        cells = math.ceil(shape.height / 8) * math.ceil(shape.width / 8)
        self.code = nn.Linear(sizes[-1] * cells, code, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = F.leaky_relu(norm(convolution(x)), LEAK)
        return self.code(x.flatten(1))


class ConvDecoder(nn.Module):
    """G: codes z (N, D) to pictures (N, C, H, W) in (0, 1), by three transposed convolutions.

    Args:
        width: channels of the last but one picture; those before have twice as many.

    Example:
        >>> decoder = ConvDecoder(Shape(1, 27, 30), width=2, code=3)
        >>> decoder(Tensor(2, 3).zero_()).shape
        torch.Size([2, 1, 27, 30])
    """

    def __init__(self, shape: Shape, *, width: int, code: int) -> None:
        super().__init__()
        wide, deep = 2 * width, [2**i for i in (3, 2, 1, 0)]
        # Sides at each stage, from the smallest: what the encoder's halvings leave, rounded up.
        self.sides = [(math.ceil(shape.height / d), math.ceil(shape.width / d)) for d in deep]
        self.start = wide, *self.sides[0]
        self.code = nn.Linear(code, math.prod(self.start), bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(size) for size in (wide, wide, width))
        sizes = wide, wide, width, shape.channels
        self.convolutions = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 4, stride=2, padding=1, bias=b == sizes[-1])
            for a, b in itertools.pairwise(sizes)
        )

    def forward(self, z: Tensor) -> Tensor:
        x = self.code(z).reshape(-1, *self.start)
        layers = zip(self.norms, self.convolutions, self.sides[1:], strict=True)
        for norm, convolution, (height, width) in layers:
            x = convolution(F.leaky_relu(norm(x), LEAK))[..., :height, :width]
        return x.sigmoid()
