"""Train a detector for a scenario: data in, weights and card out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from lightning.fabric import Fabric, seed_everything

from core.data.images import pad
from core.data.sources import public_set
from core.data.splits import calibration_split
from core.data.stream import Stream
from core.detectors import detector_class
from core.detectors._base import Detector
from core.scenario import Scenario, build_reference
from core.settings import settings
from core.train.log import TrainingLog
from core.train.loop import Moment, Report, fit

__all__ = ["build", "train_weights"]


def build(name: str, config: Mapping[str, Any], *, seed: int = 0) -> Detector:
    """A detector of random weights.

    Raises:
        ValueError: the config has a key that the detector does not know.
    """
    cls = detector_class(name)
    known = {f.name for f in dataclasses.fields(cls.Config)}
    if unknown := set(config) - known:
        raise ValueError(f"{name} knows no setting {', '.join(sorted(unknown))}; it knows: "
                         f"{', '.join(sorted(known))}")
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}
    seed_everything(seed, verbose=False)
    return cls(cls.Config(**values))


def training_streams(
    scenario: Scenario, folder: Path, *, batch_size: int, download: bool = False
) -> dict[str, Stream]:
    """The train and calibration streams of a scenario, padded as detectors see them."""
    assert scenario.normal.source is not None
    images, labels = public_set(scenario.normal.source, folder, train=True, download=download)
    split = scenario.split
    chosen = calibration_split(len(images), calibration=split.calibration, seed=split.seed)
    images = pad(images, scenario.border)
    return {
        name: Stream(images[i], np.ones(len(i), np.int8), labels[i], batch_size)
        for name, i in zip(("train", "calibration"), chosen, strict=True)
    }


def train_weights(
    scenario: Scenario,
    name: str,
    *,
    streams: Mapping[str, Stream],
    minutes: float,
    config: Mapping[str, Any],
    seed: int,
    fabric: Fabric | None = None,
    watch: Callable[[Moment], None] | None = None,
) -> tuple[Detector, Report]:
    """Train, or go on with an interrupted training; return the detector and what was done."""
    folder = settings().runs / scenario.name / name
    detector = build(name, config, seed=seed)
    log = TrainingLog(folder / "log.jsonl")

    def both(moment: Moment) -> None:
        log(moment)
        if watch:
            watch(moment)

    report = fit(
        detector,
        streams,
        seed=seed,
        minutes=minutes,
        fabric=fabric,
        state=folder / "state.pt",
        watch=both,
    )
    return detector, report
