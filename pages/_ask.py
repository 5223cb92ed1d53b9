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
    Draws,
    DrawsQuery,
    Field,
    FieldQuery,
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
    Plane,
    PlaneQuery,
    Ray,
    RayQuery,
    RayScores,
    RayScoresQuery,
    Resampled,
    ResampleQuery,
    SamplesQuery,
    Target,
)

__all__ = [
    "across",
    "classes",
    "csv_of",
    "draws",
    "draws_npz",
    "field",
    "gallery",
    "image",
    "latent",
    "likelihoods",
    "near",
    "overview",
    "pair",
    "pair_csv",
    "plane",
    "ray",
    "ray_csv",
    "ray_scores",
    "resample",
    "samples",
    "table_csv",
]


def overview(scenario: str) -> Overview:
    return _overview(scenario, service.version(scenario))


def classes(scenario: str) -> Classes | None:
    return _classes(scenario, service.version(scenario))


def likelihoods(query: LikelihoodsQuery) -> Likelihoods:
    return _likelihoods(query, service.version(query.target))


def image(query: ImageQuery, data: bytes | None = None) -> ImageView:
    return _image(query, service.version(query.target), data)


def gallery(query: GalleryQuery) -> Gallery:
    return _gallery(query, service.version(query.target))


def pair(query: PairQuery) -> Pair:
    return _pair(query, service.version(query.across.scenario))


def resample(query: ResampleQuery, data: bytes | None = None) -> Resampled:
    return _resample(query, service.version(query.image.target), data)


def latent(query: LatentQuery) -> LatentMap:
    return _latent(query, service.version(query.target))


def near(query: NearQuery, data: bytes | None = None) -> Near:
    return _near(query, service.version(query.image.target), data)


def across(query: AcrossQuery, data: bytes | None = None) -> Across:
    return _across(query, service.version(query.scenario), data)


def samples(query: SamplesQuery) -> Drawn:
    return _samples(query, service.version(query.target))


def plane(query: PlaneQuery) -> Plane:
    return _plane(query, service.version(query.target))


def field(query: FieldQuery) -> Field:
    return _field(query, service.version(query.target))


def draws(query: DrawsQuery) -> Draws:
    return _draws(query, service.version(query.target))


def ray(query: RayQuery) -> Ray:
    return _ray(query, service.version(query.target))


def ray_scores(query: RayScoresQuery) -> RayScores:
    return _ray_scores(query, service.version(query.ray.target.scenario))  # of all its models


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


@st.cache_resource(max_entries=8, show_spinner="Looking for the outermost posteriors…")
def _plane(query: PlaneQuery, version: str) -> Plane:
    return service.plane(query)  # as it is, not a copy each time: nobody changes it


@st.cache_resource(max_entries=8, show_spinner="Asking the classifiers about the whole plane…")
def _field(query: FieldQuery, version: str) -> Field:
    return service.field(query)


@st.cache_data(max_entries=64, show_spinner="Making outliers…")
def _draws(query: DrawsQuery, version: str) -> Draws:
    return service.draws(query)


@st.cache_data(max_entries=256, show_spinner="Walking outward…")
def _ray(query: RayQuery, version: str) -> Ray:
    return service.ray(query)


@st.cache_data(max_entries=256, show_spinner="Asking every detector along the ray…")
def _ray_scores(query: RayScoresQuery, version: str) -> RayScores:
    return service.ray_scores(query)


def pair_csv(query: PairQuery) -> bytes:
    """One row a reference image of both sets: id, set, label, and the part under either model."""
    return _pair_csv(query, service.version(query.across.scenario))


@st.cache_data(max_entries=4, show_spinner="Writing the table…")
def _pair_csv(query: PairQuery, version: str) -> bytes:
    return csv_of(service.pair_table(query))


def table_csv(target: Target, sets: tuple[str, ...]) -> bytes:
    """One row a reference image: id, set, label and every part as the page shows it."""
    return _table_csv(target, sets, service.version(target))


@st.cache_data(max_entries=4, show_spinner="Writing the table…")
def _table_csv(target: Target, sets: tuple[str, ...], version: str) -> bytes:
    return csv_of(service.display_table(target, sets))


def draws_npz(query: DrawsQuery) -> bytes:
    """Synthetic outliers with all that is needed to make them again."""
    found, of = draws(query), plane(PlaneQuery(query.target))
    stream = io.BytesIO()
    np.savez_compressed(
        stream,
        images=found.images,
        codes=found.codes,
        latent=found.latent,
        parents=found.parents,
        parent_images=of.images[found.parents],
        nearest=found.nearest,
        nearest_images=of.images[found.nearest],
        distances=found.distances,
        logit=found.logit,
        percentiles=found.percentiles,
        generators=found.generators,
        model=np.array(str(query.target)),
        weights_sha256=np.array(of.sha256),
        criterion=np.array(query.recipe.criterion),
        rho=np.array(query.recipe.rho),
        tau=np.array(query.recipe.tau),
        kappa=np.array(query.recipe.kappa),
        seed=np.array(query.seed),
    )
    return stream.getvalue()


def ray_csv(query: RayScoresQuery) -> bytes:
    """One row a step of a ray, and one for the training image: what every model says."""
    walked, found = ray(query.ray), ray_scores(query)
    columns: dict[str, np.ndarray] = {
        "image": np.array([*["decoded"] * len(walked.kappas), "training image"]),
        "kappa": np.array([*[f"{k:g}" for k in walked.kappas], ""]),
        f"code under {query.ray.target.stem} (logit)": np.array([*walked.logit.tolist(), ""]),
        f"code under {query.ray.target.stem} percentile": np.array(
            [*walked.percentiles.tolist(), ""]
        ),
    }
    for model, unit in found.units.items():
        scores, places = found.scores[model], found.percentiles[model]
        columns[f"{model} ({unit})"] = np.append(scores, found.real_scores[model])
        columns[f"{model} percentile"] = np.append(places, found.real_percentiles[model])
    return csv_of(columns)


def csv_of(columns: Mapping[str, np.ndarray]) -> bytes:
    """A table, column by column, as a CSV file."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))
    return text.getvalue().encode()
