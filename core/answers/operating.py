"""What a threshold does to the images of a strange set and its normal one, model by model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from core.answers.columns import (
    DEFAULT,
    ROLES,
    ScoreColumn,
    Stakes,
    cheapest,
    column_of,
    columns_of,
    files_of_columns,
    gallery_of_rows,
    raw_thresholds,
    standing_of,
)
from core.answers.images import Gallery, unit_of
from core.answers.loaded import Target, loaded, stored_scores, title_of
from core.answers.query import Answered, Query
from core.evaluate.calibration import percentile
from core.evaluate.metrics import Metrics
from core.evaluate.operating import Estimate, Rates, rates, sweep
from core.evaluate.threshold import Threshold
from core.scenario import ScenarioError, load_scenario

__all__ = [
    "ANSWERS",
    "CELLS",
    "CELL_ORDERS",
    "CellQuery",
    "Histogram",
    "Operating",
    "OperatingQuery",
    "OperatingRows",
    "Verdict",
    "Verdicts",
    "VerdictsQuery",
    "cell",
    "operating",
    "verdicts",
]

# Of a cell of the confusion matrix: the role of its images, and whether they are flagged.
CELLS: Mapping[str, tuple[str, bool]] = {
    "hits": ("strange", True),
    "misses": ("strange", False),
    "alarms": ("normal", True),
    "passed": ("normal", False),
}
CELL_ORDERS = ("nearest", "farthest")


# Every threshold of one model ---------------------------------------------------------------------


@dataclass(frozen=True)
class OperatingQuery(Stakes, Query["Operating"]):
    """What each threshold of a model, or of the visitor's scores, does on a strange set."""

    wait: ClassVar[str] = "Counting at every threshold…"

    scenario: str
    strange: str
    model: str

    def files(self) -> Iterable[Path]:
        return files_of_columns(self.scenario, (self.model,))


@dataclass(frozen=True)
class Histogram:
    """How many images of each role score what.

    Attributes:
        edges: (B + 1,), in the unit of pages, even.
        counts: role to (B,).
        below, above: role to how many lie before the first edge, and after the last.
    """

    edges: np.ndarray
    counts: Mapping[str, np.ndarray]
    below: Mapping[str, int]
    above: Mapping[str, int]


@dataclass(frozen=True)
class OperatingRows:
    """About 1,300 thresholds, rising, of which a browser picks one.

    Every tenth of a percentile is among them, every score that tells the 100 highest of the normal
    images apart, every half per cent of the strange ones, and the cheapest. The first flags all
    images, the last none.

    Attributes:
        raw, displayed: (K,), the threshold itself, and in the unit of pages.
        percentile: (K,), its place among held-out normal images.
        alarms, hits: (K,), how many normal and how many strange images lie above.
        rates: figures of each, (K,).
    """

    raw: np.ndarray
    displayed: np.ndarray
    percentile: np.ndarray
    alarms: np.ndarray
    hits: np.ndarray
    rates: Rates

    def nearest(self, raw: float) -> int:
        """The row whose threshold is nearest to a raw one: itself, where it is among them."""
        return int(np.abs(self.raw - raw).argmin())


@dataclass(frozen=True)
class Operating:
    """Every threshold of one model on one strange set.

    Attributes:
        cheapest: the row whose expected cost is least of all thresholds that there are, on these
            images: on others a little more than is said.
        own: whether it is the visitor's column.
    """

    model: str
    title: str
    unit: str
    own: bool
    normal_set: str
    strange_set: str
    n_normal: int
    n_strange: int
    metrics: Metrics
    histogram: Histogram
    rows: OperatingRows
    cheapest: int


def operating(query: OperatingQuery, data: bytes | None = None) -> Operating:
    """Counts and figures at every threshold of a model.

    Args:
        query: which, and what errors cost.
        data: the visitor's file of scores, where it is about these.

    Raises:
        OutskirtsError: see `core.answers.columns.column_of`; or no expectation can be formed.
    """
    column = column_of(query.scenario, query.strange, name=query.model, data=data)
    normal, strange = (column.measured(role) for role in ROLES)
    least = cheapest(column, query)
    raw = np.union1d(_thresholds(column, normal, strange), [least])
    counts = sweep(normal, strange, at=raw)
    rows = OperatingRows(
        raw=counts.thresholds,
        displayed=column.displayed(counts.thresholds),
        percentile=percentile(counts.thresholds, column.quantiles),
        alarms=counts.alarms,
        hits=counts.hits,
        rates=rates(counts, **query.terms),
    )
    return Operating(
        model=column.name,
        title=column.title,
        unit=column.unit,
        own=column.own,
        normal_set=column.normal_set,
        strange_set=column.strange_set,
        n_normal=len(normal),
        n_strange=len(strange),
        metrics=column.metrics,
        histogram=_histogram(column.displayed(normal), column.displayed(strange)),
        rows=rows,
        cheapest=int(np.searchsorted(raw, least)),
    )


