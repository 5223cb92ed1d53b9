"""The page Likelihoods: what its controls say is what it shows, and what it says of it."""

from __future__ import annotations

import ast
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Tiny, change
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import service
from core.numerals import numeral
from core.service import (
    GalleryQuery,
    ImageQuery,
    ImageView,
    LikelihoodsQuery,
    OverviewQuery,
    Place,
    Simple,
    Target,
)
from pages._likelihoods import figures
from pages._likelihoods.place import why_it_notices
from pages._shared.theme import palette

pytestmark = pytest.mark.usefixtures("quick_apps")

PAGES = Path(__file__).parents[2] / "pages"
GLOW = Target("tiny", "glow")
Opened = Callable[..., AppTest]


@pytest.fixture
def opened(models: Tiny) -> Opened:
    """Opens Likelihoods of the tiny scenario with controls set beforehand."""

    def open_page(**state: object) -> AppTest:
        app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
        for key, value in state.items():
            app.session_state[f"likelihoods_{key}"] = value
        app = app.switch_page("likelihoods.py").run()
        assert not app.exception
        return app

    return open_page


def upload(app: AppTest, name: str, data: bytes = b"") -> AppTest:
    stream = io.BytesIO()
    Image.new("L", (28, 28), 90).save(stream, "PNG")
    app.file_uploader[0].upload(name, data or stream.getvalue(), "image/png").run()
    assert not app.exception
    return app


def looked_at(app: AppTest) -> str:
    """The id of the image that the controls name."""
    number = app.number_input("likelihoods_index").value
    return f"{app.selectbox('likelihoods_set').value}#{number}"


def captions(app: AppTest) -> list[str]:
    return [i.caption for e in app.get("image") for i in e.proto.imgs]


def charts(app: AppTest) -> dict[str, dict[str, Any]]:
    """Figures by the name of the file that each is taken away as."""
    found = {}
    for chart in app.get("plotly_chart"):
        name = json.loads(chart.proto.config)["toImageButtonOptions"]["filename"]
        found[name] = json.loads(chart.proto.spec)
    return found


def first_of(
    *sets: str, part: str = "total", order: str = "strangest", count: int = 1
) -> list[str]:
    found = service.ask(GalleryQuery(GLOW, sets, part, order, count))
    return [f"{s}#{i}" for s, i in zip(found.sets, found.indices, strict=True)]


# Which image is looked at -----------------------------------------------------------------------


@pytest.mark.parametrize("order", ["strangest", "most normal"])
def test_it_opens_with_the_first_strange_image_of_the_gallerys_order(opened: Opened, order):
    app = opened(order=order, part="scale_8")
    assert [looked_at(app)] == first_of("strokes", part="scale_8", order=order)


@pytest.mark.slow
def test_an_image_that_nobody_picked_follows_the_strange_set_and_the_order(opened: Opened):
    app = opened()
    app.selectbox("likelihoods_strange").select("turned").run()
    assert [looked_at(app)] == first_of("turned")
    app.session_state["likelihoods_order"] = "most normal"
    app.run()
    assert [looked_at(app)] == first_of("turned", order="most normal")


@pytest.mark.slow
def test_a_picked_image_stays_while_the_strange_set_the_model_and_the_view_change(opened: Opened):
    app = opened(image="boxes#7")
    app.selectbox("likelihoods_strange").select("turned").run()
    assert looked_at(app) == "boxes#7"
    app.selectbox("likelihoods_model").select("glow.general").run()
    assert looked_at(app) == "boxes#7"
    app.session_state["likelihoods_view"] = "drawn"
    app.run()
    assert looked_at(app) == "boxes#7"


@pytest.mark.slow
def test_an_own_image_stays_while_the_strange_set_changes_and_is_what_is_shown(opened: Opened):
    app = upload(opened(), "mine.png")
    app.selectbox("likelihoods_strange").select("turned").run()
    assert "mine\\.png" in captions(app)
    assert not [s for s in app.selectbox if s.key == "likelihoods_set"]
    app.button(key="own_away").click().run()
    assert [looked_at(app)] == first_of("turned")


