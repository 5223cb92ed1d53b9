"""What one flow says beside another, and what each of them draws."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from core.answers.images import ImageQuery, find_picture, per_image_table, unit_of
from core.answers.loaded import Target, check_part, files_of, loaded, stored_scores
from core.answers.query import Answered, Query
from core.errors import OutskirtsError
from core.evaluate.metrics import rank_correlation

__all__ = [
    "ANSWERS",
    "Drawn",
    "Pair",
    "PairQuery",
    "ResampleQuery",
    "Resampled",
    "SamplesQuery",
    "alike",
    "pair",
    "pair_table",
    "resample",
    "samples",
]


# One likelihood against another ---------------------------------------------------------------


@dataclass(frozen=True)
class PairQuery(Query["Pair"]):
    """The same part of two models, image by image, over the normal and one strange set."""

    wait: ClassVar[str] = "Comparing two models…"

    across: Target
    up: Target
    strange: str
    part: str = "total"
    points: int = 1000
    seed: int = 0

    def files(self) -> Iterable[Path]:
        return files_of(self.across, self.up)


@dataclass(frozen=True)
class Pair:
    """Two models' numbers of the same images, in the unit of pages.

    Attributes:
        across, up: set name to (points,), of images that the seed drew.
        indices: set name to (points,), which images these are.
        rank: Spearman's rank correlation over all images: "both" sets, and each by its name; NaN
            where there is none, of one image or of images that a model finds all alike.
        images: how many it is taken over, both sets.
    """

    across: Mapping[str, np.ndarray]
    up: Mapping[str, np.ndarray]
    indices: Mapping[str, np.ndarray]
    rank: Mapping[str, float]
    images: int


def pair(query: PairQuery) -> Pair:
    """Two models' numbers of the same images, and whether they rank them alike.

    Raises:
        OutskirtsError: no such scenario, set, part or checkpoint.
    """
    scenario = query.across.world
    sets = (scenario.normal_of(query.strange).name, query.strange)
    shown = {}
    for side, target in (("across", query.across), ("up", query.up)):
        detector, card = loaded(target)
        check_part(target, card, query.part)
        stored = stored_scores(target)
        shown[side] = {s: detector.to_display(query.part, stored[s][query.part]) for s in sets}
    indices = {
        s: np.sort(rng.permutation(len(shown["up"][s]))[: query.points])
        for s, rng in ((s, np.random.default_rng([query.seed, i])) for i, s in enumerate(sets))
    }
    whole = {"both": sets, **{s: (s,) for s in sets}}
    return Pair(
        across={s: shown["across"][s][indices[s]] for s in sets},
        up={s: shown["up"][s][indices[s]] for s in sets},
        indices=indices,
        rank={
            name: alike(
                np.concatenate([shown["across"][s] for s in of]),
                np.concatenate([shown["up"][s] for s in of]),
            )
            for name, of in whole.items()
        },
        images=sum(len(shown["up"][s]) for s in sets),
    )


def alike(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rank correlation of `a` and `b`, both (N,); NaN where one of them is constant."""
    constant = len(np.unique(a)) == 1 or len(np.unique(b)) == 1
    return float("nan") if constant else rank_correlation(a, b)


def pair_table(query: PairQuery) -> dict[str, np.ndarray]:
    """Columns (N,): image, set, label, and the part under either model in the unit of pages.

    One row a reference image of both sets.

    Raises:
        OutskirtsError: no such scenario, set, part or checkpoint.
    """
    scenario = query.across.world
    sets = (scenario.normal_of(query.strange).name, query.strange)
    columns: dict[str, np.ndarray] = {}
    for target in (query.across, query.up):
        detector, card = loaded(target)
        check_part(target, card, query.part)
        raw = per_image_table(target, sets)
        columns |= {name: raw[name] for name in ("image", "set", "label")}
        header = f"{target.stem} {query.part} ({unit_of(detector, query.part)})"
        columns[header] = detector.to_display(query.part, raw[query.part])
    return columns


# Drawn images ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """Images that a flow drew.

    Attributes:
        images: (n, H, W, C) uint8; mid-grey where ``overflowed``.
        overflowed: (n,), whether the flow's inverse left the range of numbers.
    """

    images: np.ndarray
    overflowed: np.ndarray


@dataclass(frozen=True)
class ResampleQuery(Query["Resampled"]):
    """One image with one scale's latent drawn anew at a time, the others kept."""

    wait: ClassVar[str] = "Drawing each scale anew…"

    image: ImageQuery
    count: int
    temperature: float = 1.0
    seed: int = 0

    def files(self) -> Iterable[Path]:
        return files_of(self.image.target)


@dataclass(frozen=True)
class Resampled:
    """An image (H, W, C) uint8 as the flow sees it, and by scale's title what became of it."""

    image: np.ndarray
    drawn: Mapping[str, Drawn]


def resample(query: ResampleQuery, data: bytes | None = None) -> Resampled:
    """Each scale drawn anew while the others stay, of a reference image or that in ``data``.

    Raises:
        OutskirtsError: no such scenario, set, image or checkpoint, or the model has no scales.
    """
    import torch

    from core.data.picture import as_tensor

    target = query.image.target
    detector, _ = loaded(target)
    if not detector.can("resample"):
        raise OutskirtsError(f"{target} has no scales to draw anew")
    picture, _, _ = find_picture(target.world, query.image, data)
    with torch.inference_mode():
        changed = detector.resample(
            as_tensor(picture.image[None]),
            query.count,
            generator=torch.Generator().manual_seed(query.seed),
            temperature=query.temperature,
        )
    titles = {part: detector.described[part].title for part in changed}
    return Resampled(picture.image, {titles[p]: _drawn(x) for p, x in changed.items()})


@dataclass(frozen=True)
class SamplesQuery(Query["Drawn"]):
    """Images that a model draws by itself, from latents of N(0, temperature^2)."""

    wait: ClassVar[str] = "Letting the model draw…"

    target: Target
    count: int
    temperature: float = 1.0
    seed: int = 0

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


def samples(query: SamplesQuery) -> Drawn:
    """Images that the model draws.

    Raises:
        OutskirtsError: no such scenario or checkpoint, or it cannot draw.
    """
    import torch

    detector, _ = loaded(query.target)
    if not detector.can("sample"):
        raise OutskirtsError(f"{query.target} is no flow: it cannot draw images")
    generator = torch.Generator().manual_seed(query.seed)
    with torch.inference_mode():
        return _drawn(detector.sample(query.count, generator, query.temperature))


def _drawn(x: Any) -> Drawn:
    """Images (N, C, H, W) in [0, 1], or not finite."""
    from core.data.picture import as_images

    finite = x.isfinite().flatten(1).all(1)
    return Drawn(as_images(x.where(finite[:, None, None, None], 0.5)), ~finite.numpy())


ANSWERS: tuple[Answered[Any], ...] = (
    Answered(PairQuery, pair),
    Answered(ResampleQuery, resample),
    Answered(SamplesQuery, samples),
)
