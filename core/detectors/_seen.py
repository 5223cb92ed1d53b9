"""Pictures at the size that a detector sees: averaged on the way in, brought back on the way out.

A detector is written for the pictures that it sees, of the shape ``seen``. What the contract says
it does to pictures takes those of the scenario, too, and gives maps and pictures of the size that
it was given: `at_seen_size` wraps the methods of a class by their names, and `takes_pictures` and
`gives_pictures` what a detector has beyond the contract.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from torch import Tensor

from core.nn.sizes import averaged, enlarged, shared_out
from core.shape import Shape

if TYPE_CHECKING:
    from core.detectors._base import Batch, Detector, Explanation, Phase

__all__ = ["at_seen_size", "gives_pictures", "seen_shape", "takes_pictures"]

P = ParamSpec("P")
R = TypeVar("R")
D = TypeVar("D", bound="Detector")


def seen_shape(side: int, shape: Shape) -> Shape:
    """What a detector sees of pictures of a shape: side x side pixels, or all where side is 0.

    Raises:
        ValueError: the pictures are smaller than that, or the side is negative.

    Example:
        >>> str(seen_shape(64, Shape(1, 256, 256))), str(seen_shape(0, Shape(3, 32, 40)))
        ('64x64 grey', '32x40 colour')
    """
    if not side:
        return shape
    if side < 0:
        raise ValueError(f"side must be 0 or more, got {side}")
    if side > min(shape.height, shape.width):
        raise ValueError(f"needs pictures of {side}x{side} or more to see that much, got {shape}")
    return Shape(shape.channels, side, side)


def at_seen_size(cls: type[Detector]) -> None:
    """Wrap what a class has of the contract's methods that take or give pictures."""
    for name, back in BACK.items():
        if name in vars(cls):
            setattr(cls, name, _taking(vars(cls)[name], back))
    if "sample" in vars(cls):
        cls.sample = gives_pictures(cls.sample)  # type: ignore[method-assign]
    if "phases" in vars(cls):
        cls.phases = _learning(cls.phases)  # type: ignore[method-assign]


def takes_pictures(method: Callable[Concatenate[D, Tensor, P], R]) -> Any:
    """A method of pictures (N, C, H, W), that sees them averaged down; what it gives stays."""
    return _taking(method, _stay)


def gives_pictures(method: Callable[Concatenate[D, P], Tensor]) -> Any:
    """A method that gives pictures (N, C, h, w) as they are seen: it gives them at full size."""

    @wraps(method)
    def at_full_size(self: D, *args: P.args, **kwargs: P.kwargs) -> Tensor:
        found = method(self, *args, **kwargs)
        return enlarged(found, *self.shape[1:]) if self.config.side else found

    return at_full_size


def _taking(method: Callable[..., Any], back: Callable[[Any, int, int], Any]) -> Any:
    @wraps(method)
    def at_size_of(self: Detector, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        if not self.config.side:
            return method(self, x, *args, **kwargs)
        return back(method(self, _averaged(self, x), *args, **kwargs), *x.shape[2:])

    return at_size_of


def _averaged(detector: Detector, x: Tensor) -> Tensor:
    """Pictures x (N, C, H, W) as the detector sees them; those that already are stay."""
    if x.shape[1:] not in (detector.shape, detector.seen):
        given = " x ".join(map(str, x.shape))
        raise ValueError(f"pictures must be N of {detector.shape}, N x C x H x W, got {given}")
    return averaged(x, *detector.seen[1:])


def _learning(phases: Callable[[Detector], Sequence[Phase]]) -> Any:
    """Phases that average their batches down, each once for all terms."""

    @wraps(phases)
    def at_seen_size(self: Detector) -> Sequence[Phase]:
        found = phases(self)
        return [_phase(self, phase) for phase in found] if self.config.side else found

    return at_seen_size


def _phase(detector: Detector, phase: Phase) -> Phase:
    def small(batch: Batch) -> Batch:
        return dataclasses.replace(batch, x=_averaged(detector, batch.x))

    def terms(of: Callable[..., Any]) -> Callable[..., Any]:
        return lambda batch, generator: of(small(batch), generator)

    def prepare(by: Callable[..., Any]) -> Callable[..., Any]:
        return lambda batches: by(map(small, batches))

    return dataclasses.replace(
        phase,
        players=[dataclasses.replace(p, terms=terms(p.terms)) for p in phase.players],
        prepare=None if phase.prepare is None else prepare(phase.prepare),
    )


# How what a method gives comes back to a height and width ---------------------------------------


def _stay(found: R, height: int, width: int) -> R:
    return found


def _explanation(found: Explanation, height: int, width: int) -> Explanation:
    """Its map over the pixels, and as many more around them as the map grew."""
    grown = height * width / (found.map.shape[1] * found.map.shape[2])
    return dataclasses.replace(
        found,
        map=shared_out(found.map, height, width),
        pixels=round(found.pixels * grown),
    )


def _each(back: Callable[[Any, int, int], Any]) -> Callable[[Any, int, int], Any]:
    return lambda found, height, width: {k: back(v, height, width) for k, v in found.items()}


BACK: Mapping[str, Callable[[Any, int, int], Any]] = {
    "parts": _stay,
    "part": _stay,
    "score": _stay,
    "embed": _stay,
    "extra": _stay,
    "explain": _explanation,
    "explanations": _each(_explanation),
    "reconstruct": enlarged,
    "resample": _each(enlarged),
    "weights": shared_out,
}
