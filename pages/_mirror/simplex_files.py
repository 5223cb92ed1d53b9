"""A triangle of mixtures as files: all pictures in one, and a table of their numbers."""

from __future__ import annotations

import numpy as np

from core.service import Simplex
from pages._mirror.weighing import NAMES
from pages._shared import draw
from pages._shared.ask import csv_of
from pages._shared.theme import LIGHT

__all__ = ["picture", "sheet", "table"]

SIDE, FRAME = 56, 4  # pixels of a picture, and around it


def sheet(images: np.ndarray, columns: int) -> bytes:
    """Images (K, H, W, C) uint8 row by row as one PNG file; what is left over is black."""
    rows = -(-len(images) // columns)
    padded = np.zeros((rows * columns, *images.shape[1:]), np.uint8)
    padded[: len(images)] = images
    return draw.png([np.concatenate(list(row), 1) for row in np.split(padded, rows)])


def picture(found: Simplex, part: str) -> bytes:
    """All mixtures where they lie, as a PNG file: A on top, B on the left, C on the right."""
    side, flagged = found.side, found.parts[part].flagged
    tiles = [_framed(image, bool(f)) for image, f in zip(found.images, flagged, strict=True)]
    height, width = tiles[0].shape[:2]
    whole = np.full((height * (side + 1), width * (side + 1), 3), 255, np.uint8)
    for tile, (a, _, c) in zip(tiles, found.steps, strict=True):
        top, left = height * (side - a), round(width * (c + a / 2))
        whole[top : top + height, left : left + width] = tile
    return draw.png([whole])


def _framed(image: np.ndarray, flagged: bool) -> np.ndarray:
    """A picture as a tile (H, W, 3) with a frame in the colour of its verdict."""
    colour = LIGHT.strange if flagged else LIGHT.normal
    large = draw.enlarge(image, SIDE)
    if large.ndim == 2:
        large = np.repeat(large[..., None], 3, 2)
    tile = np.full([side + 2 * FRAME for side in large.shape[:2]] + [3], 255, np.uint8)
    tile[1:-1, 1:-1] = np.frombuffer(bytes.fromhex(colour[1:]), np.uint8)
    tile[FRAME:-FRAME, FRAME:-FRAME] = large
    return tile


def table(found: Simplex) -> bytes:
    """Weights, parts and percentiles of every mixture and of its pixels averaged, as a CSV file."""
    columns: dict[str, np.ndarray] = {
        f"weight of {name} ({image})": found.steps[:, k] / found.side
        for k, (name, image) in enumerate(zip(NAMES, found.ids, strict=True))
    }
    for part in found.parts.values():
        name = f"{part.title} ({part.unit})"
        columns[name] = part.values
        columns[f"{part.title} percentile"] = part.percentiles
        columns[f"{part.title} flagged"] = part.flagged.astype(int)
        columns[f"pixels averaged: {name}"] = part.average_values
        columns[f"pixels averaged: {part.title} percentile"] = part.average_percentiles
    return csv_of(columns)
