"""The cells of a study on disk: computed by any number of processes, resumed, never half there.

A cell is one arm of one variant of one data set, so that a new arm costs its own cells alone. What
several arms build on is trained once a variant and lies beside them. The files are plain: computed
on another machine they are copied home and collected here.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.torch import load, save
from torch import Tensor

from core.errors import OutskirtsError
from core.files import Busy, alone, read_text, write_whole
from core.results import Setting
from core.settings import settings
from core.studies._base import Arm, Case, Say, Study

__all__ = [
    "Cell",
    "cells_of",
    "chosen",
    "compute",
    "facts_of",
    "folder_of",
    "missing",
    "scores_of",
    "tried",
]

PAUSE = 1.0  # seconds until it is looked again whether other processes are done


@dataclass(frozen=True)
class Cell:
    """A file that is computed at once.

    Attributes:
        kind: "shared" is what several arms build on, "tuning" chooses settings, "measuring" scores.
        label: for people.
        path: where it lies.
        work: what makes the content.
        needs: cells that have to be there before.
    """

    kind: str
    label: str
    path: Path
    work: Callable[[], bytes]
    needs: tuple[Cell, ...] = ()

    def __str__(self) -> str:
        return self.label

    @property
    def there(self) -> bool:
        return self.path.exists()


def folder_of(study: Study) -> Path:
    """Where the cells of a study lie; under other conditions they lie elsewhere."""
    return settings().runs / "studies" / study.name / _digest(study.conditions, 12)


def _digest(values: object, length: int = 8) -> str:
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def cells_of(study: Study, cases: Collection[Case] | None = None) -> list[Cell]:
    """The cells of these cases or of all: those that choose settings for them, then the others."""
    wanted = [case for case in study.cases if cases is None or case in cases]
    names = {case.data for case in wanted}
    tuned = [c for c in study.tuning if c.data in names]
    return [tuning_cell(study, arm, case) for case in tuned for arm in study.arms] + [
        measuring_cell(study, arm, case) for case in wanted for arm in study.arms
    ]


def missing(study: Study) -> list[Cell]:
    """Cells that are not on disk."""
    return [cell for cell in cells_of(study) if not cell.there]


def shared_cell(study: Study, arm: Arm, case: Case) -> Cell:
    """What the arm and others build on in a case."""
    asked = study.asked(arm, case)
    stem = f"shared-{case.data}-{case.variant}-{arm.shares}" + (
        f"-{_digest(asked)}" if asked else ""
    )
    return Cell(
        "shared",
        f"{_where(study, case)}, what arms share: {arm.shares}",
        folder_of(study) / f"{stem}.safetensors",
        partial(_share, study, arm, case),
    )


def tuning_cell(study: Study, arm: Arm, case: Case) -> Cell:
    """What every setting of the arm is worth on the faults of a case."""
    return Cell(
        "tuning",
        f"{_where(study, case)}, tuning: {arm.title}",
        folder_of(study) / f"tune-{_stem(study, arm, case)}.json",
        partial(_tune, study, arm, case),
        (shared_cell(study, arm, case),) if arm.shares else (),
    )


def measuring_cell(study: Study, arm: Arm, case: Case) -> Cell:
    """The arm's scores of the test images, by the setting that was chosen."""
    tuned = [tuning_cell(study, arm, c) for c in study.tuning if c.data == case.data]
    return Cell(
        "measuring",
        f"{_where(study, case)}, measuring: {arm.title}",
        folder_of(study) / f"{_stem(study, arm, case)}.npz",
        partial(_measure, study, arm, case),
        (*tuned, *([shared_cell(study, arm, case)] if arm.shares else [])),
    )


def _where(study: Study, case: Case) -> str:
    return f"{case.data}, {study.variant} {case.variant}"


def _stem(study: Study, arm: Arm, case: Case) -> str:
    decides = {**arm.as_dict(), **study.asked(arm, case)}
    return f"{case.data}-{case.variant}-{arm.name}-{_digest(decides)}"


# The work -----------------------------------------------------------------------------------------


def compute(
    study: Study,
    *,
    cases: Collection[Case] | None = None,
    shared_alone: bool = False,
    say: Say = lambda text: None,
) -> None:
    """Compute the cells that are not there yet, of these cases or of all; ``say`` how far it came.

    Of ``shared_alone`` those that arms build on: what another machine trains, and sends home.

    Any number of processes may do so at the same time, on one machine: each takes a cell that no
    other is at, and waits where all that is left is being computed or needs what is.
    """
    cells = [cell for cell in cells_of(study, cases) if not cell.there]
    # Tuning comes first, and what is needed before what needs it; a dictionary keeps the order.
    ordered = {c.path: c for cell in cells for c in (*cell.needs, cell)}
    if shared_alone:
        ordered = {path: cell for path, cell in ordered.items() if cell.kind == "shared"}
    folder_of(study).mkdir(parents=True, exist_ok=True)
    while left := [cell for cell in ordered.values() if not cell.there]:
        say(f"{len(left)} of {len(ordered)} cells are left")
        if not any(_take(cell, say) for cell in left):
            time.sleep(PAUSE)