@pytest.mark.slow
def test_a_try_this_with_an_image_puts_the_own_one_away(opened: Opened, models: Tiny):
    tile = {"page": "likelihoods", "title": "A box", "state": {"image": "boxes#3"}}
    change(models, lambda s: s.update(start=[tile]))
    app = upload(opened(), "mine.png")
    app.button("likelihoods_try_0").click().run()
    assert looked_at(app) == "boxes#3"


@pytest.mark.slow
@pytest.mark.parametrize("view", ["scales", "drawn"])
def test_every_view_opens_with_the_same_image(opened: Opened, view):
    app = opened(view=view, order="typical", part="complexity")
    assert [looked_at(app)] == first_of("strokes", part="complexity", order="typical")


# The first screen -------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["both", "normal", "strange"])
def test_beside_the_histograms_stand_the_first_images_of_each_set(opened: Opened, which):
    app = opened(**{"strange": "turned", "order": "most normal", "part": "scale_8", "from": which})
    sets = {"both": ("boxes", "turned"), "normal": ("boxes",), "strange": ("turned",)}[which]
    for name in sets:
        count = 10 // len(sets)
        found = service.ask(GalleryQuery(GLOW, (name,), "scale_8", "most normal", count))
        for i, (index, value) in enumerate(zip(found.indices, found.displayed, strict=True)):
            label = app.button(f"likelihoods_strip_{name}_{i}").label
            assert f"/{name}/{index}.png" in label
            assert label.replace("\\", "").endswith(f" {numeral(value, '.2f')}")
    assert not [b for b in app.button if b.key == f"likelihoods_strip_{sets[0]}_{count}"]


def test_the_image_is_a_line_in_both_histograms_where_its_numbers_are(opened: Opened):
    app = opened(image="boxes#7")
    shapes = charts(app)["tiny-glow-strokes-likelihood"]["layout"]["shapes"]
    view = service.ask(ImageQuery(GLOW, "boxes", 7))
    parts = {p.name: p for p in service.ask(LikelihoodsQuery(GLOW, "strokes")).parts}
    score = next(p.name for p in parts.values() if p.is_score)
    other = (
        score
        if score != "total"
        else max(
            (p for p in parts.values() if p.name != "total"), key=lambda p: p.figures.auroc
        ).name
    )
    for shape, name in zip(shapes, ("total", other), strict=True):
        edges = parts[name].edges
        expected = min(max(view.displayed[name], edges[0]), edges[-1])
        assert shape["x0"] == shape["x1"] == pytest.approx(expected)


def test_the_mark_of_a_tile_is_on_the_image_that_is_looked_at(opened: Opened):
    app = opened(image=first_of("boxes", "strokes", count=12)[3])
    marked = [b.key for b in app.button if b.proto.type == "primary"]
    assert "likelihoods_pick_3" in marked
    assert len([key for key in marked if key.startswith("likelihoods_pick")]) == 1


# The gallery ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "value"),
    [("strange", "turned"), ("part", "scale_8"), ("order", "typical"), ("from", "normal")],
)
def test_the_gallery_opens_at_its_first_page_when_its_order_is_another(opened: Opened, key, value):
    app = opened(page=2)
    assert app.session_state["likelihoods_page"] == 2
    app.session_state[f"likelihoods_{key}"] = value
    app.run()
    assert app.session_state["likelihoods_page"] == 1


def test_a_link_to_a_page_of_an_order_opens_that_page(models: Tiny):
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    app.query_params.update({"likelihoods_page": "2", "likelihoods_order": "typical"})
    app = app.switch_page("likelihoods.py").run()
    found = service.ask(GalleryQuery(GLOW, ("boxes", "strokes"), "total", "typical", 12, page=2))
    label = app.button("likelihoods_pick_0").label
    assert f"/{found.sets[0]}/{found.indices[0]}.png" in label


# What is said of an image -----------------------------------------------------------------------


def said(app: AppTest) -> str:
    return "\n".join(e.value for e in (*app.markdown, *app.warning))


