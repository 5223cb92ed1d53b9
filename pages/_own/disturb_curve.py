"""Every detector's percentile along one slider, where it stands now and where it has been; in words."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.service import Along
from pages._own.disturb_sliders import SLIDERS, Slider, neutral
from pages._own.line import Drawn
from pages._shared import draw
from pages._shared.ask import csv_of
from pages._shared.seeds import listed
from pages._shared.text import counted, plain
from pages._shared.theme import palette

__all__ = [
    "SIGNS",
    "Curves",
    "Visit",
    "colour_of",
    "figure",
    "first_flagged",
    "key",
    "said_of",
    "sign_of",
    "table",
    "visit",
]

_VISITED = "_own_visited"
CURVES, VISITS = 24, 200  # that are remembered
SIGNS = {  # of Plotly's, and as letters
    "circle": "●",
    "diamond": "◆",
    "square": "■",
    "triangle-up": "▲",
    "cross": "✚",
    "star": "★",
    "hexagon": "⬢",
    "triangle-down": "▼",
}
HEIGHT = 265  # pixels
# On the page the bars say whose curve is whose, and on a phone the `key`: names above the plot would
# leave it no height. A figure that is taken away has them in itself.
INSIDE = {"x": 0, "xanchor": "left", "y": 0, "yref": "paper", "yanchor": "bottom"}
DASHES = ("solid", "dash", "dot", "dashdot")


@dataclass(frozen=True)
class Visit:
    """What every model said where a slider stood: percentile and raw score, by model."""

    at: int
    percentiles: Mapping[str, float]
    raw: Mapping[str, float]


@dataclass(frozen=True)
class Curves:
    """What is known along the slider of a name: at its positions, and where it stood meanwhile.

    Attributes:
        path: where it stood, the present last.
        titles: of models.
        line: the threshold.
    """

    name: str
    found: Along
    path: Sequence[Visit]
    titles: Mapping[str, str]
    line: Drawn

    @property
    def slider(self) -> Slider:
        return SLIDERS[self.name]

    def of(self, model: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions, percentiles and raw scores (n,) of a model, in the order of the positions."""
        known = {
            at: (percentile, raw)
            for at, percentile, raw in zip(
                self.slider.positions,
                self.found.percentiles[model],
                self.found.raw[model],
                strict=True,
            )
        }
        known |= {v.at: (v.percentiles[model], v.raw[model]) for v in self.path if model in v.raw}
        at = np.array(sorted(known))
        percentiles, raw = np.array([known[p] for p in at]).T
        return at, percentiles, raw

    def flagged(self, model: str) -> np.ndarray:
        """Whether a model flags at each of its positions, (n,)."""
        return self.of(model)[2] > self.line.of(model).raw


def colour_of(i: int) -> str:
    """The colour of the model at a place in their order; its sign keeps apart who sees none."""
    colours = palette().categories
    return colours[i % len(colours)]


def sign_of(i: int) -> tuple[str, str]:
    """The sign of the model at a place in their order, as Plotly calls it and as a letter."""
    return list(SIGNS.items())[i % len(SIGNS)]


def visit(curve: Hashable, here: Visit) -> list[Visit]:
    """Note where a slider stands; the whole path on this curve, in its order.

    Args:
        curve: names the slider and everything that stands still beside it.
    """
    paths: OrderedDict[Hashable, list[Visit]] = st.session_state.setdefault(_VISITED, OrderedDict())
    path = paths.setdefault(curve, [])
    paths.move_to_end(curve)
    if not path or path[-1] != here:
        path.append(here)
    del path[:-VISITS]
    while len(paths) > CURVES:
        paths.popitem(last=False)
    return list(path)


# The picture --------------------------------------------------------------------------------------


def key(titles: Mapping[str, str]) -> str:
    """Sign, colour and title of each model, as HTML, for where the bars are out of sight."""
    signs = "".join(
        f"<span><i style='color:{colour_of(i)}'>{sign_of(i)[1]}</i> {escape(title)}</span>"
        for i, title in enumerate(titles.values())
    )
    return f"<div class=own-key aria-hidden=true>{signs}</div>"


def figure(curves: Curves) -> go.Figure:
    """Percentiles along a slider, a line a model; where it was and is, and the threshold."""
    slider, now = curves.slider, curves.path[-1].at
    traces: list[draw.Trace] = []
    for i, model in enumerate(curves.found.percentiles):
        traces += _of_model(curves, model, i)
    lines = [draw.line_at(x=now, dash="dot", width=2, color=palette().text)]
    if (standing := curves.line.verdicts.standing) is not None:
        lines.append(draw.line_at(y=standing, dash="dash", width=1.5, color=palette().faint))
    room = 0.02 * (slider.high - slider.low)
    return draw.figure(
        traces,
        height=HEIGHT,
        margin={"t": 12},
        shapes=lines,
        showlegend=True,
        legend=INSIDE,
        xaxis={
            "title": {"text": f"{slider.phrase}; dotted: now", "standoff": 4},
            "range": [slider.low - room, slider.high + room],
            "ticksuffix": slider.suffix,
        },
        yaxis={
            "title": {"text": "percentile; dashed: threshold", "standoff": 4},
            "range": [-4, 104],
        },
    )


