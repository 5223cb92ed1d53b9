"""Who finds which strange set: the best, those alike, the hardest set, what is fooled."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.evaluate.metrics import Metrics
from core.service import DetectorRow, best_of, fooled_parts, hardest, most_fooled


def of(auroc: float, half: float = 0.01) -> Metrics:
    return Metrics(auroc, auroc - half, auroc + half, 0.5, 0.5, 100, 100)


def model(name: str, **sets: dict[str, Metrics]) -> DetectorRow:
    """A model whose score is its part "score"."""
    card: Any = SimpleNamespace(score=SimpleNamespace(part="score"), metrics=sets)
    return DetectorRow(name, "Some", name.title(), "", {"score": "Score"}, card)


UNTRAINED = DetectorRow("none", "Some", "None", "", {}, None, "no checkpoint")


def test_the_best_has_the_highest_score_and_alike_are_those_whose_intervals_reach_its_own():
    rows = [
        model("low", noise={"score": of(0.80), "part": of(0.99)}),
        model("near", noise={"score": of(0.885)}),
        model("top", noise={"score": of(0.90)}),
        model("nearer", noise={"score": of(0.89)}),
        UNTRAINED,
    ]
    best = best_of(rows, "noise")
    assert best is not None
    assert (best.finding.model, best.finding.part, best.among) == ("top", "score", 4)
    assert [finding.model for finding in best.alike] == ["nearer", "near"]


def test_of_equals_the_first_is_the_best_and_the_others_are_alike():
    rows = [model(name, noise={"score": of(1.0, 0.0)}) for name in ("one", "two")]
    best = best_of(rows, "noise")
    assert best is not None
    assert best.finding.model == "one"
    assert [finding.model for finding in best.alike] == ["two"]


def test_without_an_interval_only_the_same_figure_is_alike():
    lone = [Metrics(auroc, np.nan, np.nan, 0.5, 0.5, 1, 1) for auroc in (0.9, 0.89, 0.9)]
    rows = [model(str(i), noise={"score": figures}) for i, figures in enumerate(lone)]
    best = best_of(rows, "noise")
    assert best is not None
    assert [finding.model for finding in best.alike] == ["2"]


def test_the_hardest_set_of_a_model_is_where_its_score_is_lowest_whatever_its_parts_say():
    row = model(
        "a", noise={"score": of(0.9), "part": of(0.1)}, flat={"score": of(0.6), "part": of(0.7)}
    )
    worst = hardest(row, ["noise", "flat"])
    assert worst is not None
    assert (worst.strange, worst.figures.auroc) == ("flat", 0.6)


def test_most_fooled_is_the_lowest_part_below_chance_of_all_models():
    rows = [
        model("a", noise={"score": of(0.9), "part": of(0.2)}),
        model("b", noise={"score": of(0.3), "part": of(0.1, half=0.5)}),  # may be a coin
    ]
    worst = most_fooled(rows, ["noise"])
    assert worst is not None
    assert (worst.model, worst.part, worst.strange) == ("a", "part", "noise")
    assert fooled_parts(rows, ["noise"]) == (2, 4)


def test_a_part_that_two_sets_fool_counts_once():
    row = model(
        "a", noise={"score": of(0.9), "part": of(0.2)}, flat={"score": of(0.9), "part": of(0.1)}
    )
    assert fooled_parts([row, UNTRAINED], ["noise", "flat"]) == (1, 2)


@pytest.mark.parametrize("rows", [[], [UNTRAINED]])
def test_nobody_finds_anything_where_nothing_is_trained(rows: list[DetectorRow]):
    assert best_of(rows, "noise") is None
    assert most_fooled(rows, ["noise"]) is None
    assert fooled_parts(rows, ["noise"]) == (0, 0)
    assert hardest(UNTRAINED, ["noise"]) is None
    assert most_fooled([model("a", noise={"score": of(0.9)})], ["noise"]) is None
