"""An HTTP server that echoes what it is asked, and raw connections to it."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

import pytest

from harness.standin.http.edge import HttpServer
from harness.standin.http.poller import EpollPoller, SelectorPoller
from harness.standin.rest.handler import RestReply, RestRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_WAIT_S = 10.0


class Client(contextlib.AbstractContextManager["Client"]):
    """A raw connection."""

    def __init__(self, server: HttpServer) -> None:
        """Connect."""
        self.sock = socket.create_connection(("127.0.0.1", server.port), _WAIT_S)
        self._buffer = b""

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.sock.close()

    def send(self, text: bytes) -> None:
        """Send bytes as they are."""
        self.sock.sendall(text)

    def post(self, body: bytes, *headers: bytes) -> None:
        """Send a whole POST."""
        self.send(self.post_bytes(body, *headers))

    @staticmethod
    def post_bytes(body: bytes, *headers: bytes) -> bytes:
        """Return a whole POST."""
        lines = [b"POST /x HTTP/1.1", b"Host: h", b"Content-Length: %d" % len(body), *headers]
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    def reply(self, *, head_only: bool = False) -> tuple[bytes, dict[bytes, bytes], bytes]:
        """Read one reply: status line, headers in lower case, body."""
        while b"\r\n\r\n" not in self._buffer:
            self._fill()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        line, *lines = head.split(b"\r\n")
        headers = {name.lower(): value for name, _, value in (item.partition(b": ") for item in lines)}
        length = 0 if head_only else int(headers.get(b"content-length", b"0"))
        while len(self._buffer) < length:
            self._fill()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return line, headers, body

    def _fill(self) -> None:
        data = self.sock.recv(1 << 16)
        assert data, "the server closed the connection"
        self._buffer += data

    def closed(self) -> bool:
        """Tell whether the server ended the connection and sent nothing more."""
        try:
            return not self._buffer and self.sock.recv(1) == b""
        except ConnectionResetError:
            return True


def echo(request: RestRequest) -> RestReply:
    """Answer with what was asked; some paths do more."""
    if request.target == "/big":
        return RestReply(200, "text/plain", b"b" * 3_000_000)
    if request.target == "/fail":
        raise RuntimeError("the handler is broken")
    line = f"{request.method} {request.target} {request.origin} {len(request.body)} ".encode()
    return RestReply(200, "text/plain", line + bytes(request.take_body()[:50]))


def serve_http(handle: Callable[[RestRequest], RestReply] = echo, **options: Any) -> HttpServer:
    """Start a server on a free port."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    return HttpServer(listener, handle, num_threads=3, **options)


@pytest.fixture(params=[EpollPoller, SelectorPoller], scope="module")
def http_server(request: pytest.FixtureRequest) -> Iterator[HttpServer]:
    """A server that echoes, on either poller."""
    running = serve_http(poller=request.param())
    yield running
    running.stop()


@pytest.fixture
def start_http(request: pytest.FixtureRequest) -> Callable[..., HttpServer]:
    """Start further servers, stopped after the test; takes a handler."""

    def start(*handle: Callable[[RestRequest], RestReply]) -> HttpServer:
        running = serve_http(*handle)
        request.addfinalizer(running.stop)
        return running

    return start


@pytest.fixture
def connect(http_server: HttpServer) -> Callable[..., Client]:
    """Open a connection to the echoing server, or to another one."""
    return lambda server=http_server: Client(server)


@pytest.fixture
def client(connect: Callable[..., Client]) -> Iterator[Client]:
    """A connection to the echoing server."""
    with connect() as connected:
        yield connected
