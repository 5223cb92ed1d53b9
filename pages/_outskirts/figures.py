"""Figures of a ray through the posteriors, and of KL by dimension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.service import COLLAPSED, Ray, RayScores
from pages._shared import draw
from pages._shared.theme import palette

__all__ = ["divergences", "scores"]

SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "x", "star", "hexagon")
DASHES = ("solid", "dash", "longdash", "dashdot", "longdashdot")


# A ray ------------------------------------------------------------------------------------------


def scores(
    walked: Ray,
    found: RayScores,
    titles: Mapping[str, str],
    *,
    others: Mapping[str, str],
    own: str,
    kappa: float,
    title: str,
) -> go.Figure:
    """Percentiles along a ray under models and, thinly, others; a star for the training image.

    Args:
        titles: of the models that are drawn, by name; others: of those that are thin.
        own: title of the model whose posteriors the ray crosses.
        kappa: that its classifiers were trained at.
        title: of the figure.
    """
    thin = {"color": palette().neutral, "width": 1}
    code = {"color": palette().faint, "width": 3, "dash": "dot"}
    traces: list[draw.Trace] = [
        _line(walked.kappas, found.percentiles[model], title)
        | {"mode": "lines", "line": thin, "opacity": 0.6, "showlegend": False}
        for model, title in others.items()
        if model in found.percentiles
    ]
    traces.append(
        _line(walked.kappas, walked.percentiles, f"{own}, of the code itself")
        | {"line": code, "marker": {"symbol": "circle-open", "size": 8}}
    )
    drawn = [model for model in titles if model in found.percentiles]
    for i, model in enumerate(drawn):
        traces += _of_model(walked, found, model, titles[model], i)
    return draw.figure(
        traces,
        height=440,
        title=title,
        **_marks(kappa),
        xaxis={"title": {"text": "κ: 0 is the centre, larger is further out", "standoff": 4}},
        yaxis={"title": {"text": "percentile", "standoff": 4}, "range": [-4, 104]},
    )


def _of_model(walked: Ray, found: RayScores, model: str, title: str, i: int) -> list[draw.Trace]:
    """A model's line along the ray, and its star: no pair of models differs by colour alone."""
    colours = palette().categories
    colour = colours[i % len(colours)]
    star = {"symbol": "star-open", "size": 13, "color": colour, "line": {"width": 2}}
    line = {"color": colour, "width": 2, "dash": DASHES[i % len(DASHES)]}
    drawn: list[draw.Trace] = [
        _line(walked.kappas, found.percentiles[model], title)
        | {"line": line, "legendgroup": model}
        | {"marker": {"symbol": SYMBOLS[i % len(SYMBOLS)], "size": 8}}
    ]
    if model in found.real_percentiles:
        drawn.append(
            _line([1.0], [found.real_percentiles[model]], f"{title}, the training image")
            | {"mode": "markers", "marker": star, "legendgroup": model, "showlegend": False}
        )
    return drawn


def _marks(kappa: float) -> dict[str, Any]:
    """Lines at what is flagged, at the image and at what was trained, with their words."""
    color = palette().faint
    upright = ((1.0, "the image", "right"), (kappa, f"trained, {kappa:g}", "left"))
    return {
        "shapes": [
            draw.line_at(y=95, dash="dash", width=1.5, color=color),
            *(draw.line_at(x=at, dash="dot", width=1.5, color=color) for at, *_ in upright),
        ],
        "annotations": [
            {"text": text, "x": at, "y": 0.3, "xref": "x", "yref": "y domain"}
            | {"xanchor": side, "yanchor": "bottom", "showarrow": False}
            for at, text, side in upright
        ],
    }


def _line(x: Any, y: Any, name: str) -> dict[str, Any]:
    mode = {"mode": "lines+markers", "hovertemplate": "%{y:.1f}"}
    return {"type": "scatter", "x": x, "y": y, "name": name, **mode}


# Collapse ---------------------------------------------------------------------------------------


def divergences(kl: np.ndarray, *, title: str) -> go.Figure:
    """KL of each latent dimension, largest first; collapsed ones in another colour."""
    order = np.argsort(-kl, kind="stable")
    traces: list[draw.Trace] = [
        {
            "type": "bar",
            "x": [str(i + 1) for i in these],
            "y": kl[these],
            "name": name,
            "marker": {"color": colour, "pattern": {"shape": shape}},
            "hovertemplate": "dimension %{x}: %{y:.3f} nats<extra></extra>",
        }
        for name, colour, shape, these in (
            ("in use", palette().normal, "", order[kl[order] >= COLLAPSED]),
            (
                f"collapsed: below {COLLAPSED:g} nats",
                palette().strange,
                "/",
                order[kl[order] < COLLAPSED],
            ),
        )
    ]
    return draw.figure(
        traces,
        height=300,
        title=title,
        hovermode="closest",
        xaxis={
            "type": "category",
            "title": {"text": "latent dimension", "standoff": 4},
            "showgrid": False,
        },
        yaxis={"title": {"text": "mean KL, nats", "standoff": 4}},
    )
