"""Figures of the checks: curves of deletion and insertion, and of maps whose network forgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.service import MapCurves, Randomised
from pages._shared import draw
from pages._shared.theme import palette

__all__ = ["curves", "legend", "randomisation"]

HEIGHT = 320
MARKS = {  # of Plotly, and as a letter
    "circle": "\u25cf",
    "square": "\u25a0",
    "diamond": "\u25c6",
    "triangle-up": "\u25b2",
    "x": "\u2716",
    "cross": "\u271a",
    "star": "\u2605",
}
CHANCE = "rgba(128,140,148,0.35)"
DASHES = ("solid", "dash", "dot", "dashdot")


def curves(shown: Mapping[str, MapCurves], kind: str) -> go.Figure:
    """The score while pixels go, or come back, in the order of every map, over random orders."""
    traces: list[draw.Trace] = []
    unit = ""
    for i, (title, one) in enumerate(shown.items()):
        if not i:
            traces, unit = _chance(one, kind), one.unit
        traces.append(_line(i, title, one.shares, getattr(one, kind)))
    words = {"deletion": "Deletion: falls early", "insertion": "Insertion: rises early"}[kind]
    return _figure(traces, f"{words} if right", y=f"score, {unit}", x=SHARE[kind])


SHARE = {"deletion": "share of pixels deleted", "insertion": "share of pixels inserted"}


def _chance(one: MapCurves, kind: str) -> list[draw.Trace]:
    """Where 95 % of random orders run: read backwards, a deletion is an insertion."""
    random = one.random if kind == "deletion" else one.random[:, ::-1]
    low, high = np.quantile(random, (0.025, 0.975), axis=0)
    return [
        {
            "type": "scatter",
            "x": np.concatenate([one.shares, one.shares[::-1]]),
            "y": np.concatenate([high, low[::-1]]),
            "name": "random orders",
            "mode": "lines",
            "fill": "toself",
            "fillcolor": CHANCE,
            "line": {"width": 0},
            "hoverinfo": "skip",
        }
    ]


def randomisation(shown: Mapping[str, Randomised]) -> go.Figure:
    """How much every map is still the same, the more of its network is randomised."""
    traces = [
        _line(i, title, np.r_[0, one.shares], np.r_[1, one.ranks])
        for i, (title, one) in enumerate(shown.items())
    ]
    alike = next((one.alike for one in shown.values()), 0.5)
    limit = draw.line_at(y=alike, dash="dash", color=palette().neutral, width=2)
    return _figure(
        traces,
        "Randomised: falls if right",
        y="rank correlation with itself",
        x="share of modules randomised",
        shapes=[limit],
    )


def _line(i: int, title: str, x: np.ndarray, y: np.ndarray) -> draw.Trace:
    """The line of the map that stands i-th: no pair differs by colour alone."""
    colour = palette().categories[i % len(palette().categories)]
    return {
        "type": "scatter",
        "x": x,
        "y": y,
        "name": title,
        "mode": "lines+markers",
        "line": {"color": colour, "dash": DASHES[i % len(DASHES)], "width": 2},
        "marker": {"symbol": list(MARKS)[i % len(MARKS)], "size": 7, "color": colour},
        "hovertemplate": "%{y:.3g}<extra>%{fullData.name}</extra>",
    }


def _figure(traces: list[draw.Trace], title: str, *, x: str, y: str, **more: Any) -> go.Figure:
    return draw.figure(
        traces,
        height=HEIGHT,
        title=title,
        hovermode="closest",
        xaxis={"title": {"text": x}},
        yaxis={"title": {"text": y}},
        showlegend=False,
        **more,
    )


def legend(titles: Sequence[str]) -> str:
    """Which mark and colour each map has in all three figures, as HTML."""
    marks, colours = list(MARKS.values()), palette().categories
    said = "".join(
        f'<span style="white-space:nowrap"><span aria-hidden="true" style="color:'
        f'{colours[i % len(colours)]}">{marks[i % len(marks)]}</span> {escape(title)}</span>'
        for i, title in enumerate(titles)
    )
    chance = (
        '<span style="white-space:nowrap"><span aria-hidden="true" style="display:inline-block;'
        f'width:1em;height:.8em;background:{CHANCE}"></span> random orders</span>'
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:.1rem 1.1rem">{said}{chance}</div>'
