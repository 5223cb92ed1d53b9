"""How good the models of a scenario are over all its classes, each the normal one in turn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from core.answers.loaded import Target, variants_of
from core.answers.query import Answered, Query
from core.evaluate.metrics import Mean, mean_of
from core.scenario import REST, Scenario, load_scenario
from core.schema import model_of

if TYPE_CHECKING:
    from core.card import Card

__all__ = ["ANSWERS", "Classes", "ClassesQuery", "classes"]


@dataclass(frozen=True)
class ClassesQuery(Query["Classes | None"]):
    """The models of a scenario, or of the one that a class is normal in, over all its variants."""

    wait: ClassVar[str] = "Reading every class's card…"

    scenario: str

    def family(self) -> Scenario:
        """The scenario whose variants these are."""
        return load_scenario(self.scenario.partition(".")[0])

    def files(self) -> Iterable[Path]:
        family = self.family()
        return [family.folder / "scenario.json", *(f for f, *_ in _cards_of(family))]


def _cards_of(family: Scenario) -> list[tuple[Path, str, Target]]:
    """Each card of a scenario of several variants, with the model and the target it is of.

    Those of one detector, or of one share of known anomalies, are of one model.
    """
    if not family.variants:
        return []
    own = (Target.of(family.name, stem) for stem in family.training if stem not in family.shared)
    return [
        (family.folder / f"{one.stem}.json", model_of(one.stem, one.world.normal.name), one)
        for target in own
        for one in variants_of(target)
    ]


@dataclass(frozen=True)
class Classes:
    """How good the detectors of a scenario are with each class in turn as the normal one.

    Attributes:
        titles: class, by its name, to its title.
        cards: model, DETECTOR or DETECTOR-GG, to class to its card, or None where it is not
            trained.
        means: model to the figures of its score on all other classes, averaged over the variants;
            of those models that are trained on every class.
    """

    titles: Mapping[str, str]
    cards: Mapping[str, Mapping[str, Card | None]]
    means: Mapping[str, Mean]


def classes(query: ClassesQuery) -> Classes | None:
    """Models of a query's scenario over all its variants; None where it has none.

    Raises:
        ScenarioError: unknown scenario.
    """
    from core import checkpoint

    scenario = query.family()
    if not scenario.variants:
        return None
    cards: dict[str, dict[str, Card | None]] = {}
    for _, stem, target in _cards_of(scenario):
        found = None
        with suppress(checkpoint.CardError):  # the Overview of its class says what is wrong
            found = checkpoint.read_card(scenario.folder, target.stem)
        cards.setdefault(stem, {})[target.world.normal.name] = found
    means = {
        stem: mean_of([c.metrics[REST][c.score.part] for c in found.values() if c is not None])
        for stem, found in cards.items()
        if all(found.values())
    }
    titles = {v: scenario.member(v).normal.title for v in scenario.variants}
    return Classes(titles, cards, means)


ANSWERS: tuple[Answered[Any], ...] = (Answered(ClassesQuery, classes),)
