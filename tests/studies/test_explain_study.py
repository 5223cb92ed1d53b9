"""The study of maps: faults are where they are said to be, and no arm chooses by figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from conftest import Call, Tiny
from shipped import novelty, ship, show

from core import checkpoint
from core.data.picture import as_tensor
from core.data.transforms import planted
from core.detectors.glow import Glow
from core.detectors.novelty import Novelty
from core.explain.methods import METHODS, explain
from core.results import ArmResult, Row, StudyMissing, StudyResult, Trial, read_study
from core.scenario import load_scenario
from core.studies import explain as file
from core.studies import study
from core.studies._base import Arm, plan_of
from core.studies._cells import cells_of, compute, folder_of
from core.studies._collect import collect, measure, stored
from core.studies.explain import CAPTUM, CHOICE, REPORT, Planting, Subject, best_method

SMALLER = Planting(
    subjects=(Subject("novelty", "sum", ("sum", "pixels")), Subject("glow", "total", ("total",))),
    scenario="tiny",
    images=10,
    others=4,
    draws=20,
)


@pytest.fixture
def planting(untrained: Tiny, fitted_glow: Glow) -> Planting:
    """The study on boxes, a novelty of random weights and a tiny flow."""
    show(load_scenario("tiny"))
    ship(novelty(), untrained.folder, "novelty")
    ship(fitted_glow, untrained.folder, "glow")
    return replace(SMALLER)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two methods instead of seven, for time's sake."""
    some = {key: METHODS[key] for key in ("own", "input_gradient", "linear")}
    monkeypatch.setattr(file, "METHODS", some)
    monkeypatch.setattr(file, "CAPTUM", ("input_gradient",))


def arm_of(study: Planting, name: str) -> Arm:
    return {arm.name: arm for arm in study.arms}[name]


# Measures -----------------------------------------------------------------------------------------

MASKS = np.zeros((3, 6, 6), bool)
for i in range(3):
    MASKS[i, i : i + 2, 2:4] = True
ONCE = np.ones(3)


@pytest.mark.parametrize("measured", [file.each, file.pooled])
def test_a_map_that_is_the_place_is_perfect_and_a_constant_one_is_chance(measured) -> None:
    assert measured(MASKS.astype(float), ~MASKS)(ONCE) == 1
    assert measured(-MASKS.astype(float), ~MASKS)(ONCE) == 0
    assert measured(np.ones(MASKS.shape), ~MASKS)(ONCE) == 0.5


def test_maps_of_any_brightness_count_alike_within_each_image_and_not_together() -> None:
    maps = MASKS + np.array([0.0, 10.0, 20.0])[:, None, None]
    assert file.each(maps, ~MASKS)(ONCE) == 1
    # Of nine pairs of images the place stands above the normal of its own and of darker ones.
    assert file.pooled(maps, ~MASKS)(ONCE) == pytest.approx(6 / 9)


def test_an_image_that_is_drawn_twice_counts_twice() -> None:
    maps = MASKS.astype(float)
    maps[0] *= -1
    assert file.each(maps, ~MASKS)(np.array([2, 1, 0])) == pytest.approx(1 / 3)
    assert file.each(maps, ~MASKS)(np.array([0, 1, 2])) == 1
    assert file.pooled(maps, ~MASKS)(np.array([0, 1, 2])) == 1
    assert file.pooled(maps, ~MASKS)(np.array([3, 0, 0])) == 0


# Faults -------------------------------------------------------------------------------------------


def test_faults_are_those_of_the_page_and_those_that_choose_are_others(planting: Planting) -> None:
    images = load_scenario("tiny").pictures("boxes").images
    faults = planting.faults
    for half, n in ((REPORT, 10), (CHOICE, 4)):
        assert len(faults[half].images) == n
        for i, row in enumerate(faults[half].rows):
            number = int(faults[half].numbers[i])
            one = planted(images[row], images, fault=number, without=int(row))
            assert np.array_equal(one.image, faults[half].images[i])
            assert np.array_equal(one.mask, faults[half].masks[i])
            changed = (faults[half].images[i] != images[row]).any(2)
            assert changed.any()
            assert not changed[~faults[half].masks[i]].any()
    assert not set(faults[REPORT].rows) & set(faults[CHOICE].rows)
    assert not set(faults[REPORT].numbers) & set(faults[CHOICE].numbers)
    assert np.array_equal(planting.normal(planting.cases[0], np.zeros(10)), ~faults[REPORT].masks)


