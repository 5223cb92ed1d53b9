"""The figures of Likelihoods."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.service import Pair, PartView
from pages._shared import presenting
from pages._shared.draw import Trace, figure, line_at, panels_of
from pages._shared.text import numeral
from pages._shared.theme import palette

__all__ = ["contributions", "maps", "panels", "scatter"]


THIN: Mapping[str, Any] = {"dash": "dot", "width": 1}
LINE = 16  # pixels, of a line of a panel's title
PHONE = 310  # pixels of a figure's width on a phone


def panels(
    parts: Sequence[tuple[str, PartView]],
    names: tuple[str, str],
    *,
    columns: int = 2,
    title: str = "",
    here: Mapping[str, float] | None = None,
    zero: bool = False,
) -> go.Figure:
    """Histograms of several parts, each under its own title, in one figure with one legend.

    Args:
        here: by part, where the image that is looked at lies: a line in each.
        zero: draw a dotted line at 0 in each.
    """
    titles = [_wrapped(title, columns) for title, _ in parts]
    rows, above = -(-len(parts) // columns), LINE * max(1 + t.count("<br>") for t in titles)
    units = [_wrapped(part.unit, columns) for _, part in parts]
    below = 44 + LINE * max(unit.count("<br>") for unit in units)
    each, gap = (104 if columns > 1 else 112), above + below + 18
    top = 60 + 22 * _legend_rows([*names, *(["this image"] if here is not None else [])]) + above
    height = 88 + below + above + each * rows + gap * (rows - 1)  # whatever room a legend leaves
    scale = presenting.scale()
    height = presenting.height(height) if rows < 3 else round(scale * height)
    inner = height - scale * (top + below)
    layout = panels_of(titles, columns, gaps=(0.06, scale * gap / inner))
    traces: list[Trace] = []
    shapes: list[Trace] = []
    for i, (_, part) in enumerate(parts):
        n = str(i + 1) if i else ""
        on = {"xaxis": f"x{n}", "yaxis": f"y{n}", "showlegend": i == 0}
        traces += [{**trace, **on} for trace in _shares(part, names)]
        layout[f"xaxis{n}"] |= {"title": {"text": units[i], "standoff": 2}, "nticks": 5}
        layout[f"yaxis{n}"] |= {"visible": False, "rangemode": "tozero"}
        if zero:
            shapes.append(line_at(x=0, panel=i, **THIN))
        if here is not None:
            shapes.append(_here(part, here[part.name], panel=i))
    return figure(
        traces,
        height=height,
        title=title,
        margin={"t": top, "b": below},
        shapes=shapes,
        **layout,
    )


def _wrapped(title: str, columns: int) -> str:
    """The title of a panel or of its axis, in lines that fit where a phone shows so many panels in a row."""
    most = {1: 44, 2: 26}.get(columns, 13)
    whole: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
    lines = [line for part in title.split("<br>") for line in textwrap.wrap(part, most, **whole)]
    return "<br>".join(lines)


def _legend_rows(names: Sequence[str]) -> int:
    """How many rows of a phone's width a legend has: panels' titles stand right below it."""
    widest = max(44 + 8 * len(name) for name in names)
    return -(-len(names) // max(1, PHONE // widest))


def _here(part: PartView, value: float, *, panel: int) -> Trace:
    """A line where an image lies; beyond the histogram, at its edge, as all that lies there."""
    x = min(max(value, part.edges[0]), part.edges[-1])
    named = {"name": "this image", "showlegend": panel == 0}
    return {**line_at(x=x, panel=panel, color=palette().focus, width=3), **named}


def _shares(part: PartView, names: tuple[str, str]) -> list[Trace]:
    centres = (part.edges[1:] + part.edges[:-1]) / 2
    sides = zip(
        names, (part.normal, part.strange), (palette().normal, palette().strange), strict=True
    )
    return [
        {
            "type": "scatter",
            "x": centres,
            "y": 100 * shares,
            "name": name,
            "line": {"shape": "hvh", "color": colour, "width": 1.5},
            "fill": "tozeroy",
            "hovertemplate": "%{y:.1f} %",
        }
        for name, shares, colour in sides
    ]


def scatter(
    pair: Pair,
    names: Mapping[str, str],
    titles: tuple[str, str],
    unit: str,
    *,
    height: int = 500,
) -> go.Figure:
    """One model's number against another's, a point an image; its id travels along.

    Args:
        names: titles of the sets, the normal one first.
        titles: of the two models.
    """
    traces = [
        {
            "type": "scattergl",
            "x": pair.across[set_name],
            "y": pair.up[set_name],
            "customdata": [[set_name, int(i)] for i in pair.indices[set_name]],
            "mode": "markers",
            "name": title,
            "marker": {"color": colour, "size": 5, "opacity": 0.55},
            "hovertemplate": title + " %{customdata[1]}: %{x:.2f}, %{y:.2f}<extra></extra>",
        }
        for (set_name, title), colour in zip(
            names.items(), (palette().normal, palette().strange), strict=True
        )
    ]
    return figure(
        traces,
        height=height,
        title=f"{titles[1]} against {titles[0]}, an image a point",
        hovermode="closest",
        clickmode="event+select",
        xaxis={"title": {"text": f"{titles[0]}, {unit}", "standoff": 4}},
        yaxis={"title": {"text": f"{titles[1]}, {unit}", "standoff": 4}},
    )


def contributions(
    rows: Sequence[tuple[str, dict[str, float]]], titles: dict[str, str], *, title: str
) -> go.Figure:
    """Stacked bars: what each scale contributes to each row's bits per dimension."""
    labels = [f"{row}: {numeral(sum(shares[k] for k in titles), '.2f')}" for row, shares in rows]
    colours = palette().categories[2:]  # the first two are the sets'
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name.removesuffix(" scale"),
            "y": labels,
            "x": [shares[scale] for _, shares in rows],
            "text": [numeral(shares[scale], ".2f") for _, shares in rows],
            "textposition": "inside",
            "insidetextanchor": "middle",
            "insidetextfont": {"color": palette().text},
            "textangle": 0,
            "width": 0.46,
            "marker": _tinted(colours[i % 3] if len(titles) > 1 else palette().neutral),
            "hovertemplate": "%{x:.3f}<extra>" + name + "</extra>",
        }
        for i, (scale, name) in enumerate(titles.items())
    ]
    return figure(
        traces,
        height=120 + 54 * len(rows),
        title=title,
        barmode="relative",
        hovermode="closest",
        uniformtext={"minsize": 14, "mode": "hide"},
        annotations=[_above_bar(label) for label in labels],
        xaxis={"title": {"text": "bits per dimension", "standoff": 4}},
        yaxis={"autorange": "reversed", "showticklabels": False},
    )


