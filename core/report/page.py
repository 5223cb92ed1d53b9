"""A report as one HTML file: no script, no link, nothing that is asked of anybody."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape
from PIL import Image

from core.data.picture import as_pil, pixels_of, png
from core.explain.rendering import floor_of, limit_of, map_png
from core.files import read_text
from core.printable import printable
from core.report import words
from core.report.contents import Report, ReportMap, ReportModel
from core.report.histogram import bars
from core.shape import Shape

__all__ = ["SHOWN", "report_html"]

SHOWN = 2_000  # rows of the table; the rest is in the CSV
NAMED = 30  # images of a tag
THUMBNAIL = 64  # pixels of its longer side, at most


def report_html(report: Report) -> str:
    """The page of a report. Names of others are text in it, whatever they hold.

    Two reports of the same are the same, letter by letter.
    """
    rows, maps = [int(row) for row in report.order[:SHOWN]], _maps(report)
    return _template().render(
        report=report,
        asked=words.asked(report),
        threshold=words.threshold(report),
        expected=words.expected(report),
        tiles=[_tile(model) for model in report.models],
        outlook=[_outlook(report, model) for model in report.models] if report.strange else [],
        rows=[_row(report, row) for row in rows],
        left=len(report.entries) - len(rows),
        maps=maps,
        mapped=words.mapped([one["rank"] for one in maps]),
        begun=words.begun(sum(m["begun"] for one in maps for m in one["maps"])),
        tags=[_tag(name, ids) for name, ids in report.tags.items()],
        mean=len(report.models) > 1,
        rendering=_rendering(report),
    )


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"shown": printable, "percent": words.percent}
    return environment.from_string(read_text(Path(__file__).with_name("report.html.jinja")))


def _tile(model: ReportModel) -> dict[str, Any]:
    """What is said of one model at the top."""
    count = int(model.flagged.sum())
    label = (
        f"Percentiles of {words.counted(len(model.raw), 'image')} under {model.title}; the "
        f"threshold stands at {words.place(model.standing)}"
    )
    histogram = bars(model.percentiles, model.standing, label=str(escape(label)))
    return {
        "model": model,
        "count": f"{count:,}",
        "share": words.percent(count / len(model.raw)),
        "threshold": f"{words.figure(model.threshold)} {model.unit}",
        "standing": words.place(model.standing),
        "foreign": f"{int(model.foreign.sum()):,}",
        "budget": words.budget(model),
        "surprise": words.surprise(model),
        "histogram": Markup(histogram),  # numbers, and a label that is escaped
    }


def _outlook(report: Report, model: ReportModel) -> dict[str, str]:
    """What to expect of one model."""
    hits, alarms = words.hits_and_alarms(report, model)
    measured = {
        "recall": model.recall,
        "alarm_rate": model.false_alarm_rate,
        "precision": model.precision,
    }
    said = {k: words.interval(v) for k, v in measured.items() if v is not None}
    return {"title": model.title, "hits": hits, "alarms": alarms, **said}


def _row(report: Report, i: int) -> dict[str, Any]:
    """What is said of one image in the table."""
    entry = report.entries[i]
    return {
        "entry": entry,
        "thumbnail": "" if entry.image is None else _thumbnail(entry.image),
        "mean": words.place(float(report.percentiles[i])),
        "tags": [tag for tag, ids in report.tags.items() if entry.id in ids],
        "cells": [
            {
                "flagged": bool(model.flagged[i]),
                "foreign": bool(model.foreign[i]),
                "score": words.figure(float(model.displayed[i])),
                "percentile": words.place(float(model.percentiles[i])),
            }
            for model in report.models
        ],
    }


def _tag(name: str, ids: Sequence[str]) -> dict[str, Any]:
    more = len(ids) - NAMED
    return {
        "name": name,
        "count": words.counted(len(ids), "image"),
        "ids": ids[:NAMED],
        "more": f"{more:,}" if more > 0 else "",
    }


def _maps(report: Report) -> list[dict[str, Any]]:
    """The strangest images that have maps, each with its rank in the table and the maps of it."""
    ranks = {int(row): rank for rank, row in enumerate(report.order, start=1)}
    by_row: dict[int, list[ReportMap]] = {}
    for one in report.maps:
        by_row.setdefault(one.row, []).append(one)
    return [
        {
            "rank": ranks[row],
            "id": report.entries[row].id,
            "image": _picture(report.entries[row].image),
            "maps": [
                {
                    "title": one.title,
                    "image": _uri(map_png(one.map, factor=1)),
                    "begun": floor_of(one.map, limit_of(one.map)) > 0,
                    "elsewhere": words.elsewhere(one.elsewhere),
                }
                for one in found
            ],
        }
        for row, found in by_row.items()
    ]


# Pictures ---------------------------------------------------------------------------------------


def _picture(image: np.ndarray | None) -> str:
    return "" if image is None else _uri(png(image))


def _thumbnail(image: np.ndarray) -> str:
    """An image (H, W, C) as a data URI, no larger than it is shown."""
    if max(image.shape[:2]) <= THUMBNAIL:
        return _uri(png(image))
    small = as_pil(image)
    small.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    return _uri(png(pixels_of(small)))


def _rendering(report: Report) -> str:
    """How a browser enlarges its pictures, which are of one size."""
    images = (entry.image for entry in report.entries if entry.image is not None)
    height, width = next((image.shape[:2] for image in images), (1, 1))
    return Shape(1, height, width).rendering


def _uri(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()
