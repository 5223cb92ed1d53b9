"""Which images are selected on the maps: kept through every change of the picture, and in a link."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from core.service import LatentMap
from pages._map import rows_of_series

__all__ = ["LONGEST_LINK", "clear", "decode", "encode", "read_url", "select", "selected", "take"]

LONGEST_LINK = 6000  # characters; proxies and mail programs cut longer ones
STATE, WRITTEN, SEEN, DRAWN = (
    "_latent_selection",
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


def select(scenario: str, keys: np.ndarray) -> None:
    """Select these images and no others, and take what was drawn on the maps off them."""
    _keep(scenario, keys)
    st.session_state[DRAWN] = st.session_state.get(DRAWN, 0) + 1


def clear(scenario: str) -> None:
    select(scenario, np.array([], np.int64))


def _keep(scenario: str, keys: np.ndarray) -> None:
    st.session_state[STATE] = st.session_state.get(STATE, {}) | {scenario: np.unique(keys)}


def take(scenario: str, view: LatentMap, chart: str) -> int | None:
    """Take over what was drawn or clicked on a map since the last run.

    Returns the row of the image that was clicked, if it was one. Rows that the map does not have
    are left out: the browser may still send those of another map.
    """
    seen: dict[str, Any] = st.session_state.setdefault(SEEN, {})
    rows, by_hand = _rows(st.session_state.get(chart), rows_of_series(view))
    before = seen.get(chart, ())
    if chart not in st.session_state:
        seen.pop(chart, None)
        return None
    if rows == before:
        return None
    seen[chart] = rows
    _keep(scenario, view.keys[list(rows)])
    added = set(rows) - set(before)
    return added.pop() if by_hand and len(added) == 1 else None


def _rows(
    event: Mapping[str, Any] | None, series: Sequence[np.ndarray]
) -> tuple[tuple[int, ...], bool]:
    """Rows that a chart's event selects, and whether by clicks alone."""
    if not event or "selection" not in event:
        return (), False
    found = event["selection"]
    rows = {
        int(series[group["series_index"]][index])
        for group in found["selected"]
        if group["series_index"] < len(series)
        for index in group["data_indices"]
        if 0 <= index < len(series[group["series_index"]])
    }
    return tuple(sorted(rows)), not found.get("areas")


def read_url(scenario: str, view: LatentMap) -> str:
    """Take over a selection that a link brought, and write the present one into the address.

    Returns what is wrong with the link, or of the present selection's length, or "".
    """
    said, arrived = "", st.query_params.get(PARAMETER, "")
    if arrived and arrived != st.session_state.get(WRITTEN):
        mask = decode(arrived, len(view.keys))
        if mask is None:
            said = "The link's selection belongs to another map, or was cut: it is left out."
        else:
            select(scenario, view.keys[mask])
    rows = view.rows(selected(scenario))
    text = ""
    if len(rows):
        mask = np.zeros(len(view.keys), bool)
        mask[rows] = True
        text = encode(mask)
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