@pytest.mark.slow
def test_a_verdict_on_what_the_detector_does_not_know_says_so(opened: Opened, monkeypatch):
    app = upload(opened(), "mine.png")
    view = service.ask(ImageQuery(GLOW, "boxes", 0))
    assert ("not of this detector's kind" in said(opened(image="boxes#0"))) == (
        view.foreign and not view.flagged
    )
    monkeypatch.setattr(ImageView, "foreign", property(lambda self: True))
    monkeypatch.setattr(ImageView, "outside", property(lambda self: ("total", "scale_8")))
    app.run()
    assert "**it is not of this detector's kind**: 2 of its" in app.warning[-1].value
    monkeypatch.setattr(ImageView, "foreign", property(lambda self: False))
    app.run()
    assert "detector's kind" not in said(app)


@pytest.mark.slow
def test_a_picture_that_lost_everything_is_a_warning_and_no_note(opened: Opened):
    stream = io.BytesIO()
    Image.new("L", (28, 28), 0).save(stream, "PNG")
    app = upload(opened(), "black.png", stream.getvalue())
    view = service.ask(ImageQuery(GLOW, "black.png", None), stream.getvalue())
    assert view.warnings
    shown = [w.value.replace("\\", "") for w in app.warning]
    assert [w for w in view.warnings if w in shown] == list(view.warnings)


@pytest.mark.slow
def test_an_own_images_name_is_shown_letter_by_letter(opened: Opened):
    name = "![x](http://evil.example/a.png) $a$.png"
    app = upload(opened(), name)
    shown = [*captions(app), *(m.value for m in app.markdown)]
    named = [text for text in shown if "evil" in text]
    assert len(named) == 2
    assert not any("](http" in text or "$a$" in text.replace("\\$", "") for text in named)
    assert "evil" not in json.dumps(charts(app))  # Plotly would make a link of it
    app = upload(opened(), "*b*.png", b"nothing")
    assert app.error[0].value.startswith("\\*b\\*\\.png: ")


# Figures that are taken away --------------------------------------------------------------------


@pytest.mark.parametrize("view", ["scales", "models"])
def test_a_figure_that_is_taken_away_has_title_legend_units_and_a_name_of_its_own(
    opened: Opened, view
):
    app = opened(view=view)
    found = charts(app)
    assert len(found) == len(app.get("plotly_chart"))  # no two of one name
    for name, spec in found.items():
        assert name.startswith("tiny-"), name
        assert spec["layout"]["title"]["text"], name
        if "maps" in name:
            assert all("bits" in a["text"] for a in spec["layout"]["annotations"]), name
            continue
        assert sum(trace.get("showlegend", True) for trace in spec["data"]) >= 2, name
        axes = [v for k, v in spec["layout"].items() if k.startswith("xaxis")]
        assert axes, name
        for axis in axes:
            assert re.search(
                "bits per dimension|standard deviations",
                axis["title"]["text"].replace("<br>", " "),
            ), name


def test_a_histogram_of_many_parts_names_each_and_has_one_legend(models: Tiny):
    parts = service.ask(LikelihoodsQuery(GLOW, "strokes")).parts
    drawn = figures.panels([(p.title, p) for p in parts], ("Boxes", "Strokes"), title="All")
    assert [a.text for a in drawn.layout.annotations] == [p.title for p in parts]
    assert [t.name for t in drawn.data if t.showlegend] == ["Boxes", "Strokes"]
    colours = {t.line.color for t in drawn.data}
    assert colours == {palette().normal, palette().strange}


# A scenario without flows -----------------------------------------------------------------------


@pytest.mark.slow
def test_who_comes_to_a_scenario_without_flows_is_led_to_one_that_has_some(models: Tiny):
    other = models.checkpoints / "none"
    other.mkdir()
    values = json.loads((models.folder / "scenario.json").read_text())
    values |= {"name": "none", "title": "Nothing", "training": {}, "sources": {}}
    (other / "scenario.json").write_text(json.dumps(values))
    (other / "reference.npz").write_bytes((models.folder / "reference.npz").read_bytes())
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60).run()
    app.selectbox(key="scenario").select("none").run()
    app = app.switch_page("likelihoods.py").run()
    assert not app.exception
    assert "Nothing: none of its models is a flow" in app.info[0].value
    app.button("tiny").click().run()
    assert not app.exception
    assert app.session_state["world"] == "tiny"
    assert charts(app)


