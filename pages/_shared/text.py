"""Text of others, names of files and values from links, so that Markdown shows it as it is."""

from __future__ import annotations

import re

__all__ = ["plain"]

MARKS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:^&=\"'])")
JOINER = (
    "\u2060"  # shows nothing, and breaks what would become something else in spite of a backslash
)
# Addresses become links; and of the text that is left, Streamlit makes icons and arrows.
LINKS = r"(?<=://)|(?<=www)(?=\.)|(?=@)"
ICONS = r"(?<=:)(?=[\w+])"
ARROWS = r"(?<=[-<>~])(?=[-<>=])"
JOINTS = re.compile(f"(?i){LINKS}|{ICONS}|{ARROWS}")


def plain(text: str) -> str:
    """Markdown that shows this text letter by letter: no link, picture, formula, colour or icon.

    Example:
        >>> plain("*a*_b_ $x$")
        '\\\\*a\\\\*\\\\_b\\\\_ \\\\$x\\\\$'
        >>> plain("![x](http://a.b)").count("http://a")
        0
    """
    one_line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return MARKS.sub(r"\\\1", JOINTS.sub(JOINER, one_line))
