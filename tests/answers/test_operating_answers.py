"""A threshold on stored scores: all those of a model, verdicts of many, images of a cell."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from conftest import Tiny

from core import service
from core.answers import columns
from core.answers.loaded import loaded, stored_scores
from core.evaluate.calibration import percentile
from core.scenario import load_scenario
from core.service import (
    CELLS,
    CellQuery,
    Operating,
    OperatingQuery,
    OutskirtsError,
    Target,
    Threshold,
    VerdictsQuery,
    own_scores,
)

A = ([1.0, 2.0, 5.0, 5.0, 8.0, 9.5], [4.0, 5.0, 9.0, 9.7, 20.0])
B = ([3.0, 3.0, 3.0, 3.0, 3.0, 9.0], [9.5, 9.5, 2.0, 9.0, 9.6])
FIFTY = Threshold("percentile", 50.0)
By = Callable[..., None]


def operating(**stakes: float) -> Operating:
    return service.ask(OperatingQuery("tiny", "strokes", "a", **stakes))


def counts_of(threshold: Threshold, *models: str, **stakes: float) -> dict[str, tuple[int, ...]]:
    asked = VerdictsQuery("tiny", "strokes", models or ("a", "b"), threshold, **stakes)
    found = service.ask(asked).models
    return {v.name: (v.hits, v.misses, v.alarms, v.passed) for v in found}


# Verdicts -----------------------------------------------------------------------------------------


def test_a_percentile_is_one_threshold_for_all_models_and_equal_scores_are_passed(
    scored: By,
) -> None:
    scored(a=A, b=B)
    found = service.ask(VerdictsQuery("tiny", "strokes", ("a", "b"), FIFTY))
    a = found.of("a")
    assert (a.raw, a.displayed, a.percentile) == (5, 51, 50)
    assert (a.hits, a.misses, a.alarms, a.passed) == (3, 2, 2, 4)  # three scores of 5 are passed
    assert a.recall.value == 3 / 5
    assert a.false_alarm_rate.value == 2 / 6
    assert a.precision.value == pytest.approx(0.01 * 0.6 / (0.01 * 0.6 + 0.99 / 3))
    assert found.standing == 50
    assert [v.name for v in found.models] == ["a", "b"]
    with pytest.raises(OutskirtsError, match="no verdict of 'c'"):
        found.of("c")


def test_a_share_of_alarms_is_the_percentile_that_it_leaves(scored: By) -> None:
    scored(a=A, b=B)
    assert counts_of(Threshold("alarms", 0.5)) == counts_of(FIFTY)
    assert counts_of(Threshold("alarms", 0.05)) == {"a": (2, 3, 0, 6), "b": (1, 4, 0, 6)}


def test_a_score_is_one_models_and_the_others_stand_at_its_percentile(
    scored: By,
) -> None:
    scored(a=A, b=B)
    assert counts_of(Threshold("score", 9.5, "a")) == {"a": (2, 3, 0, 6), "b": (1, 4, 0, 6)}
    # Whose score it is need not be shown.
    assert counts_of(Threshold("score", 9.5, "a"), "b") == {"b": (1, 4, 0, 6)}
    # Beyond all held-out images it still is a score of its own model.
    assert counts_of(Threshold("score", 15.0, "a"))["a"] == (1, 4, 0, 6)
    found = service.ask(VerdictsQuery("tiny", "strokes", ("a", "b"), Threshold("score", 15.0, "a")))
    assert found.standing == 100
    assert [v.raw for v in found.models] == [15, 10]


def test_by_cost_each_model_stands_where_it_is_cheapest_itself(scored: By) -> None:
    scored(a=A, b=B)
    dear = Threshold("cost", 0.0)
    # At half strange and equal costs: a at 8 (1 alarm of 6, 3 of 5 hit) or at 9.5 (0, 2 of 5).
    # Costs: 1/12 + 1/5 = .283; at 9.5: .3. b at 3: 1/12 + 1/10; at 9: 0 + 1/5 = .2 is dearer.
    found = counts_of(dear, prevalence=0.5)
    assert found == {"a": (3, 2, 1, 5), "b": (4, 1, 1, 5)}
    # Where false alarms are dear, none is made; where misses are, all strange are flagged.
    assert counts_of(dear, alarm_cost=1000.0)["a"] == (2, 3, 0, 6)
    assert counts_of(dear, miss_cost=100_000.0)["a"] == (5, 0, 4, 2)


def test_verdicts_count_what_stored_scores_and_cards_say(models: Tiny) -> None:
    stems = ("glow", "glow.outliers", "glow.seed-0")
    found = service.ask(VerdictsQuery("tiny", "strokes", stems, Threshold("percentile", 95.0)))
    for verdict in found.models:
        target = Target.of("tiny", verdict.name)
        detector, card = loaded(target)
        part, stored = card.score.part, stored_scores(target)
        assert verdict.raw == pytest.approx(card.score.threshold, rel=1e-6)
        for name, flagged, passed in (
            ("strokes", verdict.hits, verdict.misses),
            ("boxes", verdict.alarms, verdict.passed),
        ):
            flags = stored[name][part] > card.score.threshold
            assert (flagged, passed) == (flags.sum(), (~flags).sum())
        assert verdict.metrics == card.metrics["strokes"][part]
        shown = detector.to_display(part, np.array([verdict.raw]))[0]
        assert verdict.displayed == pytest.approx(shown)
        assert verdict.unit == detector.described[part].displayed_unit


# Every threshold ----------------------------------------------------------------------------------


def test_rows_go_from_all_images_flagged_to_none_and_hold_every_tenth_of_a_percentile(
    scored: By,
) -> None:
    scored(a=A)
    found = operating()
    rows = found.rows
    assert (found.n_normal, found.n_strange) == (6, 5)
    assert (np.diff(rows.raw) > 0).all()
    assert np.isfinite(rows.raw).all()
    assert (rows.alarms[0], rows.hits[0]) == (6, 5)
    assert (rows.alarms[-1], rows.hits[-1]) == (0, 0)
    assert (np.diff(rows.alarms) <= 0).all()
    tenths = np.linspace(0.0, 10.0, 1001)
    assert np.isin(tenths, rows.raw).all()
    assert rows.percentile[np.isin(rows.raw, tenths)].tolist() == (10 * tenths).round(6).tolist()
    assert rows.displayed[rows.nearest(5.0)] == 51
    assert math.isnan(rows.rates.precision.value[-1])


def test_the_row_of_a_threshold_has_the_numbers_of_its_verdict(scored: By) -> None:
    scored(a=A)
    rows = operating(prevalence=0.2, miss_cost=3.0).rows
    for p in (15.0, 50.0, 80.0, 95.0, 97.0, 100.0):
        asked = VerdictsQuery(
            "tiny", "strokes", ("a",), Threshold("percentile", p), prevalence=0.2, miss_cost=3.0
        )
        verdict = service.ask(asked).of("a")
        row = rows.nearest(verdict.raw)
        assert rows.raw[row] == verdict.raw
        assert (rows.hits[row], rows.alarms[row]) == (verdict.hits, verdict.alarms)
        for name in ("recall", "false_alarm_rate", "precision", "f1", "cost"):
            assert getattr(rows.rates, name).at(row) == getattr(verdict, name)


def test_the_cheapest_row_is_the_verdict_by_cost(scored: By) -> None:
    scored(a=A)
    for stakes in (
        {"prevalence": 0.5},
        {"prevalence": 0.01},
        {"miss_cost": 100_000.0},
        {"alarm_cost": 0.0},
    ):
        found = operating(**stakes)
        asked = VerdictsQuery("tiny", "strokes", ("a",), Threshold("cost", 0.0), **stakes)
        verdict = service.ask(asked).of("a")
        assert found.rows.raw[found.cheapest] == verdict.raw
        assert found.rows.rates.cost.value.min() == pytest.approx(verdict.cost.value)


def test_where_flagging_all_is_cheapest_the_threshold_is_still_a_number_to_be_drawn(
    scored: By,
) -> None:
    scored(a=([5.0, 6.0, 7.0, 8.0, 9.0, 9.0], [1.0, 2.0, 3.0, 4.0, 4.0]))
    stakes = {"prevalence": 0.5, "miss_cost": 100.0}
    assert counts_of(Threshold("cost", 0.0), "a", **stakes) == {"a": (5, 0, 6, 0)}
    found = operating(**stakes)
    assert found.cheapest == 0
    assert np.isfinite(found.rows.displayed[0])


def test_a_histogram_counts_every_image_once_within_its_edges_or_beyond(
    scored: By,
) -> None:
    normal, far = np.linspace(4.0, 6.0, 6), [5.0, 1000.0, 1000.0, 5.5, -900.0]
    scored(a=(normal, far))
    found = operating().histogram
    assert found.counts["normal"].sum() == 6
    assert found.counts["strange"].sum() == 2
    assert (found.below["strange"], found.above["strange"]) == (1, 2)
    assert (found.below["normal"], found.above["normal"]) == (0, 0)
    # The normal images' scores, 2 wide, are not pressed into a line by what lies 500 times as far.
    assert found.edges[-1] - found.edges[0] <= 10 * 10 * 2
    assert found.edges[0] <= 41  # in the unit of pages
    assert found.edges[-1] >= 61


def test_a_model_that_says_the_same_of_every_image_has_a_histogram(
    scored: By,
) -> None:
    scored(a=([3.0] * 6, [3.0] * 5))
    found = operating()
    assert found.histogram.counts["normal"].sum() == 6
    assert found.metrics.auroc == 0.5
    assert counts_of(Threshold("percentile", 29.0), "a") == {"a": (5, 0, 6, 0)}
    assert counts_of(Threshold("percentile", 30.0), "a") == {"a": (0, 5, 0, 6)}


# Cells --------------------------------------------------------------------------------------------


def shown(cell: str, **more: object) -> service.Gallery:
    asked = {"threshold": FIFTY, "cell": cell, **more}
    return service.ask(CellQuery("tiny", "strokes", "a", **asked))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cell", "set_name", "nearest", "farthest"),
    [
        ("hits", "strokes", [2, 3, 4], [4, 3, 2]),
        ("misses", "strokes", [1, 0], [0, 1]),
        ("alarms", "boxes", [4, 5], [5, 4]),
        ("passed", "boxes", [2, 3, 1, 0], [0, 1, 2, 3]),  # of equal ones the first
    ],
)
def test_a_cell_shows_its_images_nearest_to_the_threshold_or_farthest_from_it(
    scored: By,
    cell: str,
    set_name: str,
    nearest: list[int],
    farthest: list[int],
) -> None:
    scored(a=A)
    for order, expected in (("nearest", nearest), ("farthest", farthest)):
        found = shown(cell, order=order)
        assert found.indices.tolist() == expected
        assert set(found.sets) == {set_name}
        images = load_scenario("tiny").pictures(set_name).images
        assert np.array_equal(found.images, np.stack([images[i] for i in expected]))
        raw = np.array(A[1 if set_name == "strokes" else 0])[expected]
        assert found.displayed.tolist() == (10 * raw + 1).tolist()
        assert found.percentiles.tolist() == percentile(raw, np.linspace(0, 10, 1001)).tolist()


def test_cells_hold_as_many_images_as_the_verdict_counts(scored: By) -> None:
    scored(a=A)
    verdict = service.ask(VerdictsQuery("tiny", "strokes", ("a",), FIFTY)).of("a")
    for cell in CELLS:
        assert len(shown(cell).indices) == getattr(verdict, cell)


def test_a_cell_is_paged_and_an_empty_one_shows_nothing(scored: By) -> None:
    scored(a=A)
    second = shown("hits", count=2, page=2)
    assert (second.indices.tolist(), second.pages) == ([4], 2)
    assert shown("hits", count=2, page=9).indices.tolist() == [4]
    top = Threshold("score", 30.0, "a")
    nothing = service.ask(CellQuery("tiny", "strokes", "a", top, "hits"))
    assert (len(nothing.indices), nothing.pages) == (0, 1)
    assert nothing.images.shape == (0, 28, 28, 1)


# What is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (CellQuery("tiny", "strokes", "a", FIFTY, "luck"), "no cell 'luck'; there are: hits"),
        (CellQuery("tiny", "strokes", "a", FIFTY, "hits", order="odd"), "no order 'odd'"),
        (CellQuery("tiny", "strokes", "a", FIFTY, "hits", count=0), "needs a count"),
        (VerdictsQuery("tiny", "strokes", (), FIFTY), "no models were named"),
        (VerdictsQuery("tiny", "boxes", ("a",), FIFTY), "'boxes' is the normal set"),
        (VerdictsQuery("tiny", "nothing", ("a",), FIFTY), "no set 'nothing'"),
        (VerdictsQuery("tiny", "strokes", ("a",), FIFTY, prevalence=0.0), "prevalence must be"),
        (OperatingQuery("tiny", "strokes", "a", miss_cost=-1.0), "costs must be 0 or more"),
        (OperatingQuery("tiny", "strokes", "own"), "no file of scores was given"),
    ],
)
def test_what_cannot_be_answered_says_why(
    scored: By,
    asked: service.Query,
    words: str,
) -> None:
    scored(a=A)
    with pytest.raises(OutskirtsError, match=words):
        service.ask(asked)


# One class normal ---------------------------------------------------------------------------------


def test_where_a_class_is_normal_all_others_and_each_of_them_are_strange_sets(
    labels: Tiny,
) -> None:
    stems = ("esad.one-10", "deep_sad.one-00")
    world = load_scenario("tiny-one.one")
    for strange in world.strange:
        found = service.ask(VerdictsQuery(world.name, strange.name, stems))
        size = len(world.pictures(strange.name).images)
        assert found.normal_set == "one"
        for verdict in found.models:
            assert verdict.hits + verdict.misses == size
            assert verdict.alarms + verdict.passed == len(world.pictures("one").images)
    rest = service.ask(VerdictsQuery(world.name, "rest", stems)).models
    each = [service.ask(VerdictsQuery(world.name, name, stems)).models for name in ("zero", "two")]
    for i, verdict in enumerate(rest):
        assert verdict.hits == sum(one[i].hits for one in each)
    cell = CellQuery(world.name, "rest", stems[0], Threshold("percentile", 0.0), "hits")
    assert set(service.ask(cell).sets) == {"rest"}


def test_the_model_of_another_class_is_refused(labels: Tiny) -> None:
    with pytest.raises(OutskirtsError, match=r"is no model of scenario tiny-one\.one"):
        service.ask(OperatingQuery("tiny-one.one", "rest", "esad.two-10"))


def test_where_all_others_are_strange_an_image_may_be_named_by_its_own_set(labels: Tiny) -> None:
    world = load_scenario("tiny-one.one")
    sizes = {name: len(world.pictures(name).images) for name in ("one", "zero", "two", "rest")}
    normal = [f"one#{i},{i}" for i in range(sizes["one"])]
    by_rest = [f"rest#{i},{100 + i}" for i in range(sizes["rest"])]
    by_set = [f"zero#{i},{100 + i}" for i in range(sizes["zero"])]
    by_set += [f"two#{i},{100 + sizes['zero'] + i}" for i in range(sizes["two"])]
    for strange in (by_rest, by_set):
        data = "\n".join(["image,score", *normal, *strange]).encode()
        found = own_scores(world.name, "rest", data=data)
        assert found.problems == ()
        assert found.strange.tolist() == [100 + i for i in range(sizes["rest"])]
    both = "\n".join(["image,score", *normal, *by_rest, "two#0,1"]).encode()
    found = own_scores(world.name, "rest", data=both)
    assert [one.kind for one in found.problems] == ["twice"]


# What moving it costs -----------------------------------------------------------------------------


def test_a_threshold_moves_without_a_model_being_asked(
    models: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    stems = ("glow", "glow.outliers")
    service.ask(VerdictsQuery("tiny", "strokes", stems))
    for name in ("loaded", "stored_scores", "measure"):
        monkeypatch.setattr(columns, name, lambda *a, **k: pytest.fail("asked again"))
    for by, value in (("percentile", 90.0), ("alarms", 0.2), ("score", 1.0), ("cost", 0.0)):
        threshold = Threshold(by, value, "glow")  # type: ignore[arg-type]
        assert service.ask(VerdictsQuery("tiny", "strokes", stems, threshold)).models


@pytest.mark.slow
def test_every_unit_of_the_garments_is_a_multiple_of_the_score_but_for_a_shift() -> None:
    """A column converts scores itself: one whose unit bends would be refused."""
    for model in load_scenario("fashion").training:
        column = columns.column_of("fashion", "noise", name=model)
        detector, card = loaded(Target("fashion", *model.split(".")))
        raw = np.array([column.normal.min(), np.median(column.strange), column.strange.max()])
        np.testing.assert_allclose(
            column.displayed(raw), detector.to_display(card.score.part, raw), rtol=1e-9
        )
