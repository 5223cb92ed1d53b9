"""Hostile scenario files, cards, weights, scores and reference images: each spoils a folder."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import os
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from core.card import Card

__all__ = ["CARDS", "REFERENCES", "SCENARIOS", "STORED", "WEIGHTS"]

Spoil = Callable[[Path], object]
Json = dict[str, Any]

LONG = 10**30
DIGITS = "9" * 5_000
TEXTS = {
    "markdown": "![x](http://evil.example/a.png) [log in](http://evil.example) *a* `b` # c",
    "html": "<img src=http://evil.example/b.png><script>alert(1)</script>",
    "latex": "$\\frac{1}{0}$ $$\\href{http://evil.example}{x}$$ \\(a\\)",
    "streamlit": ":red[a] :material/home: :blue-background[x] -> <- --",
    "control": "a\x1b[31m\x07\x9b31m b",
    "lines": "a\n\n# b\n\n> c\n---\n",
    "right to left": "a\u202eb\u2066c",
    "braces": "{normal.__class__.__mro__} {0} {} {",
    "long": "x" * 100_000,
    "long of spaces": "x " * 50_000,
    "nothing": "",
    "zero": "a\0b",
    "emoji": "\U0001f468\u200d\U0001f469\ufeff",
    "percent": "%s %(x)d %n",
    "template": "{{ 7*7 }} {% raw %}",
    "formula": "=HYPERLINK(1)",
}


def _text(text: str | bytes) -> Spoil:
    def spoil(folder: Path) -> None:
        data = text.encode() if isinstance(text, str) else text
        (folder / "scenario.json").write_bytes(data)

    return spoil


def _edited(edit: Callable[[Json], object]) -> Spoil:
    """Edit scenario.json."""

    def spoil(folder: Path) -> None:
        path = folder / "scenario.json"
        values = json.loads(path.read_text())
        edit(values)
        path.write_text(json.dumps(values))

    return spoil


def _in_text(old: str, new: str) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / "scenario.json"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return spoil


def _instead(file: str, make: Callable[[str], object]) -> Spoil:
    """Something else in the place of a file."""

    def spoil(folder: Path) -> None:
        (folder / file).unlink(missing_ok=True)
        make(str(folder / file))

    return spoil


def _sparse(path: str) -> None:
    with open(path, "wb") as file:
        file.truncate(3 * 2**30)


def specials(file: str) -> dict[str, Spoil]:
    """What may stand in the place of any file."""
    return {
        f"{file} is a pipe": _instead(file, os.mkfifo),
        f"{file} is a folder": _instead(file, os.mkdir),
        f"{file} leads to zeros": _instead(file, lambda path: os.symlink("/dev/zero", path)),
        f"{file} leads to itself": _instead(file, lambda path: os.symlink(path, path)),
        f"{file} leads nowhere": _instead(file, lambda path: os.symlink("none", path)),
        f"{file} is 3 GB of zeros": _instead(file, _sparse),
        f"{file} is empty": _instead(file, lambda path: open(path, "w").close()),
        f"{file} is missing": lambda folder: (folder / file).unlink(),
        f"{file} is cut": lambda folder: os.truncate(
            folder / file, (folder / file).stat().st_size // 2
        ),
        f"{file} is another kind": lambda folder: (folder / file).write_bytes(b"\x89PNG\r\n\x1a\n"),
    }


RAW: dict[str, str | bytes] = {
    "brace": "{",
    "list": "[]",
    "null": "null",
    "number": "1",
    "text": '"x"',
    "nan": "NaN",
    "deep lists": "[" * 100_000,
    "deep objects": '{"a":' * 100_000,
    "closed deep": "[" * 5_000 + "]" * 5_000,
    "deep in a key": '{"schema": ' + "[" * 50_000 + "]" * 50_000 + "}",
    "zero byte": b"\0{}",
    "utf-16": '{"schema": 1}'.encode("utf-16"),
    "latin-1": b'{"title": "caf\xe9"}',
    "two": "{}{}",
    "comment": "/* x */ {}",
    "comma": '{"a": 1,}',
    "50 MB of spaces": b" " * 50_000_000,
    "digits": f'{{"schema": {DIGITS}}}',
    "surrogate": '{"title": "\\ud800"}',
    "single": "{'schema': 1}",
    "pickle": b"\x80\x04cos\nsystem\n",
    "yaml": "schema: 1\nname: tiny\n",
    "unterminated": '{"a": "',
}


def _values() -> dict[str, Callable[[Json], object]]:
    """Edits of scenario.json, by what they are."""
    edits: dict[str, Callable[[Json], object]] = {}
    for value in (0, 2, "1", 1.5, True, None, [1], LONG, -1):
        edits[f"schema {value!r}"[:40]] = lambda s, v=value: s.update(schema=v)
    images = {
        "billions": [1, 100_000, 100_000], "wide": [1, 1, 10**9], "long": [3, LONG, 28],
        "negative": [1, -1, 28], "floats": [1, 28.0, 28], "true": [True, 28, 28], "none": None,
        "text": "1x28x28", "many": [1] * 10_000, "20,000": [3, 20_000, 20_000], "two": [2, 28, 28],
        "object": {"channels": 1}, "4,000": [3, 4_000, 4_000],
    }  # fmt: skip
    for name, image in images.items():
        edits[f"image {name}"] = lambda s, v=image: s.update(image=v)
    for where in ("tiny", "none", "../tiny", "tiny.one", "", "a\0b", "/etc", "x" * 5_000):
        edits[f"images scenario:{where[:20]!r}"] = lambda s, v=where: s.update(
            images=f"scenario:{v}"
        )
    sources = (
        "", "npz:", "npz:../../etc/passwd", "npz:/etc/passwd", "mvtec:", "mvtec:../..", "elpv",
        "http://evil.example/x", "boxes", "a\0b", "FashionMNIST\n", "npz:" + "n" * 5_000, "CIFAR10",
        "MVTEC:x", "torchvision:os", "_base", "_pictures",
    )  # fmt: skip
    for source in sources:
        edits[f"source {source[:24]!r}"] = lambda s, v=source: s["normal"].update(source=v)
        edits[f"strange source {source[:24]!r}"] = lambda s, v=source: s["strange"][0].update(
            source=v
        )
    edits |= {
        "name of a path": lambda s: s.update(name="../tiny"),
        "name of a line": lambda s: s.update(name="tiny\n"),
        "a set called by a line": lambda s: s["strange"][0].update(name="strokes\n"),
        "a set called by 5,000": lambda s: s["strange"][0].update(name="s" * 5_000),
        "a set called score": lambda s: s["strange"][0].update(name="score"),
        "first of 10^30": lambda s: s["strange"][0].update(first=LONG),
        "first of 2": lambda s: s["strange"][0].update(first=2),
        "only of 10^30": lambda s: s["strange"][0].update(only=LONG),
        "only of -1": lambda s: s["strange"][0].update(only=-1),
        "only without classes": lambda s: s["strange"][0].update(only=7, classes=[]),
        "100,000 classes": lambda s: s["normal"].update(classes=["c"] * 100_000),
        "no classes": lambda s: s["normal"].update(classes=[]),
        "one class": lambda s: s["normal"].update(classes=["a"]),
        "a part of itself": lambda s: s["strange"].append(
            {"name": "p", "title": "p", "text": "", "licence": "", "part_of": "p", "only": 0}
        ),
        "a part of none": lambda s: s["strange"].append(
            {"name": "p", "title": "p", "text": "", "licence": "", "part_of": "q", "only": 0}
        ),
        "joins nothing": lambda s: s.update(
            strange=[{"name": "p", "title": "p", "text": "", "licence": "", "joins": True}]
        ),
        "two that join": lambda s: s["strange"].extend(
            {"name": n, "title": n, "text": "", "licence": "", "joins": True} for n in "pq"
        ),
        "normal that joins": lambda s: s["normal"].update(joins=True),
        "normal that is strange": lambda s: s["normal"].update(role="strange"),
        "masks that are not there": lambda s: s["strange"][0].update(masks=True),
        "not shipped": lambda s: s["strange"][0].update(shipped=False, had="No."),
        "no strange sets": lambda s: s.update(strange=[]),
        "10,000 strange sets": lambda s: s["strange"].extend(
            {"name": f"n{i}", "title": "", "text": "", "licence": "", "change": "flat"}
            for i in range(10_000)
        ),
        "calibration of 10^30": lambda s: s["split"].update(calibration=LONG),
        "seed of -1": lambda s: s["split"].update(seed=-1),
        "seed of 10^30": lambda s: s["split"].update(seed=LONG),
        "minutes of 1e308": lambda s: s["training"]["glow"].update(minutes=1e308),
        "batches of 10^30": lambda s: s["training"]["glow"].update(batch_size=LONG),
        "points of 10^30": lambda s: s["training"]["glow"].update(points=LONG),
        "an unknown layout": lambda s: s["training"]["glow"].update(layouts=["x"]),
        "one layout twice": lambda s: s["training"]["glow"].update(layouts=["pca", "pca"]),
        "a deep setting": lambda s: s["training"]["glow"].update(config=_deep(150)),
        "an unknown setting": lambda s: s["training"]["glow"].update(config={"x": 1}),
        "10,000 settings": lambda s: s["training"]["glow"].update(
            config={f"k{i}": i for i in range(10_000)}
        ),
        "seeds of none": lambda s: s["training"]["glow"].update(seeds=["glow.none"]),
        "a training of no detector": lambda s: s["training"].update(
            {"none": s["training"]["glow"], "none.x": s["training"]["glow"]}
        ),
        "a training of a name of a line": lambda s: s["training"].update(
            {"glow\n": s["training"]["glow"]}
        ),
        "a training of dots": lambda s: s["training"].update({"..": s["training"]["glow"]}),
        "no training": lambda s: s.pop("training"),
        "variants": lambda s: s.update(variants=["a", "b", "c"], strange=[]),
        "a variant of a line": lambda s: s.update(variants=["a", "b", "c\n"], strange=[]),
        "shares without variants": lambda s: s["training"]["glow"].update(shares=["10"]),
        "sources of no role": lambda s: s.update(sources={"x": {"role": "x"}}),
        "a source of a line": lambda s: s.update(sources={"x\n": _source()}),
        "unknown keys": lambda s: s.update({f"k{i}": 0 for i in range(5_000)}),
        "an empty key": lambda s: s.update({"": 0}),
        "a key of a line": lambda s: s.update({"a\nerror: b": 0}),
        "a key of an escape": lambda s: s.update({"a\x1b[31m": 0}),
        "a key of 100,000": lambda s: s.update({"k" * 100_000: 0}),
        "a title of a number": lambda s: s.update(title=1),
        "a title of a list": lambda s: s.update(title=["a"]),
    }
    tiles = {
        "of no page": {"page": "none", "title": "t", "text": "x"},
        "of a state": {"page": "latent", "title": "t", "text": "x", "state": {"image": LONG}},
        "of a deep state": {"page": "latent", "title": "t", "text": "x", "state": _deep(100)},
        "of no model": {"page": "latent", "title": "t", "text": "x", "model": "none.x"},
        "of a line": {"page": "latent\n", "title": "t", "text": "x"},
        "of braces": {"page": "latent", "title": "{0} {x.y} {", "text": "{normal!z}"},
        "of an unknown brace": {"page": "latent", "title": "t", "text": "{unknown}"},
        "of an attribute": {"page": "latent", "title": "t", "text": "{normal.__class__}"},
        "of a wide brace": {"page": "latent", "title": "t", "text": "{normal:>1500000000}"},
        "of a brace in its state": {"page": "latent", "title": "t", "state": {"image": "{0}"}},
    }
    for name, tile in tiles.items():
        edits[f"a tile {name}"] = lambda s, t=tile: s.update(start=[t])
        edits[f"a tile {name} of variants"] = lambda s, t=tile: s.update(
            start=[t], variants=["a", "b", "c"], strange=[]
        )
    return edits


def _deep(depth: int) -> Json:
    value: Json = {"x": 1}
    for _ in range(depth):
        value = {"x": value}
    return value


def _source() -> Json:
    return {"role": "train", "source": "x", "title": "", "text": "", "licence": ""}


def _everywhere(text: str) -> Callable[[Json], object]:
    """A text in every place of scenario.json that takes any."""

    def edit(s: Json) -> None:
        s |= {"title": text, "question": text, "limits": [text]}
        for one in (s["normal"], *s["strange"]):
            one |= {"title": text, "text": text, "licence": text}
            if one.get("classes"):
                one["classes"] = [text + str(i) for i in range(3)]
        s["training"]["glow"] |= {"title": text, "text": text, "deviations": [text]}
        s["start"] = [{"page": "latent", "title": text, "text": text, "state": {"image": text}}]

    return edit


def _scenarios() -> dict[str, Spoil]:
    found = {f"raw {name}": _text(text) for name, text in RAW.items()}
    found |= {name: _edited(edit) for name, edit in _values().items()}
    found |= {f"text {name}": _edited(_everywhere(text)) for name, text in TEXTS.items()}
    found |= {
        "a key twice": _in_text('"schema": 1', '"schema": 7, "schema": 1'),
        "minutes of nan": _in_text('"minutes": 0.02', '"minutes": NaN'),
        "minutes of infinity": _in_text('"minutes": 0.02', '"minutes": Infinity'),
        "minutes of 1e999": _in_text('"minutes": 0.02', '"minutes": 1e999'),
        "seed of 5,000 digits": _in_text('"seed": 0', f'"seed": {DIGITS}'),
        "seed of 1e400": _in_text('"seed": 0', '"seed": 1e400'),
        "title of a surrogate": _in_text('"title": "Boxes"', '"title": "\\udce9"'),
        **specials("scenario.json"),
    }
    return found


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
    packer = zlib.compressobj(9)
    zeros = bytes(2**24)
    data = b"".join(packer.compress(zeros) for _ in range(100)) + packer.flush()
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
        "config deep": lambda c: c.update(config=_deep(100)),
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


def _cards() -> dict[str, Spoil]:
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


def _weights_all() -> dict[str, Spoil]:
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
    """An array of 3 GB of zeros in 3 MB, in the place of one."""

    def spoil(folder: Path) -> None:
        import zipfile

        from hostile_files import _head, _npy

        with zipfile.ZipFile(folder / file) as archive:
            kept = {n: archive.read(n) for n in archive.namelist() if n != f"{name}.npy"}
        with zipfile.ZipFile(folder / file, "w", zipfile.ZIP_DEFLATED) as archive:
            for one, data in kept.items():
                archive.writestr(one, data)
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                member.write(_npy(_head(f"({4 * 10**6}, 28, 28)")))
                for _ in range(196):
                    member.write(bytes(16 * 10**6))

        os.utime(folder / file)

    return spoil


def _put(**values: Any) -> Callable[[dict[str, Any]], object]:
    """Arrays in the place of those of a name, in which __ is a slash."""
    return lambda arrays: arrays.update({k.replace("__", "/"): v for k, v in values.items()})


def _stored() -> dict[str, Spoil]:
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


def _references() -> dict[str, Spoil]:
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


SCENARIOS = _scenarios
CARDS = _cards
WEIGHTS = _weights_all
STORED = _stored
REFERENCES = _references
