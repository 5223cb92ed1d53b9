"""What the page Outskirts gives away; made when asked for, in a thread that draws nothing."""

from __future__ import annotations

import io

import numpy as np

from core import service
from core.service import DrawsQuery, PlaneQuery, RayScoresQuery
from pages._shared.ask import csv_of

__all__ = ["draws_npz", "ray_csv"]


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
        training_images_rebuilt=np.array(of.rebuilt),
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
    """One row a step of a ray, and one for the training image, if it ships: what every model says."""
    walked, found = service.ask(query.ray), service.ask(query)
    real, none = ([], []) if walked.real is None else (["training image"], [""])
    stem = query.ray.target.stem
    columns: dict[str, np.ndarray] = {
        "image": np.array([*["decoded"] * len(walked.kappas), *real]),
        "kappa": np.array([*[f"{k:g}" for k in walked.kappas], *none]),
        f"code under {stem} (logit)": np.array([*walked.logit.tolist(), *none]),
        f"code under {stem} percentile": np.array([*walked.percentiles.tolist(), *none]),
    }
    for model, unit in found.units.items():
        scores, places = found.scores[model], found.percentiles[model]
        columns[f"{model} ({unit})"] = np.append(
            scores, [v for m, v in found.real_scores.items() if m == model]
        )
        columns[f"{model} percentile"] = np.append(
            places, [v for m, v in found.real_percentiles.items() if m == model]
        )
    return csv_of(columns)
