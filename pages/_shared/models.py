"""The models of a scenario that a page looks at: those that are trained, and a few to begin with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.service import DetectorRow, Overview

__all__ = ["first_of", "main_of", "trained"]


def trained(overview: Overview) -> Mapping[str, DetectorRow]:
    """Models that are trained and judge images, by name, those of other seeds last."""
    rows = (*overview.detectors, *overview.seed_replicates)
    return {row.name: row for row in rows if row.card is not None}


def main_of(rows: Iterable[DetectorRow]) -> list[str]:
    """Names of the models that a page begins with: of each detector the one without a model's name.

    Where a class is normal and a detector has models of several shares of known anomalies, it is
    the one that knows of most: without labels it would not be that detector.
    """
    first: dict[str, DetectorRow] = {}
    for row in rows:
        detector, _, variant = row.model.partition(".")
        detector = detector.partition("-")[0]
        if not variant and (detector not in first or _share(row) > _share(first[detector])):
            first[detector] = row
    return [row.name for row in first.values()]


def first_of(rows: Iterable[DetectorRow]) -> str:
    """The model that a page about one opens with: the first that its scenario trains; "" of none.

    Models of one detector that has a model of its own name, such as a flow of other images, wait.
    """
    return next(iter(main_of(rows)), "")


def _share(row: DetectorRow) -> float:
    return row.share or 0.0
