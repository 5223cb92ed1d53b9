"""The map of latent codes as an ECharts picture, and what colours its points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any
from urllib.parse import quote

import numpy as np
import plotly.graph_objects as go
import pyarrow as pa

from core.service import LatentMap, Near
from pages._shared import draw

__all__ = [
    "COLOURS",
    "Colouring",
    "colour_by",
    "grouped",
    "legend",
    "spec",
    "three_d",
]

COLOURS = (  # Okabe and Ito's, and two greys
    "#56B4E9",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#0072B2",
    "#B8A500",
    "#7A7A7A",
    "#8A5A2B",
    "#9F8BD6",
)
NOTHING = "#9AA5AB"
SHADES = (  # viridis
    "#440154",
    "#482475",
    "#414487",
    "#355F8D",
    "#2A788E",
    "#21918C",
    "#22A884",
    "#44BF70",
    "#7AD151",
    "#BDDF26",
    "#FDE725",
)
VERDICTS = (
    ("normal, let pass", COLOURS[0]),
    ("false alarm: normal, but flagged", COLOURS[4]),
    ("found: strange and flagged", COLOURS[2]),
    ("missed: strange, but let pass", COLOURS[1]),
    ("unjudged", "#8C8C8C"),
)
UNJUDGED = 4
FOCUS = "#E7298A"
PRESSED = {"color": "#E7298A55", "borderColor": FOCUS, "borderWidth": 2.5}  # a tool in use
FAINT = 0.18  # opacity of what is not selected
SIZE = 5
TOP = {"silent": True, "z": 3}
# A symbol and a letter a role, so that colour need not say it.
SYMBOLS = {"normal": "circle", "strange": "triangle", "unjudged": "diamond"}
MARKS = {"normal": "●", "strange": "▲", "unjudged": "◆"}


@dataclass(frozen=True)
class Colouring:
    """What the points' colours mean.

    Attributes:
        values: (N,), an index into categories, or a number.
        categories: names and colours, or none where the values are numbers.
        text: (N,), the value as the tooltip says it.
    """

    title: str
    values: np.ndarray
    categories: tuple[tuple[str, str], ...] = ()
    text: Sequence[str] | np.ndarray = ()


def colour_by(what: str, view: LatentMap, tags: Mapping[str, np.ndarray]) -> Colouring:
    """Colours by set, class, verdict, tag, percentile, trust, or the name of a part."""
    if what == "set":
        names = tuple((name, COLOURS[i % len(COLOURS)]) for i, name in enumerate(view.sets))
        return Colouring("set", view.which.astype(int), names, np.array(view.sets)[view.which])
    if what == "class":
        return _by_class(view)
    if what == "verdict":
        kind = np.where(view.strange, np.where(view.flagged, 2, 3), view.flagged.astype(int))
        kind = np.where(view.role == "unjudged", UNJUDGED, kind)
        verdicts = VERDICTS if (kind == UNJUDGED).any() else VERDICTS[:UNJUDGED]
        return Colouring("verdict", kind, verdicts, np.array([v for v, _ in verdicts])[kind])
    if what == "tag":
        return _by_tag(view, tags)
    if what == "trust":
        return _numbers("trustworthiness of the place", view.local)
    if what == "percentile":
        return _numbers("percentile of the score", view.percentiles[view.score])
    return _numbers(f"{view.titles[what]}, {view.units[what]}", view.parts[what])


def _by_class(view: LatentMap) -> Colouring:
    """Classes of normal images first; digits and others share the colours, not the symbol."""
    names = list(dict.fromkeys(sorted(set(view.labels), key=lambda n: (n == "", n))))
    normal = [n for n in dict.fromkeys(view.labels[view.role == "normal"].tolist()) if n]
    names = sorted(normal) + [n for n in names if n and n not in normal]
    number = {name: i for i, name in enumerate(names)}
    values = np.array([number.get(name, len(names)) for name in view.labels])
    shades = [
        COLOURS[(i if i < len(normal) else i - len(normal)) % len(COLOURS)]
        for i in range(len(names))
    ]
    pairs = tuple(zip(names, shades, strict=True))
    if (values == len(names)).any():
        pairs += (("no class", NOTHING),)
    return Colouring("class", values, pairs, np.where(view.labels == "", "no class", view.labels))


def _by_tag(view: LatentMap, tags: Mapping[str, np.ndarray]) -> Colouring:
    """The last tag of an image counts."""
    values = np.zeros(len(view.keys), int)
    for i, keys in enumerate(tags.values()):
        values[np.isin(view.keys, keys)] = i + 1
    shades = [NOTHING, *(COLOURS[i % len(COLOURS)] for i in range(len(tags)))]
    names = ["no tag", *tags]
    pairs = tuple(zip(names, shades, strict=True))
    return Colouring("tag", values, pairs, np.array(names)[values])


def _numbers(title: str, values: np.ndarray) -> Colouring:
    return Colouring(title, values, (), [f"{v:.3g}" for v in values])


def legend(colouring: Colouring, visible: np.ndarray, role: np.ndarray) -> str:
    """HTML: a mark of each category's colour that is visible, with its name and number of images."""
    marks = []
    for i, (name, colour) in enumerate(colouring.categories):
        there = visible & (colouring.values == i)
        if there.any():
            roles = set(role[there].tolist())
            mark = MARKS[roles.pop() if len(roles) == 1 else "normal"]
            marks.append(
                '<span style="white-space:nowrap; margin-right:1.2em">'
                f'<span style="color:{colour}">{mark}</span> '
                f"{escape(name)} <small>{there.sum():,}</small></span>"
            )
    return " ".join(marks)


