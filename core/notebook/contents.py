"""What a notebook holds, and the items that it is kept, joined and sent by.

An item is the least that comes or goes: a tag on one image, one chosen image, a line, a setting.
Who keeps a notebook says which items came and which went since, never "this is all": so two who
write at once lose nothing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from core.errors import OutskirtsError
from core.evaluate.threshold import KINDS, Threshold

__all__ = [
    "LONGEST_LINE",
    "LONGEST_NAME",
    "MAX_ITEMS",
    "Contents",
    "Item",
    "NoteLine",
    "NotebookError",
    "OwnImage",
    "applied",
    "checked",
    "difference",
    "items_of",
    "tidy",
]

LONGEST_LINE = 2_000  # characters
LONGEST_NAME = 200  # of a tag, of an own image's file
MAX_ITEMS = 200_000  # of a notebook: a tag on each of 70,000 images, and another

IMAGE = re.compile(r"[^#\x00-\x20\x7f]{1,100}#(0|[1-9][0-9]{0,7})")
SCENARIO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
IDS = {
    "tag": IMAGE,
    "chosen": IMAGE,
    "own": re.compile(r"[0-9a-f]{64}"),
    "line": re.compile(r"[0-9a-f]{8,32}"),
    "setting": re.compile(r"threshold|prevalence|costs"),
}


class NotebookError(OutskirtsError):
    """A notebook cannot be read or kept; the message says why, in one line."""


@dataclass(frozen=True)
class NoteLine:
    """A line of notes.

    Attributes:
        id: another with every line, 8 to 32 hexadecimal digits.
        time: when it was written, seconds since 1970.
    """

    id: str
    text: str
    time: float


@dataclass(frozen=True)
class OwnImage:
    """An image of the visitor's: the hash and the name of its file. Its pixels are kept nowhere."""

    sha256: str
    name: str


@dataclass(frozen=True)
class Contents:
    """All that a notebook holds.

    Attributes:
        tags: scenario to tag to ids "set#index", in the order of sets and numbers.
        chosen: scenario to ids.
        lines: in the order in which they were written.
        threshold: by what, its value and, of a raw score, whose; see `Threshold`.
        prevalence: the share of strange images that is expected.
        costs: of a miss and of a false alarm.
    """

    tags: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    own: tuple[OwnImage, ...] = ()
    lines: tuple[NoteLine, ...] = ()
    threshold: tuple[str, float, str] | None = None
    prevalence: float | None = None
    costs: tuple[float, float] | None = None


class Item(NamedTuple):
    """The least that comes or goes; the first four name it.

    Attributes:
        kind: "tag", "chosen", "own", "line" or "setting".
        scenario: of a tag or a chosen image.
        name: of a tag.
        id: of the image, the line or the setting.
        value: text of a line, name of an own image, JSON of a setting.
        time: when it came, seconds since 1970.
        gone: whether it went.
    """

    kind: str
    scenario: str
    name: str
    id: str
    value: str = ""
    time: float = 0.0
    gone: bool = False


def checked(item: Item) -> Item:
    """An item that may be kept: the same.

    Raises:
        NotebookError: it is of no kind, too long, or names no image.
    """
    if why := _wrong(item):
        raise NotebookError(why)
    return item


def _wrong(item: Item) -> str:
    """What an item must not be, or ""."""
    kind, scenario, name, of, value, time, _ = item
    if kind not in IDS:
        return f"a notebook holds no {_short(kind)}"
    if not IDS[kind].fullmatch(of):
        return f"{_short(of)} names no {'image' if IDS[kind] is IMAGE else kind}"
    placed = IDS[kind] is IMAGE
    if placed != bool(scenario) or (placed and not SCENARIO.fullmatch(scenario)):
        return f"{_short(scenario)} names no scenario"
    if (kind == "tag") != bool(name) or not _printable(name, LONGEST_NAME):
        return f"a tag is a line of up to {LONGEST_NAME} characters, not {_short(name)}"
    longest = LONGEST_LINE if kind == "line" else LONGEST_NAME
    if (placed and value) or not _printable(value, longest):
        return f"{_short(value)} is no line of up to {longest:,} characters"
    if not math.isfinite(time) or abs(time) > 1e11:
        return f"there is no such time as {time}"
    return _wrong_setting(of, value) if kind == "setting" and not item.gone else ""


def _wrong_setting(of: str, value: str) -> str:
    try:
        _setting(of, value)
    except (ValueError, TypeError, RecursionError):
        return f"{_short(value)} is no {of}"
    return ""


def _printable(text: str, longest: int) -> bool:
    """One line that can be written down as UTF-8 and be told from none."""
    return len(text) <= longest and all(map(_stays, text))


def _stays(character: str) -> bool:
    return not (
        character < " " or character in "\x7f\x85\u2028\u2029" or "\ud800" <= character <= "\udfff"
    )


def tidy(text: str, *, longest: int = LONGEST_LINE) -> str:
    r"""``text`` as a line that a notebook holds: without what no line may have, up to ``longest``.

    Example:
        >>> tidy("  1 looks\tlike I\x7f\n")
        '1 looks like I'
    """
    return "".join(filter(_stays, " ".join(text.split())))[:longest].strip()


def _short(text: str) -> str:
    return repr(str(text)[:60])


def _setting(of: str, value: str) -> Any:
    """What the JSON of a setting says; a ValueError where nothing can follow from it."""
    found = json.loads(value)
    if of == "threshold":
        return _threshold(*found)
    if of == "costs":
        miss, alarm = map(_finite, found)
        if min(miss, alarm) < 0 or not max(miss, alarm):
            raise ValueError(value)
        return miss, alarm
    if not 0 < _finite(found) < 1:
        raise ValueError(value)
    return float(found)


