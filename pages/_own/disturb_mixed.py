"""The second image that one is mixed with: any reference image, at first a typical strange one."""

from __future__ import annotations

import streamlit as st

from core.service import DetectorRow, GalleryQuery, ImageQuery, Overview, Target
from pages._shared import links
from pages._shared.ask import ask
from pages._shared.controls import choice

__all__ = ["choose"]

SET, INDEX = "own_mix_set", "own_mix_image"


def choose(overview: Overview, row: DetectorRow) -> ImageQuery:
    """The controls that name it, and the image.

    Args:
        row: the model by whose score an image is typical.
    """
    scenario = overview.scenario
    here = [s for s in scenario.sets if not scenario.pictures(s.name).elsewhere]
    titles = {s.name: s.title for s in here if s.name in overview.sizes}
    with st.popover("Mix with", width="stretch"):
        default = next((s.name for s in here if s.role == "strange"), scenario.normal.name)
        name = choice("Its set", titles, key=SET, default=default, kind="select")
        typical = _typical(overview, row, name)
        most = overview.sizes[name] - 1
        if (st.session_state.get(INDEX) or 0) > most:  # a smaller set was chosen
            st.session_state[INDEX] = None
        number = st.number_input(
            "Its number",
            min_value=0,
            max_value=most,
            value=links.opens_with(INDEX, None),
            placeholder=f"{typical}, a typical one",
            key=INDEX,
            bind="query-params",
            persist_state="session",
            help=f"0 to {most:,} of {titles[name]}. Empty: the one nearest to the median of "
            f"{row.title}'s score.",
        )
    target = Target.of(scenario.name, row.name)
    return ImageQuery(target, name, typical if number is None else int(number))


def _typical(overview: Overview, row: DetectorRow, name: str) -> int:
    assert row.card is not None
    target = Target.of(overview.scenario.name, row.name)
    first = ask(GalleryQuery(target, (name,), row.card.score.part, "typical", 1))
    return int(first.indices[0])
