"""2-D layouts of latent codes, made when a model is trained and never in the server.

A layout is a picture of codes of many dimensions, and no picture keeps all of their distances. So
each carries its trustworthiness, and the neighbours that an image has in the latent space itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from typing import Literal

import numpy as np

__all__ = [
    "HELD_OUT",
    "LAYOUTS",
    "NEIGHBOURS",
    "POINTS",
    "Atlas",
    "Compressed",
    "Landing",
    "Layout",
    "LayoutName",
    "build",
    "choose",
    "compress",
    "from_arrays",
    "nearest",
    "place",
    "to_arrays",
    "trustworthiness",
]

POINTS = 10_000  # images on a map
HELD_OUT = 500  # images beside it, that tell how well an image lands that the layout never saw
NEIGHBOURS = 10
LayoutName = Literal["umap", "tsne", "pca"]
LAYOUTS: tuple[LayoutName, ...] = ("umap", "tsne", "pca")
DIMENSIONS = 64  # of the codes that travel with the map
CHUNK = 500  # rows of a distance matrix at a time


@dataclass(frozen=True)
class Landing:
    """How well images land on a layout that `place` puts there.

    Attributes:
        shift: median distance of a laid-out image from its own place, when it is placed as if it
            were not there; as a share of the layout's longer side.
        trustworthiness: of images that the layout never saw, where they land; not a number where
            there were none to try.
    """

    shift: float
    trustworthiness: float


@dataclass(frozen=True)
class Layout:
    """A picture of N codes.

    Attributes:
        xy: (N, 2) float32.
        local: (N,) float32, trustworthiness of each point: 1 where its neighbours on the picture
            are its neighbours in the latent space.
    """

    xy: np.ndarray
    local: np.ndarray
    landing: Landing

    @property
    def trustworthiness(self) -> float:
        return float(self.local.mean())

    @property
    def side(self) -> float:
        """The longer side of the picture."""
        return float(np.ptp(self.xy, axis=0).max())


@dataclass(frozen=True)
class Compressed:
    """Codes (N, D) on their first principal axes, an integer of 8 bits each.

    Attributes:
        codes: (N, d) int8, d <= D.
        step: (d,), what one of those integers is worth.
        mean: (D,), axes: (D, d).
        kept: share of the codes' variance that is left.
    """

    codes: np.ndarray
    step: np.ndarray
    mean: np.ndarray
    axes: np.ndarray
    kept: float

    def all(self) -> np.ndarray:
        """The codes (N, d) in the unit of the latent space."""
        return self.codes * self.step

    def of(self, codes: np.ndarray) -> np.ndarray:
        """Other codes (M, D) on the same axes, (M, d)."""
        return (codes - self.mean) @ self.axes


@dataclass(frozen=True)
class Atlas:
    """Maps of the reference images' codes.

    Attributes:
        sets: names of sets; which: (N,), indices into them; indices: (N,), which image of its set.
        layouts: by name, see `LAYOUTS`.
        neighbours, distances: (N, k), each image's nearest in the latent space, nearest first.
        compressed: the codes, for images that are to be placed beside them.
        seed: of the choice of images and of every layout.
    """

    sets: tuple[str, ...]
    which: np.ndarray
    indices: np.ndarray
    layouts: Mapping[str, Layout]
    neighbours: np.ndarray
    distances: np.ndarray
    compressed: Compressed
    seed: int

    def __len__(self) -> int:
        return len(self.which)


# Making one --------------------------------------------------------------------------------------


def choose(
    sizes: Mapping[str, int], points: int, *, seed: int, beside: int = 0
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Which images of each set to lay out, and which others to hold out.

    Half of the points go to the first set, the rest evenly to the others; of a set that has too
    few images for both, the map takes its own first.

    Example:
        >>> shown, held_out = choose({"n": 9, "a": 9, "b": 2}, 8, seed=0, beside=4)
        >>> {k: len(v) for k, v in shown.items()}, {k: len(v) for k, v in held_out.items()}
        ({'n': 4, 'a': 2, 'b': 2}, {'n': 2, 'a': 1, 'b': 0})
    """
    orders = {
        name: np.random.default_rng([seed, i]).permutation(size)
        for i, (name, size) in enumerate(sizes.items())
    }
    first, rest = _shares(sizes, points), _shares(sizes, beside)
    shown = {name: np.sort(order[: first[name]]) for name, order in orders.items()}
    return shown, {
        name: np.sort(order[first[name] : first[name] + rest[name]])
        for name, order in orders.items()
    }


