"""One flow against another, image by image, and what taking their difference does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import isfinite
from typing import Any

import streamlit as st

from core.service import (
    DetectorRow,
    GalleryQuery,
    ImageQuery,
    LikelihoodsQuery,
    Pair,
    PairQuery,
    Target,
)
from pages._likelihoods import figures, files
from pages._likelihoods.comparison import Comparison
from pages._likelihoods.one import asked
from pages._shared import draw, picker
from pages._shared.ask import ask
from pages._shared.controls import File, choose_model, downloads, map_link
from pages._shared.gallery import tiles
from pages._shared.text import numeral, plain

__all__ = ["LEARNED", "kind_of", "show_against", "show_differences", "show_ends"]

Models = Mapping[str, DetectorRow]
SHOWN = 8
HOW_TO_READ = "**How to read it:** a point is an image; right and up are stranger. "
BLIND = {  # what flows that were not built to find objects see, by the setting `flow`
    "patches": "The *{title}* sees 8x8 pixels at a time and cannot know what they belong to. ",
    "dense": "The *{title}* is not told which pixels are neighbours. ",
}
POINT = (
    "Where it puts images in the same order as a flow of the whole picture, that one's full "
    "likelihood can be had without finding objects; the paper reports rank correlations near 1. "
)
APART = (
    "Look at each set's own figure too: two sets far apart make the joint one high by themselves."
)
LEARNED = {  # what a model with a difference learned against general images, by its config
    "": "without outlier loss",
    "margin": "with the margin loss",
    "ratio": "with the outlier loss",
}


def show_against(c: Comparison, models: Models, seed: int) -> str:
    """Scatter of two models' likelihoods, and how alike they order images; the other's name.

    Args:
        models: two or more of them trained.
    """
    others = {n: row for n, row in models.items() if n != c.row.name and row.card is not None}
    left, right = st.columns([1.7, 1], gap="medium")
    with right:
        up = others[choose_model("Against", others, _blind(others), "likelihoods_up")]
        query = PairQuery(c.target, Target.of(c.scenario.name, up.name), c.strange, seed=seed)
        pair = ask(query)
    with left:
        event = _show_scatter(c, up, pair, seed)
    with right:
        _show_rank(c, pair)
        chosen = [p["customdata"] for p in event["selection"]["points"]]
        if chosen:
            _show_chosen(c, *chosen[0])
        else:
            st.caption("Click a point to see its image.")
            st.markdown(_how_to_read((c.row, up)))
        name = f"{c.scenario.family}-{c.row.name}-{up.name}-{c.strange}.csv"
        downloads(File("Both models' numbers (CSV)", name, partial(files.pair_csv, query)))
    return up.name


def kind_of(row: DetectorRow) -> str:
    """What a flow sees of an image, by the setting ``flow`` of its card; "" without a card."""
    return str(row.card.config.get("flow", "")) if row.card is not None else ""


def _blind(models: Models) -> str:
    """The first that was not built to find objects: the comparison that tells most."""
    return next((name for name, row in models.items() if kind_of(row) in BLIND), "")


def _how_to_read(rows: Sequence[DetectorRow]) -> str:
    seen = [BLIND[kind_of(row)].format(title=row.title) for row in rows if kind_of(row) in BLIND]
    return HOW_TO_READ + "".join(seen) + POINT * bool(seen) + APART


def _show_scatter(c: Comparison, up: DetectorRow, pair: Pair, seed: int) -> Any:
    titles = {name: c.titles[name] for name in (c.normal, c.strange)}
    return draw.chart(
        figures.scatter(pair, titles, (c.row.title, up.title), "bits per dimension"),
        key=f"likelihoods_scatter_{c.row.name}_{up.name}_{c.strange}_{seed}",
        on_select="rerun",
        selection_mode="points",
        name=f"{c.scenario.family}-{c.row.name}-{up.name}-{c.strange}",
        alt=f"Scatter of the full likelihood under {c.row.title} and under {up.title}: rank "
        f"correlation {_rank(pair.rank['both'])}",
    )


def _show_rank(c: Comparison, pair: Pair) -> None:
    st.metric(
        f"Rank correlation over {pair.images:,} images",
        _rank(pair.rank["both"]),
        help="Spearman's: 1 means that both models put all images in the same order. There is none "
        "where a model finds them all alike.",
    )
    alone = [f"{c.titles[s].lower()} alone {_rank(pair.rank[s])}" for s in (c.normal, c.strange)]
    st.caption(
        "; ".join(alone)
        + f". Drawn are {len(pair.indices[c.strange]):,} images of each set, chosen by the seed."
    )


def _rank(value: float) -> str:
    return numeral(value, ".3f") if isfinite(value) else "none"


def _show_chosen(c: Comparison, set_name: str, index: int) -> None:
    """The image of a clicked point."""
    view = asked(ImageQuery(c.target, set_name, int(index)), None)
    name = f"{c.titles[set_name]} {index} {view.label}".rstrip()
    st.image(
        draw.enlarge(view.image, 140),
        output_format="PNG",
        caption=plain(name),
        alt=f"The clicked image, {name}",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Look inside",
            key="likelihoods_chosen",
            icon=":material/zoom_in:",
            on_click=_go_inside,
            args=(c.row.name, set_name, int(index)),
        )
        map_link(c.row.name, set_name, int(index))


def _go_inside(model: str, set_name: str, index: int) -> None:
    picker.inspect("likelihoods", set_name, index)
    st.session_state["likelihoods_model"] = model
    st.session_state["likelihoods_view"] = "scales"


# Differences ------------------------------------------------------------------------------------


def _with_difference(models: Models) -> dict[str, DetectorRow]:
    return {
        name: row
        for name, row in models.items()
        if row.card is not None and "ratio_general" in row.card.calibration.quantiles
    }


def show_differences(c: Comparison, models: Models) -> None:
    """The ratio to the general model, without and with a loss that asks for it."""
    panels, rows = [], []
    for name, row in _with_difference(models).items():
        assert row.card is not None
        learned = LEARNED.get(row.card.config.get("outliers", ""))
        if learned is not None:
            found = ask(LikelihoodsQuery(Target.of(c.scenario.name, name), c.strange))
            part = next(p for p in found.parts if p.name == "ratio_general")
            panels.append((f"{learned}<br>AUROC {part.figures.auroc:.3f}", part))
            rows.append(row)
    if not rows:
        return
    st.subheader("The difference to the general model")
    draw.chart(
        figures.panels(
            panels,
            c.sides,
            columns=len(rows),
            title=f"{panels[0][1].title}: {c.sides[0].lower()} against {c.sides[1].lower()}",
            zero=True,
        ),
        key="likelihoods_differences",
        name=f"{c.scenario.family}-{c.strange}-differences",
        alt="Histograms of the likelihood difference, without and with outlier loss",
    )
    st.caption(
        f"{_how_learned(rows, c.sides[0])} Right of the dotted zero the flow pays more than the "
        "general model, as it should for what is strange; each panel has an axis of its own, and its "
        "outermost bins hold all that lies beyond. An outlier loss pushes general images to the "
        "right while it trains, and what resembles them goes along."
    )


def _how_learned(rows: Sequence[DetectorRow], normal: str) -> str:
    """Where flows started and how long each learned, from their cards."""
    cards = [row.card for row in rows if row.card is not None]
    started = [card.config.get("starts_from") == card.config.get("general") for card in cards]
    weights = "the general model's weights"
    where = f"started from {weights}" if all(started) else "learned from scratch"
    if any(started) and not all(started):
        where = f"started, where its card says so, from {weights}"
    minutes = ", ".join(f"{card.training.minutes:g}" for card in cards)
    return f"Each of these flows {where} and saw {normal.lower()} for {minutes} minutes."


def show_ends(c: Comparison, models: Models) -> None:
    """The images with the largest and the smallest difference to the general model."""
    rows = _with_difference(models)
    if not rows:
        return
    st.subheader("Images in the order of the difference")
    name = choose_model("Difference of", rows, c.row.name, "likelihoods_ends")
    target = Target.of(c.scenario.name, name)
    for order, text in (
        ("strangest", "Largest difference"),
        ("most normal", "Smallest difference"),
    ):
        query = GalleryQuery(target, (c.normal, c.strange), "ratio_general", order, SHOWN)
        st.markdown(f"**{text}**, in bits per dimension")
        tiles(
            ask(query),
            scenario=c.scenario.name,
            titles=c.titles,
            key=f"likelihoods_end_{order}",
            what="difference",
            on_click=partial(_go_inside, name),
            side=90,
            sign="+",
        )
