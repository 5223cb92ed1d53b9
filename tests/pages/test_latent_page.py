"""The page Latent space without a browser: the link's text, the chart's options, and AppTest."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import tracemalloc
import zlib
from base64 import urlsafe_b64encode
from dataclasses import replace
from functools import cache
from urllib.parse import parse_qsl

import numpy as np
import pytest
import tiny
from conftest import Tiny, forget_everything
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from core import checkpoint, service
from core.data.picture import as_pil
from core.scenario import load_scenario
from core.service import (
    AcrossQuery,
    ImageQuery,
    LatentMap,
    LatentQuery,
    Near,
    NearQuery,
    Target,
)
from core.train.maps import renew
from pages._latent import chosen, selection, tags
from pages._latent import map as _map

pytestmark = pytest.mark.usefixtures("quick_apps")

GLOW = Target("fashion", "glow")


# A selection as text ----------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(st.lists(st.booleans(), max_size=200))
def test_a_selection_comes_out_of_its_text_as_it_went_in(mask: list[bool]) -> None:
    text = selection.encode(np.array(mask, bool))
    assert re.fullmatch(r"[\w-]*", text)  # nothing that a URL would change
    found = selection.decode(text, len(mask))
    assert found is not None
    assert found.dtype == bool
    assert found.tolist() == mask


@pytest.mark.parametrize("n", [1, 7, 8, 9, 64, 10_000, 70_000])
@pytest.mark.parametrize("share", [0, 0.3, 1])
def test_selections_of_every_size_come_out_as_they_went_in(n: int, share: float) -> None:
    mask = np.random.default_rng(0).random(n) < share
    found = selection.decode(selection.encode(mask), n)
    assert found is not None
    assert np.array_equal(found, mask)


def test_a_lasso_over_ten_thousand_images_fits_a_link() -> None:
    scattered = np.random.default_rng(0).random(10_000) < 0.5  # the worst there is
    assert len(selection.encode(scattered)) < selection.LONGEST_LINK
    assert len(selection.encode(np.arange(10_000) < 300)) < 60


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40), st.integers(0, 100))
def test_any_text_is_a_selection_or_none(text: str, rows: int) -> None:
    found = selection.decode(text, rows)
    assert found is None or found.shape == (rows,)


@pytest.mark.parametrize("n", [64, 10_000])
def test_text_of_another_map_or_of_none_is_no_selection(n: int) -> None:
    mask = np.random.default_rng(0).random(n) < 0.3
    text = selection.encode(mask)
    for wrong in (text[:-4], text[: len(text) // 2], text[4:], "?" + text, "", "A", "%%%", "é"):
        assert selection.decode(wrong, n) is None, wrong
    for other in (1, n - 8, n + 8, 2 * n, 70_000):
        assert selection.decode(text, other) is None, other
    flipped = "B" if text[20] != "B" else "C"
    assert selection.decode(text[:20] + flipped + text[21:], n) is None  # zlib has a checksum


def test_a_text_that_would_unpack_to_a_gigabyte_is_refused_before_it_does() -> None:
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(100)) + packer.flush()
    text = urlsafe_b64encode(bomb).decode()
    assert len(text) < 200_000
    tracemalloc.start()
    assert selection.decode(text, 10_000) is None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000  # the text and its bytes; a hundred million were packed


# What a lasso holds -----------------------------------------------------------------------------


def test_a_lasso_that_winds_holds_what_is_within_its_line() -> None:
    # A "U" of unit squares, three wide and two high, open at the top.
    corners = [[0, 0], [3, 0], [3, 2], [2, 2], [2, 1], [1, 1], [1, 2], [0, 2]]
    middles = np.array([[x + 0.5, y + 0.5] for y in range(-1, 4) for x in range(-1, 5)])
    filled = {(0, 0), (1, 0), (2, 0), (0, 1), (2, 1)}
    expected = [(x, y) in filled for y in range(-1, 4) for x in range(-1, 5)]
    for turned in range(8):  # wherever the line begins, and whichever way it goes
        line = corners[turned:] + corners[:turned]
        for way in (line, line[::-1]):
            assert selection.inside("polygon", way, middles).tolist() == expected


ON_THE_MAP = st.integers(-500, 500).map(lambda n: n / 100)  # a mouse knows no smaller steps


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(ON_THE_MAP, ON_THE_MAP), min_size=3, max_size=3), st.integers(0, 99))
def test_a_triangle_holds_what_is_on_one_side_of_all_its_lines(
    corners: list[tuple[float, float]], seed: int
) -> None:
    points = np.random.default_rng(seed).uniform(-5, 5, (50, 2))
    found = selection.inside("polygon", [list(c) for c in corners], points)
    for (x, y), held in zip(points.tolist(), found.tolist(), strict=True):
        sides = [
            (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)
            for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True)
        ]
        if min(map(abs, sides)) > 1e-9:  # on a line either answer is right
            assert held == (min(sides) > 0 or max(sides) < 0)


def test_a_box_holds_what_is_between_its_corners_however_it_was_drawn() -> None:
    points = np.array([[1.0, 1.0], [2.0, 5.0], [3.1, 1.0], [1.0, -0.1]])
    for box_corners in ([[0, 3], [0, 5]], [[3, 0], [5, 0]]):
        found = selection.inside("rect", box_corners, points)
        assert found.tolist() == [True, True, False, False]


def test_a_line_that_goes_nowhere_holds_nothing() -> None:
    points = np.array([[1.0, 1.0], [2.0, 5.0]])
    for corners in ([[1, 1]], [[0, 0], [3, 3]], [[0, 0], [3, 3], [0, 0]]):
        assert not selection.inside("polygon", corners, points).any()


# The chart's options ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def view() -> LatentMap:
    return service.ask(LatentQuery(GLOW, "pca"))


def near_to(set_name: str, index: int, layout: str = "pca") -> Near:
    return service.ask(NearQuery(ImageQuery(GLOW, set_name, index), layout))


def options(view: LatentMap, what: str = "set", **known) -> dict:
    colouring = _map.colour_by(what, view, known.pop("tags", {}))
    known = {"visible": np.ones(len(view.keys), bool), "picked": np.array([], int)} | known
    return _map.spec(view, colouring, near=known.pop("near", None), scenario="fashion", **known)


def drawn(found: dict) -> tuple[list[tuple[dict, dict]], list[tuple[dict, dict]]]:
    """The chart's series of points with their columns: those below, and the selected ones above."""
    below, above = [], []
    for series in found["series"]:
        if "datasetIndex" in series:
            columns = found["dataset"][series["datasetIndex"]]["source"].to_pydict()
            (above if series.get("silent") else below).append((series, columns))
    assert found["series"][: len(below)] == [series for series, _ in below]  # clicks count on it
    return below, above


def ids(columns: dict) -> list[str]:
    return [f"{s}#{i}" for s, i in zip(columns["set"], columns["index"], strict=True)]


COLOURINGS = ["set", "class", "verdict", "tag", "percentile", "trust", "total", "scale_4"]


@pytest.mark.parametrize("what", COLOURINGS)
def test_every_shown_image_is_one_point_in_its_place_and_no_other_is(
    view: LatentMap, what: str
) -> None:
    shown = np.random.default_rng(0).random(10_000) < 0.5
    found = options(view, what, visible=shown, tags={"a": view.keys[:9]})
    below, above = drawn(found)
    assert above == []
    rows = {view.id(row): row for row in np.flatnonzero(shown)}
    points = [key for _, columns in below for key in ids(columns)]
    assert sorted(points) == sorted(rows)
    for series, columns in below:
        there = np.array([rows[key] for key in ids(columns)])
        np.testing.assert_array_equal(np.stack([columns["x"], columns["y"]], 1), view.xy[there])
        assert columns["label"] == view.labels[there].tolist()
        assert len(set(view.strange[there])) == 1  # so that its symbol is right for all
        assert series["symbol"] == ("triangle" if view.strange[there[0]] else "circle")
        assert series["itemStyle"]["opacity"] > 0.5
        assert series["selectedMode"] == "single"


