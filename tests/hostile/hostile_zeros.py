"""Archives, and zeros in them that cost no time to pack: a gigabyte is one piece, many times."""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

__all__ = ["Zeros", "archive_of", "write_zeros"]

PIECE = bytes(10**6)


@dataclass(frozen=True)
class Zeros:
    """What a file of an archive unpacks to: so many zeros behind a head."""

    size: int
    head: bytes = b""


@cache
def _packed(data: bytes) -> bytes:
    """A piece of what is packed that ends at a byte, and looks back at no other piece."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)


class _Pieces:
    """In the place of a zip's compressor."""

    def compress(self, data: bytes) -> bytes:
        return _packed(data)

    def flush(self) -> bytes:
        return b"\3\0"  # the last block, of nothing


def write_zeros(archive: zipfile.ZipFile, name: str, zeros: Zeros) -> None:
    """Write a file of zeros into an archive that is open."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    pieces, rest = divmod(zeros.size, len(PIECE))
    with archive.open(entry, "w", force_zip64=True) as member:
        packing: Any = member
        packing._compressor = _Pieces()
        for data in (zeros.head, *[PIECE] * pieces, bytes(rest)):
            if data:
                member.write(data)


def archive_of(
    files: Mapping[str, bytes | Zeros] | Sequence[tuple[str, bytes | Zeros]],
    packing: int = zipfile.ZIP_DEFLATED,
) -> bytes:
    """An archive of files by name; of pairs, names may come twice."""
    stream = io.BytesIO()
    pairs = files.items() if isinstance(files, Mapping) else files
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", packing) as archive:
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, data in pairs:
            if isinstance(data, Zeros):
                write_zeros(archive, name, data)
            else:
                archive.writestr(zipfile.ZipInfo(name), data, packing)
    return stream.getvalue()
