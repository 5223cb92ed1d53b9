"""What a zip holds, unpacked in memory within bounds that no head of it can move."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Protocol

from core.data.bounds import NO_MEMORY
from core.data.picture import ImageError

__all__ = [
    "MAX_DECODED",
    "MAX_ENTRIES",
    "MAX_MEMBER",
    "MAX_UNPACKED",
    "Allowance",
    "Spent",
    "Unpacking",
    "entries_of",
    "label_of",
    "packed_size",
    "refusal_of",
    "shortened",
    "unpack",
]

MAX_UNPACKED = 256 * 2**20  # bytes, of all archives that are brought at a time
MAX_DECODED = 1_000_000_000  # pixels, of all image files of theirs: about a minute of a core
MAX_MEMBER = 64 * 2**20  # bytes of a file in an archive, which is held whole
MAX_ENTRIES = 20_000  # that the directory of an archive lists
MAX_RATIO, FREE = 100, 2**20  # times its packed size that a file unpacks to, beyond a first MB
CHUNK = 2**16
LONGEST = 200  # letters of a name

LISTED = b"PK\x01\x02"  # before each entry of an archive's directory
END, LOCATOR = b"PK\x05\x06", b"PK\x06\x07"  # after it; before the end of a large archive
END_SIZE, LOCATOR_SIZE = 22, 20
ENCRYPTED = 0x1
PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others ask for memory as a head says


class Spent(ImageError):
    """Archives have unpacked to as much as they may in all, or images decoded to as much."""


@dataclass
class Allowance:
    """What files may still cost: bytes unpacked in all, entries in each archive, pixels decoded."""

    unpacked: int = MAX_UNPACKED
    entries: int = MAX_ENTRIES
    pixels: int = MAX_DECODED

    @classmethod
    def of_one_user(cls) -> Allowance:
        """For the command line, whose user owns the machine: of each file, as much as of any."""
        return cls(unpacked=2**50, entries=1_500_000, pixels=2**60)

    def spend(self, count: int) -> None:
        """Take off the count of bytes that were unpacked.

        Raises:
            Spent: there were not so many left.
        """
        self.unpacked -= count
        if self.unpacked < 0:
            raise Spent(f"archives may unpack to {MAX_UNPACKED // 2**20} MB in all")

    def decode(self, count: int) -> None:
        """Take off the count of pixels of an image that is about to be decoded.

        Raises:
            Spent: there were not so many left.
        """
        self.pixels -= count
        if self.pixels < 0:
            raise Spent(f"images may have {MAX_DECODED // 1_000_000:,} megapixels in all")


class _Readable(Protocol):
    def read(self, n: int = -1, /) -> bytes: ...


class Unpacking:
    """A file in an archive that is read: every byte that comes out of it is counted.

    Args:
        stream: the unpacked bytes.
        packed: how many bytes it has in the archive, at most.
        allowance: what all archives may cost.
    """

    def __init__(self, stream: _Readable, packed: int, allowance: Allowance) -> None:
        self.stream, self.packed, self.allowance = stream, packed, allowance
        self.count = 0

    def read(self, size: int = CHUNK) -> bytes:
        """The next bytes, `size` at most and never all: a bomb stops at the first too many.

        Raises:
            ImageError: it unpacks to too much.
        """
        data = self.stream.read(min(size, CHUNK) if size >= 0 else CHUNK)
        self.count += len(data)
        if self.count > FREE + MAX_RATIO * self.packed:
            raise ImageError(f"unpacks to more than {MAX_RATIO} times its size, which is not read")
        if self.count > MAX_MEMBER:
            raise ImageError(f"too large: a file in an archive may have {MAX_MEMBER // 2**20} MB")
        self.allowance.spend(len(data))
        return data

    def readinto(self, buffer: memoryview) -> int:
        """The next bytes into a buffer; how many there were.

        Raises:
            ImageError: it unpacks to too much.
        """
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def entries_of(
    stream: IO[bytes], allowance: Allowance
) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """The archive of a stream, and its entries but folders, by their names; none is opened yet.

    Raises:
        ImageError: it is no zip, its directory is damaged, or it lists more than the allowance has.
    """
    if stream.read(2) != b"PK":  # a picture with an archive behind it is a picture
        raise ImageError("not a zip: it does not begin as one does")
    listed = sum(count for count in _listed(stream))
    if listed > allowance.entries:
        raise ImageError(f"lists {listed:,} files, and an archive may list {allowance.entries:,}")
    stream.seek(0)
    try:
        archive = zipfile.ZipFile(stream)
    except MemoryError as error:
        raise ImageError(NO_MEMORY) from error
    except UnicodeDecodeError as error:
        raise ImageError("not a zip that can be read: a name in it is not what it says") from error
    except Exception as error:  # BadZipFile, struct.error, OverflowError and others
        raise ImageError(f"not a zip that can be read: {_words(error)}") from error
    entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
    return archive, sorted(entries, key=label_of)


def _listed(stream: IO[bytes]) -> Iterator[int]:
    """How often each stretch of a stream lists an entry: no directory can list more."""
    stream.seek(_directory_of(stream))
    tail = b""
    while data := stream.read(2**20):
        yield (tail + data).count(LISTED)
        tail = data[-len(LISTED) + 1 :]


def _directory_of(stream: IO[bytes]) -> int:
    """Where the directory of an archive begins, as `zipfile` has it; 0 if its end is not plain.

    What lies before it are members, which may list entries of their own.
    """
    length = stream.seek(0, io.SEEK_END)
    stream.seek(max(length - END_SIZE - LOCATOR_SIZE, 0))
    before, end = (tail := stream.read())[:-END_SIZE], tail[-END_SIZE:]
    plain = end[:4] == END and end[-2:] == b"\0\0"  # no remark after it
    if len(before) < LOCATOR_SIZE or before[:4] == LOCATOR or not plain:
        return 0
    (size,) = struct.unpack("<I", end[12:16])
    return max(length - END_SIZE - size, 0)


def shortened(name: str) -> str:
    """A name of no more than `LONGEST` letters: of a longer one, how it begins and ends.

    Example:
        >>> shortened("a.png"), len(shortened("a" * 60_000 + ".png"))
        ('a.png', 200)
        >>> shortened("a" * 60_000 + ".png")[-6:]
        'aa.png'
    """
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 51]}…{name[-50:]}"


def label_of(entry: zipfile.ZipInfo) -> str:
    """The name of an entry, as a label alone: nothing is ever read or written by it.

    Names that are not said to be UTF-8 mostly are, or else letters of the first PCs.
    """
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.filename


def refusal_of(entry: zipfile.ZipInfo) -> str:
    """Why an entry is not opened, or ""."""
    if entry.flag_bits & ENCRYPTED:
        return "encrypted, which is not read"
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "a link, which is not followed"
    if kind not in (0, stat.S_IFREG):
        return "a pipe or a device, not a file"
    if entry.compress_type not in PLAIN:
        return "packed by a rare method, which is not read: pack it with deflate"
    return ""


def unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, allowance: Allowance) -> bytes:
    """The bytes of an entry of an archive, within the allowance.

    Raises:
        ImageError: it is damaged, or unpacks to too much.
        Spent: all archives have.
    """
    data = io.BytesIO()  # gives its bytes away without a copy
    try:
        with archive.open(entry) as stream:
            counted = Unpacking(stream, packed_size(archive, entry), allowance)
            while piece := counted.read():
                data.write(piece)
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(NO_MEMORY) from error
    except Exception as error:  # zlib.error, BadZipFile, EOFError, struct.error and others
        raise ImageError(f"damaged in the archive: {_words(error)}") from error
    return data.getvalue()


def packed_size(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """Bytes of an entry in its archive; no more than the archive has, whatever its head says."""
    stream: IO[bytes] | None = archive.fp
    if stream is None:
        return 0
    here = stream.tell()
    length = stream.seek(0, 2)
    stream.seek(here)
    return min(entry.compress_size, length)


def _words(error: Exception) -> str:
    """The reason in an error, without the name of the file, which stands before it already."""
    if "CRC" in str(error):
        return "its checksum is another"
    if "not a zip file" in str(error):
        return "the directory that ends it is missing"
    return str(error) or type(error).__name__
