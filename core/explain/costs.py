"""What a map costs before it is drawn: how often a score is asked for, and what one answer takes.

Multiply-adds are counted as torch's own counter counts them, by shapes alone: a machine that is
busy finds the same. `torch.utils.flop_counter.FlopCounterMode` itself hooks all modules of a
process, so that threads would count each other's: only its formulas are used here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from core.detectors._base import Detector
from core.explain import faithfulness
from core.explain.attributions import Score
from core.explain.methods import METHODS, score_of
from core.explain.randomisation import STAGES

__all__ = ["PATIENCE", "adds_of", "looks_of", "looks_of_checks", "takes_long"]

# Multiply-adds of a map that nobody asked for, at most: a core of 2026 takes about two seconds.
PATIENCE = 50_000_000_000
BACK = 2  # scores that a gradient costs: as much again as its own, for no weight needs one


def looks_of(detector: Detector, method: str) -> int:
    """How often a method asks a detector for the score of a picture, to explain one.

    Example:
        >>> from types import SimpleNamespace
        >>> from core.shape import Shape
        >>> toy = SimpleNamespace(shape=Shape(1, 28, 28))
        >>> [looks_of(toy, method) for method in ("own", "integrated", "occlusion")]
        [1, 32, 169]
    """
    return METHODS[method].looks(detector.shape.height, detector.shape.width)


def looks_of_checks(looks: Sequence[int]) -> int:
    """How often deletion, insertion and randomisation ask for the score, of all maps together.

    Args:
        looks: those of each map.

    Example:
        >>> looks_of_checks([1]), looks_of_checks([1, 169])
        (335, 1210)
    """
    curves = (faithfulness.ORDERS + 2 * len(looks)) * (faithfulness.STEPS + 1)
    return curves + (STAGES + 1) * sum(looks)


def takes_long(detector: Detector, method: str, *, adds: int) -> bool:
    """Whether a method's map of a detector is worth waiting for only if somebody asks for it.

    Args:
        adds: multiply-adds of one score.

    Example:
        >>> from types import SimpleNamespace
        >>> from core.shape import Shape
        >>> toy = SimpleNamespace(shape=Shape(1, 28, 28))
        >>> sum(takes_long(toy, method, adds=10**9) for method in METHODS), PATIENCE // 169 < 10**9
        (2, True)
    """
    each = adds * (BACK if METHODS[method].needs_gradient else 1)
    return looks_of(detector, method) * each > PATIENCE


def adds_of(detector: Detector, part: str = "score") -> int:
    """Multiply-adds of a part of one picture: of matrices and convolutions, as torch counts them.

    Those of a second look: some detectors fit at the first what they look up at all others.

    Raises:
        ExplainError: there is no such part.

    Example:
        >>> from types import SimpleNamespace
        >>> from core.shape import Shape
        >>> toy = SimpleNamespace(config=SimpleNamespace(score="a"), described={"a": 1})
        >>> toy.shape, weights = Shape(1, 4, 4), torch.ones(16, 5)
        >>> toy.part = lambda x, name: (x.flatten(1) @ weights).sum(1)
        >>> adds_of(toy)
        80
    """
    return _counted(score_of(detector, part), torch.full((1, *detector.shape), 0.5))


def _counted(score: Score, x: Tensor) -> int:
    # In inference mode a convolution would come as what it is made of: unknown to the counter.
    with torch.inference_mode(False), torch.no_grad():
        score(x)
        with _Counter() as counter:
            score(x)
    return counter.flops // 2


class _Counter(TorchDispatchMode):
    """Counts what this thread computes."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here: to keep the compiler off it is loaded, 150 MB in 3 s."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if formula := flop_registry.get(func.overloadpacket):
            self.flops += formula(*args, **(kwargs or {}), out_val=found)
        return found
