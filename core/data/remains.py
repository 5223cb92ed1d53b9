"""What remains of a file in its picture: little enough to warn of, or not."""

from __future__ import annotations

import numpy as np

__all__ = ["warnings_of"]

DARK = 25  # levels of 255; 12 bits in a file of 16 come to 16
FAINT = 8  # levels of 255 by which pixels differ, at most, where nobody sees that they do
THIN = 2  # pixels


def warnings_of(pixels: np.ndarray, full: tuple[int, int], *, varied: bool) -> tuple[str, ...]:
    """Why nothing, or nearly nothing, is to be seen in the pixels (H, W, C) uint8 of a picture.

    Args:
        pixels: without the black around it.
        full: (width, height) in the file.
        varied: whether the pixels of the file differ from each other.

    Example:
        >>> warnings_of(np.zeros((28, 28, 1), np.uint8), (28, 28), varied=True)
        ('all black: its pixels are all alike, though those of the file differ',)
        >>> line = np.arange(56, dtype=np.uint8).reshape(2, 28, 1)
        >>> warnings_of(line, (3000, 200), varied=True)
        ('thin: 28x2 pixels of it are left',)
    """
    height, width = pixels.shape[:2]
    thin = min(width, height) <= THIN and min(width, height) < min(full)
    left = (f"thin: {width}x{height} pixels of it are left",) if thin else ()
    return (*left, *_levels(pixels, varied=varied))


def _levels(pixels: np.ndarray, *, varied: bool) -> tuple[str, ...]:
    low, high = int(pixels.min()), int(pixels.max())
    differ = int(np.ptp(pixels.reshape(-1, pixels.shape[2]), axis=0).max())
    if not differ:
        head = {(0, 0): "all black", (255, 255): "all white"}.get((low, high), "blank")
        file = "though those of the file differ" if varied else "as those of the file are"
        return (f"{head}: its pixels are all alike, {file}",)
    if high <= DARK:
        return (f"nearly black: its lightest pixel has level {high} of 255",)
    if differ <= FAINT:
        return (f"nearly blank: its pixels differ by {differ} of 255 levels at most",)
    return ()
