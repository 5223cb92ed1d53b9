"""Models judging together: votes and means by hand, against the best of them at equal alarms."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core import service
from core.evaluate.metrics import auroc, measure
from core.service import Committee, CommitteeQuery, Judgement, OutskirtsError, Threshold

A = ([1.0, 2.0, 5.0, 5.0, 8.0, 9.5], [4.0, 5.0, 9.0, 9.7, 20.0])
B = ([3.0, 3.0, 3.0, 3.0, 3.0, 9.0], [9.5, 9.5, 2.0, 9.0, 9.6])
C = ([6.0, 1.0, 1.0, 1.0, 6.0, 1.0], [6.0, 6.0, 6.0, 1.0, 1.0])
FIFTY = Threshold("percentile", 50.0)
By = Callable[..., None]


def committee(*models: str, threshold: Threshold = FIFTY, **stakes: float) -> Committee:
    return service.ask(CommitteeQuery("tiny", "strokes", models, threshold, **stakes))


def counts(judgements: tuple[Judgement, ...]) -> dict[str, tuple[int, int]]:
    return {one.name: (one.recall.count, one.false_alarm_rate.count) for one in judgements}


def test_votes_and_the_mean_percentile_by_hand(scored: By) -> None:
    scored(a=A, b=B, c=C)
    found = committee("a", "b", "c")
    assert counts(found.singles) == {"a": (3, 2), "b": (4, 1), "c": (3, 2)}
    # Of the boxes a flags 4 and 5, b 5, c 0 and 4: three by any, two by two. Each stroke by two.
    # Mean percentiles of the boxes: 33, 20, 30, 30, 57, 65; of the strokes 57 at least.
    assert counts(found.rules) == {"mean": (5, 2), "any": (5, 3), "majority": (5, 2)}
    assert (found.rules[0].recall.of, found.rules[0].false_alarm_rate.of) == (5, 6)
    assert found.rules[0].recall.low < 1 == found.rules[0].recall.high


def test_beside_each_rule_stands_the_single_model_that_finds_most_at_no_more_alarms(
    scored: By,
) -> None:
    scored(a=A, b=B, c=C)
    # With two alarms a finds 3; b, above 3, finds 4 at one alarm, as its 3s are alike; c finds 3.
    # With three, a, above 5, still finds 3; above 2, b finds 4.
    for rule in committee("a", "b", "c").rules:
        assert rule.best_single is not None
        assert counts((rule.best_single,)) == {"b": (4, 1)}
        assert rule.best_single.false_alarm_rate.count <= rule.false_alarm_rate.count


def test_half_of_an_even_committee_is_no_majority(scored: By) -> None:
    scored(a=A, b=B)
    rules = counts(committee("a", "b").rules)
    assert rules["majority"] == (2, 1)  # where both flag
    assert rules["any"] == (5, 2)


def test_a_committee_of_one_is_that_one_by_every_rule(scored: By) -> None:
    scored(a=A)
    found = committee("a")
    assert set(counts(found.rules).values()) == {(3, 2)}
    # The mean of percentiles ends at 100, its score does not: here the order is the same.
    assert found.rules[0].metrics == found.singles[0].metrics


def test_the_figures_of_the_mean_are_those_of_mean_percentiles(scored: By) -> None:
    scored(a=A, b=B)
    normal = [(10 * a + 10 * b) / 2 for a, b in zip(A[0], B[0], strict=True)]
    strange = [(min(100, 10 * a) + 10 * b) / 2 for a, b in zip(A[1], B[1], strict=True)]
    mean, *votes = committee("a", "b").rules
    assert mean.metrics is not None
    assert mean.metrics.auroc == auroc(normal, strange)
    assert mean.metrics.as_dict() == pytest.approx(measure(normal, strange).as_dict())
    assert [rule.metrics for rule in votes] == [None, None]


def test_images_beyond_all_held_out_ones_with_every_model_are_counted_as_tied(scored: By) -> None:
    scored(a=([1.0] * 5 + [30.0], [20.0, 40.0, 9.0, 1.0, 1.0]),
           b=([1.0] * 5 + [9.0], [11.0, 12.0, 50.0, 1.0, 1.0]))  # fmt: skip
    assert committee("a", "b").tied == {"normal": 0, "strange": 2}
    assert committee("a").tied == {"normal": 1, "strange": 2}


def test_by_cost_each_member_votes_where_it_is_cheapest_and_so_does_the_mean(scored: By) -> None:
    scored(a=A, b=B)
    found = committee("a", "b", threshold=Threshold("cost", 0.0), prevalence=0.5)
    assert counts(found.singles) == {"a": (3, 1), "b": (4, 1)}
    # Means of the boxes 20, 25, 40, 40, 55, 92.5; of the strokes 67.5, 72.5, 55, 93.5, 98: above 40
    # two alarms in 12, above 55 one and a miss in 10, above 92.5 three misses in 10.
    assert found.at == 40
    assert counts(found.rules)["mean"] == (5, 2)


def test_with_ones_own_scores_all_are_judged_on_the_images_that_have_them(scored: By) -> None:
    scored(a=A)
    lines = [f"boxes#{i},{v}" for i, v in enumerate(B[0])]
    lines += [f"strokes#{i},{v}" for i, v in enumerate(B[1]) if i != 2]
    data = "\n".join(["image,score", *lines]).encode()
    found = service.ask(CommitteeQuery("tiny", "strokes", ("a", "own"), FIFTY), data)
    assert {one.recall.of for one in (*found.singles, *found.rules)} == {4}
    assert found.singles[0].recall.count == 2  # a flags strokes 2, 3 and 4
    assert found.singles[0].metrics is not None
    assert found.singles[0].metrics.auroc == auroc(A[0], [4.0, 5.0, 9.7, 20.0])
    assert found.singles[0].metrics.n_strange == 4


def test_a_committee_of_nobody_is_refused(scored: By) -> None:
    scored(a=A)
    with pytest.raises(OutskirtsError, match="no models were named"):
        committee()
