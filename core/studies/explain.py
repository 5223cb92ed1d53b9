"""Which map knows the place: faults are planted, and every map is asked where they are.

A patch of one garment is planted in another, at a place that is known. A good map of what made the
image strange is higher there than elsewhere. Nothing is trained: the detectors are those that ship.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from core import checkpoint
from core.data.picture import as_tensor
from core.data.transforms import planted
from core.detectors import detector_class
from core.detectors.novelty import Novelty
from core.evaluate.bootstrap import Areas
from core.evaluate.metrics import auroc
from core.explain.methods import METHODS, explain
from core.results import ArmResult, Setting, StudyResult
from core.scenario import load_scenario
from core.shape import Shape
from core.studies._base import Arm, Case, Measure, Study

__all__ = ["CAPTUM", "Faults", "Planting", "Subject", "best_method"]

DATA, REPORT, CHOICE = "planted", "report", "choice"
CAPTUM = ("input_gradient", "integrated", "gradient_shap", "smooth", "occlusion")
SHAPE = Shape(1, 28, 28)  # after which a flow's scales are called
PIECE = 50  # images that are explained at once


@dataclass(frozen=True)
class Subject:
    """A checkpoint that is asked.

    Attributes:
        score: the part that general methods explain.
        own: parts whose own map is asked, the score first; none where the detector has no map.
    """

    name: str
    score: str
    own: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return self.name.capitalize()

    def arms(self) -> list[Arm]:
        """Its own maps, then the general methods."""
        detector = detector_class(self.name)
        about = detector.describe(detector.Config(score=self.score), SHAPE)
        own = [
            Arm(
                f"{self.name}.{part}",
                f"{self.title}: {about[part].title}" + ", its score" * (part == self.score),
                "the detector's own map",
                {"detector": self.name, "part": part, "method": "own"},
            )
            for part in self.own
        ]
        general = [
            Arm(
                f"{self.name}.score.{key}",
                f"{self.title}: {method.title}",
                "of the detector's score" + ", the baseline black" * method.uses_baseline,
                {"detector": self.name, "part": self.score, "method": key},
            )
            for key, method in METHODS.items()
            if key != "own"
        ]
        return own + general


NOVELTY = Subject("novelty", "sum", tuple(Novelty.about))
GLOW = Subject("glow", "scale_4", ("scale_4", "scale_8", "scale_16", "total"))
OUTSKIRTS = Subject("outskirts", "logit", ("logit", "reconstruction"))


@dataclass(frozen=True)
class Faults:
    """Images with a planted patch each.

    Attributes:
        images: (N, H, W, C) uint8.
        labels: (N,), of the images that were changed.
        masks: (N, H, W) bool, the patches.
        rows: (N,), which of the scenario's normal images was changed.
        numbers: (N,), of the faults: see `core.data.transforms.planted`.
    """

    images: np.ndarray
    labels: np.ndarray
    masks: np.ndarray
    rows: np.ndarray
    numbers: np.ndarray


# Maps that know no model -------------------------------------------------------------------------

Map = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def _random(images: np.ndarray, mean: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(images.shape[:3])


def _brightness(images: np.ndarray, mean: np.ndarray, seed: int) -> np.ndarray:
    return images.mean(3)


def _from_mean(images: np.ndarray, mean: np.ndarray, seed: int) -> np.ndarray:
    return np.abs(images - mean).mean(3)


CONTROLS: Mapping[str, tuple[str, str, Map]] = {
    "random": ("No model: random", "a random number in every pixel", _random),
    "brightness": ("No model: brightness", "how light the pixel is", _brightness),
    "mean": (
        "No model: distance to the mean image",
        "how far the pixel is from its mean over the normal images",
        _from_mean,
    ),
}


# Measures ----------------------------------------------------------------------------------------


def each(maps: np.ndarray, normal: np.ndarray) -> Callable[[np.ndarray], float]:
    """Mean over images of the AUROC within each, of maps and normal pixels (N, H, W)."""
    areas = np.array([auroc(m[n], m[~n]) for m, n in zip(maps, normal, strict=True)])
    return lambda weights: float(weights @ areas / weights.sum())


def pooled(maps: np.ndarray, normal: np.ndarray) -> Callable[[np.ndarray], float]:
    """AUROC over all pixels of all images together, of maps and normal pixels (N, H, W)."""
    area, pixels = Areas(maps.ravel(), normal.ravel()), maps[0].size
    return lambda weights: area(np.repeat(weights, pixels))


# The study ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Planting(Study):
    """Maps of detectors as they ship, on the same planted faults.

    Attributes:
        subjects: whose maps they are; the first one's own map of its score is the reference.
        images: how many figures are of; others: how many more choose each one's best method.
    """

    title: ClassVar[str] = "Explain: where is the patch that was planted?"
    question: ClassVar[str] = "Which map finds a planted fault?"
    text: ClassVar[str] = (
        "A patch of one garment is planted in another, in 500 test garments. A map is as good as "
        "its pixels in the patch stand above those beside it: 1 is perfect, 0.5 is chance. "
        "Beside the detectors' own maps stand general methods, and maps that know no model."
    )
    titles: ClassVar[Mapping[str, str]] = {DATA: "garments with a patch of another"}
    variant: ClassVar[str] = "half"
    variants: ClassVar[str] = "measures"
    over: ClassVar[str] = "planted images"
    covers: ClassVar[str] = "they cover images and the places of patches, not training seeds"
    choice: ClassVar[str] = (
        "no arm has anything to set; which general method is called a detector's best is decided "
        "by the mean over other planted images, which no figure is of"
    )
    measures: ClassVar[Mapping[str, tuple[str, Measure]]] = {
        "each": ("pixel AUROC", each),
        "pooled": ("pixel AUROC, all images together", pooled),
    }
    packages: ClassVar[tuple[str, ...]] = ("torch", "numpy", "captum")

    subjects: tuple[Subject, ...] = (NOVELTY, GLOW, OUTSKIRTS)
    scenario: str = "fashion"
    images: int = 500
    others: int = 100

    @property
    def arms(self) -> tuple[Arm, ...]:
        asked = [arm for subject in self.subjects for arm in subject.arms()]
        controls = [
            Arm(f"control.{name}", title, text, {"control": name})
            for name, (title, text, _) in CONTROLS.items()
        ]
        return (*asked, *controls)

    @property
    def cases(self) -> tuple[Case, ...]:
        return (Case(DATA, REPORT),)

    @property
    def tuning(self) -> tuple[Case, ...]:
        return (Case(DATA, CHOICE),)

    def fixed(self) -> Mapping[str, Any]:
        """What is planted where decides all: other images or patches are another study."""
        digest = hashlib.sha256()
        for faults in self.faults.values():
            digest.update(faults.images.tobytes() + faults.masks.tobytes())
        sizes = {"images": self.images, "others": self.others}
        return {"scenario": self.scenario, **sizes, "planted": digest.hexdigest()}

    def asked(self, arm: Arm, case: Case) -> Mapping[str, Any]:
        """The weights of the arm's detector, and the settings that these do not decide."""
        name = arm.changes.get("detector")
        return {f"{self.scenario}/{name}": self._asked[name]} if name else {}

    @cached_property
    def _asked(self) -> Mapping[str, Any]:
        folder = load_scenario(self.scenario).folder
        asked: dict[str, Any] = {}
        for subject in self.subjects:
            detector, card = checkpoint.load(folder, subject.name)
            free = sorted(detector.untrained_settings)
            settings = {name: getattr(detector.config, name) for name in free}
            asked[subject.name] = {"sha256": card.weights.sha256, **settings}
        return asked

    # The images ---------------------------------------------------------------------------------

    @cached_property
    def faults(self) -> Mapping[str, Faults]:
        """The planted images that figures are of, and those that choose."""
        scenario = load_scenario(self.scenario)
        normal = scenario.pictures(scenario.normal.name)
        drawn = np.random.default_rng(self.seed).permutation(len(normal.images))
        rows = drawn[: self.images + self.others]
        made = [
            planted(normal.images[row], normal.images, fault=number, without=int(row))
            for number, row in enumerate(rows)
        ]
        whole = Faults(
            np.stack([one.image for one in made]),
            normal.labels[rows],
            np.stack([one.mask for one in made]),
            rows,
            np.arange(len(rows)),
        )
        return {
            REPORT: _piece(whole, slice(None, self.images)),
            CHOICE: _piece(whole, slice(self.images, None)),
        }

    def test(self, data: str) -> tuple[np.ndarray, np.ndarray]:
        faults = self.faults[REPORT]
        return faults.images, faults.labels

    def normal(self, case: Case, labels: np.ndarray) -> np.ndarray:
        return ~self.faults[case.variant].masks

    # The maps -----------------------------------------------------------------------------------

    def worth(self, arm: Arm, case: Case, *, shared: Mapping[str, Tensor]) -> list[float]:
        """Mean pixel AUROC over the images that choose."""
        faults = self.faults[case.variant]
        measured = each(self._maps(arm, faults.images), ~faults.masks)
        return [measured(np.ones(len(faults.images)))]

    def scores(
        self, arm: Arm, setting: Setting, *, case: Case, shared: Mapping[str, Tensor]
    ) -> np.ndarray:
        return self._maps(arm, self.faults[case.variant].images)

    def _maps(self, arm: Arm, images: np.ndarray) -> np.ndarray:
        """Maps (N, H, W) float32 of images (N, H, W, C), by what the page Explain asks, too."""
        if name := arm.changes.get("control"):
            scenario = load_scenario(self.scenario)
            mean = scenario.pictures(scenario.normal.name).images[:].mean(0)
            return CONTROLS[name][2](images, mean, self.seed).astype(np.float32)
        folder = load_scenario(self.scenario).folder
        detector, _ = checkpoint.load(folder, arm.changes["detector"])
        part, method = arm.changes["part"], arm.changes["method"]
        return np.concatenate([
            explain(detector, x, part=part, method=method, seed=self.seed).map.float().numpy()
            for x in torch.split(as_tensor(images), PIECE)
        ])  # fmt: skip

    def notes(self, result: StudyResult) -> tuple[str, ...]:
        """Of each detector its own map beside the best general method."""
        return tuple(self._note(result, subject) for subject in self.subjects)

    def _note(self, result: StudyResult, subject: Subject) -> str:
        best = best_method(result, subject.name)
        worth = best.trials[0].faults[DATA]
        text = (
            f"{best.title} is the best of captum's methods on {self.others} other images "
            f"({worth:.3f}); on these {self.images}: {_figure(result, best.name)}"
        )
        if not subject.own:
            return f"{text}."
        own = _figure(result, f"{subject.name}.{subject.own[0]}")
        return f"{text}, the detector's own map of its score: {own}."


def _piece(faults: Faults, rows: slice) -> Faults:
    return Faults(**{name: values[rows] for name, values in vars(faults).items()})


def _figure(result: StudyResult, arm: str) -> str:
    row = result.row(arm, DATA)
    return f"{row.value:.3f} ({row.low:.3f} to {row.high:.3f})"


def best_method(result: StudyResult, detector: str) -> ArmResult:
    """The arm of captum's methods on a detector that is best on images that no figure is of.

    Raises:
        KeyError: the study did not ask that detector.
    """
    return result.best([f"{detector}.score.{method}" for method in CAPTUM], DATA)
