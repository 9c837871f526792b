"""Link: one connection of an engine, without a protocol: it moves bytes and never blocks, also not to connect.

Until the connection is made, and the TLS handshake done, other functions stand in the place of the socket's ``recv``
and ``send``; so what passes later costs nothing for it.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from harness.load.engines.wire.errors import LinkLostError

if TYPE_CHECKING:
    from harness.load.engines.wire.peer import Handshake, Peer

__all__ = ["Link", "Row", "Ticket"]

_READ_BYTES = 1 << 14  # room for more would be asked of the kernel, page by page, and given back, in every read
_MOST_READ_BYTES = 1 << 20
_AGAIN = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_MOST_TLS_READS = 64

Row = tuple[int, int, int, int, int, str]
"""How one request ended, in the order of a sample's columns: scheduled_ns, sent_ns, done_ns, status, response_bytes;
and the error's text."""


class Ticket(NamedTuple):
    """A request on its way: its number among the job's requests, its times, and how often it was sent again."""

    number: int
    scheduled_ns: int
    sent_ns: int
    retries: int = 0


class Link:
    """The base of a protocol's link; a subclass speaks the protocol.

    Attributes:
        number: the socket's.
        began_ns: when it began to connect.
        heard_ns: when the last request was answered here, 0 if none was.
        is_open: whether the connection is made.
        wants_write: whether to call ``flush`` once the socket takes more.
        is_awaited: whether that is watched for; the waiter's own note.
        takes_more: whether new requests may be sent here; if not, the link ends once it has nothing in flight.
        why: why it takes no more, if that is not a matter of course.
        returned: requests that the peer has surely not looked at, to be sent elsewhere; the driver empties it.
    """

    def __init__(self, peer: Peer) -> None:
        """Begin to connect.

        Raises:
            LinkLostError: there is no socket, or the connection is refused at once.
        """
        self.began_ns = time.perf_counter_ns()
        self.heard_ns = 0
        self.is_open = False
        self.wants_write = True
        self.is_awaited = False
        self.takes_more = True
        self.why = ""
        self.returned: list[Ticket] = []
        self._unsent: deque[memoryview] = deque()
        self._read_bytes = _READ_BYTES
        self._handshake: Handshake | None = peer.handshake
        self._socket = _connecting(peer)
        self.number = self._socket.fileno()
        self._recv: Any = self._recv_early
        self._send: Any = _send_early

    def close(self) -> None:
        """Let go of the connection."""
        self._socket.close()

    # What a protocol does.

    @property
    def in_flight(self) -> int:
        """Requests that have no answer yet."""
        raise NotImplementedError

    def send(self, ticket: Ticket) -> None:
        """Put a request into what ``flush`` sends."""
        raise NotImplementedError

    def read(self) -> list[Row]:
        """Return the requests that are over, from what has arrived. ``done_ns`` is when it was read.

        Raises:
            LinkLostError: the connection is gone, or the peer speaks another language.
        """
        raise NotImplementedError

    def flush(self) -> None:
        """Send what the socket takes.

        Raises:
            LinkLostError: the connection is gone.
        """
        raise NotImplementedError

    def expire(self, now_ns: int, timeout_ns: int) -> list[Row]:
        """Give up the requests that have waited for too long, and return them."""
        raise NotImplementedError

    def tickets(self) -> list[Ticket]:
        """Return what is in flight, and forget it: the link is lost."""
        raise NotImplementedError

    # What every protocol needs.

    def _write(self, data: bytes) -> None:
        """Send, or keep what the socket does not take now."""
        if not self._unsent:
            try:  # as in `_sent`: every request passes here
                sent: int = self._send(data)
            except OSError as exc:
                sent = self._unsendable(exc)
            else:
                self.wants_write = sent < len(data)
            if sent < len(data):
                self._unsent.append(memoryview(data)[sent:])
            return
        if data:
            self._unsent.append(memoryview(data))
        while self._unsent:
            first = self._unsent[0]
            sent = self._sent(first)
            if sent < len(first):
                self._unsent[0] = first[sent:]
                return
            self._unsent.popleft()

    def _sent(self, data: bytes | memoryview) -> int:
        """Return how much the socket has taken; what it has not is to be offered again as it is (TLS asks for that)."""
        try:
            sent: int = self._send(data)
        except OSError as exc:
            return self._unsendable(exc)
        self.wants_write = sent < len(data)
        return sent

    def _unsendable(self, exc: OSError) -> int:
        """Return that nothing was sent, if the socket takes it later."""
        if isinstance(exc, _AGAIN):
            if self.is_open:
                self.wants_write = True
            return 0
        raise LinkLostError(f"the connection broke while sending: {exc}") from exc  # ssl.SSLError is an OSError

    def _received(self) -> bytes:
        """Return what has arrived, empty if nothing has."""
        room = self._read_bytes
        try:
            data: bytes = self._recv(room)
        except _AGAIN:
            return b""
        except OSError as exc:  # ssl.SSLError is one
            raise LinkLostError(f"the connection broke: {exc}") from exc
        if not data:
            raise LinkLostError("the server closed the connection")
        if len(data) >= room:
            self._read_bytes = min(2 * room, _MOST_READ_BYTES)  # for long answers
        return data

    def _recv_early(self, size: int) -> bytes:
        """Get on with connecting, and receive once that is done."""
        if not self._is_connected():
            raise BlockingIOError
        if self._handshake is not None:
            self._shake_hands(self._handshake)
            self._recv = self._recv_tls
        else:
            self._recv = self._socket.recv
        self._send = self._socket.send
        self.is_open = self.wants_write = True  # what is to be sent has waited for this
        data: bytes = self._recv(size)
        return data

    def _is_connected(self) -> bool:
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise LinkLostError(f"cannot connect: {os.strerror(code)}")
        try:
            self._socket.getpeername()
        except OSError:
            return False
        return True

    def _shake_hands(self, handshake: Handshake) -> None:
        if not isinstance(self._socket, ssl.SSLSocket):
            self._socket = handshake.context.wrap_socket(
                self._socket, server_hostname=handshake.server_name, do_handshake_on_connect=False
            )
        secure = self._socket
        assert isinstance(secure, ssl.SSLSocket)  # noqa: S101 - this tells mypy
        self.wants_write = False
        try:
            secure.do_handshake()
        except ssl.SSLWantReadError:
            raise
        except ssl.SSLWantWriteError:
            self.wants_write = True
            raise
        except OSError as exc:
            remedy = "; give the certificate that signed it as tls.ca" if "CERTIFICATE_VERIFY" in str(exc) else ""
            raise LinkLostError(f"the TLS handshake failed: {exc}{remedy}") from exc
        if handshake.protocol and secure.selected_alpn_protocol() != handshake.protocol:
            raise LinkLostError(f"the server did not choose {handshake.protocol!r} in the TLS handshake (ALPN)")

    def _recv_tls(self, size: int) -> bytes:
        """Receive all that TLS has: what it holds, no wait would tell of."""
        parts = [self._socket.recv(size)]
        try:
            while parts[-1] and len(parts) < _MOST_TLS_READS:
                parts.append(self._socket.recv(size))
        except _AGAIN:
            pass
        return b"".join(parts)


def _connecting(peer: Peer) -> socket.socket:
    """Return a socket that has begun to connect."""
    connection: socket.socket | None = None
    try:
        connection = socket.socket(peer.family, socket.SOCK_STREAM)
        connection.setblocking(False)
        if peer.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = connection.connect_ex(peer.address)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))  # noqa: TRY301 - one way out for all
    except OSError as exc:
        if connection is not None:
            connection.close()
        raise LinkLostError(f"cannot connect: {exc.strerror}") from exc
    return connection


def _send_early(_data: bytes) -> NoReturn:
    raise BlockingIOError
