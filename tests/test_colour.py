"""A throw-away scenario of 48x64 pixels in colour: from a folder to models, figures and pages."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny
from conftest import Call, Tiny, _settle, forget_everything
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import checkpoint, service
from core.data.picture import as_pil
from core.evaluate.metrics import bootstrap_auroc
from core.scenario import load_scenario
from core.service import ImageQuery, PlaneQuery, SamplesQuery, Target
from core.shape import Shape
from pages._shared.pages import PAGES

SHAPE = Shape(3, 48, 64)
SCALES = ["scale_24x32", "scale_12x16", "scale_6x8"]
GLOW, OUTSKIRTS = Target("colours", "glow"), Target("colours", "outskirts")
NARROW = {"hidden": 16, "code": 4, "regions": 2, "latent": 4, "fuse_hidden": 16, "exemplars": 48}

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_apps")]


def tiles(n: int, *, seed: int, hue: int) -> np.ndarray:
    """Images (n, 48, 64, 3) uint8: a grained rectangle in one of the three colours on black."""
    rng = np.random.default_rng(seed)
    images = np.zeros((n, *SHAPE.pixels), np.uint8)
    for image in images:
        top, left = rng.integers(2, 10), rng.integers(4, 20)
        height, width = rng.integers(20, 34), rng.integers(20, 38)
        grain = rng.normal(0, 8, (height, width))
        image[top : top + height, left : left + width, hue] = (rng.integers(120, 220) + grain).clip(
            0, 255
        )
    return images


def write_folder(data: Path) -> None:
    """As a user lays sets out: NAME/{train,test}.npz."""
    for name, hue in (("red", 0), ("blue", 2)):
        for part, n, seed in (("train", 160, 0), ("test", 40, 1)):
            (data / name).mkdir(parents=True, exist_ok=True)
            images = tiles(n, seed=seed, hue=hue)
            labels, classes = np.arange(n) % 2, np.array(["even", "odd"])
            np.savez(data / name / f"{part}.npz", images=images, labels=labels, classes=classes)


def scenario_json() -> dict:
    scenario = tiny.scenario_json(("turned",))
    for image_set, source in ((scenario["normal"], "red"), (scenario["strange"][0], "blue")):
        image_set |= {"name": source, "title": source.capitalize(), "source": f"npz:{source}"}
        image_set["classes"] = ["even", "odd"]
    settings = {"minutes": 0.003, "batch_size": 32, "points": 40, "layouts": ["pca"]}
    training = {
        "glow": {**settings, "config": tiny.CONFIG},
        "glow.dense": {**settings, "config": {**tiny.CONFIG, "flow": "dense"}},
        "outskirts": {**settings, "config": {**NARROW, "classifier_hidden": 8}},
    }
    split = {"calibration": 48, "seed": 0}
    return scenario | {
        "name": "colours", "image": list(SHAPE), "split": split, "training": training,
    }  # fmt: skip


def trained(root: Path, described: dict) -> Path:
    """Train every model of a scenario so described below a root, as the command line does."""
    from core.train import run

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(bootstrap_auroc.__kwdefaults__, "draws", 20)
        found = _settle(patch, root)
        write_folder(found.data)
        (found.checkpoints / "colours").mkdir(parents=True)
        (found.checkpoints / "colours" / "scenario.json").write_text(json.dumps(described))
        scenario = load_scenario("colours")
        for name, training in scenario.training.items():
            run.train(scenario, name, training=training)
    forget_everything()
    return root


@pytest.fixture(scope="module")
def _root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("colours"), scenario_json())


@pytest.fixture
def colours(
    _root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few_draws: None
) -> Iterator[Tiny]:
    shutil.copytree(_root / "checkpoints", tmp_path / "checkpoints")
    yield _settle(monkeypatch, tmp_path)
    forget_everything()


def test_cards_state_the_shape_and_parts_are_named_by_it(colours: Tiny) -> None:
    for name in ("glow", "glow.dense", "outskirts"):
        card = checkpoint.read_card(colours.checkpoints / "colours", name)
        assert card.input.shape == SHAPE
        parts = set(card.calibration.quantiles)
        assert parts >= set(SCALES if name == "glow" else ["total"] if "." in name else ["logit"])
        assert set(card.metrics) == {"blue", "turned"}
        assert set(card.validation) == {"patch swap", "block shuffle", "blur", "elastic bend"}


def test_reference_images_are_the_folders_own_in_colour(colours: Tiny) -> None:
    pictures = load_scenario("colours").pictures("blue")
    assert np.array_equal(pictures.images, tiles(40, seed=1, hue=2))


def test_a_colour_file_is_scored_as_the_picture_that_it_holds(
    colours: Tiny, call: Call, tmp_path: Path
) -> None:
    pictures = load_scenario("colours").pictures("blue").images
    as_pil(pictures[3]).save(tmp_path / "own.png")
    (row,) = call("score", "colours/glow", tmp_path / "own.png", "--parts").lines()
    view = service.ask(ImageQuery(GLOW, "blue", 3))
    assert row["parts"] == pytest.approx(dict(view.parts), rel=1e-4, abs=1e-2)
    Image.new("L", (64, 48), 90).save(tmp_path / "grey.png")
    said = call("score", "colours/glow", tmp_path / "grey.png")
    assert said.status == 0
    assert "three equal channels" in said.err


def test_grey_arrays_and_large_photos_are_converted_and_scoring_says_how(
    colours: Tiny, call: Call, tmp_path: Path
) -> None:
    pictures = load_scenario("colours").pictures("red").images
    np.save(tmp_path / "grey.npy", pictures[:2, ..., 0])
    as_pil(pictures[0].repeat(7, axis=0).repeat(7, axis=1)).save(tmp_path / "photo.png")
    said = call("score", "colours/glow", tmp_path / "grey.npy", tmp_path / "photo.png")
    assert said.status == 0
    assert said.err.splitlines() == [
        "grey.npy#0: grey made colour, three equal channels",
        "grey.npy#1: grey made colour, three equal channels",
        "photo.png: 448x336 fitted to 64x48, shrunk 7 times each way",
    ]


def test_a_set_of_ones_own_that_is_converted_says_how_many_images_were(
    colours: Tiny, call: Call, tmp_path: Path
) -> None:
    pictures = load_scenario("colours").pictures("blue").images
    np.savez(tmp_path / "own.npz", grey=pictures[:3, ..., 2], small=pictures[:2, ::4, ::4])
    said = call("evaluate", "colours/glow", "--stored", "--against", f"own={tmp_path / 'own.npz'}")
    assert said.status == 0
    assert said.err.splitlines()[-2:] == [
        f"{tmp_path / 'own.npz'}: grey made colour, three equal channels (3 of 5)",
        f"{tmp_path / 'own.npz'}: 16x12 fitted to 64x48, enlarged 4 times each way (2 of 5)",
    ]


def test_evaluate_prints_every_set_and_part(colours: Tiny, call: Call) -> None:
    table = json.loads(call("evaluate", "colours/outskirts", "--stored", "--json").out)
    assert set(table["strange"]) == {"blue", "turned"}
    assert table["strange"]["blue"]["score"]["n_strange"] == 40


def test_a_map_is_of_the_pictures_size_and_sums_to_its_part(colours: Tiny) -> None:
    view = service.ask(ImageQuery(GLOW, "red", 0))
    assert view.image.shape == SHAPE.pixels
    assert list(view.maps) == ["total", *SCALES]
    for part, pixels in view.maps.items():
        assert pixels.shape == (48, 64)
        assert view.padding[part] == 0  # sides of 48 and 64 need no margin
        assert pixels.mean() == pytest.approx(view.displayed[part], rel=1e-4, abs=1e-5)


def test_what_models_draw_has_three_channels(colours: Tiny) -> None:
    assert service.ask(SamplesQuery(GLOW, 2, 0.5)).images.shape == (2, *SHAPE.pixels)
    exemplars = service.ask(PlaneQuery(OUTSKIRTS)).images
    assert exemplars.shape == (48, *SHAPE.pixels)
    assert not exemplars[..., 1:].any()  # learned red alone


Open = Callable[..., AppTest]


@pytest.fixture
def opened(colours: Tiny) -> Open:
    def open_page(page: str | None = None, **state: object) -> AppTest:
        app = AppTest.from_file("../pages/_frame.py", default_timeout=60)
        for key, value in state.items():
            app.session_state[key] = value
        return app.switch_page(f"{page}.py").run() if page else app.run()

    return open_page


@pytest.mark.parametrize("page", [page.stem for page in PAGES])
def test_every_page_draws_it(opened: Open, page: str) -> None:
    app = opened(page)
    assert not app.exception, [e.value for e in app.exception]
    assert not app.error, [e.value for e in app.error]


@pytest.mark.parametrize("view", ["models", "drawn", "claims"])
def test_every_view_of_likelihoods_draws_it(opened: Open, view: str) -> None:
    app = opened("likelihoods", likelihoods_view=view)
    assert not app.exception, [e.value for e in app.exception]


@pytest.mark.parametrize("page", [page.stem for page in PAGES[1:]])
def test_every_try_this_sets_a_state_that_can_be_drawn(opened: Open, page: str) -> None:
    labels = [b.label for b in opened(page).button if b.key and "_try_" in b.key]
    for label in labels:
        app = opened(page)
        next(b for b in app.button if b.label == label).click().run()
        assert not app.exception, label
        assert not app.error, (label, [e.value for e in app.error])


def test_weights_of_another_shape_are_refused_in_one_line(colours: Tiny, call: Call) -> None:
    path = colours.checkpoints / "colours" / "scenario.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"image": [3, 48, 56]}))
    forget_everything()
    for model in ("glow", "glow.dense", "outskirts"):
        line = call("evaluate", f"colours/{model}", "--stored").error()
        assert "takes pictures of 48x64 colour, scenario colours has 48x56 colour" in line, model
        kept = call("train", f"colours/{model}", "--keep-weights")
        assert (kept.status, "48x56" in kept.err.splitlines()[-1]) == (2, True), kept.err


def test_a_visitors_picture_is_asked_about_in_colour(opened: Open) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (640, 480), (10, 200, 30)).save(stream, "PNG")
    app = opened("likelihoods")
    assert "Made colour, fitted to 64x48 pixels" in app.file_uploader[0].help
    app.file_uploader[0].upload("own.png", stream.getvalue(), "image/png").run()
    assert not app.exception, [e.value for e in app.exception]
    assert "own\\.png" in " ".join(m.value for m in app.markdown)
    assert "640x480 fitted to 64x48, shrunk 10 times each way" in [c.value for c in app.caption]


def test_a_visitors_grey_picture_says_on_own_images_that_it_was_made_colour(opened: Open) -> None:
    stream = io.BytesIO()
    Image.new("L", (448, 336), 90).save(stream, "PNG")
    app = opened("own")
    app.file_uploader[0].upload("grey.png", stream.getvalue(), "image/png").run()
    assert not app.exception, [e.value for e in app.exception]
    said = (
        "grey made colour, three equal channels; 448x336 fitted to 64x48, shrunk 7 times each way"
    )
    assert said in [c.value for c in app.caption]
