"""A lesson: who learns from which image, what labels do, and what doubt and chance ask for."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import numpy as np
import pytest
import tiny
import torch

import core
from core.errors import OutskirtsError
from core.evaluate.metrics import auroc
from core.train import lesson
from core.train.lesson import Job, by_questions, learn, threshold_of, with_and_without
from core.train.pipe import read_message, write_message

ROOT = Path(core.__file__).parent.parent
SMALL = {"width": 4, "code": 8}


def job(**changes: Any) -> Job:
    """64 boxes are learned, 16 set the threshold, 32 judge; of 40 flipped ones 8 have labels."""
    images = np.concatenate([tiny.boxes(112, seed=0), tiny.boxes(40, seed=1)[:, :, ::-1]])
    row = np.arange(len(images))
    settings: dict[str, Any] = {
        "detector": "esad",
        "config": SMALL,
        "steps": 20,
        "batch_size": 16,
        "seed": 0,
        "share": 0.25,
        "images": images,
        "normal": row[:64],
        "held_out": row[64:80],
        "judged": np.concatenate([row[80:112], row[120:]]),
        "strange": row >= 112,
        "labelled": row[112:120],
        "kind": np.full(8, -1, np.int8),
        "pool": np.concatenate([row[:80], row[112:120]]),
    }
    return Job(**settings | changes)


def patches(values: Sequence[int]) -> np.ndarray:
    """Images (n, 1, 1, 1), each of one grey."""
    return np.array(values, np.uint8).reshape(-1, 1, 1, 1)


def greys(**changes: Any) -> Job:
    """Ten grey pixels: 0 to 5 are learned, 6 and 7 held out, 8 and 9 strange."""
    row = np.arange(10)
    return job(images=patches(10 * row), normal=row[:6], held_out=row[6:8], strange=row > 7,
               labelled=row[:0], kind=np.zeros(0, np.int8), judged=row, **changes)  # fmt: skip


def quiet(*told: object) -> None:
    """Whom nobody listens to."""


# Who learns from what -----------------------------------------------------------------------------


def learned(taught: Job, data: str) -> list[tuple[int, int]]:
    """Greys of a stream, each with its kind."""
    stream = taught.streams[data]
    return sorted(zip(stream.images.flatten().tolist(), stream.kind.tolist(), strict=True))


def test_a_labelled_image_is_learned_by_its_label_and_by_nothing_else() -> None:
    taught = greys().taught(np.array([1, 8]), np.array([-1, -1]))
    assert learned(taught, "train") == [(0, 1), (20, 1), (30, 1), (40, 1), (50, 1)]
    assert [pair for pair in learned(taught, "train+labelled") if pair[1] < 0] == [
        (10, -1),
        (80, -1),
    ]


def test_labels_count_as_often_as_makes_their_share_and_once_at_least() -> None:
    one = greys(share=0.5).taught(np.array([8]), np.array([-1]))
    assert learned(one, "train+labelled").count((80, -1)) == 3  # half of six
    every = greys(share=0.1).taught(np.array([6, 8, 9]), np.array([1, -1, -1]))
    assert learned(every, "train+labelled")[-3:] == [(60, 1), (80, -1), (90, -1)]
    assert (60, 1) in learned(every, "train")  # a known normal image is normal, too


@pytest.mark.slow
def test_the_twins_take_the_same_number_of_steps_whatever_the_labels() -> None:
    for taught in (job(), job(steps=7, share=0.9), job(steps=7, batch_size=60)):
        told: list[int] = []
        with_and_without(taught, lambda number, of, progress, told=told: told.append(number))
        assert [told.count(0), told.count(1)] == [taught.steps, taught.steps]


def test_the_threshold_flags_five_percent_of_held_out_images_without_a_label() -> None:
    scores, taught = np.arange(40.0), job(held_out=np.arange(21), labelled=np.array([], int))
    assert threshold_of(scores, taught) == 19
    assert threshold_of(scores, taught.taught(np.arange(10), np.ones(10))) == pytest.approx(19.5)
    with pytest.raises(OutskirtsError, match="every image that could set the threshold"):
        threshold_of(scores, taught.taught(np.arange(21), np.ones(21)))


# What labels do -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_few_labels_move_images_like_them_outward_and_the_twin_leaves_them() -> None:
    found = with_and_without(job(steps=120), quiet)
    assert found["before"].shape == found["after"].shape == (152,)
    normal, strange = np.arange(80, 112), np.arange(120, 152)
    before, after = (auroc(found[k][normal], found[k][strange]) for k in ("before", "after"))
    assert after >= before
    assert after > 0.98
    beyond = [
        (found[k][strange] / limit).mean()
        for k, limit in zip(("before", "after"), found["thresholds"], strict=True)
    ]
    assert beyond[1] > 2 * beyond[0]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers_and_another_gives_others() -> None:
    one, two = (with_and_without(job(steps=5), quiet) for _ in range(2))
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])
    other = with_and_without(job(steps=5, seed=1), quiet)
    assert np.abs(other["before"] - one["before"]).max() > 1e-3


def test_labels_that_say_normal_alone_make_no_known_anomaly() -> None:
    taught = job(steps=5, labelled=np.arange(112, 120), kind=np.ones(8, np.int8))
    assert set(taught.streams["train+labelled"].kind.tolist()) == {1}
    assert np.isfinite(with_and_without(taught, quiet)["after"]).all()


def test_one_label_is_enough() -> None:
    taught = job(steps=5).taught(np.array([112]), np.array([-1]))
    assert np.isfinite(with_and_without(taught, quiet)["after"]).all()


# Doubt and chance ---------------------------------------------------------------------------------


@pytest.fixture
def bright(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Score each image by its grey, whatever was learned; the jobs that were."""
    taught: list[Job] = []
    stand_in = SimpleNamespace(
        config=SimpleNamespace(score="grey"), parts=lambda x: {"grey": 255 * x.mean((1, 2, 3))}
    )

    def note(one: Job, watch: object) -> object:
        taught.append(one)
        return stand_in

    monkeypatch.setattr(lesson, "learn", note)
    return taught


