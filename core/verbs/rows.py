"""Rows of numbers as files of .jsonl, .csv or .parquet, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.errors import OutskirtsError
from core.files import check_writable, write_whole
from core.tables import csv_text, flat

__all__ = ["writer"]

Row = Mapping[str, Any]


def writer(path: Path | None) -> Callable[[Sequence[Row]], None]:
    r"""What writes rows to the file at a path, as its ending says; without a path, nothing.

    That it can be written is found out before any work is done.

    A byte of a name that is no UTF-8 is written as ``\xe9`` where the file has to be UTF-8.

    Raises:
        OutskirtsError: another ending, or a file that may not be written.
    """
    if path is None:
        return lambda rows: None
    writers: dict[str, Callable[[Sequence[Row]], str | bytes]]
    writers = {".jsonl": _jsonl, ".csv": _csv, ".parquet": _parquet}
    if path.suffix not in writers:
        raise OutskirtsError(f"'{path}' must end in {', '.join(writers)}")
    if not path.parent.is_dir():
        raise OutskirtsError(f"there is no folder {path.parent}")
    check_writable(path)
    return lambda rows: write_whole(path, writers[path.suffix](rows))


def _jsonl(rows: Sequence[Row]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def _csv(rows: Sequence[Row]) -> str:
    return csv_text([flat(row) for row in rows])


def _parquet(rows: Sequence[Row]) -> bytes:
    import pandas

    return pandas.DataFrame([flat(row) for row in rows]).to_parquet()
