"""Mirror's triangle without a browser: its sliders, links, sentences and files, and bad input."""

from __future__ import annotations

import csv
import io
import itertools
import json

import numpy as np
import pytest
import streamlit as st
from apps import text_of
from conftest import Tiny
from mirror_page import opened
from PIL import Image
from starlette.requests import Request
from streamlit.testing.v1 import AppTest
from triangles import by_hand

from core import service
from core.service import Corner, CornersQuery, SimplexQuery, Target, node_of
from pages._mirror import corners, sent, simplex, simplex_files
from pages._mirror.weighing import WHOLE, moved, weights_of
from pages._shared.picker import Own
from pages._shared.theme import LIGHT

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_apps")]

AMA = Target("tiny", "ama")
QUERY = SimplexQuery(AMA, (Corner("boxes", 0), Corner("boxes", 1), Corner("strokes", 0)), 10)


def weights(app: AppTest) -> list[int]:
    return [app.slider(f"mirror_weights_{name}").value for name in "abc"]


# The point ----------------------------------------------------------------------------------------


def test_the_page_opens_on_the_edge_that_its_rule_names(ama: Tiny) -> None:
    app = opened()
    first = service.ask(CornersQuery(AMA))
    three = tuple(Corner(first.set_name, index) for index in first.indices)
    found = service.ask(SimplexQuery(AMA, (three[0], three[1], three[2]), 10))
    assert weights_of(",".join(map(str, weights(app)))) == simplex.opening(found)
    assert f"of {first.candidates}, one a class, nearest to the class's median" in text_of(app)
    assert simplex.said_of(found, found.score, simplex.row_of(found, simplex.opening(found))) in (
        text_of(app)
    )


def test_a_link_puts_the_point_where_it_says(ama: Tiny) -> None:
    app = opened(weights="50,35,15", colour="features", a="boxes#5")
    assert weights(app) == [50, 35, 15]
    assert "**50 % A, 35 % B and 15 % C**: the mixture is at percentile " in text_of(app)
    assert "by “Critic features, whole”" in text_of(app)
    assert app.selectbox("mirror_a_set").value == "boxes"
    assert app.number_input("mirror_a_index").value == 5


@pytest.mark.parametrize("text", ["inf,0,0", "nan,1,1", "-1,1,1", "a,b,c", "1,2", "0,0,0"])
def test_a_link_with_weights_that_are_none_is_said_and_left_out(ama: Tiny, text: str) -> None:
    app = opened(weights=text)
    assert any("Weights: “" in info.value for info in app.info)
    assert weights(app) == weights(opened())


def test_a_link_to_an_image_that_is_not_there_is_said_and_left_out(ama: Tiny) -> None:
    app = opened(b="boxes#99999")
    assert any("Image B: “" in info.value for info in app.info)
    assert app.number_input("mirror_b_index").value == service.ask(CornersQuery(AMA)).indices[1]


def test_a_slider_takes_from_the_others_what_it_gives(ama: Tiny) -> None:
    app = opened(weights="50,30,20")
    app.slider("mirror_weights_a").set_value(75).run()
    assert weights(app) == [75, 15, 10]
    for name, corner in zip("abc", np.eye(3, dtype=int) * 100, strict=True):
        app.slider(f"mirror_weights_{name}").set_value(100).run()
        assert not app.exception
        assert weights(app) == corner.tolist()
        assert f"**At corner {name.upper()}** stands the mirror of {name.upper()}" in text_of(app)
    app.slider("mirror_weights_c").set_value(0).run()
    assert weights(app) == [50, 50, 0]


def test_weights_stay_weights_wherever_a_slider_goes() -> None:
    ends = (0, 1, 7, 13, WHOLE)
    for a, b in itertools.product(ends, ends):
        if a + b > WHOLE:
            continue
        for which, to in itertools.product(range(3), range(WHOLE + 1)):
            after = moved((a, b, WHOLE - a - b), which, to)
            assert (after[which], sum(after), min(after) >= 0) == (to, WHOLE, True)


