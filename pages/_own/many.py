"""Many images: brought at once, judged one after the other, in a table that grows meanwhile."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from core.service import SUFFIXES, DetectorRow, Item, Overview
from pages._own import line, report, table, work
from pages._own.table import Judged
from pages._own.work import Brought, Work
from pages._shared import draw, links, picker, uploads
from pages._shared.text import counted, plain

__all__ = ["VIEW", "section"]

VIEW = "own_view"
TYPES = [*(suffix.removeprefix(".") for suffix in SUFFIXES), "zip", "npy", "npz"]
FIRST_SLICE, SLICE = 0.8, 4.0  # seconds between two looks at the table
NAMED = 20  # files that could not be read, by name
_ROUND, _SLICES = "_own_many_round", "_own_slices"


def section(overview: Overview, rows: Mapping[str, DetectorRow], models: Sequence[str]) -> None:
    """The uploader, how far it is, the table, what could not be read, and the report."""
    shape = overview.scenario.shape
    _uploader(overview, started=work.current(shape) is not None)
    brought = work.current(shape)
    if brought is None:
        _say_what_comes(overview)
        return
    status = st.container()
    drawn = line.drawn(overview, models)
    batch = brought.answered(overview.scenario.name, models)
    if batch is not None:
        seen = brought.seen[: batch.count]
        pictures = np.stack([item.picture.image for item in seen if item.picture is not None])
        titles = {name: rows[name].title for name in models}
        names = [item.id for item in seen]
        judged = Judged(names, pictures, batch, drawn.flagged(batch), titles)
        with st.container(key="own_picture"):
            table.show(judged, on_open=partial(_look_at, brought))
        _how_to_read(drawn)
    _errors(brought.errors)
    if batch is not None:
        report.downloads(overview, brought, judged, drawn)
    with status:
        _go_on(brought, overview.scenario.name, models)


def _say_what_comes(overview: Overview) -> None:
    side = f"{overview.scenario.shape.width}x{overview.scenario.shape.height}"
    with st.container(key="own_picture"):
        st.markdown(
            f"Bring a folder's images, a zip of them, or an array: each is fitted to {side} pixels, "
            "and every detector says what it makes of it. You see the strangest first while the rest "
            "is still being judged, and take a report away."
        )


# Bringing them ------------------------------------------------------------------------------------


def _uploader(overview: Overview, *, started: bool) -> None:
    label = "Add more" if started else "Images, a zip of images, or an array (.npy)"
    place: Any = st.popover(label, icon=":material/add:") if started else st.container()
    files = place.file_uploader(
        label,
        type=TYPES,
        accept_multiple_files=True,
        key=f"own_many_{st.session_state.get(_ROUND, 0)}",
        label_visibility="collapsed" if started else "visible",
        help=f"2,000 images at most. {picker.PRIVATE} They stay until you put them away.",
    )
    if not started:
        st.caption(f"{picker.PRIVATE} A session holds {uploads.MAX_BYTES // 2**20} MB of files.")
    if files:
        given = [Brought(file.name, file.getvalue(), file.file_id) for file in files]
        work.take(given, overview.scenario.shape)
        st.session_state[_SLICES] = 0
        st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
        st.rerun()


def _errors(errors: Sequence[Item]) -> None:
    """Each file that is no image, by its name, with the reason."""
    if not errors:
        return
    lines = [f"- {plain(item.id)}: {plain(item.error)}" for item in errors[:NAMED]]
    if len(errors) > NAMED:
        lines.append(f"- and {len(errors) - NAMED:,} more, all of them in the report")
    with st.container(key="own_errors"):
        st.warning(
            f"{counted(len(errors), 'file')} could not be read; the rest went on:\n"
            + "\n".join(lines),
            icon=":material/warning:",
        )


def _how_to_read(drawn: line.Drawn) -> None:
    text = (
        "A number is a percentile among held-out normal images, ⚑ flagged, ? not this detector's "
        f"kind of image. Flagged is {drawn.in_words()}, as set on Compare."
    )
    if not drawn.kept:
        text += " Your threshold is a score of another scenario's model, and is not used here."
    st.caption(text)


def _look_at(brought: Work, n: int) -> None:
    """Make the image of a row one's own, in the other view and on all other pages."""
    item = brought.seen[n]
    assert item.picture is not None
    file = brought.file_of(item)
    if file is not None:
        picker.keep(file.name, file.data)
    else:
        picker.keep(item.id, draw.png([item.picture.image]))
    st.session_state[VIEW] = "one"


# Judging them -------------------------------------------------------------------------------------


def _go_on(brought: Work, scenario: str, models: Sequence[str]) -> None:
    """How far it is, and what stops it; then it goes on for a while, and the page is drawn anew."""
    left, right = st.columns([3, 1], vertical_alignment="center")
    done = brought.progress(scenario, models)
    over = done.exact and not done.left and brought.read
    bar = left.empty()
    with right, st.container(horizontal=True, horizontal_alignment="right", gap="xsmall"):
        if not over:
            label = "Cancel" if brought.going else "Go on"
            icon = ":material/stop:" if brought.going else ":material/play_arrow:"
            st.button(label, key="own_cancel", icon=icon, on_click=_toggle, args=(brought,))
        st.button("Put them away", key="own_many_away", icon=":material/close:", on_click=_away)
    if over:
        bar.markdown(_summary(brought, done.scored))
        return
    _say(bar, done, speed=0.0)
    if not brought.going:
        return
    slices = st.session_state[_SLICES] = st.session_state.get(_SLICES, 0) + 1
    began, first = time.monotonic(), done.scored
    while time.monotonic() - began < (FIRST_SLICE if slices == 1 else SLICE):
        if not brought.step(scenario, models):
            break
        done = brought.progress(scenario, models)
        _say(bar, done, speed=work.pace(done.scored - first, began))
    links.leave()  # the frame would, at the end that this run does not reach
    st.rerun()


def _toggle(brought: Work) -> None:
    brought.going = not brought.going


def _away() -> None:
    work.put_away()
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def _say(bar: Any, done: work.Progress, *, speed: float) -> None:
    """How many are judged, and how many remain."""
    text = f"{done.scored:,} of {done.known:,} judged, {done.left:,} remain"
    if not done.exact:
        text = f"{done.scored:,} judged of {done.known:,} read so far"
    elif speed > 0 and done.left:
        text += f", about {done.left / speed:.0f} s"
    bar.progress(min(done.scored / max(done.known, 1), 1.0), text=text)


def _summary(brought: Work, scored: int) -> str:
    text = f"**{counted(scored, 'image')} judged.**"
    if brought.errors:
        text += f" {counted(len(brought.errors), 'file')} could not be read: they are listed below."
    return text
