"""Which images are selected on the maps: kept through every change of the picture, and in a link."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from core.service import LatentMap

__all__ = [
    "LONGEST_LINK",
    "change",
    "clear",
    "clicks_on",
    "decode",
    "encode",
    "first_page",
    "inside",
    "read_url",
    "select",
    "selected",
    "stale",
    "take",
]

LONGEST_LINK = 6000  # characters; proxies and mail programs cut longer ones
STATE, STALE, WRITTEN, SEEN, DRAWN = (
    "_latent_selection",
    "_latent_stale",
    "_latent_written",
    "_latent_seen",
    "latent_drawn",
)
PARAMETER = "latent_selected"


def encode(mask: np.ndarray) -> str:
    """Which of N rows are selected, (N,) bool, as text that fits a URL.

    Example:
        >>> decode(encode(np.array([True, False, True])), 3).tolist()
        [True, False, True]
    """
    packed = zlib.compress(np.packbits(mask).tobytes(), 9)
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode(text: str, rows: int) -> np.ndarray | None:
    """The rows (N,) bool that `encode` wrote down; None if the text is none of N rows."""
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        unpack = zlib.decompressobj()
        bits = np.frombuffer(unpack.decompress(packed, rows // 8 + 2), np.uint8)
    except (binascii.Error, ValueError, zlib.error):
        return None
    if not unpack.eof or len(bits) != -(-rows // 8):
        return None
    return np.unpackbits(bits)[:rows].astype(bool)


def selected(scenario: str) -> np.ndarray:
    """Keys of the selected images of a scenario, sorted; see `LatentMap.keys`."""
    return st.session_state.get(STATE, {}).get(scenario, np.array([], np.int64))


def change() -> None:
    """Note that the maps do not show what is the case any more."""
    st.session_state[STALE] = True


def stale() -> bool:
    """Whether something was changed since the maps were drawn; asked once."""
    return bool(st.session_state.pop(STALE, False))


def select(scenario: str, keys: np.ndarray) -> None:
    """Select these images and no others, and take what was drawn on the maps off them."""
    change()
    first_page()
    _keep(scenario, keys)
    st.session_state[DRAWN] = st.session_state.get(DRAWN, 0) + 1


def first_page() -> None:
    """Other pictures: begin with the first of them."""
    st.session_state["latent_page"] = 1


def clear(scenario: str) -> None:
    select(scenario, np.array([], np.int64))


def _keep(scenario: str, keys: np.ndarray) -> None:
    st.session_state[STATE] = st.session_state.get(STATE, {}) | {scenario: np.unique(keys)}


Area = tuple[str, Sequence[Sequence[float]]]  # "rect" or "polygon", and its corners


@dataclass
class Seen:
    """What the browser has said of a chart so far: areas on it, points clicked, and how often."""

    areas: list[Area] = field(default_factory=list)
    clicked: set[tuple[int, int]] = field(default_factory=set)
    clicks: int = 0


def _seen(chart: str) -> Seen:
    """Of this chart; what is known of charts that are gone is forgotten."""
    known: dict[str, Seen] = st.session_state.setdefault(SEEN, {})
    for gone in [name for name in known if name not in st.session_state]:
        del known[gone]
    return known.setdefault(chart, Seen()) if chart in st.session_state else Seen()


def take(
    scenario: str, view: LatentMap, chart: str, groups: Sequence[np.ndarray], stroke: str
) -> int | None:
    """Take over what was drawn on a map since the last run; return the row that was clicked.

    Rows that the map does not have, which the browser may still send of another one, are left out.

    Args:
        groups: rows of each of the chart's series; what is in none is not visible.
        stroke: what a new line does to the selection: "replace", "add" or "remove".
    """
    seen = _seen(chart)
    if chart not in st.session_state:
        return None
    found = st.session_state[chart]["selection"]
    areas = [(area["brush_type"], area["coord_range"]) for area in found["areas"]]
    clicks = {(g["series_index"], i) for g in found["selected"] for i in g["data_indices"]}
    drawn, clicked = seen.areas, seen.clicked
    seen.areas, seen.clicked = areas, clicks
    if areas != drawn:
        visible = np.zeros(len(view.keys), bool)
        visible[np.concatenate([*groups, np.array([], int)])] = True
        _draw(scenario, view, visible, areas, drawn, stroke)
        first_page()
    rows = [  # other colours are other series: what was clicked before them means nothing now
        int(groups[series][i])
        for series, i in clicks - clicked
        if series < len(groups) and i < len(groups[series])
    ]
    if len(rows) != 1:
        return None
    seen.clicks += 1
    return rows[0]


def _draw(
    scenario: str,
    view: LatentMap,
    visible: np.ndarray,
    areas: Sequence[Area],
    drawn: Sequence[Area],
    stroke: str,
) -> None:
    """Select what the areas of a map hold of its shown rows, (N,) bool."""
    new = areas[len(drawn) :] if areas[: len(drawn)] == drawn else areas
    if stroke == "replace" or not new:  # no new one: some were taken off the map
        _keep(scenario, view.keys[_within(areas, view.xy) & visible])
        return
    keys = view.keys[_within(new, view.xy) & visible]
    combine = np.union1d if stroke == "add" else np.setdiff1d
    _keep(scenario, combine(selected(scenario), keys))


def _within(areas: Sequence[Area], xy: np.ndarray) -> np.ndarray:
    """Which points (N, 2) lie in any of the areas, (N,) bool."""
    within = np.zeros(len(xy), bool)
    for kind, corners in areas:
        within |= inside(kind, corners, xy)
    return within


def clicks_on(chart: str) -> int:
    """How many points of a map were clicked."""
    return _seen(chart).clicks


def inside(kind: str, corners: Sequence[Sequence[float]], xy: np.ndarray) -> np.ndarray:
    """Which points (N, 2) lie in a box [[x0, x1], [y0, y1]] or a polygon [[x, y], ...], (N,) bool.

    Example:
        >>> inside("polygon", [[0, 0], [4, 0], [0, 4]], np.array([[1.0, 1], [3, 3]])).tolist()
        [True, False]
    """
    x, y = xy.T
    if kind == "rect":
        (x0, x1), (y0, y1) = map(sorted, corners)
        return (x0 <= x) & (x <= x1) & (y0 <= y) & (y <= y1)
    within = np.zeros(len(xy), bool)
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if y0 != y1:  # a ray to the right crosses this side, or does not: an odd number is inside
            crosses = (y0 > y) != (y1 > y)
            within ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return within


def read_url(scenario: str, view: LatentMap) -> str:
    """Take over a selection that a link brought, and write the present one into the address.

    Returns what is wrong with the link, or of the present selection's length, or "".
    """
    said, arrived = "", st.query_params.get(PARAMETER, "")
    name = f"{zlib.crc32(view.keys.tobytes()):08x}"  # of the images that the map shows
    if arrived and arrived != st.session_state.get(WRITTEN):
        of, _, packed = arrived.partition(".")
        mask = decode(packed, len(view.keys)) if of == name else None
        if mask is None:
            said = "The link's selection belongs to another map, or was cut: it is left out."
        else:
            change()
            _keep(scenario, view.keys[mask])
    rows = view.rows(selected(scenario))
    text = ""
    if len(rows):
        mask = np.zeros(len(view.keys), bool)
        mask[rows] = True
        text = f"{name}.{encode(mask)}"
        if len(text) > LONGEST_LINK:
            text = ""
            said = said or (
                "This selection is too scattered for the address of the page: it stays as long as "
                "the page is open. Take it away as a table."
            )
    st.session_state[WRITTEN] = text
    if text:
        st.query_params[PARAMETER] = text
    elif PARAMETER in st.query_params:
        del st.query_params[PARAMETER]
    return said
