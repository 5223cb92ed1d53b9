"""How verbs speak: files of numbers, rows of tables, progress on standard error."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from core.errors import OutskirtsError
from core.evaluate.metrics import Mean, Metrics

__all__ = ["bar", "notes", "numbers", "out", "spinner", "writer"]

notes = Console(stderr=True, highlight=False, soft_wrap=True)
out = Console(highlight=False)


def writer(path: Path | None) -> Callable[[list[dict[str, Any]]], None]:
    """What writes rows to a file of that ending; checked before any work is done."""
    if path is None:
        return lambda rows: None
    writers = {".jsonl": _write_jsonl, ".csv": _write_csv, ".parquet": _write_parquet}
    if path.suffix not in writers:
        raise OutskirtsError(f"{path.name} must end in {', '.join(writers)}")
    if not path.parent.is_dir():
        raise OutskirtsError(f"there is no folder {path.parent}")
    return lambda rows: writers[path.suffix](path, rows)


def _write_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    flat = [_flat(row) for row in rows]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, flat[0])
        writer.writeheader()
        writer.writerows(flat)


def _write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    import pandas

    pandas.DataFrame([_flat(row) for row in rows]).to_parquet(path)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """One level of keys: parts.total, part_percentiles.total."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}.{inner}": v for inner, v in value.items()}
        else:
            flat[key] = value
    return flat


def numbers(m: Metrics | Mean) -> tuple[str, str, str, str]:
    return f"{m.auroc:.4f}", f"{m.low:.4f} to {m.high:.4f}", f"{m.aupr:.4f}", f"{m.fpr95:.4f}"


@contextmanager
def spinner() -> Iterator[Callable[[str], None]]:
    with notes.status("") as status:
        yield lambda text: status.update(text)


@contextmanager
def bar() -> Iterator[tuple[Callable[[Any], None], Callable[[str], None]]]:
    """A progress bar on standard error: what to call at each step, and at each stage.

    Where standard error is a file, a line every half minute takes its place.
    """
    if not notes.is_terminal:
        yield _lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=notes) as progress:
        task = progress.add_task("", total=1.0)

        def step(moment: Any) -> None:
            progress.update(
                task, completed=moment.progress, description=f"{moment.phase}: {_terms(moment)}"
            )

        def stage(text: str) -> None:
            progress.update(task, description=text)

        yield step, stage


def _lines() -> tuple[Callable[[Any], None], Callable[[str], None]]:
    last = [0.0]

    def step(moment: Any) -> None:
        if time.monotonic() - last[0] > 30:
            last[0] = time.monotonic()
            where = f"{moment.progress:.1%} of {moment.phase}, {moment.images} images"
            notes.print(f"{where}: {_terms(moment)}")

    return step, notes.print


def _terms(moment: Any) -> str:
    """The last value of each loss term, without the player's name."""
    return " ".join(f"{k.partition('/')[2]} {v:.3f}" for k, v in moment.terms.items())
