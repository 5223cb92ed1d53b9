"""Lectures as the sidebar opens them: those of the server, and one of the visitor's own."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core import service
from core.service import OutskirtsError, lectures
from pages._shared import addresses, lecture, lecture_own, presenting, uploads
from pages._shared.pages import row_of
from pages._shared.text import counted, plain

__all__ = ["button", "in_sidebar"]

FILE = "outskirts-lecture.json"
_ROUND, _SAID, _TEXT, _TITLE = (
    "_lecture_round", "_lecture_said", "lecture_own_text", "lecture_own_title",
)  # fmt: skip


@st.fragment
def button(key: str, **looks: Any) -> None:
    """What opens the lectures."""
    if st.button("Lectures", key=key, icon=":material/co_present:", **looks):
        _panel()


@st.dialog("Lectures", width="medium")
def _panel() -> None:
    st.markdown(
        "A lecture is a row of views with a sentence or two each. `P` takes up the presenter's view; "
        "there the arrow keys and Page Up and Page Down turn the steps."
    )
    _of_the_server()
    st.subheader("Your own")
    _keep()
    _steps()
    _ways()
    lecture_own.hand_over("panel")


# Those of the server ------------------------------------------------------------------------------


def _of_the_server() -> None:
    """Each lecture, as a link to its first step; what cannot be shown is named.

    What is only for other scenarios than those here, in a quiet line.
    """
    listed, wrong, absent = [], [], []
    for row in service.lecture_rows():
        try:
            found = lecture.opened(row.name)
        except OutskirtsError as error:
            wrong.append(str(error))
            continue
        if found.steps:
            label = f"{found.title} ({counted(len(found.steps), 'step')})"
            listed.append({"label": label, "href": lecture.address_of(row.name, found.steps, 1)})
        if found.left_out:
            wrong.append(f"{found.title}: {lecture.left_out(found)}")
        elif found.absent:
            absent.append(f"{found.title}: {'; '.join(found.absent)}.")
    lecture.open_links(listed, key="lecture_listed")
    for line in absent:
        st.caption(plain(line))
    for line in wrong:
        st.warning(plain(line), icon=":material/link_off:")


# One's own ----------------------------------------------------------------------------------------


def _keep() -> None:
    with st.form("lecture_keep", clear_on_submit=True, border=False):
        st.text_area(
            "What is to be seen here",
            key=_TEXT,
            max_chars=lectures.LONGEST_TEXT,
            height=80,
            placeholder="a sentence or two; {auroc fashion/glow mnist} stands for a number",
        )
        st.form_submit_button("Keep this view", icon=":material/add:", on_click=_kept)
    for said in filter(None, (st.session_state.pop(_SAID, ""), lecture_own.trouble())):
        st.warning(plain(said), icon=":material/warning:")


def _kept() -> None:
    try:
        lecture_own.keep_view(st.session_state[_TEXT])
    except OutskirtsError as error:
        st.session_state[_SAID] = str(error)


def _steps() -> None:
    """What is kept, in its order; each can be moved and taken out."""
    held = lecture_own.contents()
    if held is None:
        st.caption("Nothing is kept yet. What you keep stays in this browser.")
        return
    st.session_state[_TITLE] = held.title
    st.text_input("Its title", key=_TITLE, max_chars=lectures.LONGEST_TITLE, on_change=_renamed)
    shown = lecture.opened(lectures.OWN)
    for why in (*shown.absent, *shown.left_out):
        st.warning(plain(f"Left out: {why}"), icon=":material/link_off:")
    if shown.steps:
        href = lecture.address_of(lectures.OWN, shown.steps, 1)
        lecture.open_links([{"label": "▶ Begin", "href": href}], key="lecture_begin")
    for i, step in enumerate(held.steps):
        _row(i, step, last=i == len(held.steps) - 1)


def _renamed() -> None:
    lecture_own.rename(st.session_state[_TITLE])


def _row(index: int, step: lectures.LectureStep, *, last: bool) -> None:
    """A step, and what moves it or takes it out."""
    try:
        stem = addresses.page_named(lectures.link_of(step.link).page)
    except OutskirtsError:
        stem = None
    where = row_of(stem).title if stem else "no page"
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(f"{index + 1}. {plain(step.text)} :gray[{where}]", width="stretch")
        for icon, what, act, disabled in (
            ("arrow_upward", "up", (lecture_own.move, (index, -1)), index == 0),
            ("arrow_downward", "down", (lecture_own.move, (index, 1)), last),
            ("close", "out", (lecture_own.remove, (index,)), False),
        ):
            st.button(
                "",
                key=f"lecture_{what}_{index}",
                type="tertiary",
                icon=f":material/{icon}:",
                on_click=act[0],
                args=act[1],
                disabled=disabled,
                help=f"Take step {index + 1} {what}.",
            )


def _ways() -> None:
    """Take it away, load it again, put it away."""
    held = lecture_own.contents()
    if held is not None:
        with st.container(horizontal=True, gap="xsmall"):
            st.download_button(
                "Save to a file",
                lectures.save(held),
                file_name=FILE,
                mime="application/json",
                on_click="ignore",
                icon=":material/download:",
                key="lecture_save",
                help="In the folder lectures/ of a server it is there for everybody.",
            )
            st.button(
                "Clear", key="lecture_clear", icon=":material/delete:",
                on_click=lecture_own.put, args=(None,),
            )  # fmt: skip
    _load()


def _load() -> None:
    """A lecture from a file, in place of the one that is kept."""
    times = st.session_state.setdefault(_ROUND, 0)
    file: Any = st.file_uploader(
        "Load from a file, in place of it", type=["json"], max_upload_size=1,
        key=f"lecture_load_{times}",
    )  # fmt: skip
    if file is None:
        return
    try:
        lecture_own.load(file.getvalue())
    except OutskirtsError as error:
        st.warning(plain(f"{file.name}: {error}"), icon=":material/warning:")
        return
    uploads.let_go([file.file_id])
    st.session_state[_ROUND] = times + 1
    st.rerun(scope="fragment")


def in_sidebar() -> None:
    """The presenter's view, and lectures; and what keeps one's own, which shows nothing."""
    if not presenting.on():
        presenting.turn_button("Presenter's view", key="present_begin", width="stretch")
    button("lectures_open", width="stretch")
    lecture_own.listening()