def _shares(sizes: Mapping[str, int], points: int) -> dict[str, int]:
    first, *others = sizes
    share = points // 2 // len(others) if others else 0
    return {first: points - share * len(others)} | dict.fromkeys(others, share)


def build(
    codes: Mapping[str, np.ndarray],
    indices: Mapping[str, np.ndarray],
    held_out: np.ndarray | None,
    *,
    seed: int,
    layouts: tuple[LayoutName, ...] = LAYOUTS,
    watch: Callable[[str], None] = lambda text: None,
) -> Atlas:
    """Lay out codes (n, D) of each set, and measure the layouts.

    Args:
        indices: set name to (n,), which images of the set they are.
        held_out: (M, D), codes of other images, or None where there are none.

    Raises:
        ValueError: there are too few codes, or some are not finite.
    """
    together = np.concatenate(list(codes.values())).astype(np.float32)
    if len(together) <= 2 * NEIGHBOURS:
        raise ValueError(f"a map needs more than {2 * NEIGHBOURS} codes, got {len(together)}")
    others = np.zeros(1) if held_out is None else held_out
    if not (np.isfinite(together).all() and np.isfinite(others).all()):
        raise ValueError("some codes are not finite numbers: nothing can be laid out")
    small = compress(together)
    watch(f"finding the neighbours of {len(together)} codes")
    neighbours, distances = nearest(together, together, neighbours=NEIGHBOURS, itself=True)
    found: dict[str, Layout] = {}
    for name in layouts:
        watch(f"laying out {len(together)} codes by {name}")
        xy = _laid_out(name, together, seed=seed)
        local = trustworthiness(together, xy, neighbours=NEIGHBOURS)
        found[name] = Layout(xy, local, _landing(small, xy, together, held_out))
    return Atlas(
        sets=tuple(codes),
        which=np.repeat(np.arange(len(codes), dtype=np.uint8), [len(c) for c in codes.values()]),
        indices=np.concatenate([indices[name] for name in codes]).astype(np.int32),
        layouts=found,
        neighbours=neighbours.astype(np.int32),
        distances=_half(distances),
        compressed=small,
        seed=seed,
    )


def _laid_out(name: str, codes: np.ndarray, *, seed: int) -> np.ndarray:
    """Positions (N, 2) of codes (N, D), rounded as they are stored; the same for the same seed."""
    from sklearn.decomposition import PCA

    reduced = PCA(min(50, *codes.shape), random_state=seed).fit_transform(codes)
    if name == "umap":
        from umap import UMAP

        found = UMAP(random_state=seed, n_jobs=1).fit_transform(reduced)
    elif name == "tsne":
        from sklearn.manifold import TSNE

        found = TSNE(random_state=seed, init="pca").fit_transform(reduced)
    else:
        found = reduced[:, :2]
    return _half(np.asarray(found))


def _landing(
    small: Compressed, xy: np.ndarray, codes: np.ndarray, held_out: np.ndarray | None
) -> Landing:
    again = place(small.all(), xy, small.all(), itself=True)
    side = max(float(np.ptp(xy, axis=0).max()), 1e-12)
    trusted = float("nan")
    if held_out is not None:
        landed = held_out, place(small.all(), xy, small.of(held_out))
        trusted = float(trustworthiness(codes, xy, neighbours=NEIGHBOURS, queries=landed).mean())
    return Landing(float(np.median(np.linalg.norm(again - xy, axis=1)) / side), trusted)


