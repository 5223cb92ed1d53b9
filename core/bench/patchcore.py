"""Our novelty beside anomalib's PatchCore and PaDiM and beside nearest neighbours, in one run.

All see the same pictures at the same side through the same backbone's weights, and learn from the
scenario's training images alone. Settings of the others are their authors' defaults, or stand here
since before any figure was seen. Ours has batch norms folded into its convolutions, anomalib's
network is timm's as it comes: speeds hold both with all that belongs to them.

References:
    Roth et al. 2022, PatchCore, https://arxiv.org/abs/2106.08265.
    Defard et al. 2020, PaDiM, https://arxiv.org/abs/2011.08785.
    anomalib 2.7.0, https://github.com/open-edge-platform/anomalib: its torch models.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.bench._base import Benchmark, Row, Say, row_of
from core.checkpoint import load
from core.data.picture import as_tensor
from core.data.views import Images
from core.detectors._base import Detector
from core.errors import OutskirtsError
from core.evaluate.metrics import auroc, bootstrap_auroc
from core.evaluate.pixels import aupro, pixel_auroc
from core.nn.backbone import Backbone, timms_network
from core.nn.sizes import resized
from core.scenario import Scenario, load_scenario
from core.train.streams import streams_of

__all__ = [
    "BENCHMARKS",
    "ON_DEMAND",
    "Nearest",
    "patchcore",
    "patchcore_solar",
    "patchcore_speed",
    "update_distances",
]

ON_DEMAND = True  # the coreset alone takes the better part of an hour
BACKBONE = "efficientnet_lite0"
BATCH = 16
CORESET = 0.1  # of the patches that it chooses from, anomalib's own
# Of all patches it chooses from these, drawn at random: of all it takes 20 minutes, and hours.
# It still sees three times as many as ours, which chooses from 40,000.
CHOSEN_FROM = {"screws": 0.5, "solar": 0.1}
TURNS = 5
NEIGHBOURS = 5  # of the global nearest neighbours
# Where the authors' layers are: at an eighth and a sixteenth of the side, PaDiM's at a quarter too.
PATCHCORE = {"layers": ("blocks.2", "blocks.4"), "num_neighbors": 9}
PADIM = {"layers": ["blocks.1", "blocks.2", "blocks.4"], "n_features": 100}  # as of its ResNet-18

Scored = tuple[Tensor, Tensor | None]  # scores (N,), and maps (N, H, W) where there are any


@dataclass(frozen=True)
class _Fitted:
    """A method that has seen training images: what it says of pictures, and what it holds."""

    name: str
    say: Callable[[Tensor], Scored]
    rows: int
    size: int
    seconds: float | None = None


class Nearest:
    """Mean distance of an image's features to the nearest of training images, no patch looked at.

    Features are means of the backbone's last stage over all places, at length 1.

    Args:
        features: of training images (K, F).
        count: how many of the nearest.
    """

    def __init__(self, features: Tensor, count: int) -> None:
        self.bank, self.count = F.normalize(features), count

    def __call__(self, features: Tensor) -> Tensor:
        """Scores (N,) of features (N, F), larger = stranger."""
        apart = torch.cdist(F.normalize(features), self.bank)
        return apart.topk(self.count, dim=1, largest=False).values.mean(1)


def patchcore(watch: Say) -> list[Row]:
    """All methods on the screws; ``watch`` is told how far it came.

    Raises:
        OutskirtsError: anomalib is not installed, or the scenario has no novelty.
    """
    return _compare("screws", watch)


def patchcore_solar(watch: Say) -> list[Row]:
    """All methods on the solar cells; ``watch`` is told how far it came.

    Raises:
        OutskirtsError: anomalib is not installed, or the scenario has no novelty.
    """
    return _compare("solar", watch)


def patchcore_speed(watch: Say) -> list[Row]:
    """Images a second of PatchCore and of ours on the screws, in turns, after a minute of fitting.

    PatchCore's bank is as large as in `patchcore`, but drawn at random: which patches it holds
    makes it no faster. ``watch`` is told how far it came.

    Raises:
        OutskirtsError: anomalib is not installed, or the scenario has no novelty.
    """
    _, detector, images, side = _subject("screws")
    watch(f"PatchCore looks at {len(images)} images")
    methods = (
        _patchcore(images, side, CHOSEN_FROM["screws"], subsample=_random_bank),
        _ours(detector),
    )
    speeds: dict[str, list[float]] = {fitted.name: [] for fitted in methods}
    for turn in range(TURNS):
        for fitted in methods:
            watch(f"turn {turn + 1} of {TURNS}: {fitted.name}")
            speeds[fitted.name] += _said(fitted, images[: 4 * BATCH])[1]
    return [
        row_of("patchcore", f"{name}, alone", all_, "images/s") for name, all_ in speeds.items()
    ]


def _subject(name: str) -> tuple[Scenario, Detector, Images, int]:
    """A scenario, its novelty, its training images, and the side at which novelty sees them."""
    if importlib.util.find_spec("anomalib") is None:
        raise OutskirtsError(
            "bench patchcore needs anomalib: pip install -r requirements-bench.txt"
        )
    scenario = load_scenario(name)
    detector, _ = load(scenario.folder, "novelty")
    images = streams_of(scenario, (), BATCH)["train"].images
    return scenario, detector, images, getattr(detector.config, "resolution", 0)


def _compare(name: str, watch: Say) -> list[Row]:
    scenario, detector, images, side = _subject(name)
    rows = []
    peers: dict[str, Callable[[], _Fitted]] = {
        "PatchCore": partial(_patchcore, images, side, CHOSEN_FROM[name]),
        "PaDiM": partial(_padim, images, side),
        "nearest": partial(_nearest, images, side),
    }
    for peer, fit in peers.items():
        watch(f"{peer} learns {len(images)} images")
        rows += _measured(scenario, fit(), watch)
    return rows + _measured(scenario, _ours(detector), watch)


# The methods -------------------------------------------------------------------------------------


def _batches(images: Images) -> Iterator[Tensor]:
    """Images (N, H, W, C) uint8 as tensors (B, C, H, W), in order."""
    for start in range(0, len(images), BATCH):
        yield as_tensor(images[start : start + BATCH])


def _input(x: Tensor, side: int) -> Tensor:
    """What the backbone is given: three channels (N, 3, H, W), scaled as it learned them."""
    return ((255 * resized(x, side) - 127) / 128).expand(-1, 3, -1, -1)


def _with_our_weights(model: Any) -> Any:
    """anomalib's model with ImageNet's weights in its own timm network."""
    network = model.feature_extractor.feature_extractor
    whole = timms_network(BACKBONE).state_dict()
    network.load_state_dict({key: whole[key] for key in network.state_dict()})
    return model


def _asked(model: Any, side: int, x: Tensor) -> Scored:
    """What anomalib's model says of images x (N, C, H, W), the map at their own size."""
    said = model(_input(x, side))
    maps = F.interpolate(said.anomaly_map, x.shape[-2:], mode="bilinear", align_corners=False)
    return said.pred_score.flatten(), maps[:, 0]


