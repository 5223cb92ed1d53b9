"""The one door for pages and the command line: frozen queries in, frozen numpy answers out."""

from __future__ import annotations

from core.answers.images import (
    ORDERS,
    Gallery,
    GalleryQuery,
    ImageQuery,
    ImageView,
    gallery,
    image,
    per_image_table,
)
from core.answers.latent import (
    Across,
    AcrossQuery,
    LatentMap,
    LatentQuery,
    Near,
    NearQuery,
    across,
    keys_of_ids,
    latent,
    near,
    pictures_of,
)
from core.answers.likelihoods import Likelihoods, LikelihoodsQuery, PartView, likelihoods
from core.answers.loaded import Target, forget, parse_target, version
from core.answers.models import (
    Drawn,
    Pair,
    PairQuery,
    Resampled,
    ResampleQuery,
    SamplesQuery,
    pair,
    resample,
    samples,
)
from core.answers.overview import (
    Correction,
    DetectorRow,
    Overview,
    corrections,
    overview,
    scenarios,
    warm_up,
)
from core.answers.scoring import Evaluation, Scored, evaluate, score
from core.errors import OutskirtsError
from core.evaluate.metrics import Metrics

__all__ = [
    "ORDERS",
    "Across",
    "AcrossQuery",
    "Correction",
    "DetectorRow",
    "Drawn",
    "Evaluation",
    "Gallery",
    "GalleryQuery",
    "ImageQuery",
    "ImageView",
    "LatentMap",
    "LatentQuery",
    "Likelihoods",
    "LikelihoodsQuery",
    "Metrics",
    "Near",
    "NearQuery",
    "OutskirtsError",
    "Overview",
    "Pair",
    "PairQuery",
    "PartView",
    "ResampleQuery",
    "Resampled",
    "SamplesQuery",
    "Scored",
    "Target",
    "across",
    "corrections",
    "evaluate",
    "forget",
    "gallery",
    "image",
    "keys_of_ids",
    "latent",
    "likelihoods",
    "near",
    "overview",
    "pair",
    "parse_target",
    "per_image_table",
    "pictures_of",
    "resample",
    "samples",
    "scenarios",
    "score",
    "version",
    "warm_up",
]
