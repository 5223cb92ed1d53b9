"""Images of the two sets in an order: the first of each beside the histograms, all in the gallery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from core.service import ORDERS, GalleryQuery, Overview
from pages._likelihoods.comparison import Comparison
from pages._shared import history, picker
from pages._shared.ask import ask
from pages._shared.controls import choice, chosen, pager, which_first
from pages._shared.gallery import tiles
from pages._shared.text import hundredths

__all__ = ["Ordering", "first_image", "ordering", "ordering_kept", "show_gallery", "show_strip"]

PER_PAGE, STRIP = 12, 10  # images of a page of the gallery; of all rows of the strip
PART, ORDER, SETS = "likelihoods_part", "likelihoods_order", "likelihoods_from"
BOTH = {"both": "both", "normal": "normal", "strange": "strange"}
WORDS = {"random": "Drawn by the seed", "typical": "The most typical"}
HELP = "Typical: nearest to the median of the part. Random: drawn by the seed on the left."


@dataclass(frozen=True)
class Ordering:
    """Which images stand first.

    Attributes:
        sets: whose images are shown.
        part: by which they are ordered; order: one of `ORDERS`.
    """

    sets: tuple[str, ...]
    part: str
    order: str
    seed: int

    def query(self, c: Comparison, *sets: str, count: int, page: int = 1) -> GalleryQuery:
        """A page of the images of all sets, or of these."""
        return GalleryQuery(
            c.target, sets or self.sets, self.part, self.order, count, page=page, seed=self.seed
        )


def ordering(c: Comparison, seed: int) -> Ordering:
    """The controls that say which images stand first."""
    left, middle, right = st.columns([1, 1.6, 1], vertical_alignment="bottom")
    with left:
        part = choice("Ordered by", _part_titles(c), key=PART, kind="select")
    with middle:
        order = which_first(ORDER, help=HELP)
    with right:
        which = choice("Images of", BOTH, key=SETS)
    return Ordering(_sets(c, which), part, order, seed)


def ordering_kept(c: Comparison, seed: int) -> Ordering:
    """The same in a view that does not draw these controls."""
    part = chosen("Ordered by", _part_titles(c), key=PART)
    order = chosen("Which first", {o: o for o in ORDERS}, key=ORDER)
    return Ordering(_sets(c, chosen("Images of", BOTH, key=SETS)), part, order, seed)


def _part_titles(c: Comparison) -> Mapping[str, str]:
    return {name: part.title for name, part in c.parts.items()}


def _sets(c: Comparison, which: str) -> tuple[str, ...]:
    return {"normal": (c.normal,), "strange": (c.strange,)}.get(which, (c.normal, c.strange))


def first_image(c: Comparison, by: Ordering) -> tuple[str, int]:
    """Set and index of the image that is looked at where nobody has picked one."""
    first = ask(by.query(c, c.strange if c.strange in by.sets else c.normal, count=1))
    return first.sets[0], int(first.indices[0])


def show_strip(c: Comparison, by: Ordering, picked: tuple[str, int] | None) -> None:
    """The first images of each set, a row a set."""
    part = c.parts[by.part]
    words = WORDS.get(by.order, f"The {by.order}")
    how = "each with its" if by.order == "random" else "by"
    st.caption(f"{words}, {how} {part.title.lower()} ({part.unit})")
    for set_name in by.sets:
        label, row = st.columns([1, 4.6], gap="xsmall", vertical_alignment="center")
        label.markdown(f"**{c.titles[set_name]}**")
        with row:
            tiles(
                ask(by.query(c, set_name, count=STRIP // len(by.sets))),
                scenario=c.scenario.name,
                titles=c.titles,
                key=f"likelihoods_strip_{set_name}",
                what=f"among the first by {part.title.lower()}",  # of another name than in the gallery
                on_click=partial(picker.inspect, "likelihoods"),
                picked=picked,
                side=56,
            )


@st.fragment
def show_gallery(
    c: Comparison, by: Ordering, overview: Overview, picked: tuple[str, int] | None
) -> None:
    """All images in their order, page by page."""
    pages = -(-sum(overview.sizes[s] for s in by.sets) // PER_PAGE)
    images = st.container()
    page = pager(pages, key="likelihoods", order=(c.target, by))
    with images:
        shown = ask(by.query(c, count=PER_PAGE, page=page))
        if len(by.sets) > 1:
            share = np.mean([s == c.strange for s in shown.sets])
            st.caption(
                f"{hundredths(float(share))} of these {len(shown.sets)} are of “{c.sides[1]}”."
            )
        if tiles(
            shown,
            scenario=c.scenario.name,
            titles=c.titles,
            key="likelihoods_pick",
            what=c.parts[by.part].title,
            on_click=_look_closer,
            picked=picked,
        ):
            st.rerun(scope="app")  # the picture is outside of this fragment


def _look_closer(set_name: str, index: int) -> None:
    picker.inspect("likelihoods", set_name, index)
    history.show("likelihoods_picture")
