"""The ablation of Outskirts on its page: what each part of the method is worth."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.service import Ablation, AblationMissing, ArmFigures, read_ablation
from pages import _draw

__all__ = ["show"]

TITLES = {"MNIST": "digits", "FashionMNIST": "garments"}
COLOURS = {"MNIST": "#0072B2", "FashionMNIST": "#D55E00"}
MARKS = {"MNIST": "circle", "FashionMNIST": "square"}
IDEA = ("all", "noise")  # arms that draw their outliers from elsewhere
KINDS = {
    "worse": "Worse than the full method on both",
    "better": "Better on both",
    "mixed": "Neither on both",
}


def show() -> None:
    st.subheader("Does choosing the outskirts help?")
    try:
        found = read_ablation()
    except AblationMissing as error:
        st.info(str(error), icon=":material/info:")
        return
    st.markdown(
        "The full method beside arms that each lack one thing. One class is normal, the nine others "
        "are strange; each class takes its turn, on digits and on garments."
    )
    st.plotly_chart(
        figure(found),
        key="outskirts_ablation",
        config=_draw.SAVE,
        alt="Mean AUROC over ten classes of every arm of the ablation, with 95 percent intervals",
    )
    st.markdown(f"**What you see:** {verdict(found)}")
    st.caption(which_is_which(found))
    with st.expander("All numbers, and how they were made"):
        st.table(pd.DataFrame(rows(found)), border="horizontal", hide_index=True)
        run = found.run
        st.caption(
            f"Mean AUROC over ten classes; in brackets the difference to the full method. Intervals: "
            f"{run.interval}. Every arm with something to choose tried {run.settings_tried} settings; "
            f"chosen: {run.choice}. {run.minutes:g} minutes on {run.processor}. "
            "`python -m core bench outskirts` prints this table; `--force` computes it again."
        )
        st.download_button(
            "The ablation (JSON)",
            found.model_dump_json(indent=1),
            file_name="outskirts-ablation.json",
            mime="application/json",
            on_click="ignore",
            icon=":material/download:",
        )


def figure(found: Ablation) -> go.Figure:
    """Mean AUROC with its interval, a line an arm, the full method on top."""
    drawn = go.Figure()
    names = [arm.title for arm in found.arms]
    for data in found.sets:
        values = [arm.figures[data] for arm in found.arms]
        drawn.add_trace(
            go.Scatter(
                x=[f.mean for f in values],
                y=names,
                name=TITLES.get(data, data),
                mode="markers",
                marker={"size": 10, "color": COLOURS.get(data), "symbol": MARKS.get(data)},
                error_x={
                    "array": [f.high - f.mean for f in values],
                    "arrayminus": [f.mean - f.low for f in values],
                },
                hovertemplate="%{y}: %{x:.3f}<extra>%{fullData.name}</extra>",
            )
        )
        drawn.add_vline(x=values[0].mean, line={"dash": "dot", "color": COLOURS.get(data)})
    drawn.update_yaxes(autorange="reversed")
    drawn.update_xaxes(title="mean AUROC; dotted: the full method")
    return _draw.tidy(drawn, height=60 + 34 * len(names)).update_layout(hovermode="closest")


def verdict(found: Ablation) -> str:
    """Sentences that the numbers carry: who is better or worse on every set, by the intervals."""
    kinds: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for arm in found.arms[1:]:
        figures = list(arm.figures.values())
        gaps = " and ".join(f"{f.difference:+.3f}" for f in figures)
        names[arm.name] = kind_of(figures)
        kinds.setdefault(kind_of(figures), []).append(f"{arm.title} ({gaps})")
    text = " ".join(f"{words}: {', '.join(kinds[k])}." for k, words in KINDS.items() if k in kinds)
    sides = " and ".join(TITLES.get(data, data) for data in found.sets)
    text += f" In brackets the difference in mean AUROC on {sides}."
    if all(names.get(arm) == "worse" for arm in IDEA):
        text += (
            "\n\n**Why:** choosing the outermost helps: outliers drawn from everybody, or around the "
            "prior, teach the classifiers less."
        )
        if "better" in kinds:
            text += (
                " It is not the best use of these codes, though: plain detectors on them do better."
            )
    return text


def which_is_which(found: Ablation) -> str:
    """That the full method of this table is another training than the models that ship."""
    full = found.arms[0]
    values = ", ".join(f"{full.figures[d].mean:.3f} on {TITLES.get(d, d)}" for d in found.sets)
    return (
        f"“{full.title.capitalize()}” ({values}) was trained for this table: like every arm, at the "
        "settings that it chose for itself. The models that ship, whose means Overview shows, are one "
        "other training, at the settings of their cards, so the last digit may differ."
    )


def kind_of(figures: Sequence[ArmFigures]) -> str:
    """How an arm stands to the full method over the data sets, by the paired intervals."""
    if all(f.difference_high < 0 for f in figures):
        return "worse"
    return "better" if all(f.difference_low > 0 for f in figures) else "mixed"


def rows(found: Ablation) -> list[dict[str, str]]:
    return [
        {
            "arm": f"**{arm.title}**  \n:small[:gray[{arm.text}]]",
            **{
                TITLES.get(data, data): cell(arm.figures[data], full=arm is found.arms[0])
                for data in found.sets
            },
        }
        for arm in found.arms
    ]


def cell(f: ArmFigures, *, full: bool) -> str:
    text = f"{f.mean:.3f}  \n:small[:gray[{f.low:.3f} to {f.high:.3f}]]"
    if full:
        return text
    gap = f"{f.difference:+.3f}, {f.difference_low:+.3f} to {f.difference_high:+.3f}"
    return f"{text}  \n:small[({gap})]"
