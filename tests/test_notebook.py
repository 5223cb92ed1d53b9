"""Notebooks: two who write lose nothing, who is killed neither, and a hostile file is a line."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from core.errors import OutskirtsError
from core.notebook import contents as module
from core.notebook import file, store, wire
from core.notebook.contents import (
    LONGEST_LINE,
    Contents,
    Item,
    NotebookError,
    NoteLine,
    OwnImage,
    applied,
    checked,
    difference,
    items_of,
)
from core.notebook.file import load, save
from core.notebook.store import Store, name_of

ROOT = Path(file.__file__).parents[2]
SHA = "0123456789abcdef" * 4
FULL = Contents(
    tags={
        "fashion": {"odd": ("mnist#2", "mnist#10", "noise#0"), "a, b": ("flat#7",)},
        "digits-one.4": {"odd": ("mnist#3",)},
    },
    chosen={"fashion": ("garments#17",)},
    own=(OwnImage(SHA, "<b>naïve</b> & $x$.png"),),
    lines=(NoteLine("0a" * 8, "1 looks like an I", 5.0), NoteLine("0b" * 8, "π 中 🧪", 6.5)),
    threshold=("score", -12.25, "glow"),
    prevalence=0.015,
    costs=(10.0, 1.0),
)


def tag(number: int, name: str = "odd") -> Item:
    return Item("tag", "fashion", name, f"mnist#{number}", time=1.0)


def line(number: int, text: str = "a line") -> Item:
    return Item("line", "", "", f"{number:08x}", text, time=float(number))


def gone(item: Item) -> Item:
    return item._replace(gone=True)


def live(at: Store, name: str = "mine") -> Contents:
    return applied(Contents(), at.read(name)[1])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notes.sqlite"


@pytest.fixture
def kept(path: Path) -> Iterator[Store]:
    with closing(Store(path)) as opened:
        yield opened


# Items ------------------------------------------------------------------------------------------


def test_items_of_a_notebook_make_it_again() -> None:
    assert applied(Contents(), items_of(FULL)) == FULL
    assert applied(FULL, []) is FULL
    assert difference(FULL, FULL) == []


def test_a_difference_names_what_came_and_what_went_alone() -> None:
    after = Contents(
        tags={"fashion": {"odd": ("mnist#2", "mnist#11", "noise#0"), "a, b": ("flat#7",)}},
        chosen=FULL.chosen,
        own=FULL.own,
        lines=(NoteLine("0a" * 8, "edited", 5.0),),
        threshold=("percentile", 99.0, ""),
        prevalence=0.015,
    )
    assert difference(FULL, after, time=9.0) == [
        Item("tag", "fashion", "odd", "mnist#10", "", 9.0, True),
        Item("tag", "digits-one.4", "odd", "mnist#3", "", 9.0, True),
        Item("line", "", "", "0b" * 8, "", 9.0, True),
        Item("setting", "", "", "costs", "", 9.0, True),
        Item("tag", "fashion", "odd", "mnist#11", "", 9.0),
        Item("line", "", "", "0a" * 8, "edited", 5.0),
        Item("setting", "", "", "threshold", '["percentile", 99.0, ""]', 9.0),
    ]
    assert applied(FULL, difference(FULL, after, time=9.0)) == after


def test_an_item_that_comes_and_goes_in_one_list_ends_as_the_last_one_says() -> None:
    assert applied(Contents(), [tag(1), gone(tag(1))]) == Contents()
    assert applied(Contents(), [gone(tag(1)), tag(1)]).tags == {"fashion": {"odd": ("mnist#1",)}}


def test_a_tag_that_is_on_no_image_is_none() -> None:
    both = applied(Contents(), [tag(1), tag(2, "even")])
    assert applied(both, [gone(tag(1))]).tags == {"fashion": {"even": ("mnist#2",)}}
    assert applied(both, [gone(tag(1)), gone(tag(2, "even"))]).tags == {}


WRONG = {
    Item("trigger", "", "", "a"): "a notebook holds no 'trigger'",
    Item("tag", "fashion", "odd", "mnist"): "'mnist' names no image",
    Item("tag", "fashion", "odd", "mnist#01"): "'mnist#01' names no image",
    Item("tag", "fashion", "odd", "mnist#" + "9" * 9): "names no image",
    Item("tag", "fashion", "odd", "a b#1"): "names no image",
    Item("tag", "", "odd", "mnist#1"): "'' names no scenario",
    Item("chosen", "../fashion", "", "mnist#1"): "'../fashion' names no scenario",
    Item("line", "fashion", "", "0" * 8): "'fashion' names no scenario",
    Item("tag", "fashion", "", "mnist#1"): "a tag is a line of up to 200 characters, not ''",
    Item("tag", "fashion", "a\nb", "mnist#1"): "a tag is a line of up to 200 characters",
    Item("tag", "fashion", "x" * 201, "mnist#1"): "a tag is a line of up to 200 characters",
    Item("chosen", "fashion", "odd", "mnist#1"): "a tag is a line",
    Item("tag", "fashion", "odd", "mnist#1", "x"): "'x' is no line",
    Item("line", "", "", "0" * 8, "x" * (LONGEST_LINE + 1)): "is no line of up to 2,000 characters",
    Item("line", "", "", "0" * 8, "a\x00b"): "is no line",
    Item("line", "", "", "0" * 8, "\ud800"): "is no line",
    Item("line", "", "", "x" * 8, "a"): "'xxxxxxxx' names no line",
    Item("line", "", "", "0" * 8, "a", float("nan")): "there is no such time as nan",
    Item("own", "", "", SHA[1:], "a.png"): "names no own",
    Item("setting", "", "", "password", "1"): "'password' names no setting",
    Item("setting", "", "", "prevalence", "NaN"): "'NaN' is no prevalence",
    Item("setting", "", "", "prevalence", "true"): "'true' is no prevalence",
    Item("setting", "", "", "prevalence", "{"): "'{' is no prevalence",
    Item("setting", "", "", "prevalence", "[" * 200): "is no prevalence",
    Item("setting", "", "", "prevalence", "5"): "'5' is no prevalence",
    Item("setting", "", "", "prevalence", "0"): "'0' is no prevalence",
    Item("setting", "", "", "costs", "[1]"): "'[1]' is no costs",
    Item("setting", "", "", "costs", "[-1, 0]"): "'[-1, 0]' is no costs",
    Item("setting", "", "", "costs", "[0, 0]"): "'[0, 0]' is no costs",
    Item("setting", "", "", "threshold", '["P", 1, ""]'): "is no threshold",
    Item("setting", "", "", "threshold", '["percentile", 500, ""]'): "is no threshold",
    Item("setting", "", "", "threshold", '["score", 1, ""]'): "is no threshold",
    Item("setting", "", "", "threshold", "7"): "is no threshold",
    Item("setting", "", "", "threshold", '["score", 1, "../x"]'): "is no threshold",
    Item("setting", "", "", "threshold", '["score", 1e999, "x"]'): "is no threshold",
}


@pytest.mark.parametrize("item", WRONG, ids=range(len(WRONG)))
def test_what_no_notebook_may_hold_is_a_line(item: Item) -> None:
    with pytest.raises(NotebookError) as raised:
        checked(item)
    assert WRONG[item] in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_all_that_a_notebook_may_hold_passes() -> None:
    for item in items_of(FULL):
        assert checked(item) is item


# Two who write ----------------------------------------------------------------------------------


def test_what_one_writes_the_other_reads_once(path: Path) -> None:
    with closing(Store(path)) as one, closing(Store(path)) as other:
        assert other.read("mine") == (0, [])
        assert one.write("mine", [tag(1), line(1)]) == 1
        assert other.read("mine") == (1, [line(1), tag(1)])
        assert other.read("mine", since=1) == (1, [])
        assert other.write("mine", [gone(tag(1)), tag(2)]) == 2
        assert one.read("mine", since=1) == (2, [gone(tag(1)), tag(2)])
        assert one.read("mine") == (2, [line(1), gone(tag(1)), tag(2)])
        assert one.revision("MINE") == 2  # a name is the same in capitals
        assert one.revision("other") == 0


def test_a_line_is_edited_by_its_id_and_a_line_that_went_is_kept_nowhere(kept: Store) -> None:
    kept.write("mine", [line(1, "frist"), line(2)])
    kept.write("mine", [line(1, "first")])
    assert [n.text for n in live(kept).lines] == ["first", "a line"]
    [item] = difference(live(kept), Contents(lines=live(kept).lines[:1]))
    kept.write("mine", [item])
    assert [n.text for n in live(kept).lines] == ["first"]
    assert "a line" not in str(kept.base.execute("SELECT * FROM items").fetchall())


DOINGS = some.lists(
    some.tuples(some.integers(0, 1), some.booleans(), some.integers(0, 5), some.booleans()),
    max_size=30,
)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(DOINGS)
def test_two_who_write_lose_no_item_whoever_saw_what_when(
    tmp_path_factory: pytest.TempPathFactory, doings: list[tuple[int, bool, int, bool]]
) -> None:
    """Each adds or takes away one item by what it last saw; it reads the other's seldom."""
    at = tmp_path_factory.mktemp("two") / "notes"
    with closing(Store(at)) as one, closing(Store(at)) as other:
        writers, seen, revisions = (one, other), [Contents(), Contents()], [0, 0]
        expected: set[Item] = set()
        for who, adds, number, reads in doings:
            if reads:
                revisions[who], items = writers[who].read("mine", since=revisions[who])
                seen[who] = applied(seen[who], items)
            item = tag(number) if number < 3 else line(number)
            after = applied(seen[who], [item if adds else gone(item)])
            items = difference(seen[who], after, time=1.0)
            if items:
                writers[who].write("mine", items)
                (expected.add if adds else expected.discard)(item)
            seen[who] = after
        for who in (0, 1):
            _, items = writers[who].read("mine", since=revisions[who])
            seen[who] = applied(seen[who], items)
        assert seen[0] == seen[1] == applied(Contents(), expected) == live(one)


