"""The notebook without a browser: what it holds, what a browser is told, a server's own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from apps import text_of
from conftest import forget_everything
from streamlit.testing.v1 import AppTest

from core.notebook import (
    Contents,
    Item,
    NotebookError,
    NoteLine,
    OwnImage,
    applied,
    load,
    packed,
    save,
)
from core.notebook.store import Store
from core.service import Threshold
from pages._shared import notebook, notebook_panel, threshold, uploads
from pages._shared.pages import PAGES
from pages._shared.picker import Own

pytestmark = pytest.mark.usefixtures("quick_apps")

FULL = Contents(
    tags={"fashion": {"odd": ("mnist#2", "mnist#10"), "a, *b*": ("flat#7",)}},
    chosen={"fashion": ("garments#17",), "digits-one.4": ("mnist#3",)},
    own=(OwnImage("0f" * 32, "<b>naïve</b> $x$.png"),),
    lines=(NoteLine("0a" * 8, "1 looks like *I* $x$", 5.0),),
    threshold=("alarms", 0.01, ""),
    prevalence=0.02,
    costs=(10.0, 1.0),
)


def visitor(page: str = "cards.py", **state: object) -> AppTest:
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    for key, value in state.items():
        app.session_state[key] = value
    return app.switch_page(page).run()


def fine(app: AppTest) -> AppTest:
    assert not app.exception
    assert not app.error
    return app


def opened(app: AppTest) -> AppTest:
    """With the notebook open, as the browser leaves it while it runs parts of a page alone."""
    app.session_state["_notebook_again"] = True
    return fine(app.run())


def acts(app: AppTest) -> AppTest:
    """Run on with the notebook open."""
    return opened(app)


def told(app: AppTest) -> dict:
    """What the browser's half is given, at home."""
    given = [json.loads(e.proto.json) for e in app.get("bidi_component") if "kept" in e.proto.json]
    given = given or [
        json.loads(e.proto.json)
        for e in app.get("bidi_component")
        if e.proto.component_name == "outskirts.notebook"
    ]
    return next(g for g in given if g["home"])


def held(app: AppTest) -> Contents:
    state = app.session_state
    return state["_notebook"] if "_notebook" in state else Contents()


# What it holds ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("page", [row.stem for row in PAGES])
def test_every_page_has_a_notebook_and_runs_with_a_full_one(page: str) -> None:
    app = fine(visitor(f"{page}.py", _notebook=FULL))
    assert app.sidebar.button(key="notebook_open").label == "Notebook"
    opened(app)


def test_a_line_is_written_listed_with_its_time_and_removed() -> None:
    app = opened(visitor())
    assert "kept in this browser, through a reload too" in text_of(app)
    app.text_input("notebook_line").set_value("  1 looks\tlike *I* $x$ ")
    acts(app)
    [line] = held(app).lines
    assert line.text == "1 looks like *I* $x$"
    assert 1.7e9 < line.time < 4e9
    [text] = [m.value for m in app.markdown if "looks" in m.value]
    assert text.startswith(r"1 looks like \*I\* \$x\$")
    assert ":gray[" in text
    assert app.text_input("notebook_line").value == ""
    app.text_input("notebook_line").set_value("   ")  # nothing, no line
    acts(app)
    assert len(held(app).lines) == 1
    app.button(f"notebook_line_{line.id}").click()
    acts(app)
    assert held(app) == Contents()


def test_all_that_it_holds_is_shown_letter_by_letter() -> None:
    app = opened(visitor(_notebook=FULL))
    text = text_of(app)
    assert r"**Tags**, Garments: odd 2, a, \*b\* 1" in text
    assert "**3 chosen images**" in text
    assert (
        r"![garments\#17](thumbnail/fashion/garments/17.png) garments\#17 :gray[Garments]" in text
    )
    assert "digits-one.4/mnist/3.png" in text
    assert "<b>" not in text.replace(r"\<b\>", "")
    assert f"sha256 {'0f' * 6}…" in text


@pytest.mark.parametrize("scenario", ["gone", "digits-one.99", "fashion.nope"])
def test_what_is_of_a_scenario_that_is_not_here_is_shown_by_its_name(scenario: str) -> None:
    app = opened(visitor(_notebook=Contents(chosen={scenario: ("a#1",)})))
    assert scenario.replace(".", r"\.").replace("-", r"\-") in text_of(app)


