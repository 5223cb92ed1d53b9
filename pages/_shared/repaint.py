"""Figures follow the theme while a page is open; `repaint.js` is the browser's half."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages._shared.scripts import IN_TURN
from pages._shared.theme import palette

__all__ = ["when_the_theme_turns"]

_watch = st.components.v2.component(
    "outskirts.repaint",
    js=IN_TURN + Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
)


def when_the_theme_turns() -> None:
    """Run the page again where the browser shows another theme than the one it is painted for."""
    _watch(key="repaint", data={"painted": palette().name}, on_turned_change=lambda: None)
