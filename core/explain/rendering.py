"""A signed map as a picture: one hue above zero, one below, and nothing at zero."""

from __future__ import annotations

import io
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image

__all__ = ["ABOVE", "BELOW", "coloured", "factor_for", "limit_of", "map_npy", "map_png", "map_svg"]

ABOVE = 0xD5, 0x5E, 0x00  # orange
BELOW = 0x00, 0x72, 0xB2  # blue: apart from it for all eyes
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


def factor_for(values: np.ndarray) -> int:
    """How many pixels a side of a drawn value has, for values (H, W, ...) of a picture.

    Example:
        >>> factor_for(np.zeros((28, 20))), factor_for(np.zeros((9000, 1)))
        (16, 1)
    """
    return max(1, round(SIDE / max(values.shape[:2])))


def coloured(values: np.ndarray, limit: float | None = None) -> np.ndarray:
    """A signed map, values (H, W), as (H, W, 4) uint8: red, green, blue, and how opaque.

    Orange is above zero, blue below; zero is transparent, and so is what is not finite. At the
    limit, `limit_of` if none is given, and beyond a pixel is opaque.

    Raises:
        ValueError: the values are no map, or the limit is not above 0.

    Example:
        >>> coloured(np.array([[-1.0, 0.0, 0.5]])).tolist()
        [[[0, 114, 178, 255], [213, 94, 0, 0], [213, 94, 0, 128]]]
    """
    if values.ndim != 2:
        raise ValueError(f"a map must be (H, W), got {values.shape}")
    limit = limit_of(values) if limit is None else limit
    if not limit > 0:
        raise ValueError(f"a limit must be above 0, got {limit}")
    share = np.nan_to_num(values / limit, nan=0.0, posinf=0.0, neginf=0.0).clip(-1, 1)
    pixels = np.empty((*values.shape, 4), np.uint8)
    pixels[..., :3] = np.where(share[..., None] < 0, BELOW, ABOVE)
    pixels[..., 3] = np.round(255 * np.abs(share))
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
    """A signed map, values (H, W), as an SVG with a title, and a scale to the limit in a unit.

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
        *_scale(across, down + ROW + 4, limit=limit, unit=unit),
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


def _scale(across: int, top: int, *, limit: float, unit: str) -> list[str]:
    """From -limit to +limit, with its ends and zero written below."""
    swatch = across / SWATCHES
    steps = coloured(np.linspace(-1, 1, SWATCHES)[None], 1.0)[0]
    bar = [
        f'<rect x="{i * swatch:.2f}" y="{top}" width="{swatch:.2f}" height="12" {_fill(pixel)}/>'
        for i, pixel in enumerate(steps)
    ]
    end = f"{limit:.3g} {unit}".strip()
    words = [(4, "start", f"\u2212{end}"), (across / 2, "middle", "0"), (across - 4, "end", end)]
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
