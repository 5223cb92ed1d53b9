"""Two views of Likelihoods: one model against another, and what the models draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import isfinite

import numpy as np
import streamlit as st

from core.service import (
    DetectorRow,
    Drawn,
    GalleryQuery,
    ImageQuery,
    LikelihoodsQuery,
    OutskirtsError,
    Overview,
    PairQuery,
    Resampled,
    ResampleQuery,
    SamplesQuery,
    Target,
)
from pages._likelihoods import figures, files
from pages._shared import draw
from pages._shared.ask import ask
from pages._shared.controls import choose_model, map_link
from pages._shared.gallery import tiles
from pages._shared.text import plain

__all__ = ["against", "drawn"]

Models = Mapping[str, DetectorRow]
Inspect = Callable[[str, int], None]
SHOWN = 8
POINT = """
**How to read it:** a point is an image; right and up are stranger. The *patch flow* sees 8x8 pixels at
a time and cannot know what they belong to; the *fully connected flow* is not told which pixels are
neighbours. Neither was built to find objects. Where they put images in the same order as a real flow,
its full likelihood can be had without finding objects; the paper reports rank correlations near 1
between such flows. Look at each set's own figure too: two sets far apart make the joint one high by
themselves.
"""
LEARNED = {  # what a model with a difference learned against general images, by its config
    "": "without outlier loss",
    "margin": "with the margin loss",
    "ratio": "with the outlier loss",
}


def against(
    overview: Overview, models: Models, across: str, strange: str, *, seed: int, inspect: Inspect
) -> None:
    """Scatter of two models' likelihoods, their difference, and the images it puts at its ends."""
    trained = {name: row for name, row in models.items() if row.card is not None}
    scenario = overview.scenario
    normal = scenario.normal_of(strange)
    titles = {s.name: s.title for s in (normal, scenario.set_named(strange))}
    left, right = st.columns([1.6, 1], gap="medium")
    with right:
        others = {name: row for name, row in trained.items() if name != across}
        up = choose_model("Against", others, "glow.patches", "likelihoods_up")
    target = Target.of(scenario.name, across)
    query = PairQuery(target, Target.of(scenario.name, up), strange, seed=seed)
    pair = ask(query)
    with left:
        names = (trained[across].title, trained[up].title)
        event = draw.chart(
            figures.scatter(pair, titles, names, "bits per dimension"),
            key=f"likelihoods_scatter_{across}_{up}_{strange}_{seed}",
            on_select="rerun",
            selection_mode="points",
            name=f"{scenario.name}-{across}-{up}-{strange}",
            alt=f"Scatter of the full likelihood under {names[0]} and under {names[1]}",
        )
    with right:
        st.metric(
            f"Rank correlation over {pair.images:,} images",
            _rank(pair.rank["both"]),
            help="Spearman's: 1 means that both models put all images in the same order. There is none "
            "where a model finds them all alike.",
        )
        st.caption(
            "; ".join(f"{titles[s].lower()} alone {_rank(pair.rank[s])}" for s in titles)
            + f". Drawn are {len(pair.indices[strange]):,} images of each set, chosen by the seed."
        )
        chosen = [p["customdata"] for p in event["selection"]["points"]]
        if chosen:
            _show_chosen(target, *chosen[0], inspect=inspect)
        else:
            st.caption("Click a point to see its image.")
        st.download_button(
            "Both models' numbers (CSV)",
            lambda: files.pair_csv(query),
            file_name=f"{scenario.name}-{across}-{up}-{strange}.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
        )
    st.markdown(POINT)
    _differences(scenario.name, trained, strange, names=(normal.title, titles[strange]))
    _ends(scenario.name, trained, tuple(titles), inspect=inspect)


def _rank(value: float) -> str:
    return f"{value:.3f}" if isfinite(value) else "none"


def _show_chosen(target: Target, set_name: str, index: int, *, inspect: Inspect) -> None:
    view = ask(ImageQuery(target, set_name, int(index)))
    st.image(
        draw.enlarge(view.image, 120),
        output_format="PNG",
        caption=plain(f"{view.id} {view.label}".rstrip()),
        alt=f"The clicked image, {view.id} {view.label}",
    )
    st.button(
        "Look inside",
        key="likelihoods_chosen",
        icon=":material/zoom_in:",
        on_click=partial(_go_inside, inspect, target.stem),
        args=(set_name, int(index)),
    )
    map_link(target.stem, set_name, int(index))


def _go_inside(inspect: Inspect, model: str, set_name: str, index: int) -> None:
    inspect(set_name, index)
    st.session_state["likelihoods_model"] = model
    st.session_state["likelihoods_view"] = "Scales"


# Differences ------------------------------------------------------------------------------------


def _with_difference(models: Models) -> dict[str, DetectorRow]:
    return {
        name: row
        for name, row in models.items()
        if row.card is not None and "ratio_general" in row.card.calibration.quantiles
    }


