"""Sets of torchvision come from their files, or one line says which of them is at fault."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
import tiny

from core.data.sources import DataMissing, Labelled, source_named
from core.shape import Shape

GREY, COLOUR = Shape(1, 28, 28), Shape(3, 32, 32)


def read(name: str, folder: Path, *, train: bool = True, download: bool = False) -> Labelled:
    shape = COLOUR if name.startswith("CIFAR") else GREY
    return source_named(name).read(folder, shape, train=train, download=download)


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
        (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(tiny.strokes(n, seed=n)[..., 0]))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.arange(n)))
    return raw


def test_a_public_set_is_read_from_its_four_files(mnist: Path) -> None:
    for train, n in ((True, 3), (False, 2)):
        data = read("MNIST", mnist.parent.parent, train=train)
        images = data.images[:]
        assert images.shape == (n, 28, 28, 1)
        assert np.array_equal(images, tiny.strokes(n, seed=n))
        assert data.labels.tolist() == list(range(n))
        assert (images.dtype, data.labels.dtype) == (np.uint8, np.int64)
        assert data.classes[3] == "3 - three"
        assert data.masks is None


IMAGES = "train-images-idx3-ubyte"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", f"{IMAGES} of 0 bytes is no idx file"),
        (b"\0\0\x08", f"{IMAGES} of 3 bytes is no idx file"),
        (b"<html>Not today</html>", f"{IMAGES} of 22 bytes is no idx file"),
        (idx(tiny.strokes(3, seed=3)[..., 0])[:9], f"{IMAGES} of 9 bytes is no idx file"),
        (idx(tiny.strokes(3, seed=3)[..., 0])[:-9], f"{IMAGES} has 2359 bytes, not 2368"),
        (idx(tiny.strokes(3, seed=3)[0, ..., 0]), "x should have 3 dimension instead of 2"),
        (idx(tiny.strokes(2, seed=3)[..., 0]), "(2, 28, 28) uint8 images, (3,) labels"),
    ],
    ids=["empty", "magic cut", "a page", "head cut", "cut", "one image", "fewer than labels"],
)
def test_a_damaged_public_set_is_one_line_that_says_where(
    mnist: Path, data: bytes, words: str
) -> None:
    (mnist / IMAGES).write_bytes(data)
    with pytest.raises(DataMissing) as error:
        read("MNIST", mnist.parent.parent)
    told = f"MNIST in {mnist} is damaged ({words}): delete its files, and add --download"
    assert str(error.value) == told


def test_a_public_set_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        DataMissing, match=r"OUTSKIRTS_DATA .* four idx files .* --download"
    ) as error:
        read("MNIST", tmp_path)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_set_that_cannot_be_fetched_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torchvision

    def offline(self: object) -> None:
        raise RuntimeError("Error downloading train.gz:\nTried http://a, got:\nno network\n")

    monkeypatch.setattr(torchvision.datasets.MNIST, "download", offline)
    with pytest.raises(DataMissing, match=r"cannot be had: Error downloading .* no network$"):
        read("MNIST", tmp_path, download=True)


# CIFAR-10 ---------------------------------------------------------------------------------------

BATCHES = [f"data_batch_{i}" for i in range(1, 6)]
CLASSES = ["airplane", "automobile", "bird"]


def colours(n: int, *, seed: int) -> np.ndarray:
    """Images (n, 32, 32, 3) of noise."""
    return np.random.default_rng(seed).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)


def batch(images: np.ndarray, labels: list[int]) -> bytes:
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    return pickle.dumps({"data": rows, "labels": labels})


@pytest.fixture
def cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of seven files, two images in each batch; torchvision knows their md5."""
    from torchvision.datasets import CIFAR10

    raw = tmp_path / "cifar-10-batches-py"
    raw.mkdir()
    contents = {name: batch(colours(2, seed=i), [i % 3, 0]) for i, name in enumerate(BATCHES)}
    contents["test_batch"] = batch(colours(3, seed=9), [0, 1, 2])
    contents["batches.meta"] = pickle.dumps({"label_names": CLASSES})
    known = []
    for name, content in contents.items():
        (raw / name).write_bytes(content)
        known.append([name, hashlib.md5(content, usedforsecurity=False).hexdigest()])
    monkeypatch.setattr(CIFAR10, "train_list", known[:5])
    monkeypatch.setattr(CIFAR10, "test_list", known[5:6])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": known[6][1]})
    return raw


