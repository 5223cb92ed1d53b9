"""What the page Mirror gives away; made when asked for, in a thread that draws nothing."""

from __future__ import annotations

import numpy as np

from core import service
from core.service import Mirror, MirrorRay, Target
from pages._shared import draw
from pages._shared.ask import csv_of

__all__ = ["numbers_csv", "pair_png", "ray_csv", "ray_png", "table_csv"]


def pair_png(view: Mirror) -> bytes:
    """The image and its mirror, side by side."""
    return draw.png([draw.strip(np.stack([view.image, view.mirror]), 448)])


def numbers_csv(view: Mirror) -> bytes:
    """One row a part of one image: value in the unit of pages, and percentile."""
    parts = list(view.parts)
    return csv_of(
        {
            "image": np.array([view.id] * len(parts)),
            "part": np.array(parts),
            "value": np.array([view.displayed[part] for part in parts]),
            "unit": np.array([view.units[part] for part in parts]),
            "percentile": np.array([view.percentiles[part] for part in parts]),
        }
    )


def ray_png(walked: MirrorRay) -> bytes:
    """The decoded pictures, from the origin outward."""
    return draw.png([draw.strip(walked.images)])


def ray_csv(walked: MirrorRay) -> bytes:
    """One row a step: factor, length of the code, score, percentiles, whether it is flagged."""
    return csv_of(
        {
            "factor": walked.factors,
            "length of the code": walked.norms,
            f"{walked.score} ({walked.unit})": walked.scores,
            f"{walked.score} percentile": walked.percentiles,
            f"{service.DISTANCE} percentile": walked.distances,
            "flagged": walked.flagged.astype(int),
        }
    )


def table_csv(target: Target, sets: tuple[str, ...]) -> bytes:
    """One row a reference image: id, set, label and every part as the page shows it."""
    return csv_of(service.display_table(target, sets))
