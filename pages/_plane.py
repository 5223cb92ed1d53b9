"""Figures of Outskirts: the plane through the posteriors, a ray's scores, KL by dimension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.service import COLLAPSED, Draws, Field, Plane, Ray, RayScores
from pages import _draw
from pages._map import COLOURS

__all__ = ["SAVE", "divergences", "plane", "scores"]

SAVE = {"displaylogo": False, "toImageButtonOptions": {"format": "png", "scale": 2}}
KEPT, GENERATOR, LINE = "#7A7A7A", "#009E73", "#8C6BB1"
TINT = [[0, "rgba(140,107,177,0)"], [0.5, "rgba(140,107,177,0.14)"], [1, "rgba(140,107,177,0.6)"]]
SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "x", "star", "hexagon")
WIDEST = 15.0  # logits: beyond, the tint stays as it is


# The plane --------------------------------------------------------------------------------------


def plane(view: Plane, made: Draws, field: Field | None) -> go.Figure:
    """Kept posteriors, generators with their outlines, draws, and the classifiers' field below."""
    figure = go.Figure()
    if field is not None:
        figure.add_traces(_field(field, view.threshold))
    rest = np.setdiff1d(np.arange(len(view.xy)), made.generators)
    figure.add_traces(
        [
            _dots(
                view.xy[rest],
                "posterior's mean",
                {"color": KEPT, "size": 4, "opacity": 0.45},
                rest,
                "training image %{customdata}",
            ),
            go.Scatter(
                **_polylines(made.outlines),
                name="its one standard deviation",
                line={"color": GENERATOR, "width": 1},
                opacity=0.6,
                hoverinfo="skip",
                showlegend=len(made.outlined) > 0,
            ),
            _dots(
                view.xy[made.generators],
                "generator",
                {"color": GENERATOR, "size": 6, "opacity": 0.85},
                made.generators,
                "generator: training image %{customdata}",
            ),
            _dots(
                made.xy,
                "synthetic outlier",
                {"color": _draw.STRANGE, "size": 6, "symbol": "x", "opacity": 0.85},
                made.logit,
                "synthetic, mean logit %{customdata:.1f}",
            ),
        ]
    )
    halves = np.maximum(np.abs(view.xy).max(0), np.abs(made.xy).max(0)) * 1.06
    titles = [f"axis {i + 1}, {share:.0%} of the variance" for i, share in enumerate(view.share)]
    for axis, half, title in zip(("x", "y"), halves, titles, strict=True):
        figure.update_layout(
            {
                f"{axis}axis": {
                    "title": {"text": title, "standoff": 4},
                    "range": [-float(half), float(half)],
                    "zeroline": False,
                    "showgrid": False,
                }
            }
        )
    figure.update_yaxes(
        scaleanchor="x"
    )  # one scale: rings keep their shape; the tint fills the rest
    _draw.tidy(figure, height=520)
    return figure.update_layout(
        hovermode="closest", dragmode="pan", uirevision="plane", legend={"itemsizing": "constant"}
    )


def _dots(xy: np.ndarray, name: str, marker: dict, of: np.ndarray, hover: str) -> go.Scattergl:
    return go.Scattergl(
        x=xy[:, 0],
        y=xy[:, 1],
        mode="markers",
        name=name,
        marker=marker,
        customdata=of,
        hovertemplate=hover + "<extra></extra>",
    )


def _polylines(outlines: np.ndarray) -> dict[str, Any]:
    """Outlines (E, P, 2) as one line with gaps."""
    gaps = np.full((len(outlines), 1, 2), np.nan)
    points = np.concatenate([outlines, gaps], 1).reshape(-1, 2)
    return {"x": points[:, 0], "y": points[:, 1], "mode": "lines"}


