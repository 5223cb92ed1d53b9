"""A real Chromium and a fresh server to point it at, for benchmarks of pages and their tests."""

from __future__ import annotations

import http.client
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.errors import OutskirtsError
from core.settings import ROOT

__all__ = [
    "CHROMIUM_FLAGS",
    "find_chromium",
    "free_port",
    "new_browser",
    "resident_mb",
    "served",
    "wait_for_heading",
    "wait_for_picture",
    "wait_until_up",
]

HEADED = """heading => [...document.querySelectorAll('h1, h2, h3')]
    .some(element => element.textContent.includes(heading) && element.checkVisibility())"""
# The picture that a page is for stands in a container that is named after it.
PICTURED = """page => {
    const pictures = document.querySelectorAll(`.st-key-${page}_picture :is(img, canvas, svg)`);
    return [...pictures].some(each => each.checkVisibility() && each.complete !== false);
}"""
PORTS = range(20_000, 32_000)  # below those that Linux gives to whoever asks for any
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str | None:
    """Path of Debian's Chromium, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on, of those that no connection is given meanwhile.

    Raises:
        OutskirtsError: there is none.
    """
    for port in random.SystemRandom().sample(PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OutskirtsError("no free port was found")


def wait_until_up(address: str, process: subprocess.Popen[Any]) -> None:
    """Return as soon as the server at ``address`` answers.

    Raises:
        OutskirtsError: its process ended, or it does not answer within a minute.
    """
    for _ in range(1200):
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)
            return
        except (OSError, http.client.HTTPException):
            if process.poll() is not None:
                raise OutskirtsError(f"the server ended with {process.returncode}") from None
            time.sleep(0.05)
    raise OutskirtsError("the server did not start within a minute")


@contextmanager
def new_browser() -> Iterator[Callable[[], Any]]:
    """A real browser: what opens a page in a fresh profile.

    Raises:
        OutskirtsError: Playwright or Chromium is missing.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise OutskirtsError(
            "this benchmark needs Playwright: pip install -r requirements-bench.txt"
        ) from error
    chromium = find_chromium()
    if chromium is None:
        raise OutskirtsError("this benchmark needs Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield lambda: browser.new_page(viewport={"width": 1280, "height": 800})
        browser.close()


@contextmanager
def served(checkpoints: Path | None = None) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A fresh server on a free port, of the project's checkpoints or of others."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
    address = f"http://127.0.0.1:{port}"
    known = {"OUTSKIRTS_CHECKPOINTS": str(checkpoints)} if checkpoints else {}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **known},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            wait_until_up(address, process)
            yield address, process
        finally:
            process.terminate()


def resident_mb(pid: int) -> float:
    """The memory of a process, by its ``pid``, in MB; NaN: it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    except (OSError, StopIteration):
        return float("nan")
    return int(line.split()[1]) / 1024


def wait_for_heading(page: Any, heading: str) -> None:
    """Return as soon as a page shows this heading, which is looked for at every frame."""
    page.wait_for_function(HEADED, arg=heading, timeout=60_000)


def wait_for_picture(page: Any, name: str) -> None:
    """Return as soon as the page at the address ``name`` shows the picture that it is for."""
    page.wait_for_function(PICTURED, arg=name, timeout=60_000)
