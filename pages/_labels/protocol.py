"""What the study says of both methods, share by share, by the paired intervals."""

from __future__ import annotations

import re
from collections.abc import Collection

from core.service import StudyResult
from pages._shared.seeds import listed
from pages._shared.text import numeral

__all__ = ["drawn", "said_of"]

OF_SHARE = re.compile(r"(esad|deep_sad)-(\d\d)")  # an arm that is a method at a share, and no more


def drawn(result: StudyResult) -> Collection[str]:
    """Both methods at every share, by their own scores; readings and variants are in the table."""
    return [arm.name for arm in result.arms if OF_SHARE.fullmatch(arm.name)]


def said_of(result: StudyResult) -> str:
    """On each data set, at which shares ESAD is above Deep SAD, and what most labels buy."""
    return " ".join((*(_beside(result, data) for data in result.data), _bought(result)))


def _shares(result: StudyResult) -> list[str]:
    found = [match for arm in result.arms if (match := OF_SHARE.fullmatch(arm.name))]
    return [match[2] for match in found if match[1] == "esad"]


def _beside(result: StudyResult, data: str) -> str:
    sides: dict[str, list[str]] = {}
    for share in _shares(result):
        found = result.contrast(f"esad-{share}", f"deep_sad-{share}", data=data)
        side = "above" if found.low > 0 else "below" if found.high < 0 else "level with"
        sides.setdefault(side, []).append(f"{int(share)} %")
    words = [f"{side} Deep SAD at {listed(shares)}" for side, shares in sides.items()]
    return f"On {result.data[data]} ESAD is {'; '.join(words)} of known anomalies."


def _bought(result: StudyResult) -> str:
    """The gain from none to the share at which each method is best."""
    told = []
    for kind, title in (("esad", "ESAD"), ("deep_sad", "Deep SAD")):
        for data, name in result.data.items():
            means = {s: result.row(f"{kind}-{s}", data).value for s in _shares(result)}
            best, first = max(means, key=means.__getitem__), next(iter(means))
            gain = means[best] - means[first]
            told.append(f"{title} on {name} {numeral(gain, '+.3f')} (at {int(best)} %)")
    return (
        f"From no known anomalies to the share at which it is best, read off these images: "
        f"{listed(told)}."
    )
