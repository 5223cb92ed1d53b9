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

from core.scenario import ScenarioError, load_scenario

if TYPE_CHECKING:
    from core.checkpoint import Card
    from core.detectors._base import Detector

__all__ = ["Target", "check_part", "forget", "loaded", "parse_target", "stored_scores", "version"]

_lock = threading.Lock()


@dataclass(frozen=True)
class Target:
    """A detector of a scenario."""

    scenario: str
    detector: str
    variant: str | None = None

    @classmethod
    def of(cls, scenario: str, stem: str) -> Target:
        """The target of a checkpoint's name, DETECTOR or DETECTOR.VARIANT."""
        detector, _, variant = stem.partition(".")
        return cls(scenario, detector, variant or None)

    @property
    def stem(self) -> str:
        return self.detector if self.variant is None else f"{self.detector}.{self.variant}"

    def __str__(self) -> str:
        return f"{self.scenario}/{self.stem}"


def parse_target(text: str) -> Target:
    """Read "SCENARIO/DETECTOR[.VARIANT]" and check that each exists.

    Raises:
        ScenarioError: it is of another form, or names what is not there.
    """
    from core.detectors import detector_names

    scenario_name, slash, rest = text.partition("/")
    detector, _, variant = rest.partition(".")
    if not slash or not detector or rest.endswith("."):
        raise ScenarioError(f"{text!r} is not SCENARIO/DETECTOR[.VARIANT], such as fashion/glow")
    scenario = load_scenario(scenario_name)
    if detector not in detector_names():
        raise ScenarioError(f"no detector {detector!r}; there are: {', '.join(detector_names())}")
    variants = {variant, variant.rpartition("-")[0]} & set(scenario.variants)
    if variant and not variants and rest not in scenario.training:
        models = [m.partition(".")[2] for m in scenario.training if m.startswith(f"{detector}.")]
        known = ", ".join([*models, *scenario.variants]) or "none"
        raise ScenarioError(f"{scenario_name}/{detector} has no variant {variant!r}; has: {known}")
    return Target(scenario_name, detector, variant or None)


def version(scenario_name: str) -> str:
    """Changes when a file of the scenario changes: what answers are kept by.

    Raises:
        ScenarioError: there is no such scenario.
    """
    files = sorted(load_scenario(scenario_name).folder.glob("*.*"))
    return ";".join(f"{f.name}:{f.stat().st_mtime_ns}" for f in files)


@lru_cache(maxsize=32)
def _load_once(folder: Path, stem: str, version: str) -> tuple[Detector, Card]:
    from core import checkpoint

    detector, card = checkpoint.load(folder, stem)
    expected = {s.name for s in load_scenario(folder.name).strange}
    if set(card.metrics) != expected:
        raise checkpoint.CardError(
            f"{folder.name}/{stem} was trained before its scenario's strange sets changed "
            f"({', '.join(sorted(set(card.metrics) ^ expected))}): train it again"
        )
    return detector, card


def loaded(target: Target) -> tuple[Detector, Card]:
    with _lock:  # two first visitors must not load twice
        folder = load_scenario(target.scenario).folder
        return _load_once(folder, target.stem, version(target.scenario))


@lru_cache(maxsize=32)
def _scores_once(folder: Path, stem: str, version: str) -> Mapping[str, Mapping[str, np.ndarray]]:
    from core import checkpoint

    return checkpoint.read_scores(folder, checkpoint.read_card(folder, stem)).sets


def stored_scores(target: Target) -> Mapping[str, Mapping[str, np.ndarray]]:
    with _lock:
        folder = load_scenario(target.scenario).folder
        return _scores_once(folder, target.stem, version(target.scenario))


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
    _scores_once.cache_clear()
    forget_pictures()
