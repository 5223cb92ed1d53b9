"""The weights of three images: in twentieths, that sum to 1; their text in an address, and sliders."""

from __future__ import annotations

import math

import streamlit as st

from core.service import SIDES

__all__ = ["NAMES", "WHOLE", "Weights", "moved", "percents", "sliders", "text_of", "weights_of"]

WHOLE = SIDES[1]  # steps of a whole
NAMES = ("A", "B", "C")
Weights = tuple[int, int, int]


def percents(weights: Weights) -> Weights:
    """Weights in percent.

    Example:
        >>> percents((10, 7, 3))
        (50, 35, 15)
    """
    first, second, third = (100 * w // WHOLE for w in weights)
    return first, second, third


def text_of(weights: Weights) -> str:
    """Weights as an address has them.

    Example:
        >>> text_of((10, 7, 3))
        '50,35,15'
    """
    return ",".join(map(str, percents(weights)))


def weights_of(text: str) -> Weights | None:
    """The weights that are nearest to three numbers in a text; None if they can be no weights.

    They need not sum to anything, but be finite, none of them negative and one of them not zero.

    Example:
        >>> weights_of("50,35,15"), weights_of("1,1,1"), weights_of("3e307, 0, 1e307")
        ((10, 7, 3), (7, 7, 6), (15, 0, 5))
        >>> [weights_of(text) for text in ("1,2", "a,b,c", "inf,0,0", "nan,1,1", "-1,1,1", "0,0,0")]
        [None, None, None, None, None, None]
    """
    try:
        numbers = [float(number) for number in text.split(",")]
    except ValueError:
        return None
    whole = sum(numbers)
    if len(numbers) != 3 or not math.isfinite(whole) or min(numbers) < 0 or not whole > 0:
        return None
    return _rounded([WHOLE * (number / whole) for number in numbers])


def _rounded(exact: list[float]) -> Weights:
    """Whole steps that sum to `WHOLE`: those that lose most get what is left."""
    steps = [math.floor(step + 1e-9) for step in exact]
    left = WHOLE - sum(steps)
    for k in sorted(range(3), key=lambda k: steps[k] - exact[k])[:left]:
        steps[k] += 1
    return steps[0], steps[1], steps[2]


def moved(weights: Weights, which: int, to: int) -> Weights:
    """Weights where one of them is set: the others keep their ratio, and share what is left.

    Example:
        >>> moved((10, 5, 5), 0, 12), moved((20, 0, 0), 0, 10), moved((0, 15, 5), 0, 20)
        ((12, 4, 4), (10, 5, 5), (20, 0, 0))
        >>> moved((10, 7, 3), 2, 3)
        (10, 7, 3)
    """
    others = [k for k in range(3) if k != which]
    rest = sum(weights[k] for k in others)
    left = WHOLE - to
    exact = [0.0, 0.0, 0.0]
    exact[which] = float(to)
    for k in others:
        exact[k] = left * (weights[k] / rest if rest else 0.5)
    return _rounded(exact)


def sliders(key: str, weights: Weights) -> None:
    """A slider a weight, whose move moves the others; what they say is kept at ``key``, as a text."""
    for k, column in enumerate(st.columns(3, gap="medium")):
        name = f"{key}_{NAMES[k].lower()}"
        st.session_state[name] = percents(weights)[k]
        column.slider(
            f"Weight of {NAMES[k]}",
            0,
            100,
            step=100 // WHOLE,
            format="%d %%",
            key=name,
            on_change=_note,
            args=(key, name, weights, k),
        )


def _note(key: str, name: str, weights: Weights, which: int) -> None:
    to = round(st.session_state[name] * WHOLE / 100)
    st.session_state[key] = text_of(moved(weights, which, to))
