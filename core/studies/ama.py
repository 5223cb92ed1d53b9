"""The ablation of AMA: what the critic of pairs, its training and its score are worth.

One class is normal, nine are strange. A network is trained once a setting; arms are networks and
what is read off them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from core.data.stream import Stream
from core.detectors._base import Batch, Phase
from core.detectors.ama import AMA
from core.inference.validation import validate
from core.results import Setting, StudyResult
from core.studies._base import Arm, Case, Ready, fit_here
from core.studies._one_class import SHAPE, OneClass

__all__ = ["ARMS", "FULL", "GRID", "NETWORKS", "PLAIN", "TOPICS", "Pairs", "PlainAutoencoder"]

FULL = "full"
PLAIN = "plain"

# How networks are trained ------------------------------------------------------------------------

CONFIG = AMA.Config(code=24, critic_width=20, anomaly_weight=1.0)  # as of one class ship
BATCH_SIZE = 16
BATCHES = 400  # 40 seconds of one core
# Of a plain autoencoder in the time of one of AMA: 98 ms and 6.4 ms a batch, by a core's own time.
CHEAPER = 15.3
# A second rate would double forty minutes of a core; none of the arms has more to choose.
GRID: tuple[Setting, ...] = ({"learning_rate": 1e-3},)
NETWORKS: Mapping[str, Mapping[str, Any]] = {
    FULL: {},
    "ordinary": {"critic": "ordinary"},
    "no-simplex": {"simplex": 0.0},
    "no-atypical": {"atypical": "none"},
    PLAIN: {},
}


class PlainAutoencoder(AMA):
    """Encoder and generator alone, that learn to rebuild pixels: no critic has a say."""

    def phases(self) -> Sequence[Phase]:
        *_, rounding, fitting = super().phases()
        autoencoder = next(p for p in self._players(0, 1) if p.name == "autoencoder")
        plain = dataclasses.replace(autoencoder, terms=self._rebuild)
        learning = Phase("rebuild", self.config.data, [plain], epochs=self.config.epochs)
        return [learning, rounding, fitting]

    def _rebuild(self, batch: Batch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Squared error: by the absolute one it drew nothing but black where zeros were normal."""
        return {"error": (batch.x - self.reconstruct(batch.x)).square().mean()}


# The arms -----------------------------------------------------------------------------------------


def _arm(name: str, title: str, text: str, *, network: str, part: str) -> Arm:
    return Arm(name, title, text, {**NETWORKS[network], "part": part}, GRID, network)


def _readings(network: str, title: str, text: str) -> tuple[Arm, Arm]:
    """A network by the paper's score, and by the distance alone."""
    return (
        _arm(network, title, text, network=network, part="two_sided"),
        _arm(
            f"{network}-one-sided",
            f"{title}, one-sided",
            "the same network; strange is what lies far from its mirror",
            network=network,
            part="one_sided",
        ),
    )


ARMS: tuple[Arm, ...] = (
    _arm(
        FULL,
        "full method",
        "a critic of pairs, simplex, atypical codes; the paper's two-sided score",
        network=FULL,
        part="two_sided",
    ),
    _arm(
        "one-sided",
        "mirror distance, one-sided",
        "the full method's network; strange is what lies far from its mirror, in the critic's "
        "features",
        network=FULL,
        part="one_sided",
    ),
    _arm(
        "features",
        "critic features, whole",
        "ours: the full method's network; each feature, and how they vary together, weighed by "
        "training images",
        network=FULL,
        part="features",
    ),
    _arm(
        "features-untrained",
        "critic features, untrained",
        "its control: the same mirrors, looked at by a critic that never learned",
        network=FULL,
        part="features_untrained",
    ),
    _arm(
        "pixels",
        "pixel error",
        "the full method's network; picture and mirror compared pixel by pixel",
        network=FULL,
        part="reconstruction",
    ),
    *_readings("ordinary", "ordinary critic", "it sees a picture or a mirror, never both"),
    *_readings("no-simplex", "without simplex", "no mixtures of three codes in training"),
    *_readings("no-atypical", "without atypical codes", "nothing is to be mirrored badly"),
    _arm(
        PLAIN,
        "plain autoencoder",
        "no critic: the same encoder and generator learn to rebuild pixels, by squared error, on "
        f"{CHEAPER:g} times as many batches, which takes as long; its pixel error",
        network=PLAIN,
        part="reconstruction",
    ),
)
# What is asked of them: pairs of arms, the first compared with the second.
TOPICS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "Critic features against pixels": (("one-sided", "pixels"),),
    "What critic features learned": (("features", "features-untrained"), ("features", "one-sided")),
    "One side against two": (("one-sided", FULL),),
    "Looking at pairs": ((FULL, "ordinary"), ("one-sided", "ordinary-one-sided")),
    "Simplex interpolation": ((FULL, "no-simplex"), ("one-sided", "no-simplex-one-sided")),
    "Atypical codes": ((FULL, "no-atypical"), ("one-sided", "no-atypical-one-sided")),
    "No critic at all": ((FULL, PLAIN), ("one-sided", PLAIN), ("pixels", PLAIN)),
}


