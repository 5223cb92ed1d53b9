"""Many images: brought at once, judged one after the other, in a table that grows meanwhile."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from core.service import MAX_IMAGES, SUFFIXES, Batch, DetectorRow, ImageSet, Item, Overview
from pages._own import line, report, table, work
from pages._own.table import Judged
from pages._own.work import Brought, Work
from pages._shared import draw, links, picker, uploads
from pages._shared.text import counted, plain

__all__ = ["VIEW", "sampled", "section"]

VIEW = "own_view"
TYPES = [*(suffix.removeprefix(".") for suffix in SUFFIXES), "zip", "npy", "npz"]
FIRST_SLICE, SLICE = 0.8, 4.0  # seconds between two looks at the table
NAMED = 20  # files that could not be read, by name
NORMAL, STRANGE, SAMPLE = 95, 5, "own_sample"  # images of each kind; what asks for them
_ROUND, _SLICES = "_own_many_round", "_own_slices"


def section(
    overview: Overview, rows: Mapping[str, DetectorRow], models: Sequence[str], *, seed: int
) -> None:
    """The uploader, how far it is, the table, what could not be read, and the report."""
    shape, titles = overview.scenario.shape, {m: rows[m].title for m in models}
    sort = table.sorted_by(titles)
    if _asked_for_a_sample() and work.current(shape) is None:
        _take_sample(overview, seed)
    brought = work.current(shape)
    if brought is None:
        with st.container(key="own_picture"):
            _uploader(overview, "Images, a zip of images, or an array (.npy)")
            _say_what_comes(overview, seed)
        return
    status = st.container(key="own_status")
    drawn = line.drawn(overview, models)
    level = brought.level(overview.scenario.name, models)
    batch = brought.answered(overview.scenario.name, level)
    if batch is not None:
        judged = _judged(brought, batch, drawn, titles={m: titles[m] for m in level})
        with st.container(key="own_picture"):
            table.show(judged, sort, on_open=partial(_look_at, brought))
        _how_to_read(drawn)
        if late := [titles[m] for m in models if m not in level]:
            st.caption(f"Still to come into the table: {', '.join(map(plain, late))}.")
    _errors(brought.errors)
    if batch is not None:
        report.downloads(overview, brought, judged, drawn)
    with status:
        _go_on(overview, brought, models)


def _judged(brought: Work, batch: Batch, drawn: line.Drawn, *, titles: Mapping[str, str]) -> Judged:
    names = [item.id for item in brought.seen[: batch.count]]
    return Judged(names, brought.pictures(batch.count), batch, drawn.flagged(batch), titles)


# Bringing them ------------------------------------------------------------------------------------


def _uploader(overview: Overview, label: str, *, folded: bool = False) -> None:
    files = st.file_uploader(
        label,
        type=TYPES,
        accept_multiple_files=True,
        key=f"own_many_{st.session_state.get(_ROUND, 0)}",
        label_visibility="collapsed" if folded else "visible",
        help=f"2,000 images at most. {picker.PRIVATE} They stay until you put them away or reload the page.",
    )
    if files:
        given = [Brought(file.name, file.getvalue(), file.file_id) for file in files]
        _take(given, overview)
        st.rerun()


def _take(files: Sequence[Brought], overview: Overview) -> None:
    work.take(files, overview.scenario.shape)
    st.session_state[_SLICES] = 0
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1  # an empty uploader


def _say_what_comes(overview: Overview, seed: int) -> None:
    side = f"{overview.scenario.shape.width}x{overview.scenario.shape.height}"
    st.caption(
        f"{picker.PRIVATE} A session holds {uploads.MAX_BYTES // 2**20} MB of files and judges "
        f"{MAX_IMAGES:,} images."
    )
    st.markdown(
        f"Each image is fitted to {side} pixels, and every detector says what it makes of it. The "
        "strangest stand first while the rest is still being judged, a file that cannot be read stops "
        "nothing, and you take a report away."
    )
    (normal, count), *strange = sampled(overview)
    also = "".join(f" and {few} of {s.title.lower()}" for s, few in strange)
    st.button(
        f"Try it with {count} {normal.title.lower()}{also}",
        key="own_try_many",
        icon=":material/shuffle:",
        on_click=_take_sample,
        args=(overview, seed),
        help="Drawn from the reference images by the seed.",
    )


def sampled(overview: Overview) -> list[tuple[ImageSet, int]]:
    """What a sample is drawn from: normal images, and the first strange ones that ship; how many."""
    scenario = overview.scenario
    here = [s for s in scenario.strange if not scenario.pictures(s.name).elsewhere]
    sets = zip((scenario.normal, *here[:1]), (NORMAL, STRANGE), strict=False)
    return [(one, min(count, overview.sizes[one.name])) for one, count in sets]


def _asked_for_a_sample() -> bool:
    """Whether a link asks for one, once."""
    asked = links.asked("Sample", SAMPLE, {"yes": "yes"})
    links.write(SAMPLE, None)
    return st.session_state.pop(SAMPLE, None) == "yes" or bool(asked)


def _take_sample(overview: Overview, seed: int) -> None:
    """Bring some reference images, as files of their ids."""
    drawn, files = np.random.default_rng(seed), []
    for image_set, count in sampled(overview):
        images = overview.scenario.pictures(image_set.name).images
        chosen = drawn.choice(len(images), count, replace=False)
        for index in np.sort(chosen).tolist():
            name = picker.id_of(image_set.name, index)
            files.append(Brought(name, draw.png([images[index]]), ""))
    _take(files, overview)


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


def _go_on(overview: Overview, brought: Work, models: Sequence[str]) -> None:
    """How far it is, and what stops it; then it goes on for a while, and the page is drawn anew."""
    scenario = overview.scenario.name
    left, right = st.columns([1.6, 1], vertical_alignment="center")
    done = brought.progress(scenario, models)
    over = done.exact and not done.left and brought.read
    bar = left.empty()
    with right, st.container(horizontal=True, horizontal_alignment="right", gap="xsmall"):
        if not over:
            label = "Cancel" if brought.going else "Go on"
            icon = ":material/stop:" if brought.going else ":material/play_arrow:"
            st.button(label, key="own_cancel", icon=icon, on_click=_toggle, args=(brought,))
        with st.popover("Add more", icon=":material/add:", width="content"):
            _uploader(overview, "More images", folded=True)
        st.button("Put away", key="own_many_away", icon=":material/close:", on_click=_away)
    if over:
        bar.markdown(_summary(brought, done.scored))
        return
    _say(bar, done)
    if brought.going:
        _judge(brought, scenario, models, bar=bar)
        links.leave()  # the frame would, at the end that this run does not reach
        st.rerun()


def _judge(brought: Work, scenario: str, models: Sequence[str], *, bar: Any) -> None:
    """Go on until the table is to be drawn anew, or all is done."""
    slices = st.session_state[_SLICES] = st.session_state.get(_SLICES, 0) + 1
    began, first = time.monotonic(), brought.progress(scenario, models).scored
    while time.monotonic() - began < (FIRST_SLICE if slices == 1 else SLICE):
        if not brought.step(scenario, models):
            break
        done = brought.progress(scenario, models)
        _say(bar, done, speed=(done.scored - first) / (time.monotonic() - began))


def _toggle(brought: Work) -> None:
    brought.going = not brought.going


def _away() -> None:
    work.put_away()
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def _say(bar: Any, done: work.Progress, *, speed: float = 0.0) -> None:
    """How many are judged, and how many remain.

    Args:
        speed: images a second; 0: it is not known.
    """
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
