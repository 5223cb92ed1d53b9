"""Detectors so small that what the loop does to them can be counted by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from core.data.stream import Stream
from core.detectors import _base
from core.detectors._base import Batch, Detector, Paper, Phase, Player
from core.shape import Shape

SHAPE = Shape(1, 2, 2)


class Toy(Detector):
    """A linear map with a norm; ``declare`` makes the phases, so that each test has its own."""

    paper = Paper("", "", 2020, "", (), "")
    about = {}  # noqa: RUF012

    @dataclass(frozen=True)
    class Config(_base.Config):
        score: str = "size"
        width: int = 3

    def __init__(
        self, declare: Callable[[Toy], Sequence[Phase]], config: Toy.Config | None = None
    ) -> None:
        super().__init__(config or self.Config(), SHAPE)
        self.first = nn.Linear(4, self.config.width)
        self.norm = nn.BatchNorm1d(self.config.width)
        self.second = nn.Linear(self.config.width, 1)
        self.declare = declare

    def phases(self) -> Sequence[Phase]:
        return self.declare(self)

    def code(self, x: Tensor) -> Tensor:
        return self.norm(self.first(x.flatten(1)))

    def parts(self, x: Tensor) -> Mapping[str, Tensor]:
        return {"size": self.second(self.code(x)).square().sum(1)}

    def embed(self, x: Tensor) -> Tensor:
        return self.code(x)


def stream(n: int = 24, *, batch_size: int = 4) -> Stream:
    """Random grey 2x2 images; label i is image i."""
    images = np.random.default_rng(0).integers(0, 256, (n, *SHAPE.pixels), dtype=np.uint8)
    return Stream(images, np.ones(n, np.int8), np.arange(n), batch_size)


def sgd(lr: float = 0.1) -> Callable:
    return lambda parameters: torch.optim.SGD(parameters, lr=lr)


def error(toy: Toy) -> Callable[[Batch, torch.Generator], Mapping[str, Tensor]]:
    """Squared error, with noise from the generator as dequantisation has it."""

    def terms(batch: Batch, generator: torch.Generator) -> Mapping[str, Tensor]:
        noise = torch.rand(len(batch.x), generator=generator, device=generator.device)
        wanted = batch.x.flatten(1).sum(1) + 0.1 * noise
        return {"error": (toy.second(toy.code(batch.x))[:, 0] - wanted).square().mean()}

    return terms


def regression(toy: Toy) -> list[Phase]:
    """One phase in which one player moves everything, by Adam."""
    player = Player(
        "all",
        modules=[toy.first, toy.norm, toy.second],
        terms=error(toy),
        optimizer=lambda p: torch.optim.Adam(p, lr=0.05),
        schedule=lambda progress: 1 - progress,
        clip=1.0,
    )
    return [Phase("regress", data="train", players=[player], epochs=3)]