def test_doubt_asks_for_the_nearest_to_the_threshold_and_the_truth_answers(
    bright: list[Job],
) -> None:
    asked = greys(pool=np.array([0, 2, 5, 8, 9]), counts=np.array([0, 1, 3]))
    found = by_questions(asked, quiet)  # the threshold is 60 + 0.95 * 10 = 69.5
    assert found["asked"][0].tolist() == [8, 5, 9]  # 80, 50 and 90 are next to 69.5
    assert sorted(found["asked"][1].tolist()) == sorted(set(found["asked"][1].tolist()))
    by_doubt = bright[2]  # without labels, with one, with three
    assert dict(zip(by_doubt.labelled.tolist(), by_doubt.kind.tolist(), strict=True)) == {
        8: -1,
        5: 1,
        9: -1,
    }
    assert found["auroc"].shape == (2, 3)
    assert found["auroc"][:, 0].tolist() == [1.0, 1.0]  # grey tells them all


def test_chance_asks_for_other_images_by_another_seed_and_the_same_by_the_same(
    bright: list[Job],
) -> None:
    asked = [
        by_questions(
            greys(pool=np.array([0, 1, 2, 3, 4, 5, 8, 9]), counts=np.array([0, 4]), seed=seed),
            quiet,
        )["asked"]
        for seed in (0, 0, 1)
    ]
    assert asked[0][1].tolist() == asked[1][1].tolist() != asked[2][1].tolist()
    assert asked[0][0].tolist() == asked[2][0].tolist()  # doubt asks the scores alone


def test_what_doubt_and_chance_have_in_common_is_learned_once(bright: list[Job]) -> None:
    by_questions(greys(pool=np.array([0, 1, 2, 3, 4, 5, 8, 9]), counts=np.array([0, 2, 4])), quiet)
    assert [len(taught.labelled) for taught in bright] == [0, 2, 4, 2, 4]


def test_a_detector_without_finite_scores_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        lesson, "parts_of", lambda detector, images: {"sum": np.full(len(images), np.nan)}
    )
    with pytest.raises(OutskirtsError, match="not finite"):
        with_and_without(job(steps=2), quiet)


def test_a_detector_learns_in_place_and_rests_frozen() -> None:
    detector = learn(job(steps=3), quiet)
    assert not detector.training
    assert not any(p.requires_grad for p in detector.parameters())
    assert torch.isfinite(detector.score(torch.zeros(1, 1, 28, 28))).all()


# The process --------------------------------------------------------------------------------------


def started() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "core.train.lesson"]
    return subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def given(process: subprocess.Popen[bytes], one: Job, work: str) -> None:
    assert process.stdin is not None
    write_job(process.stdin, one, work)


def write_job(stream: BinaryIO, one: Job, work: str) -> None:
    values = vars(one)
    arrays = {k: v for k, v in values.items() if isinstance(v, np.ndarray)}
    facts = {k: v for k, v in values.items() if k not in arrays}
    write_message(stream, {"work": work, **facts}, arrays)


@pytest.mark.slow
def test_the_process_tells_each_step_and_then_what_the_function_finds() -> None:
    one = job(steps=4)
    with started() as process:
        given(process, one, "labels")
        told = [read_message(process.stdout) for _ in range(2 * one.steps + 1)]
        assert process.wait(60) == 0
    shares = [facts["share"] for facts, _ in told[:-1]]
    assert shares == sorted(shares)
    assert [facts["training"] for facts, _ in told[:-1]] == [0] * 4 + [1] * 4
    torch.set_num_threads(1)
    expected = with_and_without(one, quiet)
    for name, values in told[-1][1].items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-5)


def test_the_process_says_in_words_why_there_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lesson, "_end_with", lambda given: None)  # this one goes on
    asked, said = io.BytesIO(), io.BytesIO()
    write_job(asked, job(steps=2, held_out=np.arange(112, 120)), "labels")
    asked.seek(0)
    assert lesson.main(asked, said) == 2
    said.seek(0)
    told: dict[str, Any] = {}
    while "failed" not in told:
        told, _ = read_message(said)
    assert told["failed"] == "every image that could set the threshold has a label"


@pytest.mark.slow
def test_the_process_ends_in_the_middle_of_its_work_when_its_input_does() -> None:
    with started() as process:
        given(process, job(steps=1_000_000), "labels")
        read_message(process.stdout)  # it learns
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 3
    with started() as process:
        assert process.stdin is not None
        process.stdin.close()  # before it was told anything
        assert process.wait(60) == 3
