"""Why a fully connected flow finds what Glow does not: simple numbers of pictures beside both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from core.answers.loaded import Target, check_part, files_of, loaded, stored_scores
from core.answers.models import alike
from core.answers.query import Answered, Query
from core.data.views import Images
from core.errors import OutskirtsError
from core.evaluate.gaussian import Gaussian
from core.evaluate.metrics import auroc
from core.scenario import Scenario, load_scenario

__all__ = ["ANSWERS", "Place", "PlaceQuery", "Simple", "fully_connected", "place"]

IMAGES = 4000  # of each set at most, evenly spaced: an AUROC moves by less than 0.01
BLACKENED = 250  # images that the flow scores anew, a sixth of a second
VALUES = 4096  # of a picture, whose covariance is inverted
LIT = 25  # levels of 255
MOSTLY = 0.95  # of normal images
RIDGE = 1 / (12 * 255**2)  # variance of a rounded level, which keeps black pixels from having none


@dataclass(frozen=True)
class PlaceQuery(Query["Place"]):
    """What a fully connected flow's likelihood goes by on a strange set, and another flow's."""

    wait: ClassVar[str] = "Measuring what needs no network…"

    model: Target
    beside: Target
    strange: str

    def files(self) -> Iterable[Path]:
        return files_of(self.model, self.beside)


@dataclass(frozen=True)
class Simple:
    """A number of pictures that needs no network, the larger the stranger.

    Attributes:
        auroc: of the number alone.
        rank: model to Spearman's rank correlation of its full likelihood's cost and the number,
            over images of both sets; NaN where there is none.
    """

    auroc: float
    rank: Mapping[str, float]


@dataclass(frozen=True)
class Place:
    """A fully connected flow and another, beside what needs no network, against one strange set.

    Attributes:
        lit: how many values of a picture are lit.
        unlit: how bright it is where normal images are dark.
        gaussian: its distance from one Gaussian of whole normal images, which knows how bright each
            pixel is and which go together, and nothing of neighbours.
        png: how few bytes its PNG has, as complexity subtracts them.
        dark: (H, W, C), whether 95 % of the normal images are dark there.
        likelihood, complexity, score: model to AUROC of its parts, from the cards.
        blackened: AUROC of the fully connected flow's full likelihood on some strange images as
            they are, and on the same ones with those dark values black.
        images: of each set that the simple numbers are of, normal and strange.
    """

    lit: Simple
    unlit: Simple
    gaussian: Simple
    png: Simple
    dark: np.ndarray
    likelihood: Mapping[str, float]
    complexity: Mapping[str, float]
    score: Mapping[str, float]
    blackened: tuple[float, float]
    images: tuple[int, int]


def fully_connected(scenario_name: str) -> tuple[str, ...]:
    """Models of the scenario ``scenario_name`` whose flow is fully connected.

    Raises:
        ScenarioError: there is no such scenario.
    """
    training = load_scenario(scenario_name).training
    return tuple(name for name, t in training.items() if t.config.get("flow") == "dense")


def place(query: PlaceQuery) -> Place:
    """Simple numbers of normal and strange images, and how alike they and two flows rank them.

    Half of the normal images say what is dark and make the Gaussian; the others are measured.

    Raises:
        OutskirtsError: no such scenario, set or checkpoint, one without a full likelihood, or
            pictures too large for a Gaussian.
    """
    scenario = query.model.world
    normal = scenario.normal_of(query.strange).name
    rows = {
        normal: _rows(scenario, normal, start=1, step=2),
        query.strange: _rows(scenario, query.strange),
    }
    values = {name: _values(scenario, name, r) for name, r in rows.items()}
    known = _values(scenario, normal, _rows(scenario, normal, step=2))
    dark = (known <= LIT).mean(0) >= MOSTLY
    near = Gaussian.of(known / 255, ridge=RIDGE)
    costs = _costs(query, rows)
    return Place(
        lit=_simple(costs, [(v > LIT).sum(1) for v in values.values()]),
        unlit=_simple(costs, [v[:, dark].sum(1, dtype=np.float64) for v in values.values()]),
        gaussian=_simple(costs, [near.distances(v / 255) for v in values.values()]),
        png=_simple(costs, [_png(query.model, name)[r] for name, r in rows.items()]),
        dark=dark.reshape(scenario.shape.pixels),
        blackened=_blackened(query, dark),
        images=(len(rows[normal]), len(rows[query.strange])),
        **_figures(query),
    )


def _costs(query: PlaceQuery, rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the full likelihood of each model costs, (N,) by model: images of one set, then another.

    Raises:
        ScenarioError: a model has no such part.
    """
    found = {}
    for target in (query.model, query.beside):
        for part in ("total", "complexity"):
            check_part(target, loaded(target)[1], part)
        stored = stored_scores(target)
        found[target.stem] = np.concatenate([stored[s]["total"][r] for s, r in rows.items()])
    return found


