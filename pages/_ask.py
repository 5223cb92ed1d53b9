"""What pages ask of the service, kept by the query and by the files that the answer comes from."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

import numpy as np
import streamlit as st

from core import service
from core.service import (
    Across,
    AcrossQuery,
    Classes,
    Drawn,
    Gallery,
    GalleryQuery,
    ImageQuery,
    ImageView,
    LatentMap,
    LatentQuery,
    Likelihoods,
    LikelihoodsQuery,
    Near,
    NearQuery,
    Overview,
    Pair,
    PairQuery,
    Resampled,
    ResampleQuery,
    SamplesQuery,
    Target,
)

__all__ = [
    "across",
    "classes",
    "csv_of",
    "gallery",
    "image",
    "latent",
    "likelihoods",
    "near",
    "overview",
    "pair",
    "pair_csv",
    "resample",
    "samples",
    "table_csv",
]


def overview(scenario: str) -> Overview:
    return _overview(scenario, service.version(scenario))


def classes(scenario: str) -> Classes | None:
    return _classes(scenario, service.version(scenario))


def likelihoods(query: LikelihoodsQuery) -> Likelihoods:
    return _likelihoods(query, service.version(query.target.scenario))


def image(query: ImageQuery, data: bytes | None = None) -> ImageView:
    return _image(query, service.version(query.target.scenario), data)


def gallery(query: GalleryQuery) -> Gallery:
    return _gallery(query, service.version(query.target.scenario))


def pair(query: PairQuery) -> Pair:
    return _pair(query, service.version(query.across.scenario))


def resample(query: ResampleQuery, data: bytes | None = None) -> Resampled:
    return _resample(query, service.version(query.image.target.scenario), data)


def latent(query: LatentQuery) -> LatentMap:
    return _latent(query, service.version(query.target.scenario))


def near(query: NearQuery, data: bytes | None = None) -> Near:
    return _near(query, service.version(query.image.target.scenario), data)


def across(query: AcrossQuery, data: bytes | None = None) -> Across:
    return _across(query, service.version(query.scenario), data)


def samples(query: SamplesQuery) -> Drawn:
    return _samples(query, service.version(query.target.scenario))


@st.cache_data(max_entries=16, show_spinner="Reading the scenario…")
def _overview(scenario: str, version: str) -> Overview:
    return service.overview(scenario)


@st.cache_data(max_entries=16, show_spinner="Reading every class's card…")
def _classes(scenario: str, version: str) -> Classes | None:
    return service.classes(scenario)


@st.cache_data(max_entries=64, show_spinner="Loading the flow and its scores…")
def _likelihoods(query: LikelihoodsQuery, version: str) -> Likelihoods:
    return service.likelihoods(query)


@st.cache_data(max_entries=512, show_spinner="Asking the flow about this image…")
def _image(query: ImageQuery, version: str, _data: bytes | None) -> ImageView:
    return service.image(query, _data)


@st.cache_data(max_entries=256, show_spinner="Sorting images…")
def _gallery(query: GalleryQuery, version: str) -> Gallery:
    return service.gallery(query)


@st.cache_data(max_entries=64, show_spinner="Comparing two models…")
def _pair(query: PairQuery, version: str) -> Pair:
    return service.pair(query)


@st.cache_data(max_entries=64, show_spinner="Drawing each scale anew…")
def _resample(query: ResampleQuery, version: str, _data: bytes | None) -> Resampled:
    return service.resample(query, _data)


@st.cache_data(max_entries=64, show_spinner="Letting the model draw…")
def _samples(query: SamplesQuery, version: str) -> Drawn:
    return service.samples(query)


@st.cache_resource(max_entries=16, show_spinner="Unfolding the map…")
def _latent(query: LatentQuery, version: str) -> LatentMap:
    return service.latent(query)  # as it is, not a copy each time: nobody changes it


@st.cache_data(max_entries=256, show_spinner="Looking for neighbours…")
def _near(query: NearQuery, version: str, _data: bytes | None) -> Near:
    return service.near(query, _data)


@st.cache_data(max_entries=64, show_spinner="Asking every detector…")
def _across(query: AcrossQuery, version: str, _data: bytes | None) -> Across:
    return service.across(query, _data)


def pair_csv(query: PairQuery) -> bytes:
    """One row a reference image of both sets: id, set, label, and the part under either model."""
    return _pair_csv(query, service.version(query.across.scenario))


@st.cache_data(max_entries=4, show_spinner="Writing the table…")
def _pair_csv(query: PairQuery, version: str) -> bytes:
    sets = (service.overview(query.across.scenario).scenario.normal.name, query.strange)
    tables = {t.stem: service.per_image_table(t, sets) for t in (query.across, query.up)}
    first = tables[query.across.stem]
    kept = {key: first[key] for key in ("image", "set", "label")}
    for stem, columns in tables.items():
        kept[f"{stem} {query.part} (nats)"] = columns[query.part]
    return csv_of(kept)


def table_csv(target: Target, sets: tuple[str, ...]) -> bytes:
    """One row a reference image: id, set, label and every part in its own unit."""
    return _table_csv(target, sets, service.version(target.scenario))


@st.cache_data(max_entries=4, show_spinner="Writing the table…")
def _table_csv(target: Target, sets: tuple[str, ...], version: str) -> bytes:
    return csv_of(service.per_image_table(target, sets))


def csv_of(columns: Mapping[str, np.ndarray]) -> bytes:
    """A table, column by column, as a CSV file."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))
    return text.getvalue().encode()
