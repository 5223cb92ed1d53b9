"""Arrays to pictures: what their heads say is looked at before anything else is read."""

from __future__ import annotations

import math
import operator
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as numpy_format
from PIL import Image

from core.data.bounds import NO_MEMORY, check_file, check_size
from core.data.decode import picture_of
from core.data.picture import ImageError, Picture, check_fits, fitted_size
from core.data.tones import made_bytes
from core.data.unpacking import (
    MAX_MEMBER,
    Allowance,
    Spent,
    Unpacking,
    entries_of,
    packed_size,
    refusal_of,
    shortened,
)
from core.shape import Shape

__all__ = ["arrays_in", "from_array", "read_arrays"]

MAX_ARRAY = 2**30  # bytes of an array: 1.3 million pictures of 28x28
MAX_PICTURES = 1_500_000
FLAT = 28 * 28  # how long the rows are that MNIST is often kept in
MODES = {3: "RGB", 4: "RGBA"}  # of so many channels
CHUNK = 2**20

UNREADABLE = "not a readable numpy file"


def from_array(array: np.ndarray, shape: Shape) -> list[Picture]:
    """Pictures of an array (N, H, W[, C]) or (H, W) uint8.

    Raises:
        ImageError: another shape or type, too large, or nothing is left at that shape.
    """
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        raise ImageError(f"the array holds NaN or infinite values ({array.dtype})")
    _check(array.shape, array.dtype, shape)
    return [picture_of(image, shape) for image in _images(array)]


def read_arrays(path: Path, shape: Shape) -> Iterator[tuple[str, Picture | ImageError]]:
    """Pictures of the .npy or .npz file at a path, each with its place: ``#3`` or ``/key#3``.

    What cannot be read comes as the reason, in its place; the rest is read.

    Raises:
        ImageError: the file is no array file.
        OSError: it is not there, or may not be read.
    """
    length = check_file(path)
    with path.open("rb") as stream:
        yield from arrays_in(stream, length, shape)


def arrays_in(
    stream: IO[bytes], length: int, shape: Shape, *, allowance: Allowance | None = None
) -> Iterator[tuple[str, Picture | ImageError]]:
    """Pictures of a .npy or .npz stream of a length in bytes, as `read_arrays` gives those of one.

    Args:
        allowance: what archives of a visitor may cost; without it, what arrays may at all.

    Raises:
        ImageError: it is no array file.
        Spent: all archives have unpacked to as much as they may.
    """
    if not length:
        raise ImageError("the file is empty")
    first = stream.read(2)
    stream.seek(0)
    if first == b"PK":  # a zip, whatever its name
        yield from _zipped(stream, shape, allowance)
    else:
        yield from _numbered("", _read(stream, length, shape), shape)


def _zipped(
    stream: IO[bytes], shape: Shape, allowance: Allowance | None
) -> Iterator[tuple[str, Picture | ImageError]]:
    try:
        archive, _ = entries_of(stream, allowance or Allowance.of_one_user())
    except ImageError as error:
        raise ImageError(f"{UNREADABLE}: {error}") from error
    with archive:
        members = [member for member in archive.infolist() if not member.filename.endswith("/")]
        if not members:
            raise ImageError("the file holds no arrays")
        for member in members:
            name = shortened(member.filename.removesuffix(".npy"))
            part = f"/{name}" if len(members) > 1 else ""
            try:
                array = _member(archive, member, shape, allowance)
            except Spent:
                raise
            except ImageError as error:
                yield part, error
            else:
                yield from _numbered(part, array, shape)


def _member(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    shape: Shape,
    allowance: Allowance | None,
) -> np.ndarray:
    try:
        if why := refusal_of(member):
            raise ImageError(why)
        with archive.open(member) as stream:
            if allowance is None:
                return _read(stream, member.file_size, shape)
            counted = Unpacking(stream, packed_size(archive, member), allowance)
            return _read(counted, min(member.file_size, MAX_MEMBER + 1), shape)
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(NO_MEMORY) from error
    except Exception as error:  # zlib.error, BadZipFile, RuntimeError where there is a password
        raise ImageError(f"{UNREADABLE}: {error}") from error


def _numbered(
    part: str, array: np.ndarray, shape: Shape
) -> Iterator[tuple[str, Picture | ImageError]]:
    for i, image in enumerate(_images(array)):
        try:
            yield f"{part}#{i}", picture_of(image, shape)
        except ImageError as error:
            yield f"{part}#{i}", error


