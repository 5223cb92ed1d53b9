"""Where two models disagree: their images as points, and what one flags and the other misses."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.service import OWN, Disagree, DisagreeQuery, DisagreeShownQuery
from pages._compare import looked, models
from pages._compare.files import images_csv
from pages._compare.models import Compared
from pages._compare.said import place
from pages._shared import draw, gallery, history, links
from pages._shared.ask import ask
from pages._shared.controls import File, choice, chosen, downloads, in_words, pager
from pages._shared.picker import parse_id
from pages._shared.text import counted, numeral, plain
from pages._shared.theme import palette

__all__ = ["along", "figure", "paired", "said_of", "section"]

A, B, QUADRANT, POINT = "compare_a", "compare_b", "compare_quadrant", "compare_point"
COUNT, HEIGHT = 8, 430
ROLES = ("strange", "normal")
TICKS = (0, 50, 95, 99, 99.9)
TURN, SHARE, LAST = 90.0, 0.45, 0.05  # what lies above the turn has more room than it has images
BEYOND = 0.07  # of the axis: where all that is stranger than every held-out normal image lies
NONE = "none"
LOOKS = """<style>
[class*="st-key-compare_quadrants"] button { height: 100%; min-height: 3.4rem; padding: .25rem .6rem; }
[class*="st-key-compare_quadrants"] button p { white-space: normal; line-height: 1.25; text-align: left; }
</style>"""


@st.fragment
def section(c: Compared) -> None:
    """Two models of those that are compared, image by image."""
    st.subheader("Where two of them disagree")
    if len(c.titles) < 2:
        st.caption("There is but one model here: it agrees with itself.")
        return
    with in_words():
        a, b = _choose(c)
        if a == b:
            st.info("Choose two different models.", icon=":material/info:")
            return
        found = ask(
            DisagreeQuery(c.scenario.name, c.strange, a, b, c.line.threshold, **c.stakes), c.data
        )
        left, right = st.columns([1.1, 1], gap="medium")
        with left:
            _chart(c, found, (a, b))
        st.html(LOOKS)
        with right:
            st.markdown(f"**What you see:** {said_of(c, found)}")
            for role in ROLES:
                _quadrants(c, found, role)
            st.markdown(paired(found))
            name = f"{c.scenario.name}-{c.strange}-{a}-{b}.csv"
            downloads(File("Both models' images (CSV)", name, partial(images_csv, c, (a, b))))
        _point(c)
        _pictures(c, found, (a, b))
        history.scroll_here("compare_scrolled")


def _choose(c: Compared) -> tuple[str, str]:
    """Both models; at first the one on top and the next that is compared."""
    first = [name for name in c.shown if name in c.titles]
    one, two = st.columns(2, gap="medium")
    _follow(A, first[0])
    with one:
        a = choice("Model A", c.titles, key=A, default=first[0], kind="select")
    other = next((name for name in (*first, *c.titles) if name != a), a)
    _follow(B, other)
    with two:
        b = choice("Model B", c.titles, key=B, default=other, kind="select")
    return a, b


def _follow(key: str, first: str) -> None:
    """Who left a choice as it opened has it follow the model on top; the address need not say it."""
    state, before = st.session_state, f"_{key}_first"
    if state.get(before, first) != first and state.get(key) == state[before]:
        state[key] = first
    state[before] = first


# The scatter --------------------------------------------------------------------------------------


def along(percentiles: np.ndarray) -> np.ndarray:
    """How far along an axis percentiles (N,) lie, 0 to 1; what is beyond all lies at 1.

    Half of the axis is for the strangest tenth of normal images, by the logarithm of how rare.

    Example:
        >>> along(np.array([0.0, 45.0, 90.0, 99.0, 100.0])).round(3).tolist()
        [0.0, 0.225, 0.45, 0.689, 1.0]
    """
    rare = np.log(np.maximum(100 - percentiles, LAST) / (100 - TURN)) / math.log(
        LAST / (100 - TURN)
    )
    return np.where(percentiles <= TURN, SHARE * percentiles / TURN, SHARE + (1 - SHARE) * rare)


def _apart(percentiles: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Places of percentiles (N,); those beyond all held-out images are strewn over a band."""
    strewn = 1 + BEYOND * (0.25 + 0.75 * rng.random(len(percentiles)))
    return np.where(percentiles >= 100, strewn, along(percentiles))


def _chart(c: Compared, found: Disagree, names: tuple[str, str]) -> None:
    key = f"compare_scatter_{c.strange}_{'_'.join(names)}"
    draw.chart(
        figure(c, found),
        key=key,
        on_select=partial(_clicked, key),
        selection_mode="points",
        name=f"{c.scenario.name}-{c.strange}-{'-'.join(names)}",
        alt=f"Scatter of the percentile by {found.titles[1]} over that by {found.titles[0]}, of "
        f"{c.sets[c.strange].lower()} and {c.sets[c.against].lower()}, with both thresholds",
    )
    st.caption(_how_to_read(c, found, names))


