"""Login: pages, files and uploads are for who passed the provider, and in doubt for nobody."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from importlib.util import find_spec

import pytest
from babbling import babbling
from provider import CLIENT, PERSON, SECRET, Provider, provided
from serving import ROOT, asked, served_at
from streamlit.testing.v1 import AppTest
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME as USER
from visitor import visiting

from core.bench._browser import free_port
from core.errors import OutskirtsError
from core.settings import settings
from pages._shared import login
from pages._shared.text import JOINER, plain

OWN = {"client_id": "a", "client_secret": "b", "server_metadata_url": "http://127.0.0.1:9/x"}
WHOLE = {
    "redirect_uri": "http://127.0.0.1:8501/oauth2callback",
    "cookie_secret": "c" * login.SHORT,
    **OWN,
}
FILES = ("/thumbnail/fashion/garments/0.png", "/sprite/fashion.png", "/own-drawing/x/all.js")


@pytest.fixture
def authlib() -> None:
    """What `st.login` needs: installed from requirements.txt, so that CI never skips."""
    missing = [name for name in ("authlib", "httpx") if find_spec(name) is None]
    if missing:
        words = f"no {' and '.join(missing)}: pip install -r requirements.txt"
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Login is on."""
    monkeypatch.setenv("OUTSKIRTS_LOGIN", "oidc")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "_can_ask", lambda: True)


# What the page says -------------------------------------------------------------------------------


def opened(monkeypatch: pytest.MonkeyPatch, section: Mapping[str, object]) -> AppTest:
    monkeypatch.setattr(login, "_section", lambda: section)
    return AppTest.from_file(ROOT / "pages" / "_frame.py", default_timeout=60).run()


def without(*names: str) -> dict[str, object]:
    return {key: value for key, value in WHOLE.items() if key not in names}


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({}, "do not say who the provider is"),
        (without("client_secret"), "do not say its client_secret"),
        (without("redirect_uri", "cookie_secret"), "do not say its redirect_uri, cookie_secret"),
        ({**WHOLE, "cookie_secret": "short"}, "cookie_secret is shorter than 32"),
        ({**WHOLE, "redirect_uri": "http://a.example/"}, "does not end with /oauth2callback"),
    ],
)
def test_a_login_that_is_not_whole_is_one_line_and_no_page(
    asking, installed, monkeypatch: pytest.MonkeyPatch, section, words: str
) -> None:
    app = opened(monkeypatch, section)
    assert [words in error.value for error in app.error] == [True]
    assert [title.value for title in app.title] == ["Outskirts"]
    assert not app.button
    assert not app.selectbox
    assert not app.exception


