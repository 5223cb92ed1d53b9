"""What a detector thinks is near what: maps of its codes, and neighbours in the latent space."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from core.answers.images import ImageQuery, classes_of, find_picture, percentiles
from core.answers.loaded import Target, files_of, loaded, newest, stored_scores, title_of
from core.answers.query import Answered, Query
from core.cache import Cache
from core.scenario import Scenario, ScenarioError, load_scenario

if TYPE_CHECKING:
    from core.atlas import Atlas, Landing

__all__ = [
    "ANSWERS",
    "VERDICTS",
    "LatentMap",
    "LatentQuery",
    "Near",
    "NearQuery",
    "ids_of_keys",
    "keys_of_ids",
    "labels_of",
    "latent",
    "near",
    "pictures_of",
]

SET_KEY = 10_000_000  # a set's place in the scenario times this, plus the index, names an image
VERDICTS = ("let pass", "false alarm", "found", "missed", "unjudged")  # normal ones first
MISPLACED = 0.05  # a neighbour is, if this share of the map lies nearer than it


@dataclass(frozen=True)
class LatentQuery(Query["LatentMap"]):
    """The map of a detector's codes by one layout; "" for the first that there is."""

    wait: ClassVar[str] = "Unfolding the map…"

    target: Target
    layout: str = ""

    def files(self) -> Iterable[Path]:
        return files_of(self.target)


@dataclass(frozen=True)
class LatentMap:
    """Reference images on a map, a row each.

    Attributes:
        sets: of the scenario; which: (N,), indices into them, and role: (N,), what they are.
        indices: (N,), images of the set; keys: (N,), names in all models, see `keys_of`.
        labels: (N,), names of classes, "" where there are none.
        xy: (N, 2); local: (N,), trustworthiness of each point; layout, layouts: the shown, and all.
        code: what the codes are, in words; axes: (N, 3), codes along the normal ones' first
            principal axes, cut where strange ones lie far beyond them.
        recall: share of an image's true neighbours that the shortlist for own images holds.
        parts, percentiles: by part, (N,); parts in the unit of pages.
        titles, units: by part; flagged: (N,), by the score's threshold.
    """

    sets: tuple[str, ...]
    role: np.ndarray
    which: np.ndarray
    indices: np.ndarray
    keys: np.ndarray
    labels: np.ndarray
    xy: np.ndarray
    local: np.ndarray
    layout: str
    layouts: tuple[str, ...]
    trustworthiness: float
    landing: Landing
    code: str
    recall: float
    axes: np.ndarray
    parts: Mapping[str, np.ndarray]
    percentiles: Mapping[str, np.ndarray]
    titles: Mapping[str, str]
    units: Mapping[str, str]
    score: str
    flagged: np.ndarray

    @property
    def strange(self) -> np.ndarray:
        """(N,), whether an image is of a strange set."""
        return self.role == "strange"

    @property
    def verdict(self) -> np.ndarray:
        """(N,) uint8, places in `VERDICTS`."""
        kind = np.where(self.strange, np.where(self.flagged, 2, 3), self.flagged.astype(int))
        return np.where(self.role == "unjudged", 4, kind).astype(np.uint8)

    def id(self, row: int) -> str:
        """The name of the image in a row, "set#index"."""
        return f"{self.sets[self.which[row]]}#{self.indices[row]}"

    def rows(self, keys: np.ndarray) -> np.ndarray:
        """Rows (n,) of the images of these keys (m,), in order, but of what is not on the map."""
        return np.flatnonzero(np.isin(self.keys, keys))


def keys_of(which: np.ndarray, indices: np.ndarray) -> np.ndarray:
    return which.astype(np.int64) * SET_KEY + indices


