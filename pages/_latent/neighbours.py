"""One image on the map: its neighbours in the latent space, and what every detector says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import streamlit as st

from core.service import (
    AcrossQuery,
    DetectorRow,
    ImageQuery,
    LatentMap,
    Near,
    NearQuery,
    Target,
)
from pages._shared import draw
from pages._shared.ask import ask
from pages._shared.controls import in_words
from pages._shared.picker import TYPES
from pages._shared.text import plain

__all__ = ["drop_upload", "inspect", "neighbours", "pick", "place", "verdicts"]


def inspect(set_name: str, index: int) -> None:
    """Look at this image next."""
    st.session_state["latent_image"] = f"{set_name}#{index}"
    drop_upload()


def drop_upload() -> None:
    """A new key makes an empty uploader: whoever picks an image wants to see that one."""
    st.session_state["latent_uploads"] = st.session_state.get("latent_uploads", 0) + 1


def pick(target: Target, sets: Sequence[str]) -> tuple[ImageQuery, bytes | None] | None:
    """The controls that name an image; None, with clear words, if they name none."""
    text = st.text_input(
        "Image",
        key="latent_image",
        placeholder=f"{sets[0]}#0",
        help=f"Set and number, such as {sets[-1]}#12. A click on a point, or on a picture below, "
        "writes it here.",
        on_change=drop_upload,
        bind="query-params",
        persist_state="session",
    )
    with st.popover("or one of your own", icon=":material/upload:", width="stretch"):
        own = st.file_uploader(
            "An image from your disk",
            type=TYPES,
            key=f"latent_upload_{st.session_state.get('latent_uploads', 0)}",
        )
    if own is not None:
        data = own.getvalue()
        return ImageQuery(target, own.name, None), data
    query = _named(target, text or "", sets)
    return None if query is None else (query, None)


def place(query: ImageQuery, layout: str, data: bytes | None) -> Near | None:
    """Where the image lies on a map, and its neighbours; None, with clear words, if nowhere."""
    with in_words():
        return ask(NearQuery(query, layout), data)
    return None


def _named(target: Target, text: str, sets: Sequence[str]) -> ImageQuery | None:
    set_name, mark, index = text.strip().partition("#")
    if not set_name and not mark:
        st.caption("Click a point, or name an image, to see its neighbours.")
        return None
    if set_name not in sets or not (index.isascii() and index.isdigit() and len(index) < 9):
        st.warning(
            f"There is no image “{plain(text)}” here: write a set and a number, such as {sets[0]}#0. "
            f"Sets: {', '.join(map(plain, sets))}."
        )
        return None
    return ImageQuery(target, set_name, int(index))


def neighbours(
    near: Near, view: LatentMap, images: Callable[[np.ndarray], np.ndarray], layout: str
) -> None:
    """The image, and the nearest of the map in the latent space, with marks where they misplace."""
    left, right = st.columns([1, 2], gap="small")
    left.image(
        draw.enlarge(near.image, 120),
        output_format="PNG",
        alt=f"The image {near.id} {near.label}, as the detector sees it",
    )
    far = int(near.misplaced.sum())
    right.markdown(f"**{plain(near.id)}** {plain(near.label)}")
    if near.local is not None:
        right.markdown(
            f"Of what lies around it on the map, trustworthiness {near.local:.2f} is near."
        )
    right.markdown(
        f"**The map puts {far} of its {len(near.rows)} true neighbours elsewhere** (◇, dashed)."
        if far
        else "All its true neighbours are near on the map."
    )
    if near.row is None:
        st.caption(_how_well(view, layout))
    for note in near.notes:
        st.caption(plain(note))
    st.markdown(f"**Nearest in the latent space**, of {len(view.keys):,} images")
    pictures = images(near.rows)
    with st.grid(min_column_width=46, gap="xsmall"):
        for i, row in enumerate(near.rows):
            with st.container(gap=None):
                st.image(
                    draw.enlarge(pictures[i], 60),
                    output_format="PNG",
                    alt=f"Neighbour {i + 1}: {view.id(row)} {view.labels[row]}, distance "
                    f"{near.distances[i]:.2f}, place {near.places[i]} on the map",
                )
                st.button(
                    f"{near.distances[i]:.1f}{' ◇' if near.misplaced[i] else ''}",
                    key=f"latent_near_{i}",
                    type="tertiary",
                    on_click=inspect,
                    args=(view.sets[view.which[row]], int(view.indices[row])),
                    help=f"{plain(view.id(row))} {plain(view.labels[row])}. Distance {near.distances[i]:.2f}. On the "
                    f"map, {near.places[i] - 1:,} images lie nearer.",
                )
    st.caption(
        "Euclidean distances between codes. ◇: on the map over 5 % of all images lie nearer."
    )


def _how_well(view: LatentMap, layout: str) -> str:
    """How far to believe a place that was found without laying out anew."""
    found = view.landing
    text = (
        "Not one of the map's own images: placed at the mean of its neighbours, without a new layout. "
        "When images of the map are placed like this, then for half of the normal ones at most "
        f"{found.normal:.1%} of the map lies nearer than their own place (strange ones: "
        f"{found.strange:.1%}). "
    )
    if found.normal_trust == found.normal_trust:
        text += (
            f"Normal images that {layout} never saw land with a trustworthiness of "
            f"{found.normal_trust:.2f}"
            + (
                f", strange ones with {found.strange_trust:.2f}. "
                if found.strange_trust == found.strange_trust
                else ". "
            )
        )
    return text + f"Neighbours come from a shortlist that holds {view.recall:.0%} of the true ones."


def verdicts(
    near: Near,
    asked: tuple[ImageQuery, bytes | None],
    models: Mapping[str, DetectorRow],
    scenario: str,
) -> None:
    """Every detector's score of an image, of the scenario or the visitor's own."""
    keys = () if near.key is None else (near.key,)
    query = AcrossQuery(scenario, tuple(models), keys)
    found = ask(query, asked[1])
    rows = [
        {
            f"{plain(near.id)} under": row.title,
            "percentile": f"{found.percentiles[m][0]:.1f}",
            "": ":orange[▲ flagged]" if found.flagged[m][0] else "let pass",
            "score": f"{found.scores[m][0]:.3f} {found.units[m]}",
        }
        for m, row in models.items()
    ]
    st.table(
        pd.DataFrame(rows),
        border="horizontal",
        hide_index=True,
        alt=f"Score of {near.id} under every model",
    )
    st.caption("Percentile: share of held-out normal images that score lower.")
