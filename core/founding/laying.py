"""A scenario laid out whole: images in MVTec's layout, scenario.json, or nothing at all."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.data.decode import decode_file
from core.data.picture import ImageError
from core.errors import OutskirtsError, complaint
from core.files import alone, copy_whole, fill_folders, write_whole
from core.founding.folders import Seen, Unfounded, looked_through
from core.founding.proposal import Proposal, Wishes, proposed
from core.founding.texts import lines_of, scenario_json
from core.scenario import Scenario, load_scenario
from core.schema import SetName
from core.settings import settings
from core.shape import Shape
from core.tables import utf8, utf8_of_all

__all__ = ["Founded", "Sight", "found_scenario"]

Laying = Mapping[Path, Callable[[Path], object]]  # as `fill_folders` takes it
MARK = "made-by-new.json"  # in the data folder: which image is which, and that `new` laid it


class Sight:
    """What is said of images as models of a shape see them, before any learns from them.

    Attributes:
        images: that were looked at.
        done: what was done to so many; warnings: why little is to be seen of so many.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape, self.images = shape, 0
        self.done, self.warnings = Counter[str](), Counter[str]()

    def look(self, path: Path) -> None:
        """Look at the image file at a path, too."""
        self.images += 1
        try:
            picture = decode_file(path, self.shape)
        except ImageError as error:  # it was read, but nothing of it is left at this size
            self.warnings[str(error)] += 1
            return
        self.done.update(picture.notes)
        self.warnings.update(picture.warnings)


@dataclass(frozen=True)
class Founded:
    """A scenario that was made.

    Attributes:
        lines: what was proposed and done, a line each.
        left_out: (name, reason) of files that could not be read.
        notes: what else was passed over, a line each.
        seen: what there is to be said of its images as models will see them.
    """

    name: str
    lines: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    seen: Sight


def found_scenario(
    name: str,
    normal: Path,
    strange: Path | None = None,
    masks: Path | None = None,
    *,
    wishes: Wishes | None = None,
    force: bool = False,
    watch: Callable[[str], None] | None = None,
) -> Founded:
    """Make the scenario ``name`` of folders of images; copies are laid into the data folder.

    What there was of that name before stays if anything fails.

    Args:
        normal, strange, masks: see `looked_through`.
        wishes: what is not to be as it would be proposed.
        force: replace a scenario that was made so before, with its models.
        watch: told how far it is.

    Raises:
        Busy: a model of what is to be replaced is being trained.
        Unfounded: the name is taken or none, or the folders cannot be made a scenario.
        FileError: something cannot be written.
    """
    wishes = wishes or Wishes()
    folder, data = settings().checkpoints / name, settings().data / "mvtec" / name
    _check_free(name, folder, data, force=force)
    if force:
        with _turns(name):  # said before long work, and asked again after it
            pass
    _check_outside([p for p in (normal, strange, masks) if p is not None], data)
    folders = looked_through(normal, strange, masks, watch=watch)
    proposal = proposed(folders, wishes)
    text = _checked(utf8_of_all(scenario_json(name, folders, proposal, wishes)))
    seen = Sight(proposal.shape)
    lay = partial(_lay, proposal=proposal, seen=seen, watch=watch or (lambda said: None))
    fill: Laying = {data: lay, folder: lambda new: write_whole(new / "scenario.json", text)}
    _replace(name, fill) if force else fill_folders(fill)
    return Founded(name, tuple(lines_of(folders, proposal)), folders.left_out, folders.notes, seen)


# What is there ----------------------------------------------------------------------------------


def _check_name(name: str) -> None:
    try:
        TypeAdapter(SetName).validate_python(name)
    except ValidationError as error:
        raise Unfounded(
            f"a scenario's name is of lower-case letters, digits and hyphens, such as my-screws; "
            f"got {name!r}"
        ) from error
    if name == "studies" or len(name) > 64:
        raise Unfounded(f"no scenario can be called {name!r}: choose another, shorter name")


