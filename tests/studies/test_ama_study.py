"""The ablation of AMA: arms read what they say off what they say, and all have one budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from conftest import forget_everything

from core.data.picture import as_tensor
from core.data.stream import Stream
from core.detectors.ama import AMA
from core.inference.scoring import parts_of
from core.inference.validation import validate
from core.results import Contrast, StudyResult, read_study
from core.studies import _base, _cells, _one_class, study
from core.studies import ama as pairs
from core.studies._base import plan_of
from core.studies._cells import cells_of, compute
from core.studies._collect import measure
from core.studies.ama import ARMS, FULL, GRID, NETWORKS, PLAIN, TOPICS, Pairs, PlainAutoencoder
from core.train.loop import fit

pytestmark = pytest.mark.slow

TINY = Pairs(
    config=AMA.Config(code=3, width=1, critic_width=2, fitted=64),
    sets=("MNIST", "FashionMNIST"),
    classes=(0, 1),
    batches=4,
    batch_size=8,
    cheaper=8.0,
    calibration=tiny.CALIBRATION_IMAGES,
    draws=40,
)
BY_NAME = {arm.name: arm for arm in ARMS}
Streams = Mapping[str, Stream]
Shared = Mapping[str, Mapping[str, torch.Tensor]]


def three_kinds(
    name: str, folder: Path, *, train: bool, download: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """A public set of three classes, boxes, strokes, boxes turned; another set is darker."""
    n = tiny.TRAINING_IMAGES + tiny.CALIBRATION_IMAGES if train else tiny.TEST_IMAGES
    labels, images = np.arange(n) % 3, tiny.boxes(n, seed=int(train))
    images[labels == 1] = tiny.strokes(int((labels == 1).sum()), seed=int(train))
    images[labels == 2] = np.rot90(images[labels == 2], axes=(1, 2))
    return (images if name == "MNIST" else images // 2), labels


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Folders of its own, no checkpoint in them, and the stand-in for the public sets."""
    for name in ("checkpoints", "runs", "data"):
        monkeypatch.setenv(f"OUTSKIRTS_{name.upper()}", str(tmp_path / name))
    monkeypatch.setattr(_one_class, "public_set", three_kinds)
    forget_everything()
    _one_class.images_of.cache_clear()
    yield tmp_path
    _one_class.images_of.cache_clear()
    forget_everything()


@pytest.fixture(scope="module")
def stream() -> Stream:
    return tiny.stream_of(tiny.boxes(40, seed=0), batch_size=8)


@pytest.fixture(scope="module")
def shared(stream: Stream) -> Shared:
    return {network: TINY.share(network, stream) for network in NETWORKS}


@pytest.fixture(scope="module")
def test_images() -> np.ndarray:
    return np.concatenate([tiny.boxes(12, seed=5), tiny.strokes(12, seed=5)])


def ready(name: str, shared: Shared, stream: Stream, *, setting: int = 0) -> tuple[Any, str]:
    arm = BY_NAME[name]
    made = TINY.ready(arm, GRID[setting], stream=stream, shared=shared[arm.shares])
    return made.detector, made.part


# The plan -----------------------------------------------------------------------------------------


def test_three_classes_of_both_sets_are_normal_once_and_choose_by_faults() -> None:
    plan = study("ama")
    assert isinstance(plan, Pairs)
    cases = [(case.data, case.variant) for case in plan.cases]
    assert cases == [(data, c) for data in ("MNIST", "FashionMNIST") for c in "048"]
    assert plan.tuning == plan.cases
    assert len({cell.path for cell in cells_of(plan)}) == 2 * 6 * 12
    shared = {need.path for cell in cells_of(plan) for need in cell.needs if need.kind == "shared"}
    assert len(shared) == 6 * 5


