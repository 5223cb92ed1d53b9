"""Which images a map shows: what the filter leaves over, less what the legend hides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from core.service import LatentMap, Scenario
from pages._latent.colours import Colouring
from pages._shared.controls import choices

__all__ = ["among", "filtered", "hidden", "narrowed"]

OFF = "latent_off"
ALL = (0.0, 100.0)


def filtered(view: LatentMap, scenario: Scenario) -> np.ndarray:
    """Which rows the filter shows, (N,) bool."""
    classes = sorted({c for c in view.labels.tolist() if c})
    name = "Filtered" if narrowed(scenario) else "Filter"
    with st.popover(name, icon=":material/filter_alt:", width="content", key="latent_filter"):
        titles = {s.name: s.title for s in scenario.own_sets}
        sets = choices("Sets", titles, key="latent_sets")
        left_out = choices(
            "Leave out these classes", {c: c for c in classes}, key="latent_without", default=()
        )
        low, high = st.slider(
            "Percentile of the score",
            *ALL,
            ALL,
            0.5,
            key="latent_range",
            bind="query-params",
            persist_state="session",
            help="Among held-out normal images. Above 95 an image is flagged.",
        )
    standing = view.percentiles[view.score]
    visible = np.isin(np.array(view.sets)[view.which], sets) & ~np.isin(view.labels, left_out)
    return visible & (standing >= low) & (standing <= high)


def narrowed(scenario: Scenario) -> bool:
    """Whether the filter leaves something out, as far as is known before it is drawn."""
    state = st.session_state
    sets = state.get("latent_sets")
    return bool(
        (sets is not None and len(sets) < len(scenario.own_sets))
        or state.get("latent_without")
        or tuple(state.get("latent_range", ALL)) != ALL
    )


def hidden(colouring: Colouring, told: Mapping[str, Any]) -> Sequence[str]:
    """Names of the colours that the legend hides now: those of other colours are forgotten."""
    off = told.get("off") or {}
    if off and off.get("by") == colouring.what:
        st.session_state[OFF] = (colouring.what, tuple(off.get("names", ())))
    what, names = st.session_state.get(OFF, ("", ()))
    return [n for n in names if n in colouring.names] if what == colouring.what else []


def among(colouring: Colouring, names: Sequence[str]) -> np.ndarray:
    """Which rows (N,) have a colour of one of these names."""
    return np.isin(colouring.code, [colouring.names.index(name) for name in names])
