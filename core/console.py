"""How verbs speak: lines, tables, files of rows, progress on standard error.

What others named (files, sets, scenarios) is never read as markup and cannot steer the terminal.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from core.errors import OutskirtsError
from core.evaluate.metrics import Mean, Metrics
from core.printable import printable

__all__ = [
    "ReaderGone",
    "bar",
    "note",
    "note_watched",
    "notes",
    "numbers",
    "printable",
    "say",
    "say_json",
    "show",
    "spinner",
]

UNFOLDED = 10_000  # columns; a table is as wide as what it holds


class ReaderGone(Exception):
    """Whoever reads our output has seen enough. No OSError: typer ends with 1 at those."""


class _Plain(Console):
    """A console that takes no text for markup."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def on_broken_pipe(self) -> None:
        raise ReaderGone  # rich itself would exit with 1


notes = _Plain(stderr=True, soft_wrap=True)


def note(text: str) -> None:
    """A text as a line on standard error."""
    notes.print(printable(text))


def note_watched(text: str) -> None:
    """A text as a line on standard error where that is a terminal: elsewhere success is silent."""
    if notes.is_terminal:
        note(text)


def say(text: str) -> None:
    """A text as a line on standard output."""
    with _standard_output():
        typer.echo(printable(text))


def say_json(found: object, *, indent: int | None = None) -> None:
    """What was found as JSON on standard output, all ASCII whatever it holds.

    It is one line, or many with an indent of so many spaces.
    """
    with _standard_output():
        typer.echo(json.dumps(found, indent=indent))


def show(table: RenderableType) -> None:
    """A table on standard output: folded to a terminal's width, and not at all in a pipe."""
    folded = sys.stdout is not None and sys.stdout.isatty()
    console = _Plain(width=None if folded else UNFOLDED)
    with _standard_output():
        console.print(table)


@contextmanager
def _standard_output() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderGone from error
    except OSError as error:
        raise OutskirtsError(
            f"standard output cannot be written: {error.strerror or error}"
        ) from error


def numbers(m: Metrics | Mean) -> tuple[str, str, str, str]:
    """AUROC, its interval, AUPR and FPR at 95 % TPR of figures `m` in words."""
    interval = f"{m.low:.4f} to {m.high:.4f}" if m.has_interval else "no interval"
    return f"{m.auroc:.4f}", interval, f"{m.aupr:.4f}", f"{m.fpr95:.4f}"


@contextmanager
def spinner() -> Iterator[Callable[[str], None]]:
    """A spinner on standard error during work: what to call with a text that says how far it is."""
    with notes.status("") as status:
        yield lambda text: status.update(Text(printable(text)))


@contextmanager
def bar() -> Iterator[tuple[Callable[[Any], None], Callable[[str], None]]]:
    """A progress bar on standard error: what to call at each step, and at each stage.

    Where standard error is a file, a line every half minute takes its place.
    """
    if not notes.is_terminal:
        yield _lines()
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=notes) as progress:
        task = progress.add_task("", total=1.0)

        def step(progress: Any) -> None:
            progress.update(
                task, completed=progress.share, description=f"{progress.phase}: {_terms(progress)}"
            )

        def stage(text: str) -> None:
            progress.update(task, description=printable(text))

        yield step, stage


def _lines() -> tuple[Callable[[Any], None], Callable[[str], None]]:
    last = [0.0]

    def step(progress: Any) -> None:
        if time.monotonic() - last[0] > 30:
            last[0] = time.monotonic()
            where = f"{progress.share:.1%} of {progress.phase}, {progress.images} images"
            note(f"{where}: {_terms(progress)}")

    return step, note


def _terms(progress: Any) -> str:
    """The last value of each loss term, without the player's name."""
    return " ".join(f"{k.partition('/')[2]} {v:.3f}" for k, v in progress.terms.items())
