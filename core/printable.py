"""A text of others on one line, where none of its characters does anything but show."""

from __future__ import annotations

import re

__all__ = ["printable"]

# Control characters, line ends, what turns the direction of writing, bytes that are no UTF-8.
_UNSHOWN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""A text of others as a terminal or a page may have it, with no power over what follows.

    Example:
        >>> printable("a\x1b[31m\nb\udce9.png")
        'a\\x1b[31m\\nb\\xe9.png'
    """
    return _UNSHOWN.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if "\udc80" <= character <= "\udcff":  # a byte that is no UTF-8, as Python keeps it
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
