"""Whatever a visitor uploads has a picture or one clear line, in memory that is bounded."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from handmade import CORNER, GREY, SIZE, bomb, encoded, grey, large_jpeg, pages, plane, tiff
from PIL import Image

import core
from core.data.images import Item
from core.data.unpacking import Allowance
from core.data.uploads import uploaded_items

ROOT = Path(core.__file__).parent.parent
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
SIXTEEN = Image.fromarray(CORNER.astype(np.uint16) * 257)
COLOURS = Image.merge(
    "CMYK", [grey(255 - CORNER) for _ in range(3)] + [grey(np.zeros_like(CORNER))]
)


def exif_turned() -> bytes:
    """A JPEG that lies on its side, and says so."""
    tags = Image.Exif()
    tags[274] = 6
    return encoded(grey(CORNER).transpose(Image.Transpose.ROTATE_90), "PNG", exif=tags)


def animated() -> bytes:
    stream = io.BytesIO()
    grey(CORNER).save(stream, "GIF", save_all=True, append_images=[grey(255 - CORNER)])
    return stream.getvalue()


def only(name: str, data: bytes) -> Item:
    (item,) = uploaded_items([(name, data)], GREY)
    assert item.id == name
    assert "\n" not in item.error
    return item


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("bomb.png", bomb(50_000, 50_000), "more than 40 megapixels"),
        ("bomb.jpg", large_jpeg(60_000, 60_000), "megapixels"),
        ("cut.png", encoded(grey(CORNER))[:60], "damaged or truncated"),
        ("cut.jpg", encoded(grey(CORNER), "JPEG")[:200], "damaged or truncated"),
        ("x.svg", SVG, "not an image file that can be read"),
        ("x.png", SVG, "not an image file that can be read"),
        ("empty.png", b"", "the file is empty"),
        ("empty.npy", b"", "the file is empty"),
        ("text.npy", b"hello", "it does not begin as an array does"),
        ("x.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image file"),
        ("signed.tif", tiff(CORNER.astype(np.int16), 16, sign=2), "its levels are signed"),
        ("line.png", encoded(Image.new("L", (5000, 1))), "nothing of it is left"),
        ("", b"x", "not an image file that can be read"),
        ("a" * 5000, b"x", "not an image file that can be read"),
    ],
)
def test_what_cannot_be_read_has_one_clear_line(name: str, data: bytes, words: str) -> None:
    item = only(name, data)
    assert item.picture is None
    assert words in item.error


@pytest.mark.parametrize(
    ("name", "data", "note"),
    [
        ("cmyk.jpg", encoded(COLOURS, "JPEG", quality=100), "CMYK made grey"),
        ("deep.png", encoded(SIXTEEN), "16-bit grey made grey, levels 0..65535 as 0..255"),
        ("moves.gif", animated(), "first of 2 frames"),
        ("turned.png", exif_turned(), "turned upright by its EXIF tag"),
        ("pages.tif", pages(3), "first of 3 frames"),
        ("wrong.png", encoded(grey(CORNER), "BMP"), None),
        ("<b>x</b>.png", encoded(grey(CORNER)), None),
    ],
)
def test_what_can_be_read_is_the_picture_that_it_is(
    name: str, data: bytes, note: str | None
) -> None:
    picture = only(name, data).picture
    assert picture is not None
    assert note is None or note in picture.notes
    if not name.startswith("pages"):
        off = np.abs(plane(picture).astype(int) - CORNER)
        assert off.max() <= (16 if name.endswith(".jpg") else 0)


def test_files_that_fail_stop_nothing_and_all_keep_their_order() -> None:
    good = encoded(grey(CORNER))
    files = [("a.png", good), ("b.png", SVG), ("a.png", good), ("b.png", b""), ("c.png", good)]
    items = list(uploaded_items(files, GREY))
    assert [item.id for item in items] == ["a.png", "b.png", "a.png (2)", "b.png", "c.png"]
    assert [item.picture is None for item in items] == [False, True, False, True, False]


def flat(side: int) -> bytes:
    """A PNG of a square of one tone, which packs well and takes long to decode."""
    return encoded(Image.new("L", (side, side), 99))


@pytest.mark.parametrize("many", ["zip", "files"])
def test_images_have_so_many_pixels_in_all_and_one_line_says_so(
    many: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.data.uploads.Allowance", lambda: Allowance(pixels=30_000))
    files = [(f"{i}.png", flat(100)) for i in range(9)]
    if many == "zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, data in files:
                archive.writestr(name, data)
        files = [("x.zip", packed.getvalue())]
    items = list(uploaded_items([*files, ("after.png", flat(100))], GREY))
    assert [item.picture is None for item in items] == [False, False, False, True]
    name, place = {"zip": ("x.zip", "3.png: "), "files": ("3.png", "")}[many]
    why = "images may have 1,000 megapixels in all: left out, with all after it"
    assert (items[-1].id, items[-1].error) == (name, place + why)


def test_an_array_that_is_no_archive_is_read_after_archives_have_unpacked_to_their_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.data.uploads.Allowance", lambda: Allowance(unpacked=10))
    array, packed = io.BytesIO(), io.BytesIO()
    np.save(array, CORNER[None])
    np.savez(packed, CORNER[None])
    files = [(f"{i}.npz", packed.getvalue()) for i in range(2)] + [("x.npy", array.getvalue())]
    first, last = uploaded_items(files, GREY)
    assert first.error.endswith("in all: the rest is left out, with what further archives hold")
    assert (first.id, last.id) == ("0.npz", "x.npy#0")


def test_a_name_that_is_like_a_numbered_one_is_another() -> None:
    good = encoded(grey(CORNER))
    names = ["a.png", "a.png", "a.png (2)", "a.png"]
    ids = [item.id for item in uploaded_items([(name, good) for name in names], GREY)]
    assert len(set(ids)) == 4


MEASURED = """
import io, resource, sys, zipfile
import numpy as np
from PIL import Image
sys.path.insert(0, sys.argv[1])
from handmade import GREY, bomb
from core.data.uploads import uploaded_items

stream = io.BytesIO()
Image.new("RGBA", (5000, 5000), (9, 9, 9, 99)).save(stream, "PNG")
large = stream.getvalue()
packed = io.BytesIO()
with zipfile.ZipFile(packed, "w") as archive:
    for i in range(4):
        archive.writestr(f"{i}.png", large)
        archive.writestr(f"b{i}.png", bomb(40_000, 40_000))
list(uploaded_items([("small.png", bomb(9, 9))], GREY))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
items = list(uploaded_items([("x.zip", packed.getvalue()), ("y.png", large)], GREY))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
read = sum(item.picture is not None for item in items)
sys.stdout.write(f"{len(items)} {read} {(after - before) / 1024}")
"""


@pytest.mark.slow
def test_large_pictures_and_bombs_take_the_memory_of_one() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(ROOT / "tests")],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    items, read, more = done.stdout.split()
    assert (items, read) == ("9", "5")
    assert float(more) < 200  # MB: a picture of 25 megapixels is not kept, in colours or in grey


def test_sizes_of_arrays_are_bounded_by_the_shape_alone() -> None:
    stream = io.BytesIO()
    np.save(stream, np.zeros((3, SIZE, SIZE), np.uint8))
    items = list(uploaded_items([("x.npy", stream.getvalue())], GREY))
    assert [item.id for item in items] == ["x.npy#0", "x.npy#1", "x.npy#2"]