@pytest.mark.slow
def test_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    writers = [started(path, first) for first in (0, 1_000, 2_000)]
    for writer in writers:
        assert writer.stdout is not None
        for _ in range(20):
            writer.stdout.readline()
    said = [kill(writer) for writer in writers]
    with closing(Store(path)) as kept:
        there = {int(n.id, 16) for n in live(kept).lines}
    for first, more in zip((0, 1_000, 2_000), said, strict=True):
        assert {first + i for i in range(20 + more)} <= there


# A writer that is killed ------------------------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from core.notebook.contents import Item
from core.notebook import store as module
from core.notebook.store import Store
module.PATIENCE = 60.0  # however busy the machine
store, first = Store(Path(sys.argv[1])), int(sys.argv[2])
for number in range(first, first + 300):  # three may do so before the notebook is full
    tags = [Item("tag", "fashion", f"t{number}", f"mnist#{i}") for i in range(200)]
    store.write("mine", [Item("line", "", "", f"{number:08x}", "x" * 1000, float(number)), *tags])
    print(number, flush=True)
"""


def started(path: Path, first: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), str(first)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def kill(writer: subprocess.Popen[str]) -> int:
    """Kill a writer; how many more writes it had said."""
    assert writer.stdout is not None
    os.kill(writer.pid, signal.SIGKILL)
    said = writer.stdout.read().splitlines(keepends=True)
    writer.wait()
    writer.stdout.close()
    return sum(text.endswith("\n") for text in said)


@pytest.mark.slow
def test_a_writer_that_is_killed_again_and_again_loses_nothing_that_it_said(path: Path) -> None:
    number = 0
    for pause in (0.0, 0.003, 0.007, 0.001, 0.005):
        writer = started(path, number)
        assert writer.stdout is not None
        for _ in range(3):
            assert int(writer.stdout.readline()) == number
            number += 1
        time.sleep(pause)  # in the midst of some write
        number += kill(writer)
        with closing(sqlite3.connect(path)) as base:
            assert base.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        with closing(Store(path)) as kept:
            found = live(kept)
            assert {int(n.id, 16) for n in found.lines} >= set(range(number))
            assert {len(ids) for ids in found.tags["fashion"].values()} == {200}  # whole or not
            assert len(found.tags["fashion"]) == len(found.lines)
            number = max(int(n.id, 16) for n in found.lines) + 1


def test_a_change_that_fails_in_its_midst_leaves_all_as_it_was(
    kept: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.write("mine", [tag(1)])
    monkeypatch.setattr(store, "MAX_ITEMS", 3)
    with pytest.raises(NotebookError, match="holds up to 3 items"):
        kept.write("mine", [tag(i) for i in range(2, 6)])
    assert kept.read("mine") == (1, [tag(1)])
    with pytest.raises(NotebookError, match="names no image"):
        kept.write("mine", [tag(2), tag(3)._replace(id="mnist")])
    assert kept.read("mine") == (1, [tag(1)])
    assert kept.write("mine", [tag(2)]) == 2


# Bounds of the server's file --------------------------------------------------------------------


def test_names_of_notebooks_are_short_and_plain() -> None:
    assert name_of("  class  5b ") == "class 5b"
    assert name_of("x" * 60) == "x" * 60
    for text in ("", " ", "x" * 61, "-x", "x.", "a/b", "a\nb\x00", "<b>", "ü", "a'; DROP TABLE x"):
        with pytest.raises(NotebookError, match="a notebook's name has"):
            name_of(text)


def test_the_server_keeps_a_bounded_number_of_notebooks(
    kept: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_NOTEBOOKS", 2)
    kept.write("one", [tag(1)])
    kept.write("two", [tag(1)])
    with pytest.raises(NotebookError, match="up to 2 notebooks"):
        kept.write("three", [tag(1)])
    kept.write("one", [tag(2)])


def test_the_server_keeps_a_bounded_number_of_bytes(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_BYTES", 100_000)
    with closing(Store(path)) as kept:
        kept.write("mine", [line(0)])
        with pytest.raises(NotebookError, match="full"):
            kept.write("mine", [line(i, "x" * 2_000) for i in range(1, 100)])
        assert live(kept).lines == (NoteLine("00000000", "a line", 0.0),)
    assert path.stat().st_size <= 100_000


def test_another_file_in_the_place_of_the_notebooks_is_a_line_and_stays_as_it_is(
    path: Path, tmp_path: Path
) -> None:
    path.write_bytes(save(FULL))
    with pytest.raises(NotebookError, match="of another kind or version"):
        Store(path)
    assert load(path.read_bytes()) == FULL
    text = tmp_path / "text"
    text.write_text("a letter, and a long one, which nobody should lose" * 100)
    for other, words in ((text, "not a database"), (tmp_path / "no" / "x", "unable to open")):
        with pytest.raises(NotebookError, match=words):
            Store(other)
    assert text.read_text().startswith("a letter")


# A file to take away ----------------------------------------------------------------------------


def test_a_saved_notebook_is_one_file_of_sqlite_that_holds_it_all() -> None:
    data = save(FULL)
    assert load(data) == FULL
    assert load(save(Contents())) == Contents()
    with closing(sqlite3.connect(":memory:")) as base:
        base.deserialize(data)
        assert base.execute("SELECT count(*) FROM items").fetchone() == (12,)


def planted(*statements: str, contents: Contents = FULL) -> bytes:
    """A notebook's file after somebody worked on it."""
    with closing(sqlite3.connect(":memory:")) as base:
        base.deserialize(save(contents))
        for statement in statements:
            base.execute(statement)
        base.commit()
        return base.serialize()