@pytest.mark.parametrize("sets", [[0], [0, 1], [6], []])
def test_the_map_is_as_large_as_what_it_shows(view: LatentMap, sets: list[int]) -> None:
    shown = np.isin(view.which, sets)
    near = near_to("mnist", int(view.indices[view.which == 1][0]))
    for found, held in (
        (options(view, visible=shown), view.xy[shown] if sets else view.xy),
        # Who is looked at, with its neighbours, is on the map whatever the filter hides.
        (
            options(view, visible=shown, near=near),
            np.concatenate(
                [view.xy[shown] if sets else view.xy, near.xy[None], view.xy[near.rows]]
            ),
        ),
    ):
        for axis, values in zip(("xAxis", "yAxis"), held.T, strict=True):
            room = 0.03 * np.ptp(values)
            assert found[axis]["min"] == pytest.approx(values.min() - room)
            assert found[axis]["max"] == pytest.approx(values.max() + room)


def test_series_come_in_the_order_of_the_groups_by_which_clicks_are_read(view: LatentMap) -> None:
    shown = view.which != 2
    for what in COLOURINGS:
        groups = _map.grouped(view, _map.colour_by(what, view, {}), shown)
        below, _ = drawn(options(view, what, visible=shown))
        assert [ids(columns) for _, columns in below] == [
            [view.id(row) for row in group.rows] for group in groups
        ]


def test_the_series_on_top_hold_the_selected_rows_in_their_colours_and_no_others(
    view: LatentMap,
) -> None:
    picked = np.array([0, 17, 5001, 5002, 9999])
    below, above = drawn(options(view, "verdict", picked=picked))
    assert sorted(key for _, columns in above for key in ids(columns)) == sorted(
        view.id(row) for row in picked
    )
    colours = {key: s["itemStyle"]["color"] for s, columns in below for key in ids(columns)}
    for series, columns in above:
        assert {colours[key] for key in ids(columns)} == {series["itemStyle"]["color"]}
        assert series["itemStyle"]["opacity"] == 1
    assert all(series["itemStyle"]["opacity"] < 0.5 for series, _ in below)
    assert len(colours) == 10_000


@pytest.mark.parametrize("what", ["total", "percentile", "trust"])
def test_a_number_far_away_does_not_take_all_colours_and_the_tooltip_says_it(
    view: LatentMap, what: str
) -> None:
    values = {
        "total": view.parts["total"],
        "percentile": view.percentiles[view.score],
        "trust": view.local,
    }[what]
    low, high = np.quantile(values, (0.01, 0.99))
    found = options(view, what)
    visual = found["visualMap"]
    assert (visual["min"], visual["max"]) == pytest.approx((low, high))
    shades, rows = visual["inRange"]["color"], {view.id(row): row for row in range(10_000)}
    for series, columns in drawn(found)[0]:
        of = values[[rows[key] for key in ids(columns)]]
        assert columns["text"] == [f"{v:.3g}" for v in of]
        # One of eleven shades, the nearest to the value's place between the ends of the scale.
        place = shades.index(series["itemStyle"]["color"]) / (len(shades) - 1)
        share = ((of - low) / (high - low)).clip(0, 1)
        assert np.abs(share - place).max() <= 0.5001 / (len(shades) - 1)
    if what == "total":
        assert values.max() > 1.05 * high  # or nothing was tested


def test_a_scenario_of_more_sets_than_colours_shows_them_all(view: LatentMap) -> None:
    which = np.arange(10_000) % 12
    many = replace(view, sets=tuple(f"set-{i}" for i in range(12)), which=which)
    below, _ = drawn(options(many))
    assert sum(len(columns["x"]) for _, columns in below) == 10_000


def test_colours_name_the_kind_of_every_image(view: LatentMap) -> None:
    flagged = view.percentiles[view.score] > 95  # the rule of every threshold
    by_kind = {
        "normal, let pass": ~view.strange & ~flagged,
        "false alarm: normal, but flagged": ~view.strange & flagged,
        "found: strange and flagged": view.strange & flagged,
        "missed: strange, but let pass": view.strange & ~flagged,
    }
    verdicts = _map.colour_by("verdict", view, {})
    assert [name for name, _ in verdicts.categories] == list(by_kind)
    for i, (name, rows) in enumerate(by_kind.items()):
        assert rows.any()
        assert np.array_equal(verdicts.values == i, rows), name
        assert set(np.array(verdicts.text)[rows]) == {name}
    for what, names in (("set", np.array(view.sets)[view.which]), ("class", view.labels)):
        found = _map.colour_by(what, view, {})
        categories = np.array([name for name, _ in found.categories])[found.values]
        assert categories.tolist() == [name or "no class" for name in names.tolist()], what
        assert categories.tolist() == np.array(found.text).tolist()
    tags = {"old": view.keys[[1, 2]], "new": view.keys[[2, 3]]}
    found = _map.colour_by("tag", view, tags)
    assert np.array(found.text)[:5].tolist() == ["no tag", "old", "new", "new", "no tag"]
    assert len({colour for _, colour in found.categories}) == 3


def test_a_legend_counts_what_is_shown(view: LatentMap) -> None:
    shown = (view.which == 0) | (view.which == 2)
    text = _map.legend(_map.colour_by("set", view, {}), shown, view.role)
    counts = re.findall(r">(.)</span> (\S+) <small>([\d,]+)<", text)
    assert counts == [
        ("●", view.sets[0], f"{(view.which == 0).sum():,}"),
        ("▲", view.sets[2], f"{(view.which == 2).sum():,}"),
    ]


def test_a_tag_is_a_word_and_no_html(view: LatentMap) -> None:
    found = _map.colour_by("tag", view, {"<b onclick=x>a": view.keys[:3]})
    assert "<b " not in _map.legend(found, np.ones(10_000, bool), view.role)


def test_lines_lead_to_the_neighbours_and_are_broken_where_the_picture_misplaces_them(
    view: LatentMap,
) -> None:
    found = (near_to(view.sets[view.which[row]], int(view.indices[row])) for row in range(9999))
    near = next(one for one in found if 0 < one.misplaced.sum() < 10)
    lines, marks, centre = options(view, near=near)["series"][-3:]
    for i, row in enumerate(near.rows):
        start, end = lines["data"][i]["coords"]
        np.testing.assert_allclose(start, near.xy)
        np.testing.assert_allclose(end, view.xy[row])
        np.testing.assert_allclose(marks["data"][i]["value"], view.xy[row])
        far = near.misplaced[i]
        assert lines["data"][i]["lineStyle"]["type"] == ("dashed" if far else "solid")
        assert marks["data"][i]["symbol"] == ("diamond" if far else "circle")
    np.testing.assert_allclose(centre["data"], [near.xy])


def test_the_turning_picture_holds_every_shown_image_once(view: LatentMap) -> None:
    shown, picked = view.which == 1, np.flatnonzero(view.which == 1)[:7]
    for what in ("set", "total"):
        colouring = _map.colour_by(what, view, {})
        rest, chosen = _map.three_d(view, colouring, visible=shown, picked=picked).data
        assert len(chosen.x) == 7
        assert len(rest.x) == shown.sum() - 7
        places = np.stack([chosen.x, chosen.y, chosen.z], 1)
        np.testing.assert_array_equal(places, view.axes[picked])
        assert list(chosen.text) == [f"{view.id(row)} {view.labels[row]}" for row in picked]


