"""Methods that say which pixels made a part of the score, one table of them for all detectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from core.detectors._base import Detector, Explanation
from core.errors import OutskirtsError
from core.explain import attributions
from core.explain.attributions import Score, Shared
from core.explain.baselines import fitted_baseline
from core.nn.sizes import at_once

__all__ = ["METHODS", "ExplainError", "Method", "explain", "refusal", "resolved", "score_of"]


class ExplainError(OutskirtsError):
    """A method cannot explain what it was asked to."""


@dataclass(frozen=True)
class Method:
    """A way to share a score out over pixels.

    Attributes:
        text: what it does and what it is exact for, in plain words.
        formula: of a pixel; source: who published it.
        needs_gradient: of the part that it explains.
        uses_baseline: whether the map is of the difference to a baseline.
        looks: how often it asks for the score of a picture of this height and width.
        attribute: from a score, images and baselines (N, C, H, W) and a seed to maps of channels
            and an offset, see `core.explain.attributions`; None: the detector's own `explain`.
    """

    title: str
    text: str
    formula: str
    source: str
    needs_gradient: bool
    uses_baseline: bool
    looks: Callable[[int, int], int]
    attribute: Callable[[Score, Tensor, Tensor, int], Shared] | None


def _once(height: int, width: int) -> int:
    return 1


METHODS: Mapping[str, Method] = {
    "own": Method(
        "The detector's own map",
        "What the detector itself adds up, put where it comes from. A detector that adds up no "
        "pixels is asked on the way from its own reconstruction to the image. What is left over "
        "stands beside the map.",
        formula="as the detector defines it",
        source="the detector's paper, or ours",
        needs_gradient=False,
        uses_baseline=False,
        looks=_once,
        attribute=None,
    ),
    "linear": Method(
        "Exact local linear map",
        "The image times the weights that the network has at this image. Exact for networks of "
        "B-cos layers; for those of ReLU, absolute values and maxima too, up to a bias, which is "
        "the residual. For all others it is the gradient times the image, an approximation.",
        formula="W(x) x",
        source="Böhle et al. 2022",
        needs_gradient=True,
        uses_baseline=False,
        looks=_once,
        attribute=attributions.linear,
    ),
    "input_gradient": Method(
        "Input times gradient",
        "How fast the score changes with a pixel, times how far the pixel is from the baseline.",
        formula="(x - b) ds/dx",
        source="Shrikumar et al. 2016",
        needs_gradient=True,
        uses_baseline=True,
        looks=_once,
        attribute=attributions.input_gradient,
    ),
    "integrated": Method(
        "Integrated gradients",
        "The image is faded in from the baseline, and each pixel collects what the score gains "
        "by it on the way. Complete: the map sums to the gain of the whole way.",
        formula="(x - b) mean of ds/dx from b to x",
        source="Sundararajan et al. 2017",
        needs_gradient=True,
        uses_baseline=True,
        looks=lambda height, width: attributions.STEPS,
        attribute=attributions.integrated,
    ),
    "gradient_shap": Method(
        "Gradient SHAP",
        "Integrated gradients from many baselines, each with a noise of its own, at one random "
        "place of each way: an estimate of Shapley values.",
        formula="mean of (x - b') ds/dx",
        source="Lundberg and Lee 2017",
        needs_gradient=True,
        uses_baseline=True,
        looks=lambda height, width: attributions.SAMPLES,
        attribute=attributions.gradient_shap,
    ),
    "smooth": Method(
        "SmoothGrad",
        "Input times gradient, with the gradient averaged over noisy copies of the image: less "
        "grainy, but of images that the detector was not asked about.",
        formula="(x - b) mean of ds/dx near x",
        source="Smilkov et al. 2017",
        needs_gradient=True,
        uses_baseline=True,
        looks=lambda height, width: attributions.SAMPLES,
        attribute=attributions.smooth,
    ),
    "occlusion": Method(
        "Occlusion",
        "A window slides over the image and shows the baseline; what the score loses is put on "
        "the window's pixels. Needs no gradient, and sees no more than one window at a time.",
        formula="s(x) - s(x without a window)",
        source="Zeiler and Fergus 2014",
        needs_gradient=False,
        uses_baseline=True,
        looks=attributions.windows,
        attribute=attributions.occlusion,
    ),
}


def resolved(detector: Detector, part: str) -> str:
    """The name of a part of a detector; "score" is the one that its config names.

    Raises:
        ExplainError: there is no such part.

    Example:
        >>> from types import SimpleNamespace
        >>> toy = SimpleNamespace(config=SimpleNamespace(score="scale_4"), described={"scale_4": 1})
        >>> resolved(toy, "score")
        'scale_4'
    """
    name = detector.config.score if part == "score" else part
    if name not in detector.described:
        raise ExplainError(f"no part {part!r}; there are: {', '.join(detector.described)}")
    return name


def score_of(detector: Detector, part: str) -> Score:
    """A part of a detector as a plain function from images (N, C, H, W) to numbers (N,).

    Raises:
        ExplainError: there is no such part.

    Example:
        >>> from types import SimpleNamespace
        >>> toy = SimpleNamespace(config=SimpleNamespace(score="a"), described={"a": 1})
        >>> toy.part = lambda x, name: x.sum((1, 2, 3))
        >>> score_of(toy, "score")(torch.ones(1, 1, 2, 2)).tolist()
        [4.0]
    """
    name = resolved(detector, part)

    def score(x: Tensor) -> Tensor:
        pieces = x.split(at_once(len(x), *x.shape[2:]))
        return torch.cat([detector.part(piece, name) for piece in pieces])

    return score


def refusal(detector: Detector, part: str, method: str) -> str:
    """Why a method cannot explain a part of a detector, naming those that can; "" if it can.

    Raises:
        ExplainError: there is no such part or method.

    Example:
        >>> from types import SimpleNamespace
        >>> toy = SimpleNamespace(config=SimpleNamespace(score="a"), can=lambda method: False)
        >>> toy.described = {"a": SimpleNamespace(title="Size in 8 bits")}
        >>> toy.differentiable = lambda part: False
        >>> refusal(toy, "a", "linear")
        'Size in 8 bits has no gradient: Occlusion only.'
    """
    if method not in METHODS:
        raise ExplainError(f"no method {method!r}; there are: {', '.join(METHODS)}")
    name = resolved(detector, part)
    if _can(detector, name, method):
        return ""
    able = [m.title for key, m in METHODS.items() if _can(detector, name, key)]
    if method == "own":
        return f"This detector has no map of its own: {', '.join(able)} can explain it."
    return f"{detector.described[name].title} has no gradient: {' and '.join(able)} only."


def _can(detector: Detector, part: str, method: str) -> bool:
    if METHODS[method].attribute is None:
        return detector.can("explain")
    return not METHODS[method].needs_gradient or detector.differentiable(part)


def explain(
    detector: Detector,
    x: Tensor,
    *,
    part: str = "score",
    method: str = "own",
    baseline: Tensor | None = None,
    seed: int = 0,
) -> Explanation:
    """Which pixels made a part of images x (N, C, H, W), by one of `METHODS`.

    The score of each is offset + padding + the sum of its map + residual. The map (N, H, W) is
    signed, summed over channels, in the part's unit, with each channel's share of it where the
    method knows; the offset is the score of the baseline, (C, H, W) or (1|N, C, H, W) or else
    black, where the method has one. The seed fixes what the method draws.

    Raises:
        ExplainError: there is no such part or method, the method cannot explain the part, or the
            images are no pictures of the detector's shape.
        BaselineError: the baseline is of another size.

    Example:
        >>> from core.detectors.glow import Glow
        >>> from core.shape import Shape
        >>> glow = Glow(Glow.Config(steps=1, hidden=8), Shape(1, 8, 8)).requires_grad_(False)
        >>> x = torch.full((1, 1, 8, 8), 0.5)
        >>> found = explain(glow, x, part="total", method="integrated")
        >>> round(1 - float(found.residual.abs() / glow.part(x, "total").abs()), 2)
        1.0
    """
    if reason := refusal(detector, part, method):
        raise ExplainError(reason)
    _check_shape(detector, x)
    b = fitted_baseline(baseline, x)
    # Whoever asks may be in inference mode, whose tensors no gradient can see.
    with torch.inference_mode(False), torch.enable_grad():
        x, b, score = x.detach().clone(), b.clone(), score_of(detector, part)
        if (attribute := METHODS[method].attribute) is None:
            return _detached(detector.explain(x, resolved(detector, part)))
        return _attributed(score, attribute(score, x, b, seed), x, kind=method)


def _check_shape(detector: Detector, x: Tensor) -> None:
    if x.ndim != 4 or x.shape[1:] != torch.Size(detector.shape):
        given = " x ".join(map(str, x.shape))
        raise ExplainError(f"images must be N of {detector.shape}, N x C x H x W, got {given}")


def _attributed(score: Score, shared: Shared, x: Tensor, *, kind: str) -> Explanation:
    """What a method gave, with what it left over."""
    pixels, offset = (values.detach() for values in shared)
    with torch.no_grad():
        left = score(x).double() - offset.double() - pixels.sum(1).double().sum((1, 2))
    return Explanation.of_channels(pixels, offset, left.to(x.dtype), kind=kind)


def _detached(found: Explanation) -> Explanation:
    """An explanation that holds no graph."""
    padding, channels = (
        None if values is None else values.detach() for values in (found.padding, found.channels)
    )
    return Explanation(
        found.map.detach(),
        found.offset.detach(),
        found.residual.detach(),
        kind=found.kind,
        padding=padding,
        pixels=found.pixels,
        channels=channels,
    )
