"""Deep SAD: an image is strange if its code lies far from the middle of the normal ones.

An encoder learns to draw normal images to a fixed centre and to push known anomalies away from it.
An autoencoder gives it its first weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import Parameter

from core.detectors import _base
from core.detectors import _deep_sad_words as words
from core.detectors._base import Batch, Detector, Explanation, NotFitted, Paper, Part, Phase, Player
from core.nn.autoencoding import LEAST, ConvDecoder, ConvEncoder
from core.nn.bcos import linear_map
from core.nn.optimisers import cosine
from core.shape import Shape

__all__ = ["DeepSAD", "clear_of_zero"]

CLEAR = 0.1  # no number of the centre lies nearer to 0
SHORTEST = 1e-6  # is added to distances that are divided by


class DeepSAD(Detector):
    """Squared distance of a code to the centre of the normal ones.

    One part, (N,), larger = stranger:
        distance: |E(x) - c|^2, the paper's score.

    Training: an autoencoder of E and a decoder by its squared error; then c, the mean code of what
    is not known as an anomaly, kept `clear_of_zero`; then, in the mean over a batch,
        L = |E(x) - c|^2, of known anomalies eta / (|E(x) - c|^2 + 1e-6),
    with weight decay.

    References:
        Ruff et al. 2020, Deep semi-supervised anomaly detection, https://arxiv.org/abs/1906.02694,
        eq. 7 and appendix D.

    Raises:
        ValueError: settings make no sense, or pictures are smaller than 8x8.
    """

    paper: ClassVar[Paper] = words.PAPER
    about: ClassVar[Mapping[str, Part]] = words.PARTS
    compact = True

    centre: Tensor  # (D,), c

    @dataclass(frozen=True)
    class Config(_base.Config):
        """What the networks are, and how they learn.

        Attributes:
            code: numbers of a code.
            width: channels of both networks where there are fewest.
            data: images to learn from; of "train+labelled" those of kind -1 are known anomalies.
            eta: weight of known anomalies.
            first_epochs: of the autoencoder; epochs: of the encoder.
        """

        score: str = "distance"
        code: int = 32
        width: int = 15
        data: Literal["train", "train+labelled"] = "train"
        eta: float = 1.0
        learning_rate: float = 3e-3
        weight_decay: float = 1e-6
        first_epochs: float = 8.0
        epochs: float = 8.0

    def __init__(self, config: Config, shape: Shape) -> None:
        super().__init__(config, shape)
        _check(config, shape := self.seen)
        width, code = config.width, config.code
        self.encoder = ConvEncoder(shape, width=width, code=code)
        self.decoder = ConvDecoder(shape, width=width, code=code)
        self.register_buffer("centre", torch.zeros(config.code))
        self.to(memory_format=torch.channels_last)  # a fifth faster on a processor

    @property
    def limits(self) -> tuple[str, ...]:
        return (*self.sees, *words.LIMITS)

    @property
    def code(self) -> str:
        return f"{self.config.code} numbers of the encoder's code, from the centre"

    # Training -----------------------------------------------------------------------------------

    def phases(self) -> Sequence[Phase]:
        data, config = self.config.data, self.config

        def adam(parameters: Iterable[Parameter]) -> torch.optim.Optimizer:
            decay = config.weight_decay
            return torch.optim.Adam(parameters, config.learning_rate, weight_decay=decay)

        both, alone = (self.encoder, self.decoder), (self.encoder,)
        rebuilder = Player("autoencoder", both, self._rebuild, adam, schedule=cosine)
        encoder = Player("encoder", alone, self._draw_in, adam, schedule=cosine)
        return [
            Phase("autoencoder", data, [rebuilder], epochs=config.first_epochs),
            Phase("centre", data, prepare=self._find_centre),
            Phase("draw in, push away", data, [encoder], epochs=config.epochs),
            Phase("round to 16 bits", "train", prepare=self.round_weights),
        ]

    def _rebuild(self, batch: Batch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Squared error of all images, known anomalies among them, as in the authors' code."""
        rebuilt = self.decoder(self.encoder(batch.x))
        return {"reconstruction": (batch.x - rebuilt).square().flatten(1).sum(1).mean()}

    def _find_centre(self, batches: Iterable[Batch]) -> None:
        """c, of what is not known as an anomaly."""
        codes = torch.cat([self.encoder(b.x)[b.kind >= 0] for b in batches])
        self.centre.copy_(clear_of_zero(codes.mean(0)).half().float())

    def _draw_in(self, batch: Batch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """L in its two terms."""
        distance = self._distance(batch.x)
        known = batch.kind < 0
        away = self.config.eta / (distance + SHORTEST)
        return {
            "normal": torch.where(known, 0, distance).mean(),
            "known": torch.where(known, away, 0).mean(),
        }

    # From image to parts ------------------------------------------------------------------------

    def embed(self, x: Tensor) -> Tensor:
        """E(x) - c, (N, D)."""
        return self.encoder(x) - self.centre

    def _distance(self, x: Tensor) -> Tensor:
        return self.embed(x).square().sum(1)

    def parts(self, x: Tensor) -> Mapping[str, Tensor]:
        """The part (N,) of images x (N, C, H, W).

        Raises:
            NotFitted: there is no centre yet.
        """
        if not self.centre.any():
            raise NotFitted("Deep SAD needs the centre of normal training images")
        return {"distance": self._distance(x)}

    # Which pixels -------------------------------------------------------------------------------

    def explain(self, x: Tensor, part: str = "score") -> Explanation:
        """Which pixels made the distance: nothing is left over.

        With its direction held a distance is linear in the code, and that piece by piece in the
        picture: each pixel times its gradient, halved as that of a square is. The offset is what
        batch norms and centre add to a black picture.

        Raises:
            ValueError: there is no such part.
        """
        self.named(part)
        code = self.embed(x)
        held = code.detach()
        slope = linear_map(lambda x: (held * self.embed(x)).sum(1), x)
        maps = x * slope
        offset = code.square().sum(1) - maps.sum(1).sum((1, 2))
        kind = "pixel times gradient"
        return Explanation.of_channels(maps, offset, torch.zeros_like(offset), kind=kind)


def clear_of_zero(centre: Tensor) -> Tensor:
    """A centre (D,) none of whose numbers is nearer to 0 than 0.1; the signs stay.

    Of a unit whose target is 0, weights that are all 0 would do. What is 0 becomes positive.

    References:
        Ruff et al. 2020, the authors' code: `init_center_c`, eps = 0.1.

    Example:
        >>> clear_of_zero(torch.tensor([0.02, -0.02, 0.5, 0.0])).tolist()
        [0.10000000149011612, -0.10000000149011612, 0.5, 0.10000000149011612]
    """
    return torch.where(centre.abs() < CLEAR, torch.where(centre < 0, -CLEAR, CLEAR), centre)


def _check(config: DeepSAD.Config, shape: Shape) -> None:
    """Refuse settings that make no sense, in words."""
    if min(config.code, config.width) < 1 or config.learning_rate <= 0:
        raise ValueError("sizes must be 1 or more, the learning rate above 0")
    if min(config.first_epochs, config.epochs) <= 0:
        raise ValueError("epochs must be above 0")
    if min(config.eta, config.weight_decay) < 0:
        raise ValueError(f"eta and weight decay must be 0 or more, got {config.eta}")
    if min(shape.height, shape.width) < LEAST:
        raise ValueError(f"needs pictures of {LEAST}x{LEAST} or more, got {shape}")
