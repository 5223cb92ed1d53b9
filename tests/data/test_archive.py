"""A zip is read in memory, within bounds that nothing in it can move; what fails has one line."""

from __future__ import annotations

import io
import stat
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from handmade import CORNER, GREY, bomb, encoded, grey, plane

from core.data import unpacking
from core.data.images import Item, read_items
from core.data.uploads import MAX_IMAGES, MAX_UNPACKED, uploaded_items

GOOD = encoded(grey(CORNER))
MB = 2**20


def zipped(*members: tuple[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of members, (name, bytes) each."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", how) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return stream.getvalue()


def brought(*files: tuple[str, bytes]) -> list[Item]:
    return list(uploaded_items(files, GREY))


def said(items: Sequence[Item]) -> list[tuple[str, str]]:
    """What could not be read, and why."""
    return [(item.id, item.error) for item in items if item.picture is None]


def read(items: Sequence[Item]) -> list[str]:
    return [item.id for item in items if item.picture is not None]


# What is read -----------------------------------------------------------------------------------


def test_a_zip_holds_images_and_arrays_each_with_its_place() -> None:
    stream = io.BytesIO()
    np.save(stream, np.stack([CORNER, 255 - CORNER]))
    data = zipped(("b/2.PNG", GOOD), ("a.png", GOOD), ("b/", b""), ("c.npy", stream.getvalue()))
    items = brought(("x.zip", data), ("y.png", GOOD))
    assert said(items) == []
    assert read(items) == [
        "x.zip/a.png",
        "x.zip/b/2.PNG",
        "x.zip/c.npy#0",
        "x.zip/c.npy#1",
        "y.png",
    ]
    levels = [plane(item.picture) for item in items if item.picture]
    assert np.array_equal(levels[0], CORNER)
    assert np.array_equal(levels[3], 255 - CORNER)


def test_array_files_are_read_from_memory_as_from_disk(tmp_path: Path) -> None:
    np.savez(tmp_path / "two.npz", first=CORNER[None], second=np.stack([CORNER, 255 - CORNER]))
    np.save(tmp_path / "one.npy", CORNER[None])
    paths = [tmp_path / "two.npz", tmp_path / "one.npy"]
    items = brought(*((path.name, path.read_bytes()) for path in paths))
    assert read(items) == ["two.npz/first#0", "two.npz/second#0", "two.npz/second#1", "one.npy#0"]
    assert read(items) == read(list(read_items(paths, GREY)))


def test_what_fails_stops_nothing_and_hidden_files_are_left_out_without_a_word() -> None:
    data = zipped(
        ("a.png", b"no image"), ("b.png", b""), (".DS_Store", b"x"), ("__MACOSX/a.png", b"x"),
        ("notes.txt", b"x"), ("more/.hidden/c.png", GOOD), ("z.png", GOOD),
    )  # fmt: skip
    items = brought(("x.zip", data))
    assert read(items) == ["x.zip/z.png"]
    assert said(items) == [
        ("x.zip/a.png", "not an image file that can be read"),
        ("x.zip/b.png", "the file is empty"),
        ("x.zip", "1 file of another kind left out: .txt"),
    ]


def test_equal_names_are_kept_apart() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = zipped(("a.png", GOOD), ("a.png", encoded(grey(255 - CORNER))))
    items = brought(("x.zip", data), ("x.zip", data), ("y.png", GOOD), ("y.png", GOOD))
    assert read(items) == [
        "x.zip/a.png", "x.zip/a.png (2)", "x.zip/a.png (3)", "x.zip/a.png (2) (2)",
        "y.png", "y.png (2)",
    ]  # fmt: skip
    assert np.array_equal(plane(items[1].picture), 255 - CORNER)  # type: ignore[arg-type]


def test_names_are_labels_alone_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["../../up.png", "/abs.png", "C:\\d.png", "<img src=x onerror=1>.png", "e\x1b[31m.png"]
    items = brought(("x.zip", zipped(*((name, GOOD) for name in names))))
    assert sorted(read(items)) == sorted(f"x.zip/{name}" for name in names)
    assert list(tmp_path.iterdir()) == []


def test_a_name_of_utf8_that_is_not_said_to_be_is_read_as_that() -> None:
    data = zipped(("aeae.png", GOOD)).replace(b"aeae", "éé".encode())
    assert read(brought(("x.zip", data))) == ["x.zip/éé.png"]
    data = zipped(("aeae.png", GOOD)).replace(b"aeae", b"a\xe9\xffe")
    (name,) = read(brought(("x.zip", data)))
    assert name.encode("utf-8")  # letters of the first PCs, and no byte that is none


def test_a_zip64_is_read() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive, archive.open("a.png", "w", force_zip64=True) as f:
        f.write(GOOD)
    assert read(brought(("x.zip", stream.getvalue()))) == ["x.zip/a.png"]


# What is refused --------------------------------------------------------------------------------


def flagged(data: bytes, bits: int) -> bytes:
    """A zip of one member whose heads both say these flags."""
    local, central = data.index(b"PK\3\4"), data.index(b"PK\1\2")
    changed = bytearray(data)
    struct.pack_into("<H", changed, local + 6, bits)
    struct.pack_into("<H", changed, central + 8, bits)
    return bytes(changed)


def special(kind: int) -> bytes:
    """A zip with an entry of a kind that Unix knows."""
    entry = zipfile.ZipInfo("a.png")
    entry.create_system, entry.external_attr = 3, (kind | 0o777) << 16
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(entry, b"/etc/passwd")
    return stream.getvalue()


def spoilt(data: bytes) -> bytes:
    """A stored member with another byte than its checksum is of."""
    at = data.index(GOOD) + len(GOOD) // 2
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


STORED = zipped(("a.png", GOOD), how=zipfile.ZIP_STORED)
CUT = STORED[:-22] + STORED[-22:].replace(b"\x33", b"\x30")  # its directory, by 3 bytes


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (flagged(STORED, 1), "x.zip/a.png", "encrypted, which is not read"),
        (special(stat.S_IFLNK), "x.zip/a.png", "a link, which is not followed"),
        (special(stat.S_IFIFO), "x.zip/a.png", "a pipe or a device, not a file"),
        (zipped(("a.zip", STORED)), "x.zip/a.zip", "an archive in an archive"),
        (zipped(("a.npz", STORED)), "x.zip/a.npz", "an archive in an archive"),
        (zipped(("a.png", STORED)), "x.zip/a.png", "not an image file that can be read"),
        (zipped(("a.png", GOOD), how=zipfile.ZIP_LZMA), "x.zip/a.png", "packed by a rare method"),
        (zipped(("a.png", GOOD), how=zipfile.ZIP_BZIP2), "x.zip/a.png", "packed by a rare method"),
        (spoilt(STORED), "x.zip/a.png", "damaged in the archive: its checksum is another"),
        (zipped(("a.png", bomb(50_000, 50_000))), "x.zip/a.png", "more than"),
        (zipped(("a.bmp", bytes(20 * MB))), "x.zip/a.bmp", "more than 100 times its size"),
        (STORED[:-30], "x.zip", "the directory that ends it is missing"),
        (STORED[:40] + STORED[60:], "x.zip/a.png", "damaged in the archive: "),
        (CUT, "x.zip", "not a zip that can be read"),
        (GOOD + STORED, "x.zip", "not a zip: it does not begin as one does"),
        (b"", "x.zip", "the file is empty"),
        (b"PK", "x.zip", "the directory that ends it is missing"),
        (zipped(), "x.zip", "the archive holds no image files"),
        (zipped(("a.txt", b"")), "x.zip", "no image files; 1 file of another kind left out: .txt"),
        (flagged(zipped(("a\xe9.png", GOOD)).replace("é".encode(), b"\xe9\xff"), 0x800), "x.zip",
         "a name in it is not what it says"),
    ],
)  # fmt: skip
def test_what_is_refused_has_one_line_and_stops_nothing(data: bytes, name: str, words: str) -> None:
    items = brought(("x.zip", data), ("after.png", GOOD))
    assert read(items) == ["after.png"]
    ((where, why),) = said(items)
    assert where == name
    assert words in why
    assert "\n" not in why


