"""Several models of one detector: what they learn from, ask, start from, and say of each other."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from conftest import Call, Tiny, change

from core import checkpoint
from core.card import Card, CardError
from core.data.picture import as_tensor
from core.data.splits import calibration_split
from core.detectors._base import Detector
from core.scenario import ScenarioError, load_scenario
from core.service import Target, parse_target
from core.train import run

LIMIT = "Lines look like strokes."


def cards(models: Tiny) -> dict[str, Card]:
    names = load_scenario("tiny").training
    return {name: checkpoint.read_card(models.folder, name) for name in names}


def train(name: str, **known: Any) -> Card:
    scenario = load_scenario("tiny")
    training = scenario.training_of(name)
    seed = known.pop("seed", training.seed)
    training = training.model_copy(update={"seed": seed})
    card = run.train(scenario, name, training=training, **known)
    assert card is not None
    return card


def last_line(said) -> str:
    assert said.status == 2, said.out
    assert "Traceback" not in said.err
    return said.err.splitlines()[-1]


# What they learned from -------------------------------------------------------------------------


def test_the_card_of_a_general_model_names_its_images_and_their_limit(models: Tiny) -> None:
    card = cards(models)["glow.general"]
    assert (card.detector, card.variant, card.name) == ("glow", "general", "glow.general")
    images = tiny.strokes(tiny.GENERAL_IMAGES, seed=7)
    assert (card.data.name, card.data.licence) == ("Lines", "CC0")
    assert card.data.images == len(images) == tiny.GENERAL_IMAGES
    assert card.data.sha256 == hashlib.sha256(images.tobytes()).hexdigest()
    assert card.data.calibration == 128  # normal images, as for every model
    assert card.licence == "Weights: as the training images, CC0"


def test_a_model_that_learned_from_both_names_both(models: Tiny) -> None:
    card = cards(models)["glow.outliers"]
    assert card.data.name == "FashionMNIST, training images, against Lines"
    assert card.data.licence == "MIT; CC0"
    assert card.data.images == tiny.TRAINING_IMAGES + tiny.GENERAL_IMAGES


def test_the_limit_of_the_general_images_stands_where_they_matter_and_nowhere_else(
    models: Tiny,
) -> None:
    found = {name: LIMIT in card.limits for name, card in cards(models).items()}
    assert found == {
        "glow.general": True,
        "glow": True,  # asks a model that learned from them
        "glow.outliers": True,
        "glow.seed-0": False,
        "glow.seed-1": False,
    }


def test_a_mixture_holds_every_training_image_as_normal_and_every_general_one_as_not(
    models: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    class Enough(Exception):
        pass

    def fit(detector: Detector, streams, **known):
        seen.update(streams)
        raise Enough

    monkeypatch.setattr(run, "fit", fit)
    with pytest.raises(Enough):
        train("glow.outliers")
    whole = tiny.public_set("FashionMNIST", models.data, train=True)[0]
    chosen = calibration_split(len(whole), calibration=128, seed=0)[0]
    general = tiny.strokes(tiny.GENERAL_IMAGES, seed=7)
    mixed = seen["train+auxiliary"]
    assert np.array_equal(mixed.images[mixed.kind == 1], whole[chosen])
    assert np.array_equal(mixed.images[mixed.kind == -1], general)
    assert set(mixed.label[mixed.kind == -1]) == {-1}
    with pytest.raises(Enough):
        train("glow.general")
    alone = seen["auxiliary"]
    assert np.array_equal(alone.images[:], general)
    assert set(alone.kind) == {0}
    assert set(alone.label) == {0}  # the one class of their source


def test_a_scenario_without_general_images_trains_no_general_model(models: Tiny) -> None:
    change(models, lambda scenario: scenario.pop("sources"))
    with pytest.raises(ScenarioError, match="scenario tiny names no auxiliary images"):
        train("glow.general")


# Where they start -------------------------------------------------------------------------------


@pytest.mark.slow
def test_training_starts_from_the_weights_that_the_config_names(
    models: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[dict[str, torch.Tensor]] = []
    whole = run.fit

    def fit(detector: Detector, *args, **known):
        begun.append({k: v.clone() for k, v in detector.state_dict().items()})
        return whole(detector, *args, **known)

    monkeypatch.setattr(run, "fit", fit)
    card = train("glow.outliers", restart=True)
    general, _ = checkpoint.load(models.folder, "glow.general")
    for key, value in general.state_dict().items():
        assert torch.equal(begun[0][key], value), key
    assert card.training.phases == ("likelihood", "typicality")  # not initialised anew
    trained, _ = checkpoint.load(models.folder, "glow.outliers")
    ended = trained.state_dict()
    assert not torch.equal(
        ended["flow.scales.0.steps.net.last"], begun[0]["flow.scales.0.steps.net.last"]
    )


def test_a_start_that_is_missing_or_of_another_size_is_one_line(models: Tiny, call: Call) -> None:
    line = last_line(call("train", "tiny/glow.outliers", "--set", "hidden=6"))
    assert "glow.outliers cannot start from glow.general" in line
    (models.folder / "glow.general.json").unlink()
    line = last_line(call("train", "tiny/glow.outliers"))
    assert "python -m core train tiny/glow.general" in line


# Whom they ask ----------------------------------------------------------------------------------


def test_cards_list_their_auxiliary_models_with_the_hash_of_their_weights(models: Tiny) -> None:
    data = (models.folder / "glow.general.safetensors").read_bytes()
    listed = {"glow.general": hashlib.sha256(data).hexdigest()}
    found = {name: card.auxiliary_models for name, card in cards(models).items()}
    assert found == {
        "glow.general": {},
        "glow": listed,
        "glow.outliers": listed,
        "glow.seed-0": {},
        "glow.seed-1": {},
    }


def test_a_loaded_detector_brings_its_auxiliary_models_and_reproduces_its_ratios(
    models: Tiny,
) -> None:
    detector, card = checkpoint.load(models.folder, "glow")
    general, _ = checkpoint.load(models.folder, "glow.general")
    images = load_scenario("tiny").pictures("boxes").images
    stored = checkpoint.read_scores(models.folder, card).sets["boxes"]["ratio_general"]
    with torch.inference_mode():
        x = as_tensor(images[:4])
        found = detector.parts(x)
        expected = found["total"] - general.parts(x)["total"]
    torch.testing.assert_close(found["ratio_general"], expected)
    # Scored in batches of 128 there, of 4 here.
    np.testing.assert_allclose(found["ratio_general"], stored[:4], rtol=1e-4, atol=0.05)
    assert "ratio_general" in card.metrics["strokes"]


@pytest.mark.slow
def test_a_auxiliary_model_that_changed_is_refused_until_the_model_is_measured_anew(
    models: Tiny,
) -> None:
    before = checkpoint.read_card(models.folder, "glow")
    train("glow.general", seed=5, restart=True)
    words = r"tiny/glow was measured with other weights of glow\.general: .*--keep-weights"
    with pytest.raises(CardError, match=words) as error:
        checkpoint.load(models.folder, "glow")
    assert "\n" not in str(error.value)
    measured = train("glow", keep_weights=True)
    assert measured.weights == before.weights
    assert measured.auxiliary_models != before.auxiliary_models
    detector, card = checkpoint.load(models.folder, "glow")
    assert card.auxiliary_models == {
        "glow.general": checkpoint.read_card(models.folder, "glow.general").weights.sha256
    }
    assert set(detector.auxiliaries) == {"general"}


@pytest.mark.parametrize("file", ["glow.general.json", "glow.general.safetensors"])
def test_a_missing_auxiliary_model_is_named(models: Tiny, file: str) -> None:
    (models.folder / file).unlink()
    with pytest.raises(CardError, match=r"tiny/glow\.general"):
        checkpoint.load(models.folder, "glow")
    alone, _ = checkpoint.load_alone(models.folder, "glow")  # its own weights are all right
    assert not alone.auxiliaries


# Measured anew ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_keeping_the_weights_measures_them_anew_and_leaves_their_bytes_alone(
    models: Tiny, call: Call
) -> None:
    file = models.folder / "glow.outliers.safetensors"
    data, before = file.read_bytes(), cards(models)["glow.outliers"]
    said = call("train", "tiny/glow.outliers", "--keep-weights")
    assert said.status == 0, said.err
    after = checkpoint.read_card(models.folder, "glow.outliers")
    assert file.read_bytes() == data
    assert after.weights == before.weights
    assert (before.training.test_evaluations, after.training.test_evaluations) == (1, 2)
    assert after.training == before.training.model_copy(update={"test_evaluations": 2})
    assert after.metrics == before.metrics
    assert after.data == before.data
    left = {file.name for file in models.runs.rglob("*") if file.is_file()}
    assert left <= {"lock"}  # nothing was trained


@pytest.mark.slow
def test_a_change_of_what_is_measured_shows_in_the_new_card(models: Tiny) -> None:
    assert "glow.general" in cards(models)["glow"].auxiliary_models
    change(models, lambda s: s["training"]["glow"]["config"].pop("general"))
    card = train("glow", keep_weights=True)
    assert card.auxiliary_models == {}
    assert "ratio_general" not in card.metrics["strokes"]
    assert LIMIT not in card.limits


def test_without_weights_there_is_nothing_to_keep(models: Tiny, call: Call) -> None:
    (models.folder / "glow.seed-0.safetensors").unlink()
    line = last_line(call("train", "tiny/glow.seed-0", "--keep-weights"))
    assert line == "error: weights tiny/glow.seed-0.safetensors are missing"
    (models.folder / "glow.seed-0.json").unlink()
    line = last_line(call("train", "tiny/glow.seed-0", "--keep-weights"))
    assert line.startswith("error: no checkpoint tiny/glow.seed-0")


# Seeds ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_seeds_are_reported_once_all_their_models_are_there(models: Tiny) -> None:
    known = cards(models)
    assert known["glow"].seeds is None  # trained before them
    card = train("glow", keep_weights=True)
    assert card.seeds is not None
    assert card.seeds.models == ("glow", "glow.seed-0", "glow.seed-1")
    assert set(card.seeds.auroc) == {"strokes", "turned"}
    for name, parts in card.seeds.auroc.items():
        assert list(parts) == list(known["glow.seed-0"].metrics[name])
        for part, figures in parts.items():
            measured = [card, known["glow.seed-0"], known["glow.seed-1"]]
            expected = [other.metrics[name][part].auroc for other in measured]
            assert list(figures) == expected, (name, part)
    assert card.seeds.text == "3 random starts, alike in all else"
    assert known["glow.seed-0"].weights != known["glow.seed-1"].weights
    (models.folder / "glow.seed-1.json").unlink()
    assert train("glow", keep_weights=True).seeds is None


# Targets ----------------------------------------------------------------------------------------


def test_a_target_may_be_any_model_that_the_scenario_has_settings_for(models: Tiny) -> None:
    assert parse_target("tiny/glow") == Target("tiny", "glow")
    found = parse_target("tiny/glow.seed-1")
    assert found == Target("tiny", "glow", "seed-1")
    assert (found.stem, str(found)) == ("glow.seed-1", "tiny/glow.seed-1")


def test_a_model_that_nobody_named_is_refused_with_those_there_are(models: Tiny) -> None:
    with pytest.raises(ScenarioError) as error:
        parse_target("tiny/glow.sead-1")
    assert str(error.value) == (
        "tiny/glow has no variant 'sead-1'; has: general, outliers, seed-0, seed-1"
    )


def test_a_model_scores_by_its_name(models: Tiny, tmp_path, call: Call) -> None:
    np.save(tmp_path / "boxes.npy", tiny.boxes(2, seed=9))
    rows = call("score", "tiny/glow.outliers", tmp_path / "boxes.npy", "--parts").lines()
    detector, _ = checkpoint.load(models.folder, "glow.outliers")
    with torch.inference_mode():
        found = detector.parts(as_tensor(tiny.boxes(2, seed=9)))
    assert [list(row["parts"]) for row in rows] == [list(detector.described)] * 2
    for part, values in found.items():
        np.testing.assert_allclose([row["parts"][part] for row in rows], values, rtol=1e-4)


def test_every_setting_of_a_model_is_in_its_card(models: Tiny) -> None:
    detector, card = checkpoint.load(models.folder, "glow.outliers")
    asked = load_scenario("tiny").training_of("glow.outliers").config
    assert {key: card.config[key] for key in asked} == asked
    loaded = dataclasses.asdict(detector.config)
    assert loaded == card.config


# What the weights were trained for ------------------------------------------------------------


def test_weights_are_not_kept_for_settings_they_were_not_trained_with(
    models: Tiny, call: Call
) -> None:
    for change_of, words in (("hidden=6", "hidden: 8, not 6"), ("leaves=second", "leaves: first")):
        said = call("train", "tiny/glow.seed-0", "--keep-weights", "--set", change_of)
        assert words in last_line(said)


@pytest.mark.slow
def test_what_training_did_not_see_may_change_while_weights_are_kept(models: Tiny) -> None:
    before = (models.folder / "glow.seed-0.safetensors").read_bytes()
    change(models, lambda s: s["training"]["glow.seed-0"]["config"].update(general="glow.general"))
    card = train("glow.seed-0", keep_weights=True)
    assert (models.folder / "glow.seed-0.safetensors").read_bytes() == before
    assert list(card.auxiliary_models) == ["glow.general"]
    assert "ratio_general" in card.metrics["turned"]


def test_the_general_model_of_an_outlier_loss_cannot_be_exchanged_afterwards(
    models: Tiny, call: Call
) -> None:
    said = call("train", "tiny/glow.outliers", "--keep-weights", "--set", "general=glow.seed-0")
    assert "general: glow.general, not glow.seed-0" in last_line(said)


def test_keeping_weights_and_restarting_exclude_each_other(models: Tiny, call: Call) -> None:
    said = call("train", "tiny/glow", "--keep-weights", "--restart")
    assert "not both" in last_line(said)


def test_training_does_not_start_from_weights_of_another_architecture(
    models: Tiny, call: Call
) -> None:
    said = call("train", "tiny/glow.outliers", "--restart", "--set", "leaves=second")
    assert "cannot start from glow.general: they differ in leaves" in last_line(said)


@pytest.mark.slow
def test_a_run_does_not_go_on_when_what_it_started_from_was_trained_anew(
    models: Tiny, call: Call
) -> None:
    train("glow.outliers")
    train("glow.general", seed=5, restart=True)
    said = call("train", "tiny/glow.outliers")
    assert "other settings" in last_line(said)
    train("glow.outliers", restart=True)


def test_a_score_that_a_model_does_not_have_is_refused_with_those_it_has() -> None:
    with pytest.raises(CardError, match=r"no part 'scale_4'.*it has: total, complexity"):
        checkpoint.from_config("glow.dense", {"flow": "dense", "score": "scale_4"}, tiny.SHAPE)


@pytest.mark.slow
def test_weights_taught_against_a_general_model_are_not_kept_with_another(
    models: Tiny, call: Call
) -> None:
    train("glow.general", seed=5, restart=True)
    said = call("train", "tiny/glow.outliers", "--keep-weights")
    assert "was trained against other weights of glow.general: train it anew" in last_line(said)


@pytest.mark.slow
def test_models_that_differ_in_more_than_their_seed_are_no_spread(models: Tiny, call: Call) -> None:
    train("glow.seed-1", seed=1, restart=True)  # its card is made anew, with the same settings
    change(models, lambda s: s["training"]["glow.seed-1"].update(minutes=0.004))
    train("glow.seed-1", seed=1, restart=True)
    said = call("train", "tiny/glow", "--keep-weights")
    assert said.status == 0  # told, and no reason to lose what was trained
    assert "no seeds: glow, glow.seed-0, glow.seed-1 differ in more than their seed" in said.err
    assert cards(models)["glow"].seeds is None


def test_weights_owe_their_licence_to_what_they_started_from_too(models: Tiny) -> None:
    found = {name: card.licence for name, card in cards(models).items()}
    assert found["glow.general"] == "Weights: as the training images, CC0"
    assert found["glow.outliers"] == "Weights: as the training images, MIT; CC0"
    assert found["glow.seed-0"] == "Weights: as the training images, MIT"
