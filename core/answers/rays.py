"""A ray from the centre of the posteriors outward, and what every detector says along it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeGuard

import numpy as np

from core.answers.images import percentiles, unit_of
from core.answers.loaded import Target, exemplar_images, files_of, loaded
from core.answers.outskirts import generators_of, known_of
from core.answers.query import Answered, Query
from core.data.picture import as_images
from core.errors import OutskirtsError
from core.evaluate.calibration import percentile

if TYPE_CHECKING:
    from core.detectors._base import Detector
    from core.detectors.outskirts import Outskirts

__all__ = [
    "ANSWERS",
    "KAPPAS",
    "Ray",
    "RayQuery",
    "RayScores",
    "RayScoresQuery",
    "ray",
    "ray_scores",
]

KAPPAS = tuple(i / 4 for i in range(13))


@dataclass(frozen=True)
class RayQuery(Query["Ray"]):
    """From the centre through an exemplar posterior, named by its rank: 1 is the outermost."""

    wait: ClassVar[str] = "Walking outward…"

    target: Target
    criterion: str
    rank: int

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


@dataclass(frozen=True)
class Ray:
    """What lies on a ray.

    Attributes:
        index: of the exemplar posterior.
        kappas: (S,), 0 the centre, 1 the posterior's mean.
        images: (S, H, W, C) uint8, decoded without what the VAE left over of the image.
        logit, percentiles: (S,), of the codes that the images are decoded from, the model's own.
        real: (H, W, C) uint8, the training image itself; None: it may not ship.
    """

    index: int
    kappas: np.ndarray
    images: np.ndarray
    logit: np.ndarray
    percentiles: np.ndarray
    real: np.ndarray | None


def ray(query: RayQuery) -> Ray:
    """Decode steps from the centre outward: D(mu_bar + kappa (mu_i - mu_bar)).

    Raises:
        OutskirtsError: no such scenario, checkpoint, criterion or rank.
    """
    import torch

    known, exemplars = known_of(query.target), exemplar_images(query.target)
    if not 1 <= query.rank <= len(known.mean):
        raise OutskirtsError(f"ranks go from 1 to {len(known.mean)}, asked for {query.rank}")
    index = int(generators_of(query.target, query.criterion, 1.0)[query.rank - 1])
    kappas = np.array(KAPPAS, np.float32)
    z = known.centre + kappas[:, None] * (known.mean[index] - known.centre)
    with torch.inference_mode():
        codes = known.detector.decoder(torch.from_numpy(z))
        images = as_images(known.detector.pictures(codes))
        logit = known.detector.parts_of_codes(codes, without=index)["logit"].numpy()
    standing = percentile(logit, known.card.quantiles("logit"))
    real = exemplars[index] if query.target.world.ships_training else None
    return Ray(index, kappas, images, logit, standing, real)


@dataclass(frozen=True)
class RayScoresQuery(Query["RayScores"]):
    """What models of the scenario say of a ray."""

    wait: ClassVar[str] = "Asking every detector along the ray…"

    ray: RayQuery
    models: tuple[str, ...]

    def files(self) -> Iterable[Path]:
        asked = [Target.of(self.ray.target.scenario, model) for model in self.models]
        return files_of(self.ray.target, *asked)


@dataclass(frozen=True)
class RayScores:
    """Scores of the S decoded images of a ray, and of the training image itself.

    A model whose density holds that image's code looks past it, or it would find it again.

    Attributes:
        scores, percentiles: model to (S,); scores in the unit of pages.
        real_scores, real_percentiles: model to the number of the training image, if that is there.
        units: model to the unit of its score.
        failed: model to the reason why it has no numbers.
        past: models that look past the code of the training image.
    """

    scores: Mapping[str, np.ndarray]
    percentiles: Mapping[str, np.ndarray]
    real_scores: Mapping[str, float]
    real_percentiles: Mapping[str, float]
    units: Mapping[str, str]
    failed: Mapping[str, str]
    past: tuple[str, ...]


def ray_scores(query: RayScoresQuery) -> RayScores:
    """Every model's score along a ray; a model that cannot be loaded is said and passed over.

    Raises:
        OutskirtsError: no such scenario, checkpoint, criterion or rank.
    """
    from core.inference.scoring import parts_of

    found = ray(query.ray)
    real = found.images[:0] if found.real is None else found.real[None]
    images, n = np.concatenate([found.images, real]), len(found.images)
    scores, standing, units, failed, past = {}, {}, {}, {}, []
    for model in query.models:
        target = Target.of(query.ray.target.scenario, model)
        try:
            detector, card = loaded(target)
            place = _place_of(real, target) if _with_density(detector) else None
        except OutskirtsError as error:
            failed[model] = str(error)
            continue
        part = card.score.part
        if target == query.ray.target:
            place = found.index
        if place is not None and _with_density(detector):
            raw = _looking_past(detector, images, place)[part]
            past.append(model)
        else:
            raw = parts_of(detector, images)[part]
        scores[model] = detector.to_display(part, raw)
        standing[model] = percentiles(card, {part: raw})[part]
        units[model] = unit_of(detector, part)
    return RayScores(
        scores={m: values[:n] for m, values in scores.items()},
        percentiles={m: values[:n] for m, values in standing.items()},
        real_scores={m: float(v) for m, values in scores.items() for v in values[n:]},
        real_percentiles={m: float(v) for m, values in standing.items() for v in values[n:]},
        units=units,
        failed=failed,
        past=tuple(past),
    )


def _with_density(detector: Detector) -> TypeGuard[Outskirts]:
    from core.detectors.outskirts import Outskirts

    return isinstance(detector, Outskirts) and detector.config.density


def _place_of(real: np.ndarray, target: Target) -> int | None:
    """Index of a training image (1, H, W, C), or none, among those whose codes a model keeps."""
    exemplars = exemplar_images(target)
    if not len(real) or exemplars.shape[1:] != real.shape[1:]:
        return None
    (places,) = np.nonzero((exemplars == real).all((1, 2, 3)))
    return int(places[0]) if len(places) else None


def _looking_past(detector: Outskirts, images: np.ndarray, index: int) -> dict[str, np.ndarray]:
    """Parts (n,) of images (n, H, W, C) uint8, without the exemplar code of that index."""
    import torch

    from core.data.picture import as_tensor

    with torch.inference_mode():
        found = detector.parts_of_codes(detector.codes(as_tensor(images)), without=index)
    return {part: values.numpy() for part, values in found.items()}


ANSWERS: tuple[Answered[Any], ...] = (
    Answered(RayQuery, ray),
    Answered(RayScoresQuery, ray_scores),
)
