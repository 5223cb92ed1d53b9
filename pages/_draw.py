"""How pages draw: colours, enlarged images, figures, and cached answers of the service."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core import service
from core.service import (
    Gallery,
    GalleryQuery,
    ImageQuery,
    ImageView,
    Likelihoods,
    LikelihoodsQuery,
    Overview,
    PartView,
    Target,
)

__all__ = [
    "NORMAL",
    "STRANGE",
    "contributions",
    "enlarge",
    "gallery",
    "histogram",
    "image",
    "likelihoods",
    "map_figure",
    "overview",
    "strip",
    "table_csv",
]

# Okabe and Ito's colours, which the colour-blind tell apart in both themes.
NORMAL, STRANGE = "#56B4E9", "#D55E00"
SCALES = {"scale_16": "#009E73", "scale_8": "#E69F00", "scale_4": "#CC79A7"}
SAVE = {"displaylogo": False, "toImageButtonOptions": {"format": "svg"}}


# Answers, kept by their query and by the files they come from ---------------------------------


def overview(scenario: str) -> Overview:
    return _overview(scenario, service.version(scenario))


def likelihoods(query: LikelihoodsQuery) -> Likelihoods:
    return _likelihoods(query, service.version(query.target.scenario))


def image(query: ImageQuery, data: bytes | None = None) -> ImageView:
    return _image(query, service.version(query.target.scenario), data)


def gallery(query: GalleryQuery) -> Gallery:
    return _gallery(query, service.version(query.target.scenario))


@st.cache_data(max_entries=16, show_spinner="Reading the scenario…")
def _overview(scenario: str, version: str) -> Overview:
    return service.overview(scenario)


@st.cache_data(max_entries=64, show_spinner="Loading the flow and its scores…")
def _likelihoods(query: LikelihoodsQuery, version: str) -> Likelihoods:
    return service.likelihoods(query)


@st.cache_data(max_entries=512, show_spinner="Asking the flow about this image…")
def _image(query: ImageQuery, version: str, _data: bytes | None) -> ImageView:
    return service.image(query, _data)


@st.cache_data(max_entries=256, show_spinner="Sorting images…")
def _gallery(query: GalleryQuery, version: str) -> Gallery:
    return service.gallery(query)


def table_csv(target: Target, sets: tuple[str, ...]) -> bytes:
    """One row a reference image: id, set, label and every part in its own unit."""
    return _table_csv(target, sets, service.version(target.scenario))


@st.cache_data(max_entries=4, show_spinner="Writing the table…")
def _table_csv(target: Target, sets: tuple[str, ...], version: str) -> bytes:
    columns = service.per_image_table(target, sets)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))
    return text.getvalue().encode()


# Pictures ---------------------------------------------------------------------------------------


def enlarge(image: np.ndarray, factor: int = 6) -> np.ndarray:
    """Image (H, W) with each pixel drawn factor x factor, so that browsers do not blur it."""
    return image.repeat(factor, 0).repeat(factor, 1)


def strip(images: np.ndarray, factor: int = 3) -> np.ndarray:
    """Images (N, H, W) side by side, with a thin gap."""
    gap = np.full((images.shape[1] * factor, factor), 128, np.uint8)
    pieces: list[np.ndarray] = []
    for one in images:
        pieces += [enlarge(one, factor), gap]
    return np.concatenate(pieces[:-1], axis=1)


# Figures ----------------------------------------------------------------------------------------


def _tidy(figure: go.Figure, *, height: int) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hovermode="x unified",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    )
    return figure


def histogram(part: PartView, names: tuple[str, str], *, height: int, legend: bool) -> go.Figure:
    """Share of normal and of strange images along a part."""
    figure = go.Figure()
    centres = (part.edges[1:] + part.edges[:-1]) / 2
    for name, shares, colour in zip(
        names, (part.normal, part.strange), (NORMAL, STRANGE), strict=True
    ):
        figure.add_scatter(
            x=centres,
            y=100 * shares,
            name=name,
            line={"shape": "hvh", "color": colour, "width": 1.5},
            fill="tozeroy",
            hovertemplate="%{y:.1f} %",
            showlegend=legend,
        )
    figure.update_yaxes(visible=False, rangemode="tozero")
    figure.update_xaxes(title={"text": part.unit, "standoff": 4}, nticks=6)
    return _tidy(figure, height=height)


def contributions(
    rows: Sequence[tuple[str, dict[str, float]]], titles: dict[str, str]
) -> go.Figure:
    """Stacked bars: what each scale contributes to each row's bits per dimension."""
    figure = go.Figure()
    labels = [f"{name}: {sum(shares[k] for k in titles):.2f}" for name, shares in rows]
    for scale, title in titles.items():
        values = [shares[scale] for _, shares in rows]
        figure.add_bar(
            y=labels,
            x=values,
            name=title,
            orientation="h",
            marker={"color": SCALES.get(scale)},
            text=[f"{v:.2f}" for v in values],
            textposition="inside",
            insidetextanchor="middle",
            hovertemplate="%{x:.3f}",
        )
    figure.update_layout(barmode="relative")
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(title={"text": "bits per dimension", "standoff": 4})
    _tidy(figure, height=90 + 44 * len(rows))
    return figure.update_layout(hovermode="closest")


def map_figure(values: np.ndarray, unit: str) -> go.Figure:
    """Heat map (H, W) of what each cell costs, bright = expensive."""
    figure = go.Figure(
        go.Heatmap(
            z=values,
            colorscale="Cividis",
            colorbar={"thickness": 8, "len": 0.9, "nticks": 4},
            hovertemplate="row %{y}, column %{x}: %{z:.2f} " + unit + "<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", scaleanchor="x", visible=False)
    figure.update_xaxes(visible=False, constrain="domain")
    _tidy(figure, height=220)
    return figure.update_layout(hovermode="closest")
