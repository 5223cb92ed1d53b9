"""Which pixels made a score: a heat map as files."""

from __future__ import annotations

import math
import re
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from core import service
from core.console import note, say_json
from core.data.images import ImageError, read_items
from core.data.picture import png
from core.errors import OutskirtsError
from core.files import check_writable, write_whole
from core.service import ImageQuery, MapQuery, MapView, Target, map_npy, map_png, map_svg
from core.verbs.arguments import TargetArgument

__all__ = ["explain"]

OF_A_SET = re.compile(r"(?P<name>[\w.-]+)#(?P<index>[0-9]{1,15})")


def explain(
    target: TargetArgument,
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="A file, or SET#INDEX.")],
    out_file: Annotated[Path, typer.Option("--out", help="Write .png or .svg, and .npy beside.")],
    method: Annotated[str, typer.Option("--method", help="How it is explained.")] = "own",
    part: Annotated[str, typer.Option("--part", help="What is explained.")] = "score",
    baseline: Annotated[str, typer.Option("--baseline", help="Nothing to see.")] = "black",
    fault: Annotated[int | None, typer.Option("--fault", min=0, help="Plant this one.")] = None,
) -> None:
    """Write which pixels made a score: a heat map, and the signed map as .npy beside it."""
    if out_file.suffix not in (".png", ".svg"):
        raise OutskirtsError(f"'{out_file}' must end in .png or .svg")
    files = (out_file, out_file.with_suffix(".npy"))
    for file in files:
        if not file.parent.is_dir():
            raise OutskirtsError(f"there is no folder {file.parent}")
        check_writable(file)
    chosen = service.parse_target(target)
    asked, data = _image(chosen, image)
    query = MapQuery(asked, part=part, method=method, baseline=baseline, fault=fault)
    found = service.ask(query, data)
    if found.refusal:
        raise OutskirtsError(found.refusal)
    title = f"{chosen}, {found.part} of {found.id}, {method}"
    svg = out_file.suffix == ".svg"
    write_whole(out_file, map_svg(found.map, title=title, unit=found.unit) if svg
                else map_png(found.map))  # fmt: skip
    write_whole(files[1], map_npy(found.map))
    say_json(_row(found, method=method, baseline=baseline, files=files))


def _image(target: Target, image: str) -> tuple[ImageQuery, bytes | None]:
    """The image that an argument means: a file if there is one of that name, or SET#INDEX."""
    of_a_set = OF_A_SET.fullmatch(image)
    if of_a_set and not Path(image).exists():
        return ImageQuery(target, of_a_set["name"], int(of_a_set["index"])), None
    item, *others = islice(read_items([image], target.world.shape), 2)
    if item.picture is None:
        raise ImageError(f"{item.id}: {item.error}")
    if others:
        raise ImageError(f"{image} holds several images: name one")
    for text in (*item.picture.notes, *(f"warning: {w}" for w in item.picture.warnings)):
        note(f"{item.id}: {text}")
    return ImageQuery(target, item.id, None), png(item.picture.image)  # which fits as it is


def _row(
    found: MapView, *, method: str, baseline: str, files: tuple[Path, ...]
) -> dict[str, object]:
    return {
        "image": found.id,
        "score": found.score,
        "percentile": found.percentile,
        "part": found.part,
        "method": method,
        "baseline": baseline,
        "offset": found.offset,
        "padding": found.padding,
        # JSON has neither infinity nor NaN
        "residual": found.residual if math.isfinite(found.residual) else None,
        "residual_share": found.residual_share if math.isfinite(found.residual_share) else None,
        "files": [str(file) for file in files],
    }
