"""A visitor's own lecture: views that were kept, each with a sentence, in the visitor's browser."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from core.service import OutskirtsError, lectures
from pages._shared import addresses, links
from pages._shared.scripts import IN_TURN

__all__ = [
    "contents",
    "data",
    "hand_over",
    "keep_view",
    "listening",
    "load",
    "move",
    "put",
    "remove",
    "rename",
    "trouble",
    "view",
]

TITLE = "My lecture"
HOME = "lecture_own"  # the key of the component that listens to the browser
_HELD, _TIMES, _SESSION = "_lecture_own", "_lecture_own_times", "_lecture_own_session"
_NEWS, _TROUBLE, _ASIDE = "_lecture_own_news", "_lecture_own_trouble", "_lecture_own_aside"
DENIED = "Your browser keeps no more of your lecture: save it to a file."

_browser = st.components.v2.component(
    "outskirts.lecture_own",
    js=IN_TURN + Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
)


# What it holds ------------------------------------------------------------------------------------


def contents() -> lectures.LectureFile | None:
    """The lecture as it is now; None: nothing is kept."""
    return st.session_state.get(_HELD)


def data() -> bytes | None:
    """Its file; None: nothing is kept."""
    held = contents()
    return None if held is None else lectures.save(held).encode()


def put(lecture: lectures.LectureFile | None) -> None:
    """Let this be the lecture from now on, and tell the browser."""
    st.session_state[_HELD] = lecture
    st.session_state[_TIMES] = st.session_state.get(_TIMES, 0) + 1


def _with(steps: tuple[lectures.LectureStep, ...], title: str = "") -> None:
    held = contents()
    title = title or (held.title if held else TITLE)
    put(lectures.LectureFile(title=title, steps=steps) if steps else None)


def _steps() -> tuple[lectures.LectureStep, ...]:
    held = contents()
    return held.steps if held else ()


def view() -> lectures.Link:
    """What is looked at: the page that is open, with what its address says and its scenario."""
    stem, query = links.page(), st.query_params
    name, _, normal = str(st.session_state.get("world") or "").partition(".")
    pairs = [("scenario", name)] if name else []
    pairs += [("normal", normal)] if normal else []
    for key in query:
        if key == "seed" or key.removeprefix(f"{stem}_") in addresses.NAMES[stem]:
            pairs += [(key, value) for value in query.get_all(key)]
    first = addresses.page_named("") == stem
    return lectures.Link("" if first else stem, tuple(pairs))


def keep_view(text: str) -> None:
    """Add what is looked at, with what is said of it.

    Raises:
        OutskirtsError: the lecture is full, the address too long, or there is no sentence.
    """
    text = " ".join(text.split())
    if not text:
        raise OutskirtsError("a view is kept with a sentence: what is to be seen in it?")
    if len(_steps()) >= lectures.MAX_STEPS:
        raise OutskirtsError(f"a lecture has up to {lectures.MAX_STEPS} steps")
    if len(link := view().text) > lectures.LONGEST_LINK:
        raise OutskirtsError("the address of this view is too long to be kept")
    step = lectures.LectureStep(link=link, text=text[: lectures.LONGEST_TEXT])
    _with((*_steps(), step))


def move(index: int, by: int) -> None:
    """Let a step change places with the one before it (-1) or after it (1)."""
    steps, other = list(_steps()), index + by
    if 0 <= index < len(steps) and 0 <= other < len(steps):
        steps[index], steps[other] = steps[other], steps[index]
        _with(tuple(steps))


def remove(index: int) -> None:
    """Take a step out."""
    _with(tuple(step for i, step in enumerate(_steps()) if i != index))


def rename(title: str) -> None:
    """Give the lecture another title; none is none."""
    title = " ".join(title.split())[: lectures.LONGEST_TITLE]
    if title and _steps():
        _with(_steps(), title)


def load(data: bytes | str) -> None:
    """Let the lecture of a file take the place of this one.

    Raises:
        OutskirtsError: it is none, or too large.
    """
    put(lectures.load(data))


# The browser's half -------------------------------------------------------------------------------


def trouble() -> str:
    """Why the browser does not keep it, or what of it could not be read; "": all is well."""
    return str(st.session_state.get(_TROUBLE, ""))


@st.fragment
def listening() -> None:
    """Hear from the browser what it keeps; apart from the page, which runs again for news alone."""
    if st.session_state.pop(_NEWS, False):
        st.rerun()
    hand_over("home", home=True)


def hand_over(place: str, *, home: bool = False) -> None:
    """Give the browser what it is to keep; in each part of a page that changes it.

    Args:
        place: another in each part.
        home: whether it is this part that hears from the browser.
    """
    told = {
        "session": st.session_state.setdefault(_SESSION, secrets.token_hex(8)),
        "text": (data() or b"").decode(),
        "times": st.session_state.get(_TIMES, 0),
        "aside": bool(st.session_state.get(_ASIDE)),
        "home": home,
    }
    with st.container(key=f"kept_lecture_{place}"):  # which theme.py hides
        if home:
            _browser(key=HOME, data=told, on_stored_change=_stored)
        else:
            _browser(key=f"{HOME}_{place}", data=told)


def _stored() -> None:
    """The browser hands over what it keeps, or says that it keeps nothing."""
    found = (st.session_state.get(HOME) or {}).get("stored")
    told: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    take(told.get("text"), failed=bool(told.get("failed")))


def take(text: object, *, failed: bool = False) -> None:
    """Hold what the browser has; what cannot be read is named, and put aside at the next change."""
    state = st.session_state
    state[_NEWS], state[_TROUBLE] = True, DENIED if failed else ""
    if failed or not isinstance(text, str):
        return
    try:
        state[_HELD] = lectures.load(text) if text else None
    except OutskirtsError as error:
        state[_ASIDE] = True
        state[_TROUBLE] = f"What this browser kept of your lecture cannot be read: {error}."
