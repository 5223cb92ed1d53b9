"""What a user's folders hold: images that can be read, what each is like, and masks by stem."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.data.archive import kind_of, left_out
from core.data.decode import SUFFIXES, decode_file
from core.data.picture import ImageError, fitted_size, inside
from core.data.sources._pictures import words_of
from core.data.sources.mvtec import GOOD, loses, mask_of, size_of
from core.errors import OutskirtsError
from core.founding.twins import perceptual_hash
from core.shape import Shape

__all__ = ["DIRECT", "Folders", "Seen", "Unfounded", "looked_through"]

DIRECT = "strange"  # the kind of images that lie in the strange folder itself
JOINED = "all"  # what holds every kind
SMALL = Shape(3, 64, 64)  # at which an image is looked at
TINTED = 16  # levels between the channels of a pixel, from which on it is in colours


class Unfounded(OutskirtsError):
    """Folders cannot be made a scenario; the message names the first thing at fault."""


@dataclass(frozen=True)
class Seen:
    """An image file of the user's that can be read.

    Attributes:
        name: its path below the folder that was given.
        size: (width, height), upright.
        coloured: whether its channels differ.
        sha256: of the file; two of the same are one image.
        hash: (4,) uint64, what near copies share, see `core.founding.twins`.
        mask: the file that says which pixels are strange, if there is one.
    """

    path: Path
    name: str
    size: tuple[int, int]
    coloured: bool
    sha256: str
    hash: np.ndarray
    mask: Path | None = None


@dataclass(frozen=True)
class Folders:
    """All that a user's folders hold.

    Attributes:
        normal: normal images, by name.
        kinds: strange images by the kind that folders and sets are called after.
        titles: what the user calls each kind.
        masked: whether every strange image has a mask.
        left_out: (name, reason) of files that could not be read.
        notes: what else was passed over, and how masks that lost detail are read; a line each.
    """

    normal: tuple[Seen, ...]
    kinds: Mapping[str, tuple[Seen, ...]]
    titles: Mapping[str, str]
    masked: bool
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def looked_through(
    normal: Path,
    strange: Path | None = None,
    masks: Path | None = None,
    *,
    watch: Callable[[str], None] | None = None,
) -> Folders:
    """Read every image of the user's folders once: a normal one, a strange one, and its masks.

    Folders below the strange one are kinds; images that lie in it directly are of the kind
    "strange". The mask of ``strange/cut/7.png`` is ``masks/cut/7.png`` or ``7_mask.png``.

    Args:
        watch: told how far it is.

    Raises:
        Unfounded: a folder is missing, holds nothing that can be read, or names what cannot be
            named so; a mask is missing, of another size, or without an image; a strange image is a
            normal one, too.
    """
    if masks is not None and strange is None:
        raise Unfounded("--masks are of strange images: give --strange, too")
    look = _Look(watch or (lambda text: None))
    plain = look.through(normal, _files(normal, "--normal"))
    if not plain:
        raise Unfounded(f"{normal}: no image in it can be read; {look.first()}")
    kinds, titles = _kinds(strange, look) if strange is not None else ({}, {})
    if strange is not None and masks is not None:
        kinds = _masked(strange, kinds, masks)
        look.passed += _half_bright(kinds)
    _apart(plain, kinds)
    notes = [*look.others(), *look.passed]
    return Folders(tuple(plain), kinds, titles, masks is not None, tuple(look.left), tuple(notes))


# Images -----------------------------------------------------------------------------------------


class _Look:
    """Looks at files one by one, and keeps account of what could not be read."""

    def __init__(self, watch: Callable[[str], None]) -> None:
        self.watch, self.count = watch, 0
        self.left: list[tuple[str, str]] = []
        self.kinds_of_others: Counter[str] = Counter()
        self.passed: list[str] = []

    def through(self, root: Path, files: Sequence[Path]) -> list[Seen]:
        """Those of some files below a root that are images; what others are is counted."""
        seen = []
        for file in files:
            name = str(file.relative_to(root))
            if file.suffix.lower() not in SUFFIXES:
                self.kinds_of_others[kind_of(file.name)] += 1
                continue
            self.count += 1
            self.watch(f"{self.count:,} images looked at")
            try:
                seen.append(_seen(file, name))
            except (ImageError, OSError) as error:
                self.left.append((f"{root.name}/{name}", words_of(error)))
        return seen

    def first(self) -> str:
        """What is said where nothing could be read."""
        if self.left:
            name, why = self.left[0]
            return f"{name}: {why}"
        return "; ".join(self.others()) or "it is empty"

    def others(self) -> list[str]:
        """Files of other kinds in a line, if there are any."""
        return [text] if (text := left_out(self.kinds_of_others)) else []


def _files(folder: Path, option: str) -> list[Path]:
    """All files below a folder, sorted; hidden ones are not looked at, links are followed.

    Raises:
        Unfounded: it is no folder, or cannot be read.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "is not there"
        raise Unfounded(f"{option} {folder} {what}")
    found: list[Path] = []
    closed: list[OSError] = []
    real: set[str] = set()
    for here, below, names in os.walk(folder, onerror=closed.append, followlinks=True):
        below[:] = sorted(n for n in below if not n.startswith("."))
        if os.path.realpath(here) in real:  # a link to a folder above it
            below.clear()
            continue
        real.add(os.path.realpath(here))
        found += [Path(here, n) for n in sorted(names) if not n.startswith(".")]
    if closed:
        error = closed[0]
        raise Unfounded(f"{error.filename or folder} cannot be read: {error.strerror or error}")
    return sorted(found)


