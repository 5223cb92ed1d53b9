"""An image file to a picture of the scenario's shape, in bounded memory whatever the file."""

from __future__ import annotations

import contextlib
import ctypes
import io
import math
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError, _imaging

from core.data.bounds import MAX_PIXELS, NO_MEMORY, check_file, check_length, make_smaller
from core.data.picture import ImageError, Picture, fit, fitted_size, inside, pixels_of, resized
from core.data.remains import warnings_of
from core.data.tags import TURNS, orientation_of
from core.data.tones import in_words, toned, varies
from core.shape import Shape

__all__ = [
    "NO_MEMORY",
    "SUFFIXES",
    "ImageError",
    "Picture",
    "Watch",
    "decode",
    "decode_file",
    "picture_of",
]

# Told of a step: its title, what was done, and the image after it, which does not stay as it is.
Watch = Callable[[str, str, Image.Image | np.ndarray], None]

# Pillow knows some forty more, one of which hands the file to another program (PostScript).
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
SUFFIXES = (
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".bmp", ".gif", ".tif", ".tiff",
    ".webp", ".pbm", ".pgm", ".ppm", ".pnm", ".pfm",
)  # fmt: skip

COUNTED = 100_000  # bytes of a file whose frames are all counted; it takes their square

# A process of many threads (the pages) decodes two files at a time.
_TURNS = threading.BoundedSemaphore(2)

# Pillow warns of large pictures, which are refused below, and of odd tags. Once for the process:
# `warnings.catch_warnings` in a thread changes the filters of all others.
warnings.filterwarnings("ignore", module=r"PIL\.")

# The reader of TIFF writes lines of its own to standard error; what is wrong is said by the file's
# name. Another build of Pillow may not have it so.
with contextlib.suppress(OSError, AttributeError):
    ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)


def decode(
    data: bytes,
    shape: Shape,
    *,
    watch: Watch | None = None,
    charge: Callable[[int], None] | None = None,
) -> Picture:
    """Decode the data of an image file: its first frame, upright by EXIF, transparent made white.

    It is made grey or in colours as the shape is, and as large as the shape holds it whole, in the
    middle of black. What was done is noted, and warned of where it left next to nothing.

    Args:
        watch: shown the image as the file has it, and after each thing that was done to it.
        charge: told how many pixels are about to be decoded; what it raises is raised.

    Raises:
        ImageError: unreadable, truncated, too large, or nothing of it is left at that size.
    """
    check_length(len(data))
    told = _Told(watch or _unwatched, charge or _uncharged)
    return _decode(io.BytesIO(data), len(data), shape, told)


def decode_file(path: Path, shape: Shape) -> Picture:
    """Decode the file at a path as `decode` does, without reading it whole first.

    Raises:
        ImageError: as `decode`, or it is a pipe or a device.
        OSError: it is not there, a folder, or may not be read.
    """
    length = check_file(path)
    check_length(length)
    with path.open("rb") as stream:
        return _decode(stream, length, shape, _Told())


def picture_of(image: Image.Image, shape: Shape) -> Picture:
    """The picture of pixels in memory; the image is closed.

    Raises:
        ImageError: its colours cannot be read, or nothing of it is left at that size.
    """
    full, varied = image.size, varies(image)
    tone, notes = _toned(image, shape)
    return _fitted(tone, shape, notes, full=full, varied=varied)


def _unwatched(title: str, note: str, image: Image.Image | np.ndarray) -> None:
    """What is told of each step where nobody watches."""


def _uncharged(pixels: int) -> None:
    """What is told of the pixels where nobody counts them."""


class _Told(NamedTuple):
    """Who is told of each step, and of how many pixels are about to be decoded."""

    watch: Watch = _unwatched
    charge: Callable[[int], None] = _uncharged


def _decode(stream: BinaryIO, length: int, shape: Shape, told: _Told) -> Picture:
    try:
        with _TURNS, Image.open(stream, formats=FORMATS) as opened:
            return _picture(opened, length, shape, told)
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError("not an image file that can be read") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"more than {MAX_PIXELS // 1_000_000} megapixels") from error
    except MemoryError as error:
        raise ImageError(NO_MEMORY) from error
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error and others
        raise ImageError(_reason(error)) from error


