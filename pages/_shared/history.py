"""One press of Back undoes one thing that the visitor did; `history.js` is the browser's half."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

__all__ = ["one_entry_an_act"]

_listen = st.components.v2.component(
    "outskirts.history", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
)


def one_entry_an_act() -> None:
    """Join the entries of the browser's history that one click or key makes."""
    _listen(key="history")
