"""What dividing a flow by a general model does, set by set (arXiv 2006.10848)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.answers.overview import DetectorRow, Measured, seeds_of

if TYPE_CHECKING:
    from core.card import Card

__all__ = ["Correction", "corrections"]

GENERAL_MODELS = ("ratio_general", "ratio_background", "complexity")


@dataclass(frozen=True)
class Correction:
    """What taking a general model out of the full likelihood does, set by set.

    Attributes:
        title: of the corrected part.
        helps: sets whose AUROC it lifts beyond both intervals, and from every seed that is known,
            with the full likelihood's and its.
        costs: sets whose AUROC it lowers, likewise.
        inverts: those of them that it finds more normal than the normal ones, from every seed.
        wavers: sets where this model's seed says one thing and another seed the opposite.
    """

    title: str
    helps: Mapping[str, tuple[float, float]]
    costs: Mapping[str, tuple[float, float]]
    inverts: tuple[str, ...]
    wavers: Mapping[str, tuple[float, float]]


def corrections(row: DetectorRow, measured: Measured) -> tuple[Correction, ...]:
    """Which general model helps a flow on which strange set, and where it fails; from its card.

    Args:
        measured: as for `seeds_of`.
    """
    if row.card is None:
        return ()
    has = row.card.calibration.quantiles
    parts = [part for part in GENERAL_MODELS if part in has]
    return tuple(_correction(row, row.card, part, measured) for part in parts)


def _correction(row: DetectorRow, card: Card, part: str, measured: Measured) -> Correction:
    helps: dict[str, tuple[float, float]] = {}
    costs: dict[str, tuple[float, float]] = {}
    wavers: dict[str, tuple[float, float]] = {}
    inverts = []
    for name, parts in card.metrics.items():
        before, after = parts["total"], parts[part]
        helped, cost = after.low > before.high, after.high < before.low
        pair = (before.auroc, after.auroc)
        seeds = _from_seeds(card, name, part)
        if not helped and not cost:
            continue
        if any((later > earlier) != helped for earlier, later in seeds):
            wavers[name] = pair
            continue
        (helps if helped else costs)[name] = pair
        others = seeds_of(card, name, part, measured).values()
        if cost and after.fooled and all(seen.fooled for seen in others):
            inverts.append(name)
    return Correction(row.part_titles[part], helps, costs, tuple(inverts), wavers)


def _from_seeds(card: Card, strange: str, part: str) -> list[tuple[float, float]]:
    """AUROC of the full likelihood and of a part of it, a pair a seed; none if not measured."""
    known = card.seeds.auroc.get(strange, {}) if card.seeds is not None else {}
    return list(zip(known.get("total", ()), known.get(part, ()), strict=False))
