"""Which reading of "unexplained" the score of novelty adds, and what that is worth.

The readings are those of the checkpoints that ship: nothing is trained. One is chosen by faults of
held-out normal images; what it is worth is measured on strange images, which choose nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, cast

import numpy as np
from torch import Tensor

from core import checkpoint
from core.data.views import Images
from core.detectors._base import Detector
from core.detectors.novelty import Novelty
from core.evaluate.bootstrap import Areas
from core.inference.scoring import parts_of
from core.inference.validation import validate
from core.results import ArmResult, Setting, StudyResult
from core.scenario import Scenario, load_scenario
from core.studies._base import Arm, Case, Holding, Measure, Say
from core.train.streams import streams_of

__all__ = ["ALONE", "CANDIDATES", "CONTROL", "Readings", "Sums", "choose", "chosen"]

ALONE = "familiarity"
CONTROL = "pixels"
CANDIDATES = ("input", "map", "inner", "background")  # readings, as the config has them
RARE = 0.01  # of the strange: a share of fewer says nothing
ALARMS = 5.0  # per cent of held-out normal images that the threshold lets raise one


def _arms() -> tuple[Arm, ...]:
    """Familiarity alone, with each reading, and with the control."""
    about = Novelty.about
    added = {name: f"novelty_{name}" for name in CANDIDATES} | {CONTROL: "pixels"}
    return (
        Arm(ALONE, "familiarity alone", "distance to the nearest training features", {"add": ""}),
        *(
            Arm(name, f"+ {about[part].title}", about[part].text, {"add": part})
            for name, part in added.items()
        ),
    )


class Sums:
    """What every arm makes of images, from one pass of a detector: parts (N,) by arm.

    Familiarity and what the arm adds are each standardised as the detector does it.
    """

    def __init__(self, detector: Novelty) -> None:
        self.detector = detector

    def parts(self, x: Tensor) -> Mapping[str, Tensor]:
        """Sums (N,) of images x (N, C, H, W), by arm."""
        parts = self.detector.parts(x)
        added = {arm.name: [arm.changes["add"]] if arm.changes["add"] else [] for arm in _arms()}
        return {
            name: self.detector.standard_sum(parts, ("familiarity", *more))
            for name, more in added.items()
        }


# Measures ----------------------------------------------------------------------------------------


def misses(scores: np.ndarray, normal: np.ndarray) -> Callable[[np.ndarray], float]:
    """Share of the strange that raise no alarm, of scores (N,) less the threshold."""
    missed = scores[~normal] <= 0
    return lambda weights: float(weights[~normal] @ missed / weights[~normal].sum())


def alarms(scores: np.ndarray, normal: np.ndarray) -> Callable[[np.ndarray], float]:
    """Share of the normal that raise an alarm, of scores (N,) less the threshold."""
    return lambda weights: 1 - misses(scores, ~normal)(weights)


# The study ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Readings(Holding):
    """The sums of a scenario's novelty, or of its classes' where each is normal in turn.

    Data are scenarios of classes, or a scenario and one of its strange sets.

    Attributes:
        whole: scenarios with strange sets.
        by_class: scenarios in which each class is normal in turn.
    """

    title: ClassVar[str] = "Novelty: which reading of 'unexplained' the score adds"
    question: ClassVar[str] = "Does novelty help familiarity?"
    text: ClassVar[str] = (
        "Familiarity alone beside its sum with each reading of what the explanation leaves "
        "unexplained. The last arm is a control: it adds what principal components of raw pixels "
        "leave over, without any explanation, and is no candidate."
    )
    titles: ClassVar[Mapping[str, str]] = {}
    over: ClassVar[str] = "the classes, each normal in turn"
    choice: ClassVar[str] = (
        "the reading with the highest mean AUROC over four synthetic faults of held-out normal "
        "images (patch swap, block shuffle, blur, elastic bend) and all classes of the scenario; "
        "no strange image"
    )
    covers: ClassVar[str] = "they cover test images, not training seeds or the threshold"
    measures: ClassVar[Mapping[str, tuple[str, Measure]]] = {
        "auroc": ("AUROC", Areas),
        "misses": (f"misses at {ALARMS:g} % false alarms", misses),
        "alarms": ("false alarms on test images", alarms),
    }

    whole: tuple[str, ...] = ("fashion",)
    by_class: tuple[str, ...] = ("fashion-one", "digits-one")

    @property
    def arms(self) -> tuple[Arm, ...]:
        return _arms()

    @property
    def cases(self) -> tuple[Case, ...]:
        sets = [
            Case(f"{name}:{strange.name}", "all")
            for name in self.whole
            for strange in load_scenario(name).strange
        ]
        classes = [
            Case(name, variant)
            for name in self.by_class
            for variant in load_scenario(name).variants
        ]
        return (*sets, *classes)

    @property
    def tuning(self) -> tuple[Case, ...]:
        return self.cases

    @property
    def data(self) -> dict[str, str]:
        return {case.data: _title(case.data) for case in self.cases}

    def fixed(self) -> Mapping[str, Any]:
        return {"alarms": ALARMS}

    def asked(self, arm: Arm, case: Case) -> Mapping[str, Any]:
        """The weights of the case's model and of the encoder that it asks."""
        scenario, stem = self._model(case)
        return {f"{scenario.family}/{stem}": self._asked[scenario.family, stem]}

    @cached_property
    def _asked(self) -> Mapping[tuple[str, str], Mapping[str, str]]:
        models = {(s.family, stem): s for s, stem in map(self._model, self.cases)}
        cards = {key: checkpoint.read_card(s.folder, key[1]) for key, s in models.items()}
        return {
            key: {"sha256": card.weights.sha256, **card.auxiliary_models}
            for key, card in cards.items()
        }

    def _model(self, case: Case) -> tuple[Scenario, str]:
        """The scenario in which a case's images are normal, and its model."""
        name = case.data.partition(":")[0]
        if name in self.by_class:
            return load_scenario(f"{name}.{case.variant}"), f"novelty.{case.variant}"
        return load_scenario(name), "novelty"

    # The images ---------------------------------------------------------------------------------

    def test(self, data: str) -> tuple[np.ndarray, np.ndarray]:
        """Normal images, then strange ones, whose labels come after those of the normal."""
        name, _, strange = data.partition(":")
        scenario = load_scenario(name)
        normal = scenario.pictures(scenario.normal.name)
        if not strange:
            return normal.images[:], normal.labels
        more, first = scenario.pictures(strange), len(scenario.normal.classes)
        labels = np.concatenate([normal.labels, first + 1 + more.labels])  # -1: of no class
        return np.concatenate([normal.images[:], more.images[:]]), labels

    def normal(self, case: Case, labels: np.ndarray) -> np.ndarray:
        name, _, strange = case.data.partition(":")
        scenario = load_scenario(name)
        if strange:
            return labels < len(scenario.normal.classes)
        return labels == scenario.variants.index(case.variant)

    # What the arms say --------------------------------------------------------------------------

    def worth(self, arm: Arm, case: Case, *, shared: Mapping[str, Tensor]) -> list[float]:
        """Mean AUROC over the faults of held-out normal images."""
        return [self._faults(case)[arm.name]]

    def scores(
        self, arm: Arm, setting: Setting, *, case: Case, shared: Mapping[str, Tensor]
    ) -> np.ndarray:
        """Less the threshold, so that what is above 0 raises an alarm."""
        held_out = self._parts(case, "held out")[arm.name]
        name, _, strange = case.data.partition(":")
        scenario = load_scenario(name)
        sets = [scenario.normal.name, *([strange] if strange else [])]
        scores = np.concatenate([self._parts(case, one)[arm.name] for one in sets])
        return scores - np.percentile(held_out, 100 - ALARMS).astype(np.float32)

    def _faults(self, case: Case) -> Mapping[str, float]:
        """Mean AUROC over the faults, by arm."""

        def faults() -> Mapping[str, float]:
            found = validate(self._sums(case), self._held_out(case)[:], seed=self.seed)
            arms = next(iter(found.values()))
            return {arm: float(np.mean([of[arm] for of in found.values()])) for arm in arms}

        return self.once((*self._key(case), "faults"), faults)

    def _parts(self, case: Case, of: str) -> Mapping[str, np.ndarray]:
        """Every arm's sums (N,) of a set of the scenario, or of those held out."""

        def parts() -> Mapping[str, np.ndarray]:
            if of == "held out":
                return parts_of(self._sums(case), self._held_out(case))
            family = load_scenario(case.data.partition(":")[0])
            return parts_of(self._sums(case), family.pictures(of).images)

        return self.once((*self._key(case), "parts", of), parts)

    def _key(self, case: Case) -> tuple[str, str]:
        scenario, stem = self._model(case)
        return scenario.family, stem

    def _sums(self, case: Case) -> Detector:
        scenario, stem = self._model(case)
        detector, _ = checkpoint.load(scenario.folder, stem)
        assert isinstance(detector, Novelty)
        return cast(Detector, Sums(detector))  # of which no more is asked than parts

    def _held_out(self, case: Case) -> Images:
        """Normal images that trained nothing."""
        return streams_of(self._model(case)[0], (), batch_size=1)["calibration"].images

    # What follows -------------------------------------------------------------------------------

    def notes(self, result: StudyResult) -> tuple[str, ...]:
        """Of each scenario the reading that is chosen, and by how much it misses fewer."""
        return tuple(_note(result, data) for data in result.data)