@pytest.mark.slow
def test_clearing_asks_first() -> None:
    app = opened(visitor(_notebook=FULL))
    app.button("notebook_clear").click()
    acts(app)
    [warning] = app.warning
    assert "Clear 2 tags, 3 tagged images, 3 chosen images, 1 line" in warning.value
    app.button("notebook_clear_no").click()
    acts(app)
    assert not app.warning
    assert held(app) == FULL
    app.button("notebook_clear").click()
    acts(app)
    app.button("notebook_clear_yes").click()
    acts(app)
    assert held(app) == Contents()
    assert "notebook_clear" not in {b.key for b in app.button}


def test_what_is_taken_out_is_that_alone_whatever_came_since_the_page_was_drawn() -> None:
    app = opened(visitor(_notebook=FULL))
    app.session_state["_notebook"] = applied(
        FULL, [Item("line", "", "", "0b" * 8, "of another tab", 6.0)]
    )
    app.button(f"notebook_line_{'0a' * 8}").click()
    acts(app)
    assert [n.text for n in held(app).lines] == ["of another tab"]


# Files ------------------------------------------------------------------------------------------


def loaded(app: AppTest, data: bytes, name: str = "mine.sqlite") -> AppTest:
    uploader = next(u for u in app.file_uploader if u.allowed_type == [".sqlite"])
    uploader.upload(name, data, "application/vnd.sqlite3")
    return acts(app)


def test_a_file_is_joined_to_what_is_there_and_its_threshold_counts() -> None:
    mine = Contents(tags={"fashion": {"odd": ("mnist#1",)}}, lines=(NoteLine("0c" * 8, "x", 1.0),))
    app = loaded(opened(visitor(_notebook=mine)), save(FULL))
    found = held(app)
    assert found.tags["fashion"]["odd"] == ("mnist#1", "mnist#2", "mnist#10")
    assert [n.text for n in found.lines] == ["x", FULL.lines[0].text]
    assert found.own == FULL.own
    line = app.session_state["_threshold"]
    assert line == threshold.Line(Threshold("alarms", 0.01), 0.02, threshold.Costs(10.0, 1.0))
    [said] = app.info
    assert "Loaded 2 tags, 3 tagged images, 3 chosen images, 1 line, the threshold" in (
        said.value.replace("\\", "")
    )
    again = loaded(app, save(FULL))  # a second time it brings nothing
    assert held(again) == found


def test_a_file_that_is_read_is_held_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[str] = []
    monkeypatch.setattr(uploads, "let_go", gone.extend)
    loaded(opened(visitor()), save(FULL))
    assert len(gone) == 1


@pytest.mark.slow
def test_a_hostile_file_is_a_line_with_its_name_and_changes_nothing() -> None:
    app = opened(visitor(_notebook=FULL))
    for data, words in {
        b"": "no file of SQLite",
        save(FULL)[:5000]: "damaged",
        b"PK\x03\x04": "no file of SQLite",
    }.items():
        loaded(app, data, "[x](http://evil.example).sqlite")
        [warning] = app.warning
        assert words in warning.value
        assert "](http" not in warning.value
        assert held(app) == FULL


@pytest.mark.parametrize(
    ("strange", "words"),
    [
        (Contents(threshold=("percentile", 500.0, "")), "is no threshold"),
        (Contents(prevalence=5.0), "'5.0' is no prevalence"),
        (Contents(costs=(-1.0, 0.0)), "is no costs"),
    ],
    ids=["threshold", "prevalence", "costs"],
)
def test_a_file_with_a_line_that_cannot_be_drawn_changes_nothing(
    strange: Contents, words: str
) -> None:
    app = loaded(opened(visitor()), save(strange))
    [warning] = app.warning
    assert words in warning.value.replace("\\", "")
    assert "_threshold" not in app.session_state


# The browser's half -----------------------------------------------------------------------------


def test_the_browser_is_told_what_came_and_what_went_until_it_has_kept_it() -> None:
    app = fine(visitor())
    assert told(app)["changes"] == []
    app.session_state["_notebook"] = FULL
    app.run()
    [[number, came, went]] = told(app)["changes"]
    assert number == 1
    assert came['["tag", "fashion", "odd"]'] == {"mnist": "2,10"}
    assert went == {}
    app.session_state["_notebook"] = replace(FULL, tags={})
    app.run()
    [_, [number, came, went]] = told(app)["changes"]
    assert (number, came) == (2, {})
    assert set(went) == {'["tag", "fashion", "odd"]', '["tag", "fashion", "a, *b*"]'}
    before = told(app)
    assert told(app.run()) == before  # what did not change is told once


