"""A detector whose every map is computed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from core.detectors._base import Config as BaseConfig
from core.detectors._base import Detector, Explanation, Paper, Part, Phase
from core.shape import Shape

SHAPE = Shape(1, 4, 4)


class Toy(Detector):
    """Scores that are linear, quadratic, of a size without a gradient, or blind to the weights."""

    paper: ClassVar[Paper] = Paper("Toy", "Nobody", 2026, "", (), "")
    about: ClassVar[Mapping[str, Part]] = {
        "line": Part("Line", "points", "5 + sum w x."),
        "square": Part("Square", "points", "sum w x^2."),
        "size": Part("Size", "pixels", "How many pixels are bright."),
        "blind": Part("Blind", "points", "sum x, whatever was learned."),
    }
    without_gradient: ClassVar[frozenset[str]] = frozenset({"size"})

    @dataclass(frozen=True)
    class Config(BaseConfig):
        score: str = "square"

    def __init__(self, config: Config | None = None, shape: Shape = SHAPE) -> None:
        super().__init__(config or self.Config(), shape)
        drawn = torch.rand(tuple(shape), generator=torch.Generator().manual_seed(3))
        self.weight = nn.Parameter(drawn - 0.3)

    def phases(self) -> Sequence[Phase]:
        return ()

    def parts(self, x: Tensor) -> Mapping[str, Tensor]:
        return {
            "line": 5 + (self.weight * x).sum((1, 2, 3)),
            "square": (self.weight * x.square()).sum((1, 2, 3)),
            "size": (x > 0.5).sum((1, 2, 3)).to(x.dtype),
            "blind": x.sum((1, 2, 3)),
        }

    def embed(self, x: Tensor) -> Tensor:
        return x.flatten(1)


class Mapped(Toy):
    """The same with a map of its own of each part."""

    def explain(self, x: Tensor, part: str = "score") -> Explanation:
        w, name = self.weight, self.config.score if part == "score" else part
        maps = {"line": w * x, "square": w * x.square(), "size": (x > 0.5).to(x.dtype), "blind": x}
        offset = x.new_full((len(x),), 5.0 if name == "line" else 0.0)
        return Explanation(maps[name].sum(1), offset, 0 * offset, kind="by hand")


def images(n: int = 3, *, shape: Shape = SHAPE, seed: int = 0) -> Tensor:
    """Images (n, C, H, W) in [0, 1]."""
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(seed))
