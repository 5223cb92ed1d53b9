"""The live lesson on its page: labels by pressing, each stage in words, and what came of it."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import numpy as np
import pytest
from conftest import Tiny
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.service import (
    MOST_LABELS,
    Asked,
    Label,
    Learnt,
    Lesson,
    LessonState,
    QueueFull,
    Target,
)
from pages._labels import lesson as section
from pages._labels import lesson_drawn
from pages._shared.ask import csv_of
from pages._shared.picker import Own

pytestmark = pytest.mark.usefixtures("quick_apps")

TARGET = Target("tiny", "glow")


class Teacher:
    """Stands in for the queue: a test says at which stage the lesson is."""

    def __init__(self) -> None:
        self.held: dict[str, Lesson] = {}
        self.state = LessonState("waiting", place=2)
        self.full = False

    def start(self, lesson: Lesson) -> str:
        if self.full:
            raise QueueFull("40 lessons are waited for")
        self.held[ticket := f"ticket {len(self.held)}"] = lesson
        return ticket

    def look(self, ticket: str) -> LessonState:
        return self.state if ticket in self.held else LessonState("gone", text="no more")

    def cancel(self, ticket: str) -> None:
        self.held.pop(ticket, None)


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch, tiny_scenario: Tiny) -> Teacher:
    stand_in = Teacher()
    monkeypatch.setattr(section, "start_lesson", stand_in.start)
    monkeypatch.setattr(section, "lesson_state", stand_in.look)
    monkeypatch.setattr(section, "cancel_lesson", stand_in.cancel)
    return stand_in


def script() -> None:
    import streamlit as st

    from core.service import Target
    from pages._labels.lesson import lesson

    st.session_state.setdefault("seed", 0)
    lesson(Target("tiny", "glow"))


def opened() -> AppTest:
    app = AppTest.from_function(script, default_timeout=60).run()
    assert not app.exception
    return app


def press(app: AppTest, key: str) -> AppTest:
    app.button(f"labels_lesson_{key}").click().run()
    assert not app.exception
    return app


def text_of(app: AppTest) -> str:
    boxes = [*app.markdown, *app.caption, *app.warning, *app.info]
    return "\n".join(box.value for box in boxes)


def learnt(lesson: Lesson) -> Learnt:
    """A lesson on the first images of three sets; half of the clicked ones changed sides."""
    n = 40
    rng = np.random.default_rng(0)
    sets = np.repeat(["boxes", "strokes", "turned"], n)
    before = np.concatenate([rng.uniform(1, 2, n), rng.uniform(1.5, 3, 2 * n)])
    after = before + (sets == "strokes")
    return Learnt(lesson, sets, np.tile(np.arange(n), 3), sets != "boxes", before, after,
                  (2.0, 2.0), ((3.0, 2.0), (3.0, 2.5)), 11.6)  # fmt: skip


def done(result: Any) -> LessonState:
    return LessonState("done", share=1.0, result=result)


# Labels -------------------------------------------------------------------------------------------


def test_a_press_labels_an_image_and_a_second_one_takes_the_label_away(teacher: Teacher) -> None:
    app = opened()
    assert app.button("labels_lesson_train").disabled
    assert app.button("labels_lesson_tile_0").label.endswith("no label")
    press(app, "tile_0")
    assert app.button("labels_lesson_tile_0").label.endswith("anomaly")
    assert "anomaly 1, normal 0" in text_of(app)
    app.segmented_control("labels_lesson_says").set_value("normal").run()
    press(app, "tile_1")
    assert "anomaly 1, normal 1" in text_of(app)
    press(app, "tile_0")
    assert "anomaly 0, normal 1" in text_of(app)
    press(app, "given_0")
    assert "anomaly 0, normal 0" in text_of(app)
    assert app.button("labels_lesson_train").disabled


def test_every_picture_has_a_name_for_whoever_does_not_see_it(teacher: Teacher) -> None:
    app = opened()
    for i in range(12):
        label = app.button(f"labels_lesson_tile_{i}").label
        assert re.match(r"!\[\w+ \d+\]\(thumbnail/tiny/\w+/\d+\.png\) no label", label), label


def test_no_more_labels_than_there_may_be_and_reset_takes_all(teacher: Teacher) -> None:
    app = opened()
    press(app, "all")
    assert "anomaly 12, normal 0" in text_of(app)
    press(app, "others")
    press(app, "all")
    assert f"anomaly {MOST_LABELS}, normal 0" in text_of(app)
    assert "take one away first" in text_of(app)
    press(app, "reset")
    assert "anomaly 0, normal 0" in text_of(app)


def test_one_class_alone_can_be_shown_and_others_turn_the_page(teacher: Teacher) -> None:
    app = opened()
    app.selectbox("labels_lesson_only").set_value("strokes").run()
    first = [app.button(f"labels_lesson_tile_{i}").label for i in range(12)]
    assert all("thumbnail/tiny/strokes/" in label for label in first)
    press(app, "others")
    second = [app.button(f"labels_lesson_tile_{i}").label for i in range(12)]
    assert not set(first) & set(second)


def test_an_own_image_may_be_a_label_once_whatever_its_name(teacher: Teacher) -> None:
    stream = io.BytesIO()
    Image.new("L", (28, 28), 99).save(stream, "PNG")
    app = opened()
    assert "One of your own" in text_of(app)
    app.session_state["_own_image"] = Own("my *own*.png", stream.getvalue())
    app.run()
    press(app, "own")
    assert "anomaly 1, normal 0" in text_of(app)
    press(app, "train")
    [label] = next(iter(teacher.held.values())).labels
    assert (label.index, label.anomaly, len(label.own)) == (None, True, 784)


def test_an_own_file_that_is_no_image_is_told_in_words(teacher: Teacher) -> None:
    app = opened()
    app.session_state["_own_image"] = Own("no.png", b"nothing")
    app.run()
    press(app, "own")
    assert "anomaly 0" in text_of(app)
    assert app.warning[0].value.startswith(r"no\.png")


# Stages -------------------------------------------------------------------------------------------


def begun(teacher: Teacher) -> AppTest:
    app = opened()
    press(app, "tile_0")
    press(app, "train")
    assert len(teacher.held) == 1
    return app


def said(app: AppTest) -> str:
    [bar] = app.get("progress")
    return bar.proto.text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (LessonState("waiting", place=1), "1 lesson is held before yours"),
        (LessonState("waiting", place=2), "2 lessons are held before yours"),
        (LessonState("starting"), "Starting the training on boxes"),
        (
            LessonState("training", share=0.7, losses=((3.0, 2.0), (1.0,)), seconds=7),
            "Training 2 of 2 on boxes, step 1; 7 seconds so far",
        ),
    ],
)
def test_each_stage_is_told_and_can_be_cancelled(
    teacher: Teacher, state: LessonState, words: str
) -> None:
    app = begun(teacher)
    teacher.state = state
    app.run()
    assert words in said(app)
    assert app.button("labels_lesson_train").disabled  # one lesson a visitor
    press(app, "cancel")
    assert not app.get("progress")
    assert not teacher.held
    assert "The lesson was cancelled" in text_of(app)
    assert not app.button("labels_lesson_train").disabled  # the labels are still there


@pytest.mark.slow
@pytest.mark.parametrize(
    "state",
    [
        LessonState("failed", text="The process that trained was ended from outside"),
        LessonState("gone", text="The lesson is no more"),
    ],
)
def test_a_lesson_without_a_result_says_why_and_another_may_begin(
    teacher: Teacher, state: LessonState
) -> None:
    app = begun(teacher)
    teacher.state = state
    app.run()
    assert state.text in text_of(app)
    assert not teacher.held
    teacher.state = LessonState("waiting")
    press(app, "train")
    assert len(teacher.held) == 1
    assert state.text not in text_of(app)


def test_a_full_queue_is_told_in_words(teacher: Teacher) -> None:
    teacher.full = True
    app = opened()
    press(app, "tile_0")
    press(app, "train")
    assert "40 lessons are waited for" in text_of(app)
    assert not app.get("progress")


# Results ------------------------------------------------------------------------------------------


@pytest.fixture
def taught(teacher: Teacher) -> AppTest:
    app = opened()
    app.selectbox("labels_lesson_only").set_value("strokes").run()
    press(app, "tile_0")
    press(app, "train")
    [lesson] = teacher.held.values()
    teacher.state = done(learnt(lesson))
    app.run()
    assert not app.exception
    return app


def test_a_result_is_drawn_with_its_numbers_and_that_it_is_none(
    taught: AppTest, teacher: Teacher
) -> None:
    assert not teacher.held  # the queue has forgotten it: it is this session's alone
    text = text_of(taught)
    found = learnt(Lesson(TARGET))
    assert "1 label in 12 seconds" in text
    strokes = (found.sets == "strokes") & (found.indices % 2 == 1)
    was = int((found.before[strokes] > 2).sum())
    assert f"Of 20 images of the classes you clicked (strokes) {was} were flagged" in text
    assert "and 20 are with them" in text
    assert "no result" in text
    keys = [chart.proto.id for chart in taught.get("plotly_chart")]
    assert any("labels_lesson_histogram" in key for key in keys)
    taught.run()
    assert "1 label in 12 seconds" in text_of(taught)  # it stays


def test_another_session_sees_nothing_of_it(taught: AppTest) -> None:
    assert "1 label in 12 seconds" not in text_of(opened())


def test_the_files_hold_what_is_shown() -> None:
    found = learnt(Lesson(TARGET))
    rows = list(csv.DictReader(io.StringIO(csv_of(found.table()).decode())))
    assert len(rows) == 60
    assert {row["image"].partition("#")[2] for row in rows} == {str(i) for i in range(1, 40, 2)}


def test_labels_that_are_all_normal_are_told_apart() -> None:
    found = learnt(Lesson(TARGET, (Label("boxes", 0, False),)))
    assert "None says anomaly" in lesson_drawn.said_of(found, lesson_drawn.groups(found, {}))


def test_doubt_and_chance_are_drawn_and_the_sentence_says_who_is_ahead(teacher: Teacher) -> None:
    app = opened()
    press(app, "ask")
    [lesson] = teacher.held.values()
    assert lesson.questions
    assert lesson.labels == ()
    zeros = np.zeros((2, 4), np.int64)
    strange = np.array([[True, True, False, False], [True] * 4])
    area = np.array([[0.5, 0.8], [0.5, 0.75]])
    teacher.state = done(Asked(lesson, (0, 4), area, zeros.astype(str), zeros, strange))
    app.run()
    text = text_of(app)
    assert "0.800 where doubt asked for them and 0.750 where chance did: doubt is ahead" in text
    assert "Doubt came by 2 anomalies, chance by 4" in text


@pytest.mark.parametrize(
    ("areas", "words"), [((0.7, 0.8), "chance is ahead"), ((0.8, 0.8), "both are level")]
)
def test_the_sentence_on_doubt_follows_the_numbers(areas: tuple[float, float], words: str) -> None:
    zeros, strange = np.zeros((2, 4), np.int64), np.ones((2, 4), bool)
    area = np.array([[0.5, areas[0]], [0.5, areas[1]]])
    found = Asked(Lesson(TARGET, questions=True), (0, 4), area, zeros, zeros, strange)
    assert words in lesson_drawn.said_of_asked(found)
