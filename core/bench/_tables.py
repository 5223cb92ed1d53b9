"""Tables of benchmarks and studies for a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from core.bench._base import Row
from core.results import Row as StudyRow
from core.results import StudyResult

__all__ = ["study_table", "times_table"]


def times_table(rows: Iterable[Row]) -> Table:
    """A line a figure of these rows: its median with the lowest and the highest."""
    table = Table("benchmark", "what", "median", "lowest", "highest", "unit", "runs")
    for row in rows:
        numbers = (f"{row.median:.4g}", f"{row.low:.4g}", f"{row.high:.4g}")
        table.add_row(row.benchmark, row.what, *numbers, row.unit, str(row.runs))
    return table


def study_table(result: StudyResult) -> Table:
    """A line an arm and data set, by every measure, with the difference to the reference."""
    columns = [
        column
        for title in result.measures.values()
        for column in (title, "95 % interval", f"to {result.reference}", "95 % interval")
    ] + (["s.d.", "published"] if result.published else [])
    sources = dict.fromkeys(f"Published: {other.source}." for other in result.published)
    caption = "\n".join((f"Intervals: {result.run.interval}.", *sources, *result.notes))
    table = Table("arm", *columns, title=result.title, caption=caption)
    for data in result.data:
        table.add_row(Text(data, style="bold"))
        for arm in result.arms:
            rows = [result.row(arm.name, data, measure=measure) for measure in result.measures]
            refers = arm.name == result.reference
            cells = [cell for row in rows for cell in _cells(row, refers=refers)]
            table.add_row(arm.title, *cells, *_beside(result, rows[0]))
        table.add_section()
    return table


def _beside(result: StudyResult, row: StudyRow) -> tuple[str, ...]:
    """The spread over variants, and what others report, with theirs."""
    if not result.published:
        return ()
    std, other = result.std(row.arm, row.data), result.published_of(row.arm, row.data)
    spread = "" if std is None else f"{std:.4f}"
    return spread, f"{other.value:.3f} ± {other.std:.3f}" if other else ""


def _cells(row: StudyRow, *, refers: bool) -> tuple[str, str, str, str]:
    """Value and difference, each with its interval; the reference differs from nothing."""
    interval = _interval(row.low, row.high, ".4f")
    if refers or row.difference is None:
        return f"{row.value:.4f}", interval, "", ""
    gap = _interval(row.difference_low, row.difference_high, "+.4f")
    return f"{row.value:.4f}", interval, f"{row.difference:+.4f}", gap


def _interval(low: float | None, high: float | None, form: str) -> str:
    return "" if low is None or high is None else f"{low:{form}} to {high:{form}}"