# The page ---------------------------------------------------------------------------------------


def opened(**state: object) -> AppTest:
    """The page with controls set beforehand."""
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60).run()
    for key, value in state.items():
        app.session_state[key] = value
    return app.switch_page("latent.py").run()


def followed(**parameters: str) -> AppTest:
    """The page as a link opens it."""
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60).run()
    app.query_params.update(parameters)
    return app.switch_page("latent.py").run()


def charts(app: AppTest) -> list[str]:
    """Keys of the maps that are drawn, from left to right."""
    keys = [c.proto.id.split("-", 2)[2] for c in app.get("echarts_chart")]
    return [key for key in keys if key.startswith("latent_map")]  # and not the histogram's


Area = tuple[str, list[list[float]]]


def send(app: AppTest, areas: list[Area], clicked: list[tuple[int, int]], place: int) -> AppTest:
    """What the browser sends of a chart: the areas on it, and the points that are clicked."""
    found = {
        "selected": [{"series_index": s, "data_indices": [i]} for s, i in clicked],
        "areas": [{"brush_type": kind, "coord_range": corners} for kind, corners in areas],
    }
    app.session_state[charts(app)[place]] = {"selection": found}
    return app.run()


def draw(app: AppTest, *areas: Area, place: int = 0) -> AppTest:
    return send(app, list(areas), [], place)


def click(app: AppTest, series: int, index: int, place: int = 0) -> AppTest:
    return send(app, [], [(series, index)], place)


def box(view: LatentMap, row: int, share: float) -> Area:
    """A box round a row's point, its sides a share of the map's."""
    half = share * np.ptp(view.xy, axis=0) / 2
    low, high = view.xy[row] - half, view.xy[row] + half
    return "rect", [[float(low[0]), float(high[0])], [float(low[1]), float(high[1])]]


def rows_in(view: LatentMap, *boxes: Area) -> list[int]:
    """Rows within boxes."""
    x, y = view.xy.T
    held = [(a <= x) & (x <= b) & (c <= y) & (y <= d) for _, ((a, b), (c, d)) in boxes]
    return np.flatnonzero(np.any(held, axis=0)).tolist()


@cache
def mixed(model: str = "glow") -> tuple[Area, list[int]]:
    """A lasso, a diamond, round a few normal and a few strange images; and their rows."""
    view = service.ask(LatentQuery(Target.of("fashion", model), "tsne"))
    half = 0.02 * np.ptp(view.xy, axis=0)
    for middle in view.xy[::-37]:
        rows = np.flatnonzero((np.abs(view.xy - middle) / half).sum(1) < 1)
        strange = int(view.strange[rows].sum())
        if strange >= 3 and 3 <= len(rows) - strange <= 20 - strange:
            sides = ((-1, 0), (0, -1), (1, 0), (0, 1))
            return ("polygon", [(middle + half * side).tolist() for side in sides]), rows.tolist()
    raise AssertionError("no such place on the map")


def heading(app: AppTest) -> str:
    return app.subheader[0].value


def read(text: str) -> str:
    """Markdown as a reader sees it, where text of others is escaped in it."""
    return re.sub(r"\\([^\w\s])", r"\1", text)


def captions(app: AppTest) -> str:
    return read("\n".join(c.value for c in app.caption))


def written(app: AppTest) -> str:
    return read("\n".join(m.value for m in app.markdown))


def legends(app: AppTest) -> str:
    return "\n".join(h.proto.body for h in app.get("html"))


def verdicts(app: AppTest, image: str):
    """The table of what every detector says of an image."""
    found = (table.value.rename(columns=read) for table in app.table)
    return next(table for table in found if f"{image} under" in table)


def said(app: AppTest) -> list[str]:
    return [read(box.value) for box in (*app.warning, *app.info, *app.error)]


def fine(app: AppTest) -> None:
    assert [e.value for e in app.exception] == []
    assert said(app) == []


def pictures(app: AppTest, key: str = "latent_pick") -> list[tuple[str, int]]:
    """Which images the grid holds, in order, from what their buttons promise to show."""
    found = []
    for button in app.button:
        if re.fullmatch(rf"{key}_\d+", str(button.key)):
            set_name, index = re.match(r"Show (\S+) (\d+)\.", button.help).groups()
            found.append((set_name, int(index)))
    return found


def strangest(view: LatentMap, rows: list[int]) -> list[tuple[str, int]]:
    ordered = sorted(rows, key=lambda row: -view.parts[view.score][row])
    return [(view.sets[view.which[row]], int(view.indices[row])) for row in ordered]


@pytest.fixture(scope="module")
def tsne() -> LatentMap:
    """What the page opens on."""
    return service.ask(LatentQuery(GLOW, "tsne"))


def test_the_page_opens_on_all_images_and_looks_at_the_worst_miss(tsne: LatentMap) -> None:
    app = opened()
    fine(app)
    assert app.title[0].value == "Latent space"
    apart = [float(tsne.local[rows].mean()) for rows in (~tsne.strange, tsne.strange)]
    words = "**Trustworthiness {:.2f} for normal, {:.2f} for strange images**".format(*apart)
    assert words in captions(app)
    assert heading(app) == "All images"
    assert "Nothing is selected: these are all 10,000 that are shown" in captions(app)
    assert pictures(app) == strangest(tsne, list(range(10_000)))[:24]
    digits = np.flatnonzero(tsne.which == 1)
    worst = digits[tsne.parts[tsne.score][digits].argmin()]
    assert app.text_input("latent_image").value == tsne.id(worst)
    near = near_to("mnist", int(tsne.indices[worst]), "tsne")
    labels = [app.button(f"latent_near_{i}").label for i in range(10)]
    marks = [" ◇" if far else "" for far in near.misplaced]
    assert labels == [f"{d:.1f}{m}" for d, m in zip(near.distances, marks, strict=True)]
    far = int(near.misplaced.sum())
    words = (
        f"puts {far} of its 10 true neighbours elsewhere" if far else "All its true neighbours are"
    )
    assert words in written(app)
    for i, row in enumerate(near.rows):
        assert tsne.id(row) in read(app.button(f"latent_near_{i}").help)
    app.session_state["latent_layout"] = "pca"
    app.run()
    shadow = near_to("mnist", int(tsne.indices[worst]), "pca")
    assert shadow.misplaced.tolist() != near.misplaced.tolist()
    assert ["◇" in app.button(f"latent_near_{i}").label for i in range(10)] == [
        *shadow.misplaced.tolist()
    ]


def test_a_lasso_fills_the_grid_and_no_change_of_the_picture_empties_it(tsne: LatentMap) -> None:
    area, rows = mixed()
    app = draw(opened(), area)
    fine(app)
    strange, number = int(tsne.strange[rows].sum()), len(rows)
    assert heading(app) == f"{number} selected"
    assert f"{number - strange} normal, {strange} strange." in captions(app)
    assert pictures(app) == strangest(tsne, rows)
    flagged, rest = tsne.flagged[rows].mean(), np.delete(tsne.flagged, rows).mean()
    assert f"{flagged:.0%} of the selection are flagged, {rest:.0%} of all others" in captions(app)
    for key, value in (
        ("latent_colour", "class"),
        ("latent_colour", "total"),
        ("latent_layout", "pca"),
        ("latent_layout", "umap"),
        ("latent_layout", "tsne"),
        ("latent_view", "3-D"),
        ("latent_view", "Two maps"),
        ("latent_view", "One map"),
    ):
        app.session_state[key] = value
        app.run()
        fine(app)
        assert heading(app) == f"{number} selected", (key, value)
        assert pictures(app) == strangest(tsne, rows), (key, value)
    app.session_state["latent_model"] = "glow.dense"
    app.run()
    other = service.ask(LatentQuery(Target.of("fashion", "glow.dense")))
    assert heading(app) == f"{number} selected"
    assert pictures(app) == strangest(other, other.rows(tsne.keys[rows]).tolist())
    assert set(pictures(app)) == set(strangest(tsne, rows))