# Why the fully connected flow notices -----------------------------------------------------------

ROWS: Any = (
    SimpleNamespace(
        name="dense",
        title="Fully connected flow",
        card=SimpleNamespace(score=SimpleNamespace(part="complexity")),
    ),
    SimpleNamespace(name="glow", title="Glow", card=None),
)


def place(**changed: Any) -> Place:
    """What was measured on digits, with some of it changed."""
    values: dict[str, Any] = {
        "lit": Simple(0.03, {"dense": -0.23, "glow": 0.92}),
        "unlit": Simple(0.17, {}),
        "gaussian": Simple(0.851, {"dense": 0.72, "glow": -0.11}),
        "png": Simple(0.986, {}),
        "dark": None,
        "likelihood": {"dense": 0.818, "glow": 0.100},
        "complexity": {"dense": 0.998, "glow": 0.995},
        "score": {"dense": 0.998, "glow": 0.995},
        "blackened": (0.8, 0.8),
        "images": (4000, 4000),
    }
    return Place(**{**values, **changed})


def test_why_the_fully_connected_flow_notices_is_said_in_two_sentences_with_their_numbers():
    text = why_it_notices(place(), ROWS, "digits")
    assert "on digits: AUROC 0.818, Glow 0.100" in text
    assert "one Gaussian over whole pictures (rank correlation 0.72)" in text
    assert "alone has AUROC 0.851" in text
    assert "pixels are lit (0.92), and digits light fewer." in text
    assert "subtracts the length of a PNG, which alone has AUROC 0.986" in text
    assert "takes Glow's likelihood to 0.995, too." in text


def test_each_of_its_claims_hangs_on_its_number():
    equal = {"dense": 0.818, "glow": 0.817}
    assert why_it_notices(place(likelihood=equal), ROWS, "digits") == ""
    blind = place(gaussian=Simple(0.851, {"dense": -0.5, "glow": -0.6}))
    assert "says why" in why_it_notices(blind, ROWS, "digits")
    assert "order like" not in why_it_notices(blind, ROWS, "digits")
    many = place(lit=Simple(0.5, {"dense": 0.1, "glow": 0.92}))
    assert "digits light about as many" in why_it_notices(many, ROWS, "digits")
    other = place(lit=Simple(0.03, {"dense": 0.1, "glow": -0.2}))
    assert "lit" not in why_it_notices(other, ROWS, "digits")
    useless = place(complexity={"dense": 0.9, "glow": 0.1})
    assert "too" not in why_it_notices(useless, ROWS, "digits")
    total = SimpleNamespace(score=SimpleNamespace(part="total"))
    bare: Any = (SimpleNamespace(**{**vars(ROWS[0]), "card": total}), ROWS[1])
    assert "PNG" not in why_it_notices(place(), bare, "digits")


@pytest.mark.slow
@pytest.mark.parametrize("state", [{"view": "models"}, {"model": "glow.dense"}])
def test_of_the_models_that_ship_the_page_says_why(state):
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    for key, value in state.items():
        app.session_state[f"likelihoods_{key}"] = value
    app = app.switch_page("likelihoods.py").run()
    assert not app.exception
    text = said(app)
    rows = {r.name: r for r in service.ask(OverviewQuery("fashion")).detectors}
    assert f"Why the {rows['glow.dense'].title.lower()} notices more" in text
    assert "one Gaussian over whole pictures" in text


# Nothing of one scenario ------------------------------------------------------------------------


def test_no_word_of_one_scenario_stands_in_the_page():
    words = re.compile(r"digit|garment|cloth|mnist|fashion|letter|doodle|glow\.", re.IGNORECASE)
    sources = [PAGES / "likelihoods.py", *(PAGES / "_likelihoods").glob("*.py")]
    assert len(sources) > 8
    for path in sources:
        strings = [
            node.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        assert [text for text in strings if words.search(text)] == [], path.name
