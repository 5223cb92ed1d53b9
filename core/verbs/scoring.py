"""Numbers of the user's images, and a report on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from core import service
from core.console import note, say_json
from core.errors import OutskirtsError
from core.service import Scored, parse_target
from core.verbs.arguments import TargetArgument
from core.verbs.reporting import (
    AlarmsOption,
    PrevalenceOption,
    ReportOption,
    ThresholdOption,
    reporter,
)
from core.verbs.rows import writer

__all__ = ["score"]


def score(
    target: TargetArgument,
    paths: Annotated[list[str], typer.Argument(metavar="PATH...")],
    parts: Annotated[
        bool, typer.Option("--parts", help="Add every part and its percentile.")
    ] = False,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="Write .jsonl, .csv or .parquet.")
    ] = None,
    report_file: ReportOption = None,
    threshold: ThresholdOption = None,
    false_alarms: AlarmsOption = None,
    prevalence: PrevalenceOption = None,
    bf16: Annotated[
        bool, typer.Option("--bf16", help="Faster and less exact: bfloat16 coupling networks.")
    ] = False,
) -> None:
    """Score images, zips, folders (recursive) and .npy or .npz arrays of (N, H, W[, C]) uint8."""
    write, chosen = writer(out_file), parse_target(target)
    report = reporter(report_file, chosen, at=(threshold, false_alarms), prevalence=prevalence)
    kept: list[dict[str, Any]] = []  # for a file alone: what is printed is not held
    scored = failed = 0
    # Paths as they were typed: an empty one, of a variable that is not set, is no folder.
    for found in service.score(chosen, paths, bf16=bf16, say=note):
        report.add(found)
        _tell(found)
        if found.error:
            failed += 1
            continue
        scored += 1
        if out_file is None:
            say_json(_row(found, parts=parts))
        else:
            kept.append(_row(found, parts=parts))
    if not scored:
        raise OutskirtsError("nothing could be read")
    write(kept)
    report.write()
    if failed:
        raise typer.Exit(1)


def _tell(scored: Scored) -> None:
    """What was done to a file, or why it was not read, on standard error."""
    if scored.error:
        note(f"{scored.image}: {scored.error}")
    if scored.notes:
        note(f"{scored.image}: {'; '.join(scored.notes)}")
    for warning in scored.warnings:
        note(f"{scored.image}: warning: {warning}")


def _row(scored: Scored, *, parts: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "image": scored.image,
        "score": scored.score,
        "percentile": scored.percentile,
    }
    if parts:
        row |= {"parts": scored.parts, "part_percentiles": scored.part_percentiles}
    return row
