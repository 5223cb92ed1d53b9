"""The one door for pages and the command line: frozen queries in, frozen numpy answers out.

Detectors are loaded once a process and shared by all its threads; they are frozen, and nothing
here changes them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.data.images import ImageError, Item, Picture, decode, pad, read_items
from core.errors import OutskirtsError
from core.evaluate.calibration import percentile
from core.evaluate.metrics import Metrics, measure_parts
from core.scenario import Scenario, ScenarioError, load_scenario, scenario_names

if TYPE_CHECKING:
    from core.checkpoint import Card
    from core.detectors._base import Detector

__all__ = [
    "ORDERS",
    "DetectorRow",
    "Evaluation",
    "Gallery",
    "GalleryQuery",
    "ImageQuery",
    "ImageView",
    "Likelihoods",
    "LikelihoodsQuery",
    "Metrics",
    "OutskirtsError",
    "Overview",
    "PartView",
    "Scored",
    "Target",
    "evaluate",
    "forget",
    "gallery",
    "image",
    "likelihoods",
    "overview",
    "parse_target",
    "per_image_table",
    "scenarios",
    "score",
    "version",
    "warm_up",
]

BINS = 60
_lock = threading.Lock()


# Targets and what is loaded for them ----------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """A detector of a scenario."""

    scenario: str
    detector: str
    variant: str | None = None

    @property
    def stem(self) -> str:
        return self.detector if self.variant is None else f"{self.detector}.{self.variant}"

    def __str__(self) -> str:
        return f"{self.scenario}/{self.stem}"


def parse_target(text: str) -> Target:
    """Read "SCENARIO/DETECTOR[.VARIANT]" and check that each exists.

    Raises:
        ScenarioError: it is of another form, or names what is not there.
    """
    from core.detectors import detector_names

    scenario_name, slash, rest = text.partition("/")
    detector, _, variant = rest.partition(".")
    if not slash or not detector:
        raise ScenarioError(f"{text!r} is not SCENARIO/DETECTOR[.VARIANT], such as fashion/glow")
    scenario = load_scenario(scenario_name)
    if detector not in detector_names():
        raise ScenarioError(f"no detector {detector!r}; there are: {', '.join(detector_names())}")
    if (
        variant
        and variant.rpartition("-")[0] not in scenario.variants
        and variant not in scenario.variants
    ):
        known = ", ".join(scenario.variants) or "none"
        raise ScenarioError(f"scenario {scenario_name} has no variant {variant!r}; it has: {known}")
    return Target(scenario_name, detector, variant or None)


def version(scenario_name: str) -> str:
    """Changes when a file of the scenario changes: what answers are kept by.

    Raises:
        ScenarioError: there is no such scenario.
    """
    files = sorted(load_scenario(scenario_name).folder.glob("*.*"))
    return ";".join(f"{f.name}:{f.stat().st_mtime_ns}" for f in files)


@lru_cache(maxsize=32)
def _load_once(folder: Path, stem: str, version: str) -> tuple[Detector, Card]:
    from core import checkpoint

    detector, card = checkpoint.load(folder, stem)
    expected = {s.name for s in load_scenario(folder.name).strange}
    if set(card.metrics) != expected:
        raise checkpoint.CardError(
            f"{folder.name}/{stem} was trained before its scenario's strange sets changed "
            f"({', '.join(sorted(set(card.metrics) ^ expected))}): train it again"
        )
    return detector, card


def _loaded(target: Target) -> tuple[Detector, Card]:
    with _lock:  # two first visitors must not load twice
        folder = load_scenario(target.scenario).folder
        return _load_once(folder, target.stem, version(target.scenario))


@lru_cache(maxsize=32)
def _scores_once(folder: Path, stem: str, version: str) -> Mapping[str, Mapping[str, np.ndarray]]:
    from core import checkpoint

    return checkpoint.read_scores(folder, checkpoint.read_card(folder, stem)).sets


def _scores(target: Target) -> Mapping[str, Mapping[str, np.ndarray]]:
    with _lock:
        folder = load_scenario(target.scenario).folder
        return _scores_once(folder, target.stem, version(target.scenario))


def forget() -> None:
    """Load detectors, scores and reference images anew at the next call: files have changed."""
    from core.scenario import forget_pictures

    _load_once.cache_clear()
    _scores_once.cache_clear()
    forget_pictures()


def warm_up() -> None:
    """Load every detector that has a checkpoint, so that no first visitor waits for it."""
    for name in scenario_names():
        with suppress(OutskirtsError):  # what is damaged, the page that needs it says
            scenario = load_scenario(name)
            for s in scenario.sets:
                scenario.pictures(s.name)
            for row in overview(name).detectors:
                if row.card is not None:
                    _loaded(Target(name, row.name))
                    _scores(Target(name, row.name))


# Overview ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DetectorRow:
    """A detector of a scenario: its card, or why there is none."""

    name: str
    title: str
    part_titles: Mapping[str, str]
    card: Card | None
    missing: str = ""


@dataclass(frozen=True)
class Overview:
    """A scenario, its detectors, and a few images of each of its sets."""

    scenario: Scenario
    detectors: tuple[DetectorRow, ...]
    examples: Mapping[str, np.ndarray]  # set name to (n, H, W) uint8


def scenarios() -> list[dict[str, Any]]:
    """Scenarios with their detectors and variants, as plain values; a bad folder says its error."""
    found: list[dict[str, Any]] = []
    for name in scenario_names():
        try:
            scenario = load_scenario(name)
        except ScenarioError as error:
            found.append({"scenario": name, "error": str(error)})
            continue
        stems = sorted(
            p.name.removesuffix(".safetensors") for p in scenario.folder.glob("*.safetensors")
        )
        found.append(
            {
                "scenario": name,
                "title": scenario.title,
                "question": scenario.question,
                "normal": scenario.normal.name,
                "strange": [s.name for s in scenario.strange],
                "detectors": sorted({stem.partition(".")[0] for stem in stems}),
                "variants": list(scenario.variants),
            }
        )
    return found


def overview(scenario_name: str, *, examples: int = 8) -> Overview:
    """What a scenario holds and how good each of its detectors is, from the cards.

    Raises:
        ScenarioError: unknown scenario, or its images are missing.
    """
    from core import checkpoint
    from core.detectors import detector_class

    scenario = load_scenario(scenario_name)
    rows = []
    for name in scenario.training:
        cls = detector_class(name)
        titles = {part: about.title for part, about in cls.about.items()}
        card, missing = None, ""
        try:
            card = checkpoint.read_card(scenario.folder, name)
        except checkpoint.CardError as error:
            missing = str(error)
        rows.append(DetectorRow(name, cls.__name__, titles, card, missing))
    shown = {s.name: scenario.pictures(s.name).images[:examples] for s in scenario.sets}
    return Overview(scenario, tuple(rows), shown)


# Likelihoods ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LikelihoodsQuery:
    """Histograms of every part of a flow, normal against one strange set."""

    target: Target
    strange: str


@dataclass(frozen=True)
class PartView:
    """One part on normal and strange images, in the unit that pages show.

    Attributes:
        edges: (B + 1,) of the histogram; images beyond it are counted in the outermost bins.
        normal, strange: (B,), share of images in each bin.
        medians, means: of normal and of strange images; means of the scales sum to the total's.
        figures: AUROC with interval and the rest, from the card.
        is_score: whether this part is the detector's score.
    """

    name: str
    title: str
    unit: str
    text: str
    edges: np.ndarray
    normal: np.ndarray
    strange: np.ndarray
    medians: tuple[float, float]
    means: tuple[float, float]
    figures: Metrics
    is_score: bool


@dataclass(frozen=True)
class Likelihoods:
    """All parts of a flow against one strange set."""

    card: Card
    parts: tuple[PartView, ...]


def likelihoods(query: LikelihoodsQuery) -> Likelihoods:
    """Histograms and figures of every part.

    Raises:
        OutskirtsError: no such scenario, set or checkpoint, or it is damaged.
    """
    scenario = load_scenario(query.target.scenario)
    if scenario.set_named(query.strange) is scenario.normal:
        raise ScenarioError(f"{query.strange!r} is the normal set, not a strange one")
    detector, card = _loaded(query.target)
    stored = _scores(query.target)
    views = []
    for name, about in detector.about.items():
        normal = detector.shown(name, stored[scenario.normal.name][name])
        strange = detector.shown(name, stored[query.strange][name])
        edges = _edges(normal, strange)
        views.append(
            PartView(
                name=name,
                title=about.title,
                unit=about.shown or about.unit,
                text=about.text,
                edges=edges,
                normal=_shares(normal, edges),
                strange=_shares(strange, edges),
                medians=(float(np.median(normal)), float(np.median(strange))),
                means=(float(normal.mean()), float(strange.mean())),
                figures=card.metrics[query.strange][name],
                is_score=name == card.score.part,
            )
        )
    return Likelihoods(card, tuple(views))


def _edges(normal: np.ndarray, strange: np.ndarray) -> np.ndarray:
    """Bin edges over the middle 99 % of either set."""
    low = min(np.quantile(normal, 0.005), np.quantile(strange, 0.005))
    high = max(np.quantile(normal, 0.995), np.quantile(strange, 0.995))
    return np.linspace(low, high if high > low else low + 1, BINS + 1)


def _shares(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    return np.histogram(values.clip(edges[0], edges[-1]), edges)[0] / len(values)


# One image --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ImageQuery:
    """A reference image, or one of the user's (then ``index`` is None and ``sha256`` names it)."""

    target: Target
    set_name: str
    index: int | None
    sha256: str = ""


