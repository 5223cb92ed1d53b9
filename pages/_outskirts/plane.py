"""The plane through the posteriors, with what is drawn from them."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.service import Draws, Field, Plane
from pages._shared import draw
from pages._shared.text import hundredths
from pages._shared.theme import palette

__all__ = ["how_to_read", "plane"]

PIXELS, DOTS = 240, 800  # of the tint, a side; of the picture of crowds, its longer one
FEW = 500  # generators that are marks one can point at; more are a picture, too
WIDEST = 15.0  # logits: beyond, the tint stays as it is


@dataclass(frozen=True)
class Look:
    """Of a kind of mark: colour, symbol of Plotly's and size in pixels.

    Kinds differ in symbol and size, for whoever does not see the colours.
    """

    color: str
    symbol: str
    size: int

    @property
    def marker(self) -> dict[str, Any]:
        line = {"line": {"width": 1.6}} if self.symbol.endswith("open") else {}
        return {"color": self.color, "size": self.size, "symbol": self.symbol, **line}


def looks() -> dict[str, Look]:
    """Of training images, generators and draws, in the colours of the theme."""
    colours = palette()
    return {
        "exemplar": Look(colours.neutral, "circle", 5),
        "generator": Look(colours.categories[2], "diamond-open", 8),
        "synthetic": Look(colours.strange, "x", 7),
    }


def _line_colour() -> str:
    """Of what the classifiers say."""
    return palette().categories[9]


# The plane --------------------------------------------------------------------------------------


def plane(view: Plane, made: Draws, field: Field | None, *, title: str, height: int) -> go.Figure:
    """Exemplar posteriors, generators with their outlines, draws, and the classifiers' field below.

    Streamlit builds a changed Plotly chart anew, so it is kept light for the sliders: tint and
    crowds of dots are pictures, and margins are fixed.
    """
    halves = np.maximum(np.abs(view.xy).max(0), np.abs(made.xy).max(0)) * 1.06
    reach = np.abs(view.xy).max(0) * 1.06
    crowd = _crowd(_crowds(view, made), (float(reach[0]), float(reach[1])))
    pictures = [{"source": crowd, **_place(reach)}]
    if field is not None:
        wide = np.full(2, 2.5 * halves.max())  # the window may be twice as wide as the plane
        pictures.insert(0, {"source": _tint(field, wide), **_place(wide)})
    x, y = (_axis(i, *each) for i, each in enumerate(zip(halves, view.share, strict=True), 1))
    return draw.figure(
        [*_of_posteriors(view, made), _of_draws(made), *_of_field(field)],
        height=height,
        title=title,
        images=pictures,
        xaxis=x,
        yaxis=y
        | {"scaleanchor": "x"},  # one scale: rings keep their shape; the tint fills the rest
        hovermode="closest",
        legend={"itemclick": False, "itemdoubleclick": False},
        margin={"l": 52, "r": 4, "t": 114, "b": 44},  # a phone has three rows
    )


def _axis(number: int, half: float, share: float) -> dict[str, Any]:
    return {
        "title": {"text": f"axis {number}, {hundredths(share)} of the variance"},
        "range": [-float(half), float(half)],
        "zeroline": False,
        "showgrid": False,
        "automargin": False,
    }


def _few(made: Draws) -> np.ndarray:
    """Generators that are marks of their own: all or none."""
    return made.generators if len(made.generators) <= FEW else made.generators[:0]


def _of_field(field: Field | None) -> list[draw.Trace]:
    if field is None:
        return []
    return [
        _polylines(lines, {"color": _line_colour(), "width": width, "dash": dash}, name)
        for lines, width, dash, name in (
            (field.border, 2.5, "solid", "threshold"),
            (field.even, 1, "dot", "logit 0"),
        )
    ]


def _of_posteriors(view: Plane, made: Draws) -> list[draw.Trace]:
    """Training images for the legend alone, outlines of generators, and the generators."""
    look, few = looks(), _few(made)
    shown, of = len(made.outlined), len(made.generators)
    rings = "" if shown == of else f", {shown} of {of:,}"
    generator = look["generator"]
    return [
        _dots(np.full((1, 2), np.nan), np.zeros(1), "") | {"name": "training image"}
        | {"marker": look["exemplar"].marker},
        _polylines(
            made.outlines, {"color": generator.color, "width": 1.2}, f"posterior{rings}"
        ),
        _dots(
            view.xy[few] if len(few) else np.full((1, 2), np.nan),
            few if len(few) else np.zeros(1),
            "generator: training image %{customdata}",
        )
        | {"marker": generator.marker, "name": "generator"},
    ]  # fmt: skip


def _of_draws(made: Draws) -> draw.Trace:
    dots = _dots(made.xy, made.logit, "synthetic, mean logit %{customdata:.1f}")
    marker = looks()["synthetic"].marker | {"opacity": 0.85}
    return dots | {"marker": marker, "name": "synthetic"}


def _dots(xy: np.ndarray, of: np.ndarray, hover: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "x": xy[:, 0],
        "y": xy[:, 1],
        "mode": "markers",
        "customdata": of,
        "hovertemplate": hover + "<extra></extra>",
    }


def _polylines(lines: np.ndarray, line: dict[str, Any], name: str) -> draw.Trace:
    """Lines (L, P, 2) as one with gaps."""
    gaps = np.full((len(lines), 1, 2), np.nan)
    points = np.concatenate([lines, gaps], 1).reshape(-1, 2)
    ends = {"x": points[:, 0], "y": points[:, 1], "name": name}
    return {"type": "scatter", "mode": "lines", "line": line, "hoverinfo": "skip", **ends}


# Pictures below the marks -------------------------------------------------------------------------


def _tint(field: Field, halves: np.ndarray) -> str:
    """The mean logit as a picture over [-halves, halves]: the stranger, the denser."""
    widest = min(max(WIDEST, -float(field.logit.min())), 4 * WIDEST)
    x, y = (np.linspace(-half, half, PIXELS) for half in halves)
    columns = np.stack([np.interp(x, field.x, row) for row in field.logit.clip(-widest, widest)])
    logit = np.stack([np.interp(y, field.y, column) for column in columns.T], 1)  # (y, x)
    pixels = np.empty((PIXELS, PIXELS, 4), np.uint8)
    pixels[..., :3] = _rgb(_line_colour())
    pixels[..., 3] = np.interp(logit[::-1], (-widest, 0, widest), (0, 36, 130))
    return _source(pixels)


def _crowds(view: Plane, made: Draws) -> tuple[tuple[Look, bytes], ...]:
    """What is too many for marks of its own: its look, and its points (n, 2) float32."""
    rest = np.setdiff1d(np.arange(len(view.xy)), made.generators)
    many = made.generators[len(_few(made)) :]
    return tuple(
        (looks()[kind], view.xy[of].astype(np.float32).tobytes())
        for kind, of in (("exemplar", rest), ("generator", many))
    )


@lru_cache(maxsize=32)
def _crowd(crowds: tuple[tuple[Look, bytes], ...], halves: tuple[float, float]) -> str:
    """Points by their look as a picture over [-halves, halves], kept by what it shows.

    One picture for all: of two at one place Plotly shows the first alone.
    """
    width, height = (max(int(DOTS * half / max(halves)), 8) for half in halves)
    pixels = np.zeros((height, width, 4))
    for look, data in crowds:
        xy = np.frombuffer(data, np.float32).reshape(-1, 2)
        spots = ((xy / halves * [1, -1] + 1) / 2 * [width, height]).astype(int)
        at = (spots[:, None] + _stamp(look)).reshape(-1, 2).clip(0, [width - 1, height - 1])
        count = np.bincount(at[:, 1] * width + at[:, 0], minlength=width * height)
        alpha = 255 * (1 - 0.55 ** count.clip(0, 16).reshape(height, width))
        rgba = [np.full_like(alpha, channel) for channel in _rgb(look.color)]
        pixels = np.where(alpha[..., None] > 0, np.stack([*rgba, alpha], -1), pixels)
    return _source(pixels.astype(np.uint8))


def _stamp(look: Look) -> np.ndarray:
    """Pixels (n, 2) of a mark, from its middle."""
    spots = np.argwhere(np.ones((17, 17))) - 8
    if look.symbol == "circle":
        return spots[(spots**2).sum(1) <= 10]
    apart = np.abs(spots).sum(1)
    return spots[(apart <= 7) & (apart >= 5)]


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def _source(pixels: np.ndarray) -> str:
    return "data:image/png;base64," + b64encode(draw.png([pixels])).decode()


def _place(halves: np.ndarray) -> dict[str, Any]:
    """A picture's place below the marks: [-halves, halves]."""
    left, top = -float(halves[0]), float(halves[1])
    place = {"xref": "x", "yref": "y", "x": left, "y": top, "sizex": -2 * left, "sizey": 2 * top}
    return {**place, "sizing": "stretch", "layer": "below"}


# Words --------------------------------------------------------------------------------------------


def how_to_read(view: Plane, field: Field | None) -> str:
    """What the plane leaves out, and what its tint means."""
    text = (
        f"A shadow: these two axes hold {hundredths(view.share.sum())} of how the means vary; the other "
        f"{view.axes.shape[1] - 2} dimensions are not seen."
    )
    if field is None:
        return text
    text += (
        " Rings: posteriors at one standard deviation. Beyond the threshold an image is flagged. "
        "Tinted: the mean logit, the more the stranger, on the slice through the centre: every "
        "other coordinate at the centre's, without what the VAE leaves over. A dot lies off this "
        "slice, so its own verdict may differ from the tint below it."
    )
    return text if len(field.border) else f"{text} No part of the slice crosses the threshold."
