"""Whatever a user hands in becomes a picture with notes, or one line that says why not."""

from __future__ import annotations

import struct
import subprocess
import sys
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from handmade import (
    COLOUR,
    CORNER,
    GREY,
    SIZE,
    bomb,
    chunk,
    encoded,
    grey,
    large_jpeg,
    pages,
    plane,
    tiff,
)
from PIL import Image, JpegImagePlugin, TiffImagePlugin

from core.data import bounds, tones
from core.data import decode as decoding
from core.data.arrays import from_array
from core.data.decode import ImageError, decode
from core.shape import Shape

# What is read -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True}), ("PPM", {}),
        ("GIF", {}),
    ],
)  # fmt: skip
def test_a_grey_picture_of_the_right_size_comes_through_as_it_is(kind: str, options: dict) -> None:
    found = decode(encoded(grey(CORNER), kind, **options), GREY)
    # WEBP keeps colours and GIF a palette: the pixels are the same, and the note says so.
    assert np.array_equal(plane(found), CORNER)
    assert found.image.dtype == np.uint8
    assert found.notes in ((), ("RGB made grey",), ("palette made grey",))


def test_a_jpeg_comes_through_with_its_losses_alone() -> None:
    found = decode(encoded(grey(CORNER), "JPEG", quality=95), GREY)
    assert np.abs(plane(found).astype(int) - CORNER).mean() < 2
    assert found.notes == ()


def test_a_picture_with_a_turned_exif_tag_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its side: turn by 90 degrees clockwise to see it
    lying = np.ascontiguousarray(np.rot90(CORNER))
    found = decode(encoded(grey(lying), exif=exif), GREY)
    assert np.array_equal(plane(found), CORNER)
    assert found.notes == ("turned upright by its EXIF tag",)


def test_an_oblong_picture_is_turned_before_it_is_fitted() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = np.zeros((28, 56), np.uint8)
    lying[:, :28] = 200  # left half bright; upright, the upper half
    found = decode(encoded(grey(lying), exif=exif), GREY)
    assert found.notes == (
        "turned upright by its EXIF tag",
        "28x56 fitted to 28x28, shrunk 2 times each way",
    )
    assert plane(found)[4, 14] == 200
    assert plane(found)[24, 14] == 0


def test_what_is_transparent_becomes_white() -> None:
    rgba = np.zeros((SIZE, SIZE, 4), np.uint8)
    rgba[..., 3] = 255
    rgba[:14, :, 3] = 0
    rgba[14:20, :, 3] = 128
    found = decode(encoded(Image.fromarray(rgba)), GREY)
    assert plane(found)[[0, 16, 27], 0].tolist() == [255, 127, 0]
    assert found.notes == ("RGBA made grey", "transparent pixels became white")


def test_colours_are_weighed_as_the_eye_does() -> None:
    rgb = np.zeros((SIZE, SIZE, 3), np.uint8)
    rgb[:9, :, 0] = rgb[9:18, :, 1] = rgb[18:, :, 2] = 255
    found = decode(encoded(Image.fromarray(rgb)), GREY)
    assert plane(found)[[0, 10, 20], 0].tolist() == [76, 150, 29]  # .299, .587, .114 of 255
    assert found.notes == ("RGB made grey",)


def test_sixteen_bits_are_scaled_by_their_full_range() -> None:
    deep = np.zeros((SIZE, SIZE), np.uint16)
    deep[0, :3] = [32768, 257, 128]  # nothing white in it
    found = decode(encoded(Image.fromarray(deep)), GREY)
    assert plane(found)[0, :4].tolist() == [128, 1, 0, 0]
    assert found.notes == ("16-bit grey made grey, levels 0..65535 as 0..255",)


def test_floats_are_scaled_by_their_own_range() -> None:
    values = np.linspace(-1, 3, SIZE * SIZE, dtype=np.float32).reshape(SIZE, SIZE)
    found = decode(encoded(Image.fromarray(values), "TIFF"), GREY)
    assert plane(found)[0, 0] == 0
    assert plane(found)[-1, -1] == 255
    assert abs(int(plane(found)[14, 0]) - 128) <= 1
    assert found.notes == ("floating-point grey made grey, levels -1..3 as 0..255",)


