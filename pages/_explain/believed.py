"""Which maps can be believed: what the checks of each say, in a word and in a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pages._shared.seeds import listed
from pages._shared.text import SPACE

__all__ = ["Checked", "channels_said", "said_of", "share_said"]

COLOURS = "red", "green", "blue"


@dataclass(frozen=True)
class Checked:
    """What is known of one method's map.

    Attributes:
        marked: whether it leaves more than half of the score unplaced; None: nobody knows.
        early: whether the score falls earlier than for random orders when pixels are deleted by it;
            None: not different from chance.
        changes: whether it changes with the network's weights; None: it cannot be checked.
        deleted: whether deleting pixels by it has an answer at all.
    """

    title: str
    marked: bool | None
    early: bool | None
    changes: bool | None
    deleted: bool = True


def share_said(share: float) -> str:
    r"""A residual as a share of what there was to place.

    Example:
        >>> [share_said(s) for s in (0.0, 0.004, 0.36, 3.01, 106.2, float("inf"), float("nan"))]
        ['0\xa0%', '0.4\xa0%', '36\xa0%', '301\xa0%', '106-fold', 'endless', 'unknown']
    """
    if math.isnan(share):
        return "unknown"
    if share == float("inf"):
        return "endless"
    if share >= 10:
        return f"{share:,.0f}-fold"
    digits = 0 if share >= 0.01 or not share else 1
    return f"{100 * share:.{digits}f}{SPACE}%"


def channels_said(shares: Sequence[float]) -> str:
    r"""How much of a map the channels of a colour picture carry; none are known: it is of all at once.

    Example:
        >>> channels_said([0.304, 0.596, 0.1])
        'red 30, green 60, blue 10\xa0%'
        >>> channels_said(())
        'all colours at once'
    """
    if not any(shares):
        return "all colours at once"
    said = [f"{c} {100 * share:.0f}" for c, share in zip(COLOURS, shares, strict=True)]
    return f"{', '.join(said)}{SPACE}%"


def said_of(checked: Sequence[Checked]) -> str:
    """Which maps pass every check, and which one the others fail, each named once.

    Example:
        >>> said_of([Checked("Occlusion", False, True, True), Checked("SmoothGrad", True, True, True)])
        '**Occlusion** passes every check. **SmoothGrad** leaves more than half of the score unplaced.'
    """
    kinds: dict[str, list[str]] = {}
    for one in checked:
        kinds.setdefault(_kind(one), []).append(f"**{one.title}**")
    if not kinds:
        return ""
    if "good" not in kinds:
        kinds = {"none": [], **kinds}
    return " ".join(_sentence(kind, kinds[kind]) for kind in WORDS if kind in kinds)


WORDS = {  # of a kind: what one map does, what several do
    "good": ("passes every check", "pass every check"),
    "none": ("", ""),
    "same": (
        "hardly changes when the network's weights are replaced by random ones: it shows the "
        "picture, not what the network learned",
        "hardly change when the network's weights are replaced by random ones: they show the "
        "picture, not what the network learned",
    ),
    "marked": (
        "leaves more than half of the score unplaced",
        "leave more than half of the score unplaced",
    ),
    "late": (
        "names the wrong pixels: the score falls later than by chance when those are deleted",
        "name the wrong pixels: the score falls later than by chance when those are deleted",
    ),
    "chance": (
        "orders the pixels no better than chance",
        "order the pixels no better than chance",
    ),
    "unplaced": (
        "could not be checked: nobody knows how much of the score it leaves unplaced",
        "could not be checked: nobody knows how much of the score they leave unplaced",
    ),
    "undeleted": (
        "could not be checked by deleting pixels",
        "could not be checked by deleting pixels",
    ),
    "unknown": (
        "could not be checked against random weights",
        "could not be checked against random weights",
    ),
}


def _kind(one: Checked) -> str:
    """The first check that a map fails, the gravest first; then the first that has no answer."""
    failed = {
        "same": one.changes is False,
        "marked": one.marked,
        "late": one.deleted and one.early is False,
        "chance": one.deleted and one.early is None,
        "unplaced": one.marked is None,
        "undeleted": not one.deleted,
        "unknown": one.changes is None,
    }
    return next((kind for kind, so in failed.items() if so), "good")


def _sentence(kind: str, titles: Sequence[str]) -> str:
    if kind == "none":
        return "None of these maps passes every check."
    return f"{listed(titles)} {WORDS[kind][len(titles) > 1]}."
