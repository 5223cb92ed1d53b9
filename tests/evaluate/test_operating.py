"""What a threshold does: by hand, against scikit-learn, and intervals against what they cover."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    f1_score,
    precision_recall_curve,
    precision_score,
    recall_score,
    roc_curve,
)

from core.evaluate.operating import (
    Estimates,
    Rates,
    Sweep,
    least_cost,
    rates,
    ratio_limits,
    sweep,
)

LEVELS = st.integers(-3, 3).map(float)  # nearly every draw has ties, within and across the sets
ANY = st.floats(-1e6, 1e6, allow_nan=False)
SCORES = st.lists(LEVELS, min_size=1, max_size=30) | st.lists(ANY, min_size=1, max_size=30)
PREVALENCES = st.floats(0.001, 0.999)
COSTS = st.floats(0, 100)
often = settings(max_examples=150, deadline=None, database=None, derandomize=True)
FIGURES = ("recall", "false_alarm_rate", "precision", "f1", "cost")


def at_even_stakes(counts: Sweep, prevalence: float = 0.01) -> Rates:
    return rates(counts, prevalence=prevalence, miss_cost=1.0, alarm_cost=1.0)


def one(*, hits: int, alarms: int, of: int = 100) -> Sweep:
    """One threshold, and as many normal as strange images."""
    return Sweep(np.array([0.0]), np.array([alarms]), np.array([hits]), of, of)


# By hand ------------------------------------------------------------------------------------------


def test_a_score_that_equals_the_threshold_is_not_flagged() -> None:
    counts = sweep(np.array([1.0, 2.0, 2.0, 5.0]), np.array([2.0, 3.0]))
    assert counts.thresholds.tolist() == [-math.inf, 1, 2, 3, 5]
    assert counts.alarms.tolist() == [4, 3, 1, 1, 0]
    assert counts.hits.tolist() == [2, 2, 1, 0, 0]
    assert (counts.n_normal, counts.n_strange) == (4, 2)


def test_thresholds_of_ones_own_are_counted_as_they_are() -> None:
    counts = sweep([0.0, 1.0, 2.0], [2.0, 3.0], at=np.array([-1.0, 0.5, 2.0, 9.0]))
    assert counts.alarms.tolist() == [3, 2, 0, 0]
    assert counts.hits.tolist() == [2, 2, 1, 0]


def test_precision_and_f1_are_those_of_a_world_with_so_many_strange_images() -> None:
    # Of 10,000 images 100 are strange: 90 are found, and 495 of the 9,900 normal ones flagged.
    found = at_even_stakes(one(hits=90, alarms=5), prevalence=0.01)
    assert found.precision.value[0] == pytest.approx(90 / (90 + 495))
    assert found.f1.value[0] == pytest.approx(2 * 90 / (2 * 90 + 495 + 10))
    # Where every second image is strange, as in the test set: 90 and 5 of 100 each.
    found = at_even_stakes(one(hits=90, alarms=5), prevalence=0.5)
    assert found.precision.value[0] == pytest.approx(90 / 95)
    assert found.f1.value[0] == pytest.approx(2 * 90 / (2 * 90 + 5 + 10))


def test_the_cost_of_an_image_is_that_of_its_misses_and_its_false_alarms() -> None:
    # Of 1,000 images 20 are strange: 2 are missed at 50 each, 49 false alarms cost 3 each.
    counts = one(hits=90, alarms=5)
    found = rates(counts, prevalence=0.02, miss_cost=50.0, alarm_cost=3.0)
    assert found.cost.value[0] == pytest.approx((2 * 50 + 49 * 3) / 1000)


def test_what_flags_nothing_has_no_precision_and_what_hits_nothing_an_f1_of_zero() -> None:
    nothing = at_even_stakes(one(hits=0, alarms=0))
    precision = nothing.precision.at(0)
    assert np.isnan([precision.value, precision.low, precision.high]).all()
    assert nothing.f1.at(0).value == nothing.f1.at(0).low == 0 < nothing.f1.at(0).high < 1
    only_alarms = at_even_stakes(one(hits=0, alarms=5))
    assert only_alarms.precision.at(0).value == only_alarms.precision.at(0).low == 0
    assert 0 < only_alarms.precision.at(0).high < 0.5


@pytest.mark.parametrize(
    ("miss", "alarm", "prevalence", "threshold"),
    [
        (1.0, 1.0, 0.5, 1.0),  # at 1: one alarm of four, no miss: 1/8; at 4: half missed
        (1.0, 9.0, 0.5, 4.0),  # half the strange missed costs .25, one alarm 9/8
        (9.0, 1.0, 0.1, 1.0),
        (1.0, 1.0, 0.1, 4.0),  # 0.05 of misses against .9 / 4 of alarms
        (0.0, 1.0, 0.5, 4.0),  # no false alarm is cheapest, and most hits of those
        (1.0, 0.0, 0.5, 1.0),  # no miss is cheapest, and fewest alarms of those
    ],
)
def test_the_cheapest_threshold_by_hand(
    miss: float, alarm: float, prevalence: float, threshold: float
) -> None:
    counts = sweep([0.0, 1.0, 1.0, 4.0], [2.0, 5.0])
    row = least_cost(counts, prevalence=prevalence, miss_cost=miss, alarm_cost=alarm)
    assert counts.thresholds[row] == threshold


@pytest.mark.parametrize(
    ("prevalence", "miss", "alarm", "n_normal", "n_strange"),
    [
        (0.5, 3.0, 1.0, 200, 20),
        (0.01, 99.0, 1.0, 300, 30),
        (0.1, 6.3, 0.7, 210, 70),
        (0.3, 0.7, 0.1, 330, 11),
    ],
)
def test_of_thresholds_that_cost_the_same_in_fractions_that_of_fewest_false_alarms_is_taken(
    prevalence: float, miss: float, alarm: float, n_normal: int, n_strange: int
) -> None:
    """Sums that are equal in fractions differ in their last digit as they are computed."""
    p, m, a = (Fraction(str(v)) for v in (prevalence, miss, alarm))
    step = p * m / n_strange / ((1 - p) * a / n_normal)  # false alarms that cost as much as a miss
    assert step.denominator == 1
    most = int(min(n_strange, n_normal // step))
    missed = np.arange(most + 1)
    alarms = int(step) * (most - missed)
    for first in range(most):  # any of them may be the one whose sum is least
        rows = slice(first, None)
        counts = Sweep(
            missed[rows].astype(float), alarms[rows], n_strange - missed[rows], n_normal, n_strange
        )
        found = least_cost(counts, prevalence=prevalence, miss_cost=miss, alarm_cost=alarm)
        assert counts.alarms[found] == 0


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -0.1, 1.5, math.nan])
def test_a_prevalence_at_which_nothing_is_to_be_decided_is_refused(prevalence: float) -> None:
    with pytest.raises(ValueError, match="prevalence must be above 0 and below 1"):
        at_even_stakes(one(hits=1, alarms=1), prevalence=prevalence)


@pytest.mark.parametrize("costs", [(-1.0, 1.0), (1.0, math.inf), (math.nan, 1.0), (0.0, 0.0)])
def test_costs_of_which_no_expectation_is_formed_are_refused(costs: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="costs must be 0 or more and not both 0"):
        least_cost(one(hits=1, alarms=1), prevalence=0.5, miss_cost=costs[0], alarm_cost=costs[1])


@pytest.mark.parametrize("bad", [[math.nan], [math.inf], []])
def test_scores_that_are_no_numbers_are_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="normal must be"):
        sweep(np.array(bad), np.array([1.0]))


# Against scikit-learn -----------------------------------------------------------------------------


def labelled(normal: list[float], strange: list[float]) -> tuple[np.ndarray, np.ndarray]:
    return np.repeat([0, 1], [len(normal), len(strange)]), np.array(normal + strange)


@given(SCORES, SCORES)
@often
def test_the_roc_curve_is_scikit_learns(normal: list[float], strange: list[float]) -> None:
    # Theirs flags what is at a threshold, ours what is above the one before: the same partitions.
    false, true, thresholds = roc_curve(*labelled(normal, strange), drop_intermediate=False)
    counts = sweep(normal, strange)
    np.testing.assert_allclose(counts.alarms[::-1] / len(normal), false)
    np.testing.assert_allclose(counts.hits[::-1] / len(strange), true)
    assert counts.thresholds[:0:-1].tolist() == thresholds[1:].tolist()


@given(SCORES, SCORES)
@often
def test_precision_and_recall_are_scikit_learns(normal: list[float], strange: list[float]) -> None:
    precision, recall, thresholds = precision_recall_curve(*labelled(normal, strange))
    counts = sweep(normal, strange)
    prevalence = len(strange) / (len(normal) + len(strange))
    found = at_even_stakes(counts, prevalence=prevalence)
    rows = slice(0, len(thresholds))  # after them they add a point where nothing is flagged
    np.testing.assert_allclose(found.precision.value[:-1], precision[rows])
    np.testing.assert_allclose(found.recall.value[:-1], recall[rows])
    assert math.isnan(found.precision.value[-1])


@pytest.mark.slow
@given(SCORES, SCORES, st.integers(0, 29))
@often
def test_f1_at_the_test_sets_own_prevalence_is_scikit_learns(
    normal: list[float], strange: list[float], i: int
) -> None:
    labels, scores = labelled(normal, strange)
    at = scores[i % len(scores)]
    found = at_even_stakes(sweep(normal, strange, at=np.array([at])), float(labels.mean()))
    flags = (scores > at).astype(int)
    for value, theirs in (
        (found.f1.value[0], f1_score(labels, flags, zero_division=0)),
        (found.recall.value[0], recall_score(labels, flags)),
        (found.precision.value[0], precision_score(labels, flags, zero_division=np.nan)),
    ):
        np.testing.assert_allclose(value, theirs)


# Laws ---------------------------------------------------------------------------------------------


@given(SCORES, SCORES, PREVALENCES)
@often
def test_a_higher_threshold_flags_no_more_and_figures_lie_within_their_intervals(
    normal: list[float], strange: list[float], prevalence: float
) -> None:
    counts = sweep(normal, strange)
    assert (np.diff(counts.alarms) <= 0).all()
    assert (np.diff(counts.hits) <= 0).all()
    assert (counts.alarms[0], counts.hits[0]) == (len(normal), len(strange))
    assert (counts.alarms[-1], counts.hits[-1]) == (0, 0)
    found = at_even_stakes(counts, prevalence)
    for name in FIGURES:
        figure: Estimates = getattr(found, name)
        defined = np.isfinite(figure.value)
        assert defined.all() or name == "precision"
        value, low, high = (v[defined] for v in (figure.value, figure.low, figure.high))
        assert (low <= value + 1e-12).all()
        assert (value <= high + 1e-12).all()
        assert (low >= 0).all()
        assert (high > low).all()  # at none and at all of the images, too
        assert name == "cost" or (high <= 1).all()


@given(SCORES, SCORES, PREVALENCES, COSTS, COSTS)
@often
def test_no_threshold_is_cheaper_than_the_cheapest(
    normal: list[float], strange: list[float], prevalence: float, miss: float, alarm: float
) -> None:
    stakes = {"prevalence": prevalence, "miss_cost": miss + 0.01, "alarm_cost": alarm}
    counts = sweep(normal, strange)
    cost = rates(counts, **stakes).cost.value
    assert cost[least_cost(counts, **stakes)] <= cost.min() + 1e-12


def test_more_strange_images_make_what_is_flagged_more_likely_strange() -> None:
    counts = one(hits=60, alarms=30)
    precisions = [at_even_stakes(counts, p).precision.at(0) for p in (0.001, 0.01, 0.1, 0.5, 0.9)]
    for name in ("value", "low", "high"):
        values = [getattr(p, name) for p in precisions]
        assert values == sorted(values)
        assert len(set(values)) == 5


RATES = st.floats(0.001, 0.999)


@given(RATES, RATES, st.integers(1, 500), st.integers(1, 500))
@often
def test_the_ends_of_a_ratio_solve_the_equations_that_define_them(
    a: float, b: float, n: int, m: int
) -> None:
    half_a, half_b = min(a, 1 - a) / (1 + 9 / n), min(b, 1 - b) / (1 + 9 / m)
    top = Estimates(*(np.array([v]) for v in (a, a - half_a, a + half_a)))
    bottom = Estimates(*(np.array([v]) for v in (b, b - half_b, b + half_b)))
    low, high = (float(end[0]) for end in ratio_limits(top, bottom))
    assert low <= a / b <= high
    for r in (low, high):  # both distances are the same on either side here
        assert (a - r * b) ** 2 == pytest.approx(half_a**2 + (r * half_b) ** 2, rel=1e-6)


# What intervals cover -----------------------------------------------------------------------------

DRAWS = 4000


@pytest.mark.parametrize(
    ("n_strange", "n_normal", "recall", "alarms", "prevalence"),
    [
        (20, 20, 0.8, 0.2, 0.1),
        (10, 10, 0.5, 0.5, 0.5),
        (30, 1000, 0.9, 0.05, 0.01),
        (1000, 30, 0.9, 0.05, 0.01),
        (10_000, 10_000, 0.9, 0.05, 0.01),
        (10_000, 10_000, 0.9, 0.0003, 0.01),
        (200, 200, 1.0, 0.05, 0.01),
        (200, 200, 0.7, 0.0, 0.01),
        (200, 200, 1.0, 0.0, 0.01),
    ],
)
def test_intervals_cover_the_truth_about_95_times_in_100_with_few_images_and_at_the_ends(
    n_strange: int, n_normal: int, recall: float, alarms: float, prevalence: float
) -> None:
    rng = np.random.default_rng(0)
    counts = Sweep(
        np.zeros(DRAWS),
        rng.binomial(n_normal, alarms, DRAWS),
        rng.binomial(n_strange, recall, DRAWS),
        n_normal,
        n_strange,
    )
    found = rates(counts, prevalence=prevalence, miss_cost=20.0, alarm_cost=1.0)
    p, hit = prevalence, prevalence * recall
    truth = {
        "recall": recall,
        "false_alarm_rate": alarms,
        "precision": hit / (hit + (1 - p) * alarms),
        "f1": 2 * hit / (hit + p + (1 - p) * alarms),
        "cost": 20 * p * (1 - recall) + (1 - p) * alarms,
    }
    for name, value in truth.items():
        figure: Estimates = getattr(found, name)
        defined = np.isfinite(figure.value)
        covered = (figure.low <= value + 1e-12) & (value - 1e-12 <= figure.high)
        # Of whole counts no interval covers exactly 95 %; measured over these cases: .92 to 1.
        assert covered[defined].mean() > 0.92, name
        assert (figure.high - figure.low)[defined].min() > 0, name


def test_intervals_are_no_wider_than_they_need_be_with_many_images() -> None:
    rng = np.random.default_rng(1)
    counts = Sweep(
        np.zeros(DRAWS), rng.binomial(5000, 0.1, DRAWS), rng.binomial(5000, 0.8, DRAWS), 5000, 5000
    )
    found = at_even_stakes(counts, prevalence=0.05)
    truth = {"precision": 0.04 / (0.04 + 0.095), "f1": 0.08 / (0.04 + 0.05 + 0.095)}
    for name, value in truth.items():
        figure: Estimates = getattr(found, name)
        covered = ((figure.low <= value) & (value <= figure.high)).mean()
        assert 0.935 < covered < 0.965, name  # four standard errors of 4,000 draws
