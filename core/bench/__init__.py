"""One file a subject that is timed; the folder is the registry. `run` runs studies by name too.

Figures, never verdicts. A subject's file offers ``BENCHMARKS``, by name; with ``ON_DEMAND`` true
they run by name alone, never among all.
"""

from __future__ import annotations

import importlib
import inspect
import math
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from core.errors import OutskirtsError
from core.results import StudyMissing, StudyResult
from core.studies import study, study_names

if TYPE_CHECKING:
    from core.bench._base import Benchmark, Row, Say

__all__ = ["Figures", "benchmarks", "run"]


@dataclass(frozen=True)
class Figures:
    """What benchmarks and studies found.

    Attributes:
        rows: timings.
        missing: why studies are not among ``studies`` although they were to be shown.
    """

    rows: tuple[Row, ...] = ()
    studies: tuple[StudyResult, ...] = ()
    missing: tuple[str, ...] = ()

    def as_dicts(self) -> list[dict[str, Any]]:
        """A dictionary a row, each with its benchmark's name; a study's have other keys."""
        timed = [row.as_dict() for row in self.rows]
        return timed + [{"benchmark": s.name, **row} for s in self.studies for row in s.listed()]


def benchmarks() -> Mapping[str, Mapping[str, Benchmark]]:
    """Benchmarks by name, of each subject."""
    stems = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return {stem: _subject(stem).BENCHMARKS for stem in stems}


def _subject(stem: str) -> Any:
    return importlib.import_module(f"core.bench.{stem}")


def _among_all() -> dict[str, Benchmark]:
    """What runs when nothing is named."""
    return {
        name: timing
        for stem, subject in benchmarks().items()
        if not getattr(_subject(stem), "ON_DEMAND", False)
        for name, timing in subject.items()
    }


def run(
    name: str | None,
    *,
    force: bool = False,
    more: bool = False,
    minutes: float | None = None,
    watch: Say = lambda text: None,
) -> Figures:
    """Run one benchmark, all of a subject, or all; or a study, which its first letters may name.

    A study takes the better part of an hour: among all it is shown as it is stored, and not if
    that does not fit the code; by its name it is computed where it does not.

    Args:
        watch: told how far it came.
        force: compute the study in any case.
        more: with the cells that the study has on demand.
        minutes: that the benchmark runs, where it takes any; None: its own.

    Raises:
        OutskirtsError: there is no such benchmark, it takes no minutes, or the study has no more
            cells.
        DataMissing: the study's images are not in the data folder.
    """
    subjects, studies = benchmarks(), study_names()
    timed = {n: timing for subject in subjects.values() for n, timing in subject.items()}
    name = _known(name, [*timed, *subjects, *studies], studies)
    if minutes is not None:
        return Figures(tuple(_timed_for(name, timed, minutes)(watch)))
    if (force or more) and name not in studies:
        option = "--force" if force else "--more"
        raise OutskirtsError(f"{option} is of bench {' or '.join(studies)} alone")
    if name in studies:
        return _studied(name, force=force, more=more, watch=watch)
    chosen = _among_all() if name is None else subjects.get(name) or {name: timed[name]}
    rows = tuple(row for timing in chosen.values() for row in timing(watch))
    return Figures(rows) if name else _with_stored(rows)


def _known(name: str | None, known: Sequence[str], studies: Sequence[str]) -> str | None:
    """The name of what is known, or of the one study that begins so.

    Raises:
        OutskirtsError: there is none.
    """
    begun = [study_name for study_name in studies if name and study_name.startswith(name)]
    if name is None or name in known:
        return name
    if len(begun) == 1:
        return begun[0]
    raise OutskirtsError(f"no benchmark {name!r}; there are: {', '.join(dict.fromkeys(known))}")


def _timed_for(name: str | None, timed: Mapping[str, Benchmark], minutes: float) -> Benchmark:
    """A benchmark that runs so many minutes.

    Raises:
        OutskirtsError: it takes none, or not so few.
    """
    taking: dict[str, Callable[..., list[Row]]] = {
        n: b for n, b in timed.items() if "minutes" in inspect.signature(b).parameters
    }
    if name not in taking:
        raise OutskirtsError(f"--minutes is of bench {' or '.join(taking)} alone")
    if not minutes > 0 or math.isinf(minutes):
        raise OutskirtsError(f"--minutes must be above 0, got {minutes:g}")
    return partial(taking[name], minutes=minutes)


def _studied(name: str, *, force: bool, more: bool, watch: Say) -> Figures:
    """A study's table, computed where it is not there."""
    from core.studies._collect import measure

    chosen = study(name).wider() if more else study(name)
    if chosen is None:
        raise OutskirtsError(f"bench {name} has no cells that --more computes")
    return Figures(studies=(measure(chosen, force=force, say=watch),))


def _with_stored(rows: tuple[Row, ...]) -> Figures:
    """Timings, and every study as it is stored."""
    from core.studies._collect import stored

    results, missing = [], []
    for name in study_names():
        try:
            results.append(stored(study(name)))
        except StudyMissing as error:
            missing.append(str(error))
    return Figures(rows, tuple(results), tuple(missing))
