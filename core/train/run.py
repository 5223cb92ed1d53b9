"""Train a detector for a scenario: data in; weights, card and reference scores out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from lightning.fabric import Fabric, seed_everything

from core import checkpoint
from core.card import Card, CardError, Trained
from core.data.stream import Stream
from core.detectors._base import Detector
from core.scenario import Scenario, Training, build_reference, forget_pictures
from core.train.card import Learnt, Watcher, how_it_went, write_card
from core.train.log import TrainingLog
from core.train.loop import Progress, Report, TrainingFailed, fit
from core.train.processes import processes
from core.train.streams import reference_sets, streams_of
from core.train.turn import run_folder, turn

__all__ = ["Watcher", "settings_of", "train"]


@dataclasses.dataclass(frozen=True)
class _Job:
    """What is to be trained, and how: see `train`."""

    scenario: Scenario
    name: str
    training: Training
    restart: bool
    keep_weights: bool
    download: bool
    watcher: Watcher


def train(
    scenario: Scenario,
    name: str,
    *,
    training: Training,
    restart: bool = False,
    keep_weights: bool = False,
    download: bool = False,
    devices: int = 1,
    nodes: int = 1,
    device: str = "auto",
    watcher: Watcher | None = None,
) -> Card | None:
    """Train, choose the score, calibrate, evaluate, write the checkpoint ``name``; return its card.

    An interrupted training goes on, unless it is to ``restart``; a finished one is evaluated
    again; ``keep_weights`` trains nothing and measures what is there. Several ``devices`` (of the
    kind ``device``: auto, cpu, cuda, mps), and those of several hosts, ``nodes``, share each batch;
    all but the first return None. ``download`` fetches missing images; the ``watcher`` is told all.

    Raises:
        Busy: another process trains it.
        CardError: there are no weights to keep, to start from, or to go along with.
        DataMissing: the training images are not in the data folder.
        FileError: the checkpoint could not be written, which is tried first.
        TrainingFailed: the loss or the gradients were not finite, there is no such device, hosts do
            not find each other, or the batch size is not a multiple of the devices.
    """
    job = _Job(scenario, name, training, restart, keep_weights, download, watcher or Watcher())
    if restart and keep_weights:
        raise TrainingFailed("weights are either kept or trained anew from the start, not both")
    with turn(scenario, name):
        with processes(devices, nodes=nodes, accelerator=device) as fabric:
            learnt = _learn(job, fabric)
        if fabric.global_rank != 0:
            return None
        learnt.detector.cpu().eval().requires_grad_(False)
        if fabric.device.type != "cpu":
            _read_off(learnt.detector, learnt.streams, seed=learnt.trained.seed)
        return write_card(scenario, name, learnt, training=training, watcher=job.watcher)


def _learn(job: _Job, fabric: Fabric) -> Learnt:
    """Train in one of several processes, or keep what is there."""
    scenario, name, training = job.scenario, job.name, job.training
    detector, weights = _detector(scenario, name, training)
    if job.keep_weights:
        whose = f"scenario {scenario.family}"
        checkpoint.read_card(scenario.folder, name).check_shape(scenario.shape, whose)
    job.watcher.stage("reading training images")
    wanted, world = [phase.data for phase in detector.phases()], fabric.world_size
    if training.batch_size % world:
        raise TrainingFailed(
            f"batches of {training.batch_size} do not share out to {world} devices"
        )
    size = training.batch_size // world
    streams = streams_of(scenario, wanted, size, share=training.share, download=job.download)
    if fabric.global_rank == 0:
        if scenario.images == "shipped" and not (scenario.folder / "reference.npz").exists():
            build_reference(scenario, reference_sets(scenario, download=job.download))
            forget_pictures()
        for image_set in scenario.own_sets:
            _ = scenario.pictures(image_set.name).images[0]  # what is not there is told beforehand
        if job.restart:
            _forget_run(scenario, name)
    if job.keep_weights:
        trained = _keep(detector, scenario, name, weights, streams)
    else:
        trained = how_it_went(training, _fit(job, detector, streams, weights, fabric))
    return Learnt(detector, trained, weights, streams)


def _taught_by(detector: Detector) -> list[str]:
    """Checkpoints that training builds on: its start, and auxiliary models that it asks."""
    untaught = detector.untrained_settings
    asked = [stem for role, stem in detector.auxiliary_models.items() if role not in untaught]
    return [stem for stem in (detector.start, *asked) if stem]


def _detector(scenario: Scenario, name: str, training: Training) -> tuple[Detector, dict[str, str]]:
    """The detector before training, with its auxiliary models and the weights it starts from.

    Also the sha256 of those weights by checkpoint. All that can fail fails here, before an hour of
    training.
    """
    seed_everything(training.seed, verbose=False)
    detector = checkpoint.from_config(name, training.config, scenario.shape)
    checkpoint.pack(detector)
    if (scenario.folder / f"{name}.json").exists():
        checkpoint.read_card(scenario.folder, name)
    origin = checkpoint.attach_auxiliaries(detector, scenario.folder)
    if detector.start:
        start, card = checkpoint.load_alone(scenario.folder, detector.start)
        card.check_shape(detector.shape, f"scenario {scenario.family}")
        origin[detector.start] = card.weights.sha256
        try:
            for setting in ("side", *detector.architecture):
                if getattr(start.config, setting) != getattr(detector.config, setting):
                    raise RuntimeError(f"they differ in {setting}")
            detector.begin_from(start)
            if detector.n_exemplars and card.training.seed != training.seed:
                raise RuntimeError("what it keeps of training images hangs on their common seed")
        except RuntimeError as error:
            raise CardError(f"{name} cannot start from {detector.start}: {error}") from error
    return detector, origin


def _keep(
    detector: Detector,
    scenario: Scenario,
    name: str,
    weights: Mapping[str, str],
    streams: Mapping[str, Stream],
) -> Trained:
    """Give a detector the weights of its checkpoint; return how these were trained.

    What a fitting pass reads off held-out images is made anew.
    """
    kept, card = checkpoint.load_alone(scenario.folder, name)
    wanted, had = dataclasses.asdict(detector.config), dataclasses.asdict(kept.config)
    other = [k for k in wanted if wanted[k] != had[k] and k not in detector.untrained_settings]
    if other:
        raise CardError(
            f"{scenario.family}/{name} was trained with other settings ("
            + ", ".join(f"{k}: {had[k]}, not {wanted[k]}" for k in other)
            + "): its weights cannot be kept"
        )
    for role, stem in detector.auxiliary_models.items():
        taught = role not in detector.untrained_settings
        if taught and card.auxiliary_models.get(stem) != weights[stem]:
            raise CardError(
                f"{scenario.family}/{name} was trained against other weights of {stem}: "
                "train it anew"
            )
    detector.load_state_dict(kept.state_dict())
    _read_off(detector.eval(), streams, seed=card.training.seed)
    return card.training


def _read_off(detector: Detector, streams: Mapping[str, Stream], *, seed: int) -> None:
    """Make anew, on the CPU, what fitting passes read off held-out images.

    It is measured, as all of a card: of the same weights it is the same, wherever they learned.
    """
    for phase in detector.phases():
        if phase.data == "calibration" and phase.prepare and not phase.players:
            with torch.no_grad():
                phase.prepare(streams[phase.data].whole(seed))


def _fit(
    job: _Job,
    detector: Detector,
    streams: Mapping[str, Stream],
    weights: Mapping[str, str],
    fabric: Fabric,
) -> Report:
    folder = run_folder(job.scenario, job.name)
    log = TrainingLog(folder / "log.jsonl")

    def both(progress: Progress) -> None:
        if fabric.global_rank == 0:
            log(progress)
            job.watcher.step(progress)

    return fit(
        detector,
        streams,
        seed=job.training.seed,
        minutes=job.training.minutes,
        fabric=fabric,
        state=folder / "state.pt",
        origin={stem: weights[stem] for stem in _taught_by(detector)},
        watch=both,
    )


def settings_of(
    scenario: Scenario, name: str, changes: Mapping[str, Any], minutes: float | None
) -> Training:
    """Training settings of the model ``name``, with a user's changes and minutes, if any."""
    training = scenario.training_of(name)
    return training.model_copy(
        update={
            "config": {**training.config, **changes},
            "minutes": training.minutes if minutes is None else minutes,
        }
    )


def _forget_run(scenario: Scenario, name: str) -> None:
    """Delete the log and the state of a training, finished or not; its checkpoint stays."""
    folder = run_folder(scenario, name)
    for file in (folder / "state.pt", folder / "log.jsonl"):
        file.unlink(missing_ok=True)
