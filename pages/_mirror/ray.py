"""The ray: the code of an image times factors, decoded, and what the score says of each picture."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.service import MirrorRay, MirrorRayQuery
from pages._mirror import files
from pages._mirror.mirroring import Mirroring
from pages._shared import draw, gallery
from pages._shared.ask import ask
from pages._shared.controls import File, downloads
from pages._shared.picker import Picked
from pages._shared.seeds import listed
from pages._shared.text import numeral
from pages._shared.theme import palette

__all__ = ["figure", "said_of", "section", "why"]

SIDE = 60  # pixels, of a picture of the strip


def section(m: Mirroring, picked: Picked, image: np.ndarray, title: str) -> None:
    """The pictures on the ray of an image (H, W, C) uint8, and the curve over its factors."""
    st.subheader("The ray of its code")
    st.markdown(
        "The encoder turns the image into a code. Multiplied by a factor it is drawn towards the "
        "origin (below 1) or pushed outward (above 1); every picture is decoded from such a code, "
        "and scored as if it were an image of its own."
    )
    query, data = picked
    walked = ask(MirrorRayQuery(query), data)
    st.html(gallery.row([(image, "the image", f"{title} itself"), *_steps(walked)], width=SIDE))
    draw.chart(
        figure(walked, title=f"Along the ray of {_own_or(query.index, title)}"),
        key="mirror_ray",
        name=f"{m.stem}-ray",
        alt="Percentiles of the score and of R along the ray of the image's code, with the range of "
        "training images and the ranges of atypical codes marked",
    )
    st.markdown(f"**What you see:** {said_of(walked)}")
    st.markdown(f"**Why:** {why(walked)}")
    downloads(
        File("The ray (CSV)", f"{m.stem}-ray.csv", partial(files.ray_csv, walked)),
        File("Its pictures (PNG)", f"{m.stem}-ray.png", partial(files.ray_png, walked)),
    )


def _own_or(index: int | None, title: str) -> str:
    """Plotly makes links of what looks like one: a file's name is none of its words."""
    return "your own image" if index is None else title


def _steps(walked: MirrorRay) -> list[tuple[np.ndarray, str, str]]:
    """Each picture with factor and score; a flagged score has a mark."""
    steps = zip(walked.images, walked.factors, walked.scores, walked.flagged, strict=True)
    return [
        (
            image,
            f"× {f:g}\n{numeral(score, '.2f')}{' ⚑' if flag else ''}",
            f"Decoded at factor {f:g}",
        )
        for image, f, score, flag in steps
    ]


# The curve ----------------------------------------------------------------------------------------


def figure(walked: MirrorRay, *, title: str) -> go.Figure:
    """Percentile of the score and of R over the factor; what training knew is marked above."""
    colours = palette()
    lines = (
        ("★ the score", walked.percentiles, colours.strange, "circle", "solid"),
        ("R alone", walked.distances, colours.normal, "diamond", "dash"),
    )
    traces = [
        {
            "type": "scatter",
            "x": walked.factors,
            "y": values,
            "name": name,
            "mode": "lines+markers",
            "line": {"color": colour, "width": 2, "dash": dash},
            "marker": {"symbol": symbol, "size": 8, "color": colour},
            "hovertemplate": "%{y:.1f}",
        }
        for name, values, colour, symbol, dash in lines
    ]
    return draw.figure(
        traces,
        height=360,
        title=title,
        **_marks(walked),
        xaxis={
            "title": {"text": "factor: 0 is the origin, 1 the image's own code", "standoff": 4},
            "range": [-0.1, walked.factors[-1] + 0.1],
        },
        yaxis={"title": {"text": "percentile", "standoff": 4}, "range": [-4, 139]}
        | {"tickvals": [0, 25, 50, 75, 95]},
    )


