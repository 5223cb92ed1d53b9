"""AUROC over the share of known anomalies: by the study, as published, and of the models shown here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.service import NORMAL, Curve, Gamma
from pages._labels.ladder import Ladder
from pages._labels.spread import BELOW
from pages._shared import draw
from pages._shared.ask import csv_of
from pages._shared.seeds import listed
from pages._shared.text import SPACE
from pages._shared.theme import palette

__all__ = ["figure", "not_run", "said_of", "table"]

MARKS = ("circle", "square", "triangle-up", "diamond")  # a detector each
ASIDE = 0.09  # of a step along the axis: so far beside ours stand published values


def figure(found: Gamma, ladder: Ladder, titles: Mapping[str, str], *, height: int) -> go.Figure:
    """Curves of every detector over the shares; the slider's is marked.

    Args:
        titles: of detectors.
    """
    order, colours = list(titles), palette()
    traces = [
        _curve(c, found, ladder, title=titles[c.detector], i=order.index(c.detector))
        for c in found.curves
    ]
    traces.append(_shown(found, ladder))
    at = _place(found, ladder.share)
    shares = [f"{100 * share:g} %" for share in found.shares]
    return draw.figure(
        traces,
        height=height,
        title="AUROC over known anomalies",
        shapes=[draw.line_at(x=at, color=colours.focus, width=2, dash="dot")],
        legend=BELOW,
        margin={"t": 40},
        xaxis={
            "title": {"text": "γ, known anomalies among the training images", "standoff": 4},
            "tickvals": list(range(len(shares))),
            "ticktext": shares,
            "range": [-0.4, len(shares) - 0.6],
        },
        yaxis={"title": {"text": "AUROC", "standoff": 4}, "range": [_lowest(found, ladder), 1.005]},
    )


def _place(found: Gamma, share: float) -> float:
    """Where a share lies on the axis, whose steps are equal."""
    if not len(found.shares):
        return 0.0
    return float(np.interp(share, found.shares, np.arange(len(found.shares))))


def _lowest(found: Gamma, ladder: Ladder) -> float:
    values = [figures.low for figures in ladder.figures.values()]
    for curve in found.curves:
        values += [*curve.low, *curve.values]
    return min([value for value in values if math.isfinite(value)], default=0.5) - 0.01


def _shown(found: Gamma, ladder: Ladder) -> draw.Trace:
    """The models of the slider, by their cards; the one that is looked at is larger."""
    figures, colour = list(ladder.figures.values()), palette().focus
    return {
        "type": "scatter",
        "x": [_place(found, int(share) / 100) for share in ladder.figures],
        "y": [m.auroc for m in figures],
        "name": f"shown here, {ladder.names[NORMAL]}",
        "mode": "markers",
        "marker": {
            "symbol": "star",
            "size": [15 if share == ladder.at else 9 for share in ladder.figures],
            "color": colour,
        },
        "error_y": {
            "array": [m.high - m.auroc for m in figures],
            "arrayminus": [m.auroc - m.low for m in figures],
            "thickness": 1.5,
            "width": 3,
        },
        "hovertemplate": "%{y:.3f}",
    }


def _curve(curve: Curve, found: Gamma, ladder: Ladder, *, title: str, i: int) -> draw.Trace:
    """One line: solid with full marks for our mean, thin for the class, open marks for published."""
    colour, mark = palette().categories[(3, 2, 5, 6)[i % 4]], MARKS[i % len(MARKS)]
    x = np.arange(len(found.shares), dtype=float)
    trace: dict[str, Any] = {"type": "scatter", "y": curve.values, "hovertemplate": "%{y:.3f}"}
    if curve.of == "class":
        looks = {"line": {"color": colour, "width": 1.2, "dash": "dot"}, "mode": "lines"}
        return trace | looks | {"x": x, "name": f"{title}, {ladder.names[NORMAL]}"}
    published = curve.of == "published"
    return trace | {
        "x": x + (ASIDE * (i + 1) if published else -ASIDE * i),
        "name": f"{title}, {'published' if published else 'mean'}",
        "mode": "lines+markers",
        "line": {"color": colour, "width": 1.2 if published else 2.4}
        | ({"dash": "dash"} if published else {}),
        "marker": {"symbol": mark + "-open" * published, "size": 8, "color": colour},
        "error_y": {
            "array": curve.high - curve.values,
            "arrayminus": curve.values - curve.low,
            "thickness": 1 if published else 2,
            "width": 3,
        },
    }


# In words -----------------------------------------------------------------------------------------


def said_of(found: Gamma, ladder: Ladder) -> str:
    """How far our mean is from the published one at the share that is looked at."""
    ours = found.value(ladder.detector, "mean", ladder.share)
    theirs = found.value(ladder.detector, "published", ladder.share)
    if math.isnan(ours) or math.isnan(theirs):
        return ""
    gap, at = ours - theirs, f"At {int(ladder.at)}{SPACE}% {ladder.title}"
    side = "above" if gap > 0 else "below"
    return (
        f"{at} has a mean AUROC of {ours:.3f} over {found.over} in our study, {abs(gap):.3f} {side} the "
        f"published {theirs:.3f}."
    )


def not_run(found: Gamma, titles: Mapping[str, str]) -> str:
    """What the figure lacks, and why."""
    if found.missing:
        return f"Our own curves are missing: {found.missing}."
    missing = [
        f"{titles[detector]} at {listed([f'{100 * s:g}{SPACE}%' for s in shares])}"
        for detector, shares in found.not_run.items()
        if shares and detector in titles
    ]
    return f"Not run: {'; '.join(missing)}." if missing else ""


def table(found: Gamma) -> bytes:
    """All curves, a row a point."""
    rows = [(curve, i) for curve in found.curves for i in range(len(found.shares))]
    return csv_of(
        {
            "detector": np.array([c.detector for c, _ in rows]),
            "curve": np.array([c.of for c, _ in rows]),
            "share of known anomalies": np.array([found.shares[i] for _, i in rows]),
            "AUROC": np.array([c.values[i] for c, i in rows]),
            "low": np.array([c.low[i] for c, i in rows]),
            "high": np.array([c.high[i] for c, i in rows]),
            "standard deviation over classes": np.array([c.spread[i] for c, i in rows]),
        }
    )
