"""Every image of files and folders is found and named; what is not read says why."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from handmade import CORNER, GREY, encoded, grey, plane

from core.data.images import read_items

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
    items = list(read_items([folder], GREY))
    assert [item.id for item in items] == [
        "a.png", "b/2.PNG", "b/deep/1.png", "c.png", "d.png", "e.png",
    ]  # fmt: skip
    bad = {item.id: item.error for item in items if item.picture is None}
    assert list(bad) == ["c.png", "d.png"]
    assert bad["c.png"] == "not an image file that can be read"
    assert bad["d.png"] == "the file is empty"
    assert all(np.array_equal(plane(i.picture), CORNER) for i in items if i.picture is not None)


def test_files_are_named_by_themselves_and_missing_ones_are_said(folder: Path) -> None:
    items = list(read_items([folder / "b" / "2.PNG", folder / "gone.png"], GREY))
    assert [item.id for item in items] == ["2.PNG", "gone.png"]
    assert items[0].picture is not None
    assert items[1].error == "there is no such file"


def test_an_empty_folder_says_that_it_is_empty(tmp_path: Path) -> None:
    (item,) = read_items([tmp_path], GREY)
    assert item.picture is None
    assert item.error == "the folder holds no image files"


def test_a_file_given_after_a_damaged_one_is_still_read(tmp_path: Path) -> None:
    thin = np.full((2, 1, 3000), 9, np.uint8)
    np.save(tmp_path / "a.npy", thin)
    (tmp_path / "b.png").write_bytes(encoded(grey(CORNER)))
    assert [item.id for item in read_items([tmp_path], GREY)][-1] == "b.png"


# Names ------------------------------------------------------------------------------------------


def test_ids_that_are_not_unique_get_the_argument_in_front(tmp_path: Path) -> None:
    for name in ("a/x.png", "a/y.png", "b/x.png", "b/deep/z.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(encoded(grey(CORNER)))
    np.save(tmp_path / "a" / "n.npy", CORNER)
    np.save(tmp_path / "b" / "n.npy", CORNER)
    a, b = tmp_path / "a", tmp_path / "b"
    assert [item.id for item in read_items([a, b], GREY)] == [
        f"{a}/n.npy#0", f"{a}/x.png", "y.png", "deep/z.png", f"{b}/n.npy#0", f"{b}/x.png",
    ]  # fmt: skip
    assert [item.id for item in read_items([a / "x.png", b / "x.png"], GREY)] == [
        f"{a}/x.png", f"{b}/x.png",
    ]  # fmt: skip


def test_a_file_that_is_given_twice_has_two_ids(tmp_path: Path) -> None:
    file = tmp_path / "x.png"
    file.write_bytes(encoded(grey(CORNER)))
    ids = [item.id for item in read_items([file, tmp_path, file], GREY)]
    assert ids == [f"{file}", f"{file} (2)", f"{file} (3)"]


def test_a_name_that_is_like_a_numbered_one_keeps_its_own_id(tmp_path: Path) -> None:
    files = [tmp_path / "x.png", tmp_path / "x.png (2)"]
    for file in files:
        file.write_bytes(encoded(grey(CORNER)))
    ids = [item.id for item in read_items([files[0], *files, files[1]], GREY)]
    assert len(set(ids)) == 4


def test_an_empty_argument_is_not_this_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (item,) = read_items([""], GREY)
    assert (item.id, item.picture, item.error) == ("''", None, "there is no such file")


# What a folder holds ----------------------------------------------------------------------------


def test_linked_folders_are_followed_and_each_real_one_is_read_once(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for name in (inside / "real", outside / "deep"):
        name.mkdir(parents=True)
    for name in (inside / "real" / "a.png", outside / "b.png", outside / "deep" / "c.png"):
        name.write_bytes(encoded(grey(CORNER)))
    (inside / "again").symlink_to(inside / "real")  # sorts before the real one
    (inside / "linked").symlink_to(outside)
    (outside / "deep" / "round").symlink_to(inside)
    (inside / "d.png").symlink_to(outside / "b.png")  # a linked file is a file
    items = list(read_items([inside], GREY))
    assert [(item.id, item.error) for item in items] == [
        ("d.png", ""), ("linked/b.png", ""), ("linked/deep/c.png", ""), ("real/a.png", ""),
    ]  # fmt: skip


def test_links_that_lead_nowhere_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "gone")
    (tmp_path / "b.png").write_bytes(encoded(grey(CORNER)))
    items = list(read_items([tmp_path], GREY))
    assert [(item.id, item.error) for item in items] == [
        ("a.png", "a link to nowhere"), ("b.png", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("JPEG", ["a.jpg", "a.jpeg", "a.jpe", "a.jfif", "a.JPG"]),
        ("TIFF", ["a.tif", "a.tiff"]),
        ("PPM", ["a.pgm", "a.ppm", "a.pnm", "a.pbm"]),
        ("PNG", ["a.png", "a.apng"]),
    ],
)
def test_every_ending_of_a_format_is_found_in_a_folder(
    tmp_path: Path, kind: str, names: list[str]
) -> None:
    for name in names:
        (tmp_path / name).write_bytes(encoded(grey(CORNER), kind))
    items = list(read_items([tmp_path], GREY))
    assert sorted(item.id for item in items if item.picture is not None) == sorted(names)


def test_files_of_other_kinds_are_counted_in_one_line_and_fail_nothing(folder: Path) -> None:
    for name in ("b/x.heic", "b/deep/y.HEIC", "README"):
        (folder / name).write_bytes(b"?")
    said: list[str] = []
    items = list(read_items([folder, folder / "a.png"], GREY, say=said.append))
    assert said == [f"{folder}: 4 files of other kinds left out: .heic, .txt, no ending"]
    assert [item.id for item in items if item.picture is None] == ["c.png", "d.png"]
    said.clear()
    list(read_items([folder / "b" / "deep"], GREY, say=said.append))
    assert said == [f"{folder / 'b' / 'deep'}: 1 file of another kind left out: .heic"]


def test_a_folder_of_other_kinds_alone_says_which(tmp_path: Path) -> None:
    for i in range(12):
        (tmp_path / f"a.{i:02}").write_bytes(b"?")
    said: list[str] = []
    (item,) = read_items([tmp_path], GREY, say=said.append)
    assert item.error == (
        "the folder holds no image files; 12 files of other kinds left out: "
        ".00, .01, .02, .03, .04, .05, .06, .07, …"
    )
    assert said == []


def test_hidden_files_are_left_out_without_a_word(tmp_path: Path) -> None:
    hidden = tmp_path / ".hidden"
    hidden.mkdir()
    for name in (tmp_path / "a.png", tmp_path / "._a.png", hidden / "b.png"):
        name.write_bytes(encoded(grey(CORNER)))
    (tmp_path / ".DS_Store").write_bytes(b"?")
    said: list[str] = []
    assert [item.id for item in read_items([tmp_path], GREY, say=said.append)] == ["a.png"]
    assert said == []
    assert [item.id for item in read_items([hidden], GREY)] == ["b.png"]  # named, it is read


@pytest.mark.parametrize("name", ["pipe", "pipe.png", "pipe.npy"])
def test_a_pipe_is_refused_unread(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)  # to open it would wait for a writer
    (item,) = read_items([tmp_path / name], GREY)
    assert item.error == "a pipe or a device, not a file"


def test_a_file_that_may_not_be_read_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    (item,) = read_items([folder / "a.png"], GREY)
    assert item.error == "Permission denied"
    monkeypatch.setattr(os, "scandir", refuse)
    (item,) = read_items([folder], GREY)
    assert item.error == "the folder cannot be read: Permission denied"
