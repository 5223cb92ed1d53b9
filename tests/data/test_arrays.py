"""Arrays become pictures, or say why not before anything of them is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from handmade import CORNER, SIZE

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


# Files ---


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