def test_another_seed_plants_in_other_images(planting: Planting) -> None:
    other = replace(planting, seed=1)
    assert set(other.faults[REPORT].rows) != set(planting.faults[REPORT].rows)


# Arms ---------------------------------------------------------------------------------------------


def test_every_part_of_novelty_and_every_general_method_is_an_arm() -> None:
    arms = {arm.name: arm for arm in Planting().arms}
    own = [a.changes["part"] for a in arms.values() if a.name.startswith("novelty.")
           and a.changes["method"] == "own"]  # fmt: skip
    assert own == list(Novelty.about)
    for detector in ("novelty", "glow", "outskirts"):
        asked = {m for m in METHODS if f"{detector}.score.{m}" in arms}
        assert asked == set(METHODS) - {"own"}
    assert {a for a in arms if a.startswith("control.")} == {
        "control.random",
        "control.brightness",
        "control.mean",
    }
    assert next(iter(arms)) == "novelty.sum"
    assert set(CAPTUM) < set(METHODS)


def test_the_parts_that_are_called_scores_are_those_of_the_checkpoints_that_ship() -> None:
    folder = load_scenario(Planting().scenario).folder
    for subject in Planting().subjects:
        if (folder / f"{subject.name}.json").exists():
            assert checkpoint.read_card(folder, subject.name).score.part == subject.score
        assert not subject.own or subject.own[0] == subject.score


def test_the_words_name_as_many_images_as_there_are() -> None:
    assert f" in {Planting().images} test garments" in Planting.text


@pytest.mark.parametrize("name", ["novelty.pixels", "novelty.score.input_gradient", "glow.total"])
def test_a_map_is_that_of_the_image_alone_by_the_function_of_the_page(
    planting: Planting, name: str
) -> None:
    arm, images = arm_of(planting, name), planting.faults[CHOICE].images
    maps = planting._maps(arm, images)
    assert maps.shape == (4, 28, 28)
    asked = arm.changes
    detector, _ = checkpoint.load(load_scenario("tiny").folder, asked["detector"])
    for image, pixels in zip(images, maps, strict=True):
        alone = explain(
            detector, as_tensor(image[None]), part=asked["part"], method=asked["method"]
        )
        np.testing.assert_allclose(pixels, alone.map[0], rtol=1e-3, atol=1e-5)


def test_maps_without_a_model_know_the_image_alone(planting: Planting) -> None:
    images = np.zeros((2, 28, 28, 1), np.uint8)
    images[1, 3, 4] = 9
    mean = load_scenario("tiny").pictures("boxes").images.astype(float).mean(0)[..., 0]
    light = planting._maps(arm_of(planting, "control.brightness"), images)
    assert (light[0].sum(), light[1].sum(), light[1, 3, 4]) == (0, 9, 9)
    far = planting._maps(arm_of(planting, "control.mean"), images)
    np.testing.assert_allclose(far[0], mean, rtol=1e-5)
    assert far[1, 3, 4] == pytest.approx(abs(9 - mean[3, 4]), rel=1e-5)


# The whole ----------------------------------------------------------------------------------------


def test_the_best_method_is_chosen_without_a_figure(planting: Planting, quick, monkeypatch) -> None:
    """What is planted for figures is not explained before all that choose are."""
    asked = []
    original = Planting._maps

    def noted(self: Planting, arm: Arm, images: np.ndarray) -> np.ndarray:
        asked.append(len(images))
        return original(self, arm, images)

    monkeypatch.setattr(Planting, "_maps", noted)
    compute(planting)
    n = len(planting.arms)
    assert asked == [planting.others] * n + [planting.images] * n


def test_the_best_of_a_detector_is_that_of_the_other_images(planting: Planting) -> None:
    worth = {"input_gradient": 0.5, "integrated": 0.6, "gradient_shap": 0.9, "smooth": 0.9,
             "occlusion": 0.2, "linear": 1.0}  # fmt: skip
    result = a_result(planting, worth)
    assert best_method(result, "novelty").name == "novelty.score.gradient_shap"  # of equals
    note = planting.notes(result)[0]
    assert (
        "Novelty: Gradient SHAP is the best of captum's methods on 4 other images (0.900)" in note
    )
    assert "on these 10: 0.250 (0.200 to 0.300), the detector's own map of its score: 0.25" in note


