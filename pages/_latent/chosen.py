"""The selected images below the map: tags, every detector's score, a table to take away."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import streamlit as st

from core.service import AcrossQuery, DetectorRow, LatentMap, Scenario, shuffled
from pages._latent import selection
from pages._latent.tags import tagging, tags, tags_of
from pages._shared.ask import ask, csv_of
from pages._shared.controls import File, downloads, in_words
from pages._shared.text import plain

__all__ = ["ORDERS", "PER_PAGE", "chosen", "ordered"]

PER_PAGE = 24  # pictures beside the map, see pictures.js
ORDERS = ("strangest", "most normal", "random")


def chosen(
    view: LatentMap,
    visible: np.ndarray,
    models: Mapping[str, DetectorRow],
    scenario: Scenario,
    *,
    order: str,
    page: int,
    seed: int,
) -> None:
    """What can be done with the selected images; where none is, with all that are shown.

    Args:
        visible: (N,) bool, rows that the map shows.
        order, page: of the pictures beside the map.
    """
    picked = view.rows(selection.selected(scenario.name))
    rows = picked[visible[picked]]
    _heading(view, visible, picked, scenario.name)
    if not visible.any():
        return
    tagging(view.keys[rows], scenario.name)
    everything = rows if len(rows) else np.flatnonzero(visible)
    listed = ordered(view, everything, order, seed)
    page = min(page, -(-len(listed) // PER_PAGE))
    _scores(view, listed[(page - 1) * PER_PAGE : page * PER_PAGE], models, scenario)
    known = tags(scenario.name)  # the table is written in a thread that has no session
    downloads(
        File(
            f"All {len(listed):,} with every detector's score and tags (CSV)",
            f"{scenario.name}-selection.csv",
            partial(table_csv, view, listed, models, scenario.name, known),
        )
    )


def _heading(view: LatentMap, visible: np.ndarray, picked: np.ndarray, scenario: str) -> None:
    rows, hidden = picked[visible[picked]], int((~visible[picked]).sum())
    keys = selection.selected(scenario)
    lost = len(keys) - len(picked)
    more = [f"{hidden:,} more are hidden by filter or legend"] if hidden else []
    more += [f"{lost:,} more are not on this map"] if lost else []
    if len(rows):
        st.subheader(f"The {len(rows):,} selected images")
    else:
        st.subheader(f"All {int(visible.sum()):,} images that are shown")
        if len(keys):
            more = ["All that you selected is hidden, or not on this map"]
            st.button(
                "Clear selection",
                key="latent_clear",
                on_click=selection.clear,
                args=(scenario,),
            )
    if more:
        st.caption("; ".join(more) + ".")


def ordered(view: LatentMap, rows: np.ndarray, order: str, seed: int) -> np.ndarray:
    """Rows in the order of the pictures beside the map, which the browser finds for itself."""
    if order == "random":
        drawn = shuffled(len(view.keys), seed)
        return drawn[np.isin(drawn, rows)]
    values = view.parts[view.score].astype(np.float32)[rows]
    strangest = rows[np.argsort(-values, kind="stable")]
    return strangest[::-1] if order == "most normal" else strangest


def _scores(
    view: LatentMap, rows: np.ndarray, models: Mapping[str, DetectorRow], scenario: Scenario
) -> None:
    with st.expander(
        f"Every detector's score of the {len(rows)} pictures",
        key="latent_table",
        on_change="rerun",
        icon=":material/table:",
    ) as table:
        if table.open:
            with in_words():
                _table(view, rows, models, scenario)


def _table(
    view: LatentMap, rows: np.ndarray, models: Mapping[str, DetectorRow], scenario: Scenario
) -> None:
    keys = view.keys[rows]
    found = ask(AcrossQuery(scenario.name, tuple(models), tuple(keys.tolist())))
    titles = {s.name: s.title for s in scenario.own_sets}
    names = [f"{titles[view.sets[view.which[row]]]} {view.indices[row]}" for row in rows]
    percents = st.column_config.ProgressColumn
    st.dataframe(
        {
            "image": names,
            "class": found.labels.tolist(),
            "tags": tags_of(keys, tags(scenario.name)),
            **{models[m].title: found.percentiles[m] for m in models},
        },
        hide_index=True,
        column_config={
            row.title: percents(plain(row.title), min_value=0, max_value=100, format="%.1f")
            for row in models.values()
        },
        alt="Percentile of each of these images under every model",
    )
    st.caption("Percentile of each model's score among held-out normal images.")


def table_csv(
    view: LatentMap,
    rows: np.ndarray,
    models: Mapping[str, DetectorRow],
    scenario: str,
    known: Mapping[str, np.ndarray],
) -> bytes:
    """One row an image: its id, class and tags, and every model's score, percentile, verdict."""
    keys = view.keys[rows]
    found = ask(AcrossQuery(scenario, tuple(models), tuple(keys.tolist())))
    columns = {
        "image": np.array([view.id(row) for row in rows]),
        "set": found.sets,
        "class": found.labels,
        "tags": np.array(tags_of(keys, known)),
    }
    for model in models:
        columns[f"{model} score ({found.units[model]})"] = found.scores[model]
        columns[f"{model} percentile"] = found.percentiles[model]
        columns[f"{model} flagged"] = found.flagged[model].astype(int)
    return csv_of(columns)
