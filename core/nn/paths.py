"""What a score gains on the straight way between two images, shared out over their pixels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["along_path"]


def along_path(
    function: Callable[[Tensor], Tensor], start: Tensor, end: Tensor, *, steps: int
) -> Tensor:
    """(end - start) times the mean gradient of a function on the way between them, of their shape.

    The function is from (K, ...) to numbers (K,), each row by itself; start and end are (N, ...).
    The mean is over the middles of equal steps, so that what is shared out sums to
    function(end) - function(start) for straight lines and squares at one step already, for other
    functions the better the more steps. A row is asked by itself, whatever stands beside it.

    References:
        Sundararajan, Taly, Yan 2017, Axiomatic attribution for deep networks, eq. 1,
        https://arxiv.org/abs/1703.01365.

    Raises:
        ValueError: the shapes differ, or there is no step.

    Example:
        >>> start, end = torch.tensor([[0.0, 1.0]]), torch.tensor([[2.0, 3.0]])
        >>> along_path(lambda x: x.square().sum(1), start, end, steps=1).tolist()  # 4 - 0, 9 - 1
        [[4.0, 8.0]]
        >>> along_path(lambda x: x.pow(3).sum(1), start, end, steps=2).tolist()  # of 8 and 26
        [[7.5, 25.5]]
    """
    if start.shape != end.shape or steps < 1:
        shapes = f"{tuple(start.shape)} and {tuple(end.shape)}"
        raise ValueError(f"one shape and 1 step or more, got {shapes} and {steps}")
    # Scoring may run in inference mode, whose tensors no gradient can see.
    with torch.inference_mode(False), torch.enable_grad():
        a, b = start.detach().clone(), end.detach().clone()
        middles = (torch.arange(steps).to(a) + 0.5) / steps
        gradients = []
        for begin, way in zip(a, b - a, strict=True):
            points = begin + middles.reshape(-1, *[1] * begin.ndim) * way
            points.requires_grad_()
            gradients.append(torch.autograd.grad(function(points).sum(), points)[0].mean(0))
        return (b - a) * torch.stack(gradients)
