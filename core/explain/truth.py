"""Maps of all images of which the true place of what is strange is known, beside that place.

Larger values of a map are stranger, as it is drawn: a strange pixel should lie above normal ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from core.data.picture import as_tensor
from core.data.reference import Pictures
from core.data.views import Images
from core.detectors._base import Detector
from core.evaluate.pixels import PixelMetrics, aupimo, measure_pixels
from core.explain.methods import ExplainError, explain
from core.nn.sizes import at_once
from core.scenario import Scenario
from core.schema import ImageSet

__all__ = ["PIECE", "Found", "found_in", "kinds_of", "maps_of", "masked_sets", "owners_of"]

PIECE = 16  # images whose maps are asked for at once


@dataclass(frozen=True)
class Found:
    """How well maps find the true pixels of the sets of a scenario.

    Attributes:
        figures: by strange set with masks.
        aupimo: by kind, see `kinds_of`, of each of its images, (n,); NaN where its mask is empty.
        normal_pixels: by kind, how many pixels of normal images its alarms are counted on.
    """

    figures: Mapping[str, PixelMetrics]
    aupimo: Mapping[str, np.ndarray]
    normal_pixels: Mapping[str, int]


def masked_sets(scenario: Scenario) -> tuple[ImageSet, ...]:
    """The strange sets whose images all have a mask, in their order; none of a shared model's.

    Example:
        >>> from types import SimpleNamespace as Of
        >>> sets = [Of(name="a", part_of=None, joins=False), Of(name="b", part_of="a", joins=False)]
        >>> masks = {"a": np.ones((1, 1)), "b": None}
        >>> toy = Of(strange=sets, pictures=lambda name: Of(packed=masks[name]))
        >>> [s.name for s in masked_sets(toy)], len(masked_sets(toy))
        (['a'], 1)
    """
    return tuple(s for s in scenario.strange if scenario.pictures(s.name).packed is not None)


def kinds_of(scenario: Scenario) -> tuple[ImageSet, ...]:
    """Those of `masked_sets` that hold no other: of each image the set that says most of it.

    Example:
        >>> from types import SimpleNamespace as Of
        >>> sets = [Of(name="a", part_of=None, joins=False), Of(name="b", part_of="a", joins=False)]
        >>> masks = {"a": np.ones((1, 1)), "b": np.ones((1, 1))}
        >>> toy = Of(strange=sets, pictures=lambda name: Of(packed=masks[name]))
        >>> [s.name for s in kinds_of(toy)], len(masked_sets(toy))
        (['b'], 2)
    """
    sets = masked_sets(scenario)
    wholes = {s.part_of for s in sets}
    alone = [s for s in sets if not s.joins and s.name not in wholes]
    return tuple(alone or sets)


def owners_of(scenario: Scenario) -> tuple[str, ...]:
    """Names of the sets with images of their own that figures of maps need, normal ones among them.

    Example:
        >>> from types import SimpleNamespace as Of
        >>> sets = [Of(name="a", part_of=None, joins=False), Of(name="b", part_of="a", joins=False)]
        >>> masks = {"a": np.ones((1, 1)), "b": None}
        >>> toy = Of(strange=sets, pictures=lambda name: Of(packed=masks[name]))
        >>> toy.normal_of = lambda name: Of(name="good", part_of=None)
        >>> owners_of(toy), len(owners_of(toy))
        (('good', 'a'), 2)
    """
    sets = masked_sets(scenario)
    asked = [scenario.normal_of(s.name) for s in sets] + [s for s in sets if not s.joins]
    return tuple(dict.fromkeys(s.part_of or s.name for s in asked))


def maps_of(
    detector: Detector,
    images: Images,
    *,
    part: str = "score",
    method: str = "own",
    baseline: Tensor | None = None,
    watch: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Maps (N, H, W) float32 of images (N, H, W, C) uint8, as the page Explain draws them.

    Args:
        part, method: as of `core.explain.methods.explain`.
        baseline: (C, H, W), or (N, C, H, W) where each image has its own; None: black.
        watch: told how many images are done.

    Raises:
        ExplainError: the method cannot explain the part, or a map is not finite.

    Example:
        >>> from core.detectors.glow import Glow
        >>> from core.shape import Shape
        >>> glow = Glow(Glow.Config(steps=1, hidden=8), Shape(1, 8, 8)).requires_grad_(False)
        >>> maps_of(glow, np.zeros((3, 8, 8, 1), np.uint8)).shape
        (3, 8, 8)
    """
    maps = np.empty(images.shape[:3], np.float32)
    size = at_once(PIECE, *images.shape[1:3])
    each = baseline is not None and baseline.ndim == 4
    for start in range(0, len(images), size):
        x = as_tensor(images[start : start + size])
        b = baseline[start : start + size] if baseline is not None and each else baseline
        made = explain(detector, x, part=part, method=method, baseline=b).map
        maps[start : start + len(x)] = made.float().cpu().numpy()
        watch(start + len(x))
    if bad := int((~np.isfinite(maps)).any((1, 2)).sum()):
        raise ExplainError(f"the maps of {bad:,} of {len(maps):,} images are not finite")
    return maps


def found_in(scenario: Scenario, maps: Mapping[str, np.ndarray]) -> Found:
    """How well maps (N, H, W) find the true pixels, given by the set that owns their images.

    Raises:
        KeyError: those of one of `owners_of` are missing.

    Example:
        >>> from types import SimpleNamespace as Of
        >>> bad, good = Of(name="bad", part_of=None, joins=False), Of(name="good", joins=False)
        >>> good.part_of, masks = None, np.array([[[0, 1]]])
        >>> toy = Of(strange=[bad], normal_of=lambda name: good)
        >>> toy.pictures = lambda name: Of(packed=masks, masks=masks)
        >>> maps = {"bad": np.array([[[1.0, 3.0]]]), "good": np.array([[[0.0, 4.0]]])}
        >>> round(found_in(toy, maps).figures["bad"].auroc, 4)  # above 0 and 1, below 4
        0.6667
    """
    figures, images, pixels = {}, {}, {}
    kinds = {s.name for s in kinds_of(scenario)}
    for one in masked_sets(scenario):
        own, normal = _of(scenario, one, maps), _of(scenario, scenario.normal_of(one.name), maps)
        masks = _masks(scenario.pictures(one.name))
        if not masks.any():
            continue
        black = np.zeros(normal.shape, bool)
        figures[one.name] = measure_pixels(
            np.concatenate([own, normal]), np.concatenate([masks, black])
        )
        if one.name in kinds:
            images[one.name] = aupimo(own, masks, normal)
            pixels[one.name] = normal.size
    return Found(figures, images, pixels)


def _masks(pictures: Pictures) -> np.ndarray:
    """Masks (N, H, W) bool of pictures that have some."""
    assert pictures.masks is not None
    return pictures.masks.astype(bool)


def _of(scenario: Scenario, image_set: ImageSet, maps: Mapping[str, np.ndarray]) -> np.ndarray:
    """Maps (N, H, W) of a set, that owns its images or borrows them."""
    if image_set.joins:
        return np.concatenate([maps[s.name] for s in _own(scenario)])
    if image_set.part_of is not None:
        return maps[image_set.part_of][
            scenario.pictures(image_set.part_of).labels == image_set.only
        ]
    return maps[image_set.name]


def _own(scenario: Scenario) -> Iterator[ImageSet]:
    own = {s.name for s in scenario.own_sets}
    return (s for s in scenario.strange if s.name in own)