def _how_to_read(c: Compared, found: Disagree, names: tuple[str, str]) -> str:
    drawn = " and ".join(
        f"“{c.sets[_set(found, role)]}” ({len(p.indices):,}{f' of {p.total:,}' if p.sampled else ''})"
        for role, p in found.points.items()
    )
    seeded = ", drawn by a fixed seed" if any(p.sampled for p in found.points.values()) else ""
    own = ""
    if OWN in names:
        own = f" Percentiles of your scores are among {models.among(OWN)}."
    return (
        f"**How to read it.** A point is an image: {drawn}{seeded}. Both axes are percentiles among "
        "held-out normal images, stretched at the strange end; at 100 lies what is stranger than all "
        "of these, strewn so that a heap is seen as one. The lines are the thresholds. Press a point, "
        f"or a button of the tables, and its images open below.{own}"
    )


def _set(found: Disagree, role: str) -> str:
    return found.strange_set if role == "strange" else found.normal_set


def _clicked(key: str) -> None:
    """A point was pressed: its image is looked at."""
    points = st.session_state[key]["selection"]["points"]
    named = [p["customdata"] for p in points if p.get("customdata")]
    if named:
        _look(named[0][0], int(named[0][1]))


def figure(c: Compared, found: Disagree) -> go.Figure:
    """Images of both roles as points in percentiles, and both thresholds."""
    colours = palette()
    x, y = (float(along(np.array(at))) for at in found.at)
    lines: dict[str, Any] = {"color": colours.text, "width": 2}
    axis = {
        "range": [-0.02, 1 + BEYOND + 0.02],
        "tickvals": [*(float(along(np.array(t))) for t in TICKS), 1 + BEYOND / 2],
        "ticktext": [*map(str, TICKS), "100"],
        "zeroline": False,
    }
    titles = [f"percentile by {title}" for title in found.titles]
    return draw.figure(
        [_points(c, found, role) for role in ("normal", "strange")],
        height=HEIGHT,
        hovermode="closest",
        clickmode="event+select",
        xaxis=axis | {"title": {"text": titles[0], "standoff": 4}, "tickangle": 0},
        yaxis=axis | {"title": {"text": titles[1], "standoff": 4}},
        shapes=[draw.line_at(x=x, **lines), draw.line_at(y=y, **lines)],
    )


def _points(c: Compared, found: Disagree, role: str) -> draw.Trace:
    points, name = found.points[role], _set(found, role)
    rng = np.random.default_rng(0)
    looks = {"normal": (palette().normal, "circle"), "strange": (palette().strange, "diamond")}
    colour, symbol = looks[role]
    return {
        "type": "scatter",  # WebGL would draw them over the lines
        "x": _apart(points.a, rng),
        "y": _apart(points.b, rng),
        "customdata": [
            [name, int(i), round(float(p), 1), round(float(q), 1)]
            for i, p, q in zip(points.indices, points.a, points.b, strict=True)
        ],
        "mode": "markers",
        "name": c.sets[name],
        "marker": {"color": colour, "symbol": symbol, "size": 6, "opacity": 0.45},
        "hovertemplate": f"{c.sets[name]} %{{customdata[1]}}: %{{customdata[2]}}, "
        "%{customdata[3]}<extra></extra>",
    }


# In words and numbers -----------------------------------------------------------------------------


def said_of(c: Compared, found: Disagree) -> str:
    """What one catches that the other misses, and what each flags for nothing."""
    (a, b), strange, normal = found.titles, found.counts["strange"], found.counts["normal"]
    names = {role: c.sets[_set(found, role)] for role in ROLES}
    return (
        f"of “{names['strange']}”, {a} catches {counted(strange['only-a'], 'image')} that {b} misses, "
        f"and {b} {strange['only-b']:,} that {a} misses; {strange['neither']:,} escape both. On "
        f"“{names['normal']}” they share {counted(normal['both'], 'false alarm')}; "
        f"{normal['only-a']:,} of {a} and {normal['only-b']:,} of {b} are nobody else's."
    )


def paired(found: Disagree) -> str:
    """Which is better by AUROC, if the interval of their difference says so; and rank correlations."""
    (a, b), d = found.titles, found.difference
    rho = found.correlations
    order = (
        f"Their scores put normal images in the same order to a rank correlation of "
        f"{_number(rho['normal'])}, strange ones to {_number(rho['strange'])}, all to "
        f"{_number(rho['all'])}."
    )
    both = f"AUROC {found.auroc[0]:.4f} of {a}, {found.auroc[1]:.4f} of {b}: "
    if not math.isfinite(d.low):
        return f"{both}one image more says nothing of how images differ, so there is no interval. {order}"
    ends = f"difference {numeral(d.value, '+.4f')}, {numeral(d.low, '+.4f')} to {numeral(d.high, '+.4f')}"
    how = "images resampled once for both"
    if d.low <= 0 <= d.high:
        return f"{both}**no clear difference** ({ends}; {how}). {order}"
    better, worse = (a, b) if d.value > 0 else (b, a)
    return f"{both}**{better} is better than {worse}** on these images ({ends}; {how}). {order}"


