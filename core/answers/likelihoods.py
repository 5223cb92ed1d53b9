"""What a flow says of whole sets: every part on normal and on strange images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from core.answers.loaded import Target, files_of, loaded, stored_scores
from core.answers.query import Answered, Query
from core.evaluate.metrics import Metrics, auroc

if TYPE_CHECKING:
    from core.card import Card
    from core.detectors._base import Detector, Part

__all__ = ["ANSWERS", "Likelihoods", "LikelihoodsQuery", "PartView", "ScaleGap", "likelihoods"]

BINS = 60
Scores = Mapping[str, np.ndarray]  # part to (N,)


@dataclass(frozen=True)
class LikelihoodsQuery(Query["Likelihoods"]):
    """Histograms of every part of a flow, normal against one strange set."""

    wait: ClassVar[str] = "Loading the flow and its scores…"

    target: Target
    strange: str

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


@dataclass(frozen=True)
class PartView:
    """One part on normal and strange images, in the unit that pages show.

    Attributes:
        edges: (B + 1,) of the histogram; images beyond it are counted in the outermost bins.
        normal, strange: (B,), share of images in each bin.
        medians, means: of normal and of strange images; means of the scales sum to the total's.
        figures: AUROC with interval and the rest, from the card.
        is_score: whether this part is the detector's score.
    """

    name: str
    title: str
    unit: str
    text: str
    edges: np.ndarray
    normal: np.ndarray
    strange: np.ndarray
    medians: tuple[float, float]
    means: tuple[float, float]
    figures: Metrics
    is_score: bool


@dataclass(frozen=True)
class ScaleGap:
    """What one scale says in a ratio of two flows, by itself.

    Attributes:
        gap: mean of the strange images less that of the normal ones, in the unit of pages; those
            of all scales sum to the ratio's.
        auroc: of the scale's ratio alone.
    """

    title: str
    gap: float
    auroc: float


@dataclass(frozen=True)
class Likelihoods:
    """All parts of a flow against one strange set.

    Attributes:
        ratios: part of a ratio to what its scales say, finest first; none without scales.
        mutations: part of a ratio to the share of pixels that its general model saw noise in.
    """

    card: Card
    parts: tuple[PartView, ...]
    ratios: Mapping[str, tuple[ScaleGap, ...]]
    mutations: Mapping[str, float]


def likelihoods(query: LikelihoodsQuery) -> Likelihoods:
    """Histograms and figures of every part.

    Raises:
        OutskirtsError: no such scenario, set or checkpoint, or it is damaged.
    """
    scenario = query.target.world
    beside = scenario.normal_of(query.strange).name
    detector, card = loaded(query.target)
    stored = stored_scores(query.target)
    views = [
        _view(
            name,
            about,
            detector.to_display(name, stored[beside][name]),
            detector.to_display(name, stored[query.strange][name]),
            figures=card.metrics[query.strange][name],
            is_score=name == card.score.part,
        )
        for name, about in detector.described.items()
    ]
    ratios, mutations = {}, {}
    for role, name in detector.auxiliary_models.items():
        other = Target.of(query.target.scenario, name)
        part = f"ratio_{role}"
        own = stored[beside], stored[query.strange]
        others = stored_scores(other, beside=query.target)
        theirs = others[beside], others[query.strange]
        ratios[part] = _by_scale(detector, part, own, theirs)
        mutations[part] = float(loaded(other)[1].config.get("mutation", 0.0))
    return Likelihoods(card, tuple(views), ratios, mutations)


def _view(
    name: str,
    about: Part,
    normal: np.ndarray,
    strange: np.ndarray,
    *,
    figures: Metrics,
    is_score: bool,
) -> PartView:
    """A part of normal (N,) and strange images (M,), in the unit of pages."""
    edges = _edges(normal, strange)
    return PartView(
        name=name,
        title=about.title,
        unit=about.displayed_unit,
        text=about.text,
        edges=edges,
        normal=_shares(normal, edges),
        strange=_shares(strange, edges),
        medians=(float(np.median(normal)), float(np.median(strange))),
        means=(float(normal.mean()), float(strange.mean())),
        figures=figures,
        is_score=is_score,
    )


def _by_scale(
    detector: Detector, ratio: str, own: Sequence[Scores], other: Sequence[Scores]
) -> tuple[ScaleGap, ...]:
    """What each scale says in the ratio of two flows, from their scores of both sets."""
    found = []
    for scale in (part for part in detector.described if part.startswith("scale_")):
        if any(scale not in scores for scores in other):
            return ()  # a flow of other scales
        normal, strange = (
            detector.to_display(ratio, mine[scale] - theirs[scale])
            for mine, theirs in zip(own, other, strict=True)
        )
        gap = float(strange.mean() - normal.mean())
        found.append(ScaleGap(detector.described[scale].title, gap, auroc(normal, strange)))
    return tuple(found)


def _edges(normal: np.ndarray, strange: np.ndarray) -> np.ndarray:
    """Bin edges over the middle 99 % of either set, but no further than four times the normals'.

    An outlier loss drives strange images hundreds of bits away: to scale, normals were one line.
    """
    first, last = np.quantile(normal, (0.005, 0.995))
    reach = 4 * max(last - first, 1e-3)
    low = max(min(first, np.quantile(strange, 0.005)), first - reach)
    high = min(max(last, np.quantile(strange, 0.995)), last + reach)
    return np.linspace(low, high if high > low else low + 1, BINS + 1)


def _shares(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    return np.histogram(values.clip(edges[0], edges[-1]), edges)[0] / len(values)


ANSWERS: tuple[Answered[Any], ...] = (Answered(LikelihoodsQuery, likelihoods),)
