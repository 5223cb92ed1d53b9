"""A port that speaks no HTTP."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["babbling"]


class _Answers(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.recv(2**16)  # unread, it would reset the connection
        self.request.sendall(b"SSH-2.0-x\x1b[31m\r\n" * 3)


@contextmanager
def babbling() -> Iterator[str]:
    """The http address of a server that answers everything in a protocol of its own."""
    with socketserver.TCPServer(("127.0.0.1", 0), _Answers) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
