"""Distilling a descriptor to a short code, with what the code leaves out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.nn.dense import dense

__all__ = ["Autoencoder", "PlainCode", "log_error", "moments"]

FAINT = 0.3  # of a descriptor's mean deviation, the least that its values are divided by
ERROR_WEIGHT = 0.5  # deviation of a log error in a code whose other numbers have 1
LEAST_ERROR = 1e-3  # added to mean squared errors of variance 1 before their logarithm


def log_error(error: Tensor) -> Tensor:
    """log(e + 0.001) of mean squared errors of any shape, of values whose variance is 1.

    Example:
        >>> [round(v, 2) for v in log_error(torch.tensor([0.0, 1.0])).tolist()]
        [-6.91, 0.0]
    """
    return (error + LEAST_ERROR).log()


def moments(described: Iterable[Mapping[str, Tensor]]) -> Mapping[str, tuple[Tensor, Tensor, int]]:
    """Sum, sum of squares (D,) and number n of all that is described (N, ...), by name.

    It comes by batches; sums are in float64.

    Example:
        >>> batches = [{"a": torch.ones(2, 1)}, {"a": torch.full((1, 1), 3.0)}]
        >>> total, squares, n = moments(batches)["a"]
        >>> total.tolist(), squares.tolist(), n
        ([5.0], [11.0], 3)
    """
    nothing = torch.zeros((), dtype=torch.float64)
    sums: dict[str, tuple[Tensor, Tensor, int]] = {}
    for batch in described:
        for name, values in batch.items():
            d = values.flatten(1).double()
            total, squares, n = sums.get(name, (nothing, nothing, 0))
            sums[name] = total + d.sum(0), squares + d.square().sum(0), n + len(d)
    return sums


class Autoencoder(nn.Module):
    """Level 1: h_j = [E_j(d_j), log errors of D_j(E_j(d_j)) in regions], of one descriptor.

    Standardises the descriptor (N, C, h, w) by buffers that a phase fits.

    Args:
        shape: (C, h, w).
        hidden: units of the hidden layer of encoder and decoder.
        code: numbers that the encoder gives.
        regions: log errors are of regions x regions fields.

    Example:
        >>> level = Autoencoder((3, 4, 4), hidden=8, code=5, regions=2)
        >>> level.size, level(torch.zeros(7, 3, 4, 4)).shape
        (9, torch.Size([7, 9]))
    """

    centre: Tensor  # (C * h * w,)
    scale: Tensor  # (C * h * w,)

    def __init__(self, shape: Sequence[int], *, hidden: int, code: int, regions: int) -> None:
        super().__init__()
        self.shape, self.code, self.regions = tuple(shape), code, regions
        size = math.prod(shape)
        self.encoder = dense(size, hidden, code)
        self.decoder = dense(code, hidden, size)
        self.register_buffer("centre", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))

    @property
    def size(self) -> int:
        """Numbers of a code: those of the encoder and the log errors."""
        return self.code + self.regions**2

    def fit_(self, total: Tensor, squares: Tensor, n: int) -> None:
        """Standardise by the total and the sum of squares (C*h*w,), each of n descriptors."""
        mean = total / n
        variance = (squares / n - mean.square()).clamp_min(0)
        self.centre.copy_(mean)
        self.scale.copy_((variance + FAINT**2 * variance.mean() + 1e-8).sqrt())

    def standardised(self, descriptor: Tensor) -> Tensor:
        """A descriptor (N, C, h, w) as values (N, C*h*w) of mean 0 and variance 1 or less."""
        return (descriptor.flatten(1) - self.centre) / self.scale

    def errors(self, d: Tensor) -> Tensor:
        """||d_j - D_j(E_j(d_j))||^2 of each of the values `d`, standardised, (N, C*h*w)."""
        return (d - self.decoder(self.encoder(d))).square()

    def forward(self, descriptor: Tensor) -> Tensor:
        d = self.standardised(descriptor)
        errors = self.errors(d).unflatten(1, self.shape).mean(1, keepdim=True)  # (N, 1, h, w)
        regions = F.adaptive_avg_pool2d(errors, self.regions).flatten(1)
        return torch.cat([self.encoder(d), log_error(regions)], 1)

    def scales(self, variance: Tensor) -> Tensor:
        """What to divide each number of a code by, from their variances (size,).

        The encoder's share one, so that distances stay what they are; each log error has its own.
        """
        encoded = variance[: self.code].mean().expand(self.code).sqrt()
        return torch.cat([encoded, variance[self.code :].sqrt() / ERROR_WEIGHT]).clamp_min(1e-6)

    def decode(self, code: Tensor) -> Tensor:
        """Descriptors (N, C, h, w) of codes (N, size)."""
        values = self.decoder(code[:, : self.code]) * self.scale + self.centre
        return values.unflatten(1, self.shape)


class PlainCode(Autoencoder):
    """In place of level 1: the standardised descriptor (N, C, h, w) is the code (N, C*h*w).

    Args:
        shape: (C, h, w).

    Example:
        >>> plain = PlainCode((1, 1, 2))
        >>> plain.fit_(torch.tensor([2.0, 4.0]), torch.tensor([4.0, 16.0]), n=2)
        >>> [round(v, 2) for v in plain(torch.tensor([[[[2.0, 4.0]]]]))[0].tolist()]
        [0.9, 0.97]
    """

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__(shape, hidden=1, code=1, regions=1)
        self.encoder = self.decoder = nn.Sequential()

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def scales(self, variance: Tensor) -> Tensor:
        return variance.mean().expand(self.size).sqrt().clamp_min(1e-6)

    def forward(self, descriptor: Tensor) -> Tensor:
        return self.standardised(descriptor)

    def decode(self, code: Tensor) -> Tensor:
        return (code * self.scale + self.centre).unflatten(1, self.shape)