def test_a_run_that_changes_nothing_compares_no_items(monkeypatch: pytest.MonkeyPatch) -> None:
    app = fine(visitor(_notebook=FULL, _threshold=replace(threshold.DEFAULT, prevalence=0.3)))

    def unwanted(*given: object, **more: object) -> None:
        raise AssertionError("nothing changed")

    monkeypatch.setattr(notebook.notes, "difference", unwanted)
    monkeypatch.setattr(notebook.notes, "applied", unwanted)
    fine(app.run())


def test_the_threshold_that_a_session_opens_with_is_not_kept_and_another_is() -> None:
    app = fine(visitor(_threshold=threshold.DEFAULT))
    assert told(app)["changes"] == []
    line = threshold.Line(Threshold("score", -2.5, "glow"), 0.01, threshold.Costs(3.0, 1.0))
    app.session_state["_threshold"] = line
    app.run()
    [[_, came, _]] = told(app)["changes"]
    kept = {of: json.loads(value) for of, (value, _) in came['["setting", "", ""]'].items()}
    assert kept == {"threshold": ["score", -2.5, "glow"], "costs": [3.0, 1.0]}
    app.session_state["_threshold"] = threshold.DEFAULT
    app.run()
    assert set(told(app)["changes"][1][2]['["setting", "", ""]']) == {"threshold", "costs"}


def hears(app: AppTest, text: str) -> AppTest:
    """What the component's callback does with what the browser has kept."""
    app.session_state["_heard"] = text
    return app.run()


def hearing() -> None:
    import streamlit as st

    from pages._shared import notebook
    from pages._shared.notebook_kept import keeping

    if (text := st.session_state.pop("_heard", None)) is not None:
        notebook.take(text)  # before the run, as callbacks are called
    notebook.begin()
    st.session_state["_shown"] = notebook.contents()
    st.session_state["_waiting"] = [c.items for c in keeping().waiting]
    st.session_state["_failed"] = notebook.failure()
    st.session_state["_lost"], st.session_state["_anew"] = notebook.lost(), keeping().anew


def browser_kept(contents: Contents) -> str:
    return json.dumps(packed(notebook.notes.items_of(contents)))


def test_what_the_browser_kept_is_there_after_a_reload_with_the_threshold() -> None:
    app = AppTest.from_function(hearing, default_timeout=60).run()
    hears(app, browser_kept(FULL))
    assert not app.exception
    assert app.session_state["_shown"] == FULL
    assert app.session_state["_threshold"].threshold == Threshold("alarms", 0.01)
    assert app.session_state["_waiting"] == []  # nothing of it is told back


def test_what_was_done_before_the_browser_answered_stays_and_a_link_s_threshold_wins() -> None:
    app = AppTest.from_function(hearing, default_timeout=60).run()
    app.session_state["_notebook"] = Contents(tags={"fashion": {"odd": ("mnist#1",)}})
    app.session_state["_threshold"] = replace(
        threshold.DEFAULT, threshold=Threshold("percentile", 99.0)
    )
    hears(app, browser_kept(FULL))
    shown = app.session_state["_shown"]
    assert shown.tags["fashion"]["odd"] == ("mnist#1", "mnist#2", "mnist#10")
    assert shown.threshold == ("percentile", 99.0, "")
    assert shown.prevalence == 0.02
    assert len(app.session_state["_waiting"]) == 1


def test_another_tab_s_items_come_and_go_and_this_one_s_stay() -> None:
    app = AppTest.from_function(hearing, default_timeout=60).run()
    hears(app, browser_kept(FULL))
    app.session_state["_notebook"] = replace(held(app), chosen={})  # this tab takes out
    app.run()
    other = replace(FULL, lines=(), own=())  # the other has not seen that, and took out these
    hears(app, browser_kept(other))
    assert app.session_state["_shown"] == replace(other, chosen={})


