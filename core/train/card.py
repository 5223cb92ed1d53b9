"""What a card says: how a model came to be, which part is its score, and how good it is."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core import checkpoint
from core.card import (
    Calibration,
    Card,
    Golden,
    Input,
    Pixels,
    Score,
    Seeds,
    Trained,
    TrainedOn,
    Weights,
    packed,
)
from core.checkpoint import ReferenceScores
from core.data.stream import Stream
from core.detectors._base import Detector, Roles
from core.evaluate.calibration import quantiles
from core.evaluate.metrics import Metrics, measure_parts
from core.explain.methods import ExplainError
from core.explain.truth import found_in, maps_of, owners_of
from core.inference.scoring import figures_of, parts_of
from core.inference.validation import recommend, validate
from core.numerals import counted
from core.scenario import Scenario, Training
from core.train.loop import Progress, Report
from core.train.maps import lay_out

__all__ = ["Learnt", "Watcher", "accelerator", "how_it_went", "processor", "write_card"]

THRESHOLD_QUANTILE = 95.0
GOLDEN_PER_SET = 4


@dataclasses.dataclass(frozen=True)
class Watcher:
    """Who is told how training goes: each step, and each stage of what follows."""

    step: Callable[[Progress], None] = lambda progress: None
    stage: Callable[[str], None] = lambda text: None


@dataclasses.dataclass(frozen=True)
class Learnt:
    """A detector after training, or with the weights that were kept.

    Attributes:
        trained: how training went.
        weights: sha256 of the checkpoints that it asks or began from, by their names.
        streams: the images, by source.
    """

    detector: Detector
    trained: Trained
    weights: Mapping[str, str]
    streams: Mapping[str, Stream]


@dataclasses.dataclass(frozen=True)
class _Measured:
    """All figures of a card, and the scores that they come from.

    Attributes:
        validation: fault to part to AUROC; why: the sentence for the choice of the score.
        held_out: parts (N,) of the calibration images.
        metrics: strange set to part.
    """

    validation: Mapping[str, Mapping[str, float]]
    why: str
    held_out: Mapping[str, np.ndarray]
    scores: ReferenceScores
    metrics: Mapping[str, Mapping[str, Metrics]]
    pixels: Pixels | None
    figures: Mapping[str, float]


def write_card(
    scenario: Scenario, name: str, learnt: Learnt, *, training: Training, watcher: Watcher
) -> Card:
    """Choose the score, calibrate, measure; write weights, card and map of checkpoint ``name``.

    Raises:
        CardError: the weights are too many.
        FileError: the checkpoint cannot be written.
    """
    detector = learnt.detector
    others = _other_seeds(scenario, name, detector, training, learnt.trained, watcher.stage)
    measured = _measure(scenario, learnt, training, watcher)
    data, weights = checkpoint.pack(detector)
    card = _card(scenario, name, learnt, training, measured, others=others, weights=weights)
    scores = measured.scores if scenario.name == scenario.family else measured.scores.rounded()
    save = partial(checkpoint.save, card, scenario.folder, weights=data, scores=scores)
    if training.share is not None:  # of which there are many: they are small, and have no map
        save()
        return card
    try:
        atlas = lay_out(scenario, detector, training, stage=watcher.stage)
    except Exception:  # whatever went wrong with the map, the hours of training are not lost
        save()
        raise
    save(atlas=atlas)
    return card


def _measure(scenario: Scenario, learnt: Learnt, training: Training, watcher: Watcher) -> _Measured:
    """Choose the score, which the detector's config then names; calibrate; score all sets."""
    detector, held_out_images = learnt.detector, learnt.streams["calibration"].images[:]
    watcher.stage("calibrating on held-out normal images")
    held_out = parts_of(detector, held_out_images)
    watcher.stage("choosing the score on synthetic faults of held-out normal images")
    validation = validate(detector, held_out_images, seed=training.seed, whole=held_out)
    part, why = recommend(validation, among=detector.candidates)
    detector.config = dataclasses.replace(detector.config, score=part)
    scores = _reference_scores(scenario, detector, watcher)
    n = detector.n_exemplars if scenario.ships_training else 0
    exemplars = learnt.streams[_learnt_from(detector)].first(n, training.seed)
    watcher.stage("measuring")
    numbers = scenario.joined(scores.sets)
    beside = {s.name: numbers[scenario.normal_of(s.name).name] for s in scenario.strange}
    return _Measured(
        validation=validation,
        why=why,
        held_out=held_out,
        scores=dataclasses.replace(scores, exemplars=exemplars),
        metrics={name: measure_parts(parts, numbers[name]) for name, parts in beside.items()},
        pixels=_pixels(scenario, detector, watcher),
        figures=figures_of(detector, numbers[scenario.normal.name]),
    )


