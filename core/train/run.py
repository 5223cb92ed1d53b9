"""Train a detector for a scenario: data in; weights, card and reference scores out."""

from __future__ import annotations

import dataclasses
import hashlib
import platform
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric, seed_everything

from core import checkpoint
from core.checkpoint import (
    Card,
    CardError,
    Golden,
    ReferenceScores,
    Score,
    Seeds,
    Trained,
    TrainedOn,
)
from core.data.images import pad
from core.data.sources import general_set, public_set
from core.data.splits import calibration_split
from core.data.stream import Stream
from core.detectors._base import Detector
from core.evaluate.calibration import quantiles
from core.evaluate.metrics import measure_parts
from core.evaluate.scoring import figures_of, parts_of
from core.evaluate.validation import recommend, validate
from core.scenario import Scenario, ScenarioError, Training, build_reference, forget_pictures
from core.settings import settings
from core.train.log import TrainingLog
from core.train.loop import Moment, Report, TrainingFailed, fit

__all__ = ["Watcher", "settings_of", "train"]

THRESHOLD_QUANTILE = 95.0
GOLDEN_PER_SET = 4


@dataclasses.dataclass(frozen=True)
class Watcher:
    """Who is told how training goes: each step, and each stage of what follows."""

    step: Callable[[Moment], None] = lambda moment: None
    stage: Callable[[str], None] = lambda text: None


def train(
    scenario: Scenario,
    name: str,
    *,
    training: Training,
    restart: bool = False,
    keep_weights: bool = False,
    download: bool = False,
    devices: int = 1,
    watcher: Watcher | None = None,
) -> Card | None:
    """Train, choose the score, calibrate, evaluate and write the checkpoint; return its card.

    An interrupted training goes on where it stopped, unless it is to ``restart``; a finished one
    is evaluated anew. With several devices the batch is shared out among them; all but the first
    process return None.

    Args:
        keep_weights: train nothing; choose, calibrate and measure the weights that are there.

    Raises:
        CardError: there are no weights to keep, to start from, or to go along with.
        DataMissing: the training images are not in the data folder.
        TrainingFailed: the loss or the gradients were not finite, or the batch size is not a
            multiple of the devices.
    """
    watcher = watcher or Watcher()
    if restart and keep_weights:
        raise TrainingFailed("weights are either kept or trained anew from the start, not both")
    detector, origin = _detector(scenario, name, training)
    fabric = _fabric(devices)
    watcher.stage("reading training images")
    wanted = {phase.data for phase in detector.phases()}
    streams = _streams(scenario, training, wanted, download=download, devices=devices)
    if not (scenario.folder / "reference.npz").exists():
        _build_reference(scenario, download=download)
    if restart and fabric.global_rank == 0:
        _forget_run(scenario, name)
    if keep_weights:
        trained = _keep(detector, scenario, name)
    else:
        report = _fit(
            detector,
            scenario,
            name,
            streams,
            training=training,
            origin=origin,
            fabric=fabric,
            watcher=watcher,
        )
        trained = _trained(training, report)
    if fabric.global_rank != 0:
        return None
    detector.cpu().eval().requires_grad_(False)
    return _finish(
        scenario, name, detector, trained, streams=streams, training=training, watcher=watcher
    )


def _detector(scenario: Scenario, name: str, training: Training) -> tuple[Detector, dict[str, str]]:
    """The detector before training, with its companions and the weights it starts from.

    Also the sha256 of those weights by checkpoint. All that can fail fails here, before an hour of
    training.
    """
    seed_everything(training.seed, verbose=False)
    detector = checkpoint.from_config(name, training.config)
    checkpoint.pack(detector)
    if (scenario.folder / f"{name}.json").exists():
        checkpoint.read_card(scenario.folder, name)
    origin = checkpoint.accompany(detector, scenario.folder)
    if detector.start:
        start, card = checkpoint.load_alone(scenario.folder, detector.start)
        origin[detector.start] = card.weights.sha256
        try:
            for setting in detector.architecture:
                if getattr(start.config, setting) != getattr(detector.config, setting):
                    raise RuntimeError(f"they differ in {setting}")
            detector.load_state_dict(start.state_dict())
        except RuntimeError as error:
            raise CardError(f"{name} cannot start from {detector.start}: {error}") from error
    return detector, origin


def _keep(detector: Detector, scenario: Scenario, name: str) -> Trained:
    """Give a detector the weights of its checkpoint; return how these were trained."""
    kept, card = checkpoint.load_alone(scenario.folder, name)
    wanted, had = dataclasses.asdict(detector.config), dataclasses.asdict(kept.config)
    other = [k for k in wanted if wanted[k] != had[k] and k not in detector.untrained_settings]
    if other:
        raise CardError(
            f"{scenario.name}/{name} was trained with other settings ("
            + ", ".join(f"{k}: {had[k]}, not {wanted[k]}" for k in other)
            + "): its weights cannot be kept"
        )
    detector.load_state_dict(kept.state_dict())
    return card.training


