"""B-cos layers: linear maps of their input once their gates are held, so that they explain exactly.

A B-cos unit weighs what a linear one says by how well the input lines up with its weights,
|cos|^(B - 1). With these factors and the norms' statistics held constant the whole net is one
matrix W(x), and W(x) x is what it says of x: the explanation is the net itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "WIDTHS",
    "BcosConv2d",
    "BcosNet",
    "UncentredNorm",
    "both_signs",
    "explaining",
    "held",
    "linear_map",
]

WIDTHS = (1, 3, 6, 10, 10)  # of the layers of `BcosNet`, in widths of the first
KERNELS, STRIDES = (3, 3, 3, 3, 1), (1, 2, 1, 2, 1)
EPS = 1e-6  # under the root of a patch's length: an empty patch has no direction

# Of a context, not of a module: threads share modules, and each explains or does not by itself.
_explaining: ContextVar[bool] = ContextVar("explaining", default=False)


@contextmanager
def explaining() -> Iterator[None]:
    """Within it gates and statistics of this thread's B-cos layers are held: no gradient sees them.

    Example:
        >>> layer = BcosConv2d(1, 1, 1)
        >>> _ = layer.weight.data.fill_(3.0)
        >>> x = torch.full((1, 1, 1, 1), 2.0, requires_grad=True)
        >>> with explaining():
        ...     y = layer(x)
        >>> torch.autograd.grad(y.sum(), x)[0].flatten().round(decimals=4).tolist()
        [1.0]
    """
    token = _explaining.set(True)
    try:
        yield
    finally:
        _explaining.reset(token)


def held(gate: Tensor) -> Tensor:
    """The gate (any shape) as it is, or, within `explaining`, as a constant.

    Example:
        >>> gate = torch.tensor([3.0], requires_grad=True)
        >>> with explaining():
        ...     y = 2 * gate + held(gate)
        >>> torch.autograd.grad(y.sum(), gate)[0].tolist()
        [2.0]
    """
    return gate.detach() if _explaining.get() else gate


class BcosConv2d(nn.Module):
    """y = |cos(x, w)|^(B - 1) w^T x of every patch of x (N, C, H, W), w of unit length; no bias.

    Args:
        inputs, outputs: channels C and C'.
        size: of a patch, size x size.
        stride: from patch to patch.
        b: B.

    References:
        Böhle, Fritz, Schiele 2022, B-cos networks, eq. 3, https://arxiv.org/abs/2205.10268.

    Example:
        >>> layer = BcosConv2d(2, 1, 1)
        >>> _ = layer.weight.data.copy_(torch.tensor([0.0, 5.0]).reshape(1, 2, 1, 1))
        >>> x = torch.tensor([3.0, 4.0]).reshape(1, 2, 1, 1)
        >>> layer(x).flatten().tolist()  # |4/5| times 4
        [3.200000047683716]
    """

    def __init__(
        self, inputs: int, outputs: int, size: int, *, stride: int = 1, b: float = 2.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, size, size))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)
        self.stride, self.padding, self.b = stride, size // 2, b
        self.inputs, self.size = inputs, size

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight / self.weight.flatten(1).norm(dim=1)[:, None, None, None]
        along = F.conv2d(x, weight, stride=self.stride, padding=self.padding)
        gate = (along / self._lengths(x)).abs().pow(self.b - 1)
        return along * held(gate)

    def _lengths(self, x: Tensor) -> Tensor:
        """||patch|| under every output pixel, (N, 1, H', W')."""
        ones = x.new_ones(1, 1, self.size, self.size)
        squares = x.square().sum(1, keepdim=True)
        energy = F.conv2d(squares, ones, stride=self.stride, padding=self.padding)
        return (energy + EPS).sqrt()


class UncentredNorm(nn.Module):
    """Batch norm that takes no mean away and adds no bias: y = g x / sqrt(E[x^2] + eps) by channel.

    Of x (N, C, H, W); E is over the batch in training, else a running mean, which each batch moves
    by the momentum.

    References:
        Böhle, Singh, Fritz, Schiele 2024, B-cos alignment, sec. 3, https://arxiv.org/abs/2306.10898.

    Example:
        >>> norm = UncentredNorm(1).train()
        >>> x = torch.tensor([3.0, 5.0]).reshape(2, 1, 1, 1)
        >>> norm(x).flatten().mul(17**0.5).round(decimals=3).tolist()
        [3.0, 5.0]
    """

    mean_square: Tensor  # (C,), running

    def __init__(self, channels: int, *, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels))
        self.register_buffer("mean_square", torch.ones(channels))
        self.momentum, self.eps = momentum, eps

    def forward(self, x: Tensor) -> Tensor:
        square = self.mean_square
        if self.training:
            square = x.square().mean((0, 2, 3))
            with torch.no_grad():
                self.mean_square.lerp_(square, self.momentum)
        scale = self.gain * held((square + self.eps).rsqrt())
        return x * scale[:, None, None]


class BcosNet(nn.Module):
    """Five B-cos layers and a logit a class: images v (N, C, H, W) with both signs to (N, classes).

    The second and the fourth halve height and width. A logit is the mean of a 1x1 layer's over all
    places.

    Args:
        inputs: C.
        width: channels of the first layer.
        classes: how many logits.

    Example:
        >>> net = BcosNet(2, width=1, classes=3).eval()
        >>> [tuple(a.shape[1:]) for a in net.activations(torch.rand(1, 2, 8, 8))]
        [(1, 8, 8), (3, 4, 4), (6, 4, 4), (10, 2, 2), (10, 2, 2)]
    """

    def __init__(self, inputs: int, *, width: int, classes: int) -> None:
        super().__init__()
        sizes = [inputs, *(width * factor for factor in WIDTHS)]
        layers = zip(itertools.pairwise(sizes), KERNELS, STRIDES, strict=True)
        self.layers = nn.ModuleList(
            nn.Sequential(BcosConv2d(a, b, size, stride=stride), UncentredNorm(b))
            for (a, b), size, stride in layers
        )
        self.head = BcosConv2d(sizes[-1], classes, 1)

    def activations(self, v: Tensor) -> list[Tensor]:
        """What each layer makes of images v (N, C, H, W), each (N, C_l, h_l, w_l)."""
        outputs = []
        for layer in self.layers:
            v = layer(v)
            outputs.append(v)
        return outputs

    def after(self, layer: int, activation: Tensor) -> Tensor:
        """What the last layer makes of an activation (N, C_l, h_l, w_l) of that layer."""
        for later in self.layers[layer + 1 :]:
            activation = later(activation)
        return activation

    def forward(self, v: Tensor) -> Tensor:
        return self.head(self.activations(v)[-1]).mean((2, 3))


def both_signs(x: Tensor) -> Tensor:
    """[x, 1 - x] of images x (N, C, H, W) in [0, 1]: (N, 2 C, H, W); darkness, too, has a channel.

    Example:
        >>> both_signs(torch.full((1, 1, 1, 1), 0.25)).flatten().tolist()
        [0.25, 0.75]
    """
    return torch.cat([x, 1 - x], 1)


def linear_map(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """W(x) of a function from x (N, ...) to numbers (N,), gates held: of the shape of x.

    For a net of B-cos layers the sum of W(x) x is the number itself, image by image. An image's
    numbers must be its own: what depends on the rest of a batch would leak into W.

    Example:
        >>> linear_map(lambda x: 3 * x.sum(1), torch.zeros(1, 2)).tolist()
        [[3.0, 3.0]]
    """
    # Scoring may run in inference mode, whose tensors no gradient can see.
    with torch.inference_mode(False), torch.enable_grad(), explaining():
        free = x.detach().clone().requires_grad_()
        return torch.autograd.grad(function(free).sum(), free)[0]
