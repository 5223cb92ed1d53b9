"""Which maps the page shows: models, layouts, colours, kinds of view; and what it opens with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from core.service import DetectorRow, LatentMap, LatentQuery, OutskirtsError, Scenario, Target
from pages._latent import selection
from pages._latent.colours import WAYS
from pages._latent.explorer import LAYOUTS
from pages._shared import links
from pages._shared.ask import ask
from pages._shared.controls import choice, choose_model

__all__ = [
    "FOLDED",
    "VIEWS",
    "arrived",
    "choose_colour",
    "choose_map",
    "default_row",
    "open_map",
    "turned",
]

# On a phone the controls are folded away, so that the map begins on the first screen.
FOLDED = """<style>
.st-key-latent_more { display: none; }
@media (max-width: 767px) {
  .st-key-latent_more { display: block; }
  .stApp:not(:has(.st-key-latent_more input:checked)) .st-key-latent_controls { display: none; }
}
</style>"""
VIEWS = {"one": "One map", "two": "Two maps", "3d": "3-D"}
HERE, SELECT, START, TURNED = "latent_here", "latent_select", "_latent_start", "_latent_turned"
OF_SETS = ("latent_sets", "latent_without", "latent_range", "latent_image")
TORN = 20  # one image in so many is where the map lies most
OLD_ORDERS = {"as drawn by the seed": "random"}  # what older links say


def choose_map(
    label: str, scenario: str, models: Mapping[str, DetectorRow], default: str, suffix: str = ""
) -> tuple[Target, str]:
    """Model and layout, of which only those are offered that the model has."""
    one, two = st.columns([1, 1.25], gap="small", vertical_alignment="bottom")
    with one:
        model = choose_model(label, models, default, f"latent_model{suffix}")
    target = Target.of(scenario, model)
    with two:
        layout = choice(
            "Layout",
            layouts_of(target),
            key=f"latent_layout{suffix}",
            default="tsne",
            help="UMAP and t-SNE keep neighbours together and distort distances; PCA is a flat "
            "shadow of the codes. All were laid out when the model was trained, from a fixed seed.",
        )
    return target, layout


def layouts_of(target: Target) -> dict[str, str]:
    """Layouts that a model has, in the order of `LAYOUTS`; small ones have fewer."""
    try:
        known = ask(LatentQuery(target)).layouts
    except OutskirtsError:  # without a map: `open_map` says it
        return dict(LAYOUTS)
    return {name: title for name, title in LAYOUTS.items() if name in known}


def choose_colour(row: DetectorRow) -> str:
    assert row.card is not None
    parts = {p: row.part_titles[p] for p in row.card.calibration.quantiles}
    return choice("Colour by", {**WAYS, **parts}, key="latent_colour", default="set", kind="select")


def open_map(target: Target, layout: str) -> LatentMap | None:
    """The map, or None with words that say which command makes it."""
    try:
        return ask(LatentQuery(target, layout))
    except OutskirtsError as error:
        st.warning(str(error), icon=":material/warning:")
        return None


# What the page opens with -------------------------------------------------------------------------


def arrived(scenario: Scenario, view: LatentMap) -> np.ndarray:
    """Rows that whoever came here by a link or a start is to look at; selected where it says so.

    A start, a link and a step back in history forget what the page showed before. Another scenario
    is shown whole, with what was selected there.
    """
    state = st.session_state
    came, was = HERE not in state, state.get(HERE)
    if was != scenario.name:
        asked = str(state.pop(SELECT, "") or st.query_params.get(SELECT, ""))
        state[HERE], state[START] = scenario.name, asked
        if asked:
            selection.select(scenario.name, view.keys[_asked_for(asked, view)])
        elif came and not (links.followed() and selection.in_link()):
            selection.clear(scenario.name)
        if SELECT in st.query_params:
            del st.query_params[SELECT]
        if not came:
            for name in OF_SETS:
                state.pop(name, None)
    return _asked_for(state.get(START, ""), view)


def _asked_for(select: str, view: LatentMap) -> np.ndarray:
    if select == "missed":
        return np.flatnonzero(view.strange & ~view.flagged)
    if select == "torn":
        return np.argsort(view.local, kind="stable")[: len(view.local) // TORN]
    return np.flatnonzero(view.which == min(1, len(view.sets) - 1))


def default_row(view: LatentMap, rows: np.ndarray, filtered: np.ndarray) -> int:
    """The image, of these rows, that the detector finds most normal: its worst mistake.

    Where the filter, (N,) bool, shows none of them: of the strange ones that it shows, or of all.
    """
    ways = (rows[filtered[rows]], np.flatnonzero(filtered & view.strange), np.flatnonzero(filtered))
    among = next((way for way in ways if len(way)), np.arange(len(view.keys)))
    return int(among[np.argmin(view.parts[view.score][among])])


def turned(told: Mapping[str, Any], orders: tuple[str, ...]) -> tuple[str, int]:
    """Order and page of the pictures: what the browser told last, or what a link asks for."""
    state = st.session_state
    if told.get("n") and told["n"] != state.get(TURNED):
        state[TURNED] = told["n"]
        state["latent_order"], state["latent_page"] = told.get("order"), told.get("page")
    elif "latent_order" not in state:
        query = dict(st.query_params) if links.followed() else {}  # a start begins anew
        text = query.get("latent_page", "1")
        state["latent_order"] = query.get("latent_order", orders[0])
        state["latent_page"] = int(text) if text.isdecimal() and len(text) < 6 else 1
    order = OLD_ORDERS.get(str(state["latent_order"]), str(state["latent_order"]))
    order = order if order in orders else orders[0]
    page = max(int(state["latent_page"] or 1), 1)
    links.write("latent_order", None if order == orders[0] else order)
    links.write("latent_page", None if page == 1 else str(page))
    return order, page
