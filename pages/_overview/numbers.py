"""All numbers in one table: models and their parts in rows, strange sets in columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from core.service import DetectorRow, Metrics, best_of
from pages._overview.cells import interval, number, shade
from pages._shared import draw
from pages._shared.ask import csv_of
from pages._shared.theme import Palette

__all__ = ["EVERY", "NONE", "Line", "csv_of_all", "lines", "table"]

EVERY, NONE = "every", "none"  # whose parts are shown, beside those of one model
STAR = "★"


@dataclass(frozen=True)
class Line:
    """A row of the table: a model by its score, or one part of it.

    Attributes:
        figures: by strange set.
        best: sets on which no other model is better, as far as these images tell.
    """

    title: str
    small: str
    figures: Mapping[str, Metrics]
    is_part: bool = False
    best: frozenset[str] = frozenset()


def lines(rows: Sequence[DetectorRow], strange: Sequence[str], opened: str) -> list[Line]:
    """Every trained model, and the parts of the one called ``opened``, or of every one."""
    best: dict[str, set[str]] = {}
    for name in strange:
        if (top := best_of(rows, name)) is not None:
            for finding in (top.finding, *top.alike):
                best.setdefault(finding.model, set()).add(name)
    made = []
    for row in rows:
        if row.card is None:
            continue
        score, metrics = row.card.score.part, row.card.metrics
        made.append(
            Line(
                row.title,
                f"{STAR} {row.part_titles[score]}",
                {name: metrics[name][score] for name in strange},
                best=frozenset(best.get(row.name, ())),
            )
        )
        if opened in (row.name, EVERY):
            made += [
                Line(
                    f"{STAR} {row.part_titles[part]}" if part == score else row.part_titles[part],
                    "",
                    {name: metrics[name][part] for name in strange},
                    is_part=True,
                )
                for part in row.card.calibration.quantiles
            ]
    return made


def table(
    rows: Sequence[Line], titles: Mapping[str, str], colours: Palette, *, intervals: bool
) -> str:
    """The lines as HTML.

    Args:
        titles: of strange sets, the columns.
        intervals: whether they stand in the cells; else they show where the mouse rests.
    """
    heads = "".join(
        f'<th role="columnheader" scope="col">{escape(title)}</th>'
        for title in ("Model", *titles.values())
    )
    body = "".join(_row(line, titles, colours, intervals) for line in rows)
    return (
        '<table class="ov numbers" role="table" aria-label="AUROC of every model on every strange '
        f'set"><thead role="rowgroup"><tr role="row">{heads}</tr></thead>'
        f'<tbody role="rowgroup">{body}</tbody></table>'
    )


def _row(line: Line, titles: Mapping[str, str], colours: Palette, intervals: bool) -> str:
    small = f"<small>{escape(line.small)}</small>" if line.small else ""
    cells = "".join(
        _cell(line.figures[name], title, colours, intervals=intervals, best=name in line.best)
        for name, title in titles.items()
    )
    return (
        f'<tr role="row"{" class=part" if line.is_part else ""}><th role="rowheader" scope="row">'
        f"{escape(line.title)}{small}</th>{cells}</tr>"
    )


def _cell(figures: Metrics, title: str, colours: Palette, *, intervals: bool, best: bool) -> str:
    small = f"<small>{interval(figures)}</small>" if intervals else ""
    weight = ' class="best"' if best else ""
    return (
        f'<td role="cell" style="background:{shade(figures, colours)}" '
        f'title="95 % interval: {escape(draw.interval(figures))}">'
        f'<span class="narrow">{escape(title)}</span>'
        f"<b{weight}>{number(figures)}</b>{small}</td>"
    )


def csv_of_all(rows: Sequence[DetectorRow], strange: Sequence[str]) -> bytes:
    """Every figure of every part of every model, a line each, as a CSV file."""
    names = ("auroc", "low", "high", "aupr", "fpr95", "n_normal", "n_strange")
    each = [
        (row.name, part, int(part == row.card.score.part), name, *(getattr(m, n) for n in names))
        for row in rows
        if row.card is not None
        for name in strange
        for part, m in row.card.metrics[name].items()
    ]
    columns = zip(*each, strict=True) if each else ((),) * (4 + len(names))
    heads = ("model", "part", "is_score", "strange", *names)
    return csv_of({head: np.array(c) for head, c in zip(heads, columns, strict=True)})
