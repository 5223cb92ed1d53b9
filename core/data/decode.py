"""An image file to the grey picture that detectors see, in bounded memory whatever the file."""

from __future__ import annotations

import io
import stat
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from core.errors import OutskirtsError

__all__ = [
    "NO_MEMORY",
    "SUFFIXES",
    "ImageError",
    "Picture",
    "check_file",
    "check_shape",
    "check_size",
    "decode",
    "decode_file",
    "grey_picture",
]

# Pillow knows some forty more, one of which hands the file to another program (PostScript).
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
SUFFIXES = (
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".bmp", ".gif", ".tif", ".tiff",
    ".webp", ".pbm", ".pgm", ".ppm", ".pnm", ".pfm",
)  # fmt: skip

MAX_PIXELS = 40_000_000
MAX_MEMORY = 128 * 2**20  # bytes that a decode may take at its peak, beside the file itself
MAX_FILE = 256 * 2**20  # bytes of a file: 40 megapixels of 16-bit colours, not compressed
COUNTED = 100_000  # bytes of a file whose frames are all counted; it takes their square
BAND = 1_000_000  # pixels that are made grey at once

NO_MEMORY = "too large: there is not enough memory to read it"

# A process of many threads (the pages) decodes two files at a time.
_TURNS = threading.BoundedSemaphore(2)

# Pillow warns of large pictures, which are refused below, and of odd tags. Once for the process:
# `warnings.catch_warnings` in a thread changes the filters of all others.
warnings.filterwarnings("ignore", module=r"PIL\.")

# Tags of TIFF and EXIF.
ORIENTATION, BITS, PHOTOMETRIC, ROWS, SIGN = 0x0112, 258, 262, 278, 339
TILE_WIDTH, TILE_HEIGHT = 322, 323
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class ImageError(OutskirtsError):
    """A file or array is not an image that can be read."""


@dataclass(frozen=True)
class Picture:
    """A grey picture (H, W) uint8 of the asked size, with what was done to get it."""

    image: np.ndarray
    notes: tuple[str, ...]


def decode(data: bytes, size: int) -> Picture:
    """Decode an image file to grey, fitted into size x size on black, upright by its EXIF tag.

    Raises:
        ImageError: unreadable, truncated, too large, or nothing of it is left at that size.
    """
    _check_length(len(data))
    return _decode(io.BytesIO(data), len(data), size)


def decode_file(path: Path, size: int) -> Picture:
    """Decode a file as `decode` does, without reading it whole first.

    Raises:
        ImageError: as `decode`, or it is a pipe or a device.
        OSError: it is not there, a folder, or may not be read.
    """
    length = check_file(path)
    _check_length(length)
    with path.open("rb") as stream:
        return _decode(stream, length, size)


def check_file(path: Path) -> int:
    """The bytes of a file that is one.

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


def check_size(width: int, height: int, *, per_pixel: float, what: str) -> None:
    """Refuse a picture that would take too much memory.

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


def check_shape(width: int, height: int, *, size: int) -> None:
    """Refuse a picture so long and thin that it would vanish when fitted.

    Raises:
        ImageError: not a line of it is left at size x size.
    """
    if round(min(width, height) / max(width, height) * size) < 1:
        raise ImageError(f"{width}x{height}: nothing of it is left at {size}x{size}")


def _check_length(length: int) -> None:
    if not length:
        raise ImageError("the file is empty")
    if length > MAX_FILE:
        raise ImageError(
            f"too large: {length / 2**20:,.0f} MB, and an image file may have {MAX_FILE // 2**20}"
        )


def _decode(stream: BinaryIO, length: int, size: int) -> Picture:
    try:
        with _TURNS, Image.open(stream, formats=FORMATS) as opened:
            return _picture(opened, length, size)
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


