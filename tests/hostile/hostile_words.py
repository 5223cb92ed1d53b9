"""Hostile folders for `new`, notebooks, and addresses of pages."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from hostile_images import images
from PIL import Image

from core.notebook import Contents, NoteLine, save
from pages._shared.pages import PAGES

__all__ = ["FOLDERS", "MIXED", "NOTEBOOKS", "QUERIES", "VALUES", "normal_images"]

Options = Sequence[str | Path]


# Folders of one's own ---------------------------------------------------------------------------


def _picture(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(seed).integers(0, 256, (40, 40), np.uint8)
    Image.fromarray(image).save(path)
    return path


def normal_images(folder: Path) -> None:
    """Fourteen normal images, (40, 40) each."""
    for seed in range(14):
        _picture(folder / f"{seed:02}.png", seed)


def _strange(root: Path, kind: str) -> Options:
    _picture(root / "strange" / kind / "1.png", 100)
    return ["--strange", root / "strange"]


def _strange_in_bytes(root: Path, kind: bytes) -> Options:
    options = _strange(root, "x")
    os.rename(root / "strange/x", os.path.join(os.fsencode(root / "strange"), kind))
    return options


def _masked(root: Path, make: Callable[[Path], object], name: str = "1.png") -> Options:
    """A strange image with a hostile mask."""
    mask = root / "masks" / "a" / name
    mask.parent.mkdir(parents=True)
    make(mask)
    return [*_strange(root, "a"), "--masks", root / "masks"]


def _normal(make: Callable[[str], object], name: str = "x.png") -> Callable[[Path], Options]:
    def lay(root: Path) -> Options:
        make(str(root / "normal" / name))
        return []

    return lay


def _renamed(name: bytes) -> Callable[[Path], Options]:
    def lay(root: Path) -> Options:
        folder = root / "normal"
        os.rename(folder / "00.png", os.path.join(os.fsencode(folder), name))
        return []

    return lay


def _junk(name: str) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(images()[name])


def _black(path: Path) -> None:
    Image.new("L", (40, 40)).save(path)


FOLDERS: dict[str, Callable[[Path], Options]] = {
    "title of markdown": lambda root: ["--title", "![x](http://evil.example/a)"],
    "title of no UTF-8": lambda root: ["--title", "a\udce9"],
    "title of lines": lambda root: ["--title", "a\nb\x1b[31m"],
    "title of 50,000": lambda root: ["--title", "x" * 50_000],
    "title of braces": lambda root: ["--title", "{0} {normal.__class__}"],
    "size of 5,000 digits": lambda root: ["--size", "9" * 5_000],
    "size of nothing": lambda root: ["--size", "0x0"],
    "size of one": lambda root: ["--size", "1x1"],
    "size of nan": lambda root: ["--size", "nan"],
    "size of two": lambda root: ["--size", "64x64x64"],
    "seed of 10^30": lambda root: ["--seed", "1" + "0" * 30],
    "seed of -1": lambda root: ["--seed", "-1"],
    "kind of no UTF-8": lambda root: _strange_in_bytes(root, b"kind\xe9"),
    "kind of lines": lambda root: _strange(root, "a\n\x1b[31m b"),
    "kind of 250": lambda root: _strange(root, "k" * 250),
    "kind of no letters": lambda root: _strange(root, "\u202e\U0001f600"),
    "kind called all": lambda root: _strange(root, "ALL"),
    "mask of a pipe": lambda root: _masked(root, os.mkfifo),
    "mask of zeros": lambda root: _masked(root, lambda path: path.symlink_to("/dev/zero")),
    "mask of black": lambda root: _masked(root, _black),
    "mask of junk": lambda root: _masked(root, lambda path: path.write_bytes(b"x")),
    "mask of 4 GB": lambda root: _masked(root, _junk("claims-4-gb.png")),
    "mask of 39 megapixels": lambda root: _masked(root, _junk("39-megapixels.png")),
    "mask of a line": lambda root: _masked(root, _junk("line-60000.png")),
    "mask of nan": lambda root: _masked(root, _junk("nan.pfm"), "1.pfm"),
    "mask of another": lambda root: _masked(root, _black, "2.png"),
    "name of no UTF-8": _renamed(b"caf\xe9.png"),
    "name of lines": _renamed(b"a\nerror: b\x1b.png"),
    "name of 255": _renamed(b"n" * 251 + b".png"),
    "a pipe": _normal(os.mkfifo),
    "zeros without end": _normal(lambda path: os.symlink("/dev/zero", path)),
    "a link to the folder": _normal(lambda path: os.symlink(".", path), "x"),
    "a link to itself": _normal(lambda path: os.symlink("x.png", path)),
    "a picture of 4 GB": _normal(lambda path: _junk("claims-4-gb.bmp")(Path(path))),
    "a folder that is a file": lambda root: ["--strange", root / "normal/00.png"],
    "the same folder": lambda root: ["--strange", root / "normal"],
    "nothing": lambda root: [shutil.rmtree(root / "normal") or "--grey"],
}


# Notebooks --------------------------------------------------------------------------------------

_WHOLE = save(Contents(lines=(NoteLine("0" * 8, "x", 1.0),), chosen={"a": ("b#1",)}))
_KEPT = {
    "deep": "[" * 100_000,
    "deep objects": '{"a":' * 100_000,
    "digits": '{"[\\"line\\", \\"\\", \\"\\"]": {"00000000": ["x", ' + "9" * 5_000 + "]}}",
    "nan": '{"[\\"line\\", \\"\\", \\"\\"]": {"00000000": ["x", NaN]}}',
    "infinity": '{"[\\"line\\", \\"\\", \\"\\"]": {"00000000": ["x", 1e999]}}',
    "a run of 10^8": json.dumps({json.dumps(["tag", "a", "b"]): {"c": "0-99999999"}}),
    "100,000 runs": json.dumps({json.dumps(["tag", "a", "b"]): {"c": "0-1," * 100_000}}),
    "runs of nothing": json.dumps({json.dumps(["tag", "a", "b"]): {"c": ",,,,"}}),
    "a run backwards": json.dumps({json.dumps(["tag", "a", "b"]): {"c": "9-1"}}),
    "a key of one": json.dumps({json.dumps(["tag"]): {}}),
    "a key of no JSON": json.dumps({"tag a b": {}}),
    "a deep key": json.dumps({"[" * 5_000: {}}),
    "a list": "[]",
    "null": "null",
    "a surrogate": json.dumps({json.dumps(["tag", "a", "\ud800"]): {"c": "1"}}),
    "a path": json.dumps({json.dumps(["tag", "../..", "b"]): {"c": "1"}}),
    "a line of 10^6": json.dumps({json.dumps(["line", "", ""]): {"0" * 8: ["x" * 10**6, 1.0]}}),
    "3 MB": " " * 3_000_000,
    "a setting of nan": json.dumps({json.dumps(["setting", "", ""]): {"prevalence": ["NaN", 1]}}),
    "a setting deep": json.dumps(
        {json.dumps(["setting", "", ""]): {"threshold": ["[" * 50_000, 1.0]}}
    ),
}
NOTEBOOKS: dict[str, bytes | str] = {
    **{f"kept: {name}": text for name, text in _KEPT.items()},
    **{f"cut at {eighth}": _WHOLE[: len(_WHOLE) * eighth // 8] for eighth in range(8)},
    **{f"page size {n}": _WHOLE[:16] + bytes([n, 0]) + _WHOLE[18:] for n in (0, 1, 3, 255)},
    "zeros after the magic": _WHOLE[:16] + bytes(len(_WHOLE) - 16),
    "ones after the head": _WHOLE[:100] + b"\xff" * (len(_WHOLE) - 100),
    "claims 2^32 pages": _WHOLE[:28] + b"\xff\xff\xff\xff" + _WHOLE[32:],
    "a free list of itself": _WHOLE[:32] + b"\0\0\0\1\0\0\0\1" + _WHOLE[40:],
}


# Addresses --------------------------------------------------------------------------------------

VALUES = {
    "markdown": "![x](http://evil.example/a.png)",
    "html": "<script src=//evil.example></script>",
    "latex": "$\\href{http://evil.example}{x}$",
    "an address": "http://evil.example/",
    "a path": "../../etc/passwd",
    "zero byte": "a\0b",
    "lines": "a\r\nSet-Cookie: b",
    "right to left": "\u202ea",
    "nothing": "",
    "spaces": "   ",
    "nan": "nan",
    "-1": "-1",
    "10^30": "1" + "0" * 30,
    "5,000 digits": "9" * 5_000,
    "1e308": "1e308",
    "100,000 letters": "x" * 100_000,
    "json": '{"a": [1, {"b": null}]}',
    "braces": "{0.__class__} %s ${x}",
    "an id beyond": "boxes#999999999999",
    "an id of -1": "boxes#-1",
    "a set without a number": "boxes#",
    "a scenario": "tiny",
    "commas": "," * 10_000,
}
QUERIES: dict[str, tuple[str, str]] = {
    f"{page}: {name}": (page, value)
    for page in ("overview", "cards")
    for name, value in VALUES.items()
}
MIXED: dict[str, tuple[str, int]] = {  # by which value the first key has
    f"{row.stem}: from {first}": (row.stem, first)
    for row in PAGES
    for first in range(0, len(VALUES), 4)
}
