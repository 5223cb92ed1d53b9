"""A canvas of the scenario's size to draw on; `browser/canvas.js` is the browser's half.

What is drawn is of the session, by the size of its canvas: it is there again when its page is.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
import streamlit as st

from core.service import Shape
from pages._own.served import OWN
from pages._shared import draw as drawing
from pages._shared.scripts import DRAW_OR_SAY

__all__ = ["draw", "offer", "pixels_of"]

_KEPT, _OFFERED = "_own_drawn", "_own_offered"  # pixels by token; what a drawing may start from

_draw = st.components.v2.component("outskirts.canvas", js=OWN.loader(draw=DRAW_OR_SAY))


def offer(image: np.ndarray) -> None:
    """Let the next drawing start from this image (H, W, C) uint8, if whoever draws wants that."""
    st.session_state[_OFFERED] = image


def draw(shape: Shape, *, key: str) -> bytes | None:
    """What the visitor drew, as a PNG file of the shape; None: nothing."""
    size = shape.pixels
    token = f"{key} {shape}"
    kept: dict[str, bytes] = st.session_state.setdefault(_KEPT, {})
    offered = st.session_state.get(_OFFERED)
    start = offered if offered is not None and offered.shape == size else None
    told = _draw(
        key=key,
        data={
            "kind": "canvas",
            "token": token,
            "size": {"width": shape.width, "height": shape.height, "channels": shape.channels},
            "known": _text(kept[token]) if token in kept else "",
            "start": "" if start is None else _text(np.ascontiguousarray(start).tobytes()),
        },
        on_drawn_change=lambda: None,
        on_failed_change=lambda: None,
    )
    if told.get("failed"):
        st.info(
            "This browser cannot show the canvas. An image that was drawn elsewhere can be uploaded.",
            icon=":material/draw:",
        )
    pixels = pixels_of(told.get("drawn"), token, size=size)
    if pixels is not None:
        kept[token] = pixels
    image = np.frombuffer(kept.get(token, b""), np.uint8)
    return drawing.png([image.reshape(size)]) if image.any() else None


def pixels_of(told: Any, token: str, *, size: tuple[int, ...]) -> bytes | None:
    """Pixels of a drawing, as far as the browser says them: it may send anything.

    Example:
        >>> pixels_of({"token": "a", "pixels": "AP8="}, "a", size=(1, 2, 1))
        b'\\x00\\xff'
        >>> pixels_of({"token": "a", "pixels": "AP8="}, "a", size=(28, 28, 1)) is None
        True
    """
    if not isinstance(told, Mapping) or told.get("token") != token:
        return None
    text = told.get("pixels")
    if not isinstance(text, str) or len(text) > 2 * prod(size) + 8:
        return None
    try:
        pixels = b64decode(text, validate=True)
    except Error:
        return None
    return pixels if len(pixels) == prod(size) else None


def _text(pixels: bytes) -> str:
    return b64encode(pixels).decode()
