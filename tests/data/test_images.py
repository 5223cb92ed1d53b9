"""Whatever a user hands in becomes a grey picture with notes, or one line that says why not."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.images import ImageError, decode, from_array, pad, read_items

SIZE = 28
CORNER = np.zeros((SIZE, SIZE), np.uint8)  # a bright patch at the top left, to see turns by
CORNER[:10, :6] = 200


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def grey(array: np.ndarray) -> Image.Image:
    return Image.fromarray(array)


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
    assert found.notes == ("RGBA made grey",)


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


@pytest.mark.parametrize("shape", [(1, 3000), (3000, 1), (1, 1)])
def test_a_picture_of_one_pixels_breadth_is_no_stumbling_block(shape: tuple[int, int]) -> None:
    thin = np.full(shape, 99, np.uint8)
    assert decode(encoded(grey(thin)), SIZE).image.shape == (SIZE, SIZE)
    assert from_array(thin[None], SIZE)[0].image.shape == (SIZE, SIZE)


def test_padding_adds_zeros_on_every_side() -> None:
    found = pad(CORNER[None], 2)
    assert found.shape == (1, 32, 32)
    assert np.array_equal(found[0, 2:30, 2:30], CORNER)
    assert found.sum() == CORNER.sum()


# What is refused --------------------------------------------------------------------------------


def bomb(width: int, height: int, mode: int = 0) -> bytes:
    """A PNG that claims to be this large and holds a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, mode, 0, 0, 0)
    idat = zlib.compress(bytes(100))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", idat) + chunk(b"IEND", b"")
    )


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


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.full((2, 4, 4), np.nan), "NaN or infinite"),
        (np.array([[[np.inf]]]), "NaN or infinite"),
        (np.zeros((2, 4, 4)), "must be uint8 in 0..255, got float64"),
        (np.zeros((2, 4, 4), np.int64), "got int64"),
        (np.zeros((2, 4, 4), bool), "got bool"),
        (np.zeros(5, np.uint8), r"got \(5,\)"),
        (np.zeros((1, 4, 4, 2), np.uint8), r"got \(1, 4, 4, 2\)"),
        (np.zeros((1, 1, 4, 4, 3), np.uint8), r"got \(1, 1, 4, 4, 3\)"),
        (np.zeros((0, 5, 5), np.uint8), "no pixels"),
        (np.zeros((2, 0, 5), np.uint8), "no pixels"),
        (np.zeros((9, 9, 3), np.uint8), "looks like one colour image"),
        (np.zeros((9, 9, 4), np.uint8), "looks like one colour image"),
    ],
)
def test_an_array_that_holds_no_images_says_why(array: np.ndarray, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        from_array(array, SIZE)


def test_arrays_of_grey_and_of_colour_are_read() -> None:
    greys = np.stack([CORNER, 255 - CORNER])
    assert np.array_equal(np.stack([p.image for p in from_array(greys, SIZE)]), greys)
    assert np.array_equal(from_array(greys[0], SIZE)[0].image, CORNER)
    assert np.array_equal(from_array(greys[..., None], SIZE)[1].image, 255 - CORNER)
    colours = np.repeat(greys[..., None], 3, axis=3)
    found = from_array(colours, SIZE)
    assert np.array_equal(found[1].image, 255 - CORNER)
    assert found[1].notes == ("RGB made grey",)


# Files and folders ------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Good and bad files, in folders of folders."""
    (tmp_path / "b" / "deep").mkdir(parents=True)
    good = encoded(grey(CORNER))
    (tmp_path / "b" / "2.PNG").write_bytes(good)
    (tmp_path / "b" / "deep" / "1.png").write_bytes(good)
    (tmp_path / "a.png").write_bytes(good)
    (tmp_path / "c.png").write_bytes(b"no image")
    (tmp_path / "d.png").write_bytes(b"")
    (tmp_path / "e.png").write_bytes(good)
    (tmp_path / "f.png").mkdir()  # a folder, whatever its name
    (tmp_path / "notes.txt").write_text("not looked at")
    return tmp_path


def test_a_folder_is_read_through_sorted_and_bad_files_stop_nothing(folder: Path) -> None:
    items = list(read_items([folder], SIZE))
    assert [item.id for item in items] == [
        "a.png", "b/2.PNG", "b/deep/1.png", "c.png", "d.png", "e.png",
    ]  # fmt: skip
    bad = {item.id: item.error for item in items if item.picture is None}
    assert list(bad) == ["c.png", "d.png"]
    assert bad["c.png"] == "not an image file that can be read"
    assert bad["d.png"] == "the file is empty"
    assert all(np.array_equal(i.picture.image, CORNER) for i in items if i.picture is not None)


def test_files_are_named_by_themselves_and_missing_ones_are_said(folder: Path) -> None:
    items = list(read_items([folder / "b" / "2.PNG", folder / "gone.png"], SIZE))
    assert [item.id for item in items] == ["2.PNG", "gone.png"]
    assert items[0].picture is not None
    assert items[1].error == "there is no such file"


def test_an_empty_folder_says_that_it_is_empty(tmp_path: Path) -> None:
    (item,) = read_items([tmp_path], SIZE)
    assert item.picture is None
    assert item.error == "the folder holds no image files"


def test_images_of_an_array_are_numbered(tmp_path: Path) -> None:
    stack = np.stack([np.full((SIZE, SIZE), i, np.uint8) for i in range(19)])
    np.save(tmp_path / "file.npy", stack)
    np.savez(tmp_path / "one.npz", stack[:2])
    np.savez(tmp_path / "two.npz", first=stack[:1], second=stack[5:7])
    items = {item.id: item for item in read_items([tmp_path], SIZE)}
    assert list(items)[:2] == ["file.npy#0", "file.npy#1"]
    assert (items["file.npy#17"].picture.image == 17).all()
    assert [key for key in items if key.startswith("one")] == ["one.npz#0", "one.npz#1"]
    assert [key for key in items if key.startswith("two")] == [
        "two.npz/first#0", "two.npz/second#0", "two.npz/second#1",
    ]  # fmt: skip
    assert (items["two.npz/second#1"].picture.image == 6).all()


def test_a_bad_array_among_good_ones_stops_nothing(tmp_path: Path) -> None:
    good = np.zeros((1, SIZE, SIZE), np.uint8)
    np.savez(tmp_path / "mixed.npz", a=good, b=good.astype(float), c=good)
    items = list(read_items([tmp_path / "mixed.npz"], SIZE))
    assert [(i.id, i.error) for i in items] == [
        ("mixed.npz/a#0", ""),
        ("mixed.npz/b", "the array must be uint8 in 0..255, got float64"),
        ("mixed.npz/c#0", ""),
    ]


@pytest.mark.parametrize("name", ["damaged.npy", "damaged.npz", "cut.npy", "pickle.npy"])
def test_a_damaged_array_file_says_so(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "pickle.npy":
        np.save(path, np.array([{"code": "to run"}], dtype=object), allow_pickle=True)
    elif name == "cut.npy":
        np.save(path, np.zeros((4, SIZE, SIZE), np.uint8))
        path.write_bytes(path.read_bytes()[:500])
    else:
        path.write_bytes(b"no numpy file")
    (item,) = read_items([path], SIZE)
    assert item.picture is None
    assert "not a readable numpy file" in item.error


def test_a_file_given_after_a_damaged_one_is_still_read(tmp_path: Path) -> None:
    thin = np.full((2, 1, 3000), 9, np.uint8)
    np.save(tmp_path / "a.npy", thin)
    (tmp_path / "b.png").write_bytes(encoded(grey(CORNER)))
    assert [item.id for item in read_items([tmp_path], SIZE)][-1] == "b.png"
