"""The page Explain without a browser: what it gives, what it says, and what it takes back."""

from __future__ import annotations

import io
import json
import shlex
from base64 import b64decode, b64encode
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import Call
from explain_page import opened
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import service
from core.explain import costs
from core.numerals import numeral
from core.service import (
    CurvesQuery,
    ImageQuery,
    MapCurves,
    MapQuery,
    MethodsQuery,
    Randomised,
    RandomisedQuery,
    Strokes,
    Target,
)
from pages._explain import checks, overlay, pixel
from pages._explain.believed import Checked, said_of
from pages._shared.theme import palette

pytestmark = pytest.mark.usefixtures("quick_apps")

GLOW, OUTER = Target("fashion", "glow"), Target("fashion", "outskirts")
SHIRT = ImageQuery(GLOW, "garments", 100)
# Where it matters not which model is asked: a small one, whose maps take a tenth of the time.
ZEROS = Target.of("digits-one", "outskirts.0")


def opened_small(**state: object) -> AppTest:
    return opened(scenario="digits-one", model="outskirts", **state)


def given(app: AppTest, kind: str) -> list[dict]:
    """What the browser is given of a kind: the stage, tiles, the picture to paint on."""
    protos = (e.proto for e in app.get("bidi_component"))
    told = [json.loads(p.json) for p in protos if p.component_name == "outskirts.overlay"]
    return [data for data in told if data["kind"] == kind]


def words(app: AppTest) -> str:
    return "\n".join(m.value for m in app.markdown)


def pixels_of(data: dict) -> np.ndarray:
    size = [data["picture"][side] for side in ("height", "width", "channels")]
    return np.frombuffer(b64decode(data["picture"]["pixels"]), np.uint8).reshape(size)


def map_of(data: dict) -> np.ndarray:
    values = np.frombuffer(b64decode(data["map"]["values"]), "<i2") * data["map"]["step"]
    return values.reshape(data["picture"]["height"], data["picture"]["width"])


# Maps ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_browser_is_given_every_map_of_the_picture_as_the_service_has_it():
    app = opened(image="garments#100", baseline="mean")
    [stage], tiles = given(app, "stage"), given(app, "tile")
    methods = service.ask(MethodsQuery(GLOW)).methods
    assert [t["map"]["name"] for t in tiles] == [m.key for m in methods if not m.refusal]
    assert stage["map"] == tiles[0]["map"]
    for tile in tiles:
        name = tile["map"]["name"]
        view = service.ask(MapQuery(SHIRT, method=name, baseline="mean"))
        assert tile["token"] == stage["token"]
        assert np.array_equal(pixels_of(tile), view.image)
        strongest = np.abs(view.map).max()
        assert np.abs(map_of(tile) - view.map).max() < strongest / 60_000, name  # 16 bits
        assert 0 < tile["map"]["end"] <= strongest
        assert tile["map"]["floor"] == overlay.begin_of(view.map) < tile["map"]["end"]


@pytest.mark.slow
def test_it_says_the_score_and_how_strange_that_is():
    view = service.ask(MapQuery(SHIRT))
    text = words(opened(image="garments#100"))
    assert f"{numeral(view.score, '.2f')} {view.unit}" in text
    assert f"stranger than **{view.percentile:.1f}\u00a0%**" in text


@pytest.mark.slow
def test_a_part_without_a_gradient_says_so_in_its_tiles_with_the_methods_that_can():
    app = opened(part="complexity")
    refused = [m for m in service.ask(MethodsQuery(GLOW, "complexity")).methods if m.refusal]
    assert {m.key for m in refused} >= {"linear", "integrated"}
    for method in refused:
        assert method.refusal in words(app)
        assert "Occlusion" in method.refusal
    assert not {m.key for m in refused} & {t["map"]["name"] for t in given(app, "tile")}


