"""The ablation of Outskirts: what each of its parts is worth, one class normal, nine strange.

Arms take one thing away from the full method each, or put something plain in its place. All of
them saw the same images of one class; those of as many levels share everything before the
classifiers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from core.data.stream import Stream
from core.detectors._base import Phase
from core.detectors.outskirts import Outskirts
from core.inference.scoring import codes_of
from core.results import Setting
from core.studies._base import Arm, Case, Ready, fit_here
from core.studies._one_class import SHAPE, OneClass

__all__ = ["FULL", "Ablation", "Staged", "arms_of"]

FULL = "full"
ONE, TWO = "one-level", "two-levels"  # what arms build on
LAST_SHARED = "posteriors"  # what follows this phase differs from arm to arm


# The arms -----------------------------------------------------------------------------------------


def arms_of(config: Outskirts.Config) -> tuple[Arm, ...]:
    """All arms, their grids around the settings of ``config``: six each.

    The full method tries three fractions, each pushed as in ``config`` or only spread, twice as
    wide; what has no fraction to choose tries three spreads, pushed and not. A one-class SVM and
    nearest neighbours have the usual settings of their own.
    """
    tau, kappa, rho = config.tau, config.kappa, config.rho
    fractions = [
        {"rho": r, "kappa": k, "tau": t}
        for r in (rho / 2, rho, 2 * rho)
        for k, t in ((kappa, tau), (1.0, 2 * tau))
    ]
    spreads = [{"kappa": k, "tau": t} for k in (kappa, 1.0) for t in (2 * tau / 3, tau, 2 * tau)]
    return (
        Arm(FULL, "full method", "two levels, outermost posteriors generate", {}, fractions, TWO),
        Arm("plain", "plain classifiers", "the paper's reading: classifiers that know synthetic "
            "outliers, no density and no squares", {"density": False}, fractions, TWO),
        Arm("all", "all generate", "outliers drawn from all exemplar posteriors, rho = 1",
            {"rho": 1.0}, spreads, TWO),
        Arm("noise", "noise around the prior", "z ~ kappa N(0, I) in place of posteriors",
            {"negatives": "noise"}, spreads, TWO),
        Arm("single", "a single level", "a VAE on pixels and one classifier, no descriptors; the "
            "VAE learns for the epochs of both levels, beta stays as it was set for two",
            {"levels": 1}, fractions, ONE),
        Arm("error", "VAE error", "||h - h^||^2 of the full method's VAE, which was not tuned for "
            "it", {}, shares=TWO),
        Arm("svm", "one-class SVM", "on the full method's codes h, all training images", {},
            [{"nu": n, "gamma": g} for n in (0.01, 0.1) for g in (0.1, 1.0, 10.0)], TWO),
        Arm("neighbours", "nearest neighbours", "mean distance of the code h to the k nearest of "
            "all training images", {}, [{"k": k} for k in (1, 2, 5, 10, 20, 50)], TWO),
        Arm("density", "untrained classifiers", "the full method's before any training: kernel "
            "density of exemplar codes and squares, as they start; no outlier was seen", {},
            shares=TWO),
    )  # fmt: skip


class Staged(Outskirts):
    """Outskirts that runs those of its phases that are ``wanted``."""

    wanted: Collection[str] | None = None

    def phases(self) -> Sequence[Phase]:
        """A single level fuses for the epochs that two levels share: as many looks at images."""
        phases = list(super().phases())
        if self.config.levels == 1:
            both = Outskirts(dataclasses.replace(self.config, levels=2), self.shape).phases()
            longer = sum(p.epochs for p in both if p.name in ("distil", "fuse"))
            phases = [dataclasses.replace(p, epochs=longer) if p.name == "fuse" else p
                      for p in phases]  # fmt: skip
        return [p for p in phases if self.wanted is None or p.name in self.wanted]


class _OnCodes(Staged):
    """Codes of a trained Outskirts, scored by something else; the part is called as in the rest."""

    score_codes: Callable[[np.ndarray], np.ndarray]

    def parts(self, x: Tensor) -> Mapping[str, Tensor]:
        return {"logit": torch.from_numpy(self.score_codes(self.codes(x).numpy()))}

    def embed(self, x: Tensor) -> Tensor:
        return self.codes(x)


def _svm(codes: np.ndarray, *, nu: float, gamma: float) -> Callable[[np.ndarray], np.ndarray]:
    """gamma in units of one over the number of codes times their variance."""
    from sklearn.svm import OneClassSVM

    unit = 1 / (codes.shape[1] * codes.var())
    svm = OneClassSVM(nu=nu, gamma=gamma * unit).fit(codes)
    return lambda h: -svm.decision_function(h)


def _neighbours(codes: np.ndarray, *, k: float) -> Callable[[np.ndarray], np.ndarray]:
    from sklearn.neighbors import NearestNeighbors

    near = NearestNeighbors(n_neighbors=int(k), algorithm="brute").fit(codes)
    return lambda h: near.kneighbors(h)[0].mean(1)


ON_CODES: Mapping[str, Callable[..., Callable[[np.ndarray], np.ndarray]]] = {
    "svm": _svm,
    "neighbours": _neighbours,
}


# The study ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ablation(OneClass):
    """What is computed on what, fixed before any test image is read.

    Attributes:
        tuned_on: by data set, the classes on which every arm's setting is chosen, not by their
            test images; though an earlier design was once measured on those of 8 and 0. Two only:
            a class costs five minutes of a core; a third of each set would make the whole an hour.
    """

    title: ClassVar[str] = "Outskirts: one class normal, nine strange, the mean over ten classes"
    question: ClassVar[str] = "Does choosing the outskirts help?"
    text: ClassVar[str] = (
        "The full method beside arms that each lack one thing. One class is normal, the nine "
        "others are strange; each class takes its turn, on digits and on garments."
    )
    over: ClassVar[str] = "ten classes"
    choice: ClassVar[str] = (
        "the setting with the highest mean AUROC over four synthetic faults of held-out normal "
        "images (patch swap, block shuffle, blur, elastic bend) and the tuning classes; no strange "
        "image. What all arms share, such as epochs and descriptors, was chosen for the full "
        "method before"
    )
    packages: ClassVar[tuple[str, ...]] = ("torch", "numpy", "scikit-learn")

    config: Outskirts.Config = field(default_factory=Outskirts.Config)
    tuned_on: Mapping[str, tuple[int, ...]] = field(
        default_factory=lambda: {"MNIST": (5, 8), "FashionMNIST": (0, 2)}
    )
    batch_size: int = 128

    @property
    def arms(self) -> tuple[Arm, ...]:
        return arms_of(self.config)

    @property
    def sets(self) -> tuple[str, ...]:
        return tuple(self.tuned_on)

    @property
    def tuning(self) -> tuple[Case, ...]:
        return tuple(Case(data, str(c)) for data, some in self.tuned_on.items() for c in some)

    def fixed(self) -> Mapping[str, Any]:
        """The detector with its epochs and sizes."""
        detector = self._build()
        return {
            "config": {
                k: v for k, v in dataclasses.asdict(self.config).items() if k != "side" or v
            },
            "calibration": self.calibration,
            "batch_size": self.batch_size,
            "epochs": {p.name: p.epochs for p in detector.phases() if p.players},
            "shapes": {k: list(v.shape) for k, v in detector.state_dict().items()},
        }

    def share(self, shares: str, stream: Stream) -> Mapping[str, Tensor]:
        """Everything before the classifiers."""
        base = self._build(levels=1 if shares == ONE else 2)
        names = [phase.name for phase in base.phases()]
        base.wanted = names[: names.index(LAST_SHARED) + 1]
        fit_here(base, {"train": stream}, seed=self.seed, device=self.device)
        return {k: v for k, v in base.state_dict().items() if not k.startswith("classifiers.")}

    def ready(
        self, arm: Arm, setting: Setting, *, stream: Stream, shared: Mapping[str, Tensor]
    ) -> Ready:
        """Classifiers start as fresh ones do; start and batches are the same in every arm."""
        if arm.name in ON_CODES:
            on_codes = self._on(shared, kind=_OnCodes)
            on_codes.score_codes = ON_CODES[arm.name](codes_of(on_codes, stream.images), **setting)
            return Ready(on_codes, "logit")
        if arm.name == "error":
            return Ready(self._on(shared), "reconstruction")
        detector = self._on(shared, **{**arm.changes, **setting})
        phases = detector.phases()
        last = phases[[p.name for p in phases].index(LAST_SHARED) + 1 :]
        detector.wanted = [p.name for p in last if arm.name != "density" or not p.players]
        fit_here(detector, {"train": stream}, seed=self.seed, device=self.device)
        return Ready(detector.requires_grad_(False), "logit")

    def _on(self, shared: Mapping[str, Tensor], *, kind: type = Staged, **changes: Any) -> Any:
        """A detector of other settings that builds on what is shared; its classifiers are fresh."""
        detector = self._build(kind, **changes)
        detector.load_state_dict({**detector.state_dict(), **shared})
        return detector.eval().requires_grad_(False)

    def _build(self, kind: type[Staged] = Staged, **changes: Any) -> Staged:
        torch.manual_seed(self.seed)
        return kind(dataclasses.replace(self.config, **changes), SHAPE)
