"""Text of others, names of files and values from links, so that Markdown shows it as it is."""

from __future__ import annotations

import re

from core.service import Share, counted, numeral

__all__ = [
    "SPACE",
    "counted",
    "hundredths",
    "minuses",
    "minutes",
    "numeral",
    "percent",
    "plain",
    "processor",
    "times",
]

SPACE = "\u00a0"  # at which no line breaks

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


def minuses(stored: str) -> str:
    """A sentence that a study stores, with a minus before its numbers that is one.

    Example:
        >>> minuses("10-fold, -0.044 (-0.049 to +0.039)")
        '10-fold, \u22120.044 (\u22120.049 to +0.039)'
    """
    return re.sub(r"(?<![\w.-])-(?=\d)", numeral(-1)[0], stored)


def minutes(number: float) -> str:
    """So many minutes, as one says them.

    Example:
        >>> minutes(18.13), minutes(1.2), minutes(0.02), minutes(2.5)
        ('18 minutes', '1 minute', 'less than a minute', '2 minutes')
    """
    return counted(round(number), "minute") if number >= 0.95 else "less than a minute"


def times(number: int) -> str:
    """How often.

    Example:
        >>> [times(n) for n in range(4)]
        ['never', 'once', 'twice', '3 times']
    """
    return ("never", "once", "twice")[number] if number < 3 else f"{number:,} times"


def hundredths(share: float, digits: int = 0) -> str:
    r"""A share of 1 in percent, at whose sign no line breaks.

    Example:
        >>> hundredths(0.59), hundredths(0.999, 1)
        ('59\xa0%', '99.9\xa0%')
    """
    return f"{100 * share:.{digits}f}{SPACE}%"


def processor(stored: str) -> str:
    """A processor with its threads, as cards and studies store it, as one says it.

    Example:
        >>> processor("AMD EPYC, 1 threads"), processor("AMD EPYC, 2 threads")
        ('AMD EPYC, 1 thread', 'AMD EPYC, 2 threads')
    """
    return re.sub(r"\b1 threads\b", "1 thread", stored)


def percent(share: Share) -> str:
    r"""A share in percent.

    Example:
        >>> percent(Share(3, 1000, 0.003, 0.001, 0.009)), percent(Share(0, 10, 0.0, 0.0, 0.28))
        ('0.3\xa0%', 'none')
    """
    return hundredths(share.value, 1) if share.count else "none"
