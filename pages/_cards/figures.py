"""How good a model is: a table of every part, and all of it as a file; all models in a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import streamlit as st

from core.service import Card, DetectorRow, ImageSet, Metrics
from pages._shared import draw
from pages._shared.ask import csv_of
from pages._shared.controls import choice
from pages._shared.text import minutes, times

__all__ = ["everyone", "how", "metrics_csv", "show"]

MEASURES: Mapping[str, tuple[str, Callable[[Metrics], float]]] = {
    "auroc": ("AUROC", lambda m: m.auroc),
    "aupr": ("AUPR", lambda m: m.aupr),
    "fpr95": ("FPR at 95 % TPR", lambda m: m.fpr95),
}


def show(row: DetectorRow, strange: tuple[ImageSet, ...]) -> None:
    """A table, a row a part and a column a strange set, of the measure that is chosen."""
    card = row.card
    assert card is not None
    st.markdown("#### How good each part is")
    measure = choice(
        "Measure", {name: label for name, (label, _) in MEASURES.items()}, key="cards_measure"
    )
    label = MEASURES[measure][0]
    st.table(
        pd.DataFrame(_rows(row, card, strange, measure)),
        border="horizontal",
        hide_index=True,
        alt=f"{label} of every part of {row.title}, a column a strange set",
    )
    st.caption(how(card, strange))


def _rows(
    row: DetectorRow, card: Card, strange: tuple[ImageSet, ...], measure: str
) -> list[dict[str, str]]:
    parts = [part for part in row.part_titles if any(part in card.metrics[s.name] for s in strange)]
    return [
        {
            "part": f"**{row.part_titles[part]}** ★" if part == card.score.part else
            row.part_titles[part],
            **{s.title: _cell(card.metrics[s.name].get(part), measure) for s in strange},
        }
        for part in parts
    ]  # fmt: skip


def _cell(figures: Metrics | None, measure: str) -> str:
    """A figure; of an AUROC its interval too, and a sign where it is below chance."""
    if figures is None:
        return "–"
    text = f"{MEASURES[measure][1](figures):.3f}"
    if measure != "auroc":
        return text
    sign = "▼\u00a0" if figures.fooled else ""
    return f"{sign}{text}  \n:small[{draw.interval(figures, dash=draw.DASH)}]"


def how(card: Card, strange: tuple[ImageSet, ...]) -> str:
    """How the figures were made."""
    part = card.score.part
    each = {s.title: card.metrics[s.name][part] for s in strange}
    sizes = "; ".join(f"{title} {m.n_strange:,}" for title, m in each.items())
    normal = f"{next(iter(each.values())).n_normal:,} normal; {sizes}"
    if len({m.n_normal for m in each.values()}) > 1:  # each is measured against its own
        normal = "; ".join(
            f"{title} {m.n_strange:,} against {m.n_normal:,} normal" for title, m in each.items()
        )
    others = "; ".join(f"{k.replace('_', ' ')} {v:.3f}" for k, v in card.figures.items())
    return (
        "★ the score; ▼ below chance. In small the interval of 1,000 stratified bootstraps; it "
        "covers test images, not training seeds. Measured on the strange sets "
        f"{times(card.training.test_evaluations)}. Images: {normal}."
        + (f" Normal test images: {others}." if others else "")
    )


def metrics_csv(row: DetectorRow, strange: tuple[ImageSet, ...]) -> bytes:
    """Every figure of a card: a row a strange set and part."""
    card = row.card
    assert card is not None
    each = [(s, part, m) for s in strange for part, m in card.metrics[s.name].items()]
    return csv_of(
        {
            "model": np.array([row.name for _ in each]),
            "set": np.array([s.name for s, _, _ in each]),
            "set title": np.array([s.title for s, _, _ in each]),
            "part": np.array([part for _, part, _ in each]),
            "is score": np.array([part == card.score.part for _, part, _ in each]),
            **{
                name: np.array([getattr(m, name) for _, _, m in each])
                for name in ("auroc", "low", "high", "aupr", "fpr95", "n_normal", "n_strange")
            },
        }
    )


# All models ---------------------------------------------------------------------------------------


def everyone(rows: Mapping[str, DetectorRow]) -> None:
    """One line a checkpoint, nothing cut."""
    table = [
        {
            "model": f"{row.title}  \n:small[`{name}`]",
            "score": row.part_titles[row.card.score.part],
            "parameters": f"{row.card.weights.parameters:,}" if row.card.training.steps else "–",
            "trained": minutes(row.card.training.minutes) if row.card.training.steps else "–",
            "images seen": f"{row.card.training.images:,}" if row.card.training.steps else "–",
            "measured": times(row.card.training.test_evaluations),
            "MB": f"{row.card.weights.bytes / 1e6:.1f}",
        }
        for name, row in rows.items()
        if row.card is not None
    ]
    st.table(
        pd.DataFrame(table),
        border="horizontal",
        hide_index=True,
        alt="Every checkpoint of this scenario",
    )
    st.caption(
        "Parameters: those that were trained. Images seen: training images shown, each counted as "
        "often as it was shown. Measured: how often the checkpoint was evaluated on the strange "
        "sets. None of them chose its score; where looking at one led to a setting, the card's "
        "deviations say so."
    )
