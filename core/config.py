"""Settings of a detector as cards, scenarios and --set name them, checked before it is built."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.detectors._base import Detector
from core.errors import complaint

__all__ = ["config_of"]

# torch takes sizes of 63 bits and has another error for each place that is given more. With 16 a
# product of three settings still fits; what is left of too large, it says itself.
LIMIT = 2**16
SEEDS = 2**31  # a seed is no size


def config_of(name: str, cls: type[Detector], settings: Mapping[str, Any]) -> Any:
    """The ``Config`` of a detector's class with these settings, and its defaults for others.

    Args:
        name: of the checkpoint, for the message.

    Raises:
        ValueError: a setting that the detector does not know, of a wrong type or beyond any use.
    """
    known = {f.name for f in dataclasses.fields(cls.Config)}
    if unknown := sorted(set(settings) - known):
        renamed = cls.Config.renamed
        now = [f"{old} is called {renamed[old]} now" for old in unknown if old in renamed]
        words = f"{name} knows no setting {', '.join(unknown)}"
        raise ValueError("; ".join([words, *now, f"it knows: {', '.join(sorted(known))}"]))
    try:
        config: Any = TypeAdapter(cls.Config).validate_python(dict(settings))
    except ValidationError as error:
        raise ValueError(f"{name}: setting {complaint(error)}") from error
    for key, number in _whole_numbers(config):
        limit = SEEDS if key.endswith("seed") else LIMIT
        if abs(number) >= limit:
            raise ValueError(f"{name}: setting {key} must be below {limit:,}")
    return config


def _whole_numbers(config: Any) -> Iterator[tuple[str, int]]:
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, int):
                yield field.name, one