def _seen(path: Path, name: str) -> Seen:
    """What an image is like, seen small.

    Raises:
        ImageError: it is none, or too large.
        OSError: it cannot be read.
    """
    small = decode_file(path, SMALL).image  # all that can be wrong with it is wrong here
    size = size_of(path)
    width, height = fitted_size(*size, SMALL)
    left, top = inside((width, height), SMALL)
    own = small[top : top + height, left : left + width].astype(np.int16)
    coloured = bool((own.max(2) - own.min(2) > TINTED).any())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Seen(path, name, size, coloured, digest, perceptual_hash(own.astype(np.uint8)))


# Kinds ------------------------------------------------------------------------------------------


def _kinds(root: Path, look: _Look) -> tuple[dict[str, tuple[Seen, ...]], dict[str, str]]:
    """Strange images by kind, and what the user calls each kind."""
    groups: dict[str, list[Path]] = {}
    for file in _files(root, "--strange"):
        below = file.relative_to(root).parts
        groups.setdefault(below[0] if len(below) > 1 else "", []).append(file)
    _no_empty(root, groups)
    kinds: dict[str, tuple[Seen, ...]] = {}
    titles: dict[str, str] = {}
    for folder, files in sorted(groups.items()):
        if folder == GOOD:
            look.passed.append(f"{root.name}/{GOOD} is left out: normal images are of --normal")
            continue
        if not (seen := look.through(root, files)):
            if folder and any(f.suffix.lower() in SUFFIXES for f in files):
                raise Unfounded(f"{root / folder}: no image in it can be read; {look.first()}")
            if folder:
                raise Unfounded(f"{root / folder} holds no image files")
            continue
        kind = _called(root, folder)
        if kind in kinds:
            raise Unfounded(
                f"{root}: {folder or 'what lies in it directly'} and {titles[kind]!r} would both "
                f"be the kind {kind!r}: call one otherwise"
            )
        kinds[kind], titles[kind] = tuple(seen), folder or DIRECT
    if not kinds:
        raise Unfounded(f"--strange {root}: no image in it can be read; {look.first()}")
    return dict(sorted(kinds.items())), titles  # as the source has classes: by name


def _no_empty(root: Path, groups: Mapping[str, Sequence[Path]]) -> None:
    """Refuse a folder of a kind that holds nothing."""
    for entry in sorted(root.iterdir()):
        if entry.is_dir() and not entry.name.startswith(".") and entry.name not in groups:
            raise Unfounded(f"{entry} is empty: a folder of --strange holds images of a kind")


