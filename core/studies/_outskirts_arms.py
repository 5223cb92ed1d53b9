"""The arms of the ablation of Outskirts: what each is, and what it may choose from.

All that decides a figure is fixed here, before any test image is read.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from core.data.stream import Stream
from core.data.transforms import FAULTS
from core.detectors._base import Phase
from core.detectors.outskirts import Outskirts
from core.inference.scoring import codes_of
from core.shape import Shape
from core.train.loop import fit

__all__ = [
    "FULL",
    "PLAN",
    "Arm",
    "Plan",
    "Setting",
    "Staged",
    "arms_of",
    "base_of",
    "epochs_of",
    "ready",
]

FULL = "full"
SHAPE = Shape(1, 28, 28)  # of both sets
Setting = Mapping[str, float]
Kind = Literal["classifiers", "error", "density", "svm", "neighbours"]


# Fixed beforehand ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Arm:
    """One thing that is measured.

    Attributes:
        changes: settings of Outskirts that make it what it is.
        grid: settings to choose from, as many in every arm that has something to choose.
    """

    name: str
    title: str
    text: str
    kind: Kind = "classifiers"
    changes: Mapping[str, Any] = field(default_factory=dict)
    grid: Sequence[Setting] = ({},)


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
        Arm(FULL, "full method", "two levels, outermost posteriors generate", grid=fractions),
        Arm("all", "all generate", "outliers drawn from all exemplar posteriors, rho = 1",
            changes={"rho": 1.0}, grid=spreads),
        Arm("noise", "noise around the prior", "z ~ kappa N(0, I) in place of posteriors",
            changes={"negatives": "noise"}, grid=spreads),
        Arm("single", "a single level", "a VAE on pixels and one classifier, no descriptors; the "
            "VAE learns for the epochs of both levels, beta stays as it was set for two",
            changes={"levels": 1}, grid=fractions),
        Arm("error", "VAE error", "||h - h^||^2 of the full method's VAE, which was not tuned for "
            "it", "error"),
        Arm("svm", "one-class SVM", "on the full method's codes h, all training images", "svm",
            grid=[{"nu": n, "gamma": g} for n in (0.01, 0.1) for g in (0.1, 1.0, 10.0)]),
        Arm("neighbours", "nearest neighbours", "mean distance of the code h to the k nearest of "
            "all training images", "neighbours",
            grid=[{"k": k} for k in (1, 2, 5, 10, 20, 50)]),
        Arm("density", "untrained classifiers", "the full method's before any training: kernel "
            "density of exemplar codes and squares, as they start; no outlier was seen", "density"),
    )  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What is computed on what, fixed before any test image is read.

    Attributes:
        tuning: by data set, the classes on which every arm's setting is chosen, not by their test
            images; though an earlier design was once measured on those of 8 and 0. Two only:
            a class costs five minutes of a core; a third of each set would make the whole an hour.
        classes: each is normal in turn.
        calibration: training images of a set that train nothing; those of the class choose.
    """

    config: Outskirts.Config = field(default_factory=Outskirts.Config)
    tuning: Mapping[str, tuple[int, ...]] = field(
        default_factory=lambda: {"MNIST": (5, 8), "FashionMNIST": (0, 2)}
    )
    classes: tuple[int, ...] = tuple(range(10))
    calibration: int = 5000
    batch_size: int = 128
    seed: int = 0
    draws: int = 1000

    @property
    def arms(self) -> tuple[Arm, ...]:
        return arms_of(self.config)

    def as_dict(self) -> dict[str, Any]:
        """All that decides the figures, epochs and sizes of the detector included; no words."""
        detector, words = Outskirts(self.config, SHAPE), {"title", "text"}
        return json.loads(json.dumps({
            **dataclasses.asdict(self),
            "arms": [{k: v for k, v in dataclasses.asdict(arm).items() if k not in words}
                     for arm in self.arms],
            "faults": list(FAULTS),
            "epochs": epochs_of(detector),
            "shapes": {k: list(v.shape) for k, v in detector.state_dict().items()},
        }))  # fmt: skip


PLAN = Plan()


# The arms -----------------------------------------------------------------------------------------

LAST_SHARED = "posteriors"  # what follows this phase differs from arm to arm


def epochs_of(detector: Outskirts) -> dict[str, int]:
    return {phase.name: phase.epochs for phase in detector.phases() if phase.players}


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


def _build(config: Outskirts.Config, plan: Plan, kind: type[Staged] = Staged) -> Staged:
    torch.manual_seed(plan.seed)
    return kind(config, SHAPE)


def base_of(plan: Plan, stream: Stream, *, levels: Literal[1, 2]) -> Staged:
    """Everything before the classifiers, trained once for all arms of as many levels."""
    base = _build(dataclasses.replace(plan.config, levels=levels), plan)
    names = [phase.name for phase in base.phases()]
    base.wanted = names[: names.index(LAST_SHARED) + 1]
    fit(base, {"train": stream}, seed=plan.seed)
    return base.requires_grad_(False)


def ready(
    arm: Arm, setting: Setting, base: Staged, *, plan: Plan, stream: Stream
) -> tuple[Outskirts, str]:
    """The arm's detector, ready to score, and the part that is its score.

    Classifiers are fresh copies, their start and their batches the same in every arm.
    """
    if arm.kind in ("svm", "neighbours"):
        found = _copy(base, plan, kind=_OnCodes)
        codes = codes_of(found, stream.images)
        if arm.kind == "svm":
            found.score_codes = _svm(codes, nu=setting["nu"], gamma=setting["gamma"])
        else:
            found.score_codes = _neighbours(codes, k=int(setting["k"]))
        return found, "logit"
    if arm.kind == "error":
        return base, "reconstruction"
    found = _copy(base, plan, **{**arm.changes, **setting})
    last = found.phases()[[p.name for p in found.phases()].index(LAST_SHARED) + 1 :]
    found.wanted = [p.name for p in last if arm.kind == "classifiers" or not p.players]
    fit(found, {"train": stream}, seed=plan.seed)
    return found.requires_grad_(False), "logit"


def _copy(base: Staged, plan: Plan, *, kind: type = Staged, **changes: Any) -> Any:
    """A detector of other settings with the base's weights; its classifiers never moved."""
    found = _build(dataclasses.replace(base.config, **changes), plan, kind)
    found.load_state_dict(base.state_dict())
    return found.eval().requires_grad_(False)


def _svm(codes: np.ndarray, *, nu: float, gamma: float) -> Callable[[np.ndarray], np.ndarray]:
    """gamma in units of one over the number of codes times their variance."""
    from sklearn.svm import OneClassSVM

    unit = 1 / (codes.shape[1] * codes.var())
    svm = OneClassSVM(nu=nu, gamma=gamma * unit).fit(codes)
    return lambda h: -svm.decision_function(h)


def _neighbours(codes: np.ndarray, *, k: int) -> Callable[[np.ndarray], np.ndarray]:
    from sklearn.neighbors import NearestNeighbors

    near = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(codes)
    return lambda h: near.kneighbors(h)[0].mean(1)
