"""Numbers of the user's images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from core import service
from core.console import note, say_json
from core.errors import OutskirtsError
from core.service import Scored, parse_target
from core.verbs.arguments import TargetArgument
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
    bf16: Annotated[
        bool, typer.Option("--bf16", help="Faster and less exact: bfloat16 coupling networks.")
    ] = False,
) -> None:
    """Score images, folders (recursive) and .npy or .npz arrays of (N, H, W[, C]) uint8."""
    write = writer(out_file)
    chosen = parse_target(target)
    kept: list[dict[str, Any]] = []  # for a file alone: what is printed is not held
    scored = failed = 0
    # Paths as they were typed: an empty one, of a variable that is not set, is no folder.
    for found in service.score(chosen, paths, bf16=bf16, say=note):
        if found.error:
            failed += 1
            note(f"{found.image}: {found.error}")
            continue
        if found.notes:
            note(f"{found.image}: {'; '.join(found.notes)}")
        for warning in found.warnings:
            note(f"{found.image}: warning: {warning}")
        scored += 1
        row = _row(found, parts=parts)
        if out_file is None:
            say_json(row)
        else:
            kept.append(row)
    if not scored:
        raise OutskirtsError("nothing could be read")
    write(kept)
    if failed:
        raise typer.Exit(1)


def _row(scored: Scored, *, parts: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "image": scored.image,
        "score": scored.score,
        "percentile": scored.percentile,
    }
    if parts:
        row |= {"parts": scored.parts, "part_percentiles": scored.part_percentiles}
    return row
