"""The figures of Overview."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from core.service import Metrics
from pages._shared.draw import figure, line_at
from pages._shared.theme import palette

__all__ = ["intervals"]


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
            "color": [palette().strange if n == marked else palette().normal for n in found],
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
