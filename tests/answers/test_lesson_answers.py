"""What a lesson learns from and is judged on, which labels it refuses, and what came of it."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conftest import Tiny, forget_everything

from core import service
from core.answers import lesson as lessons
from core.data.picture import png
from core.service import (
    LESSON_COUNTS,
    MOST_LABELS,
    Asked,
    Label,
    Learnt,
    Lesson,
    LessonError,
    OutskirtsError,
    Target,
    cancel_lesson,
    label_of_own,
    lesson_candidates,
    lesson_state,
    start_lesson,
)

TARGET = Target("tiny", "glow")
STROKES = (Label("strokes", 0, True), Label("strokes", 2, True))


def number_of(images: np.ndarray, name: str) -> dict[bytes, int]:
    """The number of each image of a set, by its pixels."""
    pictures = TARGET.world.pictures(name).images[:]
    return {image.tobytes(): i for i, image in enumerate(pictures)}


# What is learned ----------------------------------------------------------------------------------


@pytest.mark.parametrize("questions", [False, True])
def test_even_images_are_learned_from_and_no_odd_one_is(
    tiny_scenario: Tiny, questions: bool
) -> None:
    labels = () if questions else STROKES
    facts, arrays = lessons._job(Lesson(TARGET, labels, questions=questions, seed=3))
    boxes = number_of(arrays["images"], "boxes")
    for role in ("normal", "held_out"):
        numbers = [boxes[arrays["images"][row].tobytes()] for row in arrays[role]]
        assert {number % 2 for number in numbers} == {0}, role
    assert not set(arrays["normal"].tolist()) & set(arrays["held_out"].tolist())
    assert len(arrays["normal"]) == 3 * len(arrays["held_out"]) == 36
    assert facts["seed"] == 3
    if questions:
        assert not set(arrays["judged"].tolist()) & set(arrays["pool"].tolist())
        assert set(arrays["normal"].tolist()) <= set(arrays["pool"].tolist())
        assert len(arrays["judged"]) == len(arrays["pool"]) == len(arrays["images"]) / 2
        assert tuple(arrays["counts"].tolist()) == LESSON_COUNTS


def test_labels_name_the_images_that_were_pressed(tiny_scenario: Tiny) -> None:
    _, arrays = lessons._job(Lesson(TARGET, (Label("strokes", 4, True), Label("boxes", 6, False))))
    pictures = [TARGET.world.pictures(n).images[i] for n, i in (("strokes", 4), ("boxes", 6))]
    np.testing.assert_array_equal(arrays["images"][arrays["labelled"]], pictures)
    assert arrays["kind"].tolist() == [-1, 1]
    assert arrays["strange"][arrays["labelled"]].tolist() == [True, False]


def test_an_image_of_ones_own_is_learned_and_never_judged(tiny_scenario: Tiny) -> None:
    picture = np.full((28, 28, 1), 77, np.uint8)
    own = label_of_own(TARGET, "mine.png", png(picture), anomaly=True)
    _, arrays = lessons._job(Lesson(TARGET, (own, STROKES[0])))
    np.testing.assert_array_equal(arrays["images"][arrays["labelled"][0]], picture)
    n = len(arrays["images"]) - 1
    found = lessons._told(Lesson(TARGET, (own,)), result_of(n + 1))
    assert isinstance(found, Learnt)
    assert len(found.before) == n
    assert found.clicked == ()


def result_of(n: int) -> dict[str, np.ndarray]:
    scores = np.arange(n, dtype=np.float32)
    return {"before": scores, "after": scores + 1, "thresholds": np.array([1.0, 2.0])}


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ((), "label an image first"),
        ((STROKES[0], STROKES[0]), "strokes#0 has several"),
        ((STROKES[0], replace(STROKES[0], anomaly=False)), "strokes#0 has several"),
        (tuple(Label("boxes", 2 * i, True) for i in range(MOST_LABELS + 1)), "at most 20"),
        ((Label("strokes", 3, True),), "odd number"),
        ((Label("strokes", 96, True),), "strokes#96 is no image of the lesson"),
        ((Label("strokes", -2, True),), "no image of the lesson"),
        ((Label("nothing", 0, True),), "no image of the lesson"),
        ((Label("own.png", None, True, b"12"),), "own.png is not of the shape"),
    ],
)
def test_labels_that_cannot_be_learned_from_are_refused_before_the_queue(
    tiny_scenario: Tiny, labels: tuple[Label, ...], words: str
) -> None:
    with pytest.raises(LessonError, match=words):
        start_lesson(Lesson(TARGET, labels))
    assert len(lessons._queue) == 0


def test_one_image_under_two_names_is_one_image(tiny_scenario: Tiny) -> None:
    data = png(np.full((28, 28, 1), 77, np.uint8))
    twice = tuple(label_of_own(TARGET, name, data, anomaly=True) for name in ("a", "b"))
    with pytest.raises(LessonError, match="has several"):
        start_lesson(Lesson(TARGET, twice))


def test_a_file_that_is_no_image_is_no_label(tiny_scenario: Tiny) -> None:
    with pytest.raises(OutskirtsError):
        label_of_own(TARGET, "mine.png", b"no image", anomaly=True)


def test_who_asks_the_truth_brings_no_labels(tiny_scenario: Tiny) -> None:
    with pytest.raises(LessonError, match="the truth gives them"):
        start_lesson(Lesson(TARGET, STROKES, questions=True))


def test_a_scenario_of_few_images_says_so(
    tiny_scenario: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lessons, "FEWEST", 49)
    with pytest.raises(LessonError, match="needs 49 normal images of even number, tiny has 48"):
        start_lesson(Lesson(TARGET, STROKES))


# What came of it ----------------------------------------------------------------------------------


def learnt(**changes: Any) -> Learnt:
    """Normal boxes 1 and 3, a clicked stroke 1, another 1 of noise; even ones must not count."""
    values: dict[str, Any] = {
        "lesson": Lesson(TARGET, (Label("strokes", 0, True), Label("boxes", 0, True))),
        "sets": np.array(["boxes"] * 4 + ["strokes"] * 2 + ["noise"] * 2),
        "indices": np.array([0, 1, 2, 3, 0, 1, 0, 1]),
        "strange": np.array([False] * 4 + [True] * 4),
        "before": np.array([99.0, 1.0, 99.0, 2.0, 99.0, 1.5, 99.0, 4.0]),
        "after": np.array([99.0, 2.0, 99.0, 30.0, 99.0, 80.0, 99.0, 10.0]),
        "thresholds": (2.5, 20.0),
    }
    return Learnt(**values | changes)


def test_each_side_counts_odd_images_before_and_after() -> None:
    sides = learnt().sides
    assert learnt().clicked == ("strokes",)  # a box that was called an anomaly is no strange class
    assert sides["normal"].flagged == (0, 1)
    assert (sides["normal"].raised, sides["normal"].lowered) == (1, 0)
    assert sides["normal"].auroc is None
    assert (sides["clicked"].n, sides["clicked"].auroc) == (1, (0.5, 1.0))
    assert (sides["clicked"].raised, sides["clicked"].lowered) == (1, 0)
    assert (sides["others"].flagged, sides["others"].lowered) == ((1, 0), 1)
    assert sides["others"].auroc == (1.0, 0.5)
    assert sides["strange"].auroc == (0.75, 0.75)


def test_images_that_changed_sides_are_named_each_way() -> None:
    assert learnt().changed("strange", up=True) == [("strokes", 1)]
    assert learnt().changed("strange", up=False) == [("noise", 1)]
    assert learnt().changed("clicked", up=False) == []


def test_where_every_class_was_clicked_there_are_no_others() -> None:
    both = Lesson(TARGET, (Label("strokes", 0, True), Label("noise", 0, True)))
    assert set(learnt(lesson=both).sides) == {"normal", "strange", "clicked"}
    none = Lesson(TARGET, (Label("strokes", 0, False),))
    assert set(learnt(lesson=none).sides) == {"normal", "strange", "others"}


def test_the_histogram_holds_every_odd_image_in_thresholds() -> None:
    edges, shares = learnt().histogram(4)
    assert edges[0] == pytest.approx(0.1)  # 2 / 20
    assert edges[-1] == pytest.approx(4)  # 80 / 20
    assert set(shares) == {"normal", "clicked", "others"}
    for counts in shares.values():
        np.testing.assert_allclose(counts.sum(1), 100)


def test_the_table_has_a_row_an_odd_image() -> None:
    table = learnt().table()
    assert table["image"].tolist() == ["boxes#1", "boxes#3", "strokes#1", "noise#1"]
    assert table["flagged with labels"].tolist() == [0, 1, 1, 0]
    assert table["clicked class"].tolist() == [0, 0, 1, 0]


def test_questions_are_told_with_the_anomalies_that_they_found(tiny_scenario: Tiny) -> None:
    arrays = {
        "auroc": np.array([[0.5, 0.6], [0.5, 0.7]]),
        "asked": np.array([[0, 96, 98, 2], [96, 98, 100, 102]]),
    }
    found = lessons._told(Lesson(TARGET, questions=True), arrays)
    assert isinstance(found, Asked)
    assert found.counts == (0, 4)
    assert found.sets[0].tolist() == ["boxes", "strokes", "strokes", "boxes"]
    assert found.table()["anomalies by doubt"].tolist() == [0, 2]
    assert found.table()["anomalies by chance"].tolist() == [0, 4]


# Candidates ---------------------------------------------------------------------------------------


def test_all_even_images_may_be_labelled_and_a_seed_orders_them(tiny_scenario: Tiny) -> None:
    one, same, other = (lesson_candidates(TARGET, doubt=False, seed=seed) for seed in (0, 0, 1))
    assert set((one.indices % 2).tolist()) == {0}
    assert {"boxes", "strokes"} <= set(one.sets.tolist())
    assert one.indices.tolist() == same.indices.tolist() != other.indices.tolist()


def test_doubt_shows_first_what_is_nearest_to_the_threshold(tiny_scenario: Tiny) -> None:
    found = lesson_candidates(TARGET, doubt=True, seed=0)
    stored = lessons.stored_scores(TARGET)
    card = lessons.loaded(TARGET)[1]
    score = [
        float(stored[name][card.score.part][i])
        for name, i in zip(found.sets.tolist(), found.indices.tolist(), strict=True)
    ]
    gaps = np.abs(np.array(score) - card.score.threshold)
    assert found.doubt
    assert (np.diff(gaps) >= -1e-3).all()


def test_after_a_lesson_doubt_is_that_of_its_own_scores(tiny_scenario: Tiny) -> None:
    known = lessons._images_of(TARGET.world)
    after = np.arange(len(known.sets), dtype=np.float64)
    middle = int(np.flatnonzero((known.sets == "strokes") & (known.indices == 8))[0])
    last = learnt(sets=known.sets, indices=known.indices, strange=known.strange, before=after,
                  after=after, thresholds=(1.0, float(middle)))  # fmt: skip
    found = lesson_candidates(TARGET, doubt=True, seed=0, learnt=last)
    assert (found.sets[0], found.indices[0]) == ("strokes", 8)


def test_without_a_trained_model_chance_takes_the_place_of_doubt(tiny_scenario: Tiny) -> None:
    (tiny_scenario.folder / "glow.json").unlink()
    found = lesson_candidates(TARGET, doubt=True, seed=0)
    assert not found.doubt
    assert found.indices.tolist() == lesson_candidates(TARGET, doubt=False, seed=0).indices.tolist()


# The whole way ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_lesson_goes_from_a_ticket_to_a_result_and_leaves_nothing(
    tiny_scenario: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTSKIRTS_LESSON_STEPS", "3")
    forget_everything()
    before = sorted(os.listdir(tiny_scenario.checkpoints.parent))
    ticket = start_lesson(Lesson(TARGET, STROKES))
    while (state := lesson_state(ticket)).open:
        time.sleep(0.05)
    assert state.stage == "done", state.text
    found = state.result
    assert isinstance(found, Learnt)
    assert [len(curve) for curve in found.losses] == [3, 3]
    assert found.seconds > 0
    assert np.isfinite(found.after).all()
    assert found.sides["clicked"].n == 48
    cancel_lesson(ticket)
    assert service.lesson_state(ticket).stage == "gone"
    assert sorted(os.listdir(tiny_scenario.checkpoints.parent)) == before
