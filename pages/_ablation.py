"""The ablation of Outskirts on its page: what each part of the method is worth."""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.service import Ablation, AblationMissing, ArmFigures, read_ablation
from pages import _draw

__all__ = ["show"]

WORTH = 0.02  # a difference in mean AUROC that is worth talking about
TITLES = {"MNIST": "digits", "FashionMNIST": "garments"}
COLOURS = {"MNIST": "#0072B2", "FashionMNIST": "#D55E00"}
MARKS = {"MNIST": "circle", "FashionMNIST": "square"}
IDEA = ("all", "noise", "density")  # arms that leave the choice of outliers out


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
    with st.expander("All numbers, and how they were made"):
        st.table(pd.DataFrame(rows(found)), border="horizontal", hide_index=True)
        run = found.run
        st.caption(
            f"Mean AUROC over ten classes; in brackets the difference to the full method. Intervals: "
            f"{run.interval}. Every arm with something to choose tried {run.settings_tried} settings; "
            f"chosen: {run.choice}. {run.minutes:g} minutes on {run.processor}. "
            "`python -m core bench outskirts` prints this table; `--anew` computes it again."
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
    """Sentences that the numbers carry."""
    worse, alike = [], []
    for arm in found.arms[1:]:
        gaps = [f.difference for f in arm.figures.values()]
        if all(gap <= -WORTH for gap in gaps):
            worse.append(arm.title)
        elif all(abs(gap) < WORTH for gap in gaps):
            alike.append(arm.title)
    text = f"Worse by {WORTH:g} or more on both: {', '.join(worse) or 'no arm'}. "
    text += f"Within {WORTH:g} of the full method on both: {', '.join(alike) or 'no arm'}."
    titles = {arm.name: arm.title for arm in found.arms}
    hardly = [titles[name] for name in IDEA if titles.get(name) in alike]
    if hardly:
        text += (
            f" So here it matters little which outliers the classifiers learn from "
            f"({', '.join(hardly)}): most is done by the codes and by how near an image lies to "
            "known ones. The paper's idea works, but on these images it is not what makes the score."
        )
    return text


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
