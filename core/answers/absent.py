"""Words about sets whose pictures are not here, and about how they are had."""

from __future__ import annotations

from collections.abc import Iterable

from core.scenario import Scenario

__all__ = ["absent_of", "not_here"]


def not_here(scenario: Scenario, name: str) -> tuple[str, str]:
    """Of a set whose pictures are not here: how that is said, and how they are had.

    They are "not shipped"; or "not here", where the package is missing that they come with.

    Args:
        name: of the set.
    """
    whole = scenario.had_as(name)
    return "not here" if scenario.is_at_hand(whole) else "not shipped", whole.had


def absent_of(scenario: Scenario, sets: Iterable[str]) -> tuple[str, ...]:
    """How the pictures are had of each of these sets that has none here, a sentence each."""
    away = [s for s in dict.fromkeys(map(str, sets)) if scenario.pictures(s).elsewhere]
    titles = [scenario.set_named(name).title for name in away]
    ways = [not_here(scenario, name) for name in away]
    return tuple(
        f"The pictures of {title} are {absence}, their scores are: {had}."
        for title, (absence, had) in zip(titles, ways, strict=True)
    )