def test_what_the_browser_says_of_the_point_is_kept_if_it_can_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state: dict = {simplex._TOKEN: "t"}
    monkeypatch.setattr(st, "session_state", state)

    def say(point: object) -> object:
        state[simplex.STAGE] = {"point": point}
        simplex._point_moved()
        return state.get(simplex.WEIGHTS)

    for nonsense in (
        None,
        7,
        {"token": "other", "weights": [20, 0, 0], "serial": 1},
        {"token": "t", "weights": "20", "serial": 1},
        {"token": "t", "weights": [20, 0], "serial": 1},
        {"token": "t", "weights": [-20, 0, 1], "serial": 1},
        {"token": "t", "weights": [20, 0, 0], "serial": "1"},
    ):
        assert say(nonsense) is None, nonsense
    assert say({"token": "t", "weights": [13, 4, 3], "side": 20, "serial": 5}) == "65,20,15"
    assert (state[simplex._SERIAL], state[simplex._FINE]) == (5, "t")


# The corners --------------------------------------------------------------------------------------


def test_three_times_the_same_image_works_and_is_said(ama: Tiny) -> None:
    app = opened(a="boxes#4", b="boxes#4", c="boxes#4", weights="20,40,40")
    assert "**The three images are one and the same**" in text_of(app)


def test_random_three_are_those_that_the_seed_draws_and_the_first_come_back(ama: Tiny) -> None:
    app = opened()
    first = [app.number_input(f"mirror_{name}_index").value for name in "abc"]
    app.button("mirror_three").click().run()
    drawn = [app.number_input(f"mirror_{name}_index").value for name in "abc"]
    assert drawn == np.random.default_rng(0).permutation(96)[:3].tolist() != first
    app.button("mirror_three").click().run()
    assert [app.number_input(f"mirror_{n}_index").value for n in "abc"] not in (drawn, first)
    app.button("mirror_back").click().run()
    assert [app.number_input(f"mirror_{name}_index").value for name in "abc"] == first


def test_a_set_with_fewer_images_has_its_last_for_a_number_beyond(ama: Tiny) -> None:
    app = opened(c="boxes#95")
    app.selectbox("mirror_c_set").set_value("strokes").run()
    assert not app.exception
    assert app.number_input("mirror_c_index").value == 95
    app.button("mirror_c_Typical").click().run()
    assert app.selectbox("mirror_c_set").value == "strokes"


def own(data: bytes) -> dict:
    return {"B": corners._Kept(Own("my *own*.png", data), None)}


def test_an_own_image_of_another_shape_is_fitted_and_can_be_put_away(ama: Tiny) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (300, 90), "red").save(stream, "PNG")
    app = opened()
    app.session_state[corners._OWN] = own(stream.getvalue())
    app = app.run()
    assert not app.exception
    assert "Your own image, my \\*own\\*" in text_of(app)
    app.button("mirror_b_away").click().run()
    assert "Your own image" not in text_of(app)
    assert app.number_input("mirror_b_index").value == service.ask(CornersQuery(AMA)).indices[1]


def test_an_own_file_that_is_no_image_is_said_and_the_page_goes_on(ama: Tiny) -> None:
    app = opened()
    app.session_state[corners._OWN] = own(b"no image")
    app = app.run()
    assert not app.exception
    assert any(w.value.startswith("B: ") for w in app.warning)
    assert len(weights(app)) == 3


# Sentences ----------------------------------------------------------------------------------------


