"""Scores of the user's images, and how good a detector is on sets of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.answers.images import percentiles, row_of
from core.answers.loaded import Target, loaded, stored_scores
from core.data.images import ImageError, Item, read_items
from core.data.views import Images
from core.errors import OutskirtsError, PicturesElsewhere
from core.evaluate.metrics import Metrics, measure_parts
from core.evaluate.pixels import PixelMetrics
from core.numerals import counted
from core.scenario import Scenario, ScenarioError

if TYPE_CHECKING:
    from core.card import Card
    from core.detectors._base import Detector

__all__ = [
    "Evaluation",
    "Scored",
    "counted_notes",
    "counted_warnings",
    "evaluate",
    "score",
    "score_items",
    "scored_row",
]

TOLD = 3  # notes on a set of images, the most common, before the others are counted


@dataclass(frozen=True)
class Scored:
    """Numbers of one image of the user, or the reason why there are none.

    Attributes:
        notes: what was done to the file; warnings: why nothing of it is to be seen.
        pixels: (H, W, C) uint8, the image as the model saw it.
    """

    image: str
    score: float = float("nan")
    percentile: float = float("nan")
    parts: Mapping[str, float] | None = None
    part_percentiles: Mapping[str, float] | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str = ""
    pixels: np.ndarray | None = None


def score(
    target: Target,
    paths: Sequence[Path | str],
    *,
    bf16: bool = False,
    say: Callable[[str], None] | None = None,
) -> Iterator[Scored]:
    """Score images, arrays and folders at paths, in order; what cannot be read is passed over.

    Args:
        bf16: run a flow's coupling networks in bfloat16.
        say: told what a folder holds that is no image.

    Raises:
        OutskirtsError: the checkpoint is missing or damaged.
    """
    yield from score_items(target, read_items(paths, target.world.shape, say=say), bf16=bf16)


def score_items(target: Target, items: Iterable[Item], *, bf16: bool = False) -> Iterator[Scored]:
    """Score items in order, in batches; those that hold no picture come with their reason.

    Args:
        bf16: run a flow's coupling networks in bfloat16.

    Raises:
        OutskirtsError: the checkpoint is missing or damaged.
    """
    from core.inference.scoring import BATCH

    detector, card = loaded(target)
    waiting: list[Item] = []
    for item in items:
        waiting.append(item)
        if len(waiting) == BATCH:
            yield from _score_batch(detector, card, waiting, bf16=bf16)
            waiting = []
    yield from _score_batch(detector, card, waiting, bf16=bf16)


def _score_batch(
    detector: Detector, card: Card, items: Sequence[Item], *, bf16: bool
) -> Iterator[Scored]:
    from core.inference.scoring import parts_of

    readable = [item.picture.image for item in items if item.picture is not None]
    found = parts_of(detector, np.stack(readable), bf16=bf16) if readable else {}
    standing, part = percentiles(card, found), card.score.part
    rows = iter(range(len(readable)))
    for item in items:
        if item.picture is None:
            yield Scored(item.id, error=item.error)
            continue
        i = next(rows)
        parts, places = row_of(found, i), row_of(standing, i)
        picture = item.picture
        said = picture.notes, picture.warnings
        scored = Scored(item.id, parts[part], places[part], parts, places, *said)
        yield replace(scored, pixels=picture.image)


def scored_row(scored: Scored, *, parts: bool) -> dict[str, Any]:
    """What is written of an image that was scored: its name and numbers; with ``parts``, all."""
    row: dict[str, Any] = {
        "image": scored.image,
        "score": scored.score,
        "percentile": scored.percentile,
    }
    if parts:
        row |= {"parts": scored.parts, "part_percentiles": scored.part_percentiles}
    return row


@dataclass(frozen=True)
class Evaluation:
    """How good a detector is, and the numbers behind it.

    Attributes:
        figures: set name to "score" and every part, each with its metrics.
        normal: other numbers of the normal test images, such as bits per dimension.
        pixels: set name to figures of the detector's own map of its score, as its card has them.
        parts: set name to part name to (N,).
        ids: set name to the images' ids.
        skipped: the user's files that could not be read, each with its reason.
    """

    figures: Mapping[str, Mapping[str, Metrics]]
    normal: Mapping[str, float]
    pixels: Mapping[str, PixelMetrics]
    parts: Mapping[str, Mapping[str, np.ndarray]]
    ids: Mapping[str, Sequence[str]]
    skipped: tuple[Item, ...]


def evaluate(
    target: Target,
    *,
    against: Mapping[str, Path] | None = None,
    stored: bool = False,
    watch: Callable[[str], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Evaluation:
    """Figures of every part on the scenario's strange sets, or on the user's own.

    Args:
        against: the user's strange images by set name, in place of the scenario's.
        stored: take the reference images' numbers from the checkpoint instead of computing them.
        watch: told what is being scored.
        say: told what a folder of the user's holds that is no image, and what was done to images.

    Raises:
        OutskirtsError: no such scenario or checkpoint, or no image of a set can be read.
    """
    from core.inference.scoring import figures_of, parts_of

    scenario, (detector, card) = target.world, loaded(target)
    normal, own = scenario.normal.name, _own_sets(scenario, against or {}, say)
    beside = _beside(scenario, own)
    others = () if own else tuple(s.name for s in scenario.others)  # scored, whatever their role
    parts, ids, figures = {}, {}, {}
    _all_here(scenario, () if stored else set(beside) - set(own))
    for name in dict.fromkeys((normal, *beside.values(), *beside, *others)):
        if watch:
            watch(name)
        images, ids[name] = own[name][:2] if name in own else _reference(scenario, name)
        known = stored and name not in own
        parts[name] = dict(stored_scores(target)[name]) if known else parts_of(detector, images)
    for name, other in beside.items():
        known = stored and not against
        found = card.metrics[name] if known else _measured(parts, other, name)
        figures[name] = {"score": found[card.score.part], **found}
    reported = card.figures if stored else figures_of(detector, parts[normal])
    skipped = tuple(item for *_, bad in own.values() for item in bad)
    return Evaluation(figures, reported, _pixels(card, own), parts, ids, skipped)


def _measured(
    parts: Mapping[str, Mapping[str, np.ndarray]], normal: str, strange: str
) -> Mapping[str, Metrics]:
    """Every part's figures of a strange set against a normal one, values (N,) by part and set.

    Raises:
        OutskirtsError: a part of some image is no finite number, as of a black one it may be.
    """
    for name in (normal, strange):
        for part, values in parts[name].items():
            if count := int((~np.isfinite(values)).sum()):
                raise OutskirtsError(
                    f"{name}: {part} is no finite number on {counted(count, 'image')}"
                )
    return measure_parts(parts[normal], parts[strange])


def _pixels(card: Card, own: Collection[str]) -> Mapping[str, PixelMetrics]:
    """Figures of the detector's own map on the scenario's sets; none beside the user's ``own``."""
    return {} if own or not card.pixels else card.pixels.figures


