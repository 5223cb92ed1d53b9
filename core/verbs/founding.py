"""A scenario of a user's own folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.answers.scoring import counted_notes, counted_warnings
from core.console import note, say, spinner
from core.errors import OutskirtsError
from core.founding import Founded, Wishes, found_scenario

__all__ = ["new"]


def new(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and hyphens.")],
    normal: Annotated[Path, typer.Option(metavar="DIR", help="Normal images.")],
    strange: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Strange images; a folder in it for each kind."),
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A mask for each strange image, called as it is."),
    ] = None,
    size: Annotated[
        str, typer.Option(metavar="SIDE", help="Longer side in pixels, or HEIGHTxWIDTH.")
    ] = "",
    grey: Annotated[bool, typer.Option("--grey", help="Pictures are grey.")] = False,
    colour: Annotated[bool, typer.Option("--colour", help="Pictures are in colours.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Draws the splits.")] = 0,
    title: Annotated[str, typer.Option(help="On pages; the name without it.")] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Replace a scenario made so before, with its models.")
    ] = False,
) -> None:
    """Make a scenario of your own folders: images are copied, splits drawn, all of it said.

    Exit status 1: the scenario is made, but some files could not be read; they are named.
    """
    if grey and colour:
        raise OutskirtsError("pictures are either --grey or --colour")
    wishes = Wishes(size, colour if grey or colour else None, seed, title)
    with spinner() as tell:
        made = found_scenario(name, normal, strange, masks, wishes=wishes, force=force, watch=tell)
    for line in made.lines:
        say(line)
    for line in _notes(made):
        note(line)
    say(f"scenario {made.name} is made. Now train it: python -m core train {made.name}/novelty")
    if made.left_out:
        raise typer.Exit(1)


def _notes(made: Founded) -> list[str]:
    """What was passed over, what models will see of the rest, and what could not be read."""
    seen = made.seen
    done = counted_notes(seen.done, seen.images)
    warned = counted_warnings(seen.warnings, seen.images)
    return [*made.notes, *done, *warned, *(f"{file}: {why}" for file, why in made.left_out)]