def _taught(model: Any, images: Images, side: int, finish: Callable[[], object]) -> float:
    """Show training images (N, H, W, C) to anomalib's model and finish it; seconds that took."""
    began = time.perf_counter()
    _with_our_weights(model).train()
    with torch.no_grad():
        for x in _batches(images):
            model(_input(x, side))
        finish()
    model.eval()
    return time.perf_counter() - began


def update_distances(greedy: Any, cluster_center: Tensor | None) -> None:
    """What anomalib's greedy choice of a coreset asks for, five times as fast: the same distances.

    Its own writes the difference of all rows (K, F) to a centre (1, F) anew for every step.

    Args:
        greedy: its ``KCenterGreedy``.
        cluster_center: the number of the centre (1,), or None.
    """
    if cluster_center is None:
        return
    rows, centre = greedy.features, greedy.features[cluster_center].flatten()
    if greedy.min_distances is None:
        greedy.squares = rows.square().sum(1)
    squares = greedy.squares + centre.square().sum() - rows @ (2 * centre)
    distances = squares.clamp_min(0).sqrt()[:, None]
    held = greedy.min_distances
    greedy.min_distances = distances if held is None else torch.minimum(held, distances)


def _by_coreset(model: Any, share: float) -> None:
    """Its bank is a coreset of a share of its patches, drawn at random."""
    from anomalib.models.components.sampling import KCenterGreedy

    if share < 1:
        model.embedding_store = [_at_random(model, share)]
    with patch.object(KCenterGreedy, "update_distances", update_distances):
        model.subsample_embedding(CORESET)


def _random_bank(model: Any, share: float) -> None:
    model.memory_bank = _at_random(model, share * CORESET)


def _at_random(model: Any, share: float) -> Tensor:
    """A share of the patches that it has seen, drawn at random (K, F)."""
    rows = torch.cat(model.embedding_store)
    return rows[torch.randperm(len(rows))[: int(share * len(rows))]]


def _patchcore(
    images: Images,
    side: int,
    share: float,
    *,
    subsample: Callable[[Any, float], None] = _by_coreset,
) -> _Fitted:
    from anomalib.models.image.patchcore.torch_model import PatchcoreModel

    torch.manual_seed(0)
    model = PatchcoreModel(backbone=f"tf_{BACKBONE}", pre_trained=False, **PATCHCORE)
    seconds = _taught(model, images, side, lambda: subsample(model, share))
    bank = model.memory_bank
    return _Fitted("PatchCore", partial(_asked, model, side), len(bank), bank.nbytes, seconds)


def _padim(images: Images, side: int) -> _Fitted:
    from anomalib.models.image.padim.torch_model import PadimModel

    torch.manual_seed(0)
    model = PadimModel(backbone=f"tf_{BACKBONE}", pre_trained=False, **PADIM)
    seconds = _taught(model, images, side, model.fit)
    gaussian = model.gaussian
    size = gaussian.mean.nbytes + gaussian.inv_covariance.nbytes
    places = gaussian.mean.shape[-1]  # one Gaussian each
    return _Fitted("PaDiM", partial(_asked, model, side), places, size, seconds)


