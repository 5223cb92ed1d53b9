"""Which map finds the defect: every map of every model of screws, against the true pixels.

A map is held as counts of its pixels between `BINS` edges, so that images can be resampled without
drawing it again. Edges are quantiles of the normal and of the strange pixels: within two edges lies
at most 2 / BINS of either, tied there, so that no AUROC is off by more than 1 / BINS.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from core import checkpoint
from core.detectors._base import Detector
from core.evaluate.pixels import AUPRO_LIMIT, regions_of
from core.explain.methods import METHODS, refusal
from core.explain.truth import kinds_of, maps_of, masked_sets
from core.results import Setting
from core.scenario import Scenario, load_scenario
from core.studies._base import Arm, Case, Measure, Study

__all__ = ["BINS", "GENERAL", "Truth", "counts_of", "figure_of"]

BINS = 1024
# Two passes an image or fewer. The others take 20 to 200: hours, at the size of screws.
GENERAL = ("linear", "input_gradient")
FIGURES = {"auroc": "pixel AUROC", "aupro": "AUPRO", "f1": "best F1"}


def counts_of(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Pixels of maps and masks (N, H, W) between the same edges for all, (N, 3, BINS) float32.

    Normal ones, strange ones, and strange ones as shares of their region, the highest bin first.
    """
    steps = np.linspace(0, 1, BINS // 2)
    edges = np.unique(np.concatenate([np.quantile(maps[m], steps) for m in (~masks, masks)]))
    counts = np.zeros((len(maps), 3, BINS), np.float32)
    for row, values, mask in zip(counts, maps, masks, strict=True):
        bins = BINS - 1 - np.searchsorted(edges, values, "right").clip(0, BINS - 1)
        labels = regions_of(mask)
        sizes = np.bincount(labels.ravel())
        row[0] = np.bincount(bins[~mask], minlength=BINS)
        row[1] = np.bincount(bins[mask], minlength=BINS)
        row[2] = np.bincount(bins[mask], 1 / sizes[labels[mask]], minlength=BINS)
    return counts


def figure_of(
    name: str, kind: int | None, counts: np.ndarray, kinds: np.ndarray
) -> Callable[[np.ndarray], float]:
    """One of `FIGURES` of counts (N, 3, BINS) under any weighting (N,) of the images.

    Args:
        name: a key of `FIGURES`.
        kind: which of the kinds (N,) of the images counts beside normal ones, -1; None: all do.
    """
    used = np.ones(len(kinds), bool) if kind is None else (kinds == -1) | (kinds == kind)
    flat = counts[used].reshape(used.sum(), -1).astype(np.float64)
    return lambda weights: _figure(name, (weights[used] @ flat).reshape(3, BINS).cumsum(1))


def _figure(name: str, sums: np.ndarray) -> float:
    """A figure of counts (3, BINS) that are summed up from the strangest pixels on."""
    alarms, hits, overlap = sums
    if name == "f1":
        return float((2 * hits / np.maximum(hits + alarms + hits[-1], 1)).max())
    found, limit = (hits, 1.0) if name == "auroc" else (overlap, AUPRO_LIMIT)
    rates = np.concatenate([[0], alarms / alarms[-1]])
    shares = np.concatenate([[0], found / found[-1]])
    kept = rates < limit
    x = np.concatenate([rates[kept], [limit]])
    y = np.concatenate([shares[kept], [np.interp(limit, rates, shares)]])
    return float(np.trapezoid(y, x)) / limit


@dataclass(frozen=True)
class Truth(Study):
    """Maps of every model of a scenario with masks, as it ships; nothing is trained.

    Attributes:
        draws: fewer than elsewhere: each weighs every pixel of every map anew.
    """

    title: ClassVar[str] = "Explain: does the map find the defect?"
    question: ClassVar[str] = "Which map finds the defect?"
    text: ClassVar[str] = (
        "Every defect of the test screws is outlined by hand. A map is as good as its pixels in a "
        "defect stand above those of all screws elsewhere: larger values are stranger. Integrated "
        "gradients, gradient SHAP, SmoothGrad and occlusion are left out: at this size each takes "
        "hours for all images."
    )
    titles: ClassVar[Mapping[str, str]] = {"screws": "screws, all kinds of defects"}
    variant: ClassVar[str] = "set"
    variants: ClassVar[str] = "measures"
    over: ClassVar[str] = "all pixels of the test images"
    packages: ClassVar[tuple[str, ...]] = ("torch", "numpy", "captum")

    scenario: str = "screws"
    draws: int = 200

    @cached_property
    def _world(self) -> Scenario:
        return load_scenario(self.scenario)

    @property
    def _kinds(self) -> tuple[str, ...]:
        return tuple(s.name for s in kinds_of(self._world))

    @property
    def measures(self) -> Mapping[str, tuple[str, Measure]]:  # type: ignore[override]
        """The figures of all defects together, then those of each kind."""
        found: dict[str, tuple[str, Measure]] = {}
        for name, title in FIGURES.items():
            found[name] = (title, partial(figure_of, name, None))
        for i, kind in enumerate(kinds_of(self._world)):
            for name, title in FIGURES.items():
                key = f"{name}:{kind.name}"
                found[key] = (f"{title}, {kind.title.lower()}", partial(figure_of, name, i))
        return found

    @property
    def arms(self) -> tuple[Arm, ...]:
        return tuple(arm for name in self._models for arm in self._arms_of(name))

    @cached_property
    def _models(self) -> Mapping[str, Detector]:
        """Models that are here, by name, in the order of the scenario."""
        folder = self._world.folder
        names = [n for n in self._world.training if (folder / f"{n}.json").exists()]
        return {name: checkpoint.load(folder, name)[0] for name in names}

    def _arms_of(self, name: str) -> list[Arm]:
        """A model's own maps, that of its score first, then the general methods on its score."""
        detector = self._models[name]
        score = detector.config.score
        parts = [score, *(p for p in detector.described if p != score)] * detector.can("explain")
        asked = [(part, "own") for part in parts]
        asked += [(score, key) for key in GENERAL if not refusal(detector, score, key)]
        return [
            Arm(
                f"{name}.{part}.{method}",
                f"{name.capitalize()}: {METHODS[method].title}",
                f"of {detector.described[part].title.lower()}" + ", its score" * (part == score),
                {"detector": name, "part": part, "method": method},
            )
            for part, method in asked
        ]

    @property
    def cases(self) -> tuple[Case, ...]:
        return (Case("screws", "test"),)

    def fixed(self) -> Mapping[str, Any]:
        """The images and masks decide all."""
        images, masks, kinds = self._shown
        digest = hashlib.sha256(images.tobytes() + np.packbits(masks).tobytes() + kinds.tobytes())
        return {"scenario": self.scenario, "bins": BINS, "images": digest.hexdigest()}

    def asked(self, arm: Arm, case: Case) -> Mapping[str, Any]:
        """The weights of the arm's model."""
        name = arm.changes["detector"]
        sha256 = checkpoint.read_card(self._world.folder, name).weights.sha256
        return {f"{self.scenario}/{name}": sha256}

    @cached_property
    def _shown(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Images (N, H, W, C), masks (N, H, W) and kinds (N,): -1 is normal."""
        world = self._world
        normal = world.pictures(world.normal_of(masked_sets(world)[0].name).name).images[:]
        images, masks = [normal], [np.zeros(normal.shape[:3], bool)]
        for kind in self._kinds:
            shown = world.pictures(kind)
            assert shown.masks is not None
            images.append(shown.images[:])
            masks.append(shown.masks.astype(bool))
        kinds = np.repeat(np.arange(len(images)) - 1, [len(one) for one in images])
        return np.concatenate(images), np.concatenate(masks), kinds

    def test(self, data: str) -> tuple[np.ndarray, np.ndarray]:
        return self._shown[0], self._shown[2]

    def normal(self, case: Case, labels: np.ndarray) -> np.ndarray:
        """Of which kind each image (N,) is, -1 where it is normal: what the measures ask."""
        return labels

    def worth(self, arm: Arm, case: Case, *, shared: Mapping[str, Tensor]) -> list[float]:
        """Nothing is chosen."""
        return [0.0]

    def scores(
        self, arm: Arm, setting: Setting, *, case: Case, shared: Mapping[str, Tensor]
    ) -> np.ndarray:
        """Counts of the pixels of the arm's maps, (N, 3, BINS)."""
        images, masks, _ = self._shown
        detector = self._models[arm.changes["detector"]]
        part, method = arm.changes["part"], arm.changes["method"]
        return counts_of(maps_of(detector, images, part=part, method=method), masks)