def a_result(planting: Planting, worth: Mapping[str, float]) -> StudyResult:
    """A table in which methods are worth this much to choose by, and all figures are 0.25."""
    arms = tuple(
        ArmResult(
            name=arm.name,
            title=arm.title,
            text=arm.text,
            trials=(
                Trial(setting={}, faults={"planted": worth.get(arm.changes.get("method"), 0.0)}),
            ),
            chosen={"planted": {}},
        )
        for arm in planting.arms
    )
    rows = tuple(
        Row(arm=arm.name, data="planted", variant=None, measure="each",
            value=0.25, low=0.2, high=0.3)
        for arm in planting.arms
    )  # fmt: skip
    return StudyResult.model_construct(arms=arms, rows=rows, measures={"each": "pixel AUROC"})


@pytest.mark.slow
def test_the_whole_goes_from_checkpoints_to_a_table_and_is_resumed(
    planting: Planting, quick, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = measure(planting)
    assert result == read_study("explain") == stored(planting)
    assert list(result.measures) == ["each", "pooled"]
    masks, images = planting.faults[REPORT].masks, planting.faults[REPORT].images
    light = result.row("control.brightness", "planted")
    expected = file.each(images.mean(3), ~masks)(np.ones(10))
    assert light.value == pytest.approx(expected, abs=1e-6)
    assert light.low <= light.value <= light.high
    assert result.row("novelty.sum", "planted").difference == 0
    assert result.run.training_images is None
    assert len(result.notes) == 2
    known = {cell.path: cell.path.stat().st_mtime_ns for cell in cells_of(planting)}
    cells_of(planting)[-1].path.unlink()
    again = measure(planting)
    assert (again.rows, again.arms, again.notes) == (result.rows, result.arms, result.notes)
    changed = [p for p, when in known.items() if p.stat().st_mtime_ns != when]
    assert len(changed) == 1
    monkeypatch.setattr("core.studies.study", lambda name: planting)
    monkeypatch.setattr("core.bench.study", lambda name: planting)
    said = call("bench", "explain").out
    assert "is the best of captum's methods" in " ".join(said.split())
    rows = json.loads(call("bench", "explain", "--json").out)
    assert {row["arm"] for row in rows} == {arm.name for arm in planting.arms}


@pytest.mark.slow
def test_other_weights_are_other_cells_and_what_is_stored_is_said_to_be_of_others(
    planting: Planting, quick, untrained: Tiny
) -> None:
    measure(planting)
    ship(novelty(seed=1), untrained.folder, "novelty")
    other = replace(planting)
    assert plan_of(other) != plan_of(planting)
    assert folder_of(other) == folder_of(planting)
    before, after = ({cell.path.stem for cell in cells_of(s)} for s in (planting, other))
    assert not {stem for stem in before & after if "-novelty." in stem}
    assert {stem for stem in before if "-glow." in stem} <= after  # of no other model
    with pytest.raises(StudyMissing, match="other settings"):
        stored(other)


def test_other_faults_are_another_study(
    planting: Planting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code that plants otherwise shares no cell with what was planted before."""
    before, again = folder_of(planting), folder_of(replace(planting))
    monkeypatch.setattr(file, "planted", lambda *a, fault, **k: planted(*a, fault=0, **k))
    assert again == before != folder_of(replace(planting))


@pytest.mark.slow
def test_a_study_whose_checkpoints_are_not_here_is_told_as_one_that_is_missing(
    planting: Planting, quick, untrained: Tiny
) -> None:
    measure(planting)
    (untrained.folder / "novelty.json").unlink()
    with pytest.raises(StudyMissing, match="asks a checkpoint that is not here"):
        stored(replace(planting))


def test_what_was_not_computed_is_not_collected(planting: Planting) -> None:
    with pytest.raises(StudyMissing, match="cells were not computed yet: planted, half choice"):
        collect(planting)


def test_the_shipped_table_is_that_of_the_code_and_of_the_checkpoints() -> None:
    try:
        result = read_study("explain")
    except StudyMissing:
        pytest.skip("there is no table of it yet")
    assert stored(study("explain")) == result
