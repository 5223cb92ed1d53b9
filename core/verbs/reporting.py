"""The report of the command line: the pages' own, on what was scored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from core.answers.own import scores_of_parts
from core.errors import OutskirtsError
from core.files import check_writable, write_whole
from core.service import (
    Batch,
    Reported,
    ReportEntry,
    Scored,
    Target,
    Threshold,
    report_html,
    report_of,
)

__all__ = ["AlarmsOption", "PrevalenceOption", "ReportOption", "ThresholdOption", "reporter"]

ReportOption = Annotated[
    Path | None, typer.Option("--report", help="Write a report, .html, that stands alone.")
]
ThresholdOption = Annotated[
    float | None, typer.Option("--threshold", help="It flags above this percentile: 95.")
]
AlarmsOption = Annotated[
    float | None, typer.Option("--false-alarms", help="Or: it flags this share of normal images.")
]
PrevalenceOption = Annotated[
    float | None, typer.Option("--prevalence", help="Share of strange images expected: 0.01.")
]

HELD = 4_000  # images, at most: of more, those that are least strange lose their pixels
SHOWN = 2_000


class Nothing:
    """Where no report is asked for."""

    def add(self, scored: Scored) -> None:
        """Nothing is kept of what was scored."""

    def write(self) -> None:
        """Nothing is written."""


class Reporter(Nothing):
    """What was scored, until it is a report at a path on a target.

    Args:
        about: which threshold, and what is expected.
    """

    def __init__(self, path: Path, target: Target, about: Reported) -> None:
        self.path, self.target, self.about = path, target, about
        self.entries: list[ReportEntry] = []
        self.parts: list[Mapping[str, float]] = []
        self.strangeness: list[tuple[float, float]] = []  # percentile, score
        self.errors: list[tuple[str, str]] = []
        self.held: list[int] = []  # whose pixels are kept

    def add(self, scored: Scored) -> None:
        """Keep what was scored; the pixels of only so many images."""
        if scored.pixels is None or scored.parts is None:
            self.errors.append((scored.image, scored.error))
            return
        said = {"notes": scored.notes, "warnings": scored.warnings}
        self.entries.append(ReportEntry.of(scored.image, scored.pixels, **said))
        self.parts.append(scored.parts)
        self.strangeness.append((scored.percentile, scored.score))
        self.held.append(len(self.entries) - 1)
        if len(self.held) > HELD:
            self._let_go()

    def _let_go(self) -> None:
        """Keep the strangest as `strangest_first` has them; who was let go of never comes back."""
        standing, score = np.array([self.strangeness[i] for i in self.held]).T
        order = np.lexsort((self.held, -score, -standing))
        for place in order[SHOWN:]:
            i = self.held[place]
            self.entries[i] = self.entries[i].without_image()
        self.held = sorted(self.held[place] for place in order[:SHOWN])

    def write(self) -> None:
        """Write the report, whole or not at all.

        Raises:
            OutskirtsError: it cannot be made or written.
        """
        names = self.parts[0]
        parts = {k: np.array([p[k] for p in self.parts], np.float32) for k in names}
        scores = scores_of_parts(self.target, parts)
        batch = Batch({self.target.stem: scores}, len(self.entries))
        about = self.about.with_errors(self.errors)
        write_whole(self.path, report_html(report_of(about, self.entries, batch=batch)))


def reporter(
    path: Path | None,
    target: Target,
    *,
    at: tuple[float | None, float | None],
    prevalence: float | None,
) -> Nothing:
    """What makes a report on a target at a path; that all of it can be is found out before work.

    Args:
        at: above which percentile images are flagged, or which share of normal ones is.
        prevalence: of strange images, expected.

    Raises:
        OutskirtsError: it could not be made or written.
    """
    given = {"--threshold": at[0], "--false-alarms": at[1], "--prevalence": prevalence}
    if path is None:
        if named := [name for name, value in given.items() if value is not None]:
            raise OutskirtsError(f"{', '.join(named)} says something of a --report only")
        return Nothing()
    if path.suffix.lower() not in (".html", ".htm"):
        raise OutskirtsError(f"'{path}' must end in .html")
    if not path.parent.is_dir():
        raise OutskirtsError(f"there is no folder {path.parent}")
    check_writable(path)
    about = Reported(
        scenario=target.world.name,
        threshold=_threshold(*at),
        date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        prevalence=0.01 if prevalence is None else prevalence,
    )
    _ = about.terms  # refuses a prevalence that is none
    return Reporter(path, target, about)


def _threshold(percentile: float | None, alarms: float | None) -> Threshold:
    if percentile is not None and alarms is not None:
        raise OutskirtsError("--threshold or --false-alarms: each says where flagging begins")
    try:
        if alarms is not None:
            return Threshold("alarms", alarms)
        return Threshold("percentile", 95.0 if percentile is None else percentile)
    except ValueError as error:
        raise OutskirtsError(str(error)) from error
