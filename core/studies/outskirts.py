"""The ablation of Outskirts: what each of its parts is worth, one class normal, nine strange.

Each class is a part of its own on disk, so that an interrupted computation goes on. Settings are
chosen on held-out normal images damaged by hand, before any test image is read.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import torch

from core.data.sources import public_set
from core.data.splits import calibration_split
from core.data.stream import Stream
from core.detectors.outskirts import Outskirts
from core.evaluate.bootstrap import Areas, interval, resamples
from core.files import check_writable, read_text, write_whole
from core.inference.scoring import parts_of
from core.inference.validation import validate
from core.results import (
    Ablation,
    AblationMissing,
    ArmResult,
    Figures,
    Run,
    Trial,
    ablation_path,
    read_ablation,
)
from core.settings import settings
from core.studies._outskirts_arms import (
    FULL,
    PLAN,
    Arm,
    Plan,
    Setting,
    Staged,
    base_of,
    epochs_of,
    ready,
)
from core.train.card import processor

__all__ = ["collect", "compute", "measure", "stored"]

Say = Callable[[str], None]
CHOICE = (
    "the setting with the highest mean AUROC over four synthetic faults of held-out normal images "
    "(patch swap, block shuffle, blur, elastic bend) and the tuning classes; no strange image. "
    "What all arms share, such as epochs and descriptors, was chosen for the full method before"
)
INTERVAL = (
    "95 % of {draws:,} paired bootstraps, test images resampled within each label, the same for "
    "all arms and classes; they cover test images, not training seeds"
)


# Images -------------------------------------------------------------------------------------------


@cache
def _images(name: str, train: bool) -> tuple[np.ndarray, np.ndarray]:
    return public_set(name, settings().data, train=train)


def _of_class(plan: Plan, name: str, normal: int) -> tuple[Stream, np.ndarray]:
    """A class's training images as a stream, and its held-out ones (N, H, W)."""
    images, labels = _images(name, True)
    splits = calibration_split(len(images), calibration=plan.calibration, seed=plan.seed)
    mine, held_out = (images[rows[labels[rows] == normal]] for rows in splits)
    n = len(mine)
    return Stream(mine, np.ones(n, np.int8), np.full(n, normal), plan.batch_size), held_out


class _Bases:
    """The bases of one class by levels, each trained when it is first asked for."""

    def __init__(self, plan: Plan, stream: Stream) -> None:
        self.plan, self.stream = plan, stream
        self.known: dict[int, Staged] = {}

    def __call__(self, arm: Arm) -> Staged:
        levels = arm.changes.get("levels", 2)
        if levels not in self.known:
            self.known[levels] = base_of(self.plan, self.stream, levels=levels)
        return self.known[levels]


# Parts --------------------------------------------------------------------------------------------


def _tune(plan: Plan, name: str, normal: int, *, say: Say) -> dict[str, Any]:
    """Mean AUROC over the faults of every arm's every setting, on held-out normal images."""
    start = time.monotonic()
    stream, held_out = _of_class(plan, name, normal)
    bases, found = _Bases(plan, stream), dict[str, list[float]]()
    for arm in plan.arms:
        found[arm.name] = []
        for setting in arm.grid:
            say(f"{arm.title}, {_words(setting)}")
            detector, part = ready(arm, setting, bases(arm), plan=plan, stream=stream)
            faults = validate(detector, held_out, seed=plan.seed)
            found[arm.name].append(float(np.mean([parts[part] for parts in faults.values()])))
    return {"faults": found, "seconds": time.monotonic() - start}


def _score(
    plan: Plan, name: str, normal: int, chosen: Mapping[str, Setting], *, say: Say
) -> dict[str, np.ndarray]:
    """Scores (N,) of every arm on all test images of a set, one class normal."""
    start = time.monotonic()
    stream, _ = _of_class(plan, name, normal)
    test = _images(name, False)[0]
    bases, found = _Bases(plan, stream), {}
    for arm in plan.arms:
        say(arm.title)
        detector, part = ready(arm, chosen[arm.name], bases(arm), plan=plan, stream=stream)
        found[arm.name] = parts_of(detector, test)[part]
    seconds = time.monotonic() - start
    return {**found, "images": np.array(len(stream.images)), "seconds": np.array(seconds)}


