"""Figures of Outskirts: the plane through the posteriors, a ray's scores, KL by dimension."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.service import COLLAPSED, Draws, Field, Plane, Ray, RayScores
from pages._latent.map import COLOURS
from pages._shared import draw
from pages._shared.theme import palette

__all__ = ["divergences", "legend", "plane", "scores"]

EXEMPLAR, GENERATOR, LINE = "#7A7A7A", "#009E73", "#8C6BB1"
TINT = (140, 107, 177)
PIXELS, DOTS = 240, 800  # of the tint, a side; of the picture of grey dots, its longer one
FEW = 500  # generators that are marks one can point at; more are a picture, too
SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "x", "star", "hexagon")
WIDEST = 15.0  # logits: beyond, the tint stays as it is


# The plane --------------------------------------------------------------------------------------


def plane(view: Plane, made: Draws, field: Field | None) -> go.Figure:
    """Exemplar posteriors, generators with their outlines, draws, and the classifiers' field below.

    Streamlit builds a changed Plotly chart anew, so it is kept light for the sliders: tint and
    crowds of dots are pictures, margins are fixed and the legend is `legend`.
    """
    traces: list[draw.Trace] = []
    pictures = []
    halves = np.maximum(np.abs(view.xy).max(0), np.abs(made.xy).max(0)) * 1.06
    if field is not None:
        pictures.append({"source": _tint(field, 2.5 * halves), **_place(2.5 * halves)})
        traces += [
            _polylines(lines, {"color": LINE, "width": width})
            for lines, width in ((field.border, 2), (field.even, 0.8))
        ]
    rest = np.setdiff1d(np.arange(len(view.xy)), made.generators)
    few = made.generators if len(made.generators) <= FEW else made.generators[:0]
    crowds = {EXEMPLAR: rest, GENERATOR: made.generators if not len(few) else few[:0]}
    dots = tuple(
        (colour, view.xy[of].astype(np.float32).tobytes()) for colour, of in crowds.items()
    )
    reach = np.abs(view.xy).max(0) * 1.06
    crowd = _crowd(dots, (float(reach[0]), float(reach[1])))
    pictures.append({"source": crowd, **_place(reach)})
    traces += [
        _polylines(made.outlines, {"color": GENERATOR, "width": 1}),
        _dots(view.xy[few], few, "generator: training image %{customdata}")
        | {"marker": {"color": GENERATOR, "size": 6, "opacity": 0.85}},
        _dots(made.xy, made.logit, "synthetic, mean logit %{customdata:.1f}")
        | {"marker": {"color": palette().strange, "size": 6, "symbol": "x", "opacity": 0.85}}
        | {"name": "synthetic"},
    ]
    x, y = (
        {
            "title": {"text": f"axis {i}, {share:.0%} of the variance"},
            "range": [-float(half), float(half)],
            "zeroline": False,
            "showgrid": False,
            "automargin": False,
        }
        for i, half, share in zip((1, 2), halves, view.share, strict=True)
    )
    return draw.figure(
        traces,
        height=500,
        images=pictures,
        xaxis=x,
        yaxis=y
        | {"scaleanchor": "x"},  # one scale: rings keep their shape; the tint fills the rest
        hovermode="closest",
        showlegend=False,
        margin={"l": 52, "r": 4, "t": 4, "b": 44},
    )


def _dots(xy: np.ndarray, of: np.ndarray, hover: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "x": xy[:, 0],
        "y": xy[:, 1],
        "mode": "markers",
        "customdata": of,
        "hovertemplate": hover + "<extra></extra>",
    }


def _polylines(lines: np.ndarray, line: dict[str, Any]) -> draw.Trace:
    """Lines (L, P, 2) as one with gaps."""
    gaps = np.full((len(lines), 1, 2), np.nan)
    points = np.concatenate([lines, gaps], 1).reshape(-1, 2)
    ends = {"x": points[:, 0], "y": points[:, 1]}
    return {"type": "scatter", "mode": "lines", "line": line, "hoverinfo": "skip", **ends}


def _tint(field: Field, halves: np.ndarray) -> str:
    """The mean logit as a picture over [-halves, halves]: the stranger, the denser."""
    widest = min(max(WIDEST, -float(field.logit.min())), 4 * WIDEST)
    x, y = (np.linspace(-half, half, PIXELS) for half in halves)
    columns = np.stack([np.interp(x, field.x, row) for row in field.logit.clip(-widest, widest)])
    logit = np.stack([np.interp(y, field.y, column) for column in columns.T], 1)  # (y, x)
    pixels = np.empty((PIXELS, PIXELS, 4), np.uint8)
    pixels[..., :3] = TINT
    pixels[..., 3] = np.interp(logit[::-1], (-widest, 0, widest), (0, 36, 150))
    return _source(pixels)


@lru_cache(maxsize=32)
def _crowd(dots: tuple[tuple[str, bytes], ...], halves: tuple[float, float]) -> str:
    """Points (n, 2) float32 by colour as a picture over [-halves, halves], kept by what it shows.

    One picture for all: of two at one place Plotly shows the first alone.
    """
    width, height = (max(int(DOTS * half / max(halves)), 8) for half in halves)
    offsets = np.argwhere(np.ones((7, 7))) - 3
    offsets = offsets[(offsets**2).sum(1) <= 10]
    pixels = np.zeros((height, width, 4))
    for colour, data in dots:
        xy = np.frombuffer(data, np.float32).reshape(-1, 2)
        spots = ((xy / halves * [1, -1] + 1) / 2 * [width, height]).astype(int)
        at = (spots[:, None] + offsets).reshape(-1, 2).clip(0, [width - 1, height - 1])
        count = np.bincount(at[:, 1] * width + at[:, 0], minlength=width * height)
        alpha = 255 * (1 - 0.55 ** count.clip(0, 16).reshape(height, width))
        rgba = [np.full_like(alpha, channel) for channel in bytes.fromhex(colour[1:])]
        pixels = np.where(alpha[..., None] > 0, np.stack([*rgba, alpha], -1), pixels)
    return _source(pixels.astype(np.uint8))


def _source(pixels: np.ndarray) -> str:
    return "data:image/png;base64," + b64encode(draw.png([pixels])).decode()


def _place(halves: np.ndarray) -> dict[str, Any]:
    """A picture's place below the marks: [-halves, halves]."""
    left, top = -float(halves[0]), float(halves[1])
    place = {"xref": "x", "yref": "y", "x": left, "y": top, "sizex": -2 * left, "sizey": 2 * top}
    return {**place, "sizing": "stretch", "layer": "below"}


