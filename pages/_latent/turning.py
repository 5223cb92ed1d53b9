"""The codes in three dimensions: to turn and look at, not to select in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.service import LatentMap, Target
from pages._latent.colours import SHADES, Colouring
from pages._shared import draw
from pages._shared.theme import palette

__all__ = ["show_3d", "three_d"]

OVER, UNDER = (1.0, 3.0), (0.15, 2.0)  # opacity and size

_listen = st.components.v2.component(
    "outskirts.turning", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
)


def show_3d(
    view: LatentMap,
    target: Target,
    colouring: Colouring,
    *,
    visible: np.ndarray,
    picked: np.ndarray,
) -> None:
    """The picture, which one finger scrolls past and two turn, and how to use it."""
    draw.chart(
        three_d(view, colouring, visible=visible, picked=picked),
        key="latent_3d",
        name=f"{target.scenario}-{target.stem}-3d",
        alt=f"The codes of {visible.sum():,} images along their first three principal axes",
    )
    _listen(key="latent_turning")
    st.caption(
        f"The {view.code} along their first three principal axes. To turn and to zoom, with two "
        "fingers on a touch screen: select on a flat map, and find the selection here."
    )


def three_d(
    view: LatentMap, colouring: Colouring, *, visible: np.ndarray, picked: np.ndarray
) -> go.Figure:
    """The codes along their first three principal axes."""
    chosen = np.zeros(len(view.keys), bool)
    chosen[picked] = True
    rest = UNDER if chosen.any() else (0.7, 2.0)
    traces = [
        _points(view, colouring, np.flatnonzero(rows), *look)
        for rows, look in ((visible & ~chosen, rest), (visible & chosen, OVER))
        if rows.any()
    ]
    scene: dict[str, Any] = {
        f"{a}axis": {"title": {"text": f"axis {i + 1}"}} for i, a in enumerate("xyz")
    }
    return draw.figure(
        traces,
        height=560,
        dragmode="turntable",
        hovermode="closest",
        scene=scene | {"aspectmode": "cube"},
        uirevision="latent",
    )


def _points(
    view: LatentMap, colouring: Colouring, rows: np.ndarray, opacity: float, size: float
) -> draw.Trace:
    dark = palette().name == "dark"
    colours = colouring.dark if dark else colouring.light
    x, y, z = view.axes[rows].T
    return {
        "type": "scatter3d",
        "x": x,
        "y": y,
        "z": z,
        "mode": "markers",
        "marker": {
            "size": size,
            "opacity": opacity,
            "color": np.array(colours or SHADES["light"])[colouring.code[rows]],
        },
        "text": [f"{view.id(int(i))} {view.labels[i]}" for i in rows],
        "hovertemplate": "%{text}<extra></extra>",
        "showlegend": False,
    }
