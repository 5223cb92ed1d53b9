"""Detectors and their stored numbers, loaded once a version and shared by all threads.

They are frozen, and nothing here changes them.
"""

from __future__ import annotations

import glob
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from core.cache import Cache, freeze, stamp
from core.errors import OutskirtsError
from core.scenario import Scenario, ScenarioError, load_scenario

if TYPE_CHECKING:
    from core.card import Card
    from core.checkpoint import ReferenceScores
    from core.detectors._base import Detector

__all__ = [
    "Target",
    "check_part",
    "exemplar_images",
    "files_of",
    "files_of_images",
    "forget",
    "loaded",
    "newest",
    "parse_target",
    "shared_of",
    "size_of_model",
    "stored_scores",
    "title_of",
    "variants_of",
    "version",
    "version_of",
]

T = TypeVar("T")


@dataclass(frozen=True)
class Target:
    """A detector of a scenario."""

    scenario: str
    detector: str
    variant: str | None = None

    @classmethod
    def of(cls, scenario: str, stem: str) -> Target:
        """The target of a checkpoint's stem, DETECTOR or DETECTOR.VARIANT.

        ``scenario`` may be the one in which the variant's class is normal, or its family.
        """
        detector, _, variant = stem.partition(".")
        return cls(scenario.partition(".")[0], detector, variant or None)

    @property
    def stem(self) -> str:
        return self.detector if self.variant is None else f"{self.detector}.{self.variant}"

    @property
    def shared(self) -> bool:
        """Whether it is no class's model, but one that those of all classes ask.

        Raises:
            ScenarioError: no such scenario.
        """
        return self.stem in load_scenario(self.scenario).shared

    @property
    def world(self) -> Scenario:
        """The scenario that the detector lives in: of several variants, the one of its class.

        Raises:
            ScenarioError: no such scenario, or it has variants and none of them is named.
        """
        scenario = load_scenario(self.scenario)
        if not scenario.variants or self.shared:
            return scenario
        if (chosen := scenario.class_of(self.variant or "")) is None:
            variants = scenario.variants_of(self.detector)
            raise ScenarioError(
                f"{self} is one of {len(variants)}: name which, such as "
                f"{self.scenario}/{self.detector}.{variants[0]}"
            )
        return load_scenario(f"{scenario.name}.{chosen}")

    @property
    def share(self) -> str | None:
        """Per cent of known anomalies, GG, that a model of one class learned from; None elsewhere.

        Raises:
            ScenarioError: no such scenario.
        """
        return load_scenario(self.scenario).share_of(self.variant or "")

    def __str__(self) -> str:
        return f"{self.scenario}/{self.stem}"


def title_of(target: Target) -> str:
    """The model's name on pages: its scenario's for it, or its detector's own.

    Raises:
        ScenarioError: no such scenario, or it does not train the model.
    """
    from core.detectors import detector_class

    training = target.world.training_of(target.stem)
    return training.titled(detector_class(target.detector).__name__)


def variants_of(target: Target) -> list[Target]:
    """A target itself; or, where it names no variant of a scenario that has them, each of them."""
    scenario = load_scenario(target.scenario)
    if target.variant or not scenario.variants:
        return [target]
    variants = scenario.variants_of(target.detector)
    return [Target(target.scenario, target.detector, v) for v in variants]


def shared_of(target: Target) -> list[Target]:
    """Models of a target's detector that those of all variants ask: none elsewhere."""
    shared = [Target.of(target.scenario, m) for m in load_scenario(target.scenario).shared]
    return [model for model in shared if model.detector == target.detector]


