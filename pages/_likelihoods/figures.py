"""The figures of Likelihoods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from core.service import Pair, PartView
from pages._shared.draw import Trace, figure, line_at, panels_of
from pages._shared.theme import palette

__all__ = ["contributions", "histogram", "maps", "panels", "scatter"]


def histogram(part: PartView, names: tuple[str, str], *, height: int) -> go.Figure:
    """Share of normal and of strange images along a part."""
    return figure(
        _shares(part, names, legend=True),
        height=height,
        xaxis={"title": {"text": part.unit, "standoff": 4}, "nticks": 6},
        yaxis={"visible": False, "rangemode": "tozero"},
    )


def panels(
    parts: Sequence[tuple[str, PartView]],
    names: tuple[str, str],
    *,
    columns: int = 2,
    zero: bool = False,
) -> go.Figure:
    """Histograms of several parts side by side, each under its own title, in one figure.

    Args:
        zero: draw a dotted line at 0 in each.
    """
    height = 30 + 190 * -(-len(parts) // columns)
    layout = panels_of([title for title, _ in parts], columns, gaps=(0.06, 86 / height))
    traces: list[Trace] = []
    for i, (_, part) in enumerate(parts):
        n = str(i + 1) if i else ""
        on = {"xaxis": f"x{n}", "yaxis": f"y{n}"}
        traces += [{**trace, **on} for trace in _shares(part, names, legend=False)]
        title = {"text": part.unit, "standoff": 2, "font": {"size": 11}}
        layout[f"xaxis{n}"] |= {"title": title, "nticks": 5}
        layout[f"yaxis{n}"] |= {"visible": False, "rangemode": "tozero"}
    if zero:
        layout["shapes"] = [line_at(x=0, panel=i, dash="dot", width=1) for i in range(len(parts))]
    return figure(traces, height=height, margin={"t": 40}, showlegend=False, **layout)


def _shares(part: PartView, names: tuple[str, str], *, legend: bool) -> list[Trace]:
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
            "showlegend": legend,
        }
        for name, shares, colour in sides
    ]


def scatter(pair: Pair, names: Mapping[str, str], titles: tuple[str, str], unit: str) -> go.Figure:
    """One model's number against another's, a point an image; its id travels along."""
    traces = [
        {
            "type": "scattergl",
            "x": pair.across[set_name],
            "y": pair.up[set_name],
            "customdata": [[set_name, int(i)] for i in pair.indices[set_name]],
            "mode": "markers",
            "name": title,
            "marker": {"color": colour, "size": 5, "opacity": 0.55},
            "hovertemplate": "%{customdata[0]} %{customdata[1]}: %{x:.2f}, %{y:.2f}<extra></extra>",
        }
        for (set_name, title), colour in zip(
            names.items(), (palette().normal, palette().strange), strict=True
        )
    ]
    return figure(
        traces,
        height=420,
        hovermode="closest",
        clickmode="event+select",
        xaxis={"title": {"text": f"{titles[0]}, {unit}", "standoff": 4}},
        yaxis={"title": {"text": f"{titles[1]}, {unit}", "standoff": 4}},
    )


def contributions(
    rows: Sequence[tuple[str, dict[str, float]]], titles: dict[str, str]
) -> go.Figure:
    """Stacked bars: what each scale contributes to each row's bits per dimension."""
    labels = [f"{name}: {sum(shares[k] for k in titles):.2f}" for name, shares in rows]
    traces = []
    for i, (scale, title) in enumerate(titles.items()):
        values = [shares[scale] for _, shares in rows]
        bars = {"y": labels, "x": values, "text": [f"{v:.2f}" for v in values]}
        look = {"textposition": "inside", "insidetextanchor": "middle", "hovertemplate": "%{x:.3f}"}
        marker = {"color": palette().categories[2 + i % 3] if len(titles) > 1 else None}
        traces.append(
            {"type": "bar", "orientation": "h", "name": title, "marker": marker, **bars, **look}
        )
    return figure(
        traces,
        height=90 + 44 * len(rows),
        barmode="relative",
        hovermode="closest",
        xaxis={"title": {"text": "bits per dimension", "standoff": 4}},
        yaxis={"autorange": "reversed"},
    )


def maps(found: Sequence[tuple[str, np.ndarray, bool]], unit: str) -> go.Figure:
    """Heat maps (H, W) side by side, each under its title and range, with a colour scale of its own.

    The third of each says that zero is the middle of its scale even if all values are of one sign.
    There is no colour bar: Plotly lays out several of them beside square maps without end.
    """
    titles = [f"{t}<br>{v.min():.1f} to {v.max():.1f} {unit}" for t, v, _ in found]
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
    return figure(traces, height=290, hovermode="closest", margin={"t": 62}, **layout)
