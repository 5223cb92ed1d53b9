"""Where the visitor draws the line: one threshold for every page, with what a mistake costs.

It is of the session, as the visitor's own image is: Compare sets it, Own images and the report take
it. Whoever sets it elsewhere (a notebook that is loaded) sets it for Compare too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from core.service import Threshold

__all__ = ["DEFAULT", "Costs", "Line", "costs", "current", "line", "prevalence", "set_to"]

_STATE = "_threshold"
OPENS = Threshold("percentile", 95.0)


@dataclass(frozen=True)
class Costs:
    """What a strange image that is missed costs, and a false alarm; only their ratio matters."""

    miss: float = 1.0
    alarm: float = 1.0


@dataclass(frozen=True)
class Line:
    """A threshold and what is expected where it is used.

    Attributes:
        prevalence: the share of strange images among those to come, 0 to 1.
    """

    threshold: Threshold = OPENS
    prevalence: float = 0.01
    costs: Costs = Costs()


DEFAULT = Line()


def line() -> Line:
    """All of it, as the visitor set it last."""
    return st.session_state.get(_STATE, DEFAULT)


def current() -> Threshold:
    """The threshold alone."""
    return line().threshold


def prevalence() -> float:
    """The share of strange images that the visitor expects, 0 to 1."""
    return line().prevalence


def costs() -> Costs:
    """What the visitor's mistakes cost."""
    return line().costs


def set_to(
    threshold: Threshold | None = None,
    *,
    prevalence: float | None = None,
    costs: Costs | None = None,
) -> None:
    """Draw the line elsewhere; what is None stays as it is."""
    given: dict[str, Any] = {"threshold": threshold, "prevalence": prevalence, "costs": costs}
    changed = {name: value for name, value in given.items() if value is not None}
    st.session_state[_STATE] = replace(line(), **changed)
