"""Maps over their picture as the browser draws them; `browser/main.js` is the browser's half.

One component in three kinds: the large map with its sliders, a tile a map, and a picture to paint
on. What a slider does stays in the browser. Where the scripts cannot be loaded, plain widgets do it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from core.service import MapView, MethodRow, floor_of
from pages._explain.served import OVERLAY
from pages._explain.truth import lies_in
from pages._shared import draw
from pages._shared.controls import choice
from pages._shared.scripts import DRAW_OR_SAY
from pages._shared.text import numeral
from pages._shared.theme import palette

__all__ = [
    "STAGE",
    "Shown",
    "ask_for_checks",
    "begin_of",
    "begins",
    "end_of",
    "load_early",
    "painting",
    "plain",
    "stage",
    "tile",
    "wants_checks",
]

STAGE, _READY = "explain_stage", "_explain_ready"
STRONGEST = 0.995  # the quantile of a map's strength at which its colour scale ends
LEVELS = 32767  # a map is sent in 16 bits
LUMA = 0.299, 0.587, 0.114  # of red, green and blue: how bright each is to the eye

_draw = st.components.v2.component("outskirts.overlay", js=OVERLAY.loader(draw=DRAW_OR_SAY))


def load_early() -> None:
    """Let the browser fetch its half while the first map is still being made."""
    with st.container(key="explain_early"):
        _draw(key="explain_scripts", data={"kind": "early"})


@dataclass(frozen=True)
class Shown:
    """A picture that maps are drawn over.

    Attributes:
        token: names it, with everything that its maps depend on.
        title: in words.
        image: (H, W, C) uint8.
        place: (H, W) bool, where what is strange truly is; None: not known.
        unit: of the maps.
    """

    token: str
    title: str
    image: np.ndarray
    place: np.ndarray | None
    unit: str


def end_of(values: np.ndarray) -> float:
    """Where the colour scale of a map (H, W) ends, on either side of zero.

    Example:
        >>> end_of(np.array([[0.0, -3.0], [1.0, 2.0]])) > 2.9
        True
    """
    return float(np.quantile(np.abs(values), STRONGEST))


def begin_of(values: np.ndarray) -> float:
    """Where it begins: at zero, but for a map (H, W) of one sign.

    Example:
        >>> begin_of(np.array([[3.0, 3.0], [4.0, 5.0]])), begin_of(np.array([[-3.0, 4.0]]))
        (3.0, 0.0)
    """
    finite = np.nan_to_num(values, posinf=0.0, neginf=0.0)
    return floor_of(values, end_of(finite))


def begins(values: np.ndarray) -> str:
    """That the colours of a map (H, W) begin elsewhere than at zero; "": they do not.

    Example:
        >>> begins(np.array([[3.0, 3.0], [4.0, 5.0]]))
        'No pixel of this map is below zero: its colours begin at +3, not at zero.'
    """
    if not (floor := begin_of(values)):
        return ""
    side, sign = ("below", "+") if np.nanmax(values) > 0 else ("above", "\N{MINUS SIGN}")
    where = f"its colours begin at {sign}{numeral(floor, '.3g')}, not at zero."
    return f"No pixel of this map is {side} zero: {where}"


def stage(
    shown: Shown,
    first: tuple[str, str, MapView],
    *,
    chosen: str,
    pressed: bool,
    count: int,
    checked: bool,
) -> bool:
    """The large map with its controls; whether the browser could draw it.

    Args:
        first: name, title and map of the method that is large until another is.
        chosen: the method that is; pressed: by its tile, which the browser knows already.
        count: of the maps that come: when all are there, the browser asks for the checks, once;
            checked: it has.
    """
    told = _draw(
        key=STAGE,
        data={
            "kind": "stage",
            **_of(shown),
            "map": _map(*first),
            "chosen": chosen,
            "pressed": pressed,
            "count": count,
            "checked": checked,
        },
        on_failed_change=lambda: None,
        on_ready_change=_note_ready,
    )
    return not told.get("failed")


def _note_ready() -> None:
    st.session_state[_READY] = (st.session_state.get(STAGE) or {}).get("ready")


def ask_for_checks(token: str) -> None:
    """Have the checks of a picture made in the next run."""
    st.session_state[_READY] = token


def wants_checks(token: str) -> bool:
    """Whether the browser has all maps of a picture, and asked for their checks.

    They are slow: who turns from picture to picture must not wait for them.
    """
    return st.session_state.get(_READY) == token


def tile(shown: Shown, method: MethodRow, view: MapView, *, on_large: Callable[[], None]) -> None:
    """One map, small; a press shows it large."""
    _draw(
        key=f"explain_tile_{method.key}",
        data={
            "kind": "tile",
            **_of(shown),
            "map": _map(method.key, method.title, view),
            "text": method.text,
        },
        on_large_change=on_large,
    )


def painting(
    shown: Shown, *, erased: np.ndarray, known: Mapping[str, str] | None, of: str
) -> Mapping[str, Any] | None:
    """A picture to erase and to paint on; what was painted, if anything.

    Args:
        erased: (H, W, C) uint8, what takes the place of what is erased.
        known: what Python holds of it: the browser may have forgotten it.
        of: the token of the maps that may be drawn over it.
    """
    told = _draw(
        key="explain_painting",
        data={
            "kind": "ask",
            **_of(shown),
            "erased": _text(erased),
            "known": None if known is None else dict(known),
            "of": of,
        },
        on_painted_change=lambda: None,
    )
    painted = told.get("painted")
    return painted if isinstance(painted, Mapping) else None


def _of(shown: Shown) -> dict[str, Any]:
    height, width, channels = shown.image.shape
    size = {"width": width, "height": height, "channels": channels}
    return {
        "token": shown.token,
        "title": shown.title,
        "picture": {**size, "pixels": _text(shown.image)},
        "place": "" if shown.place is None else _text(np.packbits(shown.place)),
        "unit": shown.unit,
    }


def _map(name: str, title: str, view: MapView) -> dict[str, Any]:
    finite = np.nan_to_num(view.map, posinf=0.0, neginf=0.0)
    strongest = float(np.abs(finite).max()) or 1.0
    values = np.round(finite / strongest * LEVELS).astype("<i2")
    step, end = strongest / LEVELS, end_of(finite)
    return {
        "name": name,
        "title": title,
        "values": _text(values),
        "step": step,
        "floor": floor_of(view.map, end),
        "end": end,
        "place": "" if view.mask is None else lies_in(view.map, view.mask),
    }


def _text(values: np.ndarray) -> str:
    return b64encode(np.ascontiguousarray(values).tobytes()).decode()


# Where the browser cannot -------------------------------------------------------------------------


@st.fragment
def plain(shown: Shown, maps: Mapping[str, tuple[str, MapView]]) -> None:
    """The same with widgets of Streamlit's: a map over its picture, opacity and threshold."""
    titles = {name: title for name, (title, _) in maps.items()}
    name = choice("Map", titles, key="explain_method", kind="select")
    opacity = st.slider("Opacity", 0.0, 1.0, 0.85, 0.05, key="explain_plain_opacity")
    threshold = st.slider("Threshold", 0.0, 1.0, 0.1, 0.02, key="explain_plain_threshold")
    values = maps[name][1].map
    beside, over = st.columns(2)
    beside.image(
        draw.enlarge(shown.image, 336), output_format="PNG", caption="Picture", alt=shown.title
    )
    over.image(
        draw.enlarge(blended(shown.image, values, opacity=opacity, threshold=threshold), 336),
        output_format="PNG",
        caption=titles[name],
        alt=f"{titles[name]} over {shown.title}",
    )
    if said := begins(values):
        st.caption(said)


def blended(
    image: np.ndarray, values: np.ndarray, *, opacity: float, threshold: float
) -> np.ndarray:
    """An image (H, W, C) under its map (H, W), (H, W, 3) uint8, as the browser draws it.

    A colour image is drawn in grey: its own orange and blue would be read as the map's.

    Example:
        >>> orange, nothing = np.array([[[213, 94, 0]]], np.uint8), np.zeros((1, 1))
        >>> blended(orange, nothing, opacity=1.0, threshold=0.0).tolist()
        [[[119, 119, 119]]]
    """
    floor, end = begin_of(values), max(end_of(values), 1e-12)
    share = ((np.abs(values) - floor) / (end - floor)).clip(0, 1)
    share = np.where(share < threshold, 0, share * opacity)[..., None]
    more, less = (
        np.array(list(bytes.fromhex(c[1:]))) for c in (palette().strange, palette().normal)
    )
    colour = np.where(values[..., None] > 0, more, less)
    under = image @ np.array(LUMA if image.shape[2] == 3 else (1.0,))
    mixed = under[..., None] * (1 - share) + colour * share
    return mixed.round().astype(np.uint8)
