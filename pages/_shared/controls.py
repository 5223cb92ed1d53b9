"""Controls that several pages have: a model, a page of pictures, a file, a way to the map."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import streamlit as st

from core.service import SUFFIXES, DetectorRow, OutskirtsError, Shape

__all__ = ["PRIVATE", "choose_model", "in_words", "map_button", "pager", "upload"]

PRIVATE = (
    "It goes to the server that runs this page, is kept in memory for your session, and is seen by "
    "nobody else."
)
MAPPED = "glow"  # whose map opens first
TYPES = [suffix.removeprefix(".") for suffix in SUFFIXES]


@contextmanager
def in_words() -> Iterator[None]:
    """Say what went wrong within a fragment, where the frame does not hear of it; go on below."""
    try:
        yield
    except OutskirtsError as error:
        st.warning(str(error), icon=":material/warning:")


def choose_model(label: str, models: Mapping[str, DetectorRow], default: str, key: str) -> str:
    """Pick a model by its checkpoint's name."""
    options = list(models)
    return st.selectbox(
        label,
        options,
        index=options.index(default) if default in options else 0,
        key=key,
        bind="query-params",
        persist_state="session",
        help="  \n".join(f"**{name}**: {row.title}. {row.text}" for name, row in models.items()),
    )


def pager(pages: int, *, key: str) -> int:
    """Turn pages of pictures, with the arrow keys too; which one is open, from 1."""
    name = f"{key}_page"
    if st.session_state.get(name, 1) > pages:
        st.session_state[name] = pages
    for label, by, arrow in (("Previous", -1, "Left"), ("Next", 1, "Right")):
        st.button(
            label, key=f"{key}_{label}", shortcut=arrow, on_click=_turn, args=(name, by, pages)
        )
    return st.pagination(pages, key=name, bind="query-params", persist_state="session")


def _turn(name: str, by: int, pages: int) -> None:
    st.session_state[name] = min(max(st.session_state.get(name, 1) + by, 1), pages)


def upload(label: str, *, shape: Shape, key: str) -> Any:
    """One of the visitor's own images, or None; detectors see it in a scenario's shape."""
    colours = "grey" if shape.channels == 1 else "colour"
    return st.file_uploader(
        label,
        type=TYPES,
        key=key,
        help=f"Made {colours}, fitted to {shape.width}x{shape.height} pixels on black. "
        f"{PRIVATE} Picking another image drops it.",
    )


def map_button(model: str, set_name: str, index: int) -> None:
    """A link to a reference image on the map of a model's codes."""
    # Only what differs from what the map opens with: the rest would be steps of the Back button.
    state = {"latent_model": model} if model != MAPPED else {}
    st.page_link(
        "latent.py",
        label="Show on map",
        icon=":material/scatter_plot:",
        help="Where this image lies in the model's latent space, and what lies near it.",
        query_params=state | {"latent_image": f"{set_name}#{index}"},
    )
