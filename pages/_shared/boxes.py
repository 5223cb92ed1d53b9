"""Boxes that scroll are reached by key, too; `boxes.js` is the browser's half."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

__all__ = ["reach_by_key"]

_mend = st.components.v2.component(
    "outskirts.boxes", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
)


def reach_by_key() -> None:
    """Make a stop of the Tab key of every table and every code that is wider than its page."""
    _mend(key="boxes")
