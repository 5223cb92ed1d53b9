"""What the page Likelihoods gives away; made when asked for, in a thread that draws nothing."""

from __future__ import annotations

from core import service
from core.service import PairQuery, Target
from pages._shared.ask import csv_of

__all__ = ["pair_csv", "table_csv"]


def pair_csv(query: PairQuery) -> bytes:
    """One row a reference image of both sets: id, set, label, and the part under either model."""
    return csv_of(service.pair_table(query))


def table_csv(target: Target, sets: tuple[str, ...]) -> bytes:
    """One row a reference image: id, set, label and every part as the page shows it."""
    return csv_of(service.display_table(target, sets))
