"""The table of a study as it is stored and read, whatever was studied. `core.studies` computes it.

A study compares arms on the variants of data sets. Its table is tidy: a row is one arm on one
variant, or on all variants of a data set together, by one measure.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import OutskirtsError, complaint
from core.files import FileError, read_text, write_whole
from core.settings import settings

__all__ = [
    "ArmResult",
    "Contrast",
    "Published",
    "Row",
    "Run",
    "Setting",
    "StudyMissing",
    "StudyResult",
    "Trial",
    "read_study",
    "study_path",
    "write_study",
]

Setting = Mapping[str, float]


class StudyMissing(OutskirtsError):
    """A study was not computed here, or its file is damaged."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


class Row(_Strict):
    """One arm by one measure.

    Attributes:
        data: the data set.
        variant: of the data set, such as the class that is normal; None: the mean over all.
        measure: a key of `StudyResult.measures`.
        low, high: the value's 95 % interval, where there is one.
        difference: the value less that of the reference arm, with its paired interval.
    """

    arm: str
    data: str
    variant: str | None
    measure: str
    value: float
    low: float | None = None
    high: float | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None


class Contrast(_Strict):
    """One arm less another by the first measure, in the mean, with its paired 95 % interval.

    Attributes:
        data: the data set; None: the mean over the variants of all.
    """

    arm: str
    other: str
    data: str | None
    value: float
    low: float
    high: float


class Published(_Strict):
    """What others report of an arm's method on a data set: a mean over variants, and its std.

    Attributes:
        source: who says so, for people.
    """

    arm: str
    data: str
    value: float
    std: float
    source: str


class Trial(_Strict):
    """A setting that was tried, with what it was chosen by, the more the better.

    By data set: mean AUROC over faults, or another figure that no row has.
    """

    setting: dict[str, float]
    faults: dict[str, float]


class ArmResult(_Strict):
    """An arm.

    Attributes:
        title, text: for people: what it is, and how it differs from the reference.
        trials: the settings that were tried.
        chosen: by data set, the one that the synthetic faults chose.
    """

    name: str
    title: str
    text: str
    trials: tuple[Trial, ...]
    chosen: dict[str, dict[str, float]]


class Run(_Strict):
    """How the computation went.

    Attributes:
        minutes: of computing, all processes together; of what arms share, what cells noted of it.
        processor: of every machine that computed, as are the versions of packages.
        choice: how settings were chosen.
        interval: what intervals are and cover.
        training_images: the mean over variants; None: nothing was trained.
        test_images: by data set.
    """

    minutes: float
    processor: str
    versions: dict[str, str]
    choice: str
    interval: str
    training_images: float | None
    test_images: dict[str, int]


