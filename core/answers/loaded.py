"""Detectors and their stored numbers, loaded once a process and shared by all its threads.

They are frozen, and nothing here changes them.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.scenario import Scenario, ScenarioError, load_scenario

if TYPE_CHECKING:
    from core.checkpoint import Card, ReferenceScores
    from core.detectors._base import Detector

__all__ = [
    "Target",
    "check_part",
    "forget",
    "kept_images",
    "loaded",
    "parse_target",
    "stored_scores",
    "variants_of",
    "version",
]

_lock = threading.Lock()


@dataclass(frozen=True)
class Target:
    """A detector of a scenario."""

    scenario: str
    detector: str
    variant: str | None = None

    @classmethod
    def of(cls, scenario: str, stem: str) -> Target:
        """The target of a checkpoint's name, DETECTOR or DETECTOR.VARIANT.

        ``scenario`` may be the one in which the variant's class is normal, or its family.
        """
        detector, _, variant = stem.partition(".")
        return cls(scenario.partition(".")[0], detector, variant or None)

    @property
    def stem(self) -> str:
        return self.detector if self.variant is None else f"{self.detector}.{self.variant}"

    @property
    def world(self) -> Scenario:
        """The scenario that the detector lives in: of several variants, the one of its class.

        Raises:
            ScenarioError: no such scenario, or it has variants and none of them is named.
        """
        scenario = load_scenario(self.scenario)
        if not scenario.variants:
            return scenario
        if (chosen := _class_of(scenario, self.variant or "")) is None:
            raise ScenarioError(
                f"{self} is one of {len(scenario.variants)}: name which, such as "
                f"{self.scenario}/{self.detector}.{scenario.variants[0]}"
            )
        return load_scenario(f"{scenario.name}.{chosen}")

    def __str__(self) -> str:
        return f"{self.scenario}/{self.stem}"


def _class_of(scenario: Scenario, variant: str) -> str | None:
    """The class that a variant names: CLASS, or CLASS-GG with a share of labels."""
    found = [v for v in (variant, variant.rpartition("-")[0]) if v in scenario.variants]
    return found[0] if found else None


def variants_of(target: Target) -> list[Target]:
    """A target itself; or, where it names no variant of a scenario that has them, each of them."""
    scenario = load_scenario(target.scenario)
    if target.variant or not scenario.variants:
        return [target]
    return [Target(target.scenario, target.detector, v) for v in scenario.variants]


def parse_target(text: str) -> Target:
    """Read "SCENARIO/DETECTOR[.VARIANT]" and check that each exists.

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
    if variant and _class_of(scenario, variant) is None and rest not in scenario.training:
        models = [m.partition(".")[2] for m in scenario.training if m.startswith(f"{detector}.")]
        known = ", ".join([*models, *scenario.variants]) or "none"
        raise ScenarioError(f"{scenario_name}/{detector} has no variant {variant!r}; has: {known}")
    return Target(scenario_name, detector, variant or None)


def version(scenario_name: str) -> str:
    """Changes when a file of the scenario changes: what answers are kept by.

    Raises:
        ScenarioError: there is no such scenario.
    """
    scenario = load_scenario(scenario_name)
    shown = scenario.keeper.folder.glob("reference.npz")  # of another scenario, maybe
    files = [*sorted(scenario.folder.glob("*.*")), *shown]
    return ";".join(f"{f.name}:{f.stat().st_mtime_ns}" for f in files)


@lru_cache(maxsize=64)
def _load_once(target: Target, folder: Path, version: str) -> tuple[Detector, Card]:
    from core import checkpoint

    detector, card = checkpoint.load(folder, target.stem)
    expected = {s.name for s in target.world.strange}
    if set(card.metrics) != expected:
        raise checkpoint.CardError(
            f"{target} was trained before its scenario's strange sets changed "
            f"({', '.join(sorted(set(card.metrics) ^ expected))}): train it again"
        )
    return detector, card


def loaded(target: Target) -> tuple[Detector, Card]:
    with _lock:  # two first visitors must not load twice
        return _load_once(target, target.world.folder, version(target.scenario))


@lru_cache(maxsize=64)
def _stored_once(target: Target, folder: Path, version: str) -> ReferenceScores:
    from core import checkpoint

    found = checkpoint.read_scores(folder, checkpoint.read_card(folder, target.stem))
    return checkpoint.ReferenceScores(target.world.joined(found.sets), found.kept)


def _stored(target: Target) -> ReferenceScores:
    with _lock:
        return _stored_once(target, target.world.folder, version(target.scenario))


def stored_scores(target: Target) -> Mapping[str, Mapping[str, np.ndarray]]:
    """Every part of every reference image: set name to part name to (N,)."""
    return _stored(target).sets


def kept_images(target: Target) -> np.ndarray:
    """Training images (K, H, W) uint8 that the detector keeps something of, as it orders them."""
    return _stored(target).kept


def check_part(target: Target, card: Card, part: str) -> None:
    """Refuse a part that the target's checkpoint does not have.

    Raises:
        ScenarioError: with the parts that it has.
    """
    if part not in card.calibration.quantiles:
        known = ", ".join(card.calibration.quantiles)
        raise ScenarioError(f"{target} has no part {part!r}; it has: {known}")


def forget() -> None:
    """Load detectors, scores and reference images anew at the next call: files have changed."""
    from core.scenario import forget_pictures

    _load_once.cache_clear()
    _stored_once.cache_clear()
    forget_pictures()
