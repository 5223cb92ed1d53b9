"""Changes to images: the strange controls of a scenario, and the synthetic faults of validation.

The two kinds never meet: a choice is made on the synthetic faults, the controls only report.
All take and give images (N, H, W, C) uint8 and are the same for the same seed. Faults are as large
as the picture asks for: what is so many pixels of 28 is the same share of any other side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from core.data.picture import as_pil, fit, pixels_of
from core.data.views import Images
from core.shape import Shape

__all__ = [
    "CONTROLS",
    "FAULTS",
    "Planted",
    "flat_images",
    "noise_images",
    "patch_place",
    "planted",
]

Change = Callable[[np.ndarray], np.ndarray]
Fault = Callable[[np.ndarray, np.random.Generator], np.ndarray]

SIDE = 28  # pixels: what the sizes below are of
BLUR, BEND, SMOOTH = 1.5 / SIDE, 3 / SIDE, 4 / SIDE  # shares of the shorter side
GRID = 4  # blocks a side
PATCHES, CHANGE, TRIES = 14, 32.0, 200  # of planted patches: the seed's word, levels, draws


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


# A patch of another image ------------------------------------------------------------------------


def patch_place(height: int, width: int, *, row: int, column: int) -> tuple[slice, slice]:
    """Rows and columns of a patch, a third of each side, whose top left is at a row and a column.

    Height and width are the picture's.

    Example:
        >>> patch_place(28, 30, row=2, column=0)
        (slice(2, 11, None), slice(0, 10, None))
    """
    return slice(row, row + height // 3), slice(column, column + width // 3)


def _patch_swap(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A patch of a third of each side comes from another image, at the same place."""
    n, height, width, _ = images.shape
    changed = images.copy()
    donors = (np.arange(n) + rng.integers(1, n, n)) % n
    rows = rng.integers(0, height - height // 3 + 1, n)
    columns = rng.integers(0, width - width // 3 + 1, n)
    for i, (donor, row, column) in enumerate(zip(donors, rows, columns, strict=True)):
        place = patch_place(height, width, row=row, column=column)
        changed[i][place] = images[donor][place]
    return changed


@dataclass(frozen=True)
class Planted:
    """An image (H, W, C) uint8 with a patch of another at a known place.

    Attributes:
        mask: (H, W) bool, the patch.
        donor: which image the patch comes from.
        change: mean absolute difference in the patch to what was there, in levels.
    """

    image: np.ndarray  # (H, W, C)
    mask: np.ndarray
    donor: int
    change: float


def planted(
    image: np.ndarray, donors: Images, *, fault: int, without: int | None = None
) -> Planted:
    """The fault of a number: in an image (H, W, C) uint8 a patch of one of donors (N, H, W, C).

    Donor and place are drawn, seeded by the fault's number, until the patch differs from what was
    there by 32 levels of 255 in the mean; of 200 draws that all differ less, the one that differs
    most is taken.

    Args:
        without: the donor that is the image itself.

    Raises:
        ValueError: there is no other donor.

    Example:
        >>> black, white = np.zeros((1, 6, 6, 1), np.uint8), np.full((1, 6, 6, 1), 255, np.uint8)
        >>> found = planted(black[0], np.concatenate([black, white]), fault=0, without=0)
        >>> found.donor, int(found.mask.sum()), found.change
        (1, 4, 255.0)
    """
    if len(donors) < 1 + (without is not None):
        raise ValueError(f"a patch needs another image, got {len(donors)}")
    rng, best = np.random.default_rng([PATCHES, fault]), None
    for _ in range(TRIES):
        drawn = _planted_once(image, donors, rng, without=without)
        if best is None or drawn.change > best.change:
            best = drawn
        if best.change >= CHANGE:
            break
    assert best is not None
    return best


def _planted_once(
    image: np.ndarray, donors: Images, rng: np.random.Generator, *, without: int | None
) -> Planted:
    height, width, _ = image.shape
    donor = int(rng.integers(len(donors) - (without is not None)))
    donor += without is not None and donor >= without
    row = rng.integers(height - height // 3 + 1)
    column = rng.integers(width - width // 3 + 1)
    place = patch_place(height, width, row=row, column=column)
    changed, mask = image.copy(), np.zeros((height, width), bool)
    patch = donors[donor][place]
    changed[place], mask[place] = patch, True
    change = np.abs(patch.astype(float) - image[place]).mean()
    return Planted(changed, mask, donor, float(change))


# Others ------------------------------------------------------------------------------------------


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
