"""A checkpoint loads as it was saved, or one line says which file is at fault."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import tiny
import torch
from conftest import Tiny
from pydantic import ValidationError

from core import checkpoint
from core.card import Calibration, Card, CardError, Weights, packed, unpacked
from core.data.picture import as_tensor
from core.data.splits import calibration_split
from core.detectors.glow import Glow
from core.evaluate.calibration import quantiles
from core.evaluate.metrics import auroc, measure
from core.files import FileError
from core.inference.scoring import parts_of
from core.scenario import load_scenario
from core.shape import Shape

ROOT = Path(__file__).parent.parent


def change(path: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    """Edit a card in place and seal it anew where it still fits its schema."""
    values = json.loads(path.read_text())
    edit(values)
    try:
        path.write_text(Card.model_validate(values).sealed().model_dump_json())
    except ValidationError:
        path.write_text(json.dumps(values))


def written(detector: Glow, folder: Path) -> Weights:
    """Weights alone, under the name glow."""
    data, weights = checkpoint.pack(detector)
    (folder / "glow.safetensors").write_bytes(data)
    return weights


def one_line(error: pytest.ExceptionInfo[CardError]) -> str:
    text = str(error.value)
    assert text
    assert "\n" not in text
    return text


# What training wrote ----------------------------------------------------------------------------


def test_the_card_says_which_images_and_settings_trained_it(tiny_scenario: Tiny) -> None:
    card = checkpoint.read_card(tiny_scenario.folder, "glow")
    assert (card.scenario, card.detector, card.name) == ("tiny", "glow", "glow")
    assert (card.data.images, card.data.calibration) == (384, 128)
    assert card.config == {
        **tiny.CONFIG,
        "scales": 3,
        "side": 0,
        "score": card.score.part,
        "learning_rate": 2e-3,
        "warmup": 0.01,
        "clip": 5.0,
        "flow": "scales",
        "leaves": "first",
        "data": "train",
        "mutation": 0.0,
        "flips": False,
        "translations": 0.0,
        "rounded": False,
        "weight_decay": 0.0,
        "draws": 4,
        "draw_seed": 0,
        "starts_from": "",
        "general": "",
        "background": "",
        "outliers": "",
        "outlier_weight": 6000.0,
        "outlier_temperature": 1000.0,
        "margin": 1.0,
    }
    assert card.input.shape == tiny.SHAPE
    assert (card.auxiliary_models, card.seeds, card.limits) == (
        {},
        None,
        checkpoint.from_config("glow", card.config, tiny.SHAPE).limits,
    )
    assert card.training.phases == ("initialise", "likelihood", "typicality")
    assert card.training.images == 32 * card.training.steps > 0
    assert card.training.test_evaluations == 1
    assert card.deviations == checkpoint.from_config("glow", card.config, tiny.SHAPE).deviations
    assert card.score.unit == Glow.about[card.score.part].unit


def test_the_cards_weights_are_those_of_the_file(tiny_scenario: Tiny) -> None:
    card = checkpoint.read_card(tiny_scenario.folder, "glow")
    data = (tiny_scenario.folder / "glow.safetensors").read_bytes()
    assert card.weights.sha256 == hashlib.sha256(data).hexdigest()
    assert card.weights.bytes == len(data)
    loaded = safetensors.torch.load(data)
    detector, _ = checkpoint.load(tiny_scenario.folder, "glow")
    assert card.weights.parameters == sum(
        loaded[key].numel() for key, _ in detector.named_parameters()
    )


def test_the_weights_carry_no_metadata(tiny_scenario: Tiny) -> None:
    # Several metadata keys make safetensors files differ from save to save.
    data = (tiny_scenario.folder / "glow.safetensors").read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert "__metadata__" not in header


def test_a_loaded_detector_reproduces_the_stored_scores_and_the_goldens(
    tiny_scenario: Tiny,
) -> None:
    detector, card = checkpoint.load(tiny_scenario.folder, "glow")
    stored = checkpoint.read_scores(tiny_scenario.folder, card).sets
    golden = dict(zip(card.golden.ids, zip(*card.golden.parts.values(), strict=True), strict=True))
    assert list(stored) == [s.name for s in load_scenario("tiny").sets]
    assert len(golden) == 4 * len(stored)
    for name, parts in stored.items():
        images = load_scenario("tiny").pictures(name).images
        with torch.inference_mode():
            found = detector.parts(as_tensor(images[:4]))
        assert list(parts) == list(found) == list(card.golden.parts)
        for k, (part, values) in enumerate(parts.items()):
            assert values.shape == (len(images),)
            assert values.dtype == np.float32
            # Scored in batches of 128 there, of 4 here.
            np.testing.assert_allclose(found[part], values[:4], rtol=1e-4, atol=0.02)
            shipped = [golden[f"{name}#{i}"][k] for i in range(4)]
            np.testing.assert_allclose(shipped, values[:4], rtol=1e-6)  # kept to seven digits


def test_the_cards_metrics_are_those_of_the_stored_scores(tiny_scenario: Tiny) -> None:
    card = checkpoint.read_card(tiny_scenario.folder, "glow")
    stored = checkpoint.read_scores(tiny_scenario.folder, card).sets
    assert set(card.metrics) == set(stored) - {"boxes"}
    for name, parts in card.metrics.items():
        for part, figures in parts.items():
            assert figures.auroc == auroc(stored["boxes"][part], stored[name][part])
    one = card.metrics["flipped"]["total"]
    assert one == measure(stored["boxes"]["total"], stored["flipped"]["total"])


def test_the_threshold_flags_one_normal_in_twenty(tiny_scenario: Tiny) -> None:
    card = checkpoint.read_card(tiny_scenario.folder, "glow")
    ranks = card.quantiles(card.score.part)
    assert len(ranks) == 1001
    # Linear between 128 values in both; the card keeps seven digits.
    assert card.score.threshold == pytest.approx(ranks[950], rel=1e-5)


def test_calibration_images_were_not_trained_on(tiny_scenario: Tiny) -> None:
    detector, card = checkpoint.load(tiny_scenario.folder, "glow")
    whole, _ = tiny.public_set("FashionMNIST", tiny_scenario.data, train=True)
    train, held_out = calibration_split(len(whole), calibration=128, seed=0)
    images = whole
    parts = parts_of(detector, images[held_out])
    expected = quantiles(parts["total"])
    np.testing.assert_allclose(card.quantiles("total"), expected, rtol=1e-5, atol=0.02)
    assert card.data.sha256 == hashlib.sha256(images[train].tobytes()).hexdigest()


# How it is stored -------------------------------------------------------------------------------


def test_a_cards_quantiles_are_packed_and_come_out_as_float32(tiny_scenario: Tiny) -> None:
    _, card = checkpoint.load(tiny_scenario.folder, "glow")
    for part, stored in card.calibration.quantiles.items():
        assert isinstance(stored, str)
        assert len(stored) < 4 * -(-1001 * 4 // 3)  # four letters for three bytes, less for zlib
        ranks = card.quantiles(part)
        assert (ranks.shape, ranks.dtype) == ((1001,), np.float64)
        assert np.array_equal(ranks, ranks.astype(np.float32))
    values = np.array([-2.5, 0.0, 0.1, 1e6 + 1 / 3])
    packing = Calibration(images=1, quantiles={"total": packed(values)})
    again = card.model_copy(update={"calibration": packing}).quantiles("total")
    assert again.tolist() == values.astype(np.float32).tolist()
    first = base64.b64encode(values.astype("<f4").tobytes()).decode()
    assert unpacked(first).tolist() == again.tolist()  # the first form that was packed


def test_an_older_card_keeps_its_numbers_and_its_seal(tiny_scenario: Tiny) -> None:
    path = tiny_scenario.folder / "glow.json"
    new = checkpoint.read_card(tiny_scenario.folder, "glow")

    def spelt_out(card: dict[str, Any]) -> None:
        card["calibration"]["quantiles"] = {
            part: new.quantiles(part).tolist() for part in new.calibration.quantiles
        }

    change(path, spelt_out)
    old = checkpoint.read_card(tiny_scenario.folder, "glow")
    assert old.seal != new.seal
    assert isinstance(old.calibration.quantiles["total"], tuple)
    for part in new.calibration.quantiles:
        assert np.array_equal(old.quantiles(part), new.quantiles(part))
    path.write_text(old.text(), encoding="utf-8")  # only the spaces differ
    assert checkpoint.read_card(tiny_scenario.folder, "glow") == old


@pytest.mark.slow
def test_every_card_that_ships_fits_its_seal_however_it_is_laid_out() -> None:
    for path in ROOT.glob("checkpoints/*/*.json"):
        if path.with_suffix(".safetensors").exists():
            card = checkpoint.read_card(path.parent, path.stem)
            again = Card.model_validate_json(card.text())
            assert again == card, path
            assert again.sealed().seal == card.seal, path


def test_no_line_of_a_card_holds_one_number_of_many(tiny_scenario: Tiny) -> None:
    text = (tiny_scenario.folder / "glow.json").read_text(encoding="utf-8")
    lines = [line.strip(" ,") for line in text.splitlines()]
    assert not [line for line in lines if re.fullmatch(r"-?[\d.]+(e[+-]?\d+)?", line)]
    assert '"shape": [1, 28, 28]' in lines
    (golden,) = (line for line in lines[lines.index('"golden": {') :] if '"total": [' in line)
    assert len(json.loads(golden.removeprefix('"total": '))) == 4 * len(tiny.CHANGES) + 8
    assert sum(line.startswith('"flat": {') for line in lines) == 1  # a line a part below it
    assert text.endswith("}\n")


def test_scores_are_rounded_to_seventeen_binary_digits() -> None:
    one = 2.0**-16  # the last digit of what lies between 1 and 2
    values = np.array([1 + one, 1 + 0.6 * one, -1 - 0.4 * one, 3 + one, 0, np.inf], np.float32)
    scores = checkpoint.ReferenceScores(
        {"boxes": {"total": values}}, np.ones((1, 2, 2, 1), np.uint8)
    )
    rounded = scores.rounded()
    found = rounded.sets["boxes"]["total"]
    assert found.tolist() == [1 + one, 1 + one, -1, 3, 0, np.inf]  # of two as near, the even one
    assert found.dtype == np.float32
    assert rounded.exemplars is scores.exemplars
    assert np.array_equal(rounded.rounded().sets["boxes"]["total"], found)
    many = np.random.default_rng(0).lognormal(3, 4, 10_000).astype(np.float32)
    off = checkpoint.ReferenceScores({"a": {"p": many}}).rounded().sets["a"]["p"] / many - 1
    assert 0 < np.abs(off).max() < 1e-5


def test_scores_of_an_older_file_are_the_numbers_themselves(tiny_scenario: Tiny) -> None:
    path = tiny_scenario.folder / "glow.atlas.npz"
    card = checkpoint.read_card(tiny_scenario.folder, "glow")
    expected = checkpoint.read_scores(tiny_scenario.folder, card).sets
    with np.load(path) as stored:
        arrays = {key: stored[key] for key in stored.files}
    n = len(expected["boxes"]["total"])
    assert (arrays["boxes/total"].shape, arrays["boxes/total"].dtype) == ((4, n), np.uint8)
    arrays |= {f"{s}/{p}": v for s, parts in expected.items() for p, v in parts.items()}
    np.savez_compressed(path, **arrays)
    found = checkpoint.read_scores(tiny_scenario.folder, card).sets
    for name, parts in expected.items():
        for part, values in parts.items():
            assert np.array_equal(found[name][part], values)
            assert found[name][part].dtype == np.float32


# What is refused --------------------------------------------------------------------------------


def test_a_missing_checkpoint_says_how_to_train_it(tiny_scenario: Tiny) -> None:
    with pytest.raises(CardError, match=r"python -m core train tiny/glow\.small") as error:
        checkpoint.load(tiny_scenario.folder, "glow.small")
    one_line(error)


def test_missing_weights_are_named(tiny_scenario: Tiny) -> None:
    (tiny_scenario.folder / "glow.safetensors").unlink()
    with pytest.raises(CardError, match=r"weights tiny/glow\.safetensors are missing"):
        checkpoint.load(tiny_scenario.folder, "glow")


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda card: card.update(colour="red"), "colour: Extra inputs"),
        (lambda card: card["weights"].update(colour="red"), "weights.colour: Extra inputs"),
        (
            lambda card: card["metrics"]["flat"]["total"].update(colour=1),
            "metrics.flat.total.colour: ",
        ),
        (lambda card: card.pop("limits"), "limits: Field required"),
        (lambda card: card.update(schema=2), "schema: Input should be 1"),
        (lambda card: card["training"].update(steps="many"), "training.steps: "),
    ],
)
def test_a_card_that_does_not_fit_the_schema_names_the_key(
    tiny_scenario: Tiny, edit, words: str
) -> None:
    change(tiny_scenario.folder / "glow.json", edit)
    with pytest.raises(CardError, match=r"card tiny/glow\.json is damaged") as error:
        checkpoint.load(tiny_scenario.folder, "glow")
    assert words in one_line(error)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe\x00", b"[]"])
def test_a_damaged_card_is_one_clear_error(tiny_scenario: Tiny, data: bytes) -> None:
    (tiny_scenario.folder / "glow.json").write_bytes(data)
    with pytest.raises(CardError, match=r"card tiny/glow\.json is damaged") as error:
        checkpoint.load(tiny_scenario.folder, "glow")
    one_line(error)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda config: config.update(hiden=8), "knows no setting hiden; it knows: .*hidden"),
        (lambda config: config.update(hidden="eight"), "hidden"),
        (lambda config: config.update(hidden=None), "hidden"),
    ],
    ids=["unknown key", "text", "null"],
)
def test_a_config_that_its_detector_does_not_know_is_refused(
    tiny_scenario: Tiny, edit, words: str
) -> None:
    change(tiny_scenario.folder / "glow.json", lambda card: edit(card["config"]))
    with pytest.raises(CardError, match=words) as error:
        checkpoint.load(tiny_scenario.folder, "glow")
    one_line(error)


def test_a_fault_of_a_detector_itself_is_not_told_as_one_of_its_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(self: Glow, config: Glow.Config, shape: Shape) -> None:
        raise AttributeError("'Glow' object has no attribute 'floww'")

    monkeypatch.setattr(Glow, "__init__", broken)
    with pytest.raises(AttributeError, match="floww"):
        checkpoint.from_config("glow", tiny.CONFIG, tiny.SHAPE)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("glow", "hidden"),
        ("glow", "draws"),
        ("glow", "draw_seed"),
        ("outskirts", "exemplars"),
        ("outskirts", "regions"),
    ],
)
@pytest.mark.parametrize(
    "number", [2**31, "1" + "0" * 30, 10**400, 10**5000], ids=["31 bits", "text", "400", "5000"]
)
def test_a_setting_that_no_size_can_have_is_refused_by_its_name(
    name: str, key: str, number: int | str
) -> None:
    with pytest.raises(CardError, match=rf"^{name}: setting {key} must be below [\d,]+$"):
        checkpoint.from_config(name, {key: number}, tiny.SHAPE)


def test_a_card_of_an_unknown_detector_is_refused(tiny_scenario: Tiny) -> None:
    change(tiny_scenario.folder / "glow.json", lambda card: card.update(detector="blow"))
    with pytest.raises(CardError, match="blow"):
        checkpoint.load(tiny_scenario.folder, "glow")


def test_weights_of_another_size_do_not_fit_even_with_the_right_hash(tiny_scenario: Tiny) -> None:
    torch.manual_seed(0)
    other = Glow(Glow.Config(**{**tiny.CONFIG, "hidden": 6}), tiny.SHAPE)
    weights = written(other, tiny_scenario.folder)
    change(
        tiny_scenario.folder / "glow.json",
        lambda card: card["weights"].update(sha256=weights.sha256),
    )
    with pytest.raises(CardError, match="do not fit"):
        checkpoint.load(tiny_scenario.folder, "glow")


def test_weights_with_a_tensor_too_many_do_not_fit(tiny_scenario: Tiny) -> None:
    path = tiny_scenario.folder / "glow.safetensors"
    state = safetensors.torch.load(path.read_bytes())
    data = safetensors.torch.save({**state, "stowaway": torch.zeros(1)})
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    change(tiny_scenario.folder / "glow.json", lambda card: card["weights"].update(sha256=digest))
    with pytest.raises(CardError, match="stowaway"):
        checkpoint.load(tiny_scenario.folder, "glow")


def test_a_cut_weight_file_is_refused(tiny_scenario: Tiny) -> None:
    path = tiny_scenario.folder / "glow.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CardError, match="not those of their card"):
        checkpoint.load(tiny_scenario.folder, "glow")


def test_a_detector_beyond_the_limit_is_not_written(
    tmp_path: Path, fitted_glow: Glow, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checkpoint.MAX_BYTES == 20_000_000
    monkeypatch.setattr(checkpoint, "MAX_BYTES", 1000)
    with pytest.raises(CardError, match="bytes are more than 1000"):
        checkpoint.pack(fitted_glow)


# The atlas --------------------------------------------------------------------------------------


def test_an_atlas_of_other_weights_is_refused(tiny_scenario: Tiny) -> None:
    torch.manual_seed(5)
    weights = written(Glow(Glow.Config(**tiny.CONFIG), tiny.SHAPE), tiny_scenario.folder)
    card = checkpoint.read_card(tiny_scenario.folder, "glow")
    trained_anew = card.model_copy(update={"weights": weights})
    with pytest.raises(CardError, match=r"tiny/glow\.atlas\.npz belongs to other weights"):
        checkpoint.read_scores(tiny_scenario.folder, trained_anew)


@pytest.mark.usefixtures("numpy_leaves_files_open")
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("damage", ["missing", "empty", "text", "cut", "no hash"])
def test_a_missing_or_damaged_atlas_is_one_clear_error(tiny_scenario: Tiny, damage: str) -> None:
    path = tiny_scenario.folder / "glow.atlas.npz"
    card = checkpoint.read_card(tiny_scenario.folder, "glow")
    if damage == "missing":
        path.unlink()
    elif damage == "no hash":
        np.savez_compressed(path, **{"boxes/total": np.zeros(3, np.float32)})
    else:
        whole = path.read_bytes()
        path.write_bytes({"empty": b"", "text": b"atlas", "cut": whole[: len(whole) // 2]}[damage])
    words = "is missing" if damage == "missing" else "cannot be read"
    with pytest.raises(CardError, match=rf"tiny/glow\.atlas\.npz {words}") as error:
        checkpoint.read_scores(tiny_scenario.folder, card)
    one_line(error)


def spoilt(found: Tiny, spoil: Callable[[dict], object]) -> Card:
    """Change the arrays that are stored beside glow's weights; its card, which stays."""
    path = found.folder / "glow.atlas.npz"
    with np.load(path) as stored:
        arrays = dict(stored)
    spoil(arrays)
    np.savez_compressed(path, **arrays)
    return checkpoint.read_card(found.folder, "glow")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda z: z.update({"a/b/c": z["boxes/total"]}), "a/b/c is no part of it"),
        (lambda z: z.pop("boxes/total"), "boxes/total is missing"),
        (
            lambda z: z.update({"boxes/total": z["boxes/total"][:, :5]}),
            "boxes/total has 5 numbers of 96",
        ),
        (
            lambda z: z.update({k: v[:, :5] for k, v in z.items() if k.startswith("turned/")}),
            "turned/total has 5 numbers of 96",
        ),
        (
            lambda z: z.update({"boxes/total": np.array(["a"] * 96)}),
            r"boxes/total must be numbers \(N,\)",
        ),
        (lambda z: z.update(exemplars=np.zeros((2, 784), np.uint8)), r"got \(2, 784\)"),
    ],
    ids=[
        "three names",
        "a part missing",
        "few of a part",
        "few of a set",
        "text",
        "rows of exemplars",
    ],
)
def test_scores_that_do_not_fit_their_card_are_one_clear_error(
    tiny_scenario: Tiny, spoil, words: str
) -> None:
    card = spoilt(tiny_scenario, spoil)
    with pytest.raises(CardError, match=rf"tiny/glow\.atlas\.npz does not fit .*{words}") as error:
        checkpoint.read_scores(tiny_scenario.folder, card)
    one_line(error)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda z: z.pop("pca.xy"), "'pca.xy' is missing"),
        (lambda z: z.update(which=z["which"][:5]), r"indices must be \(5,\)"),
    ],
    ids=["a part missing", "too few"],
)
def test_a_map_that_is_not_whole_is_one_clear_error(tiny_scenario: Tiny, spoil, words: str) -> None:
    card = spoilt(tiny_scenario, spoil)
    with pytest.raises(CardError, match=rf"glow\.atlas\.npz holds no whole map: {words}") as error:
        checkpoint.read_atlas(tiny_scenario.folder, card)
    one_line(error)


