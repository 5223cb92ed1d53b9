"""Intervals of means: images resampled once for all scores, ties half, every label its own."""

from __future__ import annotations

import numpy as np
import pytest

from core.evaluate.bootstrap import Areas, interval, resamples
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