def compress(codes: np.ndarray, *, dimensions: int = DIMENSIONS) -> Compressed:
    """The first principal axes of codes (N, D), and the codes along them in 8 bits a number.

    Example:
        >>> codes = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
        >>> small = compress(codes)
        >>> small.codes.dtype, bool(np.abs(small.of(codes) - small.all()).max() < small.step.max())
        (dtype('int8'), True)
    """
    mean = codes.mean(0, dtype=np.float64)
    centred = codes - mean
    values, vectors = np.linalg.eigh(centred.T @ centred)
    order = np.argsort(values)[::-1][:dimensions]
    axes = vectors[:, order].astype(np.float16).astype(np.float32)
    along = centred @ axes
    step = np.maximum(np.abs(along).max(0) / 127, 1e-12).astype(np.float32)
    return Compressed(
        codes=(along / step).round().astype(np.int8),
        step=step,
        mean=mean.astype(np.float32),
        axes=axes,
        kept=float(values[order].sum() / max(values.sum(), 1e-12)),
    )


def _half(values: np.ndarray) -> np.ndarray:
    """Values to 11 bits, as float32, unless they are too large or too small for float16."""
    small = 1 / 16 < np.abs(values).max() < np.finfo(np.float16).max
    return values.astype(np.float16 if small else np.float32).astype(np.float32)


# Keeping one -------------------------------------------------------------------------------------


def to_arrays(atlas: Atlas) -> dict[str, np.ndarray]:
    """What an atlas is made of, by name, as small as it is exact; no name has a slash."""
    small = atlas.compressed
    arrays = {
        "sets": np.array(atlas.sets),
        "which": atlas.which,
        "indices": atlas.indices,
        "neighbours": _least(atlas.neighbours),
        "distances": _least(atlas.distances),
        "codes": small.codes,
        "step": small.step,
        "mean": small.mean,
        "axes": _least(small.axes),
        "kept": np.array(small.kept),
        "seed": np.array(atlas.seed),
        "layouts": np.array(list(atlas.layouts)),
    }
    for name, layout in atlas.layouts.items():
        arrays[f"{name}.xy"] = _least(layout.xy)
        arrays[f"{name}.local"] = layout.local
        arrays[f"{name}.landing"] = np.array(astuple(layout.landing))
    return arrays


def _least(values: np.ndarray) -> np.ndarray:
    """The same values in the smaller type, if it holds them exactly."""
    with np.errstate(over="ignore"):
        smaller = values.astype(np.float16 if values.dtype.kind == "f" else np.uint16)
    return smaller if np.array_equal(smaller, values) else values


def from_arrays(arrays: Mapping[str, np.ndarray]) -> Atlas:
    """The atlas that `to_arrays` took apart.

    Raises:
        KeyError: an array is missing.
    """
    return Atlas(
        sets=tuple(arrays["sets"].tolist()),
        which=arrays["which"],
        indices=arrays["indices"],
        layouts={
            name: Layout(
                arrays[f"{name}.xy"].astype(np.float32),
                arrays[f"{name}.local"],
                Landing(*arrays[f"{name}.landing"].tolist()),
            )
            for name in arrays["layouts"].tolist()
        },
        neighbours=arrays["neighbours"].astype(np.int32),
        distances=arrays["distances"].astype(np.float32),
        compressed=Compressed(
            codes=arrays["codes"],
            step=arrays["step"],
            mean=arrays["mean"],
            axes=arrays["axes"].astype(np.float32),
            kept=float(arrays["kept"]),
        ),
        seed=int(arrays["seed"]),
    )


# Asking one --------------------------------------------------------------------------------------


