"""Detectors whose score adds parts up, each standardised on held-out normal images."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from functools import reduce
from operator import add
from typing import ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor

from core.detectors._base import Detector

__all__ = ["Standardised"]

Values = TypeVar("Values", Tensor, np.ndarray)


class Standardised(Detector):
    """A detector of parts that are measured, and of parts that are sums of these.

    Attributes:
        measured: names of the parts that are measured, in the order of ``centre`` and ``scale``.
        centre, scale: their means and standard deviations over held-out normal images, (M,) each;
            a subclass registers these buffers.
    """

    measured: ClassVar[tuple[str, ...]]
    centre: Tensor
    scale: Tensor

    @abstractmethod
    def _sums(self) -> Mapping[str, tuple[str, str]]:
        """What the parts that are sums add up: see `summands`."""

    @abstractmethod
    def _measure(self, x: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
        """Some of the ``measured`` parts of images x (N, C, H, W), each (N,)."""

    def summands(self, part: str = "score") -> Mapping[str, tuple[float, float]]:
        return self._spread(self._sums().get(self.named(part), ()))

    def _spread(self, names: Iterable[str]) -> dict[str, tuple[float, float]]:
        """Mean and standard deviation of measured parts."""
        rows = {name: self.measured.index(name) for name in names}
        return {name: (float(self.centre[i]), float(self.scale[i])) for name, i in rows.items()}

    def standard_sum(self, measured: Mapping[str, Values], names: Iterable[str]) -> Values:
        """The sum of some measured parts, each in standard deviations of held-out normal images.

        Args:
            measured: (N,) each, at least those that are named; names: at least one.
        """
        spread = self._spread(names).items()
        return reduce(add, [(measured[name] - mean) / std for name, (mean, std) in spread])

    def parts(self, x: Tensor) -> Mapping[str, Tensor]:
        measured = self._measure(x, self.measured)
        return {name: self._summed(measured, name) for name in self.described}

    def part(self, x: Tensor, name: str) -> Tensor:
        return self._summed(self._measure(x, self._sums().get(name, (name,))), name)

    def _summed(self, measured: Mapping[str, Tensor], name: str) -> Tensor:
        """A part (N,), a sum or not, of those that are ``measured``."""
        if name not in self._sums():
            return measured[name]
        return self.standard_sum(measured, self._sums()[name])

    def _standardise(self, images: Iterable[Tensor]) -> None:
        """Mean and spread of every measured part, on held-out normal images (N, C, H, W) each."""
        parts = [self._measure(x, self.measured) for x in images]
        values = torch.stack([torch.cat([p[name] for p in parts]) for name in self.measured])
        self.centre.copy_(values.mean(1))
        self.scale.copy_(values.std(1).clamp_min(1e-6))
