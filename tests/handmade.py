"""Image files made by hand, for tests of what reads them."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

from core.data.picture import Picture
from core.shape import Shape

SIZE = 28
GREY, COLOUR = Shape(1, SIZE, SIZE), Shape(3, 48, 64)
CORNER = np.zeros((SIZE, SIZE), np.uint8)  # a bright patch at the top left, to see turns by
CORNER[:10, :6] = 200


def plane(picture: Picture) -> np.ndarray:
    """The levels (H, W) of a grey picture."""
    assert picture.image.shape == GREY.pixels
    return picture.image[..., 0]


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def grey(array: np.ndarray) -> Image.Image:
    return Image.fromarray(array)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width: int, height: int, mode: int = 0) -> bytes:
    """A PNG that claims to be this large and holds a few bytes."""
    header = struct.pack(">IIBBBBB", width, height, 8, mode, 0, 0, 0)
    idat = zlib.compress(bytes(100))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", idat) + chunk(b"IEND", b"")
    )


def large_jpeg(width: int, height: int, **options) -> bytes:
    """A JPEG whose head says that it is this large."""
    data = encoded(Image.new("RGB", (64, 64)), "JPEG", **options)
    return data.replace(
        b"\x08" + struct.pack(">HH", 64, 64), b"\x08" + struct.pack(">HH", height, width), 1
    )


def tiff(array: np.ndarray, bits: int, *, photometric: int = 1, sign: int = 1) -> bytes:
    """An uncompressed little-endian TIFF of an array's bytes, with the tags that are given."""
    height, width = array.shape
    data = array.tobytes()
    tags = [
        (256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 1), (262, 3, photometric),
        (273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, len(data)), (339, 3, sign),
    ]  # fmt: skip
    found = b"II*\0" + struct.pack("<I", 8 + len(data)) + data + struct.pack("<H", len(tags))
    for tag, kind, value in tags:
        packed = struct.pack("<HH", value, 0) if kind == 3 else struct.pack("<I", value)
        found += struct.pack("<HHI", tag, kind, 1) + packed
    return found + struct.pack("<I", 0)


def pages(count: int) -> bytes:
    """A TIFF of so many pages of 4x4."""
    tags = [
        (256, 4, 4), (257, 4, 4), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8),
        (277, 3, 1), (279, 4, 16),
    ]  # fmt: skip
    body = struct.pack("<H", len(tags))
    for tag, kind, value in tags:
        packed = struct.pack("<HH", value, 0) if kind == 3 else struct.pack("<I", value)
        body += struct.pack("<HHI", tag, kind, 1) + packed
    found = b"II*\0" + struct.pack("<I", 24) + b"\x80" * 16
    for i in range(count):
        following = 0 if i == count - 1 else 24 + (i + 1) * (len(body) + 4)
        found += body + struct.pack("<I", following)
    return found