INSERT = "INSERT INTO items VALUES "
WHOLE = save(FULL)
HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no file of SQLite"),
    "text": (b"image,tags\n", "no file of SQLite"),
    "magic alone": (WHOLE[:16], "damaged"),
    "cut": (WHOLE[: len(WHOLE) // 2], "damaged"),
    "too large": (WHOLE + bytes(file.MAX_FILE), "a notebook has up to 20,000,000"),
    "another's file": (planted("PRAGMA application_id = 0"), "but no notebook"),
    "of tomorrow": (planted("PRAGMA user_version = 2"), "of version 2; this reads version 1"),
    "a trigger": (
        planted("CREATE TRIGGER t AFTER INSERT ON items BEGIN DELETE FROM items; END"),
        "something else than a notebook's table",
    ),
    "a view in the table's place": (
        planted("DROP TABLE items", "CREATE VIEW items AS SELECT 1, 2, 3, 4, 5, 6"),
        "something else",
    ),
    "a virtual table": (planted("CREATE VIRTUAL TABLE f USING fts5(x)"), "something else"),
    "an index of an expression": (planted("CREATE INDEX i ON items (abs(time))"), "something else"),
    "no table": (planted("DROP TABLE items"), "something else"),
    "another table": (planted("DROP TABLE items", "CREATE TABLE items (a)"), "something else"),
    "a number": (planted(f"{INSERT} (x'00', '', '', 'a', 'b', 1.0)"), "holds no item"),
    "a blob of zeros": (
        planted(f"{INSERT} ('line', '', '', '00000000', zeroblob(30000), 1.0)"),
        "holds no item",
    ),
    "a kind of its own": (planted(f"{INSERT} ('exec', '', '', 'a', 'b', 1)"), "holds no 'exec'"),
    "a path": (planted(f"{INSERT} ('tag', '../..', 'a', 'b#1', '', 1)"), "names no scenario"),
    "no UTF-8": (
        planted(f"{INSERT} ('line', '', '', '00000000', CAST(x'ff' AS TEXT), 1)"),
        "damaged",
    ),
    "for the journal of a disk": (WHOLE[:18] + b"\x02\x02" + WHOLE[20:], "damaged"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_one_line(name: str) -> None:
    data, words = HOSTILE[name]
    with pytest.raises(NotebookError) as raised:
        load(data)
    assert words in str(raised.value)
    assert isinstance(raised.value, OutskirtsError)
    assert len(str(raised.value).splitlines()) == 1


def test_a_file_of_too_many_rows_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "MAX_ITEMS", 11)
    with pytest.raises(NotebookError, match="over 11 items"):
        load(WHOLE)
    monkeypatch.setattr(file, "MAX_ITEMS", 12)
    assert load(WHOLE) == FULL


def test_a_table_whose_rows_are_out_of_order_is_a_line() -> None:
    page = 4096  # the second, with the table; its head has 8 bytes, then each row's place
    data = bytearray(WHOLE)
    first, second = (slice(page + 8 + i, page + 10 + i) for i in (0, 2))
    data[first], data[second] = data[second], data[first]
    with pytest.raises(NotebookError, match="damaged"):
        load(bytes(data))


def test_a_table_whose_schema_lies_about_its_place_is_a_line() -> None:
    """Its root is another's page: by PRAGMA writable_schema, as one who forges a file would."""
    forged = planted(
        "PRAGMA writable_schema = ON", "UPDATE sqlite_schema SET rootpage = 1 WHERE name = 'items'"
    )
    with pytest.raises(NotebookError, match="damaged"):
        load(forged)


@settings(max_examples=300, deadline=None)
@given(some.integers(0, len(WHOLE) - 1), some.binary(min_size=1, max_size=40))
def test_whatever_bytes_stand_in_a_file_it_is_a_notebook_or_a_line(at: int, junk: bytes) -> None:
    data = WHOLE[:at] + junk + WHOLE[at + len(junk) :]
    with suppress(NotebookError):
        assert all(checked(item) for item in items_of(load(data)))


# What a browser keeps ---------------------------------------------------------------------------


def test_a_browser_keeps_a_tag_on_many_images_in_few_characters() -> None:
    ids = tuple(f"mnist#{i}" for i in range(10_000))
    contents = Contents(tags={"fashion": {"odd": ids}})
    text = json.dumps(wire.packed(items_of(contents)))
    assert len(text) < 80
    assert wire.parse(text) == contents


def test_what_a_browser_kept_is_the_notebook_that_it_was() -> None:
    assert wire.parse(json.dumps(wire.packed(items_of(FULL)))) == FULL
    assert wire.parse("{}") == Contents()


def one(kind: str, group: Any) -> str:
    return json.dumps({json.dumps([kind, "fashion" if kind == "tag" else "", "odd"]): group})


DAMAGED = {
    "": "damaged",
    "{": "damaged",
    "[]": "damaged",
    "null": "damaged",
    '{"x": {}}': "damaged",
    '{"[]": {}}': "damaged",
    '{"[1, 2, 3]": []}': "damaged",
    "[" * 10_000: "damaged",
    one("tag", {"mnist": 5}): "damaged",
    one("tag", {"mnist": ""}): "'' is no run",
    one("tag", {"mnist": "0-99999999"}): "is no run of a notebook's images",
    one("tag", {"mnist": "9-3"}): "'9-3' is no run",
    one("tag", {"mnist": "1-"}): "is no run",
    one("tag", {f"s{i}": "0-99999" for i in range(9)}): "is no run",
    one("tag", {"a b": "1"}): "names no image",
    one("exec", {"a": ["b", 1]}): "holds no 'exec'",
    "x" * (wire.LONGEST + 1): "over 2,000,000 characters",
}


@pytest.mark.slow
@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_what_a_browser_never_kept_is_a_line(text: str) -> None:
    with pytest.raises(NotebookError) as raised:
        wire.parse(text)
    assert DAMAGED[text] in str(raised.value)


def test_what_is_damaged_in_a_browser_takes_nothing_else_with_it() -> None:
    kept = wire.packed(items_of(FULL))
    kept['["line", "", ""]']["0c" * 8] = ["bad\x7f", 5.0]
    kept['["setting", "", ""]']["prevalence"] = ["5", 0.0]
    first = next(key for key in kept if "tag" in key)
    for name, runs in kept[first].items():
        kept[first][name] = f"{runs},9-3"
    kept["nonsense"] = {"a": 1}
    contents, bad = wire.salvaged(json.dumps(kept))
    assert contents == replace(FULL, prevalence=None)
    assert bad == 3 + len(kept[first])
    assert wire.salvaged(json.dumps(wire.packed(items_of(FULL)))) == (FULL, 0)


@pytest.mark.slow
def test_many_runs_of_too_many_images_are_left_out_at_once() -> None:
    text = one("tag", {f"s{i}": "0-199999" for i in range(9)})
    contents, bad = wire.salvaged(text)
    assert bad == 8
    assert len(contents.tags["fashion"]["odd"]) == 200_000


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 10_000, "x" * (wire.LONGEST + 1)])
def test_where_nothing_can_be_read_it_is_a_line(text: str) -> None:
    with pytest.raises(NotebookError):
        wire.salvaged(text)


