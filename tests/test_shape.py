"""What a picture's shape may be, and how it is said."""

from __future__ import annotations

import re

import pytest

from core.shape import Shape


def test_a_shape_is_said_by_its_sides_and_colours() -> None:
    assert str(Shape(1, 28, 28)) == "28x28 grey"
    assert str(Shape(3, 48, 64)) == "48x64 colour"
    assert Shape(3, 48, 64).size == (64, 48)
    assert Shape(3, 48, 64).pixels == (48, 64, 3)


def test_a_shape_of_a_scenario_file_is_checked() -> None:
    assert Shape.checked([3, 48, 64]) == Shape(3, 48, 64)
    assert Shape.checked(Shape(1, 1, 1)) == (1, 1, 1)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ([2, 28, 28], "channels must be 1 (grey) or 3 (colour), got 2"),
        ([4, 28, 28], "channels must be 1 (grey) or 3 (colour), got 4"),
        ([1, 0, 28], "height and width must be 1 or more, got 0 and 28"),
        ([1, 28, -3], "height and width must be 1 or more, got 28 and -3"),
        ([28, 28], "a shape must be [channels, height, width], got [28, 28]"),
        ([1, 28.0, 28], "a shape must be [channels, height, width], got [1, 28.0, 28]"),
        ([True, 28, 28], "a shape must be [channels, height, width], got [True, 28, 28]"),
    ],
)
def test_a_shape_that_is_none_says_what_came(image: list, words: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        Shape.checked(image)
