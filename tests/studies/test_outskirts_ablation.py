"""The ablation: arms are what their names say, settings chosen fairly, intervals paired."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
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
from core.evaluate.bootstrap import Areas, interval, resamples
from core.evaluate.metrics import auroc, bootstrap_auroc
from core.inference.scoring import parts_of
from core.results import Ablation, AblationMissing, ablation_path, read_ablation
from core.studies import _outskirts_arms as ablation_arms
from core.studies import outskirts as ablation
from core.studies._outskirts_arms import FULL, PLAN, Arm, Plan, Staged, arms_of, base_of, ready

SIZES = {
    "hidden": 12,
    "code": 4,
    "regions": 2,
    "latent": 4,
    "fuse_hidden": 16,
    "classifier_hidden": 8,
}
KEPT = 64
TINY = Plan(
    config=Outskirts.Config(**SIZES, exemplars=KEPT),  # type: ignore[arg-type]
    tuning={"MNIST": (0,)},
    classes=(0, 1),
    calibration=tiny.CALIBRATION_IMAGES,
    batch_size=64,
    draws=40,
)
ARMS = {arm.name: arm for arm in TINY.arms}
NOTHING_TO_SET = ("error", "density")


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


def settle(patch: pytest.MonkeyPatch, root: Path) -> Path:
    """Folders of its own, and the stand-in for the public sets."""
    for name in ("checkpoints", "runs", "data"):
        patch.setenv(f"OUTSKIRTS_{name.upper()}", str(root / name))
    patch.setattr(ablation, "public_set", three_kinds)
    patch.setattr(ablation_arms, "arms_of", two_settings)
    forget_everything()
    return root


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all parts of the tiny plan and what is stored of them."""
    with pytest.MonkeyPatch.context() as patch:
        root = settle(patch, tmp_path_factory.mktemp("ablation"))
        ablation.measure(TINY)
    forget_everything()
    return root