def _called(root: Path, folder: str) -> str:
    """The name of a kind's set: lower case, digits and hyphens."""
    if not folder:
        return DIRECT
    name = re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-")
    if not name or name in (JOINED, GOOD):
        why = f"{name!r} has a meaning of its own" if name else "it has no letter or digit"
        raise Unfounded(f"{root / folder}: no kind can be called so ({why}): rename the folder")
    return name


def _apart(normal: Sequence[Seen], kinds: Mapping[str, Sequence[Seen]]) -> None:
    """Refuse a file that is normal and strange."""
    known = {one.sha256: one for one in normal}
    both = [one for seen in kinds.values() for one in seen if one.sha256 in known]
    if both:
        first = known[both[0].sha256].name
        more = f", and {len(both) - 1:,} more" if len(both) > 1 else ""
        raise Unfounded(
            f"{both[0].name} of --strange is the same file as {first} of --normal{more}: an image "
            "is normal or strange"
        )


# Masks ------------------------------------------------------------------------------------------


def _masked(
    root: Path, kinds: Mapping[str, Sequence[Seen]], masks: Path
) -> dict[str, tuple[Seen, ...]]:
    """Strange images with their masks.

    Raises:
        Unfounded: a mask is missing, of another size, unreadable, or without an image.
    """
    files = [f for f in _files(masks, "--masks") if f.suffix.lower() in SUFFIXES]
    by_stem: dict[Path, Path] = {}
    for file in files:
        stem = file.relative_to(masks).with_suffix("")
        stem = stem.with_name(stem.name.removesuffix("_mask"))
        if stem in by_stem:
            raise Unfounded(f"{masks}: {by_stem[stem].name} and {file.name} are of one image")
        by_stem[stem] = file
    stems = {Path(one.name).with_suffix("") for seen in kinds.values() for one in seen}
    every = [one for seen in kinds.values() for one in seen]
    if len(stems) < len(every):
        twice = Counter(Path(one.name).with_suffix("") for one in every).most_common(1)[0][0]
        raise Unfounded(f"{root}: two images are called {twice}: whose mask is whose?")
    if missing := sorted(stems - set(by_stem)):
        where = masks / missing[0]
        raise Unfounded(
            f"{where}.png or {where.name}_mask.png is missing: {len(missing):,} of {len(stems):,} "
            "strange images have no mask"
        )
    known = {file.relative_to(root).with_suffix("") for file in _files(root, "--strange")}
    alone = sorted(s for s in set(by_stem) - known if s.parts[0] != GOOD)
    if alone:
        raise Unfounded(
            f"{by_stem[alone[0]]} has no image in {root}: {len(alone):,} "
            f"mask{'s have' if len(alone) > 1 else ' has'} none"
        )
    return {
        kind: tuple(_with_mask(one, by_stem[Path(one.name).with_suffix("")]) for one in seen)
        for kind, seen in kinds.items()
    }


def _with_mask(one: Seen, mask: Path) -> Seen:
    try:
        marked = mask_of(mask)
    except OutskirtsError as error:
        raise Unfounded(str(error)) from error
    height, width = marked.shape
    if (width, height) != one.size:
        raise Unfounded(f"{mask} is {width}x{height}, and its image {one.size[0]}x{one.size[1]}")
    if not marked.any():
        what = "nothing in it is half bright" if loses(mask) else "it is black all over"
        raise Unfounded(f"{mask} marks nothing: {what}")
    return replace(one, mask=mask)


def _half_bright(kinds: Mapping[str, Sequence[Seen]]) -> list[str]:
    """A line on masks whose files lose detail, if there are any."""
    masks = [one.mask for seen in kinds.values() for one in seen if one.mask is not None]
    if not (lossy := sum(map(loses, masks))):
        return []
    return [
        f"{lossy:,} of {len(masks):,} masks are JPEG or other files that lose detail: strange in "
        "those is what is at least half bright"
    ]
