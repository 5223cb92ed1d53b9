"""What the models would gain by judging together."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from html import escape

import numpy as np
import streamlit as st

from core.service import OWN, Committee, CommitteeQuery, Judgement, Share
from pages._compare.models import Compared
from pages._compare.said import in_percent, interval, place
from pages._compare.table import LOOKS, OWN_RATE
from pages._shared import draw
from pages._shared.ask import ask, csv_of
from pages._shared.controls import File, downloads
from pages._shared.text import counted

__all__ = ["csv_of_committee", "html", "said_of", "section"]

HEADS = (
    "judge",
    "recall",
    "false alarms",
    "AUROC",
    "best single model with no more false alarms",
)


def section(c: Compared) -> None:
    """A table of rules beside each model alone, and whether any of them gains something."""
    st.subheader("A committee")
    members = _members(c)
    if len(members) < 2:
        st.caption("Choose at least two models above: one is no committee.")
        return
    found = ask(
        CommitteeQuery(c.scenario.name, c.strange, members, c.line.threshold, **c.stakes), c.data
    )
    st.markdown(f"**What you see:** {said_of(found)}")
    st.html(html(found))
    name = f"{c.scenario.name}-{c.strange}-committee.csv"
    downloads(File("This committee (CSV)", name, partial(csv_of_committee, found)))
    st.caption(
        "**How to read it.** “Any” flags at least as many as each of its members, so it must be compared at "
        "equal false alarms: the last column moves the threshold of each single model until it has "
        "no more false alarms than the committee, and shows the one that then finds most. It was "
        f"chosen on these images, which flatters it a little. {_ties(c, found)}"
        f"{f' {OWN_RATE}' if OWN in members else ''}"
    )


def _members(c: Compared) -> tuple[str, ...]:
    """The models that are compared; the visitor's scores if that is wished, as they may be few."""
    if OWN not in c.shown:
        return c.shown
    wished = st.checkbox(
        "With your scores",
        key="compare_with_own",
        help="Then all of the table is of those images alone that your file has scores of.",
    )
    return c.shown if wished else tuple(name for name in c.shown if name != OWN)


def _ties(c: Compared, found: Committee) -> str:
    names = {"normal": c.sets[found.normal_set], "strange": c.sets[found.strange_set]}
    tied = [f"{counted(n, 'image')} of “{names[role]}”" for role, n in found.tied.items() if n]
    if not tied:
        return "No image is at percentile 100 with every model."
    return (
        f"{' and '.join(tied)} stand at percentile 100 with every model: among these the mean "
        "percentile makes no difference."
    )


def said_of(found: Committee) -> str:
    """Whether a committee beats the best single model at its false alarms, as the intervals allow."""
    members = counted(len(found.singles), "model")
    gains: list[str] = []
    losses: list[str] = []
    for rule in found.rules:
        assert rule.best_single is not None
        if rule.recall.apart_from(rule.best_single.recall):
            won = rule.recall.value > rule.best_single.recall.value
            (gains if won else losses).append(_against(rule, rule.best_single))
    if gains:
        text = f"together the {members} gain: {'; '.join(gains)}."
        return text + (f" But {'; '.join(losses)}." if losses else "")
    if losses:
        return f"no committee of the {members} gains anything, and {'; '.join(losses)}."
    return (
        f"no committee of the {members} finds clearly more or less than the best of them does at "
        "the same false alarms: their intervals meet. Each is that of one share alone, though both "
        "are of the same images, so that a small gain may hide in them."
    )


def _against(rule: Judgement, best: Judgement) -> str:
    return (
        f"“{rule.title[0].lower()}{rule.title[1:]}” finds {in_percent(rule.recall.value)} at "
        f"{in_percent(rule.false_alarm_rate.value)} false alarms, {best.title} alone "
        f"{in_percent(best.recall.value)}"
    )


def html(found: Committee) -> str:
    """The models, then the committees, a row each."""
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in HEADS)
    body = "".join(_row(one, found) for one in (*found.rules, *found.singles))
    return (
        f"{LOOKS}<div class=compare-scroll tabindex=0 role=region aria-label='Table of committees'>"
        "<table class=compare-table aria-label='Committees and "
        "single models at this threshold, with 95 % intervals'>"
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(one: Judgement, found: Committee) -> str:
    metrics = one.metrics
    area = (f"{metrics.auroc:.3f}", draw.interval(metrics)) if metrics else ("", "")
    best = ("", "")
    if one.best_single is not None:
        share, small = _share(one.best_single.recall)
        best = (f"{one.best_single.title}: {share}", small)
    cells = (_share(one.recall), _share(one.false_alarm_rate), area, best)
    kind = " class=top" if one.best_single is not None else ""
    return f'<tr{kind}><th scope="row">{escape(one.title)}{_small(one, found)}</th>{"".join(_cells(cells))}</tr>'


def csv_of_committee(found: Committee) -> bytes:
    """The same as a CSV file: of each judge how many images, and shares with their ends."""
    judges = (*found.rules, *found.singles)
    columns = {"judge": np.array([one.title for one in judges])}
    for name in ("recall", "false_alarm_rate"):
        shares = [getattr(one, name) for one in judges]
        for part, title in PARTS.items():
            columns[f"{name}{title}"] = np.array([getattr(s, part) for s in shares])
    for part, title in PARTS.items():
        best = [one.best_single for one in judges]
        columns[f"best single recall{title}"] = np.array(
            [getattr(b.recall, part) if b else np.nan for b in best]
        )
    columns["best single model"] = np.array([b.title if b else "" for b in best])
    return csv_of(columns)


PARTS = {"value": "", "low": " low", "high": " high", "count": " count", "of": " of"}


def _small(one: Judgement, found: Committee) -> str:
    """Among how many images, and where the mean flags."""
    text = f"{one.recall.of:,} strange, {one.false_alarm_rate.of:,} normal images"
    above = f"<small>flags above {place(found.at)}</small>" if one.name == "mean" else ""
    return f"{above}<small>{text}</small>"


def _cells(cells: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for text, small in cells:
        yield f"<td>{escape(text)}<small>{escape(small)}</small></td>"


def _share(found: Share) -> tuple[str, str]:
    return in_percent(found.value), interval(found)
