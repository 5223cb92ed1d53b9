"""What colours the points of a map: their kinds or a number, in colours that both themes can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.service import ColumnQuery, LatentMap, Target
from pages._shared.ask import ask

__all__ = ["COLOURS", "SHADES", "VERDICTS", "WAYS", "Colouring", "colour_by"]

# Each stands out from its ground by 3 : 1 even where a point is translucent, and from each other
# for those who see no red or no green (CIE76 of 22 at least, as a deuteranope sees them).
COLOURS = {
    "light": (
        "#0072B2",
        "#C24A00",
        "#0F4831",
        "#D43595",
        "#AF6B5A",
        "#570057",
        "#5274FF",
        "#574500",
        "#0A0AFF",
        "#20009E",
    ),
    "dark": (
        "#56B4E9",
        "#FF8247",
        "#00E6B8",
        "#D43595",
        "#E5E600",
        "#5A833F",
        "#5274FF",
        "#FFC299",
        "#FFBDFF",
        "#A452DA",
    ),
}
NOTHING = {"light": "#757D82", "dark": "#9AA5AB"}
# Plasma's, without the end that the ground would swallow.
SHADES = {
    "light": (
        "#0D0887",
        "#310597",
        "#4C02A1",
        "#6600A7",
        "#7E03A8",
        "#9511A1",
        "#AA2395",
        "#BC3587",
        "#CC4778",
        "#D24E70",
        "#D9525F",
    ),
    "dark": (
        "#C73F93",
        "#C6417D",
        "#D35171",
        "#DF6263",
        "#E97158",
        "#F1834C",
        "#F79540",
        "#FBA835",
        "#FDBD2A",
        "#FAD324",
        "#F3E925",
    ),
}
VERDICTS = ("normal, let pass", "false alarm", "found", "missed", "unjudged")
VERDICT_COLOURS = (0, 3, 2, 1)
WAYS = {
    "set": "set",
    "class": "class",
    "verdict": "found or missed",
    "percentile": "percentile of the score",
    "trust": "trust in the map",
    "tag": "tag",
}


@dataclass(frozen=True)
class Colouring:
    """What the points' colours mean.

    Attributes:
        names: of the kinds, or none where the points are coloured by a number.
        code: (N,), each point's place in ``names``, or in `SHADES`.
        light, dark: a colour a name, or a shade.
        by: the column of the points that says it in the browser too, "" where Python has to.
        lead: from that column's values to places in ``names``.
        low, high, unit, column: of a number; see `core.service.Column`.
    """

    what: str
    title: str
    code: np.ndarray
    names: tuple[str, ...] = ()
    light: tuple[str, ...] = ()
    dark: tuple[str, ...] = ()
    by: str = ""
    lead: tuple[int, ...] = ()
    low: float = 0.0
    high: float = 1.0
    unit: str = ""
    column: tuple[str, str] = field(default=("", ""))  # what it is called, and its version


def colour_by(
    what: str,
    view: LatentMap,
    target: Target,
    *,
    titles: Mapping[str, str],
    tags: Mapping[str, np.ndarray],
) -> Colouring:
    """Colours by set, class, verdict, tag, percentile, trust, or the name of a part.

    Args:
        titles: of the sets. tags: names with the keys of their images.
    """
    if what == "set":
        names = tuple(titles.get(name, name) for name in view.sets)
        return _kinds(what, "set", view.which.astype(int), names, range(len(names)), by="set")
    if what == "class":
        return _by_class(view)
    if what == "verdict":
        return _kinds(
            what,
            "verdict",
            view.verdict.astype(int),
            VERDICTS,
            [*VERDICT_COLOURS, None],
            by="verdict",
        )
    if what == "tag":
        return _by_tag(view, tags)
    return _number(what, view, target)


def _kinds(
    what: str,
    title: str,
    code: np.ndarray,
    names: Sequence[str],
    places: Sequence[int | None],
    *,
    by: str = "",
    lead: tuple[int, ...] = (),
) -> Colouring:
    """Kinds by their places among `COLOURS`, None for what is none of them."""
    light, dark = (
        tuple(
            NOTHING[theme] if place is None else COLOURS[theme][place % len(COLOURS[theme])]
            for place in places
        )
        for theme in ("light", "dark")
    )
    return Colouring(what, title, code, tuple(names), light, dark, by, lead)


def _by_class(view: LatentMap) -> Colouring:
    """Classes of normal images first; digits and others share the colours, not the symbol."""
    stored = sorted({name for name in view.labels.tolist() if name})  # as `Points` numbers them
    normal = sorted(set(view.labels[view.role == "normal"].tolist()) - {""})
    names = normal + [name for name in stored if name not in normal]
    place = {name: i for i, name in enumerate([*names, ""])}
    code = np.array([place[name] for name in view.labels.tolist()])
    colours = [i if i < len(normal) else i - len(normal) for i in range(len(names))]
    lead = tuple(place[name] for name in [*stored, ""])
    return _kinds(
        "class", "class", code, [*names, "no class"], [*colours, None], by="class", lead=lead
    )


def _by_tag(view: LatentMap, tags: Mapping[str, np.ndarray]) -> Colouring:
    """The last tag of an image counts."""
    code = np.zeros(len(view.keys), int)
    for i, keys in enumerate(tags.values()):
        code[np.isin(view.keys, keys)] = i + 1
    return _kinds("tag", "tag", code, ["no tag", *tags], [None, *range(len(tags))])


def _number(what: str, view: LatentMap, target: Target) -> Colouring:
    found = ask(ColumnQuery(target, view.layout, what))
    values = {"percentile": view.percentiles[view.score], "trust": view.local}.get(what)
    if values is None:
        values = view.parts[what]
    share = ((values - found.low) / (found.high - found.low)).clip(0, 1)
    return Colouring(
        what,
        found.title,
        (share * (len(SHADES["light"]) - 1)).round().astype(int),
        light=SHADES["light"],
        dark=SHADES["dark"],
        low=found.low,
        high=found.high,
        unit=found.unit,
        column=(what, found.version),
    )
