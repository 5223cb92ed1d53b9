"""Where images come from: one file a kind of source; the folder is the registry."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from core.data.sources._base import DataMissing, Labelled, Source
from core.registry import only_class
from core.shape import Shape

__all__ = [
    "DataMissing",
    "Labelled",
    "Source",
    "is_at_hand",
    "public_set",
    "source_kinds",
    "source_named",
]


def source_kinds() -> list[str]:
    """Names of all kinds of source, sorted.

    Example:
        >>> source_kinds()
        ['elpv', 'mvtec', 'npz', 'torchvision']
    """
    return sorted(p.stem for p in Path(__file__).parent.glob("[a-z]*.py"))


def source_named(text: str) -> Source:
    """The source of a ``text`` in scenario.json: "KIND:NAME", or a name that a kind knows.

    Raises:
        DataMissing: there is none.

    Example:
        >>> source_named("MNIST").name, source_named("npz:cifar10").name
        ('MNIST', 'cifar10')
    """
    kind, colon, name = text.partition(":")
    if colon and kind in source_kinds():
        source = _kind(kind)
        if name in source.known or (source.named and _is_name(name)):
            return source(name)
    for kind in source_kinds():
        if not colon and text in _kind(kind).known:
            return _kind(kind)(text)
    raise DataMissing(f"no source {text!r}; there are: {', '.join(_offered())}")


def is_at_hand(text: str) -> bool:
    """Whether the pictures of a source, by its ``text``, come with an installed package.

    Example:
        >>> is_at_hand("elpv:defective"), is_at_hand("MNIST"), is_at_hand("no:such")
        (True, False, False)
    """
    try:
        return source_named(text).at_hand
    except DataMissing:
        return False


def _is_name(name: str) -> bool:
    """Whether a name stays below the data folder."""
    parts = Path(name).parts
    return bool(parts) and not Path(name).is_absolute() and ".." not in parts


def _offered() -> list[str]:
    kinds = {kind: _kind(kind) for kind in source_kinds()}
    names = sorted((n for source in kinds.values() for n in source.known), key=str.lower)
    return [*names, *(f"{kind}:NAME" for kind, source in kinds.items() if source.named)]


@cache
def _kind(kind: str) -> type[Source]:
    return only_class(f"core.data.sources.{kind}", Source)  # type: ignore[type-abstract]


def public_set(
    name: str, folder: Path, *, train: bool, download: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """All images (N, 28, 28, 1) uint8 of a source at once, and labels (N,) int64, for studies.

    Args:
        name: of the source, see `source_named`.
        folder, train, download: see `Source.read`.

    Raises:
        DataMissing: as `Source.read`.
    """
    data = source_named(name).read(folder, Shape(1, 28, 28), train=train, download=download)
    return data.images[:], data.labels
