"""The command line as a user meets it: lines, a status, and one line for an error."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
import tiny
import torch
from conftest import Call, Tiny, forget_everything
from PIL import Image

import core
from core import checkpoint
from core.data.picture import as_pil, as_tensor
from core.detectors.glow import Glow
from core.evaluate.calibration import percentile

ROOT = Path(core.__file__).parent.parent
PARTS = list(Glow(Glow.Config(**tiny.CONFIG), tiny.SHAPE).described)
FIGURES = ["auroc", "low", "high", "aupr", "fpr95", "n_normal", "n_strange"]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Three boxes as files, one of them in a folder."""
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    for name, image in zip(("a.png", "b.png", "more/c.png"), tiny.boxes(3, seed=9), strict=True):
        as_pil(image).save(folder / name)
    return folder


def parts_of_boxes(folder: Path) -> dict[str, np.ndarray]:
    """What the detector itself says of the three boxes."""
    detector, _ = checkpoint.load(folder, "glow")
    with torch.inference_mode():
        found = detector.parts(as_tensor(tiny.boxes(3, seed=9)))
    return {part: values.numpy() for part, values in found.items()}


# Score ------------------------------------------------------------------------------------------


def test_score_prints_one_json_line_an_image(
    tiny_scenario: Tiny, pictures: Path, call: Call
) -> None:
    said = call("score", "tiny/glow", pictures)
    assert said.status == 0
    assert said.err == ""
    assert [row["image"] for row in said.lines()] == ["a.png", "b.png", "more/c.png"]
    assert all(list(row) == ["image", "score", "percentile"] for row in said.lines())
    card = checkpoint.read_card(tiny_scenario.folder, "glow")
    expected = parts_of_boxes(tiny_scenario.folder)[card.score.part]
    found = np.array([row["score"] for row in said.lines()])
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    ranks = percentile(found, card.quantiles(card.score.part))
    assert [row["percentile"] for row in said.lines()] == ranks.tolist()


def test_parts_are_added_when_asked_for(tiny_scenario: Tiny, pictures: Path, call: Call) -> None:
    rows = call("score", "tiny/glow", pictures, "--parts").lines()
    assert [row["image"] for row in rows] == ["a.png", "b.png", "more/c.png"]
    expected = parts_of_boxes(tiny_scenario.folder)
    card = checkpoint.read_card(tiny_scenario.folder, "glow")
    for row in rows:
        assert list(row) == ["image", "score", "percentile", "parts", "part_percentiles"]
        assert list(row["parts"]) == list(row["part_percentiles"]) == PARTS
        assert row["parts"][card.score.part] == row["score"]
        assert row["part_percentiles"][card.score.part] == row["percentile"]
    for part in PARTS:
        found = [row["parts"][part] for row in rows]
        np.testing.assert_allclose(found, expected[part], rtol=1e-5, atol=1e-2)


def test_images_of_an_array_are_numbered(tiny_scenario: Tiny, tmp_path: Path, call: Call) -> None:
    np.save(tmp_path / "stack.npy", tiny.boxes(3, seed=9))
    rows = call("score", "tiny/glow", tmp_path / "stack.npy").lines()
    assert [row["image"] for row in rows] == [f"stack.npy#{i}" for i in range(3)]


def test_what_was_done_to_a_file_is_said_on_standard_error(
    tiny_scenario: Tiny, tmp_path: Path, call: Call
) -> None:
    red = Image.new("RGB", (40, 50), (200, 10, 10))
    red.paste((255, 255, 255), (0, 0, 20, 50))
    red.save(tmp_path / "red.png")
    said = call("score", "tiny/glow", tmp_path / "red.png")
    assert said.status == 0
    assert len(said.lines()) == 1
    assert said.err == "red.png: RGB made grey; 40x50 fitted to 28x28, shrunk 1.8 times each way\n"


