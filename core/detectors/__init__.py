"""One file a paper; the folder is the registry, a file's stem is its detector's name."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from core.detectors._base import Detector
from core.registry import only_class

__all__ = ["detector_class", "detector_names"]


def detector_names() -> list[str]:
    """Names of all detectors, sorted."""
    return sorted(p.stem for p in Path(__file__).parent.glob("[a-z]*.py"))


@cache
def detector_class(name: str) -> type[Detector]:
    """The detector that lives in the file ``name``.py of this folder.

    Raises:
        LookupError: there is no such file.
        TypeError: it defines no detector, or several.
    """
    if name not in detector_names():
        raise LookupError(f"no detector {name!r}; there are: {', '.join(detector_names())}")
    return only_class(f"core.detectors.{name}", Detector)  # type: ignore[type-abstract]
