"""All per-image numbers of several models on a strange set and its normal one, as one table."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from core.answers.columns import (
    DEFAULT,
    ROLES,
    ScoreColumn,
    Stakes,
    columns_of,
    raw_thresholds,
    standing_of,
)
from core.answers.images import classes_of
from core.evaluate.threshold import Threshold
from core.files import no_formula
from core.scenario import load_scenario

__all__ = ["comparison_table"]


def comparison_table(
    scenario: str,
    strange: str,
    *,
    models: Iterable[str],
    data: bytes | None = None,
    threshold: Threshold = DEFAULT,
    stakes: Stakes | None = None,
) -> dict[str, np.ndarray]:
    """One row an image, (N,) each: what it is, and what every model says of it.

    Columns image, set and label, the class's name; and, for each model, its score, in the unit of
    its header, its percentile, and whether it flags the image, 1 or 0. A cell is empty where the
    visitor's file has no score. No text begins as a formula does.

    Args:
        scenario: its name; strange: the strange set.
        models: names, and ``own`` for the visitor's scores.
        data: the visitor's file of scores.
        threshold: above which they flag; stakes: what errors cost, where it is set by that.

    Raises:
        OutskirtsError: see `core.answers.columns.column_of`.
    """
    columns = columns_of(scenario, strange, names=models, data=data)
    standing = standing_of(threshold, scenario, strange=strange, data=data)
    raw = raw_thresholds(threshold, columns, standing=standing, stakes=stakes or Stakes())
    first = next(iter(columns.values()))
    table = _images(scenario, [first.set_of(role) for role in ROLES])
    for name, column in columns.items():
        table |= _numbers(column, raw[name])
    return table


def _images(scenario: str, names: Iterable[str]) -> dict[str, np.ndarray]:
    world = load_scenario(scenario)
    rows: list[tuple[str, str, str]] = []
    for name in names:
        pictures, classes = world.pictures(name), classes_of(world, name)
        for image, label in zip(pictures.ids(), pictures.labels.tolist(), strict=True):
            text = classes[label] if 0 <= label < len(classes) else ""
            rows.append((no_formula(image), no_formula(name), no_formula(text)))
    columns = zip(("image", "set", "label"), zip(*rows, strict=True), strict=True)
    return {title: np.array(texts) for title, texts in columns}


def _numbers(column: ScoreColumn, raw: float) -> dict[str, np.ndarray]:
    scores, places = (
        np.concatenate([values(role) for role in ROLES])
        for values in (column.raw, column.percentiles)
    )
    here = np.isfinite(scores)
    return {
        f"{column.name} score ({column.unit})": _cells(column.displayed(scores), here),
        f"{column.name} percentile": _cells(places, here),
        f"{column.name} flagged": _cells((scores > raw).astype(int), here),
    }


def _cells(values: np.ndarray, here: np.ndarray) -> np.ndarray:
    """Values (N,), and nothing where there are none."""
    return values if here.all() else np.where(here, values.astype(object), "")
