"""What there is, and how fast the project itself is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from core import service
from core.console import note, notes, say, say_json, show, spinner
from core.errors import OutskirtsError
from core.settings import settings
from core.verbs.arguments import JsonOption

__all__ = ["bench", "scenarios"]


def scenarios(as_json: JsonOption = False) -> None:
    """List scenarios, their detectors and variants."""
    found = service.scenarios()
    if not found:
        raise OutskirtsError(
            f"there is no scenario in {settings().checkpoints}; "
            "OUTSKIRTS_CHECKPOINTS is the folder that is looked in"
        )
    if as_json:
        say_json(found, indent=1)
    broken = [row for row in found if "error" in row]
    for row in found:
        if "error" in row:
            note(f"{row['scenario']}: {row['error']}")
        elif not as_json:
            _say_scenario(row)
    if broken:
        raise typer.Exit(1)


def _say_scenario(row: Mapping[str, Any]) -> None:
    say(f"{row['scenario']}: {row['title']}. {row['question']}")
    say(f"  normal: {row['normal']}; strange: {', '.join(row['strange']) or 'none'}")
    if row.get("others"):
        say("  also: " + ", ".join(f"{name} ({role})" for name, role in row["others"].items()))
    say(f"  detectors: {', '.join(row['detectors']) or 'none trained'}")
    if row["models"] != row["detectors"]:
        say(f"  models: {', '.join(row['models'])}")
    if row["variants"]:
        say(f"  variants: {', '.join(row['variants'])}")
    for detector, shares in row.get("shares", {}).items():
        say(f"  shares of known anomalies: {detector} {', '.join(shares)} %")
    if row.get("shared"):
        say(f"  asked by every variant: {', '.join(row['shared'])}")


def bench(
    name: Annotated[
        str | None, typer.Argument(help="One benchmark or study; all without it.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Compute the study, such as outskirts, in any case.")
    ] = False,
    more: Annotated[
        bool, typer.Option("--more", help="With the study's cells that are computed on demand.")
    ] = False,
    minutes: Annotated[
        float | None, typer.Option("--minutes", help="Of bench crowd: how long; 10.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the project's own benchmarks; figures, no verdict. Best with nothing else running."""
    from core import bench as benches
    from core.bench._tables import study_table, times_table

    with spinner() as tell:  # a study takes long: a log is told how far it came
        figures = benches.run(
            name,
            force=force,
            more=more,
            minutes=minutes,
            watch=tell if notes.is_terminal else note,
        )
    for text in figures.missing:
        note(text)
    if as_json:
        say_json(figures.as_dicts(), indent=1)
        return
    if figures.rows:
        show(times_table(figures.rows))
    for result in figures.studies:
        show(study_table(result))