def _images(array: np.ndarray) -> Iterator[Image.Image]:
    """Each picture of a checked array."""
    if array.ndim == 2:
        array = array[None]
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    for pixels in array:
        yield Image.fromarray(pixels)


def _read(stream: IO[bytes] | Unpacking, length: int, shape: Shape) -> np.ndarray:
    """The array of a .npy stream of so many bytes, if its head says that it holds pictures."""
    sides, fortran, dtype = _head(stream)
    if dtype.hasobject:
        raise ImageError(f"{UNREADABLE}: it holds Python objects, not pixels")
    _check(sides, dtype, shape)
    pixels = np.empty(min(math.prod(sides), length), np.uint8)
    view, at = pixels.data, 0
    while at < len(pixels) and (count := stream.readinto(view[at : at + CHUNK])):  # type: ignore[union-attr]
        at += count
    stream.read(1)  # the end, where a zip's checksum is compared
    if at < math.prod(sides):
        raise ImageError(f"{UNREADABLE}: it is cut short, {at} bytes of {math.prod(sides)}")
    return pixels.reshape(sides, order="F" if fortran else "C")


def _head(stream: IO[bytes] | Unpacking) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        version = numpy_format.read_magic(stream)
    except ValueError as error:
        raise ImageError(f"{UNREADABLE}: it does not begin as an array does") from error
    old = version == (1, 0)
    read = numpy_format.read_array_header_1_0 if old else numpy_format.read_array_header_2_0
    try:
        sides, fortran, dtype = read(stream)
        return tuple(map(operator.index, sides)), fortran, dtype  # True is a number to numpy's head
    except (ImageError, MemoryError, OSError):  # a bound, not the head
        raise
    except Exception as error:  # the head is parsed as Python; numpy's words advise to trust it
        raise ImageError(f"{UNREADABLE}: its head is damaged") from error


def _check(sides: tuple[int, ...], dtype: np.dtype, shape: Shape) -> None:
    """Refuse an array of these sides that holds no pictures, or more than can be read."""
    if dtype != np.uint8:
        raise ImageError(f"the array must be uint8 in 0..255, got {dtype}")
    if len(sides) == 3 and sides[2] in (3, 4):
        raise ImageError(
            f"the array of shape {sides} looks like one colour image: make it (1, H, W, C)"
        )
    if len(sides) not in (2, 3, 4) or (len(sides) == 4 and sides[3] not in (1, 3, 4)):
        raise ImageError(f"the array must be (N, H, W) or (N, H, W, 1|3|4), got {sides}")
    if min(sides) < 1:
        raise ImageError(f"the array holds no pixels, its shape is {sides}")
    count, height, width, channels = (1, *sides, 1) if len(sides) == 2 else (*sides, 1)[:4]
    if len(sides) == 2:
        _check_rows(height, width, shape)
    what = f"{channels} channels in an array"
    check_size(width, height, per_pixel=_per_pixel(channels, (width, height), shape), what=what)
    if math.prod(sides) > MAX_ARRAY or count > MAX_PICTURES:
        raise ImageError(
            f"the array of shape {sides} is too large: {math.prod(sides) / 2**20:,.0f} MB, and "
            f"an array may have {MAX_ARRAY // 2**20} in {MAX_PICTURES:,} pictures"
        )
    check_fits(width, height, shape)


def _per_pixel(channels: int, size: tuple[int, int], shape: Shape) -> float:
    """Bytes that a pixel of so many channels takes on its way to a picture."""
    return 1 if channels == 1 else 4 + made_bytes(MODES[channels], size, shape)


def _check_rows(rows: int, length: int, shape: Shape) -> None:
    """Refuse pictures that were laid out as rows, as MNIST often is."""
    sides = _sides_of_rows(length, shape)
    if sides is None or rows == length or (rows, length) == (shape.height, shape.width):
        return
    vanishes = 0 in fitted_size(length, rows, shape) and length > 1
    if length in (math.prod(shape), shape.height * shape.width, FLAT) or vanishes:
        whole = ", ".join(map(str, (rows, *sides)))
        raise ImageError(
            f"the array of shape ({rows}, {length}) looks like flat rows: make it ({whole}), or "
            f"(1, {rows}, {length}) if it is one picture"
        )


def _sides_of_rows(length: int, shape: Shape) -> tuple[int, ...] | None:
    """(H, W[, C]) of rows of a length: the scenario's own, or else a square; None: neither."""
    if length == shape.height * shape.width:
        return shape.height, shape.width
    if length == math.prod(shape):
        return shape.pixels
    side = math.isqrt(length)
    return (side, side) if side**2 == length else None
