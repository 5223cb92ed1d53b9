"""Numbers in sentences, as people read them."""

from __future__ import annotations

__all__ = ["MINUS", "counted", "numeral"]

MINUS = "\u2212"


def numeral(value: float, spec: str = "") -> str:
    """A number as people read it: with a minus that is one, and none before a zero.

    Files keep the hyphen of a keyboard, which programs read.

    Args:
        value: the number.
        spec: how Python formats it.

    Example:
        >>> numeral(-2.839, ".2f"), numeral(0.25, "+.3f"), numeral(-0.0004, "+.3f")
        ('\u22122.84', '+0.250', '0.000')
    """
    text = f"{value:{spec}}"
    return text.replace("-", MINUS) if text.strip("+-0.,") else text.lstrip("+-")


def counted(number: int, thing: str) -> str:
    """A number of things.

    Example:
        >>> counted(1, "step"), counted(0, "step"), counted(17_252, "image")
        ('1 step', '0 steps', '17,252 images')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
