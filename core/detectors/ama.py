"""AMA: an image is strange if the critic can tell it from its mirror more, or less, than usual.

An autoencoder rebuilds normal images; a critic looks at pairs and learns to tell a picture beside
itself from a picture beside its mirror, which the autoencoder learns to prevent. What is strange
is mirrored badly, in the critic's eyes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import Parameter

from core.detectors import _ama_words as words
from core.detectors import _base
from core.detectors._base import Batch, Detector, Explanation, NotFitted, Paper, Part, Phase, Player
from core.detectors._seen import gives_pictures
from core.nn.bcos import linear_map
from core.nn.mirror import (
    LEAST,
    MirrorEncoder,
    MirrorGenerator,
    PairCritic,
    gradient_penalty,
    mixture,
    pair,
    simplex_weights,
    untrained,
)
from core.nn.pixels import spread_over_pixels
from core.nn.sampling import drawn_by
from core.nn.whitening import whitening
from core.shape import Shape

__all__ = ["AMA", "INWARD"]

INWARD = 0.5  # inward codes are alpha E(x), alpha in (0, INWARD]; outward ones E(x) / alpha
TYPICAL = 0.1  # of training, before atypical codes are drawn: the paper's first 10 of 100 epochs
ATYPICAL = 0.1  # of a batch
LAZY = 4  # the gradient penalty is taken at one of as many critic steps, at random
SEED = 0  # of the untrained critic
POINTS = 101  # quantiles that are held of training images


class AMA(Detector):
    """Distance of an image to its mirror, in the features of a critic that looks at both.

    With x' = G(E(x)) and d(x) = f_D(x, x) - f_D(x, x'), f_D the critic's summed features. Parts,
    all (N,), larger = stranger:
        two_sided: |R - mu| / sigma, R ~ N(mu, sigma) of training images: the paper's score.
        one_sided: R = |d|_1.
        features: |W (d - m)|, m and W^T W = S^-1 the mean and covariance of d of training images.
        features_untrained: its control, with a critic that never learned.
        reconstruction: mean |x - x'| over pixels.
        latent_norm: |E(x)|_2.

    Training, with y = 1 for what is normal and -lambda_a for what is not, known or made:
        L_D = -E[y D(x, x)] + E[y D(x, x')] + 10 E(|grad D| - 1)^2
        L_AE = -E[y D(x, x')] + lambda_r E |E(x)|_2, the latter of normal images alone
    and, with z' a mixture of three normal codes and x_i one of their images, 0.2 times
    -E D(x_i, x_i) + E D(x_i, G(z')) in L_D, and its last term negated in L_AE.

    References:
        Somepalli et al. 2021, https://arxiv.org/abs/2003.10713.

    Raises:
        ValueError: settings make no sense, or pictures are smaller than 8x8.
    """

    paper: ClassVar[Paper] = words.PAPER
    about: ClassVar[Mapping[str, Part]] = words.PARTS
    compact = True
    candidates: ClassVar[tuple[str, ...]] = ("two_sided",)

    @dataclass(frozen=True)
    class Config(_base.Config):
        """What the three networks are, and how they learn.

        Attributes:
            code: numbers of a code.
            width: channels of encoder and generator where there are fewest, half of the encoder's.
            critic_width: channels of the critic's first block; it has twice as many features.
            critic: of pairs of a picture and its mirror, or an ordinary one that sees either.
            data: images to learn from; of "train+labelled" those of kind -1 are known anomalies.
            simplex: weight of mixtures of three codes.
            atypical: where codes are drawn of what is to be mirrored badly.
            anomaly_weight, norm_weight, penalty: lambda_a, lambda_r, and that of the slope.
            critic_steps: on the same batch, for one of the autoencoder.
            fitted: training images that R and d are fitted to.
        """

        score: str = "two_sided"
        code: int = 16
        width: int = 8
        critic_width: int = 32
        critic: Literal["mirrored", "ordinary"] = "mirrored"
        data: Literal["train", "train+labelled"] = "train"
        simplex: float = 0.2
        atypical: Literal["both", "inward", "outward", "none"] = "both"
        anomaly_weight: float = 5.0
        norm_weight: float = 1.0
        penalty: float = 10.0
        critic_steps: int = 5
        learning_rate: float = 1e-3
        epochs: float = 10.0
        fitted: int = 10_000

    mean: Tensor  # (), mu of R over training images
    std: Tensor  # (), sigma
    difference_mean: Tensor  # (F,), m of d
    difference_whiten: Tensor  # (F, F), W
    untrained_mean: Tensor  # (F,), the same of the untrained critic
    untrained_whiten: Tensor  # (F, F)
    distance_quantiles: Tensor  # (101,), of R over training images
    norm_quantiles: Tensor  # (101,), of |E(x)|

    def __init__(self, config: Config, shape: Shape) -> None:
        super().__init__(config, shape)
        _check(config, shape := self.seen)
        self.encoder = MirrorEncoder(shape, width=2 * config.width, code=config.code)
        self.generator = MirrorGenerator(shape, width=config.width, code=config.code)
        self.critic = PairCritic(shape, width=config.critic_width)
        with drawn_by(torch.Generator().manual_seed(SEED)):
            self.untrained_critic = untrained(PairCritic(shape, width=config.critic_width))
        features = 2 * config.critic_width
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("std", torch.ones(()))
        for name in ("difference", "untrained"):
            self.register_buffer(f"{name}_mean", torch.zeros(features))
            self.register_buffer(f"{name}_whiten", torch.eye(features))
        self.register_buffer("distance_quantiles", torch.zeros(POINTS))
        self.register_buffer("norm_quantiles", torch.zeros(POINTS))
        self.to(memory_format=torch.channels_last)  # a fifth faster on a processor

    @property
    def deviations(self) -> tuple[str, ...]:
        weight, paper = self.config.anomaly_weight, self.Config.anomaly_weight
        other = (words.ANOMALIES.format(weight=weight, paper=paper),) if weight != paper else ()
        return (*self.paper.deviations, *other, *words.CRITIC[self.config.critic])

    @property
    def limits(self) -> tuple[str, ...]:
        return (*self.sees, *words.LIMITS)

    @property
    def code(self) -> str:
        return f"{self.config.code} numbers of the encoder's code"

    # Training -----------------------------------------------------------------------------------

    def phases(self) -> Sequence[Phase]:
        data, epochs = self.config.data, self.config.epochs
        phases = [
            Phase("mirror", data, self._players(0, TYPICAL), epochs=TYPICAL * epochs),
            Phase("mirror, not what is atypical", data, self._players(TYPICAL, 1),
                  epochs=(1 - TYPICAL) * epochs),
        ]  # fmt: skip
        if self.config.atypical == "none":
            phases = [Phase("mirror", data, self._players(0, 1), epochs=epochs)]
        return [
            *phases,
            Phase("round to 16 bits", "train", prepare=self.round_weights),
            Phase("fit distances", "train", prepare=self._fit_normal, least=2),
        ]

    def _players(self, begin: float, end: float) -> list[Player]:
        """Critic and autoencoder from one moment of all training to another, in [0, 1]."""
        atypical = begin > 0 and self.config.atypical != "none"

        def rate(progress: float) -> float:
            """Constant for half of all training, then down to 0."""
            return min(1.0, 2 * (1 - begin - progress * (end - begin)))

        def adam(parameters: Iterable[Parameter]) -> torch.optim.Optimizer:
            encoding = {id(p) for p in self.encoder.parameters()}
            every = list(parameters)
            groups = [
                {"params": [p for p in every if (id(p) in encoding) == own], "betas": (beta, 0.9)}
                for own, beta in ((True, 0.5), (False, 0.0))
            ]
            return torch.optim.Adam([g for g in groups if g["params"]], self.config.learning_rate)

        def player(name: str, *modules: str, terms: _base.Terms, repeat: int = 1) -> Player:
            owned = [getattr(self, module) for module in modules]
            return Player(name, owned, terms, adam, schedule=rate, repeat=repeat)

        return [
            player(
                "critic",
                "critic",
                terms=lambda batch, g: self._criticise(self._drawn(batch, g, atypical), g),
                repeat=self.config.critic_steps,
            ),
            player(
                "autoencoder",
                "encoder",
                "generator",
                terms=lambda batch, g: self._mirror(self._drawn(batch, g, atypical), g),
            ),
        ]

    def _drawn(
        self, batch: Batch, generator: torch.Generator, atypical: bool
    ) -> tuple[Tensor, Tensor]:
        """Pictures (N, C, H, W) in [-1, 1] and y (N,); some of normal ones may become atypical."""
        x, y = _signed(batch.x), torch.where(batch.kind < 0, -self.config.anomaly_weight, 1.0)
        if atypical:
            order = _permutation(len(x), generator).to(x.device)
            rows = order[y[order] > 0][: int(ATYPICAL * len(x))]
            with torch.no_grad():
                made = self.generator(self.atypical_codes(self.encoder(x[rows]), generator))
            x, y = x.index_copy(0, rows, made), y.index_fill(0, rows, -self.config.anomaly_weight)
        return x, y

    def atypical_codes(self, codes: Tensor, generator: torch.Generator) -> Tensor:
        """z~ = alpha z, or z / alpha, of codes z (N, D): each alpha ~ U(0, 0.5], by a generator."""
        draws = torch.rand(2, len(codes), 1, generator=generator, device=generator.device)
        alpha, coin = INWARD * (1 - draws[0]).to(codes), draws[1].to(codes)
        share = {"both": 0.5, "inward": 1.0, "outward": 0.0}[self.config.atypical]
        return torch.where(coin < share, alpha * codes, codes / alpha)

    def _criticise(
        self, drawn: tuple[Tensor, Tensor], generator: torch.Generator
    ) -> Mapping[str, Tensor]:
        """L_D: a picture beside itself is worth more than beside its mirror, or a mixture."""
        x, y = drawn
        with torch.no_grad():
            _, mirrors, mixed, corner = self._made(x, y, generator)
        pairs = [self._beside(x, x), self._beside(x, mirrors)]
        if len(mixed):
            pairs.append(self._beside(x[corner], mixed))
        sizes = [len(some) for some in pairs]
        itself, mirror, *others = self.critic(torch.cat(pairs)).split(sizes)
        terms = {"itself": -(y * itself).mean(), "mirror": (y * mirror).mean()}
        if others:
            terms["simplex"] = self.config.simplex * (others[0] - itself[corner]).mean()
        lazy = int(torch.randint(LAZY, (), generator=generator, device=generator.device)) == 0
        penalty = x.new_zeros(())
        if lazy:
            penalty = LAZY * gradient_penalty(self.critic, pairs[0], pairs[1], generator=generator)
        return {**terms, "penalty": self.config.penalty * penalty}

    def _mirror(
        self, drawn: tuple[Tensor, Tensor], generator: torch.Generator
    ) -> Mapping[str, Tensor]:
        """L_AE: mirrors, and mixtures, that the critic takes for the picture itself."""
        x, y = drawn
        codes, mirrors, mixed, corner = self._made(x, y, generator)
        pairs = [self._beside(x, mirrors)]
        if len(mixed):
            pairs.append(self._beside(x[corner], mixed))
        mirror, *others = self.critic(torch.cat(pairs)).split([len(some) for some in pairs])
        normal = y > 0
        lengths = (codes.norm(dim=1) * normal).sum() / normal.sum().clamp_min(1)
        terms = {"mirror": -(y * mirror).mean(), "norm": self.config.norm_weight * lengths}
        if others:
            terms["simplex"] = -self.config.simplex * others[0].mean()
        return terms

    def _made(
        self, x: Tensor, y: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Codes (N, D) and mirrors (N, C, H, W) of pictures x; G(z') (M, C, H, W) of mixtures of
        three normal codes, and of each the row (M,) of one of its corners, drawn at random."""
        codes = self.encoder(x)
        normal = (y > 0).nonzero()[:, 0] if self.config.simplex else y.new_zeros(0).long()
        n, device = len(normal), codes.device
        rows = torch.stack([normal[_permutation(n, generator).to(device)] for _ in range(3)], 1)
        mixed = mixture(codes[rows], simplex_weights(n, generator).to(codes))
        drawn = torch.randint(3, (n, 1), generator=generator, device=generator.device)
        corner = rows.gather(1, drawn.to(device))[:, 0]
        mirrors, others = self.generator(torch.cat([codes, mixed])).split([len(x), n])
        return codes, mirrors, others, corner

    def _beside(self, x: Tensor, other: Tensor) -> Tensor:
        """What the critic sees of a picture and what stands beside it: both, or the latter."""
        return pair(x if self.config.critic == "mirrored" else other, other)

    def _fit_normal(self, batches: Iterable[Batch]) -> None:
        """The Gaussians of R and of d, and quantiles, of the first images of a shuffled stream."""
        found: list[list[Tensor]] = []
        for batch in batches:
            if sum(len(row[0]) for row in found) >= self.config.fitted:
                break
            codes = self.embed(batch.x)
            mirrors = self.generator(codes)
            whole = [self._cells(c, batch.x, mirrors).sum((2, 3)) for c in self._critics()]
            found.append([codes.norm(dim=1), *whole])
        norms, trained, control = (torch.cat(rows) for rows in zip(*found, strict=True))
        distances = trained.abs().sum(1)
        self.mean.copy_(distances.mean())
        self.std.copy_(distances.std().clamp_min(1e-6))
        for name, rows in (("difference", trained), ("untrained", control)):
            mean, whiten = whitening(rows)
            getattr(self, f"{name}_mean").copy_(mean)
            getattr(self, f"{name}_whiten").copy_(whiten)
        levels = torch.linspace(0, 1, POINTS, device=norms.device)
        self.distance_quantiles.copy_(distances.quantile(levels))
        self.norm_quantiles.copy_(norms.quantile(levels))

    # From image to parts ------------------------------------------------------------------------

    def embed(self, x: Tensor) -> Tensor:
        """E(x), (N, D)."""
        return self.encoder(_signed(x))

    @gives_pictures
    def decode(self, codes: Tensor) -> Tensor:
        """G(z) of codes (N, D): images (N, C, H, W) in [0, 1]."""
        return (self.generator(codes) + 1) / 2

    def reconstruct(self, x: Tensor) -> Tensor:
        """The mirrors G(E(x)) of images x (N, C, H, W)."""
        return self.decode(self.embed(x))

    def _critics(self) -> tuple[PairCritic, PairCritic]:
        return self.critic, self.untrained_critic

    def _cells(self, critic: PairCritic, x: Tensor, mirrors: Tensor) -> Tensor:
        """d of images x, in [0, 1], and mirrors, in [-1, 1], at each place, (N, F, h, w)."""
        x = _signed(x)
        both = critic.cells(torch.cat([self._beside(x, x), self._beside(x, mirrors)]))
        itself, mirror = both.chunk(2)
        return itself - mirror

    def parts(self, x: Tensor) -> Mapping[str, Tensor]:
        """The parts (N,) of images x (N, C, H, W).

        Raises:
            NotFitted: no training image was seen.
        """
        if not self.distance_quantiles.any():
            raise NotFitted("AMA needs the distances of training images")
        codes = self.embed(x)
        mirrors = self.generator(codes)
        d, control = (self._cells(c, x, mirrors).sum((2, 3)) for c in self._critics())
        distance = d.abs().sum(1)
        return {
            "two_sided": (distance - self.mean).abs() / self.std,
            "one_sided": distance,
            "features": ((d - self.difference_mean) @ self.difference_whiten.T).norm(dim=1),
            "features_untrained": ((control - self.untrained_mean) @ self.untrained_whiten.T).norm(
                dim=1
            ),
            "reconstruction": (_signed(x) - mirrors).abs().mean((1, 2, 3)) / 2,
            "latent_norm": codes.norm(dim=1),
        }

    # Which pixels -------------------------------------------------------------------------------

    def explain(self, x: Tensor, part: str = "score") -> Explanation:
        """Which pixels made a part: nothing is left over.

        A distance of summed features is, with the signs or directions of its sums held, a sum over
        the critic's cells, which are spread evenly over the pixels they cover. Of the code's length
        it is each pixel times its gradient: the encoder is linear piece by piece, and the offset is
        what its biases add to a black picture.

        Raises:
            ValueError: there is no such part.
        """
        part = self.named(part)
        if part == "latent_norm":
            slope = linear_map(lambda x: self.embed(x).norm(dim=1), x)
            maps = x * slope
            offset = self.part(x, part) - maps.sum(1).sum((1, 2))
        elif part == "reconstruction":
            error = (x - self.reconstruct(x)).abs()
            maps, offset = error / error[0].numel(), x.new_zeros(len(x))
        else:  # cells of features have no colour
            pixels, offset = self._explain_features(x, part)
            maps = pixels[:, None]
        kind = words.OTHER_KINDS.get(part, words.KIND)
        return Explanation.of_channels(maps, offset, torch.zeros_like(offset), kind=kind)

    def _explain_features(self, x: Tensor, part: str) -> tuple[Tensor, Tensor]:
        """Map (N, H, W) and offset (N,) of a part that is a distance of summed features d.

        With weights w (N, F) it is w d + offset: w = sign d of |d|_1, and of |u|, u = W (d - m),
        w = W^T u / |u|.
        """
        which = part == "features_untrained"
        cells = self._cells(self._critics()[which], x, self.generator(self.embed(x)))
        d = cells.sum((2, 3))
        if part in ("one_sided", "two_sided"):
            weights, offset = d.sign(), d.new_zeros(len(d))
            if part == "two_sided":
                above = (d.abs().sum(1) - self.mean).sign() / self.std
                weights, offset = weights * above[:, None], -self.mean * above
        else:
            name = "untrained" if which else "difference"
            mean, whiten = getattr(self, f"{name}_mean"), getattr(self, f"{name}_whiten")
            u = (d - mean) @ whiten.T
            weights = u @ whiten / u.norm(dim=1, keepdim=True).clamp_min(1e-12)
            offset = -(weights * mean).sum(1)
        weighted = (weights[..., None, None] * cells).sum(1)
        return spread_over_pixels(weighted, *x.shape[2:]), offset


def _signed(x: Tensor) -> Tensor:
    """Images in [0, 1] as the networks see them, in [-1, 1]."""
    return 2 * x - 1


def _permutation(n: int, generator: torch.Generator) -> Tensor:
    return torch.randperm(n, generator=generator, device=generator.device)


def _check(config: AMA.Config, shape: Shape) -> None:
    """Refuse settings that make no sense, in words."""
    sizes = (config.code, config.width, config.critic_width, config.critic_steps)
    if min(sizes) < 1 or config.fitted < 2:
        raise ValueError("sizes and steps must be 1 or more, and fitted 2 or more")
    weights = (config.simplex, config.anomaly_weight, config.norm_weight, config.penalty)
    if min(weights) < 0 or config.epochs <= 0:
        raise ValueError(f"weights must be 0 or more and epochs above 0, got {weights}")
    if min(shape.height, shape.width) < LEAST:
        raise ValueError(f"needs pictures of {LEAST}x{LEAST} or more, got {shape}")
