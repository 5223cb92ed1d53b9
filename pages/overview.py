"""Overview: what is here, how good is each detector, where do I start."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.service import (
    ClassesQuery,
    Correction,
    DetectorRow,
    Metrics,
    OverviewQuery,
    StudyMissing,
    corrections,
    luck,
    read_study,
)
from pages._overview import figures
from pages._shared import draw, seeds
from pages._shared.ask import ask


def cell(figures: Metrics) -> str:
    """AUROC with its interval; below chance marked by a sign, not by colour alone."""
    auroc = f"{figures.auroc:.3f}"
    marked = f":orange[▼\u00a0{auroc}]" if figures.fooled else auroc
    return f"{marked}  \n:small[:gray[{draw.interval(figures, dash=draw.DASH)}]]"


def reported(figures: Mapping[str, float]) -> str:
    """The numbers that papers report, in words."""
    return "".join(f"{value:.3f} {name.replace('_', ' ')}, " for name, value in figures.items())


scenario_name = st.session_state["world"]
found = ask(OverviewQuery(scenario_name))
by_class = ask(ClassesQuery(scenario_name))
scenario = found.scenario

st.title("Outskirts")
st.markdown(
    "A workbench for looking inside deep anomaly detectors: real weights, real images, and the places "
    f"where a method fails. **{scenario.title}:** {scenario.question}"
)

own = scenario.name.partition(".")[2]  # the class that is normal, if it is one
edge = f"outskirts.{own}" if own else "outskirts"
st.subheader("Where to start")
models = {row.name: row.card for row in found.detectors if row.card is not None}
glow = models.get("glow")
seed_text = glow.seeds.text if glow is not None and glow.seeds is not None else ""
# Name: title, text, page, the model and the set that it needs, and controls of the page. Only those
# that differ from what the page opens with: each of the others would be a step of the Back button.
TRY: dict[str, tuple[str, str, str, tuple[str, str], dict[str, Any]]] = {
    "mnist": (
        "Are digits likelier than clothes?",
        "To a flow trained on garments alone. See which of its scales is fooled.",
        "likelihoods",
        ("glow", "mnist"),
        {"order": "most normal"},
    ),
    "turned": (
        "A garment turned on its side",
        "The same pixels, turned by 90 degrees. Which scale minds?",
        "likelihoods",
        ("glow", "turned"),
        {"strange": "turned", "set": "turned"},
    ),
    "flat": (
        "Nothing at all",
        "A flat grey square: no garment, no detail. How likely does the flow find it?",
        "likelihoods",
        ("glow", "flat"),
        {"strange": "flat", "set": "flat"},
    ),
    "map": (
        "What is near what?",
        "A map of images as the flow sees them: where a digit lies, and its neighbours.",
        "latent",
        ("glow", "mnist"),
        {"image": "mnist#0"},
    ),
    "outskirts": (
        "Where do outliers come from?",
        "Outliers made from normal images alone, pushed hard: see them beside their parents.",
        "outskirts",
        (edge, scenario.normal.name),
        {"kappa": 2.0},
    ),
    "drawn": (
        "A seven that becomes a shoe",
        "Draw one scale of a digit anew, keep the others, and see what each scale holds.",
        "likelihoods",
        ("glow", "mnist"),
        {"view": "Drawn images"},
    ),
    "against": (
        "A flow that sees 8x8 pixels at a time",
        "Does it put images in the same order as one that sees them whole?",
        "likelihoods",
        ("glow.patches", "mnist"),
        {"view": "Model against model"},
    ),
    "cards": (
        "How much of it is luck?",
        f"{seed_text[:1].upper()}{seed_text[1:]}. Which of its figures stay, and which do not?",
        "cards",
        ("glow", scenario.normal.name) if seed_text else ("", ""),
        {"view": "Seeds"},
    ),
}
if own:
    other = scenario.strange[-1]
    TRY["class"] = (
        "What is near what?",
        f"A map by a detector that learned {scenario.normal.title.lower()} alone: "
        f"where does {other.title.lower()} lie?",
        "latent",
        (edge, other.name),
        {"image": f"{other.name}#0"},
    )
available = {s.name for s in scenario.sets}
with st.grid(min_column_width=250):
    for title, text, page, (model, of), state in TRY.values():
        if of in available and model in models:
            with st.container(border=True, gap="xsmall"):
                # A link: what is done in the browser alone is one step of its Back button.
                st.page_link(
                    f"{page}.py",
                    label=f"**{title}**",
                    icon=":material/arrow_forward:",
                    query_params={f"{page}_{k}": str(v) for k, v in state.items()},
                )
                st.markdown(text)

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
MEASURED = seeds.measured((*found.detectors, *found.seed_replicates))


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
    if found.wavers:
        wavers = ", ".join(
            f"{TITLES[n]} ({before:.3f} → {after:.3f})"
            for n, (before, after) in found.wavers.items()
        )
        text += f"; **on {wavers} another seed says the opposite**"
    return text + "."


def unlike(rows: list[DetectorRow]) -> str:
    """In what the training of the models of the second table differs, if it does, by their cards."""
    cards = [row.card for row in (*first, *rows) if row.card is not None]
    facts = {}
    for card in cards:
        steps = f", {card.config['steps']} flow steps a scale" if "steps" in card.config else ""
        facts[card.name] = f"{card.training.minutes:g} minutes{steps}"
    text = "Their other parts stand in their cards."
    if len(set(facts.values())) > 1:
        listed = "; ".join(f"{name} {fact}" for name, fact in facts.items())
        more = "One that had less may be worse for that alone."
        text = f"Not alike in training: {listed}. {more} {text}"
    return text


def luck_of(row: DetectorRow) -> str:
    """Where other seeds of a model contradict what its table says; "" if they do not."""
    assert row.card is not None
    by_set = {name: luck(row.card, name, MEASURED) for name in TITLES}
    return seeds.warnings(by_set, row.part_titles, TITLES)


def against_ablation(stem: str, auroc: float) -> str:
    """Why the ablation of a method has another figure for it than its shipped models have."""
    try:
        result = read_study(stem) if stem == "outskirts" else None
    except StudyMissing:
        return ""
    source = str(scenario.normal.source)
    if result is None or source not in result.data:
        return ""
    mean = result.row(result.reference, source).value
    if f"{mean:.3f}" == f"{auroc:.3f}":
        return ""
    return (
        f" The ablation on the page Outskirts says {mean:.3f} of the same method: it trains "
        "each class anew with settings of its own; these are the shipped weights."
    )


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
        "that is the detector's score: the method's own, or chosen on damaged normal images, without a "
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
    if doubt := luck_of(row):
        st.markdown(doubt)
    corrected = corrections(row, MEASURED)
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
        table(rows, "AUROC of the score of every other model, and of flows' likelihoods and ratios")
        st.caption(unlike(rest))
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
        draw.chart(
            figures.intervals(scores, marked=scenario.normal.title),
            key=f"overview_classes_{stem}",
            name=f"{scenario.family}-{stem}-classes",
            alt=f"AUROC of {row.title} with each class in turn as the normal one, with intervals",
        )
        mean = by_class.means.get(stem)
        if mean is not None:
            st.markdown(
                f"**{row.title}**: mean AUROC over {mean.models} classes **{mean.auroc:.3f}** "
                f"({draw.interval(mean, dash=draw.DASH)}), each against all others. The class that is "
                "chosen in the sidebar is the orange diamond." + against_ablation(stem, mean.auroc)
            )
st.page_link("cards.py", label="Every model's card: data, training, deviations, limits")

st.subheader("What is normal, and what is strange")
with st.grid(min_column_width=300):
    for image_set in scenario.sets:
        with st.container():
            st.markdown(f"**{image_set.title}** ({image_set.role})")
            st.image(
                draw.strip(found.examples[image_set.name]),
                output_format="PNG",
                width="stretch",
                alt=f"The first images of the set {image_set.title}",
            )
            st.caption(f"{image_set.text} Licence: {image_set.licence}.")
