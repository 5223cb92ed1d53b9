"""One image file as a picture, and one line about it where it is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.data.decode import decode_file
from core.data.picture import ImageError
from core.data.sources._base import DataMissing
from core.shape import Shape

__all__ = ["PictureFiles", "words_of"]


@dataclass(frozen=True)
class PictureFiles:
    """Reads one image (H, W, C) uint8 of a ``shape`` by its number, its row among ``paths``.

    Raises:
        DataMissing: it is not there, or damaged.
    """

    paths: Sequence[Path]
    shape: Shape

    def __call__(self, row: int) -> np.ndarray:
        path = self.paths[row]
        try:
            return decode_file(path, self.shape).image
        except (ImageError, OSError) as error:
            raise DataMissing(f"{path} cannot be read: {words_of(error)}") from error


def words_of(error: Exception) -> str:
    """What an ``error`` of a file says, in one line without the file's name."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
