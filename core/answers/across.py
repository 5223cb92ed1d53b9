"""Every detector of the same images: what each says, and where each puts them among normal ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from core.answers.images import foreign_to, own_picture, percentiles, unit_of
from core.answers.latent import SET_KEY, labels_of
from core.answers.loaded import Target, files_of, loaded, stored_scores
from core.answers.query import Answered, Query
from core.scenario import Scenario, ScenarioError, load_scenario

__all__ = ["ANSWERS", "Across", "AcrossQuery", "across"]


@dataclass(frozen=True)
class AcrossQuery(Query["Across"]):
    """What several models of a scenario say of the same images.

    Attributes:
        keys: of reference images; or none, and the one of the user's that is given.
    """

    wait: ClassVar[str] = "Asking every detector…"

    scenario: str
    models: tuple[str, ...]
    keys: tuple[int, ...] = ()

    def files(self) -> Iterable[Path]:
        return files_of(*(Target.of(self.scenario, model) for model in self.models))


@dataclass(frozen=True)
class Across:
    """The score of n images under every model.

    Attributes:
        sets, indices, labels: (n,), which image each is; empty for one of the user's.
        scores, percentiles, flagged: model to (n,); scores in the unit of pages.
        units: model to the unit of its score.
        foreign: model to (1,), whether an image of the user's is not of its kind; empty for others.
    """

    sets: np.ndarray
    indices: np.ndarray
    labels: np.ndarray
    scores: Mapping[str, np.ndarray]
    percentiles: Mapping[str, np.ndarray]
    flagged: Mapping[str, np.ndarray]
    units: Mapping[str, str]
    foreign: Mapping[str, np.ndarray]


def across(query: AcrossQuery, data: bytes | None = None) -> Across:
    """Score, percentile and verdict of every model for the same images.

    Reference images' scores are those stored with the weights; an image of the user's is scored.

    Raises:
        ImageError: ``data`` is not an image that can be read.
        OutskirtsError: no such scenario, set, image or checkpoint.
    """
    from core.inference.scoring import parts_of

    scenario = load_scenario(query.scenario)
    which, indices = _located(scenario, query.keys)
    names = np.array([s.name for s in scenario.own_sets])
    own = None if data is None else own_picture(scenario, data).image
    scores, standing, flagged, units = {}, {}, {}, {}
    strangers: dict[str, np.ndarray] = {}
    for model in query.models:
        target = Target.of(query.scenario, model)
        detector, card = loaded(target)
        part = card.score.part
        if own is None:
            raw = np.empty(len(which), np.float32)
            for i, name in enumerate(names):
                raw[which == i] = stored_scores(target)[name][part][indices[which == i]]
        else:
            parts = parts_of(detector, own[None])
            raw, strangers[model] = parts[part], foreign_to(card, percentiles(card, parts))
        scores[model] = detector.to_display(part, raw)
        standing[model] = percentiles(card, {part: raw})[part]
        flagged[model] = raw > card.score.threshold
        units[model] = unit_of(detector, part)
    labels = np.full(len(which), "", object)
    for i, name in enumerate(names):
        labels[which == i] = labels_of(scenario, name, indices[which == i])
    return Across(names[which], indices, labels, scores, standing, flagged, units, strangers)


def _located(scenario: Scenario, keys: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Which of the scenario's own sets images of keys are in, (n,), and where in it, (n,)."""
    which, indices = np.divmod(np.array(keys, np.int64), SET_KEY)
    sizes = np.array([len(scenario.pictures(s.name).images) for s in scenario.own_sets])
    if not ((which >= 0) & (which < len(sizes))).all() or (indices >= sizes[which]).any():
        raise ScenarioError(f"some of these images are not in scenario {scenario.name}")
    return which, indices


ANSWERS: tuple[Answered, ...] = (Answered(AcrossQuery, across),)
