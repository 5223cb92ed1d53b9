"""What can go wrong and be said in one line."""

from __future__ import annotations

from pydantic import ValidationError

__all__ = ["OutskirtsError", "complaint"]


class OutskirtsError(Exception):
    """Its message says what was asked and what came; it is shown as it is."""


def complaint(error: Exception) -> str:
    """What an error says; of a schema's complaints the first, with the place that it is about."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]
