"""A real Chromium and a fresh server to point it at, for the pages' benchmark and their tests."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.request
from typing import Any

from core.errors import OutskirtsError

__all__ = ["CHROMIUM_FLAGS", "find_chromium", "free_port", "wait_until_up"]

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
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_up(address: str, process: subprocess.Popen[Any]) -> None:
    """Return as soon as the server at ``address`` answers.

    Raises:
        OutskirtsError: its process ended, or it does not answer within a minute.
    """
    for _ in range(1200):
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)
            return
        except OSError:
            if process.poll() is not None:
                raise OutskirtsError(f"the server ended with {process.returncode}") from None
            time.sleep(0.05)
    raise OutskirtsError("the server did not start within a minute")
