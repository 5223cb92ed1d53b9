"""What is proposed for a scenario of a user's folders: shape, splits, and what is to be known."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.data.splits import calibration_split
from core.founding.folders import Folders, Seen, Unfounded
from core.founding.twins import groups_of, near_pairs
from core.shape import Shape

__all__ = ["LEAST", "Proposal", "Wishes", "proposed"]

LEAST = 12  # different normal images: 6 train, 4 calibrate, 2 test
LONGER = 256  # pixels of the longer side that is proposed at most
SIDES = (16, 1024)  # that may be asked for: detectors need 16 pixels
TEST, CALIBRATION = 0.2, 0.15  # shares of the normal images
ENOUGH = 10  # test images, and HELD that calibrate, where there are four times as many
HELD = 8
TYPICAL = 4  # calibrate at least, for a flow's typicality
LEARN = 6  # train at least, for the neighbours that Outskirts asks for
SHOWN = 64 * 2**20  # bytes of normal test images at most: pages hold them in memory


@dataclass(frozen=True)
class Wishes:
    """What a user says of a scenario in place of what would be proposed.

    Attributes:
        size: "SIDE" of the longer side or "HEIGHTxWIDTH", in pixels; "": as the images are.
        colour: in colours or grey; None: as the images are.
        seed: draws the splits.
        title: of the scenario; "": its name.
    """

    size: str = ""
    colour: bool | None = None
    seed: int = 0
    title: str = ""


@dataclass(frozen=True)
class Proposal:
    """Shape and splits of a scenario to be.

    Attributes:
        train: normal images that detectors learn or are calibrated with, in the order in which the
            seed of the split finds those that calibrate.
        calibration: how many of them calibrate.
        test: normal images that are shown and counted.
        kinds: strange images by kind.
        twins: how many normal files repeat another one.
        near: (name of a held-out image, name of a training image, what the first one is: "test" or
            "calibration") of near copies across the split.
    """

    shape: Shape
    seed: int
    train: tuple[Seen, ...]
    calibration: int
    test: tuple[Seen, ...]
    kinds: Mapping[str, tuple[Seen, ...]]
    twins: int
    near: tuple[tuple[str, str, str], ...]


def proposed(folders: Folders, wishes: Wishes) -> Proposal:
    """Shape and splits for what folders hold, but where the wishes say otherwise.

    Normal images of the same bytes stay on one side of the split together.

    Raises:
        Unfounded: there are too few different normal images, or the size is none.
    """
    groups = groups_of(one.sha256 for one in folders.normal)
    if len(groups) < LEAST:
        same = " that differ" if len(groups) < len(folders.normal) else ""
        raise Unfounded(
            f"{_count(len(groups), 'normal image')}{same} {'is' if len(groups) == 1 else 'are'} "
            f"too few: at least {LEAST} are needed, to train, to calibrate and to test; a hundred "
            "are a good start"
        )
    shape = _shape(folders, wishes)
    train, held, test = _split(groups, shape, seed=wishes.seed)
    pick = folders.normal.__getitem__
    sides = [tuple(map(pick, rows)) for rows in (train, held, test)]
    return Proposal(
        shape,
        wishes.seed,
        _in_order(sides[0], sides[1], wishes.seed),
        len(held),
        sides[2],
        folders.kinds,
        len(folders.normal) - len(groups),
        tuple(_near(*sides)),
    )


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


# Shape ------------------------------------------------------------------------------------------


def _shape(folders: Folders, wishes: Wishes) -> Shape:
    """Longer side up to `LONGER`, the aspect of most images, in colours if any image is."""
    every = [*folders.normal, *(one for seen in folders.kinds.values() for one in seen)]
    colour = any(one.coloured for one in every) if wishes.colour is None else wishes.colour
    sizes = Counter(one.size for one in every)
    width, height = max(sizes, key=lambda size: (sizes[size], size))
    sides = re.fullmatch(r"(\d{1,6})(?:x(\d{1,6}))?", wishes.size or str(LONGER))
    if sides is None:
        raise Unfounded(f"--size takes SIDE or HEIGHTxWIDTH in pixels, got {wishes.size!r}")
    if sides[2] is not None:
        height, width = int(sides[1]), int(sides[2])
    else:
        longer = max(width, height)
        side = int(sides[1]) if wishes.size else min(LONGER, longer)
        height, width = (max(1, round(length * side / longer)) for length in (height, width))
    if min(height, width) < SIDES[0] or max(height, width) > SIDES[1]:
        raise Unfounded(
            f"pictures would be {height}x{width}: sides are {SIDES[0]} to {SIDES[1]} pixels; give "
            "--size"
        )
    return Shape(3 if colour else 1, height, width)


# Splits -----------------------------------------------------------------------------------------


def _split(
    groups: Sequence[Sequence[int]], shape: Shape, *, seed: int
) -> tuple[list[int], list[int], list[int]]:
    """Rows that train, that calibrate and that test: whole groups, drawn by the seed."""
    n = len(groups)
    test = max(round(TEST * n), min(ENOUGH, n // 4, n - LEARN - TYPICAL))
    test = min(test, max(ENOUGH, SHOWN // int(np.prod(shape))))
    held = max(round(CALIBRATION * n), min(HELD, n // 4), TYPICAL)
    order = np.random.default_rng(seed).permutation(n)
    parts = order[test + held :], order[test : test + held], order[:test]
    train, calibration, shown = (sorted(r for g in part for r in groups[g]) for part in parts)
    return train, calibration, shown


def _in_order(train: Sequence[Seen], held: Sequence[Seen], seed: int) -> tuple[Seen, ...]:
    """Images in the order in which `calibration_split` holds out just those that are held out."""
    places = calibration_split(len(train) + len(held), calibration=len(held), seed=seed)
    ordered: dict[int, Seen] = {}
    for rows, images in zip(places, (train, held), strict=True):
        ordered |= dict(zip(sorted(rows.tolist()), images, strict=True))
    return tuple(ordered[row] for row in sorted(ordered))


def _near(
    train: Sequence[Seen], held: Sequence[Seen], test: Sequence[Seen]
) -> list[tuple[str, str, str]]:
    """Near copies of training images among those held out, and among those that test."""
    hashes = [np.array([one.hash for one in side]).reshape(-1, 4) for side in (train, held, test)]
    return [
        (side[i].name, train[j].name, what)
        for what, side, own in (("test", test, hashes[2]), ("calibration", held, hashes[1]))
        for i, j in near_pairs(own, hashes[0])
    ]
