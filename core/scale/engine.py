"""Ray, and nothing else of the house's knows it: a cluster that is joined, or one of this machine.

No usage statistics, no dashboard, no log on the terminal; one of this machine listens on loopback
alone, asks for a token of its own, and leaves nothing behind.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import pickle
import secrets
import socket
import subprocess
import sys
import tempfile
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.errors import OutskirtsError
from core.scale.portions import Portion, Task
from core.settings import ROOT, settings

if TYPE_CHECKING:
    import pyarrow

__all__ = ["LOCAL", "Cluster", "cluster"]

LOCAL = "local"
CONNECTING, ANSWERING = 4, 14  # seconds; together with the start of a process under 20
LONGEST = 24  # letters of a folder in which Ray can make its sockets, whose names end at 107
TRIES = 3  # of a portion whose worker died, beside the first
STORE = 256 * 2**20  # bytes of shared memory, for parts on their way
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".*",  # or it prints on standard output that a worker died
}
# Ray's own switch for machines where no other one can join: it listens on loopback.
ALONE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}


@dataclass(frozen=True)
class Cluster:
    """Workers that score parts, one CPU each."""

    workers: int

    def results(self, portions: Iterable[Portion], task: Task) -> Iterator[tuple[int, bytes, str]]:
        """Portions of a task as they are done: number, parquet file, and why there is none.

        A portion whose worker died is given to another, and after some tries to none.

        Raises:
            OutskirtsError: workers cannot be started, or the cluster is lost.
        """
        from ray.data import ActorPoolStrategy, DataContext, from_items

        context = DataContext.get_current()
        context.enable_progress_bars = False
        context.max_errored_blocks = -1  # a portion that killed its workers stops no other
        rows = [{"portion": _packed(portion)} for portion in portions]
        if not rows:
            return
        _silence()
        try:
            with warnings.catch_warnings():  # its tries have no other way in this version
                warnings.simplefilter("ignore")
                scored = from_items(rows, override_num_blocks=len(rows)).map_batches(
                    _Worker,
                    fn_constructor_args=(task, str(settings().checkpoints.resolve())),
                    batch_size=1,
                    batch_format="pyarrow",
                    num_cpus=1,
                    compute=ActorPoolStrategy(size=min(self.workers, len(rows))),
                    max_task_retries=TRIES,
                )
            how: dict[str, Any] = {"batch_format": "pyarrow", "prefetch_batches": 0}
            batches: Iterator[Any] = iter(scored.iter_batches(batch_size=None, **how))
            for batch in batches:
                yield from ((r["number"], r["content"], r["why"]) for r in batch.to_pylist())
        except Exception as error:  # those of Ray and of Ray Data have nothing in common
            raise OutskirtsError(
                f"Ray: {_last_line(str(error)) or type(error).__name__}"
            ) from error


def _packed(portion: Portion) -> bytes:
    """A portion as bytes that do not end in zero: numpy, on their way, would drop that."""
    return zlib.compress(pickle.dumps(portion), 1) + b"."


class _Worker:
    """What Ray starts on a machine: `Scorer` behind tables of one portion."""

    def __init__(self, task: Task, checkpoints: str) -> None:
        from pathlib import Path

        from core.scale.worker import Scorer

        self.scorer = Scorer(task, Path(checkpoints))

    def __call__(self, batch: pyarrow.Table) -> pyarrow.Table:
        import pyarrow

        (packed,) = batch.column("portion").to_pylist()
        found = self.scorer(pickle.loads(zlib.decompress(packed[:-1])))
        names = ("number", "content", "why")
        return pyarrow.table({name: [value] for name, value in zip(names, found, strict=True)})


@contextmanager
def cluster(address: str, workers: int | None = None) -> Iterator[Cluster]:
    """Join the cluster at an address, HOST:PORT, or start one of this machine, "local".

    Args:
        workers: how many processes score; None: one a CPU.

    Raises:
        OutskirtsError: Ray is not installed, nothing answers there, or it has fewer CPUs.
    """
    if importlib.util.find_spec("ray") is None:
        raise OutskirtsError(
            "--ray needs Ray Data, which is not installed: pip install -r requirements-scale.txt"
        )
    for name, value in QUIET.items():
        os.environ[name] = value
    if address == LOCAL:
        with _own(workers or _cores()) as own:
            yield own
        return
    _check(address)
    with _joined(address, workers) as joined:
        yield joined


def _cores() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _own(workers: int) -> Iterator[Cluster]:
    for name, value in ALONE.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # or it is written at home
    short = len(tempfile.gettempdir()) <= LONGEST  # or where Ray itself would
    scratch = tempfile.TemporaryDirectory(
        prefix="ray-", dir=None if short else "/tmp", ignore_cleanup_errors=True
    )
    how: dict[str, Any] = {"num_cpus": workers, "num_gpus": 0, "object_store_memory": STORE}
    how |= {"address": LOCAL, "_node_ip_address": "127.0.0.1"}
    with scratch as folder, _started(**how, _temp_dir=folder):
        yield Cluster(workers)


@contextmanager
def _joined(address: str, workers: int | None) -> Iterator[Cluster]:
    import ray

    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    with _started(address=address, runtime_env={"env_vars": {"PYTHONPATH": path}}):
        there = int(ray.cluster_resources().get("CPU", 0))
        if (workers or 1) > there:
            raise OutskirtsError(f"the cluster at {address} has {there} CPUs: --workers {workers}")
        yield Cluster(workers or there)


@contextmanager
def _started(**how: Any) -> Iterator[None]:
    """Ray, initialised; on the way out it is left, and what was started ends."""
    import ray

    logging.getLogger("ray").setLevel(logging.CRITICAL)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if how["address"] == LOCAL:  # one that is joined has been told
        quiet["include_dashboard"] = False
    try:
        with _hushed():
            ray.init(**how, **quiet)
    except Exception as error:  # ConnectionError, ValueError, RuntimeError and others
        raise OutskirtsError(f"Ray cannot be started: {_last_line(str(error))}") from error
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _hushed() -> Iterator[None]:
    """Nothing on standard error, which Ray's own code writes to beside any log of Python's."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _silence() -> None:
    """Ray Data logs to files, and to the terminal no more; nor does it warn there.

    For good: its threads warn, too, and `warnings.catch_warnings` would change the filters of all.
    """
    import ray.data  # noqa: F401 - brings its handlers

    warnings.filterwarnings("ignore", module=r"ray\.")
    for name in ("ray", "ray.data"):
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, logging.StreamHandler):
                handler.setLevel(logging.CRITICAL + 1)


# An address -------------------------------------------------------------------------------------


def _check(address: str) -> None:
    """Find out within 20 seconds whether a cluster answers at an address.

    In a process of its own: where nobody answers, Ray waits for minutes, or aborts.

    Raises:
        OutskirtsError: none does.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16 or "/" in host:
        raise OutskirtsError(
            f"--ray takes HOST:PORT of a cluster, such as 10.0.0.1:6379, or local; got {address!r}"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECTING).close()
    except OSError as error:
        words = error.strerror or str(error)
        raise OutskirtsError(f"no Ray cluster answers at {address}: {words}") from error
    command = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=ANSWERING, check=False
        )
    except subprocess.TimeoutExpired as error:
        words = f"something listens, and says nothing for {ANSWERING} seconds"
        raise OutskirtsError(f"no Ray cluster answers at {address}: {words}") from error
    if done.returncode:
        words = _last_line(done.stderr) or "what listens there is none"
        raise OutskirtsError(f"no Ray cluster answers at {address}: {words}")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
