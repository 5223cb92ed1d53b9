"""What the model really sees of a file, step by step; and where else to look at an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st

from core.service import (
    DetectorRow,
    Disturbed,
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
from pages._shared.controls import File, choice
from pages._shared.text import counted, plain

__all__ = ["columns", "keep_button", "nearest", "numbers", "steps", "ways_on"]

PAGES = {  # which other pages look at one image, and what they add
    "explain": ("Explain", ":material/center_focus_strong:", "Which pixels made the score."),
    "latent": ("Latent space", ":material/scatter_plot:", "Its place on the map of codes."),
    "likelihoods": ("Likelihoods", ":material/stacked_bar_chart:", "Which scale minds it."),
    "mirror": ("Mirror", ":material/compare:", "What the mirrored autoencoder rebuilds of it."),
}
NEEDS = {"likelihoods": "glow", "mirror": "ama"}  # the detector that a page is about
NEAREST = "own_near"
DISTURBED = ", disturbed"  # what follows the name of an image that sliders changed
_KEPT = "_own_kept"


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


def ways_on(subject: Subject, ready: Mapping[str, DetectorRow]) -> None:
    """Links to the pages that look at an image, and a button that chooses it: undisturbed, both."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="own_ways"):
        st.markdown("The image before any slider:", width="content")
        own = None if subject.data is None else picker.Own(subject.id, subject.data)
        notebook.pin(subject.query.target.scenario, own or subject.id, key="own")
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


def keep_button(subject: Subject, image: np.ndarray) -> None:
    """Within the part that sliders draw anew: makes the picture as it is now the visitor's own."""
    if st.session_state.pop(_KEPT, False):  # pressed: the whole page looks at another image
        st.rerun()
    if np.array_equal(image, subject.image):
        return
    st.button(
        "Keep this as my image",
        key="own_keep",
        icon=":material/push_pin:",
        on_click=_keep,
        args=(subject, image),
        help="The disturbed picture becomes your own image: other pages look at it, and the sliders "
        f"begin anew from it. {picker.PRIVATE}",
    )


def _keep(subject: Subject, image: np.ndarray) -> None:
    stem = subject.id.rpartition(".")[0] or subject.id
    name = stem if stem.endswith(DISTURBED) else f"{stem}{DISTURBED}"
    picker.keep(f"{name}.png", draw.png([image]))
    disturb_sliders.put_back()
    st.session_state["own_view"] = "one"
    st.session_state[_KEPT] = True


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
        image = overview.scenario.pictures(name).shown(index)
        pictures.append((image, f"{title}\n{label}" if label else title, title))
    st.markdown(f"**{normal} of {counted(len(sets), 'nearest image')} are normal ones.**")
    st.html(gallery.row(pictures, width=96))


def asked_of(subject: Subject, image: np.ndarray) -> tuple[ImageQuery, bytes | None]:
    """The picture as it is now, as pages ask for one: disturbed, it is a file of its own."""
    if np.array_equal(image, subject.image):
        return subject.query, subject.data
    name = f"{subject.id}{DISTURBED}"
    return replace(subject.query, set_name=name, index=None), draw.png([image])


# To take away -------------------------------------------------------------------------------------


def numbers(
    subject: Subject, found: Disturbed, *, titles: Mapping[str, str], drawn: Drawn, other: str = ""
) -> File:
    """Every detector's numbers of the picture as it is now.

    Args:
        other: the image that it is mixed with.
    """
    stem = "own" if subject.data is not None else subject.id.replace("#", "-")
    table = columns(subject, found, titles=titles, drawn=drawn, moved=_moved(other))
    return File("Its numbers (CSV)", f"{stem}-detectors.csv", partial(csv_of, table))


def _moved(other: str) -> dict[str, int | str]:
    """Each slider that is not at rest, and what else its picture depends on, for columns."""
    now = disturb_sliders.now()
    moved: dict[str, int | str] = {
        disturb_sliders.SLIDERS[name].title.lower(): value
        for name, value in now.items()
        if value != disturb_sliders.neutral(name)
    }
    if now["noise"]:
        moved["seed"] = st.session_state["seed"]
    if now["mix"] and other:
        moved["mixed with"] = other
    return moved


def columns(
    subject: Subject,
    found: Disturbed,
    *,
    titles: Mapping[str, str],
    drawn: Drawn,
    moved: Mapping[str, int | str],
) -> dict[str, np.ndarray]:
    """A row a detector: its score with the unit, percentile, threshold, verdict; what was moved."""
    models = tuple(found.raw)
    name = subject.id
    if not np.array_equal(found.image, subject.image):
        name += DISTURBED
    return {
        "image": np.array([name] * len(models)),
        "detector": np.array([titles[m] for m in models]),
        "model": np.array(models),
        "score": np.array([found.displayed[m] for m in models]),
        "unit": np.array([found.units[m] for m in models]),
        "percentile": np.array([found.percentiles[m] for m in models]),
        "threshold": np.array([drawn.of(m).displayed for m in models]),
        "flagged": np.array([int(found.raw[m] > drawn.of(m).raw) for m in models]),
        "foreign": np.array([int(found.foreign[m]) for m in models]),
        **{name: np.array([value] * len(models)) for name, value in moved.items()},
    }
