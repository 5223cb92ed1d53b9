"""Columns of scores: what is held of them, where all are flagged, and what is no column."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from conftest import Tiny

from core import service
from core.answers import columns, committee, disagree
from core.answers.loaded import loaded
from core.evaluate.metrics import auroc
from core.evaluate.shares import wilson
from core.service import (
    CommitteeQuery,
    DisagreeQuery,
    OperatingQuery,
    OutskirtsError,
    Target,
    Threshold,
    VerdictsQuery,
)

A = ([1.0, 2.0, 5.0, 5.0, 8.0, 9.5], [4.0, 5.0, 9.0, 9.7, 20.0])
B = ([3.0, 3.0, 3.0, 3.0, 3.0, 9.0], [9.5, 9.5, 2.0, 9.0, 9.6])
C = ([6.0, 1.0, 1.0, 1.0, 6.0, 1.0], [6.0, 6.0, 6.0, 1.0, 1.0])
FIFTY = Threshold("percentile", 50.0)
PAIR = DisagreeQuery("tiny", "strokes", "a", "b", FIFTY)
BOTH = CommitteeQuery("tiny", "strokes", ("a", "b"), FIFTY)
By = Callable[..., None]


def own(normal: Iterable[float], strange: Iterable[float]) -> bytes:
    """A visitor's file of these scores."""
    lines = [f"boxes#{i},{v}" for i, v in enumerate(normal)]
    lines += [f"strokes#{i},{v}" for i, v in enumerate(strange)]
    return "\n".join(["image,score", *lines]).encode()


# What is held -------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [PAIR, BOTH])
def test_what_is_made_of_columns_while_a_model_is_replaced_is_made_anew(
    scored: By, untrained: Tiny, monkeypatch: pytest.MonkeyPatch, asked: service.Query[Any]
) -> None:
    """A file that changes after a column was read, and before its version is taken."""
    scored(a=A, b=C)
    read, times = columns.columns_of, []

    def replaced(*args: Any, **more: Any) -> dict[str, columns.ScoreColumn]:
        before = read(*args, **more)
        if not times:
            (untrained.folder / "a.json").write_text("{}")
            scored(a=B, b=C)
        times.append(1)
        return before

    for module in (columns, disagree, committee):
        if hasattr(module, "columns_of"):
            monkeypatch.setattr(module, "columns_of", replaced)
    service.ask(asked)
    after = service.ask(asked)
    if isinstance(after, service.Disagree):
        assert after.auroc[0] == auroc(*B)
    else:
        assert after.singles[0].metrics.auroc == auroc(*B)


@pytest.mark.parametrize(
    ("asked", "what"), [(PAIR, (disagree, "difference")), (BOTH, (committee, "measure"))]
)
def test_nothing_is_measured_anew_for_a_file_or_a_model_that_is_not_compared(
    scored: By, monkeypatch: pytest.MonkeyPatch, asked: Any, what: tuple[Any, str]
) -> None:
    scored(a=A, b=B, c=C)
    service.ask(asked)
    monkeypatch.setattr(*what, lambda *a, **k: pytest.fail("measured again"))
    service.ask(asked, own(*C))
    where = asked.scenario, asked.strange
    by_another = Threshold("score", 3.0, "c")
    if isinstance(asked, DisagreeQuery):
        service.ask(DisagreeQuery(*where, "a", "b", by_another))
    else:
        service.ask(CommitteeQuery(*where, asked.models, by_another))


def test_with_ones_own_scores_another_file_is_measured_anew(scored: By) -> None:
    scored(a=A, b=B)
    pair = DisagreeQuery("tiny", "strokes", "a", "own", FIFTY)
    together = CommitteeQuery("tiny", "strokes", ("a", "own"), FIFTY)
    for scores in (B, C):
        assert service.ask(pair, own(*scores)).auroc[1] == auroc(*scores)
        metrics = service.ask(together, own(*scores)).singles[1].metrics
        assert metrics is not None
        assert metrics.auroc == auroc(*scores)


# Where all are flagged ----------------------------------------------------------------------------


def test_where_all_are_flagged_the_cheapest_row_and_the_verdict_have_one_threshold(
    scored: By,
) -> None:
    """The lowest score is 1, the lowest of the held-out images 0."""
    scored(a=([5.0, 6.0, 7.0, 8.0, 9.0, 9.0], [1.0, 2.0, 3.0, 4.0, 4.0]))
    stakes = {"prevalence": 0.5, "miss_cost": 100.0}
    rows = service.ask(OperatingQuery("tiny", "strokes", "a", **stakes))
    by_cost = VerdictsQuery("tiny", "strokes", ("a",), Threshold("cost", 0.0), **stakes)
    verdict = service.ask(by_cost).of("a")
    assert (verdict.hits, verdict.alarms) == (5, 6)
    assert rows.rows.raw[rows.cheapest] == verdict.raw


