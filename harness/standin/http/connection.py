"""One HTTP/1.1 connection between a socket and the REST handler.

Heads are read by libevent's rules (lenient.py), the framing is h11's. What is wrong is answered as libevent
would, with an HTML page, and the connection is closed. Sockets are non-blocking: a slow client costs its buffers,
never a thread.
"""

from __future__ import annotations

import enum
import socket
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import h11

from harness.standin.http.body import inflate
from harness.standin.http.heads import (
    HeadMemo,
    RequestHead,
    read_head,
    reason,
    refusal,
    reply_headers,
    reply_parts,
)
from harness.standin.http.lenient import BadHeadError, rewrite_head
from harness.standin.rest.handler import RestReply, RestRequest, page

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MAX_BODY_BYTES", "Connection", "Wants"]

MAX_BODY_BYTES = 1 << 30
_MAX_HEAD_BYTES = 1 << 18
_IO_BYTES = 1 << 18

# libevent gives up on a client that is silent for this long; a trickle of bytes keeps a request or a reply going
# for some time more, according to its size.
_SILENCE_S = 50.0
_PATIENCE_S = 60.0
_SLOWEST_BYTES_PER_S = 1000.0
_DRAIN_S = 2.0


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

    def __init__(self, sock: socket.socket, handle: Callable[[RestRequest], RestReply], memo: HeadMemo) -> None:
        """Take a non-blocking socket over."""
        self.lock = threading.Lock()
        self.deadline_s = time.monotonic() + _SILENCE_S
        self._sock = sock
        self._handle = handle
        self._memo = memo
        self._http: Any = None  # h11's connection, while it holds anything
        self._first = b""  # the head of the request h11 is reading, as it came
        self._partial = b""  # a head not yet complete, or a known one whose body is not yet complete
        self._head: RequestHead | None = None
        self._body = bytearray()
        self._out: deque[memoryview] = deque()
        self._closing = False
        self._draining = False
        self._busy_since_s: float | None = None
        self._busy_bytes = 0

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
            if wants is Wants.READ and (self._out or not self._draining):
                wants = self._serve()
        except OSError:
            return Wants.CLOSE
        if not self._draining:
            self._set_deadline()
        return wants

    def _set_deadline(self) -> None:
        """Decide until when the client must have done something."""
        now_s = time.monotonic()
        self.deadline_s = now_s + _SILENCE_S
        if not (self._out or self._http or self._partial):
            self._busy_since_s = None
            return
        if self._busy_since_s is None:
            self._busy_since_s = now_s
            self._busy_bytes = sum(map(len, self._out))
        patience_s = _PATIENCE_S + max(self._busy_bytes, len(self._body)) / _SLOWEST_BYTES_PER_S
        self.deadline_s = min(self.deadline_s, self._busy_since_s + patience_s)

    def _read(self) -> Wants:
        """Read what has come; answer it at once if its head is a known one, else hand it to h11."""
        try:
            data = self._sock.recv(_IO_BYTES)
        except BlockingIOError:
            return Wants.READ
        if not data:
            return Wants.CLOSE
        if self._draining:
            return Wants.READ
        if self._http is None:
            if self._answer_known(data):
                return Wants.READ
            self._begin(self._partial + data)
        else:
            self._http.receive_data(data)
        return Wants.READ

    def _begin(self, data: bytes) -> None:
        """Begin with a request: its head is put into words that h11 takes, once it is complete."""
        self._partial = b""
        try:
            rewritten = rewrite_head(data)
        except BadHeadError:
            self._http = h11.Connection(h11.SERVER)
            self._refuse(400)
            return
        if rewritten is None and len(data) <= _MAX_HEAD_BYTES:
            self._partial = data
            return
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD_BYTES)
        if rewritten is None:
            self._refuse(400)
            return
        self._first = data[: rewritten.size]
        self._http.receive_data(rewritten.head + data[rewritten.size :])

    def _answer_known(self, data: bytes) -> bool:
        """Answer a complete request whose head was seen before; or keep it until its body is there."""
        first_part = not self._partial
        data = self._partial + data
        known = self._memo.find(data)
        if known is None or len(data) > known[1] + known[0].length:
            return False
        head, start = known
        if len(data) < start + head.length:
            # Once only: bodies that come in many pieces are better joined by h11.
            self._partial = data if first_part else self._partial
            return first_part
        self._partial = b""
        reply = self._call(head, data[start:])
        self._out.extend(memoryview(part) for part in reply_parts(reply) if part)
        self._closing = reply.is_page
        return True

    def _serve(self) -> Wants:
        """Answer what is complete, one request after the other, as long as the client takes the replies."""
        while self._http is not None and not self._closing and not self._out:
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
            self._head = head = read_head(event)
            self._memo.remember(self._first, head)
            self._first = b""
            status = refusal(event)
            if status is not None:
                self._refuse(status)
            elif head.length > MAX_BODY_BYTES:
                self._refuse(413)
        elif type(event) is h11.EndOfMessage and self._head is not None:
            self._answer(self._head)
        else:
            self._closing = True

    def _answer(self, head: RequestHead) -> None:
        """Answer the complete request that h11 read, and make ready for the next."""
        body, self._body = self._body, bytearray()
        reply = self._call(head, body)
        self._reply(reply, with_body=head.method != "HEAD")
        self._head = None
        if self._http.our_state is h11.MUST_CLOSE:
            self._closing = True
            return
        rest, _ = self._http.trailing_data
        self._http = None
        if rest:
            self._begin(rest)

    def _call(self, head: RequestHead, body: bytes | bytearray) -> RestReply:
        """Let the handler answer."""
        request = RestRequest(head.method, head.target, head.origin, inflate(body) if head.gzip else body)
        del body
        return self._handle(request)

    def _refuse(self, status: int) -> None:
        """Answer with an HTML page and close, without reading the rest of the request."""
        self._closing = self._draining = True
        self.deadline_s = time.monotonic() + _DRAIN_S
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            reply = page(status)
            self._reply(reply, with_body=self._head is None or self._head.method != "HEAD")

    def _reply(self, reply: RestReply, *, with_body: bool) -> None:
        """Hand a reply to h11."""
        headers = reply_headers(reply)
        self._send(h11.Response(status_code=reply.status, headers=headers, reason=reason(reply.status)))
        if reply.body and with_body:
            self._send(h11.Data(data=reply.body))
        self._send(h11.EndOfMessage())

    def _send(self, event: Any) -> None:
        self._out.extend(memoryview(part) for part in self._http.send_with_data_passthrough(event) or () if part)

    def _write(self) -> Wants:
        """Send what is waiting to be sent."""
        if len(self._out) > 1 and sum(map(len, self._out)) <= _IO_BYTES:
            self._out = deque([memoryview(b"".join(self._out))])
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
