"""Overview: what is here, how good is each detector, where do I start."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.service import Correction, DetectorRow, Metrics, corrections
from pages import _ask, _draw


def go_to(target: str, **state: object) -> None:
    """Set the target page's controls: its widgets are bound to these keys."""
    for key, value in state.items():
        st.session_state[f"{target}_{key}"] = value


DASH = "\u2060–\u2060"  # an en dash at which no line breaks


def cell(figures: Metrics) -> str:
    """AUROC with its interval; below chance marked by a sign, not by colour alone."""
    auroc = f"{figures.auroc:.3f}"
    marked = f":orange[▼\u00a0{auroc}]" if figures.high < 0.5 else auroc
    return f"{marked}  \n:small[:gray[{figures.low:.3f}{DASH}{figures.high:.3f}]]"


def reported(figures: Mapping[str, float]) -> str:
    """The numbers that papers report, in words."""
    return "".join(f"{value:.3f} {name.replace('_', ' ')}, " for name, value in figures.items())


scenario_name = st.session_state["world"]
found = _ask.overview(scenario_name)
by_class = _ask.classes(scenario_name)
scenario = found.scenario

st.title("Outskirts")
st.markdown(
    "A workbench for looking inside deep anomaly detectors: real weights, real images, and the places "
    f"where a method fails. **{scenario.title}:** {scenario.question}"
)

own = scenario.name.partition(".")[2]  # the class that is normal, if it is one
edge = f"outskirts.{own}" if own else "outskirts"
st.subheader("Where to start")
START = {"model": "glow", "view": "Scales"}
TRY: dict[str, tuple[str, str, str, dict[str, Any]]] = {  # name: title, text, page, its controls
    "mnist": (
        "Are digits likelier than clothes?",
        "To a flow trained on garments alone. See which of its scales is fooled.",
        "likelihoods",
        {**START, "strange": "mnist", "set": "mnist", "index": 0},
    ),
    "turned": (
        "A garment turned on its side",
        "The same pixels, turned by 90 degrees. Which scale minds?",
        "likelihoods",
        {**START, "strange": "turned", "set": "turned", "index": 0},
    ),
    "flat": (
        "Nothing at all",
        "A flat grey square: no garment, no detail. How likely does the flow find it?",
        "likelihoods",
        {**START, "strange": "flat", "set": "flat", "index": 0},
    ),
    "map": (
        "What is near what?",
        "A map of 10,000 images as the flow sees them: where a digit lies, and its neighbours.",
        "latent",
        {"model": "glow", "image": "mnist#0"},
    ),
    "outskirts": (
        "Where do outliers come from?",
        "Outliers made from normal images alone, pushed hard: see them beside their parents.",
        "outskirts",
        {"model": edge, "kappa": 2.0},
    ),
    "drawn": (
        "A seven that becomes a shoe",
        "Draw one scale of a digit anew, keep the others, and see what each scale holds.",
        "likelihoods",
        {"model": "glow", "view": "Drawn images", "strange": "mnist", "set": "mnist", "index": 0},
    ),
    "against": (
        "A flow that sees 8x8 pixels at a time",
        "Does it put images in the same order as one that sees them whole?",
        "likelihoods",
        {"model": "glow", "view": "Model against model", "strange": "mnist", "up": "glow.patches"},
    ),
    "cards": (
        "How much of it is luck?",
        "The same training from three seeds, beside every number of the card.",
        "cards",
        {"model": "glow"},
    ),
}
if own:
    other = scenario.strange[-1]
    TRY["class"] = (
        "What is near what?",
        f"A map by a detector that learned {scenario.normal.title.lower()} alone: "
        f"where does {other.title.lower()} lie?",
        "latent",
        {"model": edge, "image": f"{other.name}#0"},
    )
available = {s.name for s in scenario.sets}
models = {row.name for row in found.detectors if row.card is not None}
with st.grid(min_column_width=250):
    for name, (title, text, page, state) in TRY.items():
        of = state.get("strange") or state.get("image", scenario.normal.name).partition("#")[0]
        if of in available and state["model"] in models:
            with st.container(border=True):
                st.markdown(f"**{title}**  \n{text}")
                if st.button(
                    "Try this", key=f"try_{name}", on_click=go_to, args=(page,), kwargs=state
                ):
                    st.switch_page(
                        f"{page}.py",
                        # The scenario is a control of the frame and stays in the URL by itself.
                        query_params={f"{page}_{k}": str(v) for k, v in state.items()},
                    )

st.subheader("How good is each detector")


def lines(row: DetectorRow, parts: Iterable[str], *, alone: bool) -> list[dict[str, str]]:
    """A line of the table for each part of a model, which may have it alone."""
    assert row.card is not None
    found = []
    for part in parts:
        name = row.part_titles[part] if alone else f"{row.title}: {row.part_titles[part]}"
        found.append(
            {
                "": f"**{name}** :material/star:" if part == row.card.score.part else name,
                **{s.title: cell(row.card.metrics[s.name][part]) for s in scenario.strange},
            }
        )
    return found


