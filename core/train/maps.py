"""Maps of a model's codes: which images are on them, how they are laid out and measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch

from core import checkpoint
from core.atlas import (
    CHUNK,
    DIMENSIONS,
    HELD_OUT,
    LAYOUTS,
    NEIGHBOURS,
    SHORTLIST,
    Atlas,
    Compressed,
    Landing,
    Layout,
    LayoutName,
    distances_between,
    nearest,
    place,
    trustworthiness,
)
from core.data.transforms import CONTROLS
from core.data.views import Images
from core.detectors._base import Detector
from core.errors import OutskirtsError
from core.inference.scoring import codes_of
from core.scenario import Scenario, Training
from core.train.turn import turn

__all__ = ["NoMap", "build", "choose", "compress", "lay_out", "renew"]

Stage = Callable[[str], None]
WIDE = 2048  # numbers of a code
FEWEST = 16  # axes of the smallest map


class NoMap(OutskirtsError, ValueError):
    """These codes cannot be laid out."""


def lay_out(
    scenario: Scenario, detector: Detector, training: Training, *, stage: Stage
) -> Atlas | None:
    """Maps of the reference images' codes, or None where there is nothing to lay out.

    The seed is the scenario's, so that all its models show the same images. ``stage`` is told what
    is being done.
    """
    pictures = {s.name: scenario.pictures(s.name).images for s in scenario.own_sets}
    sizes = {name: len(images) for name, images in pictures.items()}
    seed = scenario.split.seed
    shown, held_out = choose(sizes, training.points, seed=seed, beside=HELD_OUT)
    stage("taking the codes of reference images")
    codes = {name: codes_of(detector, pictures[name][i]) for name, i in shown.items()}
    others = _unseen(scenario, pictures, shown, held_out)
    try:
        return build(
            codes,
            shown,
            {name: codes_of(detector, images) for name, images in others.items()},
            roles={s.name: s.role for s in scenario.own_sets},
            seed=seed,
            layouts=training.layouts,
            watch=stage,
        )
    except NoMap as error:
        stage(f"no map: {error}")
        return None


def _unseen(
    scenario: Scenario,
    pictures: Mapping[str, Images],
    shown: Mapping[str, np.ndarray],
    held_out: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Held-out images (m, H, W, C) of each set that the map shows in no form.

    Not a garment turned that is on it upright, and no flat grey that is there already.
    """
    known = {image.tobytes() for name, i in shown.items() for image in pictures[name][i]}
    normal = scenario.normal.name
    found = {}
    for image_set in scenario.own_sets:
        name, rows = image_set.name, held_out[image_set.name]
        if image_set.change in CONTROLS:
            rows = rows[~np.isin(rows, shown[normal])]
        new = [image for image in pictures[name][rows] if image.tobytes() not in known]
        if new or name == normal:
            found[name] = np.array(new, np.uint8).reshape(-1, *pictures[name].shape[1:])
    return found if any(len(images) for images in found.values()) else {}


def renew(scenario: Scenario, name: str, training: Training, *, stage: Stage) -> Atlas | None:
    """Make the maps of the checkpoint ``name`` anew; weights, card and scores stay as they are.

    ``stage`` is told what is being done.

    Raises:
        Busy: another process trains it.
        CardError: there is no such checkpoint, or it is damaged.
        FileError: the map could not be written, which is tried first.
        NoMap: models of a share of known anomalies are kept without one.
    """
    if training.share is not None:
        raise NoMap(
            f"{scenario.family}/{name} is kept small, without a map: it is one of many, a share of "
            "known anomalies each"
        )
    checkpoint.read_card(scenario.folder, name)  # before a folder is made for what is not there
    with turn(scenario, name):
        detector, card = checkpoint.load(scenario.folder, name)
        scores = checkpoint.read_scores(scenario.folder, card)
        found = lay_out(scenario, detector, training, stage=stage)
        if found is not None:
            checkpoint.save_atlas(card, scenario.folder, scores=scores, atlas=found)
    return found


# Making one --------------------------------------------------------------------------------------


