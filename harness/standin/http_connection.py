"""One HTTP/1.1 connection: h11 between a socket and the REST handler.

The framing is h11's. What it finds wrong is answered as libevent would, with an HTML page, and the connection is
closed. Sockets are non-blocking: a slow client costs its buffers, never a thread.
"""

from __future__ import annotations

import enum
import socket
import threading
import time
from collections import deque
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import h11

from harness.standin.http_body import inflate
from harness.standin.http_pages import html_page
from harness.standin.rest_handler import RestReply, RestRequest

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MAX_BODY_BYTES", "Connection", "Wants"]

MAX_BODY_BYTES = 1 << 30
_MAX_HEAD_BYTES = 1 << 18
_READ_BYTES = 1 << 18
_METHODS = frozenset((b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH"))

# libevent gives up on a client that is silent for this long; a trickle of bytes does not keep a request open for
# ever either.
_SILENCE_S = 50.0
_HEAD_S = 60.0
_SLOWEST_BODY_BYTES_PER_S = 1000.0
_DRAIN_S = 2.0

_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus} | {499: b"Client Closed Request"}


class Wants(enum.Enum):
    """What a connection waits for."""

    READ = enum.auto()
    WRITE = enum.auto()
    CLOSE = enum.auto()


class Connection:
    """A connection, to be driven by one thread at a time.

    Attributes:
        lock: held by the thread that drives the connection.
        deadline_s: on the monotonic clock, when to give up on the client.
    """

    def __init__(self, sock: socket.socket, handle: Callable[[RestRequest], RestReply]) -> None:
        """Take a non-blocking socket over."""
        self.lock = threading.Lock()
        self._sock = sock
        self._handle = handle
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD_BYTES)
        self._out: deque[memoryview] = deque()
        self._head: Any = None
        self._body = bytearray()
        self._closing = False
        self._draining = False
        self._began_s: float | None = None
        self.deadline_s = time.monotonic() + _SILENCE_S

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def advance(self) -> Wants:
        """Go on as far as possible without waiting."""
        try:
            wants = self._write() if self._out else self._read()
            if wants is Wants.READ and not self._draining:
                wants = self._serve()
        except OSError:
            return Wants.CLOSE
        self._set_deadline()
        return wants

    def _set_deadline(self) -> None:
        """Decide until when the client must have done something."""
        now_s = time.monotonic()
        if self._draining:
            return
        self.deadline_s = now_s + _SILENCE_S
        if self._began_s is not None and not self._out:
            allowed_s = _HEAD_S + len(self._body) / _SLOWEST_BODY_BYTES_PER_S
            self.deadline_s = min(self.deadline_s, self._began_s + allowed_s)

    def _read(self) -> Wants:
        """Read what has come and hand it to h11."""
        try:
            data = self._sock.recv(_READ_BYTES)
        except BlockingIOError:
            return Wants.READ
        if not data:
            return Wants.CLOSE
        if self._draining:
            return Wants.READ
        if self._began_s is None:
            self._began_s = time.monotonic()
        self._http.receive_data(data)
        return Wants.READ

    def _serve(self) -> Wants:
        """Answer what is complete, one request after the other, as long as the client takes the replies."""
        while not self._closing and not self._out:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError:
                self._refuse(400)
                break
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    self._send(h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue"))
                    self._write()
                break
            self._take(event)
            if self._out and self._write() is Wants.WRITE:
                return Wants.WRITE
        return self._write()

    def _take(self, event: Any) -> None:
        """Take one event of the request."""
        if type(event) is h11.Data:
            self._body += event.data
            if len(self._body) > MAX_BODY_BYTES:
                self._refuse(413)
        elif type(event) is h11.Request:
            self._head = event
            if event.method not in _METHODS:
                self._refuse(501)
            elif int(_header(event, b"content-length") or 0) > MAX_BODY_BYTES:
                self._refuse(413)
        elif type(event) is h11.EndOfMessage:
            self._answer()
        else:
            self._closing = True

    def _answer(self) -> None:
        """Answer the complete request, and make ready for the next."""
        head, self._head = self._head, None
        body: bytes | bytearray = self._body
        self._body = bytearray()
        if b"gzip" in _header(head, b"content-encoding"):
            body = inflate(body)
        origin = _header(head, b"origin").decode("latin-1") or None
        request = RestRequest(head.method.decode(), head.target.decode(), origin, body)
        del body
        self._reply(self._handle(request), with_body=head.method != b"HEAD")
        self._began_s = None
        if self._http.our_state is h11.MUST_CLOSE:
            self._closing = True
        else:
            self._http.start_next_cycle()

    def _refuse(self, status: int) -> None:
        """Answer with an HTML page and close, without reading the rest of the request."""
        self._closing = self._draining = True
        self.deadline_s = time.monotonic() + _DRAIN_S
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            reply = RestReply(status, "text/html", html_page(status), (("Connection", "close"),))
            self._reply(reply, with_body=self._head is None or self._head.method != b"HEAD")

    def _reply(self, reply: RestReply, *, with_body: bool) -> None:
        """Hand a reply to h11."""
        headers = [
            ("Content-Type", reply.content_type),
            *reply.headers,
            ("Date", _http_date()),
            ("Content-Length", str(len(reply.body))),
        ]
        self._send(h11.Response(status_code=reply.status, headers=headers, reason=_reason(reply.status)))
        if reply.body and with_body:
            self._send(h11.Data(data=reply.body))
        self._send(h11.EndOfMessage())

    def _send(self, event: Any) -> None:
        self._out.extend(memoryview(part) for part in self._http.send_with_data_passthrough(event) or () if part)

    def _write(self) -> Wants:
        """Send what is waiting to be sent."""
        if len(self._out) > 1 and sum(map(len, self._out)) <= _READ_BYTES:
            joined = b"".join(self._out)
            self._out.clear()
            self._out.append(memoryview(joined))
        while self._out:
            try:
                sent = self._sock.send(self._out[0])
            except BlockingIOError:
                return Wants.WRITE
            if sent < len(self._out[0]):
                self._out[0] = self._out[0][sent:]
            else:
                self._out.popleft()
        if not self._closing:
            return Wants.READ
        if not self._draining:
            return Wants.CLOSE
        # Closing with unread bytes would reset the connection, and the client might never see the answer.
        self._sock.shutdown(socket.SHUT_WR)
        return Wants.READ


def _header(head: Any, wanted: bytes) -> bytes:
    """Return the first header of that name, empty if there is none."""
    for name, value in head.headers:
        if name == wanted:
            return bytes(value)
    return b""


def _reason(status: int) -> bytes:
    """Return the phrase of the status line."""
    return _REASONS.get(status, b"Unknown")


@lru_cache(maxsize=2)
def _date_of(second: int) -> str:
    return formatdate(second, usegmt=True)


def _http_date() -> str:
    """Return the value of the Date header."""
    return _date_of(int(time.time()))
