"""The study of readings: sums are the detector's, and no strange image has a say in the choice."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch
from conftest import Tiny, forget_everything
from shipped import SMALL, novelty, ship, show

from core import checkpoint
from core.detectors.novelty import Novelty
from core.evaluate.metrics import auroc
from core.inference.scoring import parts_of
from core.inference.validation import validate
from core.results import StudyMissing, read_study
from core.scenario import Scenario, load_scenario
from core.studies import novelty as file
from core.studies import study
from core.studies._base import Case, plan_of
from core.studies._cells import cells_of, compute
from core.studies._collect import measure, stored
from core.studies.novelty import (
    ALONE,
    CANDIDATES,
    CONTROL,
    Readings,
    Sums,
    choose,
    chosen,
)

ARMS = (ALONE, *CANDIDATES, CONTROL)
CLASSES = ("zero", "one", "two")


@pytest.fixture
def readings(untrained: Tiny) -> Readings:
    """The study on boxes, as a whole and by class, with novelties of random weights."""
    show(load_scenario("tiny"))
    ship(novelty(), untrained.folder, "novelty")
    values = tiny.scenario_json(())
    del values["training"]
    values |= {"name": "tiny-one", "images": "scenario:tiny", "strange": [], "variants": CLASSES}
    folder = untrained.checkpoints / "tiny-one"
    folder.mkdir()
    (folder / "scenario.json").write_text(json.dumps(values))
    forget_everything()
    for seed, name in enumerate(CLASSES):
        ship(novelty(seed=seed), folder, f"novelty.{name}")
    return Readings(whole=("tiny",), by_class=("tiny-one",), draws=20)


# Arms ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reading", CANDIDATES)
def test_an_arm_is_the_score_of_a_detector_of_that_reading(reading: str) -> None:
    detector = novelty()
    images = np.concatenate([tiny.boxes(4, seed=9), tiny.strokes(4, seed=9)])
    sums = parts_of(Sums(detector), images)  # type: ignore[arg-type]
    assert tuple(sums) == ARMS
    detector.config = replace(SMALL, reading=reading)
    parts = parts_of(detector, images)
    np.testing.assert_array_equal(sums[reading], parts["sum"])
    np.testing.assert_array_equal(sums[CONTROL], parts["sum_pixels"])
    alone = (parts["familiarity"] - float(detector.centre[0])) / float(detector.scale[0])
    np.testing.assert_allclose(sums[ALONE], alone, rtol=1e-5, atol=1e-5)


def test_candidates_are_the_readings_of_the_config_and_the_control_is_none() -> None:
    for reading in CANDIDATES:
        assert f"novelty_{reading}" in Novelty.about
        Novelty(replace(SMALL, reading=reading), tiny.SHAPE)
    assert {f"novelty_{r}" for r in CANDIDATES} == {p for p in Novelty.about if "novelty" in p}
    assert CONTROL not in CANDIDATES
    assert ALONE not in CANDIDATES
    assert [arm.name for arm in Readings().arms] == list(ARMS)


# Measures -----------------------------------------------------------------------------------------


def test_misses_are_the_strange_that_are_not_above_the_threshold() -> None:
    scores = np.array([-1.0, 1.0, -0.5, 0.0, 0.5, 2.0])
    normal = np.array([1, 1, 0, 0, 0, 0], bool)
    assert file.misses(scores, normal)(np.ones(6)) == 0.5  # on the threshold is no alarm
    assert file.misses(scores, normal)(np.array([1, 1, 2, 0, 1, 1])) == 0.5
    assert file.misses(scores, normal)(np.array([9, 0, 0, 0, 1, 1])) == 0
    assert file.alarms(scores, normal)(np.ones(6)) == 0.5
    assert file.alarms(scores, normal)(np.array([3, 1, 1, 1, 1, 1])) == 0.25


@pytest.mark.slow
def test_the_threshold_lets_one_held_out_normal_image_in_twenty_raise_an_alarm(
    readings: Readings,
) -> None:
    for case in (readings.cases[0], readings.cases[-1]):
        arm = readings.arms[1]
        scores = readings.scores(arm, {}, case=case, shared={})
        scenario, stem = readings._model(case)
        detector, _ = checkpoint.load(scenario.folder, stem)
        held_out = parts_of(detector, readings._held_out(case))["sum"]
        images, labels = readings.test(case.data)
        raw = parts_of(detector, images)["sum"]
        np.testing.assert_allclose(scores, raw - np.percentile(held_out, 95), atol=1e-4)
        assert len(scores) == len(labels)


# Images -------------------------------------------------------------------------------------------


def test_each_strange_set_is_measured_apart_and_each_class_is_normal_once(
    readings: Readings,
) -> None:
    assert readings.cases == (
        Case("tiny:strokes", "all"),
        Case("tiny:turned", "all"),
        *(Case("tiny-one", name) for name in CLASSES),
    )
    assert readings.data == {
        "tiny:strokes": "boxes against strokes",
        "tiny:turned": "boxes against turned",
        "tiny-one": "boxes, one class normal",
    }
    images, labels = readings.test("tiny:strokes")
    normal = readings.normal(readings.cases[0], labels)
    n = tiny.TEST_IMAGES
    assert normal.tolist() == [True] * n + [False] * n
    assert np.array_equal(images[n:], load_scenario("tiny").pictures("strokes").images[:])
    assert set(labels[:n]) & set(labels[n:]) == set()  # resampled apart
    images, labels = readings.test("tiny-one")
    for c, case in enumerate(readings.cases[2:]):
        assert np.array_equal(readings.normal(case, labels), labels == c)
    assert len(images) == n


def test_the_study_has_all_strange_sets_of_garments_and_every_class_of_both_families() -> None:
    cases = Readings().cases
    strange = [s.name for s in load_scenario("fashion").strange]
    assert [c.data for c in cases[: len(strange)]] == [f"fashion:{name}" for name in strange]
    for name in ("fashion-one", "digits-one"):
        variants = tuple(c.variant for c in cases if c.data == name)
        assert variants == load_scenario(name).variants


# The choice ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_an_arm_is_worth_is_the_faults_of_held_out_normal_images(readings: Readings) -> None:
    case = readings.cases[-1]
    images, labels = tiny.public_set("FashionMNIST", None, train=True)  # type: ignore[arg-type]
    rows = np.random.default_rng(0).permutation(len(images))[: tiny.CALIBRATION_IMAGES]
    mine = images[rows[labels[rows] == 2]]
    assert np.array_equal(readings._held_out(case)[:], mine)
    detector, _ = checkpoint.load(*_at(readings, case))
    faults = validate(detector, mine, seed=readings.seed)
    worth = readings.worth(readings.arms[1], case, shared={})
    assert worth == [pytest.approx(np.mean([f["sum"] for f in faults.values()]), abs=1e-6)]


def _at(readings: Readings, case: Case) -> tuple:
    scenario, stem = readings._model(case)
    return scenario.folder, stem


@pytest.mark.slow
def test_the_choice_sees_no_image_that_is_shown(
    readings: Readings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are strange, and the normal ones of the test, are read by no tuning cell."""

    def read(self: Scenario, name: str) -> None:
        raise AssertionError(f"{name} was read")

    monkeypatch.setattr(Scenario, "pictures", read)
    for arm in readings.arms:
        for case in readings.tuning:
            readings.worth(arm, case, shared={})
    with pytest.raises(AssertionError, match="boxes was read"):
        compute(readings)
    left = [cell for cell in cells_of(readings) if not cell.there]
    assert {cell.kind for cell in left} == {"measuring"}
    assert len(left) == len(readings.cases) * len(ARMS)


