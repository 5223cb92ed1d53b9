"""Arrays of an .npz file that anybody may have written: by its directory first, and no pickles."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from core.files import read_bytes

__all__ = ["opened_npz"]

MAX_FILE = 256 * 2**20  # bytes of a file; the largest that ships has 7 MB
MAX_UNPACKED = 768 * 2**20  # bytes of all of its arrays: a bomb of 3 MB may hold 3 GB


@contextmanager
def opened_npz(path: Path) -> Iterator[Any]:
    """The arrays of the .npz file at a path, of any shape, by name, as `numpy.load` gives them.

    What it says of its own size is true: of a member, no more bytes are ever unpacked.

    Raises:
        FileNotFoundError: there is none.
        FileError: it cannot be read, is no file, or too large.
        ValueError: it is no .npz file, or unpacks to too much; a damaged one has errors of zipfile,
            zlib and numpy besides.
    """
    data = read_bytes(path, most=MAX_FILE)
    size = 0
    if data[:2] == b"PK":  # of anything else numpy says what it is
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(member.file_size for member in archive.infolist())
    if size > MAX_UNPACKED:
        raise ValueError(
            f"its arrays have {size / 2**20:,.0f} MB, and may have {MAX_UNPACKED // 2**20}"
        )
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        yield stored
