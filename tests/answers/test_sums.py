"""A score that adds two parts: where images lie by them, what the sum finds, and W(x) in colour."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import Tiny

from core import service
from core.answers import images, sums
from core.answers import misses as answers
from core.answers.loaded import loaded, stored_scores
from core.explain.weights import BRIGHT, DARK, weights_coloured
from core.service import (
    GROUPS,
    ImageQuery,
    MissesQuery,
    MissesShownQuery,
    OutskirtsError,
    SumPlaneQuery,
    SumPointQuery,
    SumsQuery,
    Target,
    WeightsQuery,
)

NOVELTY, GLOW = Target("tiny", "novelty"), Target("tiny", "glow")
PLANE = SumPlaneQuery(NOVELTY, "strokes", "sum", sample=20)
MISSES = MissesQuery(NOVELTY, "strokes", "sum")


# By hand ------------------------------------------------------------------------------------------


@pytest.fixture
def by_hand(novelty: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers of a few images in place of the stored ones; every part is flagged above 1.

    Familiarity counts in fives: its threshold is 1, and a fifth of it is a deviation.
    """
    table = {
        "strokes": {
            "familiarity": np.array([0.0, 0.5, 1.0, 2.0, 3.0, 0.0]),
            "novelty_input": np.array([4.0, 4.0, 0.0, 0.0, 4.0, 0.0]),
            "sum": np.array([4.0, 4.5, 1.0, 0.5, 7.0, 0.0]),
            "sum_pixels": np.array([2.0, 2.0, 2.0, 2.0, 2.0, 0.0]),
        },
        "boxes": {
            "familiarity": np.array([0.0, 2.0, 0.0, 2.0]),
            "novelty_input": np.array([0.0, 0.0, 4.0, 4.0]),
            "sum": np.array([0.0, 0.0, 3.0, 4.0]),
            "sum_pixels": np.array([0.0, 0.0, 0.0, 2.0]),
        },
    }
    scales = {"familiarity": (0.0, 0.2), "novelty_input": (1.0, 2.0), "pixels": (0.0, 1.0)}
    for module in (answers, sums, images):
        monkeypatch.setattr(module, "stored_scores", lambda target: table)
    for module in (answers, sums):
        monkeypatch.setattr(module, "threshold", lambda card, part: 1.0)
    detector = loaded(NOVELTY)[0]
    whole = {"sum": ("familiarity", "novelty_input"), "sum_pixels": ("familiarity", "pixels")}
    monkeypatch.setattr(
        detector,
        "summands",
        lambda part="score": {p: scales[p] for p in whole.get(part, ())},
    )


def test_misses_that_the_sum_finds_are_counted_as_by_hand(by_hand: None) -> None:
    found = service.ask(MISSES)
    # Strange: 0 and 1 are found by the sum alone, 3 by familiarity alone, 2 and 5 by neither.
    assert found.counts == {
        "gained": 2,
        "lost": 1,
        "missed": 2,
        "alarms-gained": 1,
        "alarms-lost": 1,
        "alarms": 1,
    }
    assert {p: (s.count, s.of) for p, s in found.missed.items()} == {
        "familiarity": (4, 6),
        "sum": (3, 6),
        "sum_pixels": (1, 6),
    }
    assert {p: (s.count, s.of) for p, s in found.alarms.items()} == {
        "familiarity": (2, 4),
        "sum": (2, 4),
        "sum_pixels": (1, 4),
    }


def test_a_group_begins_with_the_image_on_which_both_differ_most(by_hand: None) -> None:
    # Margins in deviations: of image 0 the sum's 3 less familiarity's -5, of 1 3.5 less -2.5.
    shown = {g: service.ask(MissesShownQuery(MISSES, g)).indices.tolist() for g in GROUPS}
    assert shown == {
        "gained": [0, 1],
        "lost": [3],
        "missed": [5, 2],
        "alarms-gained": [2],
        "alarms-lost": [1],
        "alarms": [3],
    }
    one = service.ask(MissesShownQuery(MISSES, "missed", count=1, page=2))
    assert (one.indices.tolist(), one.pages, one.displayed.tolist()) == ([2], 2, [1.0])
    assert set(service.ask(MissesShownQuery(MISSES, "alarms")).sets) == {"boxes"}


def test_an_image_lies_in_deviations_and_corners_are_those_of_both_thresholds(
    by_hand: None,
) -> None:
    plane = service.ask(PLANE)
    np.testing.assert_allclose(plane.x["strokes"], [0, 2.5, 5, 10, 15, 0])
    np.testing.assert_allclose(plane.y["strokes"], [1.5, 1.5, -0.5, -0.5, 1.5, -0.5])
    # 1 is 5 deviations of familiarity, and the middle of the other.
    assert (plane.threshold, plane.x_threshold, plane.y_threshold) == (1.0, 5.0, 0.0)
    counts = {q.above: q.counts for q in plane.quadrants}
    assert counts == {
        (False, True): {"boxes": 1, "strokes": 2},
        (True, True): {"boxes": 1, "strokes": 1},
        (False, False): {"boxes": 1, "strokes": 2},
        (True, False): {"boxes": 1, "strokes": 1},
    }
    extremes = {q.above: (q.pictures.sets[0], q.pictures.indices[0]) for q in plane.quadrants}
    # Upper right: box 3 and stroke 4 are both 1.5 above y's threshold at least; the first is named.
    assert extremes[True, True] == ("boxes", 3)
    assert extremes[False, True] == ("boxes", 2)
    assert all(len(q.pictures.sets) == sum(q.counts.values()) for q in plane.quadrants)


# Of a model ---------------------------------------------------------------------------------------