def _of_model(curves: Curves, model: str, i: int) -> list[draw.Trace]:
    """The curve of a model, open marks where the slider was, and a large one where it is."""
    colour, sign = colour_of(i), sign_of(i)[0]
    positions, values, _ = curves.of(model)
    curve = {
        "type": "scatter",
        "x": positions,
        "y": values,
        "name": curves.titles[model],
        "mode": "lines+markers",
        "line": {"color": colour, "width": 2, "dash": DASHES[i % len(DASHES)]},
        "marker": {"symbol": sign, "size": 7, "color": colour},
        "hovertemplate": "%{y:.1f}",
        "legendgroup": model,
    }
    visited = [(v.at, v.percentiles[model]) for v in curves.path if model in v.percentiles]
    now = {"symbol": sign, "size": 15, "line": {"width": 2, "color": palette().text}}
    return [
        curve,
        _marks(visited[:-1], model, {"symbol": f"{sign}-open", "size": 13, "color": colour}),
        _marks(visited[-1:], model, {**now, "color": colour}),
    ]


def _marks(points: Sequence[tuple[int, float]], model: str, looks: draw.Trace) -> draw.Trace:
    return {
        "type": "scatter",
        "x": [at for at, _ in points],
        "y": [percentile for _, percentile in points],
        "mode": "markers",
        "marker": looks,
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": model,
    }


# In words -----------------------------------------------------------------------------------------


def first_flagged(positions: Sequence[int], flagged: np.ndarray, *, start: int) -> int | None:
    """The position nearest to the start at which it is flagged; None: at none.

    Of two that are as near, the greater.

    Example:
        >>> first_flagged([-20, -10, 0, 10, 20], np.array([1, 1, 0, 0, 1]), start=0)
        -10
        >>> first_flagged([0, 5], np.array([0, 0]), start=0) is None
        True
    """
    at = [position for position, flag in zip(positions, flagged, strict=True) if flag]
    return min(at, key=lambda p: (abs(p - start), -p), default=None)


def said_of(curves: Curves) -> str:
    """Who notices first as a slider leaves the place where it does nothing, and who never does."""
    name, slider, titles = curves.name, curves.slider, curves.titles
    flagged = {model: curves.flagged(model) for model in curves.found.raw}
    if name in ("patch_row", "patch_column", "patch_level"):
        return _of_places(flagged, curves)
    start = neutral(name)
    first = {m: first_flagged(curves.of(m)[0].tolist(), f, start=start) for m, f in flagged.items()}
    already = [m for m, at in first.items() if at == start]
    never = [m for m, at in first.items() if at is None]
    later = [(at, m) for m, at in first.items() if at is not None and at != start]
    sentences = []
    if already:
        flags = "flags" if len(already) == 1 else "flag"
        sentences.append(f"Even at {slider.words(start)} {_names(already, titles)} {flags} it.")
    sentences += _in_order(sorted(later, key=lambda pair: abs(pair[0] - start)), curves)
    if never:
        many = len(curves.of(never[0])[0])
        sentences.append(f"Flagged at none of {many} positions by {_names(never, titles)}.")
    return " ".join(sentences)


def _in_order(later: Sequence[tuple[int, str]], curves: Curves) -> list[str]:
    """Who notices first, and then who."""
    if not later:
        return []
    slider, start, titles = curves.slider, neutral(curves.name), curves.titles
    nearest = abs(later[0][0] - start)
    first = [(at, m) for at, m in later if abs(at - start) == nearest]
    after: dict[int, list[str]] = {}
    for at, m in later[len(first) :]:
        after.setdefault(at, []).append(m)
    rest = [f"{_names(models, titles)} at {slider.words(at)}" for at, models in after.items()]
    where = listed(list(dict.fromkeys(slider.words(at) for at, _ in first)))
    notices = "notices" if len(first) == 1 else "notice"
    when = " first," if len(curves.found.raw) > 1 else ""  # one alone is before nobody
    text = f"**{_names([m for _, m in first], titles)} {notices}{when} at {where}**"
    return [f"{text}; then {'; '.join(rest)}." if rest else f"{text}."]


def _of_places(flagged: Mapping[str, np.ndarray], curves: Curves) -> str:
    """At how many positions each model flags, of a slider that has no place where it does nothing."""
    many = len(next(iter(flagged.values()), ()))
    counts = sorted(((int(f.sum()), m) for m, f in flagged.items()), key=lambda pair: -pair[0])
    said = [f"{_title(m, curves.titles)} at {count}" for count, m in counts]
    return (
        f"Of {counted(many, 'position')} of the slider “{curves.slider.title}”, flagged by "
        f"{listed(said)}."
    )


def _names(models: Sequence[str], titles: Mapping[str, str]) -> str:
    return listed([_title(model, titles) for model in models])


def _title(model: str, titles: Mapping[str, str]) -> str:
    return plain(titles[model])


# To take away -------------------------------------------------------------------------------------


def table(curves: Curves) -> bytes:
    """A row a position: what it is, and each model's percentile, raw score and verdict, as CSV."""
    columns: dict[str, Any] = {}
    for model in curves.found.percentiles:
        columns[curves.name], columns[f"{model} percentile"], raw = curves.of(model)
        columns |= {f"{model} score": raw, f"{model} flagged": curves.flagged(model).astype(int)}
    return csv_of(columns)