def choose(
    sizes: Mapping[str, int], points: int, *, seed: int, beside: int = 0
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Which images of each set to lay out, and which others to hold out: indices (n,) by set.

    Args:
        sizes: set name to how many images it has; the first is the normal set.
        points: how many to lay out.
        seed: the same one chooses the same images.
        beside: how many to hold out.


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
    held_out: Mapping[str, np.ndarray],
    *,
    roles: Mapping[str, str] | None = None,  # None: the first is normal, the others strange
    seed: int,
    layouts: tuple[LayoutName, ...] = LAYOUTS,
    watch: Callable[[str], None] = lambda text: None,
) -> Atlas:
    """Lay out codes (n, D) of each set, and measure the layouts.

    Args:
        seed: of every layout; watch: told what is being done.
        indices: set name to (n,), which of the set they are; held_out: to codes (m, D) of others.
        roles: set name to "normal", "strange" or "unjudged", which is laid out and not measured.

    Raises:
        NoMap: there are too few codes, or some are not finite.
    """
    together = _together(codes, held_out)
    watch(f"finding the neighbours of {len(together)} codes")
    neighbours, distances = near = nearest(together, together, neighbours=NEIGHBOURS, itself=True)
    roles = roles or {name: "strange" if i else "normal" for i, name in enumerate(codes)}
    which = np.repeat(np.arange(len(codes), dtype=np.uint8), [len(c) for c in codes.values()])
    role = np.array([roles[name] for name in codes])[which]
    apart = _by_role(held_out, roles)
    drawn: dict[str, Layout] = {
        n: _drawn(n, together, near, role, apart, seed=seed, watch=watch) for n in layouts
    }
    return Atlas(
        sets=tuple(codes),
        which=which,
        indices=np.concatenate([indices[name] for name in codes]).astype(np.int32),
        layouts=drawn,
        neighbours=neighbours.astype(np.int32),
        distances=_half(distances),
        compressed=compress(together, normal=role == "normal", neighbours=neighbours),
        seed=seed,
    )


def _together(codes: Mapping[str, np.ndarray], held_out: Mapping[str, np.ndarray]) -> np.ndarray:
    """The codes (N, D) of all sets, if they can be laid out and held-out ones beside them."""
    together = np.concatenate(list(codes.values())).astype(np.float32)
    if len(together) <= 2 * NEIGHBOURS:
        raise NoMap(f"a map needs more than {2 * NEIGHBOURS} codes, got {len(together)}")
    if not all(np.isfinite(c).all() for c in (together, *held_out.values())):
        raise NoMap("some codes are not finite numbers: nothing can be laid out")
    return together


