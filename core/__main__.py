"""The command line: ``python -m core VERB``. Every verb is a function that the pages share.

Errors are one line on standard error and exit status 2. Files that cannot be read are named and
passed over: exit status 1 if there was one, 2 if nothing could be read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from core import service
from core.console import bar, notes, numbers, out, spinner, writer
from core.errors import OutskirtsError
from core.service import PairQuery, Scored, Target, parse_target

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Outskirts on the command line. A target looks like fashion/glow.",
)

TargetArgument = Annotated[str, typer.Argument(metavar="SCENARIO/DETECTOR[.VARIANT]")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def scenarios(as_json: JsonOption = False) -> None:
    """List scenarios, their detectors and variants."""
    found = service.scenarios()
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    for row in found:
        if "error" in row:
            notes.print(f"{row['scenario']}: {row['error']}", markup=False)
            continue
        typer.echo(f"{row['scenario']}: {row['title']}. {row['question']}")
        typer.echo(f"  normal: {row['normal']}; strange: {', '.join(row['strange'])}")
        typer.echo(f"  detectors: {', '.join(row['detectors']) or 'none trained'}")
        if row["models"] != row["detectors"]:
            typer.echo(f"  models: {', '.join(row['models'])}")
        if row["variants"]:
            typer.echo(f"  variants: {', '.join(row['variants'])}")


@app.command()
def score(
    target: TargetArgument,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...")],
    parts: Annotated[
        bool, typer.Option("--parts", help="Add every part and its percentile.")
    ] = False,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="Write .jsonl, .csv or .parquet.")
    ] = None,
    bf16: Annotated[
        bool, typer.Option("--bf16", help="Faster and less exact: bfloat16 coupling networks.")
    ] = False,
) -> None:
    """Score images, folders (recursive) and .npy or .npz arrays of (N, H, W[, C]) uint8."""
    write = writer(out_file)
    chosen = parse_target(target)
    failed, rows = 0, []
    for scored in service.score(chosen, paths, bf16=bf16):
        if scored.error:
            failed += 1
            notes.print(f"{scored.image}: {scored.error}", markup=False)
            continue
        if scored.notes:
            notes.print(f"{scored.image}: {'; '.join(scored.notes)}", markup=False)
        rows.append(_row(scored, parts=parts))
        if out_file is None:
            typer.echo(json.dumps(rows[-1]))
    if not rows:
        raise OutskirtsError("nothing could be read")
    write(rows)
    if failed:
        raise typer.Exit(1)


def _row(scored: Scored, *, parts: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "image": scored.image,
        "score": scored.score,
        "percentile": scored.percentile,
    }
    if parts:
        row |= {"parts": scored.parts, "part_percentiles": scored.part_percentiles}
    return row


@app.command()
def evaluate(
    target: TargetArgument,
    against: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=PATH", help="Your own strange images; may be repeated."),
    ] = None,
    scores: Annotated[
        Path | None, typer.Option(help="Write per-image numbers: .jsonl, .csv or .parquet.")
    ] = None,
    beside: Annotated[
        str | None,
        typer.Option(
            metavar="SCENARIO/DETECTOR[.VARIANT]",
            help="Add the rank correlation with another model, by stored full likelihoods.",
        ),
    ] = None,
    stored: Annotated[
        bool, typer.Option("--stored", help="Use the scores stored with the weights: no waiting.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """AUROC with interval, AUPR and FPR at 95 % TPR of the score and each part."""
    write = writer(scores)
    chosen = parse_target(target)
    if len(service.variants_of(chosen)) > 1:
        _evaluate_all(
            chosen, alone=not (against or scores or beside), stored=stored, as_json=as_json
        )
        return
    ranks = _ranks(chosen, parse_target(beside)) if beside else {}
    with spinner() as say:
        found = service.evaluate(
            chosen, against=_named_paths(against or []), stored=stored, watch=say
        )
    for item in found.skipped:
        notes.print(f"{item.id}: {item.error}", markup=False)
    if scores is not None:
        write(list(_per_image(found)))
    if as_json:
        found_json = _as_json(chosen, found)
        if beside:
            found_json["rank"] = {beside: ranks}
        typer.echo(json.dumps(found_json, indent=1))
    else:
        _print_figures(chosen, found)
        for name, rank in ranks.items():
            listed = ", ".join(f"{of} {value:.3f}" for of, value in rank.items())
            out.print(f"rank correlation with {beside}, normal and {name}: {listed}")
    if found.skipped:
        raise typer.Exit(1)


def _as_json(target: Target, found: service.Evaluation) -> dict[str, Any]:
    return {
        "detector": str(target),
        "strange": {
            s: {p: m.as_dict() for p, m in parts.items()} for s, parts in found.figures.items()
        },
        "normal": dict(found.normal),
    }


def _evaluate_all(target: Target, *, alone: bool, stored: bool, as_json: bool) -> None:
    """Every variant of a target, and the means over the sets that all of them have."""
    variants = service.variants_of(target)
    if not alone:
        raise OutskirtsError(
            f"{target} has {len(variants)} variants: name one, such as {variants[0]}, for own "
            "images, per-image numbers or another model beside it"
        )
    found: dict[str, service.Evaluation] = {}
    with spinner() as say:
        for one in variants:
            say(str(one))
            found[one.variant or ""] = service.evaluate(one, stored=stored)
    first = next(iter(found.values())).figures
    shared = [name for name in first if all(name in f.figures for f in found.values())]
    means = {
        name: {
            p: service.mean_of([f.figures[name][p] for f in found.values()]) for p in first[name]
        }
        for name in shared
    }
    if as_json:
        rows = {one.variant: _as_json(one, found[one.variant or ""]) for one in variants}
        plain = {s: {p: m.as_dict() for p, m in parts.items()} for s, parts in means.items()}
        typer.echo(json.dumps({"variants": rows, "mean": plain}, indent=1))
        return
    table = Table("variant", "part", "AUROC", "95 % interval", "AUPR", "FPR95", title=str(target))
    for name in shared:
        for variant, one_of in found.items():
            table.add_row(variant, "score", *numbers(one_of.figures[name]["score"]))
        for part, mean in means[name].items():
            table.add_row("mean", part, *numbers(mean))
    out.print(table)
    out.print(
        f"Strange: {', '.join(shared)}. Intervals cover test images, not training seeds; those of "
        "means take the variants' as independent."
    )


def _ranks(target: Target, other: Target) -> dict[str, Mapping[str, float]]:
    """Rank correlation of two models' full likelihoods, by strange set."""
    if target.scenario != other.scenario:
        raise OutskirtsError(f"{target} and {other} are of different scenarios")
    sets = target.world.strange
    return {s.name: service.pair(PairQuery(target, other, s.name)).rank for s in sets}