def test_a_picture_with_an_archive_behind_it_is_one_picture() -> None:
    assert read(brought(("x.png", GOOD + STORED))) == ["x.png"]


@pytest.mark.parametrize("name", ["x.png", "x.jpg"])
def test_an_archive_by_another_name_is_no_picture(name: str) -> None:
    assert said(brought((name, STORED))) == [(name, "not an image file that can be read")]


def test_a_head_that_lies_about_its_size_moves_no_bound() -> None:
    small = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = small.compress(bytes(20 * MB)) + small.flush()
    data = bytearray(zipped(("a.bmp", bytes(20 * MB))))
    for head, at in ((b"PK\3\4", 18), (b"PK\1\2", 20)):  # packed size, unpacked size
        struct.pack_into("<II", data, data.index(head) + at, len(packed) * 500, 100)
    ((_, why),) = said(brought(("x.zip", bytes(data))))
    assert "checksum" in why or "damaged" in why  # a hundred bytes were read of it


# Bounds -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_of_ten_thousand_images_the_first_are_read_and_the_rest_is_one_line() -> None:
    data = zipped(*((f"{i:05}.png", GOOD) for i in range(10_000)), how=zipfile.ZIP_STORED)
    items = brought(("x.zip", data), ("after.png", GOOD))
    assert len(read(items)) == MAX_IMAGES
    assert said(items) == [
        ("x.zip/02000.png", "left out, with all after it: 2,000 images are read at a time")
    ]


