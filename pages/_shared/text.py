"""Text of others, names of files and values from links, so that Markdown shows it as it is."""

from __future__ import annotations

import re

__all__ = ["duration", "plain", "times"]

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


def duration(minutes: float) -> str:
    """Minutes as people say them.

    Example:
        >>> duration(18.13), duration(1), duration(0.4), duration(90), duration(135)
        ('18 minutes', '1 minute', '24 seconds', '90 minutes', '2 h 15 min')
    """
    whole = round(minutes)
    if minutes < 1:
        seconds = max(1, round(60 * minutes))
        return f"{seconds} second{'s' * (seconds != 1)}"
    if whole < 120:
        return f"{whole} minute{'s' * (whole != 1)}"
    hours, rest = divmod(whole, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} hours"


def times(number: int) -> str:
    """How often, in a word where there is one.

    Example:
        >>> times(0), times(1), times(2), times(7)
        ('never', 'once', 'twice', '7 times')
    """
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")
