"""The ablation of Outskirts: arms are what their names say, and all of them have one budget."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from conftest import Call, forget_everything
from sklearn.neighbors import NearestNeighbors
from sklearn.svm import OneClassSVM

from core.data.picture import as_tensor
from core.data.stream import Stream
from core.detectors.outskirts import Outskirts
from core.inference.scoring import parts_of
from core.nn.dense import OutwardLogit, PlainLogit
from core.results import read_study
from core.studies import _base, _cells, _one_class, study
from core.studies import outskirts as ablation
from core.studies._base import Arm, Case, Ready, plan_of
from core.studies._cells import cells_of
from core.studies._collect import measure
from core.studies.outskirts import FULL, ONE, SHAPE, TWO, Ablation, Staged, arms_of

pytestmark = pytest.mark.slow

SIZES = {
    "hidden": 12,
    "code": 4,
    "regions": 2,
    "latent": 4,
    "fuse_hidden": 16,
    "classifier_hidden": 8,
}
KEPT = 64
TINY = Ablation(
    config=Outskirts.Config(**SIZES, exemplars=KEPT),  # type: ignore[arg-type]
    tuned_on={"MNIST": (0,)},
    classes=(0, 1),
    calibration=tiny.CALIBRATION_IMAGES,
    batch_size=64,
    draws=40,
)
ARMS = {arm.name: arm for arm in TINY.arms}
NOTHING_TO_SET = ("error", "density")
Bases = Mapping[str, Mapping[str, torch.Tensor]]


def three_kinds(
    name: str, folder: Path, *, train: bool, download: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """A public set of three classes: boxes, strokes, boxes turned."""
    n = tiny.TRAINING_IMAGES + tiny.CALIBRATION_IMAGES if train else tiny.TEST_IMAGES
    labels, images = np.arange(n) % 3, tiny.boxes(n, seed=int(train))
    images[labels == 1] = tiny.strokes(int((labels == 1).sum()), seed=int(train))
    images[labels == 2] = np.rot90(images[labels == 2], axes=(1, 2))
    return images, labels


def two_settings(config: Outskirts.Config) -> tuple[Arm, ...]:
    """The arms, with two settings each where there are six, for time's sake."""
    return tuple(replace(arm, grid=arm.grid[:2]) for arm in arms_of(config))


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Folders of its own, and the stand-in for the public sets."""
    for name in ("checkpoints", "runs", "data"):
        monkeypatch.setenv(f"OUTSKIRTS_{name.upper()}", str(tmp_path / name))
    monkeypatch.setattr(_one_class, "public_set", three_kinds)
    monkeypatch.setattr(ablation, "arms_of", two_settings)
    forget_everything()
    _one_class.images_of.cache_clear()
    yield tmp_path
    _one_class.images_of.cache_clear()
    forget_everything()


@pytest.fixture(scope="module")
def stream() -> Stream:
    return tiny.stream_of(tiny.boxes(128, seed=0))


@pytest.fixture(scope="module")
def bases(stream: Stream) -> Bases:
    return {levels: TINY.share(levels, stream) for levels in (ONE, TWO)}


@pytest.fixture(scope="module")
def test_images() -> np.ndarray:
    return np.concatenate([tiny.boxes(20, seed=5), tiny.strokes(20, seed=5)])


_TRAINED: dict[tuple[str, str], Ready] = {}


def trained(name: str, bases: Bases, stream: Stream, **setting: float) -> tuple[Outskirts, str]:
    """A copy of an arm with a setting, its first one where none is named; trained once for all."""
    key = name, str(sorted((setting or ARMS[name].grid[0]).items()))
    if key not in _TRAINED:
        _TRAINED[key] = trained_anew(name, bases, stream, **setting)
    return copy.deepcopy(_TRAINED[key].detector), _TRAINED[key].part


def trained_anew(name: str, bases: Bases, stream: Stream, **setting: float) -> Ready:
    arm = ARMS[name]
    return TINY.ready(arm, setting or arm.grid[0], stream=stream, shared=bases[arm.shares])


def base_with(bases: Bases, levels: str = TWO) -> Staged:
    """A detector with what arms share; its classifiers are fresh."""
    return TINY._on(bases[levels], levels=1 if levels == ONE else 2)


def draw(detector: Outskirts, n: int = 2000) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return detector._draw(n, torch.Generator().manual_seed(0))


# Each arm is what its name says -----------------------------------------------------------------


def test_negatives_come_from_the_outermost_alone_or_from_all(bases, stream) -> None:
    full, _ = trained(FULL, bases, stream, rho=0.1, kappa=1.2, tau=1.5)
    everyone, _ = trained("all", bases, stream)
    outermost = full.outlyingness().topk(round(0.1 * KEPT)).indices
    assert set(draw(full)[2].tolist()) == set(outermost.tolist())
    assert set(draw(everyone)[2].tolist()) == set(range(KEPT))


def test_plain_classifiers_are_nets_taught_by_the_same_outliers(bases, stream) -> None:
    full, _ = trained(FULL, bases, stream)
    plain, part = trained("plain", bases, stream)
    assert part == "logit"
    assert {type(c) for c in full.classifiers.values()} == {OutwardLogit}
    assert {type(c) for c in plain.classifiers.values()} == {PlainLogit}
    assert all(torch.equal(a, b) for a, b in zip(draw(full), draw(plain), strict=True))
    assert ARMS["plain"].grid == ARMS[FULL].grid


def test_noise_knows_no_posterior(bases, stream) -> None:
    noise, _ = trained("noise", bases, stream, kappa=1.5, tau=1.0)
    z = draw(noise, 20_000)[1]
    mean, std = noise._exemplar_posteriors()
    noise._exemplar_posteriors = lambda: (mean + 100, 7 * std)  # type: ignore[method-assign]
    assert torch.equal(draw(noise, 20_000)[1], z)
    # Of 80,000 numbers: mean and deviation are off by half a per cent at most.
    assert z.mean().abs() < 0.03
    assert z.std() == pytest.approx(1.5, rel=0.02)


def test_a_single_level_has_no_descriptors_and_as_many_epochs_as_two(bases, stream) -> None:
    single, part = trained("single", bases, stream)
    assert part == "logit"
    assert list(single.level1) == ["pixels"]
    assert not single.banks
    assert list(single.classifiers) == ["fused"]
    assert single.sizes == [28 * 28]
    two = {p.name: p.epochs for p in Outskirts(TINY.config, SHAPE).phases()}
    one = {p.name: p.epochs for p in Staged(replace(TINY.config, levels=1), SHAPE).phases()}
    assert one["fuse"] == two["distil"] + two["fuse"]
    assert one["discriminate"] == two["discriminate"]


def test_vae_error_is_that_of_the_shared_base(bases, stream, test_images) -> None:
    detector, part = trained("error", bases, stream)
    base = base_with(bases)
    with torch.no_grad():
        h = base.codes(as_tensor(test_images))
        error = (h - base.decoder(base.encoder(h)[:, : TINY.config.latent])).square().sum(1)
    np.testing.assert_allclose(parts_of(detector, test_images)[part], error.numpy(), rtol=1e-4)


@pytest.mark.parametrize("nu", [0.01, 0.1])
def test_svm_is_scikit_learns_on_the_same_codes(bases, stream, test_images, nu) -> None:
    detector, part = trained("svm", bases, stream, nu=nu, gamma=10.0)
    with torch.no_grad():
        codes = base_with(bases).codes(as_tensor(stream.images)).numpy()
        h = base_with(bases).codes(as_tensor(test_images)).numpy()
    svm = OneClassSVM(nu=nu, gamma=10 / codes.shape[1] / codes.var()).fit(codes)
    found = parts_of(detector, test_images)[part]
    np.testing.assert_allclose(found, -svm.decision_function(h), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("k", [1, 5])
def test_neighbours_are_scikit_learns_on_the_same_codes(bases, stream, test_images, k) -> None:
    detector, part = trained("neighbours", bases, stream, k=k)
    with torch.no_grad():
        codes = base_with(bases).codes(as_tensor(stream.images)).numpy()
        h = base_with(bases).codes(as_tensor(test_images)).numpy()
    assert codes.shape == (128, sum(base_with(bases).sizes))
    near = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(codes.astype(np.float64))
    expected = near.kneighbors(h.astype(np.float64))[0].mean(1)
    np.testing.assert_allclose(parts_of(detector, test_images)[part], expected, rtol=1e-3)


def test_density_alone_has_the_classifiers_that_the_full_method_starts_from(bases, stream) -> None:
    density, full = trained("density", bases, stream)[0], trained(FULL, bases, stream)[0]
    torch.manual_seed(TINY.seed)
    fresh = Outskirts(TINY.config, SHAPE)
    with torch.no_grad():
        near = base_with(bases).features(base_with(bases).exemplar_codes)
    for name, judge in density.classifiers.items():
        fresh.classifiers[name].fit_(near[name])
        for key, value in judge.state_dict().items():
            expected = fresh.classifiers[name].state_dict()[key]
            assert torch.equal(value, expected.half().float()), f"{name}.{key}"
        moved = (full.classifiers[name].net[0].weight - judge.net[0].weight).abs().max()
        assert moved > 0.01  # six epochs of Adam


def test_all_arms_of_two_levels_share_their_base_to_the_bit(bases, stream) -> None:
    names = (FULL, "plain", "all", "noise", "density")
    states = [trained(name, bases, stream)[0].state_dict() for name in names]
    for key in states[0]:
        if not key.startswith("classifiers."):
            assert all(torch.equal(state[key], states[0][key]) for state in states), key


def test_arms_differ_in_nothing_but_their_name_says(bases, stream, test_images) -> None:
    """The full method told to let all generate is the arm in which all generate."""
    setting = {"kappa": 1.2, "tau": 1.5}
    full, _ = trained(FULL, bases, stream, rho=1.0, **setting)
    everyone, _ = trained("all", bases, stream, **setting)
    a, b = (parts_of(d, test_images)["logit"] for d in (full, everyone))
    # Generators stand in another order, outermost first: other draws of the same kind.
    assert np.corrcoef(a, b)[0, 1] > 0.99
    again = trained_anew("all", bases, stream, **setting).detector
    assert np.array_equal(parts_of(again, test_images)["logit"], b)


# The budget -------------------------------------------------------------------------------------


def test_every_arm_that_has_something_to_set_tries_six_settings() -> None:
    for arm in Ablation().arms:
        assert len(arm.grid) == (1 if arm.name in NOTHING_TO_SET else 6), arm.name
        different = {tuple(sorted(setting.items())) for setting in arm.grid}
        assert len(different) == len(arm.grid), arm.name


@pytest.mark.parametrize("name", [FULL, "plain", "all", "noise", "single", "svm", "neighbours"])
def test_every_setting_scores_in_its_own_way(bases, stream, test_images, name) -> None:
    scores = []
    for setting in ARMS[name].grid:
        detector, part = trained(name, bases, stream, **setting)
        if name not in ablation.ON_CODES:
            wanted = {**ARMS[name].changes, **setting}
            assert {key: getattr(detector.config, key) for key in wanted} == wanted
        scores.append(parts_of(detector, test_images)[part].tobytes())
    assert len(set(scores)) == 6


def test_the_detectors_own_setting_is_among_them() -> None:
    config = Outskirts.Config()
    for arm in Ablation().arms:
        if arm.name not in (*ablation.ON_CODES, *NOTHING_TO_SET):
            tried = [replace(config, **arm.changes, **{**s}) for s in arm.grid
                     if not set(s) & set(arm.changes)]  # fmt: skip
            assert replace(config, **arm.changes) in tried, arm.name


def test_settings_are_chosen_on_held_out_images_of_the_class(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def watched(detector: object, images: np.ndarray, *, seed: int) -> dict[str, dict[str, float]]:
        seen.append(images)
        return {"fault": {"logit": 0.5}}

    monkeypatch.setattr(_base, "validate", watched)
    monkeypatch.setattr(_cells, "_shared", lambda *a: {})
    monkeypatch.setattr(_cells, "_building_on", lambda *a: {})
    monkeypatch.setattr(Ablation, "ready", lambda *a, **k: Ready(None, "logit"))
    for arm in TINY.arms:
        _cells._tune(TINY, arm, Case("MNIST", "1"))
    images, labels = three_kinds("MNIST", bare, train=True)
    held_out = np.random.default_rng(TINY.seed).permutation(len(images))[: TINY.calibration]
    expected = images[held_out[labels[held_out] == 1]]
    assert len(seen) == sum(len(arm.grid) for arm in TINY.arms)
    assert all(np.array_equal(some, expected) for some in seen)


# The study ----------------------------------------------------------------------------------------


def test_every_class_of_both_sets_is_normal_once_and_two_choose() -> None:
    plan = study("outskirts")
    assert isinstance(plan, Ablation)
    assert [case.data for case in plan.cases] == ["MNIST"] * 10 + ["FashionMNIST"] * 10
    assert [case.variant for case in plan.cases] == [str(c) for c in range(10)] * 2
    assert {case.data for case in plan.tuning} == set(plan.data)
    assert set(plan.tuning) < set(plan.cases)
    assert len(cells_of(plan)) == (20 + 4) * len(plan.arms)


def test_another_setting_of_the_detector_is_another_plan() -> None:
    other = replace(TINY, config=replace(TINY.config, beta=0.4))
    assert plan_of(other) != plan_of(TINY)
    assert _cells.folder_of(other) != _cells.folder_of(TINY)


def test_the_whole_goes_from_images_to_a_table_and_reads_back(bare: Path, call: Call) -> None:
    result = measure(TINY)
    assert result == read_study("outskirts")
    assert [arm.name for arm in result.arms] == list(ARMS)
    for arm in result.arms:
        assert [t.setting for t in arm.trials] == [dict(s) for s in ARMS[arm.name].grid[:2]]
        best = max(arm.trials, key=lambda trial: trial.faults["MNIST"])
        assert arm.chosen["MNIST"] == best.setting
        assert all(0 <= trial.faults["MNIST"] <= 1 for trial in arm.trials)
    assert result.plan["epochs"] == {
        p.name: p.epochs for p in Outskirts(TINY.config, SHAPE).phases() if p.players
    }
    assert result.run.test_images == {"MNIST": tiny.TEST_IMAGES}
    assert set(result.run.versions) == {"torch", "numpy", "scikit-learn"}
    assert "not training seeds" in result.run.interval
