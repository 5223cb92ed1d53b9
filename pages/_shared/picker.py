"""One image: of a set, or the visitor's own, which is kept until it is put away.

What is picked of the sets stands in the address, PAGE_image=SET#INDEX. The visitor's own image is of
the session: it stays while sets, models and pages change.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.service import (
    SUFFIXES,
    GalleryQuery,
    ImageQuery,
    OutskirtsError,
    Scenario,
    Shape,
    Target,
    ask,
    not_here,
)
from pages._shared import links, uploads
from pages._shared.text import plain

__all__ = [
    "PRIVATE",
    "Own",
    "Picked",
    "id_of",
    "inspect",
    "keep",
    "own_image",
    "parse_id",
    "pick",
    "put_away",
]

PRIVATE = (
    "It goes to the server that runs this page, is kept in memory for your session, and is seen by "
    "nobody else."
)
MAX_MB = 20  # of one image
TYPES = [suffix.removeprefix(".") for suffix in SUFFIXES]
Picked = tuple[ImageQuery, bytes | None]  # an image; the bytes of one of the visitor's own
_OWN, _FILE = "_own_image", "_own_file"
_ROUND, _DRAWN = "_own_round", "_random_drawn"


@dataclass(frozen=True)
class Own:
    """An image of the visitor's: the name of its file, and its bytes."""

    name: str
    data: bytes


def own_image() -> Own | None:
    return st.session_state.get(_OWN)


def keep(name: str, data: bytes, *, file: str = "") -> None:
    """Make a file, by its name and its bytes, the visitor's own image: all pages look at it.

    Args:
        file: the id by which the server holds what was uploaded; "": it was not.
    """
    _let_go()
    st.session_state[_OWN], st.session_state[_FILE] = Own(name, data), file


def put_away() -> None:
    """Forget the visitor's own image; a new key makes an empty uploader."""
    _let_go()
    st.session_state.pop(_OWN, None)
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def _let_go() -> None:
    """Let the server hold the visitor's file no longer, for a session may hold so much."""
    if file := st.session_state.pop(_FILE, ""):
        uploads.let_go([file])


def id_of(set_name: str, index: int) -> str:
    """The name of a reference image, as addresses and the command line have it.

    Example:
        >>> id_of("mnist", 3)
        'mnist#3'
    """
    return f"{set_name}#{index}"


def parse_id(text: str, sizes: Mapping[str, int]) -> tuple[str, int] | None:
    """Set and index of an id; None if there is no such image.

    Args:
        sizes: set name to how many images it has.

    Example:
        >>> parse_id("mnist#3", {"mnist": 4}), parse_id("mnist#4", {"mnist": 4})
        (('mnist', 3), None)
    """
    set_name, _, index = text.strip().partition("#")
    good = index.isascii() and index.isdigit() and len(index) < 9
    if set_name in sizes and good and int(index) < sizes[set_name]:
        return set_name, int(index)
    return None


def inspect(page: str, set_name: str, index: int) -> None:
    """Look at this reference image next; the visitor's own one is put away."""
    st.session_state[f"{page}_image"] = id_of(set_name, index)
    st.session_state.pop(f"{page}_set", None)
    st.session_state.pop(f"{page}_index", None)
    put_away()


def pick(
    page: str,
    target: Target,
    scenario: Scenario,
    *,
    sizes: Mapping[str, int],
    default: tuple[str, int],
    part: str,
    seed: int,
    absent: bool = False,
) -> Picked:
    """The controls that name an image of a page, and the image that they name.

    Args:
        sizes: set name to how many images it has; of the sets that can be picked from.
        default: set and index that the page opens with; until another is picked, it is shown.
        part: of the model, by which images are typical or worst.
        absent: whether the page knows something of an image whose picture is not here.
    """
    if (own := own_image()) is not None:
        _show_own(own)
        return ImageQuery(target, own.name, None), own.data
    set_name, index = _reference(page, scenario, sizes=sizes, default=default)
    _examples(page, target, scenario, set_name, part=part, seed=seed)
    _uploader(scenario.shape)
    if (own := own_image()) is not None:  # it came in this run, whose controls name another
        st.rerun()
    if not absent:
        set_name, index = _that_is_here(scenario, set_name, index, sizes=sizes)
    return ImageQuery(target, set_name, index), None


def _that_is_here(
    scenario: Scenario, set_name: str, index: int, *, sizes: Mapping[str, int]
) -> tuple[str, int]:
    """The image that was picked, or a normal one, with words, where its picture may not ship."""
    if not scenario.pictures(set_name).elsewhere:
        return set_name, index
    image_set = scenario.set_named(set_name)
    absence, had = not_here(scenario, set_name)
    words = f"the pictures of {image_set.title} are {absence}: {had}"
    normal = scenario.normal
    index = min(index, sizes[normal.name] - 1)
    st.info(
        f"{plain(words[:1].upper() + words[1:])}. Shown in its place: {normal.title} {index}.",
        icon=":material/hide_image:",
    )
    return normal.name, index


