"""How pages draw: enlarged images, figures, and how figures are taken away."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from PIL import Image

from core.service import Mean, Metrics
from pages._shared import presenting
from pages._shared.theme import palette, template

__all__ = [
    "DASH",
    "SMALL",
    "Trace",
    "chart",
    "enlarge",
    "figure",
    "interval",
    "line_at",
    "panels_of",
    "png",
    "reduced",
    "save_as",
    "strip",
]


# Pictures ---------------------------------------------------------------------------------------


def enlarge(image: np.ndarray, side: int = 192) -> np.ndarray:
    """An image (H, W, C) with each pixel drawn several times, so that browsers do not blur it.

    As often as its longer side goes into ``side``; grey ones come without their one channel.
    """
    factor = max(1, side // max(image.shape[:2]))
    large = image.repeat(factor, 0).repeat(factor, 1)
    return large[..., 0] if large.shape[2] == 1 else large


SMALL = 160  # pixels of the longer side of a picture in a gallery, at most


def reduced(image: np.ndarray, most: int = SMALL) -> np.ndarray:
    """An image (H, W, C) uint8 of at most so many pixels a side, each the mean of a block; or itself.

    What is shown small is sent small: a sharp screen draws two pixels where a page counts one.
    """
    factor = -(-max(image.shape[:2]) // most)
    if factor <= 1:
        return image
    grey = image.shape[2] == 1
    small = np.asarray(Image.fromarray(image[..., 0] if grey else image).reduce(factor))
    return small[..., None] if grey else small


def png(strips: Sequence[np.ndarray]) -> bytes:
    """Pictures (H, W[, C]) uint8 of one width below each other, as a PNG file."""
    whole = np.concatenate(list(strips))
    stream = io.BytesIO()
    grey = whole.ndim == 3 and whole.shape[2] == 1
    Image.fromarray(whole[..., 0] if grey else whole).save(stream, "PNG")
    return stream.getvalue()


def strip(images: np.ndarray, side: int = 96) -> np.ndarray:
    """Images (N, H, W, C) side by side, each as `enlarge` draws it, with a thin gap."""
    large = [enlarge(image, side) for image in images]
    gap = np.full((len(large[0]), 3, *large[0].shape[2:]), 128, np.uint8)
    return np.concatenate([piece for image in large for piece in (gap, image)][1:], axis=1)


# Figures of a score -----------------------------------------------------------------------------

DASH = "\u2060–\u2060"  # an en dash at which no line breaks


def interval(found: Metrics | Mean, *, dash: str = "–") -> str:
    """The interval of an AUROC, or that there is none: one image has no other to differ from."""
    return f"{found.low:.3f}{dash}{found.high:.3f}" if found.has_interval else "no interval"


# Figures ----------------------------------------------------------------------------------------


Trace = Mapping[str, Any]  # as Plotly's JSON has it, with its type
TAKEN_WIDTH = 900  # pixels, of a figure as a file
LINE = 50  # letters of a title that a phone has room for beside that bar
BAR = 34  # pixels right of a figure, for the bar that takes it away


def save_as(name: str) -> dict[str, Any]:
    """The bar above a figure: it takes the figure away as NAME.svg."""
    return {
        "displaylogo": False,
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
        "toImageButtonOptions": {"format": "svg", "filename": name, "width": TAKEN_WIDTH},
    }


def chart(drawn: go.Figure, *, key: str, name: str, alt: str, **options: Any) -> Any:
    """Show a figure of `figure`; what Streamlit says of a selection in it.

    Args:
        name: of the file that it is taken away as: what it shows, of which model and set.
        alt: what it shows, in words.
    """
    return st.plotly_chart(drawn, key=key, theme=None, alt=alt, config=save_as(name), **options)


def figure(
    traces: Sequence[Trace],
    *,
    height: int,
    title: str = "",
    margin: Mapping[str, int] | None = None,
    **layout: Any,
) -> go.Figure:
    """A figure with what all of them have in common.

    Whole at once: Plotly checks each later change of a figure for longer than all of it at first,
    and a rerun of a page draws half a dozen.

    A drag does nothing unless its tool is chosen in the bar above the figure: Plotly takes the touch
    of a finger for a drag, and no page of a phone could be scrolled past a figure.

    Args:
        title: what it shows, with the unit where no axis has it; it goes along where the figure is
            taken away.
    """
    legend = layout.get("showlegend", True) and len(traces) > 1
    scale = presenting.scale()
    lines = textwrap.wrap(title, LINE)
    more = round(scale * 18 * max(0, len(lines) - 1))
    above = 8 + round(scale * 30 * bool(title)) + more
    top, height = above + round(scale * 28 * legend), presenting.height(height)
    house: dict[str, Any] = {
        "template": template(palette(), scale),
        "dragmode": False,
        "height": height,
        "margin": {"l": 8, "r": BAR, "t": top, "b": 8} | _scaled(margin or {}, scale),
        "paper_bgcolor": palette().background,
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hovermode": "x unified",
        # It hangs below the title, and has the plot make room: standing on the plot, a legend of
        # several rows grows into the title, and those of a phone have several.
        "legend": {"orientation": "h", "x": 0, "yref": "container", "yanchor": "top"}
        | {"y": 1 - above / height},
    }
    if title:
        house["title"] = {
            "text": "<br>".join(lines),
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 8 + more},  # Plotly lets the last line of several stand where one would
        }
    if "legend" in layout:
        layout["legend"] = _legend(layout["legend"], house["legend"], scale)
    return go.Figure({"data": [_held(trace) for trace in traces], "layout": house | layout})


def _legend(own: Mapping[str, Any], house: Mapping[str, Any], scale: float) -> dict[str, Any]:
    """A figure's own legend, where the house has it if it says nothing; entries as wide as words."""
    legend = dict(own) if "y" in own else {**house, **own}
    if "entrywidth" in legend:
        legend["entrywidth"] = round(legend["entrywidth"] * (1 + scale) / 2)  # as the letters are
    return legend


