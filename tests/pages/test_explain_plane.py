"""Explain, where a score adds two parts: the plane, what the sum finds, and W(x); elsewhere not."""

from __future__ import annotations

import re

import numpy as np
import pytest
import streamlit as st
from apps import figure_of, headings
from conftest import Tiny
from explain_page import opened
from streamlit.testing.v1 import AppTest

from core import service
from core.service import (
    Misses,
    MissesQuery,
    MissesShownQuery,
    Share,
    SumPlane,
    SumPlaneQuery,
    SumPoint,
    SumsQuery,
    Target,
)
from pages._explain import checks, pixel, plane, weights
from pages._explain.misses import SPACE, labels, said_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_apps")]

NOVELTY = Target("tiny", "novelty")


@pytest.fixture(autouse=True)
def nothing_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks of maps, and the picture to paint on, are other tests'."""
    monkeypatch.setattr(checks, "check", lambda *given, **more: [])
    monkeypatch.setattr(pixel, "show", lambda *given: None)


# Which detectors have it --------------------------------------------------------------------------


def test_a_score_that_adds_two_parts_has_its_plane_and_its_misses(novelty: Tiny) -> None:
    app = opened()
    assert "Unfamiliarity and novelty of the input" in headings(app)
    assert "What the network looks for" in headings(app)
    text = "\n".join(m.value for m in app.markdown)
    assert "Which misses of unfamiliarity does the sum find?" in text
    found = service.ask(MissesQuery(NOVELTY, "strokes", "sum"))
    [one, other] = service.ask(SumsQuery(NOVELTY)).sums
    names = {one.x: one.x_title, one.part: one.title, other.part: other.title}
    assert said_of(found, names, strange="Strokes") in text


def test_a_flow_has_neither_plane_nor_weights() -> None:
    app = opened(model="glow")
    assert app.selectbox("explain_model").value == "glow"
    assert "The detector's own map (PNG)" in [b.proto.label for b in app.get("download_button")]
    assert "What the network looks for" not in headings(app)
    assert not [c for c in app.get("plotly_chart") if "explain_plane" in c.proto.id]


def test_a_link_to_the_control_has_the_control_up(novelty: Tiny) -> None:
    app = opened(sum="sum_pixels", strange="turned", group="lost")
    spec = figure_of(app, "explain_plane")
    assert spec["layout"]["yaxis"]["title"]["text"] == "Raw pixels (control), s.d."
    assert [t["name"] for t in spec["data"]][:2] == ["Boxes", "turned"]
    query = MissesShownQuery(MissesQuery(NOVELTY, "turned", "sum_pixels"), "lost")
    keys = [b.key for b in app.button if b.key and b.key.startswith("explain_missed_")]
    assert len(keys) == len(service.ask(query).sets)


# What is picked is looked at ----------------------------------------------------------------------


def image_of(app: AppTest) -> str:
    return f"{app.selectbox('explain_set').value}#{app.number_input('explain_index').value}"


def test_a_picture_of_a_corner_opens_in_the_maps_above(novelty: Tiny) -> None:
    app = opened()
    corner = service.ask(SumPlaneQuery(NOVELTY, "strokes", "sum")).quadrants[2].pictures
    app.button("explain_corner_00_1").click().run()
    assert not app.exception
    assert image_of(app) == f"{corner.sets[1]}#{corner.indices[1]}"


def test_a_point_that_is_clicked_names_the_image_that_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state: dict = {"plane": {"selection": {"points": [{"customdata": ["boxes", 5]}]}}}
    monkeypatch.setattr(st, "session_state", state)
    plane._clicked("plane")
    assert (state["explain_image"], state.pop(plane.CLICKED)) == ("boxes#5", True)
    # A line has no image.
    state["plane"] = {"selection": {"points": [{"x": 1.0}]}}
    plane._clicked("plane")
    assert state["explain_image"] == "boxes#5"
    assert plane.CLICKED not in state


# Drawn by hand ------------------------------------------------------------------------------------


def test_the_line_of_the_sum_is_where_both_add_up_to_its_threshold() -> None:
    values = {"a": np.array([0.0, 1.0]), "b": np.array([2.0, 5.0])}
    shown = SumPlane(
        indices={"a": np.array([3, 4]), "b": np.array([0, 9])},
        x=values,
        y=values,
        sizes={"a": 2, "b": 2},
        threshold=2.5,
        x_threshold=1.75,
        y_threshold=1.5,
        quadrants=(),
    )
    one = plane.Sum("s", "x", "y", "Sum", "Across", "Up", "")
    point = SumPoint((0.5, 0.5), (3.0, 1.0))
    figure = plane.figure(one, shown, point, titles={"a": "A", "b": "B"})
    traces = {t.name: t for t in figure.data}
    assert [tuple(p) for p in traces["B"].customdata] == [("b", 0), ("b", 9)]
    line = traces["threshold of the sum"]
    assert [x + y for x, y in zip(line.x, line.y, strict=True)] == pytest.approx([2.5, 2.5])
    assert set(traces["of across alone"].x) == {1.75}
    assert set(traces["of up alone"].y) == {1.5}
    fault = traces["the image above, and with its fault"]
    assert (list(fault.x), list(fault.y)) == ([0.5, 3.0], [0.5, 1.0])
    low, high = plane.reach(shown, "x")
    assert low < 0 < 2.5 < high


def share(count: int, low: float, high: float, of: int = 100) -> Share:
    return Share(count, of, count / of, low, high)


def said(*missed: Share) -> str:
    parts = dict(zip("abc", missed, strict=False))
    names = {"a": "A", "b": "A and B", "c": "A and C"}
    return said_of(Misses("n", "a", {}, parts, parts), names, strange="Digits").replace(SPACE, " ")


def test_the_sentence_says_what_the_control_is_worth_beside_the_score() -> None:
    first, score = share(40, 0.31, 0.50), share(20, 0.14, 0.29)
    assert said(first, score, share(5, 0.02, 0.11)) == (
        "**A** alone misses 40.0 % of digits (40). **A and B** misses 20.0 %, 50 % fewer. "
        "**A and C** misses 5.0 %, 88 % fewer; against the score: clearly fewer."
    )
    assert said(first, score, share(60, 0.51, 0.69)).endswith(
        "**A and C** misses 60.0 %, 50 % more; against the score: clearly more."
    )
    assert said(first, score, share(24, 0.17, 0.30)).endswith(
        "40 % fewer; against the score: no clear difference."
    )
    assert said(first, share(33, 0.25, 0.43)).endswith("misses 33.0 %, no clear difference.")
    assert said(share(2, 0.006, 0.07), share(9, 0.08, 0.16)).endswith("misses 9.0 %, 7 more.")
    assert said(share(0, 0.0, 0.04), share(0, 0.0, 0.04)).endswith("misses 0.0 %, as many.")


def test_groups_are_named_with_their_counts() -> None:
    counts: dict[str, int] = dict.fromkeys(service.GROUPS, 1200)
    assert set(labels(Misses("n", "a", counts, {}, {}), "A")) == set(service.GROUPS)
    named = labels(Misses("n", "a", counts, {}, {}), "A")["lost"]
    assert named == "Found by a alone: 1,200"


def test_the_scale_of_weights_has_the_colours_of_the_picture() -> None:
    for colour in (service.BRIGHT, service.DARK):
        assert f"rgb{colour}" in weights.legend()
    assert re.search(r'aria-label="Scale: violet .* dark, yellow .* bright"', weights.legend())
