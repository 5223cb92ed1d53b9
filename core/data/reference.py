"""reference.npz: the images that a scenario shows, by set, with labels and masks."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image

from core.cache import freeze
from core.data.picture import no_picture
from core.data.sources._base import DataMissing, Source, order_of
from core.data.views import Absent, Chosen, Files, Images, absence, chunks
from core.errors import PicturesElsewhere, ScenarioError, Untrained, no_arrays
from core.files import write_whole
from core.npz import opened_npz
from core.shape import Shape

__all__ = [
    "Pictures",
    "at_hand",
    "laid_out",
    "pixels_sha256",
    "read_reference",
    "write_reference",
]


SIDE = 1600  # pixels of a sheet's sides, about
MAX_IMAGES = 768 * 2**20  # bytes of the images of a set: sheets of one colour take next to none
LARGE = 64 * 64  # pixels of a grey picture from which on a sheet is smaller than numpy's packing


@dataclass(frozen=True)
class Pictures:
    """Images of one set, with what is known of each.

    Attributes:
        images: (N, H, W, C) uint8, an array or a view of those of other sets.
        labels: (N,), index into the set's classes, or -1.
        packed: (N, B) uint8, masks at one bit a pixel in B = ceil(H * W / 8) bytes, or None.
        sha256: of all pixels in order, where the images themselves are not shipped.
        version: of a source whose pictures are at hand, see `core.data.sources.Source.version`.
    """

    name: str
    images: Images
    labels: np.ndarray
    packed: np.ndarray | None = None
    sha256: str = ""
    version: str = ""

    @property
    def elsewhere(self) -> str:
        """Why there are no pictures here and how they are had, or ""."""
        return absence(self.images)

    def shown(self, index: int) -> np.ndarray:
        """The image (H, W, C) of an index, or, where it is not here, what stands in its place."""
        try:
            return self.images[index]
        except PicturesElsewhere:
            return no_picture(_shape(self.images))

    @property
    def masks(self) -> np.ndarray | None:
        """(N, H, W) uint8, 1 where a pixel is strange; None where nobody knows."""
        if self.packed is None:
            return None
        n, height, width = self.images.shape[:3]
        bits = np.unpackbits(self.packed, axis=1, count=height * width)
        return bits.reshape(n, height, width)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        packed = 0 if self.packed is None else self.packed.nbytes
        if isinstance(self.images, Files | Chosen):  # read when asked for
            pixels = self.images.nbytes
        else:
            pixels = math.prod(self.images.shape)
        return (0 if self.elsewhere else pixels) + self.labels.nbytes + packed

    def chosen(self, name: str, rows: np.ndarray) -> Pictures:
        """The images of some rows (n,) as a set of another name; none is copied."""
        packed = None if self.packed is None else self.packed[rows]
        return Pictures(name, Chosen(self.images, rows), self.labels[rows], packed)

    def ids(self) -> list[str]:
        """The name of each image, "set#i"."""
        return [f"{self.name}#{i}" for i in range(len(self.images))]


def write_reference(
    path: Path,
    sets: Mapping[str, tuple[Any, ...]],
    *,
    elsewhere: Collection[str] = (),
    versions: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Write images, labels and, where there are any, masks of sets by name; return the sha256.

    Colour images, and large grey ones, are laid out on sheets that lose nothing: two thirds of what
    numpy makes of them (160 screws of 256x256: 3.8 MB, not 5.8).

    Args:
        path: of the file.
        sets: images (N, H, W[, C]) uint8, labels (N,), masks (N, H, W) of 0 and 1.
        elsewhere: those whose images do not ship: their shape and the sha256 of their pixels do.
        versions: of sets that are at hand, see `core.data.sources.Source.version`.

    Raises:
        FileError: it cannot be written.
    """
    arrays: dict[str, Any] = {}
    for name, (images, labels, *masks) in sets.items():
        arrays[f"{name}/labels"] = labels.astype(np.int16)
        if masks:
            arrays[f"{name}/masks"] = np.packbits(masks[0].reshape(len(images), -1), axis=1)
        if name in elsewhere or _on_sheets(images.shape):
            arrays[f"{name}/shape"] = np.array(images.shape)
        if name in elsewhere:
            arrays[f"{name}/sha256"] = np.array(pixels_sha256(images))
            if versions.get(name):
                arrays[f"{name}/version"] = np.array(versions[name])
        elif _on_sheets(images.shape):
            arrays |= {f"{name}/sheet{i}": sheet for i, sheet in enumerate(_sheets(images))}
        else:
            arrays[f"{name}/images"] = images
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    write_whole(path, packed.getvalue())
    return hashlib.sha256(packed.getvalue()).hexdigest()


