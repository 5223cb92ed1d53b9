"""Uploads as the server bounds them: how many files and bytes a session may hold, whoever sends them.

Streamlit keeps a file until its session ends or it is let go, and bounds the size of one alone; the
browser's own limits bind nobody who sends by other means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser
from starlette.responses import PlainTextResponse
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = [
    "MAX_ALL",
    "MAX_BYTES",
    "MAX_FILES",
    "BoundedUploads",
    "held_by",
    "held_by_all",
    "let_go",
]

MAX_FILES = 2_100  # of a session: 2,000 images, and some that turn out to be none
MAX_BYTES = 256 * 2**20  # of a session, files that are still under way among them
MAX_ALL = 2**30  # bytes, of all sessions: the server's memory is one for all
PLACE = re.compile(r"/_stcore/upload_file/([^/]+)/([^/]+)$")  # session, file
TOO_LARGE = 413

Held = Callable[[str], Mapping[str, int]]


def held_by(session: str) -> dict[str, int]:
    """The files that the server holds of a session: their ids to their bytes."""
    manager = runtime.get_instance().uploaded_file_mgr if runtime.exists() else None
    if not isinstance(manager, MemoryUploadedFileManager):
        return {}
    files = manager.file_storage.get(session, {}).copy()  # it changes in other threads
    return {name: len(file.data) for name, file in files.items()}


def held_by_all() -> int:
    """The bytes that the server holds of all sessions."""
    manager = runtime.get_instance().uploaded_file_mgr if runtime.exists() else None
    if not isinstance(manager, MemoryUploadedFileManager):
        return 0
    sessions = manager.file_storage.copy().values()  # it changes in other threads
    return sum(len(file.data) for files in sessions for file in files.copy().values())


def let_go(files: Iterable[str]) -> None:
    """Hold these files of the visitor's no longer, by their ids: there is room for others."""
    context = get_script_run_ctx()
    manager = context.uploaded_file_mgr if context is not None else None
    if context is None or not isinstance(manager, MemoryUploadedFileManager):
        return
    for file in files:
        manager.remove_file(context.session_id, file)


@dataclass(eq=False)
class _Arrival:
    """A file that is under way: its id, and the bytes that came so far."""

    file: str
    size: int = 0


class BoundedUploads:
    """Refuse a file with which its session would hold too many files or bytes, with one clear line.

    What a file says of its own length is believed only where it is too much; the bytes are counted
    as they come. It stands before Streamlit, which would have the whole file in memory first; and no
    file is put on the disk on its way there.

    Args:
        held: tells the files of a session and their bytes.
        held_in_all: tells the bytes of all sessions.
    """

    def __init__(
        self, app: ASGIApp, held: Held = held_by, held_in_all: Callable[[], int] = held_by_all
    ) -> None:
        self.app, self.held, self.held_in_all = app, held, held_in_all
        self.arriving: dict[str, set[_Arrival]] = {}
        MultiPartParser.spool_max_size = MAX_BYTES  # else what is above 1 MB goes to a file in /tmp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        put = scope["type"] == "http" and scope["method"] == "PUT"
        place = PLACE.search(scope["path"]) if put else None
        if place is None:
            await self.app(scope, receive, send)
            return
        session, arrival = place[1], _Arrival(place[2])
        self.arriving.setdefault(session, set()).add(arrival)
        try:
            if refusal := self._refusal(session, more=_declared(scope)):
                await PlainTextResponse(refusal, TOO_LARGE)(scope, receive, send)
            else:
                await self.app(scope, self._counted(session, arrival, receive), send)
        finally:
            self.arriving[session].discard(arrival)
            if not self.arriving[session]:
                del self.arriving[session]

    def _counted(self, session: str, arrival: _Arrival, receive: Receive) -> Receive:
        """What receives the body of a file, until it is too much."""

        async def counted() -> Message:
            message = await receive()
            arrival.size += len(message.get("body", b""))
            if refusal := self._refusal(session):
                raise HTTPException(TOO_LARGE, refusal)
            if not message.get("more_body", False):
                arrival.size = 0  # from here to where it is held, nobody else's turn comes
            return message

        return counted

    def _refusal(self, session: str, *, more: int = 0) -> str:
        """Why a session may not send more; "": it may."""
        held, arriving = self.held(session), self.arriving[session]
        if len({*held, *(arrival.file for arrival in arriving)}) > MAX_FILES:
            return f"A session may hold {MAX_FILES:,} files. Put some away, or send a zip of them."
        if sum(held.values()) + sum(a.size for a in arriving) + more > MAX_BYTES:
            return f"A session may hold {MAX_BYTES // 2**20} MB of files. Put some away first."
        under_way = sum(a.size for files in self.arriving.values() for a in files)
        if self.held_in_all() + under_way + more > MAX_ALL:
            return "The server has no room for more files now. Try again when others have left."
        return ""


def _declared(scope: Scope) -> int:
    """The bytes that a request says it has; 0: it says nothing that is a number."""
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else 0
