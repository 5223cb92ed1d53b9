"""What goes into a report on many images: verdicts at a threshold, maps, what to expect."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version

import numpy as np

import core
from core.answers.columns import Stakes
from core.answers.explain import MapQuery, map_view
from core.answers.images import ImageQuery
from core.answers.loaded import Target, loaded, title_of
from core.answers.operating import Verdict, VerdictsQuery, verdicts
from core.answers.own import Batch, BatchScores
from core.data.picture import png
from core.evaluate.threshold import Threshold
from core.report.contents import Report, ReportEntry, ReportMap, ReportModel
from core.scenario import Scenario, ScenarioError, load_scenario

__all__ = [
    "MAPPED",
    "PACKAGES",
    "Report",
    "ReportEntry",
    "Reported",
    "report_of",
    "strangest_first",
]

MAPPED = 24  # of the strangest images are explained
PACKAGES = ("torch", "numpy", "pillow", "safetensors")


@dataclass(frozen=True)
class Reported(Stakes):
    """What a report is about, beside the images and their numbers.

    Attributes:
        date: as it is to be read: a report of the same is the same, but for it.
        strange: the set on which recall was measured; None: the scenario's first, if it has one.
        errors: of files that could not be read, (id, reason).
        tags: to the ids of images that have them; lines: of notes.
    """

    scenario: str
    threshold: Threshold
    date: str
    strange: str | None = None
    errors: Sequence[tuple[str, str]] = ()
    tags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lines: Sequence[str] = ()

    def with_errors(self, errors: Sequence[tuple[str, str]]) -> Reported:
        """The same with these errors, (id, reason) each."""
        return replace(self, errors=errors)


def report_of(
    about: Reported,
    entries: Sequence[ReportEntry],
    *,
    batch: Batch,
    watch: Callable[[int], None] | None = None,
) -> Report:
    """A report on entries, and on what the models of a batch say of them, row by row.

    Args:
        about: which scenario, at which threshold, and what else to say.
        watch: told how many of the strangest images are explained.

    Raises:
        OutskirtsError: no such scenario, set or checkpoint; no images; or no expectation or cost.
    """
    if not entries or batch.count != len(entries) or not batch.models:
        raise ScenarioError(f"a report needs images and models, got {len(entries)} images")
    scenario, terms = load_scenario(about.scenario), about.terms
    judged = _judged(about, tuple(batch.models))
    models = [_model(scenario, n, scores, judged=judged) for n, scores in batch.models.items()]
    return Report(
        scenario=scenario.name,
        title=scenario.title,
        normal=scenario.normal.title,
        strange=judged.strange,
        against=judged.against,
        date=about.date,
        threshold=about.threshold,
        prevalence=terms["prevalence"],
        costs=(terms["miss_cost"], terms["alarm_cost"]),
        entries=entries,
        models=models,
        order=(order := strangest_first(batch)),
        maps=_maps(scenario, entries, order[:MAPPED], models=models, watch=watch),
        errors=about.errors,
        tags=about.tags,
        lines=about.lines,
        versions=_versions(),
    )


def strangest_first(batch: Batch) -> np.ndarray:
    """Rows (n,) of a batch by their mean percentile; of equal ones, by the first model's score."""
    mean = np.mean([scores.percentiles for scores in batch.models.values()], axis=0)
    first = next(iter(batch.models.values())).raw
    return np.lexsort((np.arange(batch.count), -first, -mean))


def _versions() -> dict[str, str]:
    packages = {package: version(package) for package in PACKAGES}
    return {"outskirts": core.__version__, "python": platform.python_version(), **packages}


# Verdicts ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Judged:
    """Where each model's threshold lies, raw, and how good it was on reference images."""

    strange: str
    against: str
    raw: Mapping[str, float]
    verdicts: Mapping[str, Verdict]


def _judged(about: Reported, models: tuple[str, ...]) -> _Judged:
    scenario = load_scenario(about.scenario)
    strange = about.strange or next((s.name for s in scenario.strange), None)
    if strange is None:
        return _Judged("", scenario.normal.title, _without_strange(about, models), {})
    query = VerdictsQuery(
        scenario=about.scenario,
        strange=strange,
        models=models,
        threshold=about.threshold,
        prevalence=about.prevalence,
        miss_cost=about.miss_cost,
        alarm_cost=about.alarm_cost,
    )
    judged = verdicts(query)
    title, against = (scenario.set_named(n).title for n in (strange, judged.normal_set))
    by_name = {verdict.name: verdict for verdict in judged.models}
    return _Judged(title, against, {name: v.raw for name, v in by_name.items()}, by_name)


def _without_strange(about: Reported, models: tuple[str, ...]) -> dict[str, float]:
    """The raw threshold of each model, where no strange images say what it is worth."""
    stored = {name: _quantiles(about.scenario, name) for name in models}
    if about.threshold.by == "score" and about.threshold.model not in stored:
        raise ScenarioError(f"the threshold is a score of {about.threshold.model}, not asked here")
    at = about.threshold.standing(stored)
    if at is None:
        raise ScenarioError(
            f"scenario {about.scenario} has no strange images: no threshold costs least"
        )
    return {name: about.threshold.raw(name, stored[name], at=at) for name in models}


def _quantiles(scenario: str, model: str) -> np.ndarray:
    _, card = loaded(Target.of(scenario, model))
    return card.quantiles(card.score.part)


def _model(scenario: Scenario, name: str, scores: BatchScores, *, judged: _Judged) -> ReportModel:
    from core.evaluate.calibration import above, percentile

    target = Target.of(scenario.name, name)
    detector, card = loaded(target)
    raw, verdict, part = judged.raw[name], judged.verdicts.get(name), card.score.part
    stored, held_out = card.quantiles(part), card.calibration.images
    return ReportModel(
        name=name,
        title=title_of(target),
        unit=scores.unit,
        raw=scores.raw,
        displayed=scores.displayed,
        percentiles=scores.percentiles,
        flagged=scores.raw > raw,
        foreign=scores.foreign,
        threshold=float(detector.to_display(part, np.array([raw]))[0]),
        threshold_raw=raw,
        standing=float(percentile(np.array([raw]), stored)[0]),
        above=above(raw, stored, count=held_out),
        calibration=held_out,
        trained_on=f"{card.data.images:,} images of {card.data.name}",
        sha256=card.weights.sha256,
        seal=card.seal,
        licence=card.licence,
        false_alarm_rate=None if verdict is None else verdict.false_alarm_rate,
        recall=None if verdict is None else verdict.recall,
        precision=None if verdict is None else verdict.precision,
    )


# Maps -------------------------------------------------------------------------------------------


def _maps(
    scenario: Scenario,
    entries: Sequence[ReportEntry],
    rows: np.ndarray,
    *,
    models: Sequence[ReportModel],
    watch: Callable[[int], None] | None,
) -> list[ReportMap]:
    """Each model's own map of the strangest images, where it has one."""
    maps = []
    for count, row in enumerate(map(int, rows), start=1):
        if (image := entries[row].image) is None:
            continue
        for model in models:
            found = _map(scenario, model, image)
            maps += [] if found is None else [ReportMap(row, model.name, model.title, *found)]
        if watch:
            watch(count)
    return maps


def _map(
    scenario: Scenario, model: ReportModel, image: np.ndarray
) -> tuple[np.ndarray, float] | None:
    """A model's own map (H, W) of an image, and the share of its score that is in no pixel."""
    target = Target.of(scenario.name, model.name)
    view = map_view(MapQuery(ImageQuery(target, "own", None)), png(image))
    return None if view.refusal else (view.map, view.residual_share)
