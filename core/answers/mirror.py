"""What the mirrored autoencoder makes of one image: its mirror, where both differ, its ray."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from core.answers.images import (
    ImageQuery,
    Standing,
    find_picture,
    foreign_to,
    percentiles,
    row_of,
)
from core.answers.loaded import Target, files_of, loaded, stored_scores
from core.answers.query import Answered, Query
from core.answers.sums import threshold
from core.errors import OutskirtsError
from core.scenario import ScenarioError

if TYPE_CHECKING:
    from torch import Tensor

    from core.card import Card
    from core.detectors.ama import AMA

__all__ = [
    "ANSWERS",
    "CANDIDATES",
    "DISTANCE",
    "FACTORS",
    "FIRSTS",
    "TWO_SIDED",
    "FirstMirrorQuery",
    "Mirror",
    "MirrorQuery",
    "MirrorRay",
    "MirrorRayQuery",
    "Mirrored",
    "MirroredQuery",
    "first_mirror",
    "mirror",
    "mirror_ray",
    "mirrored",
    "mirroring",
]

TWO_SIDED = "two_sided"  # the score of the paper
DISTANCE = "one_sided"  # R, that it is read from
FACTORS = tuple(i / 4 for i in range(13))  # of a code on its ray: 0 is the origin, 1 the image's
CANDIDATES = 200  # strange images with the worst mirrors, among which `as-normal` looks
FIRSTS = ("typical", "too-good", "as-normal", "worst-normal")


def mirroring(target: Target) -> tuple[AMA, Card]:
    """The mirrored autoencoder of a target, and its card.

    Raises:
        OutskirtsError: there is no such checkpoint, or it is another kind of detector.
    """
    from core.detectors.ama import AMA

    detector, card = loaded(target)
    if not isinstance(detector, AMA):
        raise OutskirtsError(f"{target} is no mirrored autoencoder")
    return detector, card


# An image and its mirror --------------------------------------------------------------------------


@dataclass(frozen=True)
class MirroredQuery(Query["Mirrored"]):
    """The mirror of one image, and nothing else."""

    wait: ClassVar[str] = "Looking into the mirror…"

    image: ImageQuery

    def files(self) -> Iterable[Path]:
        return self.image.files()


@dataclass(frozen=True)
class Mirrored:
    """An image and its mirror G(E(x)), both (H, W, C) uint8."""

    image: np.ndarray
    mirror: np.ndarray


def mirrored(query: MirroredQuery, data: bytes | None = None) -> Mirrored:
    """The mirror of one image; ``data`` is the visitor's file, if it is theirs.

    Raises:
        ImageError: ``data`` is not an image that can be read.
        OutskirtsError: no such scenario, set, image or checkpoint, or it mirrors nothing.
    """
    detector, _ = mirroring(query.image.target)
    picture, _, _ = find_picture(query.image.target.world, query.image, data)
    return Mirrored(picture.image, _mirrors(detector, picture.image[None])[0])


def _mirrors(detector: AMA, images: np.ndarray) -> np.ndarray:
    """Mirrors (N, H, W, C) uint8 of images (N, H, W, C) uint8."""
    import torch

    from core.data.picture import as_images, as_tensor

    with torch.inference_mode():
        return as_images(detector.reconstruct(as_tensor(images)))


@dataclass(frozen=True)
class MirrorQuery(Query["Mirror"]):
    """One image beside its mirror, and all that is said of both."""

    wait: ClassVar[str] = "Looking into the mirror…"

    image: ImageQuery

    def files(self) -> Iterable[Path]:
        return self.image.files()


@dataclass(frozen=True)
class Mirror(Standing):
    """An image beside its mirror.

    Attributes:
        image, mirror: (H, W, C) uint8.
        map: (H, W) float32, the share of each pixel in R; it sums to R.
        parts, displayed, percentiles, units: by part; displayed is in the unit of pages.
        score: the part that is the score; flagged: whether it is above its threshold.
        mean, std: of R over training images; deviation: how many std R lies above the mean.
        limit: so many std to either side lie 95 % of held-out normal images.
        notes, warnings: what was done to a visitor's file, and why nothing of it is to be seen.
    """

    id: str
    label: str
    image: np.ndarray
    mirror: np.ndarray
    map: np.ndarray
    parts: Mapping[str, float]
    displayed: Mapping[str, float]
    percentiles: Mapping[str, float]
    foreign: bool
    units: Mapping[str, str]
    score: str
    flagged: bool
    mean: float
    std: float
    deviation: float
    limit: float
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def mirror(query: MirrorQuery, data: bytes | None = None) -> Mirror:
    """One image beside its mirror; ``data`` is the visitor's file, if it is theirs.

    Raises:
        ImageError: ``data`` is not an image that can be read.
        OutskirtsError: no such scenario, set, image or checkpoint, or it mirrors nothing.
    """
    import torch

    from core.data.picture import as_tensor

    detector, card = mirroring(query.image.target)
    picture, name, label = find_picture(query.image.target.world, query.image, data)
    x = as_tensor(picture.image[None])
    with torch.inference_mode():
        parts = {part: values.float().numpy() for part, values in detector.parts(x).items()}
    shares = detector.explain(x, DISTANCE).map[0].detach().float().numpy()
    own, standing = row_of(parts, 0), percentiles(card, parts)
    mean, std = float(detector.mean), float(detector.std)
    return Mirror(
        id=name,
        label=label,
        image=picture.image,
        mirror=_mirrors(detector, picture.image[None])[0],
        map=shares,
        parts=own,
        displayed=row_of({p: detector.to_display(p, v) for p, v in parts.items()}, 0),
        percentiles=row_of(standing, 0),
        foreign=bool(foreign_to(card, standing)[0]),
        units={part: about.displayed_unit for part, about in detector.described.items()},
        score=card.score.part,
        flagged=own[card.score.part] > card.score.threshold,
        mean=mean,
        std=std,
        deviation=(own[DISTANCE] - mean) / std if std else 0.0,
        limit=threshold(card, TWO_SIDED),
        notes=picture.notes,
        warnings=picture.warnings,
    )


# Which image opens --------------------------------------------------------------------------------


@dataclass(frozen=True)
class FirstMirrorQuery(Query["tuple[str, int]"]):
    """The image that is looked at first, by one of `FIRSTS`.

    Attributes:
        rule: "typical" is the strange image whose R is nearest to the set's median; "too-good" the
            one with the smallest R; "as-normal" the one whose mirror is itself the least strange by
            the score, of those 200 with the largest R; "worst-normal" the normal image with the
            largest R.
    """

    wait: ClassVar[str] = "Choosing an image…"

    target: Target
    strange: str
    rule: str = "typical"

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


def first_mirror(query: FirstMirrorQuery) -> tuple[str, int]:
    """Set and index of the image that a rule names.

    Raises:
        OutskirtsError: no such scenario, strange set, checkpoint or rule.
    """
    if query.rule not in FIRSTS:
        raise ScenarioError(f"no rule {query.rule!r}; there are: {', '.join(FIRSTS)}")
    world = query.target.world
    nothing = not query.strange and not world.strange  # a scenario without strange images
    normal = world.normal.name if nothing else world.normal_of(query.strange).name
    stored = stored_scores(query.target)
    if nothing and query.rule != "worst-normal":
        raise ScenarioError(f"{world.title} has no strange images, which {query.rule!r} is of")
    if query.rule == "worst-normal":
        return normal, int(stored[normal][DISTANCE].argmax())
    r = stored[query.strange][DISTANCE]
    if query.rule == "too-good":
        return query.strange, int(r.argmin())
    if query.rule == "typical":
        return query.strange, int(np.abs(r - np.median(r)).argmin())
    return query.strange, _mirrored_as_normal(query, r)


def _mirrored_as_normal(query: FirstMirrorQuery, r: np.ndarray) -> int:
    """Of the strange images with the largest R (N,), that whose mirror is the least strange.

    The one with the largest R where their pictures may not ship.
    """
    from core.inference.scoring import parts_of

    if query.target.world.pictures(query.strange).elsewhere:
        return int(r.argmax())
    detector, card = mirroring(query.target)
    worst = np.sort(np.argsort(-r, kind="stable")[:CANDIDATES])
    images = query.target.world.pictures(query.strange).images[worst]
    found = parts_of(detector, _mirrors(detector, np.asarray(images)))
    return int(worst[found[card.score.part].argmin()])


# The ray of an image's code -----------------------------------------------------------------------


@dataclass(frozen=True)
class MirrorRayQuery(Query["MirrorRay"]):
    """The pictures on the ray from the origin through the code of an image, and on."""

    wait: ClassVar[str] = "Decoding along the ray…"

    image: ImageQuery

    def files(self) -> Iterable[Path]:
        return self.image.files()


@dataclass(frozen=True)
class MirrorRay:
    """Pictures G(f E(x)) of factors f, each scored as an image of its own.

    Attributes:
        id: of the image.
        factors: (S,), 0 the origin, 1 the image's own code.
        images: (S, H, W, C) uint8.
        scores, flagged: (S,), in the unit of pages.
        percentiles: (S,), of the score; distances: (S,), those of R.
        norms: (S,), the length of each code; norm: of the image's own.
        usual: lengths between which 98 of 100 training images have theirs.
        inward, outward: factors between which atypical codes of training lay; None: it took none.
    """

    id: str
    factors: np.ndarray
    images: np.ndarray
    scores: np.ndarray
    flagged: np.ndarray
    percentiles: np.ndarray
    distances: np.ndarray
    norms: np.ndarray
    norm: float
    usual: tuple[float, float]
    inward: tuple[float, float] | None
    outward: tuple[float, float] | None
    score: str
    unit: str


def mirror_ray(query: MirrorRayQuery, data: bytes | None = None) -> MirrorRay:
    """The ray of an image's code; ``data`` is the visitor's file, if it is theirs.

    Raises:
        ImageError: ``data`` is not an image that can be read.
        OutskirtsError: no such scenario, set, image or checkpoint, or it mirrors nothing.
    """
    import torch

    from core.data.picture import as_images, as_tensor
    from core.inference.scoring import parts_of
    from core.nn.mirror import ray

    detector, card = mirroring(query.image.target)
    picture, name, _ = find_picture(query.image.target.world, query.image, data)
    with torch.inference_mode():
        code = detector.embed(as_tensor(picture.image[None]))[0]
        codes = ray(code, torch.tensor(FACTORS))
        images = as_images(detector.decode(codes))
    parts = parts_of(detector, images)
    places, part = percentiles(card, parts), card.score.part
    inward, outward = _taken(detector)
    return MirrorRay(
        id=name,
        factors=np.array(FACTORS),
        images=images,
        scores=detector.to_display(part, parts[part]),
        flagged=parts[part] > card.score.threshold,
        percentiles=places[part],
        distances=places[DISTANCE],
        norms=codes.norm(dim=1).numpy(),
        norm=float(code.norm()),
        usual=_usual(detector.norm_quantiles),
        inward=inward,
        outward=outward,
        score=part,
        unit=detector.described[part].displayed_unit,
    )


def _usual(quantiles: Tensor) -> tuple[float, float]:
    """The 1 % and the 99 % quantile of stored ones (101,)."""
    return float(quantiles[1]), float(quantiles[-2])


def _taken(detector: AMA) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    """Between which factors the atypical codes of training lay, inward and outward."""
    from core.detectors.ama import INWARD

    kind = detector.config.atypical
    inward = (0.0, INWARD) if kind in ("both", "inward") else None
    outward = (1 / INWARD, float("inf")) if kind in ("both", "outward") else None
    return inward, outward


ANSWERS: tuple[Answered[Any], ...] = (
    Answered(MirroredQuery, mirrored),
    Answered(MirrorQuery, mirror),
    Answered(FirstMirrorQuery, first_mirror),
    Answered(MirrorRayQuery, mirror_ray),
)
