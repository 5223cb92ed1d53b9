"""The contract that every detector keeps: what it trains, what it scores, what it explains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import Parameter
from torch.optim import Optimizer

from core.detectors._seen import at_seen_size, seen_shape
from core.errors import OutskirtsError
from core.nn.channels import channel_shares
from core.shape import Shape

__all__ = [
    "Batch",
    "Config",
    "Detector",
    "Explanation",
    "NotFitted",
    "Paper",
    "Part",
    "Phase",
    "Player",
    "Roles",
]

# What a phase learns from, by the roles that a scenario gives its sources of images.
Roles = Literal[
    "train", "calibration", "auxiliary", "labelled", "train+auxiliary", "train+labelled"
]
Terms = Callable[["Batch", torch.Generator], Mapping[str, Tensor]]


class NotFitted(OutskirtsError):
    """A detector was asked for what only a fitted one knows."""


@dataclass(frozen=True)
class Config:
    """What every detector's settings have; each detector's own ``Config`` adds to it.

    Attributes:
        score: the part that is the score.
        side: in pixels that the detector sees: pictures are averaged down to side x side; 0: as
            they come.
        renamed: older names of settings, which are refused with the new one in the message.
    """

    renamed: ClassVar[Mapping[str, str]] = {}

    score: str
    side: int = 0


@dataclass(frozen=True)
class Batch:
    """Images with what is known of them.

    Attributes:
        x: (N, C, H, W), in [0, 1].
        kind: (N,), -1 known anomaly, 0 unlabelled, +1 known normal.
        label: (N,), class index, or -1; of auxiliary images a class of their source, which is none
            of the scenario's.
    """

    x: Tensor
    kind: Tensor
    label: Tensor


@dataclass(frozen=True)
class Player:
    """One optimiser: what it moves, by which loss terms (summed), when.

    Attributes:
        every: moves on each every-th batch, counted over the run.
        repeat: steps on the same batch.
        schedule: learning-rate factor as a function of the phase's progress in [0, 1].
        clip: largest gradient norm, or None.
    """

    name: str
    modules: Sequence[nn.Module]
    terms: Terms
    optimizer: Callable[[Iterable[Parameter]], Optimizer]
    schedule: Callable[[float], float] | None = None
    clip: float | None = None
    every: int = 1
    repeat: int = 1

    def parameters(self) -> list[Parameter]:
        """All parameters that it moves, each once, those of its modules in order."""
        return list(dict.fromkeys(p for module in self.modules for p in module.parameters()))


@dataclass(frozen=True)
class Phase:
    """One stage of training; its players take turns on every batch, all else stays in eval.

    A phase without players is a fitting pass: ``prepare`` sees the whole stream once.

    Attributes:
        data: training images (kind +1); held-out normals; images of the scenario's auxiliary (0)
            or labelled (-1) sources; or training images (+1) among such others (-1).
        epochs: looks at all images, or a share of one.
        least: how many images it needs at least.
    """

    name: str
    data: Roles
    players: Sequence[Player] = ()
    epochs: float = 1
    prepare: Callable[[Iterable[Batch]], None] | None = None
    least: int = 1


@dataclass(frozen=True)
class Explanation:
    """Which pixels made a score: score = offset + padding + map.sum() + residual.

    Attributes:
        map: (N, H, W), signed, in the score's unit.
        offset: (N,), what belongs to no pixel by definition.
        residual: (N,), what the method could not place.
        kind: name of the method.
        padding: (N,), what lies on pixels that the detector adds around the picture; None: nothing.
        pixels: that the detector covers, those it adds among them; 0: those of the map.
        channels: (N, C), see `channel_shares`; None: the map is of all channels at once.
    """

    map: Tensor
    offset: Tensor
    residual: Tensor
    kind: str
    padding: Tensor | None = None
    pixels: int = 0
    channels: Tensor | None = None

    @classmethod
    def of_channels(
        cls, maps: Tensor, offset: Tensor, residual: Tensor, *, kind: str
    ) -> Explanation:
        """From maps (N, C, H, W) of the channels, whose sum over them is the map.

        Offset and residual (N,) and the kind are those of the explanation.

        Example:
            >>> maps, none = torch.tensor([[[[3.0]], [[-1.0]]]]), torch.zeros(1)
            >>> found = Explanation.of_channels(maps, none, none, kind="by hand")
            >>> found.map.tolist(), found.channels.tolist()
            ([[[2.0]]], [[0.75, 0.25]])
        """
        shares = channel_shares(maps) if maps.shape[1] > 1 else None
        return cls(maps.sum(1), offset, residual, kind=kind, channels=shares)


@dataclass(frozen=True)
class Paper:
    """Where a method comes from, and where we leave it."""

    title: str
    authors: str
    year: int
    url: str
    deviations: tuple[str, ...]
    bibtex: str


@dataclass(frozen=True)
class Part:
    """What one named number of a detector means, in plain words."""

    title: str
    unit: str
    text: str
    display_unit: str = ""  # where it is another: see `Detector.to_display`

    @property
    def displayed_unit(self) -> str:
        """The unit in which pages show it."""
        return self.display_unit or self.unit


class Detector(nn.Module, ABC):
    """A deep anomaly detector. Larger scores mean stranger images, in every method.

    A subclass lives in a file of its own whose stem is its name; it is built from its frozen
    ``Config`` and the shape of the pictures, trains by the phases it declares, and scores each
    image by itself. It is written for pictures of the shape that it sees, ``seen``.

    Raises:
        TypeError: config is no ``Config`` of this class.
        ValueError: pictures are smaller than the side that it is to see.
    """

    paper: ClassVar[Paper]
    Config: ClassVar[type[Config]] = Config
    about: ClassVar[Mapping[str, Part]]
    architecture: ClassVar[tuple[str, ...]] = ()  # settings that weights of the same shapes need
    candidates: ClassVar[tuple[str, ...]] = ()  # parts that may become the score; none: any
    without_gradient: ClassVar[frozenset[str]] = frozenset()  # parts, see `differentiable`
    leaves_over: ClassVar[bool] = False  # its own maps always leave something beside them
    compact: bool = False  # stores in 16 bits what they hold exactly; training rounds

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        at_seen_size(cls)

    def __init__(self, config: Any, shape: Shape) -> None:
        super().__init__()
        if not isinstance(config, self.Config):
            raise TypeError(
                f"config must be {self.Config.__qualname__}, got {type(config).__name__}"
            )
        self.config: Any = config
        self.shape, self.seen = shape, seen_shape(config.side, shape)
        self.auxiliaries: dict[str, Detector] = {}  # no submodules: their weights are not ours

    @abstractmethod
    def phases(self) -> Sequence[Phase]:
        """The paper's training, declared; the one loop runs them in order."""

    @abstractmethod
    def parts(self, x: Tensor) -> Mapping[str, Tensor]:
        """Named numbers (N,) of images x (N, C, H, W): what makes the score, and alternatives."""

    @abstractmethod
    def embed(self, x: Tensor) -> Tensor:
        """The latent code (N, D) of images x (N, C, H, W)."""

    @classmethod
    def for_settings(cls, settings: Mapping[str, Any]) -> type[Detector]:
        """The class that has these ``settings``, where a method comes in more than one form."""
        return cls

    @classmethod
    def describe(cls, config: Any, shape: Shape) -> Mapping[str, Part]:
        """The parts of a detector of this ``Config`` for pictures of a shape, in order."""
        return cls.about

    @property
    def described(self) -> Mapping[str, Part]:
        """The parts that this detector has, in order."""
        return self.describe(self.config, self.shape)

    @property
    def deviations(self) -> tuple[str, ...]:
        """Where this detector, as configured, leaves its paper; a sentence each."""
        return self.paper.deviations

    @property
    def limits(self) -> tuple[str, ...]:
        """What this detector, as configured, cannot do; a sentence each."""
        return self.sees

    @property
    def sees(self) -> tuple[str, ...]:
        """At which size it sees pictures, where that is another than theirs; a sentence or none."""
        size = f"{self.seen.height}x{self.seen.width}"
        return (f"It sees the pictures at {size}, averaged down.",) if self.config.side else ()

    @property
    def code(self) -> str:
        """What `embed` gives, in words that follow "the": "latent code"."""
        return "latent code"

    @property
    def n_exemplars(self) -> int:
        """How many training images it holds something of: the first of `Stream.whole`."""
        return 0

    @property
    def auxiliary_models(self) -> Mapping[str, str]:
        """Checkpoints of the scenario that this one asks, by role: see `attach_auxiliary`."""
        return {}

    @property
    def untrained_settings(self) -> frozenset[str]:
        """Settings that training did not see: with other ones the same weights are still right."""
        return frozenset({"score"})

    @property
    def start(self) -> str:
        """The checkpoint of the scenario whose weights training starts from, or ""."""
        return ""

    def begin_from(self, other: Detector) -> None:
        """Take over the weights of `start`, a detector of the same class.

        Raises:
            RuntimeError: they are of other shapes.
        """
        self.load_state_dict(other.state_dict())

    def attach_auxiliary(self, role: str, other: Detector) -> None:
        """Ask another detector, frozen, from now on, in a role of `auxiliary_models`.

        It is no part of this one's weights.
        """
        self.auxiliaries[role] = other.eval().requires_grad_(False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Detector:
        """Auxiliary models go to the device that this detector goes to."""
        for other in self.auxiliaries.values():
            other._apply(fn, recurse)
        return super()._apply(fn, recurse)

    def round_weights(self, batches: Iterable[Batch]) -> None:
        """Let every weight be one that 16 bits hold, as who is ``compact`` stores it.

        A `Phase.prepare`; what the batches hold does not matter.
        """
        for tensor in self.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(tensor.half().float())

    def part(self, x: Tensor, name: str) -> Tensor:
        """One of the `parts` (N,) of images x (N, C, H, W) by name; who can computes it alone.

        Raises:
            KeyError: there is no such part.
        """
        return self.parts(x)[name]

    def score(self, x: Tensor) -> Tensor:
        """How strange each image of x (N, C, H, W) is, (N,): the part that the config names."""
        return self.part(x, self.config.score)

    def to_display(self, part: str, values: np.ndarray) -> np.ndarray:
        """Values (N,) of a part in the unit that pages show, ``about[part].display_unit``."""
        return values

    def figures(self, parts: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Numbers (N,) of images whose parts (N,) these are; papers report their means."""
        return {}

    def extra(self, x: Tensor) -> Mapping[str, float]:
        """Other numbers worth showing of one image x (1, C, H, W), by name."""
        return {}

    def named(self, part: str = "score") -> str:
        """The part of that name; of "score" the one that the config names.

        Raises:
            ValueError: there is no such part.
        """
        name = self.config.score if part == "score" else part
        if name not in self.described:
            raise ValueError(f"part must be one of {', '.join(self.described)}, got {part!r}")
        return name

    def differentiable(self, part: str = "score") -> bool:
        """Whether a part changes smoothly with the pixels, so that its gradient explains it.

        Raises:
            ValueError: there is no such part.
        """
        return self.named(part) not in self.without_gradient

    def summands(self, part: str = "score") -> Mapping[str, tuple[float, float]]:
        """The parts that a part adds up, each with its centre and scale; none if it is no sum.

        A sum is that of (summand - centre) / scale, which counts in standard deviations of held-out
        normal images.

        Raises:
            ValueError: there is no such part.
        """
        self.named(part)
        return {}

    # What a method may have ----------------------------------------------------------------------

    def can(self, method: str) -> bool:
        """Whether this detector has one of the optional methods: `explain`, `reconstruct`, ...

        Raises:
            ValueError: there is no such optional method.
        """
        if method not in OPTIONAL:
            raise ValueError(f"{method!r} is none of {', '.join(OPTIONAL)}")
        return getattr(type(self), method) is not getattr(Detector, method)

    def explain(self, x: Tensor, part: str = "score") -> Explanation:
        """Which pixels made a part of x (N, C, H, W).

        Raises:
            NotImplementedError: the method has no explanation of its own.
        """
        raise NotImplementedError(f"{type(self).__name__} has no explanation of its own")

    def explanations(self, x: Tensor, parts: Iterable[str]) -> Mapping[str, Explanation]:
        """`explain` of x (N, C, H, W) for several parts; who can shares one pass among them."""
        return {part: self.explain(x, part) for part in parts}

    def reconstruct(self, x: Tensor) -> Tensor:
        """Images x (N, C, H, W) through the model and back, (N, C, H, W) in [0, 1].

        Raises:
            NotImplementedError: the method rebuilds no images.
        """
        raise NotImplementedError(f"{type(self).__name__} rebuilds no images")

    def sample(self, n: int, generator: torch.Generator, temperature: float = 1.0) -> Tensor:
        """Images (n, C, H, W) in [0, 1] drawn by a generator; not finite where the model overflows.

        Latents are spread by a temperature: 1 is the model's own.

        Raises:
            NotImplementedError: the method draws no images.
        """
        raise NotImplementedError(f"{type(self).__name__} draws no images")

    def resample(
        self, x: Tensor, n: int, *, generator: torch.Generator, temperature: float = 1.0
    ) -> Mapping[str, Tensor]:
        """One image x (1, C, H, W) with one part's latents drawn anew n times, by part.

        They are drawn by a generator and spread by a temperature, as in `sample`.

        Returns: (n, C, H, W) in [0, 1] each; not finite where the model overflows.

        Raises:
            NotImplementedError: the method's latents belong to no part.
        """
        raise NotImplementedError(f"{type(self).__name__} has no latents to draw anew")

    def weights(self, x: Tensor) -> Tensor:
        """What the network looks for in images x (N, C, H, W), where that is one matrix an image.

        Returns: W(x), (N, 2 C, H, W), by which it weighs [x, 1 - x]: above zero in the first C
        channels it looks for what is bright there, in the others for what is dark.

        Raises:
            NotImplementedError: the method's network is no such matrix.
        """
        raise NotImplementedError(f"{type(self).__name__} is no matrix of its input")


OPTIONAL = ("explain", "reconstruct", "sample", "resample", "weights")