def test_boxes_together_select_what_is_in_any_of_them(tsne: LatentMap) -> None:
    boxes = box(tsne, 5, 0.02), box(tsne, 9000, 0.02)
    app = draw(opened(), *boxes)
    fine(app)
    rows = rows_in(tsne, *boxes)
    assert {5, 9000} <= set(rows)
    assert heading(app) == f"{len(rows)} selected"
    assert pictures(app) == strangest(tsne, rows)[:24]


def stroke(app: AppTest, what: str, *areas: Area) -> AppTest:
    """Draw with a key held down, as `gestures.js` tells it."""
    app.session_state["latent_gestures"] = {"stroke": what}
    return draw(app, *areas)


def test_what_is_drawn_with_shift_is_added_and_with_alt_taken_away(tsne: LatentMap) -> None:
    first, second = box(tsne, 5, 0.1), box(tsne, 9000, 0.1)
    third = box(tsne, 5, 0.05)  # within the first
    app = draw(opened(), first)
    rows = set(rows_in(tsne, first))
    stroke(app, "add", first, second)
    fine(app)
    rows |= set(rows_in(tsne, second))
    assert heading(app) == f"{len(rows):,} selected"
    stroke(app, "remove", first, second, third)
    rows -= set(rows_in(tsne, third))
    assert heading(app) == f"{len(rows):,} selected"
    assert heading(app.run()) == f"{len(rows):,} selected"
    app.session_state["latent_colour"] = "class"  # drawn anew, and nothing is taken twice
    assert heading(app.run()) == f"{len(rows):,} selected"
    stroke(app, "replace", third)
    assert heading(app) == f"{len(rows_in(tsne, third)):,} selected"
    stroke(app, "add")  # a double click, after which the key that was held means nothing
    assert heading(app) == "All images"


def test_what_is_drawn_is_added_to_a_selection_that_was_not_drawn(tsne: LatentMap) -> None:
    app = opened(_latent_tags={"fashion": {"odd": tsne.keys[[9000]]}})
    app.button("latent_tag_0").click().run()
    assert heading(app) == "1 selected"
    area = box(tsne, 5, 0.05)
    stroke(app, "add", area)
    assert heading(app) == f"{len({9000, *rows_in(tsne, area)}):,} selected"


def test_a_session_does_not_grow_by_a_key_a_selection(tsne: LatentMap) -> None:
    app, drawn_on = opened(), []
    for _ in range(3):
        draw(app, mixed()[0])
        send(app, [mixed()[0]], [(0, 4)], 0)
        drawn_on += charts(app)
        app.button("latent_clear").click().run()
    app.run()
    assert len(set(drawn_on)) == 3
    assert len(app.session_state["_latent_seen"]) <= 1
    assert not [key for key in drawn_on if f"{key}_clicks" in app.session_state]
    assert heading(app) == "All images"


def test_a_selection_is_kept_while_another_page_is_looked_at(tsne: LatentMap) -> None:
    area, rows = mixed()
    app = draw(opened(), area)
    app.switch_page("cards.py").run()
    app.switch_page("latent.py").run()
    fine(app)
    assert heading(app) == f"{len(rows)} selected"
    assert heading(app.run()) == f"{len(rows)} selected"


def small_map() -> LatentMap:
    """Of a model that shows fewer images."""
    return service.ask(LatentQuery(Target.of("fashion", "glow.seed-1")))


def test_a_model_with_a_smaller_map_says_how_many_of_the_selection_it_lacks(
    tsne: LatentMap,
) -> None:
    area = box(tsne, 5, 0.1)
    keys = tsne.keys[rows_in(tsne, area)]
    there = small_map().rows(keys)
    assert 0 < len(there) < len(keys)
    app = draw(opened(), area)
    app.session_state["latent_model"] = "glow.seed-1"
    app.run()
    fine(app)
    assert app.get("button_group")[0].value == "umap"  # t-SNE was chosen, and there is none
    assert heading(app) == f"{len(there)} selected"
    assert f"{len(keys) - len(there)} more are not on this map" in captions(app)
    app.session_state["latent_model"] = "glow"
    assert heading(app.run()) == f"{len(keys)} selected"


def test_only_layouts_that_a_model_has_are_offered_and_one_of_them_is_chosen() -> None:
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60).run()
    app.session_state["scenario"] = "fashion-one"
    app.switch_page("latent.py").run()
    fine(app)
    layout = app.get("button_group")[0]
    assert "t-SNE" not in layout.options
    assert LAYOUTS[layout.value] in layout.options
    assert charts(app)[0].split("_")[4] == layout.value
    app = opened(latent_layout="tsne", latent_model="glow.seed-1")
    assert app.get("button_group")[0].value == "umap"
    app.session_state["latent_view"] = "Two maps"
    app.session_state["latent_layout2"] = "tsne"
    app.session_state["latent_model2"] = "glow.seed-1"
    app.session_state["latent_model"] = "glow"
    app.run()
    fine(app)
    one, two = (g for g in app.get("button_group") if g.label == "Layout")
    assert (len(one.options), len(two.options), two.value) == (3, 2, "umap")


LAYOUTS = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}


def test_a_selection_that_is_not_on_the_map_can_be_cleared(tsne: LatentMap) -> None:
    gone = np.flatnonzero(~np.isin(tsne.keys, small_map().keys))
    area = next(
        area
        for area in (box(tsne, row, 1e-3) for row in gone)
        if set(rows_in(tsne, area)) <= set(gone.tolist())
    )
    app = draw(opened(), area)
    app.session_state["latent_model"] = "glow.seed-1"
    app.run()
    assert heading(app) == "All images"
    assert "is hidden by the filter or not on this map" in captions(app)
    assert not app.button("latent_clear").disabled


def test_an_empty_selection_shows_all_images_again(tsne: LatentMap) -> None:
    area, rows = mixed()
    app = draw(opened())
    fine(app)
    assert heading(app) == "All images"
    assert heading(draw(app, area)) == f"{len(rows)} selected"
    app = draw(app)  # a double click
    fine(app)
    assert heading(app) == "All images"
    assert app.button("latent_clear").disabled
    away = ("rect", [[1e6, 2e6], [1e6, 2e6]])  # a box round nothing
    app = draw(app, away)
    fine(app)
    assert heading(app) == "All images"


def test_all_images_can_be_selected_and_let_go_without_the_mouse(tsne: LatentMap) -> None:
    app = opened()
    app.button("latent_all").click().run()
    fine(app)
    strange = int(tsne.strange.sum())
    assert heading(app) == "10,000 selected"
    assert f"{10_000 - strange:,} normal, {strange:,} strange." in captions(app)
    assert "of the selection are flagged." in captions(app)  # there are no others
    app.button("latent_clear").click().run()
    fine(app)
    assert heading(app) == "All images"


