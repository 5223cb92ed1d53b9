"""Which images are selected on the maps: kept through every change of the picture, and in a link."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from core.service import LatentMap
from pages._shared import links

__all__ = [
    "LONGEST_LINK",
    "bits",
    "clear",
    "decode",
    "encode",
    "follow",
    "given",
    "heard",
    "in_link",
    "read_url",
    "select",
    "selected",
]

LONGEST_LINK = 6000  # characters; proxies and mail programs cut longer ones
STATE, WRITTEN = "_latent_selection", "_latent_written"
HEARD, GIVEN = "_latent_heard", "_latent_given"
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
    """Select these images and no others."""
    _give(scenario, keys)


def clear(scenario: str) -> None:
    select(scenario, np.array([], np.int64))


def _give(scenario: str, keys: np.ndarray) -> None:
    _keep(scenario, keys)
    st.session_state[GIVEN] = given() + 1
    if "latent_page" in st.session_state:  # other pictures: begin with the first of them
        st.session_state["latent_page"] = 1


def _keep(scenario: str, keys: np.ndarray) -> None:
    st.session_state[STATE] = st.session_state.get(STATE, {}) | {scenario: np.unique(keys)}


def heard(scenario: str, view: LatentMap, name: str, told: Mapping[str, Any]) -> bool:
    """Take over what the browser selected since the last run; whether anything was.

    Args:
        name: of the map that is shown: what was told of another one is left out.
        told: see `explorer.said`.
    """
    if told.get("map") != name or told.get("n") in (None, st.session_state.get(HEARD)):
        return False
    st.session_state[HEARD] = told["n"]
    mask = bits(told["selected"], len(view.keys))
    if mask is None:
        return False
    before = selected(scenario)
    keys = view.keys[mask]
    away = before[~np.isin(before, view.keys)] if told.get("keeps") else np.array([], np.int64)
    _keep(scenario, np.concatenate([keys, away]))
    return True


def bits(text: str, rows: int) -> np.ndarray | None:
    """Which of N rows the browser selected, (N,) bool; none by "", None if this is no such text.

    Example:
        >>> bits("oA==", 3).tolist()
        [True, False, True]
    """
    if not text:
        return np.zeros(rows, bool)
    try:
        packed = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
    except (binascii.Error, ValueError):
        return None
    return np.unpackbits(packed)[:rows].astype(bool) if len(packed) == -(-rows // 8) else None


def given() -> int:
    """Another number when something but the browser has selected images."""
    return int(st.session_state.get(GIVEN, 0))


def in_link() -> bool:
    """Whether the link that is followed brings a selection, which `read_url` takes over then."""
    st.session_state.pop(WRITTEN, None)
    return PARAMETER in st.query_params


def follow(scenario: str, view: LatentMap) -> None:
    """Take over a link's selection, write the present one into the address, say what is wrong."""
    if text := read_url(scenario, view):
        st.info(text, icon=":material/link_off:")


def read_url(scenario: str, view: LatentMap) -> str:
    """Take over a selection that a link brought, and write the present one into the address.

    Returns what is wrong with the link, or of the present selection's length, or "".
    """
    said, arrived = "", st.query_params.get(PARAMETER, "")
    name = f"{zlib.crc32(view.keys.tobytes()):08x}"  # of the images that the map shows
    if arrived and links.followed() and arrived != st.session_state.get(WRITTEN):
        of, _, packed = arrived.partition(".")
        mask = decode(packed, len(view.keys)) if of == name else None
        if mask is None:
            said = "The link's selection belongs to another map, or was cut: it is left out."
        else:
            _give(scenario, view.keys[mask])
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
