"""The three images that are mixed: of the sets, or the visitor's own, each of which is put away alone.

What is picked of the sets stands in the address, mirror_a=SET#INDEX, and so for b and c.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.service import (
    SUFFIXES,
    Corner,
    Corners,
    CornersQuery,
    GalleryQuery,
    ImageQuery,
    OutskirtsError,
    Overview,
    Scenario,
    Target,
)
from core.service import ask as ask_quietly
from pages._mirror.weighing import NAMES
from pages._shared import links, picker, uploads
from pages._shared.ask import ask
from pages._shared.picker import Own
from pages._shared.text import plain

__all__ = ["Three", "choose", "key_of"]

_OWN, _ROUND, _DRAWN = "_simplex_own", "_simplex_round", "_simplex_drawn"


@dataclass(frozen=True)
class Three:
    """Three images, and the rule that chose those that the page opens with.

    Attributes:
        titles: what each is, in words.
        first: those that the page opens with; opening: whether they are these.
    """

    corners: tuple[Corner, Corner, Corner]
    titles: tuple[str, str, str]
    first: Corners
    opening: bool


@dataclass(frozen=True)
class _Kept:
    """An image of the visitor's at a corner, and the id that stood there when it came."""

    own: Own
    instead: str | None


def key_of(name: str) -> str:
    """The key of a corner in the address.

    Example:
        >>> key_of("A")
        'mirror_a'
    """
    return f"mirror_{name.lower()}"


def choose(target: Target, overview: Overview, part: str, *, seed: int) -> Three:
    """A button a corner, which opens its controls; three at random; and the images.

    Args:
        part: of the model, by which images are typical or worst.
    """
    first = ask(CornersQuery(target))
    found = []
    with st.container(horizontal=True, gap="xsmall"):
        for name, index in zip(NAMES, first.indices, strict=True):
            corner = _Corner(name, target, overview, (first.set_name, index))
            found.append(corner.choose(part, seed))
        opening = [c for c, _ in found] == [Corner(first.set_name, i) for i in first.indices]
        st.button(
            "Random three",
            key="mirror_three",
            icon=":material/casino:",
            on_click=_draw,
            args=(target, first.set_name, part, seed),
            help="The next three normal images that the seed draws.",
        )
        if not opening:
            st.button(
                "The first three",
                key="mirror_back",
                icon=":material/undo:",
                on_click=_back,
                help="Those that the page opens with.",
            )
    one, two, three = found
    return Three((one[0], two[0], three[0]), (one[1], two[1], three[1]), first, opening)


def _draw(target: Target, set_name: str, part: str, seed: int) -> None:
    """Three images that the seed draws; each further press draws the next ones."""
    drawn = st.session_state[_DRAWN] = st.session_state.get(_DRAWN, 0) + 1
    query = GalleryQuery(target, (set_name,), part, "random", len(NAMES), page=drawn, seed=seed)
    with suppress(OutskirtsError):  # the page says it
        shown = ask_quietly(query)
        for k, name in enumerate(NAMES):
            row = min(k, len(shown.sets) - 1)
            _place(name, picker.id_of(shown.sets[row], int(shown.indices[row])))


def _back() -> None:
    for name in NAMES:
        _place(name, None)


def _place(name: str, text: str | None) -> None:
    """Let an image of a set stand at a corner, or the one that the page opens with."""
    _put_away(name)
    if text is None:
        st.session_state.pop(key_of(name), None)
    else:
        st.session_state[key_of(name)] = text


def _put_away(name: str) -> None:
    """Forget the visitor's own image at a corner; a new key makes an empty uploader."""
    state = st.session_state
    state[_OWN] = {k: kept for k, kept in state.get(_OWN, {}).items() if k != name}
    state[_ROUND] = state.get(_ROUND, 0) + 1


