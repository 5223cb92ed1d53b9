"""Links into the app, from elsewhere and among its pages; and text of others on the pages."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Tiny
from streamlit.testing.v1 import AppTest

from pages._shared.links import FiniteLinks, only_finite
from pages._shared.pages import PAGES as ROWS
from pages._shared.text import plain

pytestmark = pytest.mark.usefixtures("quick_apps")

PAGES = Path(__file__).parents[2] / "pages"
HOSTILE = (
    "![x](http://evil.example/a.png)",
    "[Session expired: log in](http://evil.example/)",
    "<img src=http://evil.example/b.png> www.evil.example",
)


# Infinite numbers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("seed=inf", ""),
        ("seed=1e999", ""),
        ("likelihoods_index=-Infinity&likelihoods_set=turned", "likelihoods_set=turned"),
        ("outskirts_rank=inf&outskirts_rank=3", "outskirts_rank=3"),
        ("seed=" + "9" * 400, ""),
        ("outskirts_tau=nan", ""),
        ("seed=3&latent_image=mnist%230&x=", "seed=3&latent_image=mnist%230&x="),
        ("", ""),
    ],
)
def test_no_number_of_a_link_is_infinite(query, kept):
    assert only_finite(query) == kept


def answer(query: str, kind: str = "http") -> tuple[list[dict], list[str]]:
    """What the middleware sends by itself, and the queries that it lets through."""
    sent: list[dict] = []
    passed: list[str] = []

    async def app(scope, receive, send):
        passed.append(scope["query_string"].decode())

    async def send(message):
        sent.append(dict(message))

    scope = {"type": kind, "method": "GET", "path": "//evil.example", "headers": []}
    asyncio.run(FiniteLinks(app)(scope | {"query_string": query.encode()}, None, send))
    return sent, passed


def test_a_link_with_an_infinite_number_is_sent_to_the_same_place_without_it():
    sent, passed = answer("seed=1e999&scenario=fashion")
    assert passed == []
    headers = dict(sent[0]["headers"])
    assert (sent[0]["status"], headers[b"location"]) == (307, b"?scenario=fashion")


def test_other_links_and_other_connections_pass_untouched():
    assert answer("scenario=fashion&seed=3") == ([], ["scenario=fashion&seed=3"])
    assert answer("seed=1e999", "websocket") == ([], ["seed=1e999"])


# What a link sets -------------------------------------------------------------------------------


def started() -> AppTest:
    return AppTest.from_file("../../pages/_frame.py", default_timeout=60).run()


def shown(app: AppTest) -> str:
    """The id of the image that Likelihoods shows, by its controls."""
    number = app.number_input("likelihoods_index").value
    return f"{app.selectbox('likelihoods_set').value}#{number}"


@pytest.mark.slow
def test_what_a_link_shows_does_not_depend_on_what_was_looked_at_before(models: Tiny):
    app = started().switch_page("likelihoods.py").run()
    for key, value in (("order", "typical"), ("image", "boxes#7")):
        app.session_state[f"likelihoods_{key}"] = value
    app.run()
    assert shown(app) == "boxes#7"
    app = app.switch_page("overview.py").run()
    app.query_params.clear()
    app.query_params["likelihoods_image"] = "strokes#3"
    app = app.switch_page("likelihoods.py").run()
    assert not app.exception
    assert (app.session_state["likelihoods_order"], shown(app)) == ("strangest", "strokes#3")


@pytest.mark.slow
def test_the_menu_finds_a_page_as_it_was_left(models: Tiny):
    app = started().switch_page("likelihoods.py").run()
    app.session_state["likelihoods_image"] = "boxes#7"
    app.run()
    app = app.switch_page("overview.py").run()
    app.query_params.clear()
    app = app.switch_page("likelihoods.py").run()
    assert shown(app) == "boxes#7"


# Text of others ---------------------------------------------------------------------------------


def keys() -> set[str]:
    """Every key that pages give a control, which is the name of its value in a link."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in PAGES.rglob("*.py"))
    named = set(re.findall(rf'"((?:{"|".join(row.stem for row in ROWS)})_\w+)"', text))
    return named | {"scenario", "normal", "latent_selected"}


NO_MARKDOWN = {"value", "set_value", "default", "raw_values", "id", "url", "query_string"}


def texts(message) -> Iterator[str]:
    """All that an element carries to the browser as text, but for what inputs hold."""
    for field, value in message.ListFields():
        if field.name in NO_MARKDOWN:
            continue
        for one in value if field.is_repeated else [value]:
            if field.type == field.TYPE_STRING:
                yield str(one)
            elif field.type == field.TYPE_MESSAGE and hasattr(one, "ListFields"):
                yield from texts(one)


def drawn(app: AppTest) -> list[str]:
    elements = [e for e in app._tree if hasattr(e, "proto") and e.proto is not None]
    return [text for e in elements for text in texts(e.proto)]


@pytest.mark.slow
@pytest.mark.parametrize("page", [page.stem for page in ROWS])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_page_makes_a_link_or_a_picture_of_what_a_link_holds(models: Tiny, page, hostile):
    app = started()
    app.query_params.update(dict.fromkeys(keys(), hostile))
    app = app.switch_page(f"{page}.py").run()
    assert not app.exception
    assert [t for t in drawn(app) if "http://evil" in t or "www.evil" in t] == []


def test_the_search_for_such_text_finds_it(models: Tiny):
    def script(text):
        import streamlit as st

        st.warning(text)
        st.button("x", help=text)

    for text, number in ((HOSTILE[0], 2), (plain(HOSTILE[0]), 0)):
        app = AppTest.from_function(script, kwargs={"text": text}).run()
        assert sum("http://evil" in t for t in drawn(app)) == number


def test_pages_name_no_model_that_no_scenario_trains():
    trained = set()
    for path in PAGES.parent.glob("checkpoints/*/scenario.json"):
        trained |= set(json.loads(path.read_text(encoding="utf-8"))["training"])
    for path in PAGES.glob("*.py"):
        named = set(re.findall(r'"(glow\.[a-z0-9-]+)"', path.read_text(encoding="utf-8")))
        assert named <= trained, path.name


@pytest.mark.parametrize("page", ["likelihoods", "outskirts", "cards"])
def test_a_page_that_stops_early_can_be_left_for_another_scenario(models: Tiny, page):
    """What follows the page in the frame runs all the same: the address is followed no longer."""
    other = models.checkpoints / "void"  # it stands after the other, so the address names it
    other.mkdir()
    values = json.loads((models.folder / "scenario.json").read_text())
    values |= {"name": "void", "title": "Nothing", "training": {}, "sources": {}, "start": []}
    (other / "scenario.json").write_text(json.dumps(values))
    (other / "reference.npz").write_bytes((models.folder / "reference.npz").read_bytes())
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    app.query_params["scenario"] = "void"
    app = app.run().switch_page(f"{page}.py").run()
    assert app.session_state["world"] == "void"
    assert app.info
    app.selectbox(key="scenario").set_value("tiny").run()
    assert app.session_state["world"] == "tiny"
