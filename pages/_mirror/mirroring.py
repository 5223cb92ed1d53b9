"""A mirrored autoencoder and the two sets it is looked at with: what every part of Mirror shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from core.service import DetectorRow, Overview, Scenario, Target
from pages._shared.controls import choice, choose_model, lead_to, say_missing

__all__ = ["DETECTOR", "Mirroring", "choose", "mirrors_of", "say_none"]

DETECTOR = "ama"  # whose page this is


@dataclass(frozen=True)
class Mirroring:
    """What is looked at.

    Attributes:
        row: the model's.
        strange: the set that the normal ones are compared with; "": there is none.
        seed: of what is drawn at random.
    """

    overview: Overview
    row: DetectorRow
    strange: str
    seed: int

    @property
    def scenario(self) -> Scenario:
        return self.overview.scenario

    @property
    def target(self) -> Target:
        return Target.of(self.scenario.name, self.row.name)

    @property
    def normal(self) -> str:
        """The set that the strange one stands against."""
        if not self.strange:
            return self.scenario.normal.name
        return self.scenario.normal_of(self.strange).name

    @property
    def titles(self) -> Mapping[str, str]:
        """Of every set."""
        return {s.name: s.title for s in self.scenario.sets}

    @property
    def score(self) -> str:
        """The part that is the score."""
        assert self.row.card is not None
        return self.row.card.score.part

    @property
    def stem(self) -> str:
        """What the names of files begin with that show this model."""
        return f"{self.scenario.family}-{self.row.name}"


def mirrors_of(overview: Overview) -> dict[str, DetectorRow]:
    """The scenario's models of this kind, trained or not, by name."""
    rows = (*overview.detectors, *overview.seed_replicates)
    return {row.name: row for row in rows if row.name.partition(".")[0] == DETECTOR}


def choose(overview: Overview, ready: Mapping[str, DetectorRow], seed: int) -> Mirroring:
    """The strange set, and the model where there are several."""
    titles = {s.name: s.title for s in overview.scenario.strange}
    name = next(iter(ready))
    if len(ready) > 1:
        name = choose_model("Model", ready, name, "mirror_model")
    strange = choice("Strange set", titles, key="mirror_strange", kind="select") if titles else ""
    return Mirroring(overview, ready[name], strange, seed)


def say_none(overview: Overview) -> None:
    """What is missing, the command that trains it, and where there is a model of this kind."""
    scenario = overview.scenario
    missing = mirrors_of(overview).values()
    for row in missing:
        say_missing(row)
    if not missing:
        st.info(
            f"{scenario.title}: none of its models is a mirrored autoencoder, and this page is "
            "about those.",
            icon=":material/info:",
        )
    lead_to(DETECTOR, scenario)
