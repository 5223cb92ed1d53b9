"""A server of the app with an environment of its own, by the Python that runs the tests."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from visitor import ended

from core.bench._browser import free_port, wait_until_up

__all__ = ["ROOT", "asked", "served_at"]

ROOT = Path(__file__).parents[2]


@contextmanager
def served_at(
    port: int = 0, *, base: str = "", environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """The address of a fresh server, below a base such as "/outskirts"; `port` 0: any."""
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
    command += [f"--server.baseUrlPath={base.strip('/')}"] if base else []
    address = f"http://127.0.0.1:{port}{base}"
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until_up(address, process)
        yield address
    finally:
        process.terminate()
        ended(process)


def asked(
    address: str, *, method: str = "GET", headers: Mapping[str, str] | None = None
) -> tuple[int, str, Mapping[str, str]]:
    """Status, words and headers of the answer to a request without a body, no redirect followed."""
    url = urlsplit(address)
    connection = http.client.HTTPConnection(url.netloc, timeout=30)
    connection.putrequest(method, f"{url.path or '/'}?{url.query}".rstrip("?"))
    for name, value in (headers or {}).items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    words = response.read().decode(errors="replace")
    connection.close()
    return response.status, words, {k.lower(): v for k, v in response.getheaders()}
