"""What known anomalies buy: scores of normal images, of the known class, and of classes never seen.

Models of one detector and one normal class differ in how many known anomalies they learned from.
All known ones are of one class; the question is what they do for the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from core.answers.loaded import Target, check_part, files_of, loaded, stored_scores
from core.answers.query import Answered, Query
from core.answers.sums import threshold
from core.evaluate.metrics import Metrics, measure
from core.evaluate.shares import Share, share
from core.scenario import REST, Scenario, ScenarioError

if TYPE_CHECKING:
    from core.card import Card

__all__ = [
    "ANSWERS",
    "IMAGE_GROUPS",
    "KNOWN",
    "NEVER",
    "NORMAL",
    "Groups",
    "Spread",
    "SpreadQuery",
    "grouped",
    "groups_of",
    "limit_of",
    "spread",
]

NORMAL = "normal"
KNOWN = "known"
NEVER = "never"
IMAGE_GROUPS = (NORMAL, KNOWN, NEVER)
BINS = 48


# Three groups of images ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Groups:
    """The test images of a scenario in which one class is normal and one is labelled.

    Attributes:
        normal, known: the sets of these classes.
        never: the sets of all other classes, of which no model saw an image.
    """

    normal: str
    known: str
    never: tuple[str, ...]

    def of(self, set_name: str) -> str:
        """The group that the set of this name, ``set_name``, belongs to."""
        return {self.normal: NORMAL, self.known: KNOWN}.get(set_name, NEVER)

    def sets(self, group: str) -> tuple[str, ...]:
        """The sets of a group of `IMAGE_GROUPS`."""
        return {NORMAL: (self.normal,), KNOWN: (self.known,)}.get(group, self.never)


def groups_of(scenario: Scenario) -> Groups:
    """Which class of a scenario is normal, which is labelled, and which are neither.

    Raises:
        ScenarioError: none of its classes is labelled.
    """
    if scenario.labelled is None:
        raise ScenarioError(f"{scenario.name}: no class of known anomalies")
    strange = [s for s in scenario.strange if not s.joins]
    known = next(s.name for s in strange if s.only == scenario.labelled)
    return Groups(scenario.normal.name, known, tuple(s.name for s in strange if s.name != known))


def grouped(target: Target, part: str) -> dict[str, np.ndarray]:
    """A part of all test images by group, (N,) each, the sets of a group one after the other.

    Raises:
        OutskirtsError: no such scenario, checkpoint or part, or no labelled class.
    """
    _, card = loaded(target)
    check_part(target, card, part)
    groups, stored = groups_of(target.world), stored_scores(target)
    return {g: np.concatenate([stored[s][part] for s in groups.sets(g)]) for g in IMAGE_GROUPS}


def limit_of(card: Card, part: str) -> float:
    """The value above which a part flags an image: as the card has it, for the score."""
    return card.score.threshold if part == card.score.part else threshold(card, part)


# One model ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SpreadQuery(Query["Spread"]):
    """A part of a model, over the three groups.

    Attributes:
        part: "" for the score.
        among: models that are drawn on one axis with it, it among them.
    """

    wait: ClassVar[str] = "Counting scores…"

    target: Target
    part: str = ""
    among: tuple[Target, ...] = ()

    def files(self) -> Iterable[Path]:
        return files_of(self.target, *self.among)


@dataclass(frozen=True)
class Spread:
    """How a part of a model spreads over normal, known and never-seen images.

    Attributes:
        part: its name; title, unit: in words.
        edges: (B + 1,), of values in units of the limit, in equal ratios; images beyond are
            counted in the outermost bins.
        shares: group to (B,), the share of its images in each bin.
        limit: the value above which an image is flagged.
        flagged: group to the share of its images above it.
        areas: "known" and "never" to how well the part tells that group from normal images, and
            "rest" to the same of both together.
    """

    part: str
    title: str
    unit: str
    edges: np.ndarray
    shares: Mapping[str, np.ndarray]
    limit: float
    flagged: Mapping[str, Share]
    areas: Mapping[str, Metrics]


def spread(query: SpreadQuery) -> Spread:
    """The histograms of a part over the three groups, and how well it tells them apart.

    Raises:
        OutskirtsError: no such scenario, checkpoint or part, or no labelled class.
    """
    detector, card = loaded(query.target)
    part = query.part or card.score.part
    values, limit = grouped(query.target, part), limit_of(card, part)
    edges = _edges([_in_limits(t, part) for t in (query.among or (query.target,))])
    about, known = detector.described[part], groups_of(query.target.world).known
    return Spread(
        part=part,
        title=about.title,
        unit=about.displayed_unit,
        edges=edges,
        shares={group: _shares(v / limit, edges) for group, v in values.items()},
        limit=limit,
        flagged={group: share(v > limit) for group, v in values.items()},
        areas={
            KNOWN: card.metrics[known][part],
            NEVER: measure(values[NORMAL], values[NEVER]),
            REST: card.metrics[REST][part],
        },
    )


def _in_limits(target: Target, part: str) -> np.ndarray:
    """Values (N,) of a part of all test images, in units of the limit."""
    _, card = loaded(target)
    return np.concatenate(list(grouped(target, part).values())) / limit_of(card, part)


def _edges(models: list[np.ndarray]) -> np.ndarray:
    """Bin edges (B + 1,) in equal ratios around 99 % of the values (N,) of each of some models."""
    ends = np.array([np.quantile(values, (0.005, 0.995)) for values in models])
    low, high = min(float(ends[:, 0].min()), 0.5), max(float(ends[:, 1].max()), 2.0)
    return np.geomspace(max(low, 1e-3), high, BINS + 1)


def _shares(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    inside = values.clip(edges[0], edges[-1])
    return np.histogram(inside, edges)[0] / len(values)


ANSWERS: tuple[Answered[Any], ...] = (Answered(SpreadQuery, spread),)
