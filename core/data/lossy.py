"""Whether an image file keeps its pixels, or only what looks like them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from PIL import Image

__all__ = ["is_lossy"]

TIFFS = ("jpeg", "tiff_jpeg", "webp")  # compressions of a TIFF that lose detail
FRAME = 16  # bytes of a WebP's frame before its own chunks


def is_lossy(image: Image.Image, path: Path) -> bool:
    """Whether the file at a path, opened as an image, has lost detail: JPEG, and most of WebP.

    A TIFF has where JPEG or WebP is inside of it. A picture of two levels has many more in such a
    file, and next to black there is what is not quite black.

    Raises:
        OSError: it cannot be read.
    """
    if image.format == "TIFF":
        return image.info.get("compression") in TIFFS
    if image.format == "WEBP":
        with path.open("rb") as stream:
            return next(_chunks(stream), b"") == b"VP8 "
    return image.format in ("JPEG", "MPO")


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Names of a WebP's chunks of pixels, in their order, also of those within a frame."""
    stream.seek(12)
    while len(head := stream.read(8)) == 8:
        name, size = head[:4], int.from_bytes(head[4:], "little")
        if name in (b"VP8 ", b"VP8L"):
            yield name
        stream.seek(FRAME if name == b"ANMF" else size + size % 2, 1)
