"""The numbers of a report as a table for a spreadsheet: one row an image, strangest first."""

from __future__ import annotations

from typing import Any

from core.report.contents import Report
from core.tables import csv_text

__all__ = ["report_csv"]


def report_csv(report: Report) -> str:
    """All numbers of a report, and why there are none of what could not be read.

    A name that a spreadsheet would take for a formula has an apostrophe before it.
    """
    rows: list[dict[str, Any]] = [_row(report, int(row)) for row in report.order]
    empty = dict.fromkeys(rows[0], "")
    rows += [{**empty, "image": name, "error": why} for name, why in report.errors]
    return csv_text(rows)


def _row(report: Report, i: int) -> dict[str, Any]:
    entry = report.entries[i]
    row: dict[str, Any] = {"image": entry.id, "mean percentile": float(report.percentiles[i])}
    for model in report.models:
        row |= {
            f"{model.name} score": float(model.raw[i]),
            f"{model.name} ({model.unit})": float(model.displayed[i]),
            f"{model.name} percentile": float(model.percentiles[i]),
            f"{model.name} flagged": int(model.flagged[i]),
            f"{model.name} not its kind": int(model.foreign[i]),
        }
    tags = [tag for tag, ids in report.tags.items() if entry.id in ids]
    said = {"tags": ", ".join(tags), "notes": "; ".join(entry.notes)}
    row |= {**said, "warnings": "; ".join(entry.warnings)}
    return {**row, "sha256 of pixels": entry.sha256, "error": ""}