def _folder(plan: Plan) -> Path:
    """Where the parts of this plan lie; another plan has another folder."""
    text = json.dumps(plan.as_dict(), sort_keys=True)
    return settings().runs / "ablation" / hashlib.sha256(text.encode()).hexdigest()[:12]


def compute(
    plan: Plan = PLAN,
    *,
    sets: Collection[str] | None = None,
    classes: Collection[int] | None = None,
    say: Say = lambda text: None,
) -> None:
    """Compute the parts that are not there yet, of these data sets and classes or of all.

    Two processes may share the work, a data set each; `measure` then puts the parts together.
    """
    _folder(plan).mkdir(parents=True, exist_ok=True)
    parts = [
        part
        for part in _parts(plan)
        if (sets is None or part.data in sets)
        and (part.tuning or classes is None or part.normal in classes)
    ]
    for i, part in enumerate(parts):

        def told(text: str, where: str = f"{part} ({i + 1} of {len(parts)})") -> None:
            say(f"{where}: {text}")

        if part.path.exists():
            continue
        if part.tuning:
            write_whole(part.path, json.dumps(_tune(plan, part.data, part.normal, say=told)))
        else:
            packed, chosen = io.BytesIO(), _chosen(plan, part.data)
            scores = _score(plan, part.data, part.normal, chosen, say=told)
            np.savez_compressed(packed, **scores)  # type: ignore[arg-type]
            write_whole(part.path, packed.getvalue())


@dataclass(frozen=True)
class _Part:
    """One class of one data set, on disk."""

    data: str
    normal: int
    tuning: bool
    path: Path

    def __str__(self) -> str:
        return f"{self.data}, class {self.normal}, {'tuning' if self.tuning else 'measuring'}"


def _parts(plan: Plan) -> list[_Part]:
    """All parts of a plan, those that choose settings first."""
    folder = _folder(plan)
    tuned = [_Part(s, c, True, folder / f"tune-{s}-{c}.json")
             for s, classes in plan.tuning.items() for c in classes]  # fmt: skip
    return tuned + [_Part(s, c, False, folder / f"{s}-{c}.npz")
                    for s in plan.tuning for c in plan.classes]  # fmt: skip


def _missing(plan: Plan) -> list[_Part]:
    return [part for part in _parts(plan) if not part.path.exists()]


# Together -----------------------------------------------------------------------------------------


def _tried(plan: Plan, name: str) -> dict[str, np.ndarray]:
    """Mean AUROC over faults and tuning classes of every arm's settings, (settings,)."""
    read = [json.loads(read_text(part.path))["faults"]
            for part in _parts(plan) if part.tuning and part.data == name]  # fmt: skip
    return {arm.name: np.mean([part[arm.name] for part in read], 0) for arm in plan.arms}


def _chosen(plan: Plan, name: str) -> dict[str, Setting]:
    """Each arm's best setting on a data set's tuning classes; of equals the first."""
    tried = _tried(plan, name)
    return {arm.name: arm.grid[int(tried[arm.name].argmax())] for arm in plan.arms}


def collect(plan: Plan = PLAN, *, say: Say = lambda text: None) -> Ablation:
    """All figures of the parts.

    Raises:
        AblationMissing: parts are missing.
    """
    if missing := _missing(plan):
        raise AblationMissing(f"{len(missing)} parts were not computed yet: {missing[0]} ...")
    figures: dict[str, dict[str, Figures]] = {arm.name: {} for arm in plan.arms}
    tests, images = {}, []
    seconds = sum(json.loads(read_text(p.path))["seconds"] for p in _parts(plan) if p.tuning)
    for name in plan.tuning:
        say(f"{name}: intervals")
        scores = [_read(p.path) for p in _parts(plan) if p.data == name and not p.tuning]
        labels = _images(name, False)[1]
        tests[name] = len(labels)
        for arm, found in _figures(plan, name, scores, labels).items():
            figures[arm][name] = found
        seconds += sum(float(s["seconds"]) for s in scores)
        images += [int(s["images"]) for s in scores]
    tried = {name: _tried(plan, name) for name in plan.tuning}
    return Ablation(
        schema=1,
        plan=plan.as_dict(),
        sets=dict.fromkeys(plan.tuning, plan.classes),
        arms=tuple(
            ArmResult(
                name=arm.name,
                title=arm.title,
                text=arm.text,
                trials=tuple(
                    Trial(
                        setting=dict(setting),
                        faults={s: round(float(tried[s][arm.name][i]), 6) for s in plan.tuning},
                    )
                    for i, setting in enumerate(arm.grid)
                ),
                figures=figures[arm.name],
            )
            for arm in plan.arms
        ),
        run=Run(
            minutes=round(seconds / 60, 1),
            epochs=epochs_of(Outskirts(plan.config)),
            seed=plan.seed,
            settings_tried=max(len(arm.grid) for arm in plan.arms),
            tuning=dict(plan.tuning),
            choice=CHOICE,
            calibration=plan.calibration,
            images=round(float(np.mean(images)), 1),
            test_images=tests,
            bootstraps=plan.draws,
            interval=INTERVAL.format(draws=plan.draws),
            processor=processor(),
            torch=torch.__version__,
            scikit_learn=sklearn.__version__,
        ),
    )


