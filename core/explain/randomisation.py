"""Whether a map looks at what the detector has learned: what it becomes when that is shuffled."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from core.detectors._base import Detector, Explanation
from core.evaluate.metrics import rank_correlation
from core.explain.methods import explain

__all__ = ["ALIKE", "Stage", "randomised", "randomised_maps"]

STAGES = 4
ALIKE = 0.5  # rank correlation above which a map is the same as before


@dataclass(frozen=True)
class Stage:
    """A detector part of whose knowledge is shuffled, and the map that it gives then.

    Attributes:
        share: of its modules, from the score downwards.
        map: (H, W).
        rank: Spearman's correlation of the map with that of the whole detector; NaN where one of
            the two is constant, or not finite.
    """

    share: float
    map: np.ndarray
    rank: float

    @property
    def alike(self) -> bool:
        """Whether |rank| is above 0.5: after the last stage such a map has failed the check.

        It would be much the same of a detector that has learned nothing.
        """
        return abs(self.rank) > ALIKE


def randomised_maps(
    detector: Detector,
    x: Tensor,
    *,
    part: str = "score",
    method: str = "own",
    baseline: Tensor | None = None,
    seed: int = 0,
) -> list[Stage]:
    """Maps of an image x (1, C, H, W) while a copy of the detector loses what it learned.

    In four stages, each of which shuffles more modules. Part, method, baseline (C, H, W) and seed
    are as in `core.explain.methods.explain`; the seed shuffles, too.

    References:
        Adebayo et al. 2018, Sanity checks for saliency maps, sec. 3,
        https://arxiv.org/abs/1810.03292.

    Raises:
        OutskirtsError: the method cannot explain this.

    Example:
        >>> from core.detectors.glow import Glow
        >>> from core.shape import Shape
        >>> glow = Glow(Glow.Config(steps=1, hidden=8, scales=2), Shape(1, 8, 8))
        >>> x = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        >>> len(randomised_maps(glow, x, part="total"))
        4
    """
    asked: dict[str, Any] = {"part": part, "method": method, "baseline": baseline, "seed": seed}
    whole = _values(explain(detector, x, **asked))
    found = []
    for share in _shares(detector):
        values = _values(explain(_twin(detector, share, seed), x, **asked))
        found.append(Stage(share, values, _rank(whole, values)))
    return found


# Of the detector that was asked last: every method asks the same four, and one that has forgotten
# may have to fit anew what it knew of its training images, for a second each.
_twins: WeakKeyDictionary[Detector, dict[tuple[float, int], Detector]] = WeakKeyDictionary()


def _twin(detector: Detector, share: float, seed: int) -> Detector:
    """`randomised`, kept until another detector is asked."""
    kept = _twins.get(detector)
    if kept is None:
        _twins.clear()
        kept = _twins.setdefault(detector, {})
    if (share, seed) not in kept:
        if len(kept) >= STAGES:
            kept.clear()  # of another seed
        kept[share, seed] = randomised(detector, share, seed=seed)
    return kept.get((share, seed)) or randomised(detector, share, seed=seed)


def _values(found: Explanation) -> np.ndarray:
    return found.map[0].float().cpu().numpy()


def _rank(a: np.ndarray, b: np.ndarray) -> float:
    for values in (a, b):  # what forgets may overflow
        if not np.isfinite(values).all() or values.min() == values.max():
            return float("nan")
    return rank_correlation(a.flatten(), b.flatten())


def _shares(detector: Detector) -> list[float]:
    """Four shares of all modules; auxiliary models, if there are any, are the last step."""
    own, every = len(_owners(detector, below=False)), len(_owners(detector))
    steps = STAGES if own == every else STAGES - 1
    counts = [round(own * i / steps) for i in range(1, steps + 1)]
    return [count / every for count in (*counts, *[every] * (STAGES - steps))]


def randomised(detector: Detector, share: float, *, seed: int = 0) -> Detector:
    """A copy of a detector in which a share of its modules forget, from the score downwards.

    A module forgets by shuffling each tensor that its checkpoint stores, so that no scale changes.
    What the detector holds beside its modules goes first, then its modules from the last to the
    first, then those of its auxiliary models likewise. The seed shuffles.

    Example:
        >>> from core.detectors.glow import Glow
        >>> from core.shape import Shape
        >>> glow = Glow(Glow.Config(steps=1, hidden=8), Shape(1, 8, 8))
        >>> other = randomised(glow, 1.0)
        >>> pairs = zip(glow.state_dict().values(), other.state_dict().values())
        >>> any(not torch.equal(a, b) for a, b in pairs), float(glow.mean.sum())
        (True, 0.0)
    """
    with torch.inference_mode(False), torch.no_grad():
        twin = copy.deepcopy(detector)
        owners = _owners(twin)
        generator = torch.Generator().manual_seed(seed)
        for owner in owners[: round(share * len(owners))]:
            for tensor in _stored(owner):
                order = torch.randperm(tensor.numel(), generator=generator).to(tensor.device)
                tensor.copy_(tensor.flatten()[order].view_as(tensor))
    return twin


def _owners(detector: Detector, *, below: bool = True) -> list[nn.Module]:
    """Modules with tensors of their own, from the score down; auxiliary models' stand below."""
    own, *inner = detector.modules()
    found = [m for m in (own, *reversed(inner)) if _stored(m)]
    for other in detector.auxiliaries.values() if below else ():
        found += _owners(other)
    return found


def _stored(module: nn.Module) -> list[Tensor]:
    """A module's own tensors that a checkpoint holds, not those of modules within."""
    kept = dict(module.named_buffers(recurse=False))
    held = [b for name, b in kept.items() if name not in module._non_persistent_buffers_set]
    return [*module.parameters(recurse=False), *held]
