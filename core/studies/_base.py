"""What a study is: arms that are compared on the variants of data sets.

Settings are chosen before any image is read that figures are of. `core.studies._cells` computes a
study, `core.studies._collect` makes its table. A study either says itself what an arm is worth and
what it makes of every test image, or is one of arms that are trained, `Trained`: then both are a
detector's scores.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from core.data.stream import Stream
from core.data.transforms import FAULTS
from core.detectors._base import Detector
from core.evaluate.bootstrap import Areas
from core.inference.scoring import parts_of
from core.inference.validation import validate
from core.results import Published, Setting, StudyResult
from core.train.card import accelerator, processor
from core.train.loop import fit
from core.train.processes import processes

__all__ = [
    "Arm",
    "Case",
    "Holding",
    "Measure",
    "Ready",
    "Say",
    "Study",
    "Trained",
    "fit_here",
    "plan_of",
]

Say = Callable[[str], None]
# From scores (N,) and which of the images are normal (N,), or from maps (N, H, W) and which of
# their pixels are, to a value under any weighting (N,) of the images.
Measure = Callable[[np.ndarray, np.ndarray], Callable[[np.ndarray], float]]


@dataclass(frozen=True)
class Arm:
    """One thing that is measured.

    Attributes:
        title, text: for people: what it is, and how it differs from the reference.
        changes: settings that make it what it is.
        grid: settings to choose from, as many in every arm that has something to choose.
        shares: the name of what it builds on and others too, or "".
    """

    name: str
    title: str
    text: str
    changes: Mapping[str, Any]
    grid: Sequence[Setting] = ({},)
    shares: str = ""

    def as_dict(self) -> dict[str, Any]:
        """All that decides its figures; no words."""
        return {k: v for k, v in asdict(self).items() if k not in ("title", "text")}


@dataclass(frozen=True)
class Case:
    """A variant of a data set: where every arm is measured once."""

    data: str
    variant: str


@dataclass(frozen=True)
class Ready:
    """A detector that can score, and the part of it that is the score."""

    detector: Detector
    part: str


@dataclass(frozen=True)
class Study(ABC):
    """The contract of a study; its first arm is the reference that the others differ from.

    Class attributes:
        title, question, text: for people.
        titles: of data sets.
        variant, variants: what one and several are called; over: what a mean over them is over.
        covers: what intervals cover, and what not.
        choice: how settings are chosen.
        measures: each with its title and its function.
        packages: whose versions are noted.
        contrasts: pairs of arms, the first of which is compared with the second.

    Attributes:
        seed: of training, of faults, and of what is resampled.
        draws: bootstraps.
    """

    title: ClassVar[str]
    question: ClassVar[str]
    text: ClassVar[str]
    titles: ClassVar[Mapping[str, str]]
    variant: ClassVar[str] = "class"
    variants: ClassVar[str] = "classes"
    over: ClassVar[str] = "all classes"
    covers: ClassVar[str] = "they cover test images, not training seeds"
    choice: ClassVar[str] = "there was nothing to choose"
    measures: ClassVar[Mapping[str, tuple[str, Measure]]] = {"auroc": ("AUROC", Areas)}
    packages: ClassVar[tuple[str, ...]] = ("torch", "numpy")
    contrasts: ClassVar[tuple[tuple[str, str], ...]] = ()

    seed: int = 0
    draws: int = 1000

    @property
    def name(self) -> str:
        return type(self).__module__.rpartition(".")[2]

    @property
    @abstractmethod
    def arms(self) -> tuple[Arm, ...]:
        """All arms, the reference first."""

    @property
    @abstractmethod
    def cases(self) -> tuple[Case, ...]:
        """Where every arm is measured."""

    @property
    def data(self) -> dict[str, str]:
        """The data sets of the cases, each with its title."""
        return {case.data: self.titles[case.data] for case in self.cases}

    @property
    def tuning(self) -> tuple[Case, ...]:
        """Where settings are chosen for a data set; none where no arm has anything to choose."""
        return ()

    @property
    def published(self) -> tuple[Published, ...]:
        """Figures of others, to stand beside those of arms."""
        return ()

    def wider(self) -> Study | None:
        """The study with cells that are computed on demand, too, if there are any."""
        return None

    @abstractmethod
    def fixed(self) -> Mapping[str, Any]:
        """What else decides the figures of a cell."""

    @cached_property
    def conditions(self) -> Mapping[str, Any]:
        """What decides every arm's figures; an arm or case more leaves those of others alone."""
        tuning = [asdict(case) for case in self.tuning]
        return {**self.fixed(), "seed": self.seed, "tuning": tuning}

    def asked(self, arm: Arm, case: Case) -> Mapping[str, Any]:
        """What else decides an arm's figures in a case: the checkpoints that it asks, by target.

        Raises:
            OutskirtsError: one is missing or damaged.
        """
        return {}

    @abstractmethod
    def test(self, data: str) -> tuple[np.ndarray, np.ndarray]:
        """Test images (N, H, W, C) of a data set and labels (N,), each of which is resampled."""

    def normal(self, case: Case, labels: np.ndarray) -> np.ndarray:
        """Which test images of these labels (N,) are normal, (N,) bool; the others are strange.

        Where an arm gives maps: which of their pixels are, (N, H, W).
        """
        return labels == int(case.variant)

    def build(self, shares: str, case: Case) -> Mapping[str, Tensor]:
        """What the arms that have this name in ``shares`` build on: tensors of any shape, by name.

        Raises:
            NotImplementedError: no arm shares anything.
        """
        raise NotImplementedError(f"{self.name} shares nothing called {shares!r}")

    @abstractmethod
    def worth(self, arm: Arm, case: Case, *, shared: Mapping[str, Tensor]) -> list[float]:
        """What each of the arm's settings is worth where settings are chosen, the more the better.

        No image may be read that figures are of; ``shared`` are tensors of any shape.
        """

    @abstractmethod
    def scores(
        self, arm: Arm, setting: Setting, *, case: Case, shared: Mapping[str, Tensor]
    ) -> np.ndarray:
        """What the arm says, by a setting, of all test images of the case's data, (N,).

        Or maps (N, H, W); ``shared`` are tensors of any shape.
        """

    def facts(self, case: Case) -> dict[str, Any]:
        """What is noted of how a case was measured; "images" are those that it was trained on."""
        return {}

    @property
    def processor(self) -> str:
        """What computes here, for people."""
        return processor()

    def notes(self, result: StudyResult) -> tuple[str, ...]:
        """What follows from the figures, a sentence each."""
        return ()


