"""What a file may cost: refused by its head, before its pixels take memory."""

from __future__ import annotations

import io
import stat
from pathlib import Path

from PIL import Image

from core.data.picture import ImageError
from core.data.tags import ORIENTATION, ROWS, TILE_HEIGHT, TILE_WIDTH, TURNS, tag_of
from core.data.tones import in_words, made_bytes
from core.shape import Shape

__all__ = ["MAX_PIXELS", "NO_MEMORY", "check_file", "check_length", "check_size", "make_smaller"]

MAX_PIXELS = 40_000_000
MAX_MEMORY = 128 * 2**20  # bytes that a decode may take at its peak, beside the file itself
MAX_FILE = 256 * 2**20  # bytes of a file: 40 megapixels of 16-bit colours, not compressed

NO_MEMORY = "too large: there is not enough memory to read it"


def check_file(path: Path) -> int:
    """The bytes of what is at a path, if it is a file.

    Raises:
        ImageError: a pipe or a device, which may never end.
        OSError: it is not there, or a folder.
    """
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(path)
    if not stat.S_ISREG(found.st_mode):
        raise ImageError("a pipe or a device, not a file")
    return found.st_size


def check_length(length: int) -> None:
    """Refuse an image file of a length in bytes that is none or too many.

    Raises:
        ImageError: it has none, or too many.
    """
    if not length:
        raise ImageError("the file is empty")
    if length > MAX_FILE:
        raise ImageError(
            f"too large: {length / 2**20:,.0f} MB, and an image file may have {MAX_FILE // 2**20}"
        )


def check_size(width: int, height: int, *, per_pixel: float, what: str) -> None:
    """Refuse a picture of a width and height that would take too much memory.

    Args:
        per_pixel: bytes that a pixel takes at the peak of its decoding.
        what: what it is, for the message.

    Raises:
        ImageError: too many pixels, for any picture or for this kind.
    """
    for limit, why in (
        (MAX_PIXELS, ""),
        (int(MAX_MEMORY / per_pixel), f", the limit for {what}"),
    ):
        if width * height > limit:
            raise ImageError(f"{width}x{height} is more than {limit // 1_000_000} megapixels{why}")


# The memory of one file ---------------------------------------------------------------------------


def make_smaller(image: Image.Image, shape: Shape) -> None:
    """Let an image that is a large JPEG be decoded at half its size; refuse what is too large.

    Raises:
        ImageError: it would take too much memory to make a picture of that shape of it.
    """
    width, height = image.size
    mode, per_pixel = in_words(image.mode), _per_pixel(image, shape)
    kind = f"{mode} in {image.format}"
    if image.format in ("JPEG", "MPO"):
        waiting = 0.0
        if image.info.get("progressive") or not _one_scan(image):
            waiting, kind = _coefficients(image), f"{mode} in a JPEG of several scans"
        large = width * height * (waiting + per_pixel) > MAX_MEMORY
        if large and image.draft(None, (width // 2, height // 2)):
            per_pixel = _per_pixel(image, shape) / 4
        per_pixel += waiting
    check_size(width, height, per_pixel=per_pixel, what=kind)


def _one_scan(image: Image.Image) -> bool:
    """Whether all colours of a JPEG come together: then its rows are decoded as they are read."""
    stream, at = image.fp, image.fp.tell()  # type: ignore[attr-defined]
    stream.seek(2)
    together = False
    while len(head := stream.read(4)) == 4 and head[0] == 0xFF:
        if head[1] == 0xDA:  # the start of a scan, which says of how many colours
            together = stream.read(1) == bytes([image.layers])  # type: ignore[attr-defined]
            break
        stream.seek(int.from_bytes(head[2:], "big") - 2, io.SEEK_CUR)
    stream.seek(at)
    return together


def _coefficients(image: Image.Image) -> float:
    """Bytes a pixel of a JPEG of several scans, all kept before a pixel is made."""
    factors = [across * down for _, across, down, _ in image.layer]  # type: ignore[attr-defined]
    return 2 * sum(factors) / max(factors)


def _per_pixel(image: Image.Image, shape: Shape) -> float:
    """Bytes that a pixel takes at the peak of its decoding: as read, and as made of it or turned.

    While it is fitted, the first of these has made room.
    """
    raster = {"1": 1, "L": 1, "P": 1}.get(image.mode, 2 if image.mode.startswith("I;16") else 4)
    made = made_bytes(image.mode, image.size, shape)
    if image.format == "WEBP":
        return 4 * 4 + made  # its reader keeps two canvases and a copy
    if image.format == "TIFF":
        turned = max(raster, made) if tag_of(image, ORIENTATION) in TURNS else made
        packed = image.tile[0][0] == "libtiff"  # type: ignore[attr-defined]
        return raster + turned + (4 * _strip(image) if packed else 0)
    return raster + made


def _strip(image: Image.Image) -> float:
    """The share of a TIFF that is unpacked at once: a strip, or a tile, which may be the larger."""
    width, height = image.size
    across, down = tag_of(image, TILE_WIDTH), tag_of(image, TILE_HEIGHT)
    if across is None or down is None:
        return min(1.0, (tag_of(image, ROWS) or height) / height)
    return across * down / (width * height)
