"""Small synthetic defects on the object itself, of the size of real scratches: scars."""

from __future__ import annotations

import numpy as np

__all__ = ["scarred"]

REACH = 14 / 256  # of the shorter side, from a scar's middle to the edge of what it may cover
LENGTHS, WIDTHS = (8 / 256, 26 / 256), (3 / 256, 8 / 256)  # likewise
CHANGE, DETAIL = 32.0, 12.0  # levels: the least change of a scar, the least spread of where it lies
TRIES = 60


def scarred(images: np.ndarray, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, H, W, C) uint8 with a scar each, and where it is, (N, H, W) bool.

    A scar is a short bar, turned at random, of what the picture has at another place. It lies where
    there is some detail, and changes what it covers by 32 levels in the mean, or as much as it can
    in sixty tries. An image without any detail gets none. The ``seed`` draws all of this.

    Raises:
        ValueError: the images are too small to hold one.

    Example:
        >>> image = (255 * (np.indices((64, 64)).sum(0) % 8 < 4)).astype(np.uint8)[None, ..., None]
        >>> changed, masks = scarred(image, seed=0)
        >>> bool((changed != image)[~masks].any()), int(masks.sum()) > 4
        (False, True)
    """
    height, width = images.shape[1:3]
    side = min(height, width)
    reach = max(2, round(REACH * side))
    if side <= 2 * reach:
        raise ValueError(f"a scar needs pictures of more than {2 * reach} pixels a side")
    rng = np.random.default_rng(seed)
    found = [_scarred(image, rng, side=side, reach=reach) for image in images]
    return np.stack([image for image, _ in found]), np.stack([mask for _, mask in found])


def _scarred(
    image: np.ndarray, rng: np.random.Generator, *, side: int, reach: int
) -> tuple[np.ndarray, np.ndarray]:
    """One image (H, W, C) with its scar, and where that is, (H, W)."""
    changed, mask = image.copy(), np.zeros(image.shape[:2], bool)
    best = -1.0
    chosen: tuple[tuple[slice, slice], np.ndarray, np.ndarray] | None = None
    for _ in range(TRIES):
        bar = _bar(rng, side=side, reach=reach)
        here, there = (_around(image, rng, reach=reach) for _ in range(2))
        if image[here].std() < DETAIL or not bar.any():
            continue
        change = np.abs(image[here].astype(float) - image[there])[bar].mean()
        if change > best:
            best, chosen = change, (here, bar, image[there])
        if best >= CHANGE:
            break
    if chosen is not None:
        here, bar, donor = chosen
        changed[here][bar] = donor[bar]
        mask[here] = bar
    return changed, mask


def _bar(rng: np.random.Generator, *, side: int, reach: int) -> np.ndarray:
    """A bar at an angle, in the middle of a square of 2 reach + 1 pixels a side, bool."""
    length, width = (side * rng.uniform(*of) for of in (LENGTHS, WIDTHS))
    angle = rng.uniform(0, np.pi)
    down, right = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    along = right * np.cos(angle) + down * np.sin(angle)
    across = down * np.cos(angle) - right * np.sin(angle)
    return (np.abs(along) <= length / 2) & (np.abs(across) <= width / 2)


def _around(image: np.ndarray, rng: np.random.Generator, *, reach: int) -> tuple[slice, slice]:
    """A square of 2 reach + 1 pixels a side, somewhere in an image (H, W, C)."""
    row, column = (int(rng.integers(reach, size - reach)) for size in image.shape[:2])
    return slice(row - reach, row + reach + 1), slice(column - reach, column + reach + 1)
