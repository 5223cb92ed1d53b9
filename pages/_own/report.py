"""What is taken away of many images: a report in one file, and a table."""

from __future__ import annotations

from core.service import Overview
from pages._own.line import Drawn
from pages._own.table import Judged
from pages._own.work import Work

__all__ = ["downloads"]


def downloads(overview: Overview, brought: Work, judged: Judged, drawn: Drawn) -> None:
    """Report and table to take away."""
