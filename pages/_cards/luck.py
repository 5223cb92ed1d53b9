"""What other seeds of the same training make of a model's figures."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from core.service import DetectorRow, Scenario, luck
from pages._shared import draw, seeds
from pages._shared.controls import choice

__all__ = ["show"]


def show(row: DetectorRow, scenario: Scenario, rows: Mapping[str, DetectorRow]) -> None:
    """A strange set's figure and what it means, or that other seeds were not measured.

    Args:
        rows: of all models, by the names of their checkpoints.
    """
    card = row.card
    assert card is not None
    if card.seeds is None:
        has = [r.title for r in rows.values() if r.card is not None and r.card.seeds is not None]
        more = f" They were of {', '.join(has)}." if has else ""
        st.info(f"Other seeds of this training were not measured.{more}", icon=":material/info:")
        return
    sets = {s.name: s.title for s in scenario.strange if s.name in card.seeds.auroc}
    strange = choice("Strange set", sets, key="cards_strange")
    found = luck(card, strange, seeds.measured(rows.values()))
    titles = {name: other.title for name, other in rows.items()}
    of, parts = sets[strange].lower(), row.part_titles
    for one in found:
        if one.part == card.score.part:
            text = seeds.said(one, f"the score, {parts[one.part]},", of, titles)
            st.markdown(f"**What you see:** {text}")
    with st.container(key="cards_picture"):
        draw.chart(
            seeds.figure(found, parts, row.title, titles, title=f"{row.title} on {of}, by seed"),
            key="cards_seeds",
            name=f"{scenario.family}-{row.name}-seeds-{strange}",
            alt="AUROC of every part of this model, and of the same training from each other seed",
        )
    rest = seeds.warnings({strange: found}, parts, {strange: of})
    st.markdown(rest or "No part is fooled from one seed and not from another here.")
    st.caption(
        f"{card.seeds.text}: {seeds.listed([f'“{titles.get(m, m)}”' for m in card.seeds.models])}. A point is "
        "one training; the intervals in the card cover test images alone."
    )
