"""Networks of a mirrored autoencoder: encoder, generator, and a critic that looks at pairs.

All of them see pictures in [-1, 1]. What the critic computes is Lipschitz: its layers are
normalised by their spectral norms, and training penalises what its slope differs from 1.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import remove_parametrizations

from core.shape import Shape

__all__ = [
    "LEAST",
    "MirrorEncoder",
    "MirrorGenerator",
    "PairCritic",
    "gradient_penalty",
    "mixture",
    "pair",
    "ray",
    "simplex_weights",
    "slope_bound",
    "untrained",
]

LEAST = 8  # pixels of a side: less is nothing after two halvings
LEAK = 0.2


# Autoencoder --------------------------------------------------------------------------------------


class MirrorEncoder(nn.Module):
    """E: pictures x (N, C, H, W) to codes (N, D), by strided convolutions, the first width wide.

    Example:
        >>> encoder = MirrorEncoder(Shape(1, 28, 28), width=4, code=3)
        >>> encoder(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 3])
    """

    def __init__(self, shape: Shape, *, width: int, code: int) -> None:
        super().__init__()
        sizes = shape.channels, width, 2 * width, 4 * width
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in itertools.pairwise(sizes)
        )
        cells = math.ceil(shape.height / 8) * math.ceil(shape.width / 8)
        self.code = nn.Linear(sizes[-1] * cells, code)

    def forward(self, x: Tensor) -> Tensor:
        for convolution in self.convolutions:
            x = F.leaky_relu(convolution(x), LEAK)
        return self.code(x.flatten(1))


class _Up(nn.Module):
    """A residual block that doubles both sides: (N, in, h, w) to (N, out, 2h, 2w)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        # A 1x1 kernel may go before the doubling: the same numbers, for a quarter of the work.
        skip = F.interpolate(self.skip(x), scale_factor=2)
        wide = F.interpolate(F.relu(x), scale_factor=2)
        return skip + self.second(F.relu(self.first(wide)))