def legend(made: Draws, *, field: bool) -> str:
    """What the marks of the plane are, as HTML."""
    shown = len(made.outlined)
    rings = "" if shown == len(made.generators) else f", {shown} of {len(made.generators):,} drawn"
    marks = [
        ("●", EXEMPLAR, "a training image"),
        ("●", GENERATOR, "a generator"),
        ("○", GENERATOR, f"its posterior, one standard deviation{rings}"),
        ("✖", palette().strange, "a synthetic outlier"),
    ]
    if field:
        marks += [("━", LINE, "threshold: the purple side is flagged"), ("─", LINE, "logit 0")]
    spans = "".join(
        f'<span style="white-space:nowrap"><span style="color:{colour}">{mark}</span> {text}</span> '
        for mark, colour, text in marks
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:0 1rem;font-size:.85rem">{spans}</div>'


# A ray ------------------------------------------------------------------------------------------


def scores(
    walked: Ray,
    found: RayScores,
    titles: Mapping[str, str],
    *,
    others: Mapping[str, str],
    own: str,
    kappa: float,
) -> go.Figure:
    """Percentiles along a ray under models and, thinly, others; a star for the training image."""
    traces = [
        _line(walked.kappas, found.percentiles[model], title)
        | {"mode": "lines", "line": {"color": EXEMPLAR, "width": 1}}
        | {"opacity": 0.5, "showlegend": False}
        for model, title in others.items()
        if model in found.percentiles
    ]
    traces.append(
        _line(walked.kappas, walked.percentiles, f"{own}, of the code itself")
        | {"line": {"color": EXEMPLAR, "width": 3, "dash": "dot"}}
        | {"marker": {"symbol": "circle-open", "size": 8}}
    )
    for i, (model, title) in enumerate(titles.items()):
        if model not in found.percentiles:
            continue
        colour = COLOURS[(i + 1) % len(COLOURS)]
        star = {"symbol": "star-open", "size": 13, "color": colour, "line": {"width": 2}}
        traces += [
            _line(walked.kappas, found.percentiles[model], title)
            | {"line": {"color": colour, "width": 2}, "legendgroup": model}
            | {"marker": {"symbol": SYMBOLS[i % len(SYMBOLS)], "size": 7}},
            _line([1.0], [found.real_percentiles[model]], f"{title}, the training image")
            | {"mode": "markers", "marker": star, "legendgroup": model, "showlegend": False},
        ]
    upright = ((1.0, "the image", "right"), (kappa, f"trained, {kappa:g}", "left"))
    return draw.figure(
        traces,
        height=400,
        shapes=[
            draw.line_at(y=95, dash="dash", width=1, color=EXEMPLAR),
            *(draw.line_at(x=at, dash="dot", width=1, color=EXEMPLAR) for at, *_ in upright),
        ],
        annotations=[
            {"text": text, "x": at, "y": 0.3, "xref": "x", "yref": "y domain"}
            | {"xanchor": side, "yanchor": "bottom", "showarrow": False}
            for at, text, side in upright
        ],
        xaxis={"title": {"text": "κ: 0 is the centre, larger is further out", "standoff": 4}},
        yaxis={"title": {"text": "percentile", "standoff": 4}, "range": [-4, 104]},
    )


def _line(x: Any, y: Any, name: str) -> dict[str, Any]:
    mode = {"mode": "lines+markers", "hovertemplate": "%{y:.1f}"}
    return {"type": "scatter", "x": x, "y": y, "name": name, **mode}


# Collapse ---------------------------------------------------------------------------------------


def divergences(kl: np.ndarray) -> go.Figure:
    """KL of each latent dimension, largest first; collapsed ones in another colour."""
    order = np.argsort(-kl, kind="stable")
    traces = [
        {
            "type": "bar",
            "x": [str(i + 1) for i in these],
            "y": kl[these],
            "name": name,
            "marker": {"color": colour},
            "hovertemplate": "dimension %{x}: %{y:.3f} nats<extra></extra>",
        }
        for name, colour, these in (
            ("in use", palette().normal, order[kl[order] >= COLLAPSED]),
            (
                f"collapsed: below {COLLAPSED:g} nats",
                palette().strange,
                order[kl[order] < COLLAPSED],
            ),
        )
    ]
    title = {"text": "latent dimension", "standoff": 4}
    return draw.figure(
        traces,
        height=280,
        hovermode="closest",
        xaxis={"type": "category", "title": title, "showgrid": False},
        yaxis={"title": {"text": "mean KL, nats", "standoff": 4}},
    )
