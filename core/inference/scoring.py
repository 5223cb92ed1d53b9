"""Parts of many images: in batches, frozen, in float32 unless asked otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch

from core.data.picture import as_tensor
from core.data.views import Images
from core.detectors._base import Detector
from core.nn.flow_layers import coupling_dtype
from core.nn.sizes import at_once

__all__ = ["BATCH", "codes_of", "figures_of", "parts_of"]

BATCH = 64  # what fits the cache: at 128 a flow takes a third longer for an image


def parts_of(
    detector: Detector,
    images: Images,
    *,
    bf16: bool = False,
    watch: Callable[[int], None] | None = None,
) -> dict[str, np.ndarray]:
    """Every part of images (N, H, W, C) uint8, each (N,) float32.

    Args:
        bf16: run a flow's coupling networks in bfloat16: faster, and off by a few nats.
        watch: told how many images are done, after each batch.

    Example:
        >>> from types import SimpleNamespace
        >>> bright = SimpleNamespace(parts=lambda x: {"mean": x.mean((1, 2, 3))})
        >>> images = np.array([0, 51, 255], np.uint8).reshape(3, 1, 1, 1)
        >>> parts_of(bright, images)["mean"].round(2).tolist()
        [0.0, 0.20000000298023224, 1.0]
    """
    pieces: dict[str, list[np.ndarray]] = {}
    size = at_once(BATCH, *images.shape[1:3])
    with torch.inference_mode(), coupling_dtype(torch.bfloat16 if bf16 else None):
        for start in range(0, len(images), size):
            batch = images[start : start + size]
            for name, values in detector.parts(as_tensor(batch)).items():
                pieces.setdefault(name, []).append(values.float().cpu().numpy())
            if watch:
                watch(start + len(batch))
    return {name: np.concatenate(values) for name, values in pieces.items()}


def codes_of(detector: Detector, images: Images) -> np.ndarray:
    """Latent codes (N, D) float32 of images (N, H, W, C) uint8; N may be 0.

    Example:
        >>> from types import SimpleNamespace
        >>> corners = SimpleNamespace(embed=lambda x: x[:, 0, 0, :1])
        >>> codes_of(corners, np.array([0, 255], np.uint8).reshape(2, 1, 1, 1)).tolist()
        [[0.0], [1.0]]
    """
    if not len(images):
        return codes_of(detector, np.zeros((1, *images.shape[1:]), np.uint8))[:0]
    size = at_once(BATCH, *images.shape[1:3])
    with torch.inference_mode():
        found = [
            detector.embed(as_tensor(images[start : start + size])).float().cpu().numpy()
            for start in range(0, len(images), size)
        ]
    return np.concatenate(found)


def figures_of(detector: Detector, parts: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Means, over images whose parts (N,) these are, of the numbers that papers report.

    Example:
        >>> from types import SimpleNamespace
        >>> halves = SimpleNamespace(figures=lambda parts: {"half": parts["total"] / 2})
        >>> figures_of(halves, {"total": np.array([1.0, 3.0])})
        {'half': 1.0}
    """
    found = detector.figures(parts)
    return {name: float(np.mean(values, dtype=np.float64)) for name, values in found.items()}
