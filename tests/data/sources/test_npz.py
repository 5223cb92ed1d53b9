"""Arrays in .npz files are images with labels, or one line says what they are instead."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny

from core.data.sources import DataMissing, Labelled, source_named
from core.shape import Shape

FILES = ("emnist-letters-test.npz", "notmnist.npz", "quickdraw3.npz")
GREY, COLOUR = Shape(1, 28, 28), Shape(3, 4, 4)
pytestmark = pytest.mark.usefixtures("numpy_leaves_files_open")


def read(folder: Path, name: str = "general-grey", *, train: bool = True) -> Labelled:
    shape = GREY if name == "general-grey" else COLOUR
    return source_named(name).read(folder, shape, train=train)


# A folder of several files ----------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Three, two and four images, as OUTSKIRTS_DATA would hold them."""
    (tmp_path / "general-grey").mkdir()
    for file, n in zip(FILES, (3, 2, 4), strict=True):
        images = tiny.strokes(n, seed=n)[..., 0]
        np.savez_compressed(tmp_path / "general-grey" / file, images=images, labels=np.ones(n))
    return tmp_path


def test_the_images_of_all_files_come_in_order_and_a_file_without_classes_is_one(
    folder: Path,
) -> None:
    data = read(folder)
    expected = np.concatenate([tiny.strokes(n, seed=n) for n in (3, 2, 4)])
    assert np.array_equal(data.images[:], expected)
    assert (data.images[:].dtype, data.labels.dtype) == (np.uint8, np.int64)
    assert data.classes == ("emnist-letters-test", "notmnist", "quickdraw3")
    assert data.labels.tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 2]


def test_classes_of_one_file_stand_after_those_of_another_and_none_is_shared(folder: Path) -> None:
    for file, labels in ((FILES[0], [1, 0, 1]), (FILES[2], [2, 2, 0, 1])):
        path = folder / "general-grey" / file
        images = np.load(path)["images"]
        names = np.array(["A", "B", "C"][: max(labels) + 1])
        np.savez(path, images=images, labels=np.array(labels, np.int16), classes=names)
    data = read(folder)
    assert data.labels.tolist() == [1, 0, 1, 2, 2, 5, 5, 3, 4]
    assert data.labels.dtype == np.int64
    assert data.classes == (
        *("emnist-letters-test A", "emnist-letters-test B"),
        "notmnist",
        *("quickdraw3 A", "quickdraw3 B", "quickdraw3 C"),
    )


def test_labels_of_a_file_that_its_classes_do_not_name_are_refused(folder: Path) -> None:
    path = folder / "general-grey" / FILES[1]
    images = np.load(path)["images"]
    np.savez(path, images=images, labels=np.array([0, 2]), classes=np.array(["A", "B"]))
    with pytest.raises(DataMissing, match=r"notmnist\.npz: labels must be from 0 to 1, .* 0 to 2"):
        read(folder)


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_named_with_what_to_do(folder: Path, file: str) -> None:
    (folder / "general-grey" / file).unlink()
    with pytest.raises(DataMissing) as error:
        read(folder)
    text = str(error.value)
    assert "\n" not in text
    for word in (file, str(folder / "general-grey"), "OUTSKIRTS_DATA", "(N, 28, 28)"):
        assert word in text


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("damage", ["empty", "text", "cut", "no images", "pickled"])
def test_a_damaged_file_is_named(folder: Path, damage: str) -> None:
    path = folder / "general-grey" / FILES[1]
    whole = path.read_bytes()
    if damage == "no images":
        np.savez(path, pictures=tiny.strokes(2, seed=0))
    elif damage == "pickled":
        np.savez(path, images=np.array([{"a": 1}], dtype=object))
    else:
        path.write_bytes({"empty": b"", "text": b"images", "cut": whole[:-40]}[damage])
    with pytest.raises(DataMissing, match=r"notmnist\.npz cannot be read: ") as error:
        read(folder)
    assert "\n" not in str(error.value)
    assert "pickle" not in str(error.value)  # numpy advises to trust it


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((2, 28, 28), np.float32), r"got \(2, 28, 28\) float32"),
        (np.zeros((2, 28, 28, 3), np.uint8), r"got \(2, 28, 28, 3\) uint8"),
        (np.zeros((2, 784), np.uint8), r"got \(2, 784\) uint8"),
    ],
    ids=["floats", "colours", "rows"],
)
def test_images_of_another_type_or_shape_are_refused(folder: Path, images, words: str) -> None:
    np.savez(folder / "general-grey" / FILES[2], images=images)
    with pytest.raises(DataMissing, match=rf"quickdraw3\.npz: images must be .*{words}"):
        read(folder)


def test_a_folder_for_training_alone_has_no_test_images(folder: Path) -> None:
    with pytest.raises(DataMissing, match="general-grey is for training alone"):
        read(folder, train=False)


# Train and test ---------------------------------------------------------------------------------

