"""The one training loop: runs the phases that a detector declares, on any number of devices."""

from __future__ import annotations

import dataclasses
import io
import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor

from core.data.stream import Stream
from core.detectors._base import Batch, Detector, Phase, Player
from core.files import write_whole
from core.train.processes import TrainingFailed

__all__ = ["Progress", "Report", "TrainingFailed", "fit"]

SAVE_SECONDS = 300
FAILURES_IN_A_ROW = 10


@dataclass(frozen=True)
class Progress:
    """Where training stands, for a log or a progress bar.

    Attributes:
        share: of the phase that is done, in [0, 1].
        terms: "player/term" to its value on the last batch.
    """

    phase: str
    share: float
    step: int
    images: int
    minutes: float
    terms: Mapping[str, float]


@dataclass
class Report:
    """What a training run did; counts go on over a resumed run."""

    steps: int = 0
    images: int = 0
    seconds: float = 0.0
    skipped: int = 0
    resumed: int = 0
    phases: list[str] = field(default_factory=list)

    @property
    def images_per_second(self) -> float:
        return self.images / self.seconds if self.seconds else 0.0


def fit(
    detector: Detector,
    streams: Mapping[str, Stream],
    *,
    seed: int,
    minutes: float | None = None,
    fabric: Fabric | None = None,
    state: Path | None = None,
    origin: Mapping[str, str] | None = None,
    watch: Callable[[Progress], None] | None = None,
) -> Report:
    """Train a detector by its own phases, where it is or where the fabric says; bring it back.

    It is left in eval mode. The seed fixes draws and the order of streams; ``watch`` is told of
    each `Progress`. With ``minutes``, phases with players share that time in proportion to their
    epochs; without, each runs its epochs. With ``state``, progress is saved there every five
    minutes and a run that finds the file goes on from it. The last weights are kept, whatever the
    loss. ``origin`` names the weights that training builds on; a run with others does not go on.

    Raises:
        TrainingFailed: a loss is not finite, ten gradients in a row are not, the interrupted
            run in ``state`` had other settings, or a phase has fewer images than it needs.
        KeyError: a phase asks for a stream that is not there.
        FileError: progress cannot be saved.
    """
    home = next(itertools.chain(detector.parameters(), detector.buffers())).device
    if fabric is None:
        fabric = Fabric(accelerator=home.type, devices=1)
        fabric.launch()
    how = {"fabric": fabric, "state": state, "origin": origin or {}}
    run = _Run(detector, streams, seed=seed, minutes=minutes, **how)  # type: ignore[arg-type]
    report = run.train(watch or (lambda progress: None))
    detector.to(home)
    return report


@dataclass
class _Place:
    """Where a run stands: saved and resumed as it is."""

    phase: int = 0
    step: int = 0  # within the phase
    seconds: float = 0.0  # within the phase


