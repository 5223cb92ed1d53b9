"""Any stored study on a page: its figure, what the intervals allow to say, and all its numbers."""

import textwrap
from collections.abc import Callable, Collection, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.service import (
    ArmResult,
    OverviewQuery,
    Scenario,
    StudyMissing,
    StudyResult,
    StudyRow,
    read_study,
)
from pages._shared import draw, presenting
from pages._shared.ask import ask
from pages._shared.controls import File, downloads
from pages._shared.seeds import listed
from pages._shared.text import counted, minutes, numeral, processor
from pages._shared.theme import palette

__all__ = [
    "cell",
    "elsewhere",
    "every_arm",
    "figure",
    "kind_of",
    "kinds",
    "rows",
    "show",
    "verdict",
]

# Of a data set, beside its colour: for whoever sees no colours.
MARKS = ("circle", "square", "diamond", "triangle-up")
DASHES = ("dot", "dash", "dashdot", "longdash")
NAMED = 4  # arms of a kind that a verdict names
LINE, ROW = 17, 25  # pixels: of a line of an arm's title, and of its marks below
FEW = 3  # data sets whose differences it says one by one
Says = Callable[[StudyResult], str]
Chosen = Callable[[StudyResult], Collection[str]]


def _here() -> Scenario | None:
    """The scenario of the page; None: the page is of none."""
    world = st.session_state.get("world")
    return ask(OverviewQuery(world)).scenario if world else None


def elsewhere(result: StudyResult, scenario: Scenario | None) -> str:
    """That a study says nothing of the scenario whose page shows it; "" where it does."""
    if scenario is None:
        return ""
    measured = {key.partition(":")[0] for key in result.data} | {result.plan.get("scenario")}
    if measured & {scenario.family, scenario.normal.source}:
        return ""
    return f"**It was measured on other images, not on {scenario.title.lower()}.**"


def every_arm(result: StudyResult) -> Collection[str]:
    """Names of all arms."""
    return [arm.name for arm in result.arms]


def show(
    name: str,
    *,
    says: Says | None = None,
    why: Says = lambda result: "",
    aside: Says = lambda result: "",
    drawn: Chosen = every_arm,
    only_here: bool = False,
) -> None:
    """The section of a study; what only its page says of it comes from the functions.

    Args:
        says: in place of the `verdict`.
        why: what follows from the verdict, or "".
        aside: what a reader may mistake, or "".
        drawn: arms of the figure; the table has all.
        only_here: whether it is left out where it was measured on other images.
    """
    try:
        result = read_study(name)
    except StudyMissing as error:
        st.info(str(error), icon=":material/info:")
        return
    words = elsewhere(result, _here())
    if words and only_here:
        return
    st.subheader(result.question)
    st.markdown(result.text)
    if words:
        st.markdown(words)
    measure = first_measure(result)
    draw.chart(
        figure(result, drawn(result)),
        key=f"{name}_study",
        name=f"{name}-study",
        alt=f"Mean {measure} over {result.over} of arms of the study, with 95 percent intervals",
    )
    said = [(says or verdict)(result), why(result)]
    st.markdown("**What you see:** " + "\n\n".join(text for text in said if text))
    if words := aside(result):
        st.caption(words)
    with st.expander("All numbers, and how they were made"):
        st.table(
            pd.DataFrame(rows(result)),
            border="horizontal",
            hide_index=True,
            alt=f"{result.question} Mean {measure} of every arm, a column a data set, with 95 "
            f"percent intervals and the difference to “{reference(result)}”",
        )
        st.caption(how(result))
        downloads(
            File("The study (JSON)", f"{name}-study.json", lambda: result.model_dump_json(indent=1))
        )


def how(result: StudyResult) -> str:
    """How the numbers were made."""
    run, tried = result.run, max(len(arm.trials) for arm in result.arms)
    text = (
        f"Mean {first_measure(result)} over {result.over}; in brackets the difference to "
        f"“{reference(result)}”. Intervals: {run.interval}. "
    )
    if tried > 1:
        text += f"Every arm with something to choose tried {tried} settings; chosen: {run.choice}. "
    sources = dict.fromkeys(f"Published: {other.source}. " for other in result.published)
    return (text + "".join(sources)) + (
        f"{minutes(run.minutes).capitalize()} on {processor(run.processor)}. `python -m core bench {result.name}` prints "
        "this table; `--force` computes it again."
    )


def first_measure(result: StudyResult) -> str:
    return next(iter(result.measures.values()))


