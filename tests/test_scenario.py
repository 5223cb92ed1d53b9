"""What is normal and what is strange, from a folder; and what training makes of it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tiny
from conftest import Tiny, change, forget_everything

from core import checkpoint
from core.scenario import ScenarioError, build_reference, load_scenario, scenario_names
from core.settings import ROOT, Settings
from core.train import loop, run

SETS = ["boxes", "strokes", "turned", "flipped", "inverted", "noise", "flat"]


def garments() -> np.ndarray:
    """The test images of the normal set, as they are."""
    images = tiny.boxes(tiny.TEST_IMAGES, seed=0)
    assert images.shape == (96, 28, 28, 1)
    return images


# Pictures ---------------------------------------------------------------------------------------


def test_a_scenario_lists_the_normal_set_first(tiny_scenario: Tiny) -> None:
    scenario = load_scenario("tiny")
    assert scenario_names() == ["tiny"]
    assert [s.name for s in scenario.sets] == SETS
    assert scenario.folder == tiny_scenario.folder


def test_pictures_of_sources_are_the_test_images(tiny_scenario: Tiny) -> None:
    boxes = load_scenario("tiny").pictures("boxes")
    assert np.array_equal(boxes.images, garments())
    assert boxes.labels.tolist() == [i % 3 for i in range(96)]
    assert boxes.ids()[:2] == ["boxes#0", "boxes#1"]
    strokes = load_scenario("tiny").pictures("strokes")
    assert np.array_equal(strokes.images, tiny.strokes(96, seed=0))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("turned", lambda images: np.stack([np.rot90(image) for image in images])),
        ("flipped", lambda images: np.stack([np.flipud(image) for image in images])),
        ("inverted", lambda images: np.stack([255 - image for image in images])),
    ],
)
def test_changes_are_made_to_the_images_and_keep_their_labels(
    tiny_scenario: Tiny, name: str, expected
) -> None:
    found = load_scenario("tiny").pictures(name)
    assert np.array_equal(found.images, expected(garments()))
    assert found.labels.tolist() == load_scenario("tiny").pictures("boxes").labels.tolist()


@pytest.mark.parametrize("name", ["noise", "flat"])
def test_noise_and_flat_grey_are_a_thousand_images_of_the_scenarios_shape(
    tiny_scenario: Tiny, name: str
) -> None:
    found = load_scenario("tiny").pictures(name)
    assert found.images.shape == (1000, 28, 28, 1)
    assert set(found.labels) == {-1}
    assert len(np.unique(found.images)) > 200  # all levels but for chance
    flat = (found.images == found.images[:, :1, :1]).all((1, 2, 3))
    assert flat.all() == (name == "flat")


def test_pictures_are_the_same_after_forgetting(tiny_scenario: Tiny) -> None:
    before = load_scenario("tiny").pictures("noise").images
    forget_everything()
    assert np.array_equal(before, load_scenario("tiny").pictures("noise").images)


def test_other_reference_images_are_shown_once_their_file_has_changed(
    tiny_scenario: Tiny,
) -> None:
    scenario = load_scenario("tiny")
    before = {s.name: scenario.pictures(s.name) for s in scenario.sets}
    images, labels = tiny.boxes(10, seed=8), np.arange(10) % 3
    strokes = tiny.strokes(7, seed=8), np.zeros(7, int)
    build_reference(scenario, {"boxes": (images, labels), "strokes": strokes})
    assert np.array_equal(scenario.pictures("boxes").images, images)
    assert np.array_equal(scenario.pictures("strokes").images, strokes[0])
    assert np.array_equal(scenario.pictures("inverted").images, 255 - images)
    assert scenario.pictures("turned").labels.tolist() == labels.tolist()
    assert np.array_equal(scenario.pictures("noise").images, before["noise"].images)


def test_a_scenario_is_read_again_once_its_file_has_changed(tiny_scenario: Tiny) -> None:
    before = load_scenario("tiny")
    assert load_scenario("tiny") is before
    path = tiny_scenario.folder / "scenario.json"
    path.write_text(json.dumps(tiny.scenario_json() | {"title": "Cartons", "image": [3, 20, 24]}))
    after = load_scenario("tiny")
    assert (before.title, after.title) == ("Boxes", "Cartons")
    assert (before.shape, after.shape) == (tiny.SHAPE, (3, 20, 24))
    assert after.pictures("flat").images.shape == (1000, 20, 24, 3)
    # Who still holds the older one sees its own.
    assert before.pictures("flat").images.shape == (1000, 28, 28, 1)


def test_reference_images_are_written_whole_or_not_at_all(
    tiny_scenario: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario, file = load_scenario("tiny"), tiny_scenario.folder / "reference.npz"
    before = file.read_bytes()

    def full(target, **arrays: np.ndarray) -> None:
        stream = target if hasattr(target, "write") else target.open("wb")
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space left"):
        build_reference(scenario, {"boxes": (tiny.boxes(2, seed=0), np.zeros(2))})
    assert file.read_bytes() == before


def test_a_byte_order_mark_does_not_hide_a_scenario(tiny_scenario: Tiny) -> None:
    path = tiny_scenario.folder / "scenario.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_scenario("tiny").title == "Boxes"


def test_a_variable_that_is_set_to_nothing_does_not_mean_the_current_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("DATA", "CHECKPOINTS", "RUNS"):
        monkeypatch.setenv(f"OUTSKIRTS_{name}", "")
    found = Settings()
    assert (found.data, found.checkpoints, found.runs) == (
        ROOT / "data",
        ROOT / "checkpoints",
        ROOT / "runs",
    )


# What is refused --------------------------------------------------------------------------------


def test_an_unknown_scenario_lists_those_there_are(tiny_scenario: Tiny) -> None:
    with pytest.raises(ScenarioError, match="no scenario 'fashoin'; there are: tiny"):
        load_scenario("fashoin")


def test_without_any_scenario_the_folder_is_named(tiny_scenario: Tiny) -> None:
    (tiny_scenario.folder / "scenario.json").unlink()
    with pytest.raises(ScenarioError, match=f"none in {tiny_scenario.checkpoints}"):
        load_scenario("tiny")


def test_an_unknown_set_lists_those_there_are(tiny_scenario: Tiny) -> None:
    for ask in (load_scenario("tiny").pictures, load_scenario("tiny").set_named):
        with pytest.raises(ScenarioError, match=f"no set 'mnits'; it has: {', '.join(SETS)}"):
            ask("mnits")


def test_a_detector_without_settings_lists_those_that_have_them(tiny_scenario: Tiny) -> None:
    with pytest.raises(ScenarioError, match="no training settings for 'ama'; it has: glow"):
        load_scenario("tiny").training_of("ama")


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda s: s.update(colour="red"), "colour: Extra inputs"),
        (lambda s: s["normal"].update(colour="red"), "normal.colour: Extra inputs"),
        (lambda s: s["strange"][2].update(colour="red"), "strange.2.colour: Extra inputs"),
        (lambda s: s["training"]["glow"].update(epochs=3), "training.glow.epochs: Extra inputs"),
        (lambda s: s["split"].pop("seed"), "split.seed: Field required"),
        (lambda s: s.update(schema=7), "schema: Input should be 1"),
        (lambda s: s["strange"][1].update(change="twisted"), "strange.1.change: "),
        (lambda s: s["normal"].update(name="Two Words"), "normal.name: "),
        (lambda s: s["training"]["glow"].update(minutes=0), "training.glow.minutes: "),
        (lambda s: s.update(name="other"), "names itself 'other'"),
        (lambda s: s["strange"][1].update(name="strokes"), "two sets are called strokes"),
        (lambda s: s["strange"][1].pop("change"), "set 'turned' needs either a source or a change"),
        (lambda s: s["strange"][1].update(source="MNIST"), "either a source or a change"),
        (
            lambda s: s["training"].update({"../glow": s["training"]["glow"]}),
            "training.../glow.[key]: String should match pattern",
        ),
        (lambda s: s.update(border=2), "border: Extra inputs"),
        (lambda s: s.pop("image"), "image: Field required"),
        (lambda s: s.update(image=[2, 28, 28]), "channels must be 1 (grey) or 3 (colour), got 2"),
        (lambda s: s.update(image=[1, 28, 0]), "height and width must be 1 or more, got 28 and 0"),
        (lambda s: s.update(image=[28, 28]), "image"),
        (lambda s: s.update(image=[1, 28, "wide"]), "image"),
    ],
)
def test_a_scenario_that_does_not_fit_the_schema_names_the_key(
    tiny_scenario: Tiny, edit, words: str
) -> None:
    change(tiny_scenario, edit)
    with pytest.raises(ScenarioError, match=r"^tiny/scenario\.json") as error:
        load_scenario("tiny")
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe\x00"])
def test_a_damaged_scenario_is_one_clear_error(tiny_scenario: Tiny, data: bytes) -> None:
    (tiny_scenario.folder / "scenario.json").write_bytes(data)
    with pytest.raises(ScenarioError, match=r"^tiny/scenario\.json") as error:
        load_scenario("tiny")
    assert ": :" not in str(error.value)  # no place where there is none to name
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../checkpoints/tiny", "tiny/", "ti\0ny", "\ud800"]
)
def test_what_is_no_name_of_a_scenario_is_said_as_it_is(tiny_scenario: Tiny, name: str) -> None:
    with pytest.raises(ScenarioError) as error:
        load_scenario(name)
    assert str(error.value) == f"no scenario {name!r}; there are: tiny"


@pytest.mark.parametrize(
    ("variants", "words"),
    [
        (["one", "rest", "two"], "variants must differ from each other and from 'rest'"),
        (["one", "two", "two"], "variants must differ from each other"),
        (["one", "../two", "three"], "variants.1: String should match pattern"),
    ],
)
def test_variants_that_can_be_no_sets_are_refused(
    tiny_scenario: Tiny, variants: list[str], words: str
) -> None:
    change(tiny_scenario, lambda s: s.update(variants=variants, strange=[]))
    with pytest.raises(ScenarioError, match=r"^tiny/scenario\.json") as error:
        load_scenario("tiny")
    assert words in str(error.value)


@pytest.mark.usefixtures("numpy_leaves_files_open")
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("damage", ["missing", "text", "cut"])
def test_missing_or_damaged_reference_images_are_one_clear_error(
    tiny_scenario: Tiny, damage: str
) -> None:
    path = tiny_scenario.folder / "reference.npz"
    whole = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes(b"images" if damage == "text" else whole[: len(whole) // 2])
    with pytest.raises(ScenarioError, match=r"^tiny/reference\.npz"):
        load_scenario("tiny").pictures("turned")


@pytest.mark.parametrize("image", [[1, 32, 28], [3, 28, 28]])
def test_reference_images_of_another_shape_are_refused_with_both(
    tiny_scenario: Tiny, image: list[int]
) -> None:
    change(tiny_scenario, lambda s: s.update(image=image))
    with pytest.raises(
        ScenarioError, match=r"reference\.npz holds images of \(28, 28, 1\)"
    ) as error:
        load_scenario("tiny").pictures("boxes")
    assert str(load_scenario("tiny").shape) in str(error.value)


def test_a_set_without_images_is_named(tiny_scenario: Tiny) -> None:
    change(tiny_scenario, lambda s: s["strange"][0].update(name="digits"))
    with pytest.raises(ScenarioError, match=r"tiny/reference\.npz holds no set 'digits'"):
        load_scenario("tiny").pictures("digits")


# Training a scenario ----------------------------------------------------------------------------


def test_settings_of_the_user_change_those_of_the_scenario_and_no_others(
    untrained: Tiny,
) -> None:
    scenario = load_scenario("tiny")
    found = run.settings_of(scenario, "glow", {"hidden": 4}, None)
    assert found.config == {**tiny.CONFIG, "hidden": 4}
    assert (found.minutes, found.batch_size) == (0.02, 32)
    assert run.settings_of(scenario, "glow", {}, 7).minutes == 7
    assert scenario.training_of("glow").config == tiny.CONFIG


@pytest.mark.slow
def test_an_interrupted_training_of_a_scenario_goes_on_and_says_so(
    untrained: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SAVE_SECONDS", 0)
    scenario = load_scenario("tiny")
    stages: list[str] = []

    class PowerCut(Exception):
        pass

    def step(progress) -> None:
        if progress.step == 3:
            raise PowerCut

    training = scenario.training_of("glow")
    with pytest.raises(PowerCut):
        run.train(scenario, "glow", training=training, watcher=run.Watcher(step=step))
    assert (untrained.folder / "reference.npz").exists()
    assert not (untrained.folder / "glow.json").exists()
    state = untrained.runs / "tiny" / "glow" / "state.pt"
    assert state.exists()
    card = run.train(scenario, "glow", training=training, watcher=run.Watcher(stage=stages.append))
    assert card.training.resumed == 1
    stored = checkpoint.read_card(untrained.folder, "glow")
    assert stored.model_dump_json() == card.model_dump_json()
    assert stages[0] == "reading training images"
    assert "scoring turned" in stages
    # A finished training is evaluated anew: the test images are looked at a second time.
    again = run.train(scenario, "glow", training=training)
    assert again.training.test_evaluations == 2
    assert again.weights == card.weights
    begun_anew = run.train(scenario, "glow", training=training, restart=True)
    assert begun_anew.training.resumed == 0
