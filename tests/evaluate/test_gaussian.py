"""Distances from one Gaussian are Mahalanobis's, however many values and rows there are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis

from core.evaluate import gaussian
from core.evaluate.gaussian import Gaussian


def test_distances_are_those_of_the_inverse_covariance_itself() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (200, 5)) @ rng.normal(0, 1, (5, 5)) + 3
    near = Gaussian.of(values, ridge=0.1)
    inverse = np.linalg.inv(np.cov(values.T) + 0.1 * np.eye(5))
    asked = rng.normal(3, 4, (7, 5))
    expected = [mahalanobis(row, values.mean(0), inverse) ** 2 for row in asked]
    np.testing.assert_allclose(near.distances(asked), expected, rtol=1e-4)


def test_rows_that_are_measured_apart_have_the_same_distances(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = np.random.default_rng(1).normal(0, 1, (50, 3))
    near = Gaussian.of(values, ridge=1e-6)
    whole = near.distances(values)
    assert whole.mean() == pytest.approx(3 * 49 / 50, rel=1e-4)  # D (N - 1) / N, by definition
    monkeypatch.setattr(gaussian, "ROWS", 7)
    np.testing.assert_allclose(near.distances(values), whole, rtol=1e-5)
    assert near.distances(values[:0]).shape == (0,)


def test_a_value_that_never_varies_is_measured_by_the_ridge() -> None:
    values = np.array([[0.0, 5.0], [2.0, 5.0]])
    near = Gaussian.of(values, ridge=0.25)
    assert near.distances(np.array([[1.0, 6.0]])).tolist() == [pytest.approx(4.0)]


@pytest.mark.parametrize(
    ("values", "ridge", "words"),
    [
        (np.zeros(3), 1.0, r"must be \(N, D\) with N > 1, got \(3,\)"),
        (np.zeros((1, 3)), 1.0, r"got \(1, 3\)"),
        (np.zeros((4, 3)), 0.0, "must be positive, got 0"),
        (np.zeros((4, 3)), float("nan"), "must be positive, got nan"),
    ],
)
def test_what_no_gaussian_can_be_made_of_is_said(
    values: np.ndarray, ridge: float, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Gaussian.of(values, ridge=ridge)