def test_clearing_takes_what_was_drawn_off_the_map(tsne: LatentMap) -> None:
    area, rows = mixed()
    app = draw(opened(), area)
    assert heading(app) == f"{len(rows)} selected"
    drawn_on = charts(app)
    app.button("latent_clear").click().run()
    assert charts(app) != drawn_on  # another key: an empty chart
    assert heading(app.run()) == "All images"


def test_a_click_on_a_point_looks_at_its_image_and_leaves_the_selection_alone(
    tsne: LatentMap,
) -> None:
    area, rows = mixed()
    app = draw(opened(), area)
    # Coloured by set, each set is a series of its own.
    for set_name, index in (("turned", 7), ("garments", 100)):
        series = list(tsne.sets).index(set_name)
        row = int(np.flatnonzero(tsne.which == series)[index])
        app = send(app, [area], [(series, index)], 0)
        fine(app)
        assert app.text_input("latent_image").value == tsne.id(row)
        assert f"**{tsne.id(row)}** {tsne.labels[row]}" in written(app)
        assert heading(app) == f"{len(rows)} selected"


def test_a_click_is_read_by_the_colours_that_were_drawn(tsne: LatentMap) -> None:
    app = opened(latent_colour="verdict", latent_sets=["mnist"])
    missed = np.flatnonzero((tsne.which == 1) & ~tsne.flagged)
    found = np.flatnonzero((tsne.which == 1) & tsne.flagged)
    for series, rows in enumerate((found, missed)):
        assert len(rows) > 1
        app = click(app, series, 1)
        assert app.text_input("latent_image").value == tsne.id(int(rows[1]))


@pytest.mark.parametrize(
    "change", [{"latent_colour": "class"}, {"latent_sets": ["garments", "turned"]}]
)
def test_a_click_is_not_read_again_when_colours_or_filter_have_changed(
    tsne: LatentMap, change: dict
) -> None:
    app = click(opened(), 1, 7)
    row = int(np.flatnonzero(tsne.which == 1)[7])
    assert app.text_input("latent_image").value == tsne.id(row)
    for key, value in change.items():
        app.session_state[key] = value
    app.run()
    assert app.text_input("latent_image").value == tsne.id(row)


def test_a_lasso_does_not_take_the_image_away_that_is_looked_at(tsne: LatentMap) -> None:
    app = opened()
    before = app.text_input("latent_image").value
    assert draw(app, mixed()[0]).text_input("latent_image").value == before


def test_points_that_the_map_does_not_have_are_left_out(tsne: LatentMap) -> None:
    app = opened()
    before = app.text_input("latent_image").value
    for series, index in ((0, 99_999), (0, int((tsne.which == 0).sum())), (99, 0)):
        app = click(app, series, index)
        fine(app)
        assert app.text_input("latent_image").value == before
        assert heading(app) == "All images"


def test_two_maps_show_one_selection_and_either_may_draw_it(tsne: LatentMap) -> None:
    app = opened(latent_view="Two maps", latent_model2="glow.dense")
    fine(app)
    left, right = charts(app)
    assert ("fashion/glow_" in left, "fashion/glow.dense_" in right) == (True, True)
    area, rows = mixed()
    draw(app, area)
    assert heading(app) == f"{len(rows)} selected"
    other = service.ask(LatentQuery(Target.of("fashion", "glow.dense"), "tsne"))
    area, rows = mixed("glow.dense")
    draw(app, area, place=1)
    fine(app)
    assert heading(app) == f"{len(rows)} selected"
    assert set(pictures(app)) == set(strangest(other, rows))
    click(app, 0, 4, place=1)
    assert app.text_input("latent_image").value == tsne.id(4)


def test_a_filter_holds_for_the_same_images_on_a_map_of_fewer() -> None:
    app = opened(latent_view="Two maps", latent_model2="glow.seed-1", latent_sets=["mnist"])
    few = small_map()
    app = draw(app, ("rect", [[-1e6, 1e6], [-1e6, 1e6]]), place=1)
    fine(app)
    assert heading(app) == f"{(few.which == 1).sum()} selected"
    click(app, 0, 3, place=1)  # coloured by set, and digits alone are drawn
    assert app.text_input("latent_image").value == few.id(int(np.flatnonzero(few.which == 1)[3]))


def test_two_maps_are_drawn_where_only_one_model_has_the_part_that_colours() -> None:
    app = opened(latent_view="Two maps", latent_model2="glow.dense", latent_colour="scale_16")
    assert not app.exception


def test_a_filter_that_hides_everything_says_so_and_keeps_the_selection() -> None:
    area, rows = mixed()
    app = draw(opened(), area)
    app.session_state["latent_sets"] = []
    app.run()
    assert not app.exception
    assert said(app) == ["The filter hides every image: widen it to see some."]
    assert pictures(app) == []
    assert app.button("latent_all").disabled
    app.session_state["latent_sets"] = [s.name for s in load_scenario("fashion").sets]
    assert heading(app.run()) == f"{len(rows)} selected"


def test_a_filter_hides_a_part_of_the_selection_and_says_how_many(tsne: LatentMap) -> None:
    area, rows = mixed()
    app = draw(opened(), area)
    app.session_state["latent_sets"] = ["garments"]
    app.run()
    fine(app)
    strange = int(tsne.strange[rows].sum())
    normal = len(rows) - strange
    assert heading(app) == f"{normal} selected"
    assert f"{normal} normal, 0 strange; {strange} more are hidden by the filter." in captions(app)
    draw(app, area, area)  # drawn again, it holds what is shown
    assert "hidden" not in captions(app)
    app.session_state["latent_sets"] = list(tsne.sets)
    assert heading(app.run()) == f"{normal} selected"


def test_filters_leave_what_they_say(tsne: LatentMap) -> None:
    view = tsne
    app = opened(latent_sets=["garments", "turned"], latent_range=(20.0, 90.0))
    standing = view.percentiles[view.score]
    rows = np.isin(view.which, [0, list(view.sets).index("turned")])
    rows &= (standing >= 20) & (standing <= 90)
    assert f"these are all {rows.sum():,} that are shown" in captions(app)
    app.session_state["latent_without"] = [view.labels[0]]
    app.run()
    fine(app)
    rows &= view.labels != view.labels[0]
    assert f"these are all {rows.sum():,} that are shown" in captions(app)
    assert pictures(app) == strangest(view, np.flatnonzero(rows).tolist())[:24]


def test_pages_of_the_grid_follow_each_other_and_end(tsne: LatentMap) -> None:
    area = next(
        a for a in (box(tsne, 5, n / 200) for n in range(200)) if len(rows_in(tsne, a)) > 50
    )
    ordered = strangest(tsne, rows_in(tsne, area))
    pages = [ordered[i : i + 24] for i in range(0, len(ordered), 24)]
    app = draw(opened(), area)
    for page in (*pages, pages[-1]):  # after the last there is none
        assert pictures(app) == page
        app.button("latent_Next").click().run()
    app.button("latent_Previous").click().run()
    assert pictures(app) == pages[-2]
    app.session_state["latent_order"] = "most normal"
    app.run()
    assert pictures(app) == ordered[::-1][24 * (len(pages) - 2) : 24 * (len(pages) - 1)]
    area, rows = mixed()
    draw(app, area)  # fewer pages than the one that is open
    fine(app)
    assert pictures(app) == strangest(tsne, rows)[::-1]


def test_a_picture_of_the_grid_and_a_neighbour_are_looked_at_by_a_click(tsne: LatentMap) -> None:
    app = opened()
    set_name, index = pictures(app)[3]
    app.button("latent_pick_3").click().run()
    fine(app)
    assert app.text_input("latent_image").value == f"{set_name}#{index}"
    near = near_to(set_name, index, "tsne")
    app.button("latent_near_9").click().run()
    fine(app)
    assert app.text_input("latent_image").value == tsne.id(near.rows[9])