def test_a_flat_float_picture_is_black_and_no_division_by_zero() -> None:
    flat = np.full((SIZE, SIZE), 7, np.float32)
    assert not decode(encoded(Image.fromarray(flat), "TIFF"), GREY).image.any()


def test_printing_inks_become_grey() -> None:
    cmyk = np.zeros((SIZE, SIZE, 4), np.uint8)
    cmyk[:14, :, 3] = 255  # black ink above, bare paper below
    found = decode(encoded(Image.fromarray(cmyk, "CMYK"), "TIFF"), GREY)
    assert plane(found)[[0, 27], 0].tolist() == [0, 255]
    assert found.notes == ("CMYK made grey",)


def test_a_palette_is_looked_up() -> None:
    indexed = grey((CORNER > 0).astype(np.uint8))
    indexed.putpalette([10, 10, 10, 240, 240, 240])
    found = decode(encoded(indexed), GREY)
    assert np.array_equal(plane(found), np.where(CORNER > 0, 240, 10))
    assert found.notes == ("palette made grey",)


def test_a_transparent_palette_colour_becomes_white() -> None:
    indexed = grey((CORNER > 0).astype(np.uint8))
    indexed.putpalette([10, 10, 10, 240, 240, 240])
    found = decode(encoded(indexed, transparency=0), GREY)
    assert np.array_equal(plane(found), np.where(CORNER > 0, 240, 255))
    assert found.notes == ("palette made grey", "transparent pixels became white")


def test_black_and_white_bits_become_black_and_white() -> None:
    found = decode(encoded(grey(CORNER).convert("1", dither=Image.Dither.NONE)), GREY)
    assert np.array_equal(plane(found), np.where(CORNER > 0, 255, 0))
    assert found.notes == ("black and white made grey",)


def test_the_first_frame_of_a_moving_picture_is_taken_and_noted() -> None:
    frames = [grey(CORNER), grey(255 - CORNER)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    found = decode(data, GREY)
    assert np.array_equal(plane(found), CORNER)
    assert "first of 2 frames" in found.notes


def test_another_size_is_fitted_on_black_in_the_middle_and_noted() -> None:
    wide = np.full((50, 100), 180, np.uint8)
    found = decode(encoded(grey(wide)), GREY)
    assert found.notes == ("100x50 fitted to 28x28, shrunk 3.6 times each way",)
    # Twice as wide as high: 28x14, seven black rows above and below.
    assert (plane(found)[7:21] == 180).all()
    assert not plane(found)[:7].any()
    assert not plane(found)[21:].any()


def test_a_small_picture_is_made_larger() -> None:
    found = decode(encoded(grey(np.full((7, 7), 99, np.uint8))), GREY)
    assert (plane(found) == 99).all()
    assert found.notes == ("7x7 fitted to 28x28, enlarged 4 times each way",)


# What is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "height"),
    # Over our limit; over the size from which Pillow warns; over that from which it refuses.
    [(8000, 5001), (10_000, 10_000), (60_000, 60_000)],
)
def test_an_image_bomb_is_refused_before_it_is_unpacked(width: int, height: int) -> None:
    with pytest.raises(ImageError, match="more than 40 megapixels"):
        decode(bomb(width, height), GREY)


def test_forty_megapixels_are_not_too_many() -> None:
    with pytest.raises(ImageError, match="damaged or truncated"):  # the bomb holds no such image
        decode(bomb(8000, 5000), GREY)


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
        decode(data, GREY)


def test_a_file_of_a_kind_that_is_not_named_is_not_handed_to_its_reader() -> None:
    # Pillow would ask Ghostscript to draw the one, and reads the other.
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 28 28\n%%EndComments\n"
    for data in (postscript, encoded(grey(CORNER), "TGA"), encoded(grey(CORNER), "ICNS")):
        with pytest.raises(ImageError, match=r"^not an image file that can be read$"):
            decode(data, GREY)


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (8, r"signed \(-128..127\): save it with levels 0..255$"),
        (16, r"signed \(-32768..32767\): save it with levels 0..65535$"),
    ],
)
def test_signed_levels_are_refused(bits: int, words: str) -> None:
    levels = CORNER.astype(f"uint{bits}")
    assert decode(tiff(levels, bits), GREY).image.shape == GREY.pixels
    with pytest.raises(ImageError, match=words):
        decode(tiff(levels, bits, sign=2), GREY)


