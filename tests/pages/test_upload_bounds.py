"""What a session may upload, as the server bounds it: Streamlit's endpoint behind our middleware.

Requests are what a client sends that is no browser: no length, a false one, many at a time.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from streamlit import config
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.web.server.starlette.starlette_routes import create_upload_routes

from pages._shared import picker, uploads
from pages._shared.uploads import BoundedUploads

MB = 2**20
PIECE = 64 * 2**10


class Server:
    """Streamlit's endpoint, with one session that is active: "me", and another: "you"."""

    def __init__(self) -> None:
        self.manager = MemoryUploadedFileManager("/_stcore/upload_file")
        runtime = SimpleNamespace(is_active_session=lambda session: session in ("me", "you"))
        self.app = Starlette(
            routes=create_upload_routes(runtime, self.manager, None),  # type: ignore[arg-type]
            middleware=[Middleware(BoundedUploads, held=self.held, held_in_all=self.held_in_all)],
        )
        self.read = 0

    def held(self, session: str) -> dict[str, int]:
        files = self.manager.file_storage.get(session, {})
        return {name: len(file.data) for name, file in files.items()}

    def held_in_all(self) -> int:
        return sum(sum(self.held(session).values()) for session in ("me", "you"))

    async def ask(
        self, method: str, path: str, body: Iterable[bytes] = (), *, length: str = ""
    ) -> tuple[int, str]:
        """Status and words of an answer; the body is sent piece by piece, and others have turns."""
        pieces = iter([*body] if isinstance(body, list) else body)
        answer: list[dict] = []
        headers = [(b"content-type", b"multipart/form-data; boundary=cut")]
        headers += [(b"content-length", length.encode())] if length else []

        async def receive() -> dict:
            await asyncio.sleep(0)
            piece = next(pieces, None)
            self.read += len(piece or b"")
            return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

        async def send(message: dict) -> None:
            answer.append(message)

        scope = {"type": "http", "method": method, "path": path, "headers": headers}
        scope |= {"query_string": b"", "root_path": "", "http_version": "1.1", "scheme": "http"}
        await self.app(scope, receive, send)
        return answer[0]["status"], b"".join(m.get("body", b"") for m in answer[1:]).decode()

    async def put(self, file: str, size: int, *, length: str = "", session: str = "me"):
        path = f"/_stcore/upload_file/{session}/{file}"
        return await self.ask("PUT", path, body_of(size), length=length)


def body_of(size: int) -> Iterable[bytes]:
    """A form with one file of so many bytes, in pieces."""
    yield b'--cut\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\n\r\n'
    for start in range(0, size, PIECE):
        yield bytes(min(PIECE, size - start))
    yield b"\r\n--cut--\r\n"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """Of small bounds: five files, 4 MB."""
    monkeypatch.setattr(uploads, "MAX_FILES", 5)
    monkeypatch.setattr(uploads, "MAX_BYTES", 4 * MB)
    options = {"server.enableXsrfProtection": False, "server.maxUploadSize": 64}
    options |= {"server.enableCORS": True}
    real = config.get_option
    monkeypatch.setattr(config, "get_option", lambda name: options.get(name, real(name)))
    return Server()


def test_what_fits_is_held_whole(server: Server) -> None:
    assert asyncio.run(server.put("a", 3 * MB)) == (204, "")
    assert server.held("me") == {"a": 3 * MB}


def test_one_file_too_many_is_refused_in_one_line(server: Server) -> None:
    for i in range(5):
        assert asyncio.run(server.put(f"f{i}", 10))[0] == 204
    status, words = asyncio.run(server.put("f5", 10))
    assert status == 413
    assert words == "A session may hold 5 files. Put some away, or send a zip of them."
    assert asyncio.run(server.put("f0", 20))[0] == 204  # in place of one that is held
    assert asyncio.run(server.put("f5", 10, session="you"))[0] == 204


def test_too_many_bytes_are_refused_as_they_come_though_nobody_said_how_many(
    server: Server,
) -> None:
    assert asyncio.run(server.put("a", 3 * MB))[0] == 204
    server.read = 0
    status, words = asyncio.run(server.put("b", 50 * MB))
    assert (status, words) == (413, "A session may hold 4 MB of files. Put some away first.")
    assert server.read <= MB + 2 * PIECE, "it read on"
    assert list(server.held("me")) == ["a"]