def _take(cell: Cell, say: Say) -> bool:
    """Compute a cell that is not there, unless it is not its turn or another process is at it."""
    if cell.there or not all(c.there for c in cell.needs):
        return False
    try:
        with alone(cell.path.parent / "locks" / cell.path.stem, f"{cell} is computed"):
            if cell.there:
                return False
            say(str(cell))
            write_whole(cell.path, cell.work())
    except Busy:
        return False
    return True


def _share(study: Study, arm: Arm, case: Case) -> bytes:
    start = time.monotonic()
    tensors = study.build(arm.shares, case)
    return save(dict(tensors), {"facts": json.dumps(_facts(study, start))})


def _shared(study: Study, arm: Arm, case: Case) -> Mapping[str, Tensor]:
    return load(shared_cell(study, arm, case).path.read_bytes()) if arm.shares else {}


def _tune(study: Study, arm: Arm, case: Case) -> bytes:
    """What every setting is worth."""
    start = time.monotonic()
    values = study.worth(arm, case, shared=_shared(study, arm, case))
    facts = _facts(study, start) | _building_on(study, arm, case)
    return json.dumps({"faults": values, "facts": facts}).encode()


def _measure(study: Study, arm: Arm, case: Case) -> bytes:
    """Scores (N,), or maps (N, H, W), of all test images of the case's data set."""
    start, setting = time.monotonic(), chosen(study, arm, case.data)
    scores = study.scores(arm, setting, case=case, shared=_shared(study, arm, case))
    facts = _facts(study, start) | _building_on(study, arm, case)
    facts |= {"setting": dict(setting), **study.facts(case)}
    packed = io.BytesIO()
    np.savez_compressed(packed, scores=scores, facts=np.array(json.dumps(facts)))
    return packed.getvalue()


def _facts(study: Study, start: float) -> dict[str, Any]:
    """How a cell was computed that was begun at ``start``."""
    return {
        "seconds": time.monotonic() - start,
        "processor": study.processor,
        "versions": {name: importlib.metadata.version(name) for name in study.packages},
    }


def _building_on(study: Study, arm: Arm, case: Case) -> dict[str, Any]:
    """How what the arm shares was computed, by its name: home comes the cell alone."""
    if not arm.shares:
        return {"shared": {}}
    cell = shared_cell(study, arm, case)
    with safe_open(cell.path, "numpy") as stored:
        return {"shared": {cell.path.stem: json.loads(stored.metadata()["facts"])}}


# Read ---------------------------------------------------------------------------------------------


def tried(study: Study, arm: Arm, data: str) -> np.ndarray:
    """What an arm's settings are worth, (settings,), in the mean over tuning cases of some data.

    0 where there is no such case.

    Raises:
        ValueError: there is something to choose, and no case to choose on.
    """
    cells = [tuning_cell(study, arm, case) for case in study.tuning if case.data == data]
    if not cells and len(arm.grid) > 1:
        raise ValueError(f"{arm.name} has settings to choose, and no case of {data} to choose on")
    faults = [json.loads(read_text(cell.path))["faults"] for cell in cells]
    return np.mean(faults, 0) if faults else np.zeros(1)


def chosen(study: Study, arm: Arm, data: str) -> Setting:
    """An arm's best setting on a data set's tuning cases; of equals the first."""
    return arm.grid[int(tried(study, arm, data).argmax())]


def scores_of(study: Study, arm: Arm, case: Case) -> np.ndarray:
    """Scores (N,), or maps (N, H, W), of the test images.

    Raises:
        OutskirtsError: the cell was computed by another setting than is chosen now.
    """
    cell, setting = measuring_cell(study, arm, case), dict(chosen(study, arm, case.data))
    if (measured := facts_of(cell)["setting"]) != setting:
        raise OutskirtsError(f"{cell.path} was computed by {measured}, not {setting}: delete it")
    with np.load(cell.path, allow_pickle=False) as stored:
        return stored["scores"]


def facts_of(cell: Cell) -> dict[str, Any]:
    """How a cell that tuned or measured was computed: seconds, processor, versions and more."""
    if cell.kind == "tuning":
        return json.loads(read_text(cell.path))["facts"]
    with np.load(cell.path, allow_pickle=False) as stored:
        return json.loads(stored["facts"].item())
