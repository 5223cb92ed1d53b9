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

__all__ = ["BOXES", "STROKES", "Scores", "put", "scored"]

BOXES, STROKES = 6, 5
Scores = tuple[Sequence[float], Sequence[float]]  # of the boxes, of the strokes
# Percentile p of every model is the score p / 10; beyond 0 and 10 lies no held-out image.
STEPS = np.linspace(0.0, 10.0, 1001)


@pytest.fixture
def scored(untrained: Tiny, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What gives models, by their stems, scores: `scored(glow=(of boxes, of strokes))`."""
    shown = {
        "boxes": (tiny.boxes(BOXES, seed=1), np.arange(BOXES) % 3),
        "strokes": (tiny.strokes(STROKES, seed=1), np.arange(STROKES) % 3),
    }
    build_reference(load_scenario("tiny"), shown)
    return lambda **models: put(monkeypatch, models)


def put(patch: pytest.MonkeyPatch, models: Mapping[str, Scores]) -> None:
    """Let models, by their stems, have these scores of boxes and strokes."""
    columns._held.cache_clear()

    def of_model(target: Target, strange: str) -> ScoreColumn:
        return _column(target.stem, *(np.array(v, float) for v in models[target.stem]))

    patch.setattr(columns, "_of_model", of_model)


def _column(name: str, normal: np.ndarray, strange: np.ndarray) -> ScoreColumn:
    return ScoreColumn(
        name=name,
        title=name.upper(),
        part="total",
        unit="tens",
        scale=10.0,
        shift=1.0,
        normal_set="boxes",
        strange_set="strokes",
        normal=normal,
        strange=strange,
        normal_percentiles=percentile(normal, STEPS),
        strange_percentiles=percentile(strange, STEPS),
        quantiles=STEPS,
        metrics=measure(normal, strange),
    )
