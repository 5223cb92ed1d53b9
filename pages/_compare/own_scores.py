"""Scores that a visitor brings as one more column: a CSV file of image ids and scores."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from core.service import MAX_SCORES_BYTES, OutskirtsError, OwnScores, Scenario, own_scores
from pages._compare.models import Compared
from pages._shared import uploads
from pages._shared.ask import csv_of
from pages._shared.controls import File, downloads
from pages._shared.picker import PRIVATE
from pages._shared.text import counted, plain

__all__ = ["score_of", "section", "template", "usable"]

_FILE, _ROUND, _READ = "_compare_scores", "_compare_scores_round", "_compare_scores_read"


@dataclass(frozen=True)
class _Given:
    """A visitor's file: its name and its bytes."""

    name: str
    data: bytes


def usable(scenario: Scenario, strange: str) -> bytes | None:
    """The visitor's file, where it has scores of these images."""
    given: _Given | None = st.session_state.get(_FILE)
    if given is None:
        return None
    return None if isinstance(_read(given, scenario.name, strange), str) else given.data


def _read(given: _Given, scenario: str, strange: str) -> OwnScores | str:
    """What a file says of these images, read once; or why it says nothing."""
    key = (scenario, strange, hashlib.sha256(given.data).hexdigest())
    kept = st.session_state.get(_READ)
    if kept is None or kept[0] != key:
        try:
            read: OwnScores | str = own_scores(scenario, strange, data=given.data)
            assert isinstance(read, OwnScores)
            read.check()
        except OutskirtsError as error:
            read = str(error)
        st.session_state[_READ] = kept = (key, read)
    return kept[1]


def score_of(c: Compared, own_id: str) -> float | None:
    """The visitor's score of an image of either set, by its own id; None: there is none."""
    given: _Given | None = st.session_state.get(_FILE)
    read = _read(given, c.scenario.name, c.strange) if given is not None else ""
    if isinstance(read, str):
        return None
    for name, scores in ((read.normal_set, read.normal), (read.strange_set, read.strange)):
        ids = c.scenario.pictures(name).ids()
        if own_id in ids and np.isfinite(scores[ids.index(own_id)]):
            return float(scores[ids.index(own_id)])
    return None


def section(c: Compared) -> None:
    """The uploader with its template; what of a file did not fit."""
    st.subheader("Scores of your own")
    st.markdown(
        "A CSV file with the columns `image` and `score`, larger is stranger: it becomes a model of "
        "this page, above and below. Its percentiles are among the test images of "
        f"“{plain(c.sets[c.against])}”, as nothing else is known of it: at a percentile, how "
        "many of these it flags is chosen, not measured."
    )
    given: _Given | None = st.session_state.get(_FILE)
    if given is not None:
        _say(c, given)
    left, right = st.columns([1.6, 1], gap="medium", vertical_alignment="bottom")
    with left:
        _uploader()
    with right:
        downloads(
            File(
                "A template (CSV)",
                f"{c.scenario.name}-{c.strange}-scores.csv",
                partial(template, c.scenario, (c.against, c.strange)),
                "The id of every image of both sets, with an empty column for your scores.",
            )
        )


def _uploader() -> None:
    file: Any = st.file_uploader(
        "A table of your scores",
        type=["csv", "tsv", "txt"],
        max_upload_size=MAX_SCORES_BYTES // 2**20,
        key=f"compare_scores_{st.session_state.get(_ROUND, 0)}",
        help=PRIVATE,
    )
    if file is not None:
        st.session_state[_FILE] = _Given(file.name, file.getvalue())
        uploads.let_go([file.file_id])
        st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
        st.rerun()


def _say(c: Compared, given: _Given) -> None:
    """What was read of the file, and id by id what was not."""
    read = _read(given, c.scenario.name, c.strange)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/table: **Your scores**, {plain(given.name)}", width="content")
        st.button(
            "Put them away", key="compare_scores_away", icon=":material/close:", on_click=_away
        )
    if isinstance(read, str):
        st.error(plain(f"{given.name}: {read}"), icon=":material/error:")
        return
    sets = ((read.matched_normal, read.normal), (read.matched_strange, read.strange))
    names = (c.sets[read.normal_set], c.sets[read.strange_set])
    matched = " and ".join(
        f"{n:,} of {counted(len(all_of), 'image')} of “{plain(name)}”"
        for (n, all_of), name in zip(sets, names, strict=True)
    )
    more = f" {counted(read.elsewhere, 'line')} of other sets." if read.elsewhere else ""
    st.markdown(f"Scores of {matched}.{more}")
    for problem in read.problems:
        shown = ", ".join(plain(i) for i in problem.ids)
        rest = problem.count - len(problem.ids)
        tail = f", and {rest:,} more" if rest else ""
        st.warning(
            f"**{counted(problem.count, 'id')}**: {plain(problem.text)}. {shown}{tail}.",
            icon=":material/warning:",
        )


def _away() -> None:
    st.session_state.pop(_FILE, None)


def template(scenario: Scenario, sets: tuple[str, ...]) -> bytes:
    """A table of all ids of these sets, without scores."""
    ids = [name for set_name in sets for name in scenario.pictures(set_name).ids()]
    return csv_of({"image": np.array(ids), "score": np.full(len(ids), "")})