@dataclass(frozen=True)
class _Corner:
    """A corner and its controls.

    Attributes:
        default: set and index of the image that the page opens with.
    """

    name: str
    target: Target
    overview: Overview
    default: tuple[str, int]

    @property
    def key(self) -> str:
        return key_of(self.name)

    @property
    def scenario(self) -> Scenario:
        return self.overview.scenario

    @property
    def sizes(self) -> Mapping[str, int]:
        return self.overview.sizes

    @property
    def titles(self) -> Mapping[str, str]:
        return {s.name: s.title for s in self.scenario.sets if s.name in self.sizes}

    def choose(self, part: str, seed: int) -> tuple[Corner, str]:
        """Its image, with what it is in words; the controls lie behind a button."""
        self._follow()
        text = st.session_state.get(self.key, "")
        set_name, index = picker.parse_id(text, self.sizes) or self.default
        own = self._own()
        title = f"{self.titles[set_name]} {index}" if own is None else own[1]
        with st.popover(f"**{self.name}**: {plain(title[:40])}", width="content"):
            if own is not None:
                st.markdown(f":material/person: Your own image, {plain(own[1])}")
                st.button(
                    "Put it away",
                    key=f"{self.key}_away",
                    icon=":material/close:",
                    on_click=_put_away,
                    args=(self.name,),
                )
            else:
                self._of_a_set(set_name, index)
                self._examples(set_name, part, seed)
                self._uploader()
        is_first = own is not None or (set_name, index) == self.default
        links.write(self.key, None if is_first else picker.id_of(set_name, index))
        return own or (Corner(set_name, index), title)

    def _follow(self) -> None:
        """Take over the image that a link names."""
        if not links.followed() or self.key not in st.query_params:
            return
        text = st.query_params[self.key]
        if picker.parse_id(text, self.sizes) is None:
            links.unknown(f"Image {self.name}", text)
        else:
            _place(self.name, text)

    def _own(self) -> tuple[Corner, str] | None:
        """The visitor's own image, if one stands here and can be read; what was done to it is said."""
        kept = st.session_state.get(_OWN, {}).get(self.name)
        if kept is None or kept.instead != st.session_state.get(self.key):
            return None
        try:
            view = ask(ImageQuery(self.target, kept.own.name, None), kept.own.data)
        except OutskirtsError as error:
            st.warning(f"{self.name}: {error}", icon=":material/warning:")
            return None
        for note in view.warnings:
            st.warning(f"{self.name}: {note}", icon=":material/warning:")
        return Corner(kept.own.name, None, view.image.tobytes()), kept.own.name

    def _of_a_set(self, set_name: str, index: int) -> None:
        state, titles, sizes = st.session_state, self.titles, self.sizes
        state[f"{self.key}_set"], state[f"{self.key}_index"] = set_name, index
        st.selectbox(
            f"Set of {self.name}",
            list(titles),
            format_func=titles.__getitem__,
            key=f"{self.key}_set",
            on_change=self._note,
        )
        st.number_input(
            f"Image {self.name}",
            min_value=0,
            max_value=sizes[set_name] - 1,
            key=f"{self.key}_index",
            on_change=self._note,
            help=f"0 to {sizes[set_name] - 1:,} of {titles[set_name].lower()}.",
        )

    def _note(self) -> None:
        set_name = st.session_state[f"{self.key}_set"]
        index = min(int(st.session_state[f"{self.key}_index"]), self.sizes[set_name] - 1)
        _place(self.name, picker.id_of(set_name, index))

    def _examples(self, set_name: str, part: str, seed: int) -> None:
        """An image by a rule that stands on the button."""
        normal = self.scenario.set_named(set_name).role == "normal"
        worst = "strangest" if normal else "most normal"
        with st.container(horizontal=True, gap="xsmall"):
            for label, order, rule in (
                ("Typical", "typical", "Nearest to the median score of the set."),
                ("Random", "random", "The next that the seed draws."),
                ("Worst", worst, f"The {worst} of the set by the score."),
            ):
                query = GalleryQuery(self.target, (set_name,), part, order, 1, seed=seed)
                st.button(
                    label, key=f"{self.key}_{label}", on_click=self._first, args=(query,), help=rule
                )

    def _first(self, query: GalleryQuery) -> None:
        with suppress(OutskirtsError):  # the page says it
            if query.order == "random":
                drawn = st.session_state[_DRAWN] = st.session_state.get(_DRAWN, 0) + 1
                query = GalleryQuery(
                    query.target, query.sets, query.part, "random", 1, page=drawn, seed=query.seed
                )
            shown = ask_quietly(query)
            _place(self.name, picker.id_of(shown.sets[0], int(shown.indices[0])))

    def _uploader(self) -> None:
        shape = self.scenario.shape
        file: Any = st.file_uploader(
            f"One of your own as {self.name}",
            type=[suffix.removeprefix(".") for suffix in SUFFIXES],
            key=f"{self.key}_upload_{st.session_state.get(_ROUND, 0)}",
            help=f"Fitted to {shape.width}x{shape.height} pixels on black. {picker.PRIVATE} "
            "It stays until you put it away or reload.",
        )
        if file is not None:
            self._keep(Own(file.name, file.getvalue()))
            uploads.let_go([file.file_id])
        if (own := picker.own_image()) is not None:
            st.button(
                f"Your own image, {plain(own.name)}",
                key=f"{self.key}_mine",
                icon=":material/person:",
                on_click=self._keep,
                args=(own,),
            )

    def _keep(self, own: Own) -> None:
        kept = _Kept(own, st.session_state.get(self.key))
        st.session_state[_OWN] = {**st.session_state.get(_OWN, {}), self.name: kept}
        st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
