"""Which misses of one part the sum finds, what it loses, and whether the control does as well."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from core.service import Misses, MissesQuery, MissesShownQuery, Share, display_table
from pages._shared import picker
from pages._shared.ask import ask, csv_of
from pages._shared.controls import File, choice, downloads, pager
from pages._shared.gallery import tiles

if TYPE_CHECKING:
    from pages._explain.plane import Compared
from pages._shared.text import SPACE

__all__ = ["labels", "said_of", "share_said", "show", "table"]

SHOWN, SIDE = 12, 90
ENOUGH = 20  # misses, to speak of percents of them
ORDERS = {"clearest": "clearest", "random": "random"}


def show(compared: Compared) -> None:
    """The misses in numbers and in a sentence, and the images behind them."""
    one, titles = compared.chosen, compared.titles
    st.markdown(f"#### Which misses of {one.x_title.lower()} does the sum find?")
    query = MissesQuery(compared.asked.target, compared.strange, one.part)
    found = ask(query)
    names = {one.x: one.x_title, **{s.part: s.title for s in compared.sums}}
    st.markdown(said_of(found, names, strange=titles[compared.strange]))
    st.dataframe(
        table(found, names, titles=(titles[compared.strange], titles[found.normal])),
        hide_index=True,
        alt="Misses and false alarms of each part, with their 95 % intervals",
    )
    st.caption(
        "A miss is a strange image below a part's own threshold, which flags 5\u00a0% of held-out normal "
        "images. Intervals: 95\u00a0% over these images (Wilson's), the threshold taken as it is."
    )
    _gallery(compared, query, found)
    table_of = partial(display_table, query.target, [found.normal, compared.strange])
    name = f"{query.target.scenario}-{query.target.stem}-{compared.strange}.csv"
    downloads(File("Every image's parts (CSV)", name, lambda: csv_of(table_of())))


def _gallery(compared: Compared, query: MissesQuery, found: Misses) -> None:
    """The images of a group, in an order that stands on the page."""
    left, right = st.columns([3, 1], gap="medium", vertical_alignment="bottom")
    with left:
        group = choice(
            "Show",
            labels(found, compared.chosen.x_title),
            key="explain_group",
            default=next((g for g, count in found.counts.items() if count), ""),
        )
    with right:
        order = choice(
            "Which first",
            ORDERS,
            key="explain_misses_order",
            help="Clearest: where the two differ most, each counted from its threshold in standard "
            "deviations; where they agree, farthest from the sum's threshold.",
        )
    seed, name = compared.asked.seed, (query, group, order)
    first = ask(MissesShownQuery(query, group, order, SHOWN, seed=seed))
    if not first.sets:
        st.caption("There is no such image.")
        return
    page = pager(first.pages, key="explain_misses", order=name) if first.pages > 1 else 1
    image = compared.asked.image
    if tiles(
        ask(MissesShownQuery(query, group, order, SHOWN, page, seed)),
        scenario=compared.overview.scenario.name,
        titles=compared.titles,
        key="explain_missed",
        what=compared.chosen.title.lower(),
        on_click=partial(picker.inspect, "explain"),
        picked=None if image.index is None else (image.set_name, image.index),
        side=SIDE,
    ):
        st.rerun()


def labels(found: Misses, first: str) -> Mapping[str, str]:
    """Of every group: what is in it, and how many."""
    words = {
        "gained": "Found by the sum alone",
        "lost": f"Found by {first.lower()} alone",
        "missed": "Missed by both",
        "alarms-gained": "False alarms of the sum alone",
        "alarms-lost": f"False alarms of {first.lower()} alone",
        "alarms": "False alarms of both",
    }
    return {group: f"{text}: {found.counts[group]:,}" for group, text in words.items()}


def table(
    found: Misses, names: Mapping[str, str], *, titles: tuple[str, str]
) -> dict[str, list[str]]:
    """A row a part: its misses and its false alarms; titles of the strange and the normal set."""
    return {
        "part": [names[part] for part in found.missed],
        f"missed of {titles[0].lower()}": [share_said(s) for s in found.missed.values()],
        f"flagged of {titles[1].lower()}": [share_said(s) for s in found.alarms.values()],
    }


def share_said(share: Share) -> str:
    r"""A share in percent with its interval.

    Example:
        >>> share_said(Share(128, 1000, 0.128, 0.1087, 0.1502))
        '12.8\xa0% (10.9 to 15.0)'
    """
    return f"{_percent(share.value)} ({100 * share.low:.1f} to {100 * share.high:.1f})"


def _percent(value: float) -> str:
    return f"{100 * value:.1f}{SPACE}%"


def said_of(found: Misses, names: Mapping[str, str], *, strange: str) -> str:
    """How many fewer each sum misses than the part that all of them add, in a sentence each.

    Example:
        >>> missed = {"a": Share(40, 100, 0.4, 0.31, 0.5), "b": Share(10, 100, 0.1, 0.06, 0.17)}
        >>> found = Misses("normal", "a", {"gained": 32, "lost": 2}, missed, missed)
        >>> print(said_of(found, {"a": "A", "b": "A and B"}, strange="Digits").replace(SPACE, " "))
        **A** alone misses 40.0 % of digits (40). **A and B** misses 10.0 %, 75 % fewer.
    """
    first, *others = found.missed
    sentences = [
        f"**{names[first]}** alone misses {_percent(found.missed[first].value)} of "
        f"{strange.lower()} ({found.missed[first].count:,})."
    ]
    for part in others:
        text = f"**{names[part]}** misses {_percent(found.missed[part].value)}, "
        text += _against(found.missed[part], found.missed[first])
        if part != others[0]:
            text += f"; against the score: {_beside(found.missed[part], found.missed[others[0]])}"
        sentences.append(f"{text}.")
    return " ".join(sentences)


def _against(one: Share, first: Share) -> str:
    """How many fewer; in percent where there are enough to speak of percents."""
    if one.count == first.count:
        return "as many"
    more = "fewer" if one.count < first.count else "more"
    text = f"{abs(one.count - first.count):,} {more}"
    if first.count >= ENOUGH:
        text = f"{abs(100 * (one.count / first.count - 1)):.0f}{SPACE}% {more}"
    return text if one.apart_from(first) else "no clear difference"


def _beside(one: Share, score: Share) -> str:
    """A control beside the score."""
    if not one.apart_from(score):
        return "no clear difference"
    return "clearly fewer" if one.value < score.value else "clearly more"
