"""What a visitor keeps: tags, chosen images, lines of notes and the threshold, item by item."""

from __future__ import annotations

from core.notebook.contents import (
    LONGEST_LINE,
    LONGEST_NAME,
    Contents,
    Item,
    NotebookError,
    NoteLine,
    OwnImage,
    applied,
    checked,
    difference,
    items_of,
    tidy,
)
from core.notebook.file import MAX_FILE, load, save
from core.notebook.store import name_of, notebooks
from core.notebook.wire import LONGEST, packed, parse, salvaged

__all__ = [
    "LONGEST",
    "LONGEST_LINE",
    "LONGEST_NAME",
    "MAX_FILE",
    "Contents",
    "Item",
    "NoteLine",
    "NotebookError",
    "OwnImage",
    "applied",
    "checked",
    "difference",
    "items_of",
    "load",
    "name_of",
    "notebooks",
    "packed",
    "parse",
    "salvaged",
    "save",
    "tidy",
]