def _check_free(name: str, folder: Path, data: Path, *, force: bool) -> None:
    """Refuse a name that is none or taken; with force, one taken by what `new` did not make."""
    _check_name(name)
    if folder.exists():
        if not force:
            raise Unfounded(
                f"there is a scenario {name} already: choose another name, or replace it and its "
                "models by --force"
            )
        try:
            own = load_scenario(name).normal.source == f"mvtec:{name}" and (data / MARK).exists()
        except OutskirtsError:  # a damaged one
            own = (data / MARK).exists()
        if not own:
            raise Unfounded(f"{name} was not made by `new` here, and stays: choose another name")
    if data.exists() and not (data / MARK).is_file():
        raise Unfounded(f"{data} is there and was not laid by `new`: it stays, choose another name")
    if data.exists() and not force:
        raise Unfounded(f"{data} is there already: choose another name, or replace it by --force")


def _check_outside(given: Sequence[Path], data: Path) -> None:
    """Refuse to make a scenario of the very folder that it would replace."""
    for folder in given:
        if data.resolve() in (folder.resolve(), *folder.resolve().parents):
            raise Unfounded(f"{folder} lies in {data}, which would be replaced: copy it elsewhere")


def _checked(values: dict[str, Any]) -> str:
    """The text of scenario.json, which the schema takes."""
    try:
        Scenario.model_validate(values)
    except ValidationError as error:
        raise Unfounded(f"{values['name']}: {complaint(error)}") from error
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


@contextmanager
def _turns(name: str) -> Iterator[list[Path]]:
    """Run folders of a scenario's models, which no other process trains meanwhile.

    Raises:
        Busy: one is being trained.
        FileError: a run folder cannot be written.
    """
    root = settings().runs / name
    folders = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    with ExitStack() as held:
        for folder in folders:
            work = f"{name} stays while {name}/{folder.name} is being trained"
            held.enter_context(alone(folder, work))
        yield folders


# Laying -----------------------------------------------------------------------------------------


def _replace(name: str, fill: Laying) -> None:
    """Fill folders as `fill_folders`; interrupted trainings, which are of other images, go.

    Raises:
        Busy: a model of what was there is being trained, since its images were laid.
        FileError: a folder cannot be written.
    """
    with ExitStack() as held:
        runs: list[Path] = []
        *first, last = fill

        def full(new: Path) -> None:
            fill[last](new)
            runs.extend(held.enter_context(_turns(name)))

        fill_folders({**{folder: fill[folder] for folder in first}, last: full})
        for folder in runs:
            shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # a training has begun in it
        (settings().runs / name).rmdir()


def _lay(root: Path, proposal: Proposal, seen: Sight, watch: Callable[[str], None]) -> None:
    """Copy all images and masks into a folder, numbered in their order; say which is which."""
    was = {}
    for place, (path, image, mask) in enumerate(_places(proposal), start=1):
        if place % 10 == 0:
            watch(f"{place:,} images copied")
        copy_whole(image.path, root / path)
        seen.look(root / path)
        was[str(path)] = utf8(image.name)
        if mask is not None and image.mask is not None:
            copy_whole(image.mask, root / mask)
    write_whole(root / MARK, json.dumps(was, indent=1, ensure_ascii=False) + "\n")


def _places(proposal: Proposal) -> Iterator[tuple[Path, Seen, Path | None]]:
    """Where each image belongs, and where its mask."""
    sides = {"train/good": proposal.train, "test/good": proposal.test}
    sides |= {f"test/{kind}": seen for kind, seen in proposal.kinds.items()}
    for where, images in sides.items():
        for number, image in enumerate(images):
            stem, mask = f"{number:06}", None
            if image.mask is not None:
                kind = Path(where).name
                mask = Path("ground_truth", kind, f"{stem}_mask{image.mask.suffix.lower()}")
            yield Path(where, f"{stem}{image.path.suffix.lower()}"), image, mask
