"""Novelty: an image is strange if it is unfamiliar, or if its explanation leaves much unexplained.

A B-cos network explains what it says exactly: as W(x) x. Familiarity is the distance of its
features to those of normal images. Novelty is what of the image lies outside of all that
explanations of normal images ever used: it alone finds something new in a familiar image.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from core.detectors import _base
from core.detectors import _novelty_words as words
from core.detectors._base import Batch, Detector, Explanation, NotFitted, Paper, Part, Phase, Player
from core.detectors._novelty_patches import PatchNovelty
from core.detectors._standardised import Standardised
from core.nn.bank import in_8_bits, nearest
from core.nn.bcos import WIDTHS, BcosConv2d, BcosNet, both_signs, held, linear_map
from core.nn.optimisers import cosine
from core.nn.pixels import spread_over_pixels
from core.nn.sampling import normal
from core.nn.spans import along_itself, lengths, off_span, shares, unit_rows, widest
from core.shape import Shape

__all__ = ["Novelty"]

LEAST = 8  # pixels of a side, so that the coarsest features have a place
NEAREST = 2  # training features that familiarity looks at
CANDIDATES = 10  # draws of the Gaussian for each that is taken as background
FLOOR = 0.01  # of a grey level: no pixel is taken to be steadier
MEASURED = tuple(name for name in words.PARTS if not name.startswith("sum"))


class Novelty(Standardised):
    """Distance of B-cos features to normal ones, plus what normal explanations leave unexplained.

    With v = [x, 1 - x], features f, and W(x) = d<f, f/|f|>/dv, the net's gates held. Parts, all
    (N,), larger = stranger:
        familiarity: mean distance of f/|f| to the two nearest of training images (FFS).
        novelty_input: |v - V V'v| / |v|, V spanning the W(x) of normal images (ENS, a reading).
        novelty_map: the same as a map: |v - V V'v| of each pixel, standardised on held-out normal
            images; the mean of its positive part.
        novelty_inner: |a - U U'a| / |a| of inner activations a, U spanning their W(x).
        novelty_background: 1 - sum relu(s) / sum |v_p| |W_p|, with s = v_p W_p of the logit
            "normal, no background": a reading that misleads where one class is normal.
        pixels: the control that knows no explanation: |x - m - P P'(x - m)|, P as many principal
            components of raw pixels as V has directions.
        sum: familiarity + the reading that the config names, both standardised: the score.
        sum_pixels: familiarity + pixels, both standardised on held-out normal images.

    The encoder learned classes by their labels, those of the normal images or of others; or it is
    that of another checkpoint, which never saw what is judged.

    References:
        Sivaprasad, Fritz 2023, https://arxiv.org/abs/2310.00797: familiarity, novelty, their sum;
        the equations of the readings are our reconstruction.
        Böhle, Fritz, Schiele 2022, https://arxiv.org/abs/2205.10268: W(x) of a B-cos network.

    Raises:
        ValueError: settings make no sense, in themselves or together.
    """

    paper: ClassVar[Paper] = words.PAPER
    about: ClassVar[Mapping[str, Part]] = words.PARTS
    measured: ClassVar[tuple[str, ...]] = MEASURED
    compact = True
    candidates: ClassVar[tuple[str, ...]] = ("sum",)
    without_gradient: ClassVar[frozenset[str]] = frozenset({"novelty_background"})  # is one itself

    @dataclass(frozen=True)
    class Config(_base.Config):
        """What the encoder learns, and what is held of normal images.

        Attributes:
            classes: of its training images, that the encoder tells apart.
            data: the images that it is fitted to: "train", or "general", the auxiliary ones.
            encoder: the checkpoint whose encoder it asks, in place of one of its own.
            width: channels of the first layer; the last has ten times as many.
            bank: training features that familiarity looks at, drawn at random.
            explained: training images whose explanations are spanned.
            rank: directions of every span, and of the control.
            inner, fields: the layer (from 0) that is read, by means of fields x fields.
            reading: of novelty, that the score adds.
            epochs, background_epochs: of the encoder's training, and of the background's.
        """

        score: str = "sum"
        classes: int = 10
        data: Literal["train", "general"] = "train"
        encoder: str = ""
        width: int = 16
        bank: int = 500
        explained: int = 800
        rank: int = 20
        inner: int = 1
        fields: int = 4
        reading: Literal["input", "map", "inner", "background"] = "input"
        epochs: int = 6
        background_epochs: int = 1
        learning_rate: float = 3e-3

    bank: Tensor  # (K, F) int8, features of training images at length 1, in steps
    bank_step: Tensor  # (), what one of these integers is worth
    span: Tensor  # (k, 2 C H W), orthonormal directions of normal W(x)
    inner_span: Tensor  # (k, C' fields fields), of normal W(x) of inner activations
    pixel_mean: Tensor  # (P,), of raw pixels, P = C H W
    pixel_span: Tensor  # (k, P), principal components of raw pixels
    rest_mean: Tensor  # (H, W), of |v - V V'v| over held-out normal images
    rest_std: Tensor  # (H, W)
    centre: Tensor  # (6,), means of `MEASURED` over held-out normal images
    scale: Tensor  # (6,), their standard deviations

    def __init__(self, config: Config, shape: Shape) -> None:
        super().__init__(config, shape)
        _check(config, shape := self.seen)
        self.features = WIDTHS[-1] * config.width
        if not config.encoder:
            self.net = BcosNet(2 * shape.channels, width=config.width, classes=config.classes)
        self.background = BcosConv2d(self.features, 1, 1)
        rank, pixels = config.rank, math.prod(shape)
        inner = WIDTHS[config.inner] * config.width * config.fields**2
        side = shape.height, shape.width
        self.register_buffer("bank", torch.zeros(config.bank, self.features, dtype=torch.int8))
        self.register_buffer("bank_step", torch.ones(()))
        self.register_buffer("span", torch.zeros(rank, 2 * pixels))
        self.register_buffer("inner_span", torch.zeros(rank, inner))
        self.register_buffer("pixel_mean", torch.zeros(pixels))
        self.register_buffer("pixel_span", torch.zeros(rank, pixels))
        self.register_buffer("rest_mean", torch.zeros(side))
        self.register_buffer("rest_std", torch.ones(side))
        self.register_buffer("centre", torch.zeros(len(MEASURED)))
        self.register_buffer("scale", torch.ones(len(MEASURED)))

    @classmethod
    def for_settings(cls, settings: Mapping[str, Any]) -> type[Detector]:
        return PatchNovelty if "backbone" in settings else cls

    @classmethod
    def describe(cls, config: Config, shape: Shape) -> Mapping[str, Part]:
        return words.parts_in(shape.channels)

    @property
    def deviations(self) -> tuple[str, ...]:
        taught = "asked" if self.config.encoder else self.config.data
        return (*self.paper.deviations, words.TAUGHT[taught])

    @property
    def limits(self) -> tuple[str, ...]:
        return (*self.sees, *words.LIMITS)

    @property
    def code(self) -> str:
        return f"{self.features} features of the B-cos encoder, at length 1"

    @property
    def auxiliary_models(self) -> Mapping[str, str]:
        return {"encoder": self.config.encoder} if self.config.encoder else {}

    @property
    def untrained_settings(self) -> frozenset[str]:
        return frozenset({"score", "reading"})

    def differentiable(self, part: str = "score") -> bool:
        named = {self.named(part), *self.summands(part)}
        return not self.without_gradient & named

    @property
    def encoder(self) -> BcosNet:
        """The network that is asked: its own, or that of the auxiliary model.

        Raises:
            NotFitted: there is none of both.
        """
        if not self.config.encoder:
            return self.net
        if not isinstance(other := self.auxiliaries.get("encoder"), Novelty):
            raise NotFitted(f"novelty needs the encoder of {self.config.encoder!r}")
        return other.encoder

    # Training -----------------------------------------------------------------------------------

    def phases(self) -> Sequence[Phase]:
        learnt: _base.Roles = "auxiliary" if self.config.data == "general" else "train"
        least = max(self.config.bank, self.config.rank)
        tell = [self._player("background", self._tell_background)]
        phases = [
            Phase("bank and spans", learnt, prepare=self._fit_normal, least=least),
            Phase("background", learnt, tell, epochs=self.config.background_epochs),
            Phase("round to 16 bits", learnt, prepare=self.round_weights),
            Phase("standardise", "calibration", prepare=self._fit_scales, least=2),
        ]
        if self.config.encoder:
            return phases
        classify = [self._player("net", self._classify)]
        return [Phase("classify", learnt, classify, epochs=self.config.epochs), *phases]

    def _player(self, module: str, terms: _base.Terms) -> Player:
        return Player(
            name=module,
            modules=[getattr(self, module)],
            terms=terms,
            optimizer=lambda p: torch.optim.Adam(p, lr=self.config.learning_rate),
            schedule=cosine,
        )

    def _classify(self, batch: Batch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Binary cross-entropy of the logits of all classes, summed."""
        classes, low, high = self.config.classes, int(batch.label.min()), int(batch.label.max())
        if low < 0 or high >= classes:
            raise ValueError(f"labels must be 0 to {classes - 1}, got {low} to {high}")
        wanted = F.one_hot(batch.label.long(), classes).to(batch.x)
        logits = self.net(both_signs(batch.x))
        errors = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
        return {"classes": errors.sum(1).mean()}

    def _fit_normal(self, batches: Iterable[Batch]) -> None:
        """Bank, spans and principal components, of the first images of a shuffled stream."""
        features: list[Tensor] = []
        pixels, outer, inner = [], [], []
        bank, explained = self.config.bank, self.config.explained
        for batch in batches:
            if (done := sum(len(units) for units in features)) >= max(bank, explained):
                break
            features.append(self.embed(batch.x))
            if done < explained:
                pixels.append(batch.x.flatten(1))
                outer.append(unit_rows(self.weights(batch.x).flatten(1)))
                inner.append(unit_rows(self._inner_weights(batch.x)))
        integers, step = in_8_bits(torch.cat(features)[:bank])
        self.bank.copy_(integers)
        self.bank_step.copy_(step)
        self.span.copy_(widest(torch.cat(outer)[:explained], self.config.rank))
        self.inner_span.copy_(widest(torch.cat(inner)[:explained], self.config.rank))
        raw = torch.cat(pixels)[:explained]
        self.pixel_mean.copy_(raw.mean(0))
        self.pixel_span.copy_(widest(raw - raw.mean(0), self.config.rank))

    @property
    def held_features(self) -> Tensor:
        """Features (K, F) of training images, at length 1 but for their rounding.

        Raises:
            NotFitted: there are none yet.
        """
        if not self.bank.any():
            raise NotFitted("familiarity needs the features of training images")
        return self.bank * self.bank_step

    def _tell_background(self, batch: Batch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Binary cross-entropy of normal features against the outermost draws of their Gaussian."""
        with torch.no_grad():
            units = self.embed(batch.x)
            mean, covariance = self.held_features.mean(0), torch.cov(self.held_features.T)
            values, axes = torch.linalg.eigh(covariance)
            eps = normal((CANDIDATES * len(units), len(mean)), generator, 1.0).to(units)
            outermost = eps[eps.square().sum(1).argsort(descending=True)[: len(units)]]
            drawn = mean + outermost * values.clamp_min(0).sqrt() @ axes.T
        return {
            "normal": F.softplus(-self._normal_logit(units)).mean(),
            "drawn": F.softplus(self._normal_logit(drawn)).mean(),
        }

    def _fit_scales(self, batches: Iterable[Batch]) -> None:
        """Mean and spread of the rest by pixel, then of every part, on held-out normal images."""
        images = [batch.x for batch in batches]
        rests = torch.cat([self._rest(both_signs(x)).norm(dim=1) for x in images])
        self.rest_mean.copy_(rests.mean(0))
        self.rest_std.copy_(rests.std(0).clamp_min(FLOOR))
        self._standardise(images)

    # From image to parts ------------------------------------------------------------------------

    def _sums(self) -> Mapping[str, tuple[str, str]]:
        """What the parts that are sums add up: see `summands`."""
        reading = f"novelty_{self.config.reading}"
        return {"sum": ("familiarity", reading), "sum_pixels": ("familiarity", "pixels")}

    def _measure(self, x: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
        """Some of the `MEASURED` parts of images x (N, C, H, W), each (N,)."""
        v = both_signs(x)
        activations = self.encoder.activations(v)
        inner, span = self._in_fields(activations[self.config.inner]), self.inner_span
        measures = {
            "familiarity": lambda: self._nearest(_pooled(activations))[0].mean(1),
            "novelty_input": lambda: lengths(self._rest(v)) / lengths(v),
            "novelty_map": lambda: self._stranger(self._rest(v)).mean((1, 2)),
            "novelty_inner": lambda: lengths(off_span(inner, span)) / lengths(inner),
            "novelty_background": lambda: self._unexplained(v).sum((1, 2)),
            "pixels": lambda: lengths(self._pixel_rest(x)),
        }
        return {name: measures[name]() for name in names}

    def embed(self, x: Tensor) -> Tensor:
        """f/|f|, (N, F)."""
        return unit_rows(_pooled(self.encoder.activations(both_signs(x))))

    def _nearest(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return nearest(unit_rows(features), self.held_features, count=NEAREST)

    def weights(self, x: Tensor) -> Tensor:
        """W(x) of images x (N, C, H, W), (N, 2 C, H, W): the sum of W(x) v is |f|, exactly."""
        return linear_map(
            lambda v: along_itself(_pooled(self.encoder.activations(v))), both_signs(x)
        )

    def _inner_weights(self, x: Tensor) -> Tensor:
        """W(x) of inner activations, as they are read, (N, D)."""
        layer = self.config.inner
        inner = self.encoder.activations(both_signs(x))[layer]
        weights = linear_map(
            lambda a: along_itself(self.encoder.after(layer, a).mean((2, 3))), inner
        )
        return self._in_fields(weights)

    def _in_fields(self, values: Tensor) -> Tensor:
        """Means of values (N, C', h, w) over fields x fields, (N, D)."""
        return F.adaptive_avg_pool2d(values, self.config.fields).flatten(1)

    def _rest(self, v: Tensor) -> Tensor:
        """v - V V'v, (N, 2 C, H, W)."""
        return off_span(v.flatten(1), self.span).reshape(v.shape)

    def _stranger(self, rest: Tensor) -> Tensor:
        """By how many deviations a pixel leaves more over than those of normal ones, (N, H, W)."""
        return F.relu((rest.norm(dim=1) - self.rest_mean) / self.rest_std)

    def _pixel_rest(self, x: Tensor) -> Tensor:
        return off_span(x.flatten(1) - self.pixel_mean, self.pixel_span).reshape(x.shape)

    def _normal_logit(self, units: Tensor) -> Tensor:
        """Logit (N,) of "normal, no background", of features at length 1 (N, F)."""
        return self.background(units[..., None, None]).flatten()

    def _unexplained(self, v: Tensor) -> Tensor:
        """(|v_p| |W_p| - relu(s_p)) / sum |v_p| |W_p| of the logit "normal", (N, H, W)."""

        def logit(v: Tensor) -> Tensor:
            features = _pooled(self.encoder.activations(v))
            return self._normal_logit(features / held(lengths(features))[:, None])

        weights = linear_map(logit, v)
        most = v.norm(dim=1) * weights.norm(dim=1)
        said = F.relu((v * weights).sum(1))
        return (most - said) / most.sum((1, 2), keepdim=True).clamp_min(1e-12)

    # Which pixels -------------------------------------------------------------------------------

    def explain(self, x: Tensor, part: str = "score") -> Explanation:
        """Which pixels made a part: nothing is left over.

        Of familiarity: what each pixel takes from the likeness to the two nearest training
        images, by W(x). Of a length off a span: the pixel's share of its square. Inner fields are
        spread evenly over the pixels they cover.

        Raises:
            ValueError: there is no such part.
        """
        part = self.named(part)
        if part not in self._sums():
            offset, pixels = self._explain(x, part)
        else:
            offset, pixels = x.new_zeros(len(x)), x.new_zeros(len(x), *x.shape[2:])
            for term, (centre, scale) in self.summands(part).items():
                constant, values = self._explain(x, term)
                offset, pixels = offset + (constant - centre) / scale, pixels + values / scale
        return Explanation(pixels, offset, torch.zeros_like(offset), kind=words.KIND)

    def _explain(self, x: Tensor, part: str) -> tuple[Tensor, Tensor]:
        """Offset (N,) and map (N, H, W) of a `MEASURED` part."""
        v = both_signs(x)
        if part == "familiarity":
            return self._explain_familiarity(v)
        if part == "novelty_background":
            pixels = self._unexplained(v)
        elif part == "novelty_map":
            pixels = self._stranger(self._rest(v)) / math.prod(x.shape[2:])
        elif part == "novelty_inner":
            pixels = self._explain_inner(v)
        elif part == "novelty_input":
            pixels = shares(self._rest(v)) / lengths(v)[:, None, None]
        else:
            pixels = shares(self._pixel_rest(x))
        return x.new_zeros(len(x)), pixels

    def _explain_familiarity(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """d = (1 + |b|^2) / d - 2 <f/|f|, b> / d of each of the nearest b; the latter by pixel.

        <f/|f|, b> is linear in v with the gates and |f| held.
        """
        distances, indices = self._nearest(_pooled(self.encoder.activations(v)))
        two = self.held_features[indices]  # (N, 2, F)
        pull = (2 / distances / NEAREST)[..., None] * two
        constant = ((1 + two.square().sum(2)) / distances).mean(1)

        def likeness(v: Tensor) -> Tensor:
            features = _pooled(self.encoder.activations(v))
            return (features / held(lengths(features))[:, None] * pull.sum(1)).sum(1)

        return constant, -(v * linear_map(likeness, v)).sum(1)

    def _explain_inner(self, v: Tensor) -> Tensor:
        inner = self._in_fields(self.encoder.activations(v)[self.config.inner])
        rest = off_span(inner, self.inner_span).reshape(len(v), -1, *2 * (self.config.fields,))
        return spread_over_pixels(shares(rest) / lengths(inner)[:, None, None], *v.shape[2:])


def _pooled(activations: Sequence[Tensor]) -> Tensor:
    """Features f (N, F): the last activations' means over all places."""
    return activations[-1].mean((2, 3))


def _check(config: Novelty.Config, shape: Shape) -> None:
    """Refuse settings that make no sense, in words."""
    sizes = (config.classes, config.width, config.rank, config.fields)
    if min(sizes) < 1 or config.bank < NEAREST:
        raise ValueError(f"sizes must be 1 or more, and the bank {NEAREST} or more")
    if config.rank > config.explained:
        raise ValueError(f"{config.explained} explanations do not span {config.rank} directions")
    if not 0 <= config.inner < len(WIDTHS) - 1:
        raise ValueError(f"inner is a layer before the last, 0 to {len(WIDTHS) - 2}")
    if config.encoder and config.data != "train":
        raise ValueError("who asks another's encoder is fitted to the scenario's normal images")
    if min(shape.height, shape.width) < LEAST:
        raise ValueError(f"needs pictures of {LEAST}x{LEAST} or more, got {shape}")