def _nearest(images: Images, side: int) -> _Fitted:
    network = Backbone(BACKBONE)

    def features(x: Tensor) -> Tensor:
        return network.activations(resized(x, side))[-1].mean((2, 3))

    began = time.perf_counter()
    with torch.inference_mode():
        nearest = Nearest(torch.cat([features(x) for x in _batches(images)]), NEIGHBOURS)
    seconds = time.perf_counter() - began
    bank = nearest.bank
    title = f"{NEIGHBOURS} nearest images"
    return _Fitted(title, lambda x: (nearest(features(x)), None), len(bank), bank.nbytes, seconds)


def _ours(detector: Detector) -> _Fitted:
    """The shipped model: scores, and the map that Explain draws of its score."""
    banks = [b for key, b in detector.named_buffers() if key in ("bank", "whole")]

    def say(x: Tensor) -> Scored:
        told = detector.explain(x)  # what the map leaves out of the score is known too
        return told.offset + told.map.sum((1, 2)) + told.residual, told.map

    rows, size = sum(map(len, banks)), sum(bank.nbytes for bank in banks)
    return _Fitted("novelty", say, rows, size)


# What they are worth -----------------------------------------------------------------------------


def _measured(scenario: Scenario, fitted: _Fitted, watch: Say) -> list[Row]:
    """Figures of one method on every strange set; each image is scored once."""
    watch(f"{fitted.name} scores")
    asked = [of for of in scenario.strange if of.role == "strange"]
    pieces = [of.name for of in asked if not of.joins]
    normals = {of.name: scenario.normal_of(of.name).name for of in asked}
    sets, speeds = {}, []
    for name in dict.fromkeys([*normals.values(), *pieces]):
        sets[name], speed = _said(fitted, scenario.pictures(name).images)
        speeds += speed
    rows = []
    for of in asked:
        names = pieces if of.joins else [of.name]
        rows += _figures(scenario, fitted.name, normals[of.name], names, sets, title=of.name)
    rows.append(_row(fitted.name, "bank", fitted.rows, "rows"))
    rows.append(_row(fitted.name, "bank", fitted.size / 1e6, "MB"))
    if fitted.seconds is not None:
        rows.append(_row(fitted.name, "fit", fitted.seconds, "s"))
    return [*rows, row_of("patchcore", f"{fitted.name}, scores and maps", speeds, "images/s")]


def _row(method: str, what: str, value: float, unit: str) -> Row:
    return row_of("patchcore", f"{method}, {what}", [float(value)], unit)


def _said(fitted: _Fitted, images: Images) -> tuple[_Sayings, list[float]]:
    """Scores and maps of images (N, H, W, C), and images a second of every whole batch."""
    scores, maps, speeds = [], [], []
    for x in _batches(images):
        began = time.perf_counter()
        with torch.no_grad():
            score, grid = fitted.say(x)
        if len(x) == BATCH:
            speeds.append(BATCH / (time.perf_counter() - began))
        scores.append(score.numpy())
        if grid is not None:
            maps.append(grid.float().numpy())
    return _Sayings(np.concatenate(scores), np.concatenate(maps) if maps else None), speeds


@dataclass(frozen=True)
class _Sayings:
    """Scores (N,) of a set's images, and maps (N, H, W) or None."""

    scores: np.ndarray
    maps: np.ndarray | None


def _figures(
    scenario: Scenario,
    method: str,
    normal: str,
    strange: Sequence[str],
    sets: Mapping[str, _Sayings],
    *,
    title: str,
) -> list[Row]:
    """AUROC with its interval; of the pixels too, where the sets have masks and maps."""
    ordinary = sets[normal].scores
    unusual = np.concatenate([sets[name].scores for name in strange])
    low, high = bootstrap_auroc(ordinary, unusual)
    what = f"{method}, {title}"
    value = float(auroc(ordinary, unusual))
    rows = [Row("patchcore", what, value, low, high, "AUROC (95 %)", 1)]
    pixels = [_pixels(scenario, name, sets[name]) for name in (normal, *strange)]
    there = [pair for pair in pixels if pair is not None]
    if len(there) == len(pixels) and any(truth.any() for _, truth in there):
        grids, masks = (np.concatenate(arrays) for arrays in zip(*there, strict=True))
        for figure, name in ((pixel_auroc, "pixel AUROC"), (aupro, "AUPRO to 0.3")):
            rows.append(_row(method, title, figure(grids, masks), name))
    return rows


def _pixels(scenario: Scenario, name: str, said: _Sayings) -> tuple[np.ndarray, np.ndarray] | None:
    """Maps and masks (N, H, W) of a set; of normal images without masks they are empty."""
    masks = scenario.pictures(name).masks
    if said.maps is None or (masks is None and scenario.set_named(name).role != "normal"):
        return None
    return said.maps, np.zeros(said.maps.shape, bool) if masks is None else masks.astype(bool)


BENCHMARKS: Mapping[str, Benchmark] = {
    "patchcore": patchcore,
    "patchcore-solar": patchcore_solar,
    "patchcore-speed": patchcore_speed,
}