def _reason(error: Exception) -> str:
    said = str(error) or type(error).__name__
    if "MAX_TEXT_" in said:
        return "a text or a colour profile in it unpacks to more than 1 MB, which is not read"
    if "out of memory" in said:  # a decoder's own word, in an OSError
        return NO_MEMORY
    return f"damaged or truncated: {said}"


def _picture(image: Image.Image, length: int, shape: Shape, told: _Told) -> Picture:
    """The picture of an opened file, whose pixels are not read yet."""
    full, watch = image.size, told.watch
    if not min(full):
        raise ImageError(f"{full[0]}x{full[1]}: it has no pixels")
    make_smaller(image, shape)
    told.charge(math.prod(image.size))
    frames = _frames(image, length)  # before the pixels: a GIF would be decoded twice
    marked = orientation_of(image)
    image.load()
    left = orientation_of(image)  # Pillow itself turns a TIFF
    notes = ["turned upright by its EXIF tag"] if marked in TURNS else []
    varied = varies(image)
    by_reader = notes if left not in TURNS else []
    watch("As the file has it", _words([_stated(image, full), *by_reader, *frames]), image)
    tone, more = _toned(image, shape)
    if more:
        watch("Colours and levels", _words(more), tone)
    if left in TURNS:
        tone = _turned(tone, left)
        full = full[::-1] if left >= 5 else full
        watch("Upright", _words(notes), tone)
    notes = [*notes, *frames, *more]
    return _fitted(tone, shape, notes, full=full, varied=varied, watch=watch)


def _stated(image: Image.Image, full: tuple[int, int]) -> str:
    """What the head of a file says of it."""
    return f"{image.format}, {full[0]}x{full[1]}, {in_words(image.mode)}"


def _words(notes: list[str]) -> str:
    return "; ".join(notes)


def _toned(image: Image.Image, shape: Shape) -> tuple[Image.Image, list[str]]:
    """As `toned`; what it was made of makes room before it is turned or fitted."""
    tone, notes = toned(image, shape)
    if tone is not image:
        image.close()
    return tone, notes


def _turned(image: Image.Image, how: int) -> Image.Image:
    turned = image.transpose(TURNS[how])
    image.close()
    return turned


def _frames(image: Image.Image, length: int) -> list[str]:
    """A note on further frames. They are counted where that is quick, and else looked for."""
    if not getattr(image, "is_animated", False):
        return []
    stated = image.format in ("PNG", "WEBP", "MPO")  # the number stands in the file's head
    count = image.n_frames if stated or length <= COUNTED else "several"  # type: ignore[attr-defined]
    return [f"first of {count} frames"]


def _fitted(
    image: Image.Image,
    shape: Shape,
    notes: list[str],
    *,
    full: tuple[int, int],
    varied: bool,
    watch: Watch = _unwatched,
) -> Picture:
    """The picture of an upright image, mode L or RGB.

    Args:
        full: its size in the file, upright.
        varied: whether its pixels differed in the file.
    """
    width, height = fitted_size(*full, shape)
    if not image.size == shape.size == full:
        image = fit(image, shape, full=full)
        notes = [*notes, _change(full, (width, height), to=shape.size, how="fitted ")]
    pixels = pixels_of(image.convert("RGB" if shape.channels == 3 else "L"))
    left, top = inside((width, height), shape)
    own = pixels[top : top + height, left : left + width]
    if full != shape.size:
        watch("Fitted", _change(full, (width, height), to=(width, height)), own)
    if (width, height) != shape.size:
        watch("On black", f"{width}x{height} in the middle of {shape.width}x{shape.height}", pixels)
    return Picture(pixels, tuple(notes), warnings_of(own, full, varied=varied))


def _change(
    full: tuple[int, int], fitted: tuple[int, int], *, to: tuple[int, int], how: str = ""
) -> str:
    """From what size to which, and by how much it was shrunk or enlarged on the way."""
    by = resized(full, fitted)
    return f"{full[0]}x{full[1]} {how}to {to[0]}x{to[1]}" + (f", {by}" if by else "")
