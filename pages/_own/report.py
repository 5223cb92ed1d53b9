"""What is taken away of many images: a report in one file, and a table."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

from core.service import (
    Overview,
    Report,
    Reported,
    ReportEntry,
    report_csv,
    report_html,
    report_of,
)
from pages._own.line import Drawn
from pages._own.table import Judged
from pages._own.work import Work
from pages._shared import controls, notebook
from pages._shared.controls import File

__all__ = ["downloads", "maker"]

HELP = (
    "One file that opens in any browser and asks nothing of anybody: every image with what each "
    "detector says, maps of the strangest, the threshold in words and numbers, how many false alarms "
    "to expect, what could not be read, versions and hashes."
)


def downloads(overview: Overview, brought: Work, judged: Judged, drawn: Drawn) -> None:
    """Report and table to take away, at the visitor's threshold; made when they are asked for."""
    what = about(overview, brought, drawn, judged=judged)
    made, numbers = (maker(what, brought, judged, maps=maps) for maps in (True, False))
    stem = f"{overview.scenario.name}-report"
    controls.downloads(
        File("Report (HTML)", f"{stem}.html", lambda: report_html(made()), HELP),
        File("All numbers (CSV)", f"{stem}.csv", lambda: report_csv(numbers())),
    )


def about(overview: Overview, brought: Work, drawn: Drawn, *, judged: Judged) -> Reported:
    """What a report is about, beside the images."""
    line, held = drawn.line, notebook.contents()
    return Reported(
        scenario=overview.scenario.name,
        threshold=line.threshold,
        date=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        strange=drawn.strange,
        errors=[
            *((item.id, item.error) for item in brought.errors),
            *_rest(overview, brought, judged),
        ],
        prevalence=line.prevalence,
        miss_cost=line.costs.miss,
        alarm_cost=line.costs.alarm,
        tags=held.tags.get(overview.scenario.name, {}),
        lines=[note.text for note in held.lines],
    )


def _rest(overview: Overview, brought: Work, judged: Judged) -> list[tuple[str, str]]:
    """What is not judged yet, or never, where it was stopped: a line as of what could not be read."""
    done = brought.progress(overview.scenario.name, judged.models)
    count = judged.batch.count
    if done.exact and done.known <= count:
        return []
    known = f"{done.known:,} images" if done.exact else f"more than {done.known:,} images"
    return [("The rest", f"left out: {count:,} of {known} were judged when this was made")]


def maker(
    what: Reported, brought: Work, judged: Judged, *, maps: bool = True
) -> Callable[[], Report]:
    """Makes the report on what is judged so far, once; in a thread without session.

    Args:
        maps: whether the strangest are explained, which takes long and no table needs.
    """
    items = brought.seen[: judged.batch.count]

    @cache
    def made() -> Report:
        entries = [
            ReportEntry.of(item.id, image, notes=notes.notes, warnings=notes.warnings)
            for item, image in zip(items, judged.pictures, strict=True)
            if (notes := item.picture) is not None
        ]
        held = entries if maps else [entry.without_image() for entry in entries]
        return report_of(what, held, batch=judged.batch)

    return made
