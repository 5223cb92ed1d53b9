"""Pages on a colour scenario whose training images, and one of whose sets, may not ship."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import Tiny, _settle, forget_everything
from PIL import Image
from starlette.requests import Request
from streamlit.testing.v1 import AppTest
from test_colour import NARROW, SHAPE, scenario_json, trained

from core import service
from core.data.picture import no_picture
from core.service import (
    ImageQuery,
    MapQuery,
    OverviewQuery,
    PlaneQuery,
    RayQuery,
    RayScoresQuery,
    StepsQuery,
    Target,
)
from pages._explain.believed import channels_said
from pages._explain.overlay import blended
from pages._mirror import thumbnails
from pages._outskirts import files
from pages._own import many

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_apps")]

OUTSKIRTS = Target("colours", "outskirts")
MIRROR = {"code": 8, "width": 4, "critic_width": 8, "anomaly_weight": 1.0, "epochs": 1.0}


@pytest.fixture(scope="module")
def _root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained while all pictures lay in the data folder."""
    scenario = scenario_json()
    scenario["strange"][0] |= {"shipped": False, "had": "ask the author"}
    settings = {"minutes": 0.003, "batch_size": 32, "points": 40, "layouts": ["pca"]}
    training = {
        "outskirts": {**settings, "config": {**NARROW, "classifier_hidden": 8}},
        "ama": {**settings, "batch_size": 8, "config": MIRROR},
    }
    described = {**scenario, "training": training, "ships_training": False}
    return trained(tmp_path_factory.mktemp("away"), described)


@pytest.fixture
def colours(
    _root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few_draws: None
) -> Iterator[Tiny]:
    """The same where nobody has the pictures."""
    shutil.copytree(_root / "checkpoints", tmp_path / "checkpoints")
    yield _settle(monkeypatch, tmp_path)
    forget_everything()


Open = Callable[..., AppTest]


@pytest.fixture
def opened(colours: Tiny) -> Open:
    def open_page(page: str, **query: object) -> AppTest:
        app = AppTest.from_file("../pages/_frame.py", default_timeout=60).run()
        for key, value in query.items():
            app.query_params[key] = str(value)
        return app.switch_page(f"{page}.py").run()

    return open_page


def _words(app: AppTest) -> str:
    return " ".join(e.value for e in (*app.markdown, *app.caption, *app.info, *app.warning))


# Training images that may not ship ----------------------------------------------------------------


def test_parents_are_shown_as_the_model_rebuilds_them_not_as_a_cross(colours: Tiny) -> None:
    view = service.ask(PlaneQuery(OUTSKIRTS))
    assert view.rebuilt
    assert view.images.shape == (48, *SHAPE.pixels)
    assert not any(np.array_equal(image, no_picture(SHAPE)) for image in view.images)
    ray = service.ask(RayQuery(OUTSKIRTS, "neighbours", 1))
    assert view.images[ray.index].shape == ray.images[4].shape


def test_no_detector_is_asked_about_a_training_image_that_is_not_there(colours: Tiny) -> None:
    query = RayScoresQuery(RayQuery(OUTSKIRTS, "neighbours", 1), ("outskirts", "ama"))
    walked, found = service.ask(query.ray), service.ask(query)
    assert walked.real is None
    assert (dict(found.real_scores), dict(found.real_percentiles)) == ({}, {})
    assert {len(v) for v in found.scores.values()} == {len(walked.kappas)}
    rows = list(csv.DictReader(io.StringIO(files.ray_csv(query).decode())))
    assert [row["image"] for row in rows] == ["decoded"] * len(walked.kappas)


def test_outskirts_says_that_training_images_are_rebuilt(opened: Open) -> None:
    app = opened("outskirts")
    assert not app.exception, [e.value for e in app.exception]
    said = _words(app)
    assert "Training images may not ship here" in said
    assert "no detector is asked about it here" in said
    assert "☆" not in said


# A set whose pictures may not ship ----------------------------------------------------------------


