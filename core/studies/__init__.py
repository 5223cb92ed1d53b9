"""One file a study; the folder is the registry, a file's stem is its study's name."""

from __future__ import annotations

import pkgutil
from typing import TYPE_CHECKING

from core.registry import only_class

if TYPE_CHECKING:
    from core.studies._base import Study

__all__ = ["study", "study_names"]


def study_names() -> list[str]:
    """Names of all studies, sorted."""
    stems = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(stem for stem in stems if not stem.startswith("_"))


def study(name: str) -> Study:
    """The study that lives in the file ``name``.py of this folder, as it is planned there.

    Raises:
        LookupError: there is no such file.
        TypeError: it defines no study, or several.
    """
    from core.studies._base import Study

    if name not in study_names():
        raise LookupError(f"no study {name!r}; there are: {', '.join(study_names())}")
    return only_class(f"core.studies.{name}", Study)()  # type: ignore[type-abstract]
