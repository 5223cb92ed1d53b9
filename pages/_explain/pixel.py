"""Ask a pixel: erase or paint on the picture, and see how strange every detector finds it then."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.service import DetectorRow, OutskirtsError, Painted, PaintedQuery, Strokes, Target
from pages._explain import overlay
from pages._explain.asked import Asked
from pages._shared import draw
from pages._shared.ask import ask
from pages._shared.controls import in_words
from pages._shared.seeds import listed
from pages._shared.text import counted
from pages._shared.theme import palette

__all__ = ["Moved", "said_of", "show", "strokes_of"]

_STATE = "_explain_painted"  # what was painted, of which picture
CLEAR = 1.0  # percentile: a smaller move is not worth a word
FIELDS = ("erased", "painted", "levels")


@dataclass(frozen=True)
class Moved:
    """A detector's percentile of the score before and after."""

    title: str
    before: float
    after: float


def strokes_of(painted: Mapping[str, Any] | None, pixels: int) -> Strokes:
    """What the browser says was painted, as far as it can be: it may send anything.

    Example:
        >>> strokes_of({"erased": "gA==", "painted": "", "levels": 3}, 8)
        Strokes(erased=b'', painted=b'', levels=b'')
        >>> strokes_of({"erased": "gA==", "painted": "", "levels": ""}, 8).erased
        b'\\x80'
    """
    texts = [(painted or {}).get(field) for field in FIELDS]
    if not all(isinstance(text, str) and len(text) <= 2 * pixels + 8 for text in texts):
        return Strokes()
    try:
        return Strokes(*(b64decode(str(text), validate=True) for text in texts))
    except Error:
        return Strokes()


@st.fragment
def show(asked: Asked, shown: overlay.Shown, models: Mapping[str, DetectorRow]) -> None:
    """The picture to paint on, and every detector before and after."""
    st.subheader("Ask a pixel")
    st.markdown(
        "Erase what you suspect, or paint something in. When you let go, every detector of this "
        "scenario is asked again: if a map is right, erasing what it calls strange lowers the "
        "percentile."
    )
    left, right = st.columns([1, 1.4], gap="medium")
    with in_words():
        with left:
            strokes = _strokes(asked, shown)
        with right:
            moved = _moves(asked, strokes, models)
            _show_moves(moved, asked, strokes)


def _strokes(asked: Asked, shown: overlay.Shown) -> Strokes:
    """What is painted on the picture now; it stays while its page runs again."""
    state, token = st.session_state, _token(asked)
    kept = state.get(_STATE) or {}
    nothing = ask(_query(asked, asked.target, Strokes()), asked.data)
    told = overlay.painting(
        overlay.Shown(token, shown.title, shown.image, shown.place, shown.unit),
        erased=nothing.baseline,
        known=kept if kept.get("token") == token else None,
        of=shown.token,
    )
    if told is not None and told.get("token") == token:
        kept = state[_STATE] = {key: told.get(key) for key in ("token", *FIELDS)}
    of_this = kept if kept.get("token") == token else None
    return strokes_of(of_this, shown.image.shape[0] * shown.image.shape[1])


def _token(asked: Asked) -> str:
    """Names the picture alone: what is painted on it stays while models and parts change."""
    return f"{asked.image.set_name}#{asked.image.index} {asked.fault} {asked.digest}"


def _query(asked: Asked, target: Target, strokes: Strokes) -> PaintedQuery:
    return PaintedQuery(asked.image_for(target), strokes, asked.baseline, asked.fault)


def _moves(asked: Asked, strokes: Strokes, models: Mapping[str, DetectorRow]) -> list[Moved]:
    """Every detector's percentile before and after, in their order."""
    found = []
    for name, row in models.items():
        target = Target.of(asked.target.scenario, name)
        before, after = (_asked_of(asked, target, given) for given in (Strokes(), strokes))
        if before is not None and after is not None:
            found.append(Moved(row.title, before.percentile, after.percentile))
    return found


def _asked_of(asked: Asked, target: Target, strokes: Strokes) -> Painted | None:
    """One detector's answer; None with words where it has none: the others go on."""
    try:
        return ask(_query(asked, target, strokes), asked.data)
    except OutskirtsError as error:
        st.caption(f"{target}: {error}")
        return None


def _show_moves(moved: Sequence[Moved], asked: Asked, strokes: Strokes) -> None:
    changed = ask(_query(asked, asked.target, strokes), asked.data).changed
    draw.chart(
        figure(moved),
        key="explain_moves",
        name=f"{asked.target.scenario}-percentiles-of-a-painted-image",
        alt="Percentile of the image's score under every detector, before and after it was painted on",
    )
    st.markdown(said_of(moved, changed))


def said_of(moved: Sequence[Moved], changed: int) -> str:
    """What the strokes did, in words.

    Example:
        >>> said_of([Moved("Glow", 99.0, 41.5), Moved("Outskirts", 50.0, 50.2)], 25)
        '**25 pixels changed.** Less strange: Glow (99.0 to 41.5). Hardly moved: Outskirts.'
    """
    if not changed:
        return (
            "**Nothing is changed yet.** Drag over the picture, or give it the focus and use the "
            "arrow keys and Enter."
        )
    kinds: dict[str, list[str]] = {"Less strange": [], "Stranger": [], "Hardly moved": []}
    for one in moved:
        gap = one.after - one.before
        kind = "Hardly moved" if abs(gap) < CLEAR else "Stranger" if gap > 0 else "Less strange"
        numbers = "" if kind == "Hardly moved" else f" ({one.before:.1f} to {one.after:.1f})"
        kinds[kind].append(one.title + numbers)
    said = " ".join(f"{kind}: {listed(names)}." for kind, names in kinds.items() if names)
    return f"**{counted(changed, 'pixel')} changed.** {said}"


def figure(moved: Sequence[Moved]) -> Any:
    """Two dots a detector, joined by a line: before and after."""
    colours, titles = palette(), [one.title for one in moved]
    joins = [
        {"type": "line", "x0": one.before, "x1": one.after, "y0": one.title, "y1": one.title}
        | {"line": {"color": colours.neutral, "width": 3}, "layer": "below"}
        for one in moved
    ]
    dots: list[draw.Trace] = [
        {
            "type": "scatter",
            "x": [getattr(one, when) for one in moved],
            "y": titles,
            "name": when,
            "mode": "markers",
            "marker": {"size": 13, "symbol": symbol, "color": colour, "line": {"width": 2}},
            "hovertemplate": "%{y}, " + when + ": %{x:.1f}<extra></extra>",
        }
        for when, symbol, colour in (
            ("before", "circle-open", colours.neutral),
            ("after", "circle", colours.strange),
        )
    ]
    return draw.figure(
        dots,
        height=90 + 34 * len(moved),
        title="Percentile among held-out normal images",
        hovermode="closest",
        shapes=joins,
        xaxis={"range": [-3, 103]},
        yaxis={"autorange": "reversed"},
    )
