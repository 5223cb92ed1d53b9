"""Rows of numbers as the text of a CSV file that any spreadsheet opens, and shows as it is."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from core.files import no_formula

__all__ = ["csv_text", "flat", "utf8", "utf8_of_all"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    r"""A table of rows, all with the columns of the first, of which there must be one.

    Text that would be a formula gets an apostrophe before it, and a byte of a name that is no
    UTF-8 is written as ``\xe9``.

    Example:
        >>> csv_text([{"image": "=1+2.png", "score": -1.5}])
        "image,score\r\n'=1+2.png,-1.5\r\n"
    """
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]))
    writer.writeheader()
    writer.writerows({key: _safe(value) for key, value in row.items()} for row in rows)
    return file.getvalue()


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """One level of a row's keys, and all of its text UTF-8.

    Example:
        >>> flat({"image": "a.png", "parts": {"total": 1.5}})
        {'image': 'a.png', 'parts.total': 1.5}
    """
    found: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            found |= {f"{key}.{inner}": v for inner, v in value.items()}
        else:
            found[key] = utf8(value) if isinstance(value, str) else value
    return found


def _safe(value: Any) -> Any:
    return no_formula(utf8(value)) if isinstance(value, str) else value


def utf8(text: str) -> str:
    r"""A text with lone surrogates, bytes that are no UTF-8, written as ``\xe9``."""
    return _SURROGATE.sub(lambda found: _byte(found[0]), text)


def utf8_of_all(value: Any) -> Any:
    r"""A value that is to be JSON, all of whose texts are `utf8`, keys too.

    Example:
        >>> utf8_of_all({"title": ["caf\udce9", 3]})
        {'title': ['caf\\xe9', 3]}
    """
    if isinstance(value, str):
        return utf8(value)
    if isinstance(value, Mapping):
        return {utf8_of_all(key): utf8_of_all(one) for key, one in value.items()}
    return [utf8_of_all(one) for one in value] if isinstance(value, list | tuple) else value


def _byte(surrogate: str) -> str:
    """A byte that is no UTF-8, as Python keeps it in a file's name; or another lone surrogate."""
    code = ord(surrogate)
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
