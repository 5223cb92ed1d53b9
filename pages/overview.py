"""Overview: what is normal here, what is strange, and who finds it; and where to start."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from core.service import (
    Classes,
    ClassesQuery,
    DetectorRow,
    Overview,
    OverviewQuery,
    Scenario,
)
from pages._overview import cells, figures, numbers, picture, sentences, start
from pages._shared import controls, draw, seeds
from pages._shared.ask import ask
from pages._shared.theme import palette

APP = (
    "**Outskirts** is a workbench for looking inside deep anomaly detectors: real weights, real "
    "images, and the places where a method fails."
)


def leading_of(rows: Sequence[DetectorRow], own: str) -> list[DetectorRow]:
    """The models that stand for their detectors: those that carry its name alone.

    Args:
        own: the class that is normal, if it is one: then its name too.
    """
    return [row for row in rows if row.name.partition(".")[2] in ("", own)]


def show_picture(overview: Overview, leading: list[DetectorRow], rows: list[DetectorRow]) -> None:
    with st.container(key="overview_picture"):
        st.html(picture.table(overview, leading, rows, palette()))
    if leading:
        st.caption(picture.key(with_best=len(rows) > len(leading)))
        st.markdown(picture.said(overview, leading))


def show_numbers(scenario: Scenario, leading: list[DetectorRow], rows: list[DetectorRow]) -> None:
    st.header("How good is each detector")
    titles = {s.name: s.title for s in scenario.strange}
    if not rows:
        st.info(f"{scenario.title} has no trained model.", icon=":material/info:")
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


def show_classes(by_class: Classes, scenario: Scenario, leading: list[DetectorRow]) -> None:
    st.header("Every class in turn")
    for row in leading:
        stem = row.name.partition(".")[0]
        cards = {by_class.titles[v]: card for v, card in by_class.cards[stem].items()}
        draw.chart(
            figures.intervals(
                {
                    title: card.metrics["rest"][card.score.part]
                    for title, card in cards.items()
                    if card is not None
                },
                marked=scenario.normal.title,
            ),
            key=f"overview_classes_{stem}",
            name=f"{scenario.family}-{stem}-classes",
            alt=f"AUROC of {row.title} with each class in turn as the normal one, with intervals",
        )
        if (mean := by_class.means.get(stem)) is not None:
            st.markdown(
                f"**{row.title}**: mean AUROC over {mean.models} classes **{mean.auroc:.3f}** "
                f"({draw.interval(mean, dash=draw.DASH)}), each against all others. The class that "
                "is chosen in the sidebar is the orange diamond."
                + sentences.against_study(stem, scenario, mean.auroc)
            )


def show_sets(overview: Overview) -> None:
    with st.expander("What the sets are, and their licences"):
        for s in overview.scenario.sets:
            size = f"{overview.sizes[s.name]:,} images"
            st.markdown(f"**{s.title}** ({s.role}, {size}). {s.text} Licence: {s.licence}.")


overview = ask(OverviewQuery(st.session_state["world"]))
by_class = ask(ClassesQuery(st.session_state["world"]))
scenario = overview.scenario
rows = [row for row in overview.detectors if row.card is not None]
leading = leading_of(rows, scenario.name.partition(".")[2])

st.html(cells.CSS)
controls.heading("overview", scenario, [row.name for row in rows])
st.markdown(f"{APP} **{scenario.title}:** {scenario.question}")
for row in overview.detectors:
    if row.card is None:
        st.error(row.missing, icon=":material/error:")
show_picture(overview, leading, rows)
if shown := [t for t in controls.tiles_of(scenario, [r.name for r in rows]) if t.text]:
    st.header("Where to start")
    start.tiles(shown)
show_numbers(scenario, leading, rows)
show_sentences(overview, leading, rows)
if by_class is not None:
    show_classes(by_class, scenario, leading)
show_sets(overview)
st.page_link("cards.py", label="Every model's card: data, training, deviations, limits")