def _fabric(devices: int) -> Fabric:
    fabric = Fabric(accelerator="auto", devices=devices, strategy="ddp" if devices > 1 else "auto")
    fabric.launch()
    return fabric


def _streams(
    scenario: Scenario,
    training: Training,
    wanted: Collection[str],
    *,
    download: bool,
    devices: int,
) -> dict[str, Stream]:
    """The train and calibration images of a scenario, padded as detectors see them.

    General images and the mixture of both come along if wanted.
    """
    if training.batch_size % devices:
        raise TrainingFailed(
            f"batches of {training.batch_size} do not share out to {devices} devices"
        )
    assert scenario.normal.source is not None
    images, labels = public_set(
        scenario.normal.source, settings().data, train=True, download=download
    )
    split = scenario.split
    chosen = calibration_split(len(images), calibration=split.calibration, seed=split.seed)
    images = pad(images, scenario.border)
    size = training.batch_size // devices
    streams = {
        name: Stream(images[i], np.ones(len(i), np.int8), labels[i], size)
        for name, i in zip(("train", "calibration"), chosen, strict=True)
    }
    if {"general", "mixed"} & set(wanted):
        streams |= _general_streams(scenario, streams["train"])
    return streams


def _general_streams(scenario: Scenario, train: Stream) -> dict[str, Stream]:
    """General images, unlabelled; and, as known anomalies, mixed with training images."""
    if scenario.general is None:
        raise ScenarioError(f"scenario {scenario.name} names no general images")
    images, _ = general_set(scenario.general.source, settings().data)
    images = pad(images, scenario.border)
    nothing = np.full(len(images), -1)
    mixed = Stream(
        np.concatenate([train.images, images]),
        np.concatenate([train.kind, np.full(len(images), -1, np.int8)]),
        np.concatenate([train.label, nothing]),
        train.batch_size,
    )
    unlabelled = Stream(images, np.zeros(len(images), np.int8), nothing, train.batch_size)
    return {"general": unlabelled, "mixed": mixed}


def _build_reference(scenario: Scenario, *, download: bool) -> None:
    sources = {
        s.name: public_set(s.source, settings().data, train=False, download=download)
        for s in scenario.sets
        if s.source is not None
    }
    build_reference(scenario, sources)
    forget_pictures()


def _fit(
    detector: Detector,
    scenario: Scenario,
    name: str,
    streams: Mapping[str, Stream],
    *,
    training: Training,
    origin: Mapping[str, str],
    fabric: Fabric,
    watcher: Watcher,
) -> Report:
    folder = settings().runs / scenario.name / name
    log = TrainingLog(folder / "log.jsonl")

    def both(moment: Moment) -> None:
        if fabric.global_rank == 0:
            log(moment)
            watcher.step(moment)

    return fit(
        detector,
        streams,
        seed=training.seed,
        minutes=training.minutes,
        fabric=fabric,
        state=folder / "state.pt",
        origin=origin,
        watch=both,
    )


# After training -------------------------------------------------------------------------------


def _finish(
    scenario: Scenario,
    name: str,
    detector: Detector,
    trained: Trained,
    *,
    streams: Mapping[str, Stream],
    training: Training,
    watcher: Watcher,
) -> Card:
    watcher.stage("choosing the score on synthetic faults of training images")
    found = validate(detector, streams["train"].images, border=scenario.border, seed=training.seed)
    part, why = recommend(found)
    detector.config = dataclasses.replace(detector.config, score=part)
    watcher.stage("calibrating on held-out normal images")
    held_out = parts_of(detector, streams["calibration"].images)
    scores = _reference_scores(scenario, detector, watcher)
    watcher.stage("measuring")
    data, weights = checkpoint.pack(detector)
    learned = _trained_on(scenario, detector, streams)
    normal = scores.sets[scenario.normal.name]
    pictures = scenario.pictures(scenario.normal.name)
    figures = figures_of(detector, pictures.images, normal)
    paper, _, variant = name.partition(".")
    card = Card(
        schema=1,
        scenario=scenario.name,
        detector=paper,
        variant=variant or None,
        config=dataclasses.asdict(detector.config),
        paper=_paper(detector),
        deviations=detector.paper.deviations,
        data=learned,
        training=trained.model_copy(update={"test_looks": 1 + _looks(scenario, name)}),
        score=Score(
            part=part,
            unit=detector.about[part].unit,
            why=why,
            threshold=float(np.percentile(held_out[part], THRESHOLD_QUANTILE)),
            threshold_rule=f"{THRESHOLD_QUANTILE:g} % quantile of the calibration images: "
            f"{100 - THRESHOLD_QUANTILE:g} % of normals are flagged",
        ),
        validation={f: {p: round(v, 4) for p, v in parts.items()} for f, parts in found.items()},
        calibration=checkpoint.Calibration(
            images=len(streams["calibration"].images),
            quantiles={p: tuple(_rounded(quantiles(v))) for p, v in held_out.items()},
        ),
        metrics={s.name: measure_parts(normal, scores.sets[s.name]) for s in scenario.strange},
        figures={k: round(v, 4) for k, v in figures.items()},
        companions=checkpoint.accompany(detector, scenario.folder),
        seeds=_seeds(scenario, training),
        golden=_golden(scores),
        limits=(*detector.limits, *_general_limits(scenario, detector)),
        licence=f"Weights: as the training images, {learned.licence}",
        weights=weights,
    ).sealed()
    checkpoint.save(card, scenario.folder, weights=data, scores=scores)
    return card


