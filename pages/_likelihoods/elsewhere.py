"""Where there are flows, for whoever opens Likelihoods in a scenario that has none."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from core import service
from core.service import OutskirtsError, OverviewQuery
from pages._likelihoods.comparison import flows_of
from pages._shared.ask import ask

__all__ = ["lead_elsewhere"]


def lead_elsewhere(title: str) -> None:
    """Say that the scenario of this title has no flow, and lead to one that has."""
    st.info(
        f"{title}: none of its models is a flow, and this page is about flows.",
        icon=":material/info:",
    )
    if (other := _with_flows()) is not None:
        name, label = other
        st.button(
            f"Open {label}, which has flows",
            key="likelihoods_elsewhere",
            type="primary",
            icon=":material/arrow_forward:",
            on_click=_open,
            args=(name,),
        )


def _with_flows() -> tuple[str, str] | None:
    """Name and title of a scenario that has flows."""
    for row in service.scenarios():
        with suppress(OutskirtsError):  # the sidebar says what is damaged
            name = ".".join([row["scenario"], *row.get("variants", [])[:1]])
            rows = ask(OverviewQuery(name)).detectors
            if any(flow.card is not None for flow in flows_of(rows).values()):
                return row["scenario"], row["title"]
    return None


def _open(scenario: str) -> None:
    st.session_state["scenario"] = scenario
