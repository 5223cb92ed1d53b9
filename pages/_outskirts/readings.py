"""Models of outskirts beside each other: whose score finds more, as far as the numbers carry it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from core.service import DetectorRow, ImageSet, Metrics, Plane
from pages._shared.draw import DASH, interval

__all__ = ["cell", "show", "verdict", "what_classifiers_hold"]


def what_classifiers_hold(view: Plane, title: str) -> str:
    """What the logits of the model of this title are made of."""
    if view.density:
        return (
            f"**{title}**: its logits also hold how near the codes of known normal images lie, "
            "which is ours: no outlier taught it."
        )
    return (
        f"**{title}**: its logits hold what these draws taught the classifiers, and nothing else."
    )


def show(rows: Sequence[DetectorRow], strange: Sequence[ImageSet]) -> None:
    """The section: AUROC of every such model's score, a row a strange set; of one model, nothing."""
    if len(rows) < 2:
        return
    st.subheader("The models side by side")
    table = [{"": s.title, **{row.title: cell(row, s.name) for row in rows}} for s in strange]
    st.table(
        pd.DataFrame(table),
        border="horizontal",
        hide_index=True,
        alt="AUROC of the score of every model of this kind on every strange set",
    )
    st.markdown(f"**What you see:** {verdict(rows, {s.name: s.title for s in strange})}")
    st.caption(
        "AUROC of each model's score; in small the 95\u00a0% interval of 1,000 stratified bootstraps; it "
        "covers test images, not training seeds. ▼ below chance."
    )


def figures(row: DetectorRow, set_name: str) -> Metrics:
    """Those of the model's score."""
    assert row.card is not None
    return row.card.metrics[set_name][row.card.score.part]


def cell(row: DetectorRow, set_name: str) -> str:
    """AUROC with its interval; below chance marked by a sign."""
    f = figures(row, set_name)
    sign = "▼\u00a0" if f.fooled else ""
    return f"{sign}{f.auroc:.3f}  \n:small[:gray[{interval(f, dash=DASH)}]]"


def verdict(rows: Sequence[DetectorRow], titles: Mapping[str, str]) -> str:
    """Which model is ahead of all others on which set, beyond both intervals."""
    ahead: dict[str, list[str]] = {}
    unknown = []
    for set_name, title in titles.items():
        first, second = sorted(rows, key=lambda row: -figures(row, set_name).auroc)[:2]
        if not all(figures(row, set_name).has_interval for row in (first, second)):
            unknown.append(title.lower())
            continue
        clear = figures(first, set_name).low > figures(second, set_name).high
        ahead.setdefault(first.title if clear else "", []).append(title.lower())
    said = [f"{model} is ahead on {', '.join(sets)}" for model, sets in ahead.items() if model]
    if "" in ahead:
        said.append(f"the intervals overlap on {', '.join(ahead[''])}")
    if unknown:
        said.append(f"there is no interval on {', '.join(unknown)}")
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}."