# What stands where a PNG has its tags: no tag at all, a cut one, text that is no number.
BROKEN_TAGS = [
    chunk(b"eXIf", b"this is no tag at all"),
    chunk(b"eXIf", b"Exif\0\0nor is this"),
    chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03"),
    chunk(b"tEXt", b"Raw profile type exif\0\nexif\n 4\nzzzz\n"),
]


@pytest.mark.parametrize("broken", BROKEN_TAGS, ids=["none", "named", "cut", "text"])
@pytest.mark.parametrize("end", [33, -12], ids=["before", "after"])
def test_a_broken_exif_tag_turns_nothing(broken: bytes, end: int) -> None:
    data = encoded(grey(CORNER))
    found = decode(data[:end] + broken + data[end:], GREY)
    assert np.array_equal(plane(found), CORNER)
    assert found.notes == ()


def test_pixels_before_a_tag_are_still_called_damaged() -> None:
    data = PNG[: len(PNG) // 2] + BROKEN_TAGS[0] + PNG[-12:]
    with pytest.raises(ImageError, match="damaged or truncated"):
        decode(data, GREY)


def test_lab_colours_and_long_texts_are_refused_by_their_names() -> None:
    with pytest.raises(ImageError, match="its colours are LAB"):
        decode(encoded(Image.new("RGB", (9, 9)).convert("LAB"), "TIFF"), GREY)
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2_000_000)))
    with pytest.raises(ImageError, match=r"^a text or a colour profile in it unpacks to more than"):
        decode(PNG[:33] + text + PNG[33:], GREY)


@pytest.mark.parametrize("shape", [(1, 3000), (3000, 20), (57, 1)])
def test_a_picture_of_which_nothing_would_be_left_is_refused(shape: tuple[int, int]) -> None:
    height, width = shape
    words = f"^{width}x{height}: nothing of it is left at 28x28$"
    thin = np.full(shape, 99, np.uint8)
    with pytest.raises(ImageError, match=words):
        decode(encoded(grey(thin)), GREY)
    with pytest.raises(ImageError, match=words):
        from_array(thin[None], GREY)


def test_a_picture_of_which_a_line_is_left_is_read() -> None:
    assert decode(encoded(grey(np.full((55, 1), 99, np.uint8))), GREY).image.max() == 99


def test_a_picture_that_is_all_transparent_is_refused() -> None:
    nothing = Image.new("RGBA", (SIZE, SIZE), (255, 255, 255, 0))
    with pytest.raises(ImageError, match=r"^every pixel of it is transparent$"):
        decode(encoded(nothing), GREY)


# The same picture whatever the file -------------------------------------------------------------

DEEP = CORNER.astype(np.uint16) * 257
DEEP[20, :3] = [1, 128, 129]


def test_sixteen_bits_give_the_same_picture_in_every_format() -> None:
    files = {
        "PNG": encoded(grey(DEEP)),
        "TIFF": encoded(grey(DEEP), "TIFF"),
        "PGM": encoded(grey(DEEP), "PPM"),
        "written by hand": tiff(DEEP, 16),
    }
    for kind, data in files.items():
        found = decode(data, GREY)
        assert np.array_equal(plane(found), (DEEP / 257).round().astype(np.uint8)), kind
        assert "levels 0..65535 as 0..255" in found.notes[0]


@pytest.mark.parametrize(
    ("levels", "bits", "sign"),
    [(CORNER, 8, 1), (DEEP, 16, 1), (CORNER.astype(np.float32), 32, 3)],
    ids=["8", "16", "float"],
)
def test_where_white_is_zero_the_picture_is_inverted(
    levels: np.ndarray, bits: int, sign: int
) -> None:
    usual = plane(decode(tiff(levels, bits, sign=sign), GREY))
    inverted = decode(tiff(levels, bits, sign=sign, photometric=0), GREY)
    assert np.array_equal(plane(inverted), 255 - usual)
    if bits > 8:
        assert "..0 as 0..255" in inverted.notes[0]


