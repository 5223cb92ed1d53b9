"""Pairs that fool R: strange images with good mirrors and normal ones with bad, by rules."""

from __future__ import annotations

import streamlit as st

from core.service import DISTANCE, Distances, Gallery, GalleryQuery
from pages._mirror.looked import PAIR
from pages._mirror.mirroring import Mirroring
from pages._shared import history, picker
from pages._shared.ask import ask
from pages._shared.gallery import tiles
from pages._shared.picker import Picked
from pages._shared.text import percent

__all__ = ["section"]

EACH, SIDE = 8, 104  # tiles of a rule; pixels of a tile


def section(m: Mirroring, picked: Picked, found: Distances) -> None:
    """Three rules, each with its first pairs; a press looks at the pair above."""
    normal, strange = m.titles[m.normal], m.titles[m.strange]
    st.subheader("Pairs that fool it")
    st.markdown(
        f"Left the image, right its mirror, below R. {percent(found.better).capitalize()} of "
        f"{strange.lower()} have a smaller R than half of {normal.lower()}: whoever reads R "
        "alone finds them more normal than that half. Press a pair to look at it above."
    )
    rules = (
        ("good", m.strange, "most normal", f"**Too good.** The smallest R of {strange.lower()}"),
        ("random", m.strange, "random", f"**At random.** {strange} as the seed draws them"),
        ("bad", m.normal, "strangest", f"**Too bad.** The largest R of {normal.lower()}"),
    )
    for key, set_name, order, text in rules:
        st.markdown(text)
        query = GalleryQuery(m.target, (set_name,), DISTANCE, order, EACH, seed=m.seed)
        _row(m, ask(query), key, picked)


def _row(m: Mirroring, shown: Gallery, key: str, picked: Picked) -> None:
    assert m.row.card is not None
    query, _ = picked
    version = m.row.card.weights.sha256[:8]
    tiles(
        shown,
        scenario=m.scenario.name,
        titles=m.titles,
        key=f"mirror_{key}",
        what="beside its mirror",
        on_click=_look_closer,
        picked=None if query.index is None else (query.set_name, query.index),
        side=SIDE,
        source=f"mirrored/{version}/{m.scenario.name}/{m.row.name}",
    )


def _look_closer(set_name: str, index: int) -> None:
    picker.inspect("mirror", set_name, index)
    history.show(PAIR)