@dataclass(frozen=True)
class ImageView:
    """One image under one detector.

    Attributes:
        image: (H, W) uint8, padded, as the detector sees it.
        parts, percentiles, shown: by part name; shown is in the unit of pages.
        maps: by part name, (H, W), in the unit of pages; the mean of each is shown[part].
        extra: other numbers of this image that its detector knows, such as the size of its PNG.
        notes: what was done to the user's file.
    """

    id: str
    image: np.ndarray
    label: str
    parts: Mapping[str, float]
    percentiles: Mapping[str, float]
    shown: Mapping[str, float]
    maps: Mapping[str, np.ndarray]
    flagged: bool
    extra: Mapping[str, float]
    notes: tuple[str, ...] = ()


def image(query: ImageQuery, data: bytes | None = None) -> ImageView:
    """Every part of one image, its percentiles among calibration normals, and its maps.

    Raises:
        ImageError: ``data`` is not an image that can be read.
        ScenarioError: no such set, or the index is outside of it.
    """
    import torch

    from core.data.stream import as_tensor

    scenario = load_scenario(query.target.scenario)
    detector, card = _loaded(query.target)
    picture, name, label = _find(scenario, query, data)
    x = as_tensor(picture.image[None])
    with torch.inference_mode():
        found = {k: v.numpy() for k, v in detector.parts(x).items()}
        maps = _maps(detector, x, found)
    parts = _row(found, 0)
    return ImageView(
        id=name,
        image=picture.image,
        label=label,
        parts=parts,
        percentiles=_row(_percentiles(card, found), 0),
        shown={k: float(detector.shown(k, np.array([v]))[0]) for k, v in parts.items()},
        maps=maps,
        flagged=parts[card.score.part] > card.score.threshold,
        extra=detector.extra(x),
        notes=picture.notes,
    )


