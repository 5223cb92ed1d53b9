"""Changes to images: the strange controls of a scenario, and the synthetic faults of validation.

The two kinds never meet: a choice is made on the synthetic faults, the controls only report.
All take and give grey images (N, H, W) uint8 and are the same for the same seed; controls are of
padded images, faults of what is inside the border.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy import ndimage

__all__ = ["CONTROLS", "FAULTS", "flat_images", "noise_images"]

Change = Callable[[np.ndarray], np.ndarray]
Fault = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def noise_images(n: int, size: int, *, seed: int) -> np.ndarray:
    """Images (n, size, size) of independent grey levels, uniform on 0..255."""
    return np.random.default_rng(seed).integers(0, 256, (n, size, size), dtype=np.uint8)


def flat_images(n: int, size: int, *, seed: int) -> np.ndarray:
    """Images (n, size, size) of one grey level each, uniform on 0..255."""
    levels = np.random.default_rng(seed).integers(0, 256, (n, 1, 1), dtype=np.uint8)
    return np.broadcast_to(levels, (n, size, size)).copy()


def _turned(images: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.rot90(images, axes=(1, 2)))


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
    """A square patch of a third of the side comes from another image, at the same place."""
    n, height, width = images.shape
    side = height // 3
    changed = images.copy()
    donors = (np.arange(n) + rng.integers(1, n, n)) % n
    rows = rng.integers(0, height - side + 1, n)
    columns = rng.integers(0, width - side + 1, n)
    for i, (donor, r, c) in enumerate(zip(donors, rows, columns, strict=True)):
        changed[i, r : r + side, c : c + side] = images[donor, r : r + side, c : c + side]
    return changed


def _block_shuffle(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The sixteen blocks of a 4x4 grid change places."""
    n, height, width = images.shape
    h, w = height // 4, width // 4
    blocks = images.reshape(n, 4, h, 4, w).transpose(0, 1, 3, 2, 4).reshape(n, 16, h, w)
    order = rng.permuted(np.tile(np.arange(16), (n, 1)), axis=1)
    blocks = blocks[np.arange(n)[:, None], order].reshape(n, 4, 4, h, w)
    return blocks.transpose(0, 1, 3, 2, 4).reshape(n, height, width)


def _blur(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gaussian blur of 1.5 pixels."""
    blurred = ndimage.gaussian_filter(images.astype(np.float32), (0, 1.5, 1.5))
    return blurred.round().astype(np.uint8)


def _elastic(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A smooth random bend: displacements of 3 pixels, smoothed over 4."""
    n, height, width = images.shape
    shifts = ndimage.gaussian_filter(rng.standard_normal((2, n, height, width)), (0, 0, 4, 4))
    shifts *= 3 / shifts.std((2, 3), keepdims=True)
    rows, columns = np.mgrid[:height, :width]
    bent = [
        ndimage.map_coordinates(image.astype(np.float32), (rows + dr, columns + dc), order=1)
        for image, dr, dc in zip(images, *shifts, strict=True)
    ]
    return np.stack(bent).round().astype(np.uint8)


FAULTS: Mapping[str, Fault] = {
    "patch swap": _patch_swap,
    "block shuffle": _block_shuffle,
    "blur": _blur,
    "elastic bend": _elastic,
}