def test_ten_thousand_files_that_are_no_images_end_as_soon() -> None:
    items = brought(*((f"{i}.png", b"x") for i in range(10_000)))
    assert len(items) == MAX_IMAGES + 1
    assert items[-1].error.startswith("left out, with all after it")


def test_an_archive_that_lists_too_much_is_refused_before_it_is_listed() -> None:
    data = zipped(*((f"{i}.png", b"") for i in range(20_001)), how=zipfile.ZIP_STORED)
    tracemalloc.start()
    ((where, why),) = said(brought(("x.zip", data)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (where, why) == ("x.zip", "lists 20,001 files, and an archive may list 20,000")
    assert peak < 8 * MB


def test_archives_in_an_archive_list_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.data.uploads.Allowance", lambda: unpacking.Allowance(entries=5))
    inner = zipped(*((f"{i}.png", b"") for i in range(6)))
    data = zipped(("in.zip", inner), ("z.png", GOOD), how=zipfile.ZIP_STORED)
    items = brought(("x.zip", data))
    assert read(items) == ["x.zip/z.png"]
    assert "an archive in an archive" in said(items)[0][1]
    for end in (data + b"more", data[:-2] + b"\4\0more"):  # an end that is not plain: all count
        assert said(brought(("x.zip", end)))[0][1].startswith("lists 8 files, ")


def test_a_directory_that_is_said_to_be_short_lists_no_more_than_it_may() -> None:
    data = bytearray(zipped(*((f"{i}.png", b"") for i in range(20_001)), how=zipfile.ZIP_STORED))
    struct.pack_into("<I", data, len(data) - 10, 100)  # its size
    items = brought(("x.zip", bytes(data)))
    assert read(items) == []
    assert len(items) < 10


def test_long_names_and_endings_are_shortened() -> None:
    data = zipped(
        ("a" * 60_000 + ".png", GOOD), ("b" * 60_000 + ".png", b"x"), ("c." + "d" * 60_000, b"x"),
        ("a" * 60_000 + "a.png", GOOD),
    )  # fmt: skip
    items = brought(("x.zip", data))
    assert [len(name) for name in read(items)] == [206, 210]  # the second is numbered
    assert all(name.endswith((".png", ".png (2)")) for name in read(items))
    (unread, left) = said(items)
    assert len(unread[0]) == 206
    assert left == ("x.zip", "1 file of another kind left out: no ending")
    stream = io.BytesIO()
    np.savez(stream, **{"a" * 40_000: CORNER[None], "b" * 40_000: CORNER[None]})
    assert [len(name) for name in read(brought(("x.npz", stream.getvalue())))] == [208, 208]


NOISE = np.random.default_rng(0).bytes(MB)


@pytest.fixture
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds of a few MB in place of some hundred, which take long to fill."""
    monkeypatch.setattr(unpacking, "MAX_MEMBER", 4 * MB)
    monkeypatch.setattr("core.data.uploads.Allowance", lambda: unpacking.Allowance(16 * MB))


def test_archives_unpack_to_so_much_in_all_and_one_line_says_so(small_bounds: None) -> None:
    members = [(f"{i}.bmp", NOISE * 3) for i in range(8)]
    data = zipped(*members, ("z.png", GOOD), how=zipfile.ZIP_STORED)
    tracemalloc.start()
    items = brought(("x.zip", data), ("y.zip", STORED), ("after.png", GOOD))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read(items) == ["after.png"]
    assert said(items)[:5] == [
        (f"x.zip/{i}.bmp", "not an image file that can be read") for i in range(5)
    ]
    ((where, why),) = said(items)[5:]
    assert where == "x.zip"
    assert why.startswith("5.bmp: archives may unpack to 256 MB in all: the rest is left out")
    assert peak < 8 * MB  # one member of 3 MB and what holds it, of eight


def test_a_file_in_an_archive_has_a_bound_of_its_own(small_bounds: None) -> None:
    data = zipped(("a.bmp", NOISE * 5), how=zipfile.ZIP_STORED)
    assert said(brought(("x.zip", data))) == [
        ("x.zip/a.bmp", "too large: a file in an archive may have 4 MB")
    ]


def test_the_bounds_of_what_is_brought_at_a_time_are_what_pages_say() -> None:
    assert (MAX_IMAGES, MAX_UNPACKED) == (2_000, 256 * MB)
    assert unpacking.Allowance() == unpacking.Allowance(MAX_UNPACKED, 20_000, 10**9)


def test_an_array_file_that_unpacks_to_a_thousand_times_its_size_is_refused() -> None:
    stream = io.BytesIO()
    np.savez_compressed(stream, np.zeros((100_000, 28, 28), np.uint8))
    tracemalloc.start()
    ((where, why),) = said(brought(("x.npz", stream.getvalue())))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (where, "100 times" in why) == ("x.npz", True)
    assert peak < 80 * MB


def test_no_byte_of_a_bomb_is_unpacked_after_the_first_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts: list[int] = []
    spend = unpacking.Allowance.spend

    def counting(self: unpacking.Allowance, count: int) -> None:
        counts.append(count)
        spend(self, count)

    monkeypatch.setattr(unpacking.Allowance, "spend", counting)
    data = zipped(("a.bmp", bytes(30 * MB)))
    brought(("x.zip", data))
    assert sum(counts) < MB + 100 * len(data) + unpacking.CHUNK


# The command line -------------------------------------------------------------------------------


def test_a_zip_that_is_named_is_read_and_one_in_a_folder_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(zipped(("a.png", GOOD), ("b.txt", b"")))
    (tmp_path / "y.png").write_bytes(GOOD)
    told: list[str] = []
    assert read(list(read_items([tmp_path / "x.zip"], GREY, say=told.append))) == ["x.zip/a.png"]
    assert told == ["x.zip: 1 file of another kind left out: .txt"]
    assert read(list(read_items([tmp_path], GREY, say=told.append))) == ["y.png"]
    assert told[1] == f"{tmp_path}: 1 file of another kind left out: .zip"


def test_more_images_than_a_session_has_are_read_from_the_command_line(tmp_path: Path) -> None:
    names = [f"{i:05}.png" for i in range(MAX_IMAGES + 5)]
    data = zipped(*((name, GOOD) for name in names), how=zipfile.ZIP_STORED)
    (tmp_path / "x.zip").write_bytes(data)
    assert len(read(list(read_items([tmp_path / "x.zip"], GREY)))) == MAX_IMAGES + 5
