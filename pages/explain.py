"""Explain: which pixels made the score, and is that explanation faithful?"""

from collections.abc import Mapping

import streamlit as st

from core.service import DetectorRow, Overview, OverviewQuery
from pages._explain import (
    asked,
    checks,
    files,
    large,
    overlay,
    pixel,
    plane,
    tiles,
    truth,
    waiting,
    weights,
)
from pages._shared import links, study
from pages._shared.ask import ask
from pages._shared.controls import heading, say_untrained


def show(wanted: asked.Asked, overview: Overview, models: Mapping[str, DetectorRow]) -> None:
    """The large map, and all others beside it; what is slow is asked last, into its place."""
    able, slow = wanted.methods.able, wanted.methods.slow
    name = waiting.large_one(wanted)
    coming = waiting.coming(wanted)
    with picture:
        left, right = st.columns([1, 1.05], gap="medium")
    with left:
        first = ask(wanted.map_by(able[0].key), wanted.data)
        shown = large.shown_of(wanted, first, overview)
        checked = slow or overlay.wants_checks(shown.token)
        with st.container(key="explain_picture"):
            drawn = large.show(
                shown, (able[0], first), large=name, count=len(coming), checked=checked
            )
        large.how_to_read(shown, first)
    with right:
        large.say(wanted, shown, first)
        verdict = st.container(key="explain_verdict").empty()
        verdict.markdown(waiting.begins(wanted, coming))
        if slow:
            waiting.controls(wanted, coming)
        cards = tiles.cards(wanted.methods.methods)
    plain, taken, seen = (st.container() for _ in range(3))
    maps = tiles.fill_all(cards, wanted, shown, coming)
    with plain:
        if not drawn:
            overlay.plain(shown, {m.key: (m.title, maps[m.key]) for m in able if m.key in maps})
    if not drawn or len(maps) < len(coming):  # then the browser waits in vain for all of them
        overlay.ask_for_checks(shown.token)
    with taken:
        method = next(m for m in able if m.key == name)
        truth.say(wanted, method, maps.get(name, first))
        files.show(wanted, method, maps.get(name, first))
    with seen:
        weights.show(wanted, shown)
    pixel.show(wanted, shown, models)
    full = st.container()
    truth.show(wanted, overview, able)
    plane.show(wanted, overview)
    if slow:
        tested = waiting.to_check(wanted, maps)
    else:
        tested = maps if overlay.wants_checks(shown.token) else {}
    if tested:
        left_out = waiting.left_out(wanted, coming, checked=tested)
        known = checks.check(cards, wanted, tested, verdict=verdict, left_out=left_out)
        with full:
            checks.show(wanted, known)


seed = st.session_state["seed"]
overview = ask(OverviewQuery(st.session_state["world"]))
models = asked.explainable(overview)
heading("explain", overview.scenario, list(models))
if not models:
    say_untrained(overview.scenario)
    raise links.PageEnds
st.html(large.LAID_OUT)
overlay.load_early()
with st.container(key="explain_top"):
    controls = st.container(key="explain_controls")
    picture = st.container()
with controls:
    wanted = asked.choose(overview, models, seed)
show(wanted, overview, models)
study.show("explain")
study.show("novelty")
study.show("retakes", only_here=True)
