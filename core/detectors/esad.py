"""ESAD: an image is strange if it is rebuilt badly, or if the code of its picture is long.

An encoder and a decoder rebuild what is normal; a second encoder looks at the rebuilt picture and
learns to give it a short code, near the first one's. Of known anomalies the opposite is asked: they
are to be rebuilt under noise, and their codes are to be long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from core.detectors import _base
from core.detectors import _esad_words as words
from core.detectors._base import Batch, Detector, Explanation, Paper, Part, Phase, Player
from core.nn.autoencoding import LEAST, ConvDecoder, ConvEncoder
from core.nn.bcos import linear_map
from core.nn.optimisers import cosine
from core.shape import Shape

__all__ = ["ESAD"]

SHORTEST = 1e-6  # is added to lengths that are divided by


class ESAD(Detector):
    """Squared error of a rebuilt picture, and length of the code that a second encoder gives it.

    With z = E1(x), x' = G(z), z' = E2(x'). Parts, all (N,), larger = stranger:
        sum: mean (x - x')^2 over pixels, plus |z'|: the paper's score.
        reconstruction: mean (x - x')^2 over pixels.
        norm: |z'|.

    Training:
        L = L_rec + l1 L_norm + l2 L_ass,
        L_rec = sum over pixels of (x' - x)^2, of known anomalies of (x' - noise(x))^2,
        L_norm = |z'|, of known anomalies 1 / (|z'| + 1e-6),
        L_ass = mean (z' - z)^2,
    each in the mean over the images of a batch.

    References:
        Huang et al. 2021, https://arxiv.org/abs/2012.04905; losses and score as in
        OutlierDetectionNetworks.jl.

    Raises:
        ValueError: settings make no sense, or pictures are smaller than 8x8.
    """

    paper: ClassVar[Paper] = words.PAPER
    about: ClassVar[Mapping[str, Part]] = words.PARTS
    compact = True
    candidates: ClassVar[tuple[str, ...]] = ("sum",)

    @dataclass(frozen=True)
    class Config(_base.Config):
        """What the three networks are, and how they learn.

        Attributes:
            code: numbers of a code.
            width: channels of each network where there are fewest.
            data: images to learn from; of "train+labelled" those of kind -1 are known anomalies.
            target: what known anomalies are to be rebuilt as: noise, even in [0, 1], or
                themselves under Gaussian noise.
            noise: the standard deviation of the latter.
            norm_weight, consistency_weight: l1 and l2.
            error: squared, summed or in the mean over pixels; the mean weighs next to nothing.
        """

        score: str = "sum"
        code: int = 32
        width: int = 12
        data: Literal["train", "train+labelled"] = "train"
        target: Literal["noise", "noisy"] = "noisy"
        noise: float = 0.5
        norm_weight: float = 1.0
        consistency_weight: float = 1.0
        error: Literal["summed", "mean"] = "summed"
        learning_rate: float = 3e-3
        epochs: float = 8.0

    def __init__(self, config: Config, shape: Shape) -> None:
        super().__init__(config, shape)
        _check(config, shape := self.seen)
        width, code = config.width, config.code
        self.encoder = ConvEncoder(shape, width=width, code=code)
        self.decoder = ConvDecoder(shape, width=width, code=code)
        self.second_encoder = ConvEncoder(shape, width=width, code=code)
        self.to(memory_format=torch.channels_last)  # a fifth faster on a processor

    @property
    def deviations(self) -> tuple[str, ...]:
        shown = self.config.data == "train+labelled"
        known = words.TARGETS[self.config.target] if shown else words.NONE_KNOWN
        return (*self.paper.deviations, *known)

    @property
    def limits(self) -> tuple[str, ...]:
        return (*self.sees, *words.LIMITS[self.config.data])

    @property
    def code(self) -> str:
        return f"{self.config.code} numbers of the second encoder's code"

    # Training -----------------------------------------------------------------------------------

    def phases(self) -> Sequence[Phase]:
        data, networks = self.config.data, (self.encoder, self.decoder, self.second_encoder)

        def adam(parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
            return torch.optim.Adam(parameters, self.config.learning_rate)

        player = Player("networks", networks, self._terms, adam, schedule=cosine)
        return [
            Phase("rebuild and encode", data, [player], epochs=self.config.epochs),
            Phase("round to 16 bits", "train", prepare=self.round_weights),
        ]

    def _terms(self, batch: Batch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """The three terms of L."""
        x, known = batch.x, batch.kind < 0
        z = self.encoder(x)
        rebuilt = self.decoder(z)
        second = self.second_encoder(rebuilt)
        target = torch.where(known[:, None, None, None], self._noise(x, generator), x)
        error = (rebuilt - target).square().flatten(1)
        error = error.sum(1) if self.config.error == "summed" else error.mean(1)
        length = second.norm(dim=1)
        norm = torch.where(known, 1 / (length + SHORTEST), length)
        return {
            "reconstruction": error.mean(),
            "norm": self.config.norm_weight * norm.mean(),
            "consistency": self.config.consistency_weight * (second - z).square().mean(),
        }

    def _noise(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """What known anomalies x (N, C, H, W) are to be rebuilt as, drawn by a generator."""
        if self.config.target == "noise":
            return torch.rand(x.shape, generator=generator, device=generator.device).to(x)
        noise = torch.randn(x.shape, generator=generator, device=generator.device).to(x)
        return (x + self.config.noise * noise).clamp(0, 1)

    # From image to parts ------------------------------------------------------------------------

    def reconstruct(self, x: Tensor) -> Tensor:
        """x' = G(E1(x)) of images x (N, C, H, W)."""
        return self.decoder(self.encoder(x))

    def embed(self, x: Tensor) -> Tensor:
        """z' = E2(G(E1(x))), (N, D)."""
        return self.second_encoder(self.reconstruct(x))

    def parts(self, x: Tensor) -> Mapping[str, Tensor]:
        """The parts (N,) of images x (N, C, H, W)."""
        rebuilt = self.reconstruct(x)
        second = self.second_encoder(rebuilt)
        error, length = (x - rebuilt).square().mean((1, 2, 3)), second.norm(dim=1)
        return {"sum": error + length, "reconstruction": error, "norm": length}

    # Which pixels -------------------------------------------------------------------------------

    def explain(self, x: Tensor, part: str = "score") -> Explanation:
        """Which pixels made a part: nothing is left over.

        A squared error belongs to its pixel. Of a length it is each pixel of the rebuilt picture
        times its gradient: the second encoder is linear piece by piece, and the offset is what its
        batch norms add to a black picture.

        Raises:
            ValueError: there is no such part.
        """
        part = self.named(part)
        rebuilt = self.reconstruct(x)
        error = (x - rebuilt).square() / x[0].numel()
        if part == "reconstruction":
            none = x.new_zeros(len(x))
            return Explanation.of_channels(error, none, none, kind=words.KINDS[part])

        def length(rebuilt: Tensor) -> Tensor:
            return self.second_encoder(rebuilt).norm(dim=1)

        maps = rebuilt * linear_map(length, rebuilt)
        offset = length(rebuilt) - maps.sum(1).sum((1, 2))
        if part == "sum":
            maps = maps + error
        kind = words.KINDS[part]
        return Explanation.of_channels(maps, offset, torch.zeros_like(offset), kind=kind)


def _check(config: ESAD.Config, shape: Shape) -> None:
    """Refuse settings that make no sense, in words."""
    if min(config.code, config.width) < 1 or config.epochs <= 0 or config.learning_rate <= 0:
        raise ValueError("sizes must be 1 or more, epochs and learning rate above 0")
    weights = config.norm_weight, config.consistency_weight, config.noise
    if min(weights) < 0:
        raise ValueError(f"weights and noise must be 0 or more, got {weights}")
    if min(shape.height, shape.width) < LEAST:
        raise ValueError(f"needs pictures of {LEAST}x{LEAST} or more, got {shape}")