def pixels_sha256(images: Images) -> str:
    """The sha256 of the pixels of images (N, H, W, C) uint8, in order."""
    digest = hashlib.sha256()
    for piece in chunks(images):
        digest.update(piece.tobytes())
    return digest.hexdigest()


def laid_out(
    stored: Pictures, source: Source, folder: Path, *, first: int | None, words: str
) -> Pictures:
    """A set whose pictures do not ship, with those of a data folder, if they are the same.

    Whoever lays them there does so in any order: they are ordered by the sha256 of their pixels.

    Args:
        stored: what ships of it.
        source: reads the pictures from a ``folder``, of which the set holds the ``first``.
        words: what is said where they are not there.
    """
    try:
        data = source.read(folder, _shape(stored.images), train=False)
    except DataMissing as error:
        why = str(error)
    else:
        images = data.images[order_of(data.images[:], data.labels)][:first]
        if pixels_sha256(images) == stored.sha256:
            return dataclasses.replace(stored, images=images)
        why = f"those in {folder} are others"
    return dataclasses.replace(stored, images=Absent(stored.images.shape, f"{words} ({why})"))


def at_hand(
    stored: Pictures, source: Source, only: int | None, first: int | None, *, words: str
) -> Pictures:
    """A set whose pictures come with an installed package, read from there one by one.

    That they are the same is told by their version, quickly; see `pixels_sha256` for certainty.

    Args:
        stored: what ships of it.
        source: reads the pictures: of the class ``only`` alone, and of those the ``first``.
        words: what is said where they are not there.
    """
    try:
        data = source.read(Path(), _shape(stored.images), train=False)
        version = source.version()
    except DataMissing as error:
        why = str(error)
    else:
        rows = np.arange(len(data.labels)) if only is None else np.flatnonzero(data.labels == only)
        rows = rows[:first]
        if version == stored.version and np.array_equal(data.labels[rows], stored.labels):
            images = data.images if len(rows) == len(data.images) else Chosen(data.images, rows)
            return dataclasses.replace(stored, images=images)
        why = "those that are installed are others"
    return dataclasses.replace(stored, images=Absent(stored.images.shape, f"{words} ({why})"))


def _shape(images: Images) -> Shape:
    _, height, width, channels = images.shape
    return Shape(channels, height, width)


def _on_sheets(shape: tuple[int, ...]) -> bool:
    """Whether images of a shape (N, H, W[, C]) lie on sheets."""
    return shape[3:] == (3,) or (len(shape) == 4 and shape[1] * shape[2] >= LARGE)


