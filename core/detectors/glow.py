"""Glow: how likely an image is, scale by scale.

An invertible network turns an image into three latents of 16x16, 8x8 and 4x4 cells. The log
density is the sum of what each scale contributes. Its surprise: garments' own Glow finds digits
*likelier* than garments in full, and stranger only where the coarsest scale looks.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.detectors._base import Batch, Detector, Explanation, NotFitted, Paper, Part, Phase, Player
from core.nn.flow import MultiScaleFlow, ScaleCode, coupling_dtype

__all__ = ["Glow", "bits_per_dimension", "png_bits"]

NATS_TO_BITS = 1 / math.log(2)
V = TypeVar("V", float, np.ndarray)


def bits_per_dimension(nats: V, dimensions: int, *, of: int) -> V:
    """Bits per image dimension that ``dimensions`` of ``of`` cost, from their -log density in nats.

    The density is of pixels in steps of 1/256, so each covered dimension costs 8 bits more; the
    figures of the scales sum to the figure of the image.

    Example:
        >>> round(bits_per_dimension(-3900.0, 1024, of=1024), 3)
        2.505
    """
    return nats * (NATS_TO_BITS / of) + 8 * dimensions / of


def png_bits(image: np.ndarray) -> int:
    """Size in bits of a grey image (H, W) uint8, as the IDAT chunks of its PNG at zlib level 9.

    References:
        Serra et al. 2020, Input complexity and out-of-distribution detection with likelihood-based
        generative models, https://arxiv.org/abs/1909.11480.

    Example:
        >>> png_bits(np.zeros((28, 28), np.uint8)) < 200
        True
    """
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG", compress_level=9)
    png, position, size = stream.getvalue(), 8, 0
    while position < len(png):  # chunk: length (4), type (4), data, checksum (4)
        length = int.from_bytes(png[position : position + 4], "big")
        size += length if png[position + 4 : position + 8] == b"IDAT" else 0
        position += 12 + length
    return 8 * size


class Glow(Detector):
    """Likelihood per scale under a normalising flow trained on normal images.

    Parts, all (N,), larger = stranger:
        total: -log p(x) in nats.
        scale_16, scale_8, scale_4: -lp_i in nats, what each scale contributes; they sum to total.
        complexity: bits of x under the flow minus bits of its PNG.
        typicality: how far (scale_16, scale_8, scale_4) lies from the calibration images', as a
            Mahalanobis distance: an image can be strange by costing a scale too little.

    Dequantisation noise U(0, 1/256) is added in training only; scoring takes the middle of the
    bin, x + 1/512.

    References:
        Schirrmeister, Zhou, Ball, Zhang 2020, sec. 3: lp_i = log|det flow_i| + log|det actnorm_i|
        + log N(z_i; 0, I), and log p(x) = sum of lp_i.
        Serra et al. 2020, https://arxiv.org/abs/1909.11480 (complexity).
        Nalisnick et al. 2019, https://arxiv.org/abs/1906.02994 (typicality, there of the total).
    """

    paper: ClassVar[Paper] = Paper(
        title="Understanding Anomaly Detection with Deep Invertible Networks through Hierarchies "
        "of Distributions and Features",
        authors="Robin Tibor Schirrmeister, Yuxuan Zhou, Tonio Ball, Dan Zhang",
        year=2020,
        url="https://arxiv.org/abs/2006.10848",
        deviations=(
            "16 flow steps a scale and 64 hidden channels, where the paper has 32 and 512.",
            "Images of 28x28 are padded with zeros to 32x32; the paper resizes them.",
            "Adamax at 2e-3 decaying linearly to 0 after 1 % warm-up, gradient norm clipped at 5, "
            "no weight decay; the paper has 5e-4, weight decay 5e-5 and no decay.",
            "Minutes instead of 250 epochs, no shifted images, started from random weights instead "
            "of from a general model's.",
            "Coupling networks are trained in bfloat16; latents, log-determinants and all "
            "scoring are float32.",
            "typicality, the two-sided distance of the three scales' contributions, is ours.",
            "complexity subtracts the image's PNG size (Serra et al. 2020) in place of a general "
            "model's likelihood.",
        ),
        bibtex="@inproceedings{schirrmeister2020understanding,\n"
        "  title = {Understanding Anomaly Detection with Deep Invertible Networks through "
        "Hierarchies of Distributions and Features},\n"
        "  author = {Schirrmeister, Robin Tibor and Zhou, Yuxuan and Ball, Tonio and Zhang, Dan},\n"
        "  booktitle = {Advances in Neural Information Processing Systems},\n"
        "  volume = {33},\n"
        "  year = {2020},\n"
        "  eprint = {2006.10848},\n"
        "  archivePrefix = {arXiv}\n"
        "}",
    )
    about: ClassVar[Mapping[str, Part]] = {
        "total": Part(
            "Full likelihood",
            "nats",
            shown="bits per dimension",
            text="How unlikely the whole image is. Simple pictures come out likely, whatever they "
            "show.",
        ),
        "scale_16": Part(
            "16x16 scale",
            "nats",
            shown="bits per dimension",
            text="What the finest scale contributes: edges, texture, noise.",
        ),
        "scale_8": Part(
            "8x8 scale",
            "nats",
            shown="bits per dimension",
            text="What the middle scale contributes: parts and strokes.",
        ),
        "scale_4": Part(
            "4x4 scale",
            "nats",
            shown="bits per dimension",
            text="What the coarsest scale contributes: the shape as a whole.",
        ),
        "complexity": Part(
            "Complexity-corrected",
            "bits",
            shown="bits per dimension",
            text="Bits of the image under the flow minus the size of its PNG: how much more the "
            "flow pays than a compressor that knows nothing of the normal images.",
        ),
        "typicality": Part(
            "Typicality of the scales",
            "standard deviations",
            text="How unusual the three scales' contributions are together, too cheap counted as "
            "well as too expensive.",
        ),
    }
    limits: ClassVar[tuple[str, ...]] = (
        "The full likelihood rewards simple pictures: digits, flat areas and blurred images come "
        "out likelier than the images it was trained on. Do not read `total` as strangeness.",
        "Knows grey pictures of one centred object on black, 28x28 pixels; photographs are foreign "
        "to it in every respect at once.",
        "Per-scale contributions say which scale pays, not which pixels are at fault: their maps "
        "have cells of 2, 4 and 8 pixels.",
    )

    @dataclass(frozen=True)
    class Config:
        """Size and training of the flow.

        Attributes:
            score: the part that is the score.
            border: zeros around the picture on each side; the PNG is of the picture without them.
            training_dtype: of the coupling networks, in training.
        """

        image: tuple[int, int, int] = (1, 32, 32)
        scales: int = 3
        steps: int = 16
        hidden: int = 64
        score: str = "scale_4"
        border: int = 2
        learning_rate: float = 2e-3
        warmup: float = 0.01
        clip: float = 5.0
        training_dtype: str = "bfloat16"

    mean: Tensor  # (L,), of the scales' contributions on calibration images
    precision: Tensor  # (L, L), inverse of their covariance

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if min(config.steps, config.hidden, config.scales) < 1 or not 0 < config.warmup < 1:
            raise ValueError("steps, hidden and scales must be 1 or more, warmup between 0 and 1")
        if config.training_dtype not in ("float32", "bfloat16"):
            raise ValueError(
                f"training_dtype is float32 or bfloat16, got {config.training_dtype!r}"
            )
        self.flow = MultiScaleFlow(
            config.image, scales=config.scales, steps=config.steps, hidden=config.hidden
        )
        self.dimensions = math.prod(config.image)
        self.scale_names = [f"scale_{shape[1]}" for shape in self.flow.latent_shapes()]
        self.register_buffer("mean", torch.zeros(config.scales))
        self.register_buffer("precision", torch.zeros(config.scales, config.scales))

    # Training -----------------------------------------------------------------------------------

    def phases(self) -> Sequence[Phase]:
        warmup = self.config.warmup
        player = Player(
            name="flow",
            modules=[self.flow],
            terms=self._terms,
            optimizer=lambda p: torch.optim.Adamax(p, lr=self.config.learning_rate),
            schedule=lambda progress: min(1.0, progress / warmup) * (1 - progress),
            clip=self.config.clip,
        )
        return [
            Phase("initialise", data="train", prepare=self._initialise),
            Phase("likelihood", data="train", players=[player], epochs=25),
            Phase("typicality", data="calibration", prepare=self._fit_typicality),
        ]

    def _initialise(self, batches: Iterable[Batch]) -> None:
        """Data-dependent initialisation of every ActNorm, from the first 512 images."""
        generator = torch.Generator().manual_seed(0)
        images, count = [], 0
        for batch in batches:
            images.append(batch.x)
            count += len(batch.x)
            if count >= 512:
                break
        self.flow.initialise_(_dequantise(torch.cat(images)[:512], generator))

    def _terms(self, batch: Batch, generator: torch.Generator) -> Mapping[str, Tensor]:
        with coupling_dtype(getattr(torch, self.config.training_dtype)):
            codes = self.flow(_dequantise(batch.x, generator))
        # In bits per dimension without the constant 8, one term a scale: their sum is the loss.
        unit = NATS_TO_BITS / self.dimensions / len(batch.x)
        return {
            name: -code.log_prob.sum() * unit
            for name, code in zip(self.scale_names, codes, strict=True)
        }

    def _fit_typicality(self, batches: Iterable[Batch]) -> None:
        """Mean and covariance of the scales' contributions, over the calibration images."""
        costs = torch.cat([self._costs(self.codes(batch.x)) for batch in batches]).cpu().double()
        self.mean.copy_(costs.mean(0))
        self.precision.copy_(torch.linalg.inv(torch.cov(costs.T)))

    # Scoring ------------------------------------------------------------------------------------

    def codes(self, x: Tensor) -> list[ScaleCode]:
        """Latent and log-probability of every scale, finest first, of images x (N, C, H, W)."""
        return self.flow(_centre(x))

    def parts(self, x: Tensor) -> Mapping[str, Tensor]:
        costs = self._costs(self.codes(x))  # (N, L)
        total = costs.sum(1)
        return {
            "total": total,
            **dict(zip(self.scale_names, costs.unbind(1), strict=True)),
            "complexity": self._bits(total) - self._png_bits(x),
            "typicality": self._distance(costs)[0],
        }

    @staticmethod
    def _costs(codes: Sequence[ScaleCode]) -> Tensor:
        """-lp_i of each scale in nats, (N, L)."""
        return torch.stack([-code.log_prob.sum((1, 2)) for code in codes], 1)

    def _distance(self, costs: Tensor) -> tuple[Tensor, Tensor]:
        """Mahalanobis distance d (N,) of costs (N, L); w (N, L) with d = sum w (costs - mean)."""
        if not self.precision.any():
            raise NotFitted("typicality needs the calibration pass of training")
        deviation = costs - self.mean
        pull = deviation @ self.precision
        distance = (pull * deviation).sum(1).clamp_min(1e-12).sqrt()
        return distance, pull / distance[:, None]

    def shown(self, part: str, values: np.ndarray) -> np.ndarray:
        """Bits per dimension of the image; the scales' figures sum to the total's."""
        if part == "typicality":
            return values
        if part == "complexity":
            return values / self.dimensions
        latents = dict(zip(self.scale_names, self.flow.latent_shapes(), strict=True))
        covered = math.prod(latents[part]) if part in latents else self.dimensions
        return bits_per_dimension(values, covered, of=self.dimensions)

    def figures(
        self, x: Tensor, parts: Mapping[str, np.ndarray], generator: torch.Generator
    ) -> Mapping[str, Tensor]:
        """Bits per dimension: with noise as in training, a code length; and at the bins' middle.

        The middle of a bin is where a flow's density peaks, so that figure bounds nothing.
        """
        noisy = self._costs(self.flow(_dequantise(x, generator))).sum(1)
        return {
            "bits_per_dimension": self._bits(noisy) / self.dimensions,
            "bits_per_dimension_mid_bin": torch.from_numpy(self.shown("total", parts["total"])),
        }

    def extra(self, x: Tensor) -> Mapping[str, float]:
        return {"png_bytes": float(self._png_bits(x)[0]) / 8}

    def _bits(self, nats: Tensor) -> Tensor:
        return nats * NATS_TO_BITS + 8 * self.dimensions

    def _png_bits(self, x: Tensor) -> Tensor:
        pixels = (x.detach() * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
        b = self.config.border
        inner = pixels[:, 0, b : pixels.shape[2] - b, b : pixels.shape[3] - b]
        return torch.tensor([png_bits(image) for image in inner], dtype=x.dtype, device=x.device)

    def embed(self, x: Tensor) -> Tensor:
        """Latent of the coarsest scale, (N, D)."""
        return self.codes(x)[-1].latent.flatten(1)

    def explain(self, x: Tensor, part: str = "score") -> Explanation:
        """Minus log-probability of each cell, spread evenly over its pixels; the residual is 0.

        For complexity, in bits, the PNG's size belongs to no pixel; for typicality the scales are
        weighted as they enter the distance. Both go to the offset.

        Raises:
            ValueError: there is no such part.
        """
        return self.explanations(x, [part])[part]

    def explanations(self, x: Tensor, parts: Iterable[str]) -> Mapping[str, Explanation]:
        """`explain` for several parts, from one pass."""
        codes = self.codes(x)
        return {part: self._explain(x, codes, part) for part in parts}

    def _explain(self, x: Tensor, codes: Sequence[ScaleCode], part: str) -> Explanation:
        part = self.config.score if part == "score" else part
        if part not in {*self.scale_names, "total", "complexity", "typicality"}:
            raise ValueError(f"part must be one of {', '.join(self.about)}, got {part!r}")
        weight = x.new_ones(len(x), len(codes))  # of each scale's cost in the part
        offset = x.new_zeros(len(x))
        if part in self.scale_names:
            weight = (
                torch.tensor(self.scale_names.index(part)) == torch.arange(len(codes))
            ) * weight
        elif part == "complexity":
            weight, offset = weight * NATS_TO_BITS, 8 * self.dimensions - self._png_bits(x)
        elif part == "typicality":
            weight = self._distance(self._costs(codes))[1]
            offset = -weight @ self.mean
        maps = [_spread(-code.log_prob, *x.shape[2:]) for code in codes]
        total = (torch.stack(maps, 1) * weight[..., None, None]).sum(1)
        return Explanation(total, offset, torch.zeros_like(offset), "likelihood per cell")

    # Images from latents ------------------------------------------------------------------------

    def latents(self, x: Tensor) -> list[Tensor]:
        """Latents of images x (N, C, H, W), finest scale first."""
        return [code.latent for code in self.codes(x)]

    def decode(self, latents: Sequence[Tensor]) -> Tensor:
        """Images (N, C, H, W) with these latents, clipped to [0, 1]."""
        return ((self.flow.inverse(latents) + 0.5) * 256 / 255 - 1 / 510).clamp(0, 1)

    def sample(self, n: int, generator: torch.Generator, temperature: float = 1.0) -> Tensor:
        """Draw n images (n, C, H, W) from N(0, temperature^2) latents."""
        return self.decode(
            [_normal((n, *s), generator, temperature) for s in self.flow.latent_shapes()]
        )

    def resample(
        self, x: Tensor, scale: int, *, generator: torch.Generator, temperature: float = 1.0
    ) -> Tensor:
        """Images x (N, C, H, W) with the latent of one scale drawn anew while the others stay."""
        latents = self.latents(x)
        latents[scale] = _normal(latents[scale].shape, generator, temperature)
        return self.decode(latents)


def _normal(shape: Sequence[int], generator: torch.Generator, temperature: float) -> Tensor:
    return torch.randn(tuple(shape), generator=generator) * temperature


def _centre(x: Tensor) -> Tensor:
    """Images in [0, 1] to the middle of their bin of width 1/256 in [-0.5, 0.5]."""
    return x * (255 / 256) + (1 / 512 - 0.5)


def _dequantise(x: Tensor, generator: torch.Generator) -> Tensor:
    """Images in [0, 1] to u8/256 - 0.5 + U(0, 1/256)."""
    noise = torch.rand(x.shape, generator=generator, device=generator.device).to(x.device)
    return x * (255 / 256) - 0.5 + noise / 256


def _spread(cells: Tensor, height: int, width: int) -> Tensor:
    """Cell values (N, h, w) shared out evenly over their pixels, (N, height, width)."""
    rows, columns = height // cells.shape[1], width // cells.shape[2]
    pixels = cells.repeat_interleave(rows, 1).repeat_interleave(columns, 2)
    return pixels / (rows * columns)
