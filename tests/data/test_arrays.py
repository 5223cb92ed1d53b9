"""Arrays become pictures, or say why not before anything of them is read."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from handmade import CORNER, GREY, SIZE, encoded, grey, plane

from core.data.images import ImageError, from_array, read_items


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
        from_array(array, GREY)


def test_arrays_of_grey_and_of_colour_are_read() -> None:
    greys = np.stack([CORNER, 255 - CORNER])
    assert np.array_equal(np.stack([plane(p) for p in from_array(greys, GREY)]), greys)
    assert np.array_equal(plane(from_array(greys[0], GREY)[0]), CORNER)
    assert np.array_equal(plane(from_array(greys[..., None], GREY)[1]), 255 - CORNER)
    colours = np.repeat(greys[..., None], 3, axis=3)
    found = from_array(colours, GREY)
    assert np.array_equal(plane(found[1]), 255 - CORNER)
    assert found[1].notes == ("RGB made grey",)


# Files ------------------------------------------------------------------------------------------


def test_images_of_an_array_are_numbered(tmp_path: Path) -> None:
    stack = np.stack([np.full((SIZE, SIZE), i, np.uint8) for i in range(19)])
    np.save(tmp_path / "file.npy", stack)
    np.savez(tmp_path / "one.npz", stack[:2])
    np.savez(tmp_path / "two.npz", first=stack[:1], second=stack[5:7])
    items = {item.id: item for item in read_items([tmp_path], GREY)}
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
    items = list(read_items([tmp_path / "mixed.npz"], GREY))
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
    (item,) = read_items([path], GREY)
    assert item.picture is None
    assert "not a readable numpy file" in item.error


# What a head says is looked at first -------------------------------------------------------------

GOOD = np.stack([CORNER, 255 - CORNER])


def head_of(shape: tuple[int, ...], kind: str = "|u1") -> bytes:
    """The head of a .npy file of this shape, which holds nothing."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape!r}, }}"
    text = text.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "."), data)
    return path


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def test_what_is_no_array_in_an_npz_is_named_and_the_arrays_are_read(tmp_path: Path) -> None:
    objects = np.array([{"code": "to run"}], dtype=object)
    path = zipped(
        tmp_path / "x.npz",
        readme_txt=b"hello",
        images_npy=npy(GOOD),
        meta_npy=npy(objects),
        more_npy=npy(GOOD[:1]),
    )
    (tmp_path / "y.png").write_bytes(encoded(grey(CORNER)))
    items = list(read_items([path, tmp_path / "y.png"], GREY))
    assert [(item.id, item.error) for item in items] == [
        ("x.npz/readme.txt", "not a readable numpy file: it does not begin as an array does"),
        ("x.npz/images#0", ""),
        ("x.npz/images#1", ""),
        ("x.npz/meta", "not a readable numpy file: it holds Python objects, not pixels"),
        ("x.npz/more#0", ""),
        ("y.png", ""),
    ]
    assert np.array_equal(plane(items[2].picture), GOOD[1])


def test_an_npz_without_an_array_says_so(tmp_path: Path) -> None:
    (item,) = read_items([zipped(tmp_path / "x.npz", readme_txt=b"hello")], GREY)
    assert (item.id, item.picture) == ("x.npz", None)
    assert item.error == "not a readable numpy file: it does not begin as an array does"
    (item,) = read_items([zipped(tmp_path / "none.npz")], GREY)
    assert item.error == "the file holds no arrays"


