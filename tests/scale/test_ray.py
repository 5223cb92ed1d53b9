"""Workers of Ray Data itself: on this machine, one killed in the middle; and a cluster joined."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
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

ROOT = Path(core.__file__).parent.parent
IMAGES = 16 * 256
LOOPBACK = ("0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000")

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
        yield {**kept, **own, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": ""}


def begin(images: Path, out: Path, where: str, quiet: dict[str, str]) -> subprocess.Popen[str]:
    """The command, in a process of its own."""
    arguments = [
        "score",
        "tiny/glow",
        os.path.relpath(images, ROOT),
        "--ray",
        where,
        "--workers",
        "2",
    ]
    return subprocess.Popen(
        [sys.executable, "-m", "core", *arguments, "--out", str(out)],
        cwd=ROOT,
        env=quiet,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_workers_one_killed_in_the_middle_give_the_plain_commands_table(
    images: Path, tmp_path: Path, quiet: dict[str, str], call: Call
) -> None:
    out = tmp_path / "out"
    running = begin(images, out, "local", quiet)
    try:
        while not (done := list(out.glob("part-*"))) and running.poll() is None:
            time.sleep(0.02)
        assert running.poll() is None, running.communicate()
        workers = [pid for pid, name in below(running.pid).items() if "MapWorker" in name]
        os.kill(workers[0], signal.SIGKILL)
        listening = addresses(list(below(running.pid)))
        said, complained = running.communicate(timeout=180)
    finally:
        running.kill()
    assert len(done) < 16, "it was no longer in the middle"
    assert listening, "nothing of Ray's was found"
    assert set(listening) <= set(LOOPBACK)
    assert running.returncode == 1, complained
    assert said == f"{out}: {IMAGES:,} images in 17 files, 1 not read\n"
    lines = [line for line in complained.splitlines() if "% of scoring" not in line]
    assert lines == [
        "starting workers",
        f"{IMAGES + 1:,} files in 17 portions",
        "07-100x.png: not an image file that can be read",
    ]
    plain = tmp_path / "plain.parquet"
    assert call("score", "tiny/glow", images, "--out", plain).status == 1
    found = pandas.read_parquet(out)
    pandas.testing.assert_frame_equal(found, pandas.read_parquet(plain), check_exact=True)
    assert [*Path(quiet["HOME"]).iterdir(), *Path(quiet["TMPDIR"]).iterdir()] == []


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


@pytest.fixture
def head(quiet: dict[str, str]) -> Iterator[str]:
    """The address of a cluster of two CPUs that somebody else has started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet |= {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    options = ["--head", "--block", f"--port={port}", "--num-cpus=2", "--include-dashboard=false"]
    running = subprocess.Popen(
        [sys.executable, "-m", "ray.scripts.scripts", "start", *options],
        env=quiet,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"127.0.0.1:{port}"
    finally:
        for pid in [running.pid, *below(running.pid)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        running.wait(20)


def test_a_cluster_is_joined_and_a_run_goes_on_there(
    images: Path, tmp_path: Path, quiet: dict[str, str], head: str
) -> None:
    for file in list(images.glob("*.png"))[600:]:
        file.unlink()
    out = tmp_path / "out"
    for _ in range(60):
        running = begin(images, out, head, quiet)
        said, complained = running.communicate(timeout=120)
        if "no Ray cluster answers" not in complained:
            break
        time.sleep(0.5)
    assert running.returncode in (0, 1), complained
    assert f"{out}: " in said
    assert len(pandas.read_parquet(out)) in (599, 600)


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