def test_unsigned_levels_of_32_bits_do_not_wrap() -> None:
    found = decode(tiff(CORNER.astype(np.uint32) * 0x01010101, 32), GREY)
    assert np.array_equal(plane(found), np.where(CORNER > 0, 255, 0))
    assert found.notes == ("32-bit grey made grey, levels 0..3.3686e+09 as 0..255",)


def test_twelve_bits_are_scaled_by_their_own_full_range() -> None:
    row = np.tile(np.array([0xFF, 0xF8, 0x00], np.uint8), SIZE // 2)  # 4095, 2048
    data = tiff(np.tile(row, (SIZE, 1)), 12)
    data = data.replace(struct.pack("<HHII", 256, 4, 1, 42), struct.pack("<HHII", 256, 4, 1, SIZE))
    found = decode(data, GREY)
    assert plane(found)[0, :4].tolist() == [255, 128, 255, 128]
    assert found.notes == ("16-bit grey made grey, levels 0..4095 as 0..255",)


def test_a_large_picture_is_made_grey_in_bands_that_do_not_show(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    pictures = [
        Image.fromarray(rng.integers(0, 256, (90, 70, 4), dtype=np.uint8)),
        Image.fromarray(rng.integers(0, 256, (90, 70, 3), dtype=np.uint8)),
        grey(rng.integers(0, 65536, (90, 70), dtype=np.uint16)),
    ]
    whole = [decode(encoded(picture), GREY) for picture in pictures]
    monkeypatch.setattr(tones, "BAND", 1000)
    for before, picture in zip(whole, pictures, strict=True):
        after = decode(encoded(picture), GREY)
        assert np.array_equal(plane(after), plane(before))
        assert after.notes == before.notes


# Memory and time are bounded --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (bomb(8000, 5000, 6), "8000x5000 is more than 26 megapixels, the limit for RGBA in PNG"),
        (bomb(6000, 4500, 2), "6000x4500 is more than 26 megapixels, the limit for RGB in PNG"),
    ],
)
def test_a_picture_in_colours_may_have_fewer_pixels(data: bytes, words: str) -> None:
    with pytest.raises(ImageError, match=f"^{words}$"):
        decode(data, GREY)


@pytest.mark.slow
def test_a_tiff_in_one_strip_may_have_fewer_pixels() -> None:
    blank = Image.new("RGB", (5000, 3000))
    strip = encoded(blank, "TIFF", compression="tiff_adobe_deflate", strip_size=2**31 - 1)
    with pytest.raises(ImageError, match="5000x3000 is more than 14 megapixels, the limit for RGB"):
        decode(strip, GREY)
    assert (
        "5000x3000 fitted to 28x28, shrunk 179 times each way"
        in decode(encoded(blank, "TIFF", compression="tiff_adobe_deflate"), GREY).notes
    )  # in strips of 64 kB


def test_a_tiff_that_is_turned_as_it_is_read_may_have_fewer_pixels() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = encoded(
        Image.new("RGB", (4200, 4100)), "TIFF", compression="tiff_adobe_deflate", exif=exif
    )
    with pytest.raises(ImageError, match="is more than 16 megapixels, the limit for RGB in TIFF"):
        decode(lying, GREY)


def test_a_jpeg_of_several_scans_may_have_fewer_pixels() -> None:
    words = "^8000x5000 is more than 31 megapixels, the limit for RGB in a JPEG of several scans$"
    with pytest.raises(ImageError, match=words):
        decode(large_jpeg(8000, 5000, progressive=True), GREY)
    one_scan = large_jpeg(8000, 5000)
    head = b"\xff\xda\x00\x0c\x03\x01\x00\x02\x11\x03\x11"
    assert head in one_scan
    several = one_scan.replace(head, b"\xff\xda\x00\x08\x01\x01\x00")
    with pytest.raises(ImageError, match=words):
        decode(several, GREY)
    assert "8000x5000 fitted to 28x28, shrunk 286 times each way" in decode(one_scan, GREY).notes


