"""Arguments that several verbs take."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["RENAMED", "JsonOption", "TargetArgument"]

RENAMED = {"--anew": "--force", "--beside": "--compare-with"}  # refused, with the new name

TargetArgument = Annotated[str, typer.Argument(metavar="SCENARIO/DETECTOR[.VARIANT]")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
