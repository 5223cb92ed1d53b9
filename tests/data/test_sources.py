"""Training images come from their files, or one line says which of them is at fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny

from core.data.sources import DataMissing, general_set, public_set

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
    with pytest.raises(DataMissing, match="no general set 'tiny-images'; there are: general-grey"):
        general_set("tiny-images", folder)
    with pytest.raises(
        DataMissing, match="no public set 'CIFAR10'; there are: FashionMNIST, MNIST"
    ):
        public_set("CIFAR10", folder, train=True)


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
        general_set("general-grey", folder)


# Public sets ------------------------------------------------------------------------------------


def idx(values: np.ndarray) -> bytes:
    """An idx file: two zeros, 8 for bytes, the dimensions, each size in big endian, the values."""
    sizes = np.array(values.shape, ">u4").tobytes()
    return bytes([0, 0, 8, values.ndim]) + sizes + values.astype(np.uint8).tobytes()


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    """The folder of four files with three training and two test images."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, n in (("train", 3), ("t10k", 2)):
        (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(tiny.strokes(n, seed=n)))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.arange(n)))
    return raw


def test_a_public_set_is_read_from_its_four_files(mnist: Path) -> None:
    for train, n in ((True, 3), (False, 2)):
        images, labels = public_set("MNIST", mnist.parent.parent, train=train)
        assert np.array_equal(images, tiny.strokes(n, seed=n))
        assert labels.tolist() == list(range(n))
        assert (images.dtype, labels.dtype) == (np.uint8, np.int64)


IMAGES = "train-images-idx3-ubyte"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", f"{IMAGES} of 0 bytes is no idx file"),
        (b"\0\0\x08", f"{IMAGES} of 3 bytes is no idx file"),
        (b"<html>Not today</html>", f"{IMAGES} of 22 bytes is no idx file"),
        (idx(tiny.strokes(3, seed=3))[:9], f"{IMAGES} of 9 bytes is no idx file"),
        (idx(tiny.strokes(3, seed=3))[:-9], f"{IMAGES} has 2359 bytes, not 2368"),
        (idx(tiny.strokes(3, seed=3)[0]), "x should have 3 dimension instead of 2"),
        (idx(tiny.strokes(2, seed=3)), "(2, 28, 28) uint8 images, (3,) labels"),
    ],
    ids=["empty", "magic cut", "a page", "head cut", "cut", "one image", "fewer than labels"],
)
def test_a_damaged_public_set_is_one_line_that_says_where(
    mnist: Path, data: bytes, words: str
) -> None:
    (mnist / IMAGES).write_bytes(data)
    with pytest.raises(DataMissing) as error:
        public_set("MNIST", mnist.parent.parent, train=True)
    told = f"MNIST in {mnist} is damaged ({words}): delete its files, and add --download"
    assert str(error.value) == told


def test_a_public_set_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        DataMissing, match=r"OUTSKIRTS_DATA .* four idx files .* --download"
    ) as error:
        public_set("MNIST", tmp_path, train=True)
    assert "\n" not in str(error.value)


def test_a_set_that_cannot_be_fetched_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torchvision

    def offline(self: object) -> None:
        raise RuntimeError("Error downloading train.gz:\nTried http://a, got:\nno network\n")

    monkeypatch.setattr(torchvision.datasets.MNIST, "download", offline)
    with pytest.raises(DataMissing, match=r"cannot be had: Error downloading .* no network$"):
        public_set("MNIST", tmp_path, train=True, download=True)