def _show_own(own: Own) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/person: **Your own image**, {plain(own.name)}", width="content")
        st.button("Put it away", key="own_away", icon=":material/close:", on_click=put_away)


def _reference(
    page: str, scenario: Scenario, *, sizes: Mapping[str, int], default: tuple[str, int]
) -> tuple[str, int]:
    """Set and number, of which the address knows as one id."""
    name = f"{page}_image"
    _follow(name, page, scenario, sizes)
    current = parse_id(st.session_state.get(name, ""), sizes) or default
    set_key, index_key = f"{page}_set", f"{page}_index"
    st.session_state[set_key] = current[0]
    st.session_state[index_key] = min(current[1], sizes[current[0]] - 1)
    titles = {s.name: s.title for s in scenario.sets if s.name in sizes}
    left, right = st.columns([1.4, 1], vertical_alignment="bottom")
    left.selectbox(
        "Set",
        list(titles),
        format_func=titles.__getitem__,
        key=set_key,
        on_change=_note,
        args=(name, set_key, index_key, sizes),
    )
    right.number_input(
        "Image",
        min_value=0,
        max_value=sizes[current[0]] - 1,
        key=index_key,
        on_change=_note,
        args=(name, set_key, index_key, sizes),
        help=f"0 to {sizes[current[0]] - 1:,} of {titles[current[0]].lower()}.",
    )
    shown = id_of(current[0], st.session_state[index_key])
    if shown == id_of(*default):  # nobody picked it: where the page opens with another, it goes
        st.session_state.pop(name, None)
        links.write(name, None)
    else:
        st.session_state[name] = shown
        links.write(name, shown)
    return current[0], int(st.session_state[index_key])


def _note(name: str, set_key: str, index_key: str, sizes: Mapping[str, int]) -> None:
    """Keep what the controls say; a smaller set has the last of its images for a number beyond."""
    set_name = st.session_state[set_key]
    index = min(int(st.session_state[index_key]), sizes[set_name] - 1)
    st.session_state[name] = id_of(set_name, index)


def _follow(name: str, page: str, scenario: Scenario, sizes: Mapping[str, int]) -> None:
    """Take over the image that a link names; older ones name set and number apart."""
    text = links.image_asked(page)
    if text is None:
        return
    if parse_id(text, sizes) is None:
        links.unknown("Image", text)
    else:
        st.session_state[name] = text
        put_away()


def _examples(
    page: str, target: Target, scenario: Scenario, set_name: str, *, part: str, seed: int
) -> None:
    """An image by a rule that stands on the button: typical, drawn by the seed, the worst."""
    worst = "strangest" if scenario.set_named(set_name).role == "normal" else "most normal"
    with st.container(horizontal=True, gap="xsmall"):
        for label, order, rule in (
            ("Typical", "typical", "Nearest to the median score of the set."),
            ("Random", "random", "The next that the seed draws."),
            ("Worst", worst, f"The {worst} of the set by the score: the detector's worst mistake."),
        ):
            query = GalleryQuery(target, (set_name,), part, order, 1, seed=seed)
            st.button(label, key=f"{page}_{order}", on_click=_first, args=(page, query), help=rule)


def _first(page: str, query: GalleryQuery) -> None:
    """Look at the first image of an order; each further press of random draws the next one."""
    with suppress(OutskirtsError):  # the page says it
        if query.order == "random":
            drawn = st.session_state[_DRAWN] = st.session_state.get(_DRAWN, -1) + 1
            query = GalleryQuery(
                query.target, query.sets, query.part, "random", 1, page=drawn + 1, seed=query.seed
            )
        first = ask(query)
        inspect(page, first.sets[0], int(first.indices[0]))


def _uploader(shape: Shape) -> None:
    colours = "grey" if shape.channels == 1 else "colour"
    with st.popover("One of your own", icon=":material/upload:", width="content"):
        file: Any = st.file_uploader(
            "An image from your disk",
            type=TYPES,
            max_upload_size=MAX_MB,
            key=f"own_upload_{st.session_state.get(_ROUND, 0)}",
            help=f"Made {colours}, fitted to {shape.width}x{shape.height} pixels on black. {PRIVATE} "
            "It stays until you put it away or reload the page.",
        )
    if file is not None:
        keep(file.name, file.getvalue(), file=file.file_id)
