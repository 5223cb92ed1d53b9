"""Intervals of means: images resampled once for all scores, ties half, every label its own."""

from __future__ import annotations

import numpy as np
import pytest

from core.evaluate.bootstrap import Areas, difference, interval, resamples
from core.evaluate.metrics import auroc, bootstrap_auroc


def test_an_area_is_that_of_the_resampled_images_ties_half() -> None:
    rng = np.random.default_rng(0)
    scores, labels = rng.integers(0, 8, 60).astype(float), rng.integers(0, 3, 60)
    area = Areas(scores, labels == 1)
    assert area(np.ones(60)) == pytest.approx(auroc(scores[labels == 1], scores[labels != 1]))
    for counts in resamples(labels, draws=5, seed=0):
        s, y = np.repeat(scores, counts), np.repeat(labels, counts)
        assert area(counts) == pytest.approx(auroc(s[y == 1], s[y != 1]))
        assert np.bincount(y).tolist() == np.bincount(labels).tolist()
        assert counts.max() > 1


def test_the_interval_is_that_of_a_bootstrap_of_one_score() -> None:
    rng = np.random.default_rng(1)
    normal, strange = rng.normal(0, 1, 300), rng.normal(1, 1, 300)
    area = Areas(np.concatenate([normal, strange]), np.arange(600) < 300)
    labels = np.repeat([0, 1], 300)
    found = interval(np.array([area(c) for c in resamples(labels, draws=1000, seed=0)]))
    # Other draws: the ends of an interval of width .07 wander by a tenth of it.
    np.testing.assert_allclose(found, bootstrap_auroc(normal, strange), atol=0.006)


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="1 scores are not finite"):
        Areas(np.array([0.0, np.nan]), np.array([True, False]))


# Two scores of the same images --------------------------------------------------------------------


def slow_difference(a: np.ndarray, b: np.ndarray, *, normal: np.ndarray, draws: int) -> np.ndarray:
    """The paired bootstrap in its plainest form: images drawn again, both scores measured anew."""
    rng = np.random.default_rng(5)
    rows, gaps = (np.flatnonzero(normal), np.flatnonzero(~normal)), []
    for _ in range(draws):
        n, s = (rng.choice(r, len(r)) for r in rows)
        gaps.append(auroc(a[n], a[s]) - auroc(b[n], b[s]))
    return np.array(gaps)


def two_scores(n: int, *, shared: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    normal = np.arange(2 * n) < n
    common = shared * rng.normal(size=2 * n)
    a = common + rng.normal(size=2 * n) + 1.5 * ~normal
    b = common + rng.normal(size=2 * n) + 1.0 * ~normal
    return a.round(1), b.round(1), normal  # with ties


def test_the_paired_interval_is_that_of_a_plain_paired_bootstrap() -> None:
    a, b, normal = two_scores(200, shared=1.0)
    gap, low, high = difference(a, b, normal=normal)
    assert gap == pytest.approx(auroc(a[normal], a[~normal]) - auroc(b[normal], b[~normal]))
    plain = interval(slow_difference(a, b, normal=normal, draws=1000))
    # Other draws: the ends of an interval of width .1 wander by a tenth of it.
    np.testing.assert_allclose((low, high), plain, atol=0.01)
    assert low < gap < high


def test_what_is_hard_for_both_cancels() -> None:
    """Resampled apart, as if of different images, the interval would be wider by half."""
    a, b, normal = two_scores(200, shared=2.0)
    _, low, high = difference(a, b, normal=normal)
    own = [bootstrap_auroc(s[normal], s[~normal]) for s in (a, b)]
    apart = np.hypot(*(h - lower for lower, h in own))
    assert high - low < 0.75 * apart


def test_a_score_differs_from_itself_by_nothing_and_the_other_way_round_by_as_much_less() -> None:
    a, b, normal = two_scores(50, shared=1.0)
    assert difference(a, a, normal=normal) == (0, 0, 0)
    gap, low, high = difference(a, b, normal=normal)
    np.testing.assert_allclose(difference(b, a, normal=normal), (-gap, -high, -low))


def test_one_image_says_nothing_of_how_images_differ() -> None:
    scores = np.array([0.0, 1.0, 2.0])
    gap, low, high = difference(scores, -scores, normal=np.array([True, True, False]))
    assert gap == 1
    assert np.isnan([low, high]).all()