def test_images_of_cifar_are_ordered_by_the_sha256_of_their_pixels(cifar: Path) -> None:
    data = read("CIFAR10", cifar.parent)
    images = data.images[:]
    given = np.concatenate([colours(2, seed=i) for i in range(5)])
    labels = np.array([0, 0, 1, 0, 2, 0, 0, 0, 1, 0])
    hashes = [hashlib.sha256(image.tobytes()).hexdigest() for image in given]
    order = np.argsort(hashes)
    assert not np.array_equal(order, np.arange(10))
    assert np.array_equal(images, given[order])
    assert data.labels.tolist() == labels[order].tolist()
    assert data.classes == tuple(CLASSES)
    test = read("CIFAR10", cifar.parent, train=False)
    assert test.images.shape == (3, 32, 32, 3)


def test_a_copy_of_cifar_in_another_order_gives_the_same_images_in_the_same_places(
    cifar: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "elsewhere" / "cifar10"
    copy.mkdir(parents=True)
    shuffled = np.array([4, 9, 0, 2, 7, 1, 3, 8, 6, 5])
    images = np.concatenate([colours(2, seed=i) for i in range(5)])[shuffled]
    labels = np.array([0, 0, 1, 0, 2, 0, 0, 0, 1, 0])[shuffled]
    np.savez(copy / "train.npz", images=images, labels=labels, classes=np.array(CLASSES))
    pickled, copied = read("CIFAR10", cifar.parent), read("CIFAR10", copy.parent)
    assert np.array_equal(pickled.images[:], copied.images[:])
    assert pickled.labels.tolist() == copied.labels.tolist()
    assert pickled.classes == copied.classes


def test_a_pickle_that_is_cut_short_is_named(cifar: Path) -> None:
    path = cifar / "data_batch_4"
    path.write_bytes(path.read_bytes()[:-100])
    for train in (True, False):
        with pytest.raises(DataMissing) as error:
            read("CIFAR10", cifar.parent, train=train)
        assert "(the md5 of data_batch_4 is not what torchvision knows)" in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("train", [True, False])
def test_a_pickle_with_another_md5_is_named_and_not_opened(cifar: Path, train: bool) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return (cifar.joinpath("opened").mkdir, ())

    name = "data_batch_3" if train else "test_batch"
    (cifar / name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(DataMissing) as error:
        read("CIFAR10", cifar.parent, train=train)
    assert str(error.value) == (
        f"CIFAR10 in {cifar} is damaged (the md5 of {name} is not what torchvision knows): "
        "delete its files, and add --download"
    )
    assert not (cifar / "opened").exists()


def test_a_cifar_of_which_files_are_missing_names_them(cifar: Path) -> None:
    (cifar / "data_batch_2").unlink()
    (cifar / "batches.meta").unlink()
    with pytest.raises(DataMissing, match=r"lacks data_batch_2, batches\.meta\): .*--download"):
        read("CIFAR10", cifar.parent)


def test_a_cifar_that_is_not_there_says_both_ways_to_have_it(tmp_path: Path) -> None:
    with pytest.raises(
        DataMissing,
        match=r"^CIFAR10 is not in .*cifar-10-batches-py: set OUTSKIRTS_DATA .* the seven files "
        r"of torchvision\.datasets\.CIFAR10 \(or cifar10/train\.npz and test\.npz\), or add "
        r"--download",
    ):
        read("CIFAR10", tmp_path)


@pytest.mark.parametrize(("there", "lacking"), [("train", "test"), ("test", "train")])
def test_a_copy_of_cifar_that_is_begun_says_which_file_it_lacks(
    tmp_path: Path, there: str, lacking: str
) -> None:
    copy = tmp_path / "cifar10"
    copy.mkdir()
    arrays = {"images": colours(2, seed=0), "labels": np.zeros(2, int), "classes": CLASSES}
    np.savez(copy / f"{there}.npz", **arrays)
    with pytest.raises(DataMissing) as error:
        read("CIFAR10", tmp_path, train=lacking == "train")
    text = str(error.value)
    assert f"(or cifar10/train.npz and test.npz; {copy} lacks {lacking}.npz), or add" in text


def test_images_of_another_size_and_in_colours_are_fitted_to_the_shape(cifar: Path) -> None:
    data = source_named("CIFAR10").read(cifar.parent, Shape(1, 16, 20), train=False)
    assert data.images.shape == (3, 16, 20, 1)
    image = data.images[1:2][0, ..., 0]
    assert not image[:, :2].any()
    assert not image[:, 18:].any()
    assert image[:, 2:18].all()


# CIFAR-100 --------------------------------------------------------------------------------------

HUNDRED = ["apple", "aquarium_fish", "baby", "bear", "beaver"]  # as its first five by name


def hundred(n: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 32, 32, 3) of noise, and labels (n,) that go round the five classes."""
    return colours(n, seed=seed), np.arange(n) % len(HUNDRED)


@pytest.fixture
def cifar100(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of three files, ten training and fifteen test images; torchvision knows them."""
    from torchvision.datasets import CIFAR100

    raw = tmp_path / "cifar-100-python"
    raw.mkdir()
    contents = {"meta": pickle.dumps({"fine_label_names": HUNDRED})}
    for part, n, seed in (("train", 10, 1), ("test", 15, 2)):
        images, labels = hundred(n, seed=seed)
        rows = images.transpose(0, 3, 1, 2).reshape(n, -1)
        content = {"data": rows, "fine_labels": labels.tolist(), "coarse_labels": [0] * n}
        contents[part] = pickle.dumps(content)
    md5 = {}
    for name, content in contents.items():
        (raw / name).write_bytes(content)
        md5[name] = hashlib.md5(content, usedforsecurity=False).hexdigest()
    monkeypatch.setattr(CIFAR100, "train_list", [["train", md5["train"]]])
    monkeypatch.setattr(CIFAR100, "test_list", [["test", md5["test"]]])
    monkeypatch.setattr(CIFAR100, "meta", {**CIFAR100.meta, "md5": md5["meta"]})
    return raw


@pytest.mark.parametrize(
    ("name", "classes", "labels"),
    [("CIFAR100-even", HUNDRED[::2], [0, 2, 4]), ("CIFAR100-odd", HUNDRED[1::2], [1, 3])],
)
def test_a_half_of_cifar100_is_every_second_class_in_the_order_of_sha256(
    cifar100: Path, name: str, classes: list[str], labels: list[int]
) -> None:
    data = read(name, cifar100.parent, train=False)
    images, given = hundred(15, seed=2)
    rows = np.flatnonzero(np.isin(given, labels))
    rows = np.array(sorted(rows, key=lambda i: hashlib.sha256(images[i].tobytes()).digest()))
    assert np.array_equal(data.images[:], images[rows])
    assert data.classes == tuple(classes)
    assert [data.classes[i] for i in data.labels] == [HUNDRED[given[i]] for i in rows]


def test_the_halves_of_cifar100_share_no_image_and_are_all_of_it(cifar100: Path) -> None:
    even, odd = (read(f"CIFAR100-{half}", cifar100.parent) for half in ("even", "odd"))
    both = {image.tobytes() for data in (even, odd) for image in data.images[:]}
    assert len(even.labels) + len(odd.labels) == 10
    assert both == {image.tobytes() for image in hundred(10, seed=1)[0]}


@pytest.mark.parametrize("name", ["CIFAR100-even", "CIFAR100-odd"])
def test_test_images_of_a_half_have_the_same_numbers_in_a_copy_as_from_pickles(
    cifar100: Path, tmp_path: Path, name: str
) -> None:
    pickled = read(name, cifar100.parent, train=False)
    copy = tmp_path / "elsewhere" / name.lower()
    copy.mkdir(parents=True)
    other = np.random.default_rng(0).permutation(len(pickled.labels))
    arrays = {"images": pickled.images[:][other], "labels": pickled.labels[other]}
    np.savez(copy / "test.npz", classes=np.array(pickled.classes), **arrays)
    copied = read(name, copy.parent, train=False)
    assert np.array_equal(copied.images[:], pickled.images[:])
    assert copied.labels.tolist() == pickled.labels.tolist()
    assert copied.classes == pickled.classes


def test_a_cifar100_of_which_a_file_is_missing_or_another_names_it_and_no_file_of_cifar10(
    cifar100: Path,
) -> None:
    (cifar100 / "test").write_bytes((cifar100 / "test").read_bytes()[:-9])
    with pytest.raises(DataMissing) as error:
        read("CIFAR100-odd", cifar100.parent, train=False)
    assert str(error.value) == (
        f"CIFAR100-odd in {cifar100} is damaged (the md5 of test is not what torchvision knows): "
        "delete its files, and add --download"
    )
    (cifar100 / "meta").unlink()
    with pytest.raises(DataMissing, match=r"is damaged \(it lacks meta\): .*--download"):
        read("CIFAR100-even", cifar100.parent)


def test_a_cifar100_that_is_not_there_says_both_ways_to_have_it(tmp_path: Path) -> None:
    with pytest.raises(
        DataMissing,
        match=r"^CIFAR100-odd is not in .*cifar-100-python: set OUTSKIRTS_DATA .* the three files "
        r"of torchvision\.datasets\.CIFAR100 \(or cifar100-odd/train\.npz and test\.npz\), or add "
        r"--download",
    ):
        read("CIFAR100-odd", tmp_path, train=False)
