"""Whether a map points at the true place of a fault."""

from __future__ import annotations

from core.answers.explain import MapView
from core.evaluate.metrics import auroc

__all__ = ["pointing"]


def pointing(view: MapView) -> float | None:
    """AUROC of a map's pixels: chance that one of the true place lies above one beside it.

    None where no true place is known, or where it is all or nothing of the picture.

    Example:
        >>> import numpy as np
        >>> from types import SimpleNamespace
        >>> mask = np.array([[True, True], [False, False]])
        >>> pointing(SimpleNamespace(map=np.array([[3.0, 1.0], [2.0, 0.0]]), mask=mask))
        0.75
    """
    mask = view.mask
    if mask is None or mask.all() or not mask.any():
        return None
    return float(auroc(view.map[~mask], view.map[mask]))
