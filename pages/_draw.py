"""How pages draw: colours, enlarged images, figures."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from PIL import Image
from plotly.subplots import make_subplots

from core.service import Mean, Metrics, Pair, PartView

__all__ = [
    "DASH",
    "NORMAL",
    "SAVE",
    "STRANGE",
    "TOUCH",
    "contributions",
    "enlarge",
    "histogram",
    "interval",
    "intervals",
    "maps",
    "panels",
    "png",
    "scatter",
    "strip",
    "tidy",
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


def tidy(figure: go.Figure, *, height: int) -> go.Figure:
    """What all figures have in common.

    A drag does nothing unless its tool is chosen in the bar above the figure: Plotly takes the touch
    of a finger for a drag, and no page of a phone could be scrolled past a figure.
    """
    figure.update_layout(
        dragmode=False,
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hovermode="x unified",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    )
    return figure


def histogram(part: PartView, names: tuple[str, str], *, height: int) -> go.Figure:
    """Share of normal and of strange images along a part."""
    figure = go.Figure(_shares(part, names, legend=True))
    figure.update_yaxes(visible=False, rangemode="tozero")
    figure.update_xaxes(title={"text": part.unit, "standoff": 4}, nticks=6)
    return tidy(figure, height=height)


def intervals(found: Mapping[str, Metrics], *, marked: str) -> go.Figure:
    """AUROC with its interval, a column each; one of them marked."""
    values = list(found.values())
    figure = go.Figure(
        go.Scatter(
            x=list(found),
            y=[m.auroc for m in values],
            error_y={
                "array": [m.high - m.auroc for m in values],
                "arrayminus": [m.auroc - m.low for m in values],
            },
            mode="markers",
            marker={
                "size": 10,
                "color": [STRANGE if n == marked else NORMAL for n in found],
                "symbol": ["diamond" if n == marked else "circle" for n in found],
            },
            hovertemplate="%{x}: %{y:.3f}<extra></extra>",
        )
    )
    figure.add_hline(y=0.5, line_dash="dot", annotation_text="a coin")
    figure.update_yaxes(title="AUROC", range=[min(0.45, *map(_lowest, values)), 1.01])
    return tidy(figure, height=300)


def _lowest(found: Metrics) -> float:
    return found.low if found.has_interval else found.auroc


def panels(
    parts: Sequence[tuple[str, PartView]], names: tuple[str, str], *, columns: int = 2
) -> go.Figure:
    """Histograms of several parts side by side, each under its own title, in one figure."""
    rows = -(-len(parts) // columns)
    figure = make_subplots(
        rows,
        columns,
        subplot_titles=[title for title, _ in parts],
        vertical_spacing=86 / (30 + 190 * rows) if rows > 1 else 0,
        horizontal_spacing=0.06,
    )
    for i, (_, part) in enumerate(parts):
        row, column = i // columns + 1, i % columns + 1
        for trace in _shares(part, names, legend=False):
            figure.add_trace(trace, row, column)
        figure.update_xaxes(
            title={"text": part.unit, "standoff": 2, "font": {"size": 11}},
            nticks=5,
            row=row,
            col=column,
        )
    figure.update_yaxes(visible=False, rangemode="tozero")
    figure.update_annotations(font_size=13)
    tidy(figure, height=30 + 190 * rows)
    return figure.update_layout(margin={"t": 40}, showlegend=False)


def _shares(part: PartView, names: tuple[str, str], *, legend: bool) -> list[go.Scatter]:
    centres = (part.edges[1:] + part.edges[:-1]) / 2
    sides = zip(names, (part.normal, part.strange), (NORMAL, STRANGE), strict=True)
    return [
        go.Scatter(
            x=centres,
            y=100 * shares,
            name=name,
            line={"shape": "hvh", "color": colour, "width": 1.5},
            fill="tozeroy",
            hovertemplate="%{y:.1f} %",
            showlegend=legend,
        )
        for name, shares, colour in sides
    ]


def scatter(pair: Pair, names: Mapping[str, str], titles: tuple[str, str], unit: str) -> go.Figure:
    """One model's number against another's, a point an image; its id travels along."""
    figure = go.Figure()
    for (set_name, title), colour in zip(names.items(), (NORMAL, STRANGE), strict=True):
        figure.add_scattergl(
            x=pair.across[set_name],
            y=pair.up[set_name],
            customdata=[[set_name, int(i)] for i in pair.indices[set_name]],
            mode="markers",
            name=title,
            marker={"color": colour, "size": 5, "opacity": 0.55},
            hovertemplate="%{customdata[0]} %{customdata[1]}: %{x:.2f}, %{y:.2f}<extra></extra>",
        )
    figure.update_xaxes(title={"text": f"{titles[0]}, {unit}", "standoff": 4})
    figure.update_yaxes(title={"text": f"{titles[1]}, {unit}", "standoff": 4})
    tidy(figure, height=420)
    return figure.update_layout(hovermode="closest", clickmode="event+select")


def contributions(
    rows: Sequence[tuple[str, dict[str, float]]], titles: dict[str, str]
) -> go.Figure:
    """Stacked bars: what each scale contributes to each row's bits per dimension."""
    figure = go.Figure()
    labels = [f"{name}: {sum(shares[k] for k in titles):.2f}" for name, shares in rows]
    for i, (scale, title) in enumerate(titles.items()):
        values = [shares[scale] for _, shares in rows]
        figure.add_bar(
            y=labels,
            x=values,
            name=title,
            orientation="h",
            marker={"color": SCALES[i % len(SCALES)] if len(titles) > 1 else None},
            text=[f"{v:.2f}" for v in values],
            textposition="inside",
            insidetextanchor="middle",
            hovertemplate="%{x:.3f}",
        )
    figure.update_layout(barmode="relative")
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(title={"text": "bits per dimension", "standoff": 4})
    tidy(figure, height=90 + 44 * len(rows))
    return figure.update_layout(hovermode="closest")


def maps(found: Sequence[tuple[str, np.ndarray, bool]], unit: str) -> go.Figure:
    """Heat maps (H, W) side by side, each under its title and range, with a colour scale of its own.

    The third of each says that zero is the middle of its scale even if all values are of one sign.
    There is no colour bar: Plotly lays out several of them beside square maps without end.
    """
    titles = [f"{t}<br>{v.min():.1f} to {v.max():.1f} {unit}" for t, v, _ in found]
    figure = make_subplots(1, len(found), subplot_titles=titles, horizontal_spacing=0.04)
    for i, (_, values, signed) in enumerate(found):
        signed = signed or values.min() < 0 < values.max()
        figure.add_trace(
            go.Heatmap(
                z=values,
                colorscale="RdBu_r" if signed else "Cividis",
                zmid=0 if signed else None,
                showscale=False,
                hovertemplate="row %{y}, column %{x}: %{z:.2f} " + unit + "<extra></extra>",
            ),
            1,
            i + 1,
        )
        anchor = "x" if i == 0 else f"x{i + 1}"
        figure.update_yaxes(autorange="reversed", scaleanchor=anchor, visible=False, col=i + 1)
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_annotations(font_size=13)
    tidy(figure, height=290)
    return figure.update_layout(hovermode="closest", margin={"t": 62})