@pytest.fixture
def root(computed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of it, free to be damaged."""
    shutil.copytree(computed, tmp_path / "copy")
    yield settle(monkeypatch, tmp_path / "copy")
    forget_everything()


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    yield settle(monkeypatch, tmp_path)
    forget_everything()


@pytest.fixture(scope="module")
def stream() -> Stream:
    return tiny.stream_of(tiny.boxes(128, seed=0))


@pytest.fixture(scope="module")
def bases(stream: Stream) -> dict[int, Staged]:
    return {levels: base_of(TINY, stream, levels=levels) for levels in (1, 2)}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def test_images() -> np.ndarray:
    images = np.concatenate([tiny.boxes(20, seed=5), tiny.strokes(20, seed=5)])
    return images


def trained(
    name: str | Arm, bases: dict[int, Staged], stream: Stream, **setting: float
) -> tuple[Outskirts, str]:
    arm = ARMS[name] if isinstance(name, str) else name
    base = bases[arm.changes.get("levels", 2)]
    return ready(arm, setting or arm.grid[0], base, plan=TINY, stream=stream)


def draw(detector: Outskirts, n: int = 2000) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return detector._draw(n, torch.Generator().manual_seed(0))


# Each arm is what its name says -----------------------------------------------------------------


def test_negatives_come_from_the_outermost_alone_or_from_all(bases, stream) -> None:
    full, _ = trained(FULL, bases, stream, rho=0.1, kappa=1.2, tau=1.5)
    everyone, _ = trained("all", bases, stream)
    outermost = full.outlyingness().topk(round(0.1 * KEPT)).indices
    assert set(draw(full)[2].tolist()) == set(outermost.tolist())
    assert set(draw(everyone)[2].tolist()) == set(range(KEPT))


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
    two = {p.name: p.epochs for p in Outskirts(TINY.config).phases()}
    one = {p.name: p.epochs for p in Staged(replace(TINY.config, levels=1)).phases()}
    assert one["fuse"] == two["distil"] + two["fuse"]
    assert one["discriminate"] == two["discriminate"]


def test_vae_error_is_that_of_the_shared_base(bases, stream, test_images) -> None:
    detector, part = trained("error", bases, stream)
    base = bases[2]
    with torch.no_grad():
        h = base.codes(as_tensor(test_images))
        error = (h - base.decoder(base.encoder(h)[:, : TINY.config.latent])).square().sum(1)
    np.testing.assert_allclose(parts_of(detector, test_images)[part], error.numpy(), rtol=1e-4)


@pytest.mark.parametrize("nu", [0.01, 0.1])
def test_svm_is_scikit_learns_on_the_same_codes(bases, stream, test_images, nu) -> None:
    detector, part = trained("svm", bases, stream, nu=nu, gamma=10.0)
    with torch.no_grad():
        codes = bases[2].codes(as_tensor(stream.images)).numpy()
        h = bases[2].codes(as_tensor(test_images)).numpy()
    svm = OneClassSVM(nu=nu, gamma=10 / codes.shape[1] / codes.var()).fit(codes)
    found = parts_of(detector, test_images)[part]
    np.testing.assert_allclose(found, -svm.decision_function(h), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("k", [1, 5])
def test_neighbours_are_scikit_learns_on_the_same_codes(bases, stream, test_images, k) -> None:
    detector, part = trained("neighbours", bases, stream, k=k)
    with torch.no_grad():
        codes = bases[2].codes(as_tensor(stream.images)).numpy()
        h = bases[2].codes(as_tensor(test_images)).numpy()
    assert codes.shape == (128, sum(bases[2].sizes))
    near = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(codes.astype(np.float64))
    expected = near.kneighbors(h.astype(np.float64))[0].mean(1)
    np.testing.assert_allclose(parts_of(detector, test_images)[part], expected, rtol=1e-3)


def test_density_alone_has_the_classifiers_that_the_full_method_starts_from(bases, stream) -> None:
    density, full = trained("density", bases, stream)[0], trained(FULL, bases, stream)[0]
    torch.manual_seed(TINY.seed)
    fresh = Outskirts(TINY.config)
    with torch.no_grad():
        near = bases[2].features(bases[2].exemplar_codes)
    for name, judge in density.classifiers.items():
        fresh.classifiers[name].fit_(near[name])
        for key, value in judge.state_dict().items():
            expected = fresh.classifiers[name].state_dict()[key]
            assert torch.equal(value, expected.half().float()), f"{name}.{key}"
        moved = (full.classifiers[name].net[0].weight - judge.net[0].weight).abs().max()
        assert moved > 0.01  # six epochs of Adam


def test_all_arms_of_two_levels_share_their_base_to_the_bit(bases, stream) -> None:
    names = (FULL, "all", "noise", "density")
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
    again, _ = trained("all", bases, stream, **setting)
    assert np.array_equal(parts_of(again, test_images)["logit"], b)


# The budget -------------------------------------------------------------------------------------


def test_every_arm_that_has_something_to_set_tries_six_settings() -> None:
    for arm in PLAN.arms:
        assert len(arm.grid) == (1 if arm.name in NOTHING_TO_SET else 6), arm.name
        different = {tuple(sorted(setting.items())) for setting in arm.grid}
        assert len(different) == len(arm.grid), arm.name


@pytest.mark.parametrize("name", [FULL, "all", "noise", "single", "svm", "neighbours"])
def test_every_setting_scores_in_its_own_way(bases, stream, test_images, name) -> None:
    scores = []
    for setting in ARMS[name].grid:
        detector, part = trained(name, bases, stream, **setting)
        if ARMS[name].kind == "classifiers":
            wanted = {**ARMS[name].changes, **setting}
            assert {key: getattr(detector.config, key) for key in wanted} == wanted
        scores.append(parts_of(detector, test_images)[part].tobytes())
    assert len(set(scores)) == 6


def test_the_detectors_own_setting_is_among_them() -> None:
    config = Outskirts.Config()
    for arm in PLAN.arms:
        if arm.kind == "classifiers":
            tried = [replace(config, **arm.changes, **{**s}) for s in arm.grid
                     if not set(s) & set(arm.changes)]  # fmt: skip
            assert replace(config, **arm.changes) in tried, arm.name


def test_the_chosen_setting_is_the_best_on_the_faults(root: Path) -> None:
    found = read_ablation()
    assert [arm.name for arm in found.arms] == list(ARMS)
    for arm in found.arms:
        assert [t.setting for t in arm.trials] == [dict(s) for s in ARMS[arm.name].grid[:2]]
        best = max(arm.trials, key=lambda trial: trial.faults["MNIST"])
        assert arm.figures["MNIST"].chosen == best.setting
        assert all(0 <= trial.faults["MNIST"] <= 1 for trial in arm.trials)


def test_settings_are_chosen_before_any_test_image_is_read(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def training_alone(name: str, folder: Path, *, train: bool) -> tuple[np.ndarray, np.ndarray]:
        if not train:
            raise AssertionError("a test image was read")
        return three_kinds(name, folder, train=train)

    monkeypatch.setattr(ablation, "public_set", training_alone)
    ablation.compute(TINY, classes=())
    assert [p.tuning for p in ablation._parts(TINY) if p.path.exists()] == [True]
    with pytest.raises(AssertionError, match="a test image was read"):
        ablation.compute(TINY, classes=(0,))


def test_faults_are_of_held_out_images_of_the_class(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def watched(detector: object, images: np.ndarray, **_: int) -> dict[str, dict[str, float]]:
        seen.append(images)
        return {"fault": {"logit": 0.5}}

    monkeypatch.setattr(ablation, "validate", watched)
    monkeypatch.setattr(ablation, "base_of", lambda *a, **k: None)
    monkeypatch.setattr(ablation, "ready", lambda *a, **k: (None, "logit"))
    ablation._tune(TINY, "MNIST", 1, say=lambda text: None)
    images, labels = three_kinds("MNIST", bare, train=True)
    held_out = np.random.default_rng(TINY.seed).permutation(len(images))[: TINY.calibration]
    expected = images[held_out[labels[held_out] == 1]]
    assert len(seen) == sum(len(arm.grid) for arm in TINY.arms)
    assert all(np.array_equal(found, expected) for found in seen)


# Intervals --------------------------------------------------------------------------------------


def test_the_full_method_differs_from_itself_and_from_its_copy_by_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Scores that overlap; the tiny detector's own are too good to vary."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    scores = []
    for normal in TINY.classes:
        full = rng.normal(labels != normal, 1)
        near = {name: full + rng.normal(0, 0.1, 300) for name in ARMS}
        scores.append(near | {FULL: full, "density": full.copy()})
    monkeypatch.setattr(ablation, "_chosen", lambda plan, name: {key: {} for key in ARMS})
    found = ablation._figures(TINY, "MNIST", scores, labels)
    for name in (FULL, "density"):
        f = found[name]
        assert (f.difference, f.difference_low, f.difference_high) == (0, 0, 0)
    for name, f in found.items():
        assert f.low < f.mean < f.high
        if name not in (FULL, "density"):  # paired: what both share is not in the difference
            assert f.difference_low < f.difference < f.difference_high
            assert f.difference_high - f.difference_low < 0.5 * (f.high - f.low)


def test_intervals_hold_their_means_and_differences_are_of_means(root: Path) -> None:
    found = read_ablation()
    full = found.arms[0].figures["MNIST"]
    for arm in found.arms:
        f = arm.figures["MNIST"]
        assert f.low <= f.mean <= f.high
        assert f.difference_low <= f.difference <= f.difference_high
        assert f.difference == pytest.approx(f.mean - full.mean, abs=2e-6)
        assert f.mean == pytest.approx(np.mean(f.classes), abs=2e-6)
        assert len(f.classes) == len(found.sets["MNIST"]) == 2


def test_figures_are_those_of_the_scores_on_disk(root: Path) -> None:
    found, labels = read_ablation(), three_kinds("MNIST", root, train=False)[1]
    for normal in TINY.classes:
        with np.load(ablation._folder(TINY) / f"MNIST-{normal}.npz") as part:
            for arm in found.arms:
                scores = part[arm.name]
                area = auroc(scores[labels == normal], scores[labels != normal])
                assert arm.figures["MNIST"].classes[normal] == pytest.approx(area, abs=1e-6)


def test_an_area_is_that_of_the_resampled_images_ties_half() -> None:
    rng = np.random.default_rng(0)
    scores, labels = rng.integers(0, 8, 60).astype(float), rng.integers(0, 3, 60)
    area = Areas(scores, labels == 1)
    assert area(np.ones(60)) == pytest.approx(auroc(scores[labels == 1], scores[labels != 1]))
    for counts in resamples(labels, draws=5, seed=0):
        s, y = np.repeat(scores, counts), np.repeat(labels, counts)
        assert area(counts) == pytest.approx(auroc(s[y == 1], s[y != 1]))
        assert np.bincount(y).tolist() == np.bincount(labels).tolist()
        assert counts.max() > 1


def test_the_interval_is_that_of_a_bootstrap_of_one_score() -> None:
    rng = np.random.default_rng(1)
    normal, strange = rng.normal(0, 1, 300), rng.normal(1, 1, 300)
    area = Areas(np.concatenate([normal, strange]), np.arange(600) < 300)
    labels = np.repeat([0, 1], 300)
    found = interval(np.array([area(c) for c in resamples(labels, draws=1000, seed=0)]))
    # Other draws: the ends of an interval of width .07 wander by a tenth of it.
    np.testing.assert_allclose(found, bootstrap_auroc(normal, strange), atol=0.006)


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="1 scores are not finite"):
        Areas(np.array([0.0, np.nan]), np.array([True, False]))


# Stored and resumed -----------------------------------------------------------------------------


def test_a_resumed_computation_gives_the_same_figures_and_keeps_its_parts(root: Path) -> None:
    whole = read_ablation()
    tune, first, second = (part.path for part in ablation._parts(TINY))
    kept = first.stat().st_mtime_ns
    second.unlink()
    again = ablation.measure(TINY)
    assert again.arms == whole.arms
    assert first.stat().st_mtime_ns == kept
    tune.unlink()
    ablation.compute(TINY, classes=())
    assert ablation.collect(TINY).arms == whole.arms


def test_an_interrupted_part_is_no_part(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read_ablation()
    last = ablation._parts(TINY)[-1].path
    last.unlink()

    def stop(text: str) -> None:
        if "nearest neighbours" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ablation.compute(TINY, say=stop)
    assert not last.exists()
    with pytest.raises(AblationMissing, match="1 parts were not computed yet: MNIST, class 1"):
        ablation.collect(TINY)
    path = ablation_path()
    path.write_text(path.read_text().replace('"bootstraps": 40', '"bootstraps": 41'))
    again = ablation.measure(TINY)  # it goes on, whatever is stored
    assert (again.run.bootstraps, again.arms) == (40, whole.arms)


def test_what_is_stored_is_shown_without_parts_and_anew_computes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(root / "runs")
    monkeypatch.setattr(ablation, "compute", lambda *a, **k: pytest.fail("computed"))
    assert ablation.measure(TINY) == read_ablation()
    with pytest.raises(pytest.fail.Exception, match="computed"):
        ablation.measure(TINY, force=True)
    with pytest.raises(pytest.fail.Exception, match="computed"):
        ablation.measure(replace(TINY, draws=41))


def test_parts_that_came_after_what_is_stored_are_put_together(root: Path) -> None:
    whole, path = read_ablation(), ablation_path()
    path.write_text(path.read_text().replace('"bootstraps": 40', '"bootstraps": 41'))
    assert ablation.measure(TINY).run.bootstraps == 41  # what is stored, parts or not
    newest = ablation._parts(TINY)[0].path
    os.utime(newest, (path.stat().st_mtime + 5,) * 2)
    assert ablation.measure(TINY) == whole == read_ablation()


def test_shares_are_by_set_and_class(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = replace(TINY, tuning={"MNIST": (0,), "FashionMNIST": (1,)})
    monkeypatch.setattr(ablation, "_tune", lambda plan, name, normal, say: {"part": [name, normal]})
    monkeypatch.setattr(ablation, "_chosen", lambda plan, name: {})
    monkeypatch.setattr(ablation, "_score", lambda *a, **k: {"x": np.zeros(1)})

    def done() -> list[str]:
        return [str(p) for p in ablation._parts(plan) if p.path.exists()]

    ablation.compute(plan, sets=("FashionMNIST",), classes=(1,))
    assert done() == ["FashionMNIST, class 1, tuning", "FashionMNIST, class 1, measuring"]
    ablation.compute(plan, sets=("FashionMNIST",))
    ablation.compute(plan, sets=("MNIST",))
    assert len(done()) == 2 + 4
    assert ablation._missing(plan) == []


def test_another_setting_of_the_detector_is_another_plan(root: Path) -> None:
    other = replace(TINY, config=replace(TINY.config, beta=0.4))
    assert ablation._folder(other) != ablation._folder(TINY)
    assert ablation.stored(TINY) == read_ablation()
    with pytest.raises(AblationMissing, match="other settings than the code has now"):
        ablation.stored(other)


def test_the_stored_file_reads_back_whole(root: Path) -> None:
    found = read_ablation()
    assert Ablation.model_validate_json(found.model_dump_json()) == found
    assert found.run.test_images == {"MNIST": tiny.TEST_IMAGES}
    assert found.run.settings_tried == 2
    assert found.run.tuning == {"MNIST": (0,)}
    assert found.run.epochs == {p.name: p.epochs for p in Outskirts(TINY.config).phases()
                                if p.players}  # fmt: skip
    assert found.run.minutes >= 0
    assert "not training seeds" in found.run.interval


def test_a_missing_file_is_one_line_with_the_way_out(bare: Path) -> None:
    with pytest.raises(AblationMissing, match="bench outskirts` computes it") as error:
        read_ablation()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("damage", ["cut", "unknown key", "no number"])
def test_a_damaged_file_is_one_line(root: Path, damage: str) -> None:
    path = ablation_path()
    text = path.read_text()
    values = json.loads(text)
    values["arms"][0]["figures"]["MNIST"]["mean"] = "high"
    texts = {
        "cut": text[:-20],
        "unknown key": text.replace('"sets"', '"more": 1, "sets"'),
        "no number": json.dumps(values),
    }
    path.write_text(texts[damage])
    with pytest.raises(AblationMissing, match="is damaged") as error:
        read_ablation()
    assert "\n" not in str(error.value)


# The verb ---------------------------------------------------------------------------------------


@pytest.fixture
def as_planned(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The command line with the tiny plan."""
    for function in (ablation.measure, ablation.stored):
        monkeypatch.setattr(function, "__defaults__", (TINY,))
    return root


def test_bench_prints_every_arm_of_what_is_stored(as_planned: Path, call: Call) -> None:
    said = call("bench", "outskirts", "--json")
    assert said.status == 0
    rows, found = json.loads(said.out), read_ablation()
    assert [row["arm"] for row in rows] == [arm.name for arm in found.arms]
    for row, arm in zip(rows, found.arms, strict=True):
        f = arm.figures["MNIST"]
        assert (row["benchmark"], row["data"]) == ("outskirts", "MNIST")
        assert (row["auroc"], row["low"], row["high"]) == (f.mean, f.low, f.high)
        assert row["difference"] == f.difference
    table = call("bench", "outskirts").out
    assert all(arm.title.split()[0] in table for arm in found.arms)


def test_all_benchmarks_show_what_is_stored_and_never_compute_it(
    as_planned: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.bench import flows as bench

    monkeypatch.setattr(bench, "BENCHMARKS", {})
    monkeypatch.setattr(ablation, "compute", lambda *a, **k: pytest.fail("computed"))
    assert len(json.loads(call("bench", "--json").out)) == len(ARMS)
    ablation_path().unlink()
    said = call("bench", "--json")
    assert (said.status, json.loads(said.out)) == (0, [])
    assert "`python -m core bench outskirts` computes it" in " ".join(said.err.split())


def test_anew_goes_with_the_ablation_alone(as_planned: Path, call: Call) -> None:
    assert "--force is of bench outskirts alone" in call("bench", "--force").error()
    assert "--force is of bench outskirts alone" in call("bench", "maps", "--force").error()
