"""What a network looks for in an image, in colour, where one matrix is all it does with it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core import service
from core.service import BRIGHT, DARK, WeightsQuery, WeightsView
from pages._explain import overlay
from pages._explain.asked import Asked
from pages._shared import draw
from pages._shared.ask import ask
from pages._shared.controls import File, downloads
from pages._shared.text import plain

__all__ = ["legend", "show"]

GROUND, SIDE = 128, 308  # a grey level behind both colours; pixels


def show(asked: Asked, shown: overlay.Shown) -> None:
    """The section, where the detector has such weights."""
    view = ask(WeightsQuery(asked.image, asked.fault), asked.data)
    if view is None:
        return
    st.subheader("What the network looks for")
    left, middle, right = st.columns([1, 1, 1.1], gap="medium")
    with left:
        st.image(
            draw.enlarge(view.image, SIDE),
            output_format="PNG",
            caption=plain(shown.title),
            alt=f"The image, {shown.title}",
        )
    with middle:
        st.image(
            service.weights_png(view.weights, view.image, ground=GROUND, factor=_factor(view)),
            output_format="PNG",
            caption="What is looked for, in its place",
            alt=f"The weights W(x) that the network applies to {shown.title}, a colour a pixel: what "
            "should be bright there, and what should be dark",
        )
    with right:
        _say(view)
        _downloads(asked, view)


def _factor(view: WeightsView) -> int:
    return max(1, SIDE // max(view.image.shape[:2]))


def _say(view: WeightsView) -> None:
    grey = view.image.shape[-1] == 1
    colours = (
        "Yellow is what should be bright there, violet what should be dark"
        if grey
        else "The colour is the one that should be there"
    )
    st.markdown(
        "All that this network does with an image is one matrix W(x): it multiplies each pixel by a "
        f"weight of its own and adds up. {colours}; the stronger the colour, the more the pixel "
        "counts. Grey counts little, or speaks against what the network sees here."
    )
    if grey:
        st.html(legend())
    st.caption(
        "It shows what the network goes by, not what is strange: which pixels make the image "
        "strange, the maps above say."
    )


def legend() -> str:
    """The scale of a grey picture's weights, from what should be dark to what should be bright."""
    ends = [f"rgb{colour}" for colour in (DARK, BRIGHT)]
    words = "display:flex;justify-content:space-between;font-size:.875rem"
    return (
        f'<div role="img" aria-label="Scale: violet should be dark, yellow should be bright">'
        f'<div style="height:12px;border-radius:3px;background:linear-gradient(90deg,{ends[0]},'
        f'{ends[1]})"></div><div style="{words}"><span>should be dark</span>'
        "<span>either</span><span>should be bright</span></div></div>"
    )


def _downloads(asked: Asked, view: WeightsView) -> None:
    stem = f"{asked.target.scenario}-{asked.target.stem}-weights"
    downloads(
        File(
            "Weights (PNG)", f"{stem}.png", partial(service.weights_png, view.weights, view.image)
        ),
        File(
            "Weights (NPY)",
            f"{stem}.npy",
            partial(service.map_npy, view.weights),
            "float32, channels x rows x columns: those of the picture x, then those of 1 - x.",
        ),
    )
