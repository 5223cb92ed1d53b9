"""An image of any mode as grey or colours of 8 bits: bands at a time, no second one beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from PIL import Image

from core.data.picture import ImageError
from core.data.tags import BITS, PHOTOMETRIC, SIGN, tag_of
from core.shape import Shape

__all__ = ["WITH_ALPHA", "in_words", "made_bytes", "toned", "varies"]

BAND = 1_000_000  # pixels that are converted at once
FINER = 4  # times as large as it will be, a picture in colours is before it is fitted

GREY = ("1", "L", "LA", "La")
WITH_ALPHA = ("RGBA", "LA", "PA", "La", "RGBa")
IN_COLOURS = ("RGB", "RGBA", "RGBX")  # whose colours are taken as they are
WORDS = {  # for modes whose names are Pillow's alone
    "1": "black and white",
    "L": "grey",
    "LA": "grey with alpha",
    "La": "grey with alpha",
    "P": "palette",
    "PA": "palette with alpha",
    "I": "32-bit grey",
    "F": "floating-point grey",
}


def toned(image: Image.Image, shape: Shape) -> tuple[Image.Image, list[str]]:
    """The image in mode L or RGB, and what was done to its colours for pictures of a shape.

    Files without colours stay L for a shape in colours, too: three channels of it are for later,
    when it is small. In RGB a large image comes smaller, by a whole factor.

    Raises:
        ImageError: its levels or colours cannot be read, or none of it is opaque.
    """
    _check_signs(image)
    mode = _goal(image.mode, shape)
    notes = _said(image.mode, mode, shape)
    if _is_deep(image.mode):
        grey, levels = _levels(image)
        return grey, [", ".join([*notes, levels])]
    factor = _factor(image.size, shape) if mode == "RGB" else 1
    if image.mode in WITH_ALPHA or "transparency" in image.info:
        made, some = _on_white(image, mode, factor)
        return made, [*notes, "transparent pixels became white"] if some else notes
    if image.mode == "LAB":
        raise ImageError("its colours are LAB, which is not read: save it as RGB")
    if image.mode == mode:
        return image if factor == 1 else image.reduce(factor), notes
    return _by_bands(image, lambda band: band.convert(mode), mode, factor), notes


def in_words(mode: str) -> str:
    """What the pixels of a file are, by the mode that Pillow reads them in.

    Example:
        >>> in_words("L"), in_words("I;16B"), in_words("CMYK")
        ('grey', '16-bit grey', 'CMYK')
    """
    return "16-bit grey" if mode.startswith("I;16") else WORDS.get(mode, mode)


def made_bytes(mode: str, size: tuple[int, int], shape: Shape) -> float:
    """Bytes that `toned` makes of each pixel of an image of a mode and size (width, height)."""
    return 1 if _goal(mode, shape) == "L" else 4 / _factor(size, shape) ** 2


def varies(image: Image.Image) -> bool:
    """Whether pixels of an image differ, as its file has them; looked at until some do."""
    first = np.asarray(image.crop((0, 0, 1, 1)))
    return any((np.asarray(band) != first).any() for _, band in _bands(image))


def _goal(mode: str, shape: Shape) -> str:
    return "L" if shape.channels == 1 or mode in GREY or _is_deep(mode) else "RGB"


def _is_deep(mode: str) -> bool:
    return mode in ("I", "F") or mode.startswith("I;16")


def _said(mode: str, goal: str, shape: Shape) -> list[str]:
    """That a file was not of the scenario's kind."""
    if shape.channels == 1:
        return [f"{in_words(mode)} made grey"] if mode != "L" else []
    if goal == "L":
        return [f"{in_words(mode)} made colour, three equal channels"]
    return [f"{in_words(mode)} made RGB"] if mode not in IN_COLOURS else []


def _factor(size: tuple[int, int], shape: Shape) -> int:
    """How many pixels of a large image go into one, each way, before it is fitted, however turned.

    What does not fill the last of them shifts no pixel of the picture by more than a quarter, and
    no second image as large stands beside the first.
    """
    width, height = size
    upright = max(width / shape.width, height / shape.height)
    lying = max(height / shape.width, width / shape.height)
    return max(1, min(int(min(upright, lying) / FINER), BAND // width))


# Bands ------------------------------------------------------------------------------------------


def _bands(image: Image.Image, factor: int = 1) -> Iterator[tuple[int, Image.Image]]:
    """Where each starts, and some rows of an image: about `BAND` pixels, whole factors."""
    rows = max(1, BAND // image.width)
    rows = max(factor, rows - rows % factor)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        yield top, image.crop((0, top, image.width, bottom))


def _by_bands(
    image: Image.Image,
    make: Callable[[Image.Image], Image.Image],
    mode: str = "L",
    factor: int = 1,
) -> Image.Image:
    whole = Image.new(mode, (-(-image.width // factor), -(-image.height // factor)))
    for top, band in _bands(image, factor):
        piece = make(band)
        whole.paste(piece if factor == 1 else piece.reduce(factor), (0, top // factor))
    return whole


def _on_white(image: Image.Image, mode: str, factor: int) -> tuple[Image.Image, bool]:
    """What is transparent white, as in a browser or on paper; and whether anything was."""
    least, most = 255, 0

    def make(band: Image.Image) -> Image.Image:
        nonlocal least, most
        rgba = (band.convert("LA") if band.mode == "La" else band).convert("RGBA")
        low, high = rgba.getchannel("A").getextrema()
        least, most = min(least, int(low)), max(most, int(high))  # type: ignore[arg-type]
        if low == 255:
            return rgba.convert(mode)
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert(mode)

    made = _by_bands(image, make, mode, factor)
    if not most:
        raise ImageError("every pixel of it is transparent")
    return made, least < 255


# Levels of more than 8 bits ---------------------------------------------------------------------


def _check_signs(image: Image.Image) -> None:
    bits = tag_of(image, BITS) or 1
    if tag_of(image, SIGN) == 2 and bits <= 16:
        half = 2 ** (bits - 1)
        raise ImageError(
            f"its levels are signed ({-half}..{half - 1}): save it with levels 0..{2 * half - 1}"
        )


def _levels(image: Image.Image) -> tuple[Image.Image, str]:
    """Levels as 0..255: of 16 bits from none to all, of others from the lowest to the highest."""
    # Pillow reads 32 bits as signed, whatever the file says.
    unsigned = image.mode == "I" and tag_of(image, BITS) == 32 and tag_of(image, SIGN) in (None, 1)

    def values_of(band: Image.Image) -> np.ndarray:
        return np.asarray(band).view(np.uint32) if unsigned else np.asarray(band)

    low, high = 0.0, _highest(image)
    if not high:
        low, high = _range(values_of(band) for _, band in _bands(image))
    scale = 255 / ((high - low) or 1)
    inverted = tag_of(image, PHOTOMETRIC) == 0  # "white is zero"; Pillow heeds it to 8 bits only

    def make(band: Image.Image) -> Image.Image:
        scaled = ((values_of(band).astype(np.float64) - low) * scale).round().astype(np.uint8)
        return Image.fromarray(255 - scaled if inverted else scaled)

    first, last = (high, low) if inverted else (low, high)
    return _by_bands(image, make), f"levels {first:g}..{last:g} as 0..255"


def _highest(image: Image.Image) -> float:
    """The highest level that the file's kind can hold; 0 where that says nothing."""
    if image.mode.startswith("I;16"):
        return 2.0 ** (tag_of(image, BITS) or 16) - 1  # a TIFF may have 12
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