def reference(result: StudyResult) -> str:
    return result.arm(result.reference).title


def figure(result: StudyResult, names: Collection[str] | None = None) -> go.Figure:
    """Means of arms, or of those with these names, with intervals, and what others published."""
    arms = [arm for arm in result.arms if names is None or arm.name in names]
    traces = [_means(result, i, arms) for i in range(len(result.data))]
    shapes = [
        draw.line_at(x=result.row(result.reference, data).value, dash=dash, color=colour, width=1.5)
        for data, (colour, _, dash) in zip(
            result.data, map(_looks, range(len(result.data))), strict=True
        )
    ]
    if result.published:
        traces += [_published(result, i, arms) for i in range(len(result.data))]
    # Four entries do not fit beside the title of a narrow page.
    place = {"xref": "container", "x": 0.05, "yref": "container", "y": 0, "yanchor": "bottom"}
    words, titles = _measured(result), [_wrapped(arm.title) for arm in arms]
    each = ROW + LINE * max(1 + title.count("<br>") for title in titles)
    told = {"legend": {"orientation": "h", **place}} if result.published else {}
    below = 30 + 20 * len(words) + (100 if told else 0)
    return draw.figure(
        traces,
        # A narrow page has a legend in rows.
        height=100 + 20 * len(words) + each * len(arms) + 22 * max(0, len(traces) - 2),
        title=result.question,
        hovermode="closest",
        shapes=shapes,
        annotations=[_below(words), *(_over(i, title) for i, title in enumerate(titles))],
        yaxis={"range": [len(arms) - 0.5, -0.9], "dtick": 1, "showticklabels": False},
        margin={"b": below},
        **told,
    )


def _wrapped(title: str) -> str:
    """The title of an arm, in lines that a phone has room for."""
    return "<br>".join(textwrap.wrap(title, 46))


def _over(i: int, title: str) -> dict[str, Any]:
    """The title of the arm that stands i-th, over its row: beside it, it would take half of a phone."""
    place = {"x": 0, "xref": "paper", "xanchor": "left", "y": i, "yanchor": "bottom"}
    above = round(7 * presenting.scale())
    return {"text": title, "showarrow": False, "align": "left", "yshift": above, **place}


def _measured(result: StudyResult) -> list[str]:
    """What the axis measures, and against what, in lines that a phone has room for."""
    lines = textwrap.wrap(f"broken lines: “{reference(result)}”", 42)
    return [f"mean {first_measure(result)}", *lines]


def _below(lines: Sequence[str]) -> dict[str, Any]:
    """Words below the axis, from the right: the title of an axis would have its middle in the middle
    of the axis, of which the names of arms leave a narrow page so little that it would be cut."""
    place = {"x": 1, "xref": "paper", "xanchor": "right", "y": 0, "yref": "paper", "yanchor": "top"}
    below = round(-24 * presenting.scale())  # the numbers of the axis
    words = {"text": "<br>".join(lines), "align": "right"}
    return {"showarrow": False, "yshift": below, **words, **place}


def _looks(i: int) -> tuple[str, str, str]:
    """Colour, mark and dash of the data set that stands i-th: no pair differs by colour alone."""
    colours = palette().categories
    return colours[i % len(colours)], MARKS[i % len(MARKS)], DASHES[i % len(DASHES)]


def _published(result: StudyResult, i: int, arms: Sequence[ArmResult]) -> draw.Trace:
    """What others report of arms on the data set that stands i-th, with their spread."""
    data, title = list(result.data.items())[i]
    told = [(arm, other) for arm in arms if (other := result.published_of(arm.name, data))]
    colour, mark, _ = _looks(i)
    return {
        "type": "scatter",
        "x": [other.value for _, other in told],
        "y": [arm.title for arm, _ in told],
        "name": f"{title}, published",
        "mode": "markers",
        "marker": {"size": 10, "color": colour, "symbol": f"{mark}-open"},
        "error_x": {"array": [other.std for _, other in told], "thickness": 1},
        "hovertemplate": "%{y}: %{x:.3f}<extra>%{fullData.name}</extra>",
    }


