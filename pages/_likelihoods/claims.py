"""The paper's claims on one strange set: each with its figure, its number, and whether it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import streamlit as st

from core.service import DetectorRow, LikelihoodsQuery, PairQuery, PartView, Target
from pages._likelihoods import figures
from pages._likelihoods.comparison import Comparison
from pages._likelihoods.models import LEARNED, kind_of
from pages._likelihoods.paradox import Story
from pages._likelihoods.sets import heading
from pages._shared import draw
from pages._shared.ask import ask
from pages._shared.text import numeral

__all__ = ["Claim", "alike", "cured", "show_claims", "taught", "upside_down"]

Models = Mapping[str, DetectorRow]
LOSSES = ("", "ratio", "margin")  # none, the paper's, and the one that it compares with
ALIKE = 0.9  # a rank correlation from which on two orders are called one
INTRO = (
    "**{title} against {strange}, and what the paper says of flows.** A claim *holds here* where the "
    "numbers below bear it out on this set and for this model; where they do not, that is said."
)


@dataclass(frozen=True)
class Claim:
    """What the paper says, whether these numbers bear it out, and the numbers."""

    says: str
    holds: bool
    number: str

    def text(self, place: int) -> str:
        """The claim as Markdown, numbered."""
        verdict = "Holds here" if self.holds else "Does not hold here"
        return f"**{place}. {self.says}**  \n**{verdict}:** {self.number}"


# What is claimed ----------------------------------------------------------------------------------


def upside_down(total: PartView, sides: tuple[str, str]) -> Claim:
    """That strange images are likelier than normal ones.

    Args:
        sides: titles of the normal and of the strange set, in lower case.
    """
    normal, strange = sides
    if total.figures.fooled:
        said = f"below chance, for {strange} cost fewer bits than {normal}."
    elif total.figures.finds:
        said = f"above chance, for {strange} cost more bits than {normal}."
    else:
        said = f"it cannot tell {strange} from {normal}."
    says = "The likelihood is upside down: strange images can be likelier than normal ones."
    return Claim(says, total.figures.fooled, f"{_auroc(total)}, {said}")


def cured(part: PartView, total: PartView, says: str) -> Claim:
    """That a part finds what the full likelihood does not find as well."""
    holds = part.figures.finds and part.figures.low > total.figures.auroc
    number = f"{_auroc(part)}, where the full likelihood has {total.figures.auroc:.3f}."
    return Claim(says, holds, number)


def taught(without: PartView, taught_ones: Sequence[tuple[str, PartView]]) -> Claim:
    """That an outlier loss makes the difference to a general flow tell the sets apart better.

    Args:
        taught_ones: with what each other flow learned, in words, and its difference.
    """
    first = taught_ones[0][1]
    said = ", ".join(f"{words} {_auroc(part)}" for words, part in taught_ones)
    holds = first.figures.finds and first.figures.low > without.figures.auroc
    says = "An outlier loss, taught on general images, makes the difference larger."
    return Claim(says, holds, f"without {_auroc(without)}; {said}.")


def alike(ranks: Mapping[str, float]) -> Claim:
    """That flows which cannot know the object put images in the same order.

    Args:
        ranks: title of each other flow to the rank correlation with this one.
    """
    known = {title: rank for title, rank in ranks.items() if isfinite(rank)}
    said = (
        ", ".join(f"with {title} {numeral(rank, '.3f')}" for title, rank in known.items()) or "none"
    )
    holds = bool(known) and len(known) == len(ranks) and min(known.values()) >= ALIKE
    says = f"{' and '.join(ranks)} put images in the same order as this flow."
    return Claim(says, holds, f"rank correlation {said}; called the same from {ALIKE} on.")


def _auroc(part: PartView) -> str:
    return f"AUROC **{part.figures.auroc:.3f}** ({draw.interval(part.figures)})"


# What is shown ------------------------------------------------------------------------------------


def show_claims(c: Comparison, flows: Models, story: Story, seed: int) -> None:
    """Each claim that this model can be asked about, one below the other."""
    total, sides = c.parts["total"], (c.sides[0].lower(), c.sides[1].lower())
    st.markdown(INTRO.format(title=c.row.title, strange=sides[1]))
    _show(c, story, 1, upside_down(total, sides), [total])
    if len(c.scales) > 1:
        coarse = c.parts[list(c.scales)[-1]]
        says = f"The final scale notices: the {coarse.title} holds what the object is."
        _show(c, story, 2, cured(coarse, total, says), [coarse])
    if (ratio := c.parts.get("ratio_general")) is not None:
        says = "The ratio to a flow of general images cancels what is cheap to both."
        _show(c, story, 3, cured(ratio, total, says), [ratio])
    _show_taught(c, flows, story)
    _show_alike(c, flows, seed)


def _show(
    c: Comparison,
    story: Story,
    place: int,
    claim: Claim,
    parts: Sequence[PartView],
    words: Sequence[str] = (),
) -> None:
    """A claim beside the histograms of its parts.

    Args:
        words: above each histogram, in place of its title.
    """
    left, right = st.columns([1, 1.4], gap="medium", vertical_alignment="center")
    left.markdown(claim.text(place))
    if not words and (seeds := story.seeds(parts[0].name)):
        values = ", ".join(f"{auroc:.3f}" for auroc in sorted(seen.auroc for seen in seeds))
        left.caption(f"From other seeds: {values}.")
    names = [f"{w}<br>AUROC {p.figures.auroc:.3f}" for w, p in zip(words, parts, strict=False)]
    titles = names or [heading(part, ": ", " ") for part in parts]
    with right:
        draw.chart(
            figures.panels(
                list(zip(titles, parts, strict=True)),
                c.sides,
                columns=len(parts),
                title=f"{parts[0].title}: {c.sides[0].lower()} against {c.sides[1].lower()}",
                zero=parts[0].name.startswith("ratio_"),
            ),
            key=f"likelihoods_claim_{place}",
            name=f"{c.stem}-claim-{place}",
            alt=f"Histograms of normal and strange images: {', '.join(t.split('<br>')[0] for t in titles)}",
        )


def _show_taught(c: Comparison, flows: Models, story: Story) -> None:
    """The difference to the general flow, without an outlier loss and with each that was tried."""
    if c.row.card is None or not (general := c.row.card.config.get("general")):
        return
    named = [
        (row.card.config.get("outliers", ""), name)
        for name, row in {c.row.name: c.row, **flows}.items()
        if row.card is not None and row.card.config.get("general") == general
    ]
    first = dict(reversed(named))  # of several, this model or the first
    shown = [(LEARNED[loss], _difference(c, first[loss])) for loss in LOSSES if loss in first]
    if "" in first and len(shown) > 1:
        claim = taught(shown[0][1], shown[1:])
        _show(c, story, 4, claim, [part for _, part in shown], [words for words, _ in shown])


def _difference(c: Comparison, model: str) -> PartView:
    found = ask(LikelihoodsQuery(Target.of(c.scenario.name, model), c.strange))
    return next(part for part in found.parts if part.name == "ratio_general")


def _show_alike(c: Comparison, flows: Models, seed: int) -> None:
    """This flow against the general one and against one of patches, an image a point."""
    general = str(c.row.card.config.get("general", "")) if c.row.card is not None else ""
    blind = [n for n, row in flows.items() if kind_of(row) == "patches"]
    names = [n for n in (general, *blind[:1]) if n in flows and n != c.row.name]
    rows = [flows[n] for n in names if flows[n].card is not None]
    if not rows:
        return
    pairs = {
        row.title: ask(
            PairQuery(c.target, Target.of(c.scenario.name, row.name), c.strange, seed=seed)
        )
        for row in rows
    }
    st.markdown(alike({title: pair.rank["both"] for title, pair in pairs.items()}).text(5))
    titles = {name: c.titles[name] for name in (c.normal, c.strange)}
    for column, row in zip(st.columns(len(rows)), rows, strict=True):
        pair = pairs[row.title]
        with column:
            draw.chart(
                figures.scatter(
                    pair, titles, (c.row.title, row.title), "bits per dimension", height=380
                ),
                key=f"likelihoods_claim_5_{row.name}",
                name=f"{c.stem}-claim-5-{row.name}",
                alt=f"Scatter of the full likelihood under {c.row.title} and under {row.title}, "
                f"rank correlation {numeral(pair.rank['both'], '.3f')}",
            )
            alone = [f"{titles[s].lower()} alone {numeral(pair.rank[s], '.3f')}" for s in titles]
            st.caption(f"Rank correlation over {pair.images:,} images: {'; '.join(alone)}.")
