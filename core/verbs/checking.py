"""Whether this installation works, a line a thing: for health checks and for a first look."""

from __future__ import annotations

from typing import Annotated

import typer

from core.answers.installation import Checked, check_installation, check_server
from core.console import say, say_json
from core.errors import OutskirtsError
from core.verbs.arguments import JsonOption

__all__ = ["check"]


def check(
    every: Annotated[
        bool, typer.Option("--all", help="Ask every model for its goldens: minutes.")
    ] = False,
    server: Annotated[
        str | None, typer.Option("--server", metavar="URL", help="Ask this server, too.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check that scenarios, weights and golden scores are as they should be; exit status 0 or 2."""
    results: list[Checked] = []

    def add(checked: Checked) -> None:
        results.append(checked)
        if not as_json:
            say(f"{'ok   ' if checked.ok else 'FAULT'} {checked.what}: {_line(checked.text)}")

    if server is not None:
        add(check_server(server))
    for checked in check_installation(every=every):
        add(checked)
    faults = [checked.what for checked in results if not checked.ok]
    if as_json:
        say_json({"ok": not faults, "checks": [c.as_dict() for c in results]}, indent=1)
    if faults:
        raise OutskirtsError(f"{len(faults)} of {len(results)} checks failed: {', '.join(faults)}")


def _line(text: str) -> str:
    return " ".join(text.split())