def keys_of_ids(scenario_name: str, ids: Sequence[str]) -> np.ndarray:
    """Keys (n,) of reference images of ``scenario_name`` by their ids, "set#index".

    Raises:
        ScenarioError: there is no such scenario or image.
    """
    scenario = load_scenario(scenario_name)
    sizes = {s.name: len(scenario.pictures(s.name).images) for s in scenario.own_sets}
    place = {name: i for i, name in enumerate(sizes)}
    keys = []
    for text in ids:
        name, _, index = text.partition("#")
        short = index.isascii() and index.isdigit() and len(index) < 9
        if name not in sizes or not short or int(index) >= sizes[name]:
            raise ScenarioError(f"scenario {scenario_name} has no image {text[:60]!r}")
        keys.append(place[name] * SET_KEY + int(index))
    return np.array(keys, np.int64)


def ids_of_keys(scenario_name: str, keys: np.ndarray) -> list[str]:
    """Names "set#index" of reference images of ``scenario_name``, by their keys (n,).

    Raises:
        ScenarioError: there is no such scenario.
    """
    names = [s.name for s in load_scenario(scenario_name).own_sets]
    return [f"{names[key // SET_KEY]}#{key % SET_KEY}" for key in keys.tolist()]


def latent(query: LatentQuery) -> LatentMap:
    """The images of a map with all that they can be coloured by.

    Raises:
        OutskirtsError: no such scenario, checkpoint or layout, or the checkpoint has no map.
    """
    scenario, atlas = query.target.world, _atlas(query.target)
    detector, card = loaded(query.target)
    layout = _layout_of(query.target, atlas, query.layout)
    rows = [(name, atlas.indices[atlas.which == i]) for i, name in enumerate(atlas.sets)]
    raw, score = _numbers(query.target, detector.described, rows), card.score.part
    return LatentMap(
        sets=atlas.sets,
        role=np.array([scenario.set_named(name).role for name in atlas.sets])[atlas.which],
        which=atlas.which,
        indices=atlas.indices,
        keys=keys_of(atlas.which, atlas.indices),
        labels=np.concatenate([labels_of(scenario, name, indices) for name, indices in rows]),
        xy=atlas.layouts[layout].xy,
        local=atlas.layouts[layout].local,
        layout=layout,
        layouts=tuple(atlas.layouts),
        trustworthiness=atlas.layouts[layout].trustworthiness,
        landing=atlas.layouts[layout].landing,
        code=detector.code,
        recall=atlas.compressed.recall,
        axes=atlas.compressed.all()[:, :3],
        parts={part: detector.to_display(part, values) for part, values in raw.items()},
        percentiles=percentiles(card, raw),
        titles={part: about.title for part, about in detector.described.items()},
        units={p: about.displayed_unit for p, about in detector.described.items()},
        score=score,
        flagged=raw[score] > card.score.threshold,
    )


def _layout_of(target: Target, atlas: Atlas, asked: str | None) -> str:
    """The name of the layout that is asked for, or of the first."""
    if (layout := asked or next(iter(atlas.layouts))) not in atlas.layouts:
        raise ScenarioError(
            f"{target} has no layout {layout!r}; it has: {', '.join(atlas.layouts)}"
        )
    return layout


