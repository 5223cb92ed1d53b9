"""Histograms of a score over normal images, known anomalies and those never seen, as they are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.service import IMAGE_GROUPS, KNOWN, NEVER, NORMAL, Spread
from pages._labels.ladder import Ladder
from pages._shared import draw
from pages._shared.text import percent
from pages._shared.theme import palette

__all__ = ["BELOW", "figure", "said_of"]

BELOW: Mapping[str, Any] = {  # a legend with two entries in a row, or one on a phone
    "orientation": "h",
    "yanchor": "top",
    "y": -0.24,
    "x": 0,
    "entrywidth": 150,
}


def figure(
    found: Spread,
    first: Spread | None,
    names: Sequence[str],
    *,
    title: str,
    height: int,
    axis: str = "score ÷ threshold",
) -> go.Figure:
    """Shares of images over the score in units of its threshold, which is a line.

    Args:
        first: of the model without labels, whose never-seen anomalies are drawn faintly; None: it
            is this one.
        names: of the three groups, and of the faint one.
        axis: what is drawn, in units of what.
    """
    colours = palette()
    looks = {
        NORMAL: (colours.normal, "solid", "tozeroy"),
        KNOWN: (colours.categories[3], "dash", None),
        NEVER: (colours.strange, "solid", "tozeroy"),
    }
    traces = [
        _steps(found, group, name, *looks[group])
        for group, name in zip(IMAGE_GROUPS, names[:3], strict=True)
    ]
    if first is not None:
        traces.append(_steps(first, NEVER, names[3], colours.text, "dot", None))
    edges, ticks = found.edges, _ticks(found.edges)
    return draw.figure(
        traces,
        height=height,
        title=title,
        shapes=[draw.line_at(x=0.0, color=colours.focus, width=2)],
        annotations=[_word("flagged →", colours.focus)],
        legend=BELOW,
        margin={"t": 40},
        xaxis={
            "title": {"text": axis, "standoff": 4},
            "range": [float(np.log2(edges[0])), float(np.log2(edges[-1]))],
            "tickvals": np.log2(ticks).tolist(),
            "ticktext": [f"{tick:g}" for tick in ticks],
        },
        yaxis={"title": {"text": "images, %", "standoff": 4}, "rangemode": "tozero"},
    )


def _steps(
    found: Spread, group: str, name: str, colour: str, dash: str, fill: str | None
) -> draw.Trace:
    centres = np.log2(np.sqrt(found.edges[1:] * found.edges[:-1]))
    return {
        "type": "scatter",
        "x": centres,
        "y": 100 * found.shares[group],
        "name": name,
        "line": {"shape": "hvh", "color": colour, "width": 1.5, "dash": dash},
        "fill": fill,
        "customdata": 2**centres,
        "hovertemplate": "%{y:.1f} %",
    }


def _ticks(edges: np.ndarray) -> list[float]:
    """Round numbers along the axis, 1 among them: powers of two, every other one where many are."""
    powers = np.arange(np.ceil(np.log2(edges[0])), np.floor(np.log2(edges[-1])) + 1)
    step = 1 if len(powers) <= 8 else 2
    return [float(2**p) for p in powers if p % step == 0]


def _word(text: str, colour: str) -> dict[str, Any]:
    place = {"x": 0.0, "y": 1, "xref": "x", "yref": "y domain", "xanchor": "left"}
    return {"text": text, "showarrow": False, "yanchor": "top", "font": {"color": colour}, **place}


# In words -----------------------------------------------------------------------------------------


def said_of(ladder: Ladder, found: Spread, first: Spread | None) -> str:
    """How much of each group is flagged, and how much without labels."""
    names, flags = ladder.names, {g: percent(s) for g, s in found.flagged.items()}
    knew = "which it learned from" if int(ladder.at) else "which it saw none of"
    text = (
        f"the score flags {flags[KNOWN]} of {names[KNOWN]}, {knew}, **{flags[NEVER]} of "
        f"the {ladder.unseen} of which it never saw an image**, and {flags[NORMAL]} of "
        f"{names[NORMAL]}, the normal ones."
    )
    if first is None:
        return text
    before = {g: percent(s) for g, s in first.flagged.items()}
    fewest = ladder.fewest.capitalize()
    return f"{text} {fewest} these were {before[KNOWN]}, {before[NEVER]} and {before[NORMAL]}."
