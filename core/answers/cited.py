"""Figures that a sentence cites, read from cards and studies: no sentence holds a number itself.

| figure | what it is |
| --- | --- |
| ``auroc SCENARIO/MODEL SET [PART]`` | of a model's score, or of a part, on a strange set |
| ``aupr …``, ``fpr95 …`` | likewise |
| ``images SCENARIO/MODEL`` | how many it learned from |
| ``known SCENARIO/MODEL`` | how many of these were known anomalies |
| ``class SCENARIO/MODEL`` | the class that these were of, in words |
| ``study NAME ARM DATA [MEASURE]`` | a study's figure of an arm, the mean over all variants |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from core.card import Card, read_card
from core.errors import OutskirtsError
from core.lectures import LectureError
from core.results import read_study
from core.scenario import load_scenario

__all__ = ["check_claim", "filled", "scenarios_in", "value_of"]

FIGURE = re.compile(r"\{([^{}]*)\}")
T = TypeVar("T")
CLAIM = re.compile(r"(.+?) ([<>]) (.+)")


def filled(text: str) -> str:
    """A text with the number of each figure that it names in braces.

    Raises:
        LectureError: there is no such figure.
    """
    return FIGURE.sub(lambda found: _said(found[1]), text)


def scenarios_in(text: str, claims: Iterable[str] = ()) -> list[str]:
    """Names of the scenarios whose cards the figures of a text and of claims are read from.

    Example:
        >>> scenarios_in("It has {auroc tiny/glow dots}.", ["images mine.2/esad > 3"])
        ['tiny', 'mine']
    """
    each = (*FIGURE.findall(text), *claims)
    return list(dict.fromkeys(name for figure in each for name in OF_A_CARD.findall(figure)))


def check_claim(claim: str) -> None:
    """Whether a claim, FIGURE < FIGURE or FIGURE > NUMBER, is true of what is here.

    Raises:
        LectureError: it is not, with both numbers, or it is no claim.
    """
    parts = CLAIM.fullmatch(claim)
    if parts is None:
        raise LectureError(f"{claim[:80]!r} compares nothing: it needs one < or >")
    left, right = value_of(parts[1]), value_of(parts[3])
    if not (left < right if parts[2] == "<" else left > right):
        raise LectureError(f"{claim} does not hold here: {left:.3f} and {right:.3f}")


def value_of(figure: str) -> float:
    """The number of a figure, or that it is itself.

    Raises:
        LectureError: there is no such figure.

    Example:
        >>> value_of("0.5")
        0.5
    """
    try:
        return float(figure)
    except ValueError:
        return _looked_up(figure)


def _said(figure: str) -> str:
    kind, *words = figure.split() or [""]
    if kind == "class" and len(words) == 1:
        return _in_words(lambda: _card(words[0]).data.known_class.lower(), figure)
    value = _looked_up(figure)
    if kind == "fpr95":
        return f"{100 * value:.1f}\u00a0%"
    return f"{value:,.0f}" if kind in COUNTS else f"{value:.3f}"


def _looked_up(figure: str) -> float:
    kind, *words = figure.split() or [""]
    return _in_words(lambda: float(KINDS[kind](*words)), figure)


def _in_words(look_up: Callable[[], T], figure: str) -> T:
    try:
        return look_up()
    except (KeyError, TypeError) as error:  # no such kind, set, part or arm; or too many words
        raise LectureError(f"there is no figure “{figure[:120]}”") from error
    except OutskirtsError as error:
        raise LectureError(str(error)) from error


def _card(target: str) -> Card:
    scenario, _, model = target.partition("/")
    return read_card(load_scenario(scenario.partition(".")[0]).folder, model)


def _metric(name: str) -> Callable[..., float]:
    def looked_up(target: str, set_name: str, part: str = "") -> float:
        card = _card(target)
        value: float = getattr(card.metrics[set_name][part or card.score.part], name)
        return value

    return looked_up


def _study(name: str, arm: str, data: str, measure: str | None = None) -> float:
    return read_study(name).row(arm, data, measure=measure).value


COUNTS: Mapping[str, Callable[..., float]] = {
    "images": lambda target: _card(target).data.images,
    "known": lambda target: _card(target).data.known,
}
KINDS: Mapping[str, Callable[..., float]] = {
    **{name: _metric(name) for name in ("auroc", "aupr", "fpr95")},
    **COUNTS,
    "study": _study,
}
OF_A_CARD = re.compile(rf"(?:{'|'.join([*KINDS, 'class'])}) ([^\s/.]+)[^\s/]*/")