HIGHEST = 100  # normal images that are told apart one by one: there, precision is decided
STRANGE_STEPS = 201


def _thresholds(column: ScoreColumn, normal: np.ndarray, strange: np.ndarray) -> np.ndarray:
    """Raw thresholds (K,), rising: see `OperatingRows`."""
    ends = [column.below_all, max(normal.max(), strange.max(), column.quantiles[-1])]
    top = np.sort(normal)[-HIGHEST:]
    steps = np.quantile(strange, np.linspace(0, 1, STRANGE_STEPS), method="lower")
    return np.unique(np.concatenate([column.quantiles, steps, top, ends]))


BINS = 60
REACH = 4  # widths of the normal images' scores that are drawn beyond them
ALIKE = 1e-9  # of the scores themselves: what differs by less does so by rounding


def _histogram(normal: np.ndarray, strange: np.ndarray) -> Histogram:
    """Of displayed scores (N,) and (M,); a few far away must not press all others into a line."""
    low, high = _ends(normal, strange)
    edges = np.linspace(low, high, BINS + 1)
    values = dict(zip(ROLES, (normal, strange), strict=True))
    return Histogram(
        edges=edges,
        counts={role: np.histogram(v, edges)[0] for role, v in values.items()},
        below={role: int((v < edges[0]).sum()) for role, v in values.items()},
        above={role: int((v > edges[-1]).sum()) for role, v in values.items()},
    )


def _ends(normal: np.ndarray, strange: np.ndarray) -> tuple[float, float]:
    """Where a histogram begins and ends: apart from each other, whatever the scores are."""
    least, most = min(normal.min(), strange.min()), max(normal.max(), strange.max())
    for first, last in (
        np.quantile(normal, (0.005, 0.995)),
        (normal.min(), normal.max()),  # where nearly all normal images score the same
    ):
        if last - first > ALIKE * max(abs(first), abs(last)):
            reach = REACH * (last - first)
            return float(max(least, first - reach)), float(min(most, last + reach))
    size = max(abs(least), abs(most))
    return float(least), float(most if most - least > ALIKE * size else least + (size or 1.0))


# One threshold, many models -----------------------------------------------------------------------


@dataclass(frozen=True)
class VerdictsQuery(Stakes, Query["Verdicts"]):
    """What one threshold does to each of several models on the same images."""

    wait: ClassVar[str] = "Counting for every model…"

    scenario: str
    strange: str
    models: tuple[str, ...]
    threshold: Threshold = DEFAULT

    def files(self) -> Iterable[Path]:
        return files_of_columns(self.scenario, (*self.models, *self.threshold.models))


@dataclass(frozen=True)
class Verdict:
    """What a threshold does to one model.

    Attributes:
        raw, displayed: the score above which it flags, and that in the unit of pages.
        percentile: where that stands among held-out normal images.
        hits, misses, alarms, passed: how many images are in each of `CELLS`.
        false_alarm_rate: of the visitor's scores at a percentile it is chosen rather than measured,
            as their percentiles are among the very images that are counted. Its interval holds all
            the same, for images to come: above the k-th highest of n their rate follows
            Beta(k + 1, n - k), whose ends are near to Wilson's.
        cost: expected of one image.
        metrics: of all thresholds together.
    """

    name: str
    title: str
    unit: str
    own: bool
    raw: float
    displayed: float
    percentile: float
    hits: int
    misses: int
    alarms: int
    passed: int
    recall: Estimate
    false_alarm_rate: Estimate
    precision: Estimate
    f1: Estimate
    cost: Estimate
    metrics: Metrics


@dataclass(frozen=True)
class Verdicts:
    """Verdicts of several models, in the order in which they were asked for.

    Attributes:
        standing: the percentile above which all flag; None by cost, where each has its own.
    """

    normal_set: str
    strange_set: str
    standing: float | None
    models: tuple[Verdict, ...]

    def of(self, name: str) -> Verdict:
        """The verdict of the model of that name.

        Raises:
            ScenarioError: it was not asked for.
        """
        for verdict in self.models:
            if verdict.name == name:
                return verdict
        raise ScenarioError(f"no verdict of {name!r} was asked for")


def verdicts(query: VerdictsQuery, data: bytes | None = None) -> Verdicts:
    """Counts and figures of each of a query's models at its one threshold.

    Args:
        query: which models, and which threshold.
        data: the visitor's file of scores, where these are a column.

    Raises:
        OutskirtsError: see `core.answers.columns.column_of`; or no expectation can be formed.
    """
    if not query.strange and not load_scenario(query.scenario).strange:
        return _without_strange(query)
    columns = columns_of(query.scenario, query.strange, names=query.models, data=data)
    standing = standing_of(query.threshold, query.scenario, strange=query.strange, data=data)
    raw = raw_thresholds(query.threshold, columns, standing=standing, stakes=query)
    first = next(iter(columns.values()))
    return Verdicts(
        first.normal_set,
        first.strange_set,
        standing,
        tuple(_verdict(column, raw[name], query) for name, column in columns.items()),
    )


