"""One press of Back undoes one thing that the visitor did; `history.js` is the browser's half."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

__all__ = ["one_entry_an_act", "scroll_here", "show", "show_new"]

_SHOW, _SHOWN = "_show", "_shown"

_listen = st.components.v2.component(
    "outskirts.history", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
)


def one_entry_an_act() -> None:
    """Join the entries of the browser's history that one click or key makes; scroll where asked."""
    to, times = st.session_state.get(_SHOW, ("", 0))
    _listen(key="history", data={"to": to, "times": times})


def scroll_here(key: str) -> None:
    """Scroll where a fragment, or a page after its frame, asked for it; the frame has run before."""
    to, times = st.session_state.get(_SHOW, ("", 0))
    _listen(key=key, data={"to": to, "times": times})


def show_new(container: str, what: str) -> None:
    """Bring a container into view where something else is in it than before; "": nothing is."""
    shown = st.session_state.setdefault(_SHOWN, {})
    if shown.get(container, "") != what and what:
        show(container)
    shown[container] = what


def show(container: str) -> None:
    """Bring the container of this key into view, once the page is drawn."""
    _, times = st.session_state.get(_SHOW, ("", 0))
    st.session_state[_SHOW] = (container, times + 1)