def spec(
    view: LatentMap,
    colouring: Colouring,
    *,
    visible: np.ndarray,
    picked: np.ndarray,
    near: Near | None,
    scenario: str,
    clicks: int = 0,
) -> dict[str, Any]:
    """The chart's options: all images, over them the selected ones, over them one's neighbours.

    A series holds points of one colour and one symbol and is drawn as one path: 10,000 points of
    their own would take the browser half a second each time. Such series know which point is
    clicked, but not what a lasso holds; that is found from its corners, see `selection.inside`.

    Args:
        visible: (N,) bool; picked: selected rows.
        clicks: how many there were on this map.
    """
    chosen = np.zeros(len(view.keys), bool)
    chosen[picked] = True
    groups = grouped(view, colouring, visible)
    text = np.asarray(colouring.text)
    faint = FAINT if len(picked) else 0.85
    series = [_points(g, view, text, opacity=faint, size=SIZE) for g in groups]
    for group in groups:
        over = replace(group, rows=group.rows[chosen[group.rows]])
        if len(over.rows):
            series.append(_points(over, view, text, opacity=1.0, size=SIZE + 1) | TOP)
    seen = _seen(view, visible, near)
    return {
        "animation": False,
        "dataset": [{"source": s.pop("source")} for s in series],
        "grid": {"left": 6, "right": 6, "top": 34, "bottom": 8 if colouring.categories else 46},
        "xAxis": _axis(seen[:, 0]),
        "yAxis": _axis(seen[:, 1]),
        "dataZoom": [
            {"type": "inside", a: 0, "filterMode": "none"} for a in ("xAxisIndex", "yAxisIndex")
        ],
        "toolbox": {
            "left": 0,
            "top": 0,
            "itemSize": 20,
            "emphasis": {"iconStyle": PRESSED},
            "feature": {
                "brush": {
                    "type": ["polygon", "rect", "clear"],
                    "title": {"polygon": "Lasso", "rect": "Box", "clear": "Clear"},
                },
                "restore": {"title": "Whole map"},
            },
        },
        "brush": {
            "xAxisIndex": 0,
            "yAxisIndex": 0,
            "removeOnClick": False,  # a click on a point must not cost the selection
            "transformable": False,  # a line that begins within the last one is a new one
            "brushStyle": {
                "borderWidth": 1.5,
                "color": "rgba(120,140,160,0.12)",
                "borderColor": "#7A8A99",
            },
            "throttleType": "debounce",
            "throttleDelay": 50,
        },
        "tooltip": {
            "confine": True,
            # Streamlit writes the values in as text; the address is below the page's own.
            "formatter": f"<img src='thumbnail/{quote(scenario)}/{{@set}}/{{@index}}.png' width='64' "
            "height='64' style='image-rendering:pixelated' alt=''><br><b>{@set}#{@index}</b> "
            f"{{@label}}<br>{escape(colouring.title)}: {{@text}}",
        },
        **_visual(colouring),
        "series": [
            # Another name after each click: the browser would take a second click on a point as
            # its first one taken back.
            *(
                {**s, "datasetIndex": i, "id": f"{i} after {clicks} clicks"}
                for i, s in enumerate(series)
            ),
            *([] if near is None else _around(view, near)),
        ],
    }


@dataclass(frozen=True)
class Group:
    """Rows of a map that share a colour and a symbol."""

    rows: np.ndarray
    colour: str
    symbol: str


def grouped(view: LatentMap, colouring: Colouring, visible: np.ndarray) -> list[Group]:
    """The shown rows by colour and symbol, in the order of the chart's series."""
    if colouring.categories:
        number, colours = colouring.values.astype(int), [c for _, c in colouring.categories]
    else:
        low, high = _range(colouring.values)
        share = ((colouring.values - low) / (high - low)).clip(0, 1)
        number, colours = (share * (len(SHADES) - 1)).round().astype(int), list(SHADES)
    found = []
    for role, symbol in SYMBOLS.items():
        for i, colour in enumerate(colours):
            rows = np.flatnonzero(visible & (view.role == role) & (number == i))
            if len(rows):
                found.append(Group(rows, colour, symbol))
    return found


def _range(values: np.ndarray) -> tuple[float, float]:
    """The middle 98 % of the values: a few far away must not take all the colours."""
    low, high = np.quantile(values, (0.01, 0.99))
    return float(low), float(high if high > low else low + 1)


