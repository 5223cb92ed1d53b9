"""Any image file to the grey picture that detectors see, and what was done to it on the way."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from core.errors import OutskirtsError

__all__ = ["ImageError", "Item", "Picture", "decode", "from_array", "pad", "read_items"]

MAX_PIXELS = 40_000_000
SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm",
    ".npy", ".npz",
)  # fmt: skip


class ImageError(OutskirtsError):
    """A file or array is not an image that can be read."""


@dataclass(frozen=True)
class Picture:
    """A grey picture (H, W) uint8 of the asked size, with what was done to get it."""

    image: np.ndarray
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Item:
    """One image of the user: its id and either a picture or the reason why there is none."""

    id: str
    picture: Picture | None
    error: str = ""


def pad(images: np.ndarray, border: int) -> np.ndarray:
    """Add ``border`` zeros on each side of images (N, H, W).

    Example:
        >>> pad(np.ones((1, 2, 2), np.uint8), 1)[0].tolist()
        [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    """
    return np.pad(images, ((0, 0), (border, border), (border, border)))


def decode(data: bytes, size: int) -> Picture:
    """Decode an image file to grey, fitted into size x size on black, upright by its EXIF tag.

    Raises:
        ImageError: unreadable, truncated, or of more than 40 megapixels.
    """
    if not data:
        raise ImageError("the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the check is ours
            opened = Image.open(io.BytesIO(data))
        if opened.width * opened.height > MAX_PIXELS:
            raise ImageError(
                f"{opened.width}x{opened.height} is more than {MAX_PIXELS // 1_000_000} megapixels"
            )
        opened.load()
        return _fit(opened, size)
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError("not an image file that can be read") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"more than {MAX_PIXELS // 1_000_000} megapixels") from error
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error and others
        raise ImageError(f"damaged or truncated: {error}") from error


def _fit(image: Image.Image, size: int) -> Picture:
    notes = []
    upright = ImageOps.exif_transpose(image)
    if image.getexif().get(0x0112, 1) in range(2, 9):  # the orientation tag; 1 is upright
        notes.append("turned upright by its EXIF tag")
    if getattr(image, "n_frames", 1) > 1:
        notes.append(f"first of {image.n_frames} frames")  # type: ignore[attr-defined]
    grey, levels = _grey(upright)
    if upright.mode != "L":
        notes.append(f"{upright.mode} made grey{levels}")
    if grey.size != (size, size):
        notes.append(f"{grey.width}x{grey.height} fitted to {size}x{size}")
        grey = ImageOps.pad(grey, (size, size), Image.Resampling.LANCZOS, color=0)
    return Picture(np.asarray(grey), tuple(notes))


def _grey(image: Image.Image) -> tuple[Image.Image, str]:
    """A grey image of 8 bits, and how its levels were mapped where that is a choice of ours."""
    if image.mode.startswith("I;16"):
        return _levels(image, 0.0, 65535.0)
    if image.mode in ("I", "F"):
        return _levels(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba)
    return image.convert("L"), ""


def _levels(
    image: Image.Image, low: float | None = None, high: float | None = None
) -> tuple[Image.Image, str]:
    """Levels low..high, by default the image's own lowest and highest, as 0..255."""
    values = np.asarray(image, dtype=np.float32)
    if not np.isfinite(values).all():
        raise ImageError("holds NaN or infinite values")
    low = float(values.min()) if low is None else low
    high = float(values.max()) if high is None else high
    scaled = (values - low) * (255 / ((high - low) or 1))
    return Image.fromarray(scaled.round().astype(np.uint8)), f", levels {low:g}..{high:g} as 0..255"


def from_array(array: np.ndarray, size: int) -> list[Picture]:
    """Pictures of an array (N, H, W[, C]) or (H, W) uint8.

    Raises:
        ImageError: another shape or type.
    """
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        raise ImageError(f"the array holds NaN or infinite values ({array.dtype})")
    if array.dtype != np.uint8:
        raise ImageError(f"the array must be uint8 in 0..255, got {array.dtype}")
    if array.ndim == 3 and array.shape[2] in (3, 4):
        raise ImageError(
            f"the array of shape {array.shape} looks like one colour image: make it (1, H, W, C)"
        )
    if array.ndim == 2:
        array = array[None]
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] not in (1, 3, 4)):
        raise ImageError(f"the array must be (N, H, W) or (N, H, W, 1|3|4), got {array.shape}")
    if not array.size:
        raise ImageError(f"the array holds no pixels, its shape is {array.shape}")
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    return [_fit(Image.fromarray(image), size) for image in array]


def read_items(paths: Sequence[Path], size: int) -> Iterator[Item]:
    """Every image of files, arrays and folders (recursive, sorted); a bad file stops nothing."""
    for path in paths:
        if _is_folder(path):
            found = sorted(
                p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()
            )
            if not found:
                yield Item(str(path), None, "the folder holds no image files")
            for file in found:
                yield from _read(file, str(file.relative_to(path)), size)
        else:
            yield from _read(path, path.name, size)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name too long to be one
        return False


def _read(path: Path, name: str, size: int) -> Iterator[Item]:
    try:
        if path.suffix.lower() in (".npy", ".npz"):
            yield from _read_arrays(path, name, size)
        else:
            yield Item(name, decode(path.read_bytes(), size))
    except FileNotFoundError:
        yield Item(name, None, "there is no such file")
    except IsADirectoryError:
        yield Item(name, None, "a folder, not a file")
    except (ImageError, OSError) as error:
        yield Item(name, None, str(error))


def _read_arrays(path: Path, name: str, size: int) -> Iterator[Item]:
    for part, array in _load_arrays(path).items():
        where = f"{name}/{part}" if part else name
        try:
            pictures = from_array(array, size)
        except ImageError as error:
            yield Item(where, None, str(error))
            continue
        for i, picture in enumerate(pictures):
            yield Item(f"{where}#{i}", picture)


def _load_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"": loaded}
        with loaded:
            if len(loaded.files) == 1:
                return {"": loaded[loaded.files[0]]}
            if not loaded.files:
                raise ImageError("the file holds no arrays")
            return {key: loaded[key] for key in loaded.files}
    except (FileNotFoundError, ImageError):
        raise
    except Exception as error:  # zipfile, zlib, ValueError for pickles and cut headers
        raise ImageError(f"not a readable numpy file: {error}") from error
