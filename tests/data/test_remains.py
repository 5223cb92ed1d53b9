"""What leaves nothing to be seen of a file is warned of, and what leaves something is not."""

from __future__ import annotations

import numpy as np
import pytest
from handmade import COLOUR, CORNER, GREY, SIZE, encoded, grey, pages, plane
from PIL import Image

from core.data import tones
from core.data.arrays import from_array
from core.data.decode import decode
from core.data.remains import warnings_of
from core.scenario import load_scenario
from core.shape import Shape

DIFFER = "its pixels are all alike, though those of the file differ"
ALIKE = "its pixels are all alike, as those of the file are"


def drawing(*, level: int) -> np.ndarray:
    """A bar of one level on what is transparent, (40, 40, 4), as drawing programs save it."""
    rgba = np.full((40, 40, 4), level, np.uint8)
    rgba[..., 3] = 0
    rgba[10:30, 15:25, 3] = 255
    return rgba


def deep(low: int, high: int) -> bytes:
    """A PNG of 16 bits whose left half is low and whose right half is high."""
    levels = np.full((SIZE, SIZE), low, np.uint16)
    levels[:, SIZE // 2 :] = high
    return encoded(grey(levels))


FILES = {
    "a white drawing on transparency": (encoded(Image.fromarray(drawing(level=255))), DIFFER),
    "levels too low for 8 bits": (deep(0, 100), f"all black: {DIFFER}"),
    "levels too alike for 8 bits": (deep(30_000, 30_050), f"blank: {DIFFER}"),
    "black": (encoded(grey(np.zeros((9, 9), np.uint8))), f"all black: {ALIKE}"),
    "white": (encoded(grey(np.full((9, 9), 255, np.uint8))), f"all white: {ALIKE}"),
    "one pixel": (encoded(grey(np.full((1, 1), 99, np.uint8))), f"blank: {ALIKE}"),
    "one level of a float": (encoded(grey(np.full((9, 9), 7, np.float32)), "TIFF"), ALIKE),
    "pages of grey": (pages(3), f"blank: {ALIKE}"),
    "twelve bits in sixteen": (deep(0, 4095), "nearly black: its lightest pixel has level 16"),
    "a narrow range": (deep(30_000, 31_000), "nearly blank: its pixels differ by 4 of 255 levels"),
    "a line": (encoded(grey(np.tile(CORNER[:20].repeat(100, 1), (3, 1)))), "thin: 28x1 pixels"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_conversion_that_leaves_nothing_is_warned_of(name: str) -> None:
    data, words = FILES[name]
    for shape in (GREY, Shape(3, SIZE, SIZE)):
        found = decode(data, shape)
        assert any(words in warning for warning in found.warnings), found.warnings
        assert not any(words in note for note in found.notes)


@pytest.mark.parametrize(
    "data",
    [
        encoded(grey(CORNER)),
        encoded(Image.fromarray(drawing(level=0))),
        deep(0, 65_535),
        deep(0, 7_000),  # dark, and there to be seen
        encoded(grey(np.tile(CORNER, (1, 8)))),  # 28x4 of it is left
        encoded(grey(CORNER[:, :1])),  # as thin in the file
        encoded(Image.fromarray(np.tile(CORNER[..., None], (1, 1, 3)))),
    ],
    ids=["grey", "drawing", "deep", "dark", "wide", "one column", "colour"],
)
def test_what_leaves_something_to_be_seen_is_not_warned_of(data: bytes) -> None:
    for shape in (GREY, Shape(3, SIZE, SIZE)):
        assert decode(data, shape).warnings == ()


def test_the_black_around_a_picture_hides_no_blank_one() -> None:
    wide = np.full((50, 100), 180, np.uint8)
    found = decode(encoded(grey(wide)), GREY)
    assert set(plane(found).ravel().tolist()) == {0, 180}
    assert found.warnings == (f"blank: {ALIKE}",)


def test_a_picture_of_one_colour_is_blank_and_one_of_two_as_bright_is_not() -> None:
    one = np.full((48, 64, 3), (200, 30, 90), np.uint8)
    assert decode(encoded(Image.fromarray(one)), COLOUR).warnings == (f"blank: {ALIKE}",)
    two = one.copy()
    two[:, 32:] = (30, 200, 90)
    assert decode(encoded(Image.fromarray(two)), COLOUR).warnings == ()
    assert decode(encoded(Image.fromarray(two)), GREY).warnings == ()


def test_two_colours_of_the_same_grey_are_warned_of_in_grey_alone() -> None:
    two = np.full((48, 64, 3), (100, 0, 0), np.uint8)
    two[:, 32:] = (0, 51, 0)  # .299 of 100, .587 of 51
    data = encoded(Image.fromarray(two))
    assert decode(data, GREY).warnings == (f"blank: {DIFFER}",)
    assert decode(data, COLOUR).warnings == ()


def test_pixels_that_differ_in_the_last_of_many_bands_differ(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tones, "BAND", 100)
    levels = np.full((90, 70), 7, np.uint8)
    assert not tones.varies(grey(levels))
    levels[-1, -1] = 8
    assert tones.varies(grey(levels))


def test_pictures_of_arrays_are_warned_of_one_by_one() -> None:
    found = from_array(np.stack([CORNER, np.zeros_like(CORNER)]), GREY)
    assert [picture.warnings for picture in found] == [(), (f"all black: {ALIKE}",)]


@pytest.mark.parametrize("name", ["garments", "mnist", "noise"])
def test_no_image_that_ships_is_warned_of_but_flat_ones(name: str) -> None:
    scenario = load_scenario("fashion")
    for image in scenario.pictures(name).images:
        assert warnings_of(image, scenario.shape.size, varied=True) == ()
    for image in scenario.pictures("flat").images[:20]:
        assert len(warnings_of(image, scenario.shape.size, varied=False)) == 1
