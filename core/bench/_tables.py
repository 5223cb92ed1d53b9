"""Tables of benchmarks for a terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from core.bench._rows import Row
from core.results import Ablation

__all__ = ["arms_table", "times_table"]


def times_table(rows: list[Row]) -> Table:
    """A line a figure: its median with the lowest and the highest."""
    table = Table("benchmark", "what", "median", "lowest", "highest", "unit", "runs")
    for row in rows:
        numbers = (f"{row.median:.4g}", f"{row.low:.4g}", f"{row.high:.4g}")
        table.add_row(row.benchmark, row.what, *numbers, row.unit, str(row.runs))
    return table


def arms_table(found: Ablation) -> Table:
    """A line an arm and data set, with the difference to the full method."""
    table = Table(
        "arm", "AUROC", "95 % interval", "to full", "95 % interval",
        title="Outskirts: one class normal, nine strange, the mean over ten classes",
        caption=f"Intervals: {found.run.interval}.",
    )  # fmt: skip
    for data in found.sets:
        table.add_row(Text(data, style="bold"))
        for arm in found.arms:
            f = arm.figures[data]
            gap = f"{f.difference:+.4f}", f"{f.difference_low:+.4f} to {f.difference_high:+.4f}"
            mean = f"{f.mean:.4f}", f"{f.low:.4f} to {f.high:.4f}"
            table.add_row(arm.title, *mean, *(("", "") if arm is found.arms[0] else gap))
        table.add_section()
    return table