def test_scores_are_read_as_they_were_saved(tmp_path: Path, fitted_glow: Glow) -> None:
    data, weights = checkpoint.pack(fitted_glow)
    values = np.array([1.5, -2.25, 3e-7], np.float32)
    scores = checkpoint.ReferenceScores({"boxes": {"total": values}, "flat": {"total": values[:1]}})
    calibration = Calibration(images=1, quantiles={"total": (0.0,)})
    plain = tiny.card_of(fitted_glow, "glow", weights)
    card = plain.model_copy(update={"calibration": calibration})
    checkpoint.save(card, tmp_path, weights=data, scores=scores)
    found = checkpoint.read_scores(tmp_path, card).sets
    assert {s: list(parts) for s, parts in found.items()} == {"boxes": ["total"], "flat": ["total"]}
    assert np.array_equal(found["boxes"]["total"], values)


def test_a_variant_is_a_file_of_its_own(tmp_path: Path, fitted_glow: Glow) -> None:
    data, weights = checkpoint.pack(fitted_glow)
    folder = tmp_path / "tiny"
    folder.mkdir()
    card = tiny.card_of(fitted_glow, "glow", weights).model_copy(
        update={"variant": "ankle-boot-01"}
    )
    checkpoint.save(card, folder, weights=data, scores=checkpoint.ReferenceScores({}))
    assert sorted(p.name for p in folder.iterdir()) == [
        "glow.ankle-boot-01.atlas.npz",
        "glow.ankle-boot-01.json",
        "glow.ankle-boot-01.safetensors",
    ]
    loaded = checkpoint.load(folder, "glow.ankle-boot-01")[1]
    assert loaded.name == "glow.ankle-boot-01"
    assert loaded.model_dump_json() == card.sealed().model_dump_json()


