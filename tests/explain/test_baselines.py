"""Baselines by hand: what stands for "nothing to see"."""

from __future__ import annotations

import pytest
import torch
from scipy import ndimage

from core.explain.baselines import BASELINES, BaselineError, baseline_of, fitted_baseline

X = torch.rand(2, 3, 6, 9, generator=torch.Generator().manual_seed(0))
MEAN = torch.rand(3, 6, 9, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_is_of_the_images_size_and_leaves_them_alone(name: str) -> None:
    before = X.clone()
    found = baseline_of(name, X, mean=MEAN)
    assert found.shape == X.shape
    found += 1  # no view of an image, nor of another's baseline
    assert torch.equal(X, before)
    assert float(found.min()) >= 1
    assert float(found.max()) <= 2


def test_black_white_and_the_mean_are_the_same_for_every_image() -> None:
    assert baseline_of("black", X, mean=MEAN).abs().max() == 0
    assert baseline_of("white", X, mean=MEAN).min() == 1
    assert torch.equal(baseline_of("mean", X, mean=MEAN), torch.stack([MEAN, MEAN]))


def test_blurring_is_that_of_a_gaussian_with_its_edges_repeated() -> None:
    sigma = 4 / 28 * 6
    ours = baseline_of("blurred", X, mean=MEAN)
    theirs = ndimage.gaussian_filter(
        X.double().numpy(), (0, 0, sigma, sigma), mode="nearest", radius=(0, 0, 2, 2)
    )
    torch.testing.assert_close(ours.double(), torch.from_numpy(theirs), rtol=0, atol=1e-6)
    flat = torch.full((1, 1, 5, 5), 0.25)
    torch.testing.assert_close(baseline_of("blurred", flat, mean=flat[0]), flat)


def test_an_unknown_baseline_names_those_that_there_are() -> None:
    with pytest.raises(BaselineError, match="no baseline 'red'; there are: black, white, mean"):
        baseline_of("red", X, mean=MEAN)


def test_a_mean_of_another_size_is_refused() -> None:
    with pytest.raises(BaselineError, match="2 x 3 x 6 x 9, got 1 x 6 x 9"):
        baseline_of("mean", X, mean=MEAN[:1])


def test_none_is_black_and_one_serves_all_images() -> None:
    assert fitted_baseline(None, X).abs().max() == 0
    assert torch.equal(fitted_baseline(MEAN[None], X)[1], MEAN)
