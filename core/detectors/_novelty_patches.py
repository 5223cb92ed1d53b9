"""Novelty asked of a pretrained network: what is unfamiliar patch by patch, and what unexplained.

EfficientNet-Lite learned ImageNet and never a normal image. It has no B-cos layers, but it is
piecewise linear, so what it says of an image x is W(x) x and a bias term, exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from core.detectors import _base
from core.detectors import _novelty_words as words
from core.detectors._base import Batch, Explanation, NotFitted, Paper, Part, Phase
from core.detectors._standardised import Standardised
from core.nn.backbone import Backbone
from core.nn.bank import coreset, in_8_bits, nearest
from core.nn.bcos import linear_map
from core.nn.patches import as_patches, as_rows, smoothed
from core.nn.retaken import retaken
from core.nn.sizes import averaged, resized, shared_out
from core.nn.spans import along_itself, lengths, off_span, shares, unit_rows, widest
from core.shape import Shape

__all__ = ["PatchNovelty"]

NEAREST = 2  # training features that familiarity looks at
CELLS = 64  # cells of a side, at most, on which input and pixels are spanned
LEAST = 8  # pixels of a side, so that the network's stages have a place
PER_IMAGE = 400  # patches of an image that the bank may choose from
MEASURED = tuple(name for name in words.PATCH_PARTS if not name.startswith("sum"))


class PatchNovelty(Standardised):
    """Distance of patches to normal ones, plus what of them normal explanations leave unexplained.

    With a_p the activations of some stages of the network at the place p, each at length 1 (or
    below it, where they are short), f the means of its last stage, and W the gradient of
    <f, f/|f|> with the gates held. Parts, all (N,), larger = stranger:
        familiarity: mean distance of a_p to the two nearest of a bank of training patches; of all
            places the largest, or the mean of the largest (FFS, patch by patch).
        familiarity_whole: the same of f/|f| and the bank of whole training images (FFS).
        novelty_patches: |a_p - U U'a_p| / |a_p|, U spanning W of normal images' activations at all
            places; of all places the largest, as above (ENS, a reading).
        novelty_input: |v - V V'v| / |v|, v the image, V spanning the W(x) of normal images (ENS, a
            reading).
        pixels: the control that knows no network: what principal components of raw pixels leave.
        sum: familiarity + novelty, each as the config names it, standardised on held-out normal
            images: the score.
        sum_pixels: familiarity + pixels, likewise.

    Input and pixels are taken as means over 64x64 cells.

    References:
        Sivaprasad, Fritz 2023, https://arxiv.org/abs/2310.00797: familiarity, novelty, their sum;
        the equations of the readings are our reconstruction.
        Roth et al. 2022, https://arxiv.org/abs/2106.08265: a coreset of patches as the bank.

    Raises:
        ValueError: settings make no sense, in themselves or together.
    """

    paper: ClassVar[Paper] = words.PAPER
    about: ClassVar[Mapping[str, Part]] = words.PATCH_PARTS
    measured: ClassVar[tuple[str, ...]] = MEASURED
    compact = True
    candidates: ClassVar[tuple[str, ...]] = ("sum",)
    leaves_over: ClassVar[bool] = True  # the largest patch is more than the mean of all

    @dataclass(frozen=True)
    class Config(_base.Config):
        """The network that is asked, and what is held of normal images.

        Attributes:
            backbone: the network, see `core.nn.backbone`.
            resolution: side in pixels at which the network sees a picture; 0: as it comes.
            stages: of the network, from 0, whose activations make a patch.
            grid: the one of these stages whose places are the patches.
            turns: quarter turns, 1 to 4, in which training images fill the bank.
            copies: times that each is taken again, see `core.nn.retaken`, to fill it too (ours).
            least: share of a stage's mean length; shorter activations are divided by it, not by
                their own length, so that what is flat is no grain at length 1 (ours).
            bank: training patches that familiarity looks at: a coreset.
            offers: it is chosen from so many times as many patches, drawn at random.
            top: share of an image's patches whose mean is its value; 0: the largest alone.
            explained: training images whose explanations are spanned.
            rank: directions of every span, and of the control.
            familiarity, novelty: the ones that the score adds.
        """

        score: str = "sum"
        backbone: str = "efficientnet_lite0"
        resolution: int = 0
        stages: tuple[int, ...] = (1, 2, 4)
        grid: int = 2
        turns: int = 1
        copies: int = 0
        least: float = 0.0
        bank: int = 8000
        offers: int = 5
        top: float = 0.0
        explained: int = 100
        rank: int = 20
        familiarity: Literal["patches", "whole"] = "patches"
        novelty: Literal["patches", "input"] = "patches"

    mean_lengths: Tensor  # (S,), of training images' activations, a stage each
    bank: Tensor  # (K, F) int8, training patches, in steps
    bank_step: Tensor  # (), what one of these integers is worth
    whole: Tensor  # (E, D) int8, f/|f| of training images
    whole_step: Tensor  # ()
    patch_span: Tensor  # (k, F), orthonormal directions of W at patches
    span: Tensor  # (k, P), of W(x), P = C CELLS CELLS
    pixel_mean: Tensor  # (P,)
    pixel_span: Tensor  # (k, P)
    centre: Tensor  # (5,), means of `MEASURED` over held-out normal images
    scale: Tensor  # (5,), their standard deviations

    def __init__(self, config: Config, shape: Shape) -> None:
        super().__init__(config, shape)
        _check(config, shape)
        self.backbone = Backbone(config.backbone)
        features = sum(self.backbone.widths[stage] for stage in config.stages)
        last, cells, rank = self.backbone.widths[-1], math.prod(self._grid), config.rank
        self.register_buffer("mean_lengths", torch.ones(len(config.stages)))
        self.register_buffer("bank", torch.zeros(config.bank, features, dtype=torch.int8))
        self.register_buffer("bank_step", torch.ones(()))
        self.register_buffer("whole", torch.zeros(config.explained, last, dtype=torch.int8))
        self.register_buffer("whole_step", torch.ones(()))
        self.register_buffer("patch_span", torch.zeros(rank, features))
        self.register_buffer("span", torch.zeros(rank, cells))
        self.register_buffer("pixel_mean", torch.zeros(cells))
        self.register_buffer("pixel_span", torch.zeros(rank, cells))
        self.register_buffer("centre", torch.zeros(len(MEASURED)))
        self.register_buffer("scale", torch.ones(len(MEASURED)))

    @property
    def _grid(self) -> tuple[int, int, int]:
        """Channels, rows and columns of cells."""
        channels, height, width = self.seen
        return channels, min(CELLS, height), min(CELLS, width)

    @property
    def deviations(self) -> tuple[str, ...]:
        of_copies = (words.RETAKEN,) if self.config.copies else ()
        short = (words.SHORT,) if self.config.least else ()
        network = words.pretrained(self.config.backbone)
        return (*words.PATCH_DEVIATIONS, network, *of_copies, *short)

    @property
    def limits(self) -> tuple[str, ...]:
        return (*self.sees, *words.PATCH_LIMITS)

    @property
    def code(self) -> str:
        return f"{self.backbone.widths[-1]} features of the pretrained network, at length 1"

    @property
    def untrained_settings(self) -> frozenset[str]:
        return frozenset({"score", "familiarity", "novelty"})

    # Fitting ------------------------------------------------------------------------------------

    def phases(self) -> Sequence[Phase]:
        images = math.ceil(self.config.bank / self.offered(self.config, self.seen))
        least = max(self.config.explained, images)
        return [
            Phase("lengths", "train", prepare=self._fit_lengths, least=1),
            Phase("bank of patches", "train", prepare=self._fit_bank, least=least),
            Phase("spans", "train", prepare=self._fit_spans, least=self.config.explained),
            Phase("round to 16 bits", "train", prepare=self.round_weights),
            Phase("standardise", "calibration", prepare=self._fit_scales, least=2),
        ]

    @staticmethod
    def offered(config: Config, shape: Shape) -> int:
        """Patches that one training image of a shape offers to the bank, in all its turns."""
        side = config.resolution
        height, width = (side, side) if side else (shape.height, shape.width)
        reduction = Backbone(config.backbone).reductions[config.grid]
        places = math.ceil(height / reduction) * math.ceil(width / reduction)
        return min(places, PER_IMAGE) * config.turns * (1 + config.copies)

    def _fit_lengths(self, batches: Iterable[Batch]) -> None:
        """Mean length of the activations of the first training images, stage by stage."""
        if not self.config.least:
            return
        first = next(iter(batches)).x
        stages = self.backbone.activations(self._seen(first), max(self.config.stages))
        found = [smoothed(stages[i]).norm(dim=1).mean() for i in self.config.stages]
        self.mean_lengths.copy_(torch.stack(found).half().float())

    def _fit_bank(self, batches: Iterable[Batch]) -> None:
        """A coreset of the patches of all training images, and the features of the first whole."""
        generator, again = (torch.Generator().manual_seed(seed) for seed in (0, 1))
        patches, whole = [], []
        for batch in batches:
            whole.append(self.embed(batch.x))
            copies = [retaken(batch.x, again) for _ in range(self.config.copies)]
            for x, turn in product((batch.x, *copies), range(self.config.turns)):
                grid = self._patches(x.rot90(turn, (2, 3))).flatten(2).transpose(1, 2)
                order = torch.randperm(grid.shape[1], generator=generator)[:PER_IMAGE]
                patches.append(grid[:, order.to(grid.device)].flatten(0, 1))
        offered, count = torch.cat(patches), self.config.offers * self.config.bank
        rows = torch.randperm(len(offered), generator=generator)[:count]
        offered = offered[rows.to(offered.device)]
        integers, step = in_8_bits(offered[coreset(offered, self.config.bank)])
        self.bank.copy_(integers)
        self.bank_step.copy_(step)
        integers, step = in_8_bits(torch.cat(whole)[: self.config.explained])
        self.whole.copy_(integers)
        self.whole_step.copy_(step)

    def _fit_spans(self, batches: Iterable[Batch]) -> None:
        """Spans of explanations, and principal components, of the first training images."""
        cells: list[Tensor] = []
        outer, inner = [], []
        for batch in batches:
            if sum(map(len, cells)) >= self.config.explained:
                break
            cells.append(_cells(batch.x))
            outer.append(unit_rows(_cells(self._weights(batch.x))))
            inner.append(as_rows(self._patch_weights(batch.x)))
        first, rank = self.config.explained, self.config.rank
        self.span.copy_(widest(torch.cat(outer)[:first], rank))
        self.patch_span.copy_(widest(unit_rows(torch.cat(inner)), rank))
        raw = torch.cat(cells)[:first]
        self.pixel_mean.copy_(raw.mean(0))
        self.pixel_span.copy_(widest(raw - raw.mean(0), rank))

    def _fit_scales(self, batches: Iterable[Batch]) -> None:
        """Mean and spread of every part on held-out normal images."""
        self._standardise(batch.x for batch in batches)

    # From image to parts ------------------------------------------------------------------------

    def _sums(self) -> Mapping[str, tuple[str, str]]:
        """What the parts that are sums add up: see `summands`."""
        whole = self.config.familiarity == "whole"
        familiarity = "familiarity_whole" if whole else "familiarity"
        novelty = f"novelty_{self.config.novelty}"
        return {"sum": (familiarity, novelty), "sum_pixels": (familiarity, "pixels")}

    def _measure(self, x: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
        """Some of the `MEASURED` parts of images x (N, C, H, W), each (N,)."""
        wanted = tuple(names)
        stages: Sequence[Tensor] = ()
        if set(wanted) - {"novelty_input", "pixels"}:  # the network is asked once
            last = None if "familiarity_whole" in wanted else max(self.config.stages)
            stages = self.backbone.activations(self._seen(x), last)
        if {"familiarity", "novelty_patches"} & set(wanted):
            patches = self._as_patches(stages)
        measures = {
            "familiarity": lambda: self._largest(self._unfamiliar(patches)),
            "familiarity_whole": lambda: self._nearest_whole(unit_rows(_pooled(stages)))[0].mean(1),
            "novelty_patches": lambda: self._largest(self._unexplained(patches)),
            "novelty_input": lambda: lengths(self._rest(x)) / _cell_lengths(x),
            "pixels": lambda: lengths(self._pixel_rest(x)),
        }
        return {name: measures[name]() for name in wanted}

    def _largest(self, grid: Tensor) -> Tensor:
        """The mean (N,) of the largest values of a grid (N, h, w), or the largest alone."""
        values = grid.flatten(1)
        count = max(1, round(self.config.top * values.shape[1]))
        return values.topk(count, dim=1).values.mean(1)

    def _seen(self, x: Tensor) -> Tensor:
        """Images x (N, C, H, W) at the network's resolution."""
        return resized(x, self.config.resolution)

    def _patches(self, x: Tensor) -> Tensor:
        """Patches a_p (N, F, h, w): of 3x3 activations of each stage, at length 1 or below."""
        return self._as_patches(self.backbone.activations(self._seen(x), max(self.config.stages)))

    def _as_patches(self, stages: Sequence[Tensor], *, least: float | None = None) -> Tensor:
        floors = self.mean_lengths * (self.config.least if least is None else least)
        wanted = [stages[i] for i in self.config.stages]
        return as_patches(zip(wanted, floors, strict=True), like=stages[self.config.grid])

    def _whole(self, x: Tensor) -> Tensor:
        """f (N, D)."""
        return _pooled(self.backbone.activations(self._seen(x)))

    def embed(self, x: Tensor) -> Tensor:
        """f/|f|, (N, D)."""
        return unit_rows(self._whole(x))

    def _unfamiliar(self, patches: Tensor) -> Tensor:
        """Mean distance (N, h, w) of patches (N, F, h, w) to the two nearest of the bank."""
        bank = self._held(self.bank, self.bank_step)
        distances = nearest(as_rows(patches), bank, count=NEAREST)[0]
        return distances.mean(1).reshape(len(patches), *patches.shape[2:])

    def _unexplained(self, patches: Tensor) -> Tensor:
        """Share (N, h, w) of the length of patches (N, F, h, w) that lies off their span."""
        rows = as_rows(patches)
        rest = lengths(off_span(rows, self.patch_span)) / lengths(rows).clamp_min(1e-12)
        return rest.reshape(len(patches), *patches.shape[2:])

    def _nearest_whole(self, units: Tensor) -> tuple[Tensor, Tensor]:
        return nearest(units, self._held(self.whole, self.whole_step), count=NEAREST)

    def _held(self, bank: Tensor, step: Tensor) -> Tensor:
        """Features (K, F) of training images.

        Raises:
            NotFitted: there are none yet.
        """
        if not bank.any():
            raise NotFitted("familiarity needs the features of training images")
        return bank * step

    def _weights(self, x: Tensor) -> Tensor:
        """W(x) of images x (N, C, H, W): W(x) x is |f| but for the bias term."""
        return linear_map(lambda v: along_itself(self._whole(v)), x)

    def _patch_weights(self, x: Tensor) -> Tensor:
        """W at the patches of images x (N, C, H, W), (N, F, h, w), each stage at length 1."""
        with torch.no_grad():
            stages = self.backbone.activations(self._seen(x), max(self.config.stages))
        maps = {stage: self._stage_weights(stage, stages[stage]) for stage in self.config.stages}
        return self._as_patches([maps.get(i, a) for i, a in enumerate(stages)], least=0.0)

    def _stage_weights(self, stage: int, a: Tensor) -> Tensor:
        """W of activations a (N, C, h, w) of a stage."""
        return linear_map(lambda a: along_itself(_pooled(self.backbone.after(stage, a))), a)

    def _rest(self, x: Tensor) -> Tensor:
        """v - V V'v of images x (N, C, H, W), as cells."""
        return off_span(_cells(x), self.span).reshape(len(x), *self._grid)

    def _pixel_rest(self, x: Tensor) -> Tensor:
        rest = off_span(_cells(x) - self.pixel_mean, self.pixel_span)
        return rest.reshape(len(x), *self._grid)

    # Which pixels -------------------------------------------------------------------------------

    def explain(self, x: Tensor, part: str = "score") -> Explanation:
        """Which pixels made a part.

        Of what is measured patch by patch: every patch's value over its pixels, by the mean; what
        the largest is above the mean of all is left over. Of familiarity of the whole: what each
        pixel takes from the likeness to the two nearest, by W(x); the bias term is left over. Of a
        length off a span: the cell's share of its square.

        Raises:
            ValueError: there is no such part.
        """
        part = self.named(part)
        terms = self.summands(part) if part in self._sums() else {part: (0.0, 1.0)}
        patches = self._patches(x) if {"familiarity", "novelty_patches"} & set(terms) else x
        total, offset = x.new_zeros(len(x)), x.new_zeros(len(x))
        pixels = x.new_zeros(len(x), *x.shape[2:])
        for term, (centre, scale) in terms.items():
            value, constant, values = self._explain(x, patches, term)
            total, offset = total + (value - centre) / scale, offset + (constant - centre) / scale
            pixels = pixels + values / scale
        residual = total - offset - pixels.sum((1, 2))
        return Explanation(pixels, offset, residual, kind=words.PATCH_KIND)

    def _explain(self, x: Tensor, patches: Tensor, part: str) -> tuple[Tensor, Tensor, Tensor]:
        """Value (N,), offset (N,) and map (N, H, W) of a `MEASURED` part."""
        nothing, size = x.new_zeros(len(x)), x.shape[2:]
        if part in ("familiarity", "novelty_patches"):
            read = self._unfamiliar if part == "familiarity" else self._unexplained
            grid = read(patches)
            return self._largest(grid), nothing, _over_pixels(grid, *size)
        if part == "familiarity_whole":
            return self._explain_whole(x)
        if part == "pixels":
            rest = self._pixel_rest(x)
            return lengths(rest), nothing, shared_out(shares(rest), *size)
        rest = self._rest(x)
        whole = _cell_lengths(x)
        cells = shares(rest) / whole[:, None, None]
        return lengths(rest) / whole, nothing, shared_out(cells, *size)

    def _explain_whole(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """d = (1 + |b|^2) / d - 2 <f/|f|, b> / d of each of the nearest b; the latter by pixel.

        <f/|f|, b> is linear in x, but for the bias term, with the gates and |f| held.
        """
        whole = self._whole(x)
        distances, indices = self._nearest_whole(unit_rows(whole))
        two = self._held(self.whole, self.whole_step)[indices]  # (N, 2, D)
        pull = ((2 / distances / NEAREST)[..., None] * two).sum(1).detach()
        constant = ((1 + two.square().sum(2)) / distances).mean(1)
        length = whole.norm(dim=1).detach()

        def likeness(v: Tensor) -> Tensor:
            return (self._whole(v) / length[:, None] * pull).sum(1)

        return distances.mean(1), constant, -(x * linear_map(likeness, x)).sum(1)


def _pooled(stages: Sequence[Tensor]) -> Tensor:
    """Means (N, D) over all places of the last of some stages' activations."""
    return stages[-1].mean((2, 3))


def _cells(x: Tensor) -> Tensor:
    """Images x (N, C, H, W) as means over cells, (N, P)."""
    height, width = x.shape[2:]
    return averaged(x, min(CELLS, height), min(CELLS, width)).flatten(1)


def _cell_lengths(x: Tensor) -> Tensor:
    """Lengths (N,) of images x (N, C, H, W) as cells; of one that is black, next to nothing."""
    return lengths(_cells(x)).clamp_min(1e-12)


def _over_pixels(grid: Tensor, height: int, width: int) -> Tensor:
    """A grid (N, h, w) as a map (N, height, width), smooth between its places, by the mean."""
    smooth = F.interpolate(grid[:, None], (height, width), mode="bilinear")[:, 0]
    return smooth / (height * width)


def _check(config: PatchNovelty.Config, shape: Shape) -> None:
    """Refuse settings that make no sense, in words."""
    last = len(Backbone(config.backbone).widths) - 1
    if not config.stages or not all(0 <= stage < last for stage in config.stages):
        raise ValueError(f"stages are one or more of 0 to {last - 1}, got {config.stages}")
    if sorted(set(config.stages)) != list(config.stages):
        raise ValueError(f"stages must rise, got {config.stages}")
    if config.grid not in config.stages:
        raise ValueError(f"the grid is that of one of the stages {config.stages}: {config.grid}")
    if config.rank < 1 or min(config.bank, config.explained) < NEAREST:
        raise ValueError(f"rank must be 1 or more, bank and explained {NEAREST} or more")
    if config.rank > config.explained:
        raise ValueError(f"{config.explained} explanations do not span {config.rank} directions")
    if config.offers < 1 or config.copies < 0 or config.least < 0:
        raise ValueError("offers are 1 or more, copies and least 0 or more")
    if not 1 <= config.turns <= 4 or not 0 <= config.top <= 1 or config.resolution < 0:
        raise ValueError("turns are 1 to 4, top is a share, resolution 0 or more")
    if min(shape.height, shape.width) < LEAST:
        raise ValueError(f"needs pictures of {LEAST}x{LEAST} or more, got {shape}")
