"""The state of a page and the address that leads to it: what a link sets, what a choice writes.

A choice stands in the address by its key, not by its label, and only where it is not what the page
opens with anyway. Sliders, numbers and texts are bound by Streamlit itself. An address counts where
the visitor came by it: by a link, or by Back and Forward. While somebody clicks, the address that
the browser sends may be older than the choice.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import streamlit as st
from starlette.responses import RedirectResponse
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages._shared import steps
from pages._shared.text import plain

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = [
    "FiniteLinks",
    "PageEnds",
    "arrive",
    "asked",
    "followed",
    "go",
    "image_asked",
    "leave",
    "only_finite",
    "opens_with",
    "page",
    "query_of",
    "say_unknown",
    "stepped",
    "unknown",
    "write",
]

FRAME = ("scenario", "normal")  # choices of every page
_PAGE, _FOLLOW, _UNKNOWN = "_page", "_follow", "_unknown_in_link"
_OPENS = "_opens_with"
RENAMED = {  # what older links say, as key=value or as key
    "likelihoods_view=Scales": "scales",
    "likelihoods_view=Model against model": "models",
    "likelihoods_view=Drawn images": "drawn",
    "latent_view=One map": "one",
    "latent_view=Two maps": "two",
    "latent_view=3-D": "3d",
    "latent_layout=t-SNE": "tsne",
    "latent_layout2=t-SNE": "tsne",
    "latent_colour=found, missed, false alarm": "verdict",
    "latent_colour=where the map can be trusted": "trust",
    "outskirts_criterion=Far from its neighbours": "neighbours",
    "outskirts_criterion=Far from the prior": "prior",
    "outskirts_criterion=Far from the crowd": "aggregate",
    "cards_view=Card": "card",
    "cards_view=Seeds": "seeds",
}


class PageEnds(Exception):
    """A page has said why it shows no more; what follows it in the frame runs all the same.

    `st.stop` would end that too, and the address would be followed for ever.
    """


# Numbers without end ------------------------------------------------------------------------------


def only_finite(query: str) -> str:
    """The query of an address without what is no finite number: an input of numbers fails at it.

    Example:
        >>> only_finite("seed=1e999&likelihoods_set=turned&likelihoods_index=-inf")
        'likelihoods_set=turned'
        >>> only_finite("seed=3&latent_image=mnist%230")
        'seed=3&latent_image=mnist%230'
    """
    pairs = parse_qsl(query, keep_blank_values=True)
    kept = [(key, value) for key, value in pairs if not _beyond(value)]
    return query if kept == pairs else urlencode(kept)


def _beyond(value: str) -> bool:
    try:
        return not math.isfinite(float(value))
    except ValueError:
        return False


class FiniteLinks:
    """Send whoever follows a link with an infinite number to the same place without it.

    It stands before Streamlit, so that no widget of any page sees such a value.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = scope["query_string"].decode("latin-1") if scope["type"] == "http" else ""
        kept = only_finite(query)
        if kept == query:
            await self.app(scope, receive, send)
        else:  # the place itself is left to the browser: it knows of a proxy's paths, too
            await RedirectResponse(f"?{kept}")(scope, receive, send)


# Whole runs ---------------------------------------------------------------------------------------


def arrive(page: str) -> None:
    """Note whether this run follows its address; forget of the page what a link does not name.

    What a link shows must not depend on what its reader looked at before. Who comes by the menu,
    whose links name no control of the page, finds it as it was left.

    Args:
        page: its address, which begins the keys of its controls too.
    """
    state = st.session_state
    came, back = state.get(_PAGE) != page, stepped()
    state[_PAGE], state[_UNKNOWN] = page, []
    named = any(_belongs(page, key) for key in st.query_params)
    if back or (came and named):
        _forget(page)
    if back:
        for key in FRAME:
            state.pop(key, None)
    state[_FOLLOW] = came or back or state.get(_FOLLOW, False)  # the last run was cut short
    if back:
        steps.taken()


def followed() -> bool:
    """Whether this run follows its address: by a link, or by Back and Forward."""
    return bool(st.session_state.get(_FOLLOW))