def _maps(detector: Detector, x: Any, parts: Iterable[str]) -> dict[str, np.ndarray]:
    """Maps of the parts whose every bit belongs to a pixel, in the unit of pages."""
    maps = {}
    for part, found in detector.explanations(x, parts).items():
        if not float(found.offset[0]) and not float(found.residual[0]):
            pixels = found.map[0].numpy()
            maps[part] = detector.shown(part, pixels * pixels.size)
    return maps


def _percentiles(card: Card, parts: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {part: percentile(values, card.quantiles(part)) for part, values in parts.items()}


def _row(columns: Mapping[str, np.ndarray], i: int) -> dict[str, float]:
    return {name: float(values[i]) for name, values in columns.items()}


def _find(scenario: Scenario, query: ImageQuery, data: bytes | None) -> tuple[Picture, str, str]:
    if query.index is None:
        if data is None:
            raise ImageError("no image was given")
        return _own_picture(scenario, data), query.set_name, ""
    pictures = scenario.pictures(query.set_name)
    if not 0 <= query.index < len(pictures.images):
        raise ScenarioError(
            f"set {query.set_name} has images 0 to {len(pictures.images) - 1}, "
            f"asked for {query.index}"
        )
    label, classes = pictures.labels[query.index], _classes(scenario, query.set_name)
    text = classes[label] if 0 <= label < len(classes) else ""
    return Picture(pictures.images[query.index], ()), f"{query.set_name}#{query.index}", text


def _classes(scenario: Scenario, set_name: str) -> Sequence[str]:
    """Class names of a set; a changed garment keeps its garment's."""
    return scenario.set_named(set_name).classes or scenario.normal.classes


def _own_picture(scenario: Scenario, data: bytes) -> Picture:
    decoded = decode(data, scenario.image[1] - 2 * scenario.border)
    return Picture(pad(decoded.image[None], scenario.border)[0], decoded.notes)


# Galleries --------------------------------------------------------------------------------------

ORDERS = ("strangest", "most normal", "typical", "random")


@dataclass(frozen=True)
class GalleryQuery:
    """Reference images in one of `ORDERS`: by a part, or drawn by the seed."""

    target: Target
    sets: tuple[str, ...]
    part: str
    order: str
    count: int
    page: int = 1
    seed: int = 0


@dataclass(frozen=True)
class Gallery:
    """One page of images.

    Attributes:
        sets, indices: (n,), which image each is.
        images: (n, H, W) uint8.
        shown, percentiles: (n,), the part's value and its place among calibration normals.
    """

    sets: tuple[str, ...]
    indices: np.ndarray
    images: np.ndarray
    shown: np.ndarray
    percentiles: np.ndarray
    pages: int


def gallery(query: GalleryQuery) -> Gallery:
    """One page of the sets' images, in an order that a part or the seed decides.

    Raises:
        OutskirtsError: no such scenario, set, part or checkpoint.
    """
    scenario = load_scenario(query.target.scenario)
    detector, card = _loaded(query.target)
    stored = _scores(query.target)
    if query.part not in card.calibration.quantiles:
        known = ", ".join(card.calibration.quantiles)
        raise ScenarioError(f"{query.target} has no part {query.part!r}; it has: {known}")
    if not query.sets or query.count < 1:
        raise ScenarioError(f"a gallery needs sets and a count, got {query.sets}, {query.count}")
    for name in query.sets:
        scenario.set_named(name)
    if query.order not in ORDERS:
        raise ScenarioError(f"no order {query.order!r}; there are: {', '.join(ORDERS)}")
    names = np.concatenate(
        [np.full(len(stored[s][query.part]), i) for i, s in enumerate(query.sets)]
    )
    indices = np.concatenate([np.arange(len(stored[s][query.part])) for s in query.sets])
    values = np.concatenate([stored[s][query.part] for s in query.sets])
    pages = -(-len(values) // query.count)
    page = min(max(query.page, 1), pages)
    chosen = _order(values, query)[(page - 1) * query.count : page * query.count]
    sets = tuple(query.sets[i] for i in names[chosen])
    return Gallery(
        sets=sets,
        indices=indices[chosen],
        images=np.stack(
            [scenario.pictures(s).images[i] for s, i in zip(sets, indices[chosen], strict=True)]
        ),
        shown=detector.shown(query.part, values[chosen]),
        percentiles=percentile(values[chosen], card.quantiles(query.part)),
        pages=pages,
    )


def _order(values: np.ndarray, query: GalleryQuery) -> np.ndarray:
    if query.order == "random":
        return np.random.default_rng(query.seed).permutation(len(values))
    if query.order == "typical":
        return np.argsort(np.abs(values - np.median(values)), kind="stable")
    return np.argsort(-values if query.order == "strangest" else values, kind="stable")


def per_image_table(target: Target, sets: Sequence[str]) -> dict[str, np.ndarray]:
    """Columns image, set, label and every part, one row a reference image.

    Raises:
        OutskirtsError: no such scenario, set or checkpoint.
    """
    scenario, stored = load_scenario(target.scenario), _scores(target)
    columns: dict[str, list[np.ndarray]] = {}
    for name in sets:
        pictures = scenario.pictures(name)
        row = {
            "image": np.array(pictures.ids()),
            "set": np.full(len(pictures.images), name),
            "label": pictures.labels,
            **stored[name],
        }
        for key, values in row.items():
            columns.setdefault(key, []).append(values)
    return {key: np.concatenate(pieces) for key, pieces in columns.items()}


# Scoring and evaluating -------------------------------------------------------------------------


@dataclass(frozen=True)
class Scored:
    """Numbers of one image of the user, or the reason why there are none."""

    image: str
    score: float = float("nan")
    percentile: float = float("nan")
    parts: Mapping[str, float] | None = None
    part_percentiles: Mapping[str, float] | None = None
    notes: tuple[str, ...] = ()
    error: str = ""


def score(target: Target, paths: Sequence[Path], *, bf16: bool = False) -> Iterator[Scored]:
    """Score images, arrays and folders, in order; what cannot be read is said and passed over.

    Raises:
        OutskirtsError: the checkpoint is missing or damaged.
    """
    from core.evaluate.scoring import BATCH

    scenario = load_scenario(target.scenario)
    detector, card = _loaded(target)
    waiting: list[Item] = []
    for item in read_items(paths, scenario.image[1] - 2 * scenario.border):
        waiting.append(item)
        if len(waiting) == BATCH:
            yield from _score_batch(detector, card, waiting, border=scenario.border, bf16=bf16)
            waiting = []
    yield from _score_batch(detector, card, waiting, border=scenario.border, bf16=bf16)


def _score_batch(
    detector: Detector, card: Card, items: Sequence[Item], *, border: int, bf16: bool
) -> Iterator[Scored]:
    from core.evaluate.scoring import parts_of

    readable = [item.picture.image for item in items if item.picture is not None]
    found = parts_of(detector, pad(np.stack(readable), border), bf16=bf16) if readable else {}
    standing, part = _percentiles(card, found), card.score.part
    rows = iter(range(len(readable)))
    for item in items:
        if item.picture is None:
            yield Scored(item.id, error=item.error)
            continue
        i = next(rows)
        parts, places = _row(found, i), _row(standing, i)
        yield Scored(item.id, parts[part], places[part], parts, places, item.picture.notes)


@dataclass(frozen=True)
class Evaluation:
    """How good a detector is, and the numbers behind it.

    Attributes:
        figures: set name to "score" and every part, each with its metrics.
        normal: other numbers of the normal test images, such as bits per dimension.
        parts: set name to part name to (N,).
        ids: set name to the images' ids.
        skipped: the user's files that could not be read, each with its reason.
    """

    figures: Mapping[str, Mapping[str, Metrics]]
    normal: Mapping[str, float]
    parts: Mapping[str, Mapping[str, np.ndarray]]
    ids: Mapping[str, Sequence[str]]
    skipped: tuple[Item, ...]


def evaluate(
    target: Target,
    *,
    against: Mapping[str, Path] | None = None,
    stored: bool = False,
    watch: Callable[[str], None] | None = None,
) -> Evaluation:
    """Figures of every part on the scenario's strange sets, or on the user's own.

    Args:
        against: the user's strange images by set name, in place of the scenario's.
        stored: take the reference images' numbers from the checkpoint instead of computing them.
        watch: told what is being scored.

    Raises:
        OutskirtsError: no such scenario or checkpoint, or no image of a set can be read.
    """
    from core.evaluate.scoring import figures_of, parts_of

    scenario = load_scenario(target.scenario)
    detector, card = _loaded(target)
    normal = scenario.normal.name
    if normal in (against or {}):
        raise ScenarioError(f"{normal!r} is the normal set: give your images another name")
    strange = list(against) if against else [s.name for s in scenario.strange]
    parts, ids, skipped = {}, {}, []
    for name in (normal, *strange):
        if watch:
            watch(name)
        if name != normal and against:
            images, ids[name], bad = _own_images(scenario, against[name])
            skipped += bad
        else:
            pictures = scenario.pictures(name)
            images, ids[name] = pictures.images, pictures.ids()
            if stored:
                parts[name] = dict(_scores(target)[name])
                continue
        parts[name] = parts_of(detector, images)
    figures = {}
    for name in strange:
        if stored and not against:
            found = card.metrics[name]
        else:
            found = measure_parts(parts[normal], parts[name])
        figures[name] = {"score": found[card.score.part], **found}
    reported: Mapping[str, float] = card.figures
    if not stored:
        reported = figures_of(detector, scenario.pictures(normal).images, parts[normal])
    return Evaluation(figures, reported, parts, ids, tuple(skipped))


def _own_images(scenario: Scenario, path: Path) -> tuple[np.ndarray, list[str], list[Item]]:
    items = list(read_items([path], scenario.image[1] - 2 * scenario.border))
    bad = [item for item in items if item.picture is None]
    if len(bad) == len(items):
        raise ImageError(f"{path}: nothing can be read; {bad[0].id}: {bad[0].error}")
    good = [item for item in items if item.picture is not None]
    images = np.stack([item.picture.image for item in good if item.picture])
    return pad(images, scenario.border), [item.id for item in good], bad
