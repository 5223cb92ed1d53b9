"""Outskirts: where do synthetic outliers come from, and what do they look like?"""

from collections.abc import Mapping
from math import isclose

import numpy as np
import pandas as pd
import streamlit as st

from core.service import (
    COLLAPSED,
    DetectorRow,
    Draws,
    DrawsQuery,
    FieldQuery,
    OverviewQuery,
    Plane,
    PlaneQuery,
    Recipe,
    Target,
)
from pages._outskirts import ablation, files, plane, readings, walk
from pages._shared import draw, gallery, study
from pages._shared.ask import ask
from pages._shared.controls import choose_model, in_words

SHOWN = 9  # of the gallery
WHOLE = "_outskirts_whole"
CRITERIA = {
    "neighbours": ("Far from its neighbours", "Unlike the 5 posteriors most like it."),
    "prior": ("Far from the prior", "Its KL to the prior is large."),
    "aggregate": ("Far from the crowd", "Its mean lies far from the centre, for how they scatter."),
}
ORDERS = ("as drawn", "most like normal", "least like normal")
TRY: Mapping[str, Mapping[str, object]] = {  # label: what differs from training
    "Push hard": {"kappa": 2.0},
    "Everybody generates": {"rho": 1.0},
    "Far from the prior": {"criterion": "prior"},
}

overview = ask(OverviewQuery(st.session_state["world"]))
scenario = overview.scenario
seed = st.session_state["seed"]
everyone = {r.name: r for r in (*overview.detectors, *overview.seed_replicates)}
models = {n: r for n, r in everyone.items() if r.detector == "Outskirts"}


def trained_recipe(row: DetectorRow) -> Recipe:
    assert row.card is not None
    config = row.card.config
    return Recipe(config["criterion"], config["rho"], config["tau"], config["kappa"])


def set_recipe(recipe: Recipe, **other: object) -> None:
    for name in ("criterion", "rho", "tau", "kappa"):
        st.session_state[f"outskirts_{name}"] = other.get(name, getattr(recipe, name))


def try_this(label: str) -> None:
    set_recipe(trained_recipe(ready[st.session_state["outskirts_model"]]), **TRY[label])
    st.session_state["outskirts_rank"] = 1


def same(one: Recipe, other: Recipe) -> bool:
    pairs = ((one.rho, other.rho), (one.tau, other.tau), (one.kappa, other.kappa))
    return one.criterion == other.criterion and all(isclose(a, b, abs_tol=1e-6) for a, b in pairs)


def said(recipe: Recipe) -> str:
    title = CRITERIA[recipe.criterion][0].lower()
    return f"“{title}”, ρ\u00a0{recipe.rho:g}, τ\u00a0{recipe.tau:g}, κ\u00a0{recipe.kappa:g}"


# Controls ----------------------------------------------------------------------------------------


def everything_again() -> None:
    """The ray goes through the outermost posterior: another criterion, another ray."""
    st.session_state[WHOLE] = True


def choose_recipe(trained: Recipe) -> Recipe:
    criterion = st.radio(
        "Who lies on the outskirts?",
        list(CRITERIA),
        format_func=lambda name: CRITERIA[name][0],
        captions=[text for _, text in CRITERIA.values()],
        index=list(CRITERIA).index(trained.criterion),
        key="outskirts_criterion",
        on_change=everything_again,
        bind="query-params",
        persist_state="session",
    )
    rho = slider(
        "Share that generates, ρ",
        "rho",
        (0.01, 1.0, 0.01),
        trained.rho,
        "Of the exemplar posteriors, the outermost first. 1: all of them.",
    )
    tau = slider(
        "Spread, τ",
        "tau",
        (0.0, 4.0, 0.1),
        trained.tau,
        "How wide draws scatter, in standard deviations of their generator. 0: not at all.",
    )
    kappa = slider(
        "Push, κ",
        "kappa",
        (0.0, 3.0, 0.1),
        trained.kappa,
        "How far a generator is moved from the centre. 1: it stays; 2: twice as far out.",
    )
    return Recipe(criterion, rho, tau, kappa)


def slider(
    label: str, name: str, limits: tuple[float, float, float], value: float, text: str
) -> float:
    low, high, step = limits
    return st.slider(
        label,
        low,
        max(high, value),
        value,
        step,
        key=f"outskirts_{name}",
        bind="query-params",
        persist_state="session",
        help=text,
    )


def say_trained(recipe: Recipe, trained: Recipe) -> None:
    if same(recipe, trained):
        st.caption(":material/check: These are the values that the classifiers were trained at.")
        return
    st.warning(
        f"The classifiers were trained at {said(trained)}. They score these draws, but did not "
        "learn from their like.",
        icon=":material/model_training:",
    )
    st.button(
        "Back to trained values",
        key="outskirts_back",
        icon=":material/undo:",
        on_click=back,
        args=(trained,),
    )


def back(trained: Recipe) -> None:
    set_recipe(trained)
    everything_again()


# The plane and the gallery -----------------------------------------------------------------------


