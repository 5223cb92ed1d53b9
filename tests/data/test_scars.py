"""Scars: small, on the object, of the picture's own levels, and exactly where the mask says."""

from __future__ import annotations

import numpy as np
import pytest

from core.data.scars import scarred


def rods(n: int, side: int = 128) -> np.ndarray:
    """Light ground with a dark, striped bar, (n, side, side, 1)."""
    images = np.full((n, side, side, 1), 200, np.uint8)
    images[:, side // 3 : side // 2, 8:-8] = 60
    images[:, side // 3 : side // 2, 8:-8:4] = 120
    return images


def test_a_scar_lies_on_the_object_and_the_mask_says_where() -> None:
    images = rods(30)
    changed, masks = scarred(images, seed=3)
    different = (changed != images).any(-1)
    assert not different[~masks].any()
    assert masks.any((1, 2)).all()
    middle = [np.argwhere(mask).mean(0)[0] for mask in masks]
    assert min(middle) > 128 / 3 - 8
    assert max(middle) < 128 / 2 + 8
    shares = masks.mean((1, 2))
    assert shares.max() < 26 * 8 / 256**2 * 1.5  # no larger than the longest and widest
    change = [
        np.abs(a.astype(float) - b)[m].mean()
        for a, b, m in zip(changed, images, masks, strict=True)
    ]
    assert min(change) >= 30


def test_the_same_seed_scars_alike_and_the_images_stay() -> None:
    images = rods(4)
    before = images.copy()
    assert (scarred(images, seed=1)[0] == scarred(images, seed=1)[0]).all()
    assert (scarred(images, seed=1)[1] != scarred(images, seed=2)[1]).any()
    assert (images == before).all()


def test_what_has_no_detail_gets_none_and_what_is_too_small_is_refused() -> None:
    flat = np.full((2, 64, 64, 3), 90, np.uint8)
    changed, masks = scarred(flat, seed=0)
    assert (changed == flat).all()
    assert not masks.any()
    with pytest.raises(ValueError, match="more than 4 pixels a side"):
        scarred(np.zeros((1, 4, 9, 1), np.uint8), seed=0)