class _Run:
    """One training run, possibly a resumed one."""

    def __init__(
        self,
        detector: Detector,
        streams: Mapping[str, Stream],
        *,
        seed: int,
        minutes: float | None,
        fabric: Fabric,
        state: Path | None,
        origin: Mapping[str, str],
    ) -> None:
        self.detector, self.streams, self.seed, self.state = detector, streams, seed, state
        self.fabric, self.minutes, self.origin = fabric, minutes, origin
        self.rank, self.world = fabric.global_rank, fabric.world_size
        self.phases = list(detector.phases())
        self.seconds = _share(self.phases, minutes)
        self.place, self.report = _Place(), Report()
        self.failures: dict[tuple[int, str], int] = {}
        fabric.to_device(detector)
        self.optimizers: dict[tuple[int, str], Any] = {
            (i, player.name): fabric.setup_optimizers(player.optimizer(player.parameters()))
            for i, phase in enumerate(self.phases)
            for player in phase.players
        }
        self.rates = {
            key: [group["lr"] for group in optimizer.param_groups]
            for key, optimizer in self.optimizers.items()
        }

    def train(self, watch: Callable[[Progress], None]) -> Report:
        self._enough()
        self.fabric.barrier()  # the first process may just have deleted the state
        self._resume()
        self._together()
        self._agree()
        self.detector.eval()
        while self.place.phase < len(self.phases):
            phase = self.phases[self.place.phase]
            if phase.prepare is not None and self.place.step == 0:
                self._prepare(phase)
            if phase.players:
                self._play(phase, watch)
                self._agree()  # running statistics drift apart with each process's images
            self.report.phases.append(phase.name)
            self.place = _Place(self.place.phase + 1)
            self._save()
        return self.report

    def _enough(self) -> None:
        """Every phase has the images it needs: better told now than after hours of training."""
        for phase in self.phases:
            there = len(self._stream(phase).images)
            if there < phase.least:
                raise TrainingFailed(
                    f"phase {phase.name!r} needs {phase.least} {phase.data} images or more, "
                    f"there are {there}"
                )

    # One phase ----------------------------------------------------------------------------------

    def _prepare(self, phase: Phase) -> None:
        assert phase.prepare is not None
        batches = (self._placed(b) for b in self._stream(phase).whole(self.seed))
        with torch.no_grad():
            phase.prepare(batches)
        self._agree()

    def _play(self, phase: Phase, watch: Callable[[Progress], None]) -> None:
        saved = time.monotonic()
        share = self._share(phase)
        for batch in self._batches(phase):
            if share >= 1:
                break
            start = time.monotonic()
            terms: dict[str, float] = {}
            for player in phase.players:
                if self.place.step % player.every == 0:
                    for turn in range(player.repeat):
                        terms |= self._move(player, batch, share=share, turn=turn)
            self._count(batch, time.monotonic() - start)
            share = self._share(phase)
            watch(self._progress(phase, share, terms))
            if time.monotonic() - saved > SAVE_SECONDS:
                self._save()
                saved = time.monotonic()

    def _batches(self, phase: Phase) -> Iterator[Batch]:
        stream = self._stream(phase)
        per_epoch = stream.batches(world=self.world)
        first, skip = divmod(self.place.step, per_epoch)
        for epoch in itertools.count(first):
            order = stream.epoch(self.seed, epoch + 1, rank=self.rank, world=self.world)
            for batch in itertools.islice(order, skip, None):
                yield self._placed(batch)
            skip = 0

    def _share(self, phase: Phase) -> float:
        seconds = self.seconds[self.place.phase]
        if seconds is None:
            per_epoch = self._stream(phase).batches(world=self.world)
            return self.place.step / (phase.epochs * per_epoch)
        return self._mean(torch.tensor(self.place.seconds / seconds)).item()

    def _count(self, batch: Batch, seconds: float) -> None:
        self.place.step += 1
        self.place.seconds += seconds
        self.report.steps += 1
        self.report.seconds += seconds
        self.report.images += len(batch.x) * self.world

    def _progress(self, phase: Phase, share: float, terms: Mapping[str, float]) -> Progress:
        r = self.report
        return Progress(phase.name, min(1.0, share), r.steps, r.images, r.seconds / 60, terms)

    # One step -----------------------------------------------------------------------------------

    def _move(self, player: Player, batch: Batch, *, share: float, turn: int) -> dict[str, float]:
        key = (self.place.phase, player.name)
        optimizer, parameters = self.optimizers[key], player.parameters()
        factor = player.schedule(share) if player.schedule else 1.0
        for group, rate in zip(optimizer.param_groups, self.rates[key], strict=True):
            group["lr"] = rate * factor
        self._take_turn(player)
        try:
            terms = player.terms(batch, self._generator(player, turn))
            values = self._finite(terms, player)
            optimizer.zero_grad()
            self.fabric.backward(torch.stack(list(terms.values())).sum())
        finally:
            self.detector.eval().requires_grad_(True)
        self._share_gradients(parameters)
        norm = torch.nn.utils.clip_grad_norm_(parameters, player.clip or math.inf)
        if torch.isfinite(norm):
            optimizer.step()
            self.failures[key] = 0
        else:
            self._skip(player)
        return values

    def _take_turn(self, player: Player) -> None:
        self.detector.requires_grad_(False)
        for module in player.modules:
            module.train().requires_grad_(True)

    def _finite(self, terms: Mapping[str, Tensor], player: Player) -> dict[str, float]:
        numbers = self._mean(torch.stack([t.detach() for t in terms.values()])).tolist()
        for name, number in zip(terms, numbers, strict=True):
            if not math.isfinite(number):
                raise TrainingFailed(f"{self._where(player)}: term {name!r} is {number}")
        return {f"{player.name}/{n}": v for n, v in zip(terms, numbers, strict=True)}

    def _skip(self, player: Player) -> None:
        self.report.skipped += 1
        key = (self.place.phase, player.name)
        self.failures[key] = self.failures.get(key, 0) + 1
        if self.failures[key] >= FAILURES_IN_A_ROW:
            raise TrainingFailed(
                f"{self._where(player)}: {self.failures[key]} gradients in a row were not finite"
            )

    def _where(self, player: Player) -> str:
        phase = self.phases[self.place.phase].name
        return f"phase {phase!r}, player {player.name!r}, step {self.place.step}"

    def _generator(self, player: Player, turn: int) -> torch.Generator:
        """Noise of this step, process and turn: reseeded, so that a resumed run needs no state."""
        players = [p.name for p in self.phases[self.place.phase].players]
        who = players.index(player.name)
        numbers = (self.seed, self.place.phase, self.place.step, self.rank, turn, who)
        seed = int(torch.tensor(numbers).mul(torch.tensor(_PRIMES)).sum()) % 2**63
        return torch.Generator(device=self.fabric.device).manual_seed(seed)

    # Several devices ----------------------------------------------------------------------------

    def _mean(self, tensor: Tensor) -> Tensor:
        if self.world == 1:
            return tensor
        return self.fabric.all_reduce(tensor.to(self.fabric.device), reduce_op="mean")  # type: ignore[return-value]

    def _share_gradients(self, parameters: list[torch.nn.Parameter]) -> None:
        grads = [p.grad for p in parameters if p.grad is not None]
        if self.world == 1 or not grads:
            return
        flat = self._mean(torch.cat([g.flatten() for g in grads]))
        for grad, piece in zip(grads, flat.split([g.numel() for g in grads]), strict=True):
            grad.copy_(piece.view_as(grad))

    def _agree(self) -> None:
        """Every process takes over the first one's parameters and buffers."""
        if self.world > 1:
            state = self.detector.state_dict()
            self.detector.load_state_dict({k: self.fabric.broadcast(v) for k, v in state.items()})

    def _placed(self, batch: Batch) -> Batch:
        device = self.fabric.device
        return Batch(batch.x.to(device), batch.kind.to(device), batch.label.to(device))

    def _stream(self, phase: Phase) -> Stream:
        if phase.data not in self.streams:
            raise KeyError(f"phase {phase.name!r} needs {phase.data!r} images, there are none")
        return self.streams[phase.data]

    # Interrupted runs ---------------------------------------------------------------------------

    def _save(self) -> None:
        if self.state is None or self.rank != 0:
            return
        whole: dict[str, Any] = {
            "settings": self._settings(),
            "place": vars(self.place),
            "report": vars(self.report),
            "detector": self.detector.state_dict(),
            "optimizers": {
                f"{phase}/{name}": optimizer.state_dict()
                for (phase, name), optimizer in self.optimizers.items()
            },
        }
        stream = io.BytesIO()  # torch's own writing of files tells a full disk as a bug of its own
        torch.save(whole, stream)
        write_whole(self.state, stream.getvalue())

    def _settings(self) -> dict[str, dict[str, Any]]:
        """What a run must have in common with the interrupted one that it goes on with."""
        return {
            "config": dataclasses.asdict(self.detector.config),
            "run": {"seed": self.seed, "minutes": self.minutes, "devices": self.world},
            "images": {name: stream.sha256 for name, stream in self.streams.items()},
            "batch size": {name: stream.batch_size for name, stream in self.streams.items()},
            "weights": dict(self.origin),
        }

    def _resume(self) -> None:
        if self.state is None or not self.state.exists():
            return
        try:
            whole = torch.load(self.state, weights_only=True, map_location=self.fabric.device)
        except Exception as error:  # pickle, zipfile and torch each have their own
            raise TrainingFailed(f"{self.state.name} is damaged, restart: {error}") from error
        try:
            if not isinstance(whole, Mapping):
                raise TypeError(f"a {type(whole).__name__}")
            self._match(whole["settings"])
            self.place, self.report = _Place(**whole["place"]), Report(**whole["report"])
            self.detector.load_state_dict(whole["detector"])
            for (phase, name), optimizer in self.optimizers.items():
                optimizer.load_state_dict(whole["optimizers"][f"{phase}/{name}"])
        except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise TrainingFailed(
                f"{self.state.name} holds no interrupted training of this kind, restart: {error!r}"
            ) from error
        self.report.resumed += self.place.phase < len(self.phases)

    def _together(self) -> None:
        """Refuse to go on from several places: hosts that do not share the state of a run."""
        if self.world == 1:
            return
        place = torch.tensor([self.place.phase, self.place.step], device=self.fabric.device)
        places = self.fabric.all_gather(place)  # (world, 2)
        if (places != place).any():  # type: ignore[union-attr]
            raise TrainingFailed(
                "processes go on from different places: hosts must share the folder of runs"
            )

    def _match(self, had: Mapping[str, Mapping[str, Any]]) -> None:
        """Refuse to go on with a run of other settings, and say which."""
        assert self.state is not None
        nothing = "nothing"
        other = [
            f"{kind} {key}: {had.get(kind, {}).get(key, nothing)}, now {asked.get(key, nothing)}"
            for kind, asked in self._settings().items()
            for key in sorted({*had.get(kind, {}), *asked})
            if had.get(kind, {}).get(key, nothing) != asked.get(key, nothing)
        ]
        if other:
            raise TrainingFailed(
                f"{self.state.name} holds a training with other settings ({'; '.join(other)}): "
                "restart, or repeat those settings"
            )


_PRIMES = (1_000_000_007, 998_244_353, 65_537, 8_191, 127, 31)


def _share(phases: list[Phase], minutes: float | None) -> list[float | None]:
    """Seconds for each phase: the minutes, shared in proportion to epochs; None means by epochs."""
    if minutes is None:
        return [None] * len(phases)
    total = sum(phase.epochs for phase in phases if phase.players)
    return [60 * minutes * phase.epochs / total if phase.players else None for phase in phases]
