"""The verbs of the command line. Each is a function that the pages share, and prints its answer.

Errors are one line on standard error and exit status 2. Files that cannot be read are named and
passed over: exit status 1 if there was one, 2 if nothing could be read.
"""

from __future__ import annotations

import typer

from core.verbs.checking import check
from core.verbs.evaluating import evaluate
from core.verbs.explaining import explain
from core.verbs.founding import new
from core.verbs.listing import bench, scenarios
from core.verbs.scoring import score
from core.verbs.training import train

__all__ = ["app"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Outskirts on the command line. A target looks like fashion/glow.",
)
for verb in (scenarios, new, score, explain, evaluate, train, check, bench):
    app.command()(verb)
