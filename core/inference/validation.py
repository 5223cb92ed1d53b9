"""Which part should be the score, decided without any real anomaly.

Held-out normal images are damaged in four ways that are no strange set of any scenario; the part
that tells the damaged from the whole best, on average, is recommended. Training images would
flatter whatever remembers them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from core.data.transforms import FAULTS
from core.detectors._base import Detector
from core.evaluate.metrics import auroc
from core.inference.scoring import parts_of

__all__ = ["IMAGES", "recommend", "validate"]

IMAGES = 2000


def validate(
    detector: Detector,
    images: np.ndarray,
    *,
    seed: int,
    whole: Mapping[str, np.ndarray] | None = None,
) -> dict[str, dict[str, float]]:
    """AUROC of every part against every fault, on the first 2,000 of images (N, H, W, C) uint8.

    Args:
        detector: whose parts are compared.
        images: held out of training.
        seed: draws the faults.
        whole: parts (N,) of the images as they are, of whoever has them already.

    Raises:
        ValueError: there are fewer than two images.

    Example:
        >>> from types import SimpleNamespace
        >>> edges = SimpleNamespace(parts=lambda x: {"edges": x.diff(dim=3).abs().sum((1, 2, 3))})
        >>> images = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 1), np.uint8)
        >>> validate(edges, images, seed=0)["blur"]
        {'edges': 0.0}
    """
    images = images[:IMAGES]
    if len(images) < 2:
        raise ValueError(f"synthetic faults need two held-out images or more, got {len(images)}")
    whole = parts_of(detector, images) if whole is None else whole
    sound = {part: values[:IMAGES] for part, values in whole.items()}
    found = {}
    for i, (fault, change) in enumerate(FAULTS.items()):
        damaged = parts_of(detector, change(images, np.random.default_rng([seed, i])))
        found[fault] = {part: auroc(sound[part], damaged[part]) for part in sound}
    return found


def recommend(
    validation: Mapping[str, Mapping[str, float]], *, among: Collection[str] = ()
) -> tuple[str, str]:
    """The part with the highest mean AUROC over the faults, and the sentence that says why.

    The validation is that of `validate`: fault to part to AUROC.

    ``among`` names the parts that are a method's own score; none: any part may be.

    Example:
        >>> part, why = recommend({"blur": {"a": 0.5, "b": 0.7}, "swap": {"a": 0.8, "b": 0.8}})
        >>> part, why.partition(": ")[2].partition(". ")[0]
        ('b', 'b 0.750, a 0.650')
    """
    parts = list(next(iter(validation.values())))
    means = {p: float(np.mean([found[p] for found in validation.values()])) for p in parts}
    best = max(among or parts, key=lambda p: means[p])
    listed = ", ".join(f"{p} {means[p]:.3f}" for p in sorted(parts, key=lambda p: -means[p]))
    kinds = ", ".join(validation)
    faults = f"over {len(validation)} synthetic faults of held-out normal images ({kinds})"
    if len(among) == 1:
        why = f"It is the method's own score, whatever its mean AUROC {faults}"
    else:
        why = f"Highest mean AUROC {faults}"
    return best, f"{why}: {listed}. No strange set was looked at for this choice."
