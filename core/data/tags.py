"""Tags of TIFF and EXIF that say how the pixels of a file are to be read."""

from __future__ import annotations

from PIL import Image

__all__ = [
    "BITS",
    "ORIENTATION",
    "PHOTOMETRIC",
    "ROWS",
    "SIGN",
    "TILE_HEIGHT",
    "TILE_WIDTH",
    "TURNS",
    "orientation_of",
    "tag_of",
]

BITS = 258  # of a sample
PHOTOMETRIC = 262
ORIENTATION = 274
ROWS = 278  # of a strip
TILE_WIDTH = 322
TILE_HEIGHT = 323
SIGN = 339
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def tag_of(image: Image.Image, number: int) -> int | None:
    """The first value of the tag of a number, where an image is a TIFF and has it."""
    value = getattr(image, "tag_v2", {}).get(number)
    if isinstance(value, tuple):
        value = value[0] if value else None
    return value if isinstance(value, int) else None


def orientation_of(image: Image.Image) -> int:
    """How an image is to be turned; 1, not at all, where no tag that can be read says so."""
    if image.format == "PNG":
        image.load()  # its tag may follow its pixels, whose own faults must be told
    try:
        return image.getexif().get(ORIENTATION, 1)
    except MemoryError:
        raise
    except Exception:  # of what a broken tag holds Pillow makes errors of many kinds
        return 1
