"""Two models on the same images: quadrants by eye, what goes together, and which is better."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from conftest import Tiny
from scipy.stats import spearmanr

from core import service
from core.answers import disagree as answers
from core.evaluate.metrics import auroc
from core.service import (
    QUADRANTS,
    DisagreeQuery,
    DisagreeShown,
    DisagreeShownQuery,
    OutskirtsError,
    Threshold,
)

A = ([1.0, 2.0, 5.0, 5.0, 8.0, 9.5], [4.0, 5.0, 9.0, 9.7, 20.0])
B = ([3.0, 3.0, 3.0, 3.0, 3.0, 9.0], [9.5, 9.5, 2.0, 9.0, 9.6])
FIFTY = Threshold("percentile", 50.0)  # the score 5, which is passed
ASKED = DisagreeQuery("tiny", "strokes", "a", "b", FIFTY)
By = Callable[..., None]


def shown(role: str, quadrant: str, **more: int) -> DisagreeShown:
    return service.ask(
        DisagreeShownQuery("tiny", "strokes", "a", "b", FIFTY, role, quadrant, **more)
    )


def own(normal: list[float], strange: list[float], *, without: str = "") -> bytes:
    """A visitor's file of these scores, but for one image."""
    named = {f"boxes#{i}": v for i, v in enumerate(normal)}
    named |= {f"strokes#{i}": v for i, v in enumerate(strange)}
    lines = [f"{image},{score}" for image, score in named.items() if image != without]
    return "\n".join(["image,score", *lines]).encode()


# By hand ------------------------------------------------------------------------------------------


def test_quadrants_are_counted_by_hand(scored: By) -> None:
    scored(a=A, b=B)
    found = service.ask(ASKED)
    assert found.counts["normal"] == {"both": 1, "only-a": 1, "only-b": 0, "neither": 4}
    assert found.counts["strange"] == {"both": 2, "only-a": 1, "only-b": 2, "neither": 0}
    assert found.titles == ("A", "B")
    assert found.at == (50, 50)


def test_a_quadrant_shows_its_images_the_clearest_first(scored: By) -> None:
    scored(a=A, b=B)
    expected = {
        ("normal", "both"): [5],
        ("normal", "only-a"): [4],
        ("normal", "only-b"): [],
        ("normal", "neither"): [0, 1, 2, 3],  # at most 30, 30, 50, 50: the most normal first
        ("strange", "both"): [4, 3],  # at least 96 and 90
        ("strange", "only-a"): [2],
        ("strange", "only-b"): [0, 1],  # gaps of 55 and 45
        ("strange", "neither"): [],
    }
    for (role, quadrant), rows in expected.items():
        found = shown(role, quadrant)
        assert found.pictures.indices.tolist() == rows
        assert found.total == len(rows) == service.ask(ASKED).counts[role][quadrant]
        i = 1 if role == "strange" else 0
        assert found.a.tolist() == [min(100, 10 * A[i][row]) for row in rows]
        assert found.b.tolist() == [min(100, 10 * B[i][row]) for row in rows]
        assert found.b_displayed.tolist() == [10 * B[i][row] + 1 for row in rows]


def test_a_quadrant_is_paged(scored: By) -> None:
    scored(a=A, b=B)
    found = shown("normal", "neither", count=3, page=2)
    assert found.pictures.indices.tolist() == [3]
    assert (found.pictures.pages, found.total) == (2, 4)


def test_each_image_is_a_point_with_both_percentiles_and_verdicts(scored: By) -> None:
    scored(a=A, b=B)
    points = service.ask(ASKED).points["strange"]
    assert points.indices.tolist() == [0, 1, 2, 3, 4]
    assert points.a.tolist() == [40, 50, 90, 97, 100]
    assert points.b.tolist() == [95, 95, 20, 90, 96]
    assert points.a_flags.tolist() == [False, False, True, True, True]
    assert points.b_flags.tolist() == [True, True, False, True, True]
    assert not points.sampled