@pytest.mark.slow
def test_a_scenario_alone_is_chosen_for_as_in_the_table(
    readings: Readings, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = measure(readings)
    monkeypatch.setattr(file, "Readings", lambda: replace(readings, held={}))
    for scenario, data in (("tiny", "tiny:turned"), ("tiny-one", "tiny-one")):
        means = choose(scenario)
        assert next(iter(means)) == chosen(result, data).name
        for name, mean in means.items():
            assert result.arm(name).trials[0].faults[data] == pytest.approx(mean, abs=1e-6)


# The whole ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_whole_goes_from_checkpoints_to_a_table(readings: Readings) -> None:
    result = measure(readings)
    assert result == read_study("novelty") == stored(replace(readings, held={}))
    detector, _ = checkpoint.load(*_at(readings, readings.cases[0]))
    world = load_scenario("tiny")
    normal, strange = (parts_of(detector, world.pictures(s).images) for s in ("boxes", "turned"))
    for arm, part in (("input", "sum"), (CONTROL, "sum_pixels"), (ALONE, "familiarity")):
        value = result.row(arm, "tiny:turned").value
        assert value == pytest.approx(auroc(normal[part], strange[part]), abs=1e-4)
    for name in CLASSES:
        assert result.row("input", "tiny-one", variant=name).low is not None
    best, few = chosen(result, "tiny-one").name, result.row
    assert best in CANDIDATES
    best_misses, all_misses = (
        few(arm, "tiny-one", measure="misses").value for arm in (best, ALONE)
    )
    said = file._than(best_misses, all_misses)
    assert f"the sum {best_misses:.1%}{said}, the control" in result.notes[-1]
    assert f"the faults choose {best}" in result.notes[-1]
    assert result.run.training_images is None


def test_fewer_and_more_misses_are_said_where_there_are_some() -> None:
    assert file._than(0.05, 0.2) == " (75% fewer)"
    assert file._than(0.3, 0.2) == " (50% more)"
    assert file._than(0.009, 0.002) == ""
    assert file._than(0.0, 0.0) == ""


@pytest.mark.slow
def test_neither_control_nor_familiarity_alone_is_chosen(
    readings: Readings, monkeypatch: pytest.MonkeyPatch
) -> None:
    worth = {name: i / 10 for i, name in enumerate(reversed(ARMS))} | {ALONE: 0.9, CONTROL: 1.0}
    monkeypatch.setattr(Readings, "_faults", lambda self, case: worth)
    result = measure(readings)
    assert chosen(result, "tiny-one").name == "input"
    monkeypatch.setattr(file, "Readings", lambda: readings)
    assert next(iter(choose("tiny-one"))) == "input"


def test_models_of_one_class_are_asked_each_with_its_encoder(readings: Readings) -> None:
    asked = [readings.asked(readings.arms[0], case) for case in readings.cases]
    assert list(asked[0]) == ["tiny/novelty"]
    assert asked[0] == asked[1]
    assert [next(iter(a)) for a in asked[2:]] == [f"tiny-one/novelty.{name}" for name in CLASSES]
    assert plan_of(readings)["asked"] == asked[0] | asked[2] | asked[3] | asked[4]


def test_one_pass_of_a_model_serves_all_arms(
    readings: Readings, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = []
    original = Sums.parts

    def noted(self: Sums, x: torch.Tensor) -> object:
        passes.append(len(x))
        return original(self, x)

    monkeypatch.setattr(Sums, "parts", noted)
    case = readings.cases[0]
    for arm in readings.arms:
        readings.scores(arm, {}, case=case, shared={})
    assert sum(passes) == tiny.CALIBRATION_IMAGES + 2 * tiny.TEST_IMAGES


def test_the_shipped_table_is_that_of_the_code_and_of_the_checkpoints() -> None:
    try:
        result = read_study("novelty")
    except StudyMissing:
        pytest.skip("there is no table of it yet")
    assert stored(study("novelty")) == result


def test_the_shipped_scores_add_the_readings_that_the_faults_choose() -> None:
    try:
        result = read_study("novelty")
    except StudyMissing:
        pytest.skip("there is no table of it yet")
    plan = study("novelty")
    assert isinstance(plan, Readings)
    for case in plan.cases:
        scenario, stem = plan._model(case)
        card = checkpoint.read_card(scenario.folder, stem)
        assert card.config["reading"] == chosen(result, case.data).name, (case.data, stem)
