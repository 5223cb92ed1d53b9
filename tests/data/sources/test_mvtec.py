"""A folder in MVTec's layout is images with masks, or one line says which file is at fault."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.sources import DataMissing, Labelled, source_named
from core.data.sources.mvtec import loses, mask_of
from core.shape import Shape

SHAPE = Shape(1, 8, 8)


def save(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def grey(level: int, height: int = 8, width: int = 8) -> np.ndarray:
    return np.full((height, width), level, np.uint8)


def corner(height: int = 8, width: int = 8) -> np.ndarray:
    """A mask whose upper left quarter is strange."""
    mask = grey(0, height, width)
    mask[: height // 2, : width // 2] = 255
    return mask


@pytest.fixture
def nut(tmp_path: Path) -> Path:
    """Three good ones for training; for tests two good, two bent and one cut, each flat grey."""
    root = tmp_path / "mvtec" / "nut"
    for i in (2, 0, 1):
        save(root / f"train/good/{i:03}.png", grey(10 + i))
    for i in (1, 0):
        save(root / f"test/good/{i:03}.png", grey(20 + i))
        save(root / f"test/bent/{i:03}.png", grey(30 + i))
        save(root / f"ground_truth/bent/{i:03}_mask.png", corner())
    save(root / "test/cut/000.png", grey(40))
    save(root / "ground_truth/cut/000_mask.png", grey(255))
    (root / "license.txt").write_bytes(b"ours")
    return root


def read(root: Path, shape: Shape = SHAPE, *, train: bool = False) -> Labelled:
    return source_named("mvtec:nut").read(root.parent.parent, shape, train=train)


def test_files_are_sorted_good_ones_first_then_defects_by_kind(
    nut: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = Path.iterdir  # in the order of the disk, which is the order of names on many
    monkeypatch.setattr(Path, "iterdir", lambda p: iter(sorted(listed(p), reverse=True)))
    train, test = read(nut, train=True), read(nut)
    assert train.classes == test.classes == ("good", "bent", "cut")
    assert train.images[:].max((1, 2, 3)).tolist() == [10, 11, 12]
    assert train.labels.tolist() == [0, 0, 0]
    assert train.masks is None
    assert test.images[:].max((1, 2, 3)).tolist() == [20, 21, 30, 31, 40]
    assert test.labels.tolist() == [0, 0, 1, 1, 2]
    assert test.ids[:3] == ("good/000.png", "good/001.png", "bent/000.png")
    assert test.labels.dtype == np.int64


def test_masks_are_matched_by_stem_and_good_ones_have_black_ones(nut: Path) -> None:
    masks = read(nut).masks
    assert masks is not None
    assert masks.shape == (5, 8, 8)
    whole = masks[:]
    assert whole.dtype == np.uint8
    assert not whole[:2].any()
    assert np.array_equal(whole[2], corner() // 255)
    assert whole[4].all()


def test_an_image_of_any_size_and_its_mask_are_fitted_alike(nut: Path) -> None:
    image = grey(0, 20, 40)
    image[:10, :20] = 200
    save(nut / "test/bent/001.png", np.stack([image] * 3, axis=2))  # in colours
    save(nut / "ground_truth/bent/001_mask.png", corner(20, 40))
    test = read(nut, Shape(1, 8, 12))
    assert test.images.shape == (5, 8, 12, 1)
    assert test.masks is not None
    mask = test.masks[3:4][0]
    expected = np.zeros((8, 12), np.uint8)
    expected[1:4, :6] = 1  # 12x6, a black line above and below
    assert np.array_equal(mask, expected)
    bright = test.images[3:4][0, ..., 0] > 100
    assert np.array_equal(bright, expected.astype(bool))


def test_grey_files_are_colour_where_the_scenario_is(nut: Path) -> None:
    images = read(nut, Shape(3, 8, 8)).images[:]
    assert images.shape == (5, 8, 8, 3)
    assert (images[4] == 40).all()


def test_images_are_read_when_they_are_asked_for_and_not_before(nut: Path) -> None:
    test = read(nut)
    images, masks = test.images, test.masks
    assert masks is not None
    shutil.rmtree(nut / "test" / "cut")
    (nut / "ground_truth/cut/000_mask.png").unlink()
    assert images[np.array([2, 0])].max((1, 2, 3)).tolist() == [30, 20]
    with pytest.raises(DataMissing, match=r"test/cut/000\.png cannot be read: No such file"):
        images[4:]
    with pytest.raises(DataMissing, match=r"cut/000_mask\.png cannot be read: No such file"):
        masks[:]


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_images_and_masks_of_16_bits_are_read_at_their_full_range(nut: Path, suffix: str) -> None:
    (nut / "test/cut/000.png").unlink()
    deep = np.repeat(np.array([0, 257, 65535, 32896], np.uint16), 16).reshape(8, 8)
    save(nut / f"test/cut/000.{suffix}", deep)
    mask = np.zeros((8, 8), np.uint16)
    mask[0, :4] = 1, 255, 256, 65535  # 256 has no bit in its lower byte
    save(nut / "ground_truth/cut/000_mask.png", mask)
    test = read(nut)
    assert test.images[4][::2, 0, 0].tolist() == [0, 1, 255, 128]
    assert test.masks is not None
    found = np.zeros((8, 8), np.uint8)
    found[0, :4] = 1
    assert np.array_equal(test.masks[4], found)
    assert np.array_equal(mask_of(nut / "ground_truth/cut/000_mask.png"), found.astype(bool))


TAGGED = Image.Exif()
TAGGED[305] = "drawn by hand"  # the software: such a WebP is in the extended format
FILES: dict[str, tuple[str, bool, dict]] = {  # of a mask: its suffix, whether it loses detail
    "JPEG": ("jpg", True, {"quality": 75}),
    "WebP": ("webp", True, {"quality": 75}),
    "WebP with tags": ("webp", True, {"quality": 75, "exif": TAGGED}),
    "TIFF of JPEG": ("tif", True, {"compression": "jpeg", "quality": 75}),
    "lossless WebP": ("webp", False, {"lossless": True}),
    "lossless WebP with tags": ("webp", False, {"lossless": True, "exif": TAGGED}),
    "TIFF": ("tif", False, {"compression": "tiff_lzw"}),
    "PNG": ("png", False, {}),
    "GIF": ("gif", False, {}),
    "BMP": ("bmp", False, {}),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_mask_is_the_same_pixels_in_every_kind_of_file(nut: Path, kind: str) -> None:
    suffix, lossy, how = FILES[kind]
    marked = np.zeros((64, 64), bool)
    marked[10:37, 11:42] = True
    save(nut / "test/cut/000.png", grey(40, 64, 64))
    (nut / "ground_truth/cut/000_mask.png").unlink()
    file = nut / f"ground_truth/cut/000_mask.{suffix}"
    Image.fromarray(np.where(marked, 255, 0).astype(np.uint8)).save(file, **how)
    assert loses(file) == lossy
    with Image.open(file) as image:  # there is something to tell apart
        assert ((np.asarray(image.convert("L")) > 0).sum() > 837) == lossy
    assert np.array_equal(mask_of(file), marked)
    masks = source_named("mvtec:nut").read(nut.parents[1], Shape(1, 64, 64), train=False).masks
    assert masks is not None
    assert np.array_equal(masks[4], marked)


def test_a_lossless_mask_is_strange_where_it_is_not_black_and_a_lossy_one_from_half_on(
    tmp_path: Path,
) -> None:
    levels = np.repeat(np.array([0, 1, 127, 128], np.uint8), 16)[None].repeat(16, 0)
    found = []
    for suffix, how in (("png", {}), ("jpg", {"quality": 100}), ("webp", {"lossless": True})):
        Image.fromarray(levels).save(tmp_path / f"a.{suffix}", **how)
        found.append(mask_of(tmp_path / f"a.{suffix}")[8, 8::16].tolist())
    assert found == [[False, True, True, True], [False, False, False, True], found[0]]


def test_the_frame_of_a_moving_webp_says_whether_it_loses_detail(tmp_path: Path) -> None:
    frames = [Image.fromarray(grey(level, 16, 16)) for level in (0, 200)]
    for lossless in (True, False):
        file = tmp_path / "a.webp"
        frames[0].save(file, save_all=True, append_images=frames[1:], lossless=lossless)
        assert b"ANMF" in file.read_bytes()
        assert loses(file) != lossless


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_an_image_of_4000_pixels_is_averaged_and_its_mask_covers_the_same(
    nut: Path, suffix: str
) -> None:
    (nut / "test/cut/000.png").unlink()
    image, mask = grey(20, 3000, 4000), grey(0, 3000, 4000)
    image[750:1500, 2000:3000] = 220
    mask[750:1500, 2000:3000] = 255
    save(nut / f"test/cut/000.{suffix}", image)
    save(nut / "ground_truth/cut/000_mask.png", mask)
    test = read(nut, Shape(1, 64, 64))
    assert test.masks is not None
    found = np.zeros((64, 64), np.uint8)
    found[8 + 12 : 8 + 24, 32:48] = 1  # 64x48, 8 black rows above and below
    assert np.array_equal(test.masks[4], found)
    picture = test.images[4][..., 0]
    assert np.array_equal(picture > 120, found.astype(bool))
    assert abs(picture[23:29, 35:45].astype(int) - 220).max() <= 4  # away from edges, which ring


def test_a_folder_of_two_images_each_is_read(nut: Path) -> None:
    (nut / "train/good/002.png").unlink()
    shutil.rmtree(nut / "test/cut")
    shutil.rmtree(nut / "ground_truth/cut")
    train, test = read(nut, train=True), read(nut)
    assert (len(train.images), len(test.images), test.labels.tolist()) == (2, 4, [0, 0, 1, 1])
    assert test.masks is not None
    assert test.masks[:].any((1, 2)).tolist() == [False, False, True, True]


# What is wrong is named -------------------------------------------------------------------------


def everything(root: Path, *, train: bool) -> None:
    data = read(root, train=train)
    data.images[:]
    if data.masks is not None:
        data.masks[:]


def told(root: Path, *, train: bool = False) -> str:
    """What is said of the folder, in one line."""
    with pytest.raises(DataMissing) as error:
        everything(root, train=train)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_folder_that_is_not_there_says_what_belongs_where(tmp_path: Path) -> None:
    text = told(tmp_path / "mvtec" / "nut")
    assert text.startswith(f"nut is not in {tmp_path / 'mvtec'}: set OUTSKIRTS_DATA to a folder")
    for word in ("mvtec/nut", "train/good", "test/KIND", "ground_truth/KIND", "mvtec.com"):
        assert word in text


@pytest.mark.parametrize("folder", ["train/good", "test", "test/good", "ground_truth/bent"])
def test_a_missing_folder_is_named(nut: Path, folder: str) -> None:
    shutil.rmtree(nut / folder)
    assert told(nut, train=folder.startswith("train")).startswith(f"{nut / folder} is missing: ")


def test_without_any_ground_truth_there_are_images_and_no_masks(nut: Path) -> None:
    shutil.rmtree(nut / "ground_truth")
    test = read(nut)
    assert test.masks is None
    assert test.images[:].max((1, 2, 3)).tolist() == [20, 21, 30, 31, 40]
    assert test.labels.tolist() == [0, 0, 1, 1, 2]


def test_with_flawless_test_images_alone_there_is_one_class(nut: Path) -> None:
    for folder in ("ground_truth", "test/bent", "test/cut"):
        shutil.rmtree(nut / folder)
    test = read(nut)
    assert (test.classes, test.labels.tolist(), test.masks) == (("good",), [0, 0], None)


def test_a_folder_without_images_is_named(nut: Path) -> None:
    for file in (nut / "test/cut").iterdir():
        file.unlink()
    (nut / "test/cut/notes.txt").write_bytes(b"none")
    assert told(nut).startswith(f"{nut / 'test/cut'} holds no image files")


def test_an_image_without_a_mask_is_named(nut: Path) -> None:
    mask = nut / "ground_truth/bent/001_mask.png"
    mask.unlink()
    assert told(nut) == f"{mask} is missing: 1 image without a mask"


def test_masks_without_an_image_are_named_and_counted(nut: Path) -> None:
    for i in (7, 6):
        save(nut / f"ground_truth/cut/{i:03}_mask.png", corner())
    first = nut / "ground_truth/cut/006_mask.png"
    assert told(nut) == f"{first} has no image in {nut / 'test/cut'}: 2 masks without an image"


def test_a_mask_of_another_size_is_named_with_both(nut: Path) -> None:
    mask = nut / "ground_truth/cut/000_mask.png"
    save(mask, grey(255, 4, 8))
    assert told(nut) == f"{mask} is 8x4, and its image 8x8"


@pytest.mark.parametrize("file", ["test/good/001.png", "ground_truth/bent/000_mask.png"])
@pytest.mark.parametrize("damage", ["empty", "text", "cut"])
def test_a_damaged_file_is_named(nut: Path, file: str, damage: str) -> None:
    save(nut / file, np.random.default_rng(0).integers(0, 2, (8, 8), np.uint8) * 255)
    whole = (nut / file).read_bytes()
    (nut / file).write_bytes({"empty": b"", "text": b"an image", "cut": whole[:50]}[damage])
    assert told(nut).startswith(f"{nut / file} cannot be read: ")


def test_a_picture_too_thin_to_be_fitted_is_named(nut: Path) -> None:
    save(nut / "train/good/001.png", grey(1, 1, 300))
    file = nut / "train/good/001.png"
    assert told(nut, train=True).startswith(f"{file} cannot be read: 300x1: nothing of it is left")
