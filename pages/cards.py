"""Model cards: what was trained on what, with which deviations and limits."""

from functools import partial

import streamlit as st

from core.service import DetectorRow, Overview, OverviewQuery
from pages._cards import details, essentials, figures, images, luck
from pages._shared import links
from pages._shared.ask import ask
from pages._shared.controls import File, choice, choose_model, downloads, heading, say_missing

VIEWS = {"card": "Card", "images": "Its images", "seeds": "Other seeds"}


def show_card(row: DetectorRow, overview: Overview, titles: dict[str, str]) -> None:
    """What everybody asks first, then all the rest."""
    card, scenario = row.card, overview.scenario
    assert card is not None
    essentials.show(row, scenario, overview.examples)
    stem = f"{scenario.family}-{row.name}"
    files = [File("This card (JSON)", f"{stem}.json", card.text)]
    if card.metrics:  # a model that those of all classes ask has none
        figures.show(row, scenario.strange)
        table = partial(figures.metrics_csv, row, scenario.strange)
        files.append(File("All its figures (CSV)", f"{stem}-figures.csv", table))
    details.show(row, scenario, titles)
    downloads(*files)


overview = ask(OverviewQuery(st.session_state["world"]))
scenario = overview.scenario
listed = (*overview.detectors, *overview.seed_replicates, *overview.shared)
rows = {row.name: row for row in listed}
titles = {name: row.title for name, row in rows.items()}
heading("cards", scenario, [name for name, row in rows.items() if row.card is not None])
if not rows:
    st.info(f"{scenario.title}: no model is to be trained here.", icon=":material/info:")
    raise links.PageEnds
left, right = st.columns([1, 1], gap="medium")
with left:
    row = rows[choose_model("Model", rows, "", "cards_model")]
with right:
    view = choice("What is shown of it", VIEWS, key="cards_view")
if row.card is None:
    say_missing(row)
elif view == "card":
    show_card(row, overview, titles)
elif view == "images":
    images.show(row, overview)
else:
    luck.show(row, scenario, rows)
st.subheader("All models")
figures.everyone(rows)
