"""Does one labelled class help on the others? The length of the code, and AUROC class by class."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from core.service import KNOWN, NEVER, Bought, BoughtQuery, Gain, Metrics, Spread
from pages._labels import picture, spread
from pages._labels.ladder import Ladder, percent
from pages._shared import draw
from pages._shared.ask import ask
from pages._shared.seeds import listed
from pages._shared.text import numeral
from pages._shared.theme import palette

__all__ = ["by_class", "gap", "lengths_said", "said_of", "section"]

NORM = "norm"  # the part that is the length of the code
HEIGHT = 400


def section(ladder: Ladder) -> None:
    """The histogram of lengths, AUROC of every class without and with labels, and the verdict."""
    assert ladder.row.card is not None
    st.subheader(f"Does one labelled class help on {ladder.names[NEVER]}?")
    found = ask(BoughtQuery(ladder.first, ladder.target))
    st.markdown(said_of(ladder, found))
    left, right = st.columns(2, gap="medium")
    with left:
        if NORM in ladder.row.card.calibration.quantiles:
            _lengths(ladder)
        else:
            st.markdown(
                f"The score of {ladder.title} is itself the squared length of a code: its histogram is "
                "the first one of this page."
            )
    with right:
        draw.chart(
            by_class(found, ladder),
            key="labels_classes",
            name=f"{ladder.stem}-classes",
            alt="AUROC of each strange class without labels and with them, with 95 percent intervals",
        )
    st.caption(
        "Intervals: 1,000 stratified bootstraps of the test images; of a difference the same resamples "
        "for both models. Training seeds, and other choices of the labelled class, are not covered."
    )


def _lengths(ladder: Ladder) -> None:
    """The histogram of the norm, and how well it tells both groups from normal images."""
    lengths, first = picture.spreads(ladder, NORM)
    drawn = spread.figure(
        lengths,
        first,
        picture.axis_names(ladder),
        title=f"Length of the code, {percent(ladder.at)}",
        axis="length ÷ its threshold",
        height=HEIGHT,
    )
    draw.chart(
        drawn,
        key="labels_lengths",
        name=f"{ladder.stem}-lengths",
        alt="Histograms of the length of the code of normal images, of the class of known anomalies "
        "and of classes never seen",
    )
    st.markdown(lengths_said(ladder, lengths))


# The classes --------------------------------------------------------------------------------------


def by_class(found: Bought, ladder: Ladder) -> go.Figure:
    """AUROC of every strange class: the model without labels, and the one that is looked at."""
    colours, titles = palette(), ladder.titles
    rows = [f"{titles[s]}{' (known)' if s == ladder.groups.known else ''}" for s in found.classes]
    sides = [(0, ladder.fewest, colours.neutral, "circle-open")]
    if ladder.compares:
        sides.append((1, f"with {percent(ladder.at)}", colours.strange, "diamond"))
    traces = [
        _points([pair[side] for pair in found.classes.values()], rows, name, colour, mark)
        for side, name, colour, mark in sides
    ]
    return draw.figure(
        traces,
        height=HEIGHT,
        title="AUROC against the normal class",
        hovermode="closest",
        legend={"orientation": "h", "yanchor": "top", "y": -0.16, "x": 0},
        margin={"t": 40},
        xaxis={"title": {"text": "AUROC", "standoff": 4}},
        yaxis={"autorange": "reversed"},
    )


def _points(
    figures: list[Metrics], rows: list[str], name: str, colour: str, mark: str
) -> draw.Trace:
    return {
        "type": "scatter",
        "x": [m.auroc for m in figures],
        "y": rows,
        "name": name,
        "mode": "markers",
        "marker": {"size": 9, "color": colour, "symbol": mark, "line": {"width": 2}},
        "error_x": {
            "array": [m.high - m.auroc for m in figures],
            "arrayminus": [m.auroc - m.low for m in figures],
            "thickness": 1.5,
        },
        "hovertemplate": "%{y}: %{x:.3f}<extra>%{fullData.name}</extra>",
    }


# In words -----------------------------------------------------------------------------------------


def said_of(ladder: Ladder, found: Bought) -> str:
    """The answer, as far as the interval carries it; and the classes that went against it."""
    names, never, known = ladder.names, found.gains[NEVER], found.gains[KNOWN]
    if not ladder.compares:
        return (
            f"This is the model {ladder.fewest}: AUROC {never.after:.3f} on {names[NEVER]}, "
            f"{known.after:.3f} on {names[KNOWN]}. Move the slider to see what labels of "
            f"{names[KNOWN]} do."
        )
    verdict = {
        1: f"Yes, here labels of {names[KNOWN]} help on {names[NEVER]}",
        -1: f"No, here labels of {names[KNOWN]} harm on {names[NEVER]}",
        0: f"It cannot be told here whether labels of {names[KNOWN]} help on {names[NEVER]}",
    }[never.sign]
    text = f"**{verdict}**: AUROC {gap(never)}. On {names[KNOWN]} itself, {gap(known)}."
    return f"{text} {_exceptions(ladder, found, never.sign)}".strip()


def gap(found: Gain) -> str:
    """Two AUROC and their difference."""
    between = ""
    if found.low == found.low:
        between = f" ({numeral(found.low, '+.3f')} to {numeral(found.high, '+.3f')})"
    return f"{found.before:.3f} → {found.after:.3f}, {numeral(found.value, '+.3f')}{between}"


def _exceptions(ladder: Ladder, found: Bought, sign: int) -> str:
    """Classes never seen on which the labels do the opposite, by intervals that do not meet."""
    titles, moves = ladder.titles, {name: found.classes[name] for name in ladder.groups.never}
    better = [titles[n].lower() for n, (one, other) in moves.items() if other.low > one.high]
    worse = [titles[n].lower() for n, (one, other) in moves.items() if other.high < one.low]
    said = []
    if better and sign < 1:
        said.append(f"Better all the same: {listed(better)}.")
    if worse and sign > -1:
        said.append(f"Worse, though: {listed(worse)}.")
    return " ".join(said)


def lengths_said(ladder: Ladder, lengths: Spread) -> str:
    """How well the length alone tells both groups from normal images."""
    known, never = lengths.areas[KNOWN], lengths.areas[NEVER]
    return (
        f"The length alone: AUROC {known.auroc:.3f} ({draw.interval(known, dash=draw.DASH)}) on "
        f"{ladder.names[KNOWN]}, {never.auroc:.3f} ({draw.interval(never, dash=draw.DASH)}) on "
        f"{ladder.names[NEVER]}."
    )
