"""Overview: what is here, how good is each detector, where do I start."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from core.service import Metrics
from pages import _draw


def go_to_likelihoods(**state: object) -> None:
    """Set the target page's controls: its widgets are bound to these keys."""
    for key, value in state.items():
        st.session_state[f"likelihoods_{key}"] = value


DASH = "\u2060–\u2060"  # an en dash at which no line breaks


def cell(figures: Metrics) -> str:
    """AUROC with its interval; below chance marked by a sign, not by colour alone."""
    auroc = f"{figures.auroc:.3f}"
    marked = f":orange[▼\u00a0{auroc}]" if figures.high < 0.5 else auroc
    return f"{marked}  \n:small[:gray[{figures.low:.3f}{DASH}{figures.high:.3f}]]"


def reported(figures: Mapping[str, float]) -> str:
    """The numbers that papers report, in words."""
    return "".join(f"{value:.3f} {name.replace('_', ' ')}, " for name, value in figures.items())


scenario_name = st.session_state["scenario"]
found = _draw.overview(scenario_name)
scenario = found.scenario

st.title("Outskirts")
st.markdown(
    "A workbench for looking inside deep anomaly detectors: real weights, real images, and the places "
    f"where a method fails. **{scenario.title}:** {scenario.question}"
)

st.subheader("Where to start")
TRY = [
    (
        "Are digits likelier than clothes?",
        "To a flow trained on garments alone. See which of its scales is fooled.",
        {"strange": "mnist", "set": "mnist", "index": 0},
    ),
    (
        "A garment turned on its side",
        "The same pixels, turned by 90 degrees. Which scale minds?",
        {"strange": "turned", "set": "turned", "index": 0},
    ),
    (
        "Nothing at all",
        "A flat grey square: no garment, no detail. How likely does the flow find it?",
        {"strange": "flat", "set": "flat", "index": 0},
    ),
]
available = {s.name for s in scenario.sets}
starts = [row for row in TRY if row[2]["strange"] in available]
for column, (title, text, state) in zip(st.columns(len(starts) or 1), starts, strict=False):
    with column, st.container(border=True):
        st.markdown(f"**{title}**  \n{text}")
        if st.button(
            "Try this", key=f"try_{state['strange']}", on_click=go_to_likelihoods, kwargs=state
        ):
            st.switch_page(
                "likelihoods.py",
                # The scenario is a bound control of the frame and stays in the URL by itself.
                query_params={f"likelihoods_{k}": str(v) for k, v in state.items()},
            )

st.subheader("How good is each detector")
rows = []
for row in found.detectors:
    if row.card is None:
        st.error(row.missing, icon=":material/error:")
        continue
    for part in row.card.calibration.quantiles:
        name = f"{row.title}: {row.part_titles[part]}"
        is_score = part == row.card.score.part
        rows.append(
            {
                "": f"**{name}** :material/star:" if is_score else name,
                **{s.title: cell(row.card.metrics[s.name][part]) for s in scenario.strange},
            }
        )
if rows:
    st.table(
        pd.DataFrame(rows),
        border="horizontal",
        hide_index=True,
        alt="AUROC of every part of every detector on every strange set, with 95 percent intervals",
    )
    st.caption(
        "AUROC: the chance that a strange image scores above a normal one. :material/star: marks the part "
        "that is the detector's score; it was chosen on damaged training images, without a look at any "
        "strange set. :orange[▼ below chance]: the strange look *more* normal than the normal. In small "
        "the 95 % interval of 1,000 stratified bootstraps; it covers test images, not training seeds."
    )
    for row in found.detectors:
        if row.card is not None:
            t = row.card.training
            st.markdown(
                f"**{row.title}**: [{row.card.paper['title']}]({row.card.paper['url']}) "
                f"({row.card.paper['year']}). {row.card.weights.parameters:,} parameters, trained for "
                f"{t.minutes:g} minutes on {row.card.data.images:,} images, {reported(row.card.figures)}"
                f"{len(row.card.deviations)} deviations from the paper."
            )
            with st.expander(f"Deviations and limits of {row.title}"):
                st.markdown("\n".join(f"- {line}" for line in row.card.deviations))
                st.markdown("Limits:\n" + "\n".join(f"- {line}" for line in row.card.limits))
            st.download_button(
                f"Card of {row.title} (JSON)",
                row.card.model_dump_json(indent=1),
                file_name=f"{scenario.name}-{row.name}.json",
                mime="application/json",
                on_click="ignore",
            )

st.subheader("What is normal, and what is strange")
with st.grid(min_column_width=300):
    for image_set in scenario.sets:
        with st.container():
            role = "normal" if image_set is scenario.normal else "strange"
            st.markdown(f"**{image_set.title}** ({role})")
            st.image(
                _draw.strip(found.examples[image_set.name]),
                width="stretch",
                alt=f"The first images of the set {image_set.title}",
            )
            st.caption(f"{image_set.text} Licence: {image_set.licence}.")
