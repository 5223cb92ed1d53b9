"""What the command line says of scenarios, and how it trains."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from conftest import Call, Tiny, forget_everything

from core import checkpoint
from core.detectors.glow import Glow
from core.service import PairQuery, Target, ask

# Scenarios --------------------------------------------------------------------------------------


def test_scenarios_lists_what_there_is(tiny_scenario: Tiny, call: Call) -> None:
    said = call("scenarios")
    assert said.status == 0
    assert said.out.startswith("tiny: Boxes. Is it a box?\n  normal: boxes; strange: strokes, ")
    assert "detectors: glow" in said.out
    (found,) = json.loads(call("scenarios", "--json").out)
    assert found == {
        "scenario": "tiny",
        "title": "Boxes",
        "question": "Is it a box?",
        "image": [1, 28, 28],
        "normal": "boxes",
        "strange": ["strokes", "turned", "flipped", "inverted", "noise", "flat"],
        "detectors": ["glow"],
        "models": ["glow"],
        "variants": [],
    }


def test_models_are_listed_by_the_names_that_targets_take(models: Tiny, call: Call) -> None:
    names = "glow, glow.general, glow.outliers, glow.seed-0, glow.seed-1"
    assert f"  models: {names}\n" in call("scenarios").out


def test_rank_correlations_with_another_model_are_those_of_the_service(
    models: Tiny, call: Call
) -> None:
    beside = ("--stored", "--compare-with", "tiny/glow.general")
    query = PairQuery(Target("tiny", "glow"), Target("tiny", "glow", "general"), "strokes")
    expected = ask(query).rank
    found = json.loads(call("evaluate", "tiny/glow", *beside, "--json").out)
    assert found["rank"]["tiny/glow.general"]["strokes"] == expected
    text = " ".join(call("evaluate", "tiny/glow", *beside).out.split())
    assert f"normal and strokes: both {expected['both']:.3f}, boxes" in text


def test_who_is_no_flow_is_compared_with_none(novelty: Tiny, call: Call) -> None:
    line = call("evaluate", "tiny/novelty", "--compare-with", "tiny/novelty").error()
    assert line.endswith(
        "only flows can be compared, by their full likelihoods: tiny/novelty is no flow"
    )


def test_without_a_verb_the_help_is_shown_as_it_is(call: Call) -> None:
    said = call()
    assert said.status == 2
    assert said.err == ""
    assert said.out.startswith("Usage: ")
    assert len(said.out.splitlines()) > 10


def test_a_dot_without_a_model_is_no_target(tiny_scenario: Tiny, call: Call) -> None:
    assert "'tiny/glow.' is not SCENARIO/DETECTOR" in call("evaluate", "tiny/glow.").error()


def test_a_damaged_scenario_is_said_and_the_others_are_listed(
    tiny_scenario: Tiny, call: Call
) -> None:
    (tiny_scenario.checkpoints / "bad").mkdir()
    (tiny_scenario.checkpoints / "bad" / "scenario.json").write_text("{}")
    said = call("scenarios")
    assert said.out.startswith("tiny: Boxes.")
    (line,) = said.err.splitlines()
    assert line.startswith("bad: bad/scenario.json")


def test_scenarios_without_any_checkpoint_says_none(untrained: Tiny, call: Call) -> None:
    assert "detectors: none trained" in call("scenarios").out


# Train ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_train_writes_a_checkpoint_with_the_settings_asked_for(
    untrained: Tiny, call: Call, tmp_path: Path
) -> None:
    arguments = ("train", "tiny/glow", "--minutes", "0.01", "--set", "hidden=6")
    said = call(*arguments)
    assert said.status == 0, said.err
    assert said.out.startswith("tiny/glow: ")
    assert "score: " in said.out
    assert "strokes: AUROC " in said.out
    card = checkpoint.read_card(untrained.folder, "glow")
    assert (card.config["hidden"], card.training.minutes) == (6, 0.01)
    forget_everything()
    np.save(tmp_path / "boxes.npy", tiny.boxes(3, seed=9))
    assert call("score", "tiny/glow", tmp_path / "boxes.npy").status == 0
    # The run in the runs folder is of other settings now; --restart begins anew.
    refused = call("train", "tiny/glow", "--minutes", "0.02")
    assert refused.status == 2
    assert "other settings" in refused.err.splitlines()[-1]
    assert "Traceback" not in refused.err
    assert call("train", "tiny/glow", "--minutes", "0.02", "--restart").status == 0
    assert checkpoint.read_card(untrained.folder, "glow").config["hidden"] == 8


def test_a_training_that_fails_leaves_the_old_checkpoint_alone(
    tiny_scenario: Tiny, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.train.streams.source_named", tiny.source_named)
    before = {p.name: p.read_bytes() for p in tiny_scenario.folder.iterdir()}
    monkeypatch.setattr(
        Glow, "_terms", lambda self, batch, generator: {"scale_4": torch.tensor(float("nan"))}
    )
    said = call("train", "tiny/glow")
    assert said.status == 2
    assert "player 'flow', step 0: term 'scale_4' is nan" in said.err.splitlines()[-1]
    assert {p.name: p.read_bytes() for p in tiny_scenario.folder.iterdir()} == before


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_said_before_anything_is_read(
    untrained: Tiny, call: Call, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    line = call("train", "tiny/glow", "--device", kind).error()
    assert line == f"error: no device of kind '{kind}' to train on: this machine has cpu"
    assert not (untrained.folder / "glow.json").exists()


def test_a_model_without_weights_to_train_says_so_and_claims_no_steps(
    tiny_scenario: Tiny, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = checkpoint.read_card(tiny_scenario.folder, "glow")
    one = card.training.model_copy(update={"steps": 1, "images": 1, "skipped_steps": 1})
    none = one.model_copy(update={"steps": 0, "images": 0, "skipped_steps": 0})
    data = card.data.model_copy(update={"images": 23})
    found = card.model_copy(update={"data": data})
    said = []
    for training in (one, none):
        card = found.model_copy(update={"training": training})
        monkeypatch.setattr("core.train.run.train", lambda *a, card=card, **k: card)
        said.append(call("train", "tiny/glow").out.splitlines()[0])
    assert said == [
        "tiny/glow: 1 image, 1 step skipped",
        "tiny/glow: fitted to 23 images; it has no weights to train",
    ]
