"""Hostile scenario files: each spoils the folder of a scenario."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["DIGITS", "LONG", "TEXTS", "Json", "Spoil", "deep", "scenarios", "specials"]

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
        "a deep setting": lambda s: s["training"]["glow"].update(config=deep(150)),
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
        "of a deep state": {"page": "latent", "title": "t", "text": "x", "state": deep(100)},
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


def deep(depth: int) -> Json:
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


def scenarios() -> dict[str, Spoil]:
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
