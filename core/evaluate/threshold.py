"""The one threshold that everything shown obeys, however it was set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from core.evaluate.calibration import at_percentile, percentile

__all__ = ["KINDS", "By", "Threshold"]

By = Literal["percentile", "alarms", "score", "cost"]
KINDS: tuple[By, ...] = get_args(By)


@dataclass(frozen=True)
class Threshold:
    """Where flagging begins: an image is flagged where its score is above, not where it is equal.

    Attributes:
        by: "percentile": every model flags above this percentile among held-out normal images.
            "alarms": above the percentile that flags this share of them. "score": above this score
            of ``model``, and every other model above the same percentile. "cost": each model where
            the images shown cost it least; the value says nothing.
        value: a percentile, 0 to 100; a share, 0 to 1; or a score, unconverted.

    Raises:
        ValueError: there is no such way to set it, the value is outside of its range or not
            finite, or a score is no model's.

    Example:
        >>> Threshold("alarms", 0.05).percentile
        95.0
        >>> stored = np.linspace(0.0, 10.0, 1001)
        >>> Threshold("score", 2.0, "glow").standing({"glow": stored})
        20.0
    """

    by: By
    value: float
    model: str = ""

    def __post_init__(self) -> None:
        if self.by not in KINDS:
            raise ValueError(f"a threshold is by one of {', '.join(KINDS)}, got {self.by!r}")
        if not np.isfinite(self.value):
            raise ValueError(f"a threshold's value must be finite, got {self.value}")
        ends = {"percentile": (0, 100), "alarms": (0, 1)}.get(self.by)
        if ends and not ends[0] <= self.value <= ends[1]:
            raise ValueError(f"{self.by} must be {ends[0]} to {ends[1]}, got {self.value}")
        if self.by == "score" and not self.model:
            raise ValueError("a threshold by score needs the model whose score it is")

    @property
    def models(self) -> tuple[str, ...]:
        """The model whose score it is, where it is one: on its numbers it hangs too."""
        return (self.model,) if self.by == "score" else ()

    @property
    def percentile(self) -> float | None:
        """The percentile that it names by itself; None where that hangs on scores."""
        if self.by == "percentile":
            return self.value
        # Rounded as percentiles are: 1 - 0.9 is not 0.1, and a score may lie between both.
        return round(100 * (1 - self.value), 6) if self.by == "alarms" else None

    def standing(self, stored: dict[str, np.ndarray]) -> float | None:
        """The percentile at which all models flag; None by cost, where each has its own.

        Args:
            stored: quantiles (1001,) of the model that it is a score of, by its name.
        """
        if self.by != "score":
            return self.percentile
        return float(percentile(np.array([self.value]), stored[self.model])[0])

    def raw(self, name: str, stored: np.ndarray, *, at: float) -> float:
        """The score above which the model of that name flags.

        Args:
            stored: its quantiles (1001,).
            at: the percentile at which all models flag, as `standing` says.
        """
        if self.by == "score" and name == self.model:
            return self.value  # beyond the calibration images, too
        return float(at_percentile(at, stored))
