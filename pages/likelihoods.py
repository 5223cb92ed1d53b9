"""Likelihoods: which scale of a flow finds it strange, and why can strange images look likelier?"""

from collections.abc import Mapping
from functools import partial

import streamlit as st

from core import service
from core.service import DetectorRow, Overview, OverviewQuery
from pages._likelihoods import claims, drawn, files, models, one, pictures, sets
from pages._likelihoods.comparison import Comparison, compare, flows_of
from pages._likelihoods.elsewhere import lead_elsewhere
from pages._likelihoods.paradox import Story
from pages._likelihoods.place import show_place
from pages._shared import links, seeds
from pages._shared.ask import ask
from pages._shared.controls import (
    File,
    choice,
    choose_model,
    downloads,
    heading,
    say_no_strange,
)

VIEWS = {
    "scales": "Scales",
    "models": "Model against model",
    "drawn": "Drawn images",
    "claims": "The paper's claims",
}


def story_of(c: Comparison, overview: Overview) -> Story:
    """What can be said of a comparison in words."""
    normal, strange = (title.lower() for title in c.sides)
    return Story(
        c.found,
        model=c.row.title,
        normal=normal,
        strange=strange,
        set_name=c.strange,
        others=seeds.measured((*overview.detectors, *overview.seed_replicates)),
    )


def show_scales(c: Comparison, overview: Overview, seed: int) -> None:
    """Pictures beside the histograms they lie in; then every part, the image's numbers, a gallery."""
    story = story_of(c, overview)
    first, rest = st.container(key="likelihoods_picture"), st.container()
    gallery = st.container(key="likelihoods_gallery")
    with gallery:
        st.subheader("Gallery")
        by = pictures.ordering(c, seed)
    with first:
        left, right = st.columns([1, 1.05], gap="medium")
    with left:
        view, picked = one.look(c, by, overview)
        pictures.show_strip(c, by, picked)
    with right:
        sets.show_main(c, story, view)
    with rest:
        left, right = st.columns(2, gap="medium")
        with left:
            sets.show_why(c, story)
            if c.row.name in service.fully_connected(c.scenario.family):
                show_place(c, flows_of(overview.detectors))
            if view is not None:
                one.show_numbers(c, view)
        with right:
            sets.show_parts(c)
        if view is not None:
            one.show_maps(c, view, picked)
    with gallery:
        pictures.show_gallery(c, by, overview, picked)
    table = partial(files.table_csv, c.target, (c.normal, c.strange))
    downloads(File("All numbers (CSV)", f"{c.stem}.csv", table))


def show_drawn(c: Comparison, overview: Overview, seed: int) -> None:
    """An image with one scale drawn anew; then what each flow draws by itself."""
    with st.container(key="likelihoods_picture"):
        left, right = st.columns([1, 3], gap="medium")
    with left:
        picked = one.pick(c, pictures.ordering_kept(c, seed), overview)
        temperature = drawn.choose_temperature()
    with right:
        drawn.show_anew(c, picked, temperature, seed)
    drawn.show_samples(c, flows_of(overview.detectors), temperature, seed)


def show_models(c: Comparison, overview: Overview, seed: int) -> None:
    """Two flows image by image; then their difference to a general one."""
    flows = flows_of(overview.detectors)
    with st.container(key="likelihoods_picture"):
        other = models.show_against(c, flows, seed)
    show_place(c, flows, other=other)
    models.show_differences(c, flows)
    models.show_ends(c, flows)


def show_claims(c: Comparison, overview: Overview, seed: int) -> None:
    """What the paper says of flows, each claim with its figure and its number."""
    with st.container(key="likelihoods_picture"):
        claims.show_claims(c, flows_of(overview.detectors), story_of(c, overview), seed)


def views_of(flows: Mapping[str, DetectorRow]) -> dict[str, str]:
    """The views that have something to show: one flow alone is compared with none."""
    trained = [row for row in flows.values() if row.card is not None]
    return {view: text for view, text in VIEWS.items() if view != "models" or len(trained) > 1}


world, seed = st.session_state["world"], st.session_state["seed"]
overview = ask(OverviewQuery(world))
scenario, flows = overview.scenario, flows_of(overview.detectors)
heading("likelihoods", scenario, [r.name for r in overview.detectors if r.card is not None])
if not flows:
    lead_elsewhere(scenario)
    raise links.PageEnds
if not scenario.strange:
    say_no_strange("likelihoods are compared with those of strange ones")
    raise links.PageEnds
left, middle, right = st.columns([2.6, 1, 1], vertical_alignment="bottom")
with left:
    view = choice("Show", views_of(flows), key="likelihoods_view", default="scales")
with middle:
    titles = {s.name: s.title for s in scenario.strange}
    strange = choice("Strange set", titles, key="likelihoods_strange", kind="select")
with right:
    paper = next((name for name in flows if "." not in name), "")  # the paper's, of no variant
    model = choose_model("Model", flows, paper, "likelihoods_model")
show = {"scales": show_scales, "models": show_models, "drawn": show_drawn, "claims": show_claims}[
    view
]
show(compare(overview, flows[model], strange), overview, seed)