def _differences(scenario: str, models: Models, strange: str, *, names: tuple[str, str]) -> None:
    """The ratio to the general model, without and with a loss that asks for it."""
    rows, shown = [], []
    for name, row in _with_difference(models).items():
        assert row.card is not None
        learned = LEARNED.get(row.card.config.get("outliers", ""))
        if learned is not None:
            found = ask(LikelihoodsQuery(Target.of(scenario, name), strange))
            part = next(p for p in found.parts if p.name == "ratio_general")
            rows.append((f"{learned}<br>AUROC {part.figures.auroc:.3f}", part))
            shown.append(row)
    if not rows:
        return
    st.subheader("The difference to the general model")
    draw.chart(
        figures.panels(rows, names, columns=len(rows), zero=True),
        key="likelihoods_differences",
        name=f"{scenario}-{strange}-differences",
        alt="Histograms of the likelihood difference, without and with outlier loss",
    )
    st.caption(
        f"Blue: {names[0].lower()}; orange: {names[1].lower()}. {_how_learned(shown, names[0])} Right "
        "of the dotted zero the flow pays more than the general model, as it should for what is "
        "strange; each panel has an axis of its own, and its outermost bins hold all that lies "
        "beyond. An outlier loss pushes general images to the right while it trains, and what "
        "resembles them goes along."
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


def _ends(scenario: str, models: Models, sets: tuple[str, ...], *, inspect: Inspect) -> None:
    """The images with the largest and the smallest difference to the general model."""
    rows = _with_difference(models)
    if not rows:
        return
    st.subheader("Images in the order of the difference")
    name = choose_model("Difference of", rows, "glow", "likelihoods_ends")
    target = Target.of(scenario, name)
    for order, text in (
        ("strangest", "Largest difference"),
        ("most normal", "Smallest difference"),
    ):
        found = ask(GalleryQuery(target, sets, "ratio_general", order, SHOWN))
        st.markdown(f"**{text}**, in bits per dimension")
        tiles(
            found,
            scenario=scenario,
            titles=dict.fromkeys(sets, ""),
            key=f"likelihoods_end_{order}",
            what="difference",
            on_click=partial(_go_inside, inspect, name),
            side=90,
            sign="+",
        )


# What the models draw ---------------------------------------------------------------------------


def drawn(query: ImageQuery, data: bytes | None, models: Models, *, seed: int) -> None:
    """One scale of an image drawn anew while the others stay; images that each model draws."""
    temperature = st.slider(
        "Temperature",
        0.0,
        1.2,
        0.7,
        0.1,
        key="likelihoods_temperature",
        bind="query-params",
        persist_state="session",
        help="Latents are drawn from a normal distribution of this standard deviation. 1 is what the "
        "model learned, 0 its single likeliest latent.",
    )
    st.subheader("One scale drawn anew, the others kept")
    try:
        found = ask(ResampleQuery(query, SHOWN, temperature, seed), data)
    except OutskirtsError as error:
        st.info(str(error), icon=":material/info:")
    else:
        image, rows = st.columns([1, 7], gap="small")
        image.image(
            draw.enlarge(found.image, 96),
            output_format="PNG",
            caption="The image",
            alt="The image as the flow sees it",
        )
        with rows:
            _show_drawn(found)
        st.caption(
            "What a scale changes is what it holds. Rows that still show the same object, with other "
            "edges and texture, carry little of what the object is."
        )
        _take_away(
            "Drawn scales (PNG)",
            [draw.strip(i.images) for i in reversed(list(found.drawn.values()))],
        )
    st.subheader("What each model draws by itself")
    strips = []
    for name, row in models.items():
        if row.card is None:
            continue
        images = ask(SamplesQuery(Target.of(query.target.scenario, name), SHOWN, temperature, seed))
        strips.append(draw.strip(images.images))
        st.markdown(f"**{row.title}**: {row.text}")
        st.image(
            strips[-1],
            output_format="PNG",
            width="stretch",
            alt=f"{SHOWN} images drawn by {row.title}",
        )
        _say_overflow(images)
    _take_away("Drawn images (PNG)", strips)


def _show_drawn(found: Resampled) -> None:
    """A row a scale, the coarsest first: what that changes is what one came for."""
    for title, images in reversed(list(found.drawn.items())):
        st.markdown(f"**{title}** drawn anew")
        st.image(
            draw.strip(images.images),
            output_format="PNG",
            width="stretch",
            alt=f"{SHOWN} images with the latent of {title} drawn anew",
        )
        _say_overflow(images)


def _say_overflow(found: Drawn) -> None:
    count = int(found.overflowed.sum())
    if count:
        st.caption(
            f"Grey: {count} of {len(found.overflowed)} left the range of numbers. The inverse of a flow "
            "is unstable this far from what it learned."
        )


def _take_away(label: str, strips: Sequence[np.ndarray]) -> None:
    st.download_button(
        label,
        lambda: draw.png(strips),  # encoded when asked for, not on every move of the slider
        file_name="outskirts-drawn.png",
        mime="image/png",
        on_click="ignore",
        icon=":material/download:",
    )