def _reference_scores(scenario: Scenario, detector: Detector, watcher: Watcher) -> ReferenceScores:
    sets = {}
    for image_set in scenario.sets:
        watcher.stage(f"scoring {image_set.title.lower()}")
        sets[image_set.name] = parts_of(detector, scenario.pictures(image_set.name).images)
    return ReferenceScores(sets)


def _trained_on(scenario: Scenario, detector: Detector, streams: Mapping[str, Stream]) -> TrainedOn:
    source = next(phase.data for phase in detector.phases() if phase.players)
    normal = f"{scenario.normal.source}, training images", scenario.normal.licence
    names = {"train": [normal]}
    if scenario.general is not None:
        general = scenario.general.title, scenario.general.licence
        names |= {"general": [general], "mixed": [normal, general]}
    return TrainedOn(
        name=", with ".join(name for name, _ in names[source]),
        images=len(streams[source].images),
        calibration=len(streams["calibration"].images),
        split_seed=scenario.split.seed,
        sha256=hashlib.sha256(streams[source].images.tobytes()).hexdigest(),
        licence="; ".join(licence for _, licence in names[source]),
    )


def _general_limits(scenario: Scenario, detector: Detector) -> list[str]:
    """What is wrong with the general images, for whoever learned from them or asks who did."""
    asks = "general" in detector.companions
    learned = {phase.data for phase in detector.phases()} & {"general", "mixed"}
    return [scenario.general.limit] if scenario.general and (asks or learned) else []


def _seeds(scenario: Scenario, training: Training) -> Seeds | None:
    """Figures of the models that differ in their seed alone, if all of them are there."""
    folder = scenario.folder
    if not training.seeds or not all((folder / f"{m}.json").exists() for m in training.seeds):
        return None
    cards = [checkpoint.read_card(folder, model) for model in training.seeds]
    first = cards[0]
    return Seeds(
        models=training.seeds,
        text=f"{len(cards)} models with K = {first.config['steps']} flow steps a scale, "
        f"{first.training.minutes:g} minutes each, that differ in their seed alone",
        auroc={
            name: {part: tuple(c.metrics[name][part].auroc for c in cards) for part in parts}
            for name, parts in first.metrics.items()
        },
    )


def _looks(scenario: Scenario, name: str) -> int:
    """How often this checkpoint was measured on the strange sets before."""
    if not (scenario.folder / f"{name}.json").exists():
        return 0
    return checkpoint.read_card(scenario.folder, name).training.test_looks


def _trained(training: Training, report: Report) -> Trained:
    return Trained(
        seed=training.seed,
        minutes=training.minutes,
        batch_size=training.batch_size,
        phases=tuple(report.phases),
        steps=report.steps,
        images=report.images,
        images_per_second=round(report.images_per_second, 1),
        skipped_steps=report.skipped,
        resumed=report.resumed,
        processor=_processor(),
        torch=torch.__version__,
        test_looks=0,
    )


def _golden(scores: ReferenceScores) -> Golden:
    ids: list[str] = []
    parts: dict[str, list[float]] = {p: [] for p in next(iter(scores.sets.values()))}
    for set_name, values in scores.sets.items():
        ids += [f"{set_name}#{i}" for i in range(GOLDEN_PER_SET)]
        for part, numbers in values.items():
            parts[part] += _rounded(numbers[:GOLDEN_PER_SET])
    return Golden(ids=tuple(ids), parts={p: tuple(v) for p, v in parts.items()})


def _paper(detector: Detector) -> dict[str, str | int]:
    paper = dataclasses.asdict(detector.paper)
    del paper["deviations"]
    return paper


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{v:.7g}") for v in values]


def _processor() -> str:
    """Model name of the processor and how many cores torch uses."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {torch.get_num_threads()} threads"


def settings_of(
    scenario: Scenario, name: str, changes: Mapping[str, Any], minutes: float | None
) -> Training:
    """Training settings of scenario.json with the user's changes."""
    training = scenario.training_of(name)
    return training.model_copy(
        update={
            "config": {**training.config, **changes},
            "minutes": training.minutes if minutes is None else minutes,
        }
    )


def _forget_run(scenario: Scenario, name: str) -> None:
    """Delete the log and the state of a training, finished or not; its checkpoint stays."""
    folder = settings().runs / scenario.name / name
    for file in (folder / "state.pt", folder / "log.jsonl"):
        file.unlink(missing_ok=True)
