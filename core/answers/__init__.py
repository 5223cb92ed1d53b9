"""Answers to questions; `core.service` is their one door, and the folder is the registry."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

from core.answers.query import Query

__all__ = ["answered"]


def answered() -> dict[type[Query[Any]], Callable[..., Any]]:
    """What answers each type of query: ``ANSWERS`` of every module of this folder that has some."""
    names = [f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__)]
    modules = [importlib.import_module(name) for name in sorted(names)]
    return {a.query: a.by for module in modules for a in getattr(module, "ANSWERS", ())}
