"""The page Latent space without a browser: links, what the browser is given, and AppTest."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import shutil
import tracemalloc
import zlib
from base64 import b64decode, b64encode, urlsafe_b64encode
from dataclasses import replace
from urllib.parse import parse_qsl

import numpy as np
import pytest
from conftest import Tiny, forget_everything
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from core import checkpoint, service
from core.data.picture import as_pil
from core.notebook import Contents
from core.numerals import numeral
from core.scenario import load_scenario
from core.service import (
    AcrossQuery,
    ColumnQuery,
    ImageQuery,
    LatentMap,
    LatentQuery,
    Near,
    NearQuery,
    Target,
)
from core.train.maps import renew
from pages._latent import chosen, colours, looked, selection, tags, turning
from pages._latent import opened as opening
from pages._shared.text import hundredths
from pages._shared.theme import DARK, LIGHT, contrast

pytestmark = pytest.mark.usefixtures("quick_apps")

GLOW = Target("fashion", "glow")
SCENARIO = load_scenario("fashion")
TITLES = {s.name: s.title for s in SCENARIO.own_sets}


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


@pytest.mark.slow
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


@pytest.mark.slow
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


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), max_size=200))
def test_the_bits_that_the_browser_tells_are_the_rows_that_it_selected(mask: list[bool]) -> None:
    found = selection.bits(bits_of(np.array(mask, bool)), len(mask))
    assert found is not None
    assert found.tolist() == mask


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40), st.integers(1, 100))
def test_any_text_is_bits_or_none(text: str, rows: int) -> None:
    found = selection.bits(text, rows)
    assert found is None or found.shape == (rows,)
    if text == "":
        assert found is not None
        assert not found.any()


def bits_of(mask: np.ndarray) -> str:
    """As points.js packs them."""
    return b64encode(np.packbits(mask).tobytes()).decode() if mask.any() else ""


# Colours ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def view() -> LatentMap:
    return service.ask(LatentQuery(GLOW, "pca"))


def near_to(set_name: str, index: int, layout: str = "pca") -> Near:
    return service.ask(NearQuery(ImageQuery(GLOW, set_name, index), layout))


def coloured(what: str, view: LatentMap, tagged: dict | None = None) -> colours.Colouring:
    return colours.colour_by(what, view, GLOW, titles=TITLES, tags=tagged or {})


def named(found: colours.Colouring) -> list[str]:
    return np.array(found.names)[found.code].tolist()


def test_colours_name_the_kind_of_every_image(view: LatentMap) -> None:
    flagged = view.percentiles[view.score] > 95  # the rule of every threshold
    by_kind = {
        "normal, let pass": ~view.strange & ~flagged,
        "false alarm": ~view.strange & flagged,
        "found": view.strange & flagged,
        "missed": view.strange & ~flagged,
    }
    verdicts = coloured("verdict", view)
    for name, rows in by_kind.items():
        assert rows.any()
        assert (np.array(named(verdicts)) == name).tolist() == rows.tolist()
    assert named(coloured("set", view)) == [TITLES[view.sets[i]] for i in view.which]
    assert named(coloured("class", view)) == [name or "no class" for name in view.labels.tolist()]
    tagged = {"old": view.keys[[1, 2]], "new": view.keys[[2, 3]]}
    found = coloured("tag", view, tagged)
    assert named(found)[:5] == ["no tag", "old", "new", "new", "no tag"]
    assert len(set(found.light)) == len(set(found.dark)) == 3


def test_a_column_of_the_points_leads_to_the_same_colours_as_python_gives(view: LatentMap) -> None:
    from core.answers import points

    about, stored = points.unpack(service.ask(service.PointsQuery(GLOW, "pca")).data)
    for what in ("set", "class", "verdict"):
        found = coloured(what, view)
        values = stored[found.by]
        there = np.array(found.lead)[values] if found.lead else values
        assert there.tolist() == found.code.tolist(), what
    assert about["sets"] == list(view.sets)


@pytest.mark.parametrize("what", ["total", "percentile", "trust"])
def test_a_number_has_one_of_eleven_shades_and_a_few_far_away_do_not_take_them_all(
    view: LatentMap, what: str
) -> None:
    values = {
        "total": view.parts["total"],
        "percentile": view.percentiles[view.score],
        "trust": view.local,
    }[what]
    found = coloured(what, view)
    assert (found.low, found.high) == pytest.approx(np.quantile(values, (0.01, 0.99)))
    share = ((values - found.low) / (found.high - found.low)).clip(0, 1)
    assert np.abs(share - found.code / 10).max() <= 0.05001
    assert found.names == ()
    assert len(found.light) == len(found.dark) == 11
    assert found.column[1] == service.ask(ColumnQuery(GLOW, "pca", what)).version


def test_every_colour_stands_out_from_its_ground_even_where_it_is_translucent() -> None:
    for theme, ground in (("light", LIGHT.background), ("dark", DARK.background)):
        for colour in (*colours.COLOURS[theme], *colours.SHADES[theme], colours.NOTHING[theme]):
            mixed = [
                round(0.85 * a + 0.15 * b)
                for a, b in zip(bytes.fromhex(colour[1:]), bytes.fromhex(ground[1:]), strict=True)
            ]
            assert contrast("#" + bytes(mixed).hex(), ground) >= 3, (theme, colour)


def seen_without_green(colour: str) -> np.ndarray:
    """CIELAB (3,) of a colour as a deuteranope sees it.

    Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of colour vision
    deficiency", 2009: their matrix of full severity, on linear light.
    """
    rgb = np.array(list(bytes.fromhex(colour[1:]))) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    lost = [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
    to_xyz = [
        [0.4124, 0.3576, 0.1805],
        [0.2126, 0.7152, 0.0722],
        [0.0193, 0.1192, 0.9505],
    ]
    xyz = np.array(to_xyz) @ (np.array(lost) @ linear).clip(0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_no_two_colours_are_one_to_those_who_see_no_green() -> None:
    for theme in ("light", "dark"):
        for one, other in itertools.combinations(colours.COLOURS[theme], 2):
            apart = np.linalg.norm(seen_without_green(one) - seen_without_green(other))
            assert apart > 20, (theme, one, other)


def test_a_scenario_of_more_sets_than_colours_shows_them_all(view: LatentMap) -> None:
    many = replace(view, sets=tuple(f"set-{i}" for i in range(12)), which=np.arange(10_000) % 12)
    found = coloured("set", many)
    assert len(found.names) == len(found.light) == 12
    assert np.bincount(found.code).tolist() == np.bincount(many.which).tolist()


def test_the_turning_picture_holds_every_shown_image_once(view: LatentMap) -> None:
    shown, picked = view.which == 1, np.flatnonzero(view.which == 1)[:7]
    for what in ("set", "total"):
        found = turning.three_d(view, coloured(what, view), visible=shown, picked=picked)
        rest, marked = found.data
        assert len(marked.x) == 7
        assert len(rest.x) == shown.sum() - 7
        places = np.stack([marked.x, marked.y, marked.z], 1)
        np.testing.assert_array_equal(places, view.axes[picked])
        assert list(marked.text) == [f"{view.id(row)} {view.labels[row]}" for row in picked]


@pytest.mark.parametrize("order", chosen.ORDERS)
def test_rows_come_in_the_order_of_the_pictures(view: LatentMap, order: str) -> None:
    rows = np.flatnonzero(view.which == 2)[5:50]
    found = chosen.ordered(view, rows, order, 3)
    assert sorted(found.tolist()) == rows.tolist()
    values = view.parts[view.score][found]
    if order == "strangest":
        assert (np.diff(values) <= 0).all()
    elif order == "most normal":
        assert (np.diff(values) >= 0).all()
    else:
        assert found.tolist() != chosen.ordered(view, rows, order, 4).tolist()
        assert found.tolist() == chosen.ordered(view, rows, order, 3).tolist()


# The page ---------------------------------------------------------------------------------------


def opened(**state: object) -> AppTest:
    """The page with controls set beforehand."""
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    for key, value in state.items():
        app.session_state[key] = value
    return app.switch_page("latent.py").run()


def followed(**parameters: str) -> AppTest:
    """The page as a link opens it."""
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    app.query_params.update(parameters)
    return app.switch_page("latent.py").run()


def given_to_browser(app: AppTest) -> dict:
    """What the browser is given to draw."""
    protos = (e.proto for e in app.get("bidi_component"))
    return next(json.loads(p.json) for p in protos if p.component_name == "outskirts.explorer")


SERIAL = itertools.count(1)


def tell(app: AppTest, rows: list[int] | None = None, **more: object) -> AppTest:
    """What the browser tells after something was done there; `rows` are selected of its map."""
    data = given_to_browser(app)
    if rows is None:
        selected = data["selected"]
    else:
        mask = np.zeros(size_of(data), bool)
        mask[rows] = True
        selected = bits_of(mask)
    told = {"n": next(SERIAL), "map": data["maps"][0]["name"], "selected": selected, "keeps": False}
    told |= {"order": data["order"], "page": data["page"], "look": None} | more
    app.session_state["latent_explorer"] = {"said": told}
    return app.run()


def size_of(data: dict) -> int:
    target, _, layout = data["maps"][0]["name"].rpartition(" ")
    scenario, _, stem = target.partition("/")
    return len(service.ask(LatentQuery(Target.of(scenario, stem), layout)).keys)


def press(app: AppTest, set_name: str, index: int) -> AppTest:
    """A click on a point, or on a picture."""
    return tell(app, look={"n": next(SERIAL), "set": set_name, "index": index})


def picked(app: AppTest) -> list[int]:
    """Rows of the map that the browser is told are selected."""
    data = given_to_browser(app)
    found = selection.bits(data["selected"], size_of(data))
    assert found is not None
    return np.flatnonzero(found).tolist()


def shown(app: AppTest) -> np.ndarray:
    """Rows that the filter shows."""
    data = given_to_browser(app)
    size = size_of(data)
    if not data["visible"]:
        return np.ones(size, bool)
    return np.unpackbits(np.frombuffer(b64decode(data["visible"]), np.uint8))[:size].astype(bool)


def heading(app: AppTest) -> str:
    return app.subheader[1].value


def image(app: AppTest) -> str:
    """The image that is looked at, by its id: as the controls have it."""
    return f"{app.selectbox('latent_set').value}#{app.number_input('latent_index').value}"


def read(text: str) -> str:
    """Markdown as a reader sees it, where text of others is escaped in it."""
    return re.sub(r"\\([^\w\s])", r"\1", text)


def captions(app: AppTest) -> str:
    return read("\n".join(c.value for c in app.caption))


def written(app: AppTest) -> str:
    return read("\n".join(m.value for m in app.markdown))


def said(app: AppTest) -> list[str]:
    return [read(box.value) for box in (*app.warning, *app.info, *app.error)]


def fine(app: AppTest) -> None:
    assert [e.value for e in app.exception] == []
    assert said(app) == []


def strangest(view: LatentMap, rows: list[int]) -> list[str]:
    ordered = sorted(rows, key=lambda row: (-view.parts[view.score][row], row))
    return [view.id(row) for row in ordered]


def taken_away(app: AppTest, view: LatentMap, rows: list[int], order: str = "strangest") -> None:
    """The table that is offered names these rows, in this order."""
    (button,) = [b for b in app.get("download_button") if "detector's score" in b.proto.label]
    assert button.proto.label.startswith(f"All {len(rows):,} ")
    data = chosen.table_csv(view, chosen.ordered(view, np.array(rows), order, 0), {}, "fashion", {})
    assert [line.split(",")[0] for line in data.decode().splitlines()[1:]] == strangest(view, rows)


@pytest.fixture(scope="module")
def tsne() -> LatentMap:
    """What the page opens on."""
    return service.ask(LatentQuery(GLOW, "tsne"))


MIXED = [5, 17, 300, 5001, 5002, 6000, 9000, 9001, 9999]  # normal and strange rows


@pytest.mark.slow
def test_the_page_opens_on_all_images_and_looks_at_the_worst_miss(tsne: LatentMap) -> None:
    app = opened()
    fine(app)
    assert app.title[0].value == "Latent space"
    apart = [float(tsne.local[rows].mean()) for rows in (~tsne.strange, tsne.strange)]
    words = "**Trustworthiness {:.2f} for normal, {:.2f} for strange images**".format(*apart)
    assert words in captions(app)
    assert heading(app) == "All 10,000 images that are shown"
    data = given_to_browser(app)
    assert (data["selected"], data["visible"], data["page"]) == ("", "", 1)
    assert [s["title"] for s in data["sets"]] == list(TITLES.values())
    assert data["maps"][0]["points"].startswith("points/fashion/glow/tsne.bin?v=")
    assert data["maps"][0]["file"] == "fashion-glow-tsne-map.png"
    digits = np.flatnonzero(tsne.which == 1)
    worst = int(digits[tsne.parts[tsne.score][digits].argmin()])
    assert image(app) == tsne.id(worst)
    near = near_to("mnist", int(tsne.indices[worst]), "tsne")
    look = data["maps"][0]["look"]
    assert look["row"] == worst
    assert look["rows"] == near.rows.tolist()
    assert look["misplaced"] == near.misplaced.tolist()
    np.testing.assert_allclose(look["xy"], tsne.xy[worst])
    far = int(near.misplaced.sum())
    words = f"puts {far} of its 10 true neighbours elsewhere" if far else "All its true neighbours"
    assert words in written(app)
    app.session_state["latent_layout"] = "pca"
    app.run()
    shadow = near_to("mnist", int(tsne.indices[worst]), "pca")
    assert shadow.misplaced.tolist() != near.misplaced.tolist()
    assert given_to_browser(app)["maps"][0]["look"]["misplaced"] == shadow.misplaced.tolist()


@pytest.mark.slow
def test_no_change_of_the_picture_empties_a_selection(tsne: LatentMap) -> None:
    app = tell(opened(), MIXED)
    fine(app)
    assert heading(app) == "The 9 selected images"
    taken_away(app, tsne, MIXED)
    for key, value in (
        ("latent_colour", "class"),
        ("latent_colour", "total"),
        ("latent_layout", "pca"),
        ("latent_layout", "umap"),
        ("latent_layout", "tsne"),
        ("latent_view", "3d"),
        ("latent_view", "two"),
        ("latent_view", "one"),
    ):
        app.session_state[key] = value
        app.run()
        fine(app)
        assert heading(app) == "The 9 selected images", (key, value)
        if value != "3d":
            assert picked(app) == MIXED, (key, value)
    app.session_state["latent_model"] = "glow.dense"
    app.run()
    other = service.ask(LatentQuery(Target.of("fashion", "glow.dense"), "tsne"))
    assert picked(app) == other.rows(tsne.keys[MIXED]).tolist()


@pytest.mark.slow
def test_a_selection_is_taken_once_and_only_of_the_map_that_is_shown(tsne: LatentMap) -> None:
    app = tell(opened(), MIXED)
    known = given_to_browser(app)["given"]
    app.session_state["latent_colour"] = "class"
    assert picked(app.run()) == MIXED
    tell(app, [1, 2], map="fashion/glow pca")  # what the browser may still send of another map
    fine(app)
    assert picked(app) == MIXED
    for broken in ("AAAA", "%%", "é", bits_of(np.ones(9999, bool))):
        tell(app, selected=broken)
        assert not app.exception, broken
        if broken != bits_of(np.ones(9999, bool)):
            assert picked(app) == MIXED, broken
    assert given_to_browser(app)["given"] == known  # the browser knows what it selected itself
    tell(app, [])
    assert heading(app) == "All 10,000 images that are shown"


def test_a_selection_is_kept_while_another_page_is_looked_at(tsne: LatentMap) -> None:
    app = tell(opened(), MIXED)
    app.switch_page("cards.py").run()
    app.switch_page("latent.py").run()
    fine(app)
    assert picked(app) == MIXED
    assert picked(app.run()) == MIXED


def small_map() -> LatentMap:
    """Of a model that shows fewer images."""
    return service.ask(LatentQuery(Target.of("fashion", "glow.seed-1"), "umap"))


def on_both(tsne: LatentMap) -> tuple[list[int], list[int]]:
    """Rows of the large map that the small one has, and that it lacks."""
    known = np.isin(tsne.keys, small_map().keys)
    return np.flatnonzero(known)[:5].tolist(), np.flatnonzero(~known)[:3].tolist()


@pytest.mark.slow
def test_a_model_with_a_smaller_map_says_how_many_of_the_selection_it_lacks(
    tsne: LatentMap,
) -> None:
    known, gone = on_both(tsne)
    app = tell(opened(), known + gone)
    app.session_state["latent_model"] = "glow.seed-1"
    app.run()
    fine(app)
    assert app.get("button_group")[0].value == "umap"  # t-SNE was chosen, and there is none
    assert heading(app) == "The 5 selected images"
    assert "3 more are not on this map." in captions(app)
    app.session_state["latent_model"] = "glow"
    assert heading(app.run()) == "The 8 selected images"


def test_what_is_added_leaves_what_is_not_on_the_map_selected_and_a_new_line_does_not(
    tsne: LatentMap,
) -> None:
    known, gone = on_both(tsne)
    app = tell(opened(), known + gone)
    app.session_state["latent_model"] = "glow.seed-1"
    app.run()
    there = small_map().rows(tsne.keys[known]).tolist()
    more = [r for r in range(20) if r not in there][:2]
    tell(app, sorted(there + more), keeps=True)
    assert "3 more are not on this map." in captions(app)
    assert heading(app) == "The 7 selected images"
    tell(app, more)
    assert "not on this map" not in captions(app)
    assert heading(app) == "The 2 selected images"


@pytest.mark.slow
def test_only_layouts_that_a_model_has_are_offered_and_one_of_them_is_chosen() -> None:
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    app.session_state["scenario"] = "fashion-one"
    app.switch_page("latent.py").run()
    fine(app)
    layout = app.get("button_group")[0]
    assert "t-SNE" not in layout.options
    assert given_to_browser(app)["maps"][0]["name"].endswith(f" {layout.value}")
    app = opened(latent_layout="tsne", latent_model="glow.seed-1")
    assert app.get("button_group")[0].value == "umap"
    app.session_state["latent_view"] = "two"
    app.session_state["latent_layout2"] = "tsne"
    app.session_state["latent_model2"] = "glow.seed-1"
    app.session_state["latent_model"] = "glow"
    app.run()
    fine(app)
    one, two = (g for g in app.get("button_group") if g.label == "Layout")
    assert (len(one.options), len(two.options), two.value) == (3, 2, "umap")


def test_a_selection_that_is_not_on_the_map_can_be_cleared(tsne: LatentMap) -> None:
    app = tell(opened(), on_both(tsne)[1])
    app.session_state["latent_model"] = "glow.seed-1"
    app.run()
    assert heading(app).startswith("All ")
    assert "All that you selected is hidden, or not on this map." in captions(app)
    app.button("latent_clear").click().run()
    fine(app)
    assert "All that you selected" not in captions(app)
    app.session_state["latent_model"] = "glow"
    assert heading(app.run()) == "All 10,000 images that are shown"


@pytest.mark.slow
def test_a_click_looks_at_an_image_and_leaves_the_selection_alone(tsne: LatentMap) -> None:
    app = tell(opened(), MIXED)
    for set_name, index in (("turned", 7), ("garments", 100)):
        press(app, set_name, index)
        fine(app)
        assert image(app) == f"{set_name}#{index}"
        assert f"{TITLES[set_name]} {index} under" in written(app)
        assert picked(app) == MIXED


@pytest.mark.slow
def test_a_click_is_taken_once(tsne: LatentMap) -> None:
    app = press(opened(), "turned", 7)
    app.session_state["latent_colour"] = "class"
    app.run()
    assert image(app) == "turned#7"
    app.text_input("latent_find").set_value("Digits#3").run()
    assert image(app) == "mnist#3"  # and what was clicked before is not looked at again
    assert image(app.run()) == "mnist#3"


def test_a_lasso_does_not_take_the_image_away_that_is_looked_at(tsne: LatentMap) -> None:
    app = opened()
    before = image(app)
    assert image(tell(app, MIXED)) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "broken", [("nope", 3), ("mnist", 10_000), ("mnist", -1), ("mnist", "x"), (None, None)]
)
def test_an_image_that_is_not_there_is_not_looked_at(broken: tuple) -> None:
    app = opened()
    before = image(app)
    press(app, *broken)
    fine(app)
    assert image(app) == before


def test_two_maps_show_one_selection_each_with_its_own_neighbours(tsne: LatentMap) -> None:
    app = opened(latent_view="two", latent_model2="glow.dense")
    fine(app)
    left, right = given_to_browser(app)["maps"]
    assert left["name"].startswith("fashion/glow ")
    assert right["name"].startswith("fashion/glow.dense ")
    assert left["look"]["rows"] != right["look"]["rows"]
    tell(app, MIXED)
    assert picked(app) == MIXED


def test_two_maps_are_drawn_where_only_one_model_has_the_part_that_colours() -> None:
    app = opened(latent_view="two", latent_model2="glow.dense", latent_colour="scale_16")
    assert not app.exception
    left, right = given_to_browser(app)["maps"]
    assert (left["colouring"]["what"], right["colouring"]["what"]) == ("scale_16", "set")


def test_a_filter_that_hides_everything_leaves_the_selection_to_come_back() -> None:
    app = tell(opened(), MIXED)
    app.session_state["latent_sets"] = []
    app.run()
    assert not app.exception
    assert heading(app) == "All 0 images that are shown"
    assert not shown(app).any()
    app.session_state["latent_sets"] = [s.name for s in SCENARIO.sets]
    assert heading(app.run()) == "The 9 selected images"


def test_the_image_that_is_looked_at_is_one_that_the_filter_shows(tsne: LatentMap) -> None:
    first, last = 1, len(tsne.sets) - 1
    rows = np.flatnonzero(tsne.which == first)
    for mapped, expected in (((0, first), first), ((0, last), last), ((0,), 0), ((), first)):
        filtered = np.isin(tsne.which, mapped)
        among = rows if expected == first else np.flatnonzero(tsne.which == expected)
        row = opening.default_row(tsne, rows, filtered)
        if mapped:
            assert row == among[np.argmin(tsne.parts[tsne.score][among])]
        assert 0 <= row < len(tsne.keys)


def test_a_filter_hides_a_part_of_the_selection_and_says_how_many(tsne: LatentMap) -> None:
    app = tell(opened(), MIXED)
    app.session_state["latent_sets"] = ["garments"]
    app.run()
    fine(app)
    strange = int(tsne.strange[MIXED].sum())
    assert heading(app) == f"The {9 - strange} selected images"
    assert f"{strange} more are hidden by filter or legend." in captions(app)
    assert app.get("popover")[0].proto.popover.label == "Filtered"
    app.session_state["latent_sets"] = list(tsne.sets)
    assert heading(app.run()) == "The 9 selected images"


def test_filters_show_what_they_say(tsne: LatentMap) -> None:
    view = tsne
    app = opened(latent_sets=["garments", "turned"], latent_range=(20.0, 90.0))
    standing = view.percentiles[view.score]
    rows = np.isin(view.which, [0, list(view.sets).index("turned")])
    rows &= (standing >= 20) & (standing <= 90)
    assert np.array_equal(shown(app), rows)
    app.session_state["latent_without"] = [view.labels[0]]
    app.run()
    fine(app)
    rows &= view.labels != view.labels[0]
    assert np.array_equal(shown(app), rows)
    assert heading(app) == f"All {rows.sum():,} images that are shown"


def test_what_the_legend_hides_is_not_in_the_table_that_is_taken_away(tsne: LatentMap) -> None:
    app = tell(opened(), off={"by": "set", "names": ["Noise", "Digits"]})
    fine(app)
    rows = ~np.isin(np.array(tsne.sets)[tsne.which], ["noise", "mnist"])
    assert heading(app) == f"All {rows.sum():,} images that are shown"
    assert shown(app).all()  # the browser hides them itself
    assert given_to_browser(app)["off"] == ["Noise", "Digits"]
    app.session_state["latent_colour"] = "class"  # another legend
    app.run()
    assert given_to_browser(app)["off"] == []
    assert heading(app) == "All 10,000 images that are shown"


@pytest.mark.slow
def test_order_and_page_of_the_pictures_are_in_the_address_and_come_from_it(
    tsne: LatentMap,
) -> None:
    app = tell(opened(), order="most normal", page=3)
    fine(app)
    assert app.query_params["latent_order"] == "most normal"
    assert app.query_params["latent_page"] == "3"
    for link, expected in (
        ({"latent_order": "most normal", "latent_page": "3"}, ("most normal", 3)),
        ({"latent_order": "as drawn by the seed"}, ("random", 1)),
        ({"latent_order": "nope", "latent_page": "-7"}, ("strangest", 1)),
        ({"latent_page": "1" * 99}, ("strangest", 1)),
    ):
        data = given_to_browser(followed(**link))
        assert (data["order"], data["page"]) == expected


NAMES = {
    "mnist#3": ("mnist", 3),
    "Digits#3": ("mnist", 3),
    " digits # 3 ": ("mnist", 3),
    "Digits 3": ("mnist", 3),
    "Turned garments#12": ("turned", 12),
    "turned garments 12": ("turned", 12),
    "garments#9999": ("garments", 9999),
}
NO_IMAGES = [
    "nope#3",
    "mnist",
    "mnist#",
    "mnist#x",
    "mnist#-1",
    "mnist#\u0663",  # a digit, but of another alphabet
    "mnist#999999999999999999999",
    "#",
    "mnist#99999",
]


def test_an_image_is_named_by_its_sets_title_or_name() -> None:
    for text, expected in NAMES.items():
        assert looked.parse(text, SCENARIO) == expected, text
    for text in NO_IMAGES:
        assert looked.parse(text, SCENARIO) is None, text
    app = opened()
    app.text_input("latent_find").set_value("Digits#3").run()
    fine(app)
    assert image(app) == "mnist#3"
    assert app.text_input("latent_find").value == ""


@pytest.mark.slow
def test_a_name_of_no_image_is_a_line_and_the_page_goes_on() -> None:
    app = opened()
    before = image(app)
    for name in NO_IMAGES:
        app.text_input("latent_find").set_value(name).run()
        assert not app.exception, name
        (line,) = said(app)
        assert f"There is no image “{name}” here" in line
        assert image(app) == before
    app.text_input("latent_find").set_value("").run()
    fine(app)


FOREIGN = "![x](http://evil.example/a.png) [log in](http://evil.example) *a* $x$ :red[y]"


def bare(text: str) -> bool:
    """Whether Markdown would make more of this than letters."""
    marks = (r"(?<!\\)!?(?<!\\)\[[^\]]*(?<!\\)\]", r"(?<!\\)\$", r"(?<!\\)\*a", "://evil")
    return any(re.search(mark, text) for mark in marks)


@pytest.mark.slow
def test_a_name_from_a_link_or_a_file_is_shown_letter_by_letter(tsne: LatentMap) -> None:
    assert bare(FOREIGN)
    app = followed(latent_image=FOREIGN)
    assert not app.exception
    (line,) = app.info
    assert "asks for what is not here" in line.value
    assert not bare(line.value)
    app.text_input("latent_find").set_value(FOREIGN).run()
    (warning,) = app.warning
    assert not bare(warning.value)
    app = own(opened(), f"{FOREIGN}.png", ("mnist", 3))
    fine(app)
    for text in (m.value for m in app.markdown if "evil" in m.value):
        assert not bare(text.replace(":orange[flagged]", "").replace("**", ""))


@pytest.mark.slow
def test_a_tag_is_shown_letter_by_letter(tsne: LatentMap) -> None:
    app = opened(_notebook=tagged_as(tsne, {FOREIGN: [0, 1, 2]}))
    fine(app)
    assert not bare(app.button("latent_tag_0").label)
    assert not bare(app.button("latent_untag_0").help)
    load_tags(app, table_of((FOREIGN[:40], "a")))
    (warning,) = app.warning
    assert not bare(warning.value)


def test_every_detectors_word_on_the_image_is_in_its_table() -> None:
    app = opened(latent_image="garments#17")
    rows = [
        r for r in service.ask(service.OverviewQuery("fashion")).detectors if r.card is not None
    ]
    found = service.ask(AcrossQuery("fashion", tuple(r.name for r in rows), (17,)))
    lines = next(m.value for m in app.markdown if "Garments 17 under" in m.value).splitlines()[2:]
    for line, row in zip(lines, rows, strict=True):
        title, said, score = (read(c.strip()) for c in line.strip("|").split("|"))
        percentile, verdict = said.split(", ", 1)
        assert title == row.title
        assert percentile == f"{found.percentiles[row.name][0]:.1f}"
        assert verdict.endswith("flagged]") == found.flagged[row.name][0]
        assert score == f"{numeral(found.scores[row.name][0], '.3f')} {found.units[row.name]}"


def test_every_selected_image_carries_every_detectors_percentile(tsne: LatentMap) -> None:
    app = tell(opened(latent_table=True), MIXED)
    fine(app)
    rows = [
        r for r in service.ask(service.OverviewQuery("fashion")).detectors if r.card is not None
    ]
    order = sorted(MIXED, key=lambda row: -tsne.parts[tsne.score][row])
    keys = tuple(tsne.keys[order].tolist())
    found = service.ask(AcrossQuery("fashion", tuple(r.name for r in rows), keys))
    table = next(d.value for d in app.dataframe if "tags" in d.value)
    assert table["image"].tolist() == [
        f"{TITLES[tsne.sets[tsne.which[row]]]} {tsne.indices[row]}" for row in order
    ]
    for row in rows:
        assert table[row.title].tolist() == found.percentiles[row.name].tolist()


# Tags, links, starts ----------------------------------------------------------------------------


def tagged_as(view: LatentMap, rows: dict[str, list[int]]) -> Contents:
    """A notebook with tags on these rows of a map of fashion."""
    ids = {name: tuple(view.id(row) for row in which) for name, which in rows.items()}
    return Contents(tags={"fashion": ids})


def legend(app: AppTest) -> dict[str, int]:
    """Names of the colours with the number of images of each, as the browser counts them."""
    given = given_to_browser(app)["maps"][0]["colouring"]
    code = np.frombuffer(b64decode(given["codes"]), np.uint8)
    return dict(zip(given["names"], np.bincount(code, minlength=len(given["names"])), strict=True))


@pytest.mark.slow
def test_a_tag_is_given_coloured_found_again_and_taken_away(tsne: LatentMap) -> None:
    app = tell(opened(latent_colour="tag"), MIXED)
    app.text_input("latent_new_tag").set_value("  odd ").run()
    fine(app)
    assert app.text_input("latent_new_tag").value == ""
    assert legend(app) == {"no tag": 9991, "odd": 9}
    tell(app, [5, 6])  # one that has the tag: another tag for it
    app.text_input("latent_new_tag").set_value("even").run()
    labels = [app.button(f"latent_tag_{i}").label for i in (0, 1)]
    assert labels == ["odd (9)", "even (2)"]
    app.session_state["latent_table"] = True
    app.run()
    table = next(d.value for d in app.dataframe if "tags" in d.value)
    assert sorted(table["tags"]) == ["even", "odd, even"]
    app.button("latent_tag_0").click().run()
    fine(app)
    assert picked(app) == MIXED
    known = given_to_browser(app)["given"]
    app.text_input("latent_new_tag").set_value("   ").run()  # no name, no tag
    app.button("latent_untag_0").click().run()
    fine(app)
    assert [b.label for b in app.button if "latent_tag_" in str(b.key)] == ["even (2)"]
    assert legend(app) == {"no tag": 9998, "even": 2}
    assert picked(app) == MIXED
    assert given_to_browser(app)["given"] == known


def test_the_browser_is_told_when_python_selects(tsne: LatentMap) -> None:
    app = tell(opened(_notebook=tagged_as(tsne, {"odd": [9000]})), MIXED)
    known = given_to_browser(app)["given"]
    app.button("latent_tag_0").click().run()
    assert given_to_browser(app)["given"] > known
    assert picked(app) == [9000]


def table_of(*rows: tuple[str, str], columns: str = "image,tags") -> bytes:
    return "\n".join([columns, *(f'{image},"{tags}"' for image, tags in rows)]).encode()


def load_tags(app: AppTest, data: bytes) -> AppTest:
    uploader = next(u for u in app.file_uploader if u.allowed_type == [".csv"])
    return uploader.upload("tags.csv", data, "text/csv").run()


def test_tags_of_a_table_are_added_to_those_there_are(tsne: LatentMap) -> None:
    app = opened(_notebook=Contents(tags={"fashion": {"odd": ("garments#3",)}}))
    table = table_of((tsne.id(9000), "odd, even"), ("garments#3", "odd"), ("turned#0", ""))
    app = load_tags(app, table)
    fine(app)
    labels = [b.label for b in app.button if "latent_tag_" in str(b.key)]
    assert labels == ["odd (2)", "even (1)"]
    app.button("latent_tag_1").click().run()
    assert picked(app) == [9000]


def test_a_table_that_is_taken_away_brings_its_tags_back(tsne: LatentMap) -> None:
    keys = tsne.keys[[5, 9000, 9001]]
    known = {"odd": keys[:2], "even": keys[1:]}
    data = chosen.table_csv(tsne, np.array([9000, 5, 9001]), {"glow": None}, "fashion", known)
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
    data = chosen.table_csv(tsne, np.arange(len(tsne.keys))[:20], {"glow": None}, "fashion", known)
    return list(csv.DictReader(io.StringIO(data.decode())))


@pytest.mark.slow
def test_a_tag_is_the_same_when_its_table_is_loaded_again(tsne: LatentMap) -> None:
    app = opened()
    tell(app, list(range(10_000)))
    for name in TAGS:
        app.text_input("latent_new_tag").set_value(f" {name} ").run()
        fine(app)
        assert name in app.session_state["_latent_tags"]["fashion"]
    # Each begins the cells of two images, one of which has another tag besides.
    known = {name: tsne.keys[2 * i : 2 * i + 2] for i, name in enumerate(TAGS)}
    both = {**known, "even": tsne.keys[: 2 * len(TAGS) : 2]}
    for found in (tagged(tsne, known), tagged(tsne, both)):
        # A spreadsheet takes none of them for a formula.
        assert not [row for row in found if row["tags"].startswith(("=", "+", "-", "@"))]
    shown = np.arange(2 * len(TAGS))
    for data in (
        chosen.table_csv(tsne, shown, {"glow": None}, "fashion", both),
        tags._table("fashion", both),
    ):
        app = load_tags(opened(), data)
        fine(app)
        again = app.session_state["_latent_tags"]["fashion"]
        assert {name: keys.tolist() for name, keys in again.items()} == {
            name: sorted(keys.tolist()) for name, keys in both.items()
        }


@pytest.mark.slow
def test_tags_can_be_taken_away_where_they_are_given_and_the_page_says_where_they_are() -> None:
    app = opened()
    tell(app, list(range(10_000)))
    kept = "Tags are kept in this browser, through a reload too."
    assert app.text_input("latent_new_tag").help.startswith(kept)
    assert kept not in captions(app)
    assert not [b for b in app.get("download_button") if b.proto.label == "Download tags"]
    app.text_input("latent_new_tag").set_value("odd").run()
    assert kept in captions(app)
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_link_brings_its_selection_and_the_address_says_the_present_one(tsne: LatentMap) -> None:
    app = tell(opened(), MIXED)
    link = app.query_params["latent_selected"]
    mask = selection.decode(link.partition(".")[2], 10_000)
    assert mask is not None
    assert np.flatnonzero(mask).tolist() == MIXED
    other = followed(latent_selected=link, latent_image="garments#3")
    fine(other)
    assert picked(other) == MIXED
    assert image(other) == "garments#3"
    tell(other, [5])
    assert other.query_params["latent_selected"] != link
    tell(other, [])
    assert heading(other) == "All 10,000 images that are shown"
    assert "latent_selected" not in other.query_params


@pytest.mark.slow
def test_a_link_of_an_older_version_opens_what_it_showed(tsne: LatentMap) -> None:
    mask = np.zeros(10_000, bool)
    mask[[17, *range(9000, 9008)]] = True
    name = f"{zlib.crc32(tsne.keys.tobytes()):08x}"
    app = followed(
        latent_selected=f"{name}.{selection.encode(mask)}",
        latent_layout="t-SNE",
        latent_colour="found, missed, false alarm",
        latent_view="Two maps",
        latent_image="mnist#3",
        latent_order="as drawn by the seed",
        latent_sets="garments",
    )
    fine(app)
    data = given_to_browser(app)
    assert len(data["maps"]) == 2
    assert data["colouring"] == "verdict"
    assert data["order"] == "random"
    assert picked(app) == np.flatnonzero(mask).tolist()
    assert image(app) == "mnist#3"
    assert np.array_equal(shown(app), tsne.which == 0)


def test_a_link_that_was_cut_is_said_and_the_page_opens() -> None:
    for text in ("x", "eNr7", "%F0%9F", "A" * 5000):
        app = followed(latent_selected=text)
        assert not app.exception
        assert said(app) == [
            "The link's selection belongs to another map, or was cut: it is left out."
        ]
        assert heading(app) == "All 10,000 images that are shown"
        assert "latent_selected" not in app.query_params


def test_a_selection_too_long_for_an_address_is_said_and_kept(
    monkeypatch: pytest.MonkeyPatch, tsne: LatentMap
) -> None:
    monkeypatch.setattr(selection, "LONGEST_LINK", 5)
    app = tell(opened(), MIXED)
    for _ in range(2):
        assert not app.exception
        (line,) = said(app)
        assert "too scattered for the address" in line
        assert picked(app) == MIXED
        assert "latent_selected" not in app.query_params
        app.run()


@pytest.mark.slow
def test_each_start_does_what_it_says(tsne: LatentMap) -> None:
    missed = np.flatnonzero(tsne.strange & ~tsne.flagged)
    trust = np.sort(np.argsort(tsne.local, kind="stable")[:500])
    starts = {
        "Digits among garments": ("set", [], tsne.which < 2),
        "What it misses": ("verdict", missed.tolist(), tsne.which >= 0),
        "Where the map lies": ("trust", trust.tolist(), tsne.which >= 0),
    }
    app = tell(
        opened(latent_sets=["flat"], latent_layout="pca", latent_model="glow.dense"),
        order="most normal",
        page=2,
    )
    buttons = {b.label: b.key for b in app.button if "latent_try_" in str(b.key)}
    assert buttons.keys() == set(starts)
    for label, (colour, rows, visible) in starts.items():
        tell(app, [1, 2, 3])
        app.button(buttons[label]).click().run()
        fine(app)
        data = given_to_browser(app)
        assert data["colouring"] == colour
        assert data["maps"][0]["name"] == "fashion/glow tsne"
        assert (data["order"], data["page"]) == ("strangest", 1)
        assert picked(app) == rows, label
        assert np.array_equal(shown(app), visible)
        of = np.array(rows) if rows else np.flatnonzero(tsne.which == 1)
        worst = of[tsne.parts[tsne.score][of].argmin()]
        assert image(app) == tsne.id(worst), label


def test_a_start_is_a_link_too(tsne: LatentMap) -> None:
    app = followed(latent_colour="verdict", latent_select="missed")
    fine(app)
    assert picked(app) == np.flatnonzero(tsne.strange & ~tsne.flagged).tolist()
    assert "latent_select" not in app.query_params
    tell(app, [4])
    assert picked(app) == [4]  # and it is followed once


@pytest.mark.slow
def test_show_on_map_leads_to_the_page_with_the_model_and_the_image() -> None:
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    app.session_state["likelihoods_model"] = "glow.dense"
    app.session_state["likelihoods_image"] = "turned#12"
    app.switch_page("likelihoods.py").run()
    link = next(e.proto for e in app.get("page_link") if e.proto.label == "Show on map")
    asked = dict(parse_qsl(link.query_string))
    assert asked == {"latent_model": "glow.dense", "latent_image": "turned#12"}
    app = followed(**asked)
    fine(app)
    assert app.title[0].value == "Latent space"
    assert image(app) == "turned#12"
    assert app.selectbox("latent_model").value == "glow.dense"
    assert "Turned garments 12 under" in written(app)


# Images that the map never saw ------------------------------------------------------------------


def how_well(view: LatentMap) -> list[str]:
    """What the caption of an image off the map has to say, digit by digit."""
    landing = view.landing
    return [
        f"at most {hundredths(landing.normal, 1)} of the map lies nearer than their own place",
        f"(strange ones: {hundredths(landing.strange, 1)})",
        f"land with a trustworthiness of {landing.normal_trust:.2f}",
        f"strange ones with {landing.strange_trust:.2f}",
        f"a shortlist that holds {hundredths(view.recall)} of the true ones",
    ]


@pytest.mark.slow
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


def own(app: AppTest, name: str, pick: tuple[str, int]) -> AppTest:
    """Bring a picture of a set as one's own."""
    stream = io.BytesIO()
    as_pil(service.pictures_of("fashion", [pick])[0]).save(stream, "PNG")
    uploader = next(u for u in app.file_uploader if u.allowed_type != [".csv"])
    return uploader.upload(name, stream.getvalue(), "image/png").run()


