"""Every class in turn as the normal one: each model over all of them, and the mean."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.service import Classes, DetectorRow, Scenario
from pages._overview import figures, sentences
from pages._shared import draw

__all__ = ["show"]


def show(by_class: Classes, scenario: Scenario, rows: Sequence[DetectorRow]) -> None:
    """The section: a figure a detector; of more known anomalies than none, the mean alone.

    Args:
        rows: trained models of one class; of those of several shares, each stands for its share.
    """
    st.header("Every class in turn")
    for row in rows:
        if not row.share:
            _figure(by_class, scenario, row)
        if text := _mean(by_class, scenario, row):
            st.markdown(text)


def _figure(by_class: Classes, scenario: Scenario, row: DetectorRow) -> None:
    cards = {by_class.titles[v]: card for v, card in by_class.cards[row.model].items()}
    draw.chart(
        figures.intervals(
            {
                title: card.metrics["rest"][card.score.part]
                for title, card in cards.items()
                if card is not None
            },
            marked=scenario.normal.title,
        ),
        key=f"overview_classes_{row.model}",
        name=f"{scenario.family}-{row.model}-classes",
        alt=f"AUROC of {row.title} with each class in turn as the normal one, with intervals",
    )


def _mean(by_class: Classes, scenario: Scenario, row: DetectorRow) -> str:
    """The mean over all classes; "" where one of them is not trained."""
    if (mean := by_class.means.get(row.model)) is None:
        return ""
    text = (
        f"**{row.title}**: mean AUROC over {mean.models} classes **{mean.auroc:.3f}** "
        f"({draw.interval(mean, dash=draw.DASH)}), each against all others."
    )
    if not row.share:
        text += " The class that is chosen in the sidebar is the orange diamond."
    return text + sentences.against_study(row.model, scenario, mean.auroc)
