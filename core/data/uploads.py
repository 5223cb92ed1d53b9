"""Every image of what a visitor brings, from memory alone and within bounds."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from core.data.archive import MAX_IMAGES, MAX_UNPACKED, Allowance, Apart, Spent, read_archive
from core.data.arrays import arrays_in
from core.data.decode import NO_MEMORY, decode
from core.data.images import Item
from core.data.picture import ImageError, Picture
from core.shape import Shape

__all__ = ["MAX_IMAGES", "MAX_UNPACKED", "Item", "uploaded_items"]

LEFT_OUT = "is left out, with what further archives hold"


def uploaded_items(files: Sequence[tuple[str, bytes]], shape: Shape) -> Iterator[Item]:
    """Every image of files, (name, bytes) each, in order; a bad one stops nothing.

    A zip and an array hold many, with ids as `read_items` gives them; equal ones are numbered. Of
    a shape are the pictures. After `MAX_IMAGES` items, with those that cannot be read, a last one
    says that all from it on is left out, and so does one where images have too many pixels, or
    archives unpack to too much. Bounds are of one call.
    """
    apart = Apart()
    for count, item in enumerate(_all(files, shape)):
        if count == MAX_IMAGES:
            why = f"left out, with all after it: {MAX_IMAGES:,} images are read at a time"
            yield Item(item.id, None, why)
            return
        yield replace(item, id=apart.name(item.id)) if item.picture else item


def _all(files: Sequence[tuple[str, bytes]], shape: Shape) -> Iterator[Item]:
    allowance, spent = Allowance(), False
    for place, (name, data) in enumerate(files):
        if spent and data[:2] == b"PK":  # said already; an array that is no archive is read
            continue
        try:
            for item in _items_of(name, data, shape, allowance):
                yield replace(item, file=place)
        except Spent as error:
            if allowance.pixels < 0:
                yield Item(name, None, f"{error}: left out, with all after it")
                return
            spent = True
            yield Item(name, None, f"{error}: the rest {LEFT_OUT}")


def _items_of(name: str, data: bytes, shape: Shape, allowance: Allowance) -> Iterator[Item]:
    """The images of a file of some name, or the reason why there is none."""
    said: list[str] = []
    try:
        for part, found in _pictures(name, data, shape, allowance=allowance, said=said):
            if isinstance(found, Picture):
                yield Item(name + part, found)
            else:
                yield Item(name + part, None, str(found))
    except Spent:
        raise
    except ImageError as error:
        yield Item(name, None, str(error))
    except MemoryError:
        yield Item(name, None, NO_MEMORY)
    yield from (Item(name, None, text) for text in said)


def _pictures(
    name: str, data: bytes, shape: Shape, *, allowance: Allowance, said: list[str]
) -> Iterator[tuple[str, Picture | ImageError]]:
    """Pictures of a file by what its name ends in, each with its place in it."""
    ending, stream = PurePosixPath(name).suffix.lower(), io.BytesIO(data)
    if ending == ".zip":
        if not data:
            raise ImageError("the file is empty")
        yield from read_archive(stream, shape, allowance=allowance, say=said.append)
    elif ending in (".npy", ".npz"):
        yield from arrays_in(stream, len(data), shape, allowance=allowance)
    else:
        yield "", decode(data, shape, charge=allowance.decode)