def _simple(costs: Mapping[str, np.ndarray], numbers: Sequence[np.ndarray]) -> Simple:
    """A number of normal and of strange images, in this order, beside costs (N,) of all of them."""
    both = np.concatenate(numbers)
    return Simple(auroc(*numbers), {stem: alike(both, cost) for stem, cost in costs.items()})


def _rows(scenario: Scenario, name: str, *, start: int = 0, step: int = 1) -> np.ndarray:
    """Indices (n,) of a set's images, every ``step`` of them and at most `IMAGES`, evenly."""
    found = np.arange(start, len(scenario.pictures(name).images), step)
    if len(found) < 2:
        raise OutskirtsError(f"set {name} has too few images to be measured")
    return found[np.linspace(0, len(found) - 1, min(IMAGES, len(found))).astype(np.int64)]


def _values(scenario: Scenario, name: str, rows: np.ndarray) -> np.ndarray:
    """Levels (n, D) float32 of images of a set."""
    images: Images = scenario.pictures(name).images
    values = images[rows].reshape(len(rows), -1).astype(np.float32)
    if values.shape[1] > VALUES:
        raise OutskirtsError(f"pictures of {scenario.shape} are too large for one Gaussian")
    return values


def _png(target: Target, name: str) -> np.ndarray:
    """How short the PNG of each image of a set is, (N,): complexity is the likelihood less it."""
    detector, stored = loaded(target)[0], stored_scores(target)[name]
    shown = {part: detector.to_display(part, stored[part]) for part in ("total", "complexity")}
    return np.round((shown["complexity"] - shown["total"]).astype(np.float64), 4)


def _blackened(query: PlaceQuery, dark: np.ndarray) -> tuple[float, float]:
    """AUROC of some strange images' full likelihood, as they are and with ``dark`` values black."""
    from core.inference.scoring import parts_of

    scenario, name = query.model.world, query.strange
    stored = stored_scores(query.model)
    rows = _rows(scenario, name)
    rows = rows[np.linspace(0, len(rows) - 1, min(BLACKENED, len(rows))).astype(np.int64)]
    images = scenario.pictures(name).images[rows]
    black = np.where(dark.reshape(images.shape[1:]), 0, images).astype(np.uint8)
    normal = stored[scenario.normal_of(name).name]["total"]
    changed = parts_of(loaded(query.model)[0], black)["total"]
    return auroc(normal, stored[name]["total"][rows]), auroc(normal, changed)


def _figures(query: PlaceQuery) -> dict[str, Any]:
    """AUROC by model, of its full likelihood, of its complexity, and of its score."""
    cards = {t.stem: loaded(t)[1] for t in (query.model, query.beside)}
    found = {stem: card.metrics[query.strange] for stem, card in cards.items()}
    return {
        "likelihood": {stem: parts["total"].auroc for stem, parts in found.items()},
        "complexity": {stem: parts["complexity"].auroc for stem, parts in found.items()},
        "score": {stem: parts[cards[stem].score.part].auroc for stem, parts in found.items()},
    }


ANSWERS: tuple[Answered[Any], ...] = (Answered(PlaceQuery, place),)
