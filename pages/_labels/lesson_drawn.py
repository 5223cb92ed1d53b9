"""What came of a lesson: its losses, both histograms, who changed sides, and files of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.service import Asked, Learnt, Side, pictures_of
from pages._shared import draw
from pages._shared.ask import csv_of
from pages._shared.controls import File, downloads
from pages._shared.gallery import row
from pages._shared.text import counted
from pages._shared.theme import palette

__all__ = ["TWINS", "asked", "learnt", "losses", "said_of", "said_of_asked"]

TWINS = ("without labels", "with labels")
NO_RESULT = (
    "These are test images: the lesson learned from those of even number and is judged on those of "
    "odd number. Its figures show what labels do; they are **no result** of the method."
)
FEW = 2  # classes that a legend has room to name
SHOWN, SIDE = 8, 64  # pictures that changed sides; pixels of each


def losses(curves: Sequence[Sequence[float]], names: Sequence[str], *, key: str) -> None:
    """The loss at each step of each training so far."""
    traces = [
        {"type": "scatter", "mode": "lines", "y": list(curve), "name": name}
        | {"line": {"dash": dash}}
        for curve, name, dash in zip(curves, names, ("dash", "solid"), strict=False)
    ]
    figure = draw.figure(
        traces,
        height=190,
        showlegend=True,
        xaxis={"title": {"text": "step"}},
        yaxis={"title": {"text": "loss"}, "rangemode": "tozero"},
    )
    alt = "The loss of the trainings of the lesson at each step"
    draw.chart(figure, key=key, name="lesson-loss", alt=alt)


# Labels -------------------------------------------------------------------------------------------


def learnt(found: Learnt, titles: Mapping[str, str]) -> None:
    """Before and after: a picture, sentences, numbers, pictures that changed sides, files."""
    names = groups(found, titles)
    draw.chart(
        histogram(found, names),
        key="labels_lesson_histogram",
        name="lesson-before-after",
        alt="Histograms of the scores of images of odd number, without and with labels",
    )
    st.markdown(f"**What you see:** {said_of(found, names)}")
    st.caption(NO_RESULT)
    st.table(
        pd.DataFrame(
            [_row(names[name], side) for name, side in found.sides.items() if name in names]
        ),
        border="horizontal",
        hide_index=True,
        alt="How many images of odd number are flagged without and with labels, and how many "
        "changed sides",
    )
    _moved(found, names)
    with st.expander("The loss of both trainings"):
        losses(found.losses, TWINS, key="labels_lesson_losses")
    downloads(File("The lesson's scores (CSV)", "lesson-scores.csv", lambda: csv_of(found.table())))


def groups(found: Learnt, titles: Mapping[str, str]) -> dict[str, str]:
    """What the groups of images are called that a lesson has."""
    clicked = ", ".join(titles[name].lower() for name in found.clicked)
    few = len(found.clicked) <= FEW
    names = {
        "normal": "normal",
        "clicked": "of the classes you clicked" + (f" ({clicked})" if few else ""),
        "others": "of classes you did not click" if clicked else "of strange classes",
    }
    return {name: title for name, title in names.items() if name in found.groups}


def histogram(found: Learnt, names: Mapping[str, str]) -> go.Figure:
    """Two panels in thresholds: above 1 is flagged."""
    edges, shares = found.histogram()
    middles = (np.log2(edges[1:]) + np.log2(edges[:-1])) / 2
    looks = {
        "normal": {"color": palette().normal, "dash": "solid"},
        "clicked": {"color": palette().focus, "dash": "solid"},
        "others": {"color": palette().strange, "dash": "dot"},
    }
    traces = [
        {"type": "scatter", "mode": "lines", "x": middles.tolist(), "y": shares[name][i].tolist()}
        | {"line": {**looks[name], "shape": "hvh", "width": 2}, "name": title}
        | {"fill": "tozeroy" if name == "normal" else "none", "legendgroup": name}
        | {"showlegend": i == 0, "xaxis": f"x{n}", "yaxis": f"y{n}"}
        for i, n in enumerate(("", "2"))
        for name, title in names.items()
    ]
    panels = draw.panels_of([t.capitalize() for t in TWINS], 2, gaps=(0.08, 0.0))
    powers = range(int(np.floor(middles[0])), int(np.ceil(middles[-1])) + 1)
    ticks = {"tickvals": list(powers), "ticktext": [f"{2.0**p:g}" for p in powers]}
    for n in ("", "2"):
        panels[f"xaxis{n}"] |= ticks | {"title": {"text": "score, in thresholds"}}
        panels[f"yaxis{n}"] |= {"rangemode": "tozero"}
    panels["yaxis"] |= {"title": {"text": "% of them"}}
    line: dict[str, Any] = {"dash": "dash", "width": 1.5, "color": palette().faint}
    return draw.figure(
        traces,
        height=330,
        margin={"t": 76},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.12, "x": 0},
        shapes=[draw.line_at(x=0, panel=i, **line) for i in range(2)],
        **panels,
    )


def said_of(found: Learnt, names: Mapping[str, str]) -> str:
    """Which side images are on without and with the labels, in numbers."""
    sides, labels = found.sides, found.lesson.labels
    anomalies = sum(label.anomaly for label in labels)
    words = [f"{counted(len(labels), 'label')} in {found.seconds:.0f} seconds."]
    if not anomalies:
        words.append("None says anomaly: there was nothing to push away.")
    for name in ("clicked", "others"):
        if name in names:
            side = sides[name]
            assert side.auroc is not None
            words.append(
                f"Of {side.n:,} images {names[name]} {side.flagged[0]:,} were flagged without "
                f"labels and {side.flagged[1]:,} are with them (AUROC {side.auroc[0]:.3f} → "
                f"{side.auroc[1]:.3f})."
            )
    normal = sides["normal"]
    words.append(
        f"Of {normal.n:,} normal ones {normal.flagged[0]:,} were flagged and {normal.flagged[1]:,} "
        "are: the threshold, where 5\u00a0% of held-out normal images are above it, is set by few."
    )
    return " ".join(words)


def _row(title: str, side: Side) -> dict[str, str]:
    areas = "" if side.auroc is None else f"{side.auroc[0]:.3f} → {side.auroc[1]:.3f}"
    return {
        "images of odd number": title,
        "n": f"{side.n:,}",
        "flagged": f"{side.flagged[0]:,} → {side.flagged[1]:,}",
        "newly flagged": f"{side.raised:,}",
        "no longer flagged": f"{side.lowered:,}",
        "AUROC": areas,
    }


def _moved(found: Learnt, names: Mapping[str, str]) -> None:
    """Strange images that labels let it see, and those that it sees no more."""
    scenario = found.lesson.target.world
    titles = {s.name: s.title for s in scenario.own_sets}
    for up, text in (
        (True, "Flagged with labels, missed without"),
        (False, "Missed with labels, flagged without"),
    ):
        images = found.changed("strange", up=up)
        if images:
            first = images[:SHOWN]
            pictures = pictures_of(scenario.name, first)
            tiles = [
                (picture, titles[name], f"{titles[name]} {index}")
                for picture, (name, index) in zip(pictures, first, strict=True)
            ]
            st.markdown(f"**{text}:** {counted(len(images), 'strange image')}, the first of them:")
            st.html(row(tiles, width=SIDE))


# Doubt and chance ---------------------------------------------------------------------------------


def asked(found: Asked) -> None:
    """Two curves, what they allow to say, and the numbers."""
    draw.chart(
        curves(found),
        key="labels_lesson_curves",
        name="lesson-doubt-chance",
        alt="AUROC on images of odd number against the number of labels, asked for by doubt and by "
        "chance",
    )
    st.markdown(f"**What you see:** {said_of_asked(found)}")
    st.caption(NO_RESULT)
    downloads(File("Both curves (CSV)", "lesson-curves.csv", lambda: csv_of(found.table())))


def curves(found: Asked) -> go.Figure:
    """AUROC against labels, by doubt and by chance."""
    looks = (("by doubt", "solid", "circle"), ("by chance", "dash", "square"))
    traces = [
        {"type": "scatter", "mode": "lines+markers", "x": list(found.counts), "name": name}
        | {"y": areas.tolist(), "line": {"dash": dash}, "marker": {"symbol": mark, "size": 9}}
        | {"hovertemplate": "%{y:.3f}"}
        for areas, (name, dash, mark) in zip(found.auroc, looks, strict=True)
    ]
    return draw.figure(
        traces,
        height=300,
        xaxis={"title": {"text": "labels"}, "tickvals": list(found.counts)},
        yaxis={"title": {"text": "AUROC, odd images"}},
    )


def said_of_asked(found: Asked) -> str:
    """Who is ahead with all labels, and how many anomalies each has found for them."""
    table, last = found.table(), found.counts[-1]
    by_doubt, by_chance = found.auroc[:, -1]
    gap = abs(by_doubt - by_chance)
    ahead = "doubt is ahead" if by_doubt > by_chance else "chance is ahead"
    if gap < 0.0005:
        ahead = "both are level"
    return (
        f"Without labels the AUROC is {found.auroc[0, 0]:.3f}. With {last} labels it is "
        f"{by_doubt:.3f} where doubt asked for them and {by_chance:.3f} where chance did: {ahead}. "
        f"Doubt came by {table['anomalies by doubt'][-1]} anomalies, chance by "
        f"{table['anomalies by chance'][-1]}. It is one draw of each: another seed may turn it round."
    )
