"""Images that are one image twice: of the same bytes, or near copies by a perceptual hash."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from core.data.picture import as_pil

__all__ = ["NEAR", "groups_of", "near_pairs", "perceptual_hash", "words_of"]

SIDE = 16  # of the square of low frequencies that a hash is made of: 256 bits
NEAR = 8  # bits of 256 in which near copies differ at most
CHUNK = 1024  # rows that are compared at once with all others


def perceptual_hash(image: np.ndarray) -> np.ndarray:
    """The pHash (4,) uint64 of an image (H, W, C) uint8: 256 signs of its low frequencies.

    A copy saved anew, made smaller or brighter differs in up to 8 bits, two photographs of two
    screws on the same table in more than 9 (median 126).

    Example:
        >>> one, other = np.random.default_rng(0).integers(0, 200, (2, 64, 64, 1), np.uint8)
        >>> for image in (one + 9, other):
        ...     int(np.bitwise_count(perceptual_hash(one) ^ perceptual_hash(image)).sum())
        0
        124
    """
    import imagehash  # with scipy: no page needs it

    bits = imagehash.phash(as_pil(image), hash_size=SIDE).hash
    return np.packbits(bits.ravel()).view(np.uint64)


def near_pairs(one: np.ndarray, other: np.ndarray, *, near: int = NEAR) -> list[tuple[int, int]]:
    """Rows (i, j) of hashes one (N, 4) and other (M, 4) uint64 that differ in few bits.

    Each i stands once, with its nearest j.

    Args:
        near: how many bits may differ.

    Example:
        >>> one = np.array([[0, 0, 0, 0b11], [2**64 - 1, 0, 0, 0]], np.uint64)
        >>> near_pairs(one, np.zeros((1, 4), np.uint64), near=2)
        [(0, 0)]
    """
    pairs = []
    for start in range(0, len(one) if len(other) else 0, CHUNK):
        piece = one[start : start + CHUNK]
        apart = np.zeros((len(piece), len(other)), np.uint16)
        for word in range(one.shape[1]):
            apart += np.bitwise_count(piece[:, word, None] ^ other[None, :, word])
        nearest = apart.argmin(1)
        rows = np.flatnonzero(apart[np.arange(len(piece)), nearest] <= near)
        pairs += [(start + int(i), int(nearest[i])) for i in rows]
    return pairs


def groups_of(keys: Iterable[str]) -> list[list[int]]:
    """Rows by key, groups of those that share one, in the order in which keys come first.

    Example:
        >>> groups_of(["a", "b", "a"])
        [[0, 2], [1]]
    """
    found: dict[str, list[int]] = {}
    for row, key in enumerate(keys):
        found.setdefault(key, []).append(row)
    return list(found.values())


def words_of(pairs: Sequence[tuple[str, str]], shown: int) -> str:
    """Pairs of names in words, the first few of them.

    Args:
        shown: how many are named; the others are counted.

    Example:
        >>> words_of([("a.png", "b.png"), ("c.png", "d.png")], 1)
        'a.png ~ b.png, and 1 more'
    """
    named = ", ".join(f"{one} ~ {other}" for one, other in pairs[:shown])
    return f"{named}, and {len(pairs) - shown:,} more" if len(pairs) > shown else named
