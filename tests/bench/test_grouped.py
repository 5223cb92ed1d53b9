"""Models trained together are those trained one by one, number for number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from core.bench.grouped import Step, grouped_step, separate_step
from core.detectors._base import Batch
from core.detectors.esad import ESAD
from core.shape import Shape

SHAPE, MODELS, STEPS = Shape(1, 9, 8), 3, 4
NEAR = 1e-10  # sums in another order, of numbers near 1, in float64


def models(**config: object) -> list[ESAD]:
    """Three of different weights, the same ones at every call."""
    torch.manual_seed(0)
    settings = ESAD.Config(**{"code": 3, "width": 2, **config})  # type: ignore[arg-type]
    return [ESAD(settings, SHAPE).double() for _ in range(MODELS)]


def batch(i: int, step: int) -> Batch:
    """Images of the i-th model at a step; of each model other ones are known anomalies."""
    draw = torch.Generator().manual_seed(100 * i + step)
    x = torch.rand(6, *SHAPE, generator=draw, dtype=torch.float64)
    kind = torch.where(torch.arange(6) % (i + 2) == 0, -1, 1)
    return Batch(x, kind, kind)


def trained(
    make: Callable[[Sequence[ESAD]], Step], **config: object
) -> tuple[list[ESAD], dict[str, Tensor]]:
    """Models after some steps, and the terms (steps, models) on the way."""
    detectors, seen = models(**config), []
    step = make(detectors)
    generators = [torch.Generator().manual_seed(i) for i in range(MODELS)]
    for number in range(STEPS):
        seen.append(step([batch(i, number) for i in range(MODELS)], generators))
    return detectors, {name: torch.stack([terms[name] for terms in seen]) for name in seen[0]}


def furthest(some: ESAD, others: ESAD) -> float:
    """The largest difference of any weight or running statistic."""
    state = others.state_dict()
    return max((t - state[name]).abs().max().item() for name, t in some.state_dict().items())


@pytest.mark.parametrize("target", ["noisy", "noise"])
def test_grouped_training_is_separate_training(target: str) -> None:
    together, terms = trained(grouped_step, target=target)
    one_by_one, same = trained(separate_step, target=target)
    assert list(terms) == list(same) == ["reconstruction", "norm", "consistency"]
    for name, values in terms.items():
        torch.testing.assert_close(values, same[name], rtol=NEAR, atol=NEAR)
    for detector, twin, start in zip(together, one_by_one, models(), strict=True):
        assert furthest(detector, twin) < NEAR
        assert furthest(detector, start) > 1e-3  # it learnt at all
        counts = [n.num_batches_tracked for n in detector.modules() if type(n) is nn.BatchNorm2d]
        assert counts == [STEPS] * 9


def test_models_trained_together_do_not_become_one_model() -> None:
    detectors, terms = trained(grouped_step)
    first, second, third = detectors
    assert min(furthest(first, second), furthest(second, third), furthest(first, third)) > 1e-2
    assert (terms["norm"].std(1) > 1e-3).all()
