"""Arguments that several verbs take."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["JsonOption", "TargetArgument"]

TargetArgument = Annotated[str, typer.Argument(metavar="SCENARIO/DETECTOR[.VARIANT]")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
