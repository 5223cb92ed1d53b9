"""A flow, and the two sets of images that it is to tell apart: what every part of Likelihoods shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.service import (
    DetectorRow,
    Likelihoods,
    LikelihoodsQuery,
    Overview,
    PartView,
    Scenario,
    Target,
)
from pages._shared.ask import ask

__all__ = ["Comparison", "compare", "flows_of"]


@dataclass(frozen=True)
class Comparison:
    """A flow and the two sets.

    Attributes:
        row: the flow's.
        normal, strange: names of the sets.
        found: what the flow says of them.
    """

    scenario: Scenario
    row: DetectorRow
    normal: str
    strange: str
    found: Likelihoods

    @property
    def target(self) -> Target:
        return Target.of(self.scenario.name, self.row.name)

    @property
    def parts(self) -> Mapping[str, PartView]:
        return {part.name: part for part in self.found.parts}

    @property
    def score(self) -> PartView:
        return next(part for part in self.found.parts if part.is_score)

    @property
    def scales(self) -> dict[str, str]:
        """Titles of the parts whose bits sum to the full likelihood: of the scales, else of it."""
        scales = {n: p.title for n, p in self.parts.items() if n.startswith("scale_")}
        return scales or {"total": self.parts["total"].title}

    @property
    def titles(self) -> Mapping[str, str]:
        """Of every set."""
        return {s.name: s.title for s in self.scenario.sets}

    @property
    def sides(self) -> tuple[str, str]:
        """Titles of the normal and of the strange set."""
        return self.titles[self.normal], self.titles[self.strange]

    @property
    def stem(self) -> str:
        """What the names of files begin with that show this."""
        return f"{self.scenario.family}-{self.row.name}-{self.strange}"


def compare(overview: Overview, row: DetectorRow, strange: str) -> Comparison:
    """A flow against a strange set of its scenario.

    Raises:
        OutskirtsError: no such set or checkpoint, or it is damaged.
    """
    scenario = overview.scenario
    found = ask(LikelihoodsQuery(Target.of(scenario.name, row.name), strange))
    return Comparison(scenario, row, scenario.normal_of(strange).name, strange, found)


def flows_of(rows: Iterable[DetectorRow]) -> dict[str, DetectorRow]:
    """Models that say how likely an image is, by name."""
    return {row.name: row for row in rows if "total" in row.part_titles}
