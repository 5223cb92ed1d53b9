"""Models of one class that differ in how many known anomalies they saw: what every part shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from core.service import (
    KNOWN,
    NEVER,
    NORMAL,
    DetectorRow,
    Groups,
    Metrics,
    Overview,
    Scenario,
    Target,
    groups_of,
)
from pages._shared.controls import choice, lead_to, say_missing
from pages._shared.text import SPACE, counted

__all__ = [
    "DETECTOR",
    "Ladder",
    "Trained",
    "choose",
    "ladders_of",
    "number",
    "percent",
    "say_none",
    "titles_of",
]

DETECTOR = "esad"  # whose page this is
Trained = Mapping[str, Mapping[str, DetectorRow]]  # detector to share to model
NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


@dataclass(frozen=True)
class Ladder:
    """The models of one detector for one normal class, from the fewest known anomalies up.

    Attributes:
        title: the detector's.
        rows: trained ones, by their share of known anomalies in percent, as file names have it.
        at: the share that is looked at.
        seed: of what is drawn at random.
    """

    overview: Overview
    detector: str
    title: str
    rows: Mapping[str, DetectorRow]
    at: str
    seed: int

    @property
    def scenario(self) -> Scenario:
        return self.overview.scenario

    @property
    def row(self) -> DetectorRow:
        return self.rows[self.at]

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple(Target.of(self.scenario.name, row.name) for row in self.rows.values())

    @property
    def target(self) -> Target:
        return Target.of(self.scenario.name, self.row.name)

    @property
    def first(self) -> Target:
        """The model with the fewest known anomalies."""
        return self.targets[0]

    @property
    def lowest(self) -> str:
        """Its share."""
        return next(iter(self.rows))

    @property
    def compares(self) -> bool:
        """Whether the model that is looked at is another one than the first."""
        return self.at != self.lowest

    @property
    def share(self) -> float:
        return int(self.at) / 100

    @property
    def fewest(self) -> str:
        """The first model, as an adverb."""
        lowest = int(self.lowest)
        return f"with {lowest}{SPACE}% known anomalies" if lowest else "without labels"

    @property
    def score(self) -> str:
        """The part that is the score."""
        assert self.row.card is not None
        return self.row.card.score.part

    @property
    def figures(self) -> Mapping[str, Metrics]:
        """How well the score of every model tells all other classes from the normal one."""
        cards = {share: row.card for share, row in self.rows.items() if row.card is not None}
        return {share: c.metrics["rest"][c.score.part] for share, c in cards.items()}

    @property
    def groups(self) -> Groups:
        return groups_of(self.scenario)

    @property
    def titles(self) -> Mapping[str, str]:
        """Of every set."""
        return {s.name: s.title for s in self.scenario.sets}

    @property
    def names(self) -> Mapping[str, str]:
        """Of the three groups, as a sentence has them."""
        groups, titles = self.groups, self.titles
        return {
            NORMAL: titles[groups.normal].lower(),
            KNOWN: titles[groups.known].lower(),
            NEVER: f"the other {'class' if len(groups.never) == 1 else number(len(groups.never))}",
        }

    @property
    def unseen(self) -> str:
        """The classes never seen, with their number."""
        n = len(self.groups.never)
        return f"{number(n)} {'class' if n == 1 else 'classes'}"

    @property
    def stem(self) -> str:
        """What the names of files begin with that show this model."""
        return f"{self.scenario.family}-{self.row.name}"


def number(n: int) -> str:
    """A number in a sentence.

    Example:
        >>> number(8), number(11)
        ('eight', '11')
    """
    return NUMBERS[n] if n < len(NUMBERS) else str(n)


def percent(share: str) -> str:
    r"""A share of known anomalies in words.

    Example:
        >>> percent("00"), percent("01")
        ('no known anomalies', '1\xa0% known anomalies')
    """
    return f"{int(share)}{SPACE}% known anomalies" if int(share) else "no known anomalies"


def ladders_of(overview: Overview) -> dict[str, dict[str, DetectorRow]]:
    """Detector to share to model, trained or not, of those that know a share of anomalies."""
    found: dict[str, dict[str, DetectorRow]] = {}
    for row in overview.detectors:
        if overview.scenario.training[row.name].share is not None:
            stem, _, share = row.name.rpartition("-")
            found.setdefault(stem.partition(".")[0], {})[share] = row
    return {detector: dict(sorted(rows.items())) for detector, rows in found.items()}


def titles_of(overview: Overview, ready: Trained) -> dict[str, str]:
    """Titles of detectors, without a share."""
    first = {detector: next(iter(rows.values())) for detector, rows in ready.items()}
    trained = overview.scenario.training
    return {d: trained[row.name].title or row.detector for d, row in first.items()}


def choose(overview: Overview, ready: Trained, seed: int) -> Ladder:
    """The detector, and how many known anomalies it saw."""
    titles = titles_of(overview, ready)
    left, right = st.columns([1, 2.2], gap="medium")
    with left:
        detector = choice("Detector", titles, key="labels_detector")
    rows = ready[detector]
    known = groups_of(overview.scenario).known
    title = next(s.title for s in overview.scenario.sets if s.name == known).lower()
    with right:
        share = choice(
            f"Known anomalies among the training images, all of them of {title}",
            {share: f"{int(share)} %" for share in rows},
            key="labels_share",
            default=list(rows)[-1],
            kind="slider",
            help="Each ratio is a model of its own, trained with so many known anomalies.",
        )
    return Ladder(overview, detector, titles[detector], rows, share, seed)


def say_none(overview: Overview) -> None:
    """What is missing, the command that trains it, and where there are such models."""
    scenario = overview.scenario
    missing = [row for rows in ladders_of(overview).values() for row in rows.values()]
    missing.sort(key=lambda row: row.untrained)  # what is damaged is said
    if not missing:
        st.info(
            f"{scenario.title}: none of its models learned from known anomalies, and this page is "
            "about those. Where one class is normal, another one can be labelled.",
            icon=":material/info:",
        )
    for row in missing[:1]:
        say_missing(row)
    if len(missing) > 1:
        st.caption(f"So are {counted(len(missing) - 1, 'other')} missing.")
    lead_to(DETECTOR, scenario, within=("detectors", "shares"))
