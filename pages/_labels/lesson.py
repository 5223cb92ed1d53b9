"""The live lesson: label some images, train, and see who changed sides; or let doubt ask."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.service import (
    LESSON_COUNTS,
    Asked,
    Learnt,
    Lesson,
    LessonState,
    OutskirtsError,
    Target,
    cancel_lesson,
    lesson_state,
    start_lesson,
)
from pages._labels import lesson_drawn, lesson_labels
from pages._shared.controls import in_words
from pages._shared.text import counted, plain

__all__ = ["lesson"]

RUN, RESULTS, SAID = "_lesson_run", "_lesson_results", "_lesson_ended"
SECONDS = {False: 15, True: 45}  # of labels, of questions, where a processor is free
WORDS = (
    "Say of some images that they are anomalies, and a small ESAD learns with your labels, its twin "
    "without them, from the same start. A fresh installation has only **test images**: they learn "
    "from those of even number and are judged on those of odd number, so that the figures are no "
    "result of the method. Labelled images are repeated until there is about one for ten others. "
    "A reload of the page forgets labels and lesson."
)


@dataclass(frozen=True)
class _Run:
    """A lesson that this visitor waits for."""

    ticket: str
    lesson: Lesson


def lesson(target: Target) -> None:
    """The section: labels, two ways to train, how it goes, and what came of it.

    Args:
        target: a model of the scenario whose normal class is learned; it proposes what is doubtful.
    """
    st.subheader("A lesson of your own")
    st.markdown(WORDS)
    labelling(target)
    if st.session_state.get(RUN) is not None:
        st.fragment(progress, run_every=1.0)()
    elif said := st.session_state.get(SAID):
        st.warning(plain(said), icon=":material/info:")
    scenario = target.world
    titles = {s.name: s.title for s in scenario.own_sets}
    with in_words(), st.container(key="labels_lesson_result"):
        if isinstance(found := _result(scenario.name, Learnt), Learnt):
            lesson_drawn.learnt(found, titles)
        if isinstance(found := _result(scenario.name, Asked), Asked):
            lesson_drawn.asked(found)


def _result(scenario: str, kind: type) -> Learnt | Asked | None:
    """What came of the last lesson of a kind, if it was about this scenario."""
    found = st.session_state.get(RESULTS, {}).get(kind.__name__)
    return found if found is not None and found.lesson.target.world.name == scenario else None


@st.fragment
def labelling(target: Target) -> None:
    """The pictures, the labels, and what is done with them."""
    with in_words():
        scenario = target.world
        last = _result(scenario.name, Learnt)
        lesson_labels.choose(target, last if isinstance(last, Learnt) else None)
        lesson_labels.own(target)
        lesson_labels.pressed(scenario)
        _buttons(target, scenario.name)


def _buttons(target: Target, scenario: str) -> None:
    labels = tuple(lesson_labels.labels_of(scenario).values())
    busy, seed = st.session_state.get(RUN) is not None, st.session_state["seed"]
    many, ready = 2 * len(LESSON_COUNTS) - 1, bool(labels) and not busy
    with st.container(horizontal=True, gap="small"):
        if st.button(
            f"Train with {counted(len(labels), 'label')}", key="labels_lesson_train",
            type="primary" if ready else "secondary",  # of a primary one no word is seen in grey
            disabled=not ready, icon=":material/school:",
            help=None if labels else "Label an image first.",
        ):  # fmt: skip
            _start(Lesson(target, labels, seed=seed))
        if st.button(
            "Let doubt ask, against chance", key="labels_lesson_ask", disabled=busy,
            icon=":material/question_mark:",
            help=f"The truth labels {LESSON_COUNTS[-1]} images, {LESSON_COUNTS[1]} at a time: those "
            f"that the model doubts most, and others by chance.",
        ):  # fmt: skip
            _start(Lesson(target, questions=True, seed=seed))
        st.button(
            "Reset labels", key="labels_lesson_reset", disabled=not labels,
            on_click=lesson_labels.reset, args=(scenario,), icon=":material/backspace:",
        )  # fmt: skip
    st.caption(
        f"Training takes about {SECONDS[False]} seconds where a processor is free; doubt against "
        f"chance are {many} trainings, about {SECONDS[True]} seconds. One lesson is held at a time."
    )


def _start(asked: Lesson) -> None:
    """Queue for a lesson, and draw the page anew, which follows it from now on."""
    st.session_state.pop(SAID, None)
    try:
        ticket = start_lesson(asked)
        try:
            st.session_state[RUN] = _Run(ticket, asked)
        except BaseException:  # the run was cut short: nobody would know of this lesson
            cancel_lesson(ticket)
            raise
    except OutskirtsError as error:
        st.session_state[SAID] = str(error)
    st.rerun()


# How it goes --------------------------------------------------------------------------------------


def progress() -> None:
    """Where the visitor's lesson stands, each second; at its end the page is drawn anew."""
    run: _Run | None = st.session_state.get(RUN)
    if run is None:  # it was ended between two looks
        return
    state = lesson_state(run.ticket)
    if not state.open:
        _settle(run, state)
        st.rerun()
    with st.container(key="labels_lesson_progress"):
        st.progress(state.share, text=said_of(state, run.lesson))
        if st.button("Cancel", key="labels_lesson_cancel", icon=":material/close:"):
            _settle(run, LessonState("gone", text="The lesson was cancelled."))
            st.rerun()
        if state.losses:
            many = [f"training {i + 1}" for i in range(len(state.losses))]
            names = many if run.lesson.questions else lesson_drawn.TWINS
            lesson_drawn.losses(state.losses[-2:], names[-2:], key="labels_lesson_loss")


def _settle(run: _Run, state: LessonState) -> None:
    """Keep what came of a lesson for this session alone; the queue forgets it."""
    if state.result is None:
        st.session_state[SAID] = f"{run.lesson.target.world.normal.title}: {state.text}"
    else:
        kept = st.session_state.get(RESULTS, {})
        st.session_state[RESULTS] = {**kept, type(state.result).__name__: state.result}
        st.session_state.pop(SAID, None)
    st.session_state.pop(RUN, None)  # a run that is cut short before settles it again
    cancel_lesson(run.ticket)


def said_of(state: LessonState, held: Lesson) -> str:
    """The stage of a lesson, in words."""
    title = held.target.world.normal.title.lower()
    if state.stage == "waiting":
        before = counted(state.place, "lesson")
        verb = "is" if state.place == 1 else "are"
        return f"In the queue: {before} {verb} held before yours. Stay on this page meanwhile."
    if state.stage == "starting":
        return f"Starting the training on {title}: it loads for some seconds."
    many = 2 * len(LESSON_COUNTS) - 1 if held.questions else 2
    steps = len(state.losses[-1]) if state.losses else 0
    return (
        f"Training {max(1, len(state.losses))} of {many} on {title}, step {steps}; "
        f"{state.seconds:.0f} seconds so far."
    )
