"""How much of a model's figures is the luck of its seed: a picture, and sentences that it carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import plotly.graph_objects as go

from core.service import DetectorRow, Luck, Measured
from pages._shared import draw
from pages._shared.theme import palette

__all__ = ["figure", "listed", "measured", "said", "warnings"]

NOBODY: Mapping[str, str] = {}
# Of other seeds: open, for where they fall on each other.
MARKS = ("circle-open", "square-open", "triangle-up-open", "cross-open")


def measured(rows: Iterable[DetectorRow]) -> Measured:
    """Metrics of models from their cards, which tell the intervals of seeds."""
    return {row.name: row.card.metrics for row in rows if row.card is not None}


def figure(
    found: Sequence[Luck],
    parts: Mapping[str, str],
    model: str,
    titles: Mapping[str, str] = NOBODY,
    *,
    title: str = "",
) -> go.Figure:
    """AUROC of each part: this model's, and that of each other seed, a row a part.

    Args:
        parts: their titles.
        model: its title.
        titles: of models; one without is called as its checkpoint.
        title: of the figure.
    """
    rows = [parts[f.part] for f in found]
    others = [
        (
            [f.others[other].auroc for f in found],
            titles.get(other, other),
            {"size": 13, "color": palette().normal, "symbol": MARKS[i % len(MARKS)]}
            | {"line": {"width": 2}},
        )
        for i, other in enumerate(found[0].others)
    ]
    own = {"size": 9, "color": palette().strange, "symbol": "diamond"}
    points = [*others, ([f.own.auroc for f in found], f"{model}, this model", own)]
    hover = "%{y}: %{x:.3f}<extra>%{fullData.name}</extra>"
    return draw.figure(
        [
            {"type": "scatter", "mode": "markers", "x": x, "y": rows, "name": name}
            | {"marker": marker, "hovertemplate": hover}
            for x, name, marker in points
        ],
        height=100 + 28 * len(rows) + 30 * bool(title),
        title=title,
        hovermode="closest",
        shapes=[draw.line_at(x=0.5, dash="dot", width=1.5, color=palette().faint)],
        xaxis={"title": {"text": "AUROC; dotted: a coin", "standoff": 4}, "range": [0, 1.01]},
        yaxis={"autorange": "reversed"},
    )


def listed(words: Sequence[str]) -> str:
    """Words with commas, and an "and" before the last."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def said(one: Luck, title: str, strange: str, titles: Mapping[str, str] = NOBODY) -> str:
    """What becomes of one part's verdict on a strange set, in lower case, with other seeds.

    Args:
        titles: of models; one without is called as its checkpoint.
    """
    text = f"{title} has an AUROC of {one.own.auroc:.3f} on {strange}"
    if alike := [f"{s.auroc:.3f}" for m, s in one.others.items() if m not in one.contradicts]:
        text += f", and {listed(alike)} from {'other seeds' if len(alike) > 1 else 'another seed'}"
    if not one.contradicts:
        return (
            f"{text}: {'each of them is fooled' if one.own.fooled else 'none of them is fooled'}."
        )
    seeds = listed([f"{titles.get(m, m)} ({one.others[m].auroc:.3f})" for m in one.contradicts])
    if one.own.fooled:
        return f"{text}. **{seeds} would not be fooled.**"
    return f"{text}. **From {seeds} it is fooled too: it finds {strange} more normal than normal.**"


def warnings(
    found: Mapping[str, Sequence[Luck]], parts: Mapping[str, str], names: Mapping[str, str]
) -> str:
    """Parts whose verdict other seeds contradict, a line a strange set; "" if there is none.

    Args:
        found: by strange set.
        parts: their titles.
        names: of strange sets, in lower case.
    """
    lines = []
    for strange, every in found.items():
        bad = [f"{parts[f.part]} ({_both(f)})" for f in every if f.contradicts]
        if bad:
            lines.append(f"- On {names[strange]}: {', '.join(bad)}.")
    if not lines:
        return ""
    text = "**Another seed, another verdict.** A part is fooled where its interval is below 0.5. From this seed → from others:"
    return text + "\n" + "\n".join(lines)


def _both(one: Luck) -> str:
    own, others = one.own.auroc, ", ".join(f"{one.others[m].auroc:.3f}" for m in one.contradicts)
    return f"{own:.3f} → {others}" if one.own.fooled else f"{own:.3f} → **{others} fooled too**"
