"""Overview: what is normal here, what is strange, and who finds it; and where to start."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from core.service import (
    ClassesQuery,
    DetectorRow,
    Overview,
    OverviewQuery,
    Scenario,
)
from pages._overview import cells, classes, numbers, picture, sentences, start
from pages._shared import controls, seeds
from pages._shared.ask import ask
from pages._shared.theme import palette

APP = (
    "**Outskirts** is a workbench for looking inside deep anomaly detectors: real weights, real "
    "images, and the places where a method fails."
)


def leading_of(rows: Sequence[DetectorRow]) -> list[DetectorRow]:
    """The models that stand for their detectors: those that carry its name alone, or a class's.

    Of several shares of known anomalies, the one that knew none: the other detectors knew none.
    """
    return [row for row in rows if "." not in row.model and not row.share]


def show_picture(overview: Overview, leading: list[DetectorRow], rows: list[DetectorRow]) -> None:
    with st.container(key="overview_picture"):
        st.html(picture.table(overview, leading, rows, palette()))
    if leading:
        normal = overview.scenario.normal
        key = picture.key(with_best=len(rows) > len(leading))
        st.caption(f"{key} {normal.title}: {normal.text}")
        st.markdown(picture.said(overview, leading))


def show_numbers(scenario: Scenario, leading: list[DetectorRow], rows: list[DetectorRow]) -> None:
    st.header("How good is each detector")
    titles = {s.name: s.title for s in scenario.strange}
    if not rows:
        controls.say_untrained(scenario)
        return
    whose = {row.name: row.title for row in rows}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        opened = controls.choice(
            "Parts of",
            {numbers.NONE: "no model", **whose, numbers.EVERY: "every model"},
            key="overview_parts",
            default=leading[0].name if leading else numbers.NONE,
            kind="select",
            width=260,
        )
        intervals = st.toggle("95 % intervals", key="overview_intervals", bind="query-params")
        controls.downloads(
            controls.File(
                "All numbers (CSV)",
                f"{scenario.name}-auroc.csv",
                partial(numbers.csv_of_all, rows, list(titles)),
            )
        )
    made = numbers.lines(rows, list(titles), opened)
    st.html(numbers.table(made, titles, palette(), intervals=intervals))
    st.caption(
        f"{numbers.STAR} the part that is the detector's score: the method's own, or chosen on "
        "damaged normal images, without a look at any strange set. Bold: no other model's score is "
        "better, as far as these images tell. Intervals, also where the mouse rests, are of 1,000 "
        "stratified bootstraps: they cover test images, not training seeds."
    )


def show_sentences(overview: Overview, leading: list[DetectorRow], rows: list[DetectorRow]) -> None:
    lower = {s.name: s.title.lower() for s in overview.scenario.strange}
    measured = seeds.measured((*overview.detectors, *overview.seed_replicates))
    for row in leading:
        st.markdown(sentences.trained(row))
        for text in (
            sentences.doubts(row, lower, measured),
            sentences.corrected(row, lower, measured),
        ):
            if text:
                st.markdown(text)
    if len(rows) > len(leading):
        text = sentences.unlike(rows)
        st.caption(f"{text} What else is in the models stands in their cards.".strip())


def show_sets(overview: Overview) -> None:
    with st.expander("What the sets are, and their licences"):
        for s in overview.scenario.sets:
            size = f"{overview.sizes[s.name]:,} images"
            st.markdown(f"**{s.title}** ({s.role}, {size}). {s.text} Licence: {s.licence}.")


overview = ask(OverviewQuery(st.session_state["world"]))
by_class = ask(ClassesQuery(st.session_state["world"]))
scenario = overview.scenario
rows = [row for row in overview.detectors if row.card is not None]
leading = leading_of(rows)

st.html(cells.CSS)
controls.heading("overview", scenario, [row.name for row in rows])
st.markdown(f"{APP} **{scenario.title}:** {scenario.question}")
for row in overview.detectors:
    if row.card is None and not row.untrained:
        controls.say_missing(row)
if rows and (more := sentences.untrained(scenario, overview.detectors)):
    st.caption(more)
show_picture(overview, leading, rows)
if shown := [t for t in controls.tiles_of(scenario, [r.name for r in rows]) if t.text]:
    st.header("Where to start")
    start.tiles(shown)
show_numbers(scenario, leading, rows)
show_sentences(overview, leading, rows)
if by_class is not None:
    classes.show(by_class, scenario, rows)
show_sets(overview)
st.page_link("cards.py", label="Every model's card: data, training, deviations, limits")