def _named_paths(texts: Iterable[str]) -> dict[str, Path]:
    named = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise OutskirtsError(f"--against takes NAME=PATH, got {text!r}")
        if name in named:
            raise OutskirtsError(f"--against names {name!r} twice")
        named[name] = Path(path)
    return named


def _per_image(found: service.Evaluation) -> Iterator[dict[str, Any]]:
    for name, parts in found.parts.items():
        for i, image in enumerate(found.ids[name]):
            yield {"image": image, "set": name, **{p: float(v[i]) for p, v in parts.items()}}


def _print_figures(target: Target, found: service.Evaluation) -> None:
    headings = ("strange set", "part", "AUROC", "95 % interval", "AUPR", "FPR95")
    table = Table(*headings, "normal", "strange", title=str(target))
    for name, parts in found.figures.items():
        for part, m in parts.items():
            table.add_row(name, part, *numbers(m), str(m.n_normal), str(m.n_strange))
    out.print(table)
    for name, value in found.normal.items():
        out.print(f"{name} of the normal test images: {value:.4f}")
    out.print("Intervals: 1,000 stratified bootstraps; they cover test images, not training seeds.")


@app.command()
def train(
    target: TargetArgument,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.01, help="Training time; scenario.json has the default, or epochs."),
    ] = None,
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
    devices: Annotated[
        int, typer.Option(min=1, help="Processes or accelerators that share each batch.")
    ] = 1,
) -> None:
    """Train; write weights, card and reference scores. An interrupted training goes on."""
    chosen = service.variants_of(parse_target(target))
    if atlas_only and (restart or keep_weights or minutes or changes):
        raise OutskirtsError("--atlas-only changes nothing else: give it alone")
    for one in chosen:
        if len(chosen) > 1:
            notes.print(f"{one}:")
        if atlas_only:
            _renew_atlas(one)
            continue
        _train_one(
            one,
            changes=_settings(changes or []),
            minutes=minutes,
            restart=restart,
            keep_weights=keep_weights,
            download=download,
            devices=devices,
        )


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
    typer.echo(
        f"{target}: {card.training.images} images, {card.training.skipped_steps} steps skipped"
    )
    typer.echo(f"score: {card.score.part}. {card.score.why}")
    for name, parts in card.metrics.items():
        m = parts[card.score.part]
        typer.echo(f"{name}: AUROC {m.auroc:.4f} ({m.low:.4f} to {m.high:.4f})")


