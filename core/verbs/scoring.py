"""Numbers of the user's images, and a report on them."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from core import service
from core.answers.scoring import scored_row
from core.console import note, note_watched, say_json, spinner
from core.errors import OutskirtsError
from core.numerals import counted
from core.service import Scored, Target, parse_target
from core.verbs.arguments import TargetArgument
from core.verbs.reporting import (
    AlarmsOption,
    Nothing,
    PrevalenceOption,
    ReportOption,
    ThresholdOption,
    reporter,
)
from core.verbs.rows import writer
from core.verbs.scaling import RayOption, WorkersOption, score_by_ray

__all__ = ["score"]

PartsOption = Annotated[bool, typer.Option("--parts", help="Add every part and its percentile.")]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="Write .jsonl, .csv or .parquet; with --ray, a folder."),
]
Bf16Option = Annotated[
    bool, typer.Option("--bf16", help="Faster and less exact: bfloat16 coupling networks.")
]


def score(
    target: TargetArgument,
    paths: Annotated[list[str], typer.Argument(metavar="PATH...")],
    parts: PartsOption = False,
    out_file: OutOption = None,
    report_file: ReportOption = None,
    threshold: ThresholdOption = None,
    false_alarms: AlarmsOption = None,
    prevalence: PrevalenceOption = None,
    bf16: Bf16Option = False,
    ray: RayOption = None,
    workers: WorkersOption = None,
) -> None:
    """Score images, zips, folders (recursive) and .npy or .npz arrays of (N, H, W[, C]) uint8."""
    about = (report_file, threshold, false_alarms, prevalence)
    if ray is not None:
        if any(option is not None for option in about):
            raise OutskirtsError("--report and its options are of scoring without --ray")
        where = (ray, workers)
        score_by_ray(parse_target(target), paths, out_file, where, parts=parts, bf16=bf16)
        return
    if workers is not None:
        raise OutskirtsError("--workers is of --ray alone: give --ray local")
    write, chosen = writer(out_file), parse_target(target)
    at = (threshold, false_alarms)
    report = reporter(report_file, chosen, at=at, prevalence=prevalence)
    kept = None if out_file is None else list[dict[str, Any]]()
    scored, failed = _score(chosen, paths, report, kept, parts=parts, bf16=bf16)
    write(kept or [])
    if report_file is not None:
        with spinner() as tell:
            tell(f"making a report on {counted(scored, 'image')}")
            report.write()
    for file in filter(None, (out_file, report_file)):
        note_watched(f"{file}: {counted(scored, 'image')}, {failed:,} not read")
    if failed:
        raise typer.Exit(1)


def _score(
    target: Target,
    paths: list[str],
    report: Nothing,
    kept: list[dict[str, Any]] | None,
    *,
    parts: bool,
    bf16: bool,
) -> tuple[int, int]:
    """Score and print, or keep, what is read: what is printed is not held.

    How many were scored, and how many were not read.
    """
    scored = failed = 0
    # A spinner takes over standard output: where lines are printed, these say how far it is.
    with nullcontext(_unseen) if kept is None else spinner() as tell:
        # Paths as they were typed: an empty one, of a variable that is not set, is no folder.
        for found in service.score(target, paths, bf16=bf16, say=note):
            report.add(found)
            _tell(found)
            if found.error:
                failed += 1
                continue
            scored += 1
            tell(f"{counted(scored, 'image')} scored")
            row = scored_row(found, parts=parts)
            if kept is None:
                say_json(row)
            else:
                kept.append(row)
    if not scored:
        raise OutskirtsError("nothing could be read")
    return scored, failed


def _unseen(text: str) -> None:
    """How far it is, where each line that is printed says so."""


def _tell(scored: Scored) -> None:
    """What was done to a file, or why it was not read, on standard error."""
    if scored.error:
        note(f"{scored.image}: {scored.error}")
    if scored.notes:
        note(f"{scored.image}: {'; '.join(scored.notes)}")
    for warning in scored.warnings:
        note(f"{scored.image}: warning: {warning}")
