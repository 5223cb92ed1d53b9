"""Pictures in a grid, each of them a button; pictures in a row."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from html import escape

import numpy as np
import streamlit as st

from core.service import Gallery
from pages._shared import draw
from pages._shared.text import numeral, plain

__all__ = ["row", "tiles"]


def row(pictures: Sequence[tuple[np.ndarray, str, str]], *, width: int) -> str:
    """Images (H, W, C), each with caption and alt text, side by side as HTML.

    One element, and nothing to fetch: a slider redraws many.
    """
    figures = ""
    for image, caption, alt in pictures:
        source = b64encode(draw.png([draw.reduced(image, 2 * width)])).decode()
        figures += (
            f'<figure style="margin:0;width:{width}px;text-align:center">'
            f'<img src="data:image/png;base64,{source}" alt="{escape(alt)}" width="{width}" '
            f'style="image-rendering:var(--house-rendering,pixelated);display:block;border-radius:4px">'
            f'<figcaption style="font-size:.875rem;white-space:pre-line">{escape(caption)}</figcaption></figure>'
        )
    return f'<div style="display:flex;flex-wrap:wrap;gap:.35rem">{figures}</div>'


def tiles(
    shown: Gallery,
    *,
    scenario: str,
    titles: Mapping[str, str],
    key: str,
    what: str,
    on_click: Callable[[str, int], None],
    picked: tuple[str, int] | None = None,
    side: int = 120,
    sign: str = "",
    source: str = "",
    captions: Sequence[str] = (),
    among: str = "held-out normal images",
) -> bool:
    """Draw reference images, each one button that holds picture and number; say whether one was picked.

    Args:
        scenario: whose images they are.
        titles: of its sets.
        what: the number under each image, in words.
        on_click: told set and index of the picked image, before the page runs again.
        picked: set and index of the image that is looked at: its tile is marked.
        side: of a picture, in screen pixels.
        sign: "+" to write the sign of positive numbers too.
        source: address below which the pictures of the tiles are, as SET/INDEX.png; "": the images
            themselves.
        captions: under each image; none: its number.
        among: of which images the percentiles are.
    """
    clicked, source = False, source or f"thumbnail/{scenario}"
    with st.container(key=f"gallery_{key}"), st.grid(min_column_width=side):
        for i, (set_name, index) in enumerate(zip(shown.sets, shown.indices, strict=True)):
            number = captions[i] if captions else numeral(shown.displayed[i], f"{sign}.2f")
            image = plain(f"{titles[set_name]} {index}")
            clicked |= st.button(
                f"![{image}, {plain(what)}]({source}/{set_name}/{index}.png) {plain(number)}",
                key=f"{key}_{i}",
                type="primary" if picked == (set_name, int(index)) else "tertiary",
                width="stretch",
                on_click=on_click,
                args=(set_name, int(index)),
                help=f"{image}, percentile {shown.percentiles[i]:.1f} among {among}",
            )
    for words in shown.absent:
        st.caption(f":material/hide_image: {plain(words)}")
    return clicked