def test_the_sums_are_the_score_first_and_what_adds_to_the_same_part(novelty: Tiny) -> None:
    found = service.ask(SumsQuery(NOVELTY)).sums
    assert [(s.part, s.x, s.y) for s in found] == [
        ("sum", "familiarity", "novelty_input"),
        ("sum_pixels", "familiarity", "pixels"),
    ]


def test_what_is_above_the_line_is_what_the_score_flags(novelty: Tiny) -> None:
    plane = service.ask(replace(PLANE, sample=1000))
    card, stored = loaded(NOVELTY)[1], stored_scores(NOVELTY)
    assert plane.threshold == pytest.approx(card.score.threshold, rel=1e-4)
    for name in ("boxes", "strokes"):
        assert plane.indices[name].tolist() == [*range(plane.sizes[name])]
        above = plane.x[name] + plane.y[name] > plane.threshold
        assert (above != (stored[name]["sum"] > card.score.threshold)).mean() < 0.02
        left = plane.x[name] <= plane.x_threshold
        assert (left == (stored[name]["familiarity"] <= sums.threshold(card, "familiarity"))).all()


def test_a_sample_is_drawn_by_the_seed(novelty: Tiny) -> None:
    one, other = service.ask(PLANE), service.ask(replace(PLANE, seed=1))
    assert len(one.indices["boxes"]) == 20
    assert one.indices["boxes"].tolist() != other.indices["boxes"].tolist()
    assert one.quadrants[2].counts == other.quadrants[2].counts


def test_an_image_lies_where_its_stored_numbers_say_and_a_fault_moves_it(novelty: Tiny) -> None:
    image = ImageQuery(NOVELTY, "boxes", 7)
    point = service.ask(SumPointQuery(image, "sum", fault=3))
    plane = service.ask(replace(PLANE, sample=1000))
    assert point.before == pytest.approx((plane.x["boxes"][7], plane.y["boxes"][7]), abs=0.01)
    assert point.after is not None
    assert point.after != pytest.approx(point.before, abs=0.01)
    assert service.ask(SumPointQuery(image, "sum")).after is None


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (replace(PLANE, part="familiarity"), "no sum that tiny/novelty has; there are: sum, sum_"),
        (replace(MISSES, strange="boxes"), "not a strange one"),
        (replace(MISSES, strange="nope"), "nope"),
        (MissesShownQuery(MISSES, "nope"), "no group 'nope'; there are: gained"),
        (MissesShownQuery(MISSES, "lost", "nope"), "no order 'nope'; there are: clearest, random"),
        (MissesShownQuery(MISSES, "lost", count=0), "a count of one or more, got 0"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(novelty: Tiny, query, words: str) -> None:
    with pytest.raises(OutskirtsError, match=words):
        service.ask(query)


def test_a_score_that_is_no_sum_has_none_and_no_weights(tiny_scenario: Tiny) -> None:
    assert service.ask(SumsQuery(GLOW)).sums == ()
    assert service.ask(WeightsQuery(ImageQuery(GLOW, "boxes", 7))) is None
    with pytest.raises(OutskirtsError, match="no sum that tiny/glow has; there are: none"):
        service.ask(SumPlaneQuery(GLOW, "strokes", "total"))


# What the network looks for -----------------------------------------------------------------------


def test_weights_are_those_of_the_image_as_the_detector_gets_it(novelty: Tiny) -> None:
    from core.data.picture import as_tensor

    image = ImageQuery(NOVELTY, "boxes", 7)
    view, planted = (service.ask(WeightsQuery(image, fault)) for fault in (None, 3))
    assert view is not None
    assert planted is not None
    expected = loaded(NOVELTY)[0].weights(as_tensor(view.image[None]))[0].numpy()
    np.testing.assert_allclose(view.weights, expected)
    assert (planted.image != view.image).any()
    assert (planted.weights != view.weights).any()


def one_pixel(bright: float, dark: float, level: int = 128) -> list[int]:
    """The colour of a pixel of a grey picture, beside one that is as strong as 1."""
    weights = np.array([[[bright, 1.0]], [[dark, 0.0]]])
    return weights_coloured(weights, np.array([[[level], [255]]], np.uint8))[0, 0].tolist()


def test_a_grey_pixel_is_yellow_where_it_should_be_bright_and_violet_where_dark() -> None:
    assert one_pixel(1.0, 0.0) == [*BRIGHT, 255]
    assert one_pixel(0.0, 1.0) == [*DARK, 255]
    half = [round((b + d) / 2) for b, d in zip(BRIGHT, DARK, strict=True)]
    assert np.abs(np.array(one_pixel(0.5, 0.5)[:3]) - half).max() <= 1
    assert abs(one_pixel(0.3, 0.4)[3] - 128) <= 1  # 0.5 long; the strongest is 1
    assert one_pixel(1.0, -0.2) == [*BRIGHT, 255]  # against the dark is no share of it
    # Of a black pixel [x, 1 - x] is [0, 1]: weights of -1 there speak against it.
    assert one_pixel(0.5, -1.0, level=0)[3] == 0
    assert one_pixel(0.5, -1.0, level=255)[3] > 0


def test_a_coloured_pixel_has_the_colour_that_should_be_there() -> None:
    weights = np.array([3.0, 1.0, 0.0, 1.0, 3.0, 2.0]).reshape(6, 1, 1)
    found = weights_coloured(weights, np.full((1, 1, 3), 255, np.uint8))
    assert found.tolist() == [[[191, 64, 0, 255]]]
    with pytest.raises(ValueError, match="no weights of shape"):
        weights_coloured(weights, np.zeros((1, 1, 1), np.uint8))
