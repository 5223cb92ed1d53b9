"""``score --ray``: the same numbers by many processes, into a folder of parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core import scale
from core.console import bar, note, say
from core.errors import OutskirtsError
from core.numerals import counted
from core.service import Target

__all__ = ["RayOption", "WorkersOption", "score_by_ray"]

FILES = (".csv", ".parquet", ".json", ".jsonl", ".html", ".htm")  # no folder is called so

RayOption = Annotated[
    str | None,
    typer.Option("--ray", metavar="HOST:PORT|local", help="Score by workers of Ray Data."),
]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, help="Of --ray: how many, a CPU each; without it, all.")
]


def score_by_ray(
    target: Target,
    paths: list[str],
    out: Path | None,
    where: tuple[str, int | None],
    *,
    parts: bool,
    bf16: bool,
) -> None:
    """Score what lies at paths and addresses with a target, into a folder, out.

    Args:
        where: the workers' address, and how many of them.
        parts: whether every part of the score is written; bf16: as `core.answers.scoring.score`.

    Raises:
        OutskirtsError: nothing could be read, or what `core.scale.score` raises.
    """
    folder = _folder(out)
    how = {"parts": parts, "bf16": bf16}
    with bar() as (step, stage):
        stage("starting workers")
        found = scale.score(
            target,
            paths,
            folder,
            cluster=lambda: scale.cluster(*where),
            watch=step,
            say=note,
            **how,
        )
    if not found.images:
        raise OutskirtsError("nothing could be read")
    images, files = counted(found.images, "image"), counted(found.portions, "file")
    say(f"{folder}: {images} in {files}, {found.failed:,} not read")
    if found.failed:
        raise typer.Exit(1)


def _folder(out: Path | None) -> Path:
    """Where the table belongs; `core.scale.score` refuses what is there already and is no table."""
    if out is None:
        raise OutskirtsError("--ray writes a folder of parquet files: name it by --out FOLDER")
    if out.suffix.lower() in FILES and not out.is_dir():
        raise OutskirtsError(
            f"--ray writes a folder of parquet files, and {out} is called as a file is: name a "
            "folder by --out FOLDER"
        )
    return out