def test_a_file_of_which_nothing_is_left_is_scored_with_a_warning_of_its_own(
    tiny_scenario: Tiny, tmp_path: Path, call: Call
) -> None:
    levels = np.linspace(0, 4095, 784).astype(np.uint16).reshape(28, 28)
    Image.fromarray(levels).save(tmp_path / "deep.png")
    said = call("score", "tiny/glow", tmp_path / "deep.png")
    assert said.status == 0
    assert len(said.lines()) == 1
    assert said.err.splitlines() == [
        "deep.png: 16-bit grey made grey, levels 0..65535 as 0..255",
        "deep.png: warning: nearly black: its lightest pixel has level 16 of 255",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_written_tables_read_back_with_every_number(
    tiny_scenario: Tiny, pictures: Path, tmp_path: Path, call: Call, ending: str
) -> None:
    printed = call("score", "tiny/glow", pictures, "--parts").lines()
    file = tmp_path / f"scores.{ending}"
    said = call("score", "tiny/glow", pictures, "--parts", "--out", file)
    assert (said.status, said.out) == (0, "")
    flat = [
        {
            "image": row["image"],
            "score": row["score"],
            "percentile": row["percentile"],
            **{f"{k}.{p}": row[k][p] for k in ("parts", "part_percentiles") for p in PARTS},
        }
        for row in printed
    ]
    if ending == "jsonl":
        assert [json.loads(line) for line in file.read_text().splitlines()] == printed
    elif ending == "csv":
        with file.open(newline="") as opened:
            rows = list(csv.DictReader(opened))
        assert rows == [{k: str(v) for k, v in row.items()} for row in flat]
    else:
        assert pandas.read_parquet(file).to_dict("records") == flat


def test_a_bad_file_among_good_ones_is_named_and_the_rest_is_scored(
    tiny_scenario: Tiny, pictures: Path, tmp_path: Path, call: Call
) -> None:
    (pictures / "b2.png").write_bytes(b"no image")
    said = call("score", "tiny/glow", pictures, tmp_path / "gone.png")
    assert said.status == 1
    assert [row["image"] for row in said.lines()] == ["a.png", "b.png", "more/c.png"]
    assert said.err.splitlines() == [
        "b2.png: not an image file that can be read",
        "gone.png: there is no such file",
    ]
    file = tmp_path / "scores.csv"
    assert call("score", "tiny/glow", pictures, "--out", file).status == 1
    assert len(file.read_text().splitlines()) == 4


def test_nothing_that_can_be_read_is_an_error(
    tiny_scenario: Tiny, tmp_path: Path, call: Call
) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    file = tmp_path / "scores.csv"
    said = call("score", "tiny/glow", tmp_path / "a.png", "--out", file)
    assert said.status == 2
    assert said.err.splitlines() == ["a.png: the file is empty", "error: nothing could be read"]
    assert not file.exists()


def test_rough_scoring_is_near_and_not_the_same(
    tiny_scenario: Tiny, pictures: Path, call: Call
) -> None:
    exact, rough = (
        [
            row["parts"]["total"]
            for row in call("score", "tiny/glow", pictures, "--parts", *o).lines()
        ]
        for o in ([], ["--bf16"])
    )
    assert exact != rough
    np.testing.assert_allclose(rough, exact, rtol=0.05)


# Errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["score", "evaluate", "train"])
@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("fashoin/glow", "no scenario 'fashoin'; there are: tiny"),
        ("tiny/blow", "no detector 'blow'; there are: ama, deep_sad, esad, glow"),
        ("tiny/glow.boot", "tiny/glow has no variant 'boot'; has: none"),
        ("tiny", "'tiny' is not SCENARIO/DETECTOR"),
        ("tiny/", "'tiny/' is not SCENARIO/DETECTOR"),
        ("", "'' is not SCENARIO/DETECTOR"),
        ("../tiny/glow", "'../tiny/glow' is not SCENARIO/DETECTOR"),
        ("./glow", "'./glow' is not SCENARIO/DETECTOR"),
        ("/glow", "'/glow' is not SCENARIO/DETECTOR"),
        ("tiny/glow/", "such as fashion/glow: names, no path"),
    ],
)
def test_a_target_that_is_not_there_is_one_line(
    tiny_scenario: Tiny, pictures: Path, call: Call, verb: str, target: str, words: str
) -> None:
    assert words in call(verb, target, *([pictures] if verb == "score" else [])).error()


@pytest.mark.parametrize("verb", ["score", "evaluate"])
def test_a_missing_checkpoint_says_how_to_train_it(
    untrained: Tiny, pictures: Path, call: Call, verb: str
) -> None:
    said = call(verb, "tiny/glow", *([pictures] if verb == "score" else []))
    assert "train it with `python -m core train tiny/glow`" in said.error()


