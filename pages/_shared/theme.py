"""Colours and type of the house, in the light and in the dark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

__all__ = [
    "CSS",
    "DARK",
    "FONT",
    "LIGHT",
    "Palette",
    "contrast",
    "css",
    "ink_on",
    "palette",
    "template",
]

FONT = 15  # pixels, of the words of a figure


@dataclass(frozen=True)
class Palette:
    """Colours on one background: text has a contrast of 4.5 to it, marks have 3 (WCAG 2.1, AA).

    Attributes:
        normal, strange: of the two sides of every comparison, blue and orange.
        categories: blue and orange, then what is farthest from all before it to whoever sees all
            colours, no green or no red, in hue or in brightness.
        neutral: marks that are neither.
        focus: what is looked at.
    """

    name: str
    background: str
    text: str
    faint: str
    grid: str
    normal: str
    strange: str
    neutral: str
    focus: str
    categories: tuple[str, ...]


LIGHT = Palette(
    name="light",
    background="#FFFFFF",
    text="#1B2429",
    faint="#56646D",
    grid="#DDE3E7",
    normal="#0072B2",
    strange="#D55E00",
    neutral="#77838B",
    focus="#C2185B",
    categories=(
        "#0072B2",
        "#D55E00",
        "#731136",
        "#179999",
        "#99936B",
        "#2626FF",
        "#734211",
        "#CF40FF",
        "#192AA6",
        "#4F2966",
    ),
)
DARK = Palette(
    name="dark",
    background="#12181C",
    text="#E8EDF0",
    faint="#A9B5BC",
    grid="#2E3A42",
    normal="#56B4E9",
    strange="#F0803C",
    neutral="#94A1A9",
    focus="#FF6FA8",
    categories=(
        "#56B4E9",
        "#F0803C",
        "#24F2BF",
        "#A6428D",
        "#E6E622",
        "#4058FF",
        "#736650",
        "#FFD48C",
        "#3673D9",
        "#E68B7E",
    ),
)


def palette() -> Palette:
    """That of the theme which the visitor's browser shows."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours "#RRGGBB", 1 to 21.

    References:
        Web Content Accessibility Guidelines 2.1, "contrast ratio" and "relative luminance".

    Example:
        >>> round(contrast("#000000", "#FFFFFF"), 3)
        21.0
    """
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def ink_on(colour: str) -> str:
    """Black or white, whichever stands out on a colour "#RRGGBB": the one or the other has 4.58.

    Example:
        >>> ink_on("#008A64"), ink_on("#0072B2")
        ('#000000', '#FFFFFF')
    """
    return max("#000000", "#FFFFFF", key=lambda ink: contrast(ink, colour))


def _luminance(colour: str) -> float:
    shares = [channel / 255 for channel in bytes.fromhex(colour[1:])]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def template(colours: Palette, scale: float = 1.0) -> dict[str, Any]:
    """What every figure of Plotly's looks like before it says anything of its own.

    Args:
        scale: how large its words are, 1 being as ever.
    """
    size = round(FONT * scale)
    axis = {
        "gridcolor": colours.grid,
        "linecolor": colours.faint,
        "zerolinecolor": colours.grid,
        "ticks": "",
        "automargin": True,
        "title": {"font": {"size": size}},
    }
    return {
        "layout": {
            "font": {
                "family": "Source Sans, Source Sans Pro, Helvetica, Arial, sans-serif",
                "size": size,
                "color": colours.text,
            },
            "title": {"font": {"size": size + 1}, "x": 0, "xref": "container", "pad": {"l": 8}},
            "colorway": list(colours.categories),
            "xaxis": axis,
            "yaxis": axis,
            "hoverlabel": {"font": {"size": size}},
            "legend": {"font": {"size": round(FONT * (1 + scale) / 2)}},  # it has the least room
            "modebar": {
                "orientation": "v",  # beside the figure: titles and legends stand above it
                "bgcolor": "rgba(0,0,0,0)",
                "color": colours.faint,
                "activecolor": colours.text,
            },
        }
    }


# The head of a page is low, so that its picture is seen at once; words that Streamlit fades are
# legible; who goes by keys sees where; and for the back row everything is larger.
CSS = """<style>
[data-testid=stHeader] { background: transparent; pointer-events: none; }
[data-testid=stHeader] :is(button, a, [role=button]) { pointer-events: auto; }
[data-testid=stHeader] :is([data-testid=stExpandSidebarButton], [data-testid=stMainMenuButton]):not(:hover)
  { background: var(--house-background); border-radius: .5rem; }  /* the page scrolls below them */
