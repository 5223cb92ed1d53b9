"""The checks of every map, as they come: below its tile, in a sentence, and in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.service import (
    CurvesQuery,
    MapCurves,
    MapView,
    MethodRow,
    OutskirtsError,
    Query,
    Randomised,
    RandomisedQuery,
    Steadiness,
    SteadinessQuery,
    pointing,
)
from pages._explain import figures
from pages._explain.asked import Asked
from pages._explain.believed import Checked, said_of, share_said
from pages._explain.tiles import Card
from pages._shared import draw, links
from pages._shared.ask import ask, csv_of
from pages._shared.controls import File, downloads
from pages._shared.text import counted, numeral

__all__ = ["Evidence", "check", "checked_of", "curves_said", "show", "table"]


A = TypeVar("A")


@dataclass
class Evidence:
    """What is known of one method's map by now."""

    method: MethodRow
    view: MapView
    curves: MapCurves | None = None
    randomised: Randomised | None = None
    steadiness: Steadiness | None = None
    failed: list[str] = field(default_factory=list)  # why checks have no answer


def check(
    cards: Mapping[str, Card],
    asked: Asked,
    maps: Mapping[str, MapView],
    *,
    verdict: DeltaGenerator,
    left_out: str = "",
) -> list[Evidence]:
    """Ask for what makes the verdict, each figure below its tile as soon as it is there.

    Args:
        left_out: what the verdict says of maps that are not among them.
    """
    methods = [m for m in asked.methods.methods if m.key in maps]
    known = [Evidence(method, maps[method.key]) for method in methods]
    steps = _Steps(2 * len(known), verdict if asked.methods.slow else None)
    for one in known:
        card, query = cards[one.method.key], asked.map_by(one.method.key)
        with card.curves:
            one.curves = _asked(CurvesQuery(query, asked.seed), one, asked)
        card.curves.markdown(curves_said(one.curves))
        steps.done()
    for one in known:
        card, query = cards[one.method.key], asked.map_by(one.method.key)
        with card.random:
            one.randomised = _asked(RandomisedQuery(query, asked.seed), one, asked)
        card.random.markdown(randomised_said(one.randomised))
        steps.done()
    said = said_of([checked_of(one) for one in known])
    verdict.markdown(f"**Which can I believe?** {said}{left_out}")
    return known


class _Steps:
    """How many checks are done, in a bar where there is a place for one."""

    def __init__(self, count: int, place: DeltaGenerator | None) -> None:
        self.count, self.place, self.now = count, place, -1
        self.done()

    def done(self) -> None:
        """One more is."""
        self.now += 1
        if self.place is not None:
            text = f"{self.now} of {counted(self.count, 'check')} done"
            self.place.progress(self.now / self.count, text=text)


def _asked(query: Query[A], one: Evidence, asked: Asked) -> A | None:
    """The answer; None where there is none: the others go on."""
    try:
        return ask(query, asked.data, wait="Checking…")
    except OutskirtsError as error:
        one.failed.append(str(error))
        return None


def checked_of(one: Evidence) -> Checked:
    """What the figures of a map say; a check without an answer counts as not passed."""
    curves, early = one.curves, None
    deleted = curves is not None and _counts(curves)
    if curves is not None and curves.deletion_area < curves.random_low:
        early = True
    elif curves is not None and curves.deletion_area > curves.random_high:
        early = False
    changes = None
    if one.randomised is not None and np.isfinite(one.randomised.ranks[-1]):
        changes = not one.randomised.fails
    marked = None if np.isnan(one.view.residual_share) else one.view.marked
    return Checked(one.method.title, marked, early=early, changes=changes, deleted=deleted)


def _counts(curves: MapCurves) -> bool:
    """Whether deletion has an area, and random orders an interval to lie outside of."""
    ends = (curves.deletion_area, curves.random_low, curves.random_high)
    return bool(np.isfinite(ends).all())


def curves_said(curves: MapCurves | None) -> str:
    """Area of deletion beside that of random orders."""
    if curves is None or not _counts(curves):
        return "deletion: says nothing here"
    area = f"deletion {_short(curves.deletion_area)}"
    chance = f"({_short(curves.random_low)} to {_short(curves.random_high)})"
    better = curves.deletion_beats_chance
    return f"✓ {area}  \n{chance}" if better else f":orange[**⚠ {area}**]  \n{chance}"


def _short(value: float) -> str:
    """A number of two digits or so, with a true minus.

    Example:
        >>> [_short(v) for v in (0.314, -14.97, 52.11, 194354.8)]
        ['0.31', '\u221215', '52', '194,355']
    """
    digits = 2 if abs(value) < 10 else 0
    return numeral(value, f",.{digits}f")


