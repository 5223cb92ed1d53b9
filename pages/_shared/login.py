"""Who may look: with OUTSKIRTS_LOGIN=oidc every page asks for a login first, through `st.login`."""

from __future__ import annotations

import http.client
import json
import urllib.request
from collections.abc import Collection, Mapping
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import streamlit as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from streamlit.web.server.starlette import starlette_auth_routes as auth_routes
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from core import service
from pages._shared.text import plain

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = [
    "BehindLogin",
    "ClosedMetrics",
    "ask_first",
    "in_sidebar",
    "passed",
    "provider_is_up",
    "providers",
]

SHARED = ("redirect_uri", "cookie_secret")
OWN = ("client_id", "client_secret", "server_metadata_url")
SHORT = 32  # letters: a shorter secret of the cookies could be guessed
PATIENCE = 5  # seconds that a provider may take to say where its pages are
UPLOADS = "_stcore/upload_file"
METRICS = "_stcore/metrics"


# The page -----------------------------------------------------------------------------------------


def passed() -> bool:
    """Whether this visitor may look: nobody has to log in, or this one has."""
    if not service.settings().login:
        return True
    return st.user.get("is_logged_in") is True and not _wrong(_section())


def ask_first() -> None:
    """Go on where the visitor may look; else show the login, and end the run."""
    if passed():
        return
    st.title("Outskirts")
    if why := _wrong(_section()):
        st.error(why, icon=":material/error:")
    else:
        st.write("This server is for those who log in.")
        for name, about in providers(_section()).items():
            label = "Log in" if name == "default" else f"Log in with {plain(name)}"
            if st.button(label, key=f"login_{name}", icon=":material/login:", type="primary"):
                _go_to(name, about)
    st.stop()


def in_sidebar() -> None:
    """Who is logged in, and the way out; nothing where no login is asked for."""
    if not service.settings().login:
        return
    name = st.user.get("email") or st.user.get("name") or st.user.get("sub") or "somebody"
    st.caption(f"Logged in as {plain(str(name))}")
    if st.button("Log out", icon=":material/logout:", width="stretch"):
        st.logout()


def _go_to(name: str, about: Mapping[str, Any]) -> None:
    """Send the visitor to the provider, or say that it is down."""
    address = str(about["server_metadata_url"])
    if provider_is_up(address):
        st.login(None if name == "default" else name)
    else:
        host = plain(address.partition("://")[2].partition("/")[0] or address)
        st.error(
            f"The login provider {host} does not answer. Try again in a while.",
            icon=":material/cloud_off:",
        )


def provider_is_up(address: str) -> bool:
    """Whether a provider tells, at the address of its metadata, where one logs in."""
    try:
        if urlsplit(address).scheme not in ("http", "https"):
            return False
        with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
            return "authorization_endpoint" in json.loads(answer.read(2**20))
    except (OSError, ValueError, TypeError, http.client.HTTPException):
        return False


# The provider -------------------------------------------------------------------------------------


def _section() -> Mapping[str, Any]:
    """[auth] of the secrets, from the file or the environment; {}: there is none."""
    found = st.secrets.get("auth", {}) if st.secrets.load_if_toml_exists() else {}
    return found if isinstance(found, Mapping) else {}


def providers(section: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The providers of [auth] by name: "default" where its own keys name one, and [auth.NAME].

    Example:
        >>> own = {"client_id": "a", "client_secret": "b", "server_metadata_url": "https://c"}
        >>> list(providers({"cookie_secret": "x", **own})), list(providers({"mine": own}))
        (['default'], ['mine'])
    """
    named = {k: v for k, v in section.items() if isinstance(v, Mapping) and set(OWN) <= set(v)}
    return {"default": section, **named} if set(OWN) & set(section) else named


@cache
def _can_ask() -> bool:
    """Whether what `st.login` needs is installed."""
    return all(find_spec(name) is not None for name in ("authlib", "httpx"))


def _wrong(section: Mapping[str, Any]) -> str:
    """Why nobody can log in, in one line; "": somebody can."""
    if not _can_ask():
        return "Login needs Authlib and httpx: pip install -r requirements.txt."
    where = "Login is on, but .streamlit/secrets.toml and the environment do not say"
    known = providers(section)
    if not section or not known:
        return f"{where} who the provider is: see Login in README.md."
    own = OWN if "default" in known else ()
    if missing := [key for key in (*SHARED, *own) if not section.get(key)]:
        return f"{where} its {', '.join(missing)}: see Login in README.md."
    if len(str(section["cookie_secret"])) < SHORT:
        return f"Login is on, but its cookie_secret is shorter than {SHORT} letters."
    if not str(section["redirect_uri"]).endswith("/oauth2callback"):
        return "Login is on, but its redirect_uri does not end with /oauth2callback."
    return ""


# The server ---------------------------------------------------------------------------------------


def _below(scope: Scope) -> str:
    """The path of a request below the base of the server, without its first slash."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    path = str(scope["path"]).strip("/")
    return path.removeprefix(base).strip("/") if base else path


def _is_known(scope: Scope) -> bool:
    """Whether a request carries the signed cookie of somebody who logged in."""
    if _wrong(_section()):
        return False
    try:
        value = auth_routes._get_cookie_value_from_request(Request(scope), USER_COOKIE_NAME)
        return value is not None and json.loads(value).get("is_logged_in") is True
    except (ValueError, AttributeError):
        return False


class BehindLogin:
    """Refuse files of the app's own, and uploads, to whoever is not logged in where one has to be.

    Streamlit's pages reach the browser through its WebSocket, and `ask_first` guards these.

    Args:
        routes: addresses of the app's own, such as "/thumbnail/{scenario}/{index}.png".
    """

    def __init__(self, app: ASGIApp, routes: Collection[str]) -> None:
        self.app = app
        self.firsts = {route.strip("/").partition("/")[0] for route in routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and service.settings().login:
            path = _below(scope)
            own = path.partition("/")[0] in self.firsts or path.startswith(UPLOADS)
            if own and not _is_known(scope):
                await PlainTextResponse("Log in first.", 401)(scope, receive, send)
                return
        await self.app(scope, receive, send)


class ClosedMetrics:
    """Answer that there are no metrics, unless OUTSKIRTS_METRICS opens them.

    Streamlit tells them to whoever asks: how many sessions there are, and what memory they hold.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        closed = scope["type"] == "http" and not service.settings().metrics
        if closed and _below(scope) == METRICS:
            await PlainTextResponse("There is no such page.", 404)(scope, receive, send)
        else:
            await self.app(scope, receive, send)
