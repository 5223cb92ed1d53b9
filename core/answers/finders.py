"""Who finds which strange set, and what is hardest: by the cards of models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.answers.overview import DetectorRow
from core.evaluate.metrics import Metrics

__all__ = ["Best", "Finding", "best_of", "fooled_parts", "hardest", "most_fooled"]


@dataclass(frozen=True)
class Finding:
    """What a part of a model finds of a strange set.

    Attributes:
        model: its checkpoint's name.
        strange: the name of the set.
    """

    model: str
    part: str
    strange: str
    figures: Metrics


@dataclass(frozen=True)
class Best:
    """The model whose score finds a strange set best.

    Attributes:
        alike: other models that these images do not tell from it, best first: their intervals
            overlap with its own, or their AUROC is the same.
        among: how many models were compared, it among them.
    """

    finding: Finding
    alike: tuple[Finding, ...]
    among: int


def best_of(rows: Iterable[DetectorRow], strange: str) -> Best | None:
    """The best of the models of ``rows`` on a strange set, by scores; None if none is trained.

    Of equal ones it is the first.
    """
    scores = [finding for row in rows if (finding := _score(row, strange)) is not None]
    if not scores:
        return None
    best = max(scores, key=lambda finding: finding.figures.auroc)
    others = sorted(
        (finding for finding in scores if finding is not best),
        key=lambda finding: -finding.figures.auroc,
    )
    alike = tuple(other for other in others if _overlap(other.figures, best.figures))
    return Best(best, alike, len(scores))


def hardest(row: DetectorRow, strange: Sequence[str]) -> Finding | None:
    """The strange set that a model's score finds worst; None if it is not trained."""
    scores = [finding for name in strange if (finding := _score(row, name)) is not None]
    return min(scores, key=lambda finding: finding.figures.auroc, default=None)


def most_fooled(rows: Iterable[DetectorRow], strange: Sequence[str]) -> Finding | None:
    """The part of the models of ``rows`` that finds a strange set most normal, if one does."""
    fooled = [finding for finding in _parts(rows, strange) if finding.figures.fooled]
    return min(fooled, key=lambda finding: finding.figures.auroc, default=None)


def fooled_parts(rows: Iterable[DetectorRow], strange: Sequence[str]) -> tuple[int, int]:
    """How many parts of the models of ``rows`` find a strange set too normal, and of how many."""
    parts: dict[tuple[str, str], bool] = {}
    for finding in _parts(rows, strange):
        key = finding.model, finding.part
        parts[key] = parts.get(key, False) or finding.figures.fooled
    return sum(parts.values()), len(parts)


def _parts(rows: Iterable[DetectorRow], strange: Sequence[str]) -> list[Finding]:
    return [
        Finding(row.name, part, name, figures)
        for row in rows
        if row.card is not None
        for name in strange
        for part, figures in row.card.metrics.get(name, {}).items()
    ]


def _score(row: DetectorRow, strange: str) -> Finding | None:
    if row.card is None:
        return None
    part = row.card.score.part
    if strange not in row.card.metrics:  # the set is younger than the card
        return None
    return Finding(row.name, part, strange, row.card.metrics[strange][part])


def _overlap(lower: Metrics, higher: Metrics) -> bool:
    if lower.has_interval and higher.has_interval:
        return lower.high >= higher.low
    return lower.auroc == higher.auroc