def test_the_paper_s_score_is_the_reference_and_every_network_has_the_same_to_choose_from() -> None:
    arms = Pairs().arms
    assert arms[0].name == FULL
    assert arms[0].changes["part"] == AMA.Config().score == "two_sided"
    assert len({arm.name for arm in arms}) == len(arms) == 12
    assert {arm.shares for arm in arms} == set(NETWORKS)
    assert all(arm.grid == GRID for arm in arms)
    assert all(list(setting) == ["learning_rate"] for setting in GRID)


def test_every_arm_reads_what_its_name_says_off_the_network_that_its_name_says() -> None:
    read = {arm.name: (arm.shares, arm.changes["part"]) for arm in ARMS}
    crippled = ("ordinary", "no-simplex", "no-atypical")
    assert read == {
        FULL: (FULL, "two_sided"),
        "one-sided": (FULL, "one_sided"),
        "features": (FULL, "features"),
        "features-untrained": (FULL, "features_untrained"),
        "pixels": (FULL, "reconstruction"),
        **{name: (name, "two_sided") for name in crippled},
        **{f"{name}-one-sided": (name, "one_sided") for name in crippled},
        PLAIN: (PLAIN, "reconstruction"),
    }
    assert {pair for topic in TOPICS.values() for pair in topic} <= {
        (a.name, b.name) for a in ARMS for b in ARMS if a is not b
    }


def test_networks_differ_from_the_full_one_in_what_they_lack_alone() -> None:
    full = Pairs()._build(FULL).config
    assert (full.critic, full.atypical) == ("mirrored", "both")
    assert full.simplex > 0
    changes = {"ordinary": {"critic": "ordinary"}, "no-simplex": {"simplex": 0.0}}
    changes["no-atypical"] = {"atypical": "none"}
    for name, change in changes.items():
        assert Pairs()._build(name).config == replace(full, **change)
    assert Pairs()._build(PLAIN).config == full
    same = [Pairs()._build(name).state_dict() for name in NETWORKS]
    assert all(torch.equal(s["encoder.code.weight"], same[0]["encoder.code.weight"]) for s in same)


def test_another_length_or_rate_is_another_plan_and_another_device_is_not() -> None:
    for other in (
        replace(TINY, batches=5),
        replace(TINY, cheaper=3.0),
        replace(TINY, batch_size=4),
        replace(TINY, config=replace(TINY.config, code=4)),
    ):
        assert plan_of(other) != plan_of(TINY)
        assert _cells.folder_of(other) != _cells.folder_of(TINY)
    away = replace(TINY, device="cuda")
    assert plan_of(away) == plan_of(TINY)
    assert _cells.folder_of(away) == _cells.folder_of(TINY)


# Trainings ----------------------------------------------------------------------------------------


