"""How pages draw: colours, enlarged images, figures."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from PIL import Image

from core.service import Mean, Metrics, Pair, PartView

__all__ = [
    "DASH",
    "NORMAL",
    "SAVE",
    "STRANGE",
    "TOUCH",
    "Trace",
    "contributions",
    "enlarge",
    "figure",
    "histogram",
    "interval",
    "intervals",
    "line_at",
    "maps",
    "panels",
    "panels_of",
    "png",
    "scatter",
    "strip",
]

# Okabe and Ito's colours, which the colour-blind tell apart in both themes.
NORMAL, STRANGE = "#56B4E9", "#D55E00"
SCALES = ("#009E73", "#E69F00", "#CC79A7", "#0072B2", "#F0E442")  # finest first, then again
SAVE = {"displaylogo": False, "toImageButtonOptions": {"format": "svg"}}
# Streamlit turns dragging on where points can be picked. There a finger goes through to the page.
TOUCH = """<style>@media (pointer: coarse) {
[class*="st-key-likelihoods_scatter"] .draglayer { pointer-events: none; }
[class*="st-key-likelihoods_scatter"] .draglayer * { pointer-events: none !important; }
}</style>"""


# Pictures ---------------------------------------------------------------------------------------


def enlarge(image: np.ndarray, side: int = 192) -> np.ndarray:
    """An image (H, W, C) with each pixel drawn several times, so that browsers do not blur it.

    As often as its longer side goes into ``side``; grey ones come without their one channel.
    """
    factor = max(1, side // max(image.shape[:2]))
    large = image.repeat(factor, 0).repeat(factor, 1)
    return large[..., 0] if large.shape[2] == 1 else large


def png(strips: Sequence[np.ndarray]) -> bytes:
    """Pictures (H, W[, C]) uint8 of one width below each other, as a PNG file."""
    whole = np.concatenate(list(strips))
    stream = io.BytesIO()
    grey = whole.ndim == 3 and whole.shape[2] == 1
    Image.fromarray(whole[..., 0] if grey else whole).save(stream, "PNG")
    return stream.getvalue()


def strip(images: np.ndarray, side: int = 96) -> np.ndarray:
    """Images (N, H, W, C) side by side, each as `enlarge` draws it, with a thin gap."""
    large = [enlarge(image, side) for image in images]
    gap = np.full((len(large[0]), 3, *large[0].shape[2:]), 128, np.uint8)
    return np.concatenate([piece for image in large for piece in (gap, image)][1:], axis=1)


# Figures of a score -----------------------------------------------------------------------------

DASH = "\u2060–\u2060"  # an en dash at which no line breaks


def interval(found: Metrics | Mean, *, dash: str = "–") -> str:
    """The interval of an AUROC, or that there is none: one image has no other to differ from."""
    return f"{found.low:.3f}{dash}{found.high:.3f}" if found.has_interval else "no interval"


# Figures ----------------------------------------------------------------------------------------


Trace = Mapping[str, Any]  # as Plotly's JSON has it, with its type


def figure(
    traces: Sequence[Trace], *, height: int, margin: Mapping[str, int] | None = None, **layout: Any
) -> go.Figure:
    """A figure with what all of them have in common.

    Whole at once: Plotly checks each later change of a figure for longer than all of it at first,
    and a rerun of a page draws half a dozen.

    A drag does nothing unless its tool is chosen in the bar above the figure: Plotly takes the touch
    of a finger for a drag, and no page of a phone could be scrolled past a figure.
    """
    house = {
        "dragmode": False,
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8} | dict(margin or {}),
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hovermode": "x unified",
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    }
    return go.Figure({"data": list(traces), "layout": house | layout})


def line_at(
    *, x: float | None = None, y: float | None = None, panel: int = 0, **line: Any
) -> Trace:
    """A line across a panel of a figure, for its ``shapes``: upright at x, or level at y."""
    n = str(panel + 1) if panel else ""
    if x is not None:
        ends = {"x0": x, "x1": x, "y0": 0, "y1": 1, "xref": f"x{n}", "yref": f"y{n} domain"}
    else:
        ends = {"x0": 0, "x1": 1, "y0": y, "y1": y, "xref": f"x{n} domain", "yref": f"y{n}"}
    return {"type": "line", "line": line, **ends}


def panels_of(titles: Sequence[str], columns: int, *, gaps: tuple[float, float]) -> dict[str, Any]:
    """Axes and titles of panels in rows, as a layout: axis "xaxis2" is that of the second.

    Args:
        gaps: between columns and between rows, as shares of the figure.
    """
    rows = -(-len(titles) // columns)
    width, height = (
        (1 - gap * (count - 1)) / count for gap, count in zip(gaps, (columns, rows), strict=True)
    )
    layout: dict[str, Any] = {"annotations": []}
    for i, title in enumerate(titles):
        row, column = divmod(i, columns)
        left, low = column * (width + gaps[0]), (rows - 1 - row) * (height + gaps[1])
        n = str(i + 1) if i else ""
        layout[f"xaxis{n}"] = {"anchor": f"y{n}", "domain": [left, left + width]}
        layout[f"yaxis{n}"] = {"anchor": f"x{n}", "domain": [low, low + height]}
        layout["annotations"].append(_title(title, left + width / 2, low + height))
    return layout


def _title(text: str, x: float, y: float) -> dict[str, Any]:
    """The title of a panel whose upper edge has its middle at (x, y)."""
    place = {"x": x, "y": y, "xref": "paper", "yref": "paper", "xanchor": "center"}
    return {"text": text, "font": {"size": 13}, "showarrow": False, "yanchor": "bottom", **place}


def histogram(part: PartView, names: tuple[str, str], *, height: int) -> go.Figure:
    """Share of normal and of strange images along a part."""
    return figure(
        _shares(part, names, legend=True),
        height=height,
        xaxis={"title": {"text": part.unit, "standoff": 4}, "nticks": 6},
        yaxis={"visible": False, "rangemode": "tozero"},
    )


def intervals(found: Mapping[str, Metrics], *, marked: str) -> go.Figure:
    """AUROC with its interval, a column each; one of them marked."""
    values = list(found.values())
    points = {
        "type": "scatter",
        "x": list(found),
        "y": [m.auroc for m in values],
        "error_y": {
            "array": [m.high - m.auroc for m in values],
            "arrayminus": [m.auroc - m.low for m in values],
        },
        "mode": "markers",
        "marker": {
            "size": 10,
            "color": [STRANGE if n == marked else NORMAL for n in found],
            "symbol": ["diamond" if n == marked else "circle" for n in found],
        },
        "hovertemplate": "%{x}: %{y:.3f}<extra></extra>",
    }
    coin = {"x": 1, "y": 0.5, "xref": "x domain", "yref": "y", "xanchor": "right"}
    return figure(
        [points],
        height=300,
        shapes=[line_at(y=0.5, dash="dot")],
        annotations=[{"text": "a coin", "showarrow": False, "yanchor": "bottom", **coin}],
        yaxis={
            "title": {"text": "AUROC"},
            "range": [min(0.45, *map(_lowest, values)), 1.01],
        },
    )


def _lowest(found: Metrics) -> float:
    return found.low if found.has_interval else found.auroc


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
    sides = zip(names, (part.normal, part.strange), (NORMAL, STRANGE), strict=True)
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
        for (set_name, title), colour in zip(names.items(), (NORMAL, STRANGE), strict=True)
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
        marker = {"color": SCALES[i % len(SCALES)] if len(titles) > 1 else None}
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
