"""Does the map find the defect? Figures over all images with a true mask, and each image a point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.service import (
    MapView,
    MethodRow,
    OutskirtsError,
    Overview,
    PixelPieceQuery,
    PixelTruth,
    PixelTruthQuery,
    StoredTruthQuery,
    overlap_of,
)
from pages._explain.asked import Asked
from pages._shared import draw, picker
from pages._shared.ask import ask, csv_of
from pages._shared.controls import File, choice, downloads, in_words
from pages._shared.text import SPACE, counted, plain
from pages._shared.theme import palette

__all__ = ["figure", "has_masks", "lies_in", "say", "show", "strips_csv", "table"]

CLICKED, COMPUTED = "_explain_truth_clicked", "_explain_truth_computed"
SPREAD = 0.34  # of a strip: how far points stand apart from its middle


def lies_in(values: np.ndarray, mask: np.ndarray, *, what: str = "place") -> str:
    r"""How much of a true place the strongest pixels of a map (H, W) cover, or "".

    Example:
        >>> lies_in(np.eye(2), np.eye(2, dtype=bool)).replace(SPACE, " ")
        "The true place covers 50.0 % of the picture; 100 % of the map's strongest 50.0 % lie in it."
    """
    if (found := overlap_of(values, mask)) is None:
        return ""
    share = f"{100 * found.share:.1f}{SPACE}%"
    return (
        f"The true {what} covers {share} of the picture; {100 * found.inside:.0f}{SPACE}% of the map's "
        f"strongest {share} lie in it."
    )


def say(asked: Asked, method: MethodRow, view: MapView) -> None:
    """The sentence below the large map, where the true place is known."""
    if view.mask is None:
        return
    if words := lies_in(
        view.map, view.mask, what="defect" if asked.fault is None else "place of the fault"
    ):
        st.markdown(f"{plain(method.title)}: {words[0].lower()}{words[1:]}")


def has_masks(overview: Overview) -> bool:
    """Whether the scenario says of some strange images which pixels are."""
    return any(s.masks for s in overview.scenario.strange)


def show(asked: Asked, overview: Overview, able: Sequence[MethodRow]) -> None:
    """The section, where the scenario has masks."""
    if has_masks(overview) and able:
        st.subheader("Does the map find the defect?")
        _show(asked, overview, able)


@st.fragment
def _show(asked: Asked, overview: Overview, able: Sequence[MethodRow]) -> None:
    if st.session_state.pop(CLICKED, False):
        st.rerun()  # the maps above are to show what was clicked
    with in_words():
        titles = {m.key: m.title for m in able}
        with st.columns([1, 1.05], gap="medium")[0]:
            method = choice("Map", titles, key="explain_truth", kind="select")
        found = _found(asked, method, titles[method])
        if found is None:
            return
        if found.refusal:
            st.info(plain(found.refusal), icon=":material/info:")
            return
        _say(asked, overview, found, titles[method])


def _found(asked: Asked, method: str, title: str) -> PixelTruth | None:
    """What the card holds, or what was computed; None where it is still to be asked for."""
    assert asked.row.card is not None
    if method == "own" and asked.part == asked.row.card.score.part:
        stored = ask(StoredTruthQuery(asked.target))
        if not stored.refusal:
            return stored
    query = PixelTruthQuery(asked.target, asked.part, method, asked.baseline)
    computed = st.session_state.setdefault(COMPUTED, set())
    if query not in computed:
        st.markdown(
            f"For **{plain(title)}** of {plain(asked.part_title.lower())} no figures are stored: the maps of all images "
            "with a true mask, and of the normal ones, have to be drawn first."
        )
        if not st.button("Compute them", key="explain_truth_go", icon=":material/play_arrow:"):
            return None
        computed.add(query)
    return _computed(query)


def _computed(query: PixelTruthQuery) -> PixelTruth:
    """Piece by piece, with a bar; what is known already needs none."""
    bar = st.empty()
    number, pieces = 0, 1
    while number < pieces:
        try:
            piece = ask(PixelPieceQuery(query, number), wait="Drawing maps…")
        except OutskirtsError:
            if number:
                raise
            break  # nothing is to be drawn: the answer says why
        number, pieces = number + 1, piece.pieces
        text = f"{piece.done:,} of {counted(piece.images, 'map')} drawn"
        bar.progress(piece.done / piece.images, text=text)
    bar.empty()
    return ask(query)


def _say(asked: Asked, overview: Overview, found: PixelTruth, title: str) -> None:
    """The table, the strips, and both as files."""
    titles = {s.name: s.title for s in overview.scenario.sets}
    rows = table(found, titles)
    st.table(
        rows,
        border="horizontal",
        hide_index=True,
        alt=f"Pixel AUROC, AUPRO and best F1 of {title}, a row a set of defects",
    )
    st.caption(
        f"Over {counted(found.n_images, 'image')}; the larger a value of the map, the stranger the "
        "pixel. Pixel AUROC: all pixels of all images together. AUPRO: mean overlap with each "
        "connected defect, up to 30\u00a0% of normal pixels flagged, 0.15 is chance. Best F1: at the threshold that "
        "suits these images best, which nobody knows beforehand."
    )
    stem = f"{asked.target.scenario}-{asked.target.stem}-{asked.part}-pixels"
    drawn = figure(found, titles, looked=_looked(asked))
    draw.chart(
        drawn,
        key="explain_truth_strips",
        on_select=partial(_clicked, "explain_truth_strips"),
        selection_mode="points",
        name=stem,
        alt=f"Strips of AUPIMO of {title}, a strip a kind of defect, a point an image: "
        + "; ".join(_strip_said(titles[k], v) for k, v in found.aupimo.items()),
    )
    st.markdown(_how_to_read(found))
    downloads(
        File("Figures (CSV)", f"{stem}.csv", partial(_figures_csv, found)),
        File("AUPIMO of each image (CSV)", f"{stem}-images.csv", partial(strips_csv, found)),
    )


def _how_to_read(found: PixelTruth) -> str:
    low, high = next(iter(found.alarms.values()), (0.0, 0.0))
    return (
        "**How to read it.** AUPIMO is the share of an image's defect that is found while next to no "
        f"pixel of normal images is flagged: {low:,.1f} to {high:,.1f} pixels of all of them together, "
        "0.001 to 0.01 %. 1 is all of it, 0 is none. A line marks each kind's median. Click a point, "
        "and the maps above are of its image."
    )


def _strip_said(title: str, values: np.ndarray) -> str:
    known = values[np.isfinite(values)]
    return f"{title}, median {np.median(known):.2f}" if len(known) else f"{title}, none"


def table(found: PixelTruth, titles: Mapping[str, str]) -> dict[str, list[str]]:
    """A row a strange set with masks."""
    figures = found.figures
    return {
        "defects": [titles[name] for name in figures],
        "pixel AUROC": [f"{m.auroc:.3f}" for m in figures.values()],
        "AUPRO": [f"{m.aupro:.3f}" for m in figures.values()],
        "best F1": [f"{m.f1:.3f}" for m in figures.values()],
        "images": [f"{m.n_strange:,}" for m in figures.values()],
        "connected defects": [f"{m.regions:,}" for m in figures.values()],
    }


def _figures_csv(found: PixelTruth) -> bytes:
    figures = found.figures
    columns = {"set": np.array(list(figures))}
    for name in ("auroc", "aupro", "f1", "threshold", "n_strange", "n_normal", "regions"):
        columns[name] = np.array([getattr(m, name) for m in figures.values()])
    return csv_of(columns)


def strips_csv(found: PixelTruth) -> bytes:
    """Every image with its AUPIMO; nan where its mask is empty."""
    ids = [f"{name}#{i}" for name, values in found.aupimo.items() for i in range(len(values))]
    return csv_of({"image": np.array(ids), "aupimo": np.concatenate([*found.aupimo.values()])})


# The strips ---------------------------------------------------------------------------------------


def _looked(asked: Asked) -> tuple[str, int] | None:
    """Set and number of the image above, if it is of a set."""
    return None if asked.image.index is None else (asked.image.set_name, asked.image.index)


def _clicked(key: str) -> None:
    """A point was clicked: its image is looked at next."""
    points = st.session_state[key]["selection"]["points"]
    if named := [p["customdata"] for p in points if p.get("customdata")]:
        picker.inspect("explain", named[0][0], int(named[0][1]))
        st.session_state[CLICKED] = True


def figure(
    found: PixelTruth, titles: Mapping[str, str], *, looked: tuple[str, int] | None
) -> go.Figure:
    """A strip a kind, a point an image; the image above is a star."""
    kinds = list(found.aupimo)
    traces = [_strip(found, kind, row, titles[kind]) for row, kind in enumerate(kinds)]
    for row, kind in enumerate(kinds):
        if looked is not None and looked[0] == kind:
            traces.append(_star(found.aupimo[kind], row, looked[1]))
    medians = [
        {"type": "line", "x0": m, "x1": m, "y0": row - 0.42, "y1": row + 0.42,
         "line": {"color": palette().text, "width": 2}}
        for row, kind in enumerate(kinds)
        if np.isfinite(found.aupimo[kind]).any()
        for m in [float(np.nanmedian(found.aupimo[kind]))]
    ]  # fmt: skip
    return draw.figure(
        traces,
        height=90 + 56 * len(kinds),
        hovermode="closest",
        clickmode="event+select",
        showlegend=False,
        shapes=medians,
        xaxis={"title": {"text": "AUPIMO of an image"}, "range": [-0.03, 1.03]},
        yaxis={
            "tickvals": list(range(len(kinds))),
            "ticktext": [titles[kind] for kind in kinds],
            "range": [len(kinds) - 0.45, -0.55],
            "automargin": True,
        },
    )


def _strip(found: PixelTruth, kind: str, row: int, title: str) -> draw.Trace:
    values = found.aupimo[kind]
    rows = np.flatnonzero(np.isfinite(values))
    return {
        "type": "scatter",
        "x": values[rows],
        "y": row + _apart(len(values))[rows],
        "customdata": [[kind, int(i)] for i in rows],
        "mode": "markers",
        "name": title,
        "marker": {"color": palette().strange, "symbol": "diamond", "size": 8, "opacity": 0.6},
        "hovertemplate": f"{title} %{{customdata[1]}}: %{{x:.2f}}<extra></extra>",
    }


def _apart(n: int) -> np.ndarray:
    """Where images stand across their strip, (n,), so that few cover each other: by golden steps."""
    return SPREAD * (2 * np.modf(np.arange(n) * 0.6180339887)[0] - 1)


def _star(values: np.ndarray, row: int, index: int) -> draw.Trace:
    return {
        "type": "scatter",
        "x": [values[index]],
        "y": [row + _apart(len(values))[index]],
        "mode": "markers",
        "marker": {
            "symbol": "star",
            "size": 15,
            "color": palette().focus,
            "line": {"width": 1.5, "color": palette().background},
        },
        "hovertemplate": "the image above: %{x:.2f}<extra></extra>",
    }