def _number(rho: float) -> str:
    return numeral(rho, ".2f") if math.isfinite(rho) else "none, as all scores of one are alike"


# Quadrants ----------------------------------------------------------------------------------------


def _words(found: Disagree, role: str, quadrant: str) -> str:
    (a, b), fails = found.titles, "misses it" if role == "strange" else "does not"
    return {
        "both": "both flag it",
        "only-a": f"{a} flags it, {b} {fails}",
        "only-b": f"{b} flags it, {a} {fails}",
        "neither": f"neither {'finds' if role == 'strange' else 'flags'} it",
    }[quadrant]


def _quadrants(c: Compared, found: Disagree, role: str) -> None:
    """A table of two by two, each number a button that opens its images."""
    title, open_one = c.sets[_set(found, role)], _open_quadrant(found)
    with st.container(key=f"compare_quadrants_{role}", gap="xxsmall"):
        for row in (("both", "only-a"), ("only-b", "neither")):
            for place, name in zip(st.columns(2, gap="xsmall"), row, strict=True):
                value = f"{role}:{name}"
                place.button(
                    f"**{found.counts[role][name]:,}** of “{plain(title)}”: "
                    f"{plain(_words(found, role, name))}{' (shown below)' if open_one == value else ''}",
                    key=f"compare_quadrant_{role}_{name}",
                    type="primary" if open_one == value else "secondary",
                    width="stretch",
                    on_click=_press,
                    args=(value,),
                )


def _open_quadrant(found: Disagree) -> str:
    options = {f"{role}:{name}": name for role in ROLES for name in found.counts[role]}
    value = chosen("Images of both", {NONE: NONE, **options}, key=QUADRANT)
    links.write(QUADRANT, None if value == NONE else value)
    return value


def _press(value: str) -> None:
    st.session_state[QUADRANT] = NONE if st.session_state.get(QUADRANT) == value else value


def _pictures(c: Compared, found: Disagree, names: tuple[str, str]) -> None:
    """The images of the quadrant that is open, with the percentiles by both."""
    value = _open_quadrant(found)
    history.show_new("compare_quadrant_images", "" if value == NONE else value)
    if value == NONE:
        return
    with st.container(key="compare_quadrant_images"):
        _open(c, found, names, value)


def _open(c: Compared, found: Disagree, names: tuple[str, str], value: str) -> None:
    role, _, quadrant = value.partition(":")
    total = found.counts[role][quadrant]
    title = c.sets[_set(found, role)]
    st.markdown(
        f"**{plain(title)}, {plain(_words(found, role, quadrant))}: {total:,}**, the clearest first; "
        f"below each its percentile by {plain(found.titles[0])} and by {plain(found.titles[1])}"
    )
    if not total:
        st.caption("No image lies here.")
        return
    pages = -(-total // COUNT)
    order = (c.scenario.name, c.strange, names, value, c.line)
    page = pager(pages, key="compare_pairs", order=order) if pages > 1 else 1
    shown = ask(
        DisagreeShownQuery(
            c.scenario.name,
            c.strange,
            *names,
            c.line.threshold,
            role,
            quadrant,
            count=COUNT,
            page=page,
            **c.stakes,
        ),
        c.data,
    )
    pairs = zip(shown.a, shown.b, strict=True)
    gallery.tiles(
        shown.pictures,
        scenario=c.scenario.name,
        titles=c.sets,
        key="compare_pair",
        what=f"percentile by {found.titles[0]}, by {found.titles[1]}",
        on_click=_look,
        picked=_looked_at(c),
        side=104,
        among=models.among(names[0]),
        captions=[f"{place(a)} and {place(b)}" for a, b in pairs],
    )


def _look(set_name: str, index: int) -> None:
    st.session_state[POINT] = f"{set_name}#{index}"
    history.show("compare_pointed")


def _looked_at(c: Compared) -> tuple[str, int] | None:
    return parse_id(str(st.session_state.get(POINT, "")), c.overview.sizes)


def _point(c: Compared) -> None:
    """The image of the point or the tile that was pressed last."""
    if (image := _looked_at(c)) is not None:
        looked.show(c, image, key="compare_pointed", on_close=_close)


def _close(set_name: str, index: int) -> None:
    st.session_state[POINT] = ""