def _pixels(scenario: Scenario, detector: Detector, watcher: Watcher) -> Pixels | None:
    """How well the own map of the score finds the true pixels; None where there is none of both."""
    owners = owners_of(scenario)
    if not owners or not detector.can("explain"):
        return None
    watcher.stage("comparing its maps with the true defects")
    try:
        maps = {name: maps_of(detector, scenario.pictures(name).images) for name in owners}
    except ExplainError as error:  # hours of training are not lost for it
        watcher.stage(f"no figures of its maps: {error}")
        return None
    found = found_in(scenario, maps)
    return Pixels(
        images=sum(map(len, maps.values())),
        figures=dict(found.figures),
        aupimo={
            name: tuple(None if np.isnan(v) else round(float(v), 4) for v in values)
            for name, values in found.aupimo.items()
        },
    )


def _card(
    scenario: Scenario,
    name: str,
    learnt: Learnt,
    training: Training,
    measured: _Measured,
    *,
    others: Sequence[Card],
    weights: Weights,
) -> Card:
    detector, (paper, _, variant) = learnt.detector, name.partition(".")
    learned = _trained_on(scenario, detector, learnt.streams)
    evaluations = bool(scenario.strange) + _evaluations(scenario, name)
    return Card(
        schema=1,
        scenario=scenario.family,
        detector=paper,
        variant=variant or None,
        input=Input(shape=detector.shape),
        config=dataclasses.asdict(detector.config),
        paper=_paper(detector),
        deviations=(*detector.deviations, *training.deviations),
        data=learned,
        training=learnt.trained.model_copy(update={"test_evaluations": evaluations}),
        score=_score(detector, measured),
        validation={
            fault: {p: round(v, 4) for p, v in parts.items()}
            for fault, parts in measured.validation.items()
        },
        calibration=_calibration(measured.held_out),
        metrics={name: dict(parts) for name, parts in measured.metrics.items()},
        pixels=measured.pixels,
        figures={k: round(v, 4) for k, v in measured.figures.items()},
        auxiliary_models={s: learnt.weights[s] for s in detector.auxiliary_models.values()},
        seeds=_seeds(name, detector, others, measured.metrics),
        golden=_golden(scenario, measured.scores),
        limits=_limits(scenario, detector, training),
        licence=f"Weights: as the training images, {_licence(scenario, detector, learned)}",
        weights=weights,
    ).sealed()


def _score(detector: Detector, measured: _Measured) -> Score:
    part = detector.config.score
    return Score(
        part=part,
        unit=detector.described[part].unit,
        why=measured.why,
        threshold=float(np.percentile(measured.held_out[part], THRESHOLD_QUANTILE)),
        threshold_rule=f"{THRESHOLD_QUANTILE:g} % quantile of the calibration images: "
        f"{100 - THRESHOLD_QUANTILE:g} % of normals are flagged",
    )


def _calibration(held_out: Mapping[str, np.ndarray]) -> Calibration:
    return Calibration(
        images=len(next(iter(held_out.values()))),
        quantiles={p: packed(quantiles(v)) for p, v in held_out.items()},
    )


def _limits(scenario: Scenario, detector: Detector, training: Training) -> tuple[str, ...]:
    """Of the method, of what it learned from, of this model, and of all models of the scenario."""
    sources = _source_limits(scenario, detector)
    return (*detector.limits, *sources, *training.limits, *scenario.limits)


def _reference_scores(scenario: Scenario, detector: Detector, watcher: Watcher) -> ReferenceScores:
    sets = {}
    for image_set in scenario.own_sets:
        watcher.stage(f"scoring {image_set.title.lower()}")
        sets[image_set.name] = parts_of(detector, scenario.pictures(image_set.name).images)
    return ReferenceScores(sets)


def _learnt_from(detector: Detector) -> Roles:
    """The stream that a detector learns from first, be it by fitting passes alone."""
    phases = detector.phases()
    return next((phase.data for phase in phases if phase.players), phases[0].data)


def _trained_on(scenario: Scenario, detector: Detector, streams: Mapping[str, Stream]) -> TrainedOn:
    data = _learnt_from(detector)
    roles = data.split("+")
    learnt = [pair for role in roles for pair in _sources(scenario, role)]
    known = int((streams[data].kind < 0).sum()) if "labelled" in roles else 0
    one_class = known and not scenario.sources_of("labelled")
    return TrainedOn(
        name=", against ".join(name for name, _ in learnt),
        images=len(streams[data].images),
        known=known,
        known_class=_labelled_title(scenario) if one_class else "",
        calibration=len(streams["calibration"].images),
        split_seed=scenario.split.seed,
        sha256=streams[data].sha256_of_images,
        licence="; ".join(licence for _, licence in learnt),
    )


def _labelled_title(scenario: Scenario) -> str:
    """Title of the class whose images a member's models know as anomalies."""
    return next(s.title for s in scenario.sets if s.only == scenario.labelled)


def _sources(scenario: Scenario, role: str) -> list[tuple[str, str]]:
    """Titles and licences of the images that have a role."""
    listed = [(source.title, source.licence) for source in scenario.sources_of(role)]
    if role == "train" and not listed:
        only = "" if scenario.normal.only is None else f" of {scenario.normal.title}"
        return [(f"{scenario.normal.source}, training images{only}", scenario.normal.licence)]
    return listed


