"""Where synthetic outliers come from: a plane through the posteriors, and draws from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from core.answers.loaded import (
    Target,
    exemplar_images,
    files_of,
    loaded,
    newest,
    size_of_model,
    version,
)
from core.answers.query import Answered, Query
from core.cache import Cache
from core.data.picture import as_images
from core.errors import OutskirtsError
from core.evaluate.calibration import percentile

if TYPE_CHECKING:
    from core.card import Card
    from core.detectors.outskirts import Outskirts
    from core.nn.outlyingness import Criterion

__all__ = [
    "ANSWERS",
    "COLLAPSED",
    "Draws",
    "DrawsQuery",
    "Field",
    "FieldQuery",
    "Known",
    "Plane",
    "PlaneQuery",
    "Recipe",
    "draws",
    "field",
    "generators_of",
    "known_of",
    "plane",
]

COLLAPSED = 0.01  # nats: a dimension that tells less of an image than this tells nothing
ELLIPSES = 60  # posteriors that are drawn as ellipses at most
CELLS, REACH, BEND = (
    57,
    5.0,
    3.0,
)  # of the field: a side, its reach in widths of exemplars, its sinh
FAR = 1000.0  # the largest push and spread that are answered
OUTLINE = 36  # points of an ellipse


@dataclass(frozen=True)
class Recipe:
    """How synthetic outliers are made.

    Attributes:
        criterion: by which the outermost posteriors are found.
        rho: the share of them that generates; kappa, tau: push from the centre, and spread.
    """

    criterion: str
    rho: float
    tau: float
    kappa: float


# What a model keeps -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """A model with the posteriors that it keeps, and the plane through them."""

    detector: Outskirts
    card: Card
    mean: np.ndarray  # (K, D)
    std: np.ndarray  # (K, D)
    axes: np.ndarray  # (2, D)
    share: np.ndarray  # (2,)

    @property
    def centre(self) -> np.ndarray:
        return self.mean.mean(0)

    def on_plane(self, z: np.ndarray) -> np.ndarray:
        """Latents z (n, D) as points (n, 2)."""
        return (z - self.centre) @ self.axes.T

    @property
    def size(self) -> np.ndarray:
        """How far the exemplar posteriors' means reach from the centre along each axis, (2,)."""
        return np.abs(self.on_plane(self.mean)).max(0)


def known_of(target: Target) -> Known:
    """What the answers know of the posteriors of a target, made once a version of its files."""
    return newest(_known, target, _find_known)


def _find_known(target: Target) -> Known:
    import torch

    from core.detectors.outskirts import Outskirts

    detector, card = loaded(target)
    if not isinstance(detector, Outskirts):
        raise OutskirtsError(f"{target} keeps no posteriors: it has no outskirts")
    with torch.inference_mode():
        mean, std = (found.numpy() for found in detector.posterior(detector.exemplar_codes))
    axes, share = _principal(mean)
    return Known(detector, card, mean, std, axes, share)


def _size(known: Known) -> int:
    """Bytes of what is kept, the detector's among them: it stays for as long."""
    return size_of_model((known.detector, known.card)) + known.mean.nbytes + known.std.nbytes


_known: Cache[Known] = Cache(limit=100_000_000, sized=_size)
_outlying: Cache[Any] = Cache(limit=10_000_000, sized=lambda values: values.nbytes)


