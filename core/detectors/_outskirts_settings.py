"""Which settings of Outskirts make sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.nn.outlyingness import NEAREST
from core.shape import Shape

if TYPE_CHECKING:
    from core.detectors.outskirts import Outskirts

__all__ = ["check"]

LEAST = 8  # pixels of a side: fields of fewer than two say nothing of a place


def check(config: Outskirts.Config, shape: Shape) -> None:
    """Refuse a config, or a shape of pictures for it, that makes no sense, in words.

    Raises:
        ValueError: it makes none.
    """
    if not 0 < config.rho <= 1:
        raise ValueError(f"rho is a fraction of the posteriors, above 0 and up to 1: {config.rho}")
    if config.kappa <= 0 or config.tau <= 0 or config.beta <= 0:
        raise ValueError("kappa, tau and beta must be above 0")
    sizes = (config.code, config.regions, config.hidden, config.latent, config.fuse_hidden)
    if min(*sizes, config.classifier_hidden) < 1 or config.exemplars <= NEAREST:
        raise ValueError(f"sizes must be 1 or more, and exemplars more than {NEAREST}")
    if min(shape.height, shape.width) < LEAST:
        raise ValueError(f"needs pictures of {LEAST}x{LEAST} or more, got {shape}")