def parse_target(text: str) -> Target:
    """Read the text "SCENARIO/DETECTOR[.VARIANT]" and check that each exists.

    Raises:
        ScenarioError: it is of another form, or names what is not there.
    """
    from core.detectors import detector_names

    scenario_name, slash, rest = text.partition("/")
    detector, _, variant = rest.partition(".")
    a_path = "/" in rest or (slash and not scenario_name.strip("."))
    if not slash or not detector or rest.endswith(".") or a_path:
        words = f"{text!r} is not SCENARIO/DETECTOR[.VARIANT], such as fashion/glow"
        raise ScenarioError(f"{words}: names, no path" if a_path else words)
    scenario = load_scenario(scenario_name)
    if scenario.name != scenario.family:
        raise ScenarioError(
            f"{text!r} names the class before the detector: {scenario.family}/"
            f"{detector}.{scenario_name.partition('.')[2]} is meant"
        )
    if detector not in detector_names():
        raise ScenarioError(f"no detector {detector!r}; there are: {', '.join(detector_names())}")
    variants = scenario.variants_of(detector)
    if variant and variant not in variants and rest not in scenario.training:
        models = [m.partition(".")[2] for m in scenario.training if m.startswith(f"{detector}.")]
        known = ", ".join([*models, *variants]) or "none"
        raise ScenarioError(f"{scenario_name}/{detector} has no variant {variant!r}; has: {known}")
    return Target(scenario_name, detector, variant or None)


ENDS = (".json", ".safetensors", ".atlas.npz")  # of one checkpoint
Version = tuple[str, ...]


def files_of(*targets: Target) -> list[Path]:
    """Files that these targets' answers come from: of no other model, so that one may be trained.

    Each one's own, those of the checkpoints that it asks, and those of the scenario's images.

    Raises:
        ScenarioError: there is no such scenario.
    """
    scenarios = {target.scenario: load_scenario(target.scenario) for target in targets}
    shared = dict.fromkeys(f for scenario in scenarios.values() for f in files_of_images(scenario))
    stems: dict[tuple[str, str], Path] = {}
    for target in targets:
        folder = scenarios[target.scenario].folder
        for stem in (target.stem, *_auxiliaries_of(folder, target.stem)):
            stems[target.scenario, stem] = folder
    return [
        *shared,
        *(folder / f"{stem}{end}" for (_, stem), folder in stems.items() for end in ENDS),
    ]


def files_of_images(scenario: Scenario) -> tuple[Path, ...]:
    """Files that a scenario's reference images come from: another's, maybe."""
    reference = scenario.reference_scenario.folder
    return (
        scenario.folder / "scenario.json",
        reference / "scenario.json",
        reference / "reference.npz",
    )


def version_of(files: Iterable[Path]) -> Version:
    """Changes when one of these files changes: what is made of them is held by it."""
    return tuple(map(stamp, files))


def version(target: Target) -> Version:
    """Changes when a file changes that a target's answers come from.

    Raises:
        ScenarioError: there is no such scenario.
    """
    return version_of(files_of(target))


def _auxiliaries_of(folder: Path, stem: str) -> tuple[str, ...]:
    """Checkpoints that this one asks, by its card; none if it has no good card."""
    from core import checkpoint

    def read() -> tuple[str, ...]:
        try:
            return tuple(checkpoint.read_card(folder, stem).auxiliary_models)
        except checkpoint.CardError:
            return ()

    return _auxiliaries.get((folder, stem), stamp(folder / f"{stem}.json"), read)


TRIES, PAUSE = 20, 0.05  # of seconds: a checkpoint's files are renamed within one
YOUNG = 10.0  # seconds: what a writer has not renamed by then, it left when it was killed


def newest(cache: Cache[T], target: Target, make: Callable[[Target], T]) -> T:
    """What ``make`` makes of a target's files as they are now; the ``cache`` holds it.

    Those of a checkpoint are replaced one after the other: what does not fit together is read
    again if they have changed since, or are about to.
    """
    folder = target.world.folder
    for _ in range(TRIES):
        seen = version(target)
        try:
            return cache.get((folder, target), seen, lambda: make(target))
        except OutskirtsError:
            about_to = _about_to_change(folder, target.stem)  # looked for before the version
            if version(target) == seen and not about_to:
                raise
        time.sleep(PAUSE)
    return cache.get((folder, target), version(target), lambda: make(target))


def _about_to_change(folder: Path, stem: str) -> bool:
    """Whether somebody is writing a file of a checkpoint, or of one that it asks."""
    stems = (stem, *_auxiliaries_of(folder, stem))
    names = [f".{glob.escape(s)}{e}.*.part" for s in stems for e in ENDS]
    return any(_young(part) for name in names for part in folder.glob(name))


