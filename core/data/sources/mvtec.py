"""Folders of image files in MVTec AD's layout, of any size, read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from core.data.bounds import check_file, check_length, check_size
from core.data.decode import FORMATS, SUFFIXES
from core.data.lossy import is_lossy
from core.data.picture import fit, pixels_of
from core.data.sources._base import DataMissing, Labelled, Source
from core.data.sources._pictures import PictureFiles, words_of
from core.data.tags import orientation_of
from core.data.views import Files
from core.shape import Shape

__all__ = ["GOOD", "Mvtec", "loses", "mask_of", "size_of"]

GOOD = "good"
TRUTH = "ground_truth"
HALF = 128  # the level from which a mask that lost detail marks a pixel
SIDEWAYS = (5, 6, 7, 8)  # of the EXIF tag: height and width change places
LAYOUT = (
    "NAME/train/good/*.png, NAME/test/good/*.png, NAME/test/KIND/*.png for each kind of defect, "
    "NAME/ground_truth/KIND/STEM_mask.png for each image of a kind, or no ground_truth at all"
)


@dataclass(frozen=True)
class _Pair:
    """An image file, its class, its name, and the file of its mask, where it has one."""

    image: Path
    label: int
    id: str
    mask: Path | None = None


class Mvtec(Source):
    """mvtec/NAME in the data folder, or NAME itself: test images have masks, good ones black ones.

    The class 0 is ``good``, the others are the kinds of defect by name. An image and its mask are
    fitted alike. Without a folder ``ground_truth`` nobody knows which pixels are strange, and there
    are no masks; a folder in which some are missing is an error.
    """

    def read(self, folder: Path, shape: Shape, *, train: bool, download: bool = False) -> Labelled:
        root = self._root(folder)
        kinds = _kinds(root)
        pairs = _good(root, "train") if train else _good(root, "test") + _defects(root, kinds)
        known = not train and (root / TRUTH).exists()
        masks = Files((len(pairs), *shape.pixels[:2]), _Masks(pairs, shape)) if known else None
        return Labelled(
            images=Files(
                (len(pairs), *shape.pixels), PictureFiles([pair.image for pair in pairs], shape)
            ),
            labels=np.array([pair.label for pair in pairs], np.int64),
            classes=(GOOD, *kinds),
            ids=tuple(pair.id for pair in pairs),
            masks=masks,
        )

    def _root(self, folder: Path) -> Path:
        for root in (folder / "mvtec" / self.name, folder / self.name):
            if root.is_dir():
                return root
        raise DataMissing(
            f"{self.name} is not in {folder / 'mvtec'}: set OUTSKIRTS_DATA to a folder that holds "
            f"mvtec/{self.name} in MVTec's layout ({LAYOUT}); MVTec AD is to be had from "
            "mvtec.com and cannot be downloaded from here"
        )


# What is there ----------------------------------------------------------------------------------


def _files(folder: Path, what: str) -> list[Path]:
    """Image files of a folder, sorted.

    Raises:
        DataMissing: the folder is not there, or holds none.
    """
    if not folder.is_dir():
        raise DataMissing(f"{folder} is missing: it holds {what}, in MVTec's layout ({LAYOUT})")
    files = sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
    )
    if not files:
        raise DataMissing(f"{folder} holds no image files: {what} belong there")
    return files


def _kinds(root: Path) -> list[str]:
    """Kinds of defect by name.

    Raises:
        DataMissing: there is no folder of test images.
    """
    test = root / "test"
    if not test.is_dir():
        raise DataMissing(f"{test} is missing: it holds test images, in MVTec's layout ({LAYOUT})")
    folders = [p.name for p in test.iterdir() if p.is_dir() and not p.name.startswith(".")]
    return sorted(name for name in folders if name != GOOD)


def _good(root: Path, part: str) -> list[_Pair]:
    files = _files(root / part / GOOD, f"flawless {part} images")
    return [_Pair(file, 0, f"{GOOD}/{file.name}") for file in files]


def _defects(root: Path, kinds: Sequence[str]) -> list[_Pair]:
    """Test images of all kinds of defect, each with its mask, if there are masks at all."""
    pairs, known = [], (root / TRUTH).exists()
    for label, kind in enumerate(kinds, start=1):
        files = _files(root / "test" / kind, f"test images of {kind}")
        masks = _masks(root, kind, files) if known else {}
        pairs += [_Pair(f, label, f"{kind}/{f.name}", masks.get(f.stem)) for f in files]
    return pairs


def _masks(root: Path, kind: str, images: Sequence[Path]) -> dict[str, Path]:
    """Files of masks by the stems of their images.

    Raises:
        DataMissing: an image has none, or another size; a mask has no image.
    """
    folder = root / TRUTH / kind
    files = _files(folder, f"the masks of {kind}")
    masks = {file.stem.removesuffix("_mask"): file for file in files}
    stems = {image.stem for image in images}
    if alone := sorted(stems - set(masks)):
        missing = folder / f"{alone[0]}_mask.png"
        raise DataMissing(f"{missing} is missing: {_count(alone, 'image')} without a mask")
    if alone := sorted(set(masks) - stems):
        where = root / "test" / kind
        first, count = masks[alone[0]], _count(alone, "mask")
        raise DataMissing(f"{first} has no image in {where}: {count} without an image")
    for image in images:
        size, other = size_of(image), size_of(masks[image.stem])
        if size != other:
            raise DataMissing(
                f"{masks[image.stem]} is {other[0]}x{other[1]}, and its image {size[0]}x{size[1]}"
            )
    return masks


def _count(names: Sequence[str], what: str) -> str:
    return f"1 {what}" if len(names) == 1 else f"{len(names)} {what}s"


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of the picture at a path, upright, by the file's head alone.

    Raises:
        DataMissing: it is no image that can be read.
    """
    with _opened(path) as image:
        turned = orientation_of(image) in SIDEWAYS
        return image.size[::-1] if turned else image.size


def mask_of(path: Path) -> np.ndarray:
    """The mask (H, W) bool in the file at a path, at its own size: true where it is not black.

    Of a file that `loses` detail it is true where it is at least half bright.

    Raises:
        DataMissing: it is no image that can be read.
    """
    with _opened(path) as image:
        return pixels_of(_marks(image, path))[..., 0] > 0


def loses(path: Path) -> bool:
    """Whether the image file at a path is of a kind that loses detail, as JPEG does.

    Raises:
        DataMissing: it is no image that can be read.
    """
    with _opened(path) as image:
        return is_lossy(image, path)


def _marks(image: Image.Image, path: Path) -> Image.Image:
    """A mask upright, of mode L: what is above 0 is strange."""
    upright = ImageOps.exif_transpose(image).convert("L")
    if not is_lossy(image, path):
        return upright
    return upright.point(lambda level: 255 * (level >= HALF))  # beside an edge, black is not quite


# Reading ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Masks:
    """Reads one mask (H, W), 1 where `mask_of` would have it strange."""

    pairs: Sequence[_Pair]
    shape: Shape

    def __call__(self, row: int) -> np.ndarray:
        path = self.pairs[row].mask
        if path is None:
            return np.zeros(self.shape.pixels[:2], np.uint8)
        with _opened(path) as image:
            marks = _marks(image, path)
            return (pixels_of(fit(marks, self.shape, mask=True))[..., 0] > 0).astype(np.uint8)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """An image file, and one line about it if it is none."""
    try:
        check_length(check_file(path))
        with Image.open(path, formats=FORMATS) as image:
            check_size(*image.size, per_pixel=1, what="a mask")
            yield image
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error and others
        raise DataMissing(f"{path} cannot be read: {words_of(error)}") from error
