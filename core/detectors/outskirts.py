"""Outskirts: outliers made at the edge of what is normal, and classifiers taught by them.

Level 1: autoencoders distil descriptors of the image, each of another nature, to codes. Level 2:
one VAE fuses the codes, so that every training image has a posterior. The outermost posteriors
are pushed further out and drawn from; classifiers learn these draws from the normal codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.detectors import _base
from core.detectors._base import Batch, Detector, Explanation, NotFitted, Paper, Part, Phase, Player
from core.detectors._outskirts_settings import check
from core.detectors._outskirts_words import KIND, LIMITS, LOGITS, PAPER, PARTS
from core.detectors._seen import gives_pictures, takes_pictures
from core.nn.dense import OutwardLogit, PlainLogit, dense
from core.nn.descriptors import FilterBank, oriented_wavelets, random_filters
from core.nn.distil import Autoencoder, PlainCode, log_error, moments
from core.nn.outlyingness import CRITERIA, Criterion
from core.nn.paths import along_path
from core.nn.posteriors import Synthesis, kl_to_prior, noise_like, outermost, pushed
from core.shape import Shape

__all__ = ["Outskirts"]

STEPS = 32  # of the way from a reconstruction to its image
CLASSIFYING = ("whiten", "discriminate", "round to 16 bits")  # phases after both levels


class Outskirts(Detector):
    """Logits of classifiers that learned normal codes from synthetic ones; larger = stranger.

    Parts, all (N,):
        logit: mean of the others' logits.
        logit_pixels, logit_wavelets, logit_filters: of the classifier on one descriptor's code.
        logit_fused: of the classifier on the fused code.
        reconstruction: ||h - h^||^2 of the VAE, codes standardised.
        kl: KL(q(z | h) || N(0, I)) in nats.

    References:
        Ramirez Rivera, Khan, Bekkouch, Sheikh 2022, https://arxiv.org/abs/2010.05119: the idea;
        the equations are our reconstruction.
        Zong et al. 2018, Deep autoencoding Gaussian mixture model: errors as part of the code.
    """

    paper: ClassVar[Paper] = PAPER
    about: ClassVar[Mapping[str, Part]] = PARTS
    compact = True
    leaves_over: ClassVar[bool] = True
    candidates: ClassVar[tuple[str, ...]] = ("logit",)

    @dataclass(frozen=True)
    class Config(_base.Config):
        """Sizes, and where the synthetic outliers come from.

        Attributes:
            levels: 2, or 1 for a VAE on pixels and its classifier alone.
            code: numbers of each descriptor's autoencoder; its log errors come on top, one for
                each of regions x regions fields.
            hidden, fuse_hidden, classifier_hidden: of autoencoders, VAE and classifiers.
            beta: weight of the KL.
            exemplars: training images whose posteriors are held, drawn at random.
            criterion: "prior" (A, KL to it), "aggregate" (B, Mahalanobis distance) or
                "neighbours" (C, mean symmetric KL to the 5 nearest).
            rho: the fraction of exemplar posteriors that generate; 1 means all of them.
            kappa, tau: push from the centre, and spread, of the synthetic outliers.
            negatives: "outskirts", or "noise": z ~ kappa N(0, I), S of all exemplar posteriors.
            density: whether a logit holds squares and the kernel density of exemplar normal codes
                beside its net; without, it is the paper's reading: a net taught by outliers.
            starts_from: checkpoint whose levels and posteriors are taken; classifiers train alone.
        """

        renamed: ClassVar[Mapping[str, str]] = {
            "judge_hidden": "classifier_hidden",
            "judge_rate": "classifier_rate",
            "kept": "exemplars",
        }

        score: str = "logit"
        levels: Literal[1, 2] = 2
        code: int = 16
        regions: int = 4
        hidden: int = 32
        latent: int = 16
        fuse_hidden: int = 96
        classifier_hidden: int = 32
        beta: float = 0.5
        exemplars: int = 960
        criterion: Criterion = "neighbours"
        rho: float = 0.1
        kappa: float = 1.2
        tau: float = 1.5
        negatives: Literal["outskirts", "noise"] = "outskirts"
        density: bool = True
        starts_from: str = ""
        learning_rate: float = 1e-3
        classifier_rate: float = 3e-3

    code_centre: Tensor  # (H,)
    code_scale: Tensor  # (H,)
    exemplar_codes: Tensor  # (K, H), standardised codes of the exemplar training images

    def __init__(self, config: Config, shape: Shape) -> None:
        super().__init__(config, shape)
        check(config, shape := self.seen)
        self.banks = nn.ModuleDict()
        self.level1 = nn.ModuleDict({"pixels": PlainCode(shape)})
        if config.levels == 2:
            self.banks["wavelets"] = FilterBank(oriented_wavelets(), channels=shape.channels)
            self.banks["filters"] = FilterBank(random_filters(), channels=shape.channels)
            described = {j: cast(FilterBank, bank).shape for j, bank in self.banks.items()}
            sizes = {"hidden": config.hidden, "code": config.code, "regions": config.regions}
            shapes: dict[str, tuple[int, ...]] = {"pixels": shape, **described}
            self.level1 = nn.ModuleDict({j: Autoencoder(s, **sizes) for j, s in shapes.items()})
        self.sizes = [cast(Autoencoder, part).size for part in self.level1.values()]
        total, d = sum(self.sizes), config.latent
        self.encoder = dense(total, config.fuse_hidden, 2 * d)
        self.decoder = dense(d, config.fuse_hidden, total)
        inputs = {"fused": d + len(self.sizes)}
        if config.levels == 2:
            inputs = {j: n + 1 for j, n in zip(self.level1, self.sizes, strict=True)} | inputs
        logit = OutwardLogit if config.density else PlainLogit
        self.classifiers = nn.ModuleDict(
            {j: logit(n, config.classifier_hidden) for j, n in inputs.items()}
        )
        self.register_buffer("code_centre", torch.zeros(total))
        self.register_buffer("code_scale", torch.ones(total))
        self.register_buffer("exemplar_codes", torch.zeros(config.exemplars, total))
        self._known: tuple[tuple[int, ...], Tensor, Mapping[str, Tensor]] | None = None

    @classmethod
    def describe(cls, config: Config, shape: Shape) -> Mapping[str, Part]:
        if config.levels == 2:
            return cls.about
        has = {"logit", "logit_fused", "reconstruction", "kl"}
        return {name: part for name, part in cls.about.items() if name in has}

    @property
    def deviations(self) -> tuple[str, ...]:
        return (*self.paper.deviations, LOGITS["density" if self.config.density else "plain"])

    @property
    def limits(self) -> tuple[str, ...]:
        return (*self.sees, *LIMITS["any"], *LIMITS["density" if self.config.density else "plain"])

    @property
    def start(self) -> str:
        return self.config.starts_from

    def begin_from(self, other: Detector) -> None:
        """Take over all but the classifiers."""
        taken = {k: v for k, v in other.state_dict().items() if not k.startswith("classifiers.")}
        self.load_state_dict({**self.state_dict(), **taken})

    @property
    def code(self) -> str:
        return f"{self.config.latent} means of the VAE's posterior"

    @property
    def n_exemplars(self) -> int:
        return self.config.exemplars

    # Training -----------------------------------------------------------------------------------

    def phases(self) -> Sequence[Phase]:
        rate = self.config.learning_rate
        distil = self._player("autoencoders", [self.level1], self._distil, rate)
        fuse = self._player("vae", [self.encoder, self.decoder], self._fuse, rate)
        classifier = self._player(
            "classifiers", [self.classifiers], self._discriminate, self.config.classifier_rate
        )
        phases = [
            Phase("standardise descriptors", "train", prepare=self._fit_descriptors),
            Phase("distil", "train", [distil], epochs=20),
            Phase("standardise codes", "train", prepare=self._fit_codes),
            Phase("fuse", "train", [fuse], epochs=20),
            Phase("posteriors", "train", prepare=self._hold_posteriors),
            Phase("whiten", "train", prepare=self._fit_whitening),
            Phase("discriminate", "train", [classifier], epochs=6),
            Phase("round to 16 bits", "train", prepare=self.round_weights),
        ]
        if self.start:
            phases = [p for p in phases if p.name in CLASSIFYING]
        return [phase for phase in phases if self.config.levels == 2 or phase.name != "distil"]

    @staticmethod
    def _player(name: str, modules: list[nn.Module], terms: object, rate: float) -> Player:
        return Player(
            name=name,
            modules=modules,
            terms=terms,  # type: ignore[arg-type]
            optimizer=lambda p: torch.optim.AdamW(p, lr=rate, weight_decay=1e-3),
            schedule=lambda progress: 1 - progress,
            clip=20.0,
        )

    def _distil(self, batch: Batch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """L_j = mean ||d_j - D_j(E_j(d_j))||^2, a term a descriptor."""
        found = self.descriptors(batch.x)
        return {j: (a := self._autoencoder(j)).errors(a.standardised(found[j])).mean()
                for j in self.level1}  # fmt: skip

    def _fuse(self, batch: Batch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """||h - h^||^2 + beta KL(q(z | h) || N(0, I))."""
        h = self.codes(batch.x).detach()
        mean, std = self.posterior(h)
        error = (h - self.decoder(mean + std * noise_like(mean, generator))).square().sum(1)
        kl = kl_to_prior(mean, std).sum(1)
        return {"reconstruction": error.mean(), "kl": self.config.beta * kl.mean()}

    def _discriminate(self, batch: Batch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Binary cross-entropy of normal codes (0) and as many synthetic ones (1), by classifier.

        Normal codes pass through the VAE as synthetic ones do, drawn from their own posteriors.
        """
        with torch.no_grad():
            h = self.codes(batch.x)
            mean, std = self.posterior(h)
            drawn = self.decoder(mean + std * noise_like(mean, generator))
            normal = self.features(drawn + h - self.decoder(mean))
            synthetic = self.features(self._draw(len(h), generator)[0])
        return {
            j: F.softplus(classifier(normal[j], near)).mean()
            + F.softplus(-classifier(synthetic[j], near)).mean()
            for j, classifier, near in self._classifiers()
        }

    def _fit_descriptors(self, batches: Iterable[Batch]) -> None:
        for j, sums in moments(self.descriptors(batch.x) for batch in batches).items():
            self._autoencoder(j).fit_(*sums)

    def _fit_codes(self, batches: Iterable[Batch]) -> None:
        raw = torch.cat([self._raw_codes(batch.x) for batch in batches])
        self.code_centre.copy_(raw.mean(0))
        variances = raw.var(0).split(self.sizes)
        scales = [self._autoencoder(j).scales(v)
                  for j, v in zip(self.level1, variances, strict=True)]  # fmt: skip
        self.code_scale.copy_(torch.cat(scales))

    def _hold_posteriors(self, batches: Iterable[Batch]) -> None:
        """Codes of the first ``exemplars`` images of the stream, which is shuffled."""
        exemplars: list[Tensor] = []
        for batch in batches:
            exemplars.append(self.codes(batch.x))
            if sum(map(len, exemplars)) >= self.config.exemplars:
                break
        h = torch.cat(exemplars)[: self.config.exemplars]
        if len(h) < self.config.exemplars:
            raise NotFitted(
                f"{self.config.exemplars} exemplars are wanted of {len(h)} training images"
                f": set exemplars to {len(h)} or less"
            )
        self.exemplar_codes.copy_(h)

    def _fit_whitening(self, batches: Iterable[Batch]) -> None:
        for j, codes in self.features(self.exemplar_codes).items():
            cast(PlainLogit, self.classifiers[j]).fit_(codes)

    # From image to codes ------------------------------------------------------------------------

    @takes_pictures
    def descriptors(self, x: Tensor) -> Mapping[str, Tensor]:
        """d_j of images x (N, C, H, W), each (N, C_j, h_j, w_j)."""
        return {"pixels": x} | {j: bank(x) for j, bank in self.banks.items()}

    def codes(self, x: Tensor) -> Tensor:
        """h = [h_1 .. h_J], standardised, (N, H), of images x (N, C, H, W)."""
        return (self._raw_codes(x) - self.code_centre) / self.code_scale

    def _raw_codes(self, x: Tensor) -> Tensor:
        return torch.cat([self.level1[j](d) for j, d in self.descriptors(x).items()], 1)

    def _autoencoder(self, descriptor: str) -> Autoencoder:
        return cast(Autoencoder, self.level1[descriptor])

    def posterior(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """mu and s (N, D) of q(z | h) for codes h (N, H)."""
        mean, log_variance = self.encoder(h).chunk(2, 1)
        return mean, (log_variance.clamp(-12, 8) / 2).exp()

    def embed(self, x: Tensor) -> Tensor:
        """The posterior's mean, (N, D)."""
        return self.posterior(self.codes(x))[0]

    def features(self, h: Tensor) -> Mapping[str, Tensor]:
        """What each classifier sees of codes h (N, H): [h_j, log e_j], and [mu, log e_1 .. e_J].

        e_j is the mean squared error of the VAE on h_j.
        """
        mean, _ = self.posterior(h)
        errors = (h - self.decoder(mean)).square().split(self.sizes, 1)
        logs = [log_error(e.mean(1, keepdim=True)) for e in errors]
        found = {"fused": torch.cat([mean, *logs], 1)}
        for j, code, log in zip(self.level1, h.split(self.sizes, 1), logs, strict=True):
            found[j] = torch.cat([code, log], 1)
        return {j: found[j] for j in self.classifiers}

    def parts(self, x: Tensor) -> Mapping[str, Tensor]:
        return self.parts_of_codes(self.codes(x))

    def parts_of_codes(self, h: Tensor, *, without: int | None = None) -> Mapping[str, Tensor]:
        """Parts (N,) of codes h (N, H); the classifiers look past the exemplar code ``without``."""
        mean, std = self.posterior(h)
        features = self.features(h)
        logits = {
            f"logit_{j}": classifier(features[j], near)
            for j, classifier, near in self._classifiers(without)
        }
        found = {
            "logit": torch.stack(list(logits.values())).mean(0),
            **logits,
            "reconstruction": (h - self.decoder(mean)).square().sum(1),
            "kl": kl_to_prior(mean, std).sum(1),
        }
        return {name: found[name] for name in self.described}

    # The outskirts ------------------------------------------------------------------------------

    def kl_per_dimension(self) -> Tensor:
        """Mean KL of the exemplar posteriors to the prior, (D,) in nats; near 0 = collapsed."""
        return kl_to_prior(*self._exemplar_posteriors()).mean(0)

    def outlyingness(self, criterion: Criterion | None = None) -> Tensor:
        """How far out each exemplar posterior lies, (K,), larger = further out.

        Raises:
            NotFitted: there are no posteriors yet.
            ValueError: there is no such criterion.
        """
        if (name := criterion or self.config.criterion) not in CRITERIA:
            raise ValueError(f"criterion is prior, aggregate or neighbours, got {name!r}")
        return CRITERIA[name](*self._exemplar_posteriors())

    def generators(self, rho: float | None = None, criterion: Criterion | None = None) -> Tensor:
        """Indices (G,) of the exemplars that generate: the top fraction rho, outermost first.

        How far out is measured by a criterion; what is not given is the config's.
        """
        return outermost(self.outlyingness(criterion), self.config.rho if rho is None else rho)

    def synthesise(
        self,
        n: int,
        generator: torch.Generator,
        *,
        rho: float | None = None,
        tau: float | None = None,
        kappa: float | None = None,
        criterion: Criterion | None = None,
        parents: Tensor | None = None,
    ) -> Synthesis:
        """Draw n synthetic outliers by a generator; what is not given is as in training.

        Parents are indices (G,), those of `generators` by rho and criterion if not given.

        z~ = mu_bar + kappa (mu_i - mu_bar) + tau s_i eps and h~ = D(z~) + tau r, with r drawn from
        N(0, S), S the mean of (h_i - D(mu_i)) (h_i - D(mu_i))^T over all generators i.
        """
        parents = self.generators(rho, criterion) if parents is None else parents
        h, z, parents = self._draw(n, generator, parents, tau, kappa)
        return Synthesis(h, z, parents, self.pictures(h))

    def _draw(
        self,
        n: int,
        generator: torch.Generator,
        parents: Tensor | None = None,
        tau: float | None = None,
        kappa: float | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """h~ (n, H), z~ (n, D) and the index of each one's parent (n,)."""
        config, (mean, std) = self.config, self._exemplar_posteriors()
        tau = config.tau if tau is None else tau
        kappa = config.kappa if kappa is None else kappa
        if parents is None:
            parents = self._knowledge()[0]
        draws = torch.randint(len(parents), (n,), generator=generator, device=generator.device)
        i = parents.to(mean.device)[draws.to(mean.device)]
        eps = noise_like(mean[i], generator)
        z = pushed(mean[i], std[i], eps, centre=mean.mean(0), kappa=kappa, tau=tau)
        if config.negatives == "noise":
            z = kappa * eps
        rest = self.exemplar_codes[parents] - self.decoder(mean[parents])  # (G, H)
        weights = noise_like(rest.new_empty(n, len(rest)), generator)
        return self.decoder(z) + tau * weights @ rest / len(rest) ** 0.5, z, i

    def _classifiers(self, without: int | None = None) -> list[tuple[str, PlainLogit, Tensor]]:
        """Each classifier with the features of the exemplar codes that it looks at."""
        near = self._knowledge()[1]
        if without is not None:
            near = {j: torch.cat([n[:without], n[without + 1 :]]) for j, n in near.items()}
        return [(j, cast(PlainLogit, c), near[j]) for j, c in self.classifiers.items()]

    @torch.inference_mode(False)  # what is held must serve a later gradient, too
    @torch.no_grad()
    def _knowledge(self) -> tuple[Tensor, Mapping[str, Tensor]]:
        """`generators` of the config and features of the exemplars, made once for these codes."""
        key = (self.exemplar_codes._version, self.exemplar_codes.data_ptr())
        if self._known is None or self._known[0] != key:
            generators = torch.arange(len(self.exemplar_codes))
            if self.config.negatives == "outskirts" and self.exemplar_codes.any():
                generators = self.generators()
            self._known = key, generators, self.features(self.exemplar_codes)
        return self._known[1:]

    def _exemplar_posteriors(self) -> tuple[Tensor, Tensor]:
        """mu_i and s_i (K, D) of the exemplar training images."""
        if not self.exemplar_codes.any():
            raise NotFitted("the outskirts need the posteriors of training")
        with torch.no_grad():
            return self.posterior(self.exemplar_codes)

    @gives_pictures
    def pictures(self, h: Tensor) -> Tensor:
        """Images (N, C, H, W) in [0, 1] of codes h (N, H), by the pixels' decoder."""
        raw = h[:, : self.sizes[0]] * self.code_scale[: self.sizes[0]]
        raw = raw + self.code_centre[: self.sizes[0]]
        return self._autoencoder("pixels").decode(raw).clamp(0, 1)

    def reconstruct(self, x: Tensor) -> Tensor:
        """Images x (N, C, H, W) after both levels and back."""
        return self.pictures(self.decoder(self.embed(x)))

    def explain(self, x: Tensor, part: str = "score") -> Explanation:
        """What the classifiers make of what the reconstruction leaves out of images.

        [ours] The map is x - x^, x^ = `reconstruct(x)`, times the mean gradient of the part on the
        way from x^ to x; the offset is the part of x^, the residual what the way's steps miss.
        A reconstruction may be the stranger of the two: then details make an image more normal.

        Raises:
            ValueError: there is no such part.
        """
        name = self.named(part)
        with torch.no_grad():
            start = self.reconstruct(x)
            offset, whole = self.part(start, name), self.part(x, name)
        maps = along_path(lambda x: self.part(x, name), start, x, steps=STEPS)
        left = whole.double() - offset.double() - maps.sum(1).double().sum((1, 2))
        return Explanation.of_channels(maps, offset, left.to(x.dtype), kind=KIND)
