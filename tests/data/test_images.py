"""Every image of files and folders is found and named; what is not read says why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from handmade import CORNER, SIZE, encoded, grey

from core.data.images import pad, read_items


def test_padding_adds_zeros_on_every_side() -> None:
    found = pad(CORNER[None], 2)
    assert found.shape == (1, 32, 32)
    assert np.array_equal(found[0, 2:30, 2:30], CORNER)
    assert found.sum() == CORNER.sum()


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


def test_a_file_given_after_a_damaged_one_is_still_read(tmp_path: Path) -> None:
    thin = np.full((2, 1, 3000), 9, np.uint8)
    np.save(tmp_path / "a.npy", thin)
    (tmp_path / "b.png").write_bytes(encoded(grey(CORNER)))
    assert [item.id for item in read_items([tmp_path], SIZE)][-1] == "b.png"
