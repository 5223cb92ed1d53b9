"""The study of banks: pairs are measured apart, and no image that is shown chooses one."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from conftest import Tiny, change
from shipped import show

from core import checkpoint
from core.evaluate.metrics import auroc
from core.inference.scoring import parts_of
from core.results import read_study
from core.scenario import Scenario, load_scenario
from core.studies import retakes as file
from core.studies import study
from core.studies._base import plan_of
from core.studies._cells import cells_of, compute
from core.studies._collect import measure
from core.studies.retakes import BANKS, READINGS, Retakes, chosen, within

CONFIG = {"backbone": "efficientnet_lite0", "bank": 60, "explained": 24, "rank": 4}


@pytest.fixture
def banks(untrained: Tiny) -> Retakes:
    """The study on boxes."""
    training = {"title": "Novelty", "text": "Patches.", "batch_size": 64, "config": CONFIG}
    change(untrained, lambda values: values.update(training={"novelty": training}))
    show(load_scenario("tiny"))
    return Retakes(sets={"tiny": ("strokes", "turned")}, draws=10)


def test_of_pairs_the_mean_auroc_is_taken_each_within_itself() -> None:
    labels = np.array([0, 0, 1, 2, 2, 3, 3])
    scores = np.array([0.0, 1.0, 0.5, 9.0, 8.0, 7.0, 10.0])
    assert within(scores, labels)(np.ones(7)) == (0.5 + 0.5) / 2
    assert within(scores, labels)(np.array([2, 0, 1, 1, 1, 0, 1])) == 1.0


def test_every_bank_is_measured_alone_and_with_each_reading_and_the_plain_one_comes_first() -> None:
    arms = study("retakes").arms
    assert len(arms) == len(BANKS) * len(READINGS)
    assert arms[0].name == "plain"
    assert not arms[0].changes["config"]
    assert {arm.shares for arm in arms} == set(BANKS)
    assert {arm.changes["reading"] for arm in arms} == set(READINGS)


@pytest.mark.slow
def test_an_arm_with_a_reading_is_the_score_of_a_detector_of_that_reading(banks: Retakes) -> None:
    (case,) = banks.cases
    images, labels = banks.test("tiny")
    assert np.unique(labels).tolist() == [0, 1, 2, 3]
    shared = banks.build("both", case)
    for reading in ("patches", "input"):
        arm = next(arm for arm in banks.arms if arm.name == f"both-{reading}")
        config = {**CONFIG, **BANKS["both"][1], "novelty": reading}
        detector = checkpoint.from_config("novelty", config, load_scenario("tiny").shape)
        detector.load_state_dict(dict(shared))
        np.testing.assert_allclose(
            banks.scores(arm, {}, case=case, shared=shared),
            parts_of(detector.eval(), images)["sum"],
            atol=2e-4,
        )


def test_a_bank_is_worth_how_it_tells_scars_where_all_are_taken_again(
    banks: Retakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (case,) = banks.cases
    whole, scarred = banks._held_out("tiny")
    held_out = banks._streams("tiny")["calibration"].images[:]
    assert whole.shape == held_out.shape
    assert scarred.shape == (2 * len(held_out), *held_out.shape[1:])
    assert (whole != held_out).any((1, 2, 3)).all()
    light = SimpleNamespace(standard_sum=lambda parts, names: (parts[names[0]] - 2) / 3)
    for name in ("load_state_dict", "eval", "requires_grad_"):
        setattr(light, name, lambda *args: light)
    monkeypatch.setattr(Retakes, "_detector", lambda self, data, changes: light)
    monkeypatch.setattr(
        file, "parts_of", lambda detector, images: {"familiarity": images.mean((1, 2, 3))}
    )
    arm = banks.arms[0]
    expected = auroc(whole.mean((1, 2, 3)), scarred.mean((1, 2, 3)))
    assert banks.worth(arm, case, shared={}) == [pytest.approx(expected)]


@pytest.mark.slow
def test_the_choice_sees_no_image_that_is_shown_and_is_named_below_the_table(
    banks: Retakes,
) -> None:
    def read(self: Scenario, name: str) -> None:
        raise AssertionError(f"{name} was read")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scenario, "pictures", read)
        with pytest.raises(AssertionError, match="was read"):
            compute(banks)
    assert {cell.kind for cell in cells_of(banks) if not cell.there} == {"measuring"}
    result = measure(banks)
    best = chosen(result, "tiny")
    assert best.name in BANKS
    worth = {arm.name: arm.trials[0].faults["tiny"] for arm in result.arms}
    assert worth[best.name] == max(worth[bank] for bank in BANKS)
    (note,) = banks.notes(result)
    assert note.startswith(f"Boxes: the scars choose {best.name} (plain {worth['plain']:.3f}, ")
    found = result.row(best.name, "tiny").value
    assert f"its familiarity alone has {found:.3f}" in note


def test_the_stored_table_is_that_of_the_code_and_the_models_that_ship_are_what_it_chose() -> None:
    result = read_study("retakes")
    assert result.plan == plan_of(Retakes())
    for name in Retakes().sets:
        config = load_scenario(name).training_of("novelty").config
        best = BANKS[chosen(result, name).name][1]
        assert {k: config[k] for k in ("copies", "least", "offers") if k in config} == dict(best)
        card = checkpoint.read_card(load_scenario(name).folder, "novelty")
        assert {k: card.config[k] for k in best} == dict(best)
