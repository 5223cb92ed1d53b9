"""Whatever a user hands in becomes a grey picture with notes, or one line that says why not."""

from __future__ import annotations

import numpy as np
import pytest
from handmade import CORNER, SIZE, bomb, encoded, grey
from PIL import Image

from core.data.decode import ImageError, decode

# What is read -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True}), ("PPM", {}),
        ("GIF", {}),
    ],
)  # fmt: skip
def test_a_grey_picture_of_the_right_size_comes_through_as_it_is(kind: str, options: dict) -> None:
    found = decode(encoded(grey(CORNER), kind, **options), SIZE)
    # WEBP keeps colours and GIF a palette: the pixels are the same, and the note says so.
    assert np.array_equal(found.image, CORNER)
    assert found.image.dtype == np.uint8
    assert found.notes in ((), ("RGB made grey",), ("P made grey",))


def test_a_jpeg_comes_through_with_its_losses_alone() -> None:
    found = decode(encoded(grey(CORNER), "JPEG", quality=95), SIZE)
    assert np.abs(found.image.astype(int) - CORNER).mean() < 2
    assert found.notes == ()


def test_a_picture_with_a_turned_exif_tag_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its side: turn by 90 degrees clockwise to see it
    lying = np.ascontiguousarray(np.rot90(CORNER))
    found = decode(encoded(grey(lying), exif=exif), SIZE)
    assert np.array_equal(found.image, CORNER)
    assert found.notes == ("turned upright by its EXIF tag",)


def test_an_oblong_picture_is_turned_before_it_is_fitted() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = np.zeros((28, 56), np.uint8)
    lying[:, :28] = 200  # left half bright; upright, the upper half
    found = decode(encoded(grey(lying), exif=exif), SIZE)
    assert found.notes == ("turned upright by its EXIF tag", "28x56 fitted to 28x28")
    assert found.image[4, 14] == 200
    assert found.image[24, 14] == 0


def test_what_is_transparent_becomes_black() -> None:
    rgba = np.full((SIZE, SIZE, 4), 255, np.uint8)
    rgba[:14, :, 3] = 0
    rgba[14:20, :, 3] = 128
    found = decode(encoded(Image.fromarray(rgba)), SIZE)
    assert found.image[[0, 16, 27], 0].tolist() == [0, 128, 255]
    assert found.notes == ("RGBA made grey", "transparent pixels became black")


def test_colours_are_weighed_as_the_eye_does() -> None:
    rgb = np.zeros((SIZE, SIZE, 3), np.uint8)
    rgb[:9, :, 0] = rgb[9:18, :, 1] = rgb[18:, :, 2] = 255
    found = decode(encoded(Image.fromarray(rgb)), SIZE)
    assert found.image[[0, 10, 20], 0].tolist() == [76, 150, 29]  # .299, .587, .114 of 255
    assert found.notes == ("RGB made grey",)


def test_sixteen_bits_are_scaled_by_their_full_range() -> None:
    deep = np.zeros((SIZE, SIZE), np.uint16)
    deep[0, :3] = [32768, 257, 128]  # nothing white in it
    found = decode(encoded(Image.fromarray(deep)), SIZE)
    assert found.image[0, :4].tolist() == [128, 1, 0, 0]
    assert found.notes == ("I;16 made grey, levels 0..65535 as 0..255",)


def test_floats_are_scaled_by_their_own_range() -> None:
    values = np.linspace(-1, 3, SIZE * SIZE, dtype=np.float32).reshape(SIZE, SIZE)
    found = decode(encoded(Image.fromarray(values), "TIFF"), SIZE)
    assert found.image[0, 0] == 0
    assert found.image[-1, -1] == 255
    assert abs(int(found.image[14, 0]) - 128) <= 1
    assert found.notes == ("F made grey, levels -1..3 as 0..255",)


def test_a_flat_float_picture_is_black_and_no_division_by_zero() -> None:
    flat = np.full((SIZE, SIZE), 7, np.float32)
    assert not decode(encoded(Image.fromarray(flat), "TIFF"), SIZE).image.any()


