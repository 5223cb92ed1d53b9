"""Percentiles among held-out normals, from stored quantiles."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import percentileofscore

from core.evaluate.calibration import foreign, outside, percentile, quantiles


def test_quantiles_of_a_hundred_and_one_numbers_by_hand() -> None:
    stored = quantiles(np.arange(101.0)[::-1])
    assert stored.shape == (1001,)
    assert stored[[0, 10, 500, 1000]].tolist() == [0, 1, 50, 100]
    assert (np.diff(stored) >= 0).all()


def test_below_all_is_0_above_all_is_100_and_the_median_is_50() -> None:
    stored = quantiles(np.arange(1001.0))
    assert percentile(np.array([-1.0, 500.0, 1001.0]), stored).tolist() == [0, 50, 100]


def test_between_two_quantiles_the_percentile_is_interpolated() -> None:
    stored = quantiles(np.arange(1001.0))
    assert percentile(np.array([100.0, 100.25, 101.0]), stored).tolist() == [10, 10.025, 10.1]


def test_a_tied_value_stands_in_the_middle_of_its_run() -> None:
    # A fifth of the normals score 0, three fifths 1, a fifth 2.
    stored = quantiles(np.repeat([0.0, 1.0, 2.0], [200, 600, 200]))
    found = percentile(np.array([-1.0, 0.0, 1.0, 2.0, 3.0]), stored)
    # The runs' borders lie between two of the 1,001 quantiles: off by at most one of them.
    np.testing.assert_allclose(found, [0, 10, 50, 90, 100], atol=0.1)


def test_normals_that_all_score_the_same_stand_at_50() -> None:
    assert percentile(np.array([6.0, 7.0, 8.0]), quantiles(np.full(50, 7.0))).tolist() == [
        0,
        50,
        100,
    ]


@pytest.mark.parametrize("levels", [None, 40])
def test_percentiles_are_the_mid_ranks_among_all_values(levels: int | None) -> None:
    rng = np.random.default_rng(0)
    values = (
        rng.normal(size=5000) if levels is None else rng.integers(0, levels, 5000).astype(float)
    )
    asked = np.concatenate([values[:200], rng.normal(size=50) if levels is None else []])
    expected = percentileofscore(values, asked, kind="mean")
    # 1,001 quantiles of 5,000 values: two borders, each off by at most a quantile, 0.1 %.
    np.testing.assert_allclose(percentile(asked, quantiles(values)), expected, atol=0.11)


def test_percentiles_rise_with_the_value() -> None:
    rng = np.random.default_rng(1)
    stored = quantiles(np.concatenate([rng.normal(size=300), np.zeros(100)]))
    found = percentile(np.linspace(-4, 4, 2001), stored)
    assert (np.diff(found) >= 0).all()
    assert found[0] == 0
    assert found[-1] == 100


def test_outside_is_the_outermost_thousandth_at_either_end_and_not_its_edge() -> None:
    stored = quantiles(np.arange(1001.0))
    values = np.array([-9.0, 0.5, 1.0, 500.0, 999.0, 999.5, 2000.0])
    found = outside(percentile(values, stored))
    assert found.tolist() == [True, True, False, False, False, True, True]


def test_a_value_that_many_calibration_images_share_is_not_outside_though_none_is_lower() -> None:
    stored = quantiles(np.repeat([0.0, 1.0], [10, 990]))  # one in a hundred
    assert outside(percentile(np.array([0.0, -0.1]), stored)).tolist() == [False, True]


def test_an_image_is_foreign_where_more_than_half_of_its_parts_are_outside_on_any_side() -> None:
    parts = {"a": [0, 0, 0, 50], "b": [100, 100, 50, 50], "c": [50, 0, 50, 50], "d": [50] * 4}
    standing = {name: np.array(values, float) for name, values in parts.items()}
    assert foreign(standing, images=1000).tolist() == [False, True, False, False]
    del standing["d"]
    assert foreign(standing, images=1000).tolist() == [True, True, False, False]
    with pytest.raises(ValueError, match="without parts"):
        foreign({}, images=1000)


def test_a_single_part_that_is_outside_makes_an_image_strange_and_not_foreign() -> None:
    assert foreign({"distance": np.array([100.0, 0.0, 50.0])}, images=1000).tolist() == [False] * 3
    both = {"a": np.array([100.0, 0.0, 50.0]), "b": np.array([100.0, 50.0, 50.0])}
    assert foreign(both, images=1000).tolist() == [True, False, False]