def _means(result: StudyResult, i: int, arms: Sequence[ArmResult]) -> draw.Trace:
    """Means of arms on the data set that stands i-th, with their intervals."""
    data, title = list(result.data.items())[i]
    means = [result.row(arm.name, data) for arm in arms]
    colour, mark, _ = _looks(i)
    return {
        "type": "scatter",
        "x": [row.value for row in means],
        "y": [arm.title for arm in arms],
        "name": title,
        "mode": "markers",
        "marker": {"size": 10, "color": colour, "symbol": mark},
        "error_x": {
            "array": [(row.high or row.value) - row.value for row in means],
            "arrayminus": [row.value - (row.low or row.value) for row in means],
        },
        "hovertemplate": "%{y}: %{x:.3f}<extra>%{fullData.name}</extra>",
    }


# What the numbers carry ---------------------------------------------------------------------------


def verdict(result: StudyResult) -> str:
    """How every other arm stands to the reference on the data sets, by the paired intervals.

    A line a kind; in brackets each difference, of more than a few data sets the least and the most.
    """
    known: dict[str, list[str]] = {}
    for name, kind in kinds(result).items():
        known.setdefault(kind, []).append(name)
    sides = list(result.data.values())
    where = listed(sides) if len(sides) <= FEW else f"{len(sides)} data sets"
    everywhere = {1: "", 2: " on both"}.get(len(sides), " on all")
    heads = {
        "better": f"Better{everywhere}",
        "worse": f"Worse{everywhere}",
        "mixed": f"Neither better nor worse{everywhere}",
    }
    lines = [f"- **{heads[k]}:** {_named(result, known[k])}" for k in heads if k in known]
    against = f"Against “{reference(result)}”, with the difference in mean {first_measure(result)}"
    return "\n".join([f"{against} on {where}:\n", *lines])


def _named(result: StudyResult, names: Sequence[str]) -> str:
    """Arms with their differences to the reference, the farthest from it first; the rest counted."""
    gaps = {
        name: [result.row(name, data).difference or 0 for data in result.data] for name in names
    }
    order = sorted(names, key=lambda name: -abs(sum(gaps[name])))
    said = [f"“{result.arm(name).title}” ({_gaps(gaps[name])})" for name in order[:NAMED]]
    if rest := [gap for name in order[NAMED:] for gap in gaps[name]]:
        said.append(f"{counted(len(order) - NAMED, 'other')} ({_span(rest)})")
    return f"{listed(said)}."


def _gaps(gaps: Sequence[float]) -> str:
    return listed([numeral(gap, "+.3f") for gap in gaps]) if len(gaps) <= FEW else _span(gaps)


def _span(gaps: Sequence[float]) -> str:
    return f"{numeral(min(gaps), '+.3f')} to {numeral(max(gaps), '+.3f')}"


def kinds(result: StudyResult) -> dict[str, str]:
    """How every other arm stands to the reference."""
    return {
        arm.name: kind_of([result.row(arm.name, data) for data in result.data])
        for arm in result.arms
        if arm.name != result.reference
    }


def kind_of(means: Sequence[StudyRow]) -> str:
    """How an arm stands to the reference over the data sets, by the paired intervals."""
    if all(row.difference_high is not None and row.difference_high < 0 for row in means):
        return "worse"
    if all(row.difference_low is not None and row.difference_low > 0 for row in means):
        return "better"
    return "mixed"


def rows(result: StudyResult) -> list[dict[str, str]]:
    """A row an arm, a column a data set, as the table has them."""
    return [
        {
            "arm": f"**{arm.title}**  \n:small[:gray[{arm.text}]]",
            **{
                title: cell(result.row(arm.name, data), refers=arm.name == result.reference)
                + _told(result, arm.name, data)
                for data, title in result.data.items()
            },
        }
        for arm in result.arms
    ]


def _told(result: StudyResult, arm: str, data: str) -> str:
    """What others report of an arm, with the spread of both over the variants."""
    if (other := result.published_of(arm, data)) is None:
        return ""
    std = result.std(arm, data)
    spread = "" if std is None else f"s.d. {std:.3f}, "
    return f"  \n:small[{spread}published {other.value:.3f} ± {other.std:.3f}]"


def cell(row: StudyRow, *, refers: bool) -> str:
    """A mean with its interval, and its difference to the reference."""
    text = f"{row.value:.3f}"
    if row.low is not None:
        text += f"  \n:small[:gray[{row.low:.3f} to {row.high:.3f}]]"
    if refers or row.difference is None:
        return text
    gap = numeral(row.difference, "+.3f")
    if row.difference_low is not None and row.difference_high is not None:
        gap += f", {numeral(row.difference_low, '+.3f')} to {numeral(row.difference_high, '+.3f')}"
    return f"{text}  \n:small[({gap})]"