NO_IMAGES = {
    "nope#3": "There is no image “nope#3” here",
    "mnist": "There is no image “mnist” here",
    "mnist#": "There is no image",
    "mnist#x": "There is no image",
    "mnist#-1": "There is no image",
    "mnist#\u0663": "There is no image",  # a digit, but of another alphabet
    "mnist#999999999999999999999": "There is no image",
    "#": "There is no image",
    "mnist#99999": "set mnist has images 0 to 9999, asked for 99999",
}


def test_a_name_of_no_image_is_a_line_and_the_page_goes_on() -> None:
    app = opened()
    for name, words in NO_IMAGES.items():
        app.text_input("latent_image").set_value(name).run()
        assert not app.exception, name
        (line,) = said(app)
        assert words in line
        assert heading(app) == "All images"
        assert len(pictures(app)) == 24


FOREIGN = "![x](http://evil.example/a.png) [log in](http://evil.example) *a* $x$ :red[y]"


def bare(text: str) -> bool:
    """Whether Markdown would make more of this than letters."""
    marks = (r"(?<!\\)!?(?<!\\)\[[^\]]*(?<!\\)\]", r"(?<!\\)\$", r"(?<!\\)\*a", "://evil")
    return any(re.search(mark, text) for mark in marks)


def test_a_name_from_a_link_or_a_file_is_shown_letter_by_letter(tsne: LatentMap) -> None:
    assert bare(FOREIGN)
    app = followed(latent_image=FOREIGN)
    assert not app.exception
    (warning,) = app.warning
    assert "There is no image" in warning.value
    assert not bare(warning.value)
    stream = io.BytesIO()
    as_pil(service.pictures_of("fashion", [("mnist", 3)])[0]).save(stream, "PNG")
    app = opened()
    app.file_uploader[0].upload(f"{FOREIGN}.png", stream.getvalue(), "image/png").run()
    fine(app)
    title = next(m.value for m in app.markdown if "evil" in m.value)
    header = next(c for t in app.table for c in t.value.columns if "evil" in c)
    assert not bare(title.strip("*"))
    assert not bare(header)


def test_a_tag_is_shown_letter_by_letter(tsne: LatentMap) -> None:
    app = opened(_latent_tags={"fashion": {FOREIGN: tsne.keys[:3]}})
    fine(app)
    assert not bare(app.button("latent_tag_0").label)
    assert not bare(app.button("latent_untag_0").help)
    load_tags(app, table_of((FOREIGN[:40], "a")))
    (warning,) = app.warning
    assert not bare(warning.value)


def test_without_a_name_the_page_says_how_to_give_one() -> None:
    app = opened(latent_image="")
    fine(app)
    assert "Click a point, or name an image, to see its neighbours." in captions(app)


def test_every_detectors_word_on_the_image_is_in_its_table() -> None:
    app = opened(latent_image="garments#17")
    rows = [
        r for r in service.ask(service.OverviewQuery("fashion")).detectors if r.card is not None
    ]
    found = service.ask(AcrossQuery("fashion", tuple(r.name for r in rows), (17,)))
    table = verdicts(app, "garments#17")
    assert table["garments#17 under"].tolist() == [r.title for r in rows]
    assert table["percentile"].tolist() == [f"{found.percentiles[r.name][0]:.1f}" for r in rows]
    assert [word.endswith("flagged]") for word in table[""]] == [
        found.flagged[r.name][0] for r in rows
    ]
    assert table["score"].tolist() == [
        f"{found.scores[r.name][0]:.3f} {found.units[r.name]}" for r in rows
    ]


def test_every_selected_image_carries_every_detectors_percentile(tsne: LatentMap) -> None:
    area, selected = mixed()
    app = draw(opened(latent_table=True), area)
    fine(app)
    rows = [
        r for r in service.ask(service.OverviewQuery("fashion")).detectors if r.card is not None
    ]
    order = strangest(tsne, selected)
    keys = tuple(list(tsne.sets).index(s) * 10_000_000 + i for s, i in order)
    found = service.ask(AcrossQuery("fashion", tuple(r.name for r in rows), keys))
    table = next(d.value for d in app.dataframe if "tags" in d.value)
    assert table["image"].tolist() == [f"{s}#{i}" for s, i in order]
    for row in rows:
        assert table[row.title].tolist() == found.percentiles[row.name].tolist()


# Tags, links, starts ----------------------------------------------------------------------------


def test_a_tag_is_given_coloured_found_again_and_taken_away(tsne: LatentMap) -> None:
    area, rows = mixed()
    number = len(rows)
    app = draw(opened(latent_colour="tag"), area)
    app.text_input("latent_new_tag").set_value("  odd ").run()
    fine(app)
    assert app.text_input("latent_new_tag").value == ""
    assert f"odd <small>{number}</small>" in legends(app)
    assert f"no tag <small>{10_000 - number:,}</small>" in legends(app)
    few = box(tsne, rows[0], 1e-4)
    again = rows_in(tsne, few)
    draw(app, few)  # one that has the tag: another tag for it
    app.text_input("latent_new_tag").set_value("even").run()
    labels = [app.button(f"latent_tag_{i}").label for i in (0, 1)]
    assert labels == [f"odd ({number})", f"even ({len(again)})"]
    app.session_state["latent_table"] = True
    app.run()
    table = next(d.value for d in app.dataframe if "tags" in d.value)
    assert dict(zip(table["image"], table["tags"], strict=True)) == {
        tsne.id(row): "odd, even" if row in rows else "even" for row in again
    }
    app.button("latent_tag_0").click().run()
    fine(app)
    assert heading(app) == f"{number} selected"
    app.text_input("latent_new_tag").set_value("   ").run()  # no name, no tag
    app.button("latent_untag_0").click().run()
    fine(app)
    assert [b.label for b in app.button if "latent_tag_" in str(b.key)] == [f"even ({len(again)})"]
    assert "odd" not in legends(app)
    assert heading(app) == f"{number} selected"


def table_of(*rows: tuple[str, str], columns: str = "image,tags") -> bytes:
    return "\n".join([columns, *(f'{image},"{tags}"' for image, tags in rows)]).encode()


def load_tags(app: AppTest, data: bytes) -> AppTest:
    uploader = next(u for u in app.file_uploader if u.allowed_type == [".csv"])
    return uploader.upload("tags.csv", data, "text/csv").run()


def test_tags_of_a_table_are_added_to_those_there_are(tsne: LatentMap) -> None:
    app = opened(_latent_tags={"fashion": {"odd": np.array([3])}})
    table = table_of((tsne.id(9000), "odd, even"), ("garments#3", "odd"), ("turned#0", ""))
    app = load_tags(app, table)
    fine(app)
    labels = [b.label for b in app.button if "latent_tag_" in str(b.key)]
    assert labels == ["odd (2)", "even (1)"]
    app.button("latent_tag_1").click().run()
    assert pictures(app) == strangest(tsne, [9000])