def test_sentences_say_what_the_numbers_say() -> None:
    values = {(4, 0, 0): 1.0, (2, 2, 0): 9.5, (2, 1, 1): 2.0}
    found = by_hand(values, 5.0)
    assert simplex.said_of(found, "p", node_of((2, 2, 0))) == (
        "**Half way between A and B** the mixture is at percentile 95.0 by “Part”, **flagged**. "
        "The pixels themselves, averaged with the same weights, are at 95.0, flagged.  \n"
        "The edge from A to B leaves the normal images: neither end is flagged, and at 50 % A and "
        "50 % B the percentile is 95.0. Of the 15 mixtures 7\u00a0% are flagged; of the same "
        "averages of pixels 7\u00a0%."
    )
    assert (
        simplex.place_said(found, node_of((1, 3, 0))) == "**25 % A and 75 % B**: the mixture is at"
    )
    assert simplex.place_said(found, node_of((2, 1, 1))) == (
        "**50 % A, 25 % B and 25 % C**: the mixture is at"
    )
    assert "No edge leaves the normal images: the strangest place on one is 50 % A and 50 % B" in (
        simplex.edge_said(by_hand(values, 20.0), "p")
    )
    flagged_end = simplex.edge_said(by_hand({**values, (4, 0, 0): 6.0}, 5.0), "p")
    assert "(percentile 95.0), has a flagged end" in flagged_end


def test_a_model_that_learned_without_mixtures_says_so() -> None:
    found = by_hand({}, 5.0)
    assert "half of all draws" in simplex._trained(found)
    object.__setattr__(found, "weight", 0.0)
    assert simplex._trained(found) == "This model was trained without mixtures."


# What is sent and taken away ----------------------------------------------------------------------


def test_the_browser_asks_for_the_finer_triangle_by_its_token(ama: Tiny) -> None:
    def answer(token: str):
        return sent.finer(Request({"type": "http", "path_params": {"token": token}}))

    assert answer("nobody").status_code == 404
    told = json.loads(answer(sent.remember(QUERY, "v1")).body)
    assert (told["side"], [p["key"] for p in told["parts"]]) == (20, list(sent.SHOWN))
    assert {len(p[k]) for p in told["parts"] for k in ("values", "percentiles", "averages")} == {
        231
    }
    assert sent.remember(QUERY, "v1") != sent.remember(QUERY, "v2")


def test_a_sheet_holds_the_pictures_row_by_row(ama: Tiny) -> None:
    found = service.ask(QUERY)
    sheet = np.asarray(Image.open(io.BytesIO(simplex_files.sheet(found.images, 11))))
    assert sheet.shape == (6 * 28, 11 * 28)
    for row in (0, 10, 11, 65):
        top, left = 28 * (row // 11), 28 * (row % 11)
        assert np.array_equal(sheet[top : top + 28, left : left + 28], found.images[row, ..., 0])


def test_the_triangle_as_a_file_frames_what_is_flagged(ama: Tiny) -> None:
    found = service.ask(QUERY)
    flagged = np.zeros(66, bool)
    flagged[node_of((10, 0, 0))] = True
    object.__setattr__(found.parts[found.score], "flagged", flagged)
    whole = np.asarray(Image.open(io.BytesIO(simplex_files.picture(found, found.score))))
    assert whole.shape == (64 * 11, 64 * 11, 3)
    orange, blue = (tuple(bytes.fromhex(c[1:])) for c in (LIGHT.strange, LIGHT.normal))
    assert tuple(whole[1, 64 * 5 + 32]) == orange  # A, on top, in the middle
    assert tuple(whole[640 + 1, 32]) == tuple(whole[640 + 1, 640 + 32]) == blue
    assert np.array_equal(
        whole[644:700:2, 4:60:2, 0], found.images[node_of((0, 10, 0)), ..., 0]
    )  # B, on the left


def test_the_table_has_every_mixture_with_its_numbers(ama: Tiny) -> None:
    found = service.ask(QUERY)
    rows = list(csv.DictReader(io.StringIO(simplex_files.table(found).decode())))
    assert len(rows) == 66
    row = rows[node_of((5, 3, 2))]
    names = [f"weight of {n} ({i})" for n, i in zip("ABC", found.ids, strict=True)]
    assert [float(row[name]) for name in names] == [0.5, 0.3, 0.2]
    part = found.parts["one_sided"]
    assert float(row[f"{part.title} ({part.unit})"]) == part.values[node_of((5, 3, 2))]