def _by_role(codes: Mapping[str, np.ndarray], roles: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Codes (n, D) of the sets that are judged, by their role."""
    none = [c[:0] for c in codes.values()]
    return {
        role: np.concatenate([*none, *(c for name, c in codes.items() if roles[name] == role)])
        for role in ("normal", "strange")
        if none
    }


def _laid_out(name: str, codes: np.ndarray, *, seed: int) -> np.ndarray:
    """Positions (N, 2) of codes (N, D), rounded as they are stored; the same for the same seed."""
    from sklearn.decomposition import PCA

    reduced = PCA(min(50, *codes.shape), random_state=seed).fit_transform(codes)
    if name == "umap":
        from umap import UMAP

        threads = torch.get_num_threads()
        found = UMAP(random_state=seed, n_jobs=1).fit_transform(reduced)
        torch.set_num_threads(threads)  # numba sets those of OpenMP, which torch shares
    elif name == "tsne":
        from sklearn.manifold import TSNE

        found = TSNE(random_state=seed, init="pca").fit_transform(reduced)
    else:
        found = reduced[:, :2]
    return _half(np.asarray(found))


def _drawn(
    name: str,
    codes: np.ndarray,
    near: tuple[np.ndarray, np.ndarray],
    role: np.ndarray,
    held_out: Mapping[str, np.ndarray],
    *,
    seed: int,
    watch: Callable[[str], None],
) -> Layout:
    """A layout of codes (N, D) and how good it is, by their neighbours and roles (N,)."""
    watch(f"laying out {len(codes)} codes by {name}")
    xy = _laid_out(name, codes, seed=seed)
    local = trustworthiness(codes, xy, neighbours=NEIGHBOURS)
    return Layout(xy, local, _landing(codes, xy, place(*near, xy), role, held_out))


def _landing(
    codes: np.ndarray,
    xy: np.ndarray,
    again: np.ndarray,
    role: np.ndarray,
    held_out: Mapping[str, np.ndarray],
) -> Landing:
    """How images land: those of the map by their roles (N,), and others by role."""
    return Landing(
        _shift(xy, again, role == "normal"),
        _shift(xy, again, role == "strange"),
        _trust(codes, xy, held_out.get("normal", codes[:0])),
        _trust(codes, xy, held_out.get("strange", codes[:0])),
    )


def _shift(xy: np.ndarray, again: np.ndarray, rows: np.ndarray) -> float:
    """The median share of all places (N, 2) that lie nearer to where a row landed than its own."""
    nearer = []
    for chunk in np.array_split(np.flatnonzero(rows), max(1, rows.sum() // CHUNK)):
        own = np.linalg.norm(again[chunk] - xy[chunk], axis=1)
        nearer.append((distances_between(again[chunk], xy) < own[:, None]).mean(1))
    return float(np.median(np.concatenate(nearer))) if rows.any() else float("nan")


def _trust(codes: np.ndarray, xy: np.ndarray, others: np.ndarray) -> float:
    if not len(others):
        return float("nan")
    landed = others, place(*nearest(codes, others, neighbours=NEIGHBOURS), xy)
    return float(trustworthiness(codes, xy, neighbours=NEIGHBOURS, queries=landed).mean())


def compress(
    codes: np.ndarray,
    *,
    normal: np.ndarray,
    neighbours: np.ndarray,
    dimensions: int | None = None,
) -> Compressed:
    """The principal axes of the normal codes, and all codes (N, D) along them in 8 bits a number.

    Args:
        dimensions: how many axes, at most; None: a sixteenth of the images, `DIMENSIONS` at most,
            so that the axes of a small map do not outweigh it.
        normal: (N,) bool. The strange can be so far off that the normal were one integer.
        neighbours: (N, k), true ones, which the shortlists are measured by.

    Example:
        >>> codes = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
        >>> true = nearest(codes, codes, neighbours=5, itself=True)[0]
        >>> small = compress(codes, normal=np.ones(200, bool), neighbours=true)
        >>> small.codes.dtype, small.recall
        (dtype('int8'), 1.0)
    """
    if dimensions is None:
        dimensions = min(DIMENSIONS, max(FEWEST, len(codes) // 16))
    mean = codes[normal].mean(0, dtype=np.float64)
    centred = codes - mean
    axes = _principal(centred[normal], dimensions).astype(np.float16).astype(np.float32)
    along = centred @ axes
    reach = max(float(np.quantile(np.abs(along[normal]), 0.9999)), 1e-12)
    step = np.full(axes.shape[1], reach / 127, np.float32)  # one for all: distances stay distances
    small = (along / step).round().clip(-127, 127).astype(np.int8)
    found = Compressed(small, step, mean.astype(np.float32), axes, 0.0)
    return replace(found, recall=_recall(found.all(), neighbours))


def _principal(centred: np.ndarray, dimensions: int) -> np.ndarray:
    """The first principal axes (D, at most ``dimensions``) of centred codes (N, D), as columns.

    Of codes longer than `WIDE` by the products of `WIDE` of them at most, evenly chosen, with each
    other: a matrix of all their numbers' products would take minutes, or no memory holds it.
    """
    if centred.shape[1] <= WIDE:
        values, vectors = np.linalg.eigh(centred.T @ centred)
        return vectors[:, np.argsort(values)[::-1][:dimensions]]
    few = centred[np.linspace(0, len(centred) - 1, min(WIDE, len(centred))).round().astype(int)]
    values, vectors = np.linalg.eigh(few @ few.T)  # (n, n)
    order = np.argsort(values)[::-1][:dimensions]
    kept = [i for i in order if values[i] > 1e-9 * values.max()] or order[:1]
    return few.T @ vectors[:, kept] / np.sqrt(np.maximum(values[kept], 1e-12))


def _recall(codes: np.ndarray, neighbours: np.ndarray) -> float:
    rows = np.linspace(0, len(codes) - 1, min(500, len(codes))).astype(int)
    more = min(SHORTLIST + 1, len(codes))  # the image itself comes along
    listed = nearest(codes, codes[rows], neighbours=more)[0]
    return float(
        np.mean([np.isin(neighbours[i], near).mean() for i, near in zip(rows, listed, strict=True)])
    )


def _half(values: np.ndarray) -> np.ndarray:
    """Values to 11 bits, as float32, unless they are too large or too small for float16."""
    small = 1 / 16 < np.abs(values).max() < np.finfo(np.float16).max
    return values.astype(np.float16 if small else np.float32).astype(np.float32)