def _field(field: Field, threshold: float) -> list[go.Heatmap | go.Contour]:
    """The tint, and lines where the classifiers are undecided and where they flag."""
    widest = min(max(WIDEST, -float(field.logit.min())), 4 * WIDEST)
    tint = go.Heatmap(
        x=field.x,
        y=field.y,
        z=field.logit.round(1),
        colorscale=TINT,
        zmin=-widest,
        zmax=widest,
        zsmooth="best",
        showscale=False,
        hoverinfo="skip",
    )
    lines = [
        go.Contour(
            x=field.x,
            y=field.y,
            z=field.logit.clip(-widest, widest),
            contours={"coloring": "none", "start": at, "end": at, "size": 1},
            line={"color": LINE, "width": 1.5, "dash": dash},
            name=name,
            showlegend=True,
            showscale=False,
            hoverinfo="skip",
        )
        for name, at, dash in (("flagged outside", threshold, "solid"), ("logit 0", 0.0, "dot"))
    ]
    return [tint, *lines]


# A ray ------------------------------------------------------------------------------------------


def scores(
    walked: Ray, found: RayScores, titles: Mapping[str, str], own: str, kappa: float
) -> go.Figure:
    """Percentiles along a ray under the models of these titles; a star for the training image."""
    figure = go.Figure()
    figure.add_scatter(
        x=walked.kappas,
        y=walked.percentiles,
        name=f"{own}, of the code itself",
        mode="lines+markers",
        line={"color": KEPT, "width": 3, "dash": "dot"},
        marker={"symbol": "circle-open", "size": 8},
        hovertemplate="%{y:.1f}",
    )
    for i, (model, title) in enumerate(titles.items()):
        if model not in found.percentiles:
            continue
        colour = COLOURS[(i + 1) % len(COLOURS)]
        figure.add_scatter(
            x=walked.kappas,
            y=found.percentiles[model],
            name=title,
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"symbol": SYMBOLS[i % len(SYMBOLS)], "size": 7},
            legendgroup=model,
            hovertemplate="%{y:.1f}",
        )
        figure.add_scatter(
            x=[1.0],
            y=[found.real_percentiles[model]],
            mode="markers",
            name=f"{title}, the training image",
            marker={"symbol": "star-open", "size": 13, "color": colour, "line": {"width": 2}},
            legendgroup=model,
            showlegend=False,
            hovertemplate="%{y:.1f}",
        )
    figure.add_hline(y=95, line={"dash": "dash", "width": 1, "color": KEPT})
    for at, text, side in ((1.0, "the image, 1", "right"), (kappa, f"trained, {kappa:g}", "left")):
        figure.add_vline(
            x=at,
            line={"dash": "dot", "width": 1, "color": KEPT},
            annotation={"text": text, "y": 0.3, "xanchor": side, "yanchor": "bottom"},
        )
    figure.update_xaxes(title={"text": "κ: 0 is the centre, larger is further out", "standoff": 4})
    figure.update_yaxes(title={"text": "percentile", "standoff": 4}, range=[-4, 104])
    return _draw.tidy(figure, height=400)


# Collapse ---------------------------------------------------------------------------------------


def divergences(kl: np.ndarray) -> go.Figure:
    """KL of each latent dimension, largest first; collapsed ones in another colour."""
    order = np.argsort(-kl, kind="stable")
    figure = go.Figure()
    for name, colour, these in (
        ("in use", _draw.NORMAL, order[kl[order] >= COLLAPSED]),
        (f"collapsed: below {COLLAPSED:g} nats", _draw.STRANGE, order[kl[order] < COLLAPSED]),
    ):
        figure.add_bar(
            x=[str(i + 1) for i in these],
            y=kl[these],
            name=name,
            marker={"color": colour},
            hovertemplate="dimension %{x}: %{y:.3f} nats<extra></extra>",
        )
    figure.update_xaxes(
        type="category", title={"text": "latent dimension", "standoff": 4}, showgrid=False
    )
    figure.update_yaxes(title={"text": "mean KL, nats", "standoff": 4})
    _draw.tidy(figure, height=280)
    return figure.update_layout(hovermode="closest")
