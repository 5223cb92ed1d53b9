"""The presenter's view: no sidebar, and all words half as large again, for the back row."""

from __future__ import annotations

import streamlit as st

from pages._shared import history, links

__all__ = ["CSS", "arrive", "height", "on", "scale", "turn", "turn_button"]

ON, _TURNED = "_present", "_present_turned"
LARGER = 1.5
TALL = 560  # pixels: a figure is made no taller than that, so that all of it is in sight

# What leads elsewhere goes, so that the picture is seen at once; the lecture stands below it.
CSS = """<style>
html { font-size: 24px; }
[data-testid=stSidebar], [data-testid=stExpandSidebarButton], [data-testid=stToolbar] { display: none !important; }
[data-testid=stMain] { scroll-padding-bottom: 7rem; }
[data-testid=stMain] h1 { font-size: 1.2rem; }
[data-testid=stMain] [data-testid=stMainBlockContainer] { padding: .4rem 1rem 9rem; }
[class*="st-key-"][class*="_try"] { display: none; }
[data-testid=stMain] [data-testid=stButton] button p { white-space: normal; overflow: visible; }
[class*="st-key-gallery_"] button p, .st-key-outskirts_picture figcaption { font-size: .62rem !important; }
.st-key-likelihoods_picture p, .st-key-likelihoods_picture p * { overflow-wrap: normal; word-break: normal; }
.st-key-lecture_strip {
  position: fixed; inset: auto 0 0 0; z-index: 100; max-height: 40vh; overflow-y: auto; width: auto;
  padding: .3rem 1rem; background: var(--house-background); border-top: 2px solid var(--st-primary-color, #0072B2);
}
@media (min-width: 1700px) { html { font-size: 28.5px; } }
@media (max-width: 767px) { html { font-size: 20px; } .st-key-lecture_said p { font-size: .85rem; } }
</style>"""


def on() -> bool:
    """Whether this session shows the presenter's view."""
    return bool(st.session_state.get(ON, False))


def scale() -> float:
    """How large words are, 1 being as ever."""
    return LARGER if on() else 1.0


def height(pixels: int) -> int:
    """How high a figure is that has so many pixels as ever: its words need more."""
    return max(pixels, min(round(scale() * pixels), TALL))


def arrive(stem: str) -> None:
    """Take over what the address says; whoever comes by a menu keeps the view.

    And bring the picture of the page into sight.
    """
    if links.followed() and (links.stepped() or "present" in st.query_params):
        st.session_state[ON] = st.query_params.get("present") == "1"
    links.write("present", "1" if on() else None)
    if on() and (links.followed() or st.session_state.pop(_TURNED, False)):
        history.show(f"{stem}_picture", top=True)


def turn() -> None:
    """Take up the view, or leave it."""
    st.session_state[ON] = st.session_state[_TURNED] = not on()
    links.write("present", "1" if on() else None)  # a run that is cut short follows the address


def turn_button(label: str, *, key: str, **looks: object) -> None:
    """A button that does so, and the key P; it stands once on a page."""
    st.button(
        label,
        key=key,
        shortcut="P",
        icon=":material/slideshow:",
        on_click=turn,
        help="No sidebar, and larger words.",
        **looks,  # type: ignore[arg-type]
    )