def test_scores_go_together_as_scipy_says(scored: By) -> None:
    scored(a=A, b=B)
    found = service.ask(ASKED).correlations
    for role, i in (("normal", 0), ("strange", 1)):
        assert found[role] == pytest.approx(spearmanr(A[i], B[i]).statistic)
    assert found["all"] == pytest.approx(spearmanr([*A[0], *A[1]], [*B[0], *B[1]]).statistic)


def test_what_is_the_same_for_every_image_goes_together_with_nothing(scored: By) -> None:
    scored(a=A, b=([3.0] * 6, [3.0, 3.0, 3.0, 3.0, 4.0]))
    found = service.ask(ASKED).correlations
    assert math.isnan(found["normal"])
    assert math.isfinite(found["all"])


def test_the_difference_is_that_of_both_aurocs_and_turns_round_with_the_models(scored: By) -> None:
    scored(a=A, b=B)
    found = service.ask(ASKED)
    assert found.auroc == (auroc(*A), auroc(*B))
    assert found.difference.value == pytest.approx(auroc(*A) - auroc(*B))
    assert found.difference.low < found.difference.value < found.difference.high
    turned = service.ask(DisagreeQuery("tiny", "strokes", "b", "a", FIFTY)).difference
    ends = (-turned.value, -turned.high, -turned.low)
    difference = found.difference
    assert (difference.value, difference.low, difference.high) == pytest.approx(ends)


# One of them the visitor's ------------------------------------------------------------------------


def test_ones_own_scores_are_compared_on_the_images_that_have_them(scored: By) -> None:
    scored(a=A, b=B)
    asked = DisagreeQuery("tiny", "strokes", "a", "own", FIFTY)
    found = service.ask(asked, own(*B, without="strokes#2"))
    assert found.points["strange"].indices.tolist() == [0, 1, 3, 4]
    assert sum(found.counts["strange"].values()) == found.points["strange"].total == 4
    strange = [A[1][i] for i in (0, 1, 3, 4)]
    assert found.auroc[0] == auroc(A[0], strange)
    assert found.correlations["strange"] == pytest.approx(
        spearmanr(strange, [9.5, 9.5, 9.0, 9.6]).statistic
    )
    # 50 % of one's own stands among the TEST boxes: the median of 3, 3, 3, 3, 3, 9.
    assert found.counts["normal"] == {"both": 1, "only-a": 1, "only-b": 0, "neither": 4}
    last = service.ask(
        DisagreeShownQuery("tiny", "strokes", "a", "own", FIFTY, "strange", "both"),
        own(*B, without="strokes#2"),
    )
    assert last.pictures.indices.tolist() == [4, 3]
    assert last.b_displayed.tolist() == [9.6, 9.0]


# Many images --------------------------------------------------------------------------------------


def test_of_many_images_some_are_points_and_all_are_counted(
    models: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MOST_POINTS", 10)
    found = service.ask(DisagreeQuery("tiny", "strokes", "glow", "glow.seed-0"))
    for role in ("normal", "strange"):
        points = found.points[role]
        assert len(points.indices) == len(points.a) == len(points.b_flags) == 10
        assert points.sampled
        assert (np.diff(points.indices) > 0).all()
        assert sum(found.counts[role].values()) == points.total == 96


def test_a_moved_threshold_measures_nothing_anew(
    scored: By, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored(a=A, b=B)
    before = service.ask(ASKED)
    monkeypatch.setattr(answers, "difference", lambda *a, **k: pytest.fail("measured again"))
    moved = service.ask(DisagreeQuery("tiny", "strokes", "a", "b", Threshold("alarms", 0.05)))
    assert moved.difference == before.difference
    assert moved.counts != before.counts


@pytest.mark.parametrize(
    ("role", "quadrant", "words"),
    [
        ("unjudged", "both", "no role 'unjudged'; there are: normal, strange"),
        ("normal", "all", f"no quadrant 'all'; there are: {', '.join(QUADRANTS)}"),
    ],
)
def test_what_is_no_quadrant_is_refused(scored: By, role: str, quadrant: str, words: str) -> None:
    scored(a=A, b=B)
    with pytest.raises(OutskirtsError, match=words):
        shown(role, quadrant)
