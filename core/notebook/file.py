"""A notebook as one file of SQLite, to take away and to load again, whoever wrote it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

from core.notebook.contents import (
    MAX_ITEMS,
    Contents,
    Item,
    NotebookError,
    applied,
    checked,
    items_of,
)

__all__ = ["MAX_FILE", "load", "save"]

MAX_FILE = 20_000_000  # bytes
MAGIC = b"SQLite format 3\0"
KIND, VERSION = 0x4F55544B, 1  # PRAGMA application_id and user_version
TABLE = """CREATE TABLE items (
    kind TEXT NOT NULL,
    scenario TEXT NOT NULL,
    name TEXT NOT NULL,
    id TEXT NOT NULL,
    value TEXT NOT NULL,
    time REAL NOT NULL,
    PRIMARY KEY (kind, scenario, name, id)
) WITHOUT ROWID"""
STEPS = 50_000_000  # of SQLite's machine: so many images need a tenth


def save(contents: Contents) -> bytes:
    """The notebook as a file of SQLite.

    Example:
        >>> data = save(Contents(chosen={"fashion": ("mnist#3",)}))
        >>> data[:15], load(data).chosen
        (b'SQLite format 3', {'fashion': ('mnist#3',)})
    """
    with closing(sqlite3.connect(":memory:")) as base:
        base.execute(f"PRAGMA application_id = {KIND}")
        base.execute(f"PRAGMA user_version = {VERSION}")
        base.execute(TABLE)
        with base:
            rows = (item[:6] for item in items_of(contents))
            base.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?)", rows)
        return base.serialize()


def load(data: bytes) -> Contents:
    """The notebook in the data of a file that anybody may have written.

    It is opened in memory, for reading alone, and only as `save` lays it out: nothing that it may
    hold besides, such as a trigger or a view, is ever run.

    Raises:
        NotebookError: it is none, too large, of another version, or damaged.
    """
    if len(data) > MAX_FILE:
        raise NotebookError(f"it has {len(data):,} bytes; a notebook has up to {MAX_FILE:,}")
    if not data.startswith(MAGIC):
        raise NotebookError("it is no notebook: no file of SQLite")
    with closing(sqlite3.connect(":memory:")) as base:
        try:
            base.deserialize(data)
            _guard(base)
            return applied(Contents(), _read(base))
        except (sqlite3.Error, OverflowError, ValueError, TypeError) as error:
            raise NotebookError("it is a damaged file of SQLite") from error


def _guard(base: sqlite3.Connection) -> None:
    """Let a connection do nothing but read, not for ever, and trust nothing that it reads."""
    for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "query_only = ON"):
        base.execute(f"PRAGMA {pragma}")
    base.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_FILE)
    base.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    base.set_progress_handler(lambda: 1, STEPS)


def _read(base: sqlite3.Connection) -> Iterator[Item]:
    [kind], [version] = (
        base.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
    )
    if kind != KIND:
        raise NotebookError("it is a file of SQLite, but no notebook")
    if version != VERSION:
        raise NotebookError(f"it is a notebook of version {version}; this reads version {VERSION}")
    if base.execute("SELECT sql FROM sqlite_schema LIMIT 2").fetchall() != [(TABLE,)]:
        raise NotebookError("it holds something else than a notebook's table")
    if base.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
        raise NotebookError("it is a damaged file of SQLite")
    rows = base.execute(f"SELECT * FROM items ORDER BY time LIMIT {MAX_ITEMS + 1}")
    for number, row in enumerate(rows):
        if number == MAX_ITEMS:
            raise NotebookError(f"it holds over {MAX_ITEMS:,} items")
        if list(map(type, row)) != [str, str, str, str, str, float]:
            raise NotebookError(f"row {number} holds no item of a notebook")
        yield checked(Item(*row))
