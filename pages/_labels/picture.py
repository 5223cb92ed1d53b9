"""Above the fold: the score over three groups of images, and AUROC over the share of known ones."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import streamlit as st

from core.service import KNOWN, NORMAL, GammaQuery, Spread, SpreadQuery
from pages._labels import files, gamma, spread
from pages._labels.ladder import Ladder, number, percent
from pages._shared import draw
from pages._shared.ask import ask
from pages._shared.controls import File, downloads

__all__ = ["axis_names", "show", "spreads"]

HEIGHT = 380
HOW_TO_READ = (
    "Scores are divided by their model's threshold, which flags 5\u00a0% of held-out normal images; the "
    "axis is in equal ratios, so that models can be laid over each other. Bars: of ours the 95\u00a0% "
    "interval over test images, of the published values one standard deviation over classes."
)


def spreads(ladder: Ladder, part: str = "") -> tuple[Spread, Spread | None]:
    """A part of the model that is looked at, and of the one without labels where it is another."""
    among = ladder.targets
    found = ask(SpreadQuery(ladder.target, part, among))
    return found, ask(SpreadQuery(ladder.first, part, among)) if ladder.compares else None


def axis_names(ladder: Ladder) -> list[str]:
    """Of the four histograms, short enough for a legend."""
    names, n = ladder.names, len(ladder.groups.never)
    known = "known" if int(ladder.at) else "not yet known"
    whole = [names[NORMAL], f"{names[KNOWN]} ({known})", f"{number(n)} never seen"]
    return [name[:1].upper() + name[1:] for name in (*whole, f"those {ladder.fewest}")]


def show(ladder: Ladder, titles: Mapping[str, str]) -> None:
    """Both figures side by side, and what they say.

    Args:
        titles: of detectors.
    """
    found, first = spreads(ladder)
    shares = tuple(int(share) / 100 for share in ladder.rows)
    curves = ask(GammaQuery(ladder.scenario.name, tuple(titles), shares))
    left, right = st.columns(2, gap="medium")
    with left:
        draw.chart(
            spread.figure(
                found,
                first,
                axis_names(ladder),
                title=f"{ladder.title}, {percent(ladder.at)}",
                height=HEIGHT,
            ),
            key="labels_histogram",
            name=f"{ladder.stem}-scores",
            alt="Histograms of the score of normal images, of the class of known anomalies and of "
            "classes never seen, with the threshold",
        )
    with right:
        draw.chart(
            gamma.figure(curves, ladder, titles, height=HEIGHT),
            key="labels_gamma",
            name=f"{ladder.scenario.family}-auroc-over-labels",
            alt="AUROC over the share of known anomalies, of both detectors in our study and as "
            "published, with the ratio of the slider marked",
        )
    said = [
        f"**What you see:** {spread.said_of(ladder, found, first)}",
        gamma.said_of(curves, ladder),
    ]
    st.markdown(" ".join(text for text in said if text))
    notes = [
        HOW_TO_READ,
        f"Published: {curves.source}." if curves.source else "",
        gamma.not_run(curves, titles),
    ]
    st.caption(" ".join(note for note in notes if note))
    downloads(
        File("All scores (CSV)", f"{ladder.stem}.csv", partial(files.scores_csv, ladder.target)),
        File(
            "The curves (CSV)", f"{ladder.scenario.family}-curves.csv", partial(gamma.table, curves)
        ),
    )