# The study ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pairs(OneClass):
    """What is computed on what, fixed before any test image is read.

    Attributes:
        sets: public sets, whose classes choose the settings of their set, by faults.
        batches: of every network but the plain one, which has ``cheaper`` times as many.
    """

    title: ClassVar[str] = "AMA: one class normal, nine strange, the mean over three classes"
    question: ClassVar[str] = "Does looking at pairs help, and does the score?"
    text: ClassVar[str] = (
        "The full method beside arms that lack one thing of its training each, or read something "
        "else off the same network. One class is normal, the nine others are strange; three "
        "classes take their turn, on digits and on garments."
    )
    over: ClassVar[str] = "three classes"
    choice: ClassVar[str] = (
        "nothing, in any arm: every network has one learning rate. It, sizes, weights and the "
        "number of batches were set for the full method before, in part by synthetic faults of "
        "held-out normal images of three of these classes, so that the full method is at an "
        "advantage; no strange image was looked at"
    )
    contrasts: ClassVar[tuple[tuple[str, str], ...]] = tuple(
        pair for pairs in TOPICS.values() for pair in pairs
    )

    config: AMA.Config = CONFIG
    sets: tuple[str, ...] = ("MNIST", "FashionMNIST")
    classes: tuple[int, ...] = (0, 4, 8)
    batches: int = BATCHES
    batch_size: int = BATCH_SIZE
    cheaper: float = CHEAPER

    @property
    def arms(self) -> tuple[Arm, ...]:
        return ARMS

    @property
    def tuning(self) -> tuple[Case, ...]:
        """The cases themselves, by faults: so no network is trained twice."""
        return self.cases

    def fixed(self) -> Mapping[str, Any]:
        """The detector with its length and sizes, and every network that is trained."""
        detector = AMA(self.config, SHAPE)
        return {
            "config": dataclasses.asdict(self.config),
            "networks": {name: dict(changes) for name, changes in NETWORKS.items()},
            "grid": [dict(setting) for setting in GRID],
            "batches": {name: self._batches(name) for name in NETWORKS},
            "batch_size": self.batch_size,
            "calibration": self.calibration,
            "shapes": {k: list(v.shape) for k, v in detector.state_dict().items()},
        }

    def _batches(self, network: str) -> int:
        return round(self.batches * (self.cheaper if network == PLAIN else 1))

    # Networks -----------------------------------------------------------------------------------

    def share(self, shares: str, stream: Stream) -> Mapping[str, Tensor]:
        """A network by every setting: its tensors by the setting's index and their names."""
        tensors: dict[str, Tensor] = {}
        for i, setting in enumerate(GRID):
            epochs = self._batches(shares) / stream.batches()
            detector = self._build(shares, **setting, epochs=epochs)
            fit_here(detector, {"train": stream}, seed=self.seed, device=self.device)
            if self.device != "cpu":
                _fit_distances(detector, stream, seed=self.seed)
            state = detector.state_dict()
            tensors |= {f"{i}.{name}": value.contiguous() for name, value in state.items()}
        return tensors

    def _build(self, network: str, **changes: Any) -> AMA:
        torch.manual_seed(self.seed)
        kind = PlainAutoencoder if network == PLAIN else AMA
        return kind(dataclasses.replace(self.config, **NETWORKS[network], **changes), SHAPE)

    def ready(
        self, arm: Arm, setting: Setting, *, stream: Stream, shared: Mapping[str, Tensor]
    ) -> Ready:
        """The arm's network as it was trained by a setting of the grid."""
        prefix = f"{GRID.index(setting)}."
        detector = self._build(arm.shares, **setting)
        mine = {k.removeprefix(prefix): v for k, v in shared.items() if k.startswith(prefix)}
        detector.load_state_dict(mine)
        return Ready(detector.eval().requires_grad_(False), arm.changes["part"])

    def worth(self, arm: Arm, case: Case, *, shared: Mapping[str, Tensor]) -> list[float]:
        """Mean AUROC over the faults of held-out normal images, a setting each."""
        stream, held_out = self.training(case)

        def faults(setting: Setting) -> Mapping[str, Mapping[str, float]]:
            ready = self.ready(arm, setting, stream=stream, shared=shared)
            return validate(ready.detector, held_out, seed=self.seed)

        part = arm.changes["part"]
        tried = [self.once(faults, arm, setting, case=case) for setting in arm.grid]
        return [float(np.mean([parts[part] for parts in found.values()])) for found in tried]

    def scores(
        self, arm: Arm, setting: Setting, *, case: Case, shared: Mapping[str, Tensor]
    ) -> np.ndarray:
        return self.parts(arm, setting, case=case, shared=shared)[arm.changes["part"]]

    # What follows -------------------------------------------------------------------------------

    def notes(self, result: StudyResult) -> tuple[str, ...]:
        """Of every topic, who is better by the paired interval over the classes of both sets."""
        over = f"mean AUROC over {len(result.plan['cases'])} classes"
        return tuple(
            f"{topic} ({over}): {'; '.join(_compared(result, *pair) for pair in pairs)}."
            for topic, pairs in TOPICS.items()
        )


def _fit_distances(detector: AMA, stream: Stream, *, seed: int) -> None:
    """Once more on the processor, where images are scored: an accelerator rounds otherwise."""
    last = detector.phases()[-1]
    assert last.prepare is not None
    with torch.no_grad():
        last.prepare(stream.whole(seed))


def _compared(result: StudyResult, arm: str, other: str) -> str:
    """An arm beside another: which is better, by how much on all data, and on each set."""
    whole = result.contrast(arm, other)
    one, two = (result.arm(name).title for name in (arm, other))
    each = ", ".join(
        f"{title} {result.contrast(arm, other, data=data).value:+.3f}"
        for data, title in result.data.items()
    )
    figures = f"{whole.value:+.3f} ({whole.low:+.3f} to {whole.high:+.3f}; {each})"
    if whole.low <= 0 <= whole.high:
        return f"{one} and {two} cannot be told apart, {figures}: the interval holds 0"
    return f"{one} is {'better' if whole.value > 0 else 'worse'} than {two}, {figures}"