def test_a_member_whose_checksum_is_wrong_is_not_read_in_part(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.npz", a_npy=npy(GOOD), b_npy=npy(GOOD[:1]))
    data = bytearray(path.read_bytes())
    data[300] ^= 255  # a pixel of the first
    path.write_bytes(data)
    first, second = read_items([path], GREY)
    assert (first.id, first.error[:27]) == ("x.npz/a", "not a readable numpy file: ")
    assert (second.id, second.error) == ("x.npz/b#0", "")


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
@pytest.mark.parametrize(
    ("head", "words"),
    [
        (head_of((1, 7000, 7000)), "7000x7000 is more than 40 megapixels"),
        (
            head_of((1, 5200, 5200, 3)),
            "5200x5200 is more than 26 megapixels, the limit for 3 channels in an array",
        ),
        (head_of((2**40, 2**40, 2)), "2x1099511627776 is more than 40 megapixels"),
        (
            head_of((4_000_000, 28, 28)),
            "the array of shape (4000000, 28, 28) is too large: 2,991 MB, and an array may have "
            "1024 in 1,500,000 pictures",
        ),
        (
            head_of((4_000_000, 1, 1)),
            "the array of shape (4000000, 1, 1) is too large: 4 MB, and an array may have 1024 "
            "in 1,500,000 pictures",
        ),
        (head_of((-1, 28, 28)), "the array holds no pixels, its shape is (-1, 28, 28)"),
        (head_of((9, 28, 28), "<f8"), "the array must be uint8 in 0..255, got float64"),
        (head_of((2, 28, 28)), "not a readable numpy file: it is cut short, 0 bytes of 1568"),
        (head_of((2, 28, 28))[:-9], "not a readable numpy file: its head is damaged"),
        (
            head_of((2, 28, 28)).replace(b"}", b" "),
            "not a readable numpy file: its head is damaged",
        ),
    ],
)
def test_the_head_of_an_array_is_enough_to_refuse_it(
    tmp_path: Path, name: str, head: bytes, words: str
) -> None:
    path = tmp_path / name
    if name == "a.npz":
        zipped(path, images_npy=head)
    else:
        path.write_bytes(head)
    (item,) = read_items([path], GREY)
    assert (item.id, item.error) == (name, words)


@pytest.mark.parametrize("data", [b"not numpy", encoded(grey(CORNER))], ids=["text", "png"])
def test_another_file_of_an_arrays_name_gets_no_advice_to_trust_it(
    tmp_path: Path, data: bytes
) -> None:
    (tmp_path / "a.npy").write_bytes(data)
    (item,) = read_items([tmp_path / "a.npy"], GREY)
    assert item.error == "not a readable numpy file: it does not begin as an array does"


def test_arrays_in_the_order_of_fortran_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.asfortranarray(GOOD))
    found = [plane(item.picture) for item in read_items([tmp_path / "a.npy"], GREY)]
    assert np.array_equal(np.stack(found), GOOD)


def test_one_picture_of_an_array_that_is_all_transparent_stops_no_other(tmp_path: Path) -> None:
    rgba = np.full((3, SIZE, SIZE, 4), 255, np.uint8)
    rgba[1, ..., 3] = 0
    np.save(tmp_path / "a.npy", rgba)
    items = list(read_items([tmp_path / "a.npy"], GREY))
    assert [(item.id, item.error) for item in items] == [
        ("a.npy#0", ""),
        ("a.npy#1", "every pixel of it is transparent"),
        ("a.npy#2", ""),
    ]


def test_missing_memory_for_an_array_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_: object) -> None:
        raise MemoryError

    np.save(tmp_path / "a.npy", GOOD)
    np.savez(tmp_path / "b.npz", one=GOOD, two=GOOD)
    (tmp_path / "c.png").write_bytes(encoded(grey(CORNER)))
    monkeypatch.setattr(np, "empty", no_memory)
    items = list(read_items([tmp_path], GREY))
    assert [item.id for item in items] == ["a.npy", "b.npz/one", "b.npz/two", "c.png"]
    assert {item.error for item in items[:3]} == {
        "too large: there is not enough memory to read it"
    }
    assert items[3].picture is not None


# Flat rows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 784), (70_000, 784), (1, 784), (4, 1024)])
def test_flat_rows_are_refused_with_the_reshape_that_makes_them_right(
    shape: tuple[int, int],
) -> None:
    rows, length = shape
    side = {784: 28, 1024: 32}[length]
    words = (
        f"the array of shape {shape} looks like flat rows: make it ({rows}, {side}, {side}), or "
        f"(1, {rows}, {length}) if it is one picture"
    )
    with pytest.raises(ImageError, match=f"^{re.escape(words)}$"):
        from_array(np.ones(shape, np.uint8), GREY)


@pytest.mark.parametrize("shape", [(784, 784), (50, 64), (600, 1024), (1, 300, 784)])
def test_pictures_that_are_no_flat_rows_are_read(shape: tuple[int, ...]) -> None:
    assert from_array(np.full(shape, 9, np.uint8), GREY)[0].image.max() == 9
