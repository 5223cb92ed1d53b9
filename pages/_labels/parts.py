"""What the score adds: reconstruction error and length of the code, and each beside their sum."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from core.service import KNOWN, NEVER, NORMAL, ScoreSplit, ScoreSplitQuery
from pages._labels import picture
from pages._labels.ladder import Ladder
from pages._labels.others import gap
from pages._labels.spread import BELOW
from pages._shared import draw
from pages._shared.ask import ask
from pages._shared.text import SPACE
from pages._shared.theme import palette

__all__ = ["figure", "said_of", "section", "weights_said"]

HEIGHT = 260


def section(ladder: Ladder) -> None:
    """AUROC of the sum and of its parts, and whether the sum falls below the better one."""
    st.subheader("What the score adds")
    found = ask(ScoreSplitQuery(ladder.target))
    if found is None:
        st.markdown(f"The score of {ladder.title} is one distance: there is nothing that it adds.")
        return
    st.markdown(
        "The score is the mean squared error of the rebuilt picture plus the length of its code. "
        f"{weights_said(ladder, found)}"
    )
    draw.chart(
        figure(found, ladder),
        key="labels_parts",
        name=f"{ladder.stem}-parts",
        alt="AUROC of the score, of the reconstruction error and of the length of the code, on the "
        "known class and on those never seen, with 95 percent intervals",
    )
    st.markdown(f"**What you see:** {said_of(ladder, found)}")


def figure(found: ScoreSplit, ladder: Ladder) -> go.Figure:
    """AUROC of the score and of its parts, a row each, on both groups."""
    colours, (_, known, never, _) = palette(), picture.axis_names(ladder)
    rows = [f"{'★ ' if part == found.score else ''}{found.titles[part]}" for part in found.parts]
    looks = (
        (KNOWN, known, colours.categories[3], "square"),
        (NEVER, never, colours.strange, "diamond"),
    )
    traces = [
        {
            "type": "scatter",
            "x": [m[group].auroc for m in found.parts.values()],
            "y": rows,
            "name": name,
            "mode": "markers",
            "marker": {"size": 10, "color": colour, "symbol": mark},
            "error_x": {
                "array": [m[group].high - m[group].auroc for m in found.parts.values()],
                "arrayminus": [m[group].auroc - m[group].low for m in found.parts.values()],
            },
            "hovertemplate": "%{y}: %{x:.3f}<extra>%{fullData.name}</extra>",
        }
        for group, name, colour, mark in looks
    ]
    return draw.figure(
        traces,
        height=HEIGHT,
        title="The score and its parts",
        hovermode="closest",
        legend={**BELOW, "y": -0.34},
        margin={"t": 40},
        xaxis={"title": {"text": "AUROC", "standoff": 4}},
        yaxis={"autorange": "reversed"},
    )


# In words -----------------------------------------------------------------------------------------


def said_of(ladder: Ladder, found: ScoreSplit) -> str:
    """Whether the sum falls below its better part, on either group, as far as intervals carry it."""
    said = []
    for group in (NEVER, KNOWN):
        one, part = found.gains[group], found.titles[found.better[group]].lower()
        verdict = {
            -1: f"the sum falls **below** its better part, the {part}",
            1: f"the sum is **above** its better part, the {part}",
            0: f"the sum is as good as its better part, the {part}",
        }[one.sign]
        said.append(f"On {ladder.names[group]} {verdict}: AUROC {gap(one)}.")
    return " ".join(said) + " Which part is better was read off these same images."


def weights_said(ladder: Ladder, found: ScoreSplit) -> str:
    """How much of the score is length."""
    shares = {g: f"{100 * found.weights[g]['norm']:.0f}{SPACE}%" for g in (NORMAL, NEVER)}
    return (
        f"Of that the length makes {shares[NORMAL]} in the mean over {ladder.names[NORMAL]}, and "
        f"{shares[NEVER]} over {ladder.names[NEVER]}."
    )
