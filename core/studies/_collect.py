"""The table of a study from its cells: figures, paired intervals, and how they came about."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from core.card import CardError
from core.evaluate.bootstrap import interval, resamples
from core.files import check_writable
from core.results import (
    ArmResult,
    Contrast,
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

# Values (C, A) of cases and arms, and under every resample (D, C, A), by measure.
_Drawn = Mapping[str, tuple[np.ndarray, np.ndarray]]

INTERVAL = (
    "95 % of {draws:,} paired bootstraps, test images resampled within each label, the same for "
    "all arms and {variants}; {covers}"
)


def stored(study: Study) -> StudyResult:
    """What is stored, if it is what this code would compute, of the study or of its wider one.

    Raises:
        StudyMissing: there is none, it is damaged, or it was computed by another plan.
    """
    result = read_study(study.name)
    wider = study.wider()
    try:
        plans = [plan_of(one) for one in (study, wider) if one]
    except CardError as error:
        raise StudyMissing(f"{study.name} asks a checkpoint that is not here: {error}") from error
    if result.plan not in plans:
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
    drawn: dict[str, _Drawn] = {}
    for data in study.data:
        say(f"{data}: intervals")
        drawn[data] = _drawn(study, data)
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
        rows=tuple(row for data in drawn for row in _rows(study, data, drawn=drawn[data])),
        run=_run(study),
        contrasts=tuple(_contrasts(study, drawn)),
        published=study.published,
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
    shared = {stem: built for f in facts for stem, built in f.get("shared", {}).items()}
    every = [*facts, *shared.values()]
    images = [f["images"] for f in facts if "images" in f]
    return Run(
        minutes=round(sum(f["seconds"] for f in every) / 60, 1),
        processor=_different(f["processor"] for f in every),
        versions={name: _different(f["versions"][name] for f in every) for name in study.packages},
        choice=study.choice,
        interval=INTERVAL.format(draws=study.draws, variants=study.variants, covers=study.covers),
        training_images=round(float(np.mean(images)), 1) if images else None,
        test_images={data: len(study.test(data)[1]) for data in study.data},
    )


def _different(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts))


# Figures ------------------------------------------------------------------------------------------


def _cases(study: Study, data: str) -> list[Case]:
    return [case for case in study.cases if case.data == data]


def _drawn(study: Study, data: str) -> _Drawn:
    """Of a data set, by measure: values (C, A), and under every resample (D, C, A)."""
    cases, labels = _cases(study, data), study.test(data)[1]
    scores = np.array([[scores_of(study, arm, case) for arm in study.arms] for case in cases])
    return {
        name: resampled(study, cases, scores, labels, measure=function)
        for name, (_, function) in study.measures.items()
    }


def _rows(study: Study, data: str, *, drawn: _Drawn) -> list[Row]:
    """Every arm's rows on one data set, by measure: the mean over its cases, then each."""
    cases = _cases(study, data)
    rows: list[Row] = []
    for name, (alone, draws) in drawn.items():
        for a, arm in enumerate(study.arms):
            known: dict[str, Any] = {"arm": arm.name, "data": data, "measure": name}
            rows.append(Row(variant=None, **known, **_figures(alone.mean(0), draws.mean(1), a)))
            rows += [
                Row(variant=case.variant, **known, **_figures(alone[c], draws[:, c], a))
                for c, case in enumerate(cases)
            ]
    return rows


def _contrasts(study: Study, drawn: Mapping[str, _Drawn]) -> Iterator[Contrast]:
    """The study's pairs of arms by the first measure, on each data set, and on all together.

    Each case counts alike in the latter; test images of data sets are resampled apart.
    """
    measure, names = next(iter(study.measures)), [arm.name for arm in study.arms]
    pieces: dict[str | None, tuple[np.ndarray, np.ndarray]]
    pieces = {data: by_measure[measure] for data, by_measure in drawn.items()}
    values, draws = zip(*pieces.values(), strict=True)
    pieces[None] = np.concatenate(values), np.concatenate(draws, 1)
    for arm, other in study.contrasts:
        a, b = names.index(arm), names.index(other)
        for data, (alone, resamples_) in pieces.items():
            low, high = interval((resamples_[..., a] - resamples_[..., b]).mean(1))
            figures = {"value": (alone[:, a] - alone[:, b]).mean(), "low": low, "high": high}
            rounded = {name: round(float(value), 6) for name, value in figures.items()}
            yield Contrast(arm=arm, other=other, data=data, **rounded)


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
