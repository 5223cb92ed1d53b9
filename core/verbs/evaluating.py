"""How good a detector is, on the scenario's strange images or on the user's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from core import service
from core.answers.loaded import loaded
from core.console import note, numbers, printable, say, say_json, show, spinner
from core.errors import OutskirtsError
from core.service import PairQuery, Target, parse_target
from core.verbs.arguments import JsonOption, TargetArgument
from core.verbs.rows import writer

__all__ = ["evaluate"]

FULL = "total"  # the part of a flow that is its full likelihood


def evaluate(
    target: TargetArgument,
    against: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=PATH", help="Your own strange images; may be repeated."),
    ] = None,
    scores: Annotated[
        Path | None, typer.Option(help="Write per-image numbers: .jsonl, .csv or .parquet.")
    ] = None,
    compare_with: Annotated[
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
    write, chosen = writer(scores), parse_target(target)
    if len(service.variants_of(chosen)) > 1:
        alone = not against and scores is None and compare_with is None
        _evaluate_all(chosen, alone=alone, stored=stored, as_json=as_json)
        return
    own = _own_sets(chosen, against or [])
    ranks = {}
    if compare_with is not None:
        ranks[compare_with] = _ranks(chosen, parse_target(compare_with))
    with spinner() as tell:
        found = service.evaluate(chosen, against=own, stored=stored, watch=tell, say=note)
    for item in found.skipped:
        note(f"{item.id}: {item.error}")
    if scores is not None:
        write(list(_per_image(found)))
    _say_figures(chosen, found, ranks, as_json=as_json)
    if found.skipped:
        raise typer.Exit(1)


def _say_figures(
    target: Target,
    evaluation: service.Evaluation,
    ranks: Mapping[str, Mapping[str, Mapping[str, float]]],
    *,
    as_json: bool,
) -> None:
    if as_json:
        say_json(_as_json(target, evaluation) | ({"rank": ranks} if ranks else {}), indent=1)
        return
    _show_figures(target, evaluation)
    for other, by_set in ranks.items():
        for name, values in by_set.items():
            listed = ", ".join(f"{part} {value:.3f}" for part, value in values.items())
            say(f"rank correlation with {other}, normal and {name}: {listed}")


def _as_json(target: Target, found: service.Evaluation) -> dict[str, Any]:
    plain = {
        "detector": str(target),
        "strange": _plain(found.figures),
        "normal": dict(found.normal),
    }
    return plain | ({"pixels": _pixels(found)} if found.pixels else {})


def _pixels(found: service.Evaluation) -> dict[str, dict[str, float]]:
    """Figures of the detector's own map, by strange set with masks."""
    return {
        name: {"auroc": m.auroc, "aupro": m.aupro, "f1": m.f1} for name, m in found.pixels.items()
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
    with spinner() as tell:
        for one in variants:
            tell(str(one))
            found[one.variant or ""] = service.evaluate(one, stored=stored)
    groups: dict[str | None, dict[str, service.Evaluation]] = {}
    for one in variants:  # of several shares of known anomalies, each has its own means
        groups.setdefault(one.share, {})[one.variant or ""] = found[one.variant or ""]
    means = {share: _means(group) for share, group in groups.items()}
    if as_json:
        rows = {one.variant: _as_json(one, found[one.variant or ""]) for one in variants}
        plain = {share: _plain(mean) for share, mean in means.items()}
        say_json({"variants": rows, "mean": plain.get(None, plain)}, indent=1)
        return
    _show_all(target, groups, means)


def _means(
    found: Mapping[str, service.Evaluation],
) -> dict[str, dict[str, service.Mean]]:
    """Figures of each part, averaged over variants, on the strange sets that all of them have."""
    first = next(iter(found.values())).figures
    shared = [name for name in first if all(name in f.figures for f in found.values())]
    return {
        s: {p: service.mean_of([f.figures[s][p] for f in found.values()]) for p in first[s]}
        for s in shared
    }


def _plain(
    figures: Mapping[str, Mapping[str, service.Mean | service.Metrics]],
) -> dict[str, dict[str, Any]]:
    return {s: {p: m.as_dict() for p, m in parts.items()} for s, parts in figures.items()}


def _show_all(
    target: Target,
    groups: Mapping[str | None, Mapping[str, service.Evaluation]],
    means: Mapping[str | None, Mapping[str, Mapping[str, service.Mean]]],
) -> None:
    """A table of the variants and of their means, by share of known anomalies if there are any."""
    table = Table("variant", "part", "AUROC", "95 % interval", "AUPR", "FPR95", title=str(target))
    for share, found in groups.items():
        mean_row = "mean" if share is None else f"mean of {share} %"
        for name, parts in means[share].items():
            for variant, one_of in found.items():
                table.add_row(variant, "score", *numbers(one_of.figures[name]["score"]))
            for part, mean in parts.items():
                table.add_row(mean_row, part, *numbers(mean))
    show(table)
    if None not in groups:
        say("Means: by the share of known anomalies among the training images, in per cent.")
    strange = next(iter(means.values()))
    say(
        f"Strange: {', '.join(strange)}. Intervals cover test images, not training seeds; those of "
        "means take the variants' as independent."
    )


def _ranks(target: Target, other: Target) -> dict[str, Mapping[str, float]]:
    """Rank correlation of two models' full likelihoods, by strange set."""
    if target.scenario != other.scenario:
        raise OutskirtsError(f"{target} and {other} are of different scenarios")
    for one in (target, other):
        if FULL not in loaded(one)[1].calibration.quantiles:
            raise OutskirtsError(
                f"only flows can be compared, by their full likelihoods: {one} is no flow"
            )
    sets = target.world.strange
    return {s.name: service.ask(PairQuery(target, other, s.name)).rank for s in sets}


def _own_sets(target: Target, texts: Iterable[str]) -> dict[str, Path]:
    """Paths of the user's strange images by name, without which a shared model has none."""
    own = _named_paths(texts)
    if target.shared and not own:
        raise OutskirtsError(
            f"{target} judges no class, the models of all classes ask it: no strange set is there "
            "to measure it on, but your own by --against"
        )
    if not target.shared and not target.world.strange and not own:
        raise OutskirtsError(
            f"there are no strange images in this scenario, {target.scenario}: give your own by "
            "--against NAME=PATH"
        )
    return own


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


def _show_figures(target: Target, found: service.Evaluation) -> None:
    headings = ("strange set", "part", "AUROC", "95 % interval", "AUPR", "FPR95")
    table = Table(*headings, "normal", "strange", title=str(target))
    for name, parts in found.figures.items():
        for part, m in parts.items():
            table.add_row(printable(name), part, *numbers(m), str(m.n_normal), str(m.n_strange))
    show(table)
    if found.pixels:
        show(_pixel_table(target, found))
    for name, value in found.normal.items():
        say(f"{name} of the normal test images: {value:.4f}")
    say("Intervals: 1,000 stratified bootstraps; they cover test images, not training seeds.")


def _pixel_table(target: Target, found: service.Evaluation) -> Table:
    """How well the detector's own map finds the true pixels, as its card has it."""
    headings = ("strange set", "pixel AUROC", "AUPRO to 0.3", "best F1", "regions", "strange")
    table = Table(*headings, title=f"{target}: the map of its score, by its card")
    for name, m in found.pixels.items():
        figures = (f"{value:.3f}" for value in (m.auroc, m.aupro, m.f1))
        table.add_row(printable(name), *figures, str(m.regions), str(m.n_strange))
    return table