TITLES = {s.name: s.title.lower() for s in scenario.strange}


def said(found: Correction) -> str:
    """A sentence that the numbers carry."""
    helps, costs = (
        ", ".join(
            f"{TITLES[n]} ({before:.3f} → {after:.3f})" for n, (before, after) in moved.items()
        )
        for moved in (found.helps, found.costs)
    )
    text = f"- **{found.title}** " + (f"helps on {helps}" if helps else "helps on no set")
    text += f"; it costs on {costs}" if costs else "; it costs on none"
    if found.inverts:
        inverted = ", ".join(TITLES[n] for n in found.inverts)
        text += f", and finds {inverted} *more normal than normal* (below 0.5)"
    return text + "."


WIDE = 8  # columns that fit beside each other


def table(rows: list[dict[str, str]], alt: str) -> None:
    found = pd.DataFrame(rows)
    if len(found.columns) > WIDE > len(found):
        found = found.set_index("").T.rename_axis("").reset_index()
    st.table(found, border="horizontal", hide_index=True, alt=alt)


for row in found.detectors:
    if row.card is None:
        st.error(row.missing, icon=":material/error:")
trained = [row for row in found.detectors if row.card is not None]
first = [row for row in trained if row.name.partition(".")[2] in ("", own)]
rest = [row for row in trained if row not in first]
for row in first:
    assert row.card is not None
    st.markdown(f"**{row.title}**")
    table(
        lines(row, row.card.calibration.quantiles, alone=True),
        f"AUROC of every part of {row.title} on every strange set, with 95 percent intervals",
    )
    st.caption(
        "AUROC: the chance that a strange image scores above a normal one. :material/star: marks the part "
        "that is the detector's score: the method's own, or chosen on damaged training images, without a "
        "look at any strange set. :orange[▼ below chance]: the strange look *more* normal than the normal. In small "
        "the 95 % interval of 1,000 stratified bootstraps; it covers test images, not training seeds."
    )
    t = row.card.training
    st.markdown(
        f"**{row.title}**: [{row.card.paper['title']}]({row.card.paper['url']}) "
        f"({row.card.paper['year']}). {row.card.weights.parameters:,} parameters, trained for "
        f"{t.minutes:g} minutes on {row.card.data.images:,} images, {reported(row.card.figures)}"
        f"{len(row.card.deviations)} deviations from the paper."
    )
    corrected = corrections(row)
    if corrected:
        st.markdown(
            "**Which general model helps, and where does it fail?** Full likelihood → with the "
            "general model taken out:\n" + "\n".join(said(c) for c in corrected)
        )
if rest:
    with st.expander(f"{len(rest)} more models", expanded=True):
        rows = []
        for row in rest:
            assert row.card is not None
            has = row.card.calibration.quantiles
            shown = dict.fromkeys(["total", "ratio_general", "ratio_background"])
            chosen = [p for p in has if p in shown or p == row.card.score.part]
            rows += lines(row, chosen, alone=False)
        table(rows, "AUROC of the likelihoods and ratios of every other model on every strange set")
        st.caption(
            "These have 8 flow steps a scale and trained for 8 to 25 minutes, Glow has 16 and 95: "
            "compare them with one another. Their other parts stand in their cards."
        )
if by_class is not None:
    st.subheader("Every class in turn")
    for row in first:
        stem = row.name.partition(".")[0]
        cards = {by_class.titles[v]: card for v, card in by_class.cards[stem].items()}
        scores = {
            title: card.metrics["rest"][card.score.part]
            for title, card in cards.items()
            if card is not None
        }
        st.plotly_chart(
            _draw.intervals(scores, marked=scenario.normal.title),
            key=f"overview_classes_{stem}",
            config=_draw.SAVE,
            alt=f"AUROC of {row.title} with each class in turn as the normal one, with intervals",
        )
        mean = by_class.means.get(stem)
        if mean is not None:
            st.markdown(
                f"**{row.title}**: mean AUROC over {mean.models} classes **{mean.auroc:.3f}** "
                f"({mean.low:.3f}{DASH}{mean.high:.3f}), each against all others. The class that is "
                "chosen in the sidebar is the orange diamond."
            )
st.page_link("cards.py", label="Every model's card: data, training, deviations, limits")

st.subheader("What is normal, and what is strange")
with st.grid(min_column_width=300):
    for image_set in scenario.sets:
        with st.container():
            role = "normal" if image_set is scenario.normal else "strange"
            st.markdown(f"**{image_set.title}** ({role})")
            st.image(
                _draw.strip(found.examples[image_set.name]),
                output_format="PNG",
                width="stretch",
                alt=f"The first images of the set {image_set.title}",
            )
            st.caption(f"{image_set.text} Licence: {image_set.licence}.")
