"""What a study is: arms that are compared on the variants of data sets.

Settings are chosen on held-out normal images damaged by hand, before any test image is read.
`core.studies._cells` computes a study, `core.studies._collect` makes its table.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from core.data.stream import Stream
from core.data.transforms import FAULTS
from core.detectors._base import Detector
from core.evaluate.bootstrap import Areas
from core.train.loop import fit, processes

__all__ = [
    "Arm",
    "Case",
    "Measure",
    "Ready",
    "Say",
    "Setting",
    "Study",
    "fit_here",
    "plan_of",
]

Setting = Mapping[str, float]
Say = Callable[[str], None]
# From scores (N,) and which of the images are normal (N,) to a value under any weighting (N,).
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
        choice: how settings are chosen.
        measures: each with its title and its function.
        packages: whose versions are noted.

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
    choice: ClassVar[str] = "there was nothing to choose"
    measures: ClassVar[Mapping[str, tuple[str, Measure]]] = {"auroc": ("AUROC", Areas)}
    packages: ClassVar[tuple[str, ...]] = ("torch", "numpy")

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

    @abstractmethod
    def fixed(self) -> Mapping[str, Any]:
        """What else decides the figures of a cell."""

    @cached_property
    def conditions(self) -> Mapping[str, Any]:
        """What decides every arm's figures; an arm or case more leaves those of others alone."""
        tuning = [asdict(case) for case in self.tuning]
        return {**self.fixed(), "seed": self.seed, "tuning": tuning, "faults": list(FAULTS)}

    @abstractmethod
    def training(self, case: Case) -> tuple[Stream, np.ndarray]:
        """Images to train on, and held-out normal ones (N, H, W, C) to choose settings on."""

    @abstractmethod
    def test(self, data: str) -> tuple[np.ndarray, np.ndarray]:
        """Test images (N, H, W, C) of a data set and labels (N,), each of which is resampled."""

    def normal(self, case: Case, labels: np.ndarray) -> np.ndarray:
        """Which test images of these labels (N,) are normal, (N,) bool; the others are strange."""
        return labels == int(case.variant)

    def share(self, shares: str, stream: Stream) -> Mapping[str, Tensor]:
        """What the arms that have this name in ``shares`` build on: tensors of any shape, by name.

        Raises:
            NotImplementedError: no arm shares anything.
        """
        raise NotImplementedError(f"{self.name} shares nothing called {shares!r}")

    @abstractmethod
    def ready(
        self, arm: Arm, setting: Setting, *, stream: Stream, shared: Mapping[str, Tensor]
    ) -> Ready:
        """The arm's detector with a setting, trained; ``shared`` are tensors of any shape."""


def fit_here(detector: Detector, stream: Stream, *, seed: int) -> None:
    """Train by a seed on the processor, whatever else there is: machines share one table."""
    with processes(1, accelerator="cpu") as fabric:
        fit(detector, {"train": stream}, seed=seed, fabric=fabric)


def plan_of(study: Study) -> dict[str, Any]:
    """Everything that was fixed beforehand, as JSON has it."""
    return json.loads(
        json.dumps(
            {
                **study.conditions,
                "cases": [asdict(case) for case in study.cases],
                "arms": [arm.as_dict() for arm in study.arms],
                "measures": list(study.measures),
                "draws": study.draws,
            }
        )
    )
