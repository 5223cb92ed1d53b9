"""What fingers and keys do on the maps; see `gestures.js`, which is the browser's half of it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

__all__ = ["STROKES", "gestures", "stroke"]

STROKES = ("replace", "add", "remove")
KEY = "latent_gestures"

_listen = st.components.v2.component(
    "outskirts.gestures", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
)


def gestures() -> None:
    """Let one finger scroll, two zoom, the chosen tool stay, and Shift and Alt add and remove."""
    _listen(key=KEY, data={"stroke": stroke()}, on_stroke_change=lambda: None)


def stroke() -> str:
    """What the last line that was drawn on a map does to the selection, one of `STROKES`."""
    found = st.session_state.get(KEY) or {}
    said = found.get("stroke")
    return said if said in STROKES else STROKES[0]
