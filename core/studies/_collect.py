"""The table of a study from its cells: figures, paired intervals, and how they came about."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from core.card import CardError
from core.evaluate.bootstrap import interval, resamples
from core.files import check_writable
from core.results import (
    ArmResult,
    Row,
    Run,
    StudyMissing,
    StudyResult,
    Trial,
    read_study,
    study_path,
    write_study,
)
from core.studies._base import Case, Measure, Say, Study, plan_of
from core.studies._cells import (
    cells_of,
    chosen,
    compute,
    facts_of,
    folder_of,
    missing,
    scores_of,
    tried,
)

__all__ = ["collect", "measure", "stored"]

INTERVAL = (
    "95 % of {draws:,} paired bootstraps, test images resampled within each label, the same for "
    "all arms and {variants}; {covers}"
)


def stored(study: Study) -> StudyResult:
    """What is stored, if it is what this code would compute.

    Raises:
        StudyMissing: there is none, it is damaged, or it was computed by another plan.
    """
    result = read_study(study.name)
    try:
        plan = plan_of(study)
    except CardError as error:
        raise StudyMissing(f"{study.name} asks a checkpoint that is not here: {error}") from error
    if result.plan != plan:
        raise StudyMissing(
            f"studies/{study_path(study.name).name} was computed with other settings than the code "
            f"has now: `python -m core bench {study.name}` computes it again"
        )
    return result


def measure(study: Study, *, force: bool = False, say: Say = lambda text: None) -> StudyResult:
    """The stored table if it fits the plan; else compute what is missing, and store it.

    Args:
        say: told how far it came.
        force: forget the cells and the stored one. Code that changed without its settings changing
            is not noticed otherwise.

    Raises:
        DataMissing: the images are not in the data folder.
        FileError: the result may not be written, which is tried before the work.
    """
    if force:
        shutil.rmtree(folder_of(study), ignore_errors=True)
    elif not _begun(study):
        try:
            return stored(study)
        except StudyMissing as absent:
            say(str(absent))
    path = study_path(study.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    check_writable(path)
    compute(study, say=say)
    result = collect(study, say=say)
    write_study(result)
    return result


def _begun(study: Study) -> bool:
    """Whether there are cells that go beyond what is stored: interrupted, or shared out."""
    times = [cell.path.stat().st_mtime for cell in cells_of(study) if cell.there]
    path = study_path(study.name)
    return bool(times) and bool(
        missing(study) or not path.exists() or max(times) > path.stat().st_mtime
    )


def collect(study: Study, *, say: Say = lambda text: None) -> StudyResult:
    """The table of all cells; ``say`` is told how far it came.

    Raises:
        StudyMissing: cells are missing.
    """
    if absent := missing(study):
        raise StudyMissing(f"{len(absent)} cells were not computed yet: {absent[0]} ...")
    rows: list[Row] = []
    for data in study.data:
        say(f"{data}: intervals")
        rows += _rows(study, data)
    result = StudyResult(
        schema=1,
        name=study.name,
        title=study.title,
        question=study.question,
        text=study.text,
        plan=plan_of(study),
        reference=study.arms[0].name,
        data=dict(study.data),
        over=study.over,
        measures={name: title for name, (title, _) in study.measures.items()},
        arms=tuple(_arms(study)),
        rows=tuple(rows),
        run=_run(study),
    )
    return result.model_copy(update={"notes": study.notes(result)})


def _arms(study: Study) -> Iterator[ArmResult]:
    """Every arm with what it tried and chose."""
    tuned = [data for data in study.data if any(case.data == data for case in study.tuning)]
    for arm in study.arms:
        values = {data: tried(study, arm, data) for data in tuned}
        trials = tuple(
            Trial(setting=dict(s), faults={d: round(float(v[i]), 6) for d, v in values.items()})
            for i, s in enumerate(arm.grid)
        )
        by_data = {data: dict(chosen(study, arm, data)) for data in study.data}
        yield ArmResult(
            name=arm.name, title=arm.title, text=arm.text, trials=trials, chosen=by_data
        )


def _run(study: Study) -> Run:
    facts = [facts_of(cell) for cell in cells_of(study)]
    shared = {stem: seconds for f in facts for stem, seconds in f.get("shared", {}).items()}
    seconds = sum(f["seconds"] for f in facts) + sum(shared.values())
    images = [f["images"] for f in facts if "images" in f]
    return Run(
        minutes=round(seconds / 60, 1),
        processor=_different(f["processor"] for f in facts),
        versions={name: _different(f["versions"][name] for f in facts) for name in study.packages},
        choice=study.choice,
        interval=INTERVAL.format(draws=study.draws, variants=study.variants, covers=study.covers),
        training_images=round(float(np.mean(images)), 1) if images else None,
        test_images={data: len(study.test(data)[1]) for data in study.data},
    )


def _different(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts))


# Figures ------------------------------------------------------------------------------------------


def _rows(study: Study, data: str) -> list[Row]:
    """Every arm's rows on one data set, by measure: the mean over its cases, then each."""
    cases = [case for case in study.cases if case.data == data]
    labels = study.test(data)[1]
    scores = np.array([[scores_of(study, arm, case) for arm in study.arms] for case in cases])
    rows: list[Row] = []
    for name, (_, function) in study.measures.items():
        alone, drawn = resampled(study, cases, scores, labels, measure=function)
        for a, arm in enumerate(study.arms):
            known: dict[str, Any] = {"arm": arm.name, "data": data, "measure": name}
            rows.append(Row(variant=None, **known, **_figures(alone.mean(0), drawn.mean(1), a)))
            rows += [
                Row(variant=case.variant, **known, **_figures(alone[c], drawn[:, c], a))
                for c, case in enumerate(cases)
            ]
    return rows


def resampled(
    study: Study, cases: list[Case], scores: np.ndarray, labels: np.ndarray, *, measure: Measure
) -> tuple[np.ndarray, np.ndarray]:
    """Values (C, A) of scores (C, A, N, ...), cases by arms, and under every resample, (D, C, A).

    Images are resampled once for all cases and arms, so that what they share is in no difference.
    """
    values = [
        [measure(of_arm, study.normal(case, labels)) for of_arm in of_case]
        for case, of_case in zip(cases, scores, strict=True)
    ]

    def weighted(counts: np.ndarray) -> list[list[float]]:
        return [[value(counts) for value in of_case] for of_case in values]

    drawn = resamples(labels, draws=study.draws, seed=study.seed)
    return np.array(weighted(np.ones(len(labels)))), np.array([weighted(c) for c in drawn])


def _figures(alone: np.ndarray, drawn: np.ndarray, a: int) -> dict[str, Any]:
    """An arm's value among all arms' (A,), its interval from draws (D, A), and both of the
    difference to the first arm."""
    low, high = interval(drawn[:, a])
    difference_low, difference_high = interval(drawn[:, a] - drawn[:, 0])
    figures = {
        "value": alone[a],
        "low": low,
        "high": high,
        "difference": alone[a] - alone[0],
        "difference_low": difference_low,
        "difference_high": difference_high,
    }
    return {name: round(float(value), 6) for name, value in figures.items()}