def test_a_large_jpeg_is_decoded_at_half_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    large = Image.fromarray(np.repeat(np.kron(CORNER, np.ones((8, 4), np.uint8))[..., None], 3, 2))
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(large, "JPEG", quality=95, exif=exif)
    whole = decode(data, GREY)
    monkeypatch.setattr(bounds, "MAX_MEMORY", 60_000)
    sizes = []
    load = JpegImagePlugin.JpegImageFile.load
    monkeypatch.setattr(
        JpegImagePlugin.JpegImageFile, "load", lambda self: (sizes.append(self.size), load(self))[1]
    )
    half = decode(data, GREY)
    assert sizes[0] == (56, 112)
    assert half.notes == whole.notes
    assert "224x112 fitted to 28x28, shrunk 8 times each way" in half.notes
    assert np.abs(plane(half).astype(int) - plane(whole)).mean() < 3


# Not by getrusage, whose peak is that of the process before, too: of these tests.
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
@pytest.mark.parametrize(
    ("side", "shape", "limit"),
    [
        # 100 MB as stored, 25 as grey, and a band; in full on black it was 480.
        (5000, GREY, 180),
        (5000, COLOUR, 140),  # 100 MB as stored, next to nothing as colours, and a band
        (4000, Shape(3, 1200, 1200), 180),  # 64 MB as stored, and as much as colours
    ],
    ids=str,
)
def test_the_memory_of_a_decode_is_bounded(
    tmp_path: Path, side: int, shape: Shape, limit: int
) -> None:
    rows = zlib.compressobj(1)
    row = b"\0" + bytes([200, 10, 10, 128]) * side
    pixels = b"".join(rows.compress(row * 50) for _ in range(side // 50)) + rows.flush()
    file = tmp_path / "large.png"
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0))
    turn = chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0")
    start = b"\x89PNG\r\n\x1a\n" + head + turn
    file.write_bytes(start + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from core.data.decode import decode_file\n"
        "from core.shape import Shape\n"
        "status = Path('/proc/self/status')\n"
        "peak = lambda: int(status.read_text().split('VmHWM:')[1].split()[0])\n"
        "before = peak()\n"
        "found = decode_file(Path(sys.argv[1]), Shape(*map(int, sys.argv[2:])))\n"
        "assert found.notes[0] == 'turned upright by its EXIF tag'\n"
        "print(peak() - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, file, *map(str, shape)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < limit * 1024


def test_two_files_are_decoded_at_a_time() -> None:
    thread = threading.Thread(target=decode, args=(PNG, GREY))
    with decoding._TURNS, decoding._TURNS:
        thread.start()
        thread.join(0.05)
        assert thread.is_alive()
    thread.join()


def test_pages_are_counted_in_small_files_and_else_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "first of 3 frames" in decode(pages(3), GREY).notes
    assert decode(pages(1), GREY).notes == ("4x4 fitted to 28x28, enlarged 7 times each way",)
    monkeypatch.setattr(
        TiffImagePlugin.TiffImageFile, "n_frames", property(lambda self: pytest.fail("counted"))
    )
    assert "first of several frames" in decode(pages(2000), GREY).notes


def test_missing_memory_is_called_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_memory(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "convert", no_memory)
    with pytest.raises(ImageError, match=r"^too large: there is not enough memory to read it$"):
        decode(encoded(Image.new("RGB", (9, 9))), GREY)


def test_a_file_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    huge = tmp_path / "huge.png"
    with huge.open("wb") as file:
        file.write(PNG)
        file.truncate(8 * 2**30)  # holds nothing: no disk is used
    with pytest.raises(ImageError, match=r"^too large: 8,192 MB, and an image file may have 256$"):
        decoding.decode_file(huge, GREY)


def test_warnings_are_the_same_for_other_threads_while_a_file_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(warnings, "catch_warnings", lambda **_: pytest.fail("for all threads"))
    assert (decode(PNG, GREY).image >= 0).all()


@pytest.mark.filterwarnings("ignore")
def test_no_warning_of_pillows_reaches_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(bomb(10_000, 10_000))  # Pillow warns, and would go on
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from core.data.images import read_items\n"
        "from core.shape import Shape\n"
        "found = read_items([Path(sys.argv[1])], Shape(1, 28, 28))\n"
        "print([item.error for item in found])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.strip() == "['10000x10000 is more than 40 megapixels']"
