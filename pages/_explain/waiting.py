"""Maps and checks that take long: they wait until somebody asks for them, and then they stay."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import streamlit as st

from core.service import MapView, MethodRow
from pages._explain.asked import Asked
from pages._explain.large import choose, choose_method
from pages._shared.links import followed
from pages._shared.seeds import listed
from pages._shared.text import counted, times

__all__ = [
    "begins",
    "coming",
    "controls",
    "large_one",
    "left_out",
    "looks_said",
    "offer",
    "to_check",
]

_DRAWN, _CHECKED = "_explain_drawn", "_explain_checked"  # by picture and score: keys of methods
KEPT = 100  # pictures whose wishes are held


def large_one(asked: Asked) -> str:
    """The method whose map stands large: one that waits only where somebody asked for it.

    A press on its button did, or a link that names it; that it was large of another picture did not.
    """
    able = asked.methods.able
    name = choose_method(able)
    waits = any(m.key == name and m.waits for m in able)
    if not waits or name in _wished(_DRAWN, asked.token):
        return name
    if followed():
        _wish(_DRAWN, asked.token, [name])
        return name
    choose(able[0].key)
    return choose_method(able)


def coming(asked: Asked) -> list[MethodRow]:
    """The methods whose maps are drawn: those that take no time, and those asked for."""
    wished = _wished(_DRAWN, asked.token)
    return [m for m in asked.methods.able if not m.waits or m.key in wished]


def to_check(asked: Asked, maps: Mapping[str, MapView]) -> Mapping[str, MapView]:
    """Those of the maps whose checks somebody asked for."""
    wished = _wished(_CHECKED, asked.token)
    return {key: view for key, view in maps.items() if key in wished}


def _wished(what: str, token: str) -> frozenset[str]:
    return st.session_state.get(what, {}).get(token, frozenset())


def _wish(what: str, token: str, methods: Iterable[str]) -> None:
    held: dict[str, frozenset[str]] = st.session_state.setdefault(what, {})
    held[token] = held.pop(token, frozenset()) | frozenset(methods)
    while len(held) > KEPT:
        del held[next(iter(held))]


# What is offered ----------------------------------------------------------------------------------


def offer(asked: Asked, method: MethodRow) -> None:
    """The button that draws one map, in the place of it; who hears it hears of which map, too."""
    st.button(
        f"Draw *{method.title}*",
        key=f"explain_draw_{method.key}",
        on_click=_draw_one,
        args=(asked.token, method.key),
    )


def _draw_one(token: str, method: str) -> None:
    _wish(_DRAWN, token, [method])
    choose(method)


def looks_said(method: MethodRow) -> str:
    """What one map costs, in the words of a tile.

    Example:
        >>> from types import SimpleNamespace
        >>> looks_said(SimpleNamespace(looks=196))
        'looks 196 times'
    """
    return f"looks {times(method.looks)}"


def controls(asked: Asked, drawn: Sequence[MethodRow]) -> None:
    """One button for all maps that wait, and one for the checks of those that are there."""
    keys = [m.key for m in drawn]
    waiting = [m for m in asked.methods.able if m.key not in keys]
    unchecked = [key for key in keys if key not in _wished(_CHECKED, asked.token)]
    with st.container(key="explain_waiting", horizontal=True, gap="small"):
        if waiting:
            looks = times(sum(m.looks for m in waiting))
            st.button(
                "Draw all maps",
                key="explain_all_maps",
                on_click=_wish,
                args=(_DRAWN, asked.token, [m.key for m in waiting]),
                help=f"The {counted(len(waiting), 'map')} that wait look at the image {looks}.",
            )
        if unchecked:
            looks = times(asked.methods.check_looks(unchecked))
            st.button(
                "Check the maps that are drawn",
                key="explain_check",
                on_click=_wish,
                args=(_CHECKED, asked.token, unchecked),
                help=f"The checks of {counted(len(unchecked), 'map')} look at the image {looks}.",
            )


def begins(asked: Asked, drawn: Collection[MethodRow]) -> str:
    """The sentence where a verdict will stand: that checks are under way, or wait."""
    if not asked.methods.slow or _wished(_CHECKED, asked.token):
        return "**Which can I believe?** The checks are under way…"
    looks = times(asked.methods.check_looks([m.key for m in drawn]))
    return (
        "**Which can I believe?** This detector takes long to look at an image, and the checks of "
        f"{counted(len(drawn), 'map')} look {looks}: they wait until you ask for them."
        f"{left_out(asked, drawn, checked=())}"
    )


def left_out(
    asked: Asked, drawn: Collection[MethodRow], *, checked: Collection[str] | None = None
) -> str:
    """Which maps are not drawn, and which are drawn but not checked; "" where none is.

    Args:
        checked: keys of the methods whose maps are; (): nobody asked yet, and that is said already.
    """
    here = {m.key for m in drawn}
    undrawn = [f"**{m.title}**" for m in asked.methods.able if m.key not in here]
    said = f" Not drawn: {listed(undrawn)}." if undrawn else ""
    unchecked = [f"**{m.title}**" for m in drawn if checked and m.key not in checked]
    return said + (f" Drawn, but not checked: {listed(unchecked)}." if unchecked else "")