def test_all_sessions_together_hold_no_more_than_the_server_has_room_for(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MAX_ALL", 5 * MB)
    assert asyncio.run(server.put("a", 3 * MB))[0] == 204
    status, words = asyncio.run(server.put("b", 3 * MB, session="you"))
    assert status == 413
    assert words.startswith("The server has no room for more files now.")
    assert asyncio.run(server.put("c", MB, session="you"))[0] == 204


def test_a_length_that_is_too_much_is_believed_and_one_that_is_too_little_is_not(
    server: Server,
) -> None:
    assert asyncio.run(server.put("a", 10, length=str(5 * MB)))[0] == 413
    assert server.read == 0
    assert asyncio.run(server.put("b", 5 * MB, length="10"))[0] == 413
    assert asyncio.run(server.put("c", 10, length="9" * 40))[0] == 413  # Streamlit's own limit
    assert asyncio.run(server.put("d", 10, length="-5"))[0] == 204
    assert list(server.held("me")) == ["d"]


def test_files_that_come_at_a_time_share_the_bounds(server: Server) -> None:
    async def all_at_once(count: int, size: int, *, name: str) -> list[int]:
        answers = await asyncio.gather(*(server.put(name.format(i), size) for i in range(count)))
        return [status for status, _ in answers]

    statuses = asyncio.run(all_at_once(4, 2 * MB, name="f{}"))
    assert statuses.count(413) >= 2
    assert sum(server.held("me").values()) <= 4 * MB
    server.manager.remove_session_files("me")
    statuses = asyncio.run(all_at_once(9, 10, name="f{}"))
    assert statuses.count(204) == 5
    assert len(server.held("me")) == 5
    server.manager.remove_session_files("me")
    assert asyncio.run(server.put("same", 10))[0] == 204
    statuses = asyncio.run(all_at_once(4, 2 * MB, name="same"))  # each is in memory on its way
    assert statuses.count(413) >= 2


def test_what_is_put_away_makes_room_and_so_does_a_session_that_ends(server: Server) -> None:
    assert asyncio.run(server.put("a", 3 * MB))[0] == 204
    assert asyncio.run(server.put("b", 2 * MB))[0] == 413
    assert asyncio.run(server.ask("DELETE", "/_stcore/upload_file/me/a"))[0] == 204
    assert asyncio.run(server.put("b", 3 * MB))[0] == 204
    server.manager.remove_session_files("me")
    assert asyncio.run(server.put("c", 3 * MB))[0] == 204


def test_a_client_that_goes_in_the_middle_leaves_no_trace(server: Server) -> None:
    async def half() -> None:
        def body() -> Iterable[bytes]:
            whole = body_of(3 * MB)
            yield from (next(whole) for _ in range(40))
            raise ConnectionResetError

        await server.ask("PUT", "/_stcore/upload_file/me/a", body())

    with pytest.raises(ConnectionResetError):
        asyncio.run(half())
    assert asyncio.run(server.put("b", 3 * MB))[0] == 204


def test_no_file_goes_to_the_disk_on_its_way(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    rolled: list[int] = []
    monkeypatch.setattr(
        tempfile.SpooledTemporaryFile, "rollover", lambda file: rolled.append(file.tell())
    )
    assert asyncio.run(server.put("a", 3 * MB))[0] == 204
    assert rolled == []


def test_other_requests_pass_untouched() -> None:
    passed: list[str] = []

    async def app(scope, receive, send) -> None:
        passed.append(scope["path"])

    async def send_all() -> None:
        bounded = BoundedUploads(app, held=lambda session: {str(i): 10**9 for i in range(9999)})
        for kind, method, path in (
            ("http", "GET", "/_stcore/upload_file/me/a"),
            ("http", "PUT", "/_stcore/upload_file/me"),
            ("http", "POST", "/"),
            ("websocket", "", "/_stcore/stream"),
        ):
            scope = {"type": kind, "method": method, "path": path, "headers": []}
            await bounded(scope, None, None)  # type: ignore[arg-type]

    asyncio.run(send_all())
    assert len(passed) == 4


def test_an_image_of_ones_own_is_let_go_when_it_is_put_away_or_another_takes_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone: list[str] = []
    monkeypatch.setattr(picker.st, "session_state", {})
    monkeypatch.setattr(picker.uploads, "let_go", gone.extend)
    picker.keep("a.png", b"a", file="first")
    assert gone == []
    picker.keep("drawing.png", b"b")
    assert gone == ["first"]
    picker.put_away()
    picker.put_away()
    assert gone == ["first"]
    picker.keep("c.png", b"c", file="third")
    picker.put_away()
    assert gone == ["first", "third"]
