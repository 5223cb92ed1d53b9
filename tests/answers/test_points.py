"""Maps as files for a browser: what they hold is what the map says, to the step of a column."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import Tiny
from hypothesis import given
from hypothesis import strategies as st

from core import service
from core.answers import points
from core.errors import OutskirtsError
from core.service import ColumnQuery, LatentQuery, PointsQuery, Target

TARGET = Target("tiny", "glow")
TYPES = ("uint8", "uint16", "uint32", "float32")


@pytest.mark.slow
@given(st.lists(st.sampled_from(TYPES), min_size=1, max_size=5), st.integers(1, 17))
def test_columns_come_out_of_a_file_as_they_went_in(types: list[str], size: int) -> None:
    rng = np.random.default_rng(size)
    columns = {f"c{i}": rng.integers(0, 200, size).astype(kind) for i, kind in enumerate(types)}
    about, found = points.unpack(points.pack(columns, {"title": "Ünïcode"}))
    assert about["title"] == "Ünïcode"
    assert list(found) == list(columns)
    for name, values in columns.items():
        assert found[name].dtype == values.dtype
        assert np.array_equal(found[name], values)


def test_the_same_columns_are_the_same_file() -> None:
    columns = {"x": np.arange(3, dtype=np.uint16)}
    assert points.pack(columns, {}) == points.pack(columns, {})
    other = {"x": np.array([0, 1, 3], np.uint16)}
    assert points.pack(columns, {}) != points.pack(other, {})


def test_a_file_of_points_says_what_the_map_says(tiny_scenario: Tiny) -> None:
    view = service.ask(LatentQuery(TARGET))
    about, found = points.unpack(service.ask(PointsQuery(TARGET)).data)
    low, high = np.array(about["low"]), np.array(about["high"])
    places = low + np.stack([found["x"], found["y"]], 1) / 65535 * (high - low)
    np.testing.assert_allclose(places, view.xy, atol=float((high - low).max()) / 65535)
    assert [about["sets"][i] for i in found["set"]] == [view.sets[i] for i in view.which]
    assert found["index"].tolist() == view.indices.tolist()
    names = [*about["classes"], ""]
    assert [names[i] for i in found["class"]] == view.labels.tolist()
    np.testing.assert_array_equal(found["score"], view.parts[view.score].astype(np.float32))
    np.testing.assert_allclose(
        found["percentile"] / 100, view.percentiles[view.score], atol=0.00501
    )
    np.testing.assert_allclose(found["trust"] / 10_000, view.local, atol=0.0000501)
    assert about["scored"] == [view.titles[view.score], view.units[view.score]]


def test_a_verdict_says_of_each_image_what_it_is_and_whether_it_was_flagged(
    tiny_scenario: Tiny,
) -> None:
    view = service.ask(LatentQuery(TARGET))
    expected = {
        ("normal", False): 0,
        ("normal", True): 1,
        ("strange", True): 2,
        ("strange", False): 3,
    }
    by_hand = [expected[r, bool(f)] for r, f in zip(view.role, view.flagged, strict=True)]
    assert view.verdict.tolist() == by_hand
    _, found = points.unpack(service.ask(PointsQuery(TARGET)).data)
    assert found["verdict"].tolist() == by_hand


def test_a_score_lies_between_the_edges_of_its_bin_and_what_is_far_away_in_an_outer_one() -> None:
    rng = np.random.default_rng(0)
    normal, strange = rng.normal(0, 1, 1000), rng.normal(1000, 1, 200)
    values = np.concatenate([normal, strange])
    bins, edges = points.score_bins(values, np.arange(1200) < 1000)
    assert len(edges) == points.BINS + 1
    for value, bin_ in zip(values, bins, strict=True):
        assert bin_ == 0 or value >= edges[bin_]
        assert bin_ == points.BINS - 1 or value < edges[bin_ + 1]
    assert (bins[1000:] == points.BINS - 1).all()
    # To scale, all normal ones would lie in the first bin.
    assert len(set(bins[:1000].tolist())) >= 4
    assert edges[-1] < 40


@pytest.mark.parametrize("values", [np.zeros(5), np.array([2.0])])
def test_scores_that_are_all_the_same_have_bins_too(values: np.ndarray) -> None:
    bins, edges = points.score_bins(values, np.ones(len(values), bool))
    assert (np.diff(edges) > 0).all()
    assert (bins < points.BINS).all()


@pytest.mark.parametrize("what", ["percentile", "trust", "total"])
def test_a_column_holds_a_number_of_every_point_and_the_middle_of_all(
    tiny_scenario: Tiny, what: str
) -> None:
    view = service.ask(LatentQuery(TARGET))
    expected = {"percentile": view.percentiles[view.score], "trust": view.local}.get(what)
    if expected is None:
        expected = view.parts[what]
    found = service.ask(ColumnQuery(TARGET, view.layout, what))
    _, columns = points.unpack(found.data)
    np.testing.assert_array_equal(columns["value"], expected.astype(np.float32))
    assert (found.low, found.high) == pytest.approx(np.quantile(expected, (0.01, 0.99)))
    assert found.unit == (view.units[what] if what in view.parts else "")


def test_a_number_that_a_map_does_not_have_is_said(tiny_scenario: Tiny) -> None:
    with pytest.raises(OutskirtsError, match="tiny/glow has no number 'nope'; it has: percentile"):
        service.ask(ColumnQuery(TARGET, "pca", "nope"))
    with pytest.raises(OutskirtsError, match="no layout 'nope'"):
        service.ask(PointsQuery(TARGET, "nope"))


@given(st.integers(0, 300), st.integers(0, 9999))
def test_an_order_of_the_seeds_holds_every_row_once(size: int, seed: int) -> None:
    found = points.shuffled(size, seed)
    assert sorted(found.tolist()) == list(range(size))
    assert found.tolist() == points.shuffled(size, seed).tolist()


def test_seeds_draw_evenly_and_differently() -> None:
    firsts = np.array([points.shuffled(50, seed)[0] for seed in range(1000)])
    assert len(set(firsts.tolist())) > 40
    assert 18 < firsts.mean() < 31
