"""One press of Back undoes one thing that the visitor did; `history.js` is the browser's half."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

__all__ = ["one_entry_an_act", "scroll_here", "show", "show_new"]

_SHOW, _SHOWN, _TOP = "_show", "_shown", "_show_top"

_listen = st.components.v2.component(
    "outskirts.history", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
)


def one_entry_an_act() -> None:
    """Join the entries of the browser's history that one click or key makes; scroll where asked."""
    _listen(key="history", data=_shown())


def scroll_here(key: str) -> None:
    """Scroll where a fragment, or a page after its frame, asked for it; the frame has run before."""
    _listen(key=key, data=_shown())


def _shown() -> dict[str, Any]:
    to, times = st.session_state.get(_SHOW, ("", 0))
    return {"to": to, "times": times, "top": st.session_state.get(_TOP) == times}


def show_new(container: str, what: str) -> None:
    """Bring a container into view where something else is in it than before; "": nothing is."""
    shown = st.session_state.setdefault(_SHOWN, {})
    if shown.get(container, "") != what and what:
        show(container)
    shown[container] = what


def show(container: str, *, top: bool = False) -> None:
    """Bring the container of this key into view, once the page is drawn.

    Args:
        top: from the head of the page, as if it were opened anew.
    """
    _, times = st.session_state.get(_SHOW, ("", 0))
    st.session_state[_SHOW] = (container, times + 1)
    if top:
        st.session_state[_TOP] = times + 1
