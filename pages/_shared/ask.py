"""What pages ask of the service, with words for whoever waits; tables as files."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from functools import partial
from typing import TypeVar

import numpy as np
import streamlit as st

from core import service
from core.service import Query

__all__ = ["ask", "csv_of"]

A = TypeVar("A")


def ask(query: Query[A], data: bytes | None = None, *, wait: str = "") -> A:
    """What the service answers; who waits for it reads what is being computed.

    Args:
        wait: the same in a word, where there is little room.
    """
    return service.ask(query, data, wait=partial(st.spinner, wait or query.wait))


def csv_of(columns: Mapping[str, np.ndarray]) -> bytes:
    """A table, column by column, as a CSV file."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))
    return text.getvalue().encode()
