"""How a score is shared out over pixels: one function a method, of nothing but the score.

Each takes a score, a function from images (N, C, H, W) to numbers (N,) that looks at every image
by itself; images x and baselines b (N, C, H, W), which stand for "nothing to see"; and a seed. It
gives maps (N, C, H, W), one a channel, and an offset (N,), what belongs to no pixel. Where a method
takes all channels at once there is one map for all of them, (N, 1, H, W).

Nothing is hooked, no module is changed and no global generator is drawn from: many threads may ask
one model. captum's own sampling methods draw from the generators that all threads share, so their
draws are made here, the same for every image; the gradients are captum's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from core.nn.bcos import linear_map
from core.nn.sizes import at_once

__all__ = [
    "Score",
    "Shared",
    "gradient",
    "gradient_shap",
    "input_gradient",
    "integrated",
    "linear",
    "occlusion",
    "smooth",
    "windows",
]

Score: TypeAlias = Callable[[Tensor], Tensor]
Shared: TypeAlias = tuple[Tensor, Tensor]

PASS = 32  # images whose gradient is taken at once, of large ones fewer
STEPS = 32  # of the path of integrated gradients
SAMPLES = 16  # noisy images of SmoothGrad, noisy baselines of gradient SHAP
# Standard deviation of both, as a share of the range of a pixel. SmoothGrad's authors take 0.1 to
# 0.2; then a flow sees noise and no image, and of its score 150 times as much is left over.
NOISE = 0.02
WINDOWS = 7  # of occlusion, along a side; they step by half of one


def gradient(score: Score, x: Tensor) -> Tensor:
    """d score / d x at images x (N, C, H, W), of the same shape.

    Example:
        >>> x = torch.tensor([[[[1.0, 3.0]]]])
        >>> gradient(lambda x: x.square().sum((1, 2, 3)), x).tolist()
        [[[[2.0, 6.0]]]]
    """
    from captum.attr import Saliency

    pieces = [
        Saliency(score).attribute(piece.requires_grad_(), abs=False).detach()
        for piece in x.detach().clone().split(_pass(x))
    ]
    return torch.cat(pieces)


def linear(score: Score, x: Tensor, b: Tensor, seed: int) -> Shared:
    """W(x) x of a score at images x (N, C, H, W) that is linear while its gates are held.

    Baselines `b`, (N, C, H, W), and the seed do not matter.

    Nets of ReLU, absolute values and maxima are linear around x: there W(x) is the gradient, and
    what the map leaves out is the bias. B-cos layers are linear where their gates are held.

    References:
        Böhle, Fritz, Schiele 2022, B-cos networks, eq. 12, https://arxiv.org/abs/2205.10268.

    Example:
        >>> x, b = torch.tensor([[[[1.0, 3.0]]]]), torch.zeros(1, 1, 1, 2)
        >>> linear(lambda x: 5 + x.relu().sum((1, 2, 3)), x, b, 0)[0].tolist()
        [[[[1.0, 3.0]]]]
    """
    weights = torch.cat([linear_map(score, piece) for piece in x.split(_pass(x))])
    return weights * x, x.new_zeros(len(x))


def input_gradient(score: Score, x: Tensor, b: Tensor, seed: int) -> Shared:
    """(x - b) * d score / d x at images x and baselines b (N, C, H, W); the seed does not matter.

    References:
        Shrikumar, Greenside, Shcherbina, Kundaje 2016, https://arxiv.org/abs/1605.01713.

    Example:
        >>> x, b = torch.tensor([[[[1.0, 3.0]]]]), torch.zeros(1, 1, 1, 2)
        >>> input_gradient(lambda x: x.square().sum((1, 2, 3)), x, b, 0)[0].tolist()
        [[[[2.0, 18.0]]]]
    """
    return (x - b) * gradient(score, x), _scored(score, b)


def integrated(score: Score, x: Tensor, b: Tensor, seed: int) -> Shared:
    """(x - b) times the mean gradient on the way from baselines b to images x (N, C, H, W).

    The path has 32 Gauss-Legendre steps; the seed does not matter. Complete: where the steps are
    fine enough, the map sums to score(x) - score(b).

    References:
        Sundararajan, Taly, Yan 2017, Axiomatic attribution for deep networks, eq. 1,
        https://arxiv.org/abs/1703.01365.

    Example:
        >>> x, b = torch.tensor([[[[1.0, 3.0]]]]), torch.zeros(1, 1, 1, 2)
        >>> integrated(lambda x: x.square().sum((1, 2, 3)), x, b, 0)[0].round(decimals=4).tolist()
        [[[[1.0, 9.0]]]]
    """
    from captum.attr import IntegratedGradients

    path = IntegratedGradients(score)
    maps = [
        path.attribute(
            image[None], baselines=start[None], n_steps=STEPS, internal_batch_size=_pass(x)
        ).detach()
        for image, start in zip(x, b, strict=True)
    ]
    return torch.cat(maps).to(x.dtype), _scored(score, b)


def gradient_shap(score: Score, x: Tensor, b: Tensor, seed: int) -> Shared:
    """Mean of (x - b') * gradient between b' and x, over 16 noisy copies b' of baselines.

    Images x and baselines b are (N, C, H, W); the seed draws the noise, N(0, 0.02^2), and how far
    from b' to x the gradient is taken. The offset is the mean score of the copies.

    References:
        Lundberg, Lee 2017, A unified approach to interpreting model predictions,
        https://arxiv.org/abs/1705.07874; as expected gradients: Erion et al. 2021,
        https://arxiv.org/abs/1906.10670, eq. 3.

    Example:
        >>> x, b = torch.tensor([[[[1.0, 3.0]]]]), torch.zeros(1, 1, 1, 2)
        >>> maps, offset = gradient_shap(lambda x: x.sum((1, 2, 3)), x, b, 0)
        >>> round(float(maps.sum() + offset), 4)  # of a linear score all is placed
        4.0
    """
    noise, along = _draws(x, seed)
    maps, offsets = [], []
    for image, start in zip(x, b, strict=True):
        starts = start + noise
        slopes = gradient(score, starts + along * (image - starts))
        maps.append(((image - starts) * slopes).mean(0))
        offsets.append(_scored(score, starts).mean())
    return torch.stack(maps), torch.stack(offsets)


def smooth(score: Score, x: Tensor, b: Tensor, seed: int) -> Shared:
    """(x - b) times the mean gradient at 16 noisy copies of images x; baselines b (N, C, H, W).

    The seed draws the noise, N(0, 0.02^2).

    References:
        Smilkov, Thorat, Kim, Viégas, Wattenberg 2017, SmoothGrad,
        https://arxiv.org/abs/1706.03825.

    Example:
        >>> x, b = torch.tensor([[[[1.0, 3.0]]]]), torch.zeros(1, 1, 1, 2)
        >>> smooth(lambda x: 2 * x.sum((1, 2, 3)), x, b, 0)[0].tolist()
        [[[[2.0, 6.0]]]]
    """
    noise, _ = _draws(x, seed)
    slopes = torch.stack([gradient(score, image + noise).mean(0) for image in x])
    return (x - b) * slopes, _scored(score, b)


def occlusion(score: Score, x: Tensor, b: Tensor, seed: int) -> Shared:
    """What the score of images x loses where a window of them shows baselines b (N, C, H, W).

    The window is a seventh of each side and steps by half of itself. Its loss is shared evenly by
    its pixels, and a pixel gets the mean over the windows that it lies in. The seed does not
    matter.

    References:
        Zeiler, Fergus 2014, Visualizing and understanding convolutional networks, sec. 4.2,
        https://arxiv.org/abs/1311.2901.

    Example:
        >>> x, b = torch.tensor([[[[1.0, 3.0]]]]), torch.zeros(1, 1, 1, 2)
        >>> occlusion(lambda x: x.square().sum((1, 2, 3)), x, b, 0)[0].tolist()
        [[[[1.0, 9.0]]]]
    """
    from captum.attr import Occlusion

    window, stride = _window(x.shape[2:])
    slides, shape = Occlusion(score), (x.shape[1], *window)
    maps = [
        slides.attribute(
            image[None],
            baselines=start[None],
            sliding_window_shapes=shape,
            strides=(x.shape[1], *stride),
            perturbations_per_eval=_pass(x),
        )
        for image, start in zip(x, b, strict=True)
    ]
    losses = torch.cat(maps).to(x.dtype)[:, :1]  # a window is of all channels: each has the loss
    return losses / (window[0] * window[1]), _scored(score, b)


def windows(height: int, width: int) -> int:
    """How many windows of occlusion a picture of this height and width has.

    Example:
        >>> windows(28, 28), windows(128, 128)
        (169, 196)
    """
    window, stride = _window((height, width))
    return math.prod(
        -(-(side - wide) // step) + 1
        for side, wide, step in zip((height, width), window, stride, strict=True)
    )


def _window(sides: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Sides of occlusion's window in a picture of such sides, and its steps along each."""
    window = tuple(max(1, round(side / WINDOWS)) for side in sides)
    return window, tuple(max(1, side // 2) for side in window)


def _scored(score: Score, x: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([score(piece) for piece in x.split(_pass(x))])


def _pass(x: Tensor) -> int:
    """How many images of the size of x (N, C, H, W) are asked at once: a gradient holds more."""
    return at_once(PASS, 2 * x.shape[2], x.shape[3])


def _draws(x: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Noise (S, C, H, W) and positions (S, 1, 1, 1) in [0, 1), the same for every image."""
    generator = torch.Generator().manual_seed(seed)
    noise = NOISE * torch.randn((SAMPLES, *x.shape[1:]), generator=generator)
    along = torch.rand((SAMPLES, 1, 1, 1), generator=generator)
    return noise.to(x), along.to(x)
