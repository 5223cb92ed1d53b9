"""Sets whose pictures may not ship: their scores do, and pages say how the pictures are had."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tiny
from conftest import Call, Tiny, forget_everything

from core import service
from core.answers import lesson
from core.answers.images import classes_of
from core.data import reference
from core.data.picture import no_picture
from core.data.reference import read_reference, write_reference
from core.data.sources import source_named
from core.data.sources._base import order_of
from core.errors import PicturesElsewhere
from core.scenario import ScenarioError, load_scenario
from core.service import GalleryQuery, ImageQuery, Target
from core.shape import Shape

pytestmark = pytest.mark.slow

SCENES = np.random.default_rng(0).integers(0, 256, (7, 6, 5, 3), np.uint8)
LABELS = np.arange(7)


def lay(images: np.ndarray, data: Path) -> None:
    """As a user lays a set out: scenes/test.npz."""
    (data / "scenes").mkdir(parents=True, exist_ok=True)
    classes = np.array([str(i) for i in range(7)])
    np.savez(data / "scenes" / "test.npz", images=images, labels=LABELS, classes=classes)


def test_colour_sheets_lose_nothing_however_many_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "SIDE", 12)  # two images below, two beside each other: 4, 3
    path = tmp_path / "reference.npz"
    write_reference(path, {"scenes": (SCENES, LABELS)})
    with np.load(path) as stored:
        assert set(stored.files) == {f"scenes/{k}" for k in ("labels", "shape", "sheet0", "sheet1")}
    assert np.array_equal(read_reference(path, "x")["scenes"].images, SCENES)


@pytest.mark.parametrize("n", [1, 4, 7])
def test_large_grey_images_lie_on_sheets_that_lose_nothing_with_their_masks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    monkeypatch.setattr(reference, "SIDE", 150)  # two images below, one beside: 1, 2 or 4 sheets
    rng = np.random.default_rng(n)
    images = rng.integers(0, 256, (n, 64, 80, 1), np.uint8)
    masks = rng.integers(0, 2, (n, 64, 80), np.uint8)
    path = tmp_path / "reference.npz"
    write_reference(path, {"screws": (images, np.arange(n), masks)})
    with np.load(path) as stored:
        assert sum("sheet" in key for key in stored.files) == -(-n // 2)
        assert "screws/images" not in stored.files
    screws = read_reference(path, "x")["screws"]
    assert np.array_equal(screws.images, images)
    assert np.array_equal(screws.masks, masks)
    assert (screws.labels.tolist(), screws.elsewhere) == (list(range(n)), "")


@pytest.mark.parametrize("shape", [(2, 63, 64, 1), (2, 64, 64), (2, 28, 28, 1)])
def test_small_grey_images_are_stored_as_they_were(tmp_path: Path, shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    write_reference(tmp_path / "reference.npz", {"digits": (images, np.zeros(2, int))})
    with np.load(tmp_path / "reference.npz") as stored:
        assert set(stored.files) == {"digits/images", "digits/labels"}
    found = read_reference(tmp_path / "reference.npz", "x")["digits"].images
    assert np.array_equal(found, images.reshape(found.shape))


def test_a_damaged_sheet_of_grey_images_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "reference.npz"
    write_reference(path, {"screws": (np.zeros((1, 64, 64, 1), np.uint8), np.zeros(1, int))})
    with np.load(path) as stored:
        arrays = {key: stored[key] for key in stored.files}
    arrays["screws/sheet0"] = arrays["screws/sheet0"][:-9]
    np.savez(path, **arrays)
    with pytest.raises(ScenarioError, match=r"x/reference\.npz cannot be read: ") as error:
        read_reference(path, "x")
    assert "\n" not in str(error.value)


def test_of_a_set_that_does_not_ship_no_pixel_is_written(tmp_path: Path) -> None:
    path = tmp_path / "reference.npz"
    write_reference(path, {"scenes": (SCENES, LABELS)}, elsewhere={"scenes"})
    with np.load(path) as stored:
        assert set(stored.files) == {f"scenes/{key}" for key in ("labels", "shape", "sha256")}
    scenes = read_reference(path, "x")["scenes"]
    assert (len(scenes.images), scenes.ids()[6], scenes.labels.tolist()) == (
        7, "scenes#6", LABELS.tolist(),
    )  # fmt: skip
    assert "not shipped" in scenes.elsewhere
    assert np.array_equal(scenes.shown(3), no_picture(Shape(3, 6, 5)))
    for index in (0, np.array([1, 2]), slice(None)):
        with pytest.raises(PicturesElsewhere, match="not shipped"):
            scenes.images[index]


def test_pictures_in_the_data_folder_are_taken_only_if_they_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "reference.npz"
    ordered = SCENES[order_of(SCENES, LABELS)]
    write_reference(path, {"scenes": (ordered, LABELS)}, elsewhere={"scenes"})
    stored, source = read_reference(path, "x")["scenes"], source_named("npz:scenes")

    def scenes() -> reference.Pictures:
        return reference.laid_out(stored, source, tmp_path, first=None, words="ask the author")

    assert scenes().elsewhere.startswith("ask the author (scenes is not in ")
    lay(255 - SCENES, tmp_path)
    assert "are others" in scenes().elsewhere
    with pytest.raises(PicturesElsewhere, match="ask the author"):
        scenes().images[0]
    for rows in (np.arange(7), np.arange(7)[::-1]):  # in whatever order somebody laid them
        lay(SCENES[rows], tmp_path)
        assert not scenes().elsewhere
        assert np.array_equal(scenes().images[:], ordered)
    assert np.array_equal(scenes().shown(2), ordered[2])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shipped": False}, "must say how its pictures are had"),
        ({"shipped": False, "had": "ask"}, "its source must be npz:NAME"),
        ({"first": 0}, "greater than 0"),
        ({"source": "npz:x", "shipped": False, "had": "ask", "only": 1}, "holds all classes"),
    ],
)
def test_a_set_that_does_not_ship_says_how_it_is_had_and_is_read_without_torchvision(
    untrained: Tiny, change: dict, words: str
) -> None:
    path = untrained.folder / "scenario.json"
    scenario = json.loads(path.read_text())
    scenario["strange"][0] |= change
    path.write_text(json.dumps(scenario))
    with pytest.raises(ScenarioError, match=words):
        load_scenario("tiny")


@pytest.fixture
def away(untrained: Tiny, call: Call, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    """A trained scenario whose strange pictures lay in the data folder while it trained."""
    images = tiny.strokes(40, seed=5)
    (untrained.data / "scenes").mkdir(parents=True)
    where = untrained.data / "scenes" / "test.npz"
    np.savez(where, images=images, labels=np.zeros(40, int), classes=np.array(["stroke"]))
    real = source_named
    monkeypatch.setattr(
        "core.train.streams.source_named",
        lambda name: real(name) if name == "npz:scenes" else tiny.source_named(name),
    )
    path = untrained.folder / "scenario.json"
    scenario = json.loads(path.read_text())
    scenario["normal"]["first"] = 90
    scenario["strange"][0] |= {
        "name": "scenes", "source": "npz:scenes", "shipped": False, "had": "ask the author",
        "classes": ["stroke"],
    }  # fmt: skip
    scenario["training"] = {
        "glow": {"minutes": 0.003, "batch_size": 32, **tiny.MAPS, "config": tiny.CONFIG}
    }
    path.write_text(json.dumps(scenario))
    done = call("train", "tiny/glow")
    assert done.status == 0, done.err
    where.unlink()
    forget_everything()
    return untrained


@pytest.mark.slow
def test_scores_of_absent_pictures_are_there_and_galleries_go_on(away: Tiny, call: Call) -> None:
    target, asked = Target("tiny", "glow"), ("boxes", "scenes")
    assert len(load_scenario("tiny").pictures("boxes").images) == 90
    gallery = service.ask(GalleryQuery(target, asked, "total", "random", count=130))
    away_rows = np.array(gallery.sets) == "scenes"
    assert int(away_rows.sum()) == 40
    assert all(np.array_equal(i, no_picture(tiny.SHAPE)) for i in gallery.images[away_rows])
    assert not any(np.array_equal(i, no_picture(tiny.SHAPE)) for i in gallery.images[~away_rows])
    assert np.isfinite(gallery.displayed).all()
    assert len(np.unique(gallery.displayed[away_rows])) > 30  # of the pictures that were there
    shown = service.pictures_of("tiny", (("scenes", 0), ("boxes", 0)))
    assert np.array_equal(shown[0], no_picture(tiny.SHAPE))
    with pytest.raises(PicturesElsewhere, match="ask the author"):
        service.ask(ImageQuery(target, "scenes", 0))
    stored = call("evaluate", "tiny/glow", "--stored")
    assert (stored.status, "scenes" in stored.out) == (0, True), stored.err
    anew = call("evaluate", "tiny/glow")
    assert (anew.status, anew.err.count("\n")) == (2, 1)
    assert "ask the author" in anew.err
    assert "--stored takes the scores that ship" in anew.err
    assert not any(name.startswith("scenes") for name in _golden(away))


def test_a_lesson_is_given_with_the_pictures_that_are_here(away: Tiny) -> None:
    assert set(lesson._images_of(load_scenario("tiny")).sets.tolist()) == {"boxes", "turned"}


def test_a_source_that_names_no_classes_has_none_of_the_normal_sets(away: Tiny) -> None:
    path = away.folder / "scenario.json"
    scenario = json.loads(path.read_text())
    assert classes_of(load_scenario("tiny"), "scenes") == ("stroke",)
    del scenario["strange"][0]["classes"]
    path.write_text(json.dumps(scenario))
    tiny_one = load_scenario("tiny")
    assert classes_of(tiny_one, "scenes") == ()
    assert classes_of(tiny_one, "turned") == tiny_one.normal.classes


def _golden(away: Tiny) -> list[str]:
    return json.loads((away.folder / "glow.json").read_text())["golden"]["ids"]