def _without_strange(query: VerdictsQuery) -> Verdicts:
    """Where models flag, and how many normal images; what strange ones would say is NaN."""
    scenario = load_scenario(query.scenario)
    targets = {name: Target.of(query.scenario, name) for name in query.models}
    models = {name: loaded(target) for name, target in targets.items()}
    stored = {name: card.quantiles(card.score.part) for name, (_, card) in models.items()}
    standing = query.threshold.standing(stored)
    if standing is None:
        raise ScenarioError(f"{scenario.title} has no strange images: no threshold costs least")
    unknown, found = Estimate(*3 * (float("nan"),)), []
    for name, (detector, card) in models.items():
        part = card.score.part
        raw = query.threshold.raw(name, stored[name], at=standing)
        scores = stored_scores(targets[name])[scenario.normal.name][part]
        alarms, n = int((scores > raw).sum()), len(scores)
        at = float(percentile(np.array([raw]), stored[name])[0])
        displayed = float(detector.to_display(part, np.array(raw)))
        unit, rate = unit_of(detector, part), Estimate(alarms / n, unknown.low, unknown.high)
        said = (name, title_of(targets[name]), unit, False, raw, displayed, at)
        nothing = Metrics(*5 * (unknown.value,), n, 0)
        counts = (0, 0, alarms, n - alarms)
        found.append(Verdict(*said, *counts, unknown, rate, *3 * (unknown,), nothing))
    return Verdicts(scenario.normal.name, "", standing, tuple(found))


def _verdict(column: ScoreColumn, raw: float, stakes: Stakes) -> Verdict:
    normal, strange = (column.measured(role) for role in ROLES)
    counts = sweep(normal, strange, at=np.array([raw]))
    figures = rates(counts, **stakes.terms)
    alarms, hits = int(counts.alarms[0]), int(counts.hits[0])
    return Verdict(
        name=column.name,
        title=column.title,
        unit=column.unit,
        own=column.own,
        raw=raw,
        displayed=float(column.displayed(np.array(raw))),
        percentile=float(percentile(np.array([raw]), column.quantiles)[0]),
        hits=hits,
        misses=len(strange) - hits,
        alarms=alarms,
        passed=len(normal) - alarms,
        recall=figures.recall.at(0),
        false_alarm_rate=figures.false_alarm_rate.at(0),
        precision=figures.precision.at(0),
        f1=figures.f1.at(0),
        cost=figures.cost.at(0),
        metrics=column.metrics,
    )


# The images of a cell -----------------------------------------------------------------------------


@dataclass(frozen=True)
class CellQuery(Stakes, Query["Gallery"]):
    """One page of the images of a cell of the confusion matrix.

    Attributes:
        cell: one of `CELLS`.
        order: one of `CELL_ORDERS`: those nearest to the threshold first, or those farthest, which
            of misses and alarms are the worst.
    """

    wait: ClassVar[str] = "Sorting images…"

    scenario: str
    strange: str
    model: str
    threshold: Threshold
    cell: str
    count: int = 12
    page: int = 1
    order: str = "nearest"

    def files(self) -> Iterable[Path]:
        return files_of_columns(self.scenario, (self.model, *self.threshold.models))


def cell(query: CellQuery, data: bytes | None = None) -> Gallery:
    """One page of a cell's images, with their scores; of an empty cell none.

    Args:
        query: which cell, and whose.
        data: the visitor's file of scores, where it is about these.

    Raises:
        OutskirtsError: see `core.answers.columns.column_of`; or no such cell or order.
    """
    if query.cell not in CELLS:
        raise ScenarioError(f"no cell {query.cell!r}; there are: {', '.join(CELLS)}")
    if query.order not in CELL_ORDERS:
        raise ScenarioError(f"no order {query.order!r}; there are: {', '.join(CELL_ORDERS)}")
    columns = columns_of(query.scenario, query.strange, names=(query.model,), data=data)
    standing = standing_of(query.threshold, query.scenario, strange=query.strange, data=data)
    raw = raw_thresholds(query.threshold, columns, standing=standing, stakes=query)[query.model]
    column, (role, flagged) = columns[query.model], CELLS[query.cell]
    scores = column.raw(role)
    rows = np.flatnonzero(scores > raw if flagged else scores <= raw)  # NaN is neither
    distance = np.abs(scores[rows] - raw)
    rows = rows[np.argsort(distance if query.order == "nearest" else -distance, kind="stable")]
    return gallery_of_rows(
        query.scenario, column, role=role, rows=rows, count=query.count, page=query.page
    )


ANSWERS: tuple[Answered[Any], ...] = (
    Answered(OperatingQuery, operating),
    Answered(VerdictsQuery, verdicts),
    Answered(CellQuery, cell),
)
