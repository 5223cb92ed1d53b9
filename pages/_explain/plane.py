"""The two parts that a score adds, as a plane: every image a point, pictures from its corners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.service import (
    Overview,
    Quadrant,
    Sum,
    SumPlane,
    SumPlaneQuery,
    SumPoint,
    SumPointQuery,
    SumsQuery,
)
from pages._explain import misses
from pages._explain.asked import Asked
from pages._shared import draw, picker
from pages._shared.ask import ask
from pages._shared.controls import choice, in_words
from pages._shared.gallery import tiles
from pages._shared.text import counted, plain
from pages._shared.theme import palette

__all__ = ["Compared", "figure", "reach", "show"]

HEIGHT, SIDE = 600, 66  # pixels: of the plane, of a picture
EDGE = 0.25  # percent of the points at either end that the plane may leave out
CLICKED = "_explain_plane_clicked"  # a point was, in this run


@dataclass(frozen=True)
class Compared:
    """What stands side by side: sums of a model, one of them chosen, and a strange set.

    Attributes:
        titles: of the scenario's sets.
    """

    asked: Asked
    overview: Overview
    sums: Sequence[Sum]
    chosen: Sum
    strange: str

    @property
    def titles(self) -> Mapping[str, str]:
        return {s.name: s.title for s in self.overview.scenario.sets}

    @property
    def is_score(self) -> bool:
        """Whether the sum is the model's score."""
        return self.chosen == self.sums[0]


def show(asked: Asked, overview: Overview) -> None:
    """The section, where the score is a sum of two parts, and something strange to measure it on."""
    if not overview.scenario.strange:
        return
    if sums := ask(SumsQuery(asked.target)).sums:
        st.subheader(f"{sums[0].x_title} and {sums[0].y_title.lower()}")
        _show(asked, overview, sums)


@st.fragment
def _show(asked: Asked, overview: Overview, sums: Sequence[Sum]) -> None:
    if st.session_state.pop(CLICKED, False):
        st.rerun()  # the maps above are to show what was clicked
    with in_words():
        compared = _choose(asked, overview, sums)
        plane = ask(
            SumPlaneQuery(asked.target, compared.strange, compared.chosen.part, seed=asked.seed)
        )
        point = ask(SumPointQuery(asked.image, compared.chosen.part, asked.fault), asked.data)
        left, right = st.columns([1.15, 1], gap="medium")
        with left:
            _chart(compared, plane, point)
            st.caption(_read(compared, plane))
        with right:
            _corners(compared, plane)
        misses.show(compared)


def _choose(asked: Asked, overview: Overview, sums: Sequence[Sum]) -> Compared:
    """Which part is added, and the strange set."""
    st.markdown(
        f"The score adds **{sums[0].x_title.lower()}** and **{sums[0].y_title.lower()}**, each in standard "
        "deviations of held-out normal images. An image is a point; what lies above the slanted line "
        "is flagged."
    )
    left, right = st.columns([1.5, 1], gap="medium")
    with left:
        titles = {one.part: one.y_title for one in sums}
        titles[sums[0].part] += " (the score)"
        part = choice(
            "Added to it",
            titles,
            key="explain_sum",
            help="  \n".join(f"**{one.y_title}**: {one.y_text}" for one in sums),
        )
    with right:
        strange = choice(
            "Against",
            {s.name: s.title for s in overview.scenario.strange},
            key="explain_strange",
            kind="select",
        )
    chosen = next(one for one in sums if one.part == part)
    return Compared(asked, overview, sums, chosen, strange)


# The plane ----------------------------------------------------------------------------------------


