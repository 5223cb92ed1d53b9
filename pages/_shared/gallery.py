"""Pictures in a grid, each with a button that leads to it; pictures in a row."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from html import escape

import numpy as np
import streamlit as st

from core.service import Gallery
from pages._shared import draw

__all__ = ["row", "tiles"]


def row(pictures: Sequence[tuple[np.ndarray, str, str]], *, width: int) -> str:
    """Images (H, W, C), each with caption and alt text, side by side as HTML.

    One element, and nothing to fetch: a slider redraws many.
    """
    figures = ""
    for image, caption, alt in pictures:
        source = b64encode(draw.png([image])).decode()
        figures += (
            f'<figure style="margin:0;width:{width}px;text-align:center">'
            f'<img src="data:image/png;base64,{source}" alt="{escape(alt)}" width="{width}" '
            f'style="image-rendering:pixelated;display:block;border-radius:4px">'
            f'<figcaption style="font-size:.8rem;opacity:.75">{escape(caption)}</figcaption></figure>'
        )
    return f'<div style="display:flex;flex-wrap:wrap;gap:.35rem">{figures}</div>'


def tiles(
    found: Gallery,
    *,
    key: str,
    what: str,
    on_click: Callable[[str, int], None],
    side: int = 120,
    sign: str = "",
) -> bool:
    """Draw the images of a gallery page; say whether one was picked in this run.

    Args:
        what: the number under each image, in words.
        on_click: told set and index of the picked image, before the page runs again.
        side: of a picture, at most, in screen pixels.
        sign: "+" to write the sign of positive numbers too.
    """
    picked = False
    with st.grid(min_column_width=side + 2):
        for i, (set_name, index) in enumerate(zip(found.sets, found.indices, strict=True)):
            with st.container():
                st.image(
                    draw.enlarge(found.images[i], side),
                    output_format="PNG",
                    alt=f"{set_name} {index}, {what} {found.displayed[i]:.2f}",
                )
                picked |= st.button(
                    f"{found.displayed[i]:{sign}.2f}",
                    key=f"{key}_{i}",
                    type="tertiary",
                    icon=":material/zoom_in:",
                    on_click=on_click,
                    args=(set_name, int(index)),
                    help=f"Show {set_name} {index}. Percentile among held-out normal images: "
                    f"{found.percentiles[i]:.1f}.",
                )
    return picked
