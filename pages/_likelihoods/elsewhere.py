"""Where there are flows, for whoever opens Likelihoods in a scenario that has none."""

from __future__ import annotations

import streamlit as st

from core.service import Scenario
from pages._shared.controls import lead_to

__all__ = ["lead_elsewhere"]

DETECTOR = "glow"


def lead_elsewhere(scenario: Scenario) -> None:
    """Say that a scenario has no flow, and lead to each that has one."""
    st.info(
        f"{scenario.title}: none of its models is a flow, and this page is about flows.",
        icon=":material/info:",
    )
    lead_to(DETECTOR, scenario)
