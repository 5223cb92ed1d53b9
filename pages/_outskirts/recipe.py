"""How outliers are made: the controls that say it, and words for it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isclose

import streamlit as st

from core.service import Recipe
from pages._shared import links
from pages._shared.controls import choice

__all__ = [
    "CRITERIA",
    "ORDERS",
    "Asked",
    "ask_how",
    "choose_criterion",
    "say_trained",
    "set_recipe",
]

CRITERIA = {  # key: label, what it means
    "neighbours": ("Far from its neighbours", "unlike the 5 posteriors most like it."),
    "prior": ("Far from the prior", "its KL to the prior is large."),
    "aggregate": (
        "Far from the crowd",
        "its mean lies far from the centre, for how they scatter.",
    ),
}
ORDERS = {"drawn": "as drawn", "normal": "most like normal", "strange": "least like normal"}
SLIDERS = {  # of a recipe: label, least, most and step, what it means
    "rho": (
        "Share that generates, ρ",
        (0.01, 1.0, 0.01),
        "Of the exemplar posteriors, the outermost first. 1: all of them.",
    ),
    "tau": (
        "Spread, τ",
        (0.0, 4.0, 0.1),
        "How wide draws scatter, in standard deviations of their generator. 0: not at all.",
    ),
    "kappa": (
        "Push, κ",
        (0.0, 3.0, 0.1),
        "How far a generator is moved from the centre. 1: it stays; 2: twice as far out.",
    ),
}


@dataclass(frozen=True)
class Asked:
    """What the controls ask for.

    Attributes:
        count: of draws.
        order: in which they are shown, a key of `ORDERS`.
        tinted: whether the plane shows what the classifiers say.
    """

    recipe: Recipe
    count: int
    order: str
    tinted: bool


def choose_criterion(trained: Recipe) -> str:
    """By what a posterior counts as outermost."""
    return choice(
        "Who lies on the outskirts?",
        {name: label for name, (label, _) in CRITERIA.items()},
        key="outskirts_criterion",
        default=trained.criterion,
        help="  \n".join(f"**{label}**: {text}" for label, text in CRITERIA.values()),
    )


def ask_how(criterion: str, trained: Recipe) -> Asked:
    """All controls that redraw the plane and the draws alone."""
    values = [_slider(name, getattr(trained, name)) for name in SLIDERS]
    count = st.select_slider(
        "Draws",
        (50, 100, 200, 400),
        value=links.opens_with("outskirts_count", 200),
        key="outskirts_count",
        bind="query-params",
        persist_state="session",
    )
    order = choice(
        "Which first",
        ORDERS,
        key="outskirts_order",
        kind="select",
        help="As drawn: the first of this seed, not picked. Most like normal: by the lowest logit.",
    )
    tinted = st.toggle(
        "What classifiers say",
        value=links.opens_with("outskirts_field", True),
        key="outskirts_field",
        bind="query-params",
        persist_state="session",
    )
    return Asked(Recipe(criterion, *values), count, order, tinted)


def _slider(name: str, value: float) -> float:
    label, (low, high, step), text = SLIDERS[name]
    return st.slider(
        label,
        low,
        max(high, value),
        links.opens_with(f"outskirts_{name}", value),
        step,
        key=f"outskirts_{name}",
        bind="query-params",
        persist_state="session",
        help=text,
    )


# The values of training ---------------------------------------------------------------------------


def say_trained(recipe: Recipe, trained: Recipe) -> bool:
    """Whether the classifiers learned from such outliers; say whether the way back was taken."""
    if _same(recipe, trained):
        st.caption(":material/check: These are the values that the classifiers were trained at.")
        return False
    back = st.button(
        "Back to trained values",
        key="outskirts_back",
        icon=":material/undo:",
        on_click=set_recipe,
        args=(trained,),
    )
    st.warning(
        f"The classifiers were trained at {_said(trained)}. They score these draws, but did not "
        "learn from their like."
    )
    return back


def set_recipe(recipe: Recipe) -> None:
    """Set the controls of a recipe."""
    for name in ("criterion", *SLIDERS):
        st.session_state[f"outskirts_{name}"] = getattr(recipe, name)


def _same(one: Recipe, other: Recipe) -> bool:
    pairs = ((one.rho, other.rho), (one.tau, other.tau), (one.kappa, other.kappa))
    return one.criterion == other.criterion and all(isclose(a, b, abs_tol=1e-6) for a, b in pairs)


def _said(recipe: Recipe) -> str:
    title = CRITERIA[recipe.criterion][0].lower()
    return f"“{title}”, ρ\u00a0{recipe.rho:g}, τ\u00a0{recipe.tau:g}, κ\u00a0{recipe.kappa:g}"
