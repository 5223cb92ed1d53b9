"""Outskirts: where do synthetic outliers come from, and what do they look like?"""

import streamlit as st

from core.service import DrawsQuery, FieldQuery, OverviewQuery, Plane, PlaneQuery, Target
from pages._outskirts import ablation, collapse, draws, files, plane, readings, recipe, walk
from pages._shared import draw, links, study
from pages._shared.ask import ask
from pages._shared.controls import (
    File,
    choose_model,
    downloads,
    heading,
    in_words,
    lead_to,
    say_missing,
)

DETECTOR = "outskirts"  # whose page this is
NEAR, MORE = 3, 9  # draws beside the plane, and below it

overview = ask(OverviewQuery(st.session_state["world"]))
scenario = overview.scenario
everyone = {row.name: row for row in (*overview.detectors, *overview.seed_replicates)}
models = {name: row for name, row in everyone.items() if name.partition(".")[0] == DETECTOR}
ready = {name: row for name, row in models.items() if row.card is not None}


def say_none() -> None:
    """What is missing, and where there is a model of this kind."""
    none = f"{scenario.title}: none of its models makes outliers, and this page is about those."
    for row in models.values():
        say_missing(row)
    if not models:
        st.info(none, icon=":material/info:")
    lead_to(DETECTOR, scenario)


# What a slider redraws ----------------------------------------------------------------------------


@st.fragment
def explore(target: Target, view: Plane, criterion: str, seed: int, title: str) -> None:
    """Controls, the plane, and draws beside their parents."""
    with st.container(key="outskirts_picture"):
        picture, beside, controls = st.columns([1.75, 1, 0.7], gap="medium")
    with controls:
        asked = recipe.ask_how(criterion, view.trained)
        followed = recipe.say_trained(asked.recipe, view.trained)
    with in_words():
        query = DrawsQuery(target, asked.recipe, asked.count, seed)
        made = ask(query)
        rows = draws.in_order(made, asked.order)
        with picture:
            field = ask(FieldQuery(target)) if asked.tinted else None
            draw.chart(
                plane.plane(view, made, field, title=title, height=560),
                key="outskirts_plane",
                name=f"{target.scenario}-{target.stem}-plane",
                alt="Training images' posteriors on the plane of their first two principal axes, "
                "with generators, synthetic outliers and what the classifiers say",
            )
        with beside:
            draws.say(view, made)
            followed |= draws.show(view, made, rows[:NEAR])
        st.markdown(f"**Why:** {draws.why(asked.recipe)}")
        st.caption(plane.how_to_read(view, field))
        st.subheader("What they look like")
        with st.grid(min_column_width=320):
            followed |= draws.show(view, made, rows[NEAR : NEAR + MORE], first=NEAR)
        st.caption(draws.how_to_read(view))
        downloads(
            File(
                "These outliers (NPZ)",
                f"{scenario.family}-{target.stem}-synthetic-{seed}.npz",
                lambda: files.draws_npz(query),
                "All draws: images, codes, latents, parents, logits, the settings, the seed and "
                "the sha256 of the weights.",
            )
        )
    if followed:
        st.rerun(scope="app")  # what follows lies outside of this fragment


# Page --------------------------------------------------------------------------------------------

heading("outskirts", scenario, list(ready))
if not ready:
    say_none()
    raise links.PageEnds
left, right = st.columns([1, 1.7], gap="medium", vertical_alignment="top")
with left:
    model = choose_model("Model", ready, DETECTOR, "outskirts_model")
target = Target.of(scenario.name, model)
view = ask(PlaneQuery(target))
with right:
    criterion = recipe.choose_criterion(view.trained)
if view.noise:
    st.info(
        "A control: this model learned from noise. No posterior generates its outliers, so the "
        "parents shown here have no part in them.",
        icon=":material/info:",
    )
title = f"Synthetic outliers: {ready[model].title}, {scenario.title}"
explore(target, view, criterion, st.session_state["seed"], title)
st.subheader("How this detector makes them")
st.markdown(
    "A detector needs outliers to learn from, and has none. This one makes them. It puts every "
    "training image somewhere in a latent space, as a small cloud (its posterior); takes the "
    "outermost ones; pushes them further out; and draws from them. Classifiers then learn to tell "
    f"real images from these draws. {readings.what_classifiers_hold(view, ready[model].title)}"
)
for row in models.values():
    if row.card is None:
        st.caption(row.missing)
readings.show(list(ready.values()), scenario.strange)
below = st.container(key=draws.WALK)  # it asks a dozen detectors: what is quick comes first
collapse.show(target, view)
with below:
    walk.walk(target, everyone, view, criterion)
study.show(DETECTOR, why=ablation.why, aside=ablation.which_is_which)
