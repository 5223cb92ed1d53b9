"""Curves, areas and intervals by hand; infidelity and sensitivity of maps that are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toy_scores import SHAPE, Mapped, images

from core.explain.faithfulness import (
    Curves,
    area,
    curves,
    infidelity,
    prediction_interval,
    random_orders,
    sensitivity,
)
from core.explain.methods import explain, score_of

X = torch.tensor([[[[4.0, 3.0], [2.0, 1.0]]]])
BLACK = torch.zeros_like(X)


def total(x: torch.Tensor) -> torch.Tensor:
    return x.sum((1, 2, 3))


def drawn(pixels: torch.Tensor, *, x: torch.Tensor = X, b: torch.Tensor = BLACK) -> Curves:
    """Curves of the sum by a map, in a step a pixel."""
    steps = pixels.numel()
    random = random_orders(total, x, b=b, steps=steps)
    return curves(total, x, pixels, b=b, random=random, steps=steps)


def test_the_perfect_map_of_a_sum_by_hand() -> None:
    """10, 6, 3, 1, 0: trapezia of .8, .45, .2, .05 of the height, a quarter wide."""
    found = drawn(X[0, 0])
    assert found.shares.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert found.deletion.tolist() == [10, 6, 3, 1, 0]
    assert found.insertion.tolist() == [0, 4, 7, 9, 10]
    assert found.deletion_area == pytest.approx(0.375)
    assert found.insertion_area == pytest.approx(0.625)


def test_the_worst_map_mirrors_the_perfect_one() -> None:
    found = drawn(-X[0, 0])
    assert found.deletion.tolist() == [10, 9, 7, 4, 0]
    assert found.deletion_area == pytest.approx(0.625)
    assert found.insertion_area == pytest.approx(0.375)
    assert not found.deletion_beats_chance
    assert not found.insertion_beats_chance


def test_the_perfect_map_of_many_pixels_beats_chance_and_a_random_one_does_not() -> None:
    x = images(1, shape=SHAPE).repeat(1, 1, 3, 3)
    black, noise = torch.zeros_like(x), torch.rand(12, 12, generator=torch.Generator())
    best, chance = drawn(x[0, 0], x=x, b=black), drawn(noise, x=x, b=black)
    assert best.deletion_beats_chance
    assert best.insertion_beats_chance
    assert not chance.deletion_beats_chance
    assert not chance.insertion_beats_chance
    assert best.random_low < 0.5 < best.random_high
    assert best.random_mean == pytest.approx(0.5, abs=0.03)


def test_pixels_go_most_positive_first_and_a_step_takes_many() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    order = x[0, 0].flip(0, 1)
    random = random_orders(total, x, b=0 * x, steps=4)
    found = curves(total, x, order, b=0 * x, random=random, steps=4)
    assert found.deletion.tolist() == [120, 114, 92, 54, 0]  # 0 to 3 go first


def test_what_is_alike_in_a_map_goes_in_a_drawn_order() -> None:
    """An image from left to right would reward a map of zeros for where things lie."""
    x = torch.arange(64.0).view(1, 1, 8, 8)
    flat = drawn(torch.zeros(8, 8), x=x, b=0 * x)
    assert flat.random_low < flat.deletion_area < flat.random_high
    again = drawn(torch.zeros(8, 8), x=x, b=0 * x)
    assert np.array_equal(flat.deletion, again.deletion)


def test_random_orders_begin_and_end_alike_and_their_seed_decides() -> None:
    found = random_orders(total, X, b=BLACK, orders=5, steps=4)
    assert found.shape == (5, 5)
    assert set(found[:, 0].tolist()) == {10}
    assert set(found[:, -1].tolist()) == {0}
    assert (np.diff(found) < 0).all()
    assert np.array_equal(found, random_orders(total, X, b=BLACK, orders=5, steps=4))
    assert not np.array_equal(found, random_orders(total, X, b=BLACK, orders=5, steps=4, seed=1))


def test_an_area_counts_from_the_end_and_is_good_when_small_whatever_the_sign() -> None:
    """A baseline that is stranger than the image: the fall below both is still a fall."""
    assert area(np.array([1.0, 0.5, 0.0])) == 0.5
    assert area(np.array([0.0, 0.5, 1.0])) == -0.5
    assert area(np.array([0.0, -3.0, 1.0])) == pytest.approx(-2.25)
    assert area(np.array([5.0, 2.0, 1.0])) == area(np.array([1.0, 2.0, 5.0]), backwards=True)
    assert np.isnan(area(np.array([1.0, 2.0, 1.0])))


def test_the_interval_of_a_further_draw_holds_19_of_20() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(2000):
        *seen, further = rng.normal(3, 2, 21)
        low, high = prediction_interval(np.array(seen))
        held += low < further < high
    assert held / 2000 == pytest.approx(0.95, abs=0.015)  # 3 standard errors
    assert all(np.isnan(prediction_interval(np.array([1.0]))))


def test_the_map_of_a_linear_score_is_infidel_to_nothing() -> None:
    toy, x = Mapped(), images(1)
    score, b = score_of(toy, "line"), torch.full((1, *SHAPE), 0.5)
    right = (toy.weight * (x - b))[0, 0].detach()
    assert infidelity(score, x, right, b=b) == pytest.approx(0, abs=1e-8)
    assert infidelity(score, x, 0 * right, b=b) == pytest.approx(1)
    assert infidelity(score, x, 2 * right, b=b) == pytest.approx(1)  # as wrong as nothing
    assert infidelity(score, x, -right, b=b) == pytest.approx(4)


def test_infidelity_of_colours_counts_all_channels() -> None:
    x = images(1, shape=(3, 6, 6))
    assert infidelity(total, x, x[0].sum(0), b=0 * x) == pytest.approx(0, abs=1e-8)


def test_infidelity_of_a_score_that_nothing_changes_is_no_number() -> None:
    x = images(1)
    assert np.isnan(infidelity(lambda x: 0 * total(x), x, x[0, 0], b=0 * x))


def test_sensitivity_is_the_largest_relative_change() -> None:
    x = torch.full((1, *SHAPE), 0.5)
    assert sensitivity(lambda x: 0 * x[:, 0] + 1, x) == 0
    found = sensitivity(lambda x: x[:, 0], x)
    assert 0 < found <= 0.02 / 0.5 + 1e-6  # at most the radius, of pixels of one half
    assert sensitivity(lambda x: 3 * x[:, 0], x) == pytest.approx(found)
    jumping = sensitivity(lambda x: (x[:, 0] > 0.5).float() + 0.1, x)
    assert jumping > 5


def test_what_is_drawn_comes_from_no_global_generator() -> None:
    toy, x = Mapped(), images(1)
    states = torch.get_rng_state(), np.random.get_state()[1].copy()
    score, pixels, b = score_of(toy, "square"), x[0, 0], 0 * x
    with torch.inference_mode():
        image = images(1)
        infidelity(score, image, pixels, b=b)
        sensitivity(lambda x: explain(toy, x, method="smooth").map, image)
        curves(score, image, pixels, b=b, random=random_orders(score, image, b=b))
    assert torch.equal(states[0], torch.get_rng_state())
    assert np.array_equal(states[1], np.random.get_state()[1])
