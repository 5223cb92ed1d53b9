"""A visitor without a browser: what a page sends over Streamlit's WebSocket, taken as values.

Fifty browsers do not fit two cores, and fifty of these do; the server cannot tell the difference.
What a visitor sees is every element that the last run of a page sent, in order: texts, figures with
their numbers, tables, pictures by the hash of their bytes. This module alone knows Streamlit's wire
format, and nothing else of it.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from core.errors import OutskirtsError

__all__ = ["PATIENCE", "Seen", "Visitor"]

PATIENCE = 120.0  # seconds for one page: a browser's visitor has long gone
PASSING = ("empty", "spinner", "skeleton", "progress")  # gone when the page is there
UPLOADER = "An image from your disk"  # its label, on pages that look at one image
TOKEN = "_streamlit_xsrf"
PROTOCOL: list[Any] = ["streamlit"]
OF_SESSION = re.compile(r'"session": "[0-9a-f]+"')  # of the panel with the visitor's notebook
VALUES = ("value", "raw_value", "raw_values")  # what a control shows, where the server says it
BOUNDARY = "outskirts"


@dataclass(frozen=True)
class Seen:
    """A page as one run sent it.

    Attributes:
        digest: sha256 of all elements in order: equal where everything shown is.
        kinds: of its elements, in order.
        errors: what it says went wrong.
        seconds: from asking until the run ended.
        first: seconds until the first word, which may be of what is computed.
        waited: whether it said that something is being computed.
    """

    digest: str
    kinds: tuple[str, ...]
    errors: tuple[str, ...]
    seconds: float
    first: float
    waited: bool


@dataclass
class _Run:
    """What came of a run so far."""

    began: float = field(default_factory=time.perf_counter)
    elements: dict[tuple[int, ...], Any] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)  # values of controls, of the whole session
    first: float | None = None
    waited: bool = False

    def take(self, message: Any) -> None:
        """Add what a message draws; a container in place of another takes its parts away."""
        path = tuple(message.metadata.delta_path)
        kind = message.delta.WhichOneof("type")
        if kind == "add_block":
            if self.elements.get(path) != "block":
                self._clear(path)
            self.elements[path] = "block"
            return
        if kind == "new_transient":
            self.waited = True
            return
        if kind != "new_element":
            return
        element = message.delta.new_element
        self.waited |= element.WhichOneof("type") in ("spinner", "progress")
        self._clear(path)
        _settle(element, self.said)
        self.elements[path] = element

    def _clear(self, path: tuple[int, ...]) -> None:
        for other in [p for p in self.elements if p[: len(path)] == path]:
            del self.elements[other]

    def shown(self) -> Iterator[tuple[str, Any]]:
        """Kinds and contents of elements in order, but for those that pass."""
        for path in sorted(self.elements):
            element = self.elements[path]
            if element == "block":
                continue
            kind = element.WhichOneof("type")
            if kind not in PASSING:
                yield kind, element

    def seen(self) -> Seen:
        now = time.perf_counter() - self.began
        shown = list(self.shown())
        digest = hashlib.sha256()
        for kind, element in shown:
            digest.update(_values_of(kind, element))
        return Seen(
            digest=digest.hexdigest(),
            kinds=tuple(kind for kind, _ in shown),
            errors=tuple(_error_of(kind, element) for kind, element in shown if _fails(element)),
            seconds=now,
            first=now if self.first is None else self.first,
            waited=self.waited,
        )


def _settle(element: Any, said: dict[str, Any]) -> None:
    """Give a control the value that it shows: the server says it once, the browser keeps it."""
    control: Any = getattr(element, element.WhichOneof("type") or "", None)
    if not hasattr(control, "set_value"):
        return
    if control.set_value:
        kept = said[control.id] = type(control)()
        kept.CopyFrom(control)
        for part in control.DESCRIPTOR.fields:
            if part.name not in VALUES:
                kept.ClearField(part.name)
    elif control.id in said:
        for name in VALUES:
            if hasattr(control, name):
                control.ClearField(name)
        control.MergeFrom(said[control.id])
    control.set_value = False


def _values_of(kind: str, element: Any) -> bytes:
    """An element's bytes without what is the session's: names, and what the browser knows yet."""
    element.ClearField("has_one_shot_effect")
    if kind == "download_button":
        element.download_button.ClearField("deferred_file_id")
    elif kind == "bidi_component":
        element.bidi_component.json = OF_SESSION.sub("", element.bidi_component.json)
    return bytes(element.SerializeToString(deterministic=True))


def _fails(element: Any) -> bool:
    kind = element.WhichOneof("type")
    return kind == "exception" or (kind == "alert" and element.alert.format == element.alert.ERROR)


def _error_of(kind: str, element: Any) -> str:
    return str(element.exception.message if kind == "exception" else element.alert.body)


class Visitor:
    """A session of the server at an address; its pages are asked for one after the other.

    Raises:
        OutskirtsError: the server does not take it.
    """

    def __init__(self, address: str) -> None:
        from websockets.sync.client import connect

        self.address = address
        place = f"ws{address.removeprefix('http')}/_stcore/stream"
        self._open = ExitStack()
        kept: dict[str, Any] = {"max_size": None, "compression": None}
        try:
            self.socket = self._open.enter_context(connect(place, subprotocols=PROTOCOL, **kept))
        except (OSError, TimeoutError) as error:
            raise OutskirtsError(f"{address} takes no visitor: {error}") from error
        self.session, self.query, self.page = "", "", ""
        self.uploaders: dict[str, str] = {}  # label to id, of the page that is open
        self.said: dict[str, Any] = {}

    def close(self) -> None:
        """Leave."""
        self._open.close()

    def open(self, page: str, query: str = "") -> Seen:
        """A page, by its address without the first slash, as a link with this query opens it.

        Raises:
            OutskirtsError: it is not there in time, or the server hangs up.
        """
        self.page, self.query = page, query
        return self._ask({})

    def bring(self, name: str, data: bytes) -> Seen:
        """Upload an image of one's own, by its name and ``data``, on a page that takes one.

        Raises:
            OutskirtsError: the page has no place for it, or refuses it.
        """
        uploader = self.uploaders.get(UPLOADER)
        if uploader is None:
            raise OutskirtsError(f"the page {self.page!r} takes no image")
        urls = self._place_of(name)
        self._put(urls.upload_url, name, data)
        info = {"name": name, "size": len(data), "file_id": urls.file_id, "file_urls": urls}
        return self._ask({"id": uploader, "file": info})

    # Messages -------------------------------------------------------------------------------------

    def _ask(self, widget: dict[str, Any]) -> Seen:
        from streamlit.proto.BackMsg_pb2 import BackMsg

        message = BackMsg()
        message.rerun_script.query_string = self.query
        message.rerun_script.page_name = self.page
        if widget:
            state = message.rerun_script.widget_states.widgets.add()
            state.id = widget["id"]
            state.file_uploader_state_value.uploaded_file_info.add(**widget["file"])
        else:
            message.rerun_script.widget_states.SetInParent()
        run = _Run(said=self.said)
        self._send(message)
        return self._until_over(run)

    def _until_over(self, run: _Run) -> Seen:
        """What the run drew when it has ended; one that was cut short for another is none."""
        self.uploaders = {}
        for message in self._messages(run.began + PATIENCE):
            kind = message.WhichOneof("type")
            if kind == "new_session":
                run.elements.clear()
                self.session = message.new_session.initialize.session_id or self.session
            elif kind == "delta":
                run.first = run.first or time.perf_counter() - run.began
                self._note_uploader(message)
                run.take(message)
            elif kind == "page_not_found":
                raise OutskirtsError(f"there is no page {self.page!r}")
            elif kind == "script_finished":
                if message.script_finished == message.FINISHED_SUCCESSFULLY:
                    return run.seen()
                if message.script_finished == message.FINISHED_WITH_COMPILE_ERROR:
                    raise OutskirtsError(f"the page {self.page!r} does not run")
        raise OutskirtsError(f"the page {self.page!r} was not there after {PATIENCE:.0f} s")

    def _note_uploader(self, message: Any) -> None:
        if message.delta.WhichOneof("type") != "new_element":
            return
        element = message.delta.new_element
        if element.WhichOneof("type") == "file_uploader":
            self.uploaders[element.file_uploader.label] = element.file_uploader.id

    def _messages(self, until: float) -> Iterator[Any]:
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
        from websockets.exceptions import ConnectionClosed

        while (left := until - time.perf_counter()) > 0:
            try:
                data = self.socket.recv(timeout=left)
            except TimeoutError:
                return
            except ConnectionClosed as error:
                raise OutskirtsError(f"the server hung up: {error}") from error
            message = ForwardMsg()
            message.ParseFromString(data if isinstance(data, bytes) else data.encode())
            yield message

    def _send(self, message: Any) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            self.socket.send(message.SerializeToString())
        except ConnectionClosed as error:
            raise OutskirtsError(f"the server hung up: {error}") from error

    # Files ----------------------------------------------------------------------------------------

    def _place_of(self, name: str) -> Any:
        """Where the server wants a file of this name."""
        from streamlit.proto.BackMsg_pb2 import BackMsg

        message = BackMsg()
        message.file_urls_request.request_id = name
        message.file_urls_request.file_names.append(name)
        message.file_urls_request.session_id = self.session
        self._send(message)
        for answer in self._messages(time.perf_counter() + PATIENCE):
            if answer.WhichOneof("type") == "file_urls_response":
                return answer.file_urls_response.file_urls[0]
        raise OutskirtsError(f"the server has no place for {name}")

    def _token(self) -> str:
        """What the server gave this visitor to know its uploads by."""
        with urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=PATIENCE) as answer:
            cookies = SimpleCookie(answer.headers.get("Set-Cookie", ""))
        return cookies[TOKEN].value if TOKEN in cookies else ""

    def _put(self, place: str, name: str, data: bytes) -> None:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        body = f"{head}Content-Type: image/png\r\n\r\n".encode() + data
        parts, token = urlsplit(self.address), self._token()
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        if token:
            headers |= {"X-Xsrftoken": token, "Cookie": f"{TOKEN}={token}"}
        request = urllib.request.Request(
            f"{parts.scheme}://{parts.netloc}{place}",
            data=body + f"\r\n--{BOUNDARY}--\r\n".encode(),
            method="PUT",
            headers=headers,
        )
        try:
            urllib.request.urlopen(request, timeout=PATIENCE).close()
        except (OSError, http.client.HTTPException) as error:
            raise OutskirtsError(f"{name} was not taken: {error}") from error
