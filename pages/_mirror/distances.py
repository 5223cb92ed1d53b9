"""R over whole sets, with the Gaussian that was fitted to it and both tails of the score."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.service import Distances, DistancesQuery, Mirror
from pages._mirror import files
from pages._mirror.mirroring import Mirroring
from pages._shared import draw
from pages._shared.ask import ask
from pages._shared.controls import File, downloads
from pages._shared.text import numeral, percent
from pages._shared.theme import palette

__all__ = ["figure", "said_of", "section", "tails_of"]


def section(m: Mirroring, view: Mirror | None) -> Distances:
    """The histogram, what the second side of the score gains or loses, and all numbers."""
    found = ask(DistancesQuery(m.target, m.strange))
    normal, strange = m.titles[m.normal], m.titles[m.strange]
    st.subheader("One side or two")
    st.markdown(
        "R is the distance of an image to its mirror. The paper fits a Gaussian to R of the training "
        "images and calls strange what is unlikely under it, so a mirror may be too bad *or too good*."
    )
    draw.chart(
        figure(
            found,
            (normal, strange),
            here=view,
            title=f"R of {normal.lower()} and {strange.lower()}",
        ),
        key="mirror_distances",
        name=f"{m.stem}-{m.strange}-distances",
        alt="Histograms of R of training, normal and strange images, with the fitted Gaussian and "
        "both tails of the two-sided score shaded",
    )
    lower = normal.lower(), strange.lower()
    st.markdown(f"**What you see:** {said_of(found, *lower)} {tails_of(found, *lower)}")
    st.caption(
        "Intervals: 1,000 stratified bootstraps of the test images, the same resamples for both "
        "scores; training seeds are not covered. The outermost bins hold all that lies beyond them. "
        "Training images are drawn from 101 stored quantiles."
    )
    table = partial(files.table_csv, m.target, (m.normal, m.strange))
    downloads(File("All numbers (CSV)", f"{m.stem}-{m.strange}.csv", table))
    return found


def figure(
    found: Distances, names: tuple[str, str], *, here: Mirror | None, title: str
) -> go.Figure:
    """Shares of images over R; the image that is looked at is a line.

    Args:
        names: of the normal and of the strange set.
    """
    colours, centres = palette(), (found.edges[1:] + found.edges[:-1]) / 2
    sets = (
        ("training", "Training images", colours.neutral, "dot", None),
        ("normal", names[0], colours.normal, "solid", "tozeroy"),
        ("strange", names[1], colours.strange, "solid", "tozeroy"),
    )
    traces: list[draw.Trace] = [
        {
            "type": "scatter",
            "x": centres,
            "y": 100 * found.shares[side],
            "name": name,
            "line": {"shape": "hvh", "color": colour, "width": 1.5, "dash": dash},
            "fill": fill,
            "hovertemplate": "%{y:.1f} %",
        }
        for side, name, colour, dash, fill in sets
    ]
    traces.append(
        {
            "type": "scatter",
            "x": centres,
            "y": 100 * found.gaussian,
            "name": "fitted Gaussian",
            "mode": "lines",
            "line": {"color": colours.text, "width": 2, "dash": "dash"},
            "hovertemplate": "%{y:.1f} %",
        }
    )
    return draw.figure(
        traces,
        height=420,
        title=title,
        margin={"t": 40},
        legend={"orientation": "h", "yanchor": "top", "y": -0.2, "x": 0},  # a phone has three rows
        **_marks(found, here),
        xaxis={"title": {"text": f"R, {found.unit}", "standoff": 4}}
        | {"range": [found.edges[0], found.edges[-1]]},
        yaxis={"title": {"text": "share of images, %", "standoff": 4}, "rangemode": "tozero"},
    )


def _marks(found: Distances, here: Mirror | None) -> dict[str, Any]:
    """Both tails, shaded, with their words; and a line at the image."""
    colours, (low, high) = palette(), found.bounds
    first, last = float(found.edges[0]), float(found.edges[-1])
    red, green, blue = bytes.fromhex(colours.focus[1:])
    shaded = {"fillcolor": f"rgba({red}, {green}, {blue}, 0.14)", "line": {"width": 0}}
    shapes, words = [], []
    for start, end, text in ((first, low, "too good"), (high, last, "too bad")):
        if start >= end:
            continue
        box = {"x0": start, "x1": end, "y0": 0, "y1": 1, "xref": "x", "yref": "y domain"}
        shapes.append({"type": "rect", "layer": "below", **box, **shaded})
        place = {"x": (start + end) / 2, "y": 1, "xref": "x", "yref": "y domain"}
        words.append({"text": text, "showarrow": False, "yanchor": "top", **place})
    if here is not None:
        at = min(max(here.parts["one_sided"], first), last)
        line = draw.line_at(x=at, color=colours.focus, width=3)
        shapes.append({**line, "name": "this image", "showlegend": True})
    return {"shapes": shapes, "annotations": words}


# What it shows ------------------------------------------------------------------------------------


def said_of(found: Distances, normal: str, strange: str) -> str:
    """What the two-sided score gains or loses against R alone on this set."""
    two, one = found.two_sided, found.one_sided
    text = (
        f"R alone tells {strange} from {normal} with an AUROC of {one.auroc:.3f} "
        f"({draw.interval(one, dash=draw.DASH)}), the two-sided score with {two.auroc:.3f} "
        f"({draw.interval(two, dash=draw.DASH)}): "
    )
    gap = f"{abs(found.gain):.3f}"
    if np.isnan(found.gain_low):
        return f"{text}a difference of {gap}, of one image alone."
    between = f"({numeral(found.gain_low, '+.3f')} to {numeral(found.gain_high, '+.3f')})"
    if found.gain_low > 0:
        return f"{text}**the second side gains {gap}** {between}."
    if found.gain_high < 0:
        return f"{text}**the second side loses {gap}** {between}."
    return f"{text}no clear difference {between}."


def tails_of(found: Distances, normal: str, strange: str) -> str:
    """How many images lie in either tail, and what the lower one costs."""
    low, _ = found.bounds
    upper = f"In the upper tail are {_both(found.upper, normal, strange)}"
    if low <= 0:
        return f"{upper}. There is no lower tail: its border is below 0, and no distance is."
    text = f"{upper}, in the lower one {_both(found.lower, normal, strange)}"
    if not found.lower["strange"].count:
        return f"{text}: no strange mirror is too good to be true."
    if found.lower["strange"].value > found.lower["normal"].value:
        return f"{text}: mirrors that are too good do give strange images away."
    return f"{text}: too good a mirror is no sign of strangeness here."


def _both(tail: Any, normal: str, strange: str) -> str:
    return f"{percent(tail['strange'])} of {strange} and {percent(tail['normal'])} of {normal}"
