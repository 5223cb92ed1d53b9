"""Lectures: each step that can be shown here, with the numbers of the models that are here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from core.answers.cited import check_claim, filled, scenarios_in
from core.answers.overview import as_they_stand
from core.answers.query import Answered, Query
from core.lectures import (
    MAX_STEPS,
    OWN,
    TILES,
    LectureError,
    LectureFile,
    LectureStep,
    Link,
    lecture_names,
    lecture_path,
    link_of,
    load,
    read_lecture,
)
from core.scenario import Scenario, ScenarioError, load_scenario, scenario_names
from core.schema import StartTile
from core.settings import settings

__all__ = ["ANSWERS", "Lecture", "LectureQuery", "LectureRow", "ShownStep", "lecture_rows"]


@dataclass(frozen=True)
class LectureQuery(Query["Lecture"]):
    """The lecture of a name; a visitor's own comes as the data of its file."""

    wait: ClassVar[str] = "Opening the lecture…"

    name: str

    def files(self) -> Iterable[Path]:
        """Its own, every scenario and card, and every study: a sentence may cite any figure."""
        folder = settings().checkpoints
        return [lecture_path(self.name), *sorted(folder.glob("*/*.json"))]


@dataclass(frozen=True)
class ShownStep:
    """A step that can be shown here.

    Attributes:
        text: with numbers for its figures.
        number: of the step in the lecture's file, from 1.
    """

    link: Link
    text: str
    number: int


@dataclass(frozen=True)
class Lecture:
    """A lecture as it can be shown here.

    Attributes:
        left_out: why a step is not among ``steps``, a line each.
        absent: which scenarios other such steps need, that are not here, a line each.
    """

    name: str
    title: str
    steps: tuple[ShownStep, ...]
    left_out: tuple[str, ...]
    absent: tuple[str, ...] = ()


@dataclass(frozen=True)
class LectureRow:
    """A lecture of the server, or why its file cannot be read."""

    name: str
    title: str
    error: str = ""


def lecture_rows() -> list[LectureRow]:
    """The lectures of this server: that of start tiles, then those with a file, by name."""
    rows = []
    with suppress(LectureError):  # a server without anything to try
        rows.append(LectureRow(TILES, _of_tiles().title))
    for name in lecture_names():
        try:
            rows.append(LectureRow(name, read_lecture(name).title))
        except LectureError as error:
            rows.append(LectureRow(name, name, str(error)))
    return rows


def lecture(query: LectureQuery, data: bytes | None = None) -> Lecture:
    """The lecture of a query's name, or the visitor's own in ``data``.

    Raises:
        LectureError: there is none, or it cannot be read.
    """
    if data is not None:
        whole = load(data)
    elif query.name == OWN:
        raise LectureError("the lecture of this link is kept in another browser: ask for its file")
    else:
        whole = _of_tiles() if query.name == TILES else read_lecture(query.name)
    steps, left_out = [], []
    waiting: dict[str, list[int]] = {}  # for a scenario, by numbers
    for number, step in enumerate(whole.steps, 1):
        try:
            link = link_of(step.link)
            if name := _absent(step, link):
                waiting.setdefault(name, []).append(number)
            else:
                steps.append(_shown(step, link, number))
        except LectureError as error:
            left_out.append(f"step {number}: {error}")
    absent = tuple(_need(numbers, name) for name, numbers in waiting.items())
    return Lecture(query.name, whole.title, tuple(steps), tuple(left_out), absent)


def _absent(step: LectureStep, link: Link) -> str:
    """The first scenario that a step needs and that is not here; "": all are."""
    asked = (scenario for key, scenario in link.query if key == "scenario")
    here = scenario_names()
    needed = (*asked, *scenarios_in(step.text, step.holds))
    return next((name for name in needed if name.partition(".")[0] not in here), "")


def _need(numbers: list[int], name: str) -> str:
    """That these steps need a scenario of that name."""
    if len(numbers) == 1:
        return f"step {numbers[0]} needs {name[:60]}, which is not here"
    return f"{len(numbers)} steps need {name[:60]}, which is not here"


def _shown(step: LectureStep, link: Link, number: int) -> ShownStep:
    _check_scenario(dict(link.query))
    for claim in step.holds:
        check_claim(claim)
    return ShownStep(link, filled(step.text), number)


def _check_scenario(query: dict[str, str]) -> None:
    """Refuse a scenario, or a class of it, that is not here."""
    if (name := query.get("scenario")) is None:
        return
    try:
        scenario = load_scenario(name)
        if normal := query.get("normal"):
            scenario.member(normal)
    except ScenarioError as error:
        raise LectureError(str(error)) from error


# Start tiles --------------------------------------------------------------------------------------


def _of_tiles() -> LectureFile:
    """What every page proposes to try: of each page, the tiles of the first scenario with some."""
    pages: dict[str, tuple[str, list[LectureStep]]] = {}
    for scenario, query in _worlds():
        for tile in scenario.start:
            if not tile.text or not _trained(scenario, tile.model):
                continue
            owner, steps = pages.setdefault(tile.page, (scenario.name, []))
            if owner == scenario.name:
                steps.append(_of_tile(tile, query))
    steps = [step for _, found in pages.values() for step in found]
    if not steps:
        raise LectureError("no scenario here has anything to try")
    return LectureFile(title="Try this: every page", steps=tuple(steps[:MAX_STEPS]))


def _worlds() -> Iterator[tuple[Scenario, dict[str, str]]]:
    """Scenarios as pages open them, the first class normal where one is, and what leads there."""
    for scenario in as_they_stand():
        query = {"scenario": scenario.name}
        if scenario.variants:
            query["normal"] = scenario.variants[0]
            yield scenario.member(scenario.variants[0]), query
        else:
            yield scenario, query


def _trained(scenario: Scenario, model: str) -> bool:
    return not model or (scenario.folder / f"{model}.safetensors").exists()


def _of_tile(tile: StartTile, query: dict[str, str]) -> LectureStep:
    pairs = list(query.items())
    for name, value in tile.state.items():
        values = value if isinstance(value, list | tuple) else [value]
        pairs += [(f"{tile.page}_{name}", str(v)) for v in values]
    end = "" if tile.title.endswith(("?", "!", ".")) else "."
    return LectureStep(
        link=Link(tile.page, tuple(pairs)).text, text=f"{tile.title}{end} {tile.text}"
    )


ANSWERS: tuple[Answered[Any], ...] = (Answered(LectureQuery, lecture),)
