"""What is explained: the controls, and what they ask of the service."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import streamlit as st

from core.service import (
    DetectorRow,
    GalleryQuery,
    ImageQuery,
    MapQuery,
    Methods,
    MethodsQuery,
    Overview,
    Target,
)
from pages._shared import links, picker
from pages._shared.ask import ask
from pages._shared.controls import choice, choose_model
from pages._shared.models import first_of

__all__ = ["Asked", "choose", "explainable"]

MOST = 9999  # planted faults that can be asked for


@dataclass(frozen=True)
class Asked:
    """What is explained.

    Attributes:
        row: the model; part: of it, by name; methods: what can explain that.
        image: the picture; data: the bytes of one of the visitor's own.
        fault: number of the patch that is planted in it; None: none.
        seed: of the random orders that maps are compared with.
    """

    row: DetectorRow
    part: str
    methods: Methods
    image: ImageQuery
    data: bytes | None
    baseline: str
    fault: int | None
    seed: int

    @property
    def target(self) -> Target:
        return self.image.target

    @property
    def part_title(self) -> str:
        return self.row.part_titles[self.part]

    @property
    def digest(self) -> str:
        """Names the bytes of the visitor's own image; "": it is one of a set."""
        return "" if self.data is None else hashlib.sha256(self.data).hexdigest()[:16]

    def image_for(self, target: Target) -> ImageQuery:
        """The same image, for another model."""
        return replace(self.image, target=target)

    @property
    def token(self) -> str:
        """Names picture and score: all maps of one are drawn over the same picture."""
        given = (self.image, self.part, self.baseline, self.fault, self.digest)
        return hashlib.sha256(repr(given).encode()).hexdigest()[:16]

    def map_by(self, method: str) -> MapQuery:
        return MapQuery(
            self.image,
            part=self.part,
            method=method,
            baseline=self.baseline,
            fault=self.fault,
        )


def explainable(overview: Overview) -> Mapping[str, DetectorRow]:
    """Models that are trained, by name."""
    return {row.name: row for row in overview.detectors if row.card is not None}


def choose(overview: Overview, models: Mapping[str, DetectorRow], seed: int) -> Asked:
    """The controls: model and part on the left, what is done to the image below, the image."""
    left, right = st.columns([1.15, 1], gap="medium")
    with left:
        one, two = st.columns(2, gap="small", vertical_alignment="bottom")
        with one:
            row = models[
                choose_model("Detector", models, first_of(models.values()), "explain_model")
            ]
        with two:
            part = _choose_part(row)
        target = Target.of(overview.scenario.name, row.name)
        methods = ask(MethodsQuery(target, part))
        one, two = st.columns(2, gap="small", vertical_alignment="bottom")
        with one:
            baseline = choice(
                "Baseline",
                {b.key: b.title for b in methods.baselines},
                key="explain_baseline",
                kind="select",
                help="What stands for “nothing there”: methods that take pixels away put it in "
                "their place, and so does the eraser below.  \n"
                + "  \n".join(f"**{b.title}**: {b.text}" for b in methods.baselines),
            )
        with two:
            fault = _choose_fault()
    assert row.card is not None
    with right, st.container(gap="xsmall"):
        image, data = picker.pick(
            "explain",
            target,
            overview.scenario,
            sizes=overview.sizes,
            default=_first_image(overview, target, row.card.score.part),
            part=row.card.score.part,
            seed=seed,
        )
    return Asked(row, part, methods, image, data, baseline, fault, seed)


def _choose_part(row: DetectorRow) -> str:
    """A part of a model; the score opens first, and says that it is the score."""
    assert row.card is not None
    score = row.card.score.part
    titles = {name: row.part_titles[name] for name in row.card.calibration.quantiles}
    titles = {score: "", **titles} | {score: f"{titles[score]} (the score)"}
    return choice(
        "What is explained",
        titles,
        key="explain_part",
        default=score,
        kind="select",
        help="The score itself, or one of the numbers that it can be read from.",
    )


def _choose_fault() -> int | None:
    """The number of a planted fault, or None where none is asked for."""
    number = st.number_input(
        "Planted fault",
        min_value=0,
        max_value=MOST,
        value=links.opens_with("explain_fault", None),
        placeholder="none",
        key="explain_fault",
        bind="query-params",
        persist_state="session",
        help="A number plants a patch of another normal image at a place that it names: then the "
        "true place is known, and is outlined. Empty: none.",
    )
    return None if number is None else int(number)


def _first_image(overview: Overview, target: Target, part: str) -> tuple[str, int]:
    """The typical image of the first strange set by the score; of the normal one, where none is."""
    opens = next(iter((*overview.scenario.strange, overview.scenario.normal))).name
    first = ask(GalleryQuery(target, (opens,), part, "typical", 1))
    return first.sets[0], int(first.indices[0])
