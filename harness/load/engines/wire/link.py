"""Link: one connection of an engine, without a protocol: it moves bytes and never blocks."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from harness.load.engines.address import Address

__all__ = ["Link", "LinkLostError", "Row", "Ticket"]

_READ_BYTES = 1 << 18
_AGAIN = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class LinkLostError(Exception):
    """The connection is gone; what was in flight has no answer."""


class Ticket(NamedTuple):
    """A request on its way: its number among the job's requests, its times, and how often it was sent again."""

    number: int
    scheduled_ns: int
    sent_ns: int
    retries: int = 0


class Row(NamedTuple):
    """How one request ended, in the order of a sample's columns; `message` is the error's text."""

    scheduled_ns: int
    sent_ns: int
    done_ns: int
    status: int
    response_bytes: int
    message: str = ""


class Link:
    """The base of a protocol's link; a subclass speaks the protocol.

    Attributes:
        address: the peer's.
        wants_write: whether bytes wait until the socket takes more.
        takes_more: whether new requests may be sent here; if not, the link ends once it has nothing in flight.
        returned: requests that the peer has surely not looked at, to be sent elsewhere; the driver empties it.
    """

    def __init__(self, address: Address, *, timeout_s: float, tls: ssl.SSLContext | None = None) -> None:
        """Connect.

        Raises:
            LinkLostError: nobody accepts the connection in time, or the TLS handshake fails.
        """
        self.address = address
        self.wants_write = False
        self.takes_more = True
        self.returned: list[Ticket] = []
        self._unsent: memoryview | None = None
        try:
            self._socket = _connected(address, timeout_s, tls)
        except (OSError, ssl.SSLError) as exc:
            raise LinkLostError(f"cannot connect: {exc}") from exc
        self._recv = self._socket.recv

    def fileno(self) -> int:
        """Return the socket's number."""
        return self._socket.fileno()

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
        view = memoryview(data if self._unsent is None else bytes(self._unsent) + data)
        try:
            while view:
                view = view[self._socket.send(view) :]
        except _AGAIN:
            pass
        except (OSError, ssl.SSLError) as exc:
            raise LinkLostError(f"the connection broke while sending: {exc}") from exc
        self._unsent = view or None
        self.wants_write = self._unsent is not None

    def _received(self) -> bytes:
        """Return what has arrived, empty if nothing has."""
        try:
            data = self._recv(_READ_BYTES)
        except _AGAIN:
            return b""
        except (OSError, ssl.SSLError) as exc:
            raise LinkLostError(f"the connection broke: {exc}") from exc
        if not data:
            raise LinkLostError("the server closed the connection")
        return data + self._buffered() if isinstance(self._socket, ssl.SSLSocket) else data

    def _buffered(self) -> bytes:
        """Return what TLS has read already: no wait would tell of it."""
        socket_: Any = self._socket
        parts = []
        while socket_.pending():
            parts.append(socket_.recv(socket_.pending()))
        return b"".join(parts)


def _connected(address: Address, timeout_s: float, tls: ssl.SSLContext | None) -> socket.socket:
    if address.unix_path:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout_s)
        connection.connect(address.unix_path)
    else:
        connection = socket.create_connection((address.host, address.port), timeout=timeout_s)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        if tls is not None:
            connection = tls.wrap_socket(connection, server_hostname=address.host)
        connection.setblocking(False)
    except BaseException:
        connection.close()
        raise
    return connection