@pytest.mark.slow
def test_ones_own_image_is_placed_scored_and_put_away_for_another(tsne: LatentMap) -> None:
    index = int(tsne.indices[tsne.which == 1][3])
    app = own(opened(), "digit.png", ("mnist", index))
    fine(app)
    look = given_to_browser(app)["maps"][0]["look"]
    assert (look["name"], look["row"]) == ("digit.png", None)
    assert look["image"].startswith("data:image/png;base64,")
    for words in how_well(tsne):
        assert words in captions(app)
    # The digit is on the map: it is its own picture's nearest neighbour.
    assert tsne.id(look["rows"][0]) == f"mnist#{index}"
    kept = service.ask(AcrossQuery("fashion", ("glow",), (10_000_000 + index,)))
    table = next(m.value for m in app.markdown if "under |" in m.value and "digit" in m.value)
    percentile = float(table.splitlines()[2].split("|")[2].split(",")[0])
    # To one decimal; scored alone here, in a batch there.
    assert percentile == pytest.approx(kept.percentiles["glow"][0], abs=0.2)
    press(app, "mnist", index)
    fine(app)
    assert tsne.id(given_to_browser(app)["maps"][0]["look"]["row"]) == f"mnist#{index}"


def test_a_file_that_is_no_image_is_a_line_and_the_page_goes_on() -> None:
    app = opened()
    uploader = next(u for u in app.file_uploader if u.allowed_type != [".csv"])
    uploader.upload("broken.png", b"no picture", "image/png").run()
    assert not app.exception
    assert all("not an image file that can be read" in line for line in said(app))
    assert given_to_browser(app)["maps"][0]["look"] is None


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
    app.session_state["latent_view"] = "two"
    app.session_state["latent_model2"] = "glow.general"
    app.run()
    assert not app.exception
    assert "--atlas-only" in said(app)[0]
    assert len(given_to_browser(app)["maps"]) == 1


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
    values["name"], values["title"] = "twin", "Twin"
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


@pytest.mark.slow
def test_a_selection_of_one_scenario_is_none_of_another(two_scenarios: Tiny) -> None:
    app = tell(opened(), list(range(64)))
    assert heading(app) == "The 64 selected images"
    stale = given_to_browser(app)["maps"][0]["name"]
    app.sidebar.selectbox("scenario").set_value("twin").run()
    assert not app.exception
    assert said(app) == []
    assert heading(app) == "All 38 images that are shown"
    assert picked(app) == []
    assert given_to_browser(app)["maps"][0]["name"].startswith("twin/glow ")
    tell(app, list(range(33)), map=stale)  # what the browser may still send of the other map
    assert not app.exception
    assert picked(app) == []
    tell(app, list(range(38)))
    assert heading(app) == "The 38 selected images"
    app.sidebar.selectbox("scenario").set_value("tiny").run()
    assert not app.exception
    assert heading(app) == "The 64 selected images"