def _points(
    group: Group, view: LatentMap, text: np.ndarray, *, opacity: float, size: int
) -> dict[str, Any]:
    rows = group.rows
    source = pa.table(
        {
            "x": view.xy[rows, 0],
            "y": view.xy[rows, 1],
            "index": view.indices[rows],
            "set": np.array(view.sets)[view.which[rows]],
            "label": view.labels[rows],
            "text": text[rows],
        }
    )
    return {
        "type": "scatter",
        "source": source,
        "encode": {"x": "x", "y": "y"},
        "symbol": group.symbol,
        "symbolSize": size,
        "itemStyle": {"color": group.colour, "opacity": opacity},
        "large": True,
        "largeThreshold": 0,
        "selectedMode": "single",
    }


def _seen(view: LatentMap, visible: np.ndarray, near: Near | None) -> np.ndarray:
    """Places (n, 2) that the picture has to hold: what is visible, and who is looked at."""
    places = view.xy[visible] if visible.any() else view.xy
    return places if near is None else np.concatenate([places, near.xy[None], view.xy[near.rows]])


def _axis(values: np.ndarray) -> dict[str, Any]:
    room = 0.03 * max(float(np.ptp(values)), 1e-6)
    return {
        "type": "value",
        "show": False,
        "min": float(values.min()) - room,
        "max": float(values.max()) + room,
    }


def _visual(colouring: Colouring) -> dict[str, Any]:
    """The scale of colours, to read them by; it colours nothing itself."""
    if colouring.categories:
        return {}
    low, high = _range(colouring.values)
    return {
        "visualMap": {
            "seriesIndex": [],
            "type": "continuous",
            "min": low,
            "max": high,
            "calculable": False,
            "orient": "horizontal",
            "left": "center",
            "bottom": 0,
            "itemWidth": 12,
            "itemHeight": 220,
            "text": [f"{high:.3g}", f"{low:.3g}"],
            "inRange": {"color": list(SHADES)},
        }
    }


def _around(view: LatentMap, near: Near) -> list[dict[str, Any]]:
    """An image and lines to its neighbours, broken where the picture misplaces them."""
    place = near.xy.tolist()
    marks = [
        {
            "value": view.xy[row].tolist(),
            "symbol": "diamond" if far else "circle",
            "itemStyle": {"color": "transparent", "borderColor": FOCUS, "borderWidth": 2},
        }
        for row, far in zip(near.rows, near.misplaced, strict=True)
    ]
    lines = [
        {
            "coords": [place, view.xy[row].tolist()],
            "lineStyle": {"type": "dashed" if far else "solid"},
        }
        for row, far in zip(near.rows, near.misplaced, strict=True)
    ]
    top = TOP | {"tooltip": {"show": False}}
    return [
        top
        | {
            "type": "lines",
            "coordinateSystem": "cartesian2d",
            "data": lines,
            "lineStyle": {"color": FOCUS, "width": 1.5, "opacity": 0.8},
            "z": 4,
        },
        top | {"type": "scatter", "data": marks, "symbolSize": 11, "z": 5},
        top
        | {
            "type": "scatter",
            "data": [place],
            "symbol": "pin" if near.row is None else "circle",
            "symbolSize": 26 if near.row is None else 13,
            "itemStyle": {"color": FOCUS, "borderColor": "#FFFFFF", "borderWidth": 2},
            "z": 6,
        },
    ]


def three_d(
    view: LatentMap, colouring: Colouring, *, visible: np.ndarray, picked: np.ndarray
) -> go.Figure:
    """The codes along their first three principal axes; to turn and look at, not to select in."""
    traces: list[draw.Trace] = []
    chosen = np.zeros(len(view.keys), bool)
    chosen[picked] = True
    for rows, opacity, size in (
        (visible & ~chosen, 0.15 if chosen.any() else 0.7, 2.0),
        (visible & chosen, 1.0, 3.0),
    ):
        if not rows.any():
            continue
        marker: dict[str, Any] = {"size": size, "opacity": opacity}
        if colouring.categories:
            shades = np.array([c for _, c in colouring.categories])
            marker["color"] = shades[colouring.values[rows]]
        else:
            low, high = _range(colouring.values)
            marker |= {
                "color": colouring.values[rows],
                "colorscale": "Viridis",
                "cmin": low,
                "cmax": high,
            }
        x, y, z = view.axes[rows].T
        texts = [f"{view.id(int(i))} {view.labels[i]}" for i in np.flatnonzero(rows)]
        look = {"mode": "markers", "marker": marker, "showlegend": False}
        hover = {"text": texts, "hovertemplate": "%{text}<extra></extra>"}
        traces.append({"type": "scatter3d", "x": x, "y": y, "z": z, **look, **hover})
    scene: dict[str, Any] = {
        f"{a}axis": {"title": {"text": f"axis {i + 1}"}} for i, a in enumerate("xyz")
    }
    return draw.figure(
        traces,
        height=560,
        dragmode="turntable",
        hovermode="closest",
        scene=scene | {"aspectmode": "cube"},
        uirevision="latent",
    )
