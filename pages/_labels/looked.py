"""One image under every model of the ladder: what it is rebuilt as, and what its score adds."""

from __future__ import annotations

from functools import partial

import plotly.graph_objects as go
import streamlit as st

from core.service import ImageQuery, OutskirtsError, Overview, Rebuilt, RebuiltQuery
from pages._labels import files
from pages._labels.ladder import Ladder
from pages._labels.spread import BELOW
from pages._shared import draw, gallery, picker
from pages._shared.ask import ask
from pages._shared.controls import File, downloads
from pages._shared.picker import Picked
from pages._shared.text import SPACE, plain
from pages._shared.theme import palette

__all__ = ["RULES", "Views", "at", "bars", "pictures", "said_of", "section"]

OVER = {"fillmode": "overlay", "fgcolor": "#FFFFFF", "fgopacity": 0.5}  # of what is hatched
SIDE = 128  # pixels of a picture
SUMMANDS = ("reconstruction", "norm")  # what the score adds, if it has such parts
RULES = {  # by which an image opens
    "found": "the never-seen anomaly that the labels moved furthest over the threshold",
    "missed": "the never-seen anomaly that the labels moved furthest below the threshold",
    "typical": "the never-seen anomaly whose score is nearest to the median of them all",
}
Views = dict[str, Rebuilt]  # share of known anomalies to the image under that model


def at(overview: Overview, first: tuple[str, int, str]) -> tuple[str, int] | None:
    """Set and index of the image that is looked at; None for one of the visitor's.

    Args:
        first: set and index of the image that opens, and its rule.
    """
    if picker.own_image() is not None:
        return None
    picked = picker.parse_id(st.session_state.get("labels_image", ""), overview.sizes)
    return picked or first[:2]


def section(ladder: Ladder, first: tuple[str, int, str]) -> None:
    """The picker; the pictures side by side; the score of every model, split.

    Args:
        first: set and index of the image that opens, and its rule.
    """
    st.subheader("One image, every ratio")
    left, right = st.columns([1, 1.8], gap="medium")
    with left:
        picked = picker.pick(
            "labels",
            ladder.target,
            ladder.scenario,
            sizes=ladder.overview.sizes,
            default=first[:2],
            part=ladder.score,
            seed=ladder.seed,
        )
    query, _ = picked
    opens = (query.set_name, query.index) == first[:2]
    with right:
        _show(ladder, picked, RULES[first[2]] if opens else "")


def _show(ladder: Ladder, picked: Picked, rule: str) -> None:
    query, data = picked
    try:
        views = {
            share: ask(RebuiltQuery(ImageQuery(target, query.set_name, query.index)), data)
            for share, target in zip(ladder.rows, ladder.targets, strict=True)
        }
    except OutskirtsError as error:
        said = plain(str(error)) if data is not None else str(error)
        st.error(f"{plain(query.set_name)}: {said}", icon=":material/error:")
        return
    view, title = views[ladder.at], _title(ladder, picked, views[ladder.at])
    st.html(gallery.row(pictures(views, title), width=SIDE))
    for warning in view.warnings:
        st.warning(plain(warning), icon=":material/warning:")
    st.markdown(said_of(ladder, views, query.set_name if query.index is not None else ""))
    notes = [f"Chosen by a rule: {rule}." if rule else "", plain("; ".join(view.notes))]
    if any(notes):
        st.caption(" ".join(note for note in notes if note))
    _bars(ladder, views, "your own image" if query.index is None else title)
    _files(ladder, views, "own" if query.index is None else f"{query.set_name}-{query.index}")


def _title(ladder: Ladder, picked: Picked, view: Rebuilt) -> str:
    """What an image is called: its set's title and its number, or its file's name."""
    query, _ = picked
    return view.id if query.index is None else f"{ladder.titles[query.set_name]} {query.index}"


def pictures(views: Views, title: str) -> list[tuple]:
    """The image, and what each model that rebuilds one makes of it, with caption and alt text."""
    first = next(iter(views.values()))
    shown = [(first.image, "the image", f"The image that is looked at, {title}")]
    for share, view in views.items():
        if view.rebuilt is not None:
            words = f"with {int(share)}{SPACE}%" if int(share) else "without labels"
            mark = " ⚑" if view.flagged else ""
            shown.append((view.rebuilt, f"x', {words}{mark}", f"What it is rebuilt as {words}"))
    return shown


def _files(ladder: Ladder, views: Views, name: str) -> None:
    stem, every = f"{ladder.scenario.family}-{ladder.detector}-{name}", tuple(views.values())
    offered = [
        File("Its numbers (CSV)", f"{stem}.csv", partial(files.numbers_csv, every, tuple(views)))
    ]
    if any(view.rebuilt is not None for view in every):
        offered.append(
            File("The pictures (PNG)", f"{stem}.png", partial(files.pictures_png, every))
        )
    downloads(*offered)


# The score, split ---------------------------------------------------------------------------------


def _bars(ladder: Ladder, views: Views, title: str) -> None:
    draw.chart(
        bars(views, title=f"The score of {title}"),
        key="labels_bars",
        name=f"{ladder.scenario.family}-{ladder.detector}-score-of-image",
        alt="The score of the image under every model, split into what it adds, in units of the "
        "threshold",
    )


def bars(views: Views, *, title: str) -> go.Figure:
    """Stacked bars of what the score adds, in units of its threshold, a bar a model."""
    colours, first = palette(), next(iter(views.values()))
    parts = SUMMANDS if set(SUMMANDS) <= set(first.parts) else (first.score,)
    rows = [f"{int(share)} %" for share in views]
    looks = ((colours.categories[1], ""), (colours.categories[0], "/"))
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "x": [view.parts[part] / view.limit for view in views.values()],
            "y": rows,
            "name": first.titles[part],
            "marker": {"color": colour, "pattern": {"shape": shape, **OVER}},
            "hovertemplate": "%{x:.2f}",
        }
        for part, (colour, shape) in zip(parts, looks, strict=False)
    ]
    return draw.figure(
        traces,
        height=140 + 34 * len(rows),
        title=title,
        barmode="stack",
        hovermode="y unified",
        legend={**BELOW, "y": -0.5},
        margin={"t": 40},
        shapes=[draw.line_at(x=1.0, color=colours.focus, width=2)],
        xaxis={
            "title": {"text": "score ÷ threshold: beyond the line it is flagged", "standoff": 4}
        },
        yaxis={"type": "category", "autorange": "reversed"},
    )


# In words -----------------------------------------------------------------------------------------


def said_of(ladder: Ladder, views: Views, set_name: str) -> str:
    """The verdict of every model, and whether it is right; ``set_name`` is "" for a visitor's own."""
    verdicts = [
        f"{int(share)}{SPACE}%: {'**flagged**' if view.flagged else 'not flagged'} "
        f"(percentile {view.percentiles[view.score]:.1f})"
        for share, view in views.items()
    ]
    text = f"By known anomalies in training: {', '.join(verdicts)}."
    role = ladder.scenario.set_named(set_name).role if set_name else ""
    flagged = views[ladder.at].flagged
    if role == "strange" and not flagged:
        return f"{text} At {int(ladder.at)}{SPACE}% it is missed, **though it is strange**."
    if role == "normal" and flagged:
        return f"{text} At {int(ladder.at)}{SPACE}% it is flagged, **though it is normal**."
    return text