def _chart(compared: Compared, plane: SumPlane, point: SumPoint) -> None:
    one, titles = compared.chosen, compared.titles
    key = f"explain_plane_{compared.asked.row.name}_{one.part}_{compared.strange}"
    draw.chart(
        figure(one, plane, point, titles=titles),
        key=key,
        on_select=partial(_clicked, key),
        selection_mode="points",
        name=f"{compared.asked.target.scenario}-{compared.asked.target.stem}-{one.part}",
        alt=f"Scatter of {one.y_title.lower()} over {one.x_title.lower()}, in standard deviations, "
        f"of {' and '.join(titles[s].lower() for s in plane.x)}, with the thresholds of their sum "
        "and of either alone",
    )


def _clicked(key: str) -> None:
    """A point was clicked: its image is looked at next."""
    points = st.session_state[key]["selection"]["points"]
    named = [p["customdata"] for p in points if p.get("customdata")]
    if named:
        _look(named[0][0], int(named[0][1]))
        st.session_state[CLICKED] = True


def _look(set_name: str, index: int) -> None:
    picker.inspect("explain", set_name, index)


def figure(one: Sum, plane: SumPlane, point: SumPoint, *, titles: Mapping[str, str]) -> go.Figure:
    """Images as points, the thresholds as lines, and the image that is looked at."""
    x, y = reach(plane, "x"), reach(plane, "y")
    traces = [
        *_points(plane, titles),
        *_thresholds(one, plane, x, y),
        *_looked_at(point),
    ]
    return draw.figure(
        traces,
        height=HEIGHT,
        hovermode="closest",
        clickmode="event+select",
        xaxis={"title": {"text": f"{one.x_title}, s.d.", "standoff": 4}, "range": x},
        yaxis={"title": {"text": f"{one.y_title}, s.d.", "standoff": 4}, "range": y},
        legend={"orientation": "h", "yanchor": "top", "y": -0.14, "x": 0, "itemclick": False},
        margin={"t": 12},
    )


def reach(plane: SumPlane, axis: str) -> tuple[float, float]:
    """Where an axis begins and ends: it leaves out the outermost points, and no threshold."""
    values = np.concatenate(list(getattr(plane, axis).values()))
    low, high = np.percentile(values, (EDGE, 100 - EDGE))
    own = getattr(plane, f"{axis}_threshold")
    low, high = min(low, own, 0.0), max(high, own, plane.threshold)
    pad = 0.04 * (high - low)
    return float(low - pad), float(high + pad)


def _points(plane: SumPlane, titles: Mapping[str, str]) -> list[draw.Trace]:
    looks = zip((palette().normal, palette().strange), ("circle", "diamond"), strict=True)
    return [
        {
            "type": "scatter",  # WebGL would draw them over the lines
            "x": plane.x[name],
            "y": plane.y[name],
            "customdata": [[name, int(i)] for i in plane.indices[name]],
            "mode": "markers",
            "name": titles[name],
            "marker": {"color": colour, "symbol": symbol, "size": 6, "opacity": 0.5},
            "hovertemplate": f"{titles[name]} %{{customdata[1]}}: %{{x:.2f}}, %{{y:.2f}}"
            "<extra></extra>",
        }
        for name, (colour, symbol) in zip(plane.x, looks, strict=True)
    ]


def _thresholds(
    one: Sum, plane: SumPlane, x: tuple[float, float], y: tuple[float, float]
) -> list[draw.Trace]:
    """The sum's slanted line, and those of either part alone."""
    t, colours = plane.threshold, palette()
    lines = (
        (x, (t - x[0], t - x[1]), "threshold of the sum", "solid", 2.5, colours.text),
        ((plane.x_threshold,) * 2, y, f"of {one.x_title.lower()} alone", "dash", 2, colours.text),
        (x, (plane.y_threshold,) * 2, f"of {one.y_title.lower()} alone", "dot", 1.5, colours.faint),
    )
    return [
        {
            "type": "scatter",
            "x": list(across),
            "y": list(up),
            "name": name,
            "mode": "lines",
            "line": {"color": colour, "dash": dash, "width": width},
            "hoverinfo": "skip",
        }
        for across, up, name, dash, width, colour in lines
    ]


