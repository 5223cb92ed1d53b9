"""A report to take away: one HTML file that asks nothing of anybody, and a table."""

from __future__ import annotations

from core.report.page import report_html
from core.report.table import report_csv

__all__ = ["report_csv", "report_html"]