def _picture(image: Image.Image, length: int, size: int) -> Picture:
    """The picture of an opened file, whose pixels are not read yet."""
    full = image.size
    if not min(full):
        raise ImageError(f"{full[0]}x{full[1]}: it has no pixels")
    _make_smaller(image)
    frames = _frames(image, length)  # before the pixels: a GIF would be decoded twice
    marked = _orientation(image)
    image.load()
    left = _orientation(image)  # Pillow itself turns a TIFF
    notes = ["turned upright by its EXIF tag"] if marked in TURNS else []
    grey, more = _grey(image)
    if left in TURNS:
        if grey is not image:
            image.close()  # a large one has made room before it is turned
        grey = grey.transpose(TURNS[left])
    if left in TURNS and left >= 5:
        full = full[::-1]
    return _fit(grey, size, [*notes, *frames, *more], full=full)


def _orientation(image: Image.Image) -> int:
    """How a picture is to be turned; 1, not at all, where no tag that can be read says so."""
    if image.format == "PNG":
        image.load()  # its tag may follow its pixels, whose own faults must be told
    try:
        return image.getexif().get(ORIENTATION, 1)
    except MemoryError:
        raise
    except Exception:  # of what a broken tag holds Pillow makes errors of many kinds
        return 1


def grey_picture(image: Image.Image, size: int) -> Picture:
    """The picture of pixels in memory.

    Raises:
        ImageError: its colours cannot be made grey, or nothing of it is left at that size.
    """
    grey, notes = _grey(image)
    return _fit(grey, size, notes, full=image.size)


# Memory -----------------------------------------------------------------------------------------


