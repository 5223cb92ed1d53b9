"""What holds for every hostile input: no traceback, no request to elsewhere, a gigabyte at most."""

from __future__ import annotations

import resource
import signal
import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.printable import printable

__all__ = ["MAX_GROWTH", "Trial", "complaint_of", "no_requests"]

MAX_GROWTH = 10**9  # bytes that memory may grow by at its peak while one input is read
SECONDS = 25  # that one input may take: a pipe that is waited for takes for ever
ROOM = 4 * 2**30  # bytes beyond which the machine itself gives none, for the sake of other tests
LONGEST = 1_000  # letters of a line that is clear
LOOPBACK = ("127.", "localhost", "::1")

Address = Any


class TooLong(BaseException):
    """No `except Exception` takes it for an answer."""


def _status(key: str) -> int:
    """Bytes that the system counts of this process, by a key of /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


@contextmanager
def _bounded() -> Iterator[None]:
    """Stop what never ends, and give no more memory than a machine can spare."""

    def stop(signum: int, frame: object) -> None:
        raise TooLong(f"no end in {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_status("VmSize") + ROOM, hard))
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextmanager
def no_requests() -> Iterator[list[Address]]:
    """Refuse every connection to another machine, and every question for a name; list them."""
    asked: list[Address] = []
    connect, connect_ex, lookup = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.getaddrinfo,
    )

    def _check(host: object) -> None:
        if isinstance(host, bytes):
            host = host.decode()
        if isinstance(host, str) and not host.startswith(LOOPBACK):
            asked.append(host)
            raise ConnectionRefusedError(f"a request to {host}")

    def of_address(address: Address) -> object:
        return address[0] if isinstance(address, tuple) else None  # else a socket of this machine

    def guarded(self: socket.socket, address: Address) -> None:
        _check(of_address(address))
        return connect(self, address)

    def guarded_ex(self: socket.socket, address: Address) -> int:
        _check(of_address(address))
        return connect_ex(self, address)

    def guarded_lookup(host: object, *rest: object, **more: object) -> object:
        _check(host)
        return lookup(host, *rest, **more)  # type: ignore[call-overload]

    socket.socket.connect, socket.socket.connect_ex = guarded, guarded_ex  # type: ignore[method-assign, assignment]
    socket.getaddrinfo = guarded_lookup  # type: ignore[assignment]
    try:
        yield asked
    finally:
        socket.socket.connect, socket.socket.connect_ex = connect, connect_ex  # type: ignore[method-assign]
        socket.getaddrinfo = lookup


class Trial:
    """Tries inputs one by one; says of each that fails what it did.

    Attributes:
        tried: names of all inputs so far; failed: a line each that names the input.
    """

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.failed: list[str] = []

    def run(self, name: str, work: Callable[[], str]) -> None:
        """Try an input of some name by a function that gives a complaint, or ""."""
        assert name not in self.tried, f"two inputs are called {name}"
        self.tried.append(name)
        _forget_peak()
        before = _status("VmRSS")
        with no_requests() as asked:
            try:
                with _bounded():
                    said = work()
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                said = f"{type(error).__name__}: {str(error)[:300]}"
        grown = _status("VmHWM") - before
        if said:
            self.failed.append(f"{name}: {said}")
        if asked:
            self.failed.append(f"{name}: asked {asked}")
        if grown > MAX_GROWTH:
            self.failed.append(f"{name}: {grown / 1e6:,.0f} MB more memory")

    def check(self, inputs: Collection[str]) -> None:
        """All of these were tried, and every one passed."""
        assert not self.failed, "\n".join([f"{len(self.failed)} failed:", *self.failed])
        assert self.tried == list(inputs)


def complaint_of(status: int, out: str, err: str) -> str:
    """What is wrong with what the command line said, or ""."""
    if status not in (0, 1, 2):
        return f"status {status}"
    lines = err.splitlines()
    if status and not lines:
        return f"status {status} and no word"
    if status == 2 and not lines[-1].startswith("error: "):
        return f"status 2, and it ends in {lines[-1]!r}"
    for line in [*lines, *out.splitlines()]:
        if "Traceback" in line or not line.strip():
            return f"a line {line!r}"
        if printable(line) != line:
            return f"a line that steers the terminal: {line!r}"
    for line in lines:
        if len(line) > LONGEST:
            return f"a line of {len(line)} letters: {line[:200]!r}"
    return ""
