"""Images beside what the model rebuilds of them, of each group a typical, a random and the worst one."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from core.service import IMAGE_GROUPS, Examples, ExamplesQuery
from pages._labels.ladder import Ladder
from pages._shared import draw, gallery
from pages._shared.ask import ask
from pages._shared.controls import File, downloads

__all__ = ["pairs", "section", "sheet"]

WIDTH = 96  # pixels of a pair
RULES = {"typical": "typical", "random": "at random", "worst": "the worst"}


def section(ladder: Ladder) -> None:
    """Three groups side by side, three pairs each."""
    st.subheader("x beside x'")
    found = ask(ExamplesQuery(ladder.target, ladder.seed))
    if found is None:
        st.markdown(f"{ladder.title} rebuilds no pictures: there is no x' to look at.")
        return
    names = ladder.names
    for column, group in zip(st.columns(3, gap="medium"), IMAGE_GROUPS, strict=True):
        with column:
            title = names[group]
            st.markdown(f"**{title[:1].upper()}{title[1:]}**")
            st.html(gallery.row(pairs(ladder, found, group), width=WIDTH))
    st.caption(
        "Left the image, right what the model rebuilds of it, below its percentile by the score. "
        "Typical: the score nearest to the median of the group. At random: as the seed draws it. The "
        "worst: the strangest normal image, the most normal anomaly."
    )
    downloads(File("The pairs (PNG)", f"{ladder.stem}-pairs.png", partial(sheet, found)))


def pairs(ladder: Ladder, found: Examples, group: str) -> list[tuple[np.ndarray, str, str]]:
    """The pairs of a group, with captions and alt texts."""
    rows = [i for i, g in enumerate(found.groups) if g == group]
    return [
        (
            np.concatenate([found.images[i], found.rebuilt[i]], axis=1),
            f"{RULES[found.rules[i]]}\n{found.percentiles[i]:.1f}",
            f"{ladder.titles[found.sets[i]]} {found.indices[i]} beside what it is rebuilt as",
        )
        for i in rows
    ]


def sheet(found: Examples) -> bytes:
    """All pairs as one picture, a row a group."""
    whole = np.concatenate([found.images, found.rebuilt], axis=2)
    each = len(whole) // len(IMAGE_GROUPS)
    rows = [draw.strip(whole[i : i + each], 224) for i in range(0, len(whole), each)]
    return draw.png(rows)