def _young(part: Path) -> bool:
    try:
        return abs(time.time() - part.stat().st_mtime) < YOUNG
    except OSError:  # renamed since it was found
        return True


def loaded(target: Target) -> tuple[Detector, Card]:
    """The detector of a target, frozen and with its auxiliary models, and its card.

    Raises:
        CardError: card or weights are missing, damaged, or do not belong together or here.
        ScenarioError: there is no such scenario.
    """
    return newest(_models, target, _load)


def _load(target: Target) -> tuple[Detector, Card]:
    import torch

    from core import checkpoint

    with torch.inference_mode(False):  # whoever asks: what is held must serve a gradient, too
        detector, card = checkpoint.load(target.world.folder, target.stem)
    card.check_shape(target.world.shape, f"scenario {target.scenario}")
    expected = {s.name for s in target.world.strange}
    if set(card.metrics) != expected:
        raise checkpoint.CardError(
            f"{target} was trained before its scenario's strange sets changed "
            f"({', '.join(sorted(set(card.metrics) ^ expected))}): train it again"
        )
    return detector, card


def _stored(target: Target) -> ReferenceScores:
    return newest(_scores, target, _read_scores)


def _read_scores(target: Target) -> ReferenceScores:
    from core import checkpoint

    world = target.world
    found = checkpoint.read_scores(world.folder, checkpoint.read_card(world.folder, target.stem))
    if missing := [s.name for s in world.own_sets if s.name not in found.sets]:
        raise checkpoint.CardError(
            f"{target} has no stored scores of {', '.join(missing)}: train it again"
        )
    return freeze(checkpoint.ReferenceScores(world.joined(found.sets), found.exemplars))


def size_of_model(model: tuple[Detector, Card]) -> int:
    """Bytes of a model: its numbers, those of models it asks, and about those of its card."""
    detectors = (model[0], *model[0].auxiliaries.values())
    tensors = [t for d in detectors for t in (*d.parameters(), *d.buffers())]
    return sum(t.nbytes for t in tensors) + CARD_BYTES


def _size_of_scores(stored: ReferenceScores) -> int:
    arrays = [values for parts in stored.sets.values() for values in parts.values()]
    return sum(a.nbytes for a in arrays) + stored.exemplars.nbytes


CARD_BYTES = 500_000
_models: Cache[tuple[Detector, Card]] = Cache(limit=400_000_000, sized=size_of_model)
_scores: Cache[ReferenceScores] = Cache(limit=200_000_000, sized=_size_of_scores)
_auxiliaries: Cache[tuple[str, ...]] = Cache(limit=1_000_000, sized=lambda stems: 1000)


def stored_scores(
    target: Target, *, beside: Target | None = None
) -> Mapping[str, Mapping[str, np.ndarray]]:
    """Every part of every reference image: set name to part name to (N,).

    Args:
        beside: a class's model that asks this one: of shared ones, the sets are those of its class.
    """
    found = _stored(target).sets
    if beside is None or not target.shared:
        return found
    family, member = target.world, beside.world
    whole, labels = found[family.normal.name], family.pictures(family.normal.name).labels
    rows = {s.name: labels == s.only for s in member.own_sets}
    return member.joined({n: {p: v[r] for p, v in whole.items()} for n, r in rows.items()})


def exemplar_images(target: Target) -> np.ndarray:
    """Training images (K, H, W, C) uint8 that a detector holds something of, in its order.

    None, (0, H, W, C), where they may not ship.
    """
    images = _stored(target).exemplars
    return images if len(images) else np.zeros((0, *target.world.shape.pixels), np.uint8)


def check_part(target: Target, card: Card, part: str) -> None:
    """Refuse a part that the target's checkpoint does not have.

    Raises:
        ScenarioError: with the parts that it has.
    """
    if part not in card.calibration.quantiles:
        known = ", ".join(card.calibration.quantiles)
        raise ScenarioError(f"{target} has no part {part!r}; it has: {known}")


def forget() -> None:
    """Load detectors, scores and reference images anew at the next call."""
    from core.scenario import forget_pictures

    _models.cache_clear()
    _scores.cache_clear()
    _auxiliaries.cache_clear()
    forget_pictures()
