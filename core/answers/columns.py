"""One column a model: its score of the same images, of a strange set and of the normal one.

What a threshold does is counted from columns alone: once they are there, moving it costs nothing of
a network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from core.answers.absent import absent_of
from core.answers.images import Gallery, page_of, unit_of
from core.answers.loaded import (
    Target,
    files_of,
    files_of_images,
    loaded,
    stored_scores,
    title_of,
    version_of,
)
from core.answers.own_scores import OWN, own_scores
from core.answers.query import digest_of
from core.cache import Cache, freeze, size_of
from core.evaluate.calibration import percentile, quantiles
from core.evaluate.metrics import Metrics, measure
from core.evaluate.operating import check_stakes, least_cost, sweep
from core.evaluate.threshold import Threshold
from core.scenario import Scenario, ScenarioError, load_scenario
from core.settings import settings

__all__ = [
    "DEFAULT",
    "ROLES",
    "ScoreColumn",
    "Stakes",
    "cheapest",
    "column_of",
    "columns_of",
    "files_of_columns",
    "gallery_of_rows",
    "made_of_columns",
    "raw_thresholds",
    "standing_of",
]

ROLES = ("normal", "strange")
DEFAULT = Threshold("percentile", 95.0)


@dataclass(frozen=True, kw_only=True)
class Stakes:
    """What whoever sets a threshold expects of the world, and what errors cost there.

    Attributes:
        prevalence: share of strange images among those that will come.
        miss_cost, alarm_cost: of a strange image that is passed, of a normal one that is flagged.
    """

    prevalence: float = 0.01
    miss_cost: float = 1.0
    alarm_cost: float = 1.0

    @property
    def terms(self) -> dict[str, float]:
        """As `core.evaluate.operating` takes them.

        Raises:
            ScenarioError: no expectation can be formed of them.
        """
        costs = {"miss_cost": self.miss_cost, "alarm_cost": self.alarm_cost}
        try:
            check_stakes(self.prevalence, **costs)
        except ValueError as error:
            raise ScenarioError(str(error)) from error
        return {"prevalence": self.prevalence, **costs}


@dataclass(frozen=True)
class ScoreColumn:
    """A model's score of every image of a strange set and of the normal one that it stands against.

    Attributes:
        name: of the model, DETECTOR or DETECTOR.MODEL; or `OWN`, the visitor's scores.
        part: which of the model's parts is its score; "" where it is no model's.
        unit: of the score on pages: raw * scale + shift.
        normal, strange: raw scores, (N,) and (M,); NaN where the visitor's have none.
        normal_percentiles, strange_percentiles: (N,) and (M,), among the images of the quantiles.
        quantiles: (1001,) of raw scores: of held-out normal images, or, of the visitor's column,
            of the normal TEST images, as nothing else is known of it.
        metrics: of these images.
    """

    name: str
    title: str
    part: str
    unit: str
    scale: float
    shift: float
    normal_set: str
    strange_set: str
    normal: np.ndarray
    strange: np.ndarray
    normal_percentiles: np.ndarray
    strange_percentiles: np.ndarray
    quantiles: np.ndarray
    metrics: Metrics

    @property
    def own(self) -> bool:
        """Whether the visitor brought it."""
        return self.name == OWN

    def raw(self, role: str) -> np.ndarray:
        """Raw scores (N,) of the images of one of `ROLES`."""
        return self.normal if role == "normal" else self.strange

    def percentiles(self, role: str) -> np.ndarray:
        """Percentiles (N,) of the images of one of `ROLES`."""
        return self.normal_percentiles if role == "normal" else self.strange_percentiles

    def measured(self, role: str) -> np.ndarray:
        """Raw scores (n,) of those images of a role that have one."""
        values = self.raw(role)
        return values[np.isfinite(values)]

    @property
    def below_all(self) -> float:
        """A raw threshold that flags all images, and is on an axis: minus infinity is on none."""
        scores = [self.measured(role).min() for role in ROLES]
        return float(np.nextafter(min(*scores, self.quantiles[0]), -np.inf))

    def set_of(self, role: str) -> str:
        """The set whose images have one of `ROLES`."""
        return self.normal_set if role == "normal" else self.strange_set

    def displayed(self, raw: np.ndarray) -> np.ndarray:
        """Raw scores (N,) in the unit of pages, (N,)."""
        return np.asarray(raw, np.float64) * self.scale + self.shift


# Held --------------------------------------------------------------------------------------------

T = TypeVar("T")

# Columns, and what is made of them whatever the threshold: intervals take half a second each.
_held: Cache[Any] = Cache(limit=96_000_000, sized=size_of)


def made_of_columns(
    what: str,
    scenario: str,
    strange: str,
    *,
    names: Iterable[str],
    data: bytes | None,
    make: Callable[[dict[str, ScoreColumn]], T],
) -> T:
    """What ``make`` makes of columns of a scenario, whatever the threshold, while their files stay.

    Args:
        what: the name of what is made.
        scenario: its name; strange: the strange set; names: of models, or `OWN`.
        data: the visitor's file of scores: where these are no column, it changes nothing.

    Raises:
        OutskirtsError: see `columns_of`; or it cannot be made.
    """
    names = tuple(dict.fromkeys(names))
    return _kept(
        (what, scenario, strange, names, _digest(names, data)),
        files_of_columns(scenario, names),
        lambda: make(columns_of(scenario, strange, names=names, data=data)),
    )


def _digest(names: Iterable[str], data: bytes | None) -> bytes | None:
    return digest_of(data) if OWN in names else None


def _kept(key: tuple[Any, ...], files: Iterable[Path], make: Callable[[], T]) -> T:
    """What ``make`` makes of files that it reads itself: they are read after their version is."""
    version = version_of(files)
    return cast(T, _held.get((settings().checkpoints, *key), version, lambda: freeze(make())))


def columns_of(
    scenario: str, strange: str, *, names: Iterable[str], data: bytes | None = None
) -> dict[str, ScoreColumn]:
    """Columns by name, of models of a scenario and, where `OWN` is named, of the visitor's scores.

    Args:
        strange: the strange set.
        names: of models, or `OWN`.
        data: the visitor's file of scores.

    Raises:
        OutskirtsError: see `column_of`; or there are no names.
    """
    columns = {n: column_of(scenario, strange, name=n, data=data) for n in dict.fromkeys(names)}
    if not columns:
        raise ScenarioError("no models were named")
    return columns


def column_of(scenario: str, strange: str, *, name: str, data: bytes | None = None) -> ScoreColumn:
    """The column of a model of a scenario, or of the visitor's scores, held from then on.

    Args:
        strange: the strange set.
        name: of the model, or `OWN`.
        data: the visitor's file of scores.

    Raises:
        OutskirtsError: no such scenario, set, model or checkpoint; the set is not strange; the
            visitor's file is missing, or has no scores of these images.
    """
    load_scenario(scenario).normal_of(strange)  # refuses what is not strange
    files = files_of_columns(scenario, (name,))
    if name == OWN:
        key = ("own", scenario, strange, _digest((OWN,), data))
        return _kept(key, files, lambda: _own(load_scenario(scenario), strange, data))
    target = Target.of(scenario, name)
    if target.stem != name:
        raise ScenarioError(f"no model is named {name!r}")
    if target.world.name != load_scenario(scenario).name:
        raise ScenarioError(f"{target} is no model of scenario {scenario}")
    return _kept(("column", target, strange), files, lambda: _of_model(target, strange))


def files_of_columns(scenario: str, names: Iterable[str]) -> list[Path]:
    """Files that the columns of these names of a scenario come from.

    Raises:
        ScenarioError: there is no such scenario.
    """
    targets = [Target.of(scenario, name) for name in names if name != OWN]
    return files_of(*targets) if targets else list(files_of_images(load_scenario(scenario)))


def _of_model(target: Target, strange: str) -> ScoreColumn:
    world, (detector, card) = target.world, loaded(target)
    normal, part = world.normal_of(strange).name, card.score.part
    stored = stored_scores(target)
    raw = {
        role: stored[name][part].astype(np.float64)
        for role, name in zip(ROLES, (normal, strange), strict=True)
    }
    steps = card.quantiles(part)
    ends = np.array([0.0, 1.0, -1000.0])
    shift, one, far = (float(v) for v in detector.to_display(part, ends))
    if not np.isclose(far, shift - 1000 * (one - shift)):
        raise ScenarioError(f"{target} shows {part} in a unit that is no multiple of its score")
    if one <= shift:
        raise ScenarioError(f"{target} shows {part} in a unit that falls as the score rises")
    return ScoreColumn(
        name=target.stem,
        title=title_of(target),
        part=part,
        unit=unit_of(detector, part),
        scale=one - shift,
        shift=shift,
        normal_set=normal,
        strange_set=strange,
        **raw,
        normal_percentiles=percentile(raw["normal"], steps),
        strange_percentiles=percentile(raw["strange"], steps),
        quantiles=steps,
        metrics=card.metrics[strange][part],
    )


def _own(scenario: Scenario, strange: str, data: bytes | None) -> ScoreColumn:
    read = own_scores(scenario.name, strange, data=data)
    read.check()
    normal, others = (values[np.isfinite(values)] for values in (read.normal, read.strange))
    steps = quantiles(normal)
    return ScoreColumn(
        name=OWN,
        title="Your scores",
        part="",
        unit="as in your file",
        scale=1.0,
        shift=0.0,
        normal_set=read.normal_set,
        strange_set=strange,
        normal=read.normal,
        strange=read.strange,
        normal_percentiles=_percentiles(read.normal, steps),
        strange_percentiles=_percentiles(read.strange, steps),
        quantiles=steps,
        metrics=measure(normal, others),
    )


def _percentiles(raw: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Percentiles of raw scores; NaN of NaN, which would count as the largest."""
    return np.where(np.isfinite(raw), percentile(raw, steps), np.nan)


