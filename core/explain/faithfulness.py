"""Whether a map says what the score does: pixels deleted in its order, patches, small changes.

A score is a function from images (N, C, H, W) to numbers (N,). Nothing here draws from a global
generator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy import special
from torch import Tensor

from core.explain.attributions import PASS, Score

__all__ = [
    "Curves",
    "area",
    "curves",
    "infidelity",
    "prediction_interval",
    "random_orders",
    "sensitivity",
]

STEPS = 14
ORDERS = 20  # random ones that a map's order is compared with
SQUARES, RADIUS, SHIFTS = 24, 0.02, 4  # of infidelity; of sensitivity


@dataclass(frozen=True)
class Curves:
    """What becomes of a score while pixels go in the order of a map, most positive first.

    Areas are those of `area`. A map is better than chance where deletion's lies below the
    interval, or insertion's above.

    Attributes:
        shares: (S,) of the pixels, from 0 to 1.
        deletion: (S,), the score when these pixels show the baseline.
        insertion: (S,), the score when all other pixels do.
        random: (n, S), deletion in n random orders; read backwards, it is an insertion too.
        random_mean, random_low, random_high: area of a random order, and the interval in which
            19 of 20 of them lie.
    """

    shares: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray
    random: np.ndarray
    deletion_area: float
    insertion_area: float
    random_mean: float
    random_low: float
    random_high: float

    @property
    def deletion_beats_chance(self) -> bool:
        """Whether the score falls faster than in 19 of 20 random orders."""
        return self.deletion_area < self.random_low

    @property
    def insertion_beats_chance(self) -> bool:
        """Whether the score comes back faster than in 19 of 20 random orders."""
        return self.insertion_area > self.random_high


def curves(
    score: Score,
    x: Tensor,
    pixels: Tensor,
    *,
    b: Tensor,
    random: np.ndarray,
    seed: int = 0,
    steps: int = STEPS,
) -> Curves:
    """Deletion and insertion of an image by a map, pixels (H, W), in so many steps.

    The image x and the baseline b are (1, C, H, W); what is alike in the map goes in an order that
    the seed draws. They are compared with random ones (n, steps + 1), of `random_orders`.

    References:
        Petsiuk, Das, Saenko 2018, RISE, sec. 4.3, https://arxiv.org/abs/1806.07421.

    Example:
        >>> x = torch.tensor([[[[4.0, 3.0], [2.0, 1.0]]]])
        >>> score, black = lambda x: x.sum((1, 2, 3)), torch.zeros_like(x)
        >>> random = random_orders(score, x, b=black, steps=4)
        >>> found = curves(score, x, x[0, 0], b=black, random=random, steps=4)
        >>> found.deletion.tolist(), found.insertion.tolist()
        ([10.0, 6.0, 3.0, 1.0, 0.0], [0.0, 4.0, 7.0, 9.0, 10.0])
        >>> round(found.deletion_area, 3), round(found.insertion_area, 3)
        (0.375, 0.625)
    """
    generator = torch.Generator().manual_seed(seed)
    first = torch.randperm(pixels.numel(), generator=generator)  # which of two alike goes first
    order = first[pixels.flatten().cpu()[first].argsort(descending=True, stable=True)]
    deletion = _deleted(score, x, order, b=b, steps=steps)
    return _measured(deletion, _deleted(score, b, order, b=x, steps=steps), random)


def _measured(deletion: np.ndarray, insertion: np.ndarray, random: np.ndarray) -> Curves:
    """Curves with their areas."""
    areas = np.array([area(values) for values in random])
    low, high = prediction_interval(areas)
    return Curves(
        shares=np.linspace(0, 1, len(deletion)),
        deletion=deletion,
        insertion=insertion,
        random=random,
        deletion_area=area(deletion),
        insertion_area=area(insertion, backwards=True),
        random_mean=float(areas.mean()),
        random_low=low,
        random_high=high,
    )


def random_orders(
    score: Score,
    x: Tensor,
    *,
    b: Tensor,
    seed: int = 0,
    orders: int = ORDERS,
    steps: int = STEPS,
) -> np.ndarray:
    """Deletion of an image x in random orders to a baseline b, both (1, C, H, W).

    The seed draws so many orders, and pixels go in so many steps.

    Returns: (orders, steps + 1), the score.

    Example:
        >>> x = torch.tensor([[[[4.0, 3.0], [2.0, 1.0]]]])
        >>> found = random_orders(lambda x: x.sum((1, 2, 3)), x, b=torch.zeros_like(x), steps=2)
        >>> found.shape, found[7].tolist()[::2]
        ((20, 3), [10.0, 0.0])
    """
    generator = torch.Generator().manual_seed(seed)
    pixels = x[0, 0].numel()
    drawn = [torch.randperm(pixels, generator=generator) for _ in range(orders)]
    return np.stack([_deleted(score, x, order, b=b, steps=steps) for order in drawn])


def _deleted(score: Score, x: Tensor, order: Tensor, *, b: Tensor, steps: int) -> np.ndarray:
    """Scores (steps + 1,) while the pixels of an order (P,) go from x to b, both (1, C, H, W)."""
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order))
    counts = torch.linspace(0, len(order), steps + 1).round()
    gone = rank < counts[:, None]  # (steps + 1, P)
    images = torch.where(gone.view(-1, 1, *x.shape[2:]).to(x.device), b, x)
    with torch.no_grad():
        values = [score(piece) for piece in images.split(PASS)]
    return torch.cat(values).double().cpu().numpy()


def area(values: np.ndarray, *, backwards: bool = False) -> float:
    """Area under a curve, values (S,) at even steps, between the score of the image and its end.

    The unit of height is the distance |start - end|, and the end, where nothing of the image is
    left, is at height 0; backwards the curve runs from there to the image. A curve that falls
    along a straight line has 0.5, whatever the score; it is NaN where both ends are the same.

    Example:
        >>> area(np.array([10.0, 6.0, 3.0, 1.0, 0.0])), area(np.array([0.0, 5.0]), backwards=True)
        (0.375, 0.5)
    """
    image, empty = (values[-1], values[0]) if backwards else (values[0], values[-1])
    if image == empty:
        return float("nan")
    heights = (values - empty) / abs(image - empty)
    return float(np.trapezoid(heights, dx=1 / (len(values) - 1)))


def prediction_interval(values: np.ndarray) -> tuple[float, float]:
    """Where the next of values (n,) lies with 95 %, if they are normally distributed.

    Mean -+ t(n - 1, 97.5 %) s sqrt(1 + 1/n); NaN of fewer than two.

    Example:
        >>> [round(end, 3) for end in prediction_interval(np.array([1.0, 2.0, 3.0]))]
        [-2.968, 6.968]
    """
    n = len(values)
    if n < 2:
        return float("nan"), float("nan")
    reach = special.stdtrit(n - 1, 0.975) * values.std(ddof=1) * (1 + 1 / n) ** 0.5
    return float(values.mean() - reach), float(values.mean() + reach)


def infidelity(
    score: Score, x: Tensor, pixels: Tensor, *, b: Tensor, seed: int = 0, squares: int = SQUARES
) -> float:
    """How far a map, pixels (H, W), is from what the score loses with a square of an image.

    E[(map in the square - loss)^2] / E[loss^2], over squares of a third of each side that the seed
    draws, in which x shows the baseline b, both (1, C, H, W). 0 is a map that foretells every
    loss; an empty map has 1. NaN where nothing is ever lost.

    References:
        Yeh, Hsieh, Suggala, Inouye, Ravikumar 2019, On the (in)fidelity and sensitivity of
        explanations, def. 2.1, https://arxiv.org/abs/1901.09392; by captum.

    Example:
        >>> x = torch.arange(36.0).view(1, 1, 6, 6)
        >>> score = lambda x: x.sum((1, 2, 3))
        >>> b = torch.zeros_like(x)
        >>> infidelity(score, x, x[0, 0], b=b), infidelity(score, x, 0 * x[0, 0], b=b)
        (0.0, 1.0)
    """
    from captum import metrics

    masks = _squares(x, seed, squares)
    spread = (pixels / x.shape[1]).expand_as(x).to(x)  # captum sums over channels

    def empty(inputs: Tensor) -> tuple[Tensor, Tensor]:
        return masks, torch.where(masks.bool(), b, inputs)

    with torch.inference_mode(False), torch.no_grad():
        off, size = (
            float(
                metrics.infidelity(
                    score, empty, x.clone(), values.clone(), n_perturb_samples=squares
                )
            )
            for values in (spread, torch.zeros_like(spread))
        )
    return off / size if size else float("nan")


def _squares(x: Tensor, seed: int, count: int) -> Tensor:
    """Masks (count, C, H, W) of patches of a third of each side, 1 within."""
    generator = torch.Generator().manual_seed(seed)
    (height, width), masks = x.shape[2:], x.new_zeros(count, *x.shape[1:])
    h, w = max(1, height // 3), max(1, width // 3)
    rows = torch.randint(height - h + 1, (count,), generator=generator)
    columns = torch.randint(width - w + 1, (count,), generator=generator)
    for mask, row, column in zip(masks, rows.tolist(), columns.tolist(), strict=True):
        mask[:, row : row + h, column : column + w] = 1
    return masks


def sensitivity(
    maps: Callable[[Tensor], Tensor], x: Tensor, *, seed: int = 0, shifts: int = SHIFTS
) -> float:
    """How much a map changes where an image x (1, C, H, W) changes by at most 0.02 a pixel.

    The largest |map(x + shift) - map(x)| / |map(x)| of several shifts that the seed draws; ``maps``
    are (N, H, W) of images (N, C, H, W). 0 is a map that stays.

    References:
        Yeh et al. 2019, def. 3.1, https://arxiv.org/abs/1901.09392; by captum.

    Example:
        >>> x = torch.full((1, 1, 2, 2), 0.5)
        >>> sensitivity(lambda x: torch.ones(len(x), 2, 2), x)
        0.0
    """
    from captum import metrics

    generator = torch.Generator().manual_seed(seed)

    def shifted(inputs: Tensor) -> Tensor:
        shift = 2 * torch.rand(inputs.shape, generator=generator) - 1
        return (inputs + RADIUS * shift.to(inputs)).clamp(0, 1)

    def explained(inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        one = inputs[0] if isinstance(inputs, tuple) else inputs
        return (maps(one).contiguous(),)

    with torch.inference_mode(False):
        found = metrics.sensitivity_max(
            explained, x.clone(), perturb_func=shifted, n_perturb_samples=shifts
        )
    return float(found)
