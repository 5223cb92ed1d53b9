"""Whose images a model learned from and is judged by: pictures, roles, licences, known faults."""

from __future__ import annotations

import streamlit as st

from core.service import DetectorRow, Overview
from pages._cards import essentials

__all__ = ["show"]


def show(row: DetectorRow, overview: Overview) -> None:
    """What it learned from, a picture of every set of the scenario, and what is said of each."""
    card, scenario = row.card, overview.scenario
    assert card is not None
    st.markdown(
        f"**{row.title}** learned from {card.data.images:,} images: {card.data.name}"
        f"{essentials.known(card)}. **Their licence:** {card.data.licence}."
    )
    words = {s.name: (f"{overview.sizes[s.name]:,}", f"images, {s.role}") for s in scenario.sets}
    label = f"The sets of {scenario.title}, with their numbers of images"
    with st.container(key="cards_picture"):
        st.html(essentials.cells(scenario.sets, words, overview.examples, label))
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("#### The sets")
        st.markdown("\n".join(f"- **{s.title}.** {s.text}" for s in scenario.sets))
    with right:
        st.markdown("#### What is known to be wrong")
        st.markdown(essentials.limits(row))
    licences: dict[str, list[str]] = {}
    for s in scenario.sets:
        licences.setdefault(s.licence, []).append(s.title)
    st.markdown("#### Licences")
    st.markdown("\n".join(f"- {', '.join(sets)}: {text}." for text, sets in licences.items()))
