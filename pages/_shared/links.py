"""Links into the app: what of an address is left out, and what a link sets of its page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

import streamlit as st
from starlette.responses import RedirectResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["FiniteLinks", "arrive", "only_finite"]

_PAGE = "_page"


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


def arrive(page: str) -> None:
    """Where a link to a page names controls of it, set the ones that it does not name back.

    What a link shows must not depend on what its reader looked at before. Who comes by the menu,
    whose links name none, finds a page as it was left.

    Args:
        page: its address, which begins the keys of its controls too.
    """
    came = st.session_state.get(_PAGE) != page
    st.session_state[_PAGE] = page
    if page and came and any(_of(page, key) for key in st.query_params):
        for key in [k for k in st.session_state if _of(page, str(k))]:
            del st.session_state[key]


def _of(page: str, key: str) -> bool:
    return key.startswith(f"{page}_")
