"""What a flow draws: one scale of an image anew while the others stay, and images of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import streamlit as st

from core.service import (
    DetectorRow,
    Drawn,
    OutskirtsError,
    Resampled,
    ResampleQuery,
    SamplesQuery,
    Target,
)
from pages._likelihoods.comparison import Comparison
from pages._shared import draw, links
from pages._shared.ask import ask
from pages._shared.controls import File, downloads
from pages._shared.picker import Picked
from pages._shared.text import plain

__all__ = ["choose_temperature", "show_anew", "show_samples"]

SHOWN = 8
HELP = (
    "Latents are drawn from a normal distribution of this standard deviation. 1 is what the model "
    "learned, 0 its single likeliest latent."
)


def choose_temperature() -> float:
    """How far from the middle latents are drawn."""
    return st.slider(
        "Temperature",
        0.0,
        1.2,
        links.opens_with("likelihoods_temperature", 0.7),
        0.1,
        key="likelihoods_temperature",
        bind="query-params",
        persist_state="session",
        help=HELP,
    )


def show_anew(c: Comparison, picked: Picked, temperature: float, seed: int) -> None:
    """One scale of an image drawn anew, the others kept, a row a scale."""
    query, data = picked
    try:
        found = ask(ResampleQuery(query, SHOWN, temperature, seed), data)
    except OutskirtsError as error:
        st.info(plain(str(error)) if data is not None else str(error), icon=":material/info:")
        return
    picture, rows = st.columns([1, 7], gap="small")
    picture.image(
        draw.enlarge(found.image, 96),
        output_format="PNG",
        caption="The image",
        alt="The image as the flow sees it",
    )
    with rows:
        _show_rows(found)
    st.caption(
        "What a scale changes is what it holds. Rows that still show the same object, with other "
        "edges and texture, carry little of what the object is."
    )
    strips = [draw.strip(i.images) for i in reversed(list(found.drawn.values()))]
    _take_away("Drawn scales (PNG)", f"{c.scenario.family}-{c.row.name}-drawn-scales.png", strips)


def _show_rows(found: Resampled) -> None:
    """A row a scale, the coarsest first: what that changes is what one came for."""
    for title, images in reversed(list(found.drawn.items())):
        st.markdown(f"**{title}** drawn anew")
        st.image(
            draw.strip(images.images),
            output_format="PNG",
            width="stretch",
            alt=f"{SHOWN} images with the latent of {title} drawn anew",
        )
        _say_overflow(images)


def show_samples(
    c: Comparison, models: Mapping[str, DetectorRow], temperature: float, seed: int
) -> None:
    """Images that each model draws by itself."""
    st.subheader("What each model draws by itself")
    strips = []
    for name, row in models.items():
        if row.card is None:
            continue
        images = ask(SamplesQuery(Target.of(c.scenario.name, name), SHOWN, temperature, seed))
        strips.append(draw.strip(images.images))
        st.markdown(f"**{row.title}**: {row.text}")
        st.image(
            strips[-1],
            output_format="PNG",
            width="stretch",
            alt=f"{SHOWN} images drawn by {row.title}",
        )
        _say_overflow(images)
    _take_away("Drawn images (PNG)", f"{c.scenario.family}-drawn-by-every-flow.png", strips)


def _say_overflow(found: Drawn) -> None:
    count = int(found.overflowed.sum())
    if count:
        st.caption(
            f"Grey: {count} of {len(found.overflowed)} left the range of numbers. The inverse of a flow "
            "is unstable this far from what it learned."
        )


def _take_away(label: str, name: str, strips: Sequence[np.ndarray]) -> None:
    downloads(File(label, name, partial(draw.png, strips)))  # encoded when asked for