def test_what_a_browser_never_kept_is_a_line_and_is_put_aside() -> None:
    app = AppTest.from_function(hearing, default_timeout=60).run()
    app.session_state["_notebook"] = FULL
    app.run()
    hears(app, "{")
    assert not app.exception
    assert app.session_state["_lost"].startswith("What this browser kept is damaged: it is put")
    assert app.session_state["_failed"] == ""  # what comes now is kept
    assert app.session_state["_shown"].lines == FULL.lines
    [items] = app.session_state["_waiting"]  # all of it, for nothing of it is there
    assert applied(Contents(), items) == app.session_state["_shown"]
    assert app.session_state["_anew"] == 1


def test_a_part_that_cannot_be_read_takes_nothing_else_with_it() -> None:
    kept = json.loads(browser_kept(FULL))
    kept['["line", "", ""]']["0b" * 8] = ["a\x7f", 5.0]
    app = hears(AppTest.from_function(hearing, default_timeout=60).run(), json.dumps(kept))
    assert app.session_state["_shown"] == FULL
    assert app.session_state["_lost"].endswith("are put aside: 1.")
    [items] = app.session_state["_waiting"]
    assert applied(Contents(), items) == FULL


@pytest.mark.slow
def test_a_control_character_that_is_pasted_is_left_out_of_a_line(server: Path) -> None:
    app = write(visitor(), "7 looks\x7f like\x01\u20281")
    assert texts(app) == {"7 looks like 1"}
    app = write(named(app, "mine"), "\x7f")
    assert texts(named(visitor(), "mine")) == {"7 looks like 1"}


# Images that are chosen -------------------------------------------------------------------------


def choosing() -> None:
    import streamlit as st

    from pages._shared import notebook

    notebook.begin()
    notebook.pin("fashion", st.session_state.get("_image", "mnist#3"), key="x")
    st.session_state["_shown"] = notebook.contents()


def test_an_image_is_chosen_and_no_longer() -> None:
    app = AppTest.from_function(choosing, default_timeout=60).run()
    assert app.button("x_pin").label == "Choose"
    app.button("x_pin").click().run()
    assert app.button("x_pin").label == "Chosen"
    assert app.session_state["_shown"].chosen == {"fashion": ("mnist#3",)}
    app.button("x_pin").click().run()
    assert app.button("x_pin").label == "Choose"
    assert app.session_state["_shown"] == Contents()


def test_of_ones_own_image_the_hash_and_the_name_are_kept_and_no_pixel() -> None:
    data = b"\x89PNG these are pixels of mine"
    app = AppTest.from_function(choosing, default_timeout=60)
    app.session_state["_image"] = Own("a\n*b*.png", data)
    app.run()
    app.button("x_pin").click().run()
    assert not app.exception
    shown = app.session_state["_shown"]
    assert shown.own == (OwnImage(hashlib.sha256(data).hexdigest(), "a*b*.png"),)
    assert b"pixels of mine" not in save(shown)
    assert load(save(shown)) == shown
    app.button("x_pin").click().run()
    assert app.session_state["_shown"] == Contents()


def test_an_image_whose_id_no_notebook_holds_is_a_line() -> None:
    app = AppTest.from_function(choosing, default_timeout=60)
    app.session_state["_image"] = "no number"
    app.run()
    app.button("x_pin").click().run()
    assert not app.exception
    assert app.session_state["_shown"] == Contents()


# Notebooks on the server ------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "notes.sqlite"
    monkeypatch.setenv("OUTSKIRTS_NOTES", str(path))
    forget_everything()
    yield path
    monkeypatch.undo()
    forget_everything()


def named(app: AppTest, name: str) -> AppTest:
    app = opened(app)
    app.text_input("notebook_name").set_value(name)
    return acts(app)


def write(app: AppTest, text: str) -> AppTest:
    app = opened(app)
    app.text_input("notebook_line").set_value(text)
    return acts(app)


def texts(app: AppTest) -> set[str]:
    return {n.text for n in held(app).lines}


@pytest.mark.slow
def test_two_browsers_on_one_notebook_lose_nothing_and_see_each_other_s(server: Path) -> None:
    one, other = named(visitor(), "class 5b"), named(visitor(), "Class 5B")
    assert "kept in the notebook “class 5b” on this server" in text_of(one)
    assert "Whoever knows a notebook's name can open it" in text_of(one)
    write(one, "of one")
    write(other, "of the other")  # it has not seen that of one
    assert texts(other) == {"of one", "of the other"}  # it has now
    one.run()
    assert texts(one) == {"of one", "of the other"}
    [line] = [n for n in held(one).lines if n.text == "of one"]
    opened(one).button(f"notebook_line_{line.id}").click()
    acts(one)
    other.session_state["_threshold"] = replace(threshold.DEFAULT, prevalence=0.3)
    other.run()
    assert texts(other) == {"of the other"}
    one.run()
    assert one.session_state["_threshold"].prevalence == 0.3
    fresh = named(visitor(), "class 5b")
    assert texts(fresh) == {"of the other"}
    assert fresh.session_state["_threshold"].prevalence == 0.3


