"""Every model at the one threshold, a row each, with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st

from core.service import Verdict, Verdicts
from pages._compare.models import Compared
from pages._compare.said import MANY, about, header, in_percent, interval, place
from pages._shared import draw
from pages._shared.ask import csv_of
from pages._shared.text import numeral
from pages._shared.threshold import Line

__all__ = ["LOOKS", "OWN_RATE", "complete", "csv_of_verdicts", "html", "show"]

LOOKS = """<style>
.compare-table { width: 100%; border-collapse: collapse; font-size: .9rem; line-height: 1.25;
  font-variant-numeric: tabular-nums; }
.compare-table :is(th, td) { text-align: right; font-weight: 400; padding: .3rem 0 .3rem .7rem;
  border-bottom: 1px solid rgba(128, 140, 148, .35); vertical-align: top; white-space: nowrap; }
.compare-table :is(th, td):first-child { text-align: left; padding-left: 0; white-space: normal; }
.compare-table thead th { font-size: .875rem; vertical-align: bottom; white-space: normal; }
.compare-table small { display: block; font-size: .82rem; }
.compare-table .top th { font-weight: 650; }
.compare-table .top small { font-weight: 400; }
.compare-scroll { overflow-x: auto; }
</style>"""
Row = tuple[str, str]  # a figure, and its interval
Best = Callable[[Sequence[float]], float]


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        ends: of the interval of a value.
        best: of the values, or None where none is better than another.
    """

    title: str
    value: Callable[[Verdict], float]
    text: Callable[[Verdict], Row]
    ends: Callable[[Verdict], tuple[float, float]]
    best: Best | None


def _share(title: str, name: str, best: Best | None) -> Column:
    def text(v: Verdict) -> Row:
        found = getattr(v, name)
        return in_percent(found.value), interval(found)

    return Column(title, lambda v: getattr(v, name).value, text, _ends_of(name), best)


def _ends_of(name: str) -> Callable[[Verdict], tuple[float, float]]:
    return lambda v: (getattr(v, name).low, getattr(v, name).high)


COLUMNS = (
    Column(
        "flags above",
        lambda v: v.displayed,
        lambda v: (numeral(v.displayed, ".4g"), f"percentile {place(v.percentile)}"),
        lambda v: (math.nan, math.nan),
        None,
    ),
    _share("recall", "recall", max),
    _share("precision", "precision", max),
    _share("F1", "f1", max),
    _share("false alarms", "false_alarm_rate", None),
    Column(
        f"cost of {MANY:,} images",
        lambda v: v.cost.value,
        lambda v: (
            about(MANY * v.cost.value),
            f"{about(MANY * v.cost.low)} to {about(MANY * v.cost.high)}",
        ),
        _ends_of("cost"),
        min,
    ),
    Column(
        "AUROC",
        lambda v: v.metrics.auroc,
        lambda v: (f"{v.metrics.auroc:.3f}", draw.interval(v.metrics)),
        _ends_of("metrics"),
        max,
    ),
)


def show(c: Compared, verdicts: Verdicts) -> None:
    """The table, the one on top first; and what of it is to be believed."""
    st.html(html(c, verdicts.models))
    st.caption(f"**How to read it.** {' '.join(_notes(c, verdicts.models))}")


def _notes(c: Compared, models: Sequence[Verdict]) -> Iterator[str]:
    yield (
        "Bold is what is better than every other model by intervals that do not meet. False alarms "
        "have no best: fewer of them are had by any higher threshold."
    )
    for own in (v for v in models if v.own):
        yield OWN_RATE
        if not complete(c, own):
            yield (
                "Your file has scores of some of the images alone, so that nothing of it is called "
                "the best."
            )


OWN_RATE = (
    "Percentiles of your scores are among the very test images that are counted: at a percentile, "
    "their false alarms are chosen, not measured."
)


def complete(c: Compared, v: Verdict) -> bool:
    """Whether a model has scores of all images of both sets."""
    sizes = c.overview.sizes
    return (v.hits + v.misses, v.alarms + v.passed) == (sizes[c.strange], sizes[c.against])


def html(c: Compared, models: Sequence[Verdict]) -> str:
    """The table as HTML; in each column the figure that is clearly the best is bold."""
    judged = [v for v in models if complete(c, v)]
    best = [_best(column, judged) for column in COLUMNS]
    heads = "".join(f'<th scope="col">{escape(t)}</th>' for t in ("model", *_titles()))
    body = "".join(_row(v, best, top=v.name == c.model) for v in models)
    return (
        f"{LOOKS}<div class=compare-scroll tabindex=0 role=region aria-label='Table of all models'>"
        "<table class=compare-table aria-label='Every model at this threshold, with 95 % intervals'>"
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _titles() -> list[str]:
    return [column.title for column in COLUMNS]


def _best(column: Column, models: Sequence[Verdict]) -> str:
    """The name of the model whose interval is beyond that of every other; "": there is none."""
    judged = [v for v in models if all(map(math.isfinite, column.ends(v)))]
    if column.best is None or len(judged) < 2:
        return ""
    best = column.best([column.value(v) for v in judged])
    winner = next(v for v in judged if column.value(v) == best)
    low, high = column.ends(winner)
    ends = [column.ends(v) for v in judged if v is not winner]
    apart = all(other[1] < low for other in ends) or all(other[0] > high for other in ends)
    return winner.name if apart else ""


def _row(v: Verdict, best: Sequence[str], *, top: bool) -> str:
    cells = ""
    for column, winner in zip(COLUMNS, best, strict=True):
        text, small = column.text(v)
        value = f"<b>{escape(text)}</b>" if v.name == winner else escape(text)
        cells += f"<td>{value}<small>{escape(small)}</small></td>"
    n = f"{v.hits + v.misses:,} strange, {v.alarms + v.passed:,} normal images"
    unit = f"<small>{escape(v.unit)}</small><small>{n}</small>"
    return (
        f'<tr{" class=top" if top else ""}><th scope="row">{escape(v.title)}{unit}</th>{cells}</tr>'
    )


def csv_of_verdicts(line: Line, models: Sequence[Verdict]) -> bytes:
    """The same as a CSV file: counts, and each figure with its ends.

    Args:
        line: what is expected, which its headers say.
    """
    plain = (
        "name",
        "title",
        "unit",
        "displayed",
        "percentile",
        "hits",
        "misses",
        "alarms",
        "passed",
    )
    columns = {
        "threshold (in its unit)" if n == "displayed" else n: _values(models, n) for n in plain
    }
    for name in ("recall", "precision", "f1", "false_alarm_rate", "cost"):
        for end, title in _ENDS.items():
            columns[f"{header(name, line)}{title}"] = np.array(
                [getattr(getattr(v, name), end) for v in models]
            )
    columns |= {n: np.array([getattr(v.metrics, n) for v in models]) for n in ("auroc", "aupr")}
    return csv_of(columns)


_ENDS: Mapping[str, str] = {"value": "", "low": " low", "high": " high"}


def _values(models: Sequence[Verdict], name: str) -> np.ndarray:
    return np.array([getattr(v, name) for v in models])
