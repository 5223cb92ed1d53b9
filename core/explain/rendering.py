"""A signed map as a picture: one hue above zero, one below, nothing where its scale begins."""

from __future__ import annotations

import io
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image

from core.numerals import MINUS

__all__ = [
    "ABOVE",
    "BELOW",
    "coloured",
    "factor_for",
    "floor_of",
    "limit_of",
    "map_npy",
    "map_png",
    "map_svg",
]

ABOVE = 0xD5, 0x5E, 0x00  # orange
BELOW = 0x00, 0x72, 0xB2  # blue: apart from it for all eyes
QUIET = 0.25  # the share of its pixels that a map of one sign leaves without a colour
ALIKE = 0.01  # of its end: a scale that is no longer would show how values were rounded
SIDE = 448  # pixels that the longer side of a picture has, about
FONT, ROW = 14, 22  # of an SVG's text, in its units; a line of it
SWATCHES = 33  # steps of an SVG's scale


def limit_of(values: np.ndarray) -> float:
    """Where a scale centred at zero ends for values of any shape: the largest in size, or 1.

    Example:
        >>> limit_of(np.array([-3.0, 2.0])), limit_of(np.zeros(2))
        (3.0, 1.0)
    """
    sizes = np.abs(values[np.isfinite(values)])
    return float(sizes.max()) if sizes.size and sizes.max() > 0 else 1.0


def floor_of(values: np.ndarray, limit: float) -> float:
    """How far from zero the colours of a map begin, values of any shape, if they end at a limit.

    At zero, where a map has values of both signs. Of one sign only, such as distances, hardly any
    lies near zero, and coloured from there a map is of one colour all over: its colours begin where
    its quietest quarter ends. That is zero again where a quarter of the pixels says nothing. A map
    whose values are all but equal has nothing to tell apart, and is coloured from zero as well.
    What is not finite does not count.

    Example:
        >>> distances = np.array([2.0, 3.0, 4.0, 5.0, 6.0])
        >>> floor_of(distances, 6.0), floor_of(-distances, 6.0), floor_of(distances - 4, 2.0)
        (3.0, 3.0, 0.0)
        >>> floor_of(np.array([0.0, 0.0, 0.0, 8.0]), 8.0), floor_of(np.full(4, 5.0), 5.0)
        (0.0, 0.0)
    """
    finite = values[np.isfinite(values)]
    if not finite.size or finite.min() < 0 < finite.max():
        return 0.0
    floor = float(np.quantile(np.abs(finite), QUIET))
    return floor if limit - floor > ALIKE * limit else 0.0


def factor_for(values: np.ndarray) -> int:
    """How many pixels a side of a drawn value has, for values (H, W, ...) of a picture.

    Example:
        >>> factor_for(np.zeros((28, 20))), factor_for(np.zeros((9000, 1)))
        (16, 1)
    """
    return max(1, round(SIDE / max(values.shape[:2])))


def coloured(values: np.ndarray, limit: float | None = None) -> np.ndarray:
    """A signed map, values (H, W), as (H, W, 4) uint8: red, green, blue, and how opaque.

    Orange is above zero, blue below. Up to `floor_of` a pixel is transparent, and so is what is not
    finite; at the limit, `limit_of` if none is given, and beyond it is opaque.

    Raises:
        ValueError: the values are no map, or the limit is not above 0.

    Example:
        >>> coloured(np.array([[-1.0, 0.0, 0.5]])).tolist()
        [[[0, 114, 178, 255], [213, 94, 0, 0], [213, 94, 0, 128]]]
        >>> coloured(np.array([[2.0, 3.0, 4.0, 5.0, 6.0]]))[..., 3].tolist()
        [[0, 0, 85, 170, 255]]
    """
    if values.ndim != 2:
        raise ValueError(f"a map must be (H, W), got {values.shape}")
    limit = limit_of(values) if limit is None else limit
    if not limit > 0:
        raise ValueError(f"a limit must be above 0, got {limit}")
    floor = floor_of(values, limit)
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    share = ((np.abs(finite) - floor) / (limit - floor)).clip(0, 1)
    pixels = np.empty((*values.shape, 4), np.uint8)
    pixels[..., :3] = np.where(finite[..., None] < 0, BELOW, ABOVE)
    pixels[..., 3] = np.round(255 * share)
    return pixels


