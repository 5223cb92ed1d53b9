"""The sliders that disturb an image: what each of them does, and what all of them say together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from core.service import NEUTRAL, Disturbance, Patch
from pages._shared import links
from pages._shared.controls import choice
from pages._shared.text import SPACE, numeral

__all__ = [
    "ALONG",
    "SLIDERS",
    "Slider",
    "along",
    "disturbance",
    "key_of",
    "neutral",
    "now",
    "put_back",
    "show",
]

ALONG = "own_along"  # the slider that was moved last, along which the curves are
PERCENT, DEGREES, LEVELS = "%d %%", "%d°", "%d"


@dataclass(frozen=True)
class Slider:
    """One of the sliders, in whole numbers as the visitor reads them.

    Attributes:
        title: what it says; phrase: the same within a sentence.
        unit: how a number is written.
        every: the step between two positions of the curves.
        scale: so much of the disturbance's own number is 1 here.
    """

    title: str
    phrase: str
    low: int
    high: int
    step: int
    every: int
    unit: str
    help: str
    scale: float = 1.0

    @property
    def positions(self) -> tuple[int, ...]:
        """Those that the curves are drawn through, with both ends."""
        return tuple(range(self.low, self.high + 1, self.every))

    @property
    def suffix(self) -> str:
        """What follows a number."""
        return self.unit.removeprefix("%d").replace("%%", "%").replace(" ", SPACE)

    def words(self, value: float) -> str:
        """A number as it is read.

        Example:
            >>> SLIDERS["turn"].words(-45.0), SLIDERS["noise"].words(20)
            ('\u221245°', '20')
        """
        return f"{numeral(value, 'g')}{self.suffix}"


SLIDERS: Mapping[str, Slider] = {  # by the names of `NEUTRAL`
    "turn": Slider(
        "Turn",
        "turn",
        -180,
        180,
        5,
        15,
        DEGREES,
        "Against the clock, around the middle; what comes in is as bright as the rim.",
    ),
    "shift_x": Slider(
        "Shift right",
        "shift right",
        -50,
        50,
        1,
        5,
        PERCENT,
        "In per cent of the picture's width; what comes in is as bright as its rim.",
        0.01,
    ),
    "shift_y": Slider(
        "Shift down",
        "shift down",
        -50,
        50,
        1,
        5,
        PERCENT,
        "In per cent of its height; what comes in is as bright as its rim.",
        0.01,
    ),
    "blur": Slider(
        "Blur",
        "blur",
        0,
        20,
        1,
        1,
        PERCENT,
        "The standard deviation of a Gaussian, in per cent of the shorter side.",
        0.01,
    ),
    "noise": Slider(
        "Noise",
        "noise",
        0,
        120,
        5,
        5,
        LEVELS,
        "The standard deviation of what is added to each value, in levels of 255; of a colour picture "
        "to red, green and blue apart. The seed draws one pattern, which the slider scales.",
    ),
    "contrast": Slider(
        "Contrast",
        "contrast",
        0,
        200,
        5,
        10,
        PERCENT,
        "Of the distance of each pixel from the picture's mean level, in a colour picture its mean colour: "
        "0 % is flat, 100 % as it is.",
        0.01,
    ),
    "mix": Slider(
        "Mix",
        "share of the second image",
        0,
        100,
        5,
        5,
        PERCENT,
        "The share of the second image; the rest is this one, both before anything else is done.",
        0.01,
    ),
    "patch_size": Slider(
        "Patch",
        "size of the patch",
        0,
        80,
        4,
        4,
        PERCENT,
        "The side of a flat square that hides a part, in per cent of the picture's shorter side. Drag it on the picture.",
        0.01,
    ),
    "patch_column": Slider(
        "Patch across",
        "place of the patch across",
        0,
        100,
        1,
        5,
        PERCENT,
        "Where its middle is, from the left.",
        0.01,
    ),
    "patch_row": Slider(
        "Patch down",
        "place of the patch down",
        0,
        100,
        1,
        5,
        PERCENT,
        "Where its middle is, from the top.",
        0.01,
    ),
    "patch_level": Slider(
        "Patch level",
        "level of the patch",
        0,
        255,
        5,
        15,
        LEVELS,
        "0 is black, 255 white, between them are greys, on a colour picture too.",
    ),
}


def key_of(name: str) -> str:
    """The key of a slider, which its address has too."""
    return f"own_{name}"


def neutral(name: str) -> int:
    """Where a slider changes nothing."""
    return round(NEUTRAL[name] / SLIDERS[name].scale)


def show(name: str) -> None:
    """Draw one slider; whoever moves it sees the curves along it."""
    slider, key = SLIDERS[name], key_of(name)
    if links.followed() and (text := st.query_params.get(key)) and not _within(slider, text):
        links.unknown(slider.title, text)
    st.slider(
        slider.title,
        slider.low,
        slider.high,
        links.opens_with(key, neutral(name)),
        slider.step,
        format=slider.unit,
        key=key,
        bind="query-params",
        persist_state="session",
        help=slider.help,
        on_change=_note,
        args=(name,),
    )


def _within(slider: Slider, text: str) -> bool:
    """Whether a number of a link is one that the slider can have."""
    try:
        return slider.low <= float(text) <= slider.high
    except ValueError:
        return False


def _note(name: str) -> None:
    st.session_state[ALONG] = name


def now() -> dict[str, int]:
    """What the sliders say, by name."""
    state = st.session_state
    return {name: int(state.get(key_of(name), neutral(name))) for name in SLIDERS}


def along(values: Mapping[str, int]) -> str:
    """The slider that the curves are along: the one moved or chosen last, else the first that is moved."""
    moved = (name for name, value in values.items() if value != neutral(name))
    titles = {name: slider.title for name, slider in SLIDERS.items()}
    return choice(
        "Along which slider",
        titles,
        key=ALONG,
        default=next(moved, next(iter(SLIDERS))),
        kind="select",
        label_visibility="collapsed",  # the question beside it says what it chooses
        width=150,
    )


def disturbance(values: Mapping[str, int]) -> Disturbance:
    """What positions of the sliders do to an image."""
    own = {name: round(value * SLIDERS[name].scale, 6) for name, value in values.items()}
    patch = {n.removeprefix("patch_"): v for n, v in own.items() if n.startswith("patch_")}
    rest = {n: v for n, v in own.items() if not n.startswith("patch_")}
    return Disturbance(patch=Patch(**patch), **rest)


def put_back() -> None:
    """Every slider to where it changes nothing."""
    for name in SLIDERS:
        st.session_state[key_of(name)] = neutral(name)
