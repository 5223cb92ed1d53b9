"""What a flow says of the two sets: the sentence, the histograms, and what each part means."""

from __future__ import annotations

import streamlit as st

from core.service import ImageView, PartView
from pages._likelihoods import figures
from pages._likelihoods.comparison import Comparison
from pages._likelihoods.paradox import Story
from pages._shared import draw

__all__ = ["show_main", "show_parts", "show_why"]


def show_main(c: Comparison, story: Story, view: ImageView | None) -> None:
    """The verdict in words, and the two histograms that it is about; a line where the image lies."""
    st.markdown(story.seen())
    parts = [c.parts[name] for name in dict.fromkeys(("total", _beside(c)))]
    draw.chart(
        figures.panels(
            [(heading(p, ": ", " "), p) for p in parts],
            c.sides,
            columns=1,
            title=f"{c.row.title}: {c.sides[0].lower()} against {c.sides[1].lower()}",
            here=None if view is None else view.displayed,
        ),
        key="likelihoods_total",
        name=f"{c.stem}-likelihood",
        alt="Histograms of normal and strange images: " + "; ".join(map(_in_words, parts)),
    )


def _beside(c: Comparison) -> str:
    """The score's part; where that is the full likelihood, the one that tells the sets apart best."""
    if c.score.name != "total":
        return c.score.name
    others = [part for part in c.found.parts if part.name != "total"]
    return max(others, key=lambda part: part.figures.auroc, default=c.score).name


def heading(part: PartView, first: str, second: str) -> str:
    """What stands above a histogram: title, AUROC and interval, with what joins them."""
    mark = "★ " if part.is_score else ""
    figures = part.figures
    return f"{mark}{part.title}{first}AUROC {figures.auroc:.3f}{second}({draw.interval(figures)})"


def _in_words(part: PartView) -> str:
    normal, strange = part.medians
    side = "right" if strange > normal else "left"
    return f"by {part.title.lower()} the strange ones lie {side} of the normal ones"


def show_why(c: Comparison, story: Story) -> None:
    """Why the likelihood says so, and how sure that is."""
    for text in (story.why(), story.background()):
        if text:
            st.markdown(text)
    total = c.parts["total"].figures
    st.caption(
        "★ the score. Right is stranger. The outermost bins hold all that lies beyond them. In brackets "
        f"the 95\u00a0% interval of 1,000 stratified bootstraps of {total.n_normal:,} normal and "
        f"{total.n_strange:,} strange images; it covers test images, not training seeds."
        + story.spread()
    )


def show_parts(c: Comparison) -> None:
    """Every other part in one figure, and what each means."""
    others = [p for p in c.found.parts if p.name != "total"]
    draw.chart(
        figures.panels(
            [(heading(p, "<br>", "<br>"), p) for p in others],
            c.sides,
            title=f"Every part of {c.row.title}",
        ),
        key="likelihoods_parts",
        name=f"{c.stem}-parts",
        alt="Histograms of every other part of normal and strange images",
    )
    with st.popover("What each part means", icon=":material/help:"):
        st.markdown("\n".join(f"- **{p.title}**: {p.text}" for p in c.found.parts))
