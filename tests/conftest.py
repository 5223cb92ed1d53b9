"""Fixtures that several files share: a tiny fitted flow, and a scenario in a folder of its own."""

from __future__ import annotations

import fcntl
import functools
import gc
import itertools
import json
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tiny
import torch

from core.data.picture import as_tensor
from core.detectors.glow import Glow
from core.evaluate.metrics import bootstrap_auroc

gc.disable()  # till all is collected: what packages and tests are made of stays, see below

# A browser, for the tests of pages; and models whose scores a test chooses.
pytest_plugins = ["visitor", "columns_by_hand"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with a browser first, then slow ones: processes take files in this order.

    A long file that comes last is waited for by one process alone. xdist's own order, by the number
    of tests, puts files of few and long ones there: `make test` switches it off.
    """
    rank: dict[Path, int] = {}
    for item in items:
        marks = [item.get_closest_marker(name) is not None for name in ("browser", "slow")]
        own = [*marks, True].index(True)
        rank[item.path] = min(rank.get(item.path, own), own)
    items.sort(key=lambda item: rank[item.path])


def pytest_collection_finish() -> None:
    """Let no collection of garbage look again through what all tests and packages are made of.

    Streamlit collects after every run of a page, and some tests do: half a second each time. And
    pytest hangs its handlers on every logger that hands on nothing, six times a test: those of
    Streamlit, some fifty, hand on what they are told.
    """
    for name, logger in logging.root.manager.loggerDict.items():
        if name.startswith("streamlit") and isinstance(logger, logging.Logger):
            logger.propagate = True
    gc.enable()
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def fitted_glow() -> Glow:
    """A flow of one step a scale, fitted to boxes by its phases without players.

    The last convolutions, zero at first, are drawn at random: with zeros every coupling is a
    constant, and many a defect would not show.
    """
    torch.manual_seed(0)
    glow = Glow(Glow.Config(**tiny.CONFIG), tiny.SHAPE)
    phases = {phase.name: phase for phase in glow.phases()}
    stream = tiny.stream_of(tiny.boxes(128, seed=0))
    with torch.no_grad():
        for scale in glow.flow.scales:
            scale.steps.net.last += 0.05 * torch.randn_like(scale.steps.net.last)
        phases["initialise"].prepare(stream.epoch(0, 0))
        phases["typicality"].prepare(stream.epoch(0, 0))
    return glow.eval().requires_grad_(False)


@pytest.fixture
def x() -> torch.Tensor:
    """Six boxes and two strokes that no fixture was fitted to, (8, 1, 32, 32) in [0, 1]."""
    images = np.concatenate([tiny.boxes(6, seed=100), tiny.strokes(2, seed=100)])
    return as_tensor(images)


@dataclass(frozen=True)
class Tiny:
    """Folders of a temporary installation with one trained scenario."""

    checkpoints: Path
    runs: Path
    data: Path

    @property
    def folder(self) -> Path:
        return self.checkpoints / "tiny"


def forget_everything() -> None:
    """Empty every cache of core: settings, scenarios, pictures, loaded detectors."""
    for name, module in list(sys.modules.items()):
        if name.startswith("core."):
            for value in vars(module).values():
                if hasattr(value, "cache_clear") and not isinstance(value, type):
                    value.cache_clear()


def change(found: Tiny, edit: Callable[[dict[str, Any]], Any]) -> None:
    """Edit scenario.json in place, and forget what was read of it."""
    path = found.folder / "scenario.json"
    values = json.loads(path.read_text())
    edit(values)
    path.write_text(json.dumps(values))
    forget_everything()


def _settle(patch: pytest.MonkeyPatch, root: Path) -> Tiny:
    """Point the settings at folders under root."""
    found = Tiny(root / "checkpoints", root / "runs", root / "data")
    patch.setenv("OUTSKIRTS_CHECKPOINTS", str(found.checkpoints))
    patch.setenv("OUTSKIRTS_RUNS", str(found.runs))
    patch.setenv("OUTSKIRTS_DATA", str(found.data))
    for name in ("PL_GLOBAL_SEED", "PL_SEED_WORKERS"):
        patch.setenv(name, "0")  # Lightning leaves them behind: so they are taken back
    _same_steps_on_every_machine(patch)
    patch.setattr("core.inference.validation.IMAGES", 48)  # of 128: they choose the same scores
    forget_everything()
    return found


def _same_steps_on_every_machine(patch: pytest.MonkeyPatch) -> None:
    """Let minutes of training be steps of a hundredth of a second, however long they take."""
    from core.train import loop

    ticks = itertools.count()
    patch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: next(ticks) / 100))


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that one process of the tests makes, and all read; who changes it has a copy.

    Args:
        factory: knows of the folder of this process, beside which those of the others are.
        name: of the folder.
        make: fills an empty folder.
    """
    base = factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "made"
    shared.mkdir(exist_ok=True)
    whole, begun = shared / name, shared / f"{name}.{os.getpid()}"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            begun.mkdir()
            make(begun)
            begun.rename(whole)
    return whole


@pytest.fixture(scope="session")
def _trained_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train the tiny scenario once, by the function that trains the real ones."""
    return made_once(tmp_path_factory, "tiny", _train_tiny)


def _train_tiny(root: Path) -> None:
    from core.scenario import load_scenario
    from core.train import run

    with pytest.MonkeyPatch.context() as patch:
        found = _settle(patch, root)
        patch.setattr("core.train.streams.source_named", tiny.source_named)
        tiny.write_scenario(found.checkpoints)
        scenario = load_scenario("tiny")
        run.train(scenario, "glow", training=scenario.training_of("glow"))
    forget_everything()


def train_all(root: Path, scenario_json: dict[str, Any]) -> Path:
    """Train every model of a scenario called tiny below a root, which is given back."""
    from core.scenario import load_scenario
    from core.train import run

    with pytest.MonkeyPatch.context() as patch:
        _with_models(patch, _settle(patch, root), scenario_json)
        scenario = load_scenario("tiny")
        for name, training in scenario.training.items():
            run.train(scenario, name, training=training)
    forget_everything()
    return root


@pytest.fixture(scope="session")
def _masked_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train the model of `tiny.masked_json` once."""
    return made_once(tmp_path_factory, "masked", lambda root: train_all(root, tiny.masked_json()))


@pytest.fixture(scope="session")
def _novelty_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train the model of `tiny.novelty_json` once."""
    return made_once(tmp_path_factory, "novelty", lambda root: train_all(root, tiny.novelty_json()))


@pytest.fixture
def novelty(_novelty_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tiny]:
    """A copy, free to be damaged, of a scenario with a model whose score adds two parts."""
    shutil.copytree(_novelty_root / "checkpoints", tmp_path / "checkpoints")
    found = _settle(monkeypatch, tmp_path)
    _with_models(monkeypatch, found, tiny.novelty_json())
    yield found
    forget_everything()


@pytest.fixture(scope="session")
def _ama_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train the model of `tiny.ama_json` once."""
    return made_once(tmp_path_factory, "ama", lambda root: train_all(root, tiny.ama_json()))


@pytest.fixture
def ama(_ama_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tiny]:
    """A copy, free to be damaged, of a scenario with a mirrored autoencoder."""
    shutil.copytree(_ama_root / "checkpoints", tmp_path / "checkpoints")
    found = _settle(monkeypatch, tmp_path)
    _with_models(monkeypatch, found, tiny.ama_json())
    yield found
    forget_everything()


@pytest.fixture(scope="session")
def _labels_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train the models of `tiny.labels_json` once, those of class "one"."""
    return made_once(tmp_path_factory, "labels", _train_labels)


def _train_labels(root: Path) -> None:
    from core.scenario import build_reference, load_scenario
    from core.train import run

    with pytest.MonkeyPatch.context() as patch:
        found = _settle(patch, root)
        _with_models(patch, found, tiny.scenario_json(()))
        _write_family(found)
        build_reference(load_scenario("tiny"), _reference_of_tiny(found))
        scenario = load_scenario("tiny-one.one")
        for name, training in scenario.training.items():
            run.train(scenario, name, training=training)
    forget_everything()


def _write_family(found: Tiny) -> None:
    (found.checkpoints / "tiny-one").mkdir()
    (found.checkpoints / "tiny-one" / "scenario.json").write_text(json.dumps(tiny.labels_json()))


def _reference_of_tiny(found: Tiny) -> dict[str, tuple[np.ndarray, ...]]:
    """Test images of both families."""
    sources = {"boxes": "FashionMNIST", "strokes": "MNIST"}
    return {name: tiny.public_set(s, found.data, train=False) for name, s in sources.items()}


@pytest.fixture
def labels(_labels_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tiny]:
    """A copy, free to be damaged, of a scenario with models that know some anomalies."""
    shutil.copytree(_labels_root / "checkpoints", tmp_path / "checkpoints")
    found = _settle(monkeypatch, tmp_path)
    _with_models(monkeypatch, found, tiny.scenario_json(()))
    yield found
    forget_everything()


@pytest.fixture(scope="session")
def _models_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train the models of `tiny.models_json` once, each with its auxiliary_models there before it.

    The models that glow's card reports seeds of come after it.
    """
    return made_once(tmp_path_factory, "models", lambda root: train_all(root, tiny.models_json()))


def _with_models(
    patch: pytest.MonkeyPatch, found: Tiny, scenario: dict[str, Any] | None = None
) -> None:
    """Stand-ins for all training data, intervals of 20 bootstraps, and the scenario if missing."""

    patch.setattr("core.train.streams.source_named", tiny.source_named)
    patch.setitem(bootstrap_auroc.__kwdefaults__, "draws", 20)
    if not found.folder.exists():
        found.folder.mkdir(parents=True)
        (found.folder / "scenario.json").write_text(json.dumps(scenario or tiny.models_json()))


@pytest.fixture
def models(_models_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tiny]:
    """A copy, free to be damaged, of a scenario with several models and nothing in runs."""
    shutil.copytree(_models_root / "checkpoints", tmp_path / "checkpoints")
    found = _settle(monkeypatch, tmp_path)
    _with_models(monkeypatch, found)
    yield found
    forget_everything()


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals of 20 bootstraps, where nobody looks at them."""
    monkeypatch.setitem(bootstrap_auroc.__kwdefaults__, "draws", 20)


@pytest.fixture
def untrained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few_draws: None) -> Iterator[Tiny]:
    """A scenario.json of few sets and nothing else; training data comes from `tiny.public_set`."""

    found = _settle(monkeypatch, tmp_path)
    monkeypatch.setattr("core.train.streams.source_named", tiny.source_named)
    tiny.write_scenario(found.checkpoints, changes=("turned",))
    yield found
    forget_everything()


@pytest.fixture
def tiny_scenario(
    _trained_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Tiny]:
    """A copy, free to be damaged, of a scenario with reference images and a trained flow."""
    shutil.copytree(_trained_root / "checkpoints", tmp_path / "checkpoints")
    yield _settle(monkeypatch, tmp_path)
    forget_everything()


@dataclass(frozen=True)
class Said:
    """What a call of the command line left behind."""

    status: int
    out: str
    err: str

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.out.splitlines()]

    def error(self) -> str:
        """The one line of an error, with its status checked."""
        assert self.status == 2, self.err
        assert self.out == ""
        (line,) = self.err.splitlines()
        assert line.startswith("error: ")
        return line


Call = Callable[..., Said]


@pytest.fixture(scope="session")
def _built_once() -> Callable[..., Any]:
    """Makes commands of typer's verbs, from their signatures; of the same verbs once.

    Those of all verbs would be read at every call: ten milliseconds, for the same commands.
    """
    from typer.main import get_command

    return functools.cache(get_command)


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    _built_once: Callable[..., Any],
) -> Call:
    """Run `python -m core` with arguments, in this process."""
    from core import __main__ as cli

    monkeypatch.setattr("typer.main.get_command", _built_once)

    def run_it(*arguments: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["core", *map(str, arguments)])
        capsys.readouterr()
        status = cli.main()
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return run_it


@pytest.fixture(scope="session")
def quick_apps() -> Iterator[None]:
    """An AppTest looks for no components of Streamlit's, and does not ask whether it ends.

    The search reads the metadata of every installed package, a third of a second each time.
    And the asking wakes a thousand times a second, and lets the page wait.
    """
    from streamlit.components.v2 import manifest_scanner
    from streamlit.testing.v1 import local_script_runner

    too_late = local_script_runner.require_widgets_deltas

    def wait(runner: local_script_runner.LocalScriptRunner, timeout: float = 3) -> None:
        if runner._script_thread is not None:
            runner._script_thread.join(timeout)
        if not runner.script_stopped():
            too_late(runner, 0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", lambda: [])
        patch.setattr(local_script_runner, "require_widgets_deltas", wait)
        gc.collect()
        gc.freeze()
        yield


@pytest.fixture(scope="module")
def _settled() -> None:
    """Collect garbage of earlier files, and look no more through what is left of them."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def numpy_leaves_files_open(_settled: None) -> Iterator[None]:
    """Collect what `numpy.load` leaves open of a cut zip within the test that made it."""
    yield
    gc.collect()