def test_a_table_that_is_taken_away_brings_its_tags_back(tsne: LatentMap) -> None:
    keys = tsne.keys[[5, 9000, 9001]]
    known = {"odd": keys[:2], "even": keys[1:]}
    data = chosen._csv(tsne, np.array([9000, 5, 9001]), {"glow": None}, "fashion", known)
    lines = data.decode().splitlines()
    assert lines[0].startswith("image,set,class,tags,glow score (")
    rows = list(csv.reader(lines[1:]))
    assert [row[0] for row in rows] == [tsne.id(9000), tsne.id(5), tsne.id(9001)]
    assert [row[3] for row in rows] == ["odd, even", "odd", "even"]
    for row, at in zip(rows, (9000, 5, 9001), strict=True):
        assert float(row[4]) == pytest.approx(float(tsne.parts[tsne.score][at]))
        assert float(row[5]) == pytest.approx(float(tsne.percentiles[tsne.score][at]))
    app = load_tags(opened(), data)
    fine(app)
    assert app.session_state["_latent_tags"]["fashion"].keys() == known.keys()
    for name, expected in known.items():
        found = app.session_state["_latent_tags"]["fashion"][name]
        assert found.tolist() == sorted(expected.tolist())


TAGS = ["digits, odd", "odd", "=1+2", "-a, b", "+", "@x", "'til", '5" wide', '"so"', "<b>*x*</b>"]


def tagged(tsne: LatentMap, known: dict[str, np.ndarray]) -> list[dict[str, str]]:
    data = chosen._csv(tsne, np.arange(len(tsne.keys))[:20], {"glow": None}, "fashion", known)
    return list(csv.DictReader(io.StringIO(data.decode())))


@pytest.mark.parametrize("name", TAGS)
def test_a_tag_is_the_same_when_its_table_is_loaded_again(tsne: LatentMap, name: str) -> None:
    app = opened()
    app.button("latent_all").click().run()
    app.text_input("latent_new_tag").set_value(f" {name} ").run()
    fine(app)
    known = app.session_state["_latent_tags"]["fashion"]
    assert list(known) == [name]
    both = {name: known[name], "even": known[name][:5]}
    for found in (tagged(tsne, known), tagged(tsne, both)):
        # A spreadsheet takes none of them for a formula.
        assert not [row for row in found if row["tags"].startswith(("=", "+", "-", "@"))]
    for data in (
        chosen._csv(tsne, np.arange(9), {"glow": None}, "fashion", both),
        tags._table("fashion", both),
    ):
        again = load_tags(opened(), data)
        fine(again)
        assert set(again.session_state["_latent_tags"]["fashion"]) == {name, "even"}


def test_tags_can_be_taken_away_where_they_are_given_and_the_page_says_when_they_go() -> None:
    app = opened()
    app.button("latent_all").click().run()
    assert "until you reload this page" in app.text_input("latent_new_tag").help
    assert "Tags last until you reload this page" not in captions(app)
    assert not [b for b in app.get("download_button") if b.proto.label == "Download tags"]
    app.text_input("latent_new_tag").set_value("odd").run()
    assert "Tags last until you reload this page: download them" in captions(app)
    assert [b for b in app.get("download_button") if b.proto.label == "Download tags"]


def test_the_table_of_tags_holds_every_tagged_image_once_on_this_map_or_not() -> None:
    known = {"a": np.array([3, 10_000_007]), "b": np.array([3, 20_000_001])}
    assert tags._table("fashion", known).decode().split() == [
        "image,tags",
        'garments#3,"a,',
        'b"',
        "mnist#7,a",
        "turned#1,b",
    ]


NO_TAGS = {
    b"": "needs the columns image and tags",
    table_of(("mnist#4", "a"), columns="picture,tags"): "needs the columns image and tags",
    table_of(("mnist#4", " , ")): "no image of this table has a tag",
    table_of(("nope#4", "a")): "has no image 'nope#4'",
    table_of(("mnist#4", "a"), ("mnist#10000", "a")): "has no image 'mnist#10000'",
    table_of(("mnist#-1", "a")): "has no image 'mnist#-1'",
    table_of(("mnist", "a")): "has no image 'mnist'",
    b"image,tags\n\xff\xfe,a": "tags.csv: ",
}


def test_a_table_without_tags_of_images_is_a_line_and_changes_nothing() -> None:
    app = opened()
    for data, words in NO_TAGS.items():
        load_tags(app, data)
        assert not app.exception, words
        (line,) = said(app)
        assert words in line
        assert not [b for b in app.button if "latent_tag_" in str(b.key)]


def test_a_table_with_an_endless_number_is_a_line_too() -> None:
    app = load_tags(opened(), table_of((f"mnist#{'1' * 5000}", "a")))
    assert not app.exception


def test_a_link_brings_its_selection_and_the_address_says_the_present_one(tsne: LatentMap) -> None:
    area, rows = mixed()
    app = draw(opened(), area)
    link = app.query_params["latent_selected"]
    mask = selection.decode(link.partition(".")[2], 10_000)
    assert mask is not None
    assert np.flatnonzero(mask).tolist() == rows
    other = followed(latent_selected=link, latent_image="garments#3")
    fine(other)
    assert heading(other) == f"{len(rows)} selected"
    assert pictures(other) == pictures(app)
    assert other.text_input("latent_image").value == "garments#3"
    draw(other, box(tsne, 5, 1e-4))
    assert other.query_params["latent_selected"] != link
    draw(other)
    assert heading(other) == "All images"
    assert "latent_selected" not in other.query_params


def test_a_link_that_was_cut_is_said_and_the_page_opens() -> None:
    app = followed(latent_selected="x")
    for text in ("eNr7", "%F0%9F", "A" * 5000, ""):
        assert not app.exception
        assert said(app) == [
            "The link's selection belongs to another map, or was cut: it is left out."
        ]
        assert heading(app) == "All images"
        assert "latent_selected" not in app.query_params
        app.query_params["latent_selected"] = text
        app.run()
    fine(app)


def test_a_selection_too_long_for_an_address_is_said_and_kept(
    monkeypatch: pytest.MonkeyPatch, tsne: LatentMap
) -> None:
    monkeypatch.setattr(selection, "LONGEST_LINK", 5)
    area, rows = mixed()
    app = draw(opened(), area)
    for _ in range(2):
        assert not app.exception
        (line,) = said(app)
        assert "too scattered for the address" in line
        assert heading(app) == f"{len(rows)} selected"
        assert "latent_selected" not in app.query_params
        app.run()


def test_each_start_does_what_it_says(tsne: LatentMap) -> None:
    missed = np.flatnonzero(tsne.strange & ~tsne.flagged)
    trust = np.argsort(tsne.local, kind="stable")[:500]
    starts = {
        "Digits among garments": ("set", [], f"all {(tsne.which < 2).sum():,} that are shown"),
        "What it misses": ("verdict", missed, "0% of the selection are flagged"),
        "Where the map lies": ("trust", trust, "of the selection are flagged"),
    }
    app = opened(latent_sets=["flat"], latent_layout="pca", latent_model="glow.dense")
    assert {b.label for b in app.button if "latent_try_" in str(b.key)} == set(starts)
    for label, (colour, rows, words) in starts.items():
        app.button(f"latent_try_{label}").click().run()
        fine(app)
        assert app.session_state["latent_colour"] == colour
        assert charts(app)[0].startswith("latent_map_left_fashion/glow_tsne_")
        assert heading(app) == (f"{len(rows):,} selected" if len(rows) else "All images"), label
        assert words in captions(app)
        of = rows if len(rows) else np.flatnonzero(tsne.which == 1)
        worst = of[tsne.parts[tsne.score][of].argmin()]
        assert app.text_input("latent_image").value == tsne.id(worst), label
        if len(rows):
            assert set(pictures(app)) <= set(strangest(tsne, rows.tolist()))