def _renew_atlas(target: Target) -> None:
    from core.train.maps import renew

    scenario = target.world
    training = scenario.training_of(target.stem)
    with bar() as (_, stage):
        found = renew(scenario, target.stem, training, stage=stage)
    if found is None:
        raise OutskirtsError(f"{target} has no codes to map")
    for name, layout in found.layouts.items():
        typer.echo(
            f"{name}: {len(found)} images, trustworthiness {layout.trustworthiness:.3f}, "
            f"of normal images it never saw {layout.landing.normal_trust:.3f}"
        )


def _settings(texts: Iterable[str]) -> dict[str, Any]:
    changes = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise OutskirtsError(f"--set takes KEY=VALUE, got {text!r}")
        try:
            changes[key] = json.loads(value)
        except json.JSONDecodeError:
            changes[key] = value
    return changes


@app.command()
def bench(
    name: Annotated[str | None, typer.Argument(help="One benchmark; all without it.")] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Compute the ablation, outskirts, whatever is stored.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the project's own benchmarks; figures, no verdict. Best with nothing else running."""
    from core.evaluate import bench as benchmarks
    from core.evaluate.bench_tables import arms_table, times_table

    with spinner() as say:  # the ablation takes long: a log is told how far it came
        found = benchmarks.run(name, anew=anew, watch=say if notes.is_terminal else notes.print)
    if found.missing:
        notes.print(found.missing, markup=False)
    if as_json:
        typer.echo(json.dumps(found.as_dicts(), indent=1))
        return
    if found.rows:
        out.print(times_table(found.rows))
    if found.ablation:
        out.print(arms_table(found.ablation))


def main() -> int:
    """Run a verb; say in one line what went wrong."""
    try:
        status = app(standalone_mode=False)
    except OutskirtsError as error:
        return _said(str(error))
    except typer.Exit as leaving:
        return leaving.exit_code
    except typer.Abort:
        return _said("stopped")
    except BrokenPipeError:  # whoever read our output has seen enough
        sys.stderr.close()
        return 0
    except OSError as error:
        return _said(str(error))
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # click's, private in typer
            out.print(error.format_message(), markup=False)  # type: ignore[attr-defined]
            return 2
        if hasattr(error, "format_message"):  # click's own, for wrong arguments
            return _said(error.format_message())
        raise
    return int(status or 0)


def _said(text: str) -> int:
    notes.print(f"error: {' '.join(text.split())}", markup=False)
    return 2


if __name__ == "__main__":
    sys.exit(main())