def test_one_flipped_bit_of_the_weights_is_one_line(
    tiny_scenario: Tiny, pictures: Path, call: Call
) -> None:
    file = tiny_scenario.folder / "glow.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    line = call("score", "tiny/glow", pictures).error()
    assert "tiny/glow.safetensors are not those of their card" in line


def test_missing_training_data_is_one_line_that_says_what_to_do(
    tiny_scenario: Tiny, call: Call
) -> None:
    said = call("train", "tiny/glow")
    assert said.status == 2
    assert "Traceback" not in said.err
    line = said.err.splitlines()[-1]
    assert line.startswith("error: FashionMNIST is not in ")
    assert str(tiny_scenario.data) in line
    assert "OUTSKIRTS_DATA" in line
    assert "--download" in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["score", "tiny/glow", "x.png", "--out", "scores.txt"],
            "must end in .jsonl, .csv, .parquet",
        ),
        (["score", "tiny/glow", "x.png", "--out", "no/where.csv"], "there is no folder no"),
        (["evaluate", "tiny/glow", "--scores", "scores.xlsx"], "must end in"),
        (["evaluate", "tiny/glow", "--against", "mine"], "--against takes NAME=PATH, got 'mine'"),
        (["evaluate", "tiny/glow", "--against", "=x"], "--against takes NAME=PATH"),
        (["evaluate", "tiny/glow", "--against", "mine=gone"], "gone: there is no such file"),
        (["evaluate", "tiny/glow", "--against", "a=x", "--against", "a=y"], "names 'a' twice"),
        (["train", "tiny/glow", "--set", "hidden"], "--set takes KEY=VALUE, got 'hidden'"),
        # There are no training images here: settings are checked before an hour is spent.
        (["train", "tiny/glow", "--set", "hiden=8"], "hiden"),
        (["train", "tiny/glow", "--minutes", "0"], "--minutes"),
        (["train", "tiny/glow", "--minutes", "inf"], "--minutes must be a finite number, got inf"),
        (["train", "tiny/glow", "--minutes", "nan"], "--minutes"),
        (["train", "tiny/glow", "--set", "hidden=1e999"], "--set hidden must be finite"),
        (["train", "tiny/glow", "--set", "hidden=NaN"], "--set hidden must be finite"),
        (["train", "tiny/glow", "--set", "hidden=-inf"], "--set hidden must be finite"),
        (["train", "tiny/glow", "--set", f"hidden={'1' * 400}"], "--set hidden is too large: 1"),
        (["train", "tiny/glow", "--set", f"hidden={'1' * 5000}"], "--set hidden is too large: 1"),
        (["train", "tiny/glow", "--set", f"hidden={'[' * 99999}"], "hidden is nested too deeply"),
        (["train", "tiny/glow", "--set", f"hidden={10**30}"], "hidden must be below 65,536"),
        (["train", "tiny/glow", "--set", "=8"], "--set takes KEY=VALUE, got '=8'"),
        (["score", "tiny/glow", "x.png", "--out", ""], "'.' must end in .jsonl"),
        (["bench", "nonsense"], "no benchmark 'nonsense'; there are:"),
        (["score", "tiny/glow"], "Missing argument 'PATH"),
        (["nonsense"], "No such command 'nonsense'"),
        (["score", "tiny/glow", "x.png", "--nonsense"], "No such option"),
    ],
    ids=lambda value: " ".join(value[:4]) if isinstance(value, list) else "",
)
def test_wrong_arguments_are_one_line(
    tiny_scenario: Tiny, tmp_path: Path, monkeypatch, call: Call, arguments: list, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert words in call(*arguments).error()


@pytest.mark.parametrize(
    ("setting", "words"),
    [("hiden=8", "hiden"), ("hidden=eight", "hidden"), ("hidden=null", "hidden")],
)
def test_a_setting_that_the_detector_does_not_know_is_one_line(
    untrained: Tiny, call: Call, setting: str, words: str
) -> None:
    said = call("train", "tiny/glow", "--set", setting)
    assert said.status == 2
    assert "Traceback" not in said.err
    line = said.err.splitlines()[-1]
    assert line.startswith("error: ")
    assert words in line
    assert not (untrained.folder / "glow.safetensors").exists()


def test_a_variant_without_settings_of_its_own_is_not_trained(
    tiny_scenario: Tiny, call: Call
) -> None:
    one_each = {"strange": [], "variants": ["zero", "one", "two"], "training": {}}
    scenario = tiny.scenario_json() | one_each
    (tiny_scenario.folder / "scenario.json").write_text(json.dumps(scenario))
    forget_everything()
    line = call("train", "tiny/glow.one").error()
    assert "no training settings for 'glow.one'; it has: none" in line
    assert "train it with" in call("evaluate", "tiny/glow.one").error()


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_that_cannot_be_written_is_one_line(
    tiny_scenario: Tiny, pictures: Path, tmp_path: Path, call: Call, ending: str
) -> None:
    taken = tmp_path / f"folder.{ending}"
    taken.mkdir()
    said = call("score", "tiny/glow", pictures, "--out", taken)
    assert said.status == 2
    assert f"folder.{ending}" in said.err.splitlines()[-1]


@pytest.mark.slow
def test_the_real_process_says_one_line_and_no_traceback(tiny_scenario: Tiny) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "core", "score", "tiny/glow", "gone.png"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "gone.png: there is no such file",
        "error: nothing could be read",
    ]


