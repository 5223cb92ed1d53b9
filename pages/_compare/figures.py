"""The picture of the threshold as a figure that can be taken away: scores, ROC, precision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.service import Operating, Verdict
from pages._compare.models import Compared
from pages._compare.said import place, share_of
from pages._shared import draw
from pages._shared.theme import palette

__all__ = ["whole"]

HEIGHT = 620
WIDE, LEFT, RIGHT = [0, 1], [0, 0.46], [0.56, 1]
HIGH, LOW = [0.6, 0.96], [0, 0.4]


def whole(c: Compared, found: Operating, verdict: Verdict) -> go.Figure:
    """Both histograms with the threshold; below them ROC and precision, with its point."""
    rates = found.rows.rates
    far, recall, precision = (
        100 * one.value for one in (rates.false_alarm_rate, rates.recall, rates.precision)
    )
    traces = [
        *_histograms(c, found),
        _curve(far, recall, panel="2"),
        _curve(recall, precision, panel="3"),
        _point(verdict.false_alarm_rate, verdict.recall, panel="2"),
        _point(verdict.recall, verdict.precision, panel="3"),
    ]
    layout = _axes(found) | {"annotations": _titles(c, found)}
    return draw.figure(
        traces,
        height=HEIGHT,
        title=f"{found.title}, threshold at percentile {place(verdict.percentile)}",
        hovermode="closest",
        shapes=[draw.line_at(x=verdict.displayed, color=palette().text, width=2.5)],
        **layout,
    )


def _histograms(c: Compared, found: Operating) -> list[draw.Trace]:
    """Outlines of both sets, as shares of their images."""
    h, colours = found.histogram, palette()
    looks = {
        "normal": (c.sets[found.normal_set], found.n_normal, colours.normal, "solid"),
        "strange": (c.sets[found.strange_set], found.n_strange, colours.strange, "dash"),
    }
    return [
        {
            "type": "scatter",
            "x": (h.edges[:-1] + h.edges[1:]) / 2,
            "y": 100 * h.counts[role] / n,
            "name": title,
            "mode": "lines",
            "line": {"color": colour, "shape": "hvh", "width": 2, "dash": dash},
            "fill": "tozeroy",
        }
        for role, (title, n, colour, dash) in looks.items()
    ]


def _curve(x: np.ndarray, y: np.ndarray, *, panel: str) -> draw.Trace:
    there = np.isfinite(x) & np.isfinite(y)
    return {
        "type": "scatter",
        "x": x[there],
        "y": y[there],
        "mode": "lines",
        "showlegend": False,
        "line": {"color": palette().text, "width": 2},
        "hovertemplate": "%{x:.1f} %, %{y:.1f} %<extra></extra>",
        "xaxis": f"x{panel}",
        "yaxis": f"y{panel}",
    }


def _point(x: Any, y: Any, *, panel: str) -> draw.Trace:
    """The operating point, with both intervals."""

    def ends(one: Any) -> dict[str, Any]:
        above, below = one.high - one.value, one.value - one.low
        return {"type": "data", "array": [100 * above], "arrayminus": [100 * below]}

    return {
        "type": "scatter",
        "x": [100 * x.value],
        "y": [100 * y.value],
        "error_x": ends(x),
        "error_y": ends(y),
        "mode": "markers",
        "name": "this threshold",
        "showlegend": panel == "2",
        "marker": {"color": palette().focus, "size": 11},
        "xaxis": f"x{panel}",
        "yaxis": f"y{panel}",
    }


def _axes(found: Operating) -> dict[str, Any]:
    def of(title: str, domain: Sequence[float], anchor: str, **more: Any) -> dict[str, Any]:
        words = {"text": title, "standoff": 4}
        return {"title": words, "domain": domain, "anchor": anchor, **more}

    percent = {"range": [-2, 102]}
    return {
        "xaxis": of(found.unit, WIDE, "y"),
        "yaxis": of("% of the images", HIGH, "x", rangemode="tozero"),
        "xaxis2": of("false-alarm rate, %", LEFT, "y2", **percent),
        "yaxis2": of("recall, %", LOW, "x2", **percent),
        "xaxis3": of("recall, %", RIGHT, "y3", **percent),
        "yaxis3": of("precision, %", LOW, "x3", **percent),
    }


def _titles(c: Compared, found: Operating) -> list[dict[str, Any]]:
    m = found.metrics
    words = (
        f"ROC: AUROC {m.auroc:.3f} ({draw.interval(m)})",
        f"Precision at {share_of(c.line.prevalence)} strange",
    )
    place = {"xref": "paper", "yref": "paper", "y": LOW[1], "yanchor": "bottom", "showarrow": False}
    middles = (sum(LEFT) / 2, sum(RIGHT) / 2)
    return [
        {"text": text, "x": x, "xanchor": "center", **place}
        for text, x in zip(words, middles, strict=True)
    ]