def _principal(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First two principal axes (2, D) of points (n, D), and their shares (2,) of the variance."""
    centred = points.astype(np.float64) - points.mean(0)
    variances, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, ::-1][:, :2].T
    if len(axes) < 2:
        raise OutskirtsError("a latent space of one dimension has no plane to show")
    largest = np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1)
    total = max(variances.sum(), 1e-12)
    return (axes * np.sign(largest)).astype(np.float32), variances[::-1][:2] / total


def _outlyingness(target: Target, criterion: str) -> Any:
    """How far out each exemplar posterior lies, a tensor (K,)."""
    import torch

    detector = known_of(target).detector  # loaded outside: what is held must serve a gradient
    with torch.inference_mode():
        try:
            return detector.outlyingness(_criterion(criterion))
        except ValueError as error:
            raise OutskirtsError(str(error)) from error


def _criterion(name: str) -> Criterion:
    return name  # type: ignore[return-value]  # the detector refuses other names


def generators_of(target: Target, criterion: str, rho: float) -> Any:
    """`Outskirts.generators` by criterion and rho, the search for neighbours done once a model.

    Raises:
        OutskirtsError: there is no such criterion, or rho is no fraction.
    """
    from core.nn.posteriors import outermost

    key, seen = (target.world.folder, target, criterion), version(target)
    outlying = _outlying.get(key, seen, lambda: _outlyingness(target, criterion))
    try:
        return outermost(outlying, rho)
    except ValueError as error:
        raise OutskirtsError(str(error)) from error


# The plane --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlaneQuery(Query["Plane"]):
    """The plane through the centre of a model's exemplar posteriors."""

    wait: ClassVar[str] = "Looking for the outermost posteriors…"

    target: Target

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


@dataclass(frozen=True)
class Plane:
    """Exemplar posteriors of K training images.

    Attributes:
        images: (K, H, W, C) uint8; rebuilt: by the model, as training images may not ship.
        xy: (K, 2), means along the first two principal axes, from the centre.
        axes: (2, D), orthonormal; share: (2,), of the variance of the means.
        kl: (D,), nats, mean over the exemplar posteriors.
        trained: the recipe that the classifiers learned from.
        noise: whether they learned from noise instead, which no posterior generates.
        density: whether their logits hold a density of exemplar codes, beside what they learned.
        threshold: of the mean logit, which flags 5 % of held-out normal images.
        of: how many training images there were.
    """

    images: np.ndarray
    rebuilt: bool
    xy: np.ndarray
    axes: np.ndarray
    share: np.ndarray
    kl: np.ndarray
    trained: Recipe
    noise: bool
    density: bool
    threshold: float
    of: int
    sha256: str


def plane(query: PlaneQuery) -> Plane:
    """The exemplar posteriors on the plane of their first two principal axes.

    Raises:
        OutskirtsError: no such scenario or checkpoint, or it keeps no posteriors.
    """
    import torch

    known = known_of(query.target)
    config, card = known.detector.config, known.card
    with torch.inference_mode():
        kl = known.detector.kl_per_dimension().numpy()
    rebuilt = not query.target.world.ships_training
    images = _rebuilt(known) if rebuilt else exemplar_images(query.target)
    if len(images) != len(known.mean):
        kept = f"{len(known.mean)} posteriors and {len(images)} of their images"
        raise OutskirtsError(f"{query.target} keeps {kept}: train it again")
    return Plane(
        images=images,
        rebuilt=rebuilt,
        xy=known.on_plane(known.mean),
        axes=known.axes,
        share=known.share,
        kl=kl,
        trained=Recipe(config.criterion, config.rho, config.tau, config.kappa),
        noise=config.negatives == "noise",
        density=config.density,
        threshold=card.score.threshold,
        of=card.data.images,
        sha256=card.weights.sha256,
    )


def _rebuilt(known: Known) -> np.ndarray:
    """What a model's decoder makes of the codes of training images that it keeps, (K, H, W, C)."""
    import torch

    with torch.inference_mode():
        pieces = known.detector.exemplar_codes.split(256)
        return np.concatenate([as_images(known.detector.pictures(codes)) for codes in pieces])


@dataclass(frozen=True)
class FieldQuery(Query["Field"]):
    """The mean logit over the plane."""

    wait: ClassVar[str] = "Asking the classifiers about the whole plane…"

    target: Target

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


@dataclass(frozen=True)
class Field:
    """Mean logits (Y, X) at points x (X,) and y (Y,) of the plane, closer together at its centre.

    The other coordinates are the centre's, and the VAE leaves nothing over.

    Attributes:
        border: (L, 2, 2), line segments where the logit is the threshold.
        even: (E, 2, 2), where it is 0.
    """

    x: np.ndarray
    y: np.ndarray
    logit: np.ndarray
    border: np.ndarray
    even: np.ndarray


def field(query: FieldQuery) -> Field:
    """What the classifiers say of every point of the plane.

    Raises:
        OutskirtsError: no such scenario or checkpoint, or it keeps no posteriors.
    """
    import torch

    known = known_of(query.target)
    steps = np.sinh(BEND * np.linspace(-1, 1, CELLS)) / np.sinh(BEND)
    x, y = (REACH * side * steps for side in known.size.clip(1e-3))
    spots = np.stack(np.meshgrid(x, y), -1)
    z = (known.centre + spots.reshape(-1, 2) @ known.axes).astype(np.float32)
    with torch.inference_mode():
        logit = known.detector.parts_of_codes(known.detector.decoder(torch.from_numpy(z)))["logit"]
    found = logit.numpy().reshape(CELLS, CELLS)
    border, even = (_crossings(spots, found - at) for at in (known.card.score.threshold, 0.0))
    return Field(x, y, found, border, even)


def _crossings(spots: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Where values (Y, X) at spots (Y, X, 2) cross zero: line segments (L, 2, 2).

    Each cell is two triangles, and a line crosses two sides of a triangle or none.
    """
    found = []
    here, right, below, across = ((0, 0), (0, 1), (1, 0), (1, 1))
    for corners in ((here, right, across), (here, below, across)):
        at = [(slice(i, i - 1 or None), slice(j, j - 1 or None)) for i, j in corners]
        v = np.stack([values[place].ravel() for place in at])  # (3, T)
        p = np.stack([spots[place].reshape(-1, 2) for place in at])  # (3, T, 2)
        sides = (v >= 0) != (np.roll(v, -1, 0) >= 0)
        crossed = sides.any(0)
        share = v / np.where(sides, v - np.roll(v, -1, 0), 1)
        points = p + share[..., None] * (np.roll(p, -1, 0) - p)
        order = np.argsort(~sides[:, crossed], 0, kind="stable")[:2]  # the two crossed sides
        found.append(np.take_along_axis(points[:, crossed], order[..., None], 0).swapaxes(0, 1))
    return np.concatenate(found)


# Synthetic outliers -----------------------------------------------------------------------------


@dataclass(frozen=True)
class DrawsQuery(Query["Draws"]):
    """Synthetic outliers made by a recipe, which the seed draws."""

    wait: ClassVar[str] = "Making outliers…"

    target: Target
    recipe: Recipe
    count: int
    seed: int = 0

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


@dataclass(frozen=True)
class Draws:
    """Synthetic outliers and the posteriors that generate them.

    Attributes:
        generators: (G,), indices of exemplar posteriors, the outermost first.
        outlined: (E,), those of them that are drawn; outlines: (E, P, 2), one standard deviation.
        xy: (n, 2), on the plane; latent: (n, D), z~; codes: (n, H), h~.
        images: (n, H, W, C) uint8, decoded.
        parents: (n,), indices of exemplar posteriors.
        nearest: (n,), the exemplar image whose code is nearest; distances: (n,), between codes.
        logit, percentiles: (n,), the mean logit of the codes, and among held-out normal images.
    """

    generators: np.ndarray
    outlined: np.ndarray
    outlines: np.ndarray
    xy: np.ndarray
    latent: np.ndarray
    codes: np.ndarray
    images: np.ndarray
    parents: np.ndarray
    nearest: np.ndarray
    distances: np.ndarray
    logit: np.ndarray
    percentiles: np.ndarray


def draws(query: DrawsQuery) -> Draws:
    """Draw synthetic outliers, and find the real image nearest to each.

    Raises:
        OutskirtsError: no such scenario, checkpoint or criterion, rho is no fraction, or the
            model keeps no posteriors.
    """
    import torch

    _check(query)
    known, recipe = known_of(query.target), query.recipe
    parents = generators_of(query.target, recipe.criterion, recipe.rho)
    with torch.inference_mode():
        made = known.detector.synthesise(
            query.count,
            torch.Generator().manual_seed(query.seed),
            tau=recipe.tau,
            kappa=recipe.kappa,
            parents=parents,
        )
        logit = known.detector.parts_of_codes(made.codes)["logit"].numpy()
        apart = torch.cdist(made.codes, known.detector.exemplar_codes).min(1)
    generators = parents.numpy()
    outlined = generators[_spread_out(len(generators))]
    return Draws(
        generators=generators,
        outlined=outlined,
        outlines=_outlines(known, outlined),
        xy=known.on_plane(made.latent.numpy()),
        latent=made.latent.numpy(),
        codes=made.codes.numpy(),
        images=as_images(made.images),
        parents=made.parents.numpy(),
        nearest=apart.indices.numpy(),
        distances=apart.values.numpy(),
        logit=logit,
        percentiles=percentile(logit, known.card.quantiles("logit")),
    )


def _check(query: DrawsQuery) -> None:
    """Refuse to draw none, or from too far out."""
    recipe = query.recipe
    if query.count < 1:
        raise OutskirtsError(f"draw one synthetic outlier or more, not {query.count}")
    if not (0 <= recipe.kappa <= FAR and 0 <= recipe.tau <= FAR):
        raise OutskirtsError(f"kappa and tau go from 0 to {FAR:g}: {recipe.kappa}, {recipe.tau}")


def _spread_out(n: int) -> np.ndarray:
    """At most `ELLIPSES` of n places, evenly; the first is among them."""
    return np.linspace(0, n - 1, min(n, ELLIPSES)).round().astype(int)


def _outlines(known: Known, which: np.ndarray) -> np.ndarray:
    """Outlines (E, P, 2) of posteriors on the plane, at one standard deviation.

    The shadow of N(mu, diag s^2) on axes A has the covariance A diag(s^2) A^T.
    """
    scaled = known.axes[None] * known.std[which][:, None] ** 2  # (E, 2, D)
    variances, vectors = np.linalg.eigh(scaled @ known.axes.T)
    roots = vectors * np.sqrt(variances.clip(0))[:, None]  # (E, 2, 2)
    angle = np.linspace(0, 2 * np.pi, OUTLINE)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    return known.on_plane(known.mean[which])[:, None] + (roots @ circle).transpose(0, 2, 1)


ANSWERS: tuple[Answered[Any], ...] = (
    Answered(PlaneQuery, plane),
    Answered(FieldQuery, field),
    Answered(DrawsQuery, draws),
)