def map_png(values: np.ndarray, limit: float | None = None, *, factor: int | None = None) -> bytes:
    """A signed map, values (H, W), as a PNG file with an alpha channel, `coloured` up to a limit.

    Every value is a square of factor x factor pixels; without a factor the longer side has some
    448.

    Raises:
        ValueError: the values are no map, or the limit is not above 0.

    Example:
        >>> png = map_png(np.array([[-1.0, 1.0]]), factor=3)
        >>> Image.open(io.BytesIO(png)).size
        (6, 3)
    """
    factor = factor or factor_for(values)
    pixels = coloured(values, limit).repeat(factor, 0).repeat(factor, 1)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def map_svg(
    values: np.ndarray, limit: float | None = None, *, title: str = "", unit: str = ""
) -> str:
    """A signed map, values (H, W), as an SVG with a title, and its scale to the limit in a unit.

    Raises:
        ValueError: the values are no map, or the limit is not above 0.

    Example:
        >>> svg = map_svg(np.array([[-1.0, 0.0], [0.0, 2.0]]), title="A < B", unit="nats")
        >>> svg.count('class="value"'), "A &lt; B" in svg, "2 nats" in svg
        (2, True, True)
    """
    limit = limit_of(values) if limit is None else limit
    height, width = values.shape
    size = factor_for(values)
    across, down = width * size, height * size
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across} {down + 3 * ROW}" '
        f'width="{across}" height="{down + 3 * ROW}" font-family="sans-serif" '
        f'font-size="{FONT}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{across}" height="{down + 3 * ROW}" fill="#FFFFFF"/>',
        f'<text x="4" y="{FONT + 2}" fill="#1B2429">{escape(title)}</text>',
        f'<g transform="translate(0 {ROW})" shape-rendering="crispEdges">',
        *_squares(coloured(values, limit), size),
        f'<rect width="{across}" height="{down}" fill="none" stroke="#77838B"/>',
        "</g>",
        *_scale(*_ends(values, limit), across=across, top=down + ROW + 4, unit=unit),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _squares(pixels: np.ndarray, size: int) -> list[str]:
    """A square for every pixel that is not transparent."""
    return [
        f'<rect class="value" x="{column * size}" y="{row * size}" width="{size}" '
        f'height="{size}" {_fill(pixels[row, column])}/>'
        for row, column in np.argwhere(pixels[..., 3])
    ]


def _fill(pixel: np.ndarray) -> str:
    red, green, blue, opaque = (int(level) for level in pixel)
    return f'fill="#{red:02X}{green:02X}{blue:02X}" fill-opacity="{opaque / 255:.3g}"'


def _ends(values: np.ndarray, limit: float) -> tuple[float, float]:
    """The values at which the scale of a map begins and ends, the lower one first."""
    floor = floor_of(values, limit)
    if not floor:
        return -limit, limit
    return (floor, limit) if np.nanmax(values) > 0 else (-limit, -floor)


def _scale(low: float, high: float, *, across: int, top: int, unit: str) -> list[str]:
    """From low to high, which are written below, and so is zero where it is amid."""
    swatch, both = across / SWATCHES, low < 0 < high
    places = (-1 if low < 0 else 0), (1 if high > 0 else 0)
    steps = coloured(np.array([[-1.0, *np.linspace(*places, SWATCHES), 1.0]]), 1.0)[0, 1:-1]
    bar = [
        f'<rect x="{i * swatch:.2f}" y="{top}" width="{swatch:.2f}" height="12" {_fill(pixel)}/>'
        for i, pixel in enumerate(steps)
    ]
    first, last = (f"{'' if v > 0 else MINUS}{abs(v):.3g} {unit}".strip() for v in (low, high))
    amid = [(across / 2, "middle", "0")] if both else []
    words = [(4, "start", first), *amid, (across - 4, "end", last)]
    texts = [
        f'<text x="{x:.0f}" y="{top + 12 + FONT}" text-anchor="{anchor}" fill="#1B2429">'
        f"{escape(text)}</text>"
        for x, anchor, text in words
    ]
    return [*bar, *texts]


def map_npy(values: np.ndarray) -> bytes:
    """A signed map, values (H, W), as an .npy file of float32.

    Example:
        >>> np.load(io.BytesIO(map_npy(np.array([[0.5, -2.0]])))).tolist()
        [[0.5, -2.0]]
    """
    stream = io.BytesIO()
    np.save(stream, values.astype(np.float32))
    return stream.getvalue()