def _read(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _figures(
    plan: Plan, name: str, scores: list[dict[str, np.ndarray]], labels: np.ndarray
) -> dict[str, Figures]:
    """Every arm's figures on one data set, from scores (N,) by class and arm."""
    names = [arm.name for arm in plan.arms]
    areas = [[Areas(found[arm], labels == c) for arm in names]
             for c, found in zip(plan.classes, scores, strict=True)]  # fmt: skip
    alone = np.array([[area(np.ones(len(labels))) for area in row] for row in areas])  # (C, A)
    drawn = np.array(
        [
            np.mean([[area(counts) for area in row] for row in areas], 0)
            for counts in resamples(labels, draws=plan.draws, seed=plan.seed)
        ]
    )  # (draws, A)
    full, chosen = names.index(FULL), _chosen(plan, name)
    found = {}
    for a, arm in enumerate(names):
        mean, other = alone[:, a].mean(), alone[:, full].mean()
        apart = interval(drawn[:, a] - drawn[:, full])
        numbers = mean, *interval(drawn[:, a]), mean - other, *apart
        keys = ("mean", "low", "high", "difference", "difference_low", "difference_high")
        found[arm] = Figures(
            **{key: round(float(v), 6) for key, v in zip(keys, numbers, strict=True)},
            classes=tuple(round(float(v), 6) for v in alone[:, a]),
            chosen=dict(chosen[arm]),
        )
    return found


def stored(plan: Plan = PLAN) -> Ablation:
    """What is stored, if it is what this code would compute.

    Raises:
        AblationMissing: there is none, it is damaged, or it was computed by another plan.
    """
    found = read_ablation()
    if found.plan != plan.as_dict():
        raise AblationMissing(
            f"{ablation_path().name} was computed with other settings than the code has now: "
            "`python -m core bench outskirts` computes it again"
        )
    return found


def measure(plan: Plan = PLAN, *, force: bool = False, say: Say = lambda text: None) -> Ablation:
    """The stored ablation if it fits the plan; else compute what is missing, and store it.

    Args:
        force: forget the parts and the stored one. Code that changed without its settings changing
            is not noticed otherwise.

    Raises:
        DataMissing: the images are not in the data folder.
        FileError: the result may not be written, which is tried before the work.
    """
    if force:
        shutil.rmtree(_folder(plan), ignore_errors=True)
    elif not _begun(plan):
        try:
            return stored(plan)
        except AblationMissing as missing:
            say(str(missing))
    path = ablation_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    check_writable(path)
    compute(plan, say=say)
    found = collect(plan, say=say)
    write_whole(path, found.model_dump_json(indent=1) + "\n")
    return found


def _begun(plan: Plan) -> bool:
    """Whether there are parts that go beyond what is stored: interrupted, or shared out."""
    times = [p.path.stat().st_mtime for p in _parts(plan) if p.path.exists()]
    path = ablation_path()
    return bool(times) and bool(
        _missing(plan) or not path.exists() or max(times) > path.stat().st_mtime
    )


def _words(setting: Setting) -> str:
    return ", ".join(f"{key} {value:g}" for key, value in setting.items()) or "as it is"
