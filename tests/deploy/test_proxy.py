"""The proxy's configuration as nginx itself reads it, in front of a real server of the app."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from serving import ROOT, asked, served_at
from visitor import opened, visiting

from core.bench._browser import free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CONFIGURATION = ROOT / "deploy" / "nginx.conf"
MB = 2**20


@pytest.fixture(scope="module")
def nginx() -> str:
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin")
    if found is None:
        missing = "no nginx: apt-get install nginx-light"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@contextmanager
def proxied(nginx: str, folder: Path, *, app: int) -> Iterator[str]:
    """Address of an nginx with the project's configuration, but for ports and where files lie."""
    port = free_port()
    text = CONFIGURATION.read_text()
    for old, new in (
        ("listen 8080;", f"listen 127.0.0.1:{port};"),
        ("server app:8501;", f"server 127.0.0.1:{app};"),
        ("worker_processes auto;", "worker_processes 1; daemon off;"),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / "nginx.conf").write_text(re.sub(r" /tmp/", f" {folder}/", text))
    command = [nginx, "-p", str(folder), "-e", "stderr", "-c", "nginx.conf"]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert process.poll() is None, "nginx ended"
            time.sleep(0.05)
    pytest.fail("nginx did not start")


def put(address: str, size: int, *, declared: bool) -> tuple[int, str]:
    """Send so many bytes to where uploads go; the status and the words of the answer."""
    host, place = address.removeprefix("http://"), "/outskirts/_stcore/upload_file/none/one"
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.putrequest("PUT", place)
    name, value = ("Content-Length", str(size)) if declared else ("Transfer-Encoding", "chunked")
    connection.putheader(name, value)
    connection.endheaders()
    try:
        for _ in range(0 if declared else size // MB):
            connection.send(b"100000\r\n" + bytes(MB) + b"\r\n")
    except (BrokenPipeError, ConnectionResetError):
        pass  # it hung up on what is too much
    try:
        response = connection.getresponse()
        return response.status, response.read().decode()
    except (BrokenPipeError, ConnectionResetError):
        return 0, "hung up"
    finally:
        connection.close()


def test_one_path_with_limits_web_sockets_and_nothing_for_strangers(
    nginx: str, browser, tmp_path: Path
) -> None:
    app = free_port()
    with proxied(nginx, tmp_path, app=app) as address:
        status, words, _ = asked(f"{address}/outskirts/")
        assert (status, words.startswith("Outskirts is not up yet")) == (503, True)
        with served_at(app, base="/outskirts"):
            is_bounded(address)
            with visiting(browser) as page:  # no error in its console either
                opened(page, f"{address}/outskirts/latent")
                assert page.locator("[data-testid=stMain] h1").inner_text() == "Latent space"
                file = page.request.get(f"{address}/outskirts/thumbnail/fashion/garments/0.png")
                assert (file.status, file.headers["content-type"]) == (200, "image/png")
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and p.name != "nginx.conf"]


def is_bounded(address: str) -> None:
    status, _, headers = asked(f"{address}/")
    assert (status, headers["location"]) == (302, "/outskirts/")
    assert asked(f"{address}/latent")[0] == 404
    for closed in ("metrics", "metrics?families=x", "agent/interact", "agent/openapi.json"):
        assert asked(f"{address}/outskirts/_stcore/{closed}")[0] == 404, closed
    assert asked(f"{address}/outskirts/_stcore/health")[:2] == (200, "ok")
    assert asked(f"{address}/outskirts/")[2]["x-frame-options"] == "SAMEORIGIN"
    assert put(address, 66 * MB, declared=True) == (413, "A file may have 64 MB.\n")
    assert put(address, 70 * MB, declared=False)[0] in (0, 400, 403, 413)  # by whoever is first
    status, words = put(address, 0, declared=True)  # reaches the app, which knows no such session
    assert status in (400, 403), words
