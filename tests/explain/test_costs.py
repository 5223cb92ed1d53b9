"""What a map costs is counted, not timed: looks one by one, multiply-adds as torch counts them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from core.explain.costs import PATIENCE, adds_of, looks_of, takes_long
from core.explain.methods import METHODS
from core.shape import Shape


class Toy:
    """A detector whose score says how often it was asked for."""

    def __init__(self, *shape: int) -> None:
        self.shape, self.seen = Shape(*shape), 0

    def score(self, x: Tensor) -> Tensor:
        self.seen += len(x)
        return x.square().sum((1, 2, 3))


OFFSET = 1  # a method asks for the score of its baseline too; occlusion for the image's, as well
BESIDE = {"linear": 0, "gradient_shap": 16, "occlusion": 2}


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 15, 40), (1, 5, 5)])
@pytest.mark.parametrize("method", [key for key, one in METHODS.items() if one.attribute])
def test_a_method_looks_as_often_as_it_says(method: str, shape: tuple[int, ...]):
    toy = Toy(*shape)
    x = torch.rand((1, *shape), generator=torch.Generator().manual_seed(0))
    METHODS[method].attribute(toy.score, x, torch.zeros_like(x), 0)
    assert toy.seen == looks_of(toy, method) + BESIDE.get(method, OFFSET)


def test_multiply_adds_are_those_of_torchs_own_counter_of_a_later_look(fitted_glow):
    x = torch.full((1, *fitted_glow.shape), 0.5)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        fitted_glow.part(x, "total")
    found = adds_of(fitted_glow, "total")
    assert found == counter.get_total_flops() // 2 > 10_000
    with torch.inference_mode():
        assert adds_of(fitted_glow, "total") == found


def test_what_other_threads_compute_meanwhile_is_not_counted(fitted_glow):
    alone = adds_of(fitted_glow, "total")
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: adds_of(fitted_glow, "total"), range(8))) == {alone}


def test_a_map_takes_long_beyond_a_number_of_multiply_adds_twice_for_a_gradient():
    toy = Toy(1, 28, 28)
    assert not takes_long(toy, "occlusion", adds=PATIENCE // 169)
    assert takes_long(toy, "occlusion", adds=PATIENCE // 169 + 1)
    assert not takes_long(toy, "integrated", adds=PATIENCE // 64)
    assert takes_long(toy, "integrated", adds=PATIENCE // 64 + 1)