# Evaluate ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_evaluate_prints_the_documented_json_and_the_cards_figures(
    tiny_scenario: Tiny, call: Call
) -> None:
    said = call("evaluate", "tiny/glow", "--json")
    assert said.status == 0
    found = json.loads(said.out)
    card = checkpoint.read_card(tiny_scenario.folder, "glow")
    assert list(found) == ["detector", "strange", "normal"]
    assert found["normal"] == pytest.approx(card.figures, abs=1e-4)  # the card keeps four decimals
    assert found["detector"] == "tiny/glow"
    assert list(found["strange"]) == ["strokes", "turned", "flipped", "inverted", "noise", "flat"]
    for name, parts in found["strange"].items():
        assert list(parts) == ["score", *PARTS]
        assert parts["score"] == parts[card.score.part]
        for part in PARTS:
            assert list(parts[part]) == FIGURES
            kept = card.metrics[name][part].as_dict()
            # Scored anew; a pair of nearly equal scores may change places.
            assert parts[part] == pytest.approx(kept, abs=2e-4)
    stored = json.loads(call("evaluate", "tiny/glow", "--json", "--stored").out)
    assert stored["strange"]["flipped"]["total"] == card.metrics["flipped"]["total"].as_dict()


@pytest.mark.usefixtures("few_draws")
def test_evaluate_prints_a_table_that_says_what_its_intervals_cover(
    tiny_scenario: Tiny, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    said = call("evaluate", "tiny/glow", "--stored")
    assert said.status == 0
    for word in ("AUROC", "95 % interval", "AUPR", "FPR95", "strokes", *PARTS):
        assert word in said.out
    assert "not training seeds" in said.out


@pytest.mark.usefixtures("few_draws")
def test_evaluate_against_a_folder_of_ones_own(
    tiny_scenario: Tiny, pictures: Path, call: Call
) -> None:
    said = call("evaluate", "tiny/glow", "--json", "--against", f"mine={pictures}")
    assert said.status == 0
    found = json.loads(said.out)["strange"]
    assert list(found) == ["mine"]
    figures = found["mine"]["total"]
    assert (figures["n_normal"], figures["n_strange"]) == (96, 3)
    normal = checkpoint.read_scores(
        tiny_scenario.folder, checkpoint.read_card(tiny_scenario.folder, "glow")
    ).sets["boxes"]["total"]
    mine = parts_of_boxes(tiny_scenario.folder)["total"]
    assert figures["auroc"] == pytest.approx((normal < mine[:, None]).mean(), abs=2e-4)


def test_evaluate_says_whose_images_a_part_has_no_number_of(
    tiny_scenario: Tiny, pictures: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Glow, "parts", lambda _, x: {"total": torch.full((len(x),), torch.nan)})
    said = call("evaluate", "tiny/glow", "--stored", "--against", f"mine={pictures}")
    assert said.status == 2
    assert said.err.endswith("mine: total is no finite number on 3 images\n")


@pytest.mark.usefixtures("few_draws")
def test_a_set_in_colours_of_many_sizes_says_the_most_common_of_what_was_done(
    tiny_scenario: Tiny, tmp_path: Path, call: Call
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for i in range(4):
        Image.new("RGB", (28, 28 * (i + 2)), (9 * i, 90, 9)).save(own / f"{i}.png")
    said = call("evaluate", "tiny/glow", "--json", "--against", f"mine={own}")
    assert said.status == 0
    told = [line.removeprefix(f"{own}: ") for line in said.err.splitlines()]
    assert told[0] == "RGB made grey (4 of 4)"
    assert told[1] == "28x56 fitted to 28x28, shrunk 2 times each way (1 of 4)"
    assert told[3:] == ["and 2 other notes on images"]


@pytest.mark.usefixtures("few_draws")
def test_two_sets_of_ones_own_and_a_bad_file_in_one(
    tiny_scenario: Tiny, pictures: Path, tmp_path: Path, call: Call
) -> None:
    np.save(tmp_path / "strokes.npy", tiny.strokes(5, seed=9))
    (pictures / "bad.png").write_bytes(b"no image")
    said = call(
        *("evaluate", "tiny/glow", "--json"),
        *("--against", f"mine={pictures}", "--against", f"theirs={tmp_path / 'strokes.npy'}"),
    )
    assert said.status == 1
    assert said.err.splitlines()[-1] == "bad.png: not an image file that can be read"
    found = json.loads(said.out)["strange"]
    assert {name: parts["score"]["n_strange"] for name, parts in found.items()} == {
        "mine": 3,
        "theirs": 5,
    }
    assert found["theirs"]["total"]["auroc"] == 1


@pytest.mark.usefixtures("few_draws")
def test_a_set_of_ones_own_may_have_the_name_of_the_normal_set(
    tiny_scenario: Tiny, tmp_path: Path, call: Call
) -> None:
    np.save(tmp_path / "strokes.npy", tiny.strokes(5, seed=9))
    said = call("evaluate", "tiny/glow", "--json", "--against", f"boxes={tmp_path / 'strokes.npy'}")
    if said.status == 2:  # refused is as good as done
        assert "boxes" in said.error()
        return
    figures = json.loads(said.out)["strange"]["boxes"]["score"]
    assert figures["n_strange"] == 5


@pytest.mark.parametrize("images", [{}, {"a": np.zeros((2, 28, 28))}], ids=["none", "wrong type"])
def test_a_set_of_ones_own_that_holds_nothing_is_one_line(
    tiny_scenario: Tiny, tmp_path: Path, call: Call, images: dict
) -> None:
    np.savez(tmp_path / "mine.npz", **images)
    said = call("evaluate", "tiny/glow", "--against", f"mine={tmp_path / 'mine.npz'}")
    assert "mine.npz" in said.error()


@pytest.mark.usefixtures("few_draws")
@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_evaluate_writes_the_numbers_of_every_image(
    tiny_scenario: Tiny, tmp_path: Path, call: Call, ending: str
) -> None:
    file = tmp_path / f"numbers.{ending}"
    said = call("evaluate", "tiny/glow", "--stored", "--json", "--scores", file)
    assert said.status == 0
    if ending == "jsonl":
        table = pandas.DataFrame([json.loads(line) for line in file.read_text().splitlines()])
    else:
        table = {"csv": pandas.read_csv, "parquet": pandas.read_parquet}[ending](file)
    assert list(table.columns) == ["image", "set", *PARTS]
    counts = table["set"].value_counts()
    assert (counts["boxes"], counts["strokes"], counts["noise"]) == (96, 96, 1000)
    assert table["image"][0] == "boxes#0"
    card = checkpoint.read_card(tiny_scenario.folder, "glow")
    stored = checkpoint.read_scores(tiny_scenario.folder, card).sets
    for part in PARTS:
        found = table[part][table["set"] == "turned"].to_numpy()
        assert np.array_equal(found.astype(np.float32), stored["turned"][part])


@pytest.mark.parametrize(
    ("verb", "old", "new"),
    [("bench", "--anew", "--force"), ("evaluate", "--beside", "--compare-with")],
)
def test_an_older_option_is_refused_with_its_name_of_today(
    call: Call, verb: str, old: str, new: str
) -> None:
    said = call(verb, "tiny/glow", old, "tiny/glow")
    assert said.status == 2
    assert said.err.strip().endswith(f"{old}: it is called {new} now")