[data-testid=stMainBlockContainer] { padding-bottom: 3rem; }
/* What is chosen has the room that there is, and says where it is cut. */
[data-testid=stSelectbox] input { padding-left: .35rem; padding-right: 0; text-overflow: ellipsis; }
/* Beside what is chosen Streamlit leaves the borders out, also where that is in another row. */
button[data-variant=segmented_control] { border: 1px solid color-mix(in srgb, var(--house-text) 22%, transparent) !important; }
button[data-variant=segmented_control][aria-checked=true]
  { border-color: var(--st-primary-color, #0072B2) !important; position: relative; z-index: 1; }
[data-testid=stMultiSelect] :has(> [data-testid=stMultiSelectTagsContainer]) { max-height: none; }
[data-testid=stMain] h1 { font-size: 1.6rem; padding: 0; }
[data-testid=stMain] h2, [data-testid=stMain] h3 { font-size: 1.25rem; padding: .4rem 0 0; }
[data-testid=stMain] h4 { font-size: 1.05rem; padding: .3rem 0 0; }
[data-testid=stCaptionContainer], [data-testid=stCaptionContainer] * { opacity: 1; }
:is(a, button, input, select, textarea, [role=tab], [role=radio], [role=slider], [tabindex="0"]):focus-visible
  { outline: 3px solid var(--st-primary-color, #0072B2) !important; outline-offset: 2px; }
[class*="st-key-"][class*="_try"] [data-testid=stButton] button
  { min-height: 2.1rem; padding: .15rem .55rem; }
[class*="st-key-gallery_"] button { height: auto; min-height: 0; padding: 3px; }
[class*="st-key-gallery_"] button :is(div, span, p)
  { display: block !important; width: 100%; white-space: normal; overflow: visible; line-height: 1.3; }
[class*="st-key-gallery_"] button img
  { width: 100% !important; height: auto !important; max-height: none !important; margin: 0; display: block; border-radius: 4px; image-rendering: var(--house-rendering, pixelated); object-fit: contain !important; }
[class*="st-key-gallery_"] button[kind=primary]
  { background: transparent; color: inherit; box-shadow: 0 0 0 3px var(--st-primary-color, #0072B2); }
[class*="st-key-gallery_"] button p { font-size: .9rem; }
[class*="st-key-gallery_"] button[kind=primary] * { color: var(--house-text) !important; }
@media (min-width: 768px) {
  [data-testid=stMainBlockContainer] { padding: 1rem 2rem 3rem; }
  [data-testid=stHeader] { height: 2.6rem; min-height: 0; }
}
[class*="st-key-notebook_row_"] { flex-wrap: nowrap; }
[class*="st-key-kept_"] { display: none; }  /* hands over, and shows nothing */
[data-testid=stBaseButton-primary], [data-testid=stBaseButton-primary] *,
[data-testid=stMultiSelectTagsContainer] [data-tag] :is(span, svg, path) { color: var(--house-background) !important; }
[data-testid=stCaptionContainer] code { font-size: .85rem; }
@media (max-width: 767px) {
  [data-testid=stMainBlockContainer] { padding-top: 2.9rem; }
  .st-key-lecture_row { flex-wrap: wrap; }
  .st-key-lecture_row > :has(> .st-key-lecture_said) { flex: 1 1 100% !important; }
  /* Long words of titles: other columns would be a letter wide, as these ask for no more. */
  [data-testid=stMarkdownContainer] td { overflow-wrap: break-word; word-break: normal; }
  [data-testid=stMarkdownContainer] td:first-child { overflow-wrap: anywhere; }
}
@media (min-width: 1700px) {
  html { font-size: 19px; }
  [data-testid=stSidebar][data-collapsed=false] { min-width: 265px; }
}
@media (prefers-reduced-motion: reduce) { [data-testid=stSpinnerIcon] { animation: none !important; } }
@media (pointer: coarse) {  /* the bar of a figure stands there always: what a finger has no use for goes */
  .modebar-btn:is([data-attr=dragmode], [data-attr=zoom]) { display: none !important; }
  [class*="_scatter"] .draglayer, [class*="_scatter"] .draglayer *
    { pointer-events: none !important; }
}
</style>"""


def css(colours: Palette, rendering: str) -> str:
    """`CSS` with the colours that it names, which Streamlit gives to its components alone.

    Args:
        rendering: how pictures are enlarged, "pixelated" or "auto", on every page and canvas.
    """
    named = f"--st-primary-color: {colours.normal}; --house-background: {colours.background};"
    named += f" --house-text: {colours.text}; --house-rendering: {rendering};"
    return CSS.replace("<style>", f"<style>\n:root {{ {named} }}", 1)
