"""Which settings of Glow make sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.detectors.glow import Glow

__all__ = ["check"]


def check(config: Glow.Config) -> None:
    """Refuse a config whose settings make no sense.

    Raises:
        ValueError: saying which.
    """
    if min(config.steps, config.hidden, config.scales) < 1 or not 0 < config.warmup < 1:
        raise ValueError("steps, hidden and scales must be 1 or more, warmup between 0 and 1")
    if config.training_dtype not in ("float32", "bfloat16"):
        raise ValueError(f"training_dtype is no {config.training_dtype}: float32 or bfloat16")
    if config.draws < 1 or config.weight_decay < 0:
        raise ValueError("draws of noise must be 1 or more, weight_decay 0 or more")
    for share in ("mutation", "translations"):
        if not 0 <= getattr(config, share) <= 1:
            raise ValueError(f"{share} is a share, 0 to 1, got {getattr(config, share)}")
    if config.outliers == "ratio" and not config.general:
        raise ValueError("the outlier loss needs a general model")
    if config.outliers and config.data != "train":
        raise ValueError("the outlier loss is for a model of normal images")