def test_a_flipped_digit_of_a_card_breaks_its_seal(tiny_scenario: Tiny) -> None:
    path = tiny_scenario.folder / "glow.json"
    values = json.loads(path.read_text())
    values["score"]["threshold"] += 1e-3
    path.write_text(json.dumps(values))
    with pytest.raises(CardError, match="does not fit its own seal"):
        checkpoint.read_card(tiny_scenario.folder, "glow")


def test_a_card_of_another_scenario_is_refused(tiny_scenario: Tiny) -> None:
    change(tiny_scenario.folder / "glow.json", lambda card: card.update(scenario="elsewhere"))
    with pytest.raises(CardError, match="belongs to elsewhere/glow"):
        checkpoint.read_card(tiny_scenario.folder, "glow")


# On other machines ------------------------------------------------------------------------------

READING = """
import sys
from pathlib import Path
from core import checkpoint
from core.files import read_text
from core.scenario import load_scenario
card = checkpoint.read_card(load_scenario("tiny").folder, "glow")
found = load_scenario("tiny").title, card.licence, read_text(Path(sys.argv[1]))
sys.stdout.write(ascii(found))
"""


@pytest.mark.slow
def test_files_are_read_as_utf8_where_the_machine_has_another_encoding(
    tiny_scenario: Tiny, tmp_path: Path
) -> None:
    scenario = tiny.scenario_json() | {"title": "Bo\u00eetes \u2192 \u7bb1"}
    text = json.dumps(scenario, ensure_ascii=False)
    (tiny_scenario.folder / "scenario.json").write_text(text, encoding="utf-8")
    card = checkpoint.read_card(tiny_scenario.folder, "glow")
    card = card.model_copy(update={"licence": "\u00a9 \u03ba"}).sealed()
    path = tiny_scenario.folder / "glow.json"
    path.write_text(card.model_dump_json(), encoding="utf-8")
    text_file = tmp_path / "a.txt"
    text_file.write_text("\u03b1\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", READING, text_file],
        cwd=ROOT,
        env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = scenario["title"], "\u00a9 \u03ba", "\u03b1\n"
    assert done.stdout == ascii(expected)


def test_a_file_that_cannot_be_written_is_named_and_none_is_left_half_written(
    tiny_scenario: Tiny, fitted_glow: Glow
) -> None:
    before = {p.name: p.read_bytes() for p in tiny_scenario.folder.iterdir()}
    card = checkpoint.read_card(tiny_scenario.folder, "glow")
    data, weights = checkpoint.pack(fitted_glow)
    scores = checkpoint.read_scores(tiny_scenario.folder, card)
    file = tiny_scenario.folder / "glow.json"
    file.unlink()
    file.mkdir()  # the last of the three cannot be replaced
    with pytest.raises(FileError, match=r"glow\.json cannot be written"):
        checkpoint.save(
            card.model_copy(update={"weights": weights}),
            tiny_scenario.folder,
            weights=data,
            scores=scores,
        )
    assert sorted(p.name for p in tiny_scenario.folder.iterdir()) == sorted(before)


def test_an_older_setting_is_refused_with_its_name_of_today() -> None:
    with pytest.raises(CardError, match="kept is called exemplars now"):
        checkpoint.from_config("outskirts", {"kept": 9}, tiny.SHAPE)
