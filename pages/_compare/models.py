"""What is compared: models of a scenario, a strange set, and the visitor's own scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.service import OWN, DetectorRow, Overview, Scenario
from pages._shared.models import main_of, trained
from pages._shared.threshold import Line

__all__ = ["Compared", "among", "main_of", "titles_of", "trained"]


@dataclass(frozen=True)
class Compared:
    """What this run of the page compares.

    Attributes:
        rows: models that are trained, by name.
        strange: the strange set; model: whose scores are on top; shown: of the tables, that one first.
        data: the visitor's table of scores, or None.
        line: the threshold, and what is expected.
    """

    overview: Overview
    rows: Mapping[str, DetectorRow]
    strange: str
    model: str
    shown: tuple[str, ...]
    data: bytes | None
    line: Line

    @property
    def scenario(self) -> Scenario:
        return self.overview.scenario

    @property
    def stakes(self) -> Mapping[str, Any]:
        """What is expected, as queries take it."""
        costs = self.line.costs
        return {
            "prevalence": self.line.prevalence,
            "miss_cost": costs.miss,
            "alarm_cost": costs.alarm,
        }

    @property
    def titles(self) -> Mapping[str, str]:
        """Of models, the visitor's column among them."""
        return titles_of(self.rows, own=self.data is not None)

    @property
    def sets(self) -> Mapping[str, str]:
        """Titles of sets."""
        return {s.name: s.title for s in self.scenario.sets}

    @property
    def against(self) -> str:
        """The set of normal images that the strange set stands against."""
        return self.scenario.normal_of(self.strange).name


def among(model: str) -> str:
    """Among which images the percentiles of a model, or of the visitor's scores, are."""
    return "normal test images" if model == OWN else "held-out normal images"


def titles_of(rows: Mapping[str, DetectorRow], *, own: bool) -> Mapping[str, str]:
    """Model to title; the visitor's column comes last."""
    titles = {name: row.title for name, row in rows.items()}
    return titles | ({OWN: "Your scores"} if own else {})