def test_who_is_not_logged_in_sees_a_button_and_nothing_else(
    asking, installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(monkeypatch, WHOLE)
    assert [button.label for button in app.button] == ["Log in"]
    assert not app.selectbox
    app.button[0].click().run()
    (error,) = app.error
    assert "does not answer. Try again in a while." in error.value
    assert not app.exception


def test_each_named_provider_has_a_button(
    asking, installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = {key: WHOLE[key] for key in ("redirect_uri", "cookie_secret")}
    app = opened(monkeypatch, {**shared, "ours": OWN, "theirs": OWN, "half": {"client_id": "a"}})
    assert [b.label for b in app.button] == ["Log in with ours", "Log in with theirs"]


def test_without_authlib_nobody_comes_in(asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "_can_ask", lambda: False)
    app = opened(monkeypatch, WHOLE)
    assert ["pip install" in error.value for error in app.error] == [True]


@pytest.mark.parametrize("value", ["oauth", "yes", "OIDC "])
def test_a_misspelt_login_starts_nothing(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("OUTSKIRTS_LOGIN", value)
    settings.cache_clear()
    with pytest.raises(OutskirtsError, match=r"^OUTSKIRTS_LOGIN: input should be '' or 'oidc'$"):
        settings()
    settings.cache_clear()


# What the server refuses --------------------------------------------------------------------------


UNASKED = ("http://127.0.0.1:abc/x", "http://127.0.0.1:9/a b", "http://[::1")


@pytest.mark.parametrize(
    "path", ["/nowhere", "file:///etc/passwd", "", "http://127.0.0.1:9/", *UNASKED]
)
def test_a_provider_that_is_none_is_down(path: str) -> None:
    assert not login.provider_is_up(path)


def test_a_provider_that_speaks_no_http_is_down() -> None:
    with babbling() as address:
        assert not login.provider_is_up(address)


@pytest.mark.parametrize("address", ["http://127.0.0.1:abc/x", "http://[::1"])
def test_a_mistyped_provider_is_one_line_on_the_page(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    said: list[str] = []
    monkeypatch.setattr(login.st, "error", lambda text, **kwargs: said.append(text))
    login._go_to("default", {"server_metadata_url": address})
    host = plain(address.split("/")[2])
    assert said == [f"The login provider {host} does not answer. Try again in a while."]


def status_of(guarded, path: str, *, kind: str = "http", cookie: str = "") -> int:
    """The status of an answer; 200: the request came through."""
    answers: list[int] = []

    async def send(message: dict) -> None:
        if message["type"] == "http.response.start":
            answers.append(message["status"])

    headers = [(b"cookie", cookie.encode())] if cookie else []
    scope = {"type": kind, "method": "GET", "path": path, "headers": headers, "query_string": b""}
    asyncio.run(guarded(scope, None, send))
    return answers[0] if answers else 200


async def through(scope, receive, send) -> None: ...


@pytest.fixture(params=["", "outskirts", "/a/b/"])
def base(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A server's base path, as a user may write it; what a request's path begins with."""
    monkeypatch.setattr(login.st, "get_option", lambda name: request.param)
    return f"/{request.param.strip('/')}".rstrip("/")


def test_metrics_are_told_where_they_are_opened_alone(
    base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.cache_clear()
    guarded = login.ClosedMetrics(through)
    for path in ("/_stcore/metrics", "/_stcore/metrics/"):
        assert status_of(guarded, base + path) == 404
    for path in ("/_stcore/health", "/metrics", "/"):
        assert status_of(guarded, base + path) == 200
    monkeypatch.setenv("OUTSKIRTS_METRICS", "1")
    settings.cache_clear()
    assert status_of(guarded, f"{base}/_stcore/metrics") == 200
    settings.cache_clear()


def test_files_of_the_app_and_uploads_are_behind_the_login(
    base: str, asking, installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "_section", lambda: WHOLE)
    guarded = login.BehindLogin(through, ["/thumbnail/{scenario}/{index}.png", "/sprite/x.png"])
    for path in ("/thumbnail/a/0.png", "/sprite/y", "/thumbnail", "/_stcore/upload_file/s/f"):
        assert status_of(guarded, base + path) == 401, path
        assert status_of(guarded, base + path, cookie=f"{USER}=forged") == 401, path
        assert status_of(guarded, base + path, cookie=f"{USER}={signed('another secret')}") == 401
    for path in ("/", "/latent", "/_stcore/health", "/_stcore/host-config", "/auth/login"):
        assert status_of(guarded, base + path) == 200, path
    assert status_of(guarded, f"{base}/_stcore/stream", kind="websocket") == 200


def test_a_signed_cookie_passes_and_with_a_login_that_is_not_whole_none_does(
    asking, installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login.auth_routes, "get_cookie_secret", lambda: WHOLE["cookie_secret"])
    guarded = login.BehindLogin(through, ["/thumbnail/x"])
    cookie = f"{USER}={signed(str(WHOLE['cookie_secret']))}"
    monkeypatch.setattr(login, "_section", lambda: WHOLE)
    assert status_of(guarded, "/thumbnail/x", cookie=cookie) == 200
    out = f"{USER}={signed(str(WHOLE['cookie_secret']), is_logged_in=False)}"
    assert status_of(guarded, "/thumbnail/x", cookie=out) == 401
    monkeypatch.setattr(login, "_section", lambda: without("client_id"))
    assert status_of(guarded, "/thumbnail/x", cookie=cookie) == 401


def signed(secret: str, **claims: object) -> str:
    """The cookie of somebody who logged in, as Streamlit signs it."""
    whole = json.dumps({"is_logged_in": True, **PERSON, **claims})
    return create_signed_value(secret, USER, whole).decode()


def test_without_a_login_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OUTSKIRTS_LOGIN", raising=False)
    settings.cache_clear()
    guarded = login.BehindLogin(through, ["/thumbnail/x"])
    assert status_of(guarded, "/thumbnail/x") == 200
    assert login.passed()


@pytest.mark.browser
@pytest.mark.slow
def test_login_from_the_first_page_to_the_last(authlib, browser) -> None:
    port = free_port()
    with provided() as provider:
        environment = {
            "OUTSKIRTS_LOGIN": "oidc",
            "OUTSKIRTS_OIDC_REDIRECT_URI": f"http://127.0.0.1:{port}/oauth2callback",
            "OUTSKIRTS_OIDC_COOKIE_SECRET": "f" * 40,
            "OUTSKIRTS_OIDC_CLIENT_ID": CLIENT,
            "OUTSKIRTS_OIDC_CLIENT_SECRET": SECRET,
            "OUTSKIRTS_OIDC_METADATA_URL": provider.metadata,
        }
        with served_at(port, environment=environment) as address:
            is_closed(address)
            with visiting(browser) as page:
                comes_in(page, address, provider)
                assert page.request.get(address + FILES[0]).status == 200
                assert page.request.get(f"{address}/_stcore/metrics").status == 404
                page.get_by_role("button", name="Log out").click()
                page.get_by_role("button", name="Log in").wait_for()
                assert len(provider.logouts) == 1
                assert provider.logouts[0]
                assert page.request.get(address + FILES[0]).status == 401
                provider.stop()
                page.get_by_role("button", name="Log in").click()
                page.get_by_text("does not answer. Try again in a while.").wait_for()


def is_closed(address: str) -> None:
    """Nobody who has not logged in gets a file of the app's own, or may send one."""
    for path in FILES:
        status, words, _ = asked(address + path)
        assert (status, words) == (401, "Log in first."), path
    for cookie in ("_streamlit_user=forged", "_streamlit_user=", "_streamlit_user=W10.x.y"):
        assert asked(address + FILES[0], headers={"Cookie": cookie})[0] == 401
    place = f"{address}/_stcore/upload_file/session/file"
    assert asked(place, method="PUT", headers={"Content-Length": "0"})[0] == 401
    assert asked(f"{address}/_stcore/health")[0] == 200
    assert asked(f"{address}/_stcore/metrics")[0] == 404


def comes_in(page, address: str, provider: Provider) -> None:
    page.goto(f"{address}/latent")
    button = page.get_by_role("button", name="Log in")
    button.wait_for()
    assert page.get_by_role("combobox").count() == 0
    assert page.locator("[data-testid=stSidebarNavLink]").count() == 0
    button.click()
    said = page.get_by_text("Logged in as").inner_text()
    assert said.replace(JOINER, "") == f"Logged in as {PERSON['email']}"
    page.locator(".st-key-overview_picture").wait_for()
    assert provider.tokens == 1
