"""One image: what it is, what is done to it, and what every detector says of it as it is now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from core.service import DetectorRow, DisturbedQuery, Overview
from pages._own import disturb, line, seen, subject
from pages._own.disturb_looks import LOOKS
from pages._own.subject import Subject
from pages._shared.ask import ask
from pages._shared.text import plain

__all__ = ["section"]


def section(
    overview: Overview,
    rows: Mapping[str, DetectorRow],
    models: Sequence[str],
    *,
    seed: int,
    draws: bool,
) -> None:
    """Controls, the picture with every detector's percentile, then steps, neighbours and files.

    Args:
        draws: whether the image is one that the visitor draws.
    """
    drawn = line.drawn(overview, models)
    if draws:
        looked = _drawing(overview, rows, models, drawn)
    else:
        looked = subject.choose(overview, rows[models[0]], seed)
    if looked is None:
        return
    _say(looked)
    image = looked.image
    if not draws or st.toggle("Disturb the drawing", key="own_disturbs"):
        image = disturb.section(looked, models, overview)
    st.caption(f"Flagged is {drawn.in_words()}, as set on Compare.")
    seen.ways_on(looked, rows)
    if not draws:
        seen.steps(overview, looked)
    seen.nearest(overview, looked, image, {m: rows[m] for m in models})


def _drawing(
    overview: Overview,
    rows: Mapping[str, DetectorRow],
    models: Sequence[str],
    drawn: line.Drawn,
) -> Subject | None:
    """A canvas, and beside it what every detector says of the drawing as it grows."""
    left, right = st.columns([1, 1.4], gap="large")
    with left, st.container(key="own_picture"):
        looked = subject.drawing(overview, rows[models[0]])
    with right:
        if looked is None:
            st.info("Draw something: every detector looks at it as it grows.")
            return None
        titles = {m: rows[m].title for m in models}
        asked = DisturbedQuery(overview.scenario.name, tuple(models), looked.query)
        found = ask(asked, looked.data)
        st.html(LOOKS + disturb.bars(found, found, titles=titles, line=drawn))
        st.markdown(disturb.verdict(found, titles, line=drawn))
    return looked


def _say(looked: Subject) -> None:
    for warning in looked.warnings:
        st.warning(plain(warning), icon=":material/warning:")
    if looked.notes:
        st.caption(plain("; ".join(looked.notes)))
