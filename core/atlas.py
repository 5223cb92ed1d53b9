"""Maps of latent codes: 2-D layouts with what they hide. `core.train.maps` makes them.

A layout is a picture of codes of many dimensions, and no picture keeps all of their distances. So
each carries its trustworthiness, and the neighbours that an image has in the latent space itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Literal

import numpy as np

__all__ = [
    "CHUNK",
    "DIMENSIONS",
    "HELD_OUT",
    "LAYOUTS",
    "NEIGHBOURS",
    "POINTS",
    "SHORTLIST",
    "Atlas",
    "Compressed",
    "Landing",
    "Layout",
    "LayoutName",
    "distances_between",
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
DIMENSIONS = 128  # of the codes that travel with the map
SHORTLIST = 100  # images that these find, for whole codes to choose the nearest among
CHUNK = 500  # rows of a distance matrix at a time


@dataclass(frozen=True)
class Landing:
    """How well images land on a layout that `place` puts there, normal and strange ones apart.

    Attributes:
        normal, strange: share of the map's images that lie nearer to where an image of the map
            lands, placed as if it were not there, than its own place does; the median.
        normal_trust, strange_trust: trustworthiness of images that the layout never saw, where
            they land; not a number where there were none to try.
    """

    normal: float
    strange: float
    normal_trust: float
    strange_trust: float


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


@dataclass(frozen=True)
class Compressed:
    """Codes (N, D) on the normal ones' principal axes, an integer of 8 bits each.

    They find a shortlist of near images, not distances: strange codes may lie beyond what 8 bits
    of the normal ones' range can say, and are cut there.

    Attributes:
        codes: (N, d) int8, d <= D.
        step: (d,), what one of those integers is worth.
        mean: (D,), axes: (D, d).
        recall: share of an image's true neighbours that its `SHORTLIST` holds, over 500 images.
    """

    codes: np.ndarray
    step: np.ndarray
    mean: np.ndarray
    axes: np.ndarray
    recall: float

    def all(self) -> np.ndarray:
        """The codes (N, d) in the unit of the latent space."""
        return self.codes * self.step

    def of(self, codes: np.ndarray) -> np.ndarray:
        """Other codes (M, D) on the same axes, as much cut, (M, d)."""
        return ((codes - self.mean) @ self.axes).clip(-127 * self.step, 127 * self.step)


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


# Keeping one -------------------------------------------------------------------------------------


def to_arrays(atlas: Atlas) -> dict[str, np.ndarray]:
    """What an atlas is made of, arrays of any shape by name.

    They are as small as they are exact; no name has a slash.
    """
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
        "recall": np.array(small.recall),
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
    """The atlas that `to_arrays` took apart, from its arrays of any shape by name.

    Raises:
        KeyError: an array is missing.
        ValueError: arrays do not go together, or are of another type.
    """
    _check_types(arrays)
    atlas = Atlas(
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
            recall=float(arrays["recall"]),
        ),
        seed=int(arrays["seed"]),
    )
    _check(atlas)
    return atlas


def _check_types(arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse arrays that hold something else than a map does: text for numbers, say."""
    names = arrays["layouts"]
    kinds = dict.fromkeys(("sets", "layouts"), "U")
    kinds |= dict.fromkeys(("which", "indices", "neighbours", "codes", "seed"), "iu")
    kinds |= dict.fromkeys(("distances", "step", "mean", "axes", "recall"), "iuf")
    for name in names.ravel().tolist():
        kinds |= {f"{name}.{part}": "iuf" for part in ("xy", "local", "landing")}
    for name, kind in kinds.items():
        if arrays[name].dtype.kind not in kind:
            words = {"U": "text", "iu": "whole numbers", "iuf": "numbers"}[kind]
            raise ValueError(f"{name} must be {words}, got {arrays[name].dtype}")
    if names.ndim != 1 or not len(names):
        raise ValueError("layouts must be (n,) names, got none")


