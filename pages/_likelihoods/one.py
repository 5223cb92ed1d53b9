"""One image under a flow: what it is, the verdict, and what each scale and each pixel costs."""

from __future__ import annotations

import streamlit as st

from core.service import (
    ImageQuery,
    ImageView,
    OutskirtsError,
    Overview,
    PicturesElsewhere,
    StoredQuery,
)
from pages._likelihoods import figures
from pages._likelihoods.comparison import Comparison
from pages._likelihoods.paradox import lengths
from pages._likelihoods.pictures import Ordering, first_image
from pages._shared import draw, picker
from pages._shared.ask import ask
from pages._shared.controls import map_link
from pages._shared.text import hundredths, numeral, plain

__all__ = ["Looked", "asked", "look", "pick", "show_maps", "show_numbers"]

CREDIT = (
    "A scale can cost less than nothing: each is credited 8 bits a latent number and sums them up "
    "in its own way. Only all of them together bound the length of a code."
)
SHORT = {"bits per dimension": "bits/dim", "standard deviations": "s.d."}
PERCENTILE = "Share of held-out normal images that score lower."
NARROW = 100  # pixels that a phone has for a third column: more, and its numbers are out of sight
Looked = tuple[ImageView | None, tuple[str, int] | None]  # an image, and its place if of a set


def pick(c: Comparison, by: Ordering, overview: Overview, *, absent: bool = False) -> picker.Picked:
    """The controls that name an image, and a link from it to the map.

    Args:
        absent: whether its picture may be one that is not here.
    """
    query, data = picker.pick(
        "likelihoods",
        c.target,
        c.scenario,
        sizes=overview.sizes,
        default=first_image(c, by),
        part=c.found.card.score.part,
        seed=by.seed,
        absent=absent,
    )
    if query.index is not None:
        map_link(c.row.name, query.set_name, query.index)
    return query, data


def look(c: Comparison, by: Ordering, overview: Overview) -> Looked:
    """An image, large, beside the controls that name it, and the verdict on it."""
    picture, controls = st.columns([1, 1.6], gap="small")
    with controls, st.container(gap="xsmall"):
        query, data = pick(c, by, overview, absent=True)
    picked = None if query.index is None else (query.set_name, query.index)
    try:
        view = asked(query, data)
    except OutskirtsError as error:
        said = plain(str(error)) if data is not None else str(error)
        st.error(f"{plain(query.set_name)}: {said}", icon=":material/error:")
        return None, picked
    name = title_of(c, view, picked)
    with picture:
        st.image(
            draw.enlarge(view.image, 168),
            output_format="PNG",
            caption=plain(name),
            alt=f"The image that is looked at, {name}, as the flow sees it",
        )
    _say_verdict(c, view, own=picked is None)
    return view, picked


def asked(query: ImageQuery, data: bytes | None) -> ImageView:
    """What the flow says of an image; of one whose picture is not here, what it said once."""
    try:
        return ask(query, data)
    except PicturesElsewhere:
        return ask(StoredQuery(query))


def title_of(c: Comparison, view: ImageView, picked: tuple[str, int] | None) -> str:
    """What an image is called: its set's title, its number and its class, or its file's name."""
    if picked is None:
        return view.id
    return f"{c.titles[picked[0]]} {picked[1]}" + (f" ({view.label})" if view.label else "")


def _say_verdict(c: Comparison, view: ImageView, *, own: bool) -> None:
    """Whether it is flagged, and what is to be known before that is believed."""
    for warning in view.warnings:
        st.warning(plain(warning), icon=":material/warning:")
    score = c.score
    verdict = (
        f"**{'Flagged' if view.flagged else 'Not flagged'}** by {score.title}: "
        f"stranger than {hundredths(view.percentiles[score.name] / 100, 1)} of held-out normals."
    )
    if view.foreign and not (own or view.flagged):
        verdict += f" But {_beyond(view)}."
    st.markdown(verdict)
    if view.foreign and own:
        st.warning(f"Whatever its score, {_beyond(view)}.", icon=":material/help:")
    if view.notes:
        st.caption(plain("; ".join(view.notes)))