@pytest.mark.slow
def test_the_true_place_of_a_planted_fault_goes_along_and_without_one_there_is_none():
    [stage] = given(opened_small(image="0#100", fault=3), "stage")
    view = service.ask(MapQuery(ImageQuery(ZEROS, "0", 100), fault=3))
    assert b64decode(stage["place"]) == np.packbits(view.mask).tobytes()
    assert np.array_equal(pixels_of(stage), view.image)
    assert "planted fault" in stage["title"]
    assert given(opened_small(image="0#100"), "stage")[0]["place"] == ""


@pytest.mark.slow
def test_what_a_link_asks_in_vain_is_said_and_the_page_opens_without_it():
    app = opened(
        scenario="digits-one",
        part="nope",
        method="nope",
        baseline="nope",
        model="nope",
        fault="nope",
    )
    [said] = [n.value for n in app.info if "asks for what is not here" in n.value]
    assert said.count("nope") == 4  # Streamlit itself drops what is no number
    assert given(app, "stage")[0]["chosen"] == "own"


def test_a_link_to_a_method_shows_its_map_large():
    [stage] = given(opened_small(method="occlusion"), "stage")
    assert (stage["chosen"], stage["pressed"]) == ("occlusion", False)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["fashion-one", "digits-one"])
def test_it_opens_where_one_class_is_normal(scenario: str):
    app = opened(scenario=scenario)
    assert given(app, "tile")
    assert "stranger than" in words(app)


@pytest.mark.slow
def test_an_image_of_ones_own_is_explained_without_a_fault():
    app = opened_small()
    stream = io.BytesIO()
    grey = np.full((28, 28), 90, np.uint8)
    Image.fromarray(grey).save(stream, "PNG")
    app.file_uploader[0].upload("own.png", stream.getvalue(), "image/png").run()
    assert not app.exception
    [stage] = given(app, "stage")
    assert np.array_equal(pixels_of(stage)[..., 0], grey)
    assert stage["place"] == ""


# Without the browser's half -----------------------------------------------------------------------


@pytest.mark.slow
def test_where_the_overlay_cannot_be_drawn_plain_widgets_do_it(monkeypatch):
    monkeypatch.setattr(overlay, "stage", lambda *given, **more: False)
    app = opened_small()
    assert {s.label for s in app.slider} >= {"Opacity", "Threshold"}
    able = [m.title for m in service.ask(MethodsQuery(ZEROS)).methods if not m.refusal]
    captions = {i.caption for e in app.get("image") for i in e.proto.imgs}
    assert captions == {"Picture", able[0]}
    app.selectbox("explain_method").select("occlusion").run()
    captions = {i.caption for e in app.get("image") for i in e.proto.imgs}
    assert captions == {"Picture", "Occlusion"}


def test_a_map_is_laid_over_its_picture_in_proportion_to_its_values():
    image = np.full((1, 4, 1), 100, np.uint8)
    values = np.array([[0.0, 1.0, -1.0, 0.1]])
    more, less = (
        np.array(list(bytes.fromhex(c[1:]))) for c in (palette().strange, palette().normal)
    )
    mixed = overlay.blended(image, values, opacity=0.5, threshold=0.2)
    expected = [[100] * 3, (100 + more) / 2, (100 + less) / 2, [100] * 3]
    assert np.abs(mixed[0] - np.array(expected)).max() <= 1.5  # the scale ends just below 1


def test_of_a_map_of_one_sign_the_quietest_quarter_has_no_colour():
    image = np.full((4, 100, 1), 100, np.uint8)
    distances = np.linspace(1.0, 1.4, 400).reshape(4, 100)  # as those of patches of screws
    mixed = overlay.blended(image, distances, opacity=1.0, threshold=0.1)
    plain = (mixed == 100).all(-1)
    assert plain.mean() == pytest.approx(0.25 + 0.1 * 0.75, abs=0.01)  # up to 10 % of the scale
    assert not plain[distances > 1.15].any()
    assert mixed[-1, -1].tolist() == list(bytes.fromhex(palette().strange[1:]))
    assert overlay.begin_of(distances) == pytest.approx(1.1)
    for values in (distances - 1.05, distances * (distances > 1.2), np.full((4, 100), 5.0)):
        share = (np.abs(values) / overlay.end_of(values)).clip(0, 1)  # from zero on
        mixed = overlay.blended(image, values, opacity=1.0, threshold=0.1)
        assert ((mixed == 100).all(-1) == (share < 0.1)).all()
        assert overlay.begins(values) == ""


