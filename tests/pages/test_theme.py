"""Colours that everybody can read: contrast in both themes; and that everybody tells apart."""

from __future__ import annotations

import itertools
import tomllib

import numpy as np
import pytest
from visitor import ROOT

from pages._shared.theme import DARK, LIGHT, Palette, contrast, ink_on

# Severity 1.0, for linear RGB. Machado, Oliveira and Fernandes, "A Physiologically-based Model for
# Simulation of Color Vision Deficiency", 2009, table of protan, deutan and tritan matrices.
DEUTERANOPIA = np.array(
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
)
PROTANOPIA = np.array(
    [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]
)
# Primaries of sRGB in CIE XYZ, and its white, D65.
XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
CLEAR = 40.0  # a difference in CIE Lab; 2.3 can just be seen
PALETTES = pytest.mark.parametrize("colours", [LIGHT, DARK], ids=lambda p: p.name)


def linear(colour: str) -> np.ndarray:
    """The shares (3,) of light of a colour "#RRGGBB"."""
    s = np.frombuffer(bytes.fromhex(colour[1:]), np.uint8) / 255
    return np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE Lab (3,) of shares of light (3,)."""
    t = XYZ @ rgb.clip(0, 1) / XYZ.sum(1)
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def difference(one: str, other: str, seen: np.ndarray) -> float:
    return float(np.linalg.norm(lab(seen @ linear(one)) - lab(seen @ linear(other))))


def streamlit_theme(name: str) -> dict[str, str]:
    with (ROOT / ".streamlit/config.toml").open("rb") as file:
        return tomllib.load(file)["theme"][name]


# Contrast ---------------------------------------------------------------------------------------


@PALETTES
def test_words_have_a_contrast_of_four_and_a_half(colours: Palette):
    for background in (
        colours.background,
        streamlit_theme(colours.name)["secondaryBackgroundColor"],
    ):
        for words in (colours.text, colours.faint):
            assert contrast(words, background) >= 4.5, (words, background)


@PALETTES
def test_marks_have_a_contrast_of_three(colours: Palette):
    marks = {f: getattr(colours, f) for f in ("normal", "strange", "neutral", "focus")}
    marks |= {f"category {i}": colour for i, colour in enumerate(colours.categories)}
    low = {name: contrast(c, colours.background) for name, c in marks.items()}
    assert {name: c for name, c in low.items() if c < 3} == {}


@PALETTES
def test_words_stand_out_on_every_bar(colours: Palette):
    assert min(contrast(ink_on(bar), bar) for bar in colours.categories) >= 4.5


@PALETTES
def test_figures_stand_on_the_background_of_the_page(colours: Palette):
    theme = streamlit_theme(colours.name)
    assert (theme["backgroundColor"], theme["textColor"]) == (colours.background, colours.text)


@PALETTES
def test_words_in_colours_of_streamlit_are_legible_too(colours: Palette):
    theme = streamlit_theme(colours.name)
    grounds = theme["backgroundColor"], theme["secondaryBackgroundColor"]
    words = [name for name in theme if name.endswith("TextColor") or name == "linkColor"]
    assert {"linkColor", "codeTextColor", "orangeTextColor", "redTextColor"} <= set(words)
    for name in words:
        ground = grounds if name != "codeTextColor" else (theme["codeBackgroundColor"],)
        assert min(contrast(theme[name], g) for g in ground) >= 4.5, name


def test_the_contrast_of_a_known_pair_is_known():
    assert contrast("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.005)  # WCAG's own example


# Colour blindness -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "seen", [DEUTERANOPIA, PROTANOPIA, np.eye(3)], ids=["deutan", "protan", "all"]
)
@PALETTES
def test_normal_and_strange_are_told_apart_by_everybody(colours: Palette, seen: np.ndarray):
    pair = colours.normal, colours.strange
    assert difference(*pair, seen) >= CLEAR
    for third in (colours.neutral, colours.background):
        for one, other in itertools.combinations((*pair, third), 2):
            assert difference(one, other, seen) >= 20, (one, other)
    for each in pair:
        assert difference(each, colours.focus, seen) >= 15, each


@pytest.mark.parametrize(
    ("seen", "least"),
    [(DEUTERANOPIA, 20), (PROTANOPIA, 18), (np.eye(3), 30)],
    ids=["deutan", "protan", "all"],
)
@PALETTES
def test_no_two_categories_look_alike_to_anybody(colours: Palette, seen: np.ndarray, least: float):
    pairs = itertools.combinations(colours.categories, 2)
    near = {pair: d for pair in pairs if (d := difference(*pair, seen)) < least}
    assert near == {}


def test_the_simulation_confuses_what_the_colour_blind_confuse():
    assert difference("#C8102E", "#6B7A1E", np.eye(3)) > 60
    assert difference("#C8102E", "#6B7A1E", DEUTERANOPIA) < 25
    assert difference("#FFFFFF", "#000000", DEUTERANOPIA) == pytest.approx(100, abs=0.1)