def _marks(walked: MirrorRay) -> dict[str, Any]:
    """Lines at what is flagged and at the image; ranges that training knew, with their words."""
    colours, end = palette(), float(walked.factors[-1])
    ranges = [(_factors(walked), "training images", colours.normal)]
    for taken in (walked.inward, walked.outward):
        if taken is not None:
            ranges.append((taken, "atypical", colours.focus))
    shapes = [draw.line_at(y=95, dash="dash", width=1.5, color=colours.faint)]
    shapes.append(draw.line_at(x=1, dash="dot", width=1.5, color=colours.faint))
    words = []
    for (low, high), text, colour in ranges:
        if low >= end or high <= 0:
            continue
        low, high = max(low, 0.0), min(high, end)
        on_top = text == "training images"
        shapes.append(_band(low, high, colour, on_top=on_top))
        place = {"x": (low + high) / 2, "y": 130 if on_top else 113, "xref": "x", "yref": "y"}
        words.append({"text": text, "showarrow": False, **place})
    return {"shapes": shapes, "annotations": words}


def _factors(walked: MirrorRay) -> tuple[float, float]:
    """Between which factors the code has a length as 98 of 100 training images have."""
    low, high = walked.usual
    return (low / walked.norm, high / walked.norm) if walked.norm else (0.0, 0.0)


def _band(low: float, high: float, colour: str, *, on_top: bool) -> draw.Trace:
    """A bar above the curve over a range of factors."""
    bottom = 122 if on_top else 105  # above the marks of percentile 100
    red, green, blue = bytes.fromhex(colour[1:])
    return {
        "type": "rect",
        "x0": low,
        "x1": high,
        "y0": bottom,
        "y1": bottom + 15,
        "xref": "x",
        "yref": "y",
        "fillcolor": f"rgba({red}, {green}, {blue}, 0.22)",
        "line": {"color": colour, "width": 1},
        "layer": "below",
    }


# What it shows ------------------------------------------------------------------------------------


def said_of(walked: MirrorRay) -> str:
    """Where on the ray pictures are flagged, and how long the image's own code is."""
    if not walked.norm:
        return "The code of this image is the origin itself: every factor gives the same picture."
    low, high = walked.usual
    beside = "shorter than" if walked.norm < low else "longer than" if walked.norm > high else "as"
    text = f"The code of this image has length {walked.norm:.2f}, "
    text += f"{beside} {'those' if beside != 'as' else 'that'} of 98 in 100 training images"
    text += f" ({low:.2f} to {high:.2f})." if beside != "as" else f" has ({low:.2f} to {high:.2f})."
    inward = [f for f, flag in zip(walked.factors, walked.flagged, strict=True) if flag and f < 1]
    outward = [f for f, flag in zip(walked.factors, walked.flagged, strict=True) if flag and f > 1]
    sides = (("inward", inward, walked.factors < 1), ("outward", outward, walked.factors > 1))
    return text + " " + " ".join(_of_side(name, flags, int(s.sum())) for name, flags, s in sides)


def _of_side(side: str, flagged: list[float], steps: int) -> str:
    """How many pictures of a side are flagged, and where."""
    if not flagged:
        return f"Of the {steps} pictures {side} none is flagged."
    if len(flagged) == steps:
        return f"All {steps} pictures {side} are flagged."
    at = listed([f"{f:g}" for f in flagged])
    return f"Of the {steps} pictures {side} {len(flagged)} {'is' if len(flagged) == 1 else 'are'} flagged, at {at}."


def why(walked: MirrorRay) -> str:
    """What training had to do with these codes."""
    text = (
        "Normal images keep their codes at a certain length, so what lies much further in or out "
        "is no code of theirs, and its picture need not look like one. "
    )
    ranges = []
    if walked.inward is not None:
        ranges.append(f"below factor {walked.inward[1]:g}")
    if walked.outward is not None:
        ranges.append(f"above factor {walked.outward[0]:g}")
    if not ranges:
        return (
            f"{text}This model was trained without atypical codes: nothing taught it to mind them."
        )
    return (
        f"{text}Atypical selection used that: in training, pictures decoded from codes of "
        f"training images {listed(ranges)} stood for anomalies, without a single true one."
    )
