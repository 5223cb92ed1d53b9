"""A histogram of percentiles as a drawing within a page, which needs no file and no script."""

from __future__ import annotations

import numpy as np

__all__ = ["BINS", "bars"]

BINS = 20  # of five percentiles each
WIDTH, HEIGHT = 480, 150
LEFT, RIGHT, TOP, BOTTOM = 38, 16, 14, 30  # around the drawing


def bars(percentiles: np.ndarray, standing: float, *, label: str) -> str:
    """How many images have which of the percentiles (n,), and the threshold's standing, as SVG.

    A dashed line is as high as the bars of normal images would be: a twentieth of them each.

    Args:
        label: what it shows, in words; it must be safe in HTML already.

    Example:
        >>> svg = bars(np.array([2.0, 97.0, 100.0]), 95.0, label="3 images")
        >>> svg.count('class="bar"'), '95' in svg
        (2, True)
    """
    counts, _ = np.histogram(percentiles, bins=BINS, range=(0, 100))
    most = max(int(counts.max()), 1)
    up = (HEIGHT - TOP - BOTTOM) / most
    base = HEIGHT - BOTTOM
    columns = [
        f'<rect class="bar" x="{_x(5 * i) + 1:.1f}" y="{base - count * up:.1f}" '
        f'width="{_x(5) - _x(0) - 2:.1f}" height="{count * up:.1f}">'
        f"<title>{count:,} with percentiles {5 * i} to {5 * i + 5}</title></rect>"
        for i, count in enumerate(counts)
        if count
    ]
    right = WIDTH - RIGHT
    even, at = base - len(percentiles) / BINS * up, _x(standing)
    return "\n".join(
        [
            f'<svg class="histogram" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{label}">',
            *columns,
            f'<line class="even" x1="{LEFT}" x2="{right}" y1="{even:.1f}" y2="{even:.1f}"/>',
            f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{base}" y2="{base}"/>',
            f'<line class="threshold" x1="{at:.1f}" x2="{at:.1f}" y1="4" y2="{base}"/>',
            f'<text x="{LEFT - 6}" y="{TOP + 4}" text-anchor="end">{most:,}</text>',
            f'<text x="{LEFT - 6}" y="{base + 4}" text-anchor="end">0</text>',
            *_ticks(base),
            "</svg>",
        ]
    )


def _x(percentile: float) -> float:
    return LEFT + percentile / 100 * (WIDTH - RIGHT - LEFT)


def _ticks(base: int) -> list[str]:
    return [
        f'<text x="{_x(p):.1f}" y="{base + 18}" text-anchor="middle">{p}</text>'
        for p in (0, 25, 50, 75, 100)
    ]
