"""Synthetic outliers beside their parents, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from core.service import Draws, Plane, Recipe
from pages._shared import gallery, history
from pages._shared.text import hundredths, numeral

__all__ = ["WALK", "how_to_read", "in_order", "say", "show", "why"]

WALK = "outskirts_walk"  # the section that follows a draw
REBUILT = (
    "Training images may not ship here: parents and nearest ones are shown as the model rebuilds them "
    "from the codes that it keeps. "
)


def in_order(made: Draws, order: str) -> np.ndarray:
    """Indices of all draws in an order of `recipe.ORDERS`."""
    sign = {"drawn": 0, "normal": 1, "strange": -1}[order]
    return np.argsort(sign * made.logit, kind="stable")


def say(view: Plane, made: Draws) -> None:
    """What the draws are."""
    flagged = int((made.logit > view.threshold).sum())
    own = float((made.nearest == made.parents).mean())
    st.markdown(
        f"**What you see: {len(made.generators):,} of {len(view.images):,} exemplar posteriors "
        f"generate. The classifiers flag {flagged} of {len(made.logit)} draws;** half of them "
        f"{halfway(float(np.median(made.percentiles)))}. For {hundredths(own)} the nearest real image is "
        "still their own parent."
    )


def halfway(median: float) -> str:
    """Where half of the draws stand among held-out normal images, by their median percentile."""
    if median >= 100:
        return "lie beyond all held-out normal images"
    down = np.floor(10 * median) / 10  # a tenth is said only where it is passed
    if median < 50:
        return f"stand below percentile {down + 0.1:.1f} of held-out normal images"
    return f"stand above percentile {down:.1f} of held-out normal images"


def why(recipe: Recipe) -> str:
    """Why draws of this recipe are what they are."""
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


def how_to_read(view: Plane) -> str:
    """What stands beside a draw."""
    return (
        f"Nearest: among the {len(view.images):,} exemplar training images, a random sample of "
        f"{view.of:,}, by the distance between codes. {REBUILT if view.rebuilt else ''}The number is the mean logit of the code, "
        "and its percentile among held-out normal images. Decoded pictures are blurred: "
        "the decoder of pixels cannot draw more. The classifiers score the code, not "
        "this picture of it."
    )


# Pictures -----------------------------------------------------------------------------------------


def show(view: Plane, made: Draws, rows: np.ndarray, *, first: int = 0, width: int = 64) -> bool:
    """These draws, each beside its parent and the nearest real image; whether one was followed.

    Args:
        rows: indices of draws.
        first: place of the first of them among all that are shown.
        width: of a picture, in screen pixels.
    """
    ranks = {int(index): rank for rank, index in enumerate(made.generators, 1)}
    followed = False
    for place, row in enumerate(rows, first):
        followed |= _triple(view, made, int(row), place, ranks, width)
    return followed


def _triple(
    view: Plane, made: Draws, row: int, place: int, ranks: Mapping[int, int], width: int
) -> bool:
    parent = int(made.parents[row])
    percentile = f"percentile {made.percentiles[row]:.1f}"
    with st.container(gap=None):
        st.html(gallery.row(_pictures(view, made, row), width=width))
        return st.button(
            f"No. {row}: {numeral(made.logit[row], '+.1f')}, {percentile}",
            key=f"outskirts_follow_{place}",
            type="tertiary",
            icon=":material/trending_up:",
            on_click=follow,
            args=(ranks[parent],),
            help="Follow the ray from the centre through its parent, below.",
        )


def _pictures(view: Plane, made: Draws, row: int) -> list[tuple[np.ndarray, str, str]]:
    """A draw, its parent and the nearest real image, with caption and alt text."""
    parent, nearest = int(made.parents[row]), int(made.nearest[row])
    said = f"mean logit {numeral(made.logit[row], '+.1f')}, percentile {made.percentiles[row]:.1f}"
    same_one = ", which is its parent" if nearest == parent else ""
    rebuilt = ", as the model rebuilds it" if view.rebuilt else ""
    return [
        (made.images[row], "synthetic", f"Synthetic outlier {row}, {said}"),
        (view.images[parent], "parent", f"Its parent, training image {parent}{rebuilt}"),
        (view.images[nearest], "nearest", f"The nearest real image, {nearest}{same_one}{rebuilt}"),
    ]


def follow(rank: int) -> None:
    """Walk through the posterior of this rank, and show it."""
    st.session_state["outskirts_rank"] = rank
    history.show(WALK)