def test_a_threshold_at_the_score_of_no_model_is_refused_as_that_model_is(scored: By) -> None:
    scored(a=A, b=B)
    asked = VerdictsQuery("tiny", "strokes", ("a", "b"), Threshold("score", 5.0, "a."))
    with pytest.raises(OutskirtsError, match=r"no model is named 'a\.'"):
        service.ask(asked)


@pytest.mark.parametrize(
    "top", [Threshold("percentile", 100.0), Threshold("alarms", 0.0), Threshold("score", 11.0, "a")]
)
def test_at_percentile_100_the_mean_flags_what_all_flag_for_no_mean_is_above_it(
    scored: By, top: Threshold
) -> None:
    scored(a=([1.0, 2.0, 5.0, 5.0, 8.0, 30.0], [20.0, 20.0, 20.0, 9.7, 1.0]),
           b=([3.0, 3.0, 3.0, 3.0, 30.0, 9.0], [11.0, 9.5, 12.0, 9.0, 9.6]))  # fmt: skip
    mean = service.ask(CommitteeQuery("tiny", "strokes", ("a", "b"), top)).rules[0]
    assert (mean.recall.count, mean.false_alarm_rate.count) == (2, 0)
    assert mean.title == "Their mean percentile; at 100, all of them flag it"
    # A little below, where 99.99 is passed, the same images are flagged.
    near = CommitteeQuery("tiny", "strokes", ("a", "b"), Threshold("percentile", 99.99))
    assert service.ask(near).rules[0].recall.count == 2
    assert service.ask(near).rules[0].title == "The mean of their percentiles"


def test_where_flagging_nothing_costs_least_the_mean_flags_nothing_whatever_each_alone_flags(
    scored: By,
) -> None:
    """Each alone flags a stroke that no box is above; boxes and strokes have the same mean, 100."""
    top = [20.0] * 3
    scored(a=([1.0] * 3 + top, [*top, 30.0, 1.0]), b=([1.0] * 3 + top, [*top, 30.0, 1.0]))
    asked = CommitteeQuery("tiny", "strokes", ("a", "b"), Threshold("cost", 0.0), alarm_cost=9.0)
    found = service.ask(asked)
    assert found.at == 100
    assert [one.recall.count for one in found.singles] == [1, 1]
    assert (found.rules[0].recall.count, found.rules[0].title) == (
        0,
        "The mean of their percentiles",
    )


# Few scores ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("normal", "strange", "ends"),
    [
        ([0.0] * 997 + [5.0] * 3, [1.0, 2.0, 15.0, 900.0, 0.0], (0, 25)),  # 4 widths beyond
        ([0.0] * 1000, [0.0, 1.0, 2.0, 3.0, 50.0], (0, 50)),
        ([3.0] * 1000, [3.0] * 5, (3, 6)),
        ([1e9] * 999 + [1e9 + 1e-6], [1e9, 2e9], (1e9, 2e9)),  # apart by rounding alone
    ],
)
def test_a_histogram_of_normal_images_that_are_nearly_all_alike_has_bins_that_are_apart(
    normal: list[float], strange: list[float], ends: tuple[float, float]
) -> None:
    from core.answers.operating import _histogram

    shown = _histogram(np.array(normal), np.array(strange))
    assert (shown.edges[0], shown.edges[-1]) == pytest.approx(ends)
    for role, values in (("normal", normal), ("strange", strange)):
        assert shown.below[role] + shown.counts[role].sum() + shown.above[role] == len(values)
        assert shown.above[role] == sum(v > ends[1] for v in values)


def test_wilsons_interval_holds_the_rate_of_a_threshold_that_was_set_on_the_same_images() -> None:
    """The visitor's column: its count of alarms is fixed, and its threshold is what varies.

    Where k of n images lie above one of them, the rate of all images above it follows
    Beta(k + 1, n - k): the interval around k / n holds it as often as it holds a count's.
    """
    rng = np.random.default_rng(0)
    for n, k in ((50, 5), (200, 10), (1000, 50), (1000, 1)):
        scores = np.sort(rng.uniform(size=(4000, n)), axis=1)
        rate = 1 - scores[:, n - k - 1]  # above the highest that is passed
        low, high = wilson(np.array([k]), n)
        assert 0.92 < ((low <= rate) & (rate <= high)).mean() < 0.98, (n, k)


# What is no column --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shows", "words"),
    [
        (lambda values: -values, "falls as the score rises"),
        (lambda values: np.zeros_like(values), "falls as the score rises"),
        (lambda values: np.exp(values / 1000), "no multiple of its score"),
    ],
)
def test_a_unit_that_turns_scores_round_or_bends_them_is_refused(
    models: Tiny,
    monkeypatch: pytest.MonkeyPatch,
    shows: Callable[[np.ndarray], np.ndarray],
    words: str,
) -> None:
    columns._held.cache_clear()
    detector, _ = loaded(Target("tiny", "glow"))
    monkeypatch.setattr(type(detector), "to_display", lambda self, part, values: shows(values))
    with pytest.raises(OutskirtsError, match=words):
        service.ask(OperatingQuery("tiny", "strokes", "glow"))