# Painting -----------------------------------------------------------------------------------------


def text_of(mask: np.ndarray) -> str:
    return b64encode(np.packbits(mask).tobytes()).decode()


def painted(app: AppTest, **fields: object) -> AppTest:
    """The page after the browser has told what was painted."""
    [ask] = given(app, "ask")
    app.session_state["_explain_painted"] = {"token": ask["token"], **fields}
    return app.run()


@pytest.mark.slow
def test_what_is_erased_moves_every_detector_and_is_told_to_the_browser_again():
    app = opened_small(image="rest#0")
    assert "Nothing is changed yet" in words(app)
    mask = np.zeros((28, 28), bool)
    mask[5:20, 5:20] = True
    fields = {"erased": text_of(mask), "painted": "", "levels": ""}
    app = painted(app, **fields)
    assert "**225 pixels changed.**" in words(app)
    [ask] = given(app, "ask")
    assert ask["known"] == {"token": ask["token"], **fields}
    # It stays while the score that is explained is another.
    before = app.selectbox("explain_part").value
    app.selectbox("explain_part").select_index(1).run()
    assert app.selectbox("explain_part").value != before
    assert "**225 pixels changed.**" in words(app)
    # Of another picture it is not.
    app.number_input("explain_index").set_value(1).run()
    assert "Nothing is changed yet" in words(app)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"erased": 3, "painted": "", "levels": ""},
        {"erased": "?", "painted": "", "levels": ""},
        {"erased": "A" * 100_000, "painted": "", "levels": ""},
    ],
)
def test_what_no_browser_of_ours_would_send_changes_nothing(fields: dict):
    assert pixel.strokes_of(fields, 784) == Strokes()


def test_strokes_of_another_size_are_refused_in_words():
    app = painted(
        opened_small(image="rest#0"), erased=b64encode(b"1234").decode(), painted="", levels=""
    )
    assert not app.exception
    assert any("784 pixels" in w.value for w in app.warning)


# Checks -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_checks_begin_when_the_browser_has_all_maps_and_say_what_the_service_says():
    app = opened_small(image="0#100", fault=3)
    assert "The checks are under way" in words(app)
    [stage] = given(app, "stage")
    assert (stage["count"], stage["checked"]) == (len(given(app, "tile")), False)
    app.session_state["_explain_ready"] = stage["token"]
    app.run()
    assert not app.exception
    assert given(app, "stage")[0]["checked"]
    assert "every check" in words(app)
    image = ImageQuery(ZEROS, "0", 100)
    [frame] = [d.value for d in app.dataframe]
    for i, tile in enumerate(given(app, "tile")):
        query = MapQuery(image, method=tile["map"]["name"], fault=3)
        curves, forgot = service.ask(CurvesQuery(query)), service.ask(RandomisedQuery(query))
        row = frame.iloc[i]
        assert row["map"] == tile["map"]["title"]
        assert row["deletion"] == round(curves.deletion_area, 3)
        assert row["insertion"] == round(curves.insertion_area, 3)
        assert row["randomised"] == round(float(forgot.ranks[-1]), 3)
        assert row["true place"] == round(service.pointing(service.ask(query)), 3)
        assert checks.curves_said(curves) in words(app)
    # Of the next picture they are not known.
    app.number_input("explain_index").set_value(101).run()
    assert "The checks are under way" in words(app)
    assert not app.dataframe


def curves_of(area: float, low: float, high: float) -> MapCurves:
    nothing = np.zeros(2)
    return MapCurves(
        nothing,
        deletion=nothing,
        insertion=nothing,
        random=np.zeros((1, 2)),
        deletion_area=area,
        insertion_area=area,
        random_mean=(low + high) / 2,
        random_low=low,
        random_high=high,
        deletion_beats_chance=area < low,
        insertion_beats_chance=area > high,
        unit="nats",
    )


