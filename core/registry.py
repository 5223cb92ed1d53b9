"""Folders that are registries: each file defines one class of a kind, and its stem is the name."""

from __future__ import annotations

import importlib
import inspect
from typing import TypeVar

__all__ = ["only_class"]

T = TypeVar("T")


def only_class(module_name: str, base: type[T]) -> type[T]:
    """The one subclass of a base that the module ``module_name`` defines itself.

    Raises:
        TypeError: it defines none, or several.
    """
    module = importlib.import_module(module_name)
    defined = [
        c
        for c in vars(module).values()
        if inspect.isclass(c) and issubclass(c, base) and c.__module__ == module.__name__
    ]
    if len(defined) != 1:
        kind = base.__name__.lower()
        raise TypeError(f"{module.__name__} must define one {kind}, it defines {len(defined)}")
    return defined[0]
