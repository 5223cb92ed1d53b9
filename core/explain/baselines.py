"""Baselines: what a pixel shows when it shows nothing, which no data can decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from core.errors import OutskirtsError

__all__ = ["BASELINES", "Baseline", "BaselineError", "baseline_of", "fitted_baseline"]

BLUR = 4 / 28  # standard deviation, as a share of the shorter side


class BaselineError(OutskirtsError):
    """A baseline is unknown, or of another size than the image."""


@dataclass(frozen=True)
class Baseline:
    """A way to show nothing.

    Attributes:
        make: from images (N, C, H, W) and the mean normal image (C, H, W) to baselines (N, C, H, W)
            of the same images.
    """

    title: str
    text: str
    make: Callable[[Tensor, Tensor], Tensor]


def _blurred(x: Tensor, mean: Tensor) -> Tensor:
    """Images through a Gaussian, their edges repeated beyond the rim."""
    sigma = BLUR * min(x.shape[2:])
    for dim in (2, 3):
        reach = min(int(3 * sigma), x.shape[dim] - 1)
        at = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
        kernel = torch.softmax(-at.square() / (2 * sigma**2), 0)
        lines = x.movedim(dim, -1)
        rows = F.pad(lines.reshape(-1, 1, lines.shape[-1]), (reach, reach), mode="replicate")
        x = F.conv1d(rows, kernel[None, None]).view_as(lines).movedim(-1, dim)
    return x.contiguous()


BASELINES: Mapping[str, Baseline] = {
    "black": Baseline(
        "Black",
        "Every pixel is black. Black pixels of the image can then be blamed for nothing.",
        lambda x, mean: torch.zeros_like(x),
    ),
    "white": Baseline(
        "White",
        "Every pixel is white. White pixels of the image can then be blamed for nothing.",
        lambda x, mean: torch.ones_like(x),
    ),
    "mean": Baseline(
        "Mean of the normal images",
        "Every pixel is what it is on average in the normal reference images.",
        lambda x, mean: mean.expand_as(x).clone(),
    ),
    "blurred": Baseline(
        "The image, blurred",
        "The image without its detail: what is the same in a large neighbourhood can be blamed "
        "for nothing.",
        _blurred,
    ),
}


def baseline_of(name: str, x: Tensor, *, mean: Tensor) -> Tensor:
    """The baseline of that name for images x (N, C, H, W), of the same shape.

    Args:
        mean: (C, H, W), of the normal images.

    Raises:
        BaselineError: there is no such baseline, or the mean is of another size.

    Example:
        >>> x, mean = torch.zeros(1, 1, 1, 2), torch.tensor([[[0.25, 0.5]]])
        >>> baseline_of("mean", x, mean=mean).tolist()
        [[[[0.25, 0.5]]]]
    """
    if name not in BASELINES:
        raise BaselineError(f"no baseline {name!r}; there are: {', '.join(BASELINES)}")
    return BASELINES[name].make(x, fitted_baseline(mean, x)[0])


def fitted_baseline(baseline: Tensor | None, x: Tensor) -> Tensor:
    """A baseline (C, H, W) or (1|N, C, H, W) for each image of x (N, C, H, W); None: black.

    Returns: (N, C, H, W).

    Raises:
        BaselineError: it is of another size.

    Example:
        >>> fitted_baseline(torch.ones(1, 1, 2), torch.zeros(2, 1, 1, 2)).sum().item()
        4.0
    """
    if baseline is None:
        return torch.zeros_like(x)
    whole = baseline if baseline.ndim == 4 else baseline[None]
    if whole.shape[1:] != x.shape[1:] or len(whole) not in (1, len(x)):
        wanted, given = (" x ".join(map(str, t.shape)) for t in (x, baseline))
        raise BaselineError(f"the baseline must be of the images' size, {wanted}, got {given}")
    return whole.detach().to(x).expand_as(x).clone()