def test_every_network_learns_as_long_and_the_plain_one_as_many_more_batches(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the clock as long: a batch of it takes as much less."""
    steps: dict[str, list[int]] = {}

    def counted(detector: AMA, streams: Streams, *, seed: int, device: str) -> None:
        report = fit(detector, streams, seed=seed)
        steps.setdefault(network, []).append(report.steps)

    monkeypatch.setattr(pairs, "fit_here", counted)
    for network in NETWORKS:
        replace(TINY, batches=10, cheaper=3.0).share(network, stream)
    assert steps == {
        network: [30 if network == PLAIN else 10] * len(GRID) for network in NETWORKS
    }  # of every setting


def test_the_plain_network_moves_no_critic_and_mirrors_better_than_it_did(
    shared: Shared, stream: Stream
) -> None:
    fresh, (plain, part) = TINY._build(PLAIN), ready(PLAIN, shared, stream, setting=len(GRID) - 1)
    assert part == "reconstruction"
    assert isinstance(plain, PlainAutoencoder)
    for name, weight in fresh.critic.state_dict().items():
        if "original" in name or name.endswith("bias"):
            assert torch.equal(plain.critic.state_dict()[name], weight.half().float()), name
    x = as_tensor(stream.images)
    with torch.no_grad():
        before, after = ((x - d.reconstruct(x)).abs().mean() for d in (fresh, plain))
    assert after < 0.97 * before  # 32 batches of eight
    (term,) = plain._rebuild(next(stream.epoch(0, 1)), torch.Generator()).items()
    batch = next(stream.epoch(0, 1)).x
    assert term[0] == "error"
    squared = (batch - plain.reconstruct(batch)).square().mean()
    assert term[1] == pytest.approx(squared.item(), rel=1e-5)


def test_a_setting_of_the_grid_is_the_training_by_it(shared: Shared, stream: Stream) -> None:
    for i, setting in enumerate(GRID):
        detector, _ = ready("features", shared, stream, setting=i)
        epochs = TINY.batches / stream.batches()
        again = AMA(replace(TINY.config, **setting, epochs=epochs), pairs.SHAPE)
        again.load_state_dict(TINY._build(FULL).state_dict())
        _base.fit_here(again, {"train": stream}, seed=TINY.seed)
        for name, value in again.state_dict().items():
            assert torch.equal(detector.state_dict()[name], value), name


def test_networks_are_trained_where_it_is_said_and_their_distances_fitted_here(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def elsewhere(detector: AMA, streams: Streams, *, seed: int, device: str) -> None:
        asked.append(device)
        fit(detector, streams, seed=seed)
        detector.mean.fill_(-1)

    monkeypatch.setattr(pairs, "fit_here", elsewhere)
    there = replace(TINY, device="cuda").share(FULL, stream)
    here = TINY.share(FULL, stream)
    assert asked == ["cuda"] * len(GRID) + ["cpu"] * len(GRID)
    assert here["0.mean"] == -1
    assert there["0.mean"] > 0


# The budget ---------------------------------------------------------------------------------------


def test_settings_are_chosen_by_the_arm_s_own_part_of_held_out_images_of_the_class(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study_ = replace(TINY, held={})
    case = study_.cases[1]
    images, labels = three_kinds(case.data, bare, train=True)
    rows = np.random.default_rng(TINY.seed).permutation(len(images))[: TINY.calibration]
    expected = images[rows[labels[rows] == 1]]
    stream, held_out = study_.training(case)
    assert np.array_equal(held_out, expected)
    networks = {n: replace(study_, batches=2).share(n, stream) for n in (FULL, PLAIN)}
    monkeypatch.setattr(Pairs, "test", lambda *a: pytest.fail("a test image was read"))
    for name in (FULL, "one-sided", "pixels", PLAIN):
        arm = BY_NAME[name]
        worth = study_.worth(arm, case, shared=networks[arm.shares])
        for i, value in enumerate(worth):
            detector = study_.ready(
                arm, GRID[i], stream=stream, shared=networks[arm.shares]
            ).detector
            faults = validate(detector, expected, seed=TINY.seed)
            of_part = [parts[arm.changes["part"]] for parts in faults.values()]
            assert value == pytest.approx(np.mean(of_part))


def test_arms_of_a_network_score_by_their_parts_from_one_pass(
    bare: Path, shared: Shared, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    study_, passes = replace(TINY, held={}), []

    def counted(detector: AMA, images: np.ndarray) -> dict[str, np.ndarray]:
        passes.append(detector)
        return parts_of(detector, images)

    monkeypatch.setattr(_one_class, "parts_of", counted)
    case, images = study_.cases[0], three_kinds("MNIST", bare, train=False)[0]
    for arm in ARMS:
        got = study_.scores(arm, GRID[-1], case=case, shared=shared[arm.shares])
        detector, part = ready(arm.name, shared, stream, setting=len(GRID) - 1)
        assert np.array_equal(got, parts_of(detector, images)[part]), arm.name
    assert len(passes) == len(NETWORKS)
    study_.scores(ARMS[0], GRID[0], case=case, shared=shared[FULL])
    study_.scores(ARMS[0], GRID[-1], case=study_.cases[1], shared=shared[FULL])
    assert len(passes) == len(NETWORKS) + len(GRID)


# The study ----------------------------------------------------------------------------------------


def contrast(low: float, high: float) -> list[Contrast]:
    return [
        Contrast(arm=a, other=b, data=data, value=(low + high) / 2, low=low, high=high)
        for topic in TOPICS.values()
        for a, b in topic
        for data in (None, "MNIST", "FashionMNIST")
    ]


def test_notes_say_who_is_better_and_when_nobody_can_be_told_to_be(whole: StudyResult) -> None:
    said = {}
    for name, ends in {"up": (0.01, 0.03), "down": (-0.03, -0.01), "zero": (-0.01, 0.03)}.items():
        result = whole.model_copy(update={"contrasts": tuple(contrast(*ends))})
        said[name] = TINY.notes(result)[0]
    assert said["up"] == (
        "Critic features against pixels (mean AUROC over 2 classes): mirror distance, one-sided is "
        "better than pixel error, +0.020 (+0.010 to +0.030; digits +0.020, garments +0.020)."
    )
    assert "is worse than pixel error, -0.020 (-0.030 to -0.010;" in said["down"]
    assert "cannot be told apart, +0.010 (-0.010 to +0.030" in said["zero"]
    assert said["zero"].endswith("the interval holds 0.")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudyResult]:
    """The study from images to a table: what arms share on one machine, the rest on another."""
    folder = tmp_path_factory.mktemp("ama")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("checkpoints", "runs", "data"):
            patch.setenv(f"OUTSKIRTS_{name.upper()}", str(folder / name))
        patch.setattr(_one_class, "public_set", three_kinds)
        forget_everything()
        _one_class.images_of.cache_clear()
        patch.setattr(_base, "processor", lambda: "a far processor")
        small = replace(TINY, classes=(0,), batches=2, held={})
        compute(small, shared_alone=True)
        assert not (folder / "checkpoints").exists()
        assert {c.kind for c in cells_of(small) if c.there} == set()
        assert len(list(_cells.folder_of(small).glob("shared-*.safetensors"))) == 2 * len(NETWORKS)
        patch.setattr(_base, "processor", lambda: "a near one")
        patch.setattr(Pairs, "share", lambda *a: pytest.fail("was trained again"))
        result = measure(small)
        assert result == read_study("ama")
        yield result
        _one_class.images_of.cache_clear()
    forget_everything()


def test_what_one_machine_trained_another_measures_and_the_table_names_both(
    whole: StudyResult,
) -> None:
    assert whole.run.processor == "a near one; a far processor"
    assert [arm.name for arm in whole.arms] == list(BY_NAME)
    for arm in whole.arms:
        assert [trial.setting for trial in arm.trials] == [dict(setting) for setting in GRID]
        for data in whole.data:
            best = max(arm.trials, key=lambda trial, data=data: trial.faults[data])
            assert arm.chosen[data] == best.setting
    assert whole.plan["batches"] == {n: 16 if n == PLAIN else 2 for n in NETWORKS}


def test_contrasts_are_differences_of_the_table_s_means(whole: StudyResult) -> None:
    assert len(whole.contrasts) == 3 * sum(map(len, TOPICS.values()))
    for one in whole.contrasts:
        sets = [one.data] if one.data else list(whole.data)
        gaps = [whole.row(one.arm, d).value - whole.row(one.other, d).value for d in sets]
        assert one.value == pytest.approx(np.mean(gaps), abs=2e-6)
        assert one.low <= one.value <= one.high
        if one.data and one.other == FULL:  # the reference: the row has its paired interval
            row = whole.row(one.arm, one.data)
            assert (one.low, one.high) == (row.difference_low, row.difference_high)
    with pytest.raises(KeyError):
        whole.contrast("pixels", "features")


def test_notes_are_computed_of_every_topic(whole: StudyResult) -> None:
    assert [note.partition(" (")[0] for note in whole.notes] == list(TOPICS)
    figures = whole.contrast("one-sided", FULL)
    assert f"{figures.value:+.3f} ({figures.low:+.3f} to {figures.high:+.3f};" in whole.notes[2]
