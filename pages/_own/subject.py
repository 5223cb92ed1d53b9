"""What is looked at: a reference image, one of the visitor's own, or a drawing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.service import (
    DetectorRow,
    GalleryQuery,
    ImageQuery,
    OutskirtsError,
    Overview,
    PictureQuery,
    Shape,
    Target,
)
from pages._own import canvas
from pages._shared import picker
from pages._shared.ask import ask
from pages._shared.text import plain

__all__ = ["DRAWN", "Subject", "choose", "drawing", "read"]

DRAWN = "drawing.png"  # the name of what the visitor drew
_LOOKED = "_own_drawing_looked"  # the drawing of a shape, as it was in the run before
LAID_OUT = """<style>
.st-key-own_pick { flex-flow: row wrap; align-items: end; gap: .5rem 1rem; }
.st-key-own_pick > * { width: auto !important; }
.st-key-own_pick > [data-testid=stLayoutWrapper]:has([data-testid=stColumn]) { flex: 0 1 24rem; }
</style>"""  # the controls of an image in one row, where there is room


@dataclass(frozen=True)
class Subject:
    """An image that is looked at, as it is before anything is done to it.

    Attributes:
        id: SET#INDEX, or the name of the visitor's file; title: what pages call it.
        image: (H, W, C) uint8, as detectors see it.
        data: the bytes of one of the visitor's own; None: a reference image.
        query: the image, for a model of the scenario; `dataclasses.replace` its target for another.
        notes: what was done to the visitor's file; warnings: why nothing of it is to be seen.
    """

    id: str
    title: str
    image: np.ndarray
    data: bytes | None
    query: ImageQuery
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def choose(overview: Overview, row: DetectorRow, seed: int) -> Subject | None:
    """The controls that name an image, and the image; None, with words, where there is none.

    Args:
        row: the model by whose score images are typical or worst; it is trained.
    """
    st.html(LAID_OUT)
    with st.container(key="own_pick"):
        picked = _pick(overview, _target(overview, row), row, seed)
    return read(overview, *picked)


def drawing(overview: Overview, row: DetectorRow) -> Subject | None:
    """A canvas, and what is drawn on it; None: nothing.

    What is drawn becomes the visitor's own image with each stroke: other pages look at it too. A
    drawing that is only looked at again takes no other image's place.
    """
    shape = overview.scenario.shape
    drawn = canvas.draw(shape, key="own_canvas")
    own = picker.own_image()
    looked: dict[Shape, bytes | None] = st.session_state.setdefault(_LOOKED, {})
    changed, looked[shape] = drawn != looked.get(shape), drawn
    if drawn is not None and changed:
        picker.keep(DRAWN, drawn)
    elif drawn is None and changed and own is not None and own.name == DRAWN:  # cleared
        picker.put_away()
    if drawn is None:
        return None
    if picker.own_image() != picker.Own(DRAWN, drawn):
        st.button(
            "Make it my image",
            key="own_drawn_mine",
            icon=":material/push_pin:",
            on_click=picker.keep,
            args=(DRAWN, drawn),
            help="Other pages look at the drawing then, and no longer at another image of yours.",
        )
    return read(overview, ImageQuery(_target(overview, row), DRAWN, None), drawn)


def _target(overview: Overview, row: DetectorRow) -> Target:
    return Target.of(overview.scenario.name, row.name)


def _pick(overview: Overview, target: Target, row: DetectorRow, seed: int) -> picker.Picked:
    assert row.card is not None
    part = row.card.score.part
    first = ask(GalleryQuery(target, (overview.scenario.normal.name,), part, "typical", 1))
    return picker.pick(
        "own",
        target,
        overview.scenario,
        sizes=overview.sizes,
        default=(first.sets[0], int(first.indices[0])),
        part=part,
        seed=seed,
    )


def read(overview: Overview, query: ImageQuery, data: bytes | None) -> Subject | None:
    """The image that a query means; None, with the reason, where a file is no image."""
    try:
        view = ask(PictureQuery(query), data)
    except OutskirtsError as error:
        said = plain(str(error)) if data is not None else str(error)
        st.error(f"{plain(query.set_name)}: {said}", icon=":material/error:")
        return None
    title = view.id
    if query.index is not None:
        label = f" ({view.label})" if view.label else ""
        title = f"{overview.scenario.set_named(query.set_name).title} {query.index}{label}"
    return Subject(view.id, title, view.image, data, query, view.notes, view.warnings)
