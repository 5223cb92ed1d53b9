"""One image that was pressed: what every model says of it, and the pages that show more of it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.service import AcrossQuery, keys_of_ids, not_here
from pages._compare import own_scores
from pages._compare.models import Compared
from pages._compare.said import place
from pages._shared import draw, links, notebook
from pages._shared.ask import ask
from pages._shared.controls import map_link
from pages._shared.picker import id_of, parse_id
from pages._shared.text import numeral, plain

__all__ = ["IMAGE", "picked", "press", "show"]

IMAGE = "compare_image"
SIDE = 150  # pixels


def press(set_name: str, index: int) -> None:
    """Look at this image next; pressed again, it is put away."""
    pressed = id_of(set_name, index)
    st.session_state[IMAGE] = "" if st.session_state.get(IMAGE) == pressed else pressed


def picked(c: Compared) -> tuple[str, int] | None:
    """Set and index of the image that is looked at, by the address or kept; None: none."""
    if links.followed() and IMAGE in st.query_params:
        text = st.query_params[IMAGE]
        if parse_id(text, c.overview.sizes) is None:
            links.unknown("Image", text)
        else:
            st.session_state[IMAGE] = text
    found = parse_id(str(st.session_state.get(IMAGE, "")), c.overview.sizes)
    links.write(IMAGE, None if found is None else id_of(*found))
    return found


def show(
    c: Compared,
    image: tuple[str, int],
    *,
    key: str = "compare_looked",
    on_close: Callable[[str, int], None] = press,
) -> None:
    """The image, its percentile under every model, and links to where more of it is shown."""
    set_name, index = image
    pictures = c.scenario.pictures(set_name)
    own_id = id_of(*_own(c, set_name, index))
    title = f"{c.sets.get(set_name, set_name)} {index}"
    with st.container(key=key, border=True, horizontal=True, gap="medium"):
        st.image(
            draw.enlarge(pictures.shown(index), SIDE),
            width=SIDE,
            output_format="PNG",
            alt=f"The image that was pressed, {title}",
        )
        with st.container(width="stretch"):
            st.markdown(f"**{plain(title)}**  \n{_percentiles(c, own_id)}")
            if pictures.elsewhere:
                absence, had = not_here(c.scenario, set_name)
                st.caption(plain(f"The picture is {absence}, its scores are: {had}"))
            with st.container(horizontal=True, gap="small"):
                _links(c, own_id)
                notebook.pin(c.scenario.name, own_id, key=key)
        st.button(
            "Close", icon=":material/close:", key=f"{key}_away", on_click=on_close, args=image
        )


def _own(c: Compared, set_name: str, index: int) -> tuple[str, int]:
    """Set and index of an image in the set that it is of: others may join that, one after the other."""
    if not c.scenario.set_named(set_name).joins:
        return set_name, index
    own = {s.name for s in c.scenario.own_sets}
    for name in (s.name for s in c.scenario.strange if s.name in own):
        if index < c.overview.sizes[name]:
            return name, index
        index -= c.overview.sizes[name]
    raise AssertionError(f"{set_name} has fewer images")


def _percentiles(c: Compared, own_id: str) -> str:
    """Where every model puts it among held-out normal images."""
    asked = [name for name in c.shown if name in c.rows]
    own = own_scores.score_of(c, own_id)
    mine = "" if own is None else f"Your score: **{numeral(own, '.4g')}**."
    if not asked:
        return mine
    key = int(keys_of_ids(c.scenario.name, [own_id])[0])
    answer = ask(AcrossQuery(c.scenario.name, tuple(asked), (key,)))
    said = [f"{plain(c.titles[m])} **{place(answer.percentiles[m][0])}**" for m in asked]
    return f"Percentile among held-out normal images: {', '.join(said)}. {mine}"


def _links(c: Compared, own_id: str) -> None:
    set_name, _, index = own_id.partition("#")
    model = c.model if c.model in c.rows else next(iter(c.rows))
    st.page_link(
        "explain.py",
        label="Explain it",
        icon=":material/center_focus_strong:",
        help="Which pixels made its score.",
        query_params=links.query_of("explain", {"model": model, "image": own_id}),
    )
    map_link(model, set_name, int(index))
    st.page_link(
        "own.py",
        label="Disturb it",
        icon=":material/add_photo_alternate:",
        help="Turn, blur or cover it, and watch every score move.",
        query_params=links.query_of("own", {"image": own_id}),
    )
