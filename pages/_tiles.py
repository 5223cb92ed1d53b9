"""Pictures in a grid, each with a button that leads to it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.service import Gallery
from pages import _draw

__all__ = ["tiles"]


def tiles(
    found: Gallery,
    *,
    key: str,
    what: str,
    on_click: Callable[[str, int], None],
    factor: int = 4,
    sign: str = "",
) -> bool:
    """Draw the images of a gallery page; say whether one was picked in this run.

    Args:
        what: the number under each image, in words.
        on_click: told set and index of the picked image, before the page runs again.
        factor: screen pixels a pixel.
        sign: "+" to write the sign of positive numbers too.
    """
    picked = False
    with st.grid(min_column_width=30 * factor + 2):
        for i, (set_name, index) in enumerate(zip(found.sets, found.indices, strict=True)):
            with st.container():
                st.image(
                    _draw.enlarge(found.images[i], factor),
                    output_format="PNG",
                    alt=f"{set_name} {index}, {what} {found.shown[i]:.2f}",
                )
                picked |= st.button(
                    f"{found.shown[i]:{sign}.2f}",
                    key=f"{key}_{i}",
                    type="tertiary",
                    icon=":material/zoom_in:",
                    on_click=on_click,
                    args=(set_name, int(index)),
                    help=f"Show {set_name} {index}. Percentile among held-out normal images: "
                    f"{found.percentiles[i]:.1f}.",
                )
    return picked
