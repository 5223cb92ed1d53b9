"""The study of true pixels: counts say what the maps say, and images are weighed whole."""

from __future__ import annotations

import numpy as np
import pytest

from core.evaluate.pixels import measure_pixels
from core.results import read_study
from core.studies import study
from core.studies._base import plan_of
from core.studies.pixels import BINS, FIGURES, Truth, counts_of, figure_of


def drawn(levels: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    masks = np.zeros((9, 40, 40), bool)
    for i in range(6):
        y, x = rng.integers(0, 30, 2)
        masks[i, y : y + 4, x : x + 7] = masks[i, :2, :3] = True
    maps = rng.normal(size=masks.shape) + 2 * masks
    if levels is not None:
        maps = np.round(maps * levels) / levels
    return maps, masks, np.array([0, 0, 0, 1, 1, 1, -1, -1, -1])


@pytest.mark.parametrize("levels", [None, 3])
@pytest.mark.parametrize("kind", [None, 0, 1])
def test_figures_of_counts_are_those_of_the_maps(levels, kind) -> None:
    maps, masks, kinds = drawn(levels)
    counts = counts_of(maps, masks)
    assert counts.shape == (9, 3, BINS)
    used = np.ones(9, bool) if kind is None else (kinds == kind) | (kinds == -1)
    exact = measure_pixels(maps[used], masks[used])
    for name in FIGURES:
        found = figure_of(name, kind, counts, kinds)(np.ones(9))
        assert found == pytest.approx(getattr(exact, name), abs=4 / BINS)


def test_an_image_that_is_drawn_twice_counts_twice() -> None:
    maps, masks, kinds = drawn()
    counts, weights = counts_of(maps, masks), np.array([2, 0, 1, 1, 1, 1, 3, 1, 0])
    rows = np.repeat(np.arange(9), weights)
    exact = measure_pixels(maps[rows], masks[rows])
    for name in FIGURES:
        found = figure_of(name, None, counts, kinds)(weights)
        assert found == pytest.approx(getattr(exact, name), abs=4 / BINS)


def test_it_is_a_study_of_the_registry() -> None:
    assert isinstance(study("pixels"), Truth)


def test_the_stored_table_is_of_the_models_that_ship() -> None:
    assert read_study("pixels").plan == plan_of(Truth())