def _licence(scenario: Scenario, detector: Detector, learned: TrainedOn) -> str:
    """Licences of all images that the weights owe something to, those of its start included."""
    licences = learned.licence.split("; ")
    if detector.start:
        licences += checkpoint.read_card(scenario.folder, detector.start).data.licence.split("; ")
    return "; ".join(dict.fromkeys(licences))


def _source_limits(scenario: Scenario, detector: Detector) -> list[str]:
    """What is wrong with listed sources, for whoever learned from them or asks who did."""
    asked = (detector, *detector.auxiliaries.values())
    roles = {r for d in asked for phase in d.phases() for r in phase.data.split("+")}
    listed = (source for source in scenario.sources.values() if source.role in roles)
    return [source.limit for source in listed if source.limit]


def _other_seeds(
    scenario: Scenario,
    name: str,
    detector: Detector,
    training: Training,
    trained: Trained,
    stage: Callable[[str], None],
) -> list[Card]:
    """Cards of the models that differ from this one in their seed alone, if all are there and do.

    After hours of training it is too late to refuse them.
    """
    folder = scenario.folder
    if not all((folder / f"{m}.json").exists() for m in training.seeds):
        return []
    cards = [checkpoint.read_card(folder, model) for model in training.seeds]
    mine = _learnt(detector, trained)
    if any(
        _learnt(checkpoint.from_config(c.name, c.config, c.input.shape), c.training) != mine
        for c in cards
    ):
        stage(f"no seeds: {', '.join((name, *training.seeds))} differ in more than their seed")
        return []
    return cards


def _learnt(detector: Detector, trained: Trained) -> dict[str, Any]:
    """The settings that training saw, but for its seed."""
    config = dataclasses.asdict(detector.config)
    seen = {k: v for k, v in config.items() if k not in detector.untrained_settings}
    minutes = trained.minutes if trained.fixed == "minutes" else None
    return {**seen, "minutes": minutes, "batch size": trained.batch_size}


def _seeds(
    name: str,
    detector: Detector,
    others: Sequence[Card],
    metrics: Mapping[str, Mapping[str, Metrics]],
) -> Seeds | None:
    """Figures of this model, whose metrics these are, and of those of other seeds."""
    if not others:
        return None
    every = [metrics, *(card.metrics for card in others)]
    kind = f"seeds of the fine-tuning from {detector.start}" if detector.start else "random starts"
    return Seeds(
        models=(name, *(card.name for card in others)),
        text=f"{len(every)} {kind}, alike in all else",
        auroc={
            strange: {
                part: tuple(m[strange][part].auroc for m in every)
                for part in parts
                if all(part in m[strange] for m in every)
            }
            for strange, parts in metrics.items()
        },
    )


def _evaluations(scenario: Scenario, name: str) -> int:
    """How often this checkpoint was measured on the strange sets before."""
    if not (scenario.folder / f"{name}.json").exists():
        return 0
    return checkpoint.read_card(scenario.folder, name).training.test_evaluations


def how_it_went(training: Training, report: Report) -> Trained:
    """What a card says of a training: its settings, and the report of the loop."""
    return Trained(
        seed=training.seed,
        minutes=training.minutes or round(report.seconds / 60, 2),
        fixed="minutes" if training.minutes else "epochs",
        batch_size=training.batch_size,
        phases=tuple(report.phases),
        steps=report.steps,
        images=report.images,
        images_per_second=round(report.images_per_second, 1),
        skipped_steps=report.skipped,
        resumed=report.resumed,
        processor=processor(),
        torch=torch.__version__,
        test_evaluations=0,
    )


def _golden(scenario: Scenario, scores: ReferenceScores) -> Golden:
    ids: list[str] = []
    parts: dict[str, list[float]] = {p: [] for p in next(iter(scores.sets.values()))}
    for set_name, values in scores.sets.items():
        image_set = scenario.set_named(set_name)
        if not image_set.shipped and not scenario.is_at_hand(image_set):
            continue
        there = min(GOLDEN_PER_SET, *map(len, values.values()))
        ids += [f"{set_name}#{i}" for i in range(there)]
        for part, numbers in values.items():
            parts[part] += _rounded(numbers[:there])
    return Golden(ids=tuple(ids), parts={p: tuple(v) for p, v in parts.items()})


def _paper(detector: Detector) -> dict[str, str | int]:
    paper = dataclasses.asdict(detector.paper)
    del paper["deviations"]
    return paper


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{v:.7g}") for v in values]


def processor() -> str:
    """Model name of the processor and how many cores torch uses."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor()
    return f"{name}, {counted(torch.get_num_threads(), 'thread')}"


def accelerator() -> str:
    """Name of the accelerator that there is."""
    kind = torch.accelerator.current_accelerator()
    return torch.cuda.get_device_name() if kind and kind.type == "cuda" else str(kind)