def _scaled(margin: Mapping[str, int], scale: float) -> dict[str, int]:
    """Margins that a figure's words need, of words as large as they are."""
    return {side: round(scale * pixels) for side, pixels in margin.items()}


def _held(trace: Trace) -> Trace:
    """A trace whose points' own values are one array: Plotly copies and checks a list of lists
    number by number, for a third of a second where two thousand points have four values each.
    """
    known = trace.get("customdata")
    if not isinstance(known, list):
        return trace
    return {**trace, "customdata": np.array(known, dtype=object)}


def line_at(
    *, x: float | None = None, y: float | None = None, panel: int = 0, **line: Any
) -> Trace:
    """A line across a panel of a figure, for its ``shapes``: upright at x, or level at y."""
    n = str(panel + 1) if panel else ""
    if x is not None:
        ends = {"x0": x, "x1": x, "y0": 0, "y1": 1, "xref": f"x{n}", "yref": f"y{n} domain"}
    else:
        ends = {"x0": 0, "x1": 1, "y0": y, "y1": y, "xref": f"x{n} domain", "yref": f"y{n}"}
    return {"type": "line", "line": line, **ends}


def panels_of(titles: Sequence[str], columns: int, *, gaps: tuple[float, float]) -> dict[str, Any]:
    """Axes and titles of panels in rows, as a layout: axis "xaxis2" is that of the second.

    Args:
        gaps: between columns and between rows, as shares of the figure.
    """
    rows = -(-len(titles) // columns)
    width, height = (
        (1 - gap * (count - 1)) / count for gap, count in zip(gaps, (columns, rows), strict=True)
    )
    layout: dict[str, Any] = {"annotations": []}
    for i, title in enumerate(titles):
        row, column = divmod(i, columns)
        left, low = column * (width + gaps[0]), (rows - 1 - row) * (height + gaps[1])
        n = str(i + 1) if i else ""
        layout[f"xaxis{n}"] = {"anchor": f"y{n}", "domain": [left, left + width]}
        layout[f"yaxis{n}"] = {"anchor": f"x{n}", "domain": [low, low + height]}
        layout["annotations"].append(_title(title, left + width / 2, low + height))
    return layout


def _title(text: str, x: float, y: float) -> dict[str, Any]:
    """The title of a panel whose upper edge has its middle at (x, y)."""
    place = {"x": x, "y": y, "xref": "paper", "yref": "paper", "xanchor": "center"}
    return {"text": text, "showarrow": False, "yanchor": "bottom", **place}
