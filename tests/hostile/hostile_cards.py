"""Hostile cards and weights: each spoils those of a model."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from hostile_scenarios import DIGITS, LONG, TEXTS, Json, Spoil, deep, specials
from pydantic import ValidationError

from core.card import Card

__all__ = ["cards", "weights"]

# Cards ------------------------------------------------------------------------------------------


def _card(edit: Callable[[Json], object], *, old: str = "", new: str = "") -> Spoil:
    """Edit a card and seal it anew, as anybody can, where its schema still takes it."""

    def spoil(folder: Path) -> None:
        path = folder / "glow.json"
        values = json.loads(path.read_text())
        edit(values)
        text = json.dumps(values)
        if old:
            assert old in text, old
            text = text.replace(old, new, 1)
        with contextlib.suppress(ValidationError, ValueError):
            text = Card.model_validate_json(text).sealed().text()
        path.write_text(text)

    return spoil


def _quantiles(value: Any) -> Callable[[Json], object]:
    def edit(card: Json) -> None:
        parts = card["calibration"]["quantiles"]
        card["calibration"]["quantiles"] = dict.fromkeys(parts, value)

    return edit


def _bomb() -> str:
    """1.7 GB of zeros: one piece, packed so that it looks back at no other, a hundred times."""
    zeros, times = bytes(2**24), 100
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = len(zeros) * times % 65_521 << 16 | 1  # Adler's, of zeros
    data = b"\x78\xda" + piece * times + b"\3\0" + struct.pack(">I", checksum)
    return "rows:" + base64.b64encode(data).decode()


def _floats(*numbers: float) -> str:
    return base64.b64encode(np.array(numbers, "<f4").tobytes()).decode()


def _in(*keys: str, **values: Any) -> Callable[[Json], object]:
    """Values somewhere in a card."""

    def edit(card: Json) -> None:
        place = card
        for key in keys:
            place = place[key] if key else place[next(iter(place))]
        place.update(values)

    return edit


def _card_edits() -> dict[str, Callable[[Json], object]]:
    return {
        "quantiles none": lambda c: c["calibration"].update(quantiles={}),
        "quantiles of another part": lambda c: c["calibration"].update(quantiles={"x": _floats(1)}),
        "quantiles of no base64": _quantiles("???"),
        "quantiles of three bytes": _quantiles("AAAA"),
        "quantiles of rows of nothing": _quantiles("rows:"),
        "quantiles of rows of junk": _quantiles("rows:AAAA"),
        "quantiles of three rows": _quantiles(
            "rows:" + base64.b64encode(zlib.compress(bytes(3))).decode()
        ),
        "quantiles of 1.7 GB": lambda c: _quantiles(_bomb())(c),
        "quantiles of one": _quantiles(_floats(1.0)),
        "quantiles of none": _quantiles(_floats()),
        "quantiles of nan": _quantiles(_floats(*[float("nan")] * 1001)),
        "quantiles of infinity": _quantiles(_floats(*[float("inf")] * 1001)),
        "quantiles that fall": _quantiles(_floats(*range(1001, 0, -1))),
        "quantiles as an empty list": _quantiles([]),
        "quantiles of no letters": _quantiles("\u00e9\u00e9\u00e9\u00e9"),
        "score of no part": _in("score", part="none"),
        "score of an empty part": _in("score", part=""),
        "threshold of 1e308": _in("score", threshold=1e308),
        "direction other": _in("score", direction="smaller"),
        "a unit of 100,000": _in("score", unit="x" * 100_000),
        "detector none": lambda c: c.update(detector="none"),
        "detector of a path": lambda c: c.update(detector="../glow"),
        "detector of a private": lambda c: c.update(detector="_base"),
        "another variant": lambda c: c.update(variant="x"),
        "another scenario": lambda c: c.update(scenario="other"),
        "shape of billions": _in("input", shape=[1, 10**6, 10**6]),
        "shape of 10^30": _in("input", shape=[1, LONG, 28]),
        "shape of -1": _in("input", shape=[1, -1, 28]),
        "shape of 0": _in("input", shape=[1, 0, 0]),
        "shape of 7 channels": _in("input", shape=[7, 28, 28]),
        "shape of floats": _in("input", shape=[1.0, 28, 28]),
        "config empty": lambda c: c.update(config={}),
        "config of hidden 10^6": _in("config", hidden=10**6),
        "config of hidden 10^30": _in("config", hidden=LONG),
        "config of hidden -1": _in("config", hidden=-1),
        "config of hidden 0": _in("config", hidden=0),
        "config of hidden text": _in("config", hidden="8"),
        "config of hidden true": _in("config", hidden=True),
        "config of steps 10^6": _in("config", steps=10**6 - 1),
        "config of steps 0": _in("config", steps=0),
        "config of a type": _in("config", training_dtype="object"),
        "config of no score": _in("config", score="none"),
        "config deep": lambda c: c.update(config=deep(100)),
        "metrics none": lambda c: c.update(metrics={}),
        "metrics of no set": lambda c: c.update(metrics={"x": {}}),
        "metrics of 2 images": _in("metrics", "", "", n_strange=2),
        "metrics of -5 images": _in("metrics", "", "", n_strange=-5),
        "metrics of 10^30 images": _in("metrics", "", "", n_strange=LONG),
        "metrics of 7": _in("metrics", "", "", auroc=7.0),
        "validation none": lambda c: c.update(validation={}),
        "golden none": lambda c: c.update(golden={"ids": [], "parts": {}}),
        "golden of no set": lambda c: c.update(golden={"ids": ["x#1"], "parts": {"x": [1.0]}}),
        "golden of 5,000 digits": lambda c: c.update(golden={"ids": [f"a#{DIGITS}"], "parts": {}}),
        "auxiliary of itself": lambda c: c.update(auxiliary_models={"glow": "0" * 64}),
        "auxiliary of a path": lambda c: c.update(auxiliary_models={"../x": "0" * 64}),
        "config of an auxiliary of itself": _in("config", general="glow"),
        "config of an auxiliary of a path": _in("config", general="../../x"),
        "seeds of none": lambda c: c.update(seeds={"models": [], "text": "", "auroc": {}}),
        "seeds of a set": lambda c: c.update(
            seeds={"models": ["glow"], "text": "", "auroc": {"x": {"y": []}}}
        ),
        "pixels of none": lambda c: c.update(pixels={"images": 0, "figures": {}, "aupimo": {}}),
        "figures of 10,000": lambda c: c.update(figures={f"f{i}": 0.0 for i in range(10_000)}),
        "images of 10^30": _in("data", images=LONG),
        "images of -1": _in("data", images=-1),
        "a seed of 10^30": _in("training", seed=LONG),
        "minutes of -1": _in("training", minutes=-1.0),
        "batches of 0": _in("training", batch_size=0),
        "weights of 10^30 bytes": _in("weights", bytes=LONG, parameters=LONG),
        "weights of no hash": _in("weights", sha256=""),
        "a seal of text": lambda c: c.update(seal="x\n" * 1_000),
        "schema 2": lambda c: c.update(schema=2),
        "paper of numbers": lambda c: c.update(paper={"year": LONG}),
        "paper none": lambda c: c.update(paper={}),
        "unknown key": lambda c: c.update({"a\nerror: b": 1}),
    }


def _everywhere_in_card(text: str) -> Callable[[Json], object]:
    def edit(c: Json) -> None:
        c |= {"deviations": [text], "limits": [text], "licence": text, "paper": {"title": text}}
        c["score"] |= {"unit": text, "why": text, "threshold_rule": text}
        c["data"] |= {"name": text, "licence": text}
        c["training"] |= {"processor": text, "torch": text, "phases": [text]}
        c["input"] |= {"range": text, "fitted": text}

    return edit


def cards() -> dict[str, Spoil]:
    found = {name: _card(edit) for name, edit in _card_edits().items()}
    found |= {f"text {name}": _card(_everywhere_in_card(text)) for name, text in TEXTS.items()}
    nothing: Callable[[Json], object] = lambda c: None  # noqa: E731
    found |= {
        "threshold of nan": _card(_in("score", threshold=0.125), old="0.125", new="NaN"),
        "threshold of infinity": _card(_in("score", threshold=0.125), old="0.125", new="1e999"),
        "metrics of nan": _card(_in("metrics", "", "", auroc=0.125), old="0.125", new="NaN"),
        "a key twice": _card(nothing, old='"schema": 1', new='"schema": 1, "schema": 1'),
        "no seal": lambda folder: _unsealed(folder),
        **specials("glow.json"),
    }
    return found


def _unsealed(folder: Path) -> None:
    path = folder / "glow.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"seal": ""}))


# Weights ----------------------------------------------------------------------------------------


def _weights(make: Callable[[bytes], bytes]) -> Spoil:
    """Other weights, with a card that says their sha256: they do belong together."""

    def spoil(folder: Path) -> None:
        path = folder / "glow.safetensors"
        data = make(path.read_bytes())
        path.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        _card(_in("weights", sha256=digest, bytes=len(data)))(folder)

    return spoil


def _with_head(edit: Callable[[Json], object]) -> Callable[[bytes], bytes]:
    def make(data: bytes) -> bytes:
        (length,) = struct.unpack("<Q", data[:8])
        head = json.loads(data[8 : 8 + length])
        edit(head)
        text = json.dumps(head).encode()
        return struct.pack("<Q", len(text)) + text + data[8 + length :]

    return make


def _first(**values: Any) -> Callable[[Json], object]:
    """Values of the first tensor of a head."""

    def edit(head: Json) -> None:
        head[next(k for k in head if k != "__metadata__")].update(values)

    return edit


def _of_numbers(number: float) -> Callable[[bytes], bytes]:
    """All numbers the same: not a number, or infinite."""

    def make(data: bytes) -> bytes:
        import safetensors.torch

        state = safetensors.torch.load(data)
        full = {
            k: v.clone().fill_(number) if v.is_floating_point() else v for k, v in state.items()
        }
        return safetensors.torch.save(full)

    return make


def weights() -> dict[str, Spoil]:
    heads: Mapping[str, Callable[[Json], object]] = {
        "shape of 10^15": _first(shape=[10**15]),
        "shape of -1": _first(shape=[-1]),
        "shape that wraps": _first(shape=[2**32, 2**32]),
        "shape of floats": _first(shape=[1.5]),
        "shape of none": _first(shape=None),
        "type unknown": _first(dtype="F99"),
        "type of complex": _first(dtype="C64"),
        "type of 8 bits": _first(dtype="F8_E4M3"),
        "offsets beyond": _first(data_offsets=[0, 10**15]),
        "offsets backwards": _first(data_offsets=[100, 0]),
        "offsets of -1": _first(data_offsets=[-1, 0]),
        "a tensor too many": lambda h: h.update(
            {"x" * 10_000: {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}
        ),
        "a tensor of a line": lambda h: h.update(
            {"a\nerror: b\x1b[31m": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}
        ),
        "no tensors": lambda h: h.clear(),
        "metadata of numbers": lambda h: h.update(__metadata__={"a": 1}),
        "metadata of 1 MB": lambda h: h.update(__metadata__={"a": "x" * 2**20}),
    }
    found = {f"head {name}": _weights(_with_head(edit)) for name, edit in heads.items()}
    return found | {
        "head of 2^63": _weights(lambda d: struct.pack("<Q", 2**63) + d[8:]),
        "head of 0": _weights(lambda d: struct.pack("<Q", 0) + d[8:]),
        "head of 200 MB": _weights(lambda d: struct.pack("<Q", 200_000_000) + d[8:]),
        "head of lists": _weights(lambda d: struct.pack("<Q", 90_000) + b"[" * 90_000),
        "head of deep objects": _weights(lambda d: struct.pack("<Q", 90_000) + b'{"a":' * 18_000),
        "nothing": _weights(lambda d: b""),
        "pickle": _weights(lambda d: b"\x80\x04cos\nsystem\n(S'touch /tmp/pwned'\ntR."),
        "cut": _weights(lambda d: d[:-100]),
        "longer": _weights(lambda d: d + bytes(100)),
        "not numbers": _weights(_of_numbers(float("nan"))),
        "infinite": _weights(_of_numbers(float("inf"))),
        "largest": _weights(_of_numbers(3e38)),
        "zeros": _weights(_of_numbers(0.0)),
        **specials("glow.safetensors"),
    }