def _tinted(colour: str) -> dict[str, Any]:
    """A bar with an edge of a colour "#RRGGBB", faint inside: words on it stand out."""
    red, green, blue = bytes.fromhex(colour[1:])
    edge = {"color": colour, "width": 2}
    return {"color": f"rgba({red}, {green}, {blue}, 0.3)", "line": edge}


def _above_bar(label: str) -> dict[str, Any]:
    """The words of a row, above its bar: beside it they would take half of a phone."""
    place = {"x": 0, "xref": "paper", "xanchor": "left", "y": label, "yanchor": "bottom"}
    return {"text": label, "showarrow": False, "yshift": 11, **place}


def maps(found: Sequence[tuple[str, np.ndarray, bool]], unit: str, *, title: str) -> go.Figure:
    """Heat maps (H, W) side by side, each under its title and range, with a colour scale of its own.

    The third of each says that zero is the middle of its scale even if all values are of one sign.
    There is no colour bar: Plotly lays out several of them beside square maps without end.
    """
    titles = [
        f"{t}<br>{numeral(v.min(), '.1f')} to {numeral(v.max(), '.1f')} {unit}" for t, v, _ in found
    ]
    layout = panels_of(titles, len(found), gaps=(0.04, 0))
    traces = []
    for i, (_, values, signed) in enumerate(found):
        signed = signed or values.min() < 0 < values.max()
        n = str(i + 1) if i else ""
        traces.append(
            {
                "type": "heatmap",
                "z": values,
                "colorscale": "RdBu_r" if signed else "Cividis",
                "zmid": 0 if signed else None,
                "showscale": False,
                "hovertemplate": "row %{y}, column %{x}: %{z:.2f} " + unit + "<extra></extra>",
                "xaxis": f"x{n}",
                "yaxis": f"y{n}",
            }
        )
        layout[f"xaxis{n}"] |= {"visible": False, "constrain": "domain"}
        square = {"autorange": "reversed", "scaleanchor": f"x{n}"}
        layout[f"yaxis{n}"] |= {"visible": False, **square}
    looks: dict[str, Any] = {
        "height": 326,
        "title": title,
        "margin": {"t": 98},
        "showlegend": False,
    }
    return figure(traces, hovermode="closest", **looks, **layout)
