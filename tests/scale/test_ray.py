"""Workers of Ray Data itself: one of two is killed in the middle; another command joins them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas
import pytest
import tiny
from conftest import Call, Tiny

import core
from core import scale
from core.data.picture import png
from core.errors import OutskirtsError
from core.scale import FILES

ROOT = Path(core.__file__).parent.parent
PORTIONS = 5
IMAGES = (PORTIONS - 1) * FILES
HELD = Path(__file__).with_name("held.py")
LOOPBACK = ("0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000")
# What whoever joins a Ray of the command's has to say, beside its token.
JOINING = {"RAY_AUTH_MODE": "token", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _needs_ray() -> None:
    if find_spec("ray") is None and not os.environ.get("CI"):
        pytest.skip("Ray is missing: pip install -r requirements-scale.txt")


@pytest.fixture
def images(tmp_path: Path, tiny_scenario: Tiny) -> Path:
    """A folder of images, and one that is none, beside a model that scores it."""
    folder = tmp_path / "images"
    folder.mkdir()
    for i, image in enumerate(tiny.boxes(256, seed=5)):
        data = png(image)
        for copy in range(IMAGES // 256):
            (folder / f"{copy:02d}-{i:03d}.png").write_bytes(data)
    (folder / "07-100x.png").write_bytes(b"no picture")
    return folder


@pytest.fixture
def quiet() -> Iterator[dict[str, str]]:
    """The environment of a process whose home and scratch space are looked at afterwards."""
    with tempfile.TemporaryDirectory(prefix="o") as folder:  # short: sockets will lie below
        own = {name: str(Path(folder) / name.lower()) for name in ("HOME", "TMPDIR")}
        for path in own.values():
            Path(path).mkdir()
        kept = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
        yield {**kept, **own, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": ""}


def begin(
    program: Sequence[str], images: Path, out: Path, where: str, workers: int, quiet: dict[str, str]
) -> subprocess.Popen[str]:
    """The command, in a process of its own."""
    options = ["--ray", where, "--workers", str(workers), "--out", str(out)]
    return subprocess.Popen(
        [sys.executable, *program, "score", "tiny/glow", os.path.relpath(images, ROOT), *options],
        cwd=ROOT,
        env=quiet,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_a_worker(running: subprocess.Popen[str], out: Path) -> None:
    """Kill one of two workers as soon as a file of the table is there."""
    while not (done := list(out.glob("part-*"))) and running.poll() is None:
        time.sleep(0.02)
    assert running.poll() is None, running.communicate()
    assert len(done) < PORTIONS, "it was no longer in the middle"
    workers = [pid for pid, name in below(running.pid).items() if "MapWorker" in name]
    assert len(workers) == 2, workers
    os.kill(workers[0], signal.SIGKILL)


def until_held(running: subprocess.Popen[str]) -> tuple[list[str], str, str]:
    """The lines of a command until its Ray is held, where that answers, and to which token."""
    assert running.stderr is not None
    lines: list[str] = []
    for line in running.stderr:
        if line.startswith("held at "):
            return lines, *line.split()[-2:]
        lines.append(line.rstrip("\n"))
    pytest.fail(f"it ended before: {lines}")


def test_two_workers_one_killed_give_the_plain_table_and_another_joins_and_goes_on(
    images: Path, tmp_path: Path, quiet: dict[str, str], call: Call
) -> None:
    out, plain = tmp_path / "out", tmp_path / "plain.parquet"
    running = begin([str(HELD)], images, out, "local", 2, quiet)
    try:
        kill_a_worker(running, out)
        lines, address, token = until_held(running)
        listening = addresses(list(below(running.pid)))
        assert listening, "nothing of Ray's was found"
        assert set(listening) <= set(LOOPBACK)
        assert [line for line in lines if "% of scoring" not in line] == [
            "starting workers",
            f"{IMAGES + 1:,} files in {PORTIONS} portions",
            "07-100x.png: not an image file that can be read",
        ]
        assert call("score", "tiny/glow", images, "--out", plain).status == 1
        found = pandas.read_parquet(out)
        pandas.testing.assert_frame_equal(found, pandas.read_parquet(plain), check_exact=True)
        goes_on(images, out, address, {**quiet, **JOINING, "RAY_AUTH_TOKEN": token})
        pandas.testing.assert_frame_equal(pandas.read_parquet(out), found, check_exact=True)
        said, complained = running.communicate("\n", timeout=60)
    finally:
        running.kill()
    assert running.returncode == 1, complained
    assert said == f"{out}: {IMAGES:,} images in {PORTIONS} files, 1 not read\n"
    assert [*Path(quiet["HOME"]).iterdir(), *Path(quiet["TMPDIR"]).iterdir()] == []


def goes_on(images: Path, out: Path, address: str, quiet: dict[str, str]) -> None:
    """Join the cluster at an address, and score there what is missing of a table, and no more."""
    parts = sorted(out.glob("part-*"))
    before = {path: path.stat().st_mtime_ns for path in parts}
    parts[1].unlink()
    parts[2].write_bytes(parts[2].read_bytes()[:-50])
    joined = begin(["-m", "core"], images, out, address, 1, quiet)
    try:
        said, complained = joined.communicate(timeout=120)
    finally:
        joined.kill()
    assert joined.returncode == 1, complained
    assert said.startswith(f"{out}: {IMAGES:,} images in {PORTIONS} files"), said
    changed = {path for path in parts if path.stat().st_mtime_ns != before[path]}
    assert changed == {parts[1], parts[2]}


def below(pid: int) -> dict[int, str]:
    """Every process below one, with its command."""
    parents, names = dict[int, int](), dict[int, str]()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            stat = (folder / "stat").read_text()
            parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
            names[int(folder.name)] = command.decode(errors="replace")
    found, rest = dict[int, str](), [pid]
    while rest:
        here = rest.pop()
        children = [child for child, parent in parents.items() if parent == here]
        found |= {child: names.get(child, "") for child in children}
        rest += children
    return found


def addresses(pids: list[int]) -> list[str]:
    """The addresses, as the kernel writes them, where processes listen."""
    inodes = set()
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").glob("*"):
            with suppress(OSError):
                inodes.add(os.readlink(link).removeprefix("socket:[").removesuffix("]"))
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return [row[1].partition(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes]


def test_what_listens_and_says_nothing_is_one_line_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.scale.engine.ANSWERING", 1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(OutskirtsError, match=f"answers at {address}: something listens"):
            _enter(scale.cluster(address))


def _enter(context: Any) -> None:
    with context:
        pass
