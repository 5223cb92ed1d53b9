"""Glow: how likely an image is, scale by scale.

An invertible network turns an image into three latents, of 16x16, 8x8 and 4x4 cells where it has
32x32 pixels. The log density is the sum of what each scale contributes. Its surprise: garments'
own Glow finds digits *likelier* than garments in full, and stranger only where the coarsest scale
looks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from core.detectors import _base
from core.detectors import _glow_words as words
from core.detectors._base import Batch, Detector, Explanation, NotFitted, Paper, Part, Phase, Player
from core.detectors._glow_settings import check
from core.detectors._seen import gives_pictures, takes_pictures
from core.nn.compressor import png_bits_of
from core.nn.controls import covering, flow_of
from core.nn.flow import ScaleCode
from core.nn.flow_layers import coupling_dtype
from core.nn.optimisers import adamax
from core.nn.outlier_losses import margin_loss, outlier_loss
from core.nn.pixels import (
    NATS_TO_BITS,
    bits_per_dimension,
    dequantise,
    dequantised,
    flipped,
    mutate,
    padded,
    quantised,
    shifted,
    spread_over_pixels,
    trimmed,
)
from core.nn.sampling import normal, one_drawn_anew
from core.shape import Shape

__all__ = ["Glow"]

PASS = 64  # images and draws that go through the flow at once: what fits the cache


class Glow(Detector):
    """Likelihood per scale under a normalising flow trained on normal images.

    Parts, all (N,), larger = stranger:
        total: -log p(x) in nats.
        scale_16, scale_8, scale_4: -lp_i in nats, what each scale contributes; they sum to total.
            A scale is named by the rows of its cells, and by rows and columns (scale_24x32) where
            they are no square.
        complexity: bits of x under the flow minus bits of its PNG.
        typicality: how far (scale_16, scale_8, scale_4) lies from the calibration images', as a
            Mahalanobis distance: an image can be strange by costing a scale too little.
        ratio_general, ratio_background: log p_g(x) - log p(x) in nats, against a flow of general
            images, or of garments with noise in them; for configs that name such a checkpoint.

    A picture whose sides are no multiples of 2^scales stands amid zeros that the flow adds: they
    have noise and bits of their own.

    The control flows, of patches and fully connected, have no scales: total and complexity alone.

    Dequantisation noise U(0, 1/256) is added in training and in scoring. A score is the mean of
    the log densities over a few draws of noise, the same for all images and at all times, so that
    it is deterministic and of each image alone; the middle of the bin would hide most of what the
    coarsest scale knows. Maps and codes are means over these draws; `resample` takes the first.

    References:
        Schirrmeister, Zhou, Ball, Zhang 2020, sec. 3: lp_i = log|det flow_i| + log|det actnorm_i|
        + log N(z_i; 0, I), and log p(x) = sum of lp_i.
        Serra et al. 2020, https://arxiv.org/abs/1909.11480 (complexity).
        Ren et al. 2019, https://arxiv.org/abs/1906.02845 (background model).
        Nalisnick et al. 2019, https://arxiv.org/abs/1906.02994 (typicality, there of the total).

    Raises:
        ValueError: settings make no sense, in themselves or together.
    """

    paper: ClassVar[Paper] = words.PAPER
    about: ClassVar[Mapping[str, Part]] = words.PARTS
    architecture: ClassVar[tuple[str, ...]] = ("flow", "leaves")
    without_gradient: ClassVar[frozenset[str]] = frozenset({"complexity"})  # a PNG's size has none

    @dataclass(frozen=True)
    class Config(_base.Config):
        """Size and training of the flow.

        Attributes:
            training_dtype: of the coupling networks, in training.
            flow: "scales", or one of the controls: "patches" of 8x8 pixels, "dense".
            leaves: which half of the channels leaves a scale, see `core.nn.flow.FlowScale`.
            data: the images it learns, "train" or "general": the scenario's auxiliary ones.
            mutation: share of pixels that are replaced by uniform noise in training.
            flips: whether half of the images, by chance, are mirrored left to right in training.
            translations: largest move in training, as a share of the sides.
            rounded: whether its weights become such that 16 bits hold, at the end of training.
            weight_decay: L2 of the coupling networks' kernels.
            draws, draw_seed: of the noise that images are scored with.
            starts_from: checkpoint whose weights training starts from.
            general, background: checkpoints of the models that the ratios are to.
            outliers: loss on general images, "ratio" to the general model, or "margin", or none.
            margin: in bits per dimension.
        """

        score: str = "total"
        scales: int = 3
        steps: int = 16
        hidden: int = 64
        learning_rate: float = 2e-3
        warmup: float = 0.01
        clip: float = 5.0
        training_dtype: str = "bfloat16"
        flow: Literal["scales", "patches", "dense"] = "scales"
        leaves: Literal["first", "second"] = "first"
        data: Literal["train", "general"] = "train"
        mutation: float = 0.0
        flips: bool = False
        translations: float = 0.0
        rounded: bool = False
        weight_decay: float = 0.0
        draws: int = 4
        draw_seed: int = 0
        starts_from: str = ""
        general: str = ""
        background: str = ""
        outliers: Literal["", "ratio", "margin"] = ""
        outlier_weight: float = 6000.0
        outlier_temperature: float = 1000.0
        margin: float = 1.0

    mean: Tensor  # (L,), of the scales' contributions on calibration images
    precision: Tensor  # (L, L), inverse of their covariance
    noise: Tensor  # (S, C, H, W) in [0, 1), of the padded picture: draws of dequantisation noise

    def __init__(self, config: Config, shape: Shape) -> None:
        super().__init__(config, shape)
        check(config)
        sizes = {"scales": config.scales, "steps": config.steps, "hidden": config.hidden}
        covered, self.margin = covering(config.flow, self.seen, scales=config.scales)
        self.flow = flow_of(config.flow, covered, leaves=config.leaves, **sizes)
        self.covered, self.dimensions = covered, math.prod(covered)
        self.scale_names, self.compact = words.scale_names(config, shape), config.rounded
        scales = len(self.scale_names)
        self.register_buffer("mean", torch.zeros(scales))
        self.register_buffer("precision", torch.zeros(scales, scales))
        generator = torch.Generator().manual_seed(config.draw_seed)
        noise = torch.rand((config.draws, *covered), generator=generator)
        self.register_buffer("noise", noise, persistent=False)  # the seed says it all

    @classmethod
    def describe(cls, config: Config, shape: Shape) -> Mapping[str, Part]:
        has = {"total", "complexity", *(f"ratio_{role}" for role in words.auxiliary_models(config))}
        names = words.scale_names(config, shape)
        scales = dict(zip(names, words.scale_parts(names), strict=True))
        has |= {"typicality", *names} if names else set()
        every = {"total": cls.about["total"], **scales, **cls.about}
        return {name: part for name, part in every.items() if name in has}

    @property
    def deviations(self) -> tuple[str, ...]:
        return words.deviations(self.config, self.seen, self.covered)

    @property
    def limits(self) -> tuple[str, ...]:
        return (*self.sees, *words.limits(self.config))

    @property
    def code(self) -> str:
        shape = self.flow.latent_shapes()[-1]
        where = f"coarsest scale, {shape[1]}x{shape[2]} cells" if self.scale_names else "whole flow"
        return f"{math.prod(shape)} latent numbers of the {where}"

    @property
    def auxiliary_models(self) -> Mapping[str, str]:
        return words.auxiliary_models(self.config)

    @property
    def untrained_settings(self) -> frozenset[str]:
        asked = {"general"} if self.config.outliers == "ratio" else set()
        return frozenset({"score", "general", "background", "draws", "draw_seed"} - asked)

    @property
    def start(self) -> str:
        return self.config.starts_from

    # Training -----------------------------------------------------------------------------------

    def phases(self) -> Sequence[Phase]:
        warmup, rate = self.config.warmup, self.config.learning_rate
        player = Player(
            name="flow",
            modules=[self.flow],
            terms=self._terms,
            optimizer=lambda p: adamax(p, rate, weight_decay=self.config.weight_decay),
            schedule=lambda progress: min(1.0, progress / warmup) * (1 - progress),
            clip=self.config.clip,
        )
        alone: _base.Roles = "auxiliary" if self.config.data == "general" else "train"
        learnt: _base.Roles = "train+auxiliary" if self.config.outliers else alone
        phases = [Phase("likelihood", data=learnt, players=[player], epochs=25)]
        if not self.start:
            phases.insert(0, Phase("initialise", data=learnt, prepare=self._initialise))
        if self.compact:
            phases.append(Phase("round to 16 bits", learnt, prepare=self.round_weights))
        if self.scale_names:
            least = len(self.scale_names) + 1
            fit = self._fit_typicality
            phases.append(Phase("typicality", data="calibration", prepare=fit, least=least))
        return phases

    def _initialise(self, batches: Iterable[Batch]) -> None:
        """Data-dependent initialisation of every ActNorm, from the first 512 images."""
        generator = torch.Generator().manual_seed(0)
        images: list[Tensor] = []
        for batch in batches:
            images.append(batch.x)
            if sum(map(len, images)) >= 512:
                break
        self.flow.initialise_(self._noisy(torch.cat(images)[:512], generator))

    def _noisy(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Images x (N, C, H, W) in [0, 1] as the flow learns from them, padded."""
        how = self.config
        x = flipped(x, generator) if how.flips else x
        x = shifted(x, how.translations, generator=generator) if how.translations else x
        x = mutate(x, how.mutation, generator=generator) if how.mutation else x
        return dequantise(padded(x, self.margin), generator)

    def _terms(self, batch: Batch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """-log p in bits per dimension without the constant 8, one term a scale, and outliers'."""
        x = self._noisy(batch.x, generator)
        learnt, unit = batch.kind >= 0, NATS_TO_BITS / self.dimensions
        with coupling_dtype(getattr(torch, self.config.training_dtype)):
            codes = self.flow(x)
            costs = self._costs(codes) * unit  # (N, L)
            terms = dict(zip(self.scale_names or ["total"], costs[learnt].mean(0), strict=True))
            if self.config.outliers:
                terms["outliers"] = self._outliers(x[~learnt], costs.sum(1) / unit, learnt) * unit
        return terms

    def _outliers(self, general: Tensor, costs: Tensor, learnt: Tensor) -> Tensor:
        """Mean loss in nats of the general images among a batch's costs (N,) in nats."""
        if self.config.outliers == "margin":
            margin = self.config.margin * self.dimensions / NATS_TO_BITS
            return margin_loss(costs[~learnt], costs[learnt], margin=margin).mean()
        with torch.no_grad():
            log_general = -self._costs(self._other("general").flow(general)).sum(1)
        return outlier_loss(
            -costs[~learnt],
            log_general,
            weight=self.config.outlier_weight,
            temperature=self.config.outlier_temperature,
        ).mean()

    def _fit_typicality(self, batches: Iterable[Batch]) -> None:
        """Mean and covariance of the scales' contributions, over the calibration images."""
        costs = torch.cat([self._costs(self.codes(batch.x)) for batch in batches]).cpu().double()
        covariance = torch.cov(costs.T).reshape(costs.shape[1], -1)  # of one scale: a number
        self.mean.copy_(costs.mean(0))
        self.precision.copy_(torch.linalg.inv(covariance))

    # Scoring ------------------------------------------------------------------------------------

    @takes_pictures
    def codes(self, x: Tensor, draws: Tensor | None = None) -> list[ScaleCode]:
        """Latent and log-probability of every scale, finest first: means over the draws of noise.

        Of images x (N, C, H, W); draws (S, C, H, W) are its own, or those of who asks. Of few
        images, several draws go through the flow at once.
        """
        at_once, x = max(1, PASS // max(1, len(x))), padded(x, self.margin)
        passes = [
            self.flow(dequantised(x, noise[:, None]).flatten(0, 1))  # (s, N, C, H, W)
            for noise in (self.noise if draws is None else draws).split(at_once)
        ]
        return [
            ScaleCode(
                _mean([code.latent for code in codes], n=len(x)),
                _mean([code.log_prob for code in codes], n=len(x)),
            )
            for codes in zip(*passes, strict=True)
        ]

    def parts(self, x: Tensor) -> Mapping[str, Tensor]:
        costs = self._costs(self.codes(x))  # (N, L)
        return {name: self._part(x, costs, name) for name in self.described}

    def part(self, x: Tensor, name: str) -> Tensor:
        return self._part(x, self._costs(self.codes(x)), name)

    def _part(self, x: Tensor, costs: Tensor, name: str) -> Tensor:
        if name in self.scale_names:
            return costs[:, self.scale_names.index(name)]
        if name == "typicality" and self.scale_names:
            return self._distance(costs)[0]
        total = costs.sum(1)
        if name.startswith("ratio_"):
            return total - self._other(name.removeprefix("ratio_")).total(x, self.noise)
        return {"total": total, "complexity": self._bits(total) - png_bits_of(x)}[name]

    def total(self, x: Tensor, draws: Tensor | None = None) -> Tensor:
        """-log p of images x (N, C, H, W) in nats, (N,), under draws (S, C, H, W) as in `codes`."""
        return self._costs(self.codes(x, draws)).sum(1)

    def _other(self, role: str) -> Glow:
        other = self.auxiliaries.get(role)
        if not isinstance(other, Glow):
            raise NotFitted(f"the ratio needs the {role} model {self.auxiliary_models.get(role)!r}")
        return other

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

    def to_display(self, part: str, values: np.ndarray) -> np.ndarray:
        """Bits per dimension of the image; the scales' figures sum to the total's."""
        if part == "typicality":
            return values
        if part == "complexity":
            return values / self.dimensions
        if part.startswith("ratio_"):
            return values * (NATS_TO_BITS / self.dimensions)
        covered = self.dimensions
        if part in self.scale_names:
            covered = math.prod(self.flow.latent_shapes()[self.scale_names.index(part)])
        return bits_per_dimension(values, covered, of=self.dimensions)

    def figures(self, parts: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Bits per dimension with noise, as papers report them: an upper bound of a code length."""
        return {"bits_per_dimension": self.to_display("total", parts["total"])}

    def extra(self, x: Tensor) -> Mapping[str, float]:
        return {"png_bytes": float(png_bits_of(x)[0]) / 8, "dimensions": float(self.dimensions)}

    def _bits(self, nats: Tensor) -> Tensor:
        return nats * NATS_TO_BITS + 8 * self.dimensions

    def embed(self, x: Tensor) -> Tensor:
        """Latent of the coarsest scale, (N, D)."""
        return self.codes(x)[-1].latent.flatten(1)

    def explain(self, x: Tensor, part: str = "score") -> Explanation:
        """Minus log-probability of each cell, spread evenly over its pixels; the residual is 0.

        What falls on the zeros around the picture is the explanation's ``padding``. For
        complexity, in bits, the PNG's size belongs to no pixel; for typicality the scales are
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
        if part not in self.described:
            raise ValueError(f"part must be one of {', '.join(self.described)}, got {part!r}")
        weight = x.new_ones(len(x), len(codes))  # of each scale's cost in the part
        offset = x.new_zeros(len(x))
        if part in self.scale_names:
            chosen = self.scale_names.index(part) == torch.arange(len(codes), device=x.device)
            weight = weight * chosen
        elif part == "complexity":
            weight, offset = weight * NATS_TO_BITS, 8 * self.dimensions - png_bits_of(x)
        elif part == "typicality":
            weight = self._distance(self._costs(codes))[1]
            offset = -weight @ self.mean
        pixels = (self._maps(codes) * weight[..., None, None]).sum(1)  # (N, H, W), padded
        if part.startswith("ratio_"):
            other = self._other(part.removeprefix("ratio_"))
            pixels = pixels - other._maps(other.codes(x, self.noise)).sum(1)
        inside = trimmed(pixels, self.margin)
        around = pixels.double().sum((1, 2)) - inside.double().sum((1, 2))
        return Explanation(
            inside,
            offset,
            residual=torch.zeros_like(offset),
            kind="likelihood per cell",
            padding=around.to(x.dtype),
            pixels=math.prod(self.covered[1:]),
        )

    def _maps(self, codes: Sequence[ScaleCode]) -> Tensor:
        """What each scale costs, shared out over the pixels of the padded picture, (N, L, H, W)."""
        return torch.stack([spread_over_pixels(-c.log_prob, *self.covered[1:]) for c in codes], 1)

    def can(self, method: str) -> bool:
        return super().can(method) and (method != "resample" or bool(self.scale_names))

    # Images from latents ------------------------------------------------------------------------

    @takes_pictures
    def latents(self, x: Tensor) -> list[Tensor]:
        """Latents of images x (N, C, H, W) with the first draw of noise, finest scale first."""
        noisy = dequantised(padded(x, self.margin), self.noise[0])
        return [code.latent for code in self.flow(noisy)]

    @gives_pictures
    def decode(self, latents: Sequence[Tensor]) -> Tensor:
        """Images (N, C, H, W) in [0, 1] of latents (N, C', H', W'), as `latents` gives them.

        NaN where the inverse overflows.
        """
        y = trimmed(self.flow.inverse(latents), self.margin)
        return quantised(y).where(y.isfinite(), torch.nan)

    def sample(self, n: int, generator: torch.Generator, temperature: float = 1.0) -> Tensor:
        """Draw n images (n, C, H, W) from N(0, temperature^2) latents."""
        shapes = [(n, *shape) for shape in self.flow.latent_shapes()]
        drawn = [normal(shape, generator, temperature) for shape in shapes]
        return self.decode([z.to(self.noise.device) for z in drawn])

    def resample(
        self, x: Tensor, n: int, *, generator: torch.Generator, temperature: float = 1.0
    ) -> Mapping[str, Tensor]:
        """One image x (1, C, H, W) with one scale's latent drawn anew while the others stay."""
        if not self.scale_names:
            return super().resample(x, n, generator=generator)  # refuses
        latents = self.latents(x)
        drawn = one_drawn_anew(latents, n, generator=generator, temperature=temperature)
        return dict(zip(self.scale_names, self.decode(drawn).split(n), strict=True))


def _mean(passes: Sequence[Tensor], *, n: int) -> Tensor:
    """Mean over all draws of passes (s * N, ...): (N, ...)."""
    return torch.cat([values.unflatten(0, (-1, n)) for values in passes]).mean(0)
