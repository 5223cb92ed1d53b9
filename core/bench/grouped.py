"""Whether it pays to train the ten classes of a protocol together, by grouped convolutions."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state
from torch.nn import Parameter

from core.bench._base import RUNS, Benchmark, Row, Say, row_of
from core.detectors._base import Batch
from core.detectors.esad import ESAD
from core.shape import Shape

__all__ = ["BENCHMARKS", "grouped", "grouped_step", "separate_step"]

SHAPE = Shape(1, 28, 28)
MODELS, BATCH, STEPS = 10, 32, 8

# A batch and a generator of noise for each model, to each term's values (M,) before the step.
Step = Callable[[Sequence[Batch], Sequence[torch.Generator]], Mapping[str, Tensor]]


class _Given(ESAD):
    """The terms of L as a function of weights, images and noise: it draws none itself."""

    def forward(self, x: Tensor, kind: Tensor, noise: Tensor) -> Mapping[str, Tensor]:
        self.given = noise
        return self._terms(Batch(x, kind, kind), torch.Generator())  # labels do not matter

    def _noise(self, x: Tensor, generator: torch.Generator) -> Tensor:
        return self.given


def separate_step(detectors: Sequence[ESAD]) -> Step:
    """A step of Adam by all terms for each of M detectors, one after another."""
    players = [detector.train().phases()[0].players[0] for detector in detectors]
    optimizers = [player.optimizer(player.parameters()) for player in players]

    def step(batches: Sequence[Batch], generators: Sequence[torch.Generator]) -> dict[str, Tensor]:
        seen = []
        turns = zip(players, optimizers, batches, generators, strict=True)
        for player, optimizer, batch, generator in turns:
            terms = player.terms(batch, generator)
            optimizer.zero_grad()
            torch.stack(list(terms.values())).sum().backward()
            optimizer.step()
            seen.append({name: term.detach() for name, term in terms.items()})
        return {name: torch.stack([terms[name] for terms in seen]) for name in seen[0]}

    return step


def grouped_step(detectors: Sequence[ESAD]) -> Step:
    """The same step for M detectors of one config at once: torch makes their convolutions grouped.

    Weights and running statistics are stacked, (M, ...), and from then on each model's are views of
    its row: it is trained in place. Adam goes by each number alone, so one does for the stack. The
    sum over models has each model's own gradients, as none looks at another's weights. Noise is
    drawn beforehand, model by model, from its own generator. Batches are of one size.
    """
    weights, statistics = _stacked([detector.train() for detector in detectors])
    optimizer = detectors[0].phases()[0].players[0].optimizer(weights.values())
    with torch.device("meta"):  # it has no weights of its own
        template = _Given(detectors[0].config, detectors[0].shape)

    def terms_of(state: dict[str, Tensor], *seen: Tensor) -> Mapping[str, Tensor]:
        return functional_call(template, state, seen)

    def step(batches: Sequence[Batch], generators: Sequence[torch.Generator]) -> dict[str, Tensor]:
        turns = zip(detectors, batches, generators, strict=True)
        noise = torch.stack([d._noise(batch.x, generator) for d, batch, generator in turns])
        x, kind = (torch.stack([getattr(batch, n) for batch in batches]) for n in ("x", "kind"))
        terms = torch.vmap(terms_of)({**weights, **statistics}, x, kind, noise)
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
        return {name: term.detach() for name, term in terms.items()}

    return step


def _stacked(detectors: Sequence[ESAD]) -> tuple[dict[str, Parameter], dict[str, Tensor]]:
    """Weights and running statistics (M, ...) by name, of which each model's become views."""
    stacked, statistics = stack_module_state(list(detectors))
    weights = {name: Parameter(tensor.detach()) for name, tensor in stacked.items()}
    for i, detector in enumerate(detectors):
        for name, tensor in detector.state_dict(keep_vars=True).items():
            tensor.data = {**weights, **statistics}[name].data[i]
    return weights, statistics


def grouped(watch: Say) -> list[Row]:
    """Images a second of training ten ESAD models as shipped, batch 32: by turns, and together.

    With as many threads as there are cores, and with one. Ways take turns, so that what else the
    machine does meets each alike.

    ``watch`` is told how far it came.
    """
    before, speeds = torch.get_num_threads(), defaultdict[str, list[float]](list)
    try:
        for i in range(RUNS + 1):
            watch(f"grouped, run {i} of {RUNS}")
            for threads in sorted({os.cpu_count() or 1, 1}, reverse=True):
                torch.set_num_threads(threads)
                for way, make in (("separately", separate_step), ("together", grouped_step)):
                    what = f"{MODELS} models {way}, {threads} thread{'s' * (threads > 1)}"
                    speeds[what].append(_speed(make))
    finally:
        torch.set_num_threads(before)
    # The first run pays for warming up.
    return [row_of("grouped", what, values[1:], "images/s") for what, values in speeds.items()]


def _speed(make: Callable[[Sequence[ESAD]], Step]) -> float:
    """Images a second of some steps on random images, a tenth of them known anomalies."""
    torch.manual_seed(0)
    step = make([ESAD(ESAD.Config(), SHAPE) for _ in range(MODELS)])
    kind = torch.where(torch.arange(BATCH) % 10 == 0, -1, 1)
    batches = [Batch(torch.rand(BATCH, *SHAPE), kind, kind) for _ in range(MODELS)]
    generators = [torch.Generator().manual_seed(i) for i in range(MODELS)]
    step(batches, generators)
    start = time.perf_counter()
    for _ in range(STEPS):
        step(batches, generators)
    return MODELS * BATCH * STEPS / (time.perf_counter() - start)


BENCHMARKS: Mapping[str, Benchmark] = {"grouped": grouped}
