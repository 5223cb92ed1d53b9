"""Pictures taken again: nothing moves, and each is as far from the others as is said."""

from __future__ import annotations

import pytest
import torch

from core.nn.retaken import retaken


def again(x: torch.Tensor, seed: int = 0) -> torch.Tensor:
    return retaken(x, torch.Generator().manual_seed(seed))


def test_each_image_is_taken_anew_and_a_seed_says_how() -> None:
    x = torch.full((64, 1, 16, 16), 0.5)
    found = again(x)
    assert torch.equal(found, again(x))
    assert not torch.equal(found, again(x, seed=1))
    means = found.mean((1, 2, 3))
    assert (
        0.445 < means.min() < 0.46 < 0.54 < means.max() < 0.555
    )  # lighter and darker, by 10 % each
    grain = (found[:, :, 1:] - found[:, :, :-1]).std((1, 2, 3)) / 2**0.5
    assert grain.min() < 0.005 < 0.012 < grain.max() < 0.022


def test_nothing_moves_and_a_step_is_at_most_out_of_focus() -> None:
    x = torch.full((32, 1, 33, 33), 0.2)
    x[:, :, :, 16:] = 0.8
    steps = (again(x).mean(2)[:, 0].diff(dim=1)).argmax(1)
    assert (steps == 15).all()
    slopes = again(x).mean(2)[:, 0].diff(dim=1).max(1).values
    assert slopes.max() > 0.53  # some are in focus
    assert slopes.min() < 0.47  # some are not


def test_light_comes_from_a_side() -> None:
    x = torch.full((64, 1, 32, 32), 0.5)
    found = again(x)
    across = (found[..., -4:].mean((1, 2, 3)) - found[..., :4].mean((1, 2, 3))) / 0.5
    assert across.min() < -0.05 < 0.05 < across.max()
    assert across.abs().max() < 0.13


@pytest.mark.parametrize(("height", "width"), [(2, 2), (1, 5), (3, 64)])
def test_small_and_long_pictures_are_taken_too(height: int, width: int) -> None:
    x = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))
    found = again(x)
    assert found.shape == x.shape
    assert found.isfinite().all()
    assert 0 <= found.min() <= found.max() <= 1
