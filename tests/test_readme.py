"""The worked examples of README.md do what it says: its files are written, its commands run."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Call, forget_everything

import core
from core import detectors

ROOT = Path(core.__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FILE = re.compile(r"`(\S+)`:\n\n```(?:python|json)\n(.+?)```", re.DOTALL)
COMMAND = re.compile(r"^\.venv/bin/python -m core ((?:train|evaluate) hoops/.+)$", re.MULTILINE)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the files that README.md gives, in place of the project's own folders."""
    for name, text in FILE.findall(README):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in ("checkpoints", "runs", "data"):
        monkeypatch.setenv(f"OUTSKIRTS_{name.upper()}", str(tmp_path / name))
    for name in ("PL_GLOBAL_SEED", "PL_SEED_WORKERS"):
        monkeypatch.setenv(name, "0")  # Lightning leaves them behind: so they are taken back
    own = tmp_path / "core" / "detectors"
    monkeypatch.setattr(detectors, "__path__", [*detectors.__path__, str(own)])
    monkeypatch.setattr(detectors, "__file__", str(own / "__init__.py"))
    forget_everything()
    yield tmp_path
    sys.modules.pop("core.detectors.components", None)
    forget_everything()


def test_a_scenario_and_a_detector_of_ones_own_train_and_tell_what_is_strange(
    written: Path, call: Call
) -> None:
    assert detectors.detector_names() == ["components"]
    runpy.run_path(str(written / "draw_hoops.py"))
    commands = [shlex.split(line) for line in COMMAND.findall(README)]
    assert [words[0] for words in commands] == ["train", "evaluate"]
    for words in commands:
        said = call(*words)
        assert said.status == 0, said.err
    figures = json.loads(call(*commands[-1], "--json").out)
    assert figures["strange"]["discs"]["score"]["auroc"] > 0.9


def test_the_map_of_the_code_names_every_folder_and_none_that_is_not_there() -> None:
    named, path = set(), [""]
    (drawn,) = re.findall(r"## Map of the code.+?```text\n(.+?)```", README, re.DOTALL)
    for line in drawn.splitlines():
        depth, name = (len(line) - len(line.lstrip())) // 2, line.split()[0]
        path[depth + 1 :] = [path[depth] + name]
        assert (ROOT / path[-1]).exists(), f"{path[-1]} is on the map of README.md alone"
        named.add(path[-1].rstrip("/"))
    folders = {
        str(file.parent.relative_to(ROOT))
        for top in ("core", "pages")
        for file in (ROOT / top).rglob("*.py")
    }
    of_pages = {
        f"pages/_{script.stem}" for script in (ROOT / "pages").glob("*.py")
    }  # said in one line
    assert folders - of_pages <= named
