"""Training of models that a scenario describes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal

import typer

from core import service
from core.console import bar, note, numbers, say
from core.errors import OutskirtsError
from core.numerals import counted
from core.service import Target, parse_target
from core.verbs.arguments import TargetArgument

__all__ = ["train"]

Device = Literal["auto", "cpu", "cuda", "mps"]
MinutesOption = Annotated[
    float | None,
    typer.Option(min=0.01, help="Training time; scenario.json has the default, or epochs."),
]
NodesOption = Annotated[
    int,
    typer.Option(min=1, help="Hosts, each running this command with MASTER_ADDR, NODE_RANK."),
]


def train(
    target: TargetArgument,
    minutes: MinutesOption = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; may be repeated."),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew instead of going on with the last run.")
    ] = False,
    keep_weights: Annotated[
        bool,
        typer.Option("--keep-weights", help="Train nothing: measure the weights that are there."),
    ] = False,
    atlas_only: Annotated[
        bool,
        typer.Option("--atlas-only", help="Only map the codes of the weights that are there."),
    ] = False,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch missing training data into OUTSKIRTS_DATA.")
    ] = False,
    devices: Annotated[int, typer.Option(min=1, help="Processes or accelerators of a host.")] = 1,
    nodes: NodesOption = 1,
    device: Annotated[
        Device, typer.Option(help="Kind of accelerator to train on; scoring is on the CPU.")
    ] = "auto",
) -> None:
    """Train; write weights, card and reference scores. An interrupted training goes on."""
    if minutes is not None and not math.isfinite(minutes):
        raise OutskirtsError(f"--minutes must be a finite number, got {minutes}")
    settings, chosen = _settings(changes or []), _all_of(parse_target(target))
    if atlas_only:
        if restart or keep_weights or minutes or changes:
            raise OutskirtsError("--atlas-only changes nothing else: give it alone")
        _each(chosen, _renew_atlas)
        return
    how: dict[str, Any] = {"restart": restart, "keep_weights": keep_weights}
    how |= {"minutes": minutes, "download": download}
    how |= {"devices": devices, "nodes": nodes, "device": device}
    _each(chosen, partial(_train_one, changes=settings, **how))


def _all_of(target: Target) -> list[Target]:
    """A model; or of a detector in a scenario of several variants, what they ask, and each."""
    variants = service.variants_of(target)
    return variants if target in variants else [*service.shared_of(target), *variants]


def _each(targets: Sequence[Target], work: Callable[[Target], None]) -> None:
    """Do some work for each target, named where there are several."""
    for target in targets:
        if len(targets) > 1:
            note(f"{target}:")
        work(target)


def _train_one(
    target: Target, *, changes: Mapping[str, Any], minutes: float | None, **options: Any
) -> None:
    from core.train.run import Watcher, settings_of
    from core.train.run import train as run

    scenario = target.world
    training = settings_of(scenario, target.stem, changes, minutes)
    with bar() as (step, stage):
        card = run(
            scenario,
            target.stem,
            training=training,
            watcher=Watcher(step=step, stage=stage),
            **options,
        )
    if card is None:  # not the first process
        return
    trained = card.training
    if trained.steps:
        skipped = counted(trained.skipped_steps, "step")
        say(f"{target}: {counted(trained.images, 'image')}, {skipped} skipped")
    else:
        fitted = counted(card.data.images, "image")
        say(f"{target}: fitted to {fitted}; it has no weights to train")
    say(f"score: {card.score.part}. {card.score.why}")
    for name, parts in card.metrics.items():
        auroc, interval, *_ = numbers(parts[card.score.part])
        say(f"{name}: AUROC {auroc} ({interval})")


def _renew_atlas(target: Target) -> None:
    from core.train.maps import renew

    scenario = target.world
    training = scenario.training_of(target.stem)
    with bar() as (_, stage):
        found = renew(scenario, target.stem, training, stage=stage)
    if found is None:
        raise OutskirtsError(f"{target} has no codes to map")
    for name, layout in found.layouts.items():
        say(
            f"{name}: {len(found)} images, trustworthiness {layout.trustworthiness:.3f}, "
            f"of normal images it never saw {layout.landing.normal_trust:.3f}"
        )


def _settings(texts: Iterable[str]) -> dict[str, Any]:
    changes = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise OutskirtsError(f"--set takes KEY=VALUE, got {text!r}")
        changes[key] = _setting(key, value)
    return changes


def _setting(key: str, text: str) -> Any:
    """The value of a setting: JSON, or the text itself.

    Raises:
        OutskirtsError: what no setting can mean: a number that is not finite or has hundreds of
            digits, lists in lists in lists.
    """
    value = _read(key, text)
    try:
        finite = math.isfinite(float(value))
    except (TypeError, ValueError):  # no number
        return value
    except OverflowError as error:
        raise OutskirtsError(f"--set {key} is too large: {_start(text)}") from error
    if not finite:  # of "nan" too: settings are read as leniently
        raise OutskirtsError(f"--set {key} must be finite, got {_start(text)}")
    return value


def _read(key: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
    except ValueError as error:  # more digits than Python reads
        raise OutskirtsError(f"--set {key} is too large: {_start(text)}") from error
    except RecursionError as error:
        raise OutskirtsError(f"--set {key} is nested too deeply: {_start(text)}") from error


def _start(text: str) -> str:
    return text if len(text) <= 30 else f"{text[:30]}…"