def test_a_setting_that_cannot_be_is_none_though_a_server_kept_it() -> None:
    found = applied(
        FULL,
        [
            Item("setting", "", "", "prevalence", "5"),
            Item("setting", "", "", "costs", "[-1, 0]"),
        ],
    )
    assert found == FULL


@settings(max_examples=100, deadline=None)
@given(some.sets(some.integers(0, 60)), some.sets(some.integers(0, 60)))
def test_runs_of_numbers_are_those_numbers(numbers: set[int], more: set[int]) -> None:
    items = [tag(i) for i in numbers] + [tag(i, "even") for i in more]
    found = list(wire.unpacked(wire.packed(items)))
    assert {i[:4] for i in found} == {i[:4] for i in items}
    assert len(found) == len(items)


def test_a_notebook_that_did_not_change_costs_nothing() -> None:
    """Tags on many images are compared by what they are, not image by image."""
    ids = tuple(f"mnist#{i}" for i in range(70_000))
    before = Contents(tags={"fashion": {"odd": ids}})
    after = Contents(tags={"fashion": {"odd": ids, "one": ("mnist#1",)}})
    assert [i[:4] for i in difference(before, after)] == [("tag", "fashion", "one", "mnist#1")]
    assert len(list(module.items_of(module._changed(before, after)))) == 0
