"""How much of a model's figures is the luck of its seed: a picture, and sentences that it carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from core.service import Luck
from pages import _draw

__all__ = ["figure", "listed", "said", "warnings"]


def figure(found: Sequence[Luck], parts: Mapping[str, str], model: str) -> go.Figure:
    """AUROC of each part: this model's, and that of each other seed, a row a part."""
    rows = [parts[f.part] for f in found]
    drawn = go.Figure()
    for i, other in enumerate(found[0].others, 1):
        drawn.add_scatter(
            x=[f.others[other] for f in found],
            y=rows,
            mode="markers",
            name=other,
            marker={"size": 10, "color": _draw.NORMAL, "symbol": f"circle{'-open' * (i % 2)}"},
            hovertemplate="%{y}: %{x:.3f}<extra>%{fullData.name}</extra>",
        )
    drawn.add_scatter(
        x=[f.own for f in found],
        y=rows,
        mode="markers",
        name=f"{model}, this model",
        marker={"size": 11, "color": _draw.STRANGE, "symbol": "diamond"},
        hovertemplate="%{y}: %{x:.3f}<extra>%{fullData.name}</extra>",
    )
    drawn.add_vline(x=0.5, line_dash="dot", line_width=1)
    drawn.update_yaxes(autorange="reversed")
    drawn.update_xaxes(title={"text": "AUROC; dotted: a coin", "standoff": 4}, range=[0, 1.01])
    return _draw.tidy(drawn, height=90 + 26 * len(rows)).update_layout(hovermode="closest")


def listed(words: Sequence[str]) -> str:
    """Words with commas, and an "and" before the last."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def said(one: Luck, title: str, strange: str) -> str:
    """What becomes of one part's verdict on a strange set, in lower case, with other seeds."""
    values = listed([f"{auroc:.3f}" for auroc in one.others.values()])
    text = f"{title} has an AUROC of {one.own:.3f} on {strange}, and {values} from other seeds"
    if not one.contradicts:
        sides = "below 0.5: each of them is fooled" if one.own < 0.5 else "above 0.5"
        return f"{text}: all {sides}."
    seeds = listed([f"{m} ({one.others[m]:.3f})" for m in one.contradicts])
    if one.own < 0.5:
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
    text = "**Another seed, another verdict.** Below 0.5 a part is fooled. From this seed → from others:"
    return text + "\n" + "\n".join(lines)


def _both(one: Luck) -> str:
    others = ", ".join(f"{one.others[m]:.3f}" for m in one.contradicts)
    return f"{one.own:.3f} → {'**' if one.own >= 0.5 else ''}{others}{' fooled too**' if one.own >= 0.5 else ''}"