class MirrorGenerator(nn.Module):
    """G: codes z (N, D) to pictures (N, C, H, W) in (-1, 1): a linear map, residual up-blocks.

    The last block gives as many channels as its width.

    Example:
        >>> generator = MirrorGenerator(Shape(1, 27, 30), width=2, code=3)
        >>> generator(torch.zeros(2, 3)).shape
        torch.Size([2, 1, 27, 30])
    """

    def __init__(self, shape: Shape, *, width: int, code: int) -> None:
        super().__init__()
        self.shape = shape
        self.start = 4 * width, math.ceil(shape.height / 4), math.ceil(shape.width / 4)
        self.code = nn.Linear(code, math.prod(self.start))
        self.blocks = nn.Sequential(_Up(4 * width, 2 * width), _Up(2 * width, width))
        self.picture = nn.Conv2d(width, shape.channels, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        x = self.blocks(self.code(z).reshape(-1, *self.start))
        x = x[..., : self.shape.height, : self.shape.width]
        return self.picture(F.relu(x)).tanh()


# Codes --------------------------------------------------------------------------------------------


def simplex_weights(n: int, generator: torch.Generator) -> Tensor:
    """Weights (n, 3) that sum to 1: a1, a2 ~ U(0, 1/2) by a generator, a3 = 1 - a1 - a2.

    References:
        Somepalli et al. 2021, https://arxiv.org/abs/2003.10713: simplex interpolation.

    Example:
        >>> weights = simplex_weights(100, torch.Generator().manual_seed(0))
        >>> weights.sum(1).round(decimals=4).unique().tolist(), bool((weights[:, :2] < 0.5).all())
        ([1.0], True)
    """
    two = torch.rand(n, 2, generator=generator, device=generator.device) / 2
    return torch.cat([two, 1 - two.sum(1, keepdim=True)], 1)


def mixture(codes: Tensor, weights: Tensor) -> Tensor:
    """z' = a1 e1 + a2 e2 + a3 e3 of three codes (..., 3, D) by weights (K, 3), (K, D).

    Example:
        >>> codes = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 8.0]])
        >>> mixture(codes, torch.tensor([[0.5, 0.25, 0.25]])).tolist()
        [[1.0, 2.0]]
    """
    return (weights[..., None] * codes).sum(-2)


def ray(code: Tensor, factors: Tensor) -> Tensor:
    """Codes (K, D) on the ray from the origin through a code (D,), by factors (K,) of it.

    Example:
        >>> ray(torch.tensor([2.0, 4.0]), torch.tensor([0.0, 0.5, 2.0])).tolist()
        [[0.0, 0.0], [1.0, 2.0], [4.0, 8.0]]
    """
    return factors[:, None] * code


# Critic -------------------------------------------------------------------------------------------


def pair(x: Tensor, other: Tensor) -> Tensor:
    """Pictures x and others (N, C, H, W) as a critic sees them, behind each other: (N, 2 C, H, W).

    Example:
        >>> pair(torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1)).flatten().tolist()
        [0.0, 1.0]
    """
    return torch.cat([x, other], 1)


class _Down(nn.Module):
    """A residual block that halves both sides: (N, in, h, w) to (N, out, h/2, w/2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = spectral_norm(nn.Conv2d(inputs, outputs, 3, stride=2, padding=1))
        self.second = spectral_norm(nn.Conv2d(outputs, outputs, 3, padding=1))
        self.skip = spectral_norm(nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        skip = self.skip(F.avg_pool2d(x, 2, ceil_mode=True))
        return skip + self.second(F.relu(self.first(x)))

    def slope_bound(self) -> float:
        """A mean of pixels lengthens nothing, nor does ReLU; skip and branch add."""
        return _norm(self.skip) + _norm(self.first) * _norm(self.second)


class PairCritic(nn.Module):
    """D: one number (N,) of each pair (N, 2 C, H, W): high for a picture beside itself.

    Two residual blocks with spectral norm, of a width and of twice that, features f_D summed over
    all places, and a linear map without bias: a Wasserstein critic's last bias would have no
    gradient.

    Example:
        >>> critic = PairCritic(Shape(1, 28, 28), width=4)
        >>> pairs = torch.zeros(2, 2, 28, 28)
        >>> critic.cells(pairs).shape, critic.features(pairs).shape, critic(pairs).shape
        (torch.Size([2, 8, 7, 7]), torch.Size([2, 8]), torch.Size([2]))
    """

    def __init__(self, shape: Shape, *, width: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(_Down(2 * shape.channels, width), _Down(width, 2 * width))
        self.judge = spectral_norm(nn.Linear(2 * width, 1, bias=False))

    def cells(self, pairs: Tensor) -> Tensor:
        """Features of pairs (N, 2 C, H, W) at each place, (N, F, h, w)."""
        return F.relu(self.blocks(pairs))

    def features(self, pairs: Tensor) -> Tensor:
        """f_D of pairs (N, 2 C, H, W): their cells' sums, (N, F)."""
        return self.cells(pairs).sum((2, 3))

    def forward(self, pairs: Tensor) -> Tensor:
        return self.judge(self.features(pairs))[:, 0]


def untrained(critic: PairCritic) -> PairCritic:
    """A critic frozen for good, changed itself: its weights learn nothing and are stored nowhere.

    Example:
        >>> critic = untrained(PairCritic(Shape(1, 8, 8), width=1))
        >>> len(list(critic.parameters())), len(critic.state_dict()), len(list(critic.buffers()))
        (0, 0, 11)
    """
    for module in list(critic.modules()):
        if hasattr(module, "parametrizations"):
            remove_parametrizations(module, "weight")
    for module in critic.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            delattr(module, name)
            module.register_buffer(name, parameter.detach(), persistent=False)
    return critic


def _norm(layer: nn.Module) -> float:
    """By how much a linear layer lengthens a change at most.

    A convolution lengthens as its kernel's matrix does, times the root of the most patches that a
    pixel is in.
    """
    weight = cast(Tensor, layer.weight).detach().flatten(1).double()
    largest = float(torch.linalg.matrix_norm(weight, 2))
    if not isinstance(layer, nn.Conv2d):
        return largest
    overlaps = [math.ceil(k / s) for k, s in zip(layer.kernel_size, layer.stride, strict=True)]
    return largest * math.prod(overlaps) ** 0.5


def slope_bound(critic: PairCritic, shape: Shape) -> float:
    """By how much D changes at most for a change of 1 in the pair of pictures of a shape.

    The product of the norms of all layers; a sum over places has the norm of their number's root.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> critic, x = PairCritic(Shape(1, 8, 8), width=2).eval(), torch.rand(2, 2, 8, 8)
        >>> change = (critic(x[:1]) - critic(x[1:])).abs() / (x[0] - x[1]).norm()
        >>> bound = slope_bound(critic, Shape(1, 8, 8))
        >>> change.item() < bound, int(bound)
        (True, 98)
    """
    places = math.ceil(shape.height / 4) * math.ceil(shape.width / 4)
    blocks = (cast(_Down, block).slope_bound() for block in critic.blocks)
    return math.prod(blocks) * places**0.5 * _norm(critic.judge)


def gradient_penalty(
    critic: Callable[[Tensor], Tensor],
    pairs: Tensor,
    others: Tensor,
    *,
    generator: torch.Generator,
) -> Tensor:
    """E (|gradient of D| - 1)^2, a number, on pairs drawn between pairs and others (N, ...).

    D is the critic, from pairs (N, ...) to numbers (N,); the generator draws. The norm is that of
    the whole gradient of a pair, over channels and pixels.

    References:
        Gulrajani et al. 2017, Improved training of Wasserstein GANs, eq. 3,
        https://arxiv.org/abs/1704.00028.

    Example:
        >>> weight = torch.tensor([3.0, 4.0])  # a critic whose slope is 5 everywhere
        >>> x, g = torch.zeros(2, 2), torch.Generator().manual_seed(0)
        >>> gradient_penalty(lambda x: x @ weight, x, x + 1, generator=g).item()
        16.0
    """
    draws = torch.rand(len(pairs), generator=generator, device=generator.device)
    share = draws.to(pairs.device).reshape(-1, *[1] * (pairs.ndim - 1))
    between = (share * pairs + (1 - share) * others).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    # The root of zero has no gradient.
    lengths = slope.flatten(1).square().sum(1).add(1e-12).sqrt()
    return (lengths - 1).square().mean()
