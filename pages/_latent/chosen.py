"""The selected images: how they score beside the rest, pictures, and a table to take away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import streamlit as st

from core.service import (
    AcrossQuery,
    DetectorRow,
    Gallery,
    LatentMap,
    pictures_of,
)
from pages._latent import selection
from pages._latent.tags import tagging, tags, tags_of
from pages._shared.ask import ask, csv_of
from pages._shared.controls import in_words, pager
from pages._shared.gallery import tiles
from pages._shared.theme import palette

__all__ = ["chosen"]

PER_PAGE = 24
ORDERS = ("strangest", "most normal", "as drawn by the seed")


@st.fragment
def chosen(
    view: LatentMap,
    visible: np.ndarray,
    models: Mapping[str, DetectorRow],
    scenario: str,
    *,
    seed: int,
    inspect: Callable[[str, int], None],
) -> None:
    """Everything under the maps. Where nothing is selected, all that the filter shows.

    A fragment: turning its pages leaves the maps alone. What it changes on them, it says.
    """
    if selection.stale():
        st.rerun()
    picked = view.rows(selection.selected(scenario))
    rows, hidden = picked[visible[picked]], int((~visible[picked]).sum())
    _heading(view, visible, rows, hidden, scenario)
    if not visible.any():
        st.info("The filter hides every image: widen it to see some.", icon=":material/filter_alt:")
        return
    if len(rows):
        left, right = st.columns([1.3, 1], gap="medium")
        with left:
            _compare(view, visible, rows)
        with right:
            tagging(view.keys[rows], scenario)
    else:
        tagging(rows, scenario)
    everything = not len(rows)
    _pictures(
        view, np.flatnonzero(visible) if everything else rows, models, scenario, seed, inspect
    )


def _heading(
    view: LatentMap, visible: np.ndarray, rows: np.ndarray, hidden: int, scenario: str
) -> None:
    if len(rows):
        strange = int(view.strange[rows].sum())
        st.subheader(f"{len(rows):,} selected")
        unjudged = int((view.role[rows] == "unjudged").sum())
        text = f"{len(rows) - strange - unjudged:,} normal, {strange:,} strange"
        if unjudged:
            text += f", {unjudged:,} unjudged"
        if hidden:
            text += f"; {hidden:,} more are hidden by the filter"
        lost = len(selection.selected(scenario)) - len(rows) - hidden
        if lost:
            text += f"; {lost:,} more are not on this map"
        st.caption(text + ".")
    else:
        st.subheader("All images")
        what = "All that you selected is hidden by the filter or not on this map"
        st.caption(
            f"{what if len(selection.selected(scenario)) else 'Nothing is selected'}: these are all "
            f"{int(visible.sum()):,} that are shown. Choose the lasso or the box at the top left of the map, "
            "then draw; a double click clears."
        )
    with st.container(horizontal=True):
        st.button(
            "Select all shown",
            key="latent_all",
            on_click=selection.select,
            args=(scenario, view.keys[visible]),
            disabled=not visible.any(),
        )
        st.button(
            "Clear selection",
            key="latent_clear",
            on_click=selection.clear,
            args=(scenario,),
            disabled=not len(selection.selected(scenario)),
        )


def _compare(view: LatentMap, visible: np.ndarray, rows: np.ndarray) -> None:
    inside = np.zeros(len(view.keys), bool)
    inside[rows] = True
    title, unit = view.titles[view.score], view.units[view.score]
    st.echarts_chart(
        _against_rest(
            view.parts[view.score][visible],
            inside[visible],
            view.role[visible] == "normal",
            f"{title}, {unit}",
        ),
        key="latent_histogram",
        height=210,
        alt="Histogram of the score of the selected images beside that of all others",
    )
    flagged = view.flagged[rows].mean()
    rest = view.flagged[visible & ~inside]
    st.caption(
        f"{flagged:.0%} of the selection are flagged"
        + (f", {rest.mean():.0%} of all others that are shown." if len(rest) else ".")
    )


def _against_rest(
    values: np.ndarray, chosen: np.ndarray, normal: np.ndarray, unit: str
) -> dict[str, Any]:
    """Histograms of a number (N,) of the chosen images, (N,) bool, and of all others.

    What lies far beyond the normal images, (N,) bool, is counted in the outermost bins.

    ECharts too, which this page has loaded: Plotly would cost its first lasso a second.
    """
    first, last = np.quantile(values[normal] if normal.any() else values, (0.005, 0.995))
    reach = 4 * max(last - first, 1e-3)  # to scale, strange ones could press the normal into a line
    low, high = np.quantile(values, (0.005, 0.995)).clip(first - reach, last + reach)
    edges = np.linspace(low, high if high > low else low + 1, 51)
    within, centres = values.clip(edges[0], edges[-1]), (edges[1:] + edges[:-1]) / 2
    sides = {"all others": (~chosen, palette().normal), "selection": (chosen, palette().strange)}
    series = []
    for name, (rows, colour) in sides.items():
        shares = 100 * np.histogram(within[rows], edges)[0] / max(int(rows.sum()), 1)
        series.append(
            {
                "type": "line",
                "name": name,
                "step": "middle",
                "showSymbol": False,
                "data": np.stack([centres, shares], 1).round(4).tolist(),
                "color": colour,
                "lineStyle": {"width": 1.5},
                "areaStyle": {"opacity": 0.4},
            }
        )
    return {
        "animation": False,
        "grid": {"left": 8, "right": 8, "top": 28, "bottom": 44},
        "legend": {"top": 0, "left": 0},
        "tooltip": {"trigger": "axis"},
        "xAxis": {
            "type": "value",
            "name": unit,
            "nameLocation": "middle",
            "nameGap": 26,
            "min": float(edges[0]),
            "max": float(edges[-1]),
        },
        "yAxis": {"type": "value", "show": False},
        "series": series,
    }


def _pictures(
    view: LatentMap,
    rows: np.ndarray,
    models: Mapping[str, DetectorRow],
    scenario: str,
    seed: int,
    inspect: Callable[[str, int], None],
) -> None:
    pages = -(-len(rows) // PER_PAGE)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        order = st.segmented_control(
            "Which first",
            ORDERS,
            default=ORDERS[0],
            required=True,
            key="latent_order",
            on_change=selection.first_page,
            bind="query-params",
            persist_state="session",
        )
        page = pager(pages, key="latent")
    ordered = _order(view, rows, order, seed)
    here = ordered[(page - 1) * PER_PAGE : page * PER_PAGE]
    sets = tuple(view.sets[i] for i in view.which[here])
    picks = list(zip(sets, view.indices[here].tolist(), strict=True))
    if tiles(
        Gallery(
            sets=sets,
            indices=view.indices[here],
            images=pictures_of(scenario, picks),
            displayed=view.parts[view.score][here],
            percentiles=view.percentiles[view.score][here],
            pages=pages,
        ),
        scenario=scenario,
        titles={name: name for name in view.sets},
        key="latent_pick",
        what=view.titles[view.score],
        on_click=inspect,
        side=90,
    ):
        st.rerun()
    with st.expander(
        "Every detector's score of these",
        key="latent_table",
        on_change="rerun",
        icon=":material/table:",
    ) as table:
        if table.open:
            with in_words():
                _table(view, here, models, scenario)
    known = tags(scenario)  # the table is written in a thread that has no session
    st.download_button(
        f"All {len(rows):,} with every detector's score and tags (CSV)",
        lambda: _csv(view, ordered, models, scenario, known),
        file_name=f"{scenario}-selection.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
    )


def _order(view: LatentMap, rows: np.ndarray, order: str, seed: int) -> np.ndarray:
    values = view.parts[view.score][rows]
    if order == ORDERS[2]:
        return np.random.default_rng(seed).permutation(rows)
    return rows[np.argsort(-values if order == ORDERS[0] else values, kind="stable")]


def _table(
    view: LatentMap, rows: np.ndarray, models: Mapping[str, DetectorRow], scenario: str
) -> None:
    keys = view.keys[rows]
    found = ask(AcrossQuery(scenario, tuple(models), tuple(keys.tolist())))
    st.dataframe(
        {
            "image": [view.id(row) for row in rows],
            "class": found.labels.tolist(),
            "tags": tags_of(keys, tags(scenario)),
            **{models[m].title: found.percentiles[m] for m in models},
        },
        hide_index=True,
        column_config={
            row.title: st.column_config.ProgressColumn(
                row.title, min_value=0, max_value=100, format="%.1f"
            )
            for row in models.values()
        },
        alt="Percentile of each of these images under every model",
    )
    st.caption("Percentile of each model's score among held-out normal images.")


def _csv(
    view: LatentMap,
    rows: np.ndarray,
    models: Mapping[str, DetectorRow],
    scenario: str,
    known: Mapping[str, np.ndarray],
) -> bytes:
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