def _numbers(
    target: Target, parts: Iterable[str], rows: Sequence[tuple[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Parts (N,) of a map's images, by set name and indices of rows."""
    stored = stored_scores(target)
    return {p: np.concatenate([stored[name][p][i] for name, i in rows]) for p in parts}


def labels_of(scenario: Scenario, set_name: str, indices: np.ndarray) -> np.ndarray:
    """Names (n,) of the classes of images, by ``indices`` (n,) in the set ``set_name``."""
    names = np.array([*classes_of(scenario, set_name), ""])
    labels = scenario.pictures(set_name).labels[indices]
    return names[np.where((labels >= 0) & (labels < len(names) - 1), labels, len(names) - 1)]


def _atlas(target: Target) -> Atlas:
    return newest(_atlases, target, _read_atlas)


def _read_atlas(target: Target) -> Atlas:
    from core import checkpoint

    scenario, folder = target.world, target.world.folder
    _check_has_map(target)
    found = checkpoint.read_atlas(folder, checkpoint.read_card(folder, target.stem))
    names = tuple(s.name for s in scenario.own_sets)
    if found.sets != names:
        raise checkpoint.CardError(
            f"the map of {target} was made before its scenario's sets changed: make it "
            f"with `python -m core train {target} --atlas-only`"
        )
    sizes = [len(scenario.pictures(name).images) for name in names]
    if (found.indices < 0).any() or (found.indices >= np.array(sizes)[found.which]).any():
        raise checkpoint.CardError(f"the map of {target} shows images that are not there")
    return found


def _check_has_map(target: Target) -> None:
    """Refuse a model that is trained without a map, and say which here have one.

    Raises:
        ScenarioError: it is one of a share of known anomalies.
    """
    training = target.world.training
    if target.stem not in training or training[target.stem].share is None:
        return
    names = {stem: title_of(Target.of(target.scenario, stem)) for stem in training}
    mapped = ", ".join(names[stem] for stem, t in training.items() if t.share is None)
    raise ScenarioError(
        f"{names[target.stem]}, has no map of its own: models of a share of known anomalies are "
        f"many, and kept small. {f'These have one: {mapped}.' if mapped else 'None here has one.'}"
    )


def _weight(atlas: Atlas) -> int:
    """Bytes of a map's arrays."""
    short = atlas.compressed
    layouts = [a for layout in atlas.layouts.values() for a in (layout.xy, layout.local)]
    whole = [atlas.which, atlas.indices, atlas.neighbours, atlas.distances]
    return sum(
        a.nbytes for a in (*layouts, *whole, short.codes, short.step, short.mean, short.axes)
    )


_atlases: Cache[Atlas] = Cache(limit=100_000_000, sized=_weight)


def pictures_of(scenario_name: str, picks: Sequence[tuple[str, int]]) -> np.ndarray:
    """Picks (n, H, W, C) uint8 of ``scenario_name``: reference images by set and index.

    Raises:
        ScenarioError: there is no such scenario, set or image.
    """
    scenario = load_scenario(scenario_name)
    found = []
    for set_name, index in picks:
        pictures = scenario.pictures(set_name)
        if not 0 <= index < len(pictures.images):
            most = len(pictures.images) - 1
            raise ScenarioError(f"set {set_name} has images 0 to {most}, not {index}")
        found.append(pictures.shown(index))
    return np.stack(found)


# Neighbours --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NearQuery(Query["Near"]):
    """The neighbours of an image in a detector's latent space, and where a layout puts them."""

    wait: ClassVar[str] = "Looking for neighbours…"

    image: ImageQuery
    layout: str = ""

    def files(self) -> Iterable[Path]:
        return files_of(self.image.target)


@dataclass(frozen=True)
class Near:
    """An image on a map.

    Attributes:
        image: (H, W, C) uint8, as the detector sees it.
        row: of the map, or None where the image is not on it and was placed.
        key: names it in all models of the scenario; None for an image of the user's.
        xy: (2,), its place; local: trustworthiness of that place, where it is on the map.
        rows: (k,), of its nearest neighbours in the latent space; distances: (k,).
        places: (k,), which place a neighbour has on the picture itself, 1 for the nearest.
        misplaced: (k,), whether more of the map lies nearer than `MISPLACED`.
        notes: what was done to the user's file; warnings: why nothing of it is to be seen.
    """

    id: str
    label: str
    image: np.ndarray
    row: int | None
    key: int | None
    xy: np.ndarray
    local: float | None
    rows: np.ndarray
    distances: np.ndarray
    places: np.ndarray
    misplaced: np.ndarray
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def near(query: NearQuery, data: bytes | None = None) -> Near:
    """An image's place and neighbours; one that is not on the map is placed without a new layout.

    Among neighbours of such a one there is none whose picture is not here: it cannot be encoded.

    Raises:
        ImageError: ``data`` is not an image that can be read.
        PicturesElsewhere: the image is not on the map, and its picture is not here.
        OutskirtsError: no such scenario, set, image, checkpoint or layout.
    """
    from core import atlas as maps

    target = query.image.target
    scenario, atlas = target.world, _atlas(target)
    layout = atlas.layouts[_layout_of(target, atlas, query.layout)]
    row = _row(atlas, query.image)
    picture, name, label = find_picture(scenario, query.image, data, stand_in=row is not None)
    local: float | None = None
    if row is not None:
        rows, distances = atlas.neighbours[row], atlas.distances[row]
        xy, local = layout.xy[row], float(layout.local[row])
    else:
        rows, distances = _neighbours(target, atlas, picture.image)
        xy = maps.place(rows[None], distances[None], layout.xy)[0]
    places = _places(layout.xy, xy, rows, row=row)
    return Near(
        id=name,
        label=label,
        image=picture.image,
        row=row,
        key=_key(scenario, query.image),
        xy=xy,
        local=local,
        rows=rows,
        distances=distances,
        places=places,
        misplaced=places - 1 > MISPLACED * len(atlas),
        notes=(*picture.notes, *(_left_out(scenario, atlas) if row is None else ())),
        warnings=picture.warnings,
    )


def _places(layout: np.ndarray, xy: np.ndarray, rows: np.ndarray, *, row: int | None) -> np.ndarray:
    """How many images of a layout (N, 2) lie nearer to xy (2,) than each of rows (k,), (k,).

    The image itself, of a row, or placed beside the map, is the nearest of all.
    """
    on_picture = np.linalg.norm(layout - xy, axis=1)
    if row is not None:
        on_picture[row] = -1.0
    return (on_picture < on_picture[rows][:, None]).sum(1) + (row is None)


def _left_out(scenario: Scenario, atlas: Atlas) -> tuple[str, ...]:
    """That sets without pictures here are none of an image's neighbours, a line each."""
    titles = [scenario.set_named(s).title for s in atlas.sets if scenario.pictures(s).elsewhere]
    return tuple(
        f"without {title}, whose pictures are not here, among neighbours" for title in titles
    )


def _key(scenario: Scenario, query: ImageQuery) -> int | None:
    names = [s.name for s in scenario.own_sets]
    if query.index is None or query.set_name not in names:
        return None
    return SET_KEY * names.index(query.set_name) + query.index


def _row(atlas: Atlas, query: ImageQuery) -> int | None:
    if query.index is None or query.set_name not in atlas.sets:
        return None
    is_it = (atlas.which == atlas.sets.index(query.set_name)) & (atlas.indices == query.index)
    found = np.flatnonzero(is_it)
    return int(found[0]) if len(found) else None


def _neighbours(target: Target, atlas: Atlas, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and distances (k,) of the map's images nearest to an image (H, W, C) uint8.

    The codes that travel with the map give a shortlist; its images are encoded anew.

    Raises:
        ScenarioError: the image's code is not finite.
    """
    from core import atlas as maps
    from core.inference.scoring import codes_of

    detector, _ = loaded(target)
    code = codes_of(detector, image[None])
    if not np.isfinite(code).all():
        raise ScenarioError(f"{target} gives this image a code that is not finite: it has no place")
    here = [i for i, s in enumerate(atlas.sets) if not target.world.pictures(s).elsewhere]
    known = np.flatnonzero(np.isin(atlas.which, here))
    small, count = atlas.compressed, min(maps.SHORTLIST, len(known))
    listed = known[maps.nearest(small.all()[known], small.of(code), neighbours=count)[0][0]]
    picks = [(atlas.sets[atlas.which[i]], int(atlas.indices[i])) for i in listed]
    codes = codes_of(detector, pictures_of(target.world.name, picks))
    found, distances = maps.nearest(codes, code, neighbours=maps.NEIGHBOURS)
    return listed[found[0]], distances[0]


ANSWERS: tuple[Answered[Any], ...] = (
    Answered(LatentQuery, latent),
    Answered(NearQuery, near),
)