# Where each flags --------------------------------------------------------------------------------


def standing_of(
    threshold: Threshold, scenario: str, *, strange: str, data: bytes | None = None
) -> float | None:
    """The percentile above which all models of a scenario flag; None by cost.

    Args:
        strange: the strange set.
        data: the visitor's file of scores.

    Raises:
        OutskirtsError: see `column_of`, of the model whose score the threshold is.
    """
    stored = {}
    if threshold.by == "score":
        one = column_of(scenario, strange, name=threshold.model, data=data)
        stored = {one.name: one.quantiles}
    return threshold.standing(stored)


def raw_thresholds(
    threshold: Threshold,
    columns: Mapping[str, ScoreColumn],
    *,
    standing: float | None,
    stakes: Stakes,
) -> dict[str, float]:
    """The raw score above which each of the columns flags, by name.

    Args:
        standing: the percentile above which all flag; None by cost.

    Raises:
        ScenarioError: no expectation can be formed of the stakes.
    """
    if standing is None:
        return {name: cheapest(column, stakes) for name, column in columns.items()}
    return {
        name: threshold.raw(name, column.quantiles, at=standing) for name, column in columns.items()
    }


def cheapest(column: ScoreColumn, stakes: Stakes) -> float:
    """The raw threshold at which a column's images cost least.

    Raises:
        ScenarioError: no expectation can be formed of the stakes.
    """
    counts = sweep(column.measured("normal"), column.measured("strange"))
    row = least_cost(counts, **stakes.terms)
    return float(counts.thresholds[row]) if row else column.below_all


# Their pictures ----------------------------------------------------------------------------------


def gallery_of_rows(
    scenario: str, column: ScoreColumn, *, role: str, rows: np.ndarray, count: int, page: int
) -> Gallery:
    """One page of a scenario's images of a role, in these rows (n,), with scores; n may be 0.

    Args:
        column: whose scores they are.
        count: of images on a page; page: from 1 on, the nearest that there is.

    Raises:
        ScenarioError: the count is not positive.
    """
    rows, pages = page_of(rows, count=count, page=page)
    world, name = load_scenario(scenario), column.set_of(role)
    pictures = world.pictures(name)
    shown = [pictures.shown(int(i)) for i in rows]
    return Gallery(
        sets=(name,) * len(rows),
        indices=rows.astype(np.int64),
        images=np.stack(shown) if shown else np.empty((0, *world.shape.pixels), np.uint8),
        displayed=column.displayed(column.raw(role)[rows]),
        percentiles=column.percentiles(role)[rows],
        pages=pages,
        absent=absent_of(world, (name,)) if len(rows) else (),
    )
