"""Named notebooks in one file of SQLite on the server, for many who write at once.

Every item is a row. One that went stays as a row that says so: who reads what is new since a
revision hears of it, too. A change is one transaction, on disk when `Store.write` returns.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from core.notebook.contents import MAX_ITEMS, Item, NotebookError, checked
from core.settings import settings

__all__ = ["MAX_BYTES", "MAX_NOTEBOOKS", "Store", "name_of", "notebooks", "store_at"]

MAX_BYTES = 256_000_000  # of all notebooks
MAX_NOTEBOOKS = 1_000
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,58}[A-Za-z0-9])?")
PATIENCE = 5.0  # seconds to wait for another who writes
KIND, VERSION = 0x4F55544E, 1  # PRAGMA application_id and user_version
SCHEMA = (
    """CREATE TABLE notebooks (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE COLLATE NOCASE,
        revision INTEGER NOT NULL
    )""",
    """CREATE TABLE items (
        notebook INTEGER NOT NULL,
        kind TEXT NOT NULL,
        scenario TEXT NOT NULL,
        name TEXT NOT NULL,
        id TEXT NOT NULL,
        value TEXT NOT NULL,
        time REAL NOT NULL,
        gone INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        PRIMARY KEY (notebook, kind, scenario, name, id)
    ) WITHOUT ROWID""",
    "CREATE INDEX by_revision ON items (notebook, revision)",
)


def name_of(text: str) -> str:
    """The name of a notebook that this text is, without needless spaces.

    Raises:
        NotebookError: it is none.
    """
    name = " ".join(text.split())
    if not NAME.fullmatch(name):
        raise NotebookError(
            "a notebook's name has up to 60 letters a to z, digits, spaces, dots, - and _, and "
            "begins and ends with a letter or a digit"
        )
    return name


class Store:
    """The notebooks of a file, which is made if there is none; many threads may use it.

    Args:
        path: of the file.

    Raises:
        NotebookError: it cannot be opened, or is no file of notebooks.
    """

    def __init__(self, path: Path) -> None:
        self.lock = threading.Lock()
        with _in_words():
            self.base = sqlite3.connect(
                path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
            try:
                self._lay_out()
            except BaseException:
                self.base.close()
                raise

    def close(self) -> None:
        """Let go of the file."""
        with self.lock:
            self.base.close()

    def _lay_out(self) -> None:
        self.base.execute("PRAGMA trusted_schema = OFF")
        self._recognise()  # before another's file is changed
        self.base.execute("PRAGMA journal_mode = WAL")
        self.base.execute("PRAGMA synchronous = FULL")  # on disk when it is said to be
        size = self._number("PRAGMA page_size")
        self.base.execute(f"PRAGMA max_page_count = {MAX_BYTES // size}")
        with self._writing():
            if not self._number("SELECT count(*) FROM sqlite_schema"):
                for statement in SCHEMA:
                    self.base.execute(statement)
                self.base.execute(f"PRAGMA application_id = {KIND}")
                self.base.execute(f"PRAGMA user_version = {VERSION}")
            self._recognise()

    def _recognise(self) -> None:
        found = tuple(map(self._number, ("PRAGMA application_id", "PRAGMA user_version")))
        if found != (KIND, VERSION) and self._number("SELECT count(*) FROM sqlite_schema"):
            raise NotebookError("the server's file of notebooks is of another kind or version")

    def _number(self, query: str, *given: object) -> int:
        """The first number that a query finds, or 0."""
        row = self.base.execute(query, given).fetchone()
        return int(row[0]) if row else 0

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """All of it or nothing, and nobody else meanwhile."""
        self.base.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.base.execute("COMMIT")
        finally:
            if self.base.in_transaction:
                self.base.execute("ROLLBACK")

    def revision(self, name: str) -> int:
        """How often the notebook of a name was written to; 0: there is none."""
        with self.lock, _in_words():
            return self._number("SELECT revision FROM notebooks WHERE name = ?", name)

    def read(self, name: str, *, since: int = 0) -> tuple[int, list[Item]]:
        """The revision of the notebook of a name, and what came and went since an earlier one."""
        if (revision := self.revision(name)) <= since:
            return revision, []
        with self.lock, _in_words():
            rows = self.base.execute(
                "SELECT kind, scenario, items.name, id, value, time, gone, items.revision"
                " FROM items JOIN notebooks ON notebook = number WHERE notebooks.name = ?"
                " AND items.revision > ? ORDER BY items.revision, time",
                (name, since),
            ).fetchall()
        latest = max([revision, *(row[7] for row in rows)])  # another may have written meanwhile
        return latest, [Item._make((*row[:6], bool(row[6]))) for row in rows]

    def write(self, name: str, items: Sequence[Item]) -> int:
        """Let these items come and go; the notebook's revision then. A new name makes a notebook.

        Raises:
            NotebookError: an item must not be kept, or there is no place for it: nothing is.
        """
        for item in items:
            checked(item)
        with self.lock, _in_words(), self._writing():
            number = self._notebook(name_of(name))
            revision = 1 + self._number("SELECT revision FROM notebooks WHERE number = ?", number)
            self.base.execute(
                "UPDATE notebooks SET revision = ? WHERE number = ?", (revision, number)
            )
            rows = ((number, *item[:6], item.gone, revision) for item in items)
            self.base.executemany("REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            held = self._number("SELECT count(*) FROM items WHERE notebook = ?", number)
            if held > MAX_ITEMS:
                raise NotebookError(f"a notebook holds up to {MAX_ITEMS:,} items, also those gone")
        return revision

    def _notebook(self, name: str) -> int:
        """The number of the notebook of a name, which is made if there is none."""
        if number := self._number("SELECT number FROM notebooks WHERE name = ?", name):
            return number
        if self._number("SELECT count(*) FROM notebooks") >= MAX_NOTEBOOKS:
            raise NotebookError(f"the server keeps up to {MAX_NOTEBOOKS:,} notebooks")
        made = self.base.execute("INSERT INTO notebooks (name, revision) VALUES (?, 0)", (name,))
        return int(made.lastrowid or 0)


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise NotebookError(f"the server's file of notebooks fails: {error}") from error


def notebooks() -> Store | None:
    """The notebooks that this server keeps by name; None: each visitor's browser keeps its own.

    Raises:
        NotebookError: they cannot be opened.
    """
    path = settings().notes
    return None if path is None else store_at(path)


@cache
def store_at(path: Path) -> Store:
    """The one store of this process at a path.

    Raises:
        NotebookError: it cannot be opened, or is no file of notebooks.
    """
    return Store(path)
