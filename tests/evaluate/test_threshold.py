"""One threshold for all that is shown: four ways to set it, and where each model flags by it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.evaluate.calibration import at_percentile, percentile, quantiles
from core.evaluate.threshold import KINDS, Threshold

often = settings(max_examples=150, deadline=None, database=None, derandomize=True)
PERCENTILES = st.floats(0, 100)
# Calibration scores without ties: 1,001 quantiles of them rise strictly.
APART = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).normal(size=3000))


def test_each_way_to_set_it_by_hand() -> None:
    stored = np.linspace(0.0, 10.0, 1001)  # percentile p is p / 10
    by_percentile = Threshold("percentile", 95.0)
    assert by_percentile.standing({}) == 95
    assert by_percentile.raw("glow", stored, at=95.0) == 9.5
    by_share = Threshold("alarms", 0.002)
    assert by_share.standing({}) == 99.8
    by_score = Threshold("score", 2.5, "glow")
    assert by_score.standing({"glow": stored}) == 25
    assert by_score.raw("glow", stored, at=25.0) == 2.5
    assert by_score.raw("ama", 2 * stored, at=25.0) == 5.0  # another model, the same percentile
    assert Threshold("cost", 0.0).standing({}) is None


def test_a_score_beyond_all_held_out_images_stays_what_it_is_for_its_own_model_alone() -> None:
    stored = np.linspace(0.0, 10.0, 1001)
    far = Threshold("score", 25.0, "glow")
    at = far.standing({"glow": stored})
    assert at == 100
    assert far.raw("glow", stored, at=at) == 25
    assert far.raw("ama", stored, at=at) == 10  # what is further out, quantiles do not tell


@pytest.mark.parametrize(
    ("by", "value", "words"),
    [
        ("percentile", -1.0, "percentile must be 0 to 100"),
        ("percentile", 100.1, "percentile must be 0 to 100"),
        ("alarms", 1.5, "alarms must be 0 to 1"),
        ("score", math.nan, "must be finite"),
        ("percentile", math.inf, "must be finite"),
        ("score", 1.0, "needs the model"),
        ("luck", 1.0, "by one of percentile, alarms, score, cost"),
    ],
)
def test_what_is_no_threshold_is_refused(by: str, value: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Threshold(by, value)  # type: ignore[arg-type]


def test_there_are_four_ways_to_set_it() -> None:
    assert KINDS == ("percentile", "alarms", "score", "cost")


@pytest.mark.slow
@given(APART, st.integers(0, 1000))
@often
def test_a_percentile_and_the_share_of_alarms_that_it_leaves_flag_alike(
    scores: np.ndarray, step: int
) -> None:
    stored = quantiles(scores)
    by_percentile = Threshold("percentile", step / 10)
    by_share = Threshold("alarms", 1 - step / 1000)
    ends = [t.raw("glow", stored, at=t.standing({}) or 0.0) for t in (by_percentile, by_share)]
    assert ends[0] == ends[1]
    # And so many of the held-out images themselves are flagged, but for the one at the edge.
    assert (scores > ends[0]).mean() == pytest.approx(1 - step / 1000, abs=1.01 / len(scores))


@pytest.mark.slow
@given(APART, PERCENTILES)
@often
def test_at_a_percentile_stands_what_has_that_percentile_where_no_images_are_alike(
    scores: np.ndarray, p: float
) -> None:
    stored = quantiles(scores)
    assert percentile(at_percentile(np.array([p]), stored), stored)[0] == pytest.approx(p, abs=1e-5)


@given(st.lists(st.integers(0, 5).map(float), min_size=1, max_size=50), PERCENTILES, PERCENTILES)
@often
def test_at_a_higher_percentile_stands_no_lower_score_ties_or_not(
    scores: list[float], p: float, q: float
) -> None:
    stored = quantiles(np.array(scores))
    low, high = at_percentile(np.array(sorted((p, q))), stored)
    assert min(scores) <= low <= high <= max(scores)


def test_every_tenth_of_a_percentile_is_a_stored_quantile_to_the_last_bit() -> None:
    stored = quantiles(np.random.default_rng(0).normal(size=5000))
    tenths = np.array([round(i / 10, 1) for i in range(1001)])
    assert np.array_equal(at_percentile(tenths, stored), stored)
