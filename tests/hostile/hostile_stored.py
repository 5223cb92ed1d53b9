"""Hostile stored scores, maps and reference images: each spoils an archive of arrays."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hostile_arrays import head_of, npy_of
from hostile_scenarios import Spoil, specials
from hostile_zeros import Zeros, archive_of

__all__ = ["reference_images", "stored_scores"]

# Stored scores, maps and reference images -------------------------------------------------------


def _arrays(file: str, edit: Callable[[dict[str, Any]], object]) -> Spoil:
    def spoil(folder: Path) -> None:
        with np.load(folder / file) as stored:
            arrays = dict(stored)
        edit(arrays)
        stream = io.BytesIO()
        np.savez_compressed(stream, **arrays)
        (folder / file).write_bytes(stream.getvalue())

    return spoil


def _bombed(file: str, name: str) -> Spoil:
    """An array of 1.25 GB of zeros in 1 MB, in the place of one."""

    def spoil(folder: Path) -> None:
        with zipfile.ZipFile(folder / file) as archive:
            kept = {n: archive.read(n) for n in archive.namelist() if n != f"{name}.npy"}
        zeros = Zeros(1_600_000 * 784, npy_of(head_of("(1600000, 28, 28)")))
        (folder / file).write_bytes(archive_of({**kept, f"{name}.npy": zeros}))

    return spoil


def _put(**values: Any) -> Callable[[dict[str, Any]], object]:
    """Arrays in the place of those of a name, in which __ is a slash."""
    return lambda arrays: arrays.update({k.replace("__", "/"): v for k, v in values.items()})


def stored_scores() -> dict[str, Spoil]:
    nan = np.full(96, np.nan, np.float32)
    edits: dict[str, Callable[[dict[str, Any]], object]] = {
        "scores of nan": _put(boxes__total=nan),
        "scores of infinity": _put(boxes__total=np.full(96, np.inf, np.float32)),
        "scores of text": _put(boxes__total=np.array(["x"] * 96)),
        "scores of complex": _put(boxes__total=np.zeros(96, complex)),
        "scores of dates": _put(boxes__total=np.zeros(96, "M8[s]")),
        "scores of records": _put(boxes__total=np.zeros(96, [("a", "f4")])),
        "scores of two sides": _put(boxes__total=np.zeros((96, 2), np.float32)),
        "scores of none": _put(boxes__total=np.zeros(0, np.float32)),
        "scores of a number": _put(boxes__total=np.array(1.0)),
        "a set of a line": lambda a: a.update({"x\n/total": a["boxes/total"]}),
        "a key of slashes": lambda a: a.update({"a/b/c": a["boxes/total"]}),
        "a key of nothing": lambda a: a.update({"/": a["boxes/total"]}),
        "weights of numbers": _put(weights=np.zeros(3)),
        "no weights": lambda a: a.pop("weights"),
        "layouts of none": _put(layouts=np.array([], "U4")),
        "layouts of another": _put(layouts=np.array(["x"])),
        "layouts of numbers": _put(layouts=np.arange(3)),
        "which of floats": lambda a: a.update(which=a["which"].astype(float)),
        "which of text": lambda a: a.update(which=a["which"].astype(str)),
        "which of 255": lambda a: a.update(which=np.full_like(a["which"], 120)),
        "indices of 10^9": lambda a: a.update(indices=np.full(len(a["which"]), 10**9)),
        "indices of -1": lambda a: a.update(indices=np.full(len(a["which"]), -1)),
        "indices of floats": lambda a: a.update(indices=a["indices"] + 0.5),
        "neighbours of text": lambda a: a.update(neighbours=a["neighbours"].astype(str)),
        "neighbours of one side": lambda a: a.update(neighbours=a["neighbours"][0]),
        "neighbours of nan": lambda a: a.update(neighbours=a["neighbours"] * np.nan),
        "distances of nan": lambda a: a.update(distances=a["distances"] * np.nan),
        "places of nan": lambda a: a.update({"pca.xy": a["pca.xy"] * np.nan}),
        "places of text": lambda a: a.update({"pca.xy": a["pca.xy"].astype(str)}),
        "local of text": lambda a: a.update({"pca.local": a["pca.local"].astype(str)}),
        "landing of two": lambda a: a.update({"pca.landing": np.zeros(2)}),
        "landing of text": lambda a: a.update({"pca.landing": np.array(list("abcd"))}),
        "landing of nan": lambda a: a.update({"pca.landing": np.full(4, np.nan)}),
        "codes of floats": lambda a: a.update(codes=a["codes"] + 0.5),
        "codes of text": lambda a: a.update(codes=a["codes"].astype(str)),
        "step of nan": lambda a: a.update(step=a["step"] * np.nan),
        "axes of another side": lambda a: a.update(axes=a["axes"].T),
        "seed of text": _put(seed=np.array("x")),
        "seed of nan": _put(seed=np.array(np.nan)),
        "recall of three": _put(recall=np.zeros(3)),
        "sets of another": _put(sets=np.array(["x", "y"])),
        "sets of numbers": _put(sets=np.arange(9)),
        "exemplars of one side": _put(exemplars=np.zeros(3, np.uint8)),
        "exemplars of floats": _put(exemplars=np.zeros((3, 28, 28, 1))),
    }
    found = {name: _arrays("glow.atlas.npz", edit) for name, edit in edits.items()}
    return found | {
        "a bomb of scores": _bombed("glow.atlas.npz", "boxes/total"),
        **specials("glow.atlas.npz"),
    }


def reference_images() -> dict[str, Spoil]:
    edits: dict[str, Callable[[dict[str, Any]], object]] = {
        "images of floats": lambda a: a.update({"boxes/images": a["boxes/images"] / 255}),
        "images of nan": lambda a: a.update({"boxes/images": a["boxes/images"] * np.nan}),
        "images of 16 bits": lambda a: a.update({"boxes/images": a["boxes/images"].astype("u2")}),
        "images of text": lambda a: a.update({"boxes/images": a["boxes/images"].astype(str)}),
        "images of one side": lambda a: a.update({"boxes/images": a["boxes/images"].ravel()}),
        "images of two sides": lambda a: a.update({"boxes/images": np.zeros((28, 28), np.uint8)}),
        "images of five sides": lambda a: a.update({"boxes/images": a["boxes/images"][None]}),
        "images of none": lambda a: a.update({"boxes/images": a["boxes/images"][:0]}),
        "images fewer than labels": lambda a: a.update({"boxes/images": a["boxes/images"][:5]}),
        "images of a number": lambda a: a.update({"boxes/images": np.array(3)}),
        "labels none": lambda a: a.pop("boxes/labels"),
        "labels of text": lambda a: a.update({"boxes/labels": np.array(["x"] * 96)}),
        "labels of nan": lambda a: a.update({"boxes/labels": np.full(96, np.nan)}),
        "labels of 10^9": lambda a: a.update({"boxes/labels": np.full(96, 10**9)}),
        "labels of -7": lambda a: a.update({"boxes/labels": np.full(96, -7)}),
        "labels of two sides": lambda a: a.update({"boxes/labels": np.zeros((96, 2), int)}),
        "labels of five": lambda a: a.update({"boxes/labels": np.zeros(5, int)}),
        "masks of floats": lambda a: a.update({"boxes/masks": np.zeros((96, 98))}),
        "masks of one": lambda a: a.update({"boxes/masks": np.zeros((1, 98), np.uint8)}),
        "a shape of 10^12": lambda a: (
            a.pop("boxes/images"), a.update({"boxes/shape": np.array([96, 10**5, 10**5, 1])})
        ),
        "a shape of 10^9 without sheets": lambda a: (
            a.pop("boxes/images"), a.update({"boxes/shape": np.array([96, 4_000, 4_000, 1])})
        ),
        "a shape of -1": lambda a: (
            a.pop("boxes/images"), a.update({"boxes/shape": np.array([96, -1, 28, 1])})
        ),
        "a shape of nan": lambda a: (
            a.pop("boxes/images"), a.update({"boxes/shape": np.array([96, np.nan, 28, 1])})
        ),
        "a sheet of junk": lambda a: (
            a.pop("boxes/images"),
            a.update({"boxes/shape": np.array([96, 28, 28, 1]), "boxes/sheet0": np.zeros(9, "u1")}),
        ),
        "elsewhere": lambda a: (
            a.pop("boxes/images"),
            a.update({"boxes/shape": np.array([96, 28, 28, 1]), "boxes/sha256": np.array("x")}),
        ),
        "a set of nothing": lambda a: a.update({"/images": a["boxes/images"]}),
        "a set of a line": lambda a: a.update({"x\n/images": a["boxes/images"]}),
        "no sets": lambda a: a.clear(),
        "no boxes": lambda a: (a.pop("boxes/images"), a.pop("boxes/labels")),
    }  # fmt: skip
    found = {name: _arrays("reference.npz", edit) for name, edit in edits.items()}
    return found | {
        "a bomb of images": _bombed("reference.npz", "boxes/images"),
        **specials("reference.npz"),
    }