def place(
    codes: np.ndarray, xy: np.ndarray, queries: np.ndarray, *, itself: bool = False
) -> np.ndarray:
    """Where codes (Q, d) land on a layout (N, 2) of codes (N, d), without laying out anew: (Q, 2).

    Each lands at the mean of its nearest neighbours' places, the nearer counting more.

    Args:
        itself: queries are the codes, and none is its own neighbour.
    """
    found, distances = nearest(codes, queries, neighbours=NEIGHBOURS, itself=itself)
    weights = 1 / np.maximum(distances, 1e-9)
    weights /= weights.sum(1, keepdims=True)
    return np.einsum("qk,qkd->qd", weights, xy[found]).astype(np.float32)


def trustworthiness(
    codes: np.ndarray,
    xy: np.ndarray,
    *,
    neighbours: int,
    queries: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    """Trustworthiness (N,) of each point of a picture (N, 2) of codes (N, D).

    1 - 2 / (n k (2n - 3k - 1)) sum_i sum_j max(0, r(i, j) - k), before the mean over i: j goes
    over the k points nearest to i on the picture, r is its rank among i's neighbours in the latent
    space.

    Args:
        queries: ask of these codes (Q, D), placed at (Q, 2), in place of the picture's own points.

    Raises:
        ValueError: there are not more than twice as many points as neighbours.

    References:
        Venna and Kaski 2001, Neighborhood preservation in nonlinear projection methods, eq. 1.

    Example:
        >>> line = np.arange(9.0)[:, None]
        >>> trustworthiness(line, np.hstack([line, line]), neighbours=2).tolist()[:2]
        [1.0, 1.0]
    """
    n, k, own = len(codes), neighbours, queries is None
    if n <= 2 * k:
        raise ValueError(f"{k} neighbours need more than {2 * k} points, got {n}")
    asked, places = (codes, xy) if queries is None else queries
    shown = nearest(xy, places, neighbours=k, itself=own)[0]
    others = n - 1 if own else n
    penalty = np.empty(len(asked))
    for start in range(0, len(asked), CHUNK):
        rows = slice(start, start + CHUNK)
        distances = _distances(asked[rows], codes)
        if own:
            distances[np.arange(len(distances)), start + np.arange(len(distances))] = np.inf
        there = np.take_along_axis(distances, shown[rows], 1)
        distances.sort(axis=1)
        ranks = np.stack([row.searchsorted(d) for row, d in zip(distances, there, strict=True)])
        penalty[rows] = (ranks + 1 - k).clip(0).sum(1)
    return (1 - penalty * 2 / (k * (2 * others - 3 * k + 1))).astype(np.float32)


def nearest(
    codes: np.ndarray, queries: np.ndarray, *, neighbours: int, itself: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Indices and Euclidean distances (Q, k) of the codes (N, D) nearest to each query (Q, D).

    Nearest first; of equals the first.

    Args:
        itself: queries are the codes, and none is its own neighbour.

    Example:
        >>> nearest(np.array([[0.0], [2.0], [5.0]]), np.array([[3.0]]), neighbours=2)[0].tolist()
        [[1, 2]]
    """
    indices, found = [], []
    for start in range(0, len(queries), CHUNK):
        distances = _distances(queries[start : start + CHUNK], codes)
        if itself:
            rows = np.arange(len(distances))
            distances[rows, rows + start] = np.inf
        near = np.sort(np.argpartition(distances, neighbours - 1, 1)[:, :neighbours], 1)
        there = np.take_along_axis(distances, near, 1)
        chosen = np.take_along_axis(near, there.argsort(1, kind="stable"), 1)
        for row in np.flatnonzero((distances <= there.max(1)[:, None]).sum(1) > neighbours):
            chosen[row] = distances[row].argsort(kind="stable")[:neighbours]  # equals: the first
        indices.append(chosen)
        found.append(np.take_along_axis(distances, indices[-1], 1))
    return np.concatenate(indices), np.concatenate(found)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distances (A, B) in float64."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return np.sqrt(squares.clip(0))
