"""Where in a lecture one is: the sentences of its step, and the ways to the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from core.service import Lecture, LectureQuery, OutskirtsError, ShownStep, lectures
from pages._shared import addresses, lecture_own, links, presenting
from pages._shared.ask import ask
from pages._shared.pages import PAGES, row_of
from pages._shared.text import plain

__all__ = ["address_of", "arrive", "left_out", "open_links", "opened", "strip"]

NAMED = 3  # steps that are left out and named
AT = "_lecture"  # its name and the number of the step, from 1
_TEMPLATE = "<nav></nav>"
_LOOKS = """
nav { display: flex; gap: .5rem; font: 1rem/1.3 var(--st-font, sans-serif); }
nav.column { flex-direction: column; align-items: flex-start; }
a, span { padding: .25rem .7rem; border: 1px solid; border-radius: 6px; text-decoration: none; white-space: nowrap; }
nav.column a { white-space: normal; }
a { color: var(--st-link-color, #005A8D); }
span { color: var(--st-gray-text-color, #56646D); border-color: transparent; }
a:focus-visible { outline: 3px solid var(--st-primary-color, #0072B2); outline-offset: 2px; }
"""
_SCRIPTS = [Path(__file__).with_name(name) for name in ("taken.js", "lecture.js")]
_links = st.components.v2.component(
    "outskirts.lecture",
    html=_TEMPLATE,
    css=_LOOKS,
    js="\n".join(path.read_text(encoding="utf-8") for path in _SCRIPTS),
)


# Where one is -------------------------------------------------------------------------------------


def arrive() -> None:
    """Take over the lecture and step of the address; whoever comes by a menu stays in the lecture."""
    query = st.query_params
    if not links.followed() or not (links.stepped() or "lecture" in query):
        return
    name, step = query.get("lecture", ""), query.get("step", "1")
    if not (step.isascii() and step.isdigit()):
        links.unknown("Step", step)
        step = "1"
    st.session_state[AT] = (name, max(1, int(step[:6]))) if name else None


def leave() -> None:
    """Be in no lecture."""
    st.session_state[AT] = None


def opened(name: str) -> Lecture:
    """A lecture with the steps that pages here can show.

    Raises:
        OutskirtsError: there is none, or it cannot be read.
    """
    data = lecture_own.data() if name == lectures.OWN else None
    lecture = ask(LectureQuery(name), data)
    wrong = {step.number: addresses.stranger(step.link) for step in lecture.steps}
    left_out = [f"step {number}: {why}" for number, why in wrong.items() if why]
    shown = tuple(step for step in lecture.steps if not wrong[step.number])
    return replace(lecture, steps=shown, left_out=(*lecture.left_out, *left_out))


def left_out(lecture: Lecture) -> str:
    """Which steps are not shown, and why; of many the first few."""
    every = (*lecture.absent, *lecture.left_out)
    some = "; ".join(every[:NAMED])
    more = len(every) - NAMED
    return f"Left out here: {some}{f'; and {more} more' if more > 0 else ''}."


def address_of(lecture: str, steps: Sequence[ShownStep], number: int) -> str:
    """The address of a step, from 1, below that of the server; "" where there is none."""
    if not 1 <= number <= len(steps):
        return ""
    link = steps[number - 1].link
    where = {"lecture": lecture, "step": number} | ({"present": 1} if presenting.on() else {})
    page = "./" if addresses.page_named(link.page) == PAGES[0].stem else link.page
    return f"{page}?{urlencode([*link.query, *where.items()])}"


def open_links(named: Sequence[Mapping[str, Any]], *, key: str, **more: Any) -> None:
    """Links that are followed without the page being loaded anew.

    Args:
        named: each with its label and href.
    """
    _links(key=key, data={"links": list(named), **more}, width="content")


# What is shown of it ------------------------------------------------------------------------------


def strip(stem: str) -> None:
    """The step that one is at; in the presenter's view below all else, with the way out."""
    at: tuple[str, int] | None = st.session_state.get(AT)
    lecture = _opened(at[0]) if at else None
    awaited = at is not None and at[0] == lectures.OWN  # the browser may hand it over yet
    if lecture is None and not awaited:
        leave()
        links.write("lecture", None)
        links.write("step", None)
    if lecture is None and not presenting.on():
        return
    with st.container(key="lecture_strip", border=not presenting.on(), gap="small"):
        if lecture is not None and at:
            _step(lecture, at[1], stem)
        else:
            presenting.turn_button(
                "Leave the presenter's view", key="present_leave", type="tertiary"
            )


def _opened(name: str) -> Lecture | None:
    """The lecture of that name; None, and why, where there is no step to be shown."""
    try:
        lecture = opened(name)
    except OutskirtsError as error:
        st.info(plain(str(error)), icon=":material/link_off:")
        return None
    if not lecture.steps:
        st.info(plain(f"Nothing of {lecture.title} can be shown. {left_out(lecture)}"))
        return None
    return lecture


def _step(lecture: Lecture, number: int, stem: str) -> None:
    steps = lecture.steps
    if number > len(steps):
        links.unknown("Step", str(number))
        number = len(steps)
    st.session_state[AT] = (lecture.name, number)
    links.write("lecture", lecture.name)
    links.write("step", str(number))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="lecture_row"):
        with st.container(gap=None, width="stretch", key="lecture_said"):
            _say(lecture, number)
        _ways(lecture, number, stem)


def _say(lecture: Lecture, number: int) -> None:
    count, text = len(lecture.steps), lecture.steps[number - 1].text
    head = f"Step {number} of {count} · {plain(lecture.title)}"
    end = " *This is the end of the lecture.*" if number == count else ""
    st.markdown(f":small[:gray[{head}]]  \n{plain(text)}{end}")
    if number == 1 and (lecture.absent or lecture.left_out):
        st.caption(plain(left_out(lecture)))


def _ways(lecture: Lecture, number: int, stem: str) -> None:
    """To the step before and the next one, back to this one, and out."""
    ways = [
        {"label": "◀", "name": "Previous step", "by": -1, "href": _at(lecture, number - 1)},
        {"label": "▶", "name": "Next step", "by": 1, "href": _at(lecture, number + 1)},
    ]
    there = addresses.page_named(lecture.steps[number - 1].link.page) or PAGES[0].stem
    if there != stem:
        label = f"This step is on {row_of(there).title}"
        ways.append({"label": label, "href": _at(lecture, number)})
    open_links(
        ways,
        key="lecture_ways",
        steps=[_at(lecture, n) for n in range(1, len(lecture.steps) + 1)],
        at=number,
        keys=presenting.on(),
    )
    if presenting.on():
        presenting.turn_button("Leave", key="present_leave", type="tertiary")
    else:
        st.button("End it", key="lecture_end", type="tertiary", on_click=leave)


def _at(lecture: Lecture, number: int) -> str:
    return address_of(lecture.name, lecture.steps, number)
