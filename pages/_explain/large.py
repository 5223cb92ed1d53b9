"""The large map over its picture, and what the detector says of the image."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.service import MapView, MethodRow, Overview
from pages._explain import overlay
from pages._explain.asked import Asked
from pages._shared import links
from pages._shared.controls import chosen
from pages._shared.text import hundredths, numeral, plain

__all__ = [
    "LAID_OUT",
    "choose",
    "choose_method",
    "how_to_read",
    "pressed",
    "say",
    "show",
    "shown_of",
]

KEY, _PRESSED = "explain_method", "_explain_pressed"
# On a phone the picture stands before its controls.
LAID_OUT = """<style>
[data-testid=stLayoutWrapper]:has(> .st-key-explain_early) { position: absolute; }
@media (max-width: 767px) {
  .st-key-explain_top > :has(> .st-key-explain_controls) { order: 2; }
  .st-key-explain_top > .st-key-explain_controls { order: 2; }
}
.st-key-explain_cards :has(> [data-testid=stGridCell]) { grid-template-columns: repeat(auto-fill, minmax(6.1rem, 1fr)) !important; }
@media (min-width: 768px) { .st-key-explain_verdict { min-height: 7.6rem; } }
[class*="st-key-explain_card_"] { gap: .2rem; }
[class*="st-key-explain_card_"] > :first-child p { min-height: 2.5em; }
[class*="st-key-explain_card_"] [data-testid=stMarkdownContainer] { margin: 0; }
[class*="st-key-explain_draw_"] { padding: .3rem 0; }
[class*="st-key-explain_card_"] [class*="st-key-explain_draw_"] em { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
[class*="st-key-explain_card_"] p { font-size: .84rem; line-height: 1.25; margin: 0; }
</style>"""

IN_COLOUR = (
    "Under a map the picture is drawn in grey, so that its own colours are not taken for the map's: "
    "Swipe and Side by side show it as it is. **Red, green, blue:** how much of the map each carries, by the "
    "size of what it adds and takes. "
)


def choose_method(able: Sequence[MethodRow]) -> str:
    """The map that stands large: of a link, or the one whose tile was pressed; else the first."""
    titles = {m.key: m.title for m in able}
    first = next(iter(titles))
    name = chosen("Map", titles, key=KEY, default=first)
    links.write(KEY, None if name == first else name)
    return name


def pressed(name: str) -> None:
    """A tile was pressed: the browser shows its map large already."""
    st.session_state[KEY] = st.session_state[_PRESSED] = name


def choose(name: str) -> None:
    """Show the map of a method large, which the browser does not have yet."""
    st.session_state[KEY] = name


def show(
    shown: overlay.Shown,
    first: tuple[MethodRow, MapView],
    *,
    large: str,
    count: int,
    checked: bool,
) -> bool:
    """The large map, of so many that come; whether the browser could draw it.

    Args:
        checked: whether it is not the browser that asks for the checks, once all maps are there.
    """
    method, view = first
    return overlay.stage(
        shown,
        (method.key, method.title, view),
        chosen=large,
        pressed=st.session_state.get(_PRESSED) == large,
        count=count,
        checked=checked,
    )


def shown_of(asked: Asked, view: MapView, overview: Overview) -> overlay.Shown:
    """The picture of a map, with its true place where one is known."""
    return overlay.Shown(
        token=asked.token,
        title=title_of(asked, view, overview),
        image=view.image,
        place=view.mask,
        unit=view.unit,
    )


def title_of(asked: Asked, view: MapView, overview: Overview) -> str:
    """What an image is called: its set's title and its number, or its file's name."""
    if asked.image.index is None:
        return view.id
    titles = {s.name: s.title for s in overview.scenario.sets}
    planted = "" if asked.fault is None else ", with a planted fault"
    return f"{titles[asked.image.set_name]} {asked.image.index}{planted}"


def say(asked: Asked, shown: overlay.Shown, view: MapView) -> None:
    """The score of the image, and how strange that is."""
    part = asked.part_title[0].lower() + asked.part_title[1:]
    score = numeral(view.score, ",.2f")
    st.markdown(
        f"**{plain(shown.title)}**: {part} {score} {view.unit}, stranger "
        f"than **{hundredths(view.percentile / 100, 1)}** of held-out normal images."
    )
    for warning in view.warnings:
        st.warning(plain(warning), icon=":material/warning:")
    if view.notes:
        st.caption(plain("; ".join(view.notes)))


def how_to_read(shown: overlay.Shown, first: MapView) -> None:
    """What the colours mean, and the numbers below the tiles.

    Args:
        first: the map that is large until another is.
    """
    bare = "a pixel made no difference"
    if overlay.begin_of(first.map):
        bare = "a pixel made no difference, or in a map of one sign about as little as its quietest quarter"
    st.caption(
        f"**How to read it.** Orange pixels make the image stranger to this detector, blue ones more "
        f"normal; where nothing is drawn, {bare}. A tile shows its map large. "
        f"{IN_COLOUR if shown.image.shape[2] == 3 else ''}"
        "**Residual:** what of the score the map leaves unplaced. **Deletion:** how long the score "
        "stays up when the map's strangest pixels are replaced by the baseline; in brackets, where 19 "
        "of 20 random orders lie: below them is good. **Randomised:** how much the map is still the same, from 1 to 0, when "
        "all that the network learned is shuffled: near 0 is good."
    )