@dataclass(frozen=True)
class Holding(Study):
    """A study whose arms have much from the same pass.

    Attributes:
        held: what was made once in this process, by key.
    """

    held: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def once(self, key: tuple[str, ...], make: Callable[[], Any]) -> Any:
        """What several arms or cases have from the same pass: made once a process, by its key.

        Args:
            make: makes it.
        """
        if key not in self.held:
            self.held[key] = make()
        return self.held[key]


@dataclass(frozen=True)
class Trained(Study):
    """A study of arms that are trained, chosen among by faults of held-out normal images.

    Attributes:
        device: where they are trained, which no plan says: tables name the machines. Images are
            always scored on the processor.
    """

    device: str = "cpu"

    @property
    def processor(self) -> str:
        return processor() if self.device == "cpu" else f"{accelerator()}, {processor()}"

    @cached_property
    def conditions(self) -> Mapping[str, Any]:
        return {**super().conditions, "faults": list(FAULTS)}

    @abstractmethod
    def training(self, case: Case) -> tuple[Stream, np.ndarray]:
        """Images to train on, and held-out normal ones (N, H, W, C) to choose settings on."""

    def share(self, shares: str, stream: Stream) -> Mapping[str, Tensor]:
        """As `build`, tensors of any shape, from the images that are trained on.

        Raises:
            NotImplementedError: no arm shares anything.
        """
        raise NotImplementedError(f"{self.name} shares nothing called {shares!r}")

    @abstractmethod
    def ready(
        self, arm: Arm, setting: Setting, *, stream: Stream, shared: Mapping[str, Tensor]
    ) -> Ready:
        """The arm's detector with a setting, trained; ``shared`` are tensors of any shape."""

    def build(self, shares: str, case: Case) -> Mapping[str, Tensor]:
        return self.share(shares, self.training(case)[0])

    def worth(self, arm: Arm, case: Case, *, shared: Mapping[str, Tensor]) -> list[float]:
        """Mean AUROC over the faults of held-out normal images, a setting each."""
        stream, held_out = self.training(case)
        means = []
        for setting in arm.grid:
            ready = self.ready(arm, setting, stream=stream, shared=shared)
            faults = validate(ready.detector, held_out, seed=self.seed)
            means.append(float(np.mean([parts[ready.part] for parts in faults.values()])))
        return means

    def scores(
        self, arm: Arm, setting: Setting, *, case: Case, shared: Mapping[str, Tensor]
    ) -> np.ndarray:
        ready = self.ready(arm, setting, stream=self.training(case)[0], shared=shared)
        return parts_of(ready.detector, self.test(case.data)[0])[ready.part]

    def facts(self, case: Case) -> dict[str, Any]:
        return {"images": len(self.training(case)[0].images)}


def fit_here(
    detector: Detector, streams: Mapping[str, Stream], *, seed: int, device: str = "cpu"
) -> None:
    """Train by a seed, from streams by role, on the processor, or on a device that is named."""
    with processes(1, accelerator=device) as fabric:
        fit(detector, streams, seed=seed, fabric=fabric)


def plan_of(study: Study) -> dict[str, Any]:
    """Everything that was fixed beforehand, as JSON has it."""
    asked: dict[str, Any] = {}
    for case in (*study.tuning, *study.cases):
        for arm in study.arms:
            asked |= study.asked(arm, case)
    plan = {
        **study.conditions,
        "cases": [asdict(case) for case in study.cases],
        "arms": [arm.as_dict() for arm in study.arms],
        "measures": list(study.measures),
        "draws": study.draws,
    }
    contrasts = {"contrasts": study.contrasts} if study.contrasts else {}
    return json.loads(json.dumps(plan | contrasts | ({"asked": asked} if asked else {})))