def show_plane(view: Plane, made: Draws) -> None:
    with_field = st.toggle(
        "Show what the classifiers say",
        value=True,
        key="outskirts_field",
        bind="query-params",
        persist_state="session",
    )
    field = ask(FieldQuery(target)) if with_field else None
    draw.chart(
        plane.plane(view, made, field),
        key="outskirts_plane",
        name=f"{target.scenario}-{target.stem}-plane",
        alt="Training images' posteriors on the plane of their first two principal axes, with "
        "generators, synthetic outliers and what the classifiers say",
    )
    st.html(plane.legend(made, field=with_field))
    text = (
        f"A shadow: these two axes hold {view.share.sum():.0%} of how the means vary; the other "
        f"{view.axes.shape[1] - 2} dimensions are not seen."
    )
    if field is not None:
        text += (
            " Purple: the mean logit, the more the stranger, on the slice through the centre: every "
            "other coordinate at the centre's, without what the VAE leaves over. A dot lies off this "
            "slice, so its own verdict may differ from the tint below it."
        )
        if not len(field.border):
            text += " No part of the slice crosses the threshold."
    st.caption(text)


def say_draws(view: Plane, made: Draws, recipe: Recipe) -> None:
    flagged = int((made.logit > view.threshold).sum())
    own = float((made.nearest == made.parents).mean())
    middle = np.floor(10 * np.median(made.percentiles)) / 10  # "above 100.0" would be none
    above = f"stand above percentile {middle:.1f} of" if middle < 100 else "lie beyond all"
    st.markdown(
        f"**What you see:** {len(made.generators):,} of {len(view.images):,} exemplar posteriors "
        f"generate. The classifiers flag {flagged} of {len(made.logit)} draws; half of them "
        f"{above} held-out normal images. "
        f"For {own:.0%} the nearest real image is still their own parent."
    )
    st.markdown(f"**Why:** {why(recipe)}")


def why(recipe: Recipe) -> str:
    if recipe.kappa < 0.8:
        return (
            "pulled towards the centre, draws are plainer than their parents. Whoever teaches "
            "these as outliers teaches that the ordinary is strange."
        )
    if recipe.kappa >= 1.6 or recipe.tau >= 2.5:
        return (
            "this far out, draws are easy to tell from real images. A classifier taught with these "
            "alone would not need to know where exactly the border runs."
        )
    if recipe.rho > 0.5:
        return (
            "if everybody generates, draws come from the middle of the crowd as well, and look more "
            "ordinary. Choosing the outermost is meant to avoid that."
        )
    return (
        "a posterior at the rim belongs to a rare but real image. One step further out should lie "
        "what is no longer normal, and no real outlier is needed to get there."
    )


def show_gallery(view: Plane, made: Draws) -> bool:
    """Draws beside parent and nearest real image; say whether one was picked for the ray."""
    st.subheader("What they look like")
    order = st.segmented_control(
        "Which first",
        ORDERS,
        default=ORDERS[0],
        required=True,
        key="outskirts_order",
        bind="query-params",
        persist_state="session",
        help="As drawn: the first of this seed, not picked. Most like normal: by the lowest logit.",
    )
    sign = {ORDERS[0]: 0, ORDERS[1]: 1, ORDERS[2]: -1}[order]
    rows = np.argsort(sign * made.logit, kind="stable")[:SHOWN]
    ranks = {int(index): rank for rank, index in enumerate(made.generators, 1)}
    picked = False
    with st.grid(min_column_width=270):
        for place, row in enumerate(rows):
            with st.container(gap="xsmall"):
                picked |= show_triple(view, made, int(row), place, ranks)
    st.caption(
        f"Nearest: among the {len(view.images):,} exemplar training images, a random sample of "
        f"{view.of:,}, by the distance between codes. The number is the mean logit of the code, "
        "and its percentile among held-out normal images. Decoded pictures are blurred: "
        "the decoder of pixels cannot draw more. The classifiers score the code, not "
        "this picture of it."
    )
    return picked


def show_triple(view: Plane, made: Draws, row: int, place: int, ranks: Mapping[int, int]) -> bool:
    parent, nearest = int(made.parents[row]), int(made.nearest[row])
    text = f"{made.logit[row]:+.1f}, percentile {made.percentiles[row]:.1f}"
    same_one = ", which is its parent" if nearest == parent else ""
    pictures = [
        (made.images[row], "synthetic", f"Synthetic outlier {row}, mean logit {text}"),
        (view.images[parent], "parent", f"Its parent, training image {parent}"),
        (view.images[nearest], "nearest", f"The nearest real image, {nearest}{same_one}"),
    ]
    st.html(gallery.row(pictures, width=84))
    return st.button(
        text,
        key=f"outskirts_follow_{place}",
        type="tertiary",
        icon=":material/trending_up:",
        on_click=st.session_state.update,
        args=({"outskirts_rank": ranks[parent]},),
        help="Follow the ray from the centre through its parent, below.",
    )