@pytest.mark.parametrize("page", ["explain", "mirror", "own"])
def test_a_picture_that_is_elsewhere_is_said_and_a_normal_one_shown(
    opened: Open, page: str
) -> None:
    app = opened(page, **{f"{page}_image": "blue#3"})
    assert not app.exception, [e.value for e in app.exception]
    assert not app.error, [e.value for e in app.error]
    said = _words(app)
    assert "ask the author" in said
    assert "Shown in its place: Red 3." in said


def test_the_mirrors_page_goes_on_with_a_strange_set_that_has_no_pictures(opened: Open) -> None:
    for first in ("typical", "too-good", "as-normal"):
        app = opened("mirror", mirror_first=first)
        assert not app.exception, (first, [e.value for e in app.exception])
        assert "tells blue from red" in _words(app)  # by the scores that are stored


def test_a_tile_of_a_mirror_is_two_crosses_where_there_is_no_picture(colours: Tiny) -> None:
    place = {"scenario": "colours", "model": "ama", "set_name": "blue", "index": "2"}
    answer = thumbnails.mirrored(Request({"type": "http", "path_params": place}))
    assert answer.status_code == 200
    pair = np.concatenate([no_picture(SHAPE)] * 2, axis=1)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(answer.body))), pair)


def test_a_sample_is_drawn_from_sets_that_ship(colours: Tiny) -> None:
    overview = service.ask(OverviewQuery("colours"))
    drawn = [(one.name, count) for one, count in many.sampled(overview)]
    most = {"red": many.NORMAL, "turned": many.STRANGE}
    assert drawn == [(name, min(most[name], overview.sizes[name])) for name in most]


# Colour -------------------------------------------------------------------------------------------


def test_the_channels_of_a_map_are_those_of_the_picture(colours: Tiny) -> None:
    """A red picture on black: of what is pixel times gradient, green and blue have nothing."""
    image = ImageQuery(OUTSKIRTS, "red", 0)
    view = service.ask(MapQuery(image, part="logit", method="input_gradient"))
    assert view.channels == pytest.approx((1.0, 0.0, 0.0), abs=1e-6)
    assert channels_said(view.channels).startswith("red 100, green 0, blue 0")
    assert service.ask(MapQuery(image, part="logit", method="occlusion")).channels == ()


def test_explain_says_what_each_colour_carries(opened: Open) -> None:
    app = opened("explain", explain_image="red#1")
    said = _words(app)
    assert "the picture is drawn in grey" in said
    assert "red 100, green 0, blue 0" in said
    assert "all colours at once" in said


def test_a_map_lies_over_grey_whose_orange_is_the_maps_own() -> None:
    orange = np.full((1, 2, 3), (213, 94, 0), np.uint8)
    left, right = blended(orange, np.array([[0.0, 1.0]]), opacity=1.0, threshold=0.1)[0]
    assert len({*left.tolist()}) == 1
    assert len({*right.tolist()}) == 3


def test_a_grey_picture_given_to_a_colour_scenario_is_said(colours: Tiny) -> None:
    stream = io.BytesIO()
    Image.new("L", (64, 48), 90).save(stream, "PNG")
    found = service.ask(StepsQuery("colours"), stream.getvalue())
    assert "grey made colour, three equal channels" in found.notes


# Elsewhere ----------------------------------------------------------------------------------------


def test_few_labels_names_only_scenarios_with_labelled_anomalies(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = service.scenarios()
    other = {**real[0], "detectors": ["esad"]}
    rows = [
        *real,
        {**other, "scenario": "a", "title": "With labels", "shares": {"esad": ["00", "10"]}},
        {**other, "scenario": "b", "title": "Without"},
    ]
    monkeypatch.setattr(service, "scenarios", lambda: rows)
    app = opened("labels")
    assert "none of its models learned from known anomalies" in _words(app)
    assert [b.label for b in app.button if b.label.startswith("Open")] == ["Open With labels"]