def _beyond(view: ImageView) -> str:
    """That an image is not of the kind that the detector knows, and by how much."""
    return (
        f"**it is not of this detector's kind**: {len(view.outside)} of its {len(view.parts)} parts "
        "lie beyond what held-out normals show"
    )


# Its numbers --------------------------------------------------------------------------------------


def show_numbers(c: Comparison, view: ImageView) -> None:
    """What each scale contributes, and every part with its percentile."""
    means = [
        (f"mean of {c.sides[i].lower()}", {k: c.parts[k].means[i] for k in c.scales})
        for i in (0, 1)
    ]
    draw.chart(
        figures.contributions(
            [("this image", dict(view.displayed)), *means],
            c.scales,
            title=f"What this image costs {c.row.title}, by scale",
        ),
        key="likelihoods_bars",
        name=f"{c.scenario.family}-{c.row.name}-scales-of-an-image",
        alt="Stacked bars: bits per dimension that each scale contributes to the image that is "
        "looked at, beside the means of the normal and of the strange set",
    )
    if len(c.scales) > 1:
        st.caption(CREDIT)
    parts = c.found.parts
    st.dataframe(
        {
            "part": [p.title for p in parts],
            "value": [
                f"{numeral(view.displayed[p.name], '.3f')} {SHORT.get(p.unit, p.unit)}"
                for p in parts
            ],
            "percentile": [view.percentiles[p.name] for p in parts],
        },
        hide_index=True,
        column_config={
            "percentile": st.column_config.ProgressColumn(
                "percentile",
                width=NARROW,
                min_value=0,
                max_value=100,
                format="%.1f",
                help=PERCENTILE,
            )
        },
        alt="Each part of the image and its percentile among held-out normal images",
    )
    st.caption(
        "Flagged is what lies above the threshold that flags 5\u00a0% of held-out normal images. "
        + (lengths(view) if view.extra else "")
    )


# Its pixels ---------------------------------------------------------------------------------------


def show_maps(c: Comparison, view: ImageView, picked: tuple[str, int] | None) -> None:
    """What each cell of the image costs, part by part."""
    if not view.maps:
        return
    st.markdown(
        "**Where it pays.** Bright or red cells are expensive, dark or blue ones cheap. A ratio's map "
        f"is red where this flow pays more than the other. {_on_margin(view)}"
    )
    # Plotly makes links of what looks like one: a file's name is none of its words.
    image = "Your own image" if picked is None else title_of(c, view, picked)
    names = list(view.maps)
    columns = st.columns(2, gap="small")
    for i, start in enumerate(range(0, len(names), 2)):
        pair = names[start : start + 2]
        shown = [
            (
                f"{c.parts[n].title}<br>mean {numeral(view.displayed[n], '.2f')}",
                view.maps[n],
                n.startswith("ratio_"),
            )
            for n in pair
        ]
        with columns[i % 2]:
            draw.chart(
                figures.maps(shown, "bits", title=f"{image} under {c.row.title}"),
                key=f"likelihoods_maps_{start}",
                name=f"{c.scenario.family}-{c.row.name}-maps-{'-'.join(pair)}",
                alt="Heat maps of what each cell of the image costs: "
                + ", ".join(c.parts[n].title for n in pair),
            )


def _on_margin(view: ImageView) -> str:
    """What the numbers above the maps have that the maps have not."""
    if not any(view.padding.values()):
        return "Each map's mean is the number above it."
    return (
        f"The number above a map is its mean over the picture and the black margin that the flow adds: "
        f"{numeral(view.padding['total'], '.2f')} of {numeral(view.displayed['total'], '.2f')} bits in full lie there."
    )
