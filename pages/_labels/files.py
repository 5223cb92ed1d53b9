"""What the page Few labels gives away; made when asked for, in a thread that draws nothing."""

from __future__ import annotations

import numpy as np

from core import service
from core.service import Rebuilt, Target, groups_of
from pages._shared import draw
from pages._shared.ask import csv_of

__all__ = ["changed_csv", "numbers_csv", "pictures_png", "scores_csv"]


def scores_csv(target: Target) -> bytes:
    """One row a test image: id, set, label and every part as the page shows it."""
    groups = groups_of(target.world)
    sets = (groups.normal, groups.known, *groups.never)
    return csv_of(service.display_table(target, sets))


def changed_csv(before: Target, after: Target) -> bytes:
    """One row an image whose verdict changed, with both scores and percentiles."""
    return csv_of(service.changed_table(before, after))


def numbers_csv(views: tuple[Rebuilt, ...], shares: tuple[str, ...]) -> bytes:
    """One row a model and part of one image: value in the unit of pages, and percentile."""
    rows = [
        (view, share, part)
        for view, share in zip(views, shares, strict=True)
        for part in view.parts
    ]
    return csv_of(
        {
            "image": np.array([view.id for view, _, _ in rows]),
            "known anomalies, %": np.array([int(share) for _, share, _ in rows]),
            "part": np.array([part for _, _, part in rows]),
            "value": np.array([view.displayed[part] for view, _, part in rows]),
            "unit": np.array([view.units[part] for view, _, part in rows]),
            "percentile": np.array([view.percentiles[part] for view, _, part in rows]),
            "flagged": np.array([int(view.flagged) for view, _, _ in rows]),
        }
    )


def pictures_png(views: tuple[Rebuilt, ...]) -> bytes:
    """The image, and what every model rebuilds of it, side by side."""
    pictures = [views[0].image, *(view.rebuilt for view in views if view.rebuilt is not None)]
    return draw.png([draw.strip(np.stack(pictures), 224)])