@st.fragment
def explore(view: Plane) -> None:
    """Controls, the plane and the gallery: all that a slider redraws."""
    left, right = st.columns([1.9, 1], gap="medium")
    with right:
        recipe = choose_recipe(view.trained)
        count = st.select_slider(
            "Draws",
            (50, 100, 200, 400),
            value=200,
            key="outskirts_count",
            bind="query-params",
            persist_state="session",
        )
        say_trained(recipe, view.trained)
    if st.session_state.pop(WHOLE, False):
        st.rerun(scope="app")
    with in_words():
        query = DrawsQuery(target, recipe, count, seed)
        made = ask(query)
        with left:
            show_plane(view, made)
        say_draws(view, made, recipe)
        if show_gallery(view, made):
            st.rerun(scope="app")  # the ray is outside of this fragment
        st.download_button(
            "These outliers (NPZ)",
            lambda: files.draws_npz(query),
            file_name=f"{scenario.family}-{model}-synthetic-{seed}.npz",
            mime="application/octet-stream",
            on_click="ignore",
            icon=":material/download:",
            help="All draws: images, codes, latents, parents, logits, the settings, the seed and "
            "the sha256 of the weights.",
        )


# Collapse ----------------------------------------------------------------------------------------


def show_collapse(view: Plane) -> None:
    st.subheader("Does the latent space tell anything?")
    collapsed = int((view.kl < COLLAPSED).sum())
    draw.chart(
        plane.divergences(view.kl),
        key="outskirts_kl",
        name=f"{target.scenario}-{target.stem}-kl",
        alt="Mean KL to the prior of each latent dimension, largest first",
    )
    count = "None" if not collapsed else f"{collapsed}"
    st.markdown(
        f"**What you see:** {count} of {len(view.kl)} latent dimensions "
        f"{'has' if collapsed == 1 else 'have'} collapsed, that is, a mean KL below {COLLAPSED:g} "
        f"nats; all together hold {view.kl.sum():.1f} nats an image. **Why:** a collapsed dimension "
        "is the same for every image. If most were, any ranking of posteriors would be chance."
    )


# The readings side by side -----------------------------------------------------------------------


def what_classifiers_hold(view: Plane) -> str:
    """What this model's logits are made of."""
    title = ready[model].title
    if view.density:
        return (
            f"**{title}**: its logits also hold how near the codes of known normal images lie, "
            "which is ours: no outlier taught it."
        )
    return (
        f"**{title}**: its logits hold what these draws taught the classifiers, and nothing else."
    )


def show_readings() -> None:
    """AUROC of every such model's score, a row a strange set."""
    if len(ready) < 2:
        return
    st.subheader("The models side by side")
    table = [
        {"": s.title, **{row.title: readings.cell(row, s.name) for row in ready.values()}}
        for s in scenario.strange
    ]
    st.table(
        pd.DataFrame(table),
        border="horizontal",
        hide_index=True,
        alt="AUROC of the score of every model of outskirts on every strange set",
    )
    st.markdown(
        "**What you see:** "
        + readings.verdict(list(ready.values()), {s.name: s.title for s in scenario.strange})
    )
    st.caption(
        "AUROC of each model's score; in small the 95 % interval of 1,000 stratified bootstraps; it "
        "covers test images, not training seeds. ▼ below chance."
    )


# Page --------------------------------------------------------------------------------------------

st.title("Outskirts")
st.markdown("Where do synthetic outliers come from, and what do they look like?")
ready = {name: row for name, row in models.items() if row.card is not None}
if not ready:
    reasons = [row.missing for row in models.values()] or [
        f"{scenario.title} has no Outskirts model. One of garments: "
        "`python -m core train fashion/outskirts`"
    ]
    for reason in reasons:
        st.info(reason, icon=":material/info:")
    st.stop()
with st.container(horizontal=True, vertical_alignment="center"):
    st.markdown("Try this:", width="content")
    for label in TRY:
        st.button(label, key=f"outskirts_try_{label}", on_click=try_this, args=(label,))
if len(ready) > 1:
    model = choose_model("Model", ready, "outskirts", "outskirts_model")
else:
    model = st.session_state["outskirts_model"] = next(iter(ready))
target = Target.of(scenario.name, model)
view = ask(PlaneQuery(target))
st.markdown(
    "A detector needs outliers to learn from, and has none. This one makes them. It puts every "
    "training image somewhere in a latent space, as a small cloud (its posterior); takes the "
    "outermost ones; pushes them further out; and draws from them. Classifiers then learn to tell "
    f"real images from these draws. {what_classifiers_hold(view)}"
)
for row in models.values():
    if row.card is None:
        st.caption(row.missing)
if view.noise:
    st.info(
        "A control: this model learned from noise. No posterior generates its outliers, so the "
        "parents shown here have no part in them.",
        icon=":material/info:",
    )
explore(view)
show_readings()
below = st.container()  # the walk asks a dozen detectors: what is quick comes first
show_collapse(view)
with below:
    walk.walk(target, everyone, view, st.session_state["outskirts_criterion"])
study.show("outskirts", why=ablation.why, aside=ablation.which_is_which)
