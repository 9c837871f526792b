"""Handler: one request to the page's server, from its first byte to the end of the answer.

Nothing of an image is read before the request is known to come from the page itself and to be small enough, and
nothing is waited for longer than the limits say, however slowly it comes.
"""

from __future__ import annotations

import base64
import io
import socket
import time
import traceback
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, ClassVar

import orjson

from harness.demo.refusals import RefusedError, check_host, check_length, check_sender, refusal_of
from harness.report import text

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.demo.marking import Marked
    from harness.demo.server import DemoServer

__all__ = ["Handler"]

_HEADERS = {
    "Cache-Control": "no-store",
    "Connection": "close",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_NO_POLICY = "default-src 'none'; frame-ancestors 'none'"
_JSON = "application/json"


class _TimedReader(io.RawIOBase):
    """Reads a connection up to a point in time, not so long for each piece."""

    def __init__(self, connection: socket.socket, until: float) -> None:
        super().__init__()
        self.connection = connection
        self.until = until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left_s = self.until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the request did not arrive in time")
        self.connection.settimeout(left_s)
        return self.connection.recv_into(buffer)


class Handler(BaseHTTPRequestHandler):
    """Shows the page at ``/``, and answers an image sent to ``/mark`` with the marked one, as JSON.

    The JSON is ``{"png": base64, "took": text, "groups": [{"name": .., "ns": .., "took": text, "stages": [..]}]}``,
    where stages are like groups without stages; or ``{"error": text}`` with a status that is not 200.
    """

    protocol_version = "HTTP/1.1"
    server_version = "tfserving-harness"
    sys_version = ""
    server: DemoServer
    _WAYS: ClassVar[dict[str, tuple[str, str]]] = {"/": ("GET", "_show"), "/mark": ("POST", "_mark")}

    def setup(self) -> None:
        """Let the request have so much time, as a whole."""
        super().setup()
        self.rfile.close()
        self._reader = _TimedReader(self.connection, time.monotonic() + self.server.limits.read_s)
        self.rfile = io.BufferedReader(self._reader)

    def do_GET(self) -> None:
        """Answer."""
        self._answer_or_refuse()

    def do_POST(self) -> None:
        """Answer."""
        self._answer_or_refuse()

    def handle_expect_100(self) -> bool:
        """Leave it to `_body` to ask for the body, once it is wanted."""
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Refuse what is no request of HTTP, or has an unknown method."""
        self._refuse(RefusedError(HTTPStatus(code), message or HTTPStatus(code).phrase))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing: the terminal is for what goes wrong."""

    def _answer_or_refuse(self) -> None:
        try:
            host = check_host(self.headers, self.server.port)
            self._way()(host)
        except RefusedError as refusal:
            self._refuse(refusal)

    def _way(self) -> Callable[[str], None]:
        if self.path not in self._WAYS:
            raise RefusedError(HTTPStatus.NOT_FOUND, f"there is nothing but the page, at {self.server.url}")
        method, name = self._WAYS[self.path]
        if self.command != method:
            raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, f"{self.path} takes {method} alone")
        return getattr(self, name)  # type: ignore[no-any-return] # one of the methods below

    def _show(self, _host: str) -> None:
        page = self.server.page
        self._answer(HTTPStatus.OK, page.html, "text/html; charset=utf-8", policy=page.policy)

    def _mark(self, host: str) -> None:
        check_sender(self.headers, host)
        length = check_length(self.headers, self.server.limits.most_bytes)
        with self.server.room():
            image = self._body(length)
            with self.server.turn(self._is_gone):
                marked = self._marked(image)
        self._answer(HTTPStatus.OK, orjson.dumps(_as_json(marked)), _JSON)

    def _body(self, length: int) -> bytes:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(HTTPStatus.CONTINUE)
            self.end_headers()
        try:
            body = self.rfile.read(length)
        except TimeoutError as exc:
            told = f"the image did not arrive within {self.server.limits.read_s:g} s"
            raise RefusedError(HTTPStatus.REQUEST_TIMEOUT, told) from exc
        if len(body) < length:
            raise ConnectionAbortedError("the sender has gone")
        return body

    def _marked(self, image: bytes) -> Marked:
        try:
            return self.server.mark(image)
        except Exception as exc:
            refusal = refusal_of(exc, self.server.name)
            if refusal.status == HTTPStatus.INTERNAL_SERVER_ERROR:
                traceback.print_exc()
            raise refusal from exc

    def _is_gone(self) -> bool:
        """Whether the other side has closed the connection, which is all that it can have sent by now."""
        self.connection.setblocking(False)
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _refuse(self, refusal: RefusedError) -> None:
        self._answer(refusal.status, orjson.dumps({"error": text.visible(refusal.text)}), _JSON)
        self._linger()

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str, *, policy: str = _NO_POLICY) -> None:
        self.connection.settimeout(self.server.limits.write_s)
        self.send_response(status)
        headers = {"Content-Type": content_type, "Content-Length": str(len(body)), "Content-Security-Policy": policy}
        for name, value in {**headers, **_HEADERS}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _linger(self) -> None:
        """Read for a moment what is still on its way: closing before would make the system throw our answer away."""
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self._reader.until = time.monotonic() + self.server.limits.linger_s
            while self.rfile.read1(2**16):
                pass


def _as_json(marked: Marked) -> dict[str, Any]:
    groups = [
        {
            "name": group.name,
            "ns": group.total_ns,
            "took": text.duration(group.total_ns),
            "stages": [{"name": name, "ns": ns, "took": text.duration(ns)} for name, ns in group.stages_ns.items()],
        }
        for group in marked.groups
    ]
    whole_ns = sum(group.total_ns for group in marked.groups)
    return {"png": base64.b64encode(marked.png).decode("ascii"), "took": text.duration(whole_ns), "groups": groups}
