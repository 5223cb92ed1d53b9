"""One image: what it is, what is done to it, and what every detector says of it as it is now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from core.service import BatchQuery, DetectorRow, Overview
from pages._own import disturb, line, seen, subject
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
    row = rows[models[0]]
    looked = subject.drawing(overview, row) if draws else subject.choose(overview, row, seed)
    if looked is None:
        return
    image = disturb.section(looked, models, overview)
    _say(looked)
    drawn = line.drawn(overview, models)
    asked = BatchQuery(overview.scenario.name, tuple(models), 1)
    batch = ask(asked, np.ascontiguousarray(image).tobytes())
    st.caption(f"Flagged is {drawn.in_words()}, as set on Compare.")
    seen.ways_on(looked, image, rows)
    seen.files(looked, batch, rows=rows, drawn=drawn)
    seen.steps(overview, looked)
    seen.nearest(overview, looked, image, {m: rows[m] for m in models})


def _say(looked: Subject) -> None:
    for warning in looked.warnings:
        st.warning(plain(warning), icon=":material/warning:")
    if looked.notes:
        st.caption(plain("; ".join(looked.notes)))
