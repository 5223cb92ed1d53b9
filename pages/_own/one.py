"""One image: what it is, what is done to it, and what every detector says of it as it is now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from core.service import Batch, BatchQuery, DetectorRow, Overview
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
    with st.container(key="own_picture"):
        image = disturb.section(looked, models, overview)
    _say(looked)
    drawn = line.drawn(overview, models)
    asked = BatchQuery(overview.scenario.name, tuple(models), 1)
    batch = ask(asked, np.ascontiguousarray(image).tobytes())
    st.markdown(verdict(batch, drawn.flagged(batch), rows))
    st.caption(f"Flagged is {drawn.in_words()}, as set on Compare.")
    seen.ways_on(overview, looked, image, rows)
    seen.files(looked, image, batch, rows=rows, drawn=drawn)
    seen.steps(overview, looked)
    seen.nearest(overview, looked, image, {m: rows[m] for m in models})


def _say(looked: Subject) -> None:
    for warning in looked.warnings:
        st.warning(plain(warning), icon=":material/warning:")
    if looked.notes:
        st.caption(plain("; ".join(looked.notes)))


def verdict(
    batch: Batch, flagged: Mapping[str, np.ndarray], rows: Mapping[str, DetectorRow]
) -> str:
    """How many detectors flag the one image of a batch, which, and to whom it is foreign."""
    names = [rows[m].title for m in batch.models if flagged[m][0]]
    every = len(batch.models)
    if not names:
        text = f"**None of the {every} detectors flags it**"
    elif len(names) == every:
        text = f"**All {every} detectors flag it**" if every > 1 else f"**{names[0]} flags it**"
    else:
        text = f"**{len(names)} of {every} detectors flag it**: {', '.join(map(plain, names))}"
    foreign = [plain(rows[m].title) for m, said in batch.models.items() if said.foreign[0]]
    if foreign:
        text += (
            f". To {', '.join(foreign)} it is foreign: most parts of the score lie where hardly any "
            "normal image does, so **it is not this detector's kind of image**, whatever the score"
        )
    return f"{text}."