def _threshold(by: Any, at: Any, model: Any) -> tuple[str, float, str]:
    if by not in KINDS or not re.fullmatch(r"[\w.-]{0,100}", model):
        raise ValueError(str(by)[:60])
    Threshold(by, _finite(at), model)  # it knows what its value may be
    return by, float(at), model


def _finite(number: Any) -> float:
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError(str(number)[:60])
    if not math.isfinite(number):
        raise ValueError(str(number))
    return float(number)


def items_of(contents: Contents) -> Iterator[Item]:
    """Everything that a notebook holds, an item each."""
    for scenario, tags in contents.tags.items():
        for name, ids in tags.items():
            yield from (Item("tag", scenario, name, of) for of in ids)
    for scenario, ids in contents.chosen.items():
        yield from (Item("chosen", scenario, "", of) for of in ids)
    yield from (Item("own", "", "", own.sha256, own.name) for own in contents.own)
    yield from (Item("line", "", "", line.id, line.text, line.time) for line in contents.lines)
    for of in ("threshold", "prevalence", "costs"):
        if (value := getattr(contents, of)) is not None:
            yield Item("setting", "", "", of, json.dumps(value))


def difference(before: Contents, after: Contents, *, time: float = 0.0) -> list[Item]:
    """What came and what went from one to the other.

    Args:
        time: of it all but lines, which have their own.
    """
    old, new = (_named(_changed(one, other)) for one, other in ((before, after), (after, before)))
    gone = [
        item._replace(value="", time=time, gone=True) for k, item in old.items() if k not in new
    ]
    came = [item for k, item in new.items() if k not in old or old[k].value != item.value]
    return gone + [item if item.kind == "line" else item._replace(time=time) for item in came]


def _changed(one: Contents, other: Contents) -> Contents:
    """Without the tags that the other has alike: they may be of many images."""
    return replace(
        one,
        tags={
            scenario: {
                name: ids
                for name, ids in tags.items()
                if (theirs := other.tags.get(scenario, {}).get(name)) is not ids and theirs != ids
            }
            for scenario, tags in one.tags.items()
        },
    )


def _named(contents: Contents) -> dict[tuple[str, ...], Item]:
    return {item[:4]: item for item in items_of(contents)}


def applied(contents: Contents, items: Iterable[Item]) -> Contents:
    """The notebook after these items came and went, in this order.

    Example:
        >>> came = [Item("tag", "fashion", "odd", f"mnist#{i}") for i in (10, 9)]
        >>> applied(Contents(), came).tags
        {'fashion': {'odd': ('mnist#9', 'mnist#10')}}
    """
    last = {item[:4]: item for item in items}
    if not last:
        return contents
    tags = {scenario: dict(named) for scenario, named in contents.tags.items()}
    for scenario, name, ids in _images(last.values(), "tag"):
        _put(tags.setdefault(scenario, {}), name, ids)
    chosen = dict(contents.chosen)
    for scenario, _, ids in _images(last.values(), "chosen"):
        _put(chosen, scenario, ids)
    singles = {kind: [i for i in last.values() if i.kind == kind] for kind in IDS}
    own = {one.sha256: one.name for one in contents.own}
    own |= {i.id: i.value for i in singles["own"]}
    went = {i.id for i in singles["own"] if i.gone}
    return Contents(
        tags={scenario: named for scenario, named in tags.items() if named},
        chosen=chosen,
        own=tuple(OwnImage(of, name) for of, name in own.items() if of not in went),
        lines=_lines(contents.lines, singles["line"]),
        **_settings(contents, singles["setting"]),
    )


def _images(items: Iterable[Item], kind: str) -> Iterator[tuple[str, str, dict[str, bool]]]:
    """Scenario and tag, with the images that came (True) or went."""
    groups: dict[tuple[str, str], dict[str, bool]] = {}
    for item in items:
        if item.kind == kind:
            groups.setdefault((item.scenario, item.name), {})[item.id] = not item.gone
    yield from ((scenario, name, ids) for (scenario, name), ids in groups.items())


def _put(held: dict[str, tuple[str, ...]], name: str, ids: Mapping[str, bool]) -> None:
    """Images that come and go of what has this name; where none is left, it goes."""
    stay = {of for of in held.get(name, ()) if ids.get(of, True)}
    stay |= {of for of, came in ids.items() if came}
    if stay:
        held[name] = tuple(sorted(stay, key=_place))
    else:
        held.pop(name, None)


def _place(image: str) -> tuple[str, int]:
    name, _, index = image.rpartition("#")
    return name, int(index)


def _lines(lines: Iterable[NoteLine], items: Iterable[Item]) -> tuple[NoteLine, ...]:
    held = {line.id: line for line in lines}
    for item in items:
        held.pop(item.id, None)
        if not item.gone:
            held[item.id] = NoteLine(item.id, item.value, item.time)
    return tuple(sorted(held.values(), key=lambda line: (line.time, line.id)))


def _settings(contents: Contents, items: Iterable[Item]) -> dict[str, Any]:
    """The settings then; one that says nothing that can be is none, whoever kept it."""
    held = {of: getattr(contents, of) for of in ("threshold", "prevalence", "costs")}
    good = (item for item in items if item.gone or not _wrong_setting(item.id, item.value))
    return held | {i.id: None if i.gone else _setting(i.id, i.value) for i in good}