def test_show_on_map_leads_to_the_page_with_the_model_and_the_image() -> None:
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60).run()
    app.session_state["likelihoods_model"] = "glow.dense"
    app.session_state["likelihoods_set"] = "turned"
    app.session_state["likelihoods_index"] = 12
    app.switch_page("likelihoods.py").run()
    link = next(e.proto for e in app.get("page_link") if e.proto.label == "Show on map")
    asked = dict(parse_qsl(link.query_string))
    assert asked == {"latent_model": "glow.dense", "latent_image": "turned#12"}
    app = followed(**asked)
    fine(app)
    assert app.title[0].value == "Latent space"
    assert app.text_input("latent_image").value == "turned#12"
    assert app.selectbox("latent_model").value == "glow.dense"
    assert "**turned#12**" in written(app)


# Images that the map never saw ------------------------------------------------------------------


def how_well(view: LatentMap) -> list[str]:
    """What the caption of an image off the map has to say, digit by digit."""
    landing = view.landing
    return [
        f"at most {landing.normal:.1%} of the map lies nearer than their own place",
        f"(strange ones: {landing.strange:.1%})",
        f"land with a trustworthiness of {landing.normal_trust:.2f}",
        f"strange ones with {landing.strange_trust:.2f}",
        f"a shortlist that holds {view.recall:.0%} of the true ones",
    ]


@pytest.mark.parametrize("layout", ["tsne", "pca"])
def test_an_image_off_the_map_says_how_well_such_images_land_on_it(layout: str) -> None:
    view = service.ask(LatentQuery(GLOW, layout))
    index = min(set(range(10_000)) - set(view.indices[view.which == 0].tolist()))
    app = opened(latent_image=f"garments#{index}", latent_layout=layout)
    fine(app)
    for words in how_well(view):
        assert words in captions(app)
    on_it = opened(latent_image=view.id(0), latent_layout=layout)
    assert "without a new layout" not in captions(on_it)


def test_ones_own_image_is_placed_scored_and_dropped_for_another(tsne: LatentMap) -> None:
    stream = io.BytesIO()
    index = int(tsne.indices[tsne.which == 1][3])
    image = service.pictures_of("fashion", [("mnist", index)])[0]
    as_pil(image).save(stream, "PNG")
    app = opened()
    app.file_uploader[0].upload("digit.png", stream.getvalue(), "image/png").run()
    fine(app)
    assert "**digit.png**" in written(app)
    for words in how_well(tsne):
        assert words in captions(app)
    # The digit is on the map: it is its own picture's nearest neighbour.
    assert read(app.button("latent_near_0").help).startswith(f"mnist#{index} ")
    kept = service.ask(AcrossQuery("fashion", ("glow",), (10_000_000 + index,)))
    percentile = float(verdicts(app, "digit.png")["percentile"].iloc[0])
    # To one decimal; scored alone here, in a batch there.
    assert percentile == pytest.approx(kept.percentiles["glow"][0], abs=0.2)
    app.button("latent_pick_0").click().run()
    fine(app)
    assert "**digit.png**" not in written(app)


def test_a_file_that_is_no_image_is_a_line_and_the_page_goes_on() -> None:
    app = opened()
    app.file_uploader[0].upload("broken.png", b"no picture", "image/png").run()
    assert not app.exception
    (line,) = said(app)
    assert "not an image file that can be read" in line
    assert len(pictures(app)) == 24


# Another installation ---------------------------------------------------------------------------


def strip_map(folder, stem: str) -> None:
    path = folder / f"{stem}.atlas.npz"
    with np.load(path) as stored:
        kept = {k: stored[k] for k in stored.files if "/" in k or k == "weights"}
    np.savez(path, **kept)


def test_a_model_without_a_map_says_which_command_makes_one(models: Tiny) -> None:
    strip_map(models.folder, "glow.general")
    app = opened(latent_model="glow.general")
    assert not app.exception
    assert said(app) == [
        "tiny/glow.general has no map of its codes: make it with "
        "`python -m core train tiny/glow.general --atlas-only`"
    ]
    assert app.title[0].value == "Latent space"
    app.session_state["latent_model"] = "glow"
    app.session_state["latent_view"] = "Two maps"
    app.session_state["latent_model2"] = "glow.general"
    app.run()
    assert not app.exception
    assert "--atlas-only" in said(app)[0]
    assert len(charts(app)) == 1
    assert heading(app) == "All images"


def test_weights_of_another_model_that_are_gone_are_words(models: Tiny) -> None:
    (models.folder / "glow.outliers.safetensors").unlink()
    app = opened()
    assert not app.exception
    assert any("glow.outliers" in line for line in said(app))


RENAMED = {"boxes": "crates", "strokes": "dashes"}


def renamed(name: str) -> str:
    return RENAMED.get(name, name)


@pytest.fixture
def two_scenarios(tiny_scenario: Tiny) -> Tiny:
    """Beside the tiny scenario a second, with other sets, other classes and fewer points."""
    folder = tiny_scenario.checkpoints / "twin"
    shutil.copytree(tiny_scenario.folder, folder)
    values = json.loads((folder / "scenario.json").read_text())
    for image_set in (values["normal"], *values["strange"]):
        image_set["name"] = renamed(image_set["name"])
    values["normal"]["classes"] = ["x", "y", "z"]
    values["name"] = "twin"
    values["training"]["glow"]["points"] = 38
    (folder / "scenario.json").write_text(json.dumps(values))
    with np.load(folder / "reference.npz") as stored:
        kept = {f"{renamed(k.split('/')[0])}/{k.split('/')[1]}": stored[k] for k in stored.files}
    np.savez(folder / "reference.npz", **kept)
    card = checkpoint.read_card(tiny_scenario.folder, "glow")
    scores = checkpoint.read_scores(tiny_scenario.folder, card).sets
    metrics = {renamed(name): found for name, found in card.metrics.items()}
    checkpoint.save(
        card.model_copy(update={"scenario": "twin", "metrics": metrics}),
        folder,
        weights=(folder / "glow.safetensors").read_bytes(),
        scores=checkpoint.ReferenceScores({renamed(s): p for s, p in scores.items()}),
    )
    scenario = load_scenario("twin")
    renew(scenario, "glow", scenario.training_of("glow"), stage=lambda text: None)
    forget_everything()
    return tiny_scenario


def test_a_selection_of_one_scenario_is_none_of_another_and_is_there_on_return(
    two_scenarios: Tiny,
) -> None:
    whole = ("rect", [[-1e6, 1e6], [-1e6, 1e6]])
    app = draw(opened(), whole)
    assert heading(app) == "64 selected"
    app.sidebar.selectbox("scenario").set_value("twin").run()
    assert not app.exception
    assert heading(app) == "All images"
    assert "Nothing is selected" in captions(app)
    assert charts(app)[0].startswith("latent_map_left_twin/glow_pca_38_")
    app.session_state["latent_sets"] = ["crates", "dashes", *tiny.CHANGES]
    app.run()
    click(app, 0, 33)  # what the browser may still send of the other scenario's map
    assert not app.exception
    draw(app, whole)
    assert heading(app) == "38 selected"
    app.sidebar.selectbox("scenario").set_value("tiny").run()
    assert not app.exception
    app.session_state["latent_sets"] = ["boxes", "strokes", *tiny.CHANGES]
    assert heading(app.run()) == "64 selected"


def test_another_scenario_is_shown_with_all_of_its_sets(two_scenarios: Tiny) -> None:
    app = opened()
    app.sidebar.selectbox("scenario").set_value("twin").run()
    assert not app.exception
    assert "these are all 38 that are shown" in captions(app)


def test_another_scenario_is_opened_without_a_complaint(two_scenarios: Tiny) -> None:
    app = opened()
    app.sidebar.selectbox("scenario").set_value("twin").run()
    assert said(app) == []
