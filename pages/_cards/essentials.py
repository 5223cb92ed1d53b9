"""What everybody asks of a card: what it is, what it learned, how good it is, where it ends."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import streamlit as st

from core.service import (
    Card,
    DetectorRow,
    ImageSet,
    Metrics,
    OutskirtsError,
    Scenario,
    Target,
    flagged_above,
)
from pages._cards.details import in_titles
from pages._shared import draw
from pages._shared.text import hundredths, numeral

__all__ = ["cells", "known", "limits", "rule", "show", "threshold"]

ENOUGH = 100  # calibration images, of which 5 are flagged
SEEN = 4  # pictures of a set
ASKED = (
    "It judges no image itself: the models of all classes ask it. So it stands against no strange "
    "set here; how good its answers are, their cards say."
)
MANY = 8  # sets: of more, pictures are smaller


def show(row: DetectorRow, scenario: Scenario, examples: Mapping[str, np.ndarray]) -> None:
    """The top of a card.

    Args:
        examples: set name to images (n, H, W, C) uint8.
    """
    card = row.card
    assert card is not None
    st.markdown(f"**{row.title}** (`{scenario.family}/{row.name}`): {row.text}")
    if card.metrics:
        with st.container(key="cards_picture"):
            st.html(_scores(row, card, scenario, examples))
    else:
        st.markdown(ASKED)
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(
            f"**Learned from** {card.data.images:,} images: {card.data.name}{known(card)}. Calibrated "
            f"on {card.data.calibration:,} normal images held out of training."
        )
        st.markdown(
            f"**Its score:** {row.part_titles[card.score.part]}; {card.score.direction}. Flagged "
            f"above {threshold(row, scenario)}: the {rule(card)}."
        )
    with right:
        st.markdown(f"#### Limits\n{limits(row)}")


def known(card: Card) -> str:
    """How many anomalies a model knew, and of which class; "" where it knew none."""
    if not card.data.known:
        return ""
    which = f", all of {card.data.known_class}" if card.data.known_class else ""
    return f"; {card.data.known:,} of them are known anomalies{which}"


def limits(row: DetectorRow) -> str:
    """What is known to be wrong with a model, as a list in Markdown."""
    assert row.card is not None
    return "\n".join(f"- {in_titles(line, row.part_titles)}" for line in row.card.limits)


def rule(card: Card) -> str:
    """How the threshold was set, with the number of images; what it flags, where they are enough."""
    where, _, flags = card.score.threshold_rule.partition(": ")
    n = card.calibration.images
    where = where.replace("the calibration", f"{n:,} calibration")
    if n >= ENOUGH:
        return f"{where}: {flags}" if flags else where
    one = hundredths(1 / max(n, 1), 1)
    return f"{where}. One of them is {one} of all: how many normals are flagged is known no better"


def threshold(row: DetectorRow, scenario: Scenario) -> str:
    """Where the score is flagged, in the unit of all pages."""
    assert row.card is not None
    try:
        value, unit = flagged_above(Target.of(scenario.name, row.name))
    except OutskirtsError:  # the card may stand without good weights: then in its own unit
        value, unit = row.card.score.threshold, row.card.score.unit
    return f"{numeral(value, '.4g')} {unit}"


# The row of strange sets --------------------------------------------------------------------------


def _scores(
    row: DetectorRow, card: Card, scenario: Scenario, examples: Mapping[str, np.ndarray]
) -> str:
    """A picture of each set, and AUROC of the score under the strange ones, as HTML."""
    sets = (scenario.normal, *scenario.strange)
    words = {scenario.normal.name: ("normal", "")}
    for one in scenario.strange:
        words[one.name] = _said(card.metrics[one.name][card.score.part])
    against = f"{scenario.normal.title.lower()} against every strange set"
    if any(one.against for one in scenario.strange):
        against = "every strange set against normal images of its own kind"
    label = f"AUROC of its score, {row.part_titles[card.score.part]}: {against}"
    return cells(sets, words, examples, label)


def cells(
    sets: Sequence[ImageSet],
    words: Mapping[str, tuple[str, str]],
    examples: Mapping[str, np.ndarray],
    label: str,
) -> str:
    """A picture of each set with words below it, a large and a small one, as HTML.

    Args:
        words: by set name.
        examples: set name to images (n, H, W, C) uint8.
        label: what the row shows.
    """
    side, width, gap = (6.0, 8.1, 0.75) if len(sets) <= MANY else (4.0, 5.2, 0.45)
    each = "".join(_cell(one, examples[one.name], (side, width), *words[one.name]) for one in sets)
    return (
        f'<div id="scores">{escape(label)}</div><div role="list" aria-labelledby="scores" '
        f'style="display:flex;flex-wrap:wrap;gap:{gap}rem">{each}</div>'
    )


def _said(figures: Metrics) -> tuple[str, str]:
    """AUROC, and in small its interval; below chance in words."""
    below = "▼ below chance, " if figures.fooled else ""
    return f"{figures.auroc:.3f}", f"{below}{draw.interval(figures)}"


def _cell(
    image_set: ImageSet, images: np.ndarray, sizes: tuple[float, float], large: str, small: str
) -> str:
    """A set's pictures in a square, and words below; sizes of the square and of all, in rem."""
    side, width = sizes
    source = b64encode(
        draw.png([_square(np.stack([draw.reduced(one) for one in images]))])
    ).decode()
    return (
        f'<div role="listitem" style="width:{width:g}rem">'
        f'<img src="data:image/png;base64,{source}" alt="{escape(f"Images of {image_set.title}")}" '
        f'style="width:{side:g}rem;height:{side:g}rem;image-rendering:var(--house-rendering,pixelated);'
        f'border-radius:4px;display:block;object-fit:cover"><div>{escape(image_set.title)}</div>'
        f'<div style="font-size:1.3rem;font-weight:600">{escape(large)}</div>'
        f'<div style="font-size:.875rem">{escape(small)}</div></div>'
    )


def _square(images: np.ndarray) -> np.ndarray:
    """The first four images (n, H, W, C), two by two; of fewer, the first alone."""
    if len(images) < SEEN:
        return images[0]
    rows = [np.concatenate(list(images[i : i + 2]), axis=1) for i in (0, 2)]
    return np.concatenate(rows)