def _across(height: int, width: int) -> tuple[int, int]:
    """How many images of this size stand below and beside each other on a sheet."""
    return max(1, SIDE // height), max(1, SIDE // width)


def _sheets(images: np.ndarray) -> Iterator[np.ndarray]:
    """Bytes (B,) uint8 of sheets of images (N, H, W, C), row by row; grey is three equal ones."""
    _, height, width, _ = images.shape
    down, beside = _across(height, width)
    for piece in chunks(images, down * beside):
        sheet = np.zeros((down * beside, height, width, 3), np.uint8)
        sheet[: len(piece)] = piece
        grid = sheet.reshape(down, beside, height, width, 3).swapaxes(1, 2)
        stream = io.BytesIO()
        page = Image.fromarray(grid.reshape(down * height, beside * width, 3))
        page.save(stream, "WEBP", lossless=True, quality=80, method=4)
        yield np.frombuffer(stream.getvalue(), np.uint8)


def _from_sheets(stored: Any, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Images (N, H, W, C) of a set, of a shape, from its sheets."""
    n, height, width, channels = shape
    down, beside = _across(height, width)
    if math.prod(shape) > MAX_IMAGES or channels not in (1, 3):
        raise ValueError(f"{name} is of no shape that sheets have: {shape}")
    images = np.empty(shape, np.uint8)
    for i, start in enumerate(range(0, n, down * beside)):
        with Image.open(io.BytesIO(stored[f"{name}/sheet{i}"].tobytes()), formats=["WEBP"]) as page:
            if page.size != (beside * width, down * height):
                raise ValueError(f"sheet {i} of {name} is of another size: {page.size}")
            grid = np.asarray(page.convert("RGB")).reshape(down, height, beside, width, 3)
        flat = grid.swapaxes(1, 2).reshape(-1, height, width, 3)[..., :channels]
        images[start : start + len(flat)] = flat[: n - start]
    return images


def read_reference(path: Path, name: str, model: str = "") -> Mapping[str, Pictures]:
    """Images of all sets of a reference.npz, by set.

    Args:
        path: of the file.
        name: the scenario's, for messages.
        model: that it trains first, by its name; "": none is said.

    Raises:
        ScenarioError: it is missing or damaged; `Untrained` where there is no model either.
    """
    try:
        with opened_npz(path) as stored:
            sets = {key.rpartition("/")[0] for key in stored.files}
            return freeze({s: _pictures(stored, s) for s in sets})
    except FileNotFoundError as error:
        raise _without(path.parent, name, model) from error
    except Exception as error:  # zlib, zipfile and numpy each have their own for a damaged file
        raise ScenarioError(f"{name}/reference.npz cannot be read: {no_arrays(error)}") from error


def _without(folder: Path, name: str, model: str) -> ScenarioError:
    """Why there are no pictures: nobody trained yet, or they were taken away."""
    command = f"`python -m core train {name}/{model}`" if model else "training"
    files = (p for end in ("json", "safetensors") for p in folder.glob(f"[!.]*.{end}"))
    if any(path.name != "scenario.json" for path in files):
        return ScenarioError(f"{name}/reference.npz is missing: {command} makes it from its data")
    return Untrained(f"no model of {name} is trained yet: {command} trains one")


def _pictures(stored: Any, name: str) -> Pictures:
    """A stored set; grey images may do without a channel."""
    images, sha256 = _images(stored, name)
    version = str(stored[f"{name}/version"]) if f"{name}/version" in stored.files else ""
    labels = stored[f"{name}/labels"]
    if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
        raise ValueError(
            f"labels of {name} must be {len(images)} whole numbers, got {labels.shape} "
            f"{labels.dtype}"
        )
    labels = labels.astype(int)
    packed = stored[f"{name}/masks"] if f"{name}/masks" in stored.files else None
    if packed is not None:
        n, height, width = images.shape[:3]
        wanted = (n, -(-height * width // 8))
        if packed.shape != wanted or packed.dtype != np.uint8:
            raise ValueError(
                f"masks of {name} must be {wanted} uint8, got {packed.shape} {packed.dtype}"
            )
    return Pictures(name, images, labels, packed, sha256, version)


def _images(stored: Any, name: str) -> tuple[Images, str]:
    """Images of a stored set, and the sha256 of their pixels where they are not here."""
    if f"{name}/images" in stored.files:
        images = stored[f"{name}/images"]
        images = images[..., None] if images.ndim == 3 else images
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
            raise ValueError(
                f"images of {name} must be (N, H, W, 1|3) uint8, got {images.shape} {images.dtype}"
            )
        if not images.size:
            raise ValueError(f"{name} holds no images")
        return images, ""
    shape = tuple(int(side) for side in stored[f"{name}/shape"])
    if len(shape) != 4 or min(shape) < 1 or len(stored[f"{name}/labels"]) != shape[0]:
        raise ValueError(f"{name} is of no shape that images have: {shape}")
    if f"{name}/sha256" in stored.files:
        return Absent(shape, f"the pictures of {name} are not shipped"), str(
            stored[f"{name}/sha256"]
        )
    return _from_sheets(stored, name, shape), ""
