"""Few labels: what do a handful of labelled anomalies buy?"""

import streamlit as st

from core.service import LABELS_STUDY, FirstChangedQuery, Overview, OverviewQuery
from pages._labels import examples, ladder, lesson, looked, others, parts, picture, protocol, sides
from pages._shared import links, study
from pages._shared.ask import ask
from pages._shared.controls import heading

WHY = (
    "**Why:** without labels a detector can only learn what normal looks like. Labels say of some "
    "images that they are *not* it, and the model learns to push them away: ESAD learns to rebuild "
    "them under noise and to give them long codes, Deep SAD moves them from the centre. What it learns of one "
    "class need not hold for others, which is what this page asks."
)


def show(overview: Overview, ready: ladder.Trained, seed: int) -> None:
    """The picture above the fold; then what changed, on whom it helps, what the score adds, images."""
    with st.container(key="labels_picture"):
        chosen = ladder.choose(overview, ready, seed)
        picture.show(chosen, ladder.titles_of(overview, ready))
    st.markdown(WHY)
    first = ask(FirstChangedQuery(chosen.first, chosen.target))
    sides.section(chosen, looked.at(overview, first))
    others.section(chosen)
    parts.section(chosen)
    with st.container(key=sides.LOOKED):
        looked.section(chosen, first)
    examples.section(chosen)
    lesson.lesson(chosen.first)


overview = ask(OverviewQuery(st.session_state["world"]))
every = ladder.ladders_of(overview)
ready = {
    detector: trained
    for detector, rows in every.items()
    if (trained := {share: row for share, row in rows.items() if row.card is not None})
}
heading("labels", overview.scenario, [row.name for rows in ready.values() for row in rows.values()])
if not ready:
    ladder.say_none(overview)
    raise links.PageEnds
show(overview, ready, st.session_state["seed"])
study.show(LABELS_STUDY, says=protocol.said_of, drawn=protocol.drawn)
