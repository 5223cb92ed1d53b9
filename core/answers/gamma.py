"""AUROC over the share of known anomalies: by the study, and as papers have published it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from core.answers.query import Answered, Query
from core.results import Row, StudyMissing, StudyResult, read_study, study_path
from core.scenario import load_scenario

__all__ = ["ANSWERS", "LABELS_STUDY", "Curve", "Gamma", "GammaQuery", "gamma"]

LABELS_STUDY = "esad_labels"


@dataclass(frozen=True)
class GammaQuery(Query["Gamma"]):
    """AUROC of detectors over the share of known anomalies, for a class and in the mean.

    Attributes:
        scenario: in which one class is normal.
        detectors: by their stems.
        shares: that the curves have a place for, whatever was run.
    """

    wait: ClassVar[str] = "Reading the study…"

    scenario: str
    detectors: tuple[str, ...]
    shares: tuple[float, ...] = ()

    def files(self) -> Iterable[Path]:
        return [load_scenario(self.scenario).folder / "scenario.json", study_path(LABELS_STUDY)]


@dataclass(frozen=True)
class Curve:
    """AUROC over the share of known anomalies.

    Attributes:
        of: "mean" over classes, "class" that is normal here, or "published".
        values, low, high: (S,); NaN where it was not run, and has no interval. The range of
            published ones is a standard deviation over classes to either side, of ours the 95 %
            interval over test images.
        spread: (S,), the standard deviation over classes of a mean; NaN for a class.
    """

    detector: str
    of: str
    values: np.ndarray
    low: np.ndarray
    high: np.ndarray
    spread: np.ndarray


@dataclass(frozen=True)
class Gamma:
    """Curves over the same shares.

    Attributes:
        shares: (S,), rising.
        curves: of each detector the mean, the class and the published one, as far as they exist.
        not_run: detector to those of the shares at which the study has no mean of it.
        missing: why there is no study, or "".
        over: what a mean is over; source: of the published values.
    """

    shares: np.ndarray
    curves: tuple[Curve, ...]
    not_run: Mapping[str, tuple[float, ...]]
    missing: str
    over: str
    source: str

    def value(self, detector: str, of: str, share: float) -> float:
        """AUROC at a share by that curve ``of`` a detector; NaN where there is none."""
        for curve in self.curves:
            if (curve.detector, curve.of) == (detector, of):
                return float(curve.values[int(np.abs(self.shares - share).argmin())])
        return math.nan


def gamma(query: GammaQuery) -> Gamma:
    """The curves of a query's detectors; none where there is no study.

    Raises:
        ScenarioError: no such scenario.
    """
    normal = load_scenario(query.scenario).normal
    try:
        result = read_study(LABELS_STUDY)
    except StudyMissing as error:
        nothing = dict.fromkeys(query.detectors, ())
        return Gamma(np.array(sorted(query.shares)), (), nothing, str(error), "", "")
    cells = _Cells(result, normal.source or "")
    run = {d: cells.arms(d) for d in query.detectors}
    told = {d: cells.published(d) for d in query.detectors}
    shares = sorted({*query.shares, *(s for d in query.detectors for s in (*run[d], *told[d]))})
    curves = [
        _curve(d, of, points, shares)
        for d in query.detectors
        for of, points in (
            ("mean", cells.means(d)),
            ("class", cells.of_class(d, str(normal.only))),
            ("published", told[d]),
        )
        if points
    ]
    sources = dict.fromkeys(p.source for p in result.published)
    return Gamma(
        shares=np.array(shares),
        curves=tuple(curves),
        not_run={d: tuple(s for s in shares if s not in run[d]) for d in query.detectors},
        missing="",
        over=result.over,
        source="; ".join(sources),
    )


Points = dict[float, tuple[float, float, float, float]]  # share to value, low, high, spread


def _curve(detector: str, of: str, points: Points, shares: list[float]) -> Curve:
    nothing = (math.nan,) * 4
    return Curve(detector, of, *np.array([points.get(share, nothing) for share in shares]).T)


@dataclass(frozen=True)
class _Cells:
    """A study on one data set: what was run of detectors, whose arms are called DETECTOR-GG."""

    result: StudyResult
    data: str

    def arms(self, detector: str) -> dict[float, str]:
        """Share to arm, of those that have a mean."""
        names = {arm.name for arm in self.result.arms}
        run = {r.arm for r in self.result.rows if r.data == self.data and r.variant is None}
        return {share: a for a in names & run if (share := _share(a, detector)) is not None}

    def means(self, detector: str) -> Points:
        points = {}
        for share, arm in self.arms(detector).items():
            row = self.result.row(arm, self.data)
            spread = _or_nan(self.result.std(arm, self.data))
            points[share] = row.value, _or_nan(row.low), _or_nan(row.high), spread
        return points

    def of_class(self, detector: str, variant: str) -> Points:
        rows = {
            share: row
            for share, arm in self.arms(detector).items()
            for row in self._rows(arm)
            if row.variant == variant
        }
        return {
            share: (row.value, _or_nan(row.low), _or_nan(row.high), math.nan)
            for share, row in rows.items()
        }

    def published(self, detector: str) -> Points:
        return {
            share: (p.value, p.value - p.std, p.value + p.std, p.std)
            for p in self.result.published
            if p.data == self.data and (share := _share(p.arm, detector)) is not None
        }

    def _rows(self, arm: str) -> list[Row]:
        measure = next(iter(self.result.measures))
        wanted = arm, self.data, measure
        return [r for r in self.result.rows if (r.arm, r.data, r.measure) == wanted]


def _share(arm: str, detector: str) -> float | None:
    """The share of known anomalies of an arm of a detector; None if it is another's, or special.

    Example:
        >>> _share("esad-05", "esad"), _share("esad-10-polluted", "esad")
        (0.05, None)
    """
    match = re.fullmatch(rf"{re.escape(detector)}-(\d\d)", arm)
    return int(match[1]) / 100 if match else None


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


ANSWERS: tuple[Answered[Any], ...] = (Answered(GammaQuery, gamma),)
