"""Latent space: what does the detector think is near what?"""

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.service import DetectorRow, LatentMap, Overview, OverviewQuery, Target
from pages._latent import looked, opened, selection, shown
from pages._latent.chosen import ORDERS, chosen
from pages._latent.colours import Colouring, colour_by
from pages._latent.explorer import Browsing, OneMap, explorer, said
from pages._latent.tags import tags
from pages._latent.turning import show_3d
from pages._shared.ask import ask
from pages._shared.controls import choice, heading, say_untrained
from pages._shared.models import first_of


@dataclass(frozen=True)
class Drawn:
    """A map that is to be drawn, of a model by a layout."""

    view: LatentMap
    target: Target
    row: DetectorRow


def trained(overview: Overview) -> dict[str, DetectorRow]:
    """Models by name; those of a share of known anomalies, which have no map, stand last."""
    rows = (*overview.detectors, *overview.seed_replicates)
    mapped_first = sorted(rows, key=lambda row: row.share is not None)
    return {row.name: row for row in mapped_first if row.card is not None}


def controls(overview: Overview) -> tuple[Drawn | None, str, str, DeltaGenerator]:
    """The first map, what colours it, the kind of view, and the place for the filter."""
    models = trained(overview)
    st.html(opened.FOLDED)
    st.toggle("Model, colours, filter", key="latent_more")
    with st.container(key="latent_controls"):
        one, two, three, four, five = st.columns(
            [2.4, 1.15, 0.9, 0.85, 0.95], gap="small", vertical_alignment="bottom"
        )
    with one:
        target, layout = opened.choose_map(
            "Model", overview.scenario.name, models, first_of(models.values())
        )
    with two:
        what = opened.choose_colour(models[target.stem])
    with three:
        kind = choice("Show", opened.VIEWS, key="latent_view", default="one", kind="select")
    with five:
        looked.by_name(overview.scenario)
    view = opened.open_map(target, layout)
    first = None if view is None else Drawn(view, target, models[target.stem])
    return first, what, kind, four


def second_map(overview: Overview) -> list[Drawn]:
    models, (left, _) = trained(overview), st.columns([2, 1.6])
    with left:
        target, layout = opened.choose_map(
            "Second model", overview.scenario.name, models, "glow.outliers", "2"
        )
    view = opened.open_map(target, layout)
    return [] if view is None else [Drawn(view, target, models[target.stem])]


def colours(drawn: Drawn, what: str, overview: Overview) -> Colouring:
    scenario, view = overview.scenario, drawn.view
    known = what in opened.WAYS or what in view.parts  # a second model may lack the first's part
    titles = {s.name: s.title for s in scenario.own_sets}
    return colour_by(
        what if known else "set", view, drawn.target, titles=titles, tags=tags(scenario.name)
    )


@st.fragment
def explore(overview: Overview) -> None:
    """Everything below the heading: what is done here leaves the frame alone."""
    scenario, seed, told = overview.scenario, st.session_state["seed"], said()
    first, what, kind, place = controls(overview)
    if first is None:
        return
    view, target = first.view, first.target
    rows = opened.arrived(scenario, view)
    looked.look(scenario, told.get("look"))
    selection.heard(scenario.name, view, f"{target} {view.layout}", told)
    selection.follow(scenario.name, view)
    with place:
        filtered = shown.filtered(view, scenario)
    start = opened.default_row(view, rows, filtered)
    order, page = opened.turned(told, ORDERS)
    maps = [first, *(second_map(overview) if kind == "two" else [])]
    above, note = st.container(key="latent_picture"), st.container()
    left, right = st.columns([1, 1.3], gap="large")
    with left:
        st.subheader("The image that is looked at")
        asked = looked.pick(target, view, scenario, start, seed)
    nears = [looked.near(asked, one.target, one.view.layout) for one in maps]
    colourings = [colours(one, what, overview) for one in maps]
    off = shown.hidden(colourings[0], told)
    visible = filtered & ~shown.among(colourings[0], off)
    picked = view.rows(selection.selected(scenario.name))
    with above:
        if kind == "3d":
            show_3d(view, target, colourings[0], visible=visible, picked=picked)
        else:
            drawn = [
                OneMap(one.view, one.target, one.row.title, colouring, near)
                for one, colouring, near in zip(maps, colourings, nears, strict=True)
            ]
            state = Browsing(selection.given(), off, order, page, seed)
            explorer(drawn, scenario, filtered=filtered, picked=picked, state=state)
    with note:
        looked.trust(view)
    compared = {r.name: r for r in overview.detectors if r.card is not None}
    if nears[0] is not None:
        looked.said_of(nears[0], asked, view, compared, scenario, beside=(left, right))
    models = compared | {target.stem: first.row}
    chosen(view, visible, models, scenario, order=order, page=page, seed=seed)


overview = ask(OverviewQuery(st.session_state["world"]))
heading("latent", overview.scenario, [*trained(overview)])
if trained(overview):
    explore(overview)
else:
    say_untrained(overview.scenario)