class StudyResult(_Strict):
    """The whole of it.

    Attributes:
        text: for people: what is compared with what.
        plan: everything that was fixed beforehand; code with another plan has other figures.
        reference: the arm that the others differ from, the first.
        data: data sets, each with its title.
        over: what a mean over the variants is over, such as "ten classes".
        measures: each with its title.
        contrasts: arms that are compared with others than the reference.
        published: figures of others, by the first measure.
        notes: what follows from the figures, a sentence each.
    """

    schema_version: Literal[1] = Field(1, alias="schema")
    name: str
    title: str
    question: str
    text: str
    plan: dict[str, Any]
    reference: str
    data: dict[str, str]
    over: str
    measures: dict[str, str]
    arms: tuple[ArmResult, ...]
    rows: tuple[Row, ...]
    run: Run
    contrasts: tuple[Contrast, ...] = ()
    published: tuple[Published, ...] = ()
    notes: tuple[str, ...] = ()

    def arm(self, name: str) -> ArmResult:
        """The arm of that name.

        Raises:
            KeyError: there is no such arm.
        """
        return {arm.name: arm for arm in self.arms}[name]

    def row(
        self, arm: str, data: str, *, variant: str | None = None, measure: str | None = None
    ) -> Row:
        """The row of an arm on data; the mean over all variants by the first measure, unless said.

        Raises:
            KeyError: there is no such row.
        """
        wanted = arm, data, variant, measure or next(iter(self.measures))
        for row in self.rows:
            if (row.arm, row.data, row.variant, row.measure) == wanted:
                return row
        raise KeyError(wanted)

    def contrast(self, arm: str, other: str, *, data: str | None = None) -> Contrast:
        """An arm less the other on data; over the variants of all data sets, unless said.

        Raises:
            KeyError: they were not compared.
        """
        for one in self.contrasts:
            if (one.arm, one.other, one.data) == (arm, other, data):
                return one
        raise KeyError((arm, other, data))

    def std(self, arm: str, data: str) -> float | None:
        """Standard deviation of an arm's values over the variants of data, by the first measure.

        None where there are fewer than two.
        """
        measure = next(iter(self.measures))
        values = [
            row.value
            for row in self.rows
            if (row.arm, row.data, row.measure) == (arm, data, measure) and row.variant is not None
        ]
        return statistics.stdev(values) if len(values) > 1 else None

    def published_of(self, arm: str, data: str) -> Published | None:
        """What others report of an arm on data, if they do."""
        return next((p for p in self.published if (p.arm, p.data) == (arm, data)), None)

    def best(self, arms: Iterable[str], data: str) -> ArmResult:
        """Of some arms the one that is worth most where settings are chosen; of equals the first.

        No figure of a row is looked at.

        Raises:
            KeyError: there is no such arm, or nothing was chosen on these data.
        """
        worth = {name: max(t.faults[data] for t in self.arm(name).trials) for name in arms}
        return self.arm(max(worth, key=worth.__getitem__))

    def means(self) -> list[Row]:
        """Rows of means over variants, in the order of data sets, arms and measures."""
        return [
            self.row(arm.name, data, measure=measure)
            for data in self.data
            for arm in self.arms
            for measure in self.measures
        ]

    def listed(self) -> Iterable[dict[str, str | float | None]]:
        """Means as flat dictionaries, the value under its measure: what the command line prints."""
        for row in self.means():
            yield {
                "arm": row.arm,
                "title": self.arm(row.arm).title,
                "data": row.data,
                row.measure: row.value,
                **row.model_dump(include={"low", "high", "difference"}),
                **row.model_dump(include={"difference_low", "difference_high"}),
                **self._beside(row),
            }

    def _beside(self, row: Row) -> dict[str, float | None]:
        """Of a mean by the first measure, where anything is published: spread, and the published.

        The columns are the same in every row.
        """
        if not self.published:
            return {}
        if row.measure != next(iter(self.measures)):
            return {"std": None, "published": None, "published_std": None}
        other = self.published_of(row.arm, row.data)
        figures = (other.value, other.std) if other else (None, None)
        return {
            "std": self.std(row.arm, row.data),
            **dict(zip(("published", "published_std"), figures, strict=True)),
        }


def study_path(name: str) -> Path:
    """Where the table of the study ``name`` is stored."""
    return settings().checkpoints / "studies" / f"{name}.json"


def read_study(name: str) -> StudyResult:
    """The stored table of the study ``name``.

    Raises:
        StudyMissing: there is none, or its file does not fit the schema.
    """
    path = study_path(name)
    try:
        return StudyResult.model_validate_json(read_text(path))
    except FileNotFoundError as error:
        raise StudyMissing(
            f"there is no studies/{path.name} among the checkpoints: "
            f"`python -m core bench {name}` computes it"
        ) from error
    except (ValidationError, FileError) as error:
        raise StudyMissing(
            f"studies/{path.name} is damaged ({complaint(error)}): "
            f"`python -m core bench {name} --force` computes it again"
        ) from error


def write_study(result: StudyResult) -> None:
    """Store a table, whole or not at all.

    Raises:
        FileError: it cannot be written.
    """
    path = study_path(result.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, result.model_dump_json(indent=1) + "\n")
