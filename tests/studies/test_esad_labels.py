"""The protocol of a few labels: who learns from what, what is read off whom, and what it says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from conftest import forget_everything

from core.data.sources import Labelled
from core.data.splits import labelled_class
from core.detectors.deep_sad import DeepSAD
from core.detectors.esad import ESAD
from core.inference.scoring import parts_of
from core.results import StudyResult, read_study
from core.scenario import load_scenario
from core.studies import _cells, _one_class, study
from core.studies import esad_labels as file
from core.studies._base import Case, plan_of
from core.studies._cells import cells_of, compute, missing
from core.studies._collect import measure, stored
from core.studies.esad_labels import NETWORKS, PUBLISHED, SHARES, FewLabels, Network, OneEncoder
from core.train import streams

TINY = FewLabels(
    sets=("MNIST",),
    classes=(0, 1),
    changes={
        "esad": {"code": 3, "width": 2, "epochs": 1.0},
        "deep_sad": {"code": 3, "width": 2, "first_epochs": 1.0, "epochs": 1.0},
    },
    calibration=tiny.CALIBRATION_IMAGES,
    draws=20,
)
CASE = Case("MNIST", "0")


def three_kinds(
    name: str, folder: Path, *, train: bool, download: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """A public set of three classes: boxes, strokes, boxes turned."""
    n = 240 + tiny.CALIBRATION_IMAGES if train else tiny.TEST_IMAGES
    labels, images = np.arange(n) % 3, tiny.boxes(n, seed=int(train))
    images[labels == 1] = tiny.strokes(int((labels == 1).sum()), seed=int(train))
    images[labels == 2] = np.rot90(images[labels == 2], axes=(1, 2))
    return images, labels


@contextmanager
def own_folders(root: Path) -> Iterator[Path]:
    """Folders of its own, and the stand-in for the public sets, learned in small batches."""

    def forget() -> None:
        forget_everything()
        _one_class.images_of.cache_clear()
        TINY.held.clear()

    with pytest.MonkeyPatch.context() as patch:
        for name in ("checkpoints", "runs", "data"):
            patch.setenv(f"OUTSKIRTS_{name.upper()}", str(root / name))
        patch.setattr(_one_class, "public_set", three_kinds)
        patch.setattr(file, "BATCH", dict.fromkeys(file.BATCH, 8))
        forget()
        yield root
        forget()
    forget_everything()


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Path]:
    with own_folders(tmp_path) as root:
        yield root


@dataclass(frozen=True)
class Whole:
    """A study of one class, from images to its table, and then the wider one beside it."""

    small: FewLabels
    result: StudyResult
    read: StudyResult
    stored: StudyResult
    wider: StudyResult
    stored_then: StudyResult


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    small = replace(TINY, classes=(0,), held={})
    with own_folders(tmp_path_factory.mktemp("whole")):
        first = measure(small), read_study("esad_labels"), stored(small)
        return Whole(small, *first, wider=measure(small.wider()), stored_then=stored(small))


# The plan -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_both_methods_learn_at_every_share_in_every_class_of_both_sets() -> None:
    plan = study("esad_labels")
    assert isinstance(plan, FewLabels)
    assert len(plan.cases) == 20
    wanted = {
        f"{kind}-{gg}" for kind in ("esad", "deep_sad") for gg in ("00", "01", "05", "10", "20")
    }
    wanted |= {"esad-10-polluted", "deep_sad-10-polluted", "one-encoder", "mean-error"}
    wanted |= {"esad-00-l10", "esad-01-l10", "esad-10-l10"}
    assert set(NETWORKS) == wanted == {arm.shares for arm in plan.arms}
    shared = {need.path for cell in cells_of(plan) for need in cell.needs}
    assert len(shared) == 17 * 20
    assert plan.arms[0].name == "esad-00"
    assert not plan.tuning


def test_every_arm_reads_a_part_that_its_detector_has() -> None:
    for arm in study("esad_labels").arms:
        kind = file.KINDS[NETWORKS[arm.shares].kind]
        assert arm.changes["part"] in kind.about
    scores = {a.shares: a.changes["part"] for a in study("esad_labels").arms if a.name == a.shares}
    assert set(scores) == set(NETWORKS)
    assert {n: p for n, p in scores.items() if n.startswith("deep_sad")} == dict.fromkeys(
        (n for n in NETWORKS if n.startswith("deep_sad")), "distance"
    )
    assert set(scores.values()) == {"distance", ESAD.Config().score}


@pytest.mark.slow
def test_a_second_known_class_is_computed_on_demand_alone() -> None:
    plan = study("esad_labels")
    wider = plan.wider()
    assert wider is not None
    more = {arm.shares for arm in wider.arms} - {arm.shares for arm in plan.arms}
    assert more == {
        f"{k}-{gg}-second" for k in ("esad", "deep_sad") for gg in ("01", "05", "10", "20")
    }
    assert {c.path for c in cells_of(plan)} < {c.path for c in cells_of(wider)}


def test_the_texts_say_how_many_weights_both_have() -> None:
    texts = {arm.name: arm.text for arm in study("esad_labels").arms}
    shape = _one_class.SHAPE
    for name, kind in (("esad-00", ESAD), ("deep_sad-00", DeepSAD)):
        count = sum(p.numel() for p in kind(kind.Config(), shape).parameters())
        assert f"{count:,} weights" in texts[name]


def test_published_values_stand_beside_the_arms_of_their_share() -> None:
    published = {(p.data, p.arm): (p.value, p.std) for p in study("esad_labels").published}
    assert len(published) == 20
    assert published["MNIST", "esad-00"] == (0.985, 0.013)
    assert published["FashionMNIST", "deep_sad-20"] == (0.91, 0.055)
    assert published["MNIST", "deep_sad-01"] == (0.964, 0.027)
    for methods in PUBLISHED.values():
        assert all(len(values) == len(SHARES) for values in methods.values())


# What is learned from -----------------------------------------------------------------------------


def test_labelled_and_unlabelled_images_are_disjoint_and_held_out_ones_are_touched_by_none(
    bare: Path,
) -> None:
    images, _labels = _one_class.images_of("MNIST", True)
    numbered = images.reshape(len(images), -1)
    held_out = {row.tobytes() for row in numbered[TINY.split("MNIST")[1]]}
    known = labelled_class(0, 3, seed=0)
    for network in TINY.networks.values():
        streams = TINY.streams(network, CASE)
        every, alone = streams["train+labelled"], streams["train"]
        rows = [row.tobytes() for row in every.images.reshape(len(every.images), -1)]
        assert not set(rows) & held_out
        unlabelled = every.kind == 0
        assert np.array_equal(alone.images, every.images[unlabelled])
        assert set(every.label[~unlabelled].tolist()) <= {known}
        assert len(every.label[~unlabelled]) == pytest.approx(
            network.share * len(every.images), abs=0.5 + network.share
        )
        strangers = alone.label != 0
        assert strangers.sum() == pytest.approx(network.pollution * len(alone.images), abs=0.55)
        labelled = {r for r, free in zip(rows, unlabelled, strict=True) if not free}
        assert not labelled & {r for r, free in zip(rows, unlabelled, strict=True) if free}


def test_the_second_draw_knows_another_class(bare: Path) -> None:
    first, second = (
        TINY.streams(Network("esad", 0.2, draw=draw), CASE)["train+labelled"] for draw in (0, 1)
    )
    known = [set(s.label[s.kind < 0].tolist()) for s in (first, second)]
    assert known[0]
    assert known[1]
    assert not known[0] & known[1]


def test_the_study_learns_from_what_the_command_learns_from(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OUTSKIRTS_CHECKPOINTS")
    forget_everything()
    monkeypatch.setattr(streams, "_read", _read)
    family = load_scenario("digits-one")
    small = family.model_copy(
        update={
            "normal": family.normal.model_copy(update={"classes": ("boxes", "strokes", "turned")}),
            "variants": ("0", "1", "2"),
            "split": family.split.model_copy(update={"calibration": tiny.CALIBRATION_IMAGES}),
        }
    )
    for share in (0.0, 0.1):
        wanted = ("train", "train+labelled")
        there = streams.streams_of(small.member("0"), wanted, 8, share=share)
        here = TINY.streams(Network("esad", share), CASE)
        for role in wanted:
            assert np.array_equal(here[role].images, there[role].images[:])
            assert np.array_equal(here[role].kind < 0, there[role].kind < 0)


def _read(scenario: object, source: str, *, train: bool, download: bool) -> Labelled:
    return Labelled(*three_kinds("MNIST", Path(), train=train), ("boxes", "strokes", "turned"))


# Networks -----------------------------------------------------------------------------------------


def test_one_encoder_is_one_and_the_method_s_are_two() -> None:
    plan = study("esad_labels")
    assert isinstance(plan, FewLabels)
    one, two = (plan._build(plan.networks[name]) for name in ("one-encoder", "esad-00"))
    assert isinstance(one, OneEncoder)
    assert one.second_encoder is one.encoder
    assert two.second_encoder is not two.encoder
    assert plan._build(plan.networks["mean-error"]).config.error == "mean"
    plain = {one.config.norm_weight, plan._build(plan.networks["mean-error"]).config.norm_weight}
    assert plain == {1.0}  # as the source has it
    assert sum(p.numel() for p in one.parameters()) < sum(p.numel() for p in two.parameters())


def test_arms_of_one_network_read_it_as_it_was_trained(bare: Path) -> None:
    tensors = TINY.build("esad-20", CASE)
    untrained = TINY._build(TINY.networks["esad-20"]).state_dict()
    assert not torch.equal(tensors["encoder.code.weight"], untrained["encoder.code.weight"])
    arms = {arm.name: arm for arm in TINY.arms}
    scores = {
        name: TINY.scores(arms[name], {}, case=CASE, shared=tensors)
        for name in ("esad-20", "esad-20-reconstruction", "esad-20-norm")
    }
    np.testing.assert_allclose(
        scores["esad-20"], scores["esad-20-reconstruction"] + scores["esad-20-norm"], rtol=1e-5
    )
    ready = TINY.ready(arms["esad-20"], {}, stream=TINY.training(CASE)[0], shared=tensors)
    images = TINY.test("MNIST")[0]
    np.testing.assert_array_equal(parts_of(ready.detector, images)["sum"], scores["esad-20"])


# Killed and resumed -------------------------------------------------------------------------------

CHILD = """
    import sys
    sys.path[:0] = {paths!r}
    import test_esad_labels as here
    from core.studies import _one_class, esad_labels
    from core.studies._cells import compute
    _one_class.public_set = here.three_kinds
    esad_labels.BATCH = dict.fromkeys(esad_labels.BATCH, 8)
    build = esad_labels.FewLabels.build
    def told(study, shares, case):
        tensors = build(study, shares, case)
        print("trained", case.variant, shares, flush=True)
        return tensors
    esad_labels.FewLabels.build = told
    compute(here.TINY)