PLACED = SimpleNamespace(marked=False, residual_share=0.1)


@pytest.mark.parametrize(
    ("area", "early", "sign"), [(0.2, True, "✓"), (0.5, None, "⚠"), (0.8, False, "⚠")]
)
def test_a_deletion_is_early_late_or_no_better_than_chance(area, early, sign):
    curves = curves_of(area, 0.4, 0.6)
    one = checks.Evidence(SimpleNamespace(title="A"), PLACED, curves)
    assert checks.checked_of(one) == Checked("A", marked=False, early=early, changes=None)
    said = checks.curves_said(curves)
    assert sign in said
    assert "(0.40 to 0.60)" in said


def test_a_deletion_that_says_nothing_says_so():
    assert checks.curves_said(curves_of(float("nan"), float("nan"), float("nan"))) == (
        "deletion: says nothing here"
    )


# Files --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_names_only_what_is_not_its_default():
    app = opened(image="garments#100")
    [code] = app.code
    assert (
        code.value == "python -m core explain fashion/glow garments#100 --method own --out map.png"
    )
    app = opened(image="garments#100", method="occlusion", baseline="mean", part="total", fault=2)
    assert app.code[0].value == (
        "python -m core explain fashion/glow garments#100 --method occlusion --part total "
        "--baseline mean --fault 2 --out map.png"
    )
    names = [b.proto.label for b in app.get("download_button")]
    assert names[:3] == [f"Occlusion ({kind})" for kind in ("PNG", "SVG", "NPY")]


@pytest.mark.slow
def test_the_command_gives_the_map_that_the_page_shows(call: Call, tmp_path, monkeypatch):
    app = opened(model="outskirts", image="garments#100", method="occlusion", fault=2)
    command = shlex.split(app.code[0].value)
    assert command[:3] == ["python", "-m", "core"]
    monkeypatch.chdir(tmp_path)
    assert call(*command[3:]).status == 0
    [tile] = [t for t in given(app, "tile") if t["map"]["name"] == "occlusion"]
    values = np.load(tmp_path / "map.npy")
    assert np.abs(values - map_of(tile)).max() < np.abs(values).max() / 60_000
    assert (tmp_path / "map.png").stat().st_size


# Which can be believed ----------------------------------------------------------------------------


def test_the_gravest_failure_of_a_map_is_the_one_that_is_said():
    checked = [
        Checked("A", marked=True, early=False, changes=False),
        Checked("B", marked=True, early=None, changes=True),
        Checked("C", marked=False, early=None, changes=True),
        Checked("D", marked=False, early=False, changes=None),
    ]
    said = said_of(checked)
    assert said.startswith("None of these maps passes every check.")
    assert "**A** hardly changes" in said
    assert "**B** leaves more than half" in said
    assert "**C** orders the pixels no better than chance" in said
    assert "**D** names the wrong pixels" in said


def test_a_map_whose_check_has_no_answer_does_not_pass_it():
    changed = Randomised(np.array([1.0]), np.zeros((1, 2, 2)), np.array([0.1]), alike=0.5)
    early, nothing = curves_of(0.2, 0.4, 0.6), curves_of(*[float("nan")] * 3)
    lost = SimpleNamespace(marked=False, residual_share=float("nan"))
    known = {
        "Good": (PLACED, early, changed),
        "Unasked": (PLACED, early, None),
        "Lost": (lost, early, changed),
        "Blank": (PLACED, nothing, changed),
        "Late": (PLACED, curves_of(0.8, 0.4, 0.6), None),  # what it fails is graver
    }
    said = said_of(
        [
            checks.checked_of(checks.Evidence(SimpleNamespace(title=title), *found))
            for title, found in known.items()
        ]
    )
    assert said == (
        "**Good** passes every check. **Late** names the wrong pixels: the score falls later than "
        "by chance when those are deleted. **Lost** could not be checked: nobody knows how much of "
        "the score it leaves unplaced. **Blank** could not be checked by deleting pixels. "
        "**Unasked** could not be checked against random weights."
    )


