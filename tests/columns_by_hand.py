"""Columns of a few numbers in place of stored scores: what is counted can be checked by eye.

The scenario is that of `tiny`, with six boxes and five strokes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
import tiny
from conftest import Tiny

from core.answers import columns
from core.answers.columns import ScoreColumn
from core.evaluate.calibration import percentile
from core.evaluate.metrics import measure
from core.scenario import build_reference, load_scenario
from core.service import Target

__all__ = ["BOXES", "STROKES", "Scores", "put", "scored", "show"]

BOXES, STROKES = 6, 5
Scores = tuple[Sequence[float], Sequence[float]]  # of the boxes, of the strokes
# Percentile p of every model is the score p / 10; beyond 0 and 10 lies no held-out image.
STEPS = np.linspace(0.0, 10.0, 1001)


@pytest.fixture
def scored(untrained: Tiny, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What gives models, by their stems, scores: `scored(glow=(of boxes, of strokes))`."""
    show()
    return lambda **models: put(monkeypatch, models)


def show(strange: str = "strokes") -> None:
    """Write the pictures, those of the strange set under this name."""
    shown = {
        "boxes": (tiny.boxes(BOXES, seed=1), np.arange(BOXES) % 3),
        strange: (tiny.strokes(STROKES, seed=1), np.arange(STROKES) % 3),
    }
    build_reference(load_scenario("tiny"), shown)


def put(patch: pytest.MonkeyPatch, models: Mapping[str, Scores]) -> None:
    """Let models, by their stems, have these scores of boxes and strokes."""
    columns._held.cache_clear()

    def of_model(target: Target, strange: str) -> ScoreColumn:
        normal, others = (np.array(values, float) for values in models[target.stem])
        return _column(target.stem, normal, others, strange=strange)

    patch.setattr(columns, "_of_model", of_model)


def _column(name: str, normal: np.ndarray, others: np.ndarray, *, strange: str) -> ScoreColumn:
    return ScoreColumn(
        name=name,
        title=name.upper(),
        part="total",
        unit="tens",
        scale=10.0,
        shift=1.0,
        normal_set="boxes",
        strange_set=strange,
        normal=normal,
        strange=others,
        normal_percentiles=percentile(normal, STEPS),
        strange_percentiles=percentile(others, STEPS),
        quantiles=STEPS,
        metrics=measure(normal, others),
    )
