"""The rest of a card: data, training, how the score was chosen, deviations, paper."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pandas as pd
import streamlit as st

from core.service import Card, DetectorRow, Scenario
from pages._shared.text import counted, minutes, processor, times

__all__ = ["in_titles", "show"]

UNTRAINED = "what is normal was measured by a network as it is, and stored"


def show(row: DetectorRow, scenario: Scenario, titles: Mapping[str, str]) -> None:
    """All but figures.

    Args:
        titles: of the scenario's models, by the names of their checkpoints.
    """
    card = row.card
    assert card is not None
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("#### Data")
        st.markdown(_listed(_data(card, titles)))
    with right:
        st.markdown("#### Training")
        st.markdown(_listed(_training(card)))
    st.markdown("#### Why this score")
    st.markdown(in_titles(card.score.why, row.part_titles))
    faults = pd.DataFrame(card.validation).T.rename(columns=row.part_titles)
    with st.expander("AUROC of every part on each synthetic fault"):
        st.table(
            faults.map("{:.3f}".format),
            border="horizontal",
            alt="AUROC of every part on each synthetic fault",
        )
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("#### Where it leaves the paper")
        st.markdown(_listed([in_titles(line, row.part_titles) for line in card.deviations]))
    with right:
        _paper(card)


def in_titles(text: str, titles: Mapping[str, str]) -> str:
    """A text with the titles of parts where it has a number of theirs, or quotes their name.

    Example:
        >>> in_titles("the mean of both: sum_pixels 0.9, sum 0.8", {"sum": "A", "sum_pixels": "B"})
        'the mean of both: B 0.9, A 0.8'
        >>> in_titles("a low `sum` says nothing", {"sum": "A"})
        'a low “A” says nothing'
    """
    for part, title in titles.items():
        safe = title.replace("\\", r"\\")  # no group is meant
        text = text.replace(f"`{part}`", f"“{title}”")
        text = re.sub(rf"(?<![\w-]){re.escape(part)}(?= -?[0-9])", safe, text)
    return text


def _listed(lines: tuple[str, ...] | list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _data(card: Card, titles: Mapping[str, str]) -> list[str]:
    d = card.data
    lines = [
        f"{counted(d.images, 'image')}: {d.name}; {d.calibration:,} normal images held out of "
        f"training to calibrate (split seed {d.split_seed}).",
        f"Licence of the images: {d.licence}.",
        f"sha256 of their pixels: `{d.sha256[:16]}…`",
    ]
    if card.auxiliary_models:
        asked = ", ".join(f"{titles.get(n, n)} (`{n}`)" for n in card.auxiliary_models)
        lines.append(f"Asks while it scores: {asked}.")
    if start := card.config.get("starts_from"):
        lines.append(f"Started from the weights of {titles.get(start, start)} (`{start}`).")
    return lines


def _training(card: Card) -> list[str]:
    t = card.training
    took = minutes(t.minutes).capitalize()
    steps = [
        f"{took}; the {t.fixed} were fixed beforehand, the last weights are kept.",
        f"{counted(t.images, 'image')} in {counted(t.steps, 'step')} of {t.batch_size}, "
        f"{t.images_per_second:,.0f} a second; {counted(t.skipped_steps, 'step')} skipped, resumed "
        f"{times(t.resumed)}.",
    ]
    return [
        *(steps if t.steps else [f"No weight was trained: {UNTRAINED}."]),
        f"Seed {t.seed}; phases: {', '.join(t.phases)}.",
        f"{processor(t.processor)}; torch {t.torch}.",
        f"Settings: {_settings(card.config)}.",
        f"{card.weights.parameters:,} trained parameters, {card.weights.bytes / 1e6:.1f} MB."
        if t.steps
        else f"{card.weights.bytes / 1e6:.1f} MB.",
    ]


def _settings(config: Mapping[str, object]) -> str:
    """The config that the card stores, but for what is not in use."""
    return ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in config.items() if v not in ("", 0.0))


def _paper(card: Card) -> None:
    paper = card.paper
    st.markdown("#### Paper")
    st.markdown(f"{paper['authors']} ({paper['year']}). [{paper['title']}]({paper['url']}).")
    st.code(paper["bibtex"], language="bibtex", wrap_lines=True)
    st.markdown("#### Licence")
    st.markdown(f"{card.licence}.")