def test_printing_inks_become_grey() -> None:
    cmyk = np.zeros((SIZE, SIZE, 4), np.uint8)
    cmyk[:14, :, 3] = 255  # black ink above, bare paper below
    found = decode(encoded(Image.fromarray(cmyk, "CMYK"), "TIFF"), SIZE)
    assert found.image[[0, 27], 0].tolist() == [0, 255]
    assert found.notes == ("CMYK made grey",)


def test_a_palette_is_looked_up() -> None:
    indexed = grey((CORNER > 0).astype(np.uint8))
    indexed.putpalette([10, 10, 10, 240, 240, 240])
    found = decode(encoded(indexed), SIZE)
    assert np.array_equal(found.image, np.where(CORNER > 0, 240, 10))
    assert found.notes == ("P made grey",)


def test_a_transparent_palette_colour_becomes_black() -> None:
    indexed = grey((CORNER > 0).astype(np.uint8))
    indexed.putpalette([250, 250, 250, 240, 240, 240])
    found = decode(encoded(indexed, transparency=0), SIZE)
    assert np.array_equal(found.image, np.where(CORNER > 0, 240, 0))
    assert found.notes == ("P made grey", "transparent pixels became black")


def test_black_and_white_bits_become_black_and_white() -> None:
    found = decode(encoded(grey(CORNER).convert("1", dither=Image.Dither.NONE)), SIZE)
    assert np.array_equal(found.image, np.where(CORNER > 0, 255, 0))
    assert found.notes == ("1 made grey",)


def test_the_first_frame_of_a_moving_picture_is_taken_and_noted() -> None:
    frames = [grey(CORNER), grey(255 - CORNER)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    found = decode(data, SIZE)
    assert np.array_equal(found.image, CORNER)
    assert "first of 2 frames" in found.notes


def test_another_size_is_fitted_on_black_in_the_middle_and_noted() -> None:
    wide = np.full((50, 100), 180, np.uint8)
    found = decode(encoded(grey(wide)), SIZE)
    assert found.notes == ("100x50 fitted to 28x28",)
    # Twice as wide as high: 28x14, seven black rows above and below.
    assert (found.image[7:21] == 180).all()
    assert not found.image[:7].any()
    assert not found.image[21:].any()


def test_a_small_picture_is_made_larger() -> None:
    found = decode(encoded(grey(np.full((7, 7), 99, np.uint8))), SIZE)
    assert (found.image == 99).all()
    assert found.notes == ("7x7 fitted to 28x28",)


# What is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "height"),
    # Over our limit; over the size from which Pillow warns; over that from which it refuses.
    [(8000, 5001), (10_000, 10_000), (60_000, 60_000)],
)
def test_an_image_bomb_is_refused_before_it_is_unpacked(width: int, height: int) -> None:
    with pytest.raises(ImageError, match="more than 40 megapixels"):
        decode(bomb(width, height), SIZE)


def test_forty_megapixels_are_not_too_many() -> None:
    with pytest.raises(ImageError, match="damaged or truncated"):  # the bomb holds no such image
        decode(bomb(8000, 5000), SIZE)


PNG = encoded(grey(np.random.default_rng(0).integers(0, 256, (SIZE, SIZE), dtype=np.uint8)))
NAN = np.zeros((SIZE, SIZE), np.float32)
NAN[3, 3] = np.nan


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello, I am a text file\n" * 9, "not an image file"),
        (PNG[: len(PNG) // 2], "damaged or truncated"),
        (PNG[:20], "damaged or truncated|not an image"),
        (b"\xff\xd8\xff\xe0" + bytes(64), "damaged or truncated|not an image"),
        (encoded(Image.fromarray(NAN), "TIFF"), "NaN"),
    ],
    ids=["empty", "text", "half", "header", "jpeg", "nan"],
)
def test_a_file_that_is_no_image_says_why(data: bytes, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        decode(data, SIZE)