COLOURS = np.arange(3 * 4 * 4 * 3, dtype=np.uint8).reshape(3, 4, 4, 3)
WHOLE = {"images": COLOURS, "labels": np.array([1, 0, 1], np.int16), "classes": ["cat", "dog"]}


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Three images for training, and two for tests."""
    (tmp_path / "pets").mkdir()
    np.savez(tmp_path / "pets" / "train.npz", **WHOLE)
    fewer = {**WHOLE, "images": COLOURS[1:], "labels": np.array([0, 1])}
    np.savez(tmp_path / "pets" / "test.npz", **fewer)
    return tmp_path


def test_training_and_test_images_have_labels_and_classes(pets: Path) -> None:
    train, test = read(pets, "npz:pets"), read(pets, "npz:pets", train=False)
    assert np.array_equal(train.images[:], COLOURS)
    assert np.array_equal(test.images[:], COLOURS[1:])
    assert (train.labels.tolist(), test.labels.tolist()) == ([1, 0, 1], [0, 1])
    assert train.labels.dtype == np.int64
    assert train.classes == test.classes == ("cat", "dog")


def test_grey_images_come_with_or_without_a_channel(pets: Path) -> None:
    shape = Shape(1, 4, 4)
    for grey in (COLOURS[..., 0], COLOURS[..., :1]):
        np.savez(pets / "pets" / "train.npz", **{**WHOLE, "images": grey})
        images = source_named("npz:pets").read(pets, shape, train=True).images[:]
        assert np.array_equal(images, COLOURS[..., :1])


def test_grey_images_become_colour_where_the_scenario_is(pets: Path) -> None:
    np.savez(pets / "pets" / "train.npz", **{**WHOLE, "images": COLOURS[..., 0]})
    images = read(pets, "npz:pets").images[:]
    assert np.array_equal(images, np.repeat(COLOURS[..., :1], 3, axis=3))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"images": COLOURS.astype(np.float32)}, "images must be .* got .* float32"),
        ({"images": COLOURS[..., :2]}, r"images must be .* got \(3, 4, 4, 2\) uint8"),
        ({"images": COLOURS[0, 0]}, r"images must be .* got \(4, 3\) uint8"),
        ({"images": COLOURS[:0], "labels": np.zeros(0, int)}, "there are no images in"),
        ({"labels": np.zeros(2, int)}, r"labels must be \(3,\) of whole numbers, got \(2,\) int64"),
        ({"labels": np.zeros(3)}, r"labels must be .* got \(3,\) float64"),
        ({"labels": np.array([0, 2, 1])}, "labels must be from 0 to 1, .* got 0 to 2"),
        ({"labels": np.array([0, -1, 1])}, "labels must be from 0 to 1, .* got -1 to 1"),
        ({"classes": np.arange(2)}, r"classes must be \(K,\) of texts, got \(2,\) int64"),
    ],
    ids=["floats", "channels", "rows", "none", "few", "shares", "high", "negative", "numbers"],
)
def test_arrays_of_other_types_and_shapes_are_told_in_one_line(
    pets: Path, change: dict, words: str
) -> None:
    np.savez(pets / "pets" / "train.npz", **{**WHOLE, **change})
    with pytest.raises(DataMissing, match=rf"pets/train\.npz: {words}") as error:
        read(pets, "npz:pets")
    assert "\n" not in str(error.value)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("damage", ["empty", "cut", "no labels", "pickled"])
def test_a_damaged_file_of_a_set_is_named(pets: Path, damage: str) -> None:
    path = pets / "pets" / "train.npz"
    whole = path.read_bytes()
    if damage == "no labels":
        np.savez(path, images=COLOURS, classes=WHOLE["classes"])
    elif damage == "pickled":
        np.savez(path, **{**WHOLE, "labels": np.array([{}, 1, 2], dtype=object)})
    else:
        path.write_bytes({"empty": b"", "cut": whole[:-40]}[damage])
    with pytest.raises(DataMissing, match=r"train\.npz cannot be read: ") as error:
        read(pets, "npz:pets")
    assert "\n" not in str(error.value)
    assert "pickle" not in str(error.value)
    assert read(pets, "npz:pets", train=False).classes == ("cat", "dog")


def test_a_missing_file_says_what_belongs_where(pets: Path) -> None:
    (pets / "pets" / "test.npz").unlink()
    with pytest.raises(DataMissing) as error:
        read(pets, "npz:pets", train=False)
    text = str(error.value)
    for word in ("pets/test.npz", "OUTSKIRTS_DATA", "(N, H, W, 3) uint8", "labels", "classes"):
        assert word in text
    assert "\n" not in text
    assert f"({pets / 'pets'} holds train.npz alone)" in text
    shutil.rmtree(pets / "pets")
    with pytest.raises(DataMissing, match=r"^pets is not in .*pets/test\.npz: set OUTSKIRTS_DATA"):
        read(pets, "npz:pets", train=False)


def test_images_of_any_set_stay_in_the_order_of_the_file(pets: Path) -> None:
    backwards = {key: WHOLE[key][::-1] for key in ("images", "labels")}
    np.savez(pets / "pets" / "train.npz", classes=WHOLE["classes"], **backwards)
    assert np.array_equal(read(pets, "npz:pets").images[:], COLOURS[::-1])
