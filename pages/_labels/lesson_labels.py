"""The labels of a lesson: pictures to press, those that are pressed, and what the page proposes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import streamlit as st

from core.service import (
    MOST_LABELS,
    Label,
    Learnt,
    OutskirtsError,
    Scenario,
    Target,
    label_of_own,
    lesson_candidates,
)
from pages._shared import picker
from pages._shared.text import plain

__all__ = ["EACH", "choose", "labels_of", "own", "pressed", "reset"]

EACH, SIDE = 12, 88  # pictures at once; pixels of each
STATE, SAID, PAGE = "_lesson_labels", "_lesson_said", "_lesson_page"
SAYS = {"anomaly": "an anomaly", "normal": "normal"}
ORDERS = {"chance": "as they come", "doubt": "the most doubtful"}
FULL = f"{MOST_LABELS} labels are the most: take one away first."


def labels_of(scenario: str) -> Mapping[str, Label]:
    """The visitor's labels by the ids of their images: one image has one."""
    return st.session_state.get(STATE, {}).get(scenario, {})


def _keep(scenario: str, labels: Mapping[str, Label]) -> None:
    st.session_state[STATE] = {**st.session_state.get(STATE, {}), scenario: dict(labels)}


def reset(scenario: str) -> None:
    """Take all labels of a scenario away."""
    st.session_state.pop(SAID, None)
    _keep(scenario, {})


def choose(target: Target, learnt: Learnt | None) -> None:
    """Pictures of even number; a press gives one a label, or takes it away."""
    scenario = target.world
    titles = {s.name: s.title for s in scenario.own_sets}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        says = st.segmented_control(
            "A press says", list(SAYS), format_func=SAYS.__getitem__, default="anomaly",
            required=True, key="labels_lesson_says", persist_state="session",
        )  # fmt: skip
        order = st.segmented_control(
            "Shown first", list(ORDERS), format_func=ORDERS.__getitem__, default="chance",
            required=True, key="labels_lesson_order", persist_state="session",
            help="Doubtful are those whose score is nearest to the threshold: of your last lesson, "
            "or of the shipped model without labels where there was none.",
        )  # fmt: skip
        only = st.selectbox(
            # Of another data set's class this raises, which lets Streamlit begin anew.
            "Class", ["", *titles], format_func=lambda name: titles[name] if name else "all classes",
            key="labels_lesson_only", persist_state="session", width=190,
        )  # fmt: skip
        limits = learnt.thresholds if learnt else ()
        deal = (scenario.name, order, only, st.session_state["seed"], limits)
        st.button(
            "Other pictures", key="labels_lesson_others", icon=":material/refresh:",
            on_click=_turn, args=(deal,),
        )  # fmt: skip
    shown = _candidates(target, order == "doubt", only, learnt, turn=_turns(deal))
    _tiles(scenario, titles, shown, anomaly=says == "anomaly")
    images = [
        (name, index) for name, index in shown if f"{name}#{index}" not in labels_of(scenario.name)
    ]
    st.button(
        f"Label all {len(shown)} shown", key="labels_lesson_all", on_click=_press_all,
        args=(scenario.name, images, says == "anomaly"), disabled=not images,
    )  # fmt: skip


def _turns(deal: Hashable) -> int:
    """How often other pictures were asked for: of another order the first ones come first."""
    kept, turns = st.session_state.get(PAGE, (None, 0))
    return turns if kept == deal else 0


def _turn(deal: Hashable) -> None:
    st.session_state[PAGE] = deal, _turns(deal) + 1


def _candidates(
    target: Target, doubt: bool, only: str, learnt: Learnt | None, *, turn: int
) -> list[tuple[str, int]]:
    """The pictures of a turn: after the last ones come the first ones again."""
    found = lesson_candidates(target, doubt=doubt, seed=st.session_state["seed"], learnt=learnt)
    if doubt and not found.doubt:
        st.info(
            "No model is trained here that could doubt: train once, and the lesson's own will.",
            icon=":material/info:",
        )
    pairs = zip(found.sets.tolist(), found.indices.tolist(), strict=True)
    every = [(name, index) for name, index in pairs if only in ("", name)]
    first = turn * EACH % max(1, len(every))
    return every[first : first + EACH]


def _tiles(
    scenario: Scenario, titles: Mapping[str, str], shown: list[tuple[str, int]], *, anomaly: bool
) -> None:
    known = labels_of(scenario.name)
    with st.container(key="gallery_labels_lesson"), st.grid(min_column_width=SIDE):
        for i, (name, index) in enumerate(shown):
            label = Label(name, index, anomaly)
            had = known.get(label.id)
            mark = "no label" if had is None else "anomaly" if had.anomaly else "normal"
            image = plain(f"{titles[name]} {index}")
            st.button(
                f"![{image}](thumbnail/{scenario.name}/{name}/{index}.png) {mark}",
                key=f"labels_lesson_tile_{i}",
                type="primary" if had else "tertiary",
                width="stretch",
                on_click=_press,
                args=(scenario.name, label),
                help=f"{image}: press to {'take its label away' if had else 'label it'}",
            )


def _press(scenario: str, label: Label) -> None:
    """Give an image a label; one that has one loses it."""
    known = dict(labels_of(scenario))
    st.session_state.pop(SAID, None)
    if label.id in known:
        del known[label.id]
    elif len(known) >= MOST_LABELS:
        st.session_state[SAID] = FULL
    else:
        known[label.id] = label
    _keep(scenario, known)


def _press_all(scenario: str, images: list[tuple[str, int]], anomaly: bool) -> None:
    """Label images until there are as many labels as there may be."""
    for name, index in images:
        _press(scenario, Label(name, index, anomaly))


def pressed(scenario: Scenario) -> None:
    """The labels that are given; a press takes one away."""
    known, titles = labels_of(scenario.name), {s.name: s.title for s in scenario.own_sets}
    anomalies = sum(label.anomaly for label in known.values())
    st.markdown(
        f"**Your labels**, {MOST_LABELS} at most: anomaly {anomalies}, normal "
        f"{len(known) - anomalies}."
    )
    with st.container(horizontal=True, gap="xsmall", key="labels_lesson_given"):
        for i, label in enumerate(known.values()):
            image = f"{titles.get(label.set_name, label.set_name)} {label.index if label.index is not None else '(your own)'}"
            st.button(
                f"{plain(image)}: {'anomaly' if label.anomaly else 'normal'}",
                key=f"labels_lesson_given_{i}",
                icon=":material/close:",
                on_click=_press,
                args=(scenario.name, label),
                help=f"Take the label of {plain(image)} away.",
            )
    if said := st.session_state.get(SAID):
        st.warning(said, icon=":material/warning:")


def own(target: Target) -> None:
    """The visitor's own image, which may be a known anomaly as well."""
    image = picker.own_image()
    if image is None:
        st.caption(
            "An image of your own may be a label, too: choose it by *One of your own* where this "
            "page looks at one image."
        )
        return
    st.button(
        f"Label your own image {plain(image.name)}",
        key="labels_lesson_own",
        icon=":material/person:",
        on_click=_press_own,
        args=(target, image),
        help=picker.PRIVATE,
    )


def _press_own(target: Target, image: picker.Own) -> None:
    anomaly = st.session_state.get("labels_lesson_says", "anomaly") == "anomaly"
    try:
        _press(target.world.name, label_of_own(target, image.name, image.data, anomaly=anomaly))
    except OutskirtsError as error:
        st.session_state[SAID] = plain(f"{image.name}: {error}")