def _all_here(scenario: Scenario, names: Iterable[str]) -> None:
    """Refuse before the work what could not be scored after it.

    Raises:
        PicturesElsewhere: the pictures of a set do not ship, and are not in the data folder.
    """
    for name in names:
        if words := scenario.pictures(name).elsewhere:
            raise PicturesElsewhere(f"{words}; --stored takes the scores that ship")


def _beside(scenario: Scenario, own: Collection[str]) -> dict[str, str]:
    """Strange sets, the user's own in place of the scenario's, to the normal ones that judge."""
    if own:
        return dict.fromkeys(own, scenario.normal.name)
    return {s.name: scenario.normal_of(s.name).name for s in scenario.strange}


def _reference(scenario: Scenario, name: str) -> tuple[Images, list[str]]:
    """Images (N, H, W, C) of a set and their names."""
    pictures = scenario.pictures(name)
    return pictures.images, pictures.ids()


def _own_sets(
    scenario: Scenario, against: Mapping[str, Path], say: Callable[[str], None] | None
) -> dict[str, tuple[Images, list[str], list[Item]]]:
    """Images of the user's own by set name, see `_own_images`."""
    if scenario.normal.name in against:
        raise ScenarioError(
            f"{scenario.normal.name!r} is the normal set: give your images another name"
        )
    return {name: _own_images(scenario, path, say) for name, path in against.items()}


def _own_images(
    scenario: Scenario, path: Path, say: Callable[[str], None] | None
) -> tuple[np.ndarray, list[str], list[Item]]:
    items = list(read_items([path], scenario.shape, say=say))
    bad = [item for item in items if item.picture is None]
    if len(bad) == len(items):
        raise ImageError(f"{path}: nothing can be read; {bad[0].id}: {bad[0].error}")
    good = [item for item in items if item.picture is not None]
    images = np.stack([item.picture.image for item in good if item.picture])
    if say is not None:
        for words in _done([item.picture.notes for item in good if item.picture]):
            say(f"{path}: {words}")
    return images, [item.id for item in good], bad


def _done(notes: Sequence[Sequence[str]]) -> list[str]:
    return counted_notes(Counter(note for own in notes for note in own), len(notes))


def counted_notes(counts: Counter[str], images: int) -> list[str]:
    """What was done to so many images, by counts of the notes on them: the most common first.

    Example:
        >>> counted_notes(Counter({"turned": 2, "first of 3 frames": 1}), 4)
        ['turned (2 of 4)', 'first of 3 frames (1 of 4)']
    """
    told = [f"{note} ({n:,} of {images:,})" for note, n in counts.most_common(TOLD)]
    rest = len(counts) - len(told)
    return [*told, f"and {rest:,} other notes on images"] if rest > 0 else told


def counted_warnings(counts: Counter[str], images: int) -> list[str]:
    """Why little or nothing is to be seen on so many images, by kind: the most common first.

    Args:
        counts: of the warnings, in their words.
        images: of all, with a warning or without.

    Example:
        >>> dark = "nearly black: its lightest pixel has level"
        >>> counted_warnings(Counter({f"{dark} 9 of 255": 1, f"{dark} 8 of 255": 2}), 4)
        ['warning: nearly black (3 of 4), such as: its lightest pixel has level 8 of 255']
    """
    kinds, such = Counter[str](), dict[str, str]()
    for text, n in counts.most_common():
        kind, _, words = text.partition(": ")
        kinds[kind] += n
        such.setdefault(kind, f", such as: {words}" if words else "")
    return [f"warning: {k} ({n:,} of {images:,}){such[k]}" for k, n in kinds.most_common()]