def _check(atlas: Atlas) -> None:
    """Refuse arrays of other shapes than those of one map, and indices of what is not there."""
    n, small = np.size(atlas.which), atlas.compressed
    wanted = {
        "which": (atlas.which, (n,)),
        "indices": (atlas.indices, (n,)),
        "neighbours": (atlas.neighbours, (n, *atlas.neighbours.shape[-1:])),
        "distances": (atlas.distances, atlas.neighbours.shape),
        "codes": (small.codes, (n, np.size(small.step))),
        "step": (small.step, (np.size(small.step),)),
        "mean": (small.mean, (np.size(small.mean),)),
        "axes": (small.axes, (np.size(small.mean), np.size(small.step))),
    }
    for name, layout in atlas.layouts.items():
        wanted |= {f"{name}.xy": (layout.xy, (n, 2)), f"{name}.local": (layout.local, (n,))}
    for name, (array, shape) in wanted.items():
        if array.shape != shape:
            raise ValueError(f"{name} must be {shape}, got {array.shape}")
    for name, array, bound in (
        ("which", atlas.which, len(atlas.sets)),
        ("neighbours", atlas.neighbours, n),
    ):
        if array.size and not 0 <= array.min() <= array.max() < bound:
            raise ValueError(f"{name} must be 0 to {bound - 1}")


# Asking one --------------------------------------------------------------------------------------


def place(neighbours: np.ndarray, distances: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Where images land on a layout without laying out anew, (Q, 2) float32.

    Each lands at the mean of its neighbours' places, the nearer counting more.

    Args:
        neighbours, distances: of each image, (Q, k): rows of xy, and how far they are.
        xy: places on the layout, (N, 2).

    Example:
        >>> xy = np.array([[0.0, 0.0], [4.0, 0.0], [9.0, 9.0]])
        >>> place(np.array([[0, 1]]), np.array([[1.0, 3.0]]), xy).tolist()
        [[1.0, 0.0]]
    """
    weights = 1 / np.maximum(distances.astype(np.float64), 1e-9)
    weights /= weights.sum(1, keepdims=True)
    return np.einsum("qk,qkd->qd", weights, xy[neighbours]).astype(np.float32)


def trustworthiness(
    codes: np.ndarray,
    xy: np.ndarray,
    *,
    neighbours: int,
    queries: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    """Trustworthiness (N,) of each point of a picture xy (N, 2) of codes (N, D).

    1 - 2 / (n k (2n - 3k - 1)) sum_i sum_j max(0, r(i, j) - k), before the mean over i: j goes
    over the k points nearest to i on the picture, r is its rank among i's neighbours in the latent
    space.

    Args:
        neighbours: k.
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
    displayed = nearest(xy, places, neighbours=k, itself=own)[0]
    others = n - 1 if own else n
    penalty = (_ranks_of(displayed, codes, asked, itself=own) - k).clip(0).sum(1)
    return (1 - penalty * 2 / (k * (2 * others - 3 * k + 1))).astype(np.float32)


def _ranks_of(
    rows: np.ndarray, codes: np.ndarray, queries: np.ndarray, *, itself: bool
) -> np.ndarray:
    """How manieth nearest of the codes (N, D) to each query (Q, D) those in rows (Q, k) are."""
    ranks = []
    for start in range(0, len(queries), CHUNK):
        distances = distances_between(queries[start : start + CHUNK], codes)
        if itself:
            own = np.arange(len(distances))
            distances[own, own + start] = np.inf
        asked = np.take_along_axis(distances, rows[start : start + CHUNK], 1)
        distances.sort(axis=1)
        ranks += [row.searchsorted(d) + 1 for row, d in zip(distances, asked, strict=True)]
    return np.array(ranks).reshape(rows.shape)


def nearest(
    codes: np.ndarray, queries: np.ndarray, *, neighbours: int, itself: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Indices and Euclidean distances (Q, k) of the codes (N, D) nearest to queries (Q, D).

    Nearest first; of equals the first.

    Args:
        neighbours: k.
        itself: queries are the codes, and none is its own neighbour.

    Example:
        >>> nearest(np.array([[0.0], [2.0], [5.0]]), np.array([[3.0]]), neighbours=2)[0].tolist()
        [[1, 2]]
    """
    indices, found = [], []
    for start in range(0, len(queries), CHUNK):
        distances = distances_between(queries[start : start + CHUNK], codes)
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


def distances_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distances (A, B) in float64 of `a` (A, D) to `b` (B, D).

    Example:
        >>> distances_between(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [0.0, 1.0]])).tolist()
        [[5.0, 1.0]]
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return np.sqrt(squares.clip(0))