@pytest.mark.slow
def test_a_new_notebook_begins_with_what_is_here_and_one_that_is_there_does_not(
    server: Path,
) -> None:
    named(visitor(_notebook=FULL), "mine")
    mine = replace(FULL, lines=(NoteLine("0d" * 8, "at home", 1.0),), tags={})
    app = named(visitor(_notebook=mine), "mine")
    assert texts(app) == {FULL.lines[0].text}
    assert held(app).tags == FULL.tags
    opened(app).button("notebook_close").click()
    acts(app)
    assert held(app) == Contents()  # until the browser answers
    assert told(app)["asked"] == 1
    assert (told(app)["named"], told(app)["name"]) == (2, "")
    assert texts(named(visitor(), "mine")) == {FULL.lines[0].text}


@pytest.mark.slow
def test_a_notebook_on_the_server_is_not_told_to_the_browser_but_its_name(server: Path) -> None:
    app = write(named(visitor(), "mine"), "on the server")
    assert told(app)["changes"] == []
    assert told(app)["name"] == "mine"


@pytest.mark.slow
def test_notebooks_of_other_names_hear_nothing(server: Path) -> None:
    one, other = named(visitor(), "one"), named(visitor(), "other")
    write(one, "of one")
    other.run()
    assert texts(other) == set()
    assert texts(named(visitor(), "one")) == {"of one"}


@pytest.mark.slow
def test_clearing_a_named_notebook_is_said_to_be_for_everybody(server: Path) -> None:
    one, other = named(visitor(), "mine"), named(visitor(), "mine")
    write(one, "a line")
    opened(other).button("notebook_clear").click()
    acts(other)
    assert "for everybody who uses it" in other.warning[0].value
    other.button("notebook_clear_yes").click()
    acts(other)
    one.run()
    assert texts(one) == set()


@pytest.mark.slow
def test_what_is_no_name_is_a_line(server: Path) -> None:
    app = named(visitor(), "../etc")
    assert "a notebook's name has up to 60 letters" in app.info[0].value.replace("\\", "")
    assert "notebook_name" in {t.key for t in app.text_input}


@pytest.mark.slow
def test_a_file_of_notebooks_that_fails_is_a_line_and_what_was_noted_stays(server: Path) -> None:
    server.write_bytes(b"a letter, no notebook at all" * 100)
    app = opened(visitor())
    assert "file of notebooks fails" in app.warning[0].value
    write(app, "a line")
    assert texts(app) == {"a line"}
    assert told(app)["changes"]  # the browser keeps it


@pytest.mark.slow
def test_a_notebook_that_cannot_be_written_says_so_and_what_was_noted_stays(
    server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = write(named(visitor(), "mine"), "one")
    monkeypatch.setattr("core.notebook.store.MAX_ITEMS", 1)
    write(app, "two")
    assert "holds up to 1 items" in app.warning[0].value
    assert texts(app) == {"one", "two"}
    monkeypatch.undo()
    monkeypatch.setenv("OUTSKIRTS_NOTES", str(server))
    write(app, "three")  # with the next change all is told
    assert not app.warning
    assert texts(named(visitor(), "mine")) == {"one", "two", "three"}


def test_words_of_what_a_notebook_holds() -> None:
    assert notebook_panel.summary(FULL) == (
        "2 tags, 3 tagged images, 3 chosen images, 1 line, the threshold, "
        "the expected share of strange images, the costs of mistakes"
    )


@pytest.mark.slow
def test_a_failure_that_passes_is_said_no_longer_and_what_was_noted_is_written(
    server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = named(visitor(), "mine")

    def fails(*given: object, **more: object) -> None:
        raise NotebookError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(Store, "write", fails)
        write(app, "of then")
        assert any("the disk is full" in w.value for w in app.warning)
    fine(app.run())
    assert not app.warning
    assert texts(named(visitor(), "mine")) == {"of then"}
