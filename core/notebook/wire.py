"""A notebook as the browser keeps it: JSON, short where a tag is on many images.

    {"tag fashion odd": {"mnist": "0-99,105"}, "line": {"1f0c...": ["digits", 1764196000.0]}}

The key names kind, scenario and tag, as JSON of a list; images stand as sets with runs of numbers,
all else as ids with value and time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from core.notebook.contents import MAX_ITEMS, Contents, Item, NotebookError, applied, checked

__all__ = ["LONGEST", "packed", "parse", "salvaged", "unpacked"]

LONGEST = 2_000_000  # characters that a browser keeps of a notebook; it may hold 5 million
DAMAGE = (ValueError, TypeError, AttributeError, RecursionError, OverflowError)
RUN = re.compile(r"(0|[1-9][0-9]{0,7})(?:-([1-9][0-9]{0,7}))?")


def packed(items: Iterable[Item]) -> dict[str, dict[str, Any]]:
    """Items by their kind, scenario and tag.

    Example:
        >>> packed([Item("tag", "fashion", "odd", f"mnist#{i}") for i in (3, 1, 2, 7)])
        {'["tag", "fashion", "odd"]': {'mnist': '1-3,7'}}
    """
    groups: dict[tuple[str, str, str], list[Item]] = {}
    for item in items:
        groups.setdefault(item[:3], []).append(item)
    return {
        json.dumps(key): _sets(group)
        if key[0] in ("tag", "chosen")
        else {i.id: [i.value, i.time] for i in group}
        for key, group in groups.items()
    }


def _sets(items: Iterable[Item]) -> dict[str, str]:
    found: dict[str, list[int]] = {}
    for item in items:
        name, _, index = item.id.rpartition("#")
        found.setdefault(name, []).append(int(index))
    return {name: _runs(sorted(set(numbers))) for name, numbers in found.items()}


def _runs(numbers: list[int]) -> str:
    """Rising numbers as runs."""
    runs: list[list[int]] = []
    for n in numbers:
        if runs and runs[-1][1] == n - 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    return ",".join(f"{a}-{b}" if b > a else f"{a}" for a, b in runs)


def unpacked(found: dict[str, dict[str, Any]], *, most: int = MAX_ITEMS) -> Iterator[Item]:
    """Items that are found in what `packed` wrote down, each checked.

    Args:
        most: how many there may be.

    Raises:
        NotebookError: it wrote no such thing.
    """
    left = most
    for key, group in found.items():
        kind, scenario, name = json.loads(key)
        for item in _group(str(kind), str(scenario), str(name), group, left):
            left -= 1
            yield checked(item)


def _group(kind: str, scenario: str, name: str, group: dict[str, Any], left: int) -> Iterator[Item]:
    if kind not in ("tag", "chosen"):
        yield from (Item(kind, scenario, name, k, str(v), float(t)) for k, (v, t) in group.items())
        return
    for set_name, runs in group.items():
        for run in runs.split(","):
            found = RUN.fullmatch(run)
            first, last = (int(n) for n in (found[1], found[2] or found[1])) if found else (0, -1)
            if not 0 <= last - first < left:
                raise NotebookError(f"{run[:60]!r} is no run of a notebook's images")
            left -= last - first + 1
            yield from (
                Item(kind, scenario, name, f"{set_name}#{i}") for i in range(first, last + 1)
            )


def parse(text: str) -> Contents:
    """The notebook that a browser has kept as this text.

    Raises:
        NotebookError: it is none, or too long.
    """
    _bounded(text)
    try:
        return applied(Contents(), unpacked(json.loads(text)))
    except DAMAGE as error:
        raise NotebookError("what this browser kept is damaged") from error


def salvaged(text: str) -> tuple[Contents, int]:
    """What can be read of the notebook that a browser kept as ``text``, and how many parts cannot.

    Raises:
        NotebookError: nothing can be, or it is too long.

    Example:
        >>> kept = packed([Item("line", "", "", of, "x", 1.0) for of in ("0a" * 4, "0b")])
        >>> contents, bad = salvaged(json.dumps(kept))
        >>> [line.id for line in contents.lines], bad
        (['0a0a0a0a'], 1)
    """
    try:
        return parse(text), 0
    except NotebookError:
        _bounded(text)
    try:
        pieces = list(_pieces(json.loads(text)))
    except DAMAGE as error:
        raise NotebookError("what this browser kept is damaged") from error
    good: list[Item] = []
    bad = 0
    for piece in pieces:
        try:
            good += list(unpacked(piece, most=MAX_ITEMS - len(good)))
        except (NotebookError, *DAMAGE):
            bad += 1
    return applied(Contents(), good), bad


def _pieces(found: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The least parts that can be read each by itself: an item, or a run of images."""
    for key, group in found.items():
        for of, value in group.items() if isinstance(group, dict) else [("", group)]:
            parts = value.split(",") if isinstance(value, str) else [value]
            yield from ({key: {of: part}} for part in parts)


def _bounded(text: str) -> None:
    if len(text) > LONGEST:
        raise NotebookError(f"what this browser kept has over {LONGEST:,} characters")
