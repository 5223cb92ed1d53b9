"""What the model really sees of a file, step by step; and where else to look at an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st

from core.service import (
    Batch,
    DetectorRow,
    ImageQuery,
    LatentQuery,
    Near,
    NearQuery,
    OutskirtsError,
    Overview,
    StepsQuery,
    Target,
)
from pages._own import disturb_sliders
from pages._own.line import Drawn
from pages._own.subject import Subject
from pages._shared import draw, gallery, links, notebook, picker
from pages._shared.ask import ask, csv_of
from pages._shared.controls import File, choice, downloads
from pages._shared.text import counted, plain

__all__ = ["files", "nearest", "steps", "ways_on"]

PAGES = {  # which other pages look at one image, and what they add
    "explain": ("Explain", ":material/center_focus_strong:", "Which pixels made the score."),
    "latent": ("Latent space", ":material/scatter_plot:", "Its place on the map of codes."),
    "likelihoods": ("Likelihoods", ":material/stacked_bar_chart:", "Which scale minds it."),
    "mirror": ("Mirror", ":material/compare:", "What the mirrored autoencoder rebuilds of it."),
}
NEEDS = {"likelihoods": "glow", "mirror": "ama"}  # the detector that a page is about
NEAREST = "own_near"


def steps(overview: Overview, subject: Subject) -> None:
    """A file as it was decoded, and after each thing that was done to it, up to what models see."""
    if subject.data is None:
        return
    try:
        found = ask(StepsQuery(overview.scenario.name), subject.data)
    except OutskirtsError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    st.subheader("What the model really sees, step by step")
    pictures = []
    for i, step in enumerate(found.steps, 1):
        caption = f"{i}. {step.title}" + (f"\n{step.note}" if step.note else "")
        pictures.append((step.image, caption, f"Step {i}: {step.title}"))
    st.html(gallery.row(pictures, width=150))


# Where else ---------------------------------------------------------------------------------------


def ways_on(subject: Subject, image: np.ndarray, ready: Mapping[str, DetectorRow]) -> None:
    """Links to the pages that look at one image; a disturbed one has to be kept first."""
    same = np.array_equal(image, subject.image)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="own_ways"):
        own = None if subject.data is None else picker.Own(subject.id, subject.data)
        notebook.pin(subject.query.target.scenario, own or subject.id, key="own")
        if not same:
            st.button(
                "Keep this as my image",
                key="own_keep",
                icon=":material/push_pin:",
                on_click=_keep,
                args=(subject, image),
                help="The disturbed picture becomes your own image: the pages beside look at it, and "
                f"the sliders begin anew from it. {picker.PRIVATE}",
            )
        st.markdown("Look at it on" if same else "or look at it undisturbed on", width="content")
        for stem, (title, icon, text) in PAGES.items():
            if NEEDS.get(stem, "") not in {*(n.partition(".")[0] for n in ready), ""}:
                continue
            query = subject.query
            state = {} if query.index is None else {"image": subject.id}
            st.page_link(
                f"{stem}.py",
                label=title,
                icon=icon,
                help=text,
                query_params=links.query_of(stem, state),
            )


def _keep(subject: Subject, image: np.ndarray) -> None:
    stem = subject.id.rpartition(".")[0] or subject.id
    name = stem if stem.endswith(", disturbed") else f"{stem}, disturbed"
    picker.keep(f"{name}.png", draw.png([image]))
    disturb_sliders.put_back()
    st.session_state["own_view"] = "one"


# Neighbours ---------------------------------------------------------------------------------------


def nearest(
    overview: Overview, subject: Subject, image: np.ndarray, rows: Mapping[str, DetectorRow]
) -> None:
    """The images whose codes are nearest, of one model that has a map; when asked for."""
    st.subheader("What it is near to")
    if not st.toggle("Show its nearest images", key=NEAREST):
        st.caption("The images whose latent codes are nearest to that of the picture above.")
        return
    mapped = {name: row.title for name, row in rows.items() if row.share is None}
    if not mapped:
        st.caption("No detector that is shown has a map of codes.")
        return
    model = choice("In the latent space of", mapped, key="own_near_model", kind="select")
    query, data = asked_of(subject, image)
    try:
        target = Target.of(overview.scenario.name, model)
        found = ask(NearQuery(replace(query, target=target)), data)
    except OutskirtsError as error:
        st.warning(plain(str(error)), icon=":material/warning:")
        return
    _show_near(overview, target, found)


def _show_near(overview: Overview, target: Target, found: Near) -> None:
    view = ask(LatentQuery(target))
    titles = {s.name: s.title for s in overview.scenario.sets}
    sets = [view.sets[view.which[r]] for r in found.rows]
    normal = int((view.role[found.rows] == "normal").sum())
    pictures = []
    for row, name in zip(found.rows, sets, strict=True):
        index, label = int(view.indices[row]), view.labels[row]
        title = f"{titles[name]} {index}"
        image = overview.scenario.pictures(name).images[index]
        pictures.append((image, f"{title}\n{label}" if label else title, title))
    st.markdown(f"**{normal} of {counted(len(sets), 'nearest image')} are normal ones.**")
    st.html(gallery.row(pictures, width=96))


def asked_of(subject: Subject, image: np.ndarray) -> tuple[ImageQuery, bytes | None]:
    """The picture as it is now, as pages ask for one: disturbed, it is a file of its own."""
    if np.array_equal(image, subject.image):
        return subject.query, subject.data
    name = f"{subject.id}, disturbed"
    return replace(subject.query, set_name=name, index=None), draw.png([image])


# To take away -------------------------------------------------------------------------------------


def files(subject: Subject, batch: Batch, *, rows: Mapping[str, DetectorRow], drawn: Drawn) -> None:
    """Every detector's numbers of the picture as it is now."""
    stem = "own" if subject.data is not None else subject.id.replace("#", "-")
    table = columns(subject, batch, rows=rows, drawn=drawn, flagged=drawn.flagged(batch))
    downloads(File("Its numbers (CSV)", f"{stem}-detectors.csv", partial(csv_of, table)))


def columns(
    subject: Subject,
    batch: Batch,
    *,
    rows: Mapping[str, DetectorRow],
    drawn: Drawn,
    flagged: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """A row a detector: its score with the unit, percentile, threshold and verdict."""
    models: Sequence[str] = tuple(batch.models)
    said = [batch.models[m] for m in models]
    return {
        "image": np.array([subject.id] * len(models)),
        "detector": np.array([rows[m].title for m in models]),
        "model": np.array(models),
        "score": np.array([float(s.displayed[0]) for s in said]),
        "unit": np.array([s.unit for s in said]),
        "percentile": np.array([float(s.percentiles[0]) for s in said]),
        "threshold": np.array([drawn.of(m).displayed for m in models]),
        "flagged": np.array([int(flagged[m][0]) for m in models]),
        "foreign": np.array([int(s.foreign[0]) for s in said]),
    }
