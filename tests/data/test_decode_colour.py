"""Files for scenarios in colours and of sides that differ: the same ways, three channels."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from handmade import COLOUR, CORNER, GREY, bomb, encoded, grey, large_jpeg, tiff
from PIL import Image

from core.data import tones
from core.data.arrays import from_array
from core.data.decode import ImageError, decode
from core.data.images import read_items
from core.shape import Shape

HEIGHT, WIDTH, _ = COLOUR.pixels
RED, BLUE = (200, 10, 30), (20, 40, 160)

HALVES = np.zeros((HEIGHT, WIDTH, 3), np.uint8)  # red above, blue below, green at the top left
HALVES[: HEIGHT // 2], HALVES[HEIGHT // 2 :] = RED, BLUE
HALVES[:5, :9] = (0, 255, 0)


def turned(image: np.ndarray, how: int, kind: str = "PNG") -> bytes:
    exif = Image.Exif()
    exif[0x0112] = how
    return encoded(Image.fromarray(image), kind, exif=exif)


# What is read -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True}), ("PPM", {})],
)
def test_a_picture_in_colours_of_the_right_size_comes_through_as_it_is(
    kind: str, options: dict
) -> None:
    found = decode(encoded(Image.fromarray(HALVES), kind, **options), COLOUR)
    assert np.array_equal(found.image, HALVES)
    assert found.notes == ()


def test_a_grey_file_becomes_three_equal_channels_and_that_is_said() -> None:
    shape = Shape(3, 28, 28)
    for data, what in (
        (encoded(grey(CORNER)), "grey made colour, three equal channels"),
        (encoded(grey(CORNER).convert("1")), "black and white made colour, three equal channels"),
        (encoded(grey(CORNER).convert("LA")), "grey with alpha made colour, three equal channels"),
        (
            tiff(CORNER.astype(np.uint16) * 257, 16),
            "16-bit grey made colour, three equal channels, levels 0..65535 as 0..255",
        ),
    ):
        found = decode(data, shape)
        assert np.array_equal(found.image, decode(data, GREY).image.repeat(3, 2)), what
        assert found.notes == (what,)


def test_a_file_in_colours_becomes_grey_where_sides_differ() -> None:
    found = decode(encoded(Image.fromarray(HALVES)), Shape(1, HEIGHT, WIDTH))
    assert found.image.shape == (HEIGHT, WIDTH, 1)
    # .299 R + .587 G + .114 B
    assert found.image[[0, 20, 40], 0, 0].tolist() == [150, 69, 48]
    assert found.notes == ("RGB made grey",)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_colours_of_a_turned_exif_tag_stand_upright(kind: str) -> None:
    lying = np.ascontiguousarray(np.rot90(HALVES))  # 64 rows of 48
    found = decode(turned(lying, 6, kind), COLOUR)
    assert np.array_equal(found.image, HALVES)
    assert found.notes == ("turned upright by its EXIF tag",)


def test_another_size_is_fitted_by_its_longer_side_in_the_middle_of_black() -> None:
    flat = encoded(Image.new("RGB", (100, 50), RED))
    found = decode(flat, COLOUR)  # 64x32, eight black rows above and below
    assert found.notes == ("100x50 fitted to 64x48, shrunk 1.6 times each way",)
    assert (found.image[8:40] == RED).all()
    assert not found.image[:8].any()
    assert not found.image[40:].any()
    high = decode(flat, Shape(3, 100, 20))  # 20x10, 45 black rows
    assert (high.image[45:55] == RED).all()
    assert not high.image[:45].any()
    assert not high.image[55:].any()


def test_a_photo_of_224_pixels_says_that_it_was_shrunk_to_32_and_by_how_much() -> None:
    photo = Image.effect_noise((224, 224), 60).convert("RGB")
    found = decode(encoded(photo), Shape(3, 32, 32))
    assert found.image.shape == (32, 32, 3)
    assert found.notes == ("224x224 fitted to 32x32, shrunk 7 times each way",)
    assert found.warnings == ()


def test_what_is_transparent_becomes_white_and_what_is_added_black() -> None:
    rgba = np.zeros((100, 100, 4), np.uint8)
    rgba[..., :3] = RED
    rgba[:, 50:, 3] = 255
    found = decode(encoded(Image.fromarray(rgba)), COLOUR)  # 48x48, eight black columns
    assert found.image[24, [0, 12, 50, 63]].tolist() == [[0] * 3, [255] * 3, list(RED), [0] * 3]
    assert found.notes == (
        "transparent pixels became white",
        "100x100 fitted to 64x48, shrunk 2.1 times each way",
    )


def test_a_colour_half_transparent_is_mixed_with_white() -> None:
    found = decode(encoded(Image.new("RGBA", (WIDTH, HEIGHT), (200, 0, 100, 51))), COLOUR)
    # A fifth of the colour and four fifths of white.
    assert found.image[0, 0].tolist() == [244, 204, 224]


def test_an_opaque_fourth_channel_is_nothing_to_be_said() -> None:
    found = decode(encoded(Image.fromarray(HALVES).convert("RGBA")), COLOUR)
    assert np.array_equal(found.image, HALVES)
    assert found.notes == ()


def test_palettes_and_printing_inks_become_colours_and_that_is_said() -> None:
    palette = Image.fromarray(HALVES).quantize(3, dither=Image.Dither.NONE)
    found = decode(encoded(palette), COLOUR)
    assert np.array_equal(found.image, np.asarray(palette.convert("RGB")))
    assert len(np.unique(found.image.reshape(-1, 3), axis=0)) == 3
    assert found.notes == ("palette made RGB",)
    ink = Image.new("CMYK", (WIDTH, HEIGHT), (0, 255, 255, 0))
    found = decode(encoded(ink, "TIFF"), COLOUR)
    assert (found.image == [255, 0, 0]).all()
    assert found.notes == ("CMYK made RGB",)


def test_a_picture_of_which_nothing_would_be_left_at_these_sides_is_refused() -> None:
    thin = encoded(Image.new("RGB", (1, 97)))
    with pytest.raises(ImageError, match=r"^1x97: nothing of it is left at 64x48$"):
        decode(thin, COLOUR)
    assert decode(thin, Shape(3, 97, 64)).notes == ("1x97 fitted to 64x97",)


# Large ones --------------------------------------------------------------------------------------


def slopes(height: int, width: int, channels: int = 3) -> np.ndarray:
    """Smooth colours with an edge (H, W, C)."""
    rows, columns = np.mgrid[:height, :width] / [[[height]], [[width]]]
    planes = [rows, columns, rows * columns, np.where(rows < columns, 1, 0.4)]
    return np.round(np.stack(planes[:channels], -1) * 255).astype(np.uint8)


@pytest.mark.parametrize("channels", [3, 4])
def test_a_large_picture_in_colours_is_made_smaller_first_and_it_does_not_show(
    monkeypatch: pytest.MonkeyPatch, channels: int
) -> None:
    data = encoded(Image.fromarray(slopes(1003, 1201, channels)))
    before = decode(data, COLOUR)
    monkeypatch.setattr(tones, "FINER", 10_000)  # at once
    whole = decode(data, COLOUR)
    assert not np.array_equal(before.image, whole.image)
    difference = np.abs(before.image.astype(int) - whole.image)
    assert difference.mean() < 0.5
    assert difference.max() < 30  # beside the edge
    assert before.notes == whole.notes


def test_bands_of_a_large_picture_in_colours_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    for channels in (3, 4):
        data = encoded(Image.fromarray(slopes(900, 700, channels)))
        before = decode(data, COLOUR)
        monkeypatch.setattr(tones, "BAND", 7000)
        assert np.array_equal(decode(data, COLOUR).image, before.image)
        monkeypatch.undo()


@pytest.mark.slow
def test_a_long_shape_takes_a_turned_picture_as_sharp_as_an_upright_one() -> None:
    shape = Shape(3, 256, 16)
    upright = slopes(8192, 512)
    upright[::128] = 0  # a line every four rows of the picture
    found = decode(turned(np.ascontiguousarray(np.rot90(upright)), 6), shape)
    assert np.abs(found.image.astype(int) - decode(turned(upright, 1), shape).image).max() <= 2


# Memory -----------------------------------------------------------------------------------------


LARGE = Shape(3, 1024, 1024)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (bomb(4200, 4200, 2), "4200x4200 is more than 16 megapixels, the limit for RGB in PNG"),
        (bomb(4200, 4200, 6), "4200x4200 is more than 16 megapixels, the limit for RGBA in PNG"),
        (
            large_jpeg(5000, 5600, progressive=True),
            "5000x5600 is more than 26 megapixels, the limit for RGB in a JPEG of several scans",
        ),
    ],
)
def test_colours_that_are_kept_large_may_have_fewer_pixels(data: bytes, words: str) -> None:
    with pytest.raises(ImageError, match=f"^{words}$"):
        decode(data, LARGE)


def test_as_many_pixels_are_read_where_less_is_made_of_them() -> None:
    for shape in (GREY, COLOUR):
        with pytest.raises(ImageError, match="damaged or truncated"):  # the bomb holds no such
            decode(bomb(4200, 4200, 2), shape)


def test_a_large_jpeg_is_decoded_at_half_its_size_where_colours_would_not_fit() -> None:
    assert (
        "8000x5000 fitted to 1024x1024, shrunk 7.8 times each way"
        in decode(large_jpeg(8000, 5000), LARGE).notes
    )


# Arrays -----------------------------------------------------------------------------------------


def test_arrays_of_the_scenarios_size_are_taken_as_they_are() -> None:
    pictures = np.stack([HALVES, 255 - HALVES])
    found = from_array(pictures, COLOUR)
    assert np.array_equal(np.stack([p.image for p in found]), pictures)
    assert {p.notes for p in found} == {()}
    (wide,) = from_array(np.full((9, 784), 7, np.uint8), Shape(1, 9, 784))  # no flat rows
    assert (wide.image == 7).all()
    assert wide.notes == ()


def test_arrays_of_grey_and_of_four_channels_become_colours() -> None:
    (found,) = from_array(HALVES[None, ..., 0], COLOUR)
    assert np.array_equal(found.image, HALVES[..., :1].repeat(3, 2))
    assert found.notes == ("grey made colour, three equal channels",)
    clear = np.dstack([HALVES, np.full((HEIGHT, WIDTH), 0, np.uint8)])
    clear[0, 0, 3] = 255
    (found,) = from_array(clear[None], COLOUR)
    assert found.image[0, 0].tolist() == [0, 255, 0]
    assert (found.image[1:] == 255).all()
    assert found.notes == ("transparent pixels became white",)


def test_one_picture_in_colours_is_not_taken_for_many_grey_ones() -> None:
    words = re.escape(
        f"the array of shape ({HEIGHT}, {WIDTH}, 3) looks like one colour image: "
        "make it (1, H, W, C)"
    )
    with pytest.raises(ImageError, match=f"^{words}$"):
        from_array(HALVES, COLOUR)


@pytest.mark.parametrize(
    ("shape", "sides"),
    [
        ((5, 3072), "5, 48, 64"),
        ((5, 9216), "5, 48, 64, 3"),
        ((5, 784), "5, 28, 28"),
    ],
)
def test_rows_as_long_as_the_scenarios_pictures_are_flat_rows(
    shape: tuple[int, int], sides: str
) -> None:
    words = f"the array of shape {shape} looks like flat rows: make it ({sides}), or "
    with pytest.raises(ImageError, match=f"^{re.escape(words)}"):
        from_array(np.ones(shape, np.uint8), COLOUR)


def test_colours_of_an_array_that_are_kept_large_may_have_fewer_pixels() -> None:
    blank = np.broadcast_to(np.uint8(0), (1, 4200, 4200, 3))
    with pytest.raises(ImageError, match=r"16 megapixels, the limit for 3 channels in an array$"):
        from_array(blank, LARGE)


def test_files_and_arrays_of_a_folder_are_of_one_shape(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(Image.fromarray(HALVES)))
    (tmp_path / "b.png").write_bytes(encoded(grey(CORNER)))
    np.save(tmp_path / "c.npy", HALVES[None])
    shapes = {item.id: item.picture.image.shape for item in read_items([tmp_path], COLOUR)}
    assert shapes == dict.fromkeys(["a.png", "b.png", "c.npy#0"], (HEIGHT, WIDTH, 3))
