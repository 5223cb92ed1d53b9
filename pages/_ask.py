"""What pages ask of the service, with words for whoever waits, and what they give away as files."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from functools import partial
from typing import TypeVar

import numpy as np
import streamlit as st

from core import service
from core.service import (
    DrawsQuery,
    PairQuery,
    PlaneQuery,
    Query,
    RayScoresQuery,
    Target,
)

__all__ = ["ask", "csv_of", "draws_npz", "pair_csv", "ray_csv", "table_csv"]

A = TypeVar("A")


def ask(query: Query[A], data: bytes | None = None) -> A:
    """What the service answers; who waits for it reads what is being computed."""
    return service.ask(query, data, wait=partial(st.spinner, query.wait))


# Files: made when somebody takes one away, in a thread that draws nothing ---------------------------


def pair_csv(query: PairQuery) -> bytes:
    """One row a reference image of both sets: id, set, label, and the part under either model."""
    return csv_of(service.pair_table(query))


def table_csv(target: Target, sets: tuple[str, ...]) -> bytes:
    """One row a reference image: id, set, label and every part as the page shows it."""
    return csv_of(service.display_table(target, sets))


def draws_npz(query: DrawsQuery) -> bytes:
    """Synthetic outliers with all that is needed to make them again."""
    found, of = service.ask(query), service.ask(PlaneQuery(query.target))
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
    walked, found = service.ask(query.ray), service.ask(query)
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