def _make_smaller(image: Image.Image) -> None:
    """Let a large JPEG be decoded at half its size, and refuse what is too large."""
    width, height = image.size
    kind, per_pixel = f"{image.mode} in {image.format}", _per_pixel(image)
    if image.format in ("JPEG", "MPO"):
        kept = 0.0
        if image.info.get("progressive") or not _one_scan(image):
            kept, kind = _coefficients(image), f"{image.mode} in a JPEG of several scans"
        large = width * height * (kept + per_pixel) > MAX_MEMORY
        if large and image.draft(None, (width // 2, height // 2)):
            per_pixel /= 4
        per_pixel += kept
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


def _per_pixel(image: Image.Image) -> float:
    """Bytes that a pixel takes at the peak of its decoding: as read, and as grey."""
    raster = {"1": 1, "L": 1, "P": 1}.get(image.mode, 2 if image.mode.startswith("I;16") else 4)
    if image.format == "WEBP":
        return 4 * 4 + 1  # its reader keeps two canvases and a copy
    if image.format == "TIFF":
        turned = raster if _tag(image, ORIENTATION) in TURNS else 1
        packed = image.tile[0][0] == "libtiff"  # type: ignore[attr-defined]
        return raster + turned + (4 * _strip(image) if packed else 0)
    return raster + 1


def _strip(image: Image.Image) -> float:
    """The share of a TIFF that is unpacked at once: a strip, or a tile, which may be the larger."""
    width, height = image.size
    across, down = _tag(image, TILE_WIDTH), _tag(image, TILE_HEIGHT)
    if across is None or down is None:
        return min(1.0, (_tag(image, ROWS) or height) / height)
    return across * down / (width * height)


def _frames(image: Image.Image, length: int) -> list[str]:
    """A note on further frames. They are counted where that is quick, and else looked for."""
    if not getattr(image, "is_animated", False):
        return []
    stated = image.format in ("PNG", "WEBP", "MPO")  # the number stands in the file's head
    count = image.n_frames if stated or length <= COUNTED else "several"  # type: ignore[attr-defined]
    return [f"first of {count} frames"]


# Grey -------------------------------------------------------------------------------------------


def _grey(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """A grey image of 8 bits, and what was done for it.

    A large image in colours is made grey band by band, so that no second one is held beside it.
    """
    mode = image.mode
    bits = _tag(image, BITS) or 1
    if _tag(image, SIGN) == 2 and bits <= 16:
        half = 2 ** (bits - 1)
        raise ImageError(
            f"its levels are signed ({-half}..{half - 1}): save it with levels 0..{2 * half - 1}"
        )
    if mode.startswith("I;16") or mode in ("I", "F"):
        return _levels(image)
    notes = [f"{mode} made grey"] if mode != "L" else []
    if mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        grey, least, most = _on_black(image)
        if not most:
            raise ImageError("every pixel of it is transparent")
        return grey, [*notes, "transparent pixels became black"] if least < 255 else notes
    if mode == "L":
        return image, notes
    if mode == "LAB":
        raise ImageError("its colours are LAB, which is not read: save it as RGB")
    return _by_bands(image, lambda band: band.convert("L")), notes


def _bands(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Where each starts, and some rows of an image: about `BAND` pixels."""
    rows = max(1, BAND // image.width)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        yield top, image.crop((0, top, image.width, bottom))


def _by_bands(image: Image.Image, make: Callable[[Image.Image], Image.Image]) -> Image.Image:
    grey = Image.new("L", image.size)
    for top, band in _bands(image):
        grey.paste(make(band), (0, top))
    return grey


def _on_black(image: Image.Image) -> tuple[Image.Image, int, int]:
    """A grey image, and the least and the most opacity of its pixels, 0..255."""
    least, most = 255, 0

    def make(band: Image.Image) -> Image.Image:
        nonlocal least, most
        rgba = (band.convert("LA") if band.mode == "La" else band).convert("RGBA")
        low, high = rgba.getchannel("A").getextrema()
        least, most = min(least, int(low)), max(most, int(high))  # type: ignore[arg-type]
        if low == 255:
            return rgba.convert("L")
        black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, rgba).convert("L")

    grey = _by_bands(image, make)
    return grey, least, most


def _levels(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """Levels as 0..255: of 16 bits from none to all, of others from the lowest to the highest."""
    # Pillow reads 32 bits as signed, whatever the file says.
    unsigned = image.mode == "I" and _tag(image, BITS) == 32 and _tag(image, SIGN) in (None, 1)

    def values_of(band: Image.Image) -> np.ndarray:
        return np.asarray(band).view(np.uint32) if unsigned else np.asarray(band)

    low, high = 0.0, _highest(image)
    if not high:
        low, high = _range(values_of(band) for _, band in _bands(image))
    scale = 255 / ((high - low) or 1)
    inverted = _tag(image, PHOTOMETRIC) == 0  # "white is zero"; Pillow heeds it to 8 bits only

    def make(band: Image.Image) -> Image.Image:
        scaled = ((values_of(band).astype(np.float64) - low) * scale).round().astype(np.uint8)
        return Image.fromarray(255 - scaled if inverted else scaled)

    first, last = (high, low) if inverted else (low, high)
    grey = _by_bands(image, make)
    return grey, [f"{image.mode} made grey, levels {first:g}..{last:g} as 0..255"]


def _highest(image: Image.Image) -> float:
    """The highest level that the file's kind can hold; 0 where that says nothing."""
    if image.mode.startswith("I;16"):
        return 2.0 ** (_tag(image, BITS) or 16) - 1  # a TIFF may have 12
    # A portable grey map is read to 32 bits, and scaled to 16; so was a PNG by older Pillows.
    return 65535.0 if image.mode == "I" and image.format in ("PPM", "PNG") else 0.0


def _range(bands: Iterable[np.ndarray]) -> tuple[float, float]:
    lows, highs = [], []
    for values in bands:
        if not np.isfinite(values).all():
            raise ImageError("holds NaN or infinite values")
        lows.append(float(values.min()))
        highs.append(float(values.max()))
    return min(lows), max(highs)


def _tag(image: Image.Image, number: int) -> int | None:
    """The first value of a TIFF's tag, where it is a TIFF and has it."""
    value = getattr(image, "tag_v2", {}).get(number)
    if isinstance(value, tuple):
        value = value[0] if value else None
    return value if isinstance(value, int) else None


def _fit(grey: Image.Image, size: int, notes: list[str], *, full: tuple[int, int]) -> Picture:
    """Fitted in the middle of a black square; ``full`` is its size in the file, upright."""
    if grey.size == (size, size) == full:
        return Picture(np.asarray(grey), tuple(notes))
    check_shape(*full, size=size)
    notes = [*notes, f"{full[0]}x{full[1]} fitted to {size}x{size}"]
    fitted = ImageOps.pad(grey, (size, size), Image.Resampling.LANCZOS, color=0)
    return Picture(np.asarray(fitted), tuple(notes))