"""


@pytest.mark.slow
def test_a_killed_protocol_goes_on_and_repeats_and_loses_no_run(bare: Path) -> None:
    here = Path(__file__).parent
    code = textwrap.dedent(CHILD).format(paths=[str(here), str(here.parent)])
    seen: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=here.parents[1]
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            seen.append(line.strip())
            if len(seen) == 5:
                os.kill(child.pid, signal.SIGKILL)
                break
    assert len(seen) == 5
    before = {c.path: c.path.stat().st_mtime_ns for c in _every(TINY) if c.there}
    assert before
    assert len([p for p in before if p.name.startswith("shared")]) in (4, 5)
    trained: list[tuple[str, str]] = []
    build = FewLabels.build
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            FewLabels,
            "build",
            lambda s, shares, case: (
                trained.append((case.variant, shares)) or build(s, shares, case)
            ),
        )
        compute(TINY)
    assert missing(TINY) == []
    assert (
        len(trained)
        == len(set(trained))
        == 34 - len([p for p in before if p.name.startswith("shared")])
    )
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())


def _every(plan: FewLabels) -> list[_cells.Cell]:
    cells = {cell.path: cell for one in cells_of(plan) for cell in (*one.needs, one)}
    return list(cells.values())


# The table ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_whole_goes_from_images_to_a_table_and_says_what_it_found(whole: Whole) -> None:
    result = whole.result
    assert result == whole.read == whole.stored
    assert [arm.name for arm in result.arms] == [arm.name for arm in whole.small.arms]
    assert len(result.published) == 20
    beside, bought, _plain, *_others = result.notes
    assert beside.startswith("ESAD less Deep SAD: 0 % known anomalies: digits ")
    value = result.contrast("esad-00", "deep_sad-00", data="MNIST").value
    assert f"0 % known anomalies: digits {value:+.3f} (" in beside
    assert bought.startswith("ESAD with 10 % known anomalies, less without")
    rows = list(result.listed())
    assert {"std", "published", "published_std"} <= set(rows[0])


@pytest.mark.slow
def test_the_gap_of_the_sum_is_to_the_better_of_its_parts(whole: Whole) -> None:
    result = whole.result
    values = {row.arm: row.value for row in result.rows if row.variant is None}
    better = max(values["esad-05-reconstruction"], values["esad-05-norm"])
    assert file._gap(result, "MNIST", "esad-05") == pytest.approx(better - values["esad-05"])


@pytest.mark.slow
def test_the_stored_table_of_the_wider_study_is_shown_for_the_plain_one(whole: Whole) -> None:
    assert whole.stored_then == whole.wider
    assert plan_of(whole.small) != whole.wider.plan


@pytest.mark.slow
def test_the_note_says_whether_a_part_is_ahead_of_the_sum(whole: Whole) -> None:
    result = whole.result
    networks = [Network("esad", share) for share in SHARES]
    better = result.row("esad-00-norm", "MNIST").value

    def with_sums(value: float) -> StudyResult:
        rows = [
            row.model_copy(update={"value": value})
            if row.arm in {n.name for n in networks} and row.variant is None
            else row.model_copy(update={"value": better})
            for row in result.rows
        ]
        return result.model_copy(update={"rows": tuple(rows)})

    ahead = file._sum_and_parts(with_sums(better - 0.02), "MNIST", networks)
    assert "is ahead of their sum by +0.020 (ESAD, 0 % known anomalies)" in ahead
    never = file._sum_and_parts(with_sums(better), "MNIST", networks)
    assert "is never below the better one" in never
