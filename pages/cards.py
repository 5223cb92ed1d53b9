"""Model cards: what was trained on what, with which deviations and limits."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from core.service import DetectorRow, OutskirtsError, OverviewQuery, Target, flagged_above, luck
from pages._shared import draw, seeds
from pages._shared.ask import ask

VIEWS = ("Card", "Seeds")
TRY = {  # label: model, what of it is shown
    "Which seed, which luck?": ("glow", "Seeds"),
    "A model that never learned garments": ("glow.general", "Card"),
    "A flow that cannot see objects": ("glow.patches", "Card"),
}

overview = ask(OverviewQuery(st.session_state["world"]))
scenario = overview.scenario
rows = {row.name: row for row in (*overview.detectors, *overview.seed_replicates)}


def show(name: str, view: str) -> None:
    st.session_state["cards_model"] = name
    st.session_state["cards_view"] = view


st.title("Model cards")
st.markdown("What was trained on what, with which deviations and limits?")
if not rows:
    st.info(f"{scenario.title} trains no model.", icon=":material/info:")
    st.stop()
with st.container(horizontal=True, vertical_alignment="center"):
    st.markdown("Try this:", width="content")
    for label, (name, view) in TRY.items():
        if name in rows:
            st.button(label, key=f"cards_try_{name}", on_click=show, args=(name, view))


def listed() -> None:
    """One line a checkpoint."""
    table = [
        {
            "checkpoint": name,
            "model": row.title,
            "score": row.part_titles[row.card.score.part],
            "parameters": f"{row.card.weights.parameters:,}",
            "minutes": f"{row.card.training.minutes:g}",
            "images seen": f"{row.card.training.images:,}",
            "test evaluations": str(row.card.training.test_evaluations),
            "MB": f"{row.card.weights.bytes / 1e6:.1f}",
        }
        for name, row in rows.items()
        if row.card is not None
    ]
    st.dataframe(pd.DataFrame(table), hide_index=True, alt="Every checkpoint of this scenario")
    st.caption(
        "Images seen: training images shown, each counted as often as it was shown. Looks: how often "
        "the checkpoint was measured on the strange sets. None of them chose its score; where looking at "
        "one led to a setting, the card's deviations say so."
    )


def settings(config: Mapping[str, object]) -> str:
    """The config that the card stores, but for what is not in use."""
    return ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in config.items() if v not in ("", 0.0))


def threshold(row: DetectorRow) -> str:
    """Where the score is flagged, in the unit of all pages."""
    assert row.card is not None
    try:
        value, unit = flagged_above(Target.of(scenario.name, row.name))
    except OutskirtsError:  # the card may stand without good weights: then in its own unit
        value, unit = row.card.score.threshold, row.card.score.unit
    return f"{value:.4g} {unit}"


def show_card(row: DetectorRow) -> None:
    card = row.card
    assert card is not None
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("#### Data")
        d = card.data
        st.markdown(
            f"- Learned from {d.images:,} images: {d.name}.\n"
            f"- Calibrated on {d.calibration:,} normal images held out of training (split seed "
            f"{d.split_seed}).\n"
            f"- Licence of the images: {d.licence}.\n"
            f"- sha256 of their pixels: `{d.sha256[:16]}…`"
        )
        if card.auxiliary_models:
            others = ", ".join(f"{scenario.family}/{name}" for name in card.auxiliary_models)
            st.markdown(f"- Asks {others} while it scores.")
        if card.config.get("starts_from"):
            st.markdown(
                f"- Started from the weights of {scenario.family}/{card.config['starts_from']}."
            )
    with right:
        st.markdown("#### Training")
        t = card.training
        st.markdown(
            f"- {t.minutes:g} minutes; the {t.fixed} were fixed beforehand, the last weights are "
            "kept.\n"
            f"- {t.images:,} images in {t.steps:,} steps of {t.batch_size}, {t.images_per_second:g} a "
            f"second; {t.skipped_steps} steps skipped, resumed {t.resumed} times.\n"
            f"- Seed {t.seed}; phases: {', '.join(t.phases)}.\n"
            f"- {t.processor}; torch {t.torch}.\n"
            f"- Settings: {settings(card.config)}.\n"
            f"- {card.weights.parameters:,} parameters, {card.weights.bytes / 1e6:.1f} MB."
        )
    st.markdown("#### Score")
    s = card.score
    st.markdown(
        f"**{row.part_titles[s.part]}**; {s.direction}. Flagged above {threshold(row)}: "
        f"the {s.threshold_rule}. {s.why}"
    )
    with st.expander("AUROC of every part on the synthetic faults that chose the score"):
        st.dataframe(
            pd.DataFrame(card.validation).T.rename(columns=row.part_titles),
            alt="AUROC of every part on each synthetic fault",
        )
    show_metrics(row)
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("#### Where it leaves the paper")
        st.markdown("\n".join(f"- {line}" for line in card.deviations))
    with right:
        st.markdown("#### Limits")
        st.markdown("\n".join(f"- {line}" for line in card.limits))
        st.markdown("#### Licence")
        st.markdown(f"{card.licence}.")
    st.markdown("#### Paper")
    paper = card.paper
    st.markdown(f"{paper['authors']} ({paper['year']}). [{paper['title']}]({paper['url']}).")
    st.code(paper["bibtex"], language="bibtex")
    st.download_button(
        "This card (JSON)",
        card.model_dump_json(indent=1),
        file_name=f"{scenario.family}-{row.name}.json",
        mime="application/json",
        on_click="ignore",
        icon=":material/download:",
    )


def show_metrics(row: DetectorRow) -> None:
    card = row.card
    assert card is not None
    st.markdown("#### How good it is")
    table = []
    for image_set in scenario.strange:
        for part, m in card.metrics[image_set.name].items():
            found = {
                "strange set": image_set.title,
                "part": row.part_titles[part] + (" ★" if part == card.score.part else ""),
                "AUROC": m.auroc,
                "95 % interval": draw.interval(m),
                "AUPR": m.aupr,
                "FPR at 95 % TPR": m.fpr95,
                "images": f"{m.n_normal:,} / {m.n_strange:,}",
            }
            if card.seeds is not None:
                values = card.seeds.auroc[image_set.name].get(part)
                found["seeds"] = " ".join(f"{v:.3f}" for v in values) if values else "–"
            table.append(found)
    st.dataframe(
        pd.DataFrame(table),
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="%.3f")
            for name in ("AUROC", "AUPR", "FPR at 95 % TPR")
        },
        alt="AUROC, AUPR and FPR of every part on every strange set",
    )
    figures = "".join(f" {k.replace('_', ' ')} {v:.3f};" for k, v in card.figures.items())
    st.caption(
        "★ the score. Intervals: 1,000 stratified bootstraps; they cover test images, not training "
        f"seeds. Measured on the strange sets {card.training.test_evaluations} times. Normal test images:"
        f"{figures.rstrip(';')}."
        + (
            f" Seeds: AUROC of {', '.join(card.seeds.models)}: {card.seeds.text}."
            if card.seeds is not None
            else ""
        )
    )


def show_seeds(row: DetectorRow) -> None:
    """What other seeds of the same training make of this model's figures."""
    card = row.card
    assert card is not None
    if card.seeds is None:
        has = [r.title for r in rows.values() if r.card is not None and r.card.seeds is not None]
        more = f" They were of {', '.join(has)}." if has else ""
        st.info(f"Other seeds of this training were not measured.{more}", icon=":material/info:")
        return
    strange = st.segmented_control(
        "Strange set",
        list(card.seeds.auroc),
        default=next(iter(card.seeds.auroc)),
        required=True,
        key="cards_strange",
        format_func=lambda name: TITLES[name],
        bind="query-params",
        persist_state="session",
    )
    found = luck(card, strange, seeds.measured(rows.values()))
    for one in found:
        if one.part == card.score.part:
            st.markdown(seeds.said(one, f"The score, {row.part_titles[one.part]},", of(strange)))
    draw.chart(
        seeds.figure(found, row.part_titles, row.name),
        key="cards_seeds",
        name=f"{scenario.family}-{row.name}-seeds",
        alt="AUROC of every part of this model, and of the same training from each other seed",
    )
    rest = seeds.warnings({strange: found}, row.part_titles, {strange: of(strange)})
    st.markdown(rest or "No part is fooled from one seed and not from another here.")
    st.caption(
        f"{card.seeds.text}: {', '.join(card.seeds.models)}. A point is one training; the intervals "
        "in the card cover test images alone."
    )


def of(strange: str) -> str:
    return TITLES[strange].lower()


TITLES = {s.name: s.title for s in scenario.strange}
chosen = st.selectbox(
    "Checkpoint",
    list(rows),
    key="cards_model",
    bind="query-params",
    persist_state="session",
    help="DETECTOR, or DETECTOR.MODEL: the names that the command line uses.",
)
row = rows[chosen]
if row.card is None:
    st.error(row.missing, icon=":material/error:")
else:
    st.subheader(f"{row.title}, {scenario.family}/{row.name}")
    st.markdown(row.text)
    card_tab, seeds_tab = st.tabs(list(VIEWS), key="cards_view", bind="query-params")
    with card_tab:
        if card_tab.open:
            show_card(row)
    with seeds_tab:
        if seeds_tab.open:
            show_seeds(row)
st.subheader("All checkpoints")
listed()
