"""Colours of the house: contrast to their background, and to each other for whoever sees two."""

import itertools

import numpy as np
import pytest

from pages._shared.theme import DARK, LIGHT, contrast, ink_on

both = pytest.mark.parametrize("colours", [LIGHT, DARK], ids=lambda colours: colours.name)

# Machado, Oliveira and Fernandes 2009, "A Physiologically-based Model for Simulation of Color
# Vision Deficiency", table 1, severity 1, in linear light.
DEUTERANOPIA = np.array(
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
)


def linear(colour: str) -> np.ndarray:
    shares = np.array(list(bytes.fromhex(colour[1:]))) / 255
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    """CIE 1976 L*a*b* of linear sRGB under D65."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.clip(np.array(to_xyz) @ light / [0.9505, 1, 1.089], 1e-6, None))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@both
def test_words_have_a_contrast_of_4_5_and_marks_one_of_3(colours):
    assert contrast(colours.text, colours.background) >= 4.5
    assert contrast(colours.faint, colours.background) >= 4.5
    marks = [colours.normal, colours.strange, colours.neutral, colours.focus, *colours.categories]
    weak = [mark for mark in marks if contrast(mark, colours.background) < 3]
    assert not weak


@both
def test_words_stand_out_on_every_bar(colours):
    assert min(contrast(ink_on(bar), bar) for bar in colours.categories) >= 4.5


@both
def test_normal_strange_and_what_is_looked_at_differ_for_whoever_sees_no_green(colours):
    three = (colours.normal, colours.strange, colours.focus)
    seen = [lab(DEUTERANOPIA @ linear(colour)) for colour in three]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 15