def randomised_said(found: Randomised | None) -> str:
    """Whether the map changes with what the detector learned."""
    if found is None:
        return "cannot be randomised"
    if not np.isfinite(found.ranks[-1]):  # what is left has no order, or is not finite
        return "randomised: cannot be ranked"
    rank = numeral(found.ranks[-1], "+.2f")
    return f":orange[**⚠ randomised: same**] {rank}" if found.fails else f"✓ randomised {rank}"


# In full ------------------------------------------------------------------------------------------


def show(asked: Asked, known: Sequence[Evidence]) -> None:
    """Curves of all maps, what they become when the network forgets, and all numbers."""
    st.subheader("The checks in full")
    st.html(figures.legend([one.method.title for one in known]))
    left, middle, right = st.columns(3, gap="small")
    curves = {one.method.title: one.curves for one in known if one.curves is not None}
    stem = f"{asked.target.scenario}-{asked.target.stem}-{asked.part}"
    for place, kind in ((left, "deletion"), (middle, "insertion")):
        with place:
            draw.chart(
                figures.curves(curves, kind),
                key=f"explain_{kind}",
                name=f"{stem}-{kind}",
                alt=f"{kind.capitalize()} curves of every map, over the range of random orders",
            )
    with right:
        ranks = {o.method.title: o.randomised for o in known if o.randomised is not None}
        draw.chart(
            figures.randomisation(ranks),
            key="explain_randomisation",
            name=f"{stem}-randomisation",
            alt="Rank correlation of every map with itself, the more modules are randomised",
        )
    for one in known:
        for why in one.failed:
            st.caption(f"{one.method.title}: {why}")
    st.caption(
        "**How to read it.** Deletion: the sooner a line falls below the grey range of random "
        "orders, the better the map knows what made the score; insertion: the sooner it rises. "
        "Randomised: lines should fall to zero; one that stays above the broken line shows the "
        "picture, not what the network learned. Both curves depend on the baseline: another one "
        "may order the maps otherwise."
    )
    if st.toggle(
        "Infidelity and sensitivity, too",
        links.opens_with("explain_steady", False),
        key="explain_steady",
        bind="query-params",
        persist_state="session",
        help="How well each map foretells what a covered square costs (0 is perfect, 1 no better "
        "than a map of zeros), and how much it changes when the image hardly does. They take about "
        "as long as all other checks together.",
    ):
        for one in known:
            query = SteadinessQuery(asked.map_by(one.method.key), asked.seed)
            one.steadiness = _asked(query, one, asked)
    columns = table(known)
    st.dataframe(columns, hide_index=True, alt="Every figure of every map, a row a method")
    downloads(File("These figures (CSV)", f"{stem}-checks.csv", partial(csv_of, _arrays(columns))))


def table(known: Sequence[Evidence]) -> dict[str, list[object]]:
    """A row a method: every figure that is known of its map."""
    rows = [_row(one) for one in known]
    names = {name: None for row in rows for name in row}  # in their order
    return {name: [row.get(name) for row in rows] for name in names}


def _row(one: Evidence) -> dict[str, object]:
    curves, forgot, steady = one.curves, one.randomised, one.steadiness
    place = pointing(one.view)
    return {
        "map": one.method.title,
        "residual": share_said(one.view.residual_share),
        **({} if place is None else {"true place": round(place, 3)}),
        "deletion": None if curves is None else _rounded(curves.deletion_area),
        "insertion": None if curves is None else _rounded(curves.insertion_area),
        "chance": "" if curves is None else _chance(curves),
        **({} if steady is None else _steady(steady)),
        "randomised": None if forgot is None else _rounded(float(forgot.ranks[-1])),
        "seconds": round(one.view.seconds, 3),
    }


def _chance(curves: MapCurves) -> str:
    """The interval of random orders; "" where there is none."""
    low, high = curves.random_low, curves.random_high
    return f"{low:.2f} to {high:.2f}" if np.isfinite((low, high)).all() else ""


def _steady(steady: Steadiness) -> dict[str, object]:
    return {
        "infidelity": _rounded(steady.infidelity),
        "sensitivity": _rounded(steady.sensitivity),
    }


def _rounded(value: float) -> float | None:
    return round(value, 3) if np.isfinite(value) else None


def _arrays(columns: Mapping[str, Sequence[object]]) -> dict[str, np.ndarray]:
    return {
        name: np.array(["" if v is None else v for v in values], object)
        for name, values in columns.items()
    }
