"""The paper's two control flows: neither was built to see objects, yet their likelihoods agree.

One knows only patches of 8x8 pixels, each for itself and wherever it lies; the other is fully
connected and knows nothing of neighbourhood. Both offer what `core.nn.flow.MultiScaleFlow` does.

References:
    Schirrmeister et al. 2020, sec. 3, https://arxiv.org/abs/2006.10848.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.nn.flow import MultiScaleFlow, ScaleCode
from core.nn.flow_layers import ActNorm
from core.nn.pixels import margins
from core.shape import Shape

__all__ = [
    "DenseFlow",
    "PatchFlow",
    "covering",
    "flow_of",
    "join_patches",
    "scale_cells",
    "split_patches",
]


def covering(kind: str, shape: Shape, *, scales: int) -> tuple[Shape, tuple[int, int, int, int]]:
    """The shape of a picture with the zeros that a flow needs around it, and how many these are.

    The kind is that of `flow_of`.

    Sides become multiples of 2^scales, or of a patch's side.

    Example:
        >>> covering("scales", Shape(1, 28, 28), scales=3)
        (Shape(channels=1, height=32, width=32), (2, 2, 2, 2))
    """
    multiple = PatchFlow.SIDE if kind == "patches" else 2**scales
    left, right, top, bottom = margin = margins(shape.height, shape.width, multiple)
    covered = Shape(shape.channels, top + shape.height + bottom, left + shape.width + right)
    return covered, margin


def scale_cells(kind: str, shape: Shape, *, scales: int) -> list[tuple[int, int]]:
    """Rows and columns of each scale's cells, finest first; none of a kind that is a control.

    Example:
        >>> scale_cells("scales", Shape(3, 48, 64), scales=2)
        [(24, 32), (12, 16)]
    """
    if kind != "scales":
        return []
    _, height, width = covering(kind, shape, scales=scales)[0]
    return [(height >> i, width >> i) for i in range(1, scales + 1)]


def flow_of(
    kind: str,
    shape: tuple[int, int, int],
    *,
    scales: int,
    steps: int,
    hidden: int,
    leaves: str = "first",
) -> MultiScaleFlow | PatchFlow | DenseFlow:
    """A flow of images of a shape (C, H, W), of a kind: "scales", or a control: "patches", "dense".

    The other arguments, scales, steps, hidden and leaves, are those of `MultiScaleFlow`.

    Example:
        >>> flow_of("dense", (1, 4, 4), scales=1, steps=2, hidden=8).latent_shapes()
        [(16, 1, 1)]
    """
    if kind == "dense":
        return DenseFlow(shape, steps=steps, hidden=hidden)
    made = MultiScaleFlow if kind == "scales" else PatchFlow
    return made(shape, scales=scales, steps=steps, hidden=hidden, leaves=leaves)


def split_patches(x: Tensor, side: int) -> Tensor:
    """Images x (N, C, H, W) as patches (N*P, C, side, side), row by row, no overlap.

    Raises:
        ValueError: height or width is not a multiple of ``side``.

    Example:
        >>> split_patches(torch.arange(16.0).view(1, 1, 4, 4), 2)[1].flatten().tolist()
        [2.0, 3.0, 6.0, 7.0]
    """
    n, c, h, w = x.shape
    if h % side or w % side:
        raise ValueError(f"height and width must be multiples of {side}, got {tuple(x.shape)}")
    x = x.reshape(n, c, h // side, side, w // side, side).permute(0, 2, 4, 1, 3, 5)
    return x.reshape(-1, c, side, side)


def join_patches(patches: Tensor, rows: int, columns: int) -> Tensor:
    """Undo `split_patches`: patches (N*rows*columns, C, s, s) to images (N, C, rows*s, columns*s).

    Example:
        >>> join_patches(torch.arange(4.0).view(4, 1, 1, 1), rows=2, columns=2).tolist()
        [[[[0.0, 1.0], [2.0, 3.0]]]]
    """
    c, side = patches.shape[1:3]
    x = patches.reshape(-1, rows, columns, c, side, side).permute(0, 3, 1, 4, 2, 5)
    return x.reshape(-1, c, rows * side, columns * side)


class PatchFlow(nn.Module):
    """One Glow of 8x8 patches: log p(x) is the sum over the patches of an image, wherever they lie.

    Args:
        shape: (C, H, W) of images x (N, C, H, W).
        scales, steps, hidden, leaves: of the Glow, see `core.nn.flow.MultiScaleFlow`.

    Raises:
        ValueError: a side is no multiple of 8.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> flow = PatchFlow((1, 16, 16), scales=2, steps=1, hidden=4)
        >>> [tuple(code.log_prob.shape) for code in flow(torch.randn(3, 1, 16, 16))]
        [(3, 2, 2)]
    """

    SIDE = 8

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
        if height % self.SIDE or width % self.SIDE:
            raise ValueError(f"height and width must be multiples of {self.SIDE}, got {shape}")
        patch = (channels, self.SIDE, self.SIDE)
        self.patch = MultiScaleFlow(patch, scales=scales, steps=steps, hidden=hidden, leaves=leaves)
        self.grid = (height // self.SIDE, width // self.SIDE)

    @torch.no_grad()
    def initialise_(self, x: Tensor) -> None:
        """Set every ActNorm from x (N, C, H, W)."""
        self.patch.initialise_(split_patches(x, self.SIDE))

    def latent_shapes(self) -> list[tuple[int, int, int]]:
        """(D, rows, columns) of the one latent, in a list."""
        values = sum(math.prod(shape) for shape in self.patch.latent_shapes())
        return [(values, *self.grid)]

    def forward(self, x: Tensor) -> list[ScaleCode]:
        """Return one `ScaleCode`, with a cell for each patch."""
        codes = self.patch(split_patches(x, self.SIDE))
        latent = torch.cat([code.latent.flatten(1) for code in codes], 1)  # (N * P, D)
        log_prob = torch.stack([code.log_prob.sum((1, 2)) for code in codes]).sum(0)  # (N * P,)
        latent = latent.view(len(x), *self.grid, -1).permute(0, 3, 1, 2)
        return [ScaleCode(latent, log_prob.view(len(x), *self.grid))]

    def inverse(self, latents: Sequence[Tensor]) -> Tensor:
        """Return the images (N, C, H, W) whose latents (N, D, rows, columns) these are."""
        shapes = self.patch.latent_shapes()
        values = latents[0].permute(0, 2, 3, 1).flatten(0, 2)  # (N * P, D)
        pieces = values.split([math.prod(shape) for shape in shapes], 1)
        patches = self.patch.inverse(
            [piece.reshape(-1, *shape) for piece, shape in zip(pieces, shapes, strict=True)]
        )
        return join_patches(patches, *self.grid)


class DenseFlow(nn.Module):
    """K times ActNorm, fixed random permutation, affine coupling by a fully connected network.

    Works on the flattened image of D values; y2 = (x2 + t) * sigmoid(raw + 2), prior N(0, I).

    Args:
        shape: (C, H, W) of images x (N, C, H, W).
        steps: K.
        hidden: units of each of two hidden layers.

    Attributes:
        permutations: (K, D).

    Raises:
        ValueError: D is odd.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> flow = DenseFlow((1, 4, 4), steps=2, hidden=8)
        >>> x = torch.randn(3, 1, 4, 4)
        >>> code = flow(x)[0]
        >>> code.latent.shape, bool(torch.allclose(flow.inverse([code.latent]), x, atol=1e-5))
        (torch.Size([3, 16, 1, 1]), True)
    """

    permutations: Tensor

    def __init__(self, shape: tuple[int, int, int], *, steps: int, hidden: int) -> None:
        super().__init__()
        size = math.prod(shape)
        if size % 2:
            raise ValueError(f"an image must have an even number of values, got {shape}")
        self.shape = shape
        orders = torch.stack([torch.randperm(size) for _ in range(steps)])
        self.register_buffer("permutations", orders)
        self.norms = nn.ModuleList(ActNorm((size, 1, 1)) for _ in range(steps))
        self.nets = nn.ModuleList(_coupling(size, hidden) for _ in range(steps))
        self.prior = ActNorm((size, 1, 1))

    @torch.no_grad()
    def initialise_(self, x: Tensor) -> None:
        """Set every ActNorm from x (N, C, H, W)."""
        z = x.flatten(1)[..., None, None]  # (N, D, 1, 1)
        for norm, net, order in zip(self.norms, self.nets, self.permutations, strict=True):
            cast(ActNorm, norm).initialise_(z)
            z = _step(norm, net, order, z)[0]
        self.prior.initialise_(z)

    def latent_shapes(self) -> list[tuple[int, int, int]]:
        """(D, 1, 1) of the one latent, in a list."""
        return [(math.prod(self.shape), 1, 1)]

    def forward(self, x: Tensor) -> list[ScaleCode]:
        """Return one `ScaleCode` of a single cell: this flow cannot say where."""
        z, log_det = x.flatten(1)[..., None, None], x.new_zeros(len(x))
        for norm, net, order in zip(self.norms, self.nets, self.permutations, strict=True):
            z, change = _step(norm, net, order, z)
            log_det = log_det + change
        z = self.prior(z)
        log_normal = -0.5 * (z.square().sum((1, 2, 3)) + z.shape[1] * math.log(2 * math.pi))
        log_prob = log_det + self.prior.log_det().sum() + log_normal
        return [ScaleCode(z, log_prob[:, None, None])]

    def inverse(self, latents: Sequence[Tensor]) -> Tensor:
        """Return the images (N, C, H, W) whose latents (N, D, 1, 1) these are."""
        z = self.prior.inverse(latents[0])
        for k in reversed(range(len(self.permutations))):
            y1, y2 = z.chunk(2, 1)
            t, raw = self.nets[k](y1[..., 0, 0]).chunk(2, 1)
            x2 = y2 / torch.sigmoid(raw + 2)[..., None, None] - t[..., None, None]
            norm = cast(ActNorm, self.norms[k])
            z = norm.inverse(torch.cat([y1, x2], 1)[:, self.permutations[k].argsort()])
        return z.reshape(-1, *self.shape)


def _coupling(size: int, hidden: int) -> nn.Sequential:
    """Values of the first half to shift and raw scale of the second; starts as the identity."""
    last = nn.Linear(hidden, size)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(
        nn.Linear(size // 2, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), last
    )


def _step(norm: nn.Module, net: nn.Module, order: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """One step on z (N, D, 1, 1): its output and log-determinant (N,)."""
    assert isinstance(norm, ActNorm)
    x1, x2 = norm(z)[:, order].chunk(2, 1)
    t, raw = net(x1[..., 0, 0]).chunk(2, 1)
    log_s = F.logsigmoid(raw + 2)
    y2 = (x2 + t[..., None, None]) * log_s.exp()[..., None, None]
    return torch.cat([x1, y2], 1), log_s.sum(1) + norm.log_det().sum()