def stepped() -> bool:
    """Whether the visitor went back or forward in the browser's history."""
    context = get_script_run_ctx()
    return bool(context and context.is_history_navigation)


def page() -> str:
    """The stem of the page that is open."""
    return str(st.session_state.get(_PAGE, ""))


def leave() -> None:
    """Follow the address no longer: what follows are runs of parts of the page."""
    st.session_state[_FOLLOW] = False


def say_unknown() -> None:
    """Say what of the link that led here is not here."""
    if unknown := st.session_state.get(_UNKNOWN):
        listed = "; ".join(f"{plain(label)}: “{plain(value[:60])}”" for label, value in unknown)
        st.info(
            f"The link asks for what is not here, and is left out: {listed}.",
            icon=":material/link_off:",
        )


def _forget(page: str, but: Container[str] = ()) -> None:
    for key in [k for k in st.session_state if _belongs(page, str(k)) and k not in but]:
        with suppress(KeyError):  # a run that this one overtakes may forget it too
            del st.session_state[key]


def _belongs(page: str, key: str) -> bool:
    return bool(page) and key.startswith(f"{page}_")


# Choices ------------------------------------------------------------------------------------------


def asked(label: str, key: str, options: Mapping[str, str]) -> list[str] | None:
    """What the address asks of a choice, where it is to be followed; None: nothing.

    Args:
        label: of the control, to say what the link asks in vain.
        options: key to label; older links have the label.
    """
    if not st.session_state.get(_FOLLOW) or key not in st.query_params:
        return None
    keys = []
    for value in st.query_params.get_all(key):
        option = _option(key, value, options)
        if option is None:
            unknown(label, value)
        else:
            keys.append(option)
    return keys or None


def image_asked(page: str) -> str | None:
    """The id of the image that the address asks for, where it is to be followed.

    Older links name set and number apart.
    """
    if not st.session_state.get(_FOLLOW):
        return None
    query = st.query_params
    text = query.get(f"{page}_image")
    if text is None and f"{page}_set" in query:
        text = f"{query[f'{page}_set']}#{query.get(f'{page}_index', 0)}"
    for old in (f"{page}_set", f"{page}_index"):
        if old in query:
            del query[old]
    return text


def unknown(label: str, value: str) -> None:
    """Note that a link asks in vain for this value of a control."""
    st.session_state.setdefault(_UNKNOWN, []).append((label, value))


def _option(key: str, value: str, options: Mapping[str, str]) -> str | None:
    if value in options:
        return value
    renamed = RENAMED.get(f"{key}={value}")
    if renamed in options:
        return renamed
    return next((k for k, label in options.items() if label.casefold() == value.casefold()), None)


def write(key: str, value: str | Sequence[str] | None) -> None:
    """Let the address say a value, or values; None: nothing, for it is what the page opens with."""
    if value is None:
        if key in st.query_params:
            del st.query_params[key]
    elif st.query_params.get_all(key) != ([value] if isinstance(value, str) else list(value)):
        st.query_params[key] = value


# States -------------------------------------------------------------------------------------------


def opens_with(key: str, value: Any) -> Any:
    """Note what a control that Streamlit binds to the address shows where nobody chose; the value.

    `go` sets it so again: one that is merely forgotten takes its value from the address, which is
    that of the last choice.
    """
    st.session_state.setdefault(_OPENS, {})[key] = value
    return value


def go(page: str, state: Mapping[str, Any]) -> None:
    """Set the controls of the page that is open as a link would that names these.

    Args:
        state: by the name of a control, without the page's.
    """
    opening: Mapping[str, Any] = st.session_state.get(_OPENS, {})
    values = {key: value for key, value in opening.items() if _belongs(page, key)}
    values |= {f"{page}_{name}": value for name, value in state.items()}
    _forget(page, but=values)
    for key, value in values.items():
        st.session_state[key] = value


def query_of(page: str, state: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """The query of a link to this state of a page."""
    return {
        f"{page}_{name}": [str(v) for v in value]
        if isinstance(value, (list, tuple))
        else str(value)
        for name, value in state.items()
    }
