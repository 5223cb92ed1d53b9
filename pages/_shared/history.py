"""One press of Back undoes one thing that the visitor did; `history.js` is the browser's half."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

__all__ = ["one_entry_an_act", "show"]

_SHOW = "_show"

_listen = st.components.v2.component(
    "outskirts.history", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
)


def one_entry_an_act() -> None:
    """Join the entries of the browser's history that one click or key makes; scroll where asked."""
    to, times = st.session_state.get(_SHOW, ("", 0))
    _listen(key="history", data={"to": to, "times": times})


def show(container: str) -> None:
    """Bring the container of this key into view, once the page is drawn."""
    _, times = st.session_state.get(_SHOW, ("", 0))
    st.session_state[_SHOW] = (container, times + 1)
