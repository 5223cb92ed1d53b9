"""Figures by hand, against scikit-learn, and the interval against the truth it should cover."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from core.evaluate.metrics import (
    Metrics,
    auroc,
    average_precision,
    bootstrap_auroc,
    fpr_at_tpr,
    mean_of,
    measure,
    rank_correlation,
)

# Few levels: nearly every draw has ties, within and across the two sets.
LEVELS = st.integers(-3, 3).map(float)
ANY = st.floats(-1e6, 1e6, allow_nan=False)
SCORES = st.lists(LEVELS, min_size=1, max_size=40) | st.lists(ANY, min_size=1, max_size=40)
often = settings(max_examples=150, deadline=None, database=None, derandomize=True)


def labelled(normal: list[float], strange: list[float]) -> tuple[np.ndarray, np.ndarray]:
    return np.repeat([0, 1], [len(normal), len(strange)]), np.array(normal + strange)


# By hand ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("normal", "strange", "expected"),
    [
        ([0, 1], [2, 3], 1.0),
        ([2, 3], [0, 1], 0.0),  # below chance is not turned round
        ([1, 1], [1], 0.5),
        ([0, 1, 2], [1, 3], 0.75),  # of six pairs 4 above and one tied: 4.5 / 6
        ([5], [5, 6, 4, 4], 0.375),  # (.5 + 1 + 0 + 0) / 4
    ],
)
def test_auroc_counts_pairs_and_ties_half(normal, strange, expected) -> None:
    assert auroc(normal, strange) == expected


@pytest.mark.parametrize(
    ("normal", "strange", "expected"),
    [
        ([0, 1], [2, 3], 1.0),
        ([0, 2], [1, 3], 1 / 2 + 1 / 2 * 2 / 3),
        ([1], [1], 0.5),  # one threshold flags both
        ([3, 2], [1], 1 / 3),
        ([1, 1, 1], [1, 2], 1 / 2 + 1 / 2 * 2 / 5),
    ],
)
def test_average_precision_sums_precision_times_gain_in_recall(normal, strange, expected) -> None:
    assert average_precision(normal, strange) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("normal", "strange", "tpr", "expected"),
    [
        ([0, 1, 2, 3], [2, 5, 6, 7], 0.95, 0.5),  # all four are needed: threshold 2
        ([0, 1, 2, 3], [2, 5, 6, 7], 0.75, 0.0),  # three suffice: threshold 5
        (range(10), range(10, 30), 0.95, 0.0),
        ([0, 10, 11, 12], range(20), 0.95, 0.75),  # 19 of 20: threshold 1
        ([5], [5], 0.95, 1.0),  # a normal on the threshold is flagged
        ([44], range(100), 0.55, 0.0),  # 55: threshold 45, though .55 * 100 exceeds 55 by 7e-15
    ],
)
def test_false_positives_are_counted_where_enough_strange_are_flagged(
    normal, strange, tpr, expected
) -> None:
    assert fpr_at_tpr(list(normal), list(strange), tpr) == expected


# Against scikit-learn ---------------------------------------------------------------------------


@often
@given(SCORES, SCORES)
def test_auroc_is_scikit_learns(normal: list[float], strange: list[float]) -> None:
    y, scores = labelled(normal, strange)
    assert auroc(normal, strange) == pytest.approx(roc_auc_score(y, scores), abs=1e-12)


@often
@given(SCORES, SCORES)
def test_average_precision_is_scikit_learns(normal: list[float], strange: list[float]) -> None:
    y, scores = labelled(normal, strange)
    assert average_precision(normal, strange) == pytest.approx(
        average_precision_score(y, scores), abs=1e-12
    )


@often
@given(SCORES, SCORES, st.sampled_from([0.5, 0.55, 0.95, 1.0]))
def test_the_false_positive_rate_is_that_of_scikit_learns_curve(
    normal: list[float], strange: list[float], tpr: float
) -> None:
    y, scores = labelled(normal, strange)
    fprs, tprs, _ = roc_curve(y, scores, drop_intermediate=False)
    expected = fprs[np.argmax(tprs >= tpr - 1e-9)]
    assert fpr_at_tpr(normal, strange, tpr) == pytest.approx(expected, abs=1e-12)


@often
@given(SCORES, SCORES)
def test_turning_the_scores_round_turns_the_auroc_round(
    normal: list[float], strange: list[float]
) -> None:
    turned = auroc([-v for v in normal], [-v for v in strange])
    assert turned == pytest.approx(1 - auroc(normal, strange), abs=1e-12)


# The interval -----------------------------------------------------------------------------------


def test_the_interval_covers_the_truth_about_95_times_in_100() -> None:
    # Normal scores N(0, 1), strange N(1, 1): AUROC = Phi(1 / sqrt 2) = 0.7602.
    truth = 0.5 * (1 + math.erf(0.5))
    rng = np.random.default_rng(0)
    runs, covered = 200, 0
    for _ in range(runs):
        low, high = bootstrap_auroc(rng.normal(0, 1, 80), rng.normal(1, 1, 60), draws=150)
        covered += low <= truth <= high
    # 200 runs at 95 % have a standard error of 1.5 %; percentile intervals of few images fall a
    # little short. Half as wide would cover 67 %, twice as wide 99.99 %.
    assert 0.9 <= covered / runs <= 0.99


def test_the_interval_is_as_wide_as_theory_says() -> None:
    rng = np.random.default_rng(1)
    normal, strange = rng.normal(0, 1, 1500), rng.normal(1, 1, 1000)
    low, high = bootstrap_auroc(normal, strange)
    # Variance of the AUROC by DeLong's two terms: placements of each image among the other set.
    above = np.array([(strange > v).mean() for v in normal])
    below = np.array([(normal < v).mean() for v in strange])
    error = math.sqrt(above.var() / len(normal) + below.var() / len(strange))
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.1)  # 1,000 draws: some 4 %
    assert low < auroc(normal, strange) < high


def test_resampling_keeps_ties_half() -> None:
    # All tied: every resample has AUROC 1/2.
    assert bootstrap_auroc([1.0] * 9, [1.0] * 5) == (0.5, 0.5)


@pytest.mark.parametrize(("normal", "strange"), [(9, 1), (1, 9), (1, 1)])
def test_one_image_has_no_interval(normal: int, strange: int) -> None:
    found = measure(np.arange(float(normal)), 100.0 + np.arange(strange))
    assert found.auroc == 1
    assert not found.has_interval
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert (found.as_dict()["low"], found.as_dict()["high"]) == (None, None)
    assert measure([0.0, 1.0], [0.5, 2.0]).has_interval


def test_a_mean_has_no_interval_where_one_of_its_models_has_none() -> None:
    many, one = measure([0.0, 1.0, 2.0], [1.5, 3.0]), measure([0.0, 1.0, 2.0], [3.0])
    mean = mean_of([many, one])
    assert not mean.has_interval
    assert mean.as_dict()["high"] is None
    assert mean.auroc == (many.auroc + one.auroc) / 2
    assert mean_of([many, many]).has_interval


@pytest.mark.parametrize("strange", [1, 2])
def test_a_card_keeps_figures_with_and_without_an_interval(strange: int) -> None:
    kept = TypeAdapter(dict[str, Metrics])  # as `core.checkpoint.Card` holds them
    found = {"mine": measure(np.arange(5.0), np.arange(float(strange)))}
    text = kept.dump_json(found)
    again = kept.validate_json(text)
    assert repr(again) == repr(found)  # NaN is no equal of itself
    assert kept.dump_json(again) == text  # a card's seal is of its text
    json.loads(text, parse_constant=pytest.fail)  # JSON as the standard has it


def test_the_interval_is_the_same_every_time_and_hangs_on_its_seed() -> None:
    rng = np.random.default_rng(2)
    normal, strange = rng.normal(0, 1, 50), rng.normal(1, 1, 50)
    np.random.seed(1)
    first = bootstrap_auroc(normal, strange)
    np.random.seed(2)
    assert bootstrap_auroc(normal, strange) == first
    assert bootstrap_auroc(normal, strange, seed=1) != first


def test_measuring_gives_every_figure_of_the_same_scores() -> None:
    rng = np.random.default_rng(3)
    normal, strange = rng.normal(0, 1, 70), rng.normal(1, 1, 30)
    found = measure(normal, strange)
    assert found.as_dict() == {
        "auroc": auroc(normal, strange),
        "low": bootstrap_auroc(normal, strange)[0],
        "high": bootstrap_auroc(normal, strange)[1],
        "aupr": average_precision(normal, strange),
        "fpr95": fpr_at_tpr(normal, strange, 0.95),
        "n_normal": 70,
        "n_strange": 30,
    }


def test_rank_correlation_is_spearmans_ties_and_all() -> None:
    assert rank_correlation([1, 2, 3], [10, 20, 15]) == pytest.approx(0.5)  # 1 - 6 * 2 / (3 * 8)
    assert rank_correlation([1, 2, 3], [-1, -20, -300]) == -1
    rng = np.random.default_rng(4)
    a, b = rng.integers(0, 9, 200), rng.integers(0, 9, 200)  # full of ties
    assert rank_correlation(a, b) == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-12)


def test_ranks_of_a_constant_or_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="constant"):
        rank_correlation([1.0, 2.0], [3.0, 3.0])
    with pytest.raises(ValueError, match="one length, got 2 and 3"):
        rank_correlation([1.0, 2.0], [1.0, 2.0, 3.0])


# What is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize("figure", [auroc, average_precision, fpr_at_tpr, bootstrap_auroc, measure])
@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ([], "N > 0"),
        ([0.0, math.nan], "finite, got 1"),
        ([math.inf, -math.inf], "finite, got 2"),
        ([[1.0, 2.0]], r"\(1, 2\)"),
    ],
)
def test_scores_that_cannot_be_ranked_are_refused_and_named(figure, bad, words) -> None:
    with pytest.raises(ValueError, match=f"normal must be.*{words}"):
        figure(bad, [1.0])
    with pytest.raises(ValueError, match=f"strange must be.*{words}"):
        figure([1.0], bad)
