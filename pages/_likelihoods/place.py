"""Why a fully connected flow, not built to find objects, notices what another is fooled by."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from core import service
from core.service import DetectorRow, OutskirtsError, Place, PlaceQuery, Target
from pages._likelihoods.comparison import Comparison
from pages._shared.ask import ask
from pages._shared.text import numeral

__all__ = ["show_place", "why_it_notices"]

Models = Mapping[str, DetectorRow]
CLEARLY = 0.02  # by how much an AUROC is the larger where that is worth a sentence


def show_place(c: Comparison, models: Models, *, other: str = "") -> None:
    """Two sentences on the fully connected flow, beside the flow of this comparison.

    Args:
        other: the model that it is compared with already; "": none.
    """
    known = [n for n in service.fully_connected(c.scenario.family) if n in models]
    dense = next((n for n in (c.row.name, other, *known) if n in known), "")
    rest = [n for n in (c.row.name, other, *models) if n in models and n != dense]
    if not dense or not rest or models[dense].card is None:
        return
    model, beside = (Target.of(c.scenario.name, name) for name in (dense, rest[0]))
    try:
        place = ask(PlaceQuery(model, beside, c.strange))
    except OutskirtsError as error:
        st.caption(str(error))
        return
    if text := why_it_notices(place, (models[dense], models[rest[0]]), c.sides[1].lower()):
        st.markdown(text)


def why_it_notices(place: Place, rows: tuple[DetectorRow, DetectorRow], strange: str) -> str:
    """What the fully connected flow's likelihood and score go by; "" where it notices no more.

    Args:
        rows: of the fully connected flow, and of the other.
        strange: title of the strange set, in lower case.
    """
    dense, other = (row.name for row in rows)
    own, its = place.likelihood[dense], place.likelihood[other]
    if own < its + CLEARLY:
        return ""
    text = (
        f"**Why the {rows[0].title.lower()} notices more** (full likelihood on {strange}: AUROC "
        f"{own:.3f}, {rows[1].title} {its:.3f})**:** "
    )
    near, lit = place.gaussian, place.lit
    if near.auroc > 0.5 and near.rank[dense] > max(near.rank[other], lit.rank[dense]):
        text += (
            "it puts images in an order like that of one Gaussian over whole pictures (rank "
            f"correlation {numeral(near.rank[dense], '.2f')}), which knows how bright each pixel is and which go "
            f"together, and alone has AUROC {near.auroc:.3f}"
        )
        if lit.rank[other] > near.rank[other]:
            text += (
                f"; {rows[1].title} goes rather by how many pixels are lit ({numeral(lit.rank[other], '.2f')}), "
                f"and {strange} light {_how_many(lit.auroc)}"
            )
        text += "."
    else:
        text += "neither one Gaussian over whole pictures nor the count of lit pixels says why."
    return f"{text} {_of_score(place, rows)}".rstrip()


def _how_many(auroc: float) -> str:
    return "fewer" if auroc < 0.4 else "more" if auroc > 0.6 else "about as many"


def _of_score(place: Place, rows: tuple[DetectorRow, DetectorRow]) -> str:
    """What the subtracted length of a PNG does for its score; "" where it is not subtracted."""
    dense, other = (row.name for row in rows)
    card = rows[0].card
    if card is None or card.score.part != "complexity":
        return ""
    text = (
        f"Its score ({place.score[dense]:.3f}) also subtracts the length of a PNG, which alone has "
        f"AUROC {place.png.auroc:.3f}"
    )
    if place.complexity[other] > place.likelihood[other] + CLEARLY:
        text += f" and takes {rows[1].title}'s likelihood to {place.complexity[other]:.3f}, too"
    return text + "."