def _looked_at(point: SumPoint) -> list[draw.Trace]:
    """The image of the maps above: where it lies, and where its fault takes it."""
    path = [point.before, *([] if point.after is None else [point.after])]
    name = "the image above" if len(path) == 1 else "the image above, and with its fault"
    colours, last = palette(), len(path) - 1
    marker = {
        "symbol": ["star" if i == last else "circle" for i in range(len(path))],
        "size": [16 if i == last else 10 for i in range(len(path))],
        "color": colours.focus,
        "line": {"width": 1.5, "color": colours.background},
        "opacity": 1,
    }
    return [
        {
            "type": "scatter",
            "x": [p[0] for p in path],
            "y": [p[1] for p in path],
            "name": name,
            "mode": "lines+markers",
            "line": {"color": colours.focus, "width": 3},
            "marker": marker,
            "hovertemplate": f"{name}: %{{x:.2f}}, %{{y:.2f}}<extra></extra>",
        }
    ]


def _read(compared: Compared, plane: SumPlane) -> str:
    """What is drawn, by which rule, and what lies beyond the edge."""
    sets = " and ".join(
        f"{len(plane.x[s]):,} of the {counted(plane.sizes[s], 'image')} of {compared.titles[s].lower()}"
        for s in plane.x
    )
    (x0, x1), (y0, y1) = reach(plane, "x"), reach(plane, "y")
    beyond = sum(
        int(((plane.x[s] < x0) | (plane.x[s] > x1) | (plane.y[s] < y0) | (plane.y[s] > y1)).sum())
        for s in plane.x
    )
    outside = f" {counted(beyond, 'point')} beyond the edge." if beyond else ""
    return (
        f"**How to read it.** Drawn are {sets}, at random.{outside} Click a point and the maps above "
        "are of its image. Left of the dashed line and above the slanted one lies what the sum finds "
        f"and {compared.chosen.x_title.lower()} alone misses. Every threshold flags 5\u00a0% of held-out "
        "normal images."
    )


# Its corners --------------------------------------------------------------------------------------


def _corners(compared: Compared, plane: SumPlane) -> None:
    """Pictures from the four corners, laid out as the plane is."""
    for row in (plane.quadrants[:2], plane.quadrants[2:]):
        for column, quadrant in zip(st.columns(2, gap="small"), row, strict=True):
            with column:
                _corner(compared, quadrant)
    st.caption(
        "Of each corner, first the image that is farthest from both parts' own thresholds (by the "
        "smaller of the two distances), then some drawn at random; below each the sum."
    )


def _corner(compared: Compared, quadrant: Quadrant) -> None:
    titles, shown = compared.titles, quadrant.pictures
    counts = ", ".join(f"{n:,} of {titles[s].lower()}" for s, n in quadrant.counts.items())
    st.markdown(f"**{_flagged_by(compared.chosen, quadrant.above)}**  \n{plain(counts)}")
    key = f"explain_corner_{quadrant.above[0]:d}{quadrant.above[1]:d}"
    if not shown.sets:
        st.caption("No image lies here.")
    elif tiles(
        shown,
        scenario=compared.overview.scenario.name,
        titles=titles,
        key=key,
        what=compared.chosen.title.lower(),
        on_click=_look,
        picked=picked(compared.asked),
        side=SIDE,
    ):
        st.rerun()


def _flagged_by(one: Sum, above: tuple[bool, bool]) -> str:
    """Which of the two parts flags what lies in a corner."""
    names = [title for title, side in zip((one.x_title, one.y_title), above, strict=True) if side]
    if len(names) == 1:
        return f"Flagged by {names[0].lower()} alone"
    return "Flagged by both" if names else "Flagged by neither"


def picked(asked: Asked) -> tuple[str, int] | None:
    """Set and number of the image that is looked at, if it is of a set."""
    return None if asked.image.index is None else (asked.image.set_name, asked.image.index)
