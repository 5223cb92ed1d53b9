"""Changes to images: the strange controls of a scenario, and the synthetic faults of validation.

The two kinds never meet: a choice is made on the synthetic faults, the controls only report.
All take and give images (N, H, W, C) uint8 and are the same for the same seed. Faults are as large
as the picture asks for: what is so many pixels of 28 is the same share of any other side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy import ndimage

from core.data.picture import as_pil, fit, pixels_of
from core.shape import Shape

__all__ = ["CONTROLS", "FAULTS", "flat_images", "noise_images"]

Change = Callable[[np.ndarray], np.ndarray]
Fault = Callable[[np.ndarray, np.random.Generator], np.ndarray]

SIDE = 28  # pixels: what the sizes below are of
BLUR, BEND, SMOOTH = 1.5 / SIDE, 3 / SIDE, 4 / SIDE  # shares of the shorter side
GRID = 4  # blocks a side


def noise_images(n: int, shape: Shape, *, seed: int) -> np.ndarray:
    """Images (n, H, W, C) of independent levels, uniform on 0..255, that a seed fixes."""
    return np.random.default_rng(seed).integers(0, 256, (n, *shape.pixels), dtype=np.uint8)


def flat_images(n: int, shape: Shape, *, seed: int) -> np.ndarray:
    """Images (n, H, W, C) of one grey level each, uniform on 0..255, that a seed fixes."""
    levels = np.random.default_rng(seed).integers(0, 256, (n, 1, 1, 1), dtype=np.uint8)
    return np.broadcast_to(levels, (n, *shape.pixels)).copy()


def _turned(images: np.ndarray) -> np.ndarray:
    """Turned by 90 degrees; what is no square is made smaller, amid black."""
    turned = np.ascontiguousarray(np.rot90(images, axes=(1, 2)))
    _, height, width, channels = images.shape
    if height == width:
        return turned
    shape = Shape(channels, height, width)
    return np.stack([pixels_of(fit(as_pil(image), shape)) for image in turned])


def _flipped(images: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(images[:, ::-1])


def _inverted(images: np.ndarray) -> np.ndarray:
    return 255 - images


CONTROLS: Mapping[str, Change] = {
    "turned": _turned,  # by 90 degrees
    "flipped": _flipped,  # upside down
    "inverted": _inverted,
}


def _patch_swap(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A patch of a third of each side comes from another image, at the same place."""
    n, height, width, _ = images.shape
    h, w = height // 3, width // 3
    changed = images.copy()
    donors = (np.arange(n) + rng.integers(1, n, n)) % n
    rows = rng.integers(0, height - h + 1, n)
    columns = rng.integers(0, width - w + 1, n)
    for i, (donor, r, c) in enumerate(zip(donors, rows, columns, strict=True)):
        changed[i, r : r + h, c : c + w] = images[donor, r : r + h, c : c + w]
    return changed


def _block_shuffle(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The sixteen blocks of a 4x4 grid change places; what four do not divide stays at the rim."""
    n, height, width, channels = images.shape
    h, w = height // GRID, width // GRID
    top, left = height % GRID // 2, width % GRID // 2
    place = slice(None), slice(top, top + GRID * h), slice(left, left + GRID * w)
    grid = images[place].reshape(n, GRID, h, GRID, w, channels).transpose(0, 1, 3, 2, 4, 5)
    blocks = grid.reshape(n, GRID**2, h, w, channels)
    order = rng.permuted(np.tile(np.arange(GRID**2), (n, 1)), axis=1)
    shuffled = blocks[np.arange(n)[:, None], order].reshape(n, GRID, GRID, h, w, channels)
    changed = images.copy()
    changed[place] = shuffled.transpose(0, 1, 3, 2, 4, 5).reshape(changed[place].shape)
    return changed


def _blur(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gaussian blur: 1.5 pixels of 28."""
    sigma = BLUR * min(images.shape[1:3])
    blurred = ndimage.gaussian_filter(images.astype(np.float32), (0, sigma, sigma, 0))
    return blurred.round().astype(np.uint8)


def _elastic(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A smooth random bend: shifts of 3 pixels of 28, smoothed over 4; all channels alike."""
    n, height, width, _ = images.shape
    side = min(height, width)
    shifts = rng.standard_normal((2, n, height, width))
    shifts = ndimage.gaussian_filter(shifts, (0, 0, SMOOTH * side, SMOOTH * side))
    shifts *= BEND * side / shifts.std((2, 3), keepdims=True)
    rows, columns = np.mgrid[:height, :width]
    places = np.stack([rows + shifts[0], columns + shifts[1]], 1)  # (n, 2, H, W)
    bent = [
        _read_at(image.astype(np.float32), at) for image, at in zip(images, places, strict=True)
    ]
    return np.stack(bent).round().astype(np.uint8)


def _read_at(image: np.ndarray, places: np.ndarray) -> np.ndarray:
    """An image (H, W, C) read at places (2, H, W) between its pixels."""
    channels = np.moveaxis(image, -1, 0)
    return np.stack([ndimage.map_coordinates(c, places, order=1) for c in channels], -1)


FAULTS: Mapping[str, Fault] = {
    "patch swap": _patch_swap,
    "block shuffle": _block_shuffle,
    "blur": _blur,
    "elastic bend": _elastic,
}
