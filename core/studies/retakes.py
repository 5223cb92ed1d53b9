"""Novelty of patches where the camera was not quite the same: what its bank should hold.

A bank of patches knows normal images as they were taken. Test images are often taken another day:
a little darker, out of focus, lit from a side. Whether that alone makes them strange is asked of
held-out normal images, taken again, beside the same with small scars.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from core import checkpoint
from core.data.picture import as_images, as_tensor
from core.data.scars import scarred
from core.data.stream import Stream
from core.detectors._novelty_patches import PatchNovelty
from core.evaluate.bootstrap import Areas
from core.evaluate.metrics import auroc
from core.inference.scoring import parts_of
from core.nn.retaken import retaken
from core.results import ArmResult, Setting, StudyResult
from core.scenario import load_scenario
from core.studies._base import Arm, Case, Holding, Measure, fit_here
from core.train.streams import streams_of

__all__ = ["BANKS", "READINGS", "Retakes", "chosen"]

WIDE = 15  # times as many patches as the bank holds, of which it is chosen; else 5
BANKS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "plain": ("patches as they are, each at length 1", {}),
    "floor": ("short activations stay short", {"least": 1.0}),
    "copies": ("and of two copies of each image, taken again", {"copies": 2}),
    "both": ("short activations stay short, and two copies", {"least": 1.0, "copies": 2}),
    "wide": ("two copies, and chosen from three times as many", {"copies": 2, "offers": WIDE}),
    "wide-both": (
        "short ones stay short, two copies, and chosen from three times as many",
        {"least": 1.0, "copies": 2, "offers": WIDE},
    ),
}
READINGS = {  # what the score adds to familiarity: parts of the detector
    "": "familiarity alone",
    "patches": "and novelty of patches",
    "input": "and novelty of the input",
}
VARIED = ("copies", "least", "offers", "novelty")
SCARS = 2  # of each held-out image


def _arms() -> tuple[Arm, ...]:
    return tuple(
        Arm(
            f"{bank}-{reading}" if reading else bank,
            f"{title[0].upper()}{title[1:]}: {READINGS[reading]}",
            "the reference" if (bank, reading) == ("plain", "") else "",
            {"config": dict(changes), "reading": reading},
            shares=bank,
        )
        for bank, (title, changes) in BANKS.items()
        for reading in READINGS
    )


def within(scores: np.ndarray, labels: np.ndarray) -> Callable[[np.ndarray], float]:
    """Mean AUROC of scores (N,) over the pairs of sets that labels (N,) name.

    Of a pair i normal images have the label 2 i, strange ones 2 i + 1.
    """
    pairs = [np.flatnonzero(labels // 2 == pair) for pair in np.unique(labels // 2)]
    areas = [(rows, Areas(scores[rows], labels[rows] % 2 == 0)) for rows in pairs]
    return lambda weights: float(np.mean([area(weights[rows]) for rows, area in areas]))


@dataclass(frozen=True)
class Retakes(Holding):
    """Banks of patches, each fitted anew to a scenario's training images, and what scores add.

    Attributes:
        sets: scenarios, each with the strange sets that are measured, each against its own normal
            one.
    """

    title: ClassVar[str] = "Novelty of patches: does it mind another exposure?"
    question: ClassVar[str] = "Does another exposure look like a defect?"
    text: ClassVar[str] = (
        "A bank of normal patches knows pictures as they were taken. Test images come from another "
        "day: each arm says what the bank holds, and what its score adds to familiarity. Its worth "
        "is how well it tells held-out normal images with a small scar from others, when both are "
        "taken again: up to 10 per cent lighter or darker, flatter or steeper, lit from a side, a "
        "little out of focus and grained."
    )
    titles: ClassVar[Mapping[str, str]] = {
        "screws": "screws, all defects",
        "solar": "solar cells, mean of mono- and polycrystalline",
    }
    variant: ClassVar[str] = "set"
    variants: ClassVar[str] = "measures"
    over: ClassVar[str] = "the scenario's strange sets"
    covers: ClassVar[str] = "they cover test images, not what the bank was drawn from"
    choice: ClassVar[str] = (
        "the bank whose familiarity tells scarred held-out normal images best from others, when "
        "both are taken again (AUROC); no defect is looked at. That a camera should be asked about "
        "was learned from the good test screws: they are darker than those of training"
    )
    measures: ClassVar[Mapping[str, tuple[str, Measure]]] = {"auroc": ("AUROC", within)}
    packages: ClassVar[tuple[str, ...]] = ("torch", "numpy", "timm")

    sets: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {"screws": ("all",), "solar": ("mono", "poly")}
    )

    @property
    def arms(self) -> tuple[Arm, ...]:
        return _arms()

    @property
    def cases(self) -> tuple[Case, ...]:
        return tuple(Case(name, "test") for name in self.sets)

    @property
    def tuning(self) -> tuple[Case, ...]:
        return self.cases

    @property
    def data(self) -> dict[str, str]:
        return {name: self.titles.get(name, load_scenario(name).title) for name in self.sets}

    def fixed(self) -> Mapping[str, Any]:
        """The settings that all banks share."""
        names = {name: list(sets) for name, sets in self.sets.items()}
        return {"sets": names, "scars": SCARS, "config": {n: self._config(n) for n in self.sets}}

    def _config(self, name: str) -> dict[str, Any]:
        """A scenario's settings but for those that banks differ by."""
        config = load_scenario(name).training_of("novelty").config
        return {k: v for k, v in config.items() if k not in VARIED}

    # The images ---------------------------------------------------------------------------------

    def test(self, data: str) -> tuple[np.ndarray, np.ndarray]:
        """The normal and the strange images of each pair, labelled as `within` has it."""
        scenario = load_scenario(data)
        images, labels = [], []
        for pair, strange in enumerate(self.sets[data]):
            for side, name in enumerate((scenario.normal_of(strange).name, strange)):
                images.append(scenario.pictures(name).images[:])
                labels.append(np.full(len(images[-1]), 2 * pair + side))
        return np.concatenate(images), np.concatenate(labels)

    def normal(self, case: Case, labels: np.ndarray) -> np.ndarray:
        """The labels (N,) themselves: which pair, and which side of it."""
        return labels

    def _streams(self, data: str) -> Mapping[str, Stream]:
        scenario = load_scenario(data)
        batch_size = scenario.training_of("novelty").batch_size
        return self.once((data, "streams"), lambda: streams_of(scenario, (), batch_size))

    def _held_out(self, data: str) -> tuple[np.ndarray, np.ndarray]:
        """Held-out normal images, taken again, and the same with a scar each, (N, H, W, C)."""

        def held_out() -> tuple[np.ndarray, np.ndarray]:
            images = self._streams(data)["calibration"].images[:]
            scars = [scarred(images, seed=self.seed + i)[0] for i in range(SCARS)]
            generator = torch.Generator().manual_seed(self.seed)
            whole, strange = (
                as_images(retaken(as_tensor(x), generator)) for x in (images, np.concatenate(scars))
            )
            return whole, strange

        return self.once((data, "held out"), held_out)

    # What the arms say --------------------------------------------------------------------------

    def build(self, shares: str, case: Case) -> Mapping[str, Tensor]:
        """The tensors of a detector with a bank, of any shape, fitted to the case's images."""
        detector = self._detector(case.data, BANKS[shares][1])
        fit_here(detector, self._streams(case.data), seed=self.seed)
        return {k: v.contiguous() for k, v in detector.state_dict().items()}

    def _detector(self, data: str, changes: Mapping[str, Any]) -> PatchNovelty:
        config = {**self._config(data), **changes}
        found = checkpoint.from_config("novelty", config, load_scenario(data).shape)
        assert isinstance(found, PatchNovelty)
        return found

    def worth(self, arm: Arm, case: Case, *, shared: Mapping[str, Tensor]) -> list[float]:
        """AUROC of scarred held-out images against others, all taken again."""
        whole, strange = self._held_out(case.data)
        key = f"{arm.shares}, held out"
        found = [
            self._sums(arm, case, images=partial(np.asarray, x), shared=shared, of=f"{key} {i}")
            for i, x in enumerate((whole, strange))
        ]
        return [float(auroc(*found))]

    def scores(
        self, arm: Arm, setting: Setting, *, case: Case, shared: Mapping[str, Tensor]
    ) -> np.ndarray:
        of = f"{arm.shares}, test"
        return self._sums(arm, case, images=lambda: self.test(case.data)[0], shared=shared, of=of)

    def _sums(
        self,
        arm: Arm,
        case: Case,
        *,
        images: Callable[[], np.ndarray],
        shared: Mapping[str, Tensor],
        of: str,
    ) -> np.ndarray:
        """Familiarity, and what the arm adds, each standardised, summed up: (N,)."""

        def sums() -> Mapping[str, np.ndarray]:
            detector = self._detector(case.data, arm.changes["config"])
            detector.load_state_dict(dict(shared))
            detector.eval().requires_grad_(False)
            parts = parts_of(detector, images())
            added = {r: (f"novelty_{r}",) if r else () for r in READINGS}
            return {
                reading: detector.standard_sum(parts, ("familiarity", *more))
                for reading, more in added.items()
            }

        return self.once((case.data, of), sums)[arm.changes["reading"]]

    # What follows -------------------------------------------------------------------------------

    def notes(self, result: StudyResult) -> tuple[str, ...]:
        """Of each scenario the bank that is chosen, and what it is worth on defects."""
        return tuple(_note(result, data) for data in result.data)


def chosen(result: StudyResult, data: str) -> ArmResult:
    """The bank whose familiarity alone the scars choose.

    Raises:
        KeyError: there are no such data.
    """
    return result.best(tuple(BANKS), data)


def _note(result: StudyResult, data: str) -> str:
    best = chosen(result, data)
    worth = {arm.name: arm.trials[0].faults[data] for arm in result.arms}
    found = {arm.name: result.row(arm.name, data).value for arm in result.arms}
    worths = ", ".join(f"{bank} {worth[bank]:.3f}" for bank in BANKS)
    sums = ", ".join(
        f"{words} {found[f'{best.name}-{reading}']:.3f}"
        for reading, words in READINGS.items()
        if reading
    )
    return (
        f"{result.data[data]}: the scars choose {best.name} ({worths}). On the defects its "
        f"familiarity alone has {found[best.name]:.3f}, and the plain bank's {found['plain']:.3f}; "
        f"{sums}."
    )
