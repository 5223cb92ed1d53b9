"""Many images in a table: a thumbnail each, what every model says, flagged ones first, in any order.

`table.js` is the browser's half: it is sent one page of rows, whatever there is.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.service import Batch
from pages._shared import draw, links
from pages._shared.controls import pager
from pages._shared.text import numeral

__all__ = ["FIRST", "Judged", "ordered", "show", "sorted_by"]

ROWS = 50  # on a page
SORT, LISTING = "own_sort", "own_listing"
FIRST = "flagged"  # sorted by how many models flag it, then by the mean percentile
SIDE = 64  # pixels, of a thumbnail's longer side at most

_here = Path(__file__)
_draw = st.components.v2.component(
    "outskirts.own_table",
    js=_here.with_suffix(".js").read_text(encoding="utf-8"),
    css=_here.with_suffix(".css").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Judged:
    """N images with a verdict of every model.

    Attributes:
        names: (N,); pictures: (N, H, W, C) uint8.
        batch: what each model says of the N; flagged: model to (N,), at the visitor's threshold.
        titles: of models.
    """

    names: Sequence[str]
    pictures: np.ndarray
    batch: Batch
    flagged: Mapping[str, np.ndarray]
    titles: Mapping[str, str]

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(self.batch.models)

    @property
    def counts(self) -> np.ndarray:
        """How many models flag each image, (N,)."""
        return np.sum([self.flagged[m] for m in self.models], axis=0)

    @property
    def mean(self) -> np.ndarray:
        """The mean percentile of each image over the models, (N,)."""
        return np.mean([self.batch.models[m].percentiles for m in self.models], axis=0)


def ordered(judged: Judged, sort: str) -> np.ndarray:
    """The N images in an order, (N,): `FIRST`, "name", or a model's percentile; "-" turns it round.

    Those that most models flag stand first, names from A to Z, the strangest first.
    """
    key, turned = sort.removeprefix("-"), sort.startswith("-")
    if key == "name":
        order = np.argsort(np.array([name.casefold() for name in judged.names]), kind="stable")
    elif key in judged.models:
        order = np.lexsort((-judged.batch.models[key].raw, -judged.batch.models[key].percentiles))
    else:
        order = np.lexsort((-judged.mean, -judged.counts))
    return order[::-1] if turned else order


def _columns(titles: Mapping[str, str]) -> list[dict[str, str]]:
    """What the table can be sorted by, from the left: its key, its title, and how.

    Args:
        titles: of models.
    """
    named = {"key": "name", "title": "Image", "help": "From A to Z."}
    counted = {
        "key": FIRST,
        "title": "Flagged by",
        "help": "How many of the detectors flag it; among equals, the mean percentile decides.",
    }
    models = [
        {"key": m, "title": title, "help": f"Percentile under {title}: the strangest first."}
        for m, title in titles.items()
    ]
    return [named, counted, *models]


def sorted_by(titles: Mapping[str, str]) -> str:
    """The order that the table's reader, or a link, chose; what `ordered` takes.

    Args:
        titles: of models.
    """
    options = {c["key"]: c["title"] for c in _columns(titles)}
    options |= {f"-{key}": title for key, title in options.items()}
    if asked := links.asked("Sorted by", SORT, options):
        st.session_state[SORT] = asked[0]
    sort = st.session_state.get(SORT, FIRST)
    sort = sort if sort in options else FIRST
    links.write(SORT, None if sort == FIRST else sort)
    return sort


def show(judged: Judged, sort: str, *, on_open: Callable[[int], None]) -> None:
    """The table, from the page that its reader chose.

    Args:
        sort: as `sorted_by` says.
        on_open: told which of the N images was pressed, before the page runs again.
    """
    count = len(judged.names)
    page = pager(-(-count // ROWS), key="own_table", order=sort) if count > ROWS else 1
    order = ordered(judged, sort)[(page - 1) * ROWS : page * ROWS]
    key = sort.removeprefix("-")
    data = {
        "label": f"{count:,} images and what every detector says of them",
        "columns": _columns(judged.titles),
        "rows": [_row(judged, int(i)) for i in order],
        "sort": key,
        "down": (key != "name") != sort.startswith("-"),
    }
    _draw(key=LISTING, data=data, on_told_change=partial(_heard, sort, count, on_open))


def _heard(sort: str, count: int, on_open: Callable[[int], None]) -> None:
    """A heading was pressed, and the table is sorted by it; or an image."""
    told = (st.session_state.get(LISTING) or {}).get("told") or {}
    what, value = told.get("what"), told.get("value")
    if what == "sort" and isinstance(value, str):
        st.session_state[SORT] = f"-{value}" if value == sort else value
    elif what == "open" and isinstance(value, int) and 0 <= value < count:
        on_open(value)


def _row(judged: Judged, i: int) -> dict[str, Any]:
    picture = judged.pictures[i]
    step = max(1, max(picture.shape[:2]) // SIDE)
    source = b64encode(draw.png([picture[::step, ::step]])).decode()
    return {
        "n": i,
        "name": judged.names[i],
        "picture": f"data:image/png;base64,{source}",
        "count": f"{judged.counts[i]} of {len(judged.models)}",
        "cells": [_cell(judged, model, i) for model in judged.models],
    }


def _cell(judged: Judged, model: str, i: int) -> dict[str, Any]:
    said = judged.batch.models[model]
    return {
        "text": f"{said.percentiles[i]:.1f}",
        "score": f"score {numeral(said.displayed[i], '.4g')} {said.unit}".rstrip(),
        "at": round(float(said.percentiles[i]), 1),
        "flagged": bool(judged.flagged[model][i]),
        "foreign": bool(said.foreign[i]),
    }