def _title(data: str) -> str:
    name, _, strange = data.partition(":")
    scenario = load_scenario(name)
    if not strange:
        return f"{scenario.normal.title.lower()}, one class normal"
    return f"{scenario.normal.title.lower()} against {scenario.set_named(strange).title.lower()}"


def chosen(result: StudyResult, data: str) -> ArmResult:
    """The arm whose reading the faults choose; neither familiarity alone nor the control can be.

    Raises:
        KeyError: there are no such data.
    """
    return result.best(CANDIDATES, data)


def _note(result: StudyResult, data: str) -> str:
    best = chosen(result, data)
    worths = ", ".join(
        f"{arm.name} {arm.trials[0].faults[data]:.4f}"
        for arm in sorted(result.arms, key=lambda arm: -arm.trials[0].faults[data])
    )
    first = max(result.arms, key=lambda arm: arm.trials[0].faults[data]).name
    alone, *others = (
        result.row(arm, data, measure="misses").value for arm in (ALONE, best.name, CONTROL)
    )
    told = (f"{few:.1%}{_than(few, alone)}" for few in others)
    return (
        f"{result.data[data]}: the faults choose {best.name} ({worths})"
        + (", though none of the sums finds more of them than familiarity alone" * (first == ALONE))
        + f". Of the strange, familiarity alone misses {alone:.1%}, the sum {next(told)}, the "
        f"control {next(told)}."
    )


def _than(few: float, many: float) -> str:
    """By what share fewer are missed; nothing where there is next to nothing to miss."""
    if many < RARE:
        return ""
    return f" ({abs(1 - few / many):.0%} {'fewer' if few <= many else 'more'})"


def choose(scenario: str, *, say: Say = lambda text: None) -> dict[str, float]:
    """Mean AUROC over faults and classes of a scenario, by arm, the best candidate first.

    It is what the study's table has; this asks the models of that scenario alone, and stores
    nothing. The others follow, though they cannot be chosen; ``say`` is told how far it came.
    """
    study = Readings()
    cases = [c for c in study.cases if c.data.partition(":")[0] == scenario]
    different = {study._key(case): case for case in cases}
    found = []
    for case in different.values():
        say(f"{case.data}, {case.variant}")
        found.append(study._faults(case))
    means = {arm.name: float(np.mean([of[arm.name] for of in found])) for arm in study.arms}
    return dict(sorted(means.items(), key=lambda of: (of[0] not in CANDIDATES, -of[1])))
