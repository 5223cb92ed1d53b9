"""Numbers in sentences, as people read them."""

from __future__ import annotations

from decimal import Decimal

__all__ = ["MINUS", "counted", "numeral"]

MINUS = "\u2212"


def numeral(value: float, spec: str = "") -> str:
    """A number as people read it: with a minus that is one, and none before a zero.

    What is a little too small for Python has its zeros written. Files keep the hyphen of a
    keyboard, which programs read.

    Args:
        value: the number.
        spec: how Python formats it.

    Example:
        >>> numeral(4e-05, ".2g"), numeral(-1.25e-05, ".3g"), numeral(3e-12, "g")
        ('0.00004', '\u22120.0000125', '3e\u221212')
        >>> numeral(-2.839, ".2f"), numeral(0.25, "+.3f"), numeral(-0.0004, "+.3f")
        ('\u22122.84', '+0.250', '0.000')
    """
    text = f"{value:{spec}}"
    if text.endswith(("e-05", "e-06")):  # so few zeros are read more easily
        text = f"{Decimal(text):{'+' if text[0] == '+' else ''}f}"
    return text.replace("-", MINUS) if text.strip("+-0.,") else text.lstrip("+-")


def counted(number: int, thing: str) -> str:
    """A number of things.

    Example:
        >>> counted(1, "step"), counted(0, "step"), counted(17_252, "image")
        ('1 step', '0 steps', '17,252 images')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