def test_maps_that_pass_or_fail_alike_are_named_together():
    checked = [Checked(name, False, True, True) for name in "AB"]
    assert said_of(checked) == "**A** and **B** pass every check."


# Maps that wait -----------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch) -> Iterator[None]:
    """A score of fashion/outskirts takes long where it is asked for more than twice."""
    monkeypatch.setattr(costs, "PATIENCE", 10_000_000)
    service.forget()
    yield
    service.forget()


def drawn(app: AppTest) -> list[str]:
    assert not app.exception
    return [tile["map"]["name"] for tile in given(app, "tile")]


QUICK, LONG = ["own", "linear", "input_gradient"], ["integrated", "gradient_shap", "smooth"]


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_maps_that_take_long_are_drawn_where_they_are_asked_for_and_stay():
    app = opened(model="outskirts", image="garments#100")
    assert drawn(app) == QUICK
    [stage] = given(app, "stage")
    assert (stage["count"], stage["checked"]) == (3, True)  # the browser asks for no checks
    assert "looks 169 times" in words(app)
    assert words(app).count("looks 16 times") == 2
    app.button("explain_draw_occlusion").click().run()
    assert drawn(app) == [*QUICK, "occlusion"]
    assert given(app, "stage")[0]["chosen"] == "occlusion"
    view = service.ask(MapQuery(ImageQuery(OUTER, "garments", 100), method="occlusion"))
    assert np.abs(map_of(given(app, "tile")[-1]) - view.map).max() < np.abs(view.map).max() / 60_000
    app.number_input("explain_index").set_value(101).run()
    assert drawn(app) == QUICK  # nobody asked for more of this one
    assert given(app, "stage")[0]["chosen"] == "own"
    app.number_input("explain_index").set_value(100).run()
    assert drawn(app) == [*QUICK, "occlusion"]
    app.button("explain_all_maps").click().run()
    assert drawn(app) == [*QUICK, *LONG, "occlusion"]
    assert not [b for b in app.button if b.key and b.key.startswith("explain_draw")]


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_checks_that_take_long_are_made_of_the_maps_that_are_drawn_then():
    app = opened(model="outskirts", image="garments#100", method="occlusion")
    assert drawn(app) == [*QUICK, "occlusion"]  # a link asks for the map that it names
    assert "look 1,280 times: they wait" in words(app)
    assert not app.dataframe
    app.button("explain_check").click().run()
    assert not app.exception
    [frame] = [d.value for d in app.dataframe]
    titles = [t["map"]["title"] for t in given(app, "tile")]
    assert list(frame["map"]) == titles
    said = words(app)
    assert "Not drawn: **Integrated gradients**, **Gradient SHAP** and **SmoothGrad**." in said
    app.button("explain_draw_smooth").click().run()
    assert list(app.dataframe[0].value["map"]) == titles
    assert "Drawn, but not checked: **SmoothGrad**." in words(app)


@pytest.mark.slow
def test_nothing_waits_where_all_is_quick():
    app = opened(image="garments#100")
    assert len(drawn(app)) == len(service.ask(MethodsQuery(GLOW)).able)
    assert not [b for b in app.button if b.key and b.key.startswith("explain_draw")]


def test_a_map_that_cannot_be_ranked_is_said_neither_to_pass_nor_to_fail() -> None:
    ranks = np.array([0.4, np.nan])
    forgot = Randomised(np.array([0.5, 1.0]), np.zeros((2, 2, 2)), ranks, alike=0.5)
    assert checks.randomised_said(forgot) == "randomised: cannot be ranked"
    one = checks.Evidence(SimpleNamespace(title="A"), PLACED, curves_of(0.2, 0.4, 0.6), forgot)
    assert checks.checked_of(one).changes is None
    assert said_of([checks.checked_of(one)]) == (
        "None of these maps passes every check. **A** could not be checked against random weights."
    )
