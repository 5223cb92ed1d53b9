"""General images come from three files, or one line says which of them is at fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny

from core.data.sources import DataMissing, general_set

FILES = ("emnist-letters-test.npz", "notmnist.npz", "quickdraw3.npz")
pytestmark = pytest.mark.usefixtures("numpy_leaves_files_open")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Three, two and four images, as OUTSKIRTS_DATA would hold them."""
    (tmp_path / "general-grey").mkdir()
    for file, n in zip(FILES, (3, 2, 4), strict=True):
        images = tiny.strokes(n, seed=n)
        np.savez_compressed(tmp_path / "general-grey" / file, images=images, labels=np.ones(n))
    return tmp_path


def test_the_images_of_all_files_come_in_order_and_labels_say_which_file(folder: Path) -> None:
    images, labels = general_set("general-grey", folder)
    expected = np.concatenate([tiny.strokes(n, seed=n) for n in (3, 2, 4)])
    assert np.array_equal(images, expected)
    assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
    assert labels.tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 2]


def test_an_unknown_set_lists_those_there_are(folder: Path) -> None:
    with pytest.raises(LookupError, match="no general set 'tiny-images'; there are: general-grey"):
        general_set("tiny-images", folder)


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_named_with_what_to_do(folder: Path, file: str) -> None:
    (folder / "general-grey" / file).unlink()
    with pytest.raises(DataMissing) as error:
        general_set("general-grey", folder)
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
        general_set("general-grey", folder)
    assert "\n" not in str(error.value)


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
        general_set("general-grey", folder)
