"""The page from top to bottom: what is chosen, the threshold, and everything that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.service import (
    OWN,
    DetectorRow,
    Operating,
    OperatingQuery,
    Overview,
    Verdicts,
    VerdictsQuery,
)
from pages._compare import (
    cell,
    committee,
    deciding,
    disagree,
    files,
    line,
    looked,
    models,
    own_scores,
    said,
    table,
)
from pages._compare.models import Compared
from pages._shared.ask import ask
from pages._shared.controls import choice, choices
from pages._shared.threshold import DEFAULT

__all__ = ["show"]

# Two controls side by side on a phone: else its first screen has no picture.
LOOKS = """<style>
/* As high as it will be, from the first: what a link has scrolled to must not slip away below it. */
.st-key-compare_picture { min-height: 480px; }
@media (max-width: 767px) {
  [class*="st-key-compare_controls"] [data-testid=stColumn] { min-width: calc(50% - .6rem) !important;
    flex: 1 1 calc(50% - .6rem) !important; }
}
</style>"""
SET, MODEL, MODELS = "compare_set", "compare_model", "compare_models"
HOW_TO_READ = (
    "The line flags what lies to its right; each outline is as high as the share of its own set. Counts are of the test images; “in 10,000” is what they "
    "become where the strange are as rare as the slider says, and precision, F1 and cost follow it. "
    "Intervals hold 95\u00a0% over test images: Wilson's of recall and false alarms, and from these in "
    "closed form (MOVER) of the rest."
)


def show(overview: Overview, rows: Mapping[str, DetectorRow]) -> None:
    """The page of a scenario with trained models."""
    controls, picture, below = (st.container() for _ in range(3))
    with below:
        st.subheader("All models at this threshold")
        compared = st.container()
    c = _choose(overview, rows, controls=controls, compared=compared)
    verdicts = ask(_query(c), c.data)
    line.remember(c.scenario.name, {v.name: (v.percentile, v.raw) for v in verdicts.models})
    found = ask(OperatingQuery(c.scenario.name, c.strange, c.model, **c.stakes), c.data)
    with picture:
        _picture(c, found, verdicts)
    with below:
        table.show(c, verdicts)
        files.show(c, found, verdicts)
    disagree.section(c)
    committee.section(c)
    own_scores.section(c)


def _choose(
    overview: Overview,
    rows: Mapping[str, DetectorRow],
    *,
    controls: DeltaGenerator,
    compared: DeltaGenerator,
) -> Compared:
    """The row of controls, and below the picture which models are compared."""
    with controls, st.container(key="compare_controls"):
        st.html(LOOKS)
        one, two, by, prevalence, costs = st.columns(
            [1, 1.15, 0.95, 1.25, 1.15], gap="small", vertical_alignment="bottom"
        )
    with one:
        strange = choice(
            "Strange set",
            {s.name: s.title for s in overview.scenario.strange},
            key=SET,
            kind="select",
        )
    data = own_scores.usable(overview.scenario, strange)
    titles, main = models.titles_of(rows, own=data is not None), models.main_of(rows.values())
    line.take_over(overview.scenario.name, titles)
    with two:
        model = choice(
            "Model",
            titles,
            key=MODEL,
            default=main[0],
            kind="select",
        )
    scored = line.Scored(
        overview.scenario.name, strange, model, data, share=_share(overview, strange)
    )
    drawn = line.choose(scored, {"by": by, "prevalence": prevalence, "costs": costs})
    with compared:
        named = [*main, *([OWN] if data is not None else [])]
        shown = choices("Models compared", titles, key=MODELS, default=named, kind="select")
    return Compared(
        overview, rows, strange, model, tuple(dict.fromkeys((model, *shown))), data, drawn
    )


def _share(overview: Overview, strange: str) -> float:
    """Of the test images of both sets, how many are strange."""
    many, few = overview.sizes[strange], overview.sizes[overview.scenario.normal_of(strange).name]
    return many / (many + few)


def _query(c: Compared) -> VerdictsQuery:
    """What the threshold does to every model that is compared, the one on top first."""
    return VerdictsQuery(c.scenario.name, c.strange, c.shown, c.line.threshold, **c.stakes)


def _picture(c: Compared, found: Operating, verdicts: Verdicts) -> None:
    """The threshold, what it does, and what that means; and the images of the cell that is open."""
    verdict, opened = verdicts.of(c.model), cell.open_cell()
    with st.container(key="compare_picture"):
        deciding.show(c, found, verdict, cell=opened)
    lines = [said.seen(c, verdict), said.why(c, verdict)]
    if c.line.threshold.by == "cost":
        usual = replace(_query(c), threshold=DEFAULT.threshold)
        lines.append(said.chosen_here(c, verdict, ask(usual, c.data).of(c.model)))
    st.markdown("  \n".join(lines))
    st.caption(f"**How to read it.** {HOW_TO_READ}")
    cell.show(c, verdict, opened)
    image = looked.picked(c)
    if image is not None:
        looked.show(c, image)
